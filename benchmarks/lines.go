package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// measureLines runs `verify --lines` on a file of tokens, some hundred of them over and
// over, and returns its rate as a share of cores × the floor's rate: 1 if all it did
// with all the core time it had were what the floor does. The floor runs on as many
// cores, since the cores of a virtual machine may be halves of one.
func measureLines(is *issuer, e effort, lines int) (share, linesPerSecond float64) {
	dir := must(os.MkdirTemp("", "jwtverify-lines-"))
	defer os.RemoveAll(dir)
	command, keys, tokens := filepath.Join(dir, "jwtverify"), filepath.Join(dir, "keys.json"), filepath.Join(dir, "tokens.txt")
	must(exec.Command("go", "build", "-o", command, "example.com/jwtverify/cmd/jwtverify").Output())
	must(0, os.WriteFile(keys, is.jwks, 0o600))
	different := is.tokens(min(500, lines))
	lines -= lines % len(different)
	must(0, os.WriteFile(tokens, []byte(strings.Repeat(strings.Join(different, "\n")+"\n", lines/len(different))), 0o600))

	cores := runtime.NumCPU()
	floorLoad := load{name: "floor", call: floor(is, is.token(claimsBytes)), cores: cores}
	floorLoad.calibrate(e.slice)
	var shares, rates []float64
	for range min(e.rounds, 7) { // each takes seconds
		before := floorLoad.run()
		run := exec.Command(command, "verify", "--lines", "--issuer", issuerName, "--audience", audience, "--jwks-file", keys)
		run.Env = []string{} // no settings but these
		var report bytes.Buffer
		run.Stderr = &report
		stdin := must(os.Open(tokens))
		run.Stdin = stdin
		watch := startWatch(cores)
		err := run.Run() // exit code 0: every line was accepted
		cost := watch.stop()
		stdin.Close()
		if err != nil {
			panic(fmt.Sprintf("verify --lines: %v\n%s", err, report.Bytes()))
		}
		after := floorLoad.run()
		cost.calls = lines
		shares = append(shares, (before.perCall()+after.perCall())/2/cost.perCallAtHand())
		rates = append(rates, float64(cores)*1e9/cost.perCallAtHand())
	}
	return median(shares), median(rates)
}
