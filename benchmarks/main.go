// Command benchmarks measures jwtverify side by side with other libraries, and
// against the floor: what base64, SHA-256 and crypto/rsa take for the same token.
//
//	go run .         # print all tables; exit code 1 if a target does not hold
//	go run . -write  # and put them into ../docs/performance.md, with the chart
//	go run . -quick  # a few seconds: everything once, nothing judged
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

func main() {
	quick := flag.Bool("quick", false, "measure each thing for a moment only, and judge nothing")
	write := flag.Bool("write", false, "write the tables and the chart to ../docs")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "benchmarks: got the argument %q, want flags only\n", flag.Arg(0))
		os.Exit(2)
	}
	p, docs := whole, ""
	if *quick {
		p = quickly
	}
	if *write {
		docs = "../docs"
	}
	r := measure(p)
	r.command = strings.Join(append([]string{"go run ."}, os.Args[1:]...), " ")
	must(0, r.publish(os.Stdout, docs))
	if missed := r.missed(); len(missed) > 0 {
		fmt.Printf("%d of %d targets do not hold: %s\n", len(missed), len(r.targets), strings.Join(missed, "; "))
		os.Exit(1)
	}
}

// must ends the program: without this no figure is right.
func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// A plan is how long each part is measured.
type plan struct {
	side, provided, hostile, growth, remembered, targets effort

	tokens int // different ones, that are remembered
	lines  int // of a file for verify --lines
	judged bool
}

var whole = plan{
	side:       effort{80, 100 * time.Millisecond},
	provided:   effort{40, 50 * time.Millisecond},
	hostile:    effort{20, 20 * time.Millisecond},
	growth:     effort{10, 50 * time.Millisecond},
	remembered: effort{5, 50 * time.Millisecond},
	targets:    effort{40, 100 * time.Millisecond},
	tokens:     1_000_000,
	lines:      100_000,
	judged:     true,
}

var (
	short   = effort{rounds: 2, slice: 2 * time.Millisecond}
	quickly = plan{side: short, provided: short, hostile: short, growth: short, remembered: short, targets: short, tokens: 1_000, lines: 2_000}
)

// measure measures everything, and says on stderr what it is at.
func measure(p plan) *report {
	started := time.Now()
	step := func(name string) { fmt.Fprintf(os.Stderr, "%4.0f s  %s\n", time.Since(started).Seconds(), name) }
	is := newIssuer()
	r := &report{day: started, judged: p.judged}

	step("what each library leaves out")
	r.leftOut = leftOutTable(is)
	step("a good token, side by side")
	r.side = measureSideBySide(is, p.side)
	step("tokens as providers write them")
	r.provided = measureProvided(is, p.provided)
	step("hostile tokens")
	r.hostile = measureHostile(is, p.hostile)
	step("growth")
	r.growths = measureGrowths(is, p.growth)
	step("remembered tokens")
	r.growths = append(r.growths, growthByTokens(p.remembered, p.tokens))
	step("targets")
	r.targets = measureTargets(is, r.side, r.provided, r.hostile, p.targets, p.lines)
	step("done")
	return r
}

// publish prints the blocks, and writes them and the chart to docs if that is not "".
func (r *report) publish(out io.Writer, docs string) error {
	for _, b := range r.blocks() {
		if _, err := fmt.Fprintf(out, "## %s\n\n%s\n", b.name, b.text); err != nil {
			return err
		}
	}
	if docs == "" {
		return nil
	}
	return r.write(docs)
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
