// Command benchmarks measures jwtverify side by side with other libraries, and
// against the floor: what base64, SHA-256 and crypto/rsa take for the same token.
//
//	go run .         # print all tables; exit code 1 if a target does not hold
//	go run . -write  # and put them into ../docs/performance.md, with the charts
//	go run . -quick  # a few seconds: everything once, nothing judged
//
//	go run . -comparison         # print the tables of ../docs/comparison.md: what each library is and does, no times
//	go run . -comparison -write  # and put them there
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// Exit codes.
const (
	holds      = 0
	doesNot    = 1 // a target does not hold
	notStarted = 2 // usage, or nothing could be measured
)

func run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("benchmarks", flag.ContinueOnError)
	flags.SetOutput(stderr)
	quick := flags.Bool("quick", false, "measure each thing for a moment only, and judge nothing")
	rounds := flags.Int("rounds", 20, "rounds of each measurement; more are steadier")
	write := flags.Bool("write", false, "write the tables and charts to docs")
	comparison := flags.Bool("comparison", false, "instead of measuring, compare what each library is and does")
	docs := flags.String("docs", "", "the folder of performance.md and comparison.md (default the repository's docs)")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return holds
		}
		return notStarted
	}
	fail := func(err error) int {
		fmt.Fprintln(stderr, "benchmarks:", err)
		return notStarted
	}
	switch {
	case flags.NArg() > 0:
		return fail(fmt.Errorf("got the argument %q, want flags only", flags.Arg(0)))
	case *comparison && *quick:
		return fail(errors.New("-comparison measures no times, want it without -quick"))
	case *rounds < 1:
		return fail(fmt.Errorf("-rounds is %d, want at least 1", *rounds))
	}
	dir := "" // nothing is written
	if *write {
		if dir = *docs; dir == "" {
			root, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "example.com/jwtverify").Output()
			if err != nil {
				return fail(fmt.Errorf("looking for docs: %w", err))
			}
			dir = filepath.Join(strings.TrimSpace(string(root)), "docs")
		}
	}
	if *comparison {
		if err := compare(stdout, dir); err != nil {
			return fail(err)
		}
		return holds
	}
	r := &report{command: strings.Join(append([]string{"go run ."}, args...), " "), day: time.Now(), judged: !*quick}
	if err := r.measure(plan(*quick, *rounds), stderr); err != nil {
		return fail(err)
	}
	for _, b := range r.blocks() {
		fmt.Fprintf(stdout, "## %s\n\n%s\n", b.Name, b.Text)
	}
	if dir != "" {
		if err := r.write(dir); err != nil {
			return fail(err)
		}
	}
	if missed := r.missed(); len(missed) > 0 {
		fmt.Fprintf(stdout, "%d of %d targets do not hold: %s\n", len(missed), len(r.targets), strings.Join(missed, "; "))
		return doesNot
	}
	return holds
}

// An efforts is how long each part is measured.
type efforts struct {
	side, hostile, growth, remembered, targets effort

	tokens int // remembered
	lines  int // of a file for verify --lines
}

func plan(quick bool, rounds int) efforts {
	if quick {
		short := effort{rounds: 2, slice: 2 * time.Millisecond}
		return efforts{side: short, hostile: short, growth: short, remembered: short, targets: short, tokens: 1_000, lines: 2_000}
	}
	return efforts{
		side:       effort{4 * rounds, 100 * time.Millisecond},
		hostile:    effort{rounds, 20 * time.Millisecond},
		growth:     effort{max(1, rounds/2), 50 * time.Millisecond},
		remembered: effort{max(1, rounds/4), 50 * time.Millisecond},
		targets:    effort{2 * rounds, 100 * time.Millisecond},
		tokens:     1_000_000,
		lines:      100_000,
	}
}

// measure measures everything, and says on progress what it is at.
func (r *report) measure(e efforts, progress io.Writer) error {
	is, err := newIssuer()
	if err != nil {
		return err
	}
	started := time.Now()
	step := func(name string) { fmt.Fprintf(progress, "%4.0f s  %s\n", time.Since(started).Seconds(), name) }

	step("what each library leaves out")
	if r.leftOut, err = leftOut(is); err != nil {
		return err
	}
	step("a good token, side by side")
	if r.side, err = measureSideBySide(is, e.side); err != nil {
		return err
	}
	step("hostile tokens")
	if r.hostile, err = measureHostile(is, e.hostile); err != nil {
		return err
	}
	step("growth")
	if r.growths, err = measureGrowths(is, e.growth); err != nil {
		return err
	}
	step("remembered tokens")
	byTokens, err := growthByTokens(e.remembered, e.tokens)
	if err != nil {
		return err
	}
	r.growths = append(r.growths, byTokens)
	step("targets")
	if r.targets, err = measureTargets(is, r.side, r.hostile, e.targets, e.lines); err != nil {
		return err
	}
	step("done")
	return nil
}

// missed names the targets that do not hold.
func (r *report) missed() []string {
	var list []string
	for _, t := range r.targets {
		if r.judged && !t.holds {
			list = append(list, t.figure)
		}
	}
	return list
}
