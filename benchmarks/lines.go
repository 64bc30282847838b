package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// measureLines runs `verify --lines` on a file of tokens, and returns its rate as a
// share of cores × the floor's rate: 1 if all it did with all the core time it had
// were what the floor does. The floor runs on as many cores, since the cores of a
// virtual machine may be halves of one.
func measureLines(is *issuer, e effort, lines int) (share, linesPerSecond float64, err error) {
	dir, err := os.MkdirTemp("", "jwtverify-lines-")
	if err != nil {
		return 0, 0, err
	}
	defer os.RemoveAll(dir)
	command := filepath.Join(dir, "jwtverify")
	if out, err := exec.Command("go", "build", "-o", command, "example.com/jwtverify/cmd/jwtverify").CombinedOutput(); err != nil {
		return 0, 0, fmt.Errorf("building cmd/jwtverify: %w\n%s", err, out)
	}
	keys, tokens := filepath.Join(dir, "keys.json"), filepath.Join(dir, "tokens.txt")
	if err := os.WriteFile(keys, is.jwks, 0o600); err != nil {
		return 0, 0, err
	}
	if err := writeTokens(tokens, is, lines); err != nil {
		return 0, 0, err
	}

	cores := runtime.NumCPU()
	floorLoad := load{name: "floor", call: floor(is, is.token(claimsBytes)), cores: cores}
	if err := floorLoad.calibrate(e.slice); err != nil {
		return 0, 0, err
	}
	var shares, rates []float64
	for range min(e.rounds, 7) { // each takes seconds
		before, err := floorLoad.run()
		if err != nil {
			return 0, 0, err
		}
		run := exec.Command(command, "verify", "--lines", "--issuer", issuerName, "--audience", audience, "--jwks-file", keys)
		run.Env = []string{} // no settings but these
		var report bytes.Buffer
		run.Stderr = &report
		if run.Stdin, err = os.Open(tokens); err != nil {
			return 0, 0, err
		}
		watch := startWatch(cores)
		err = run.Run() // exit code 0: every line was accepted
		cost := watch.stop()
		run.Stdin.(*os.File).Close()
		if err != nil {
			return 0, 0, fmt.Errorf("verify --lines: %w\n%s", err, report.Bytes())
		}
		after, err := floorLoad.run()
		if err != nil {
			return 0, 0, err
		}
		cost.calls = lines
		shares = append(shares, (before.perCall()+after.perCall())/2/cost.perCallAtHand())
		rates = append(rates, float64(cores)*1e9/cost.perCallAtHand())
	}
	return median(shares), median(rates), nil
}

// writeTokens writes some hundred different tokens over and over.
func writeTokens(path string, is *issuer, lines int) error {
	const different = 500
	tokens := is.tokens(min(different, lines))
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	out := bufio.NewWriter(file)
	block := strings.Join(tokens, "\n") + "\n"
	for written := 0; written < lines; written += len(tokens) {
		if _, err := out.WriteString(block); err != nil {
			return err
		}
	}
	return out.Flush()
}
