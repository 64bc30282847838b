// Command figures measures what this library makes of a misbehaving issuer and of
// clients that forge tokens, and prints it beside the figures of the service that
// AuthAction's guide builds in Django (gunicorn, two cores):
//
//	(cd benchmarks && go run ./figures)
//
// Each row runs the guide's API, as jwtverify serve does, and an issuer in this
// process, and is a client of it over loopback. The program talks to no other host, ends
// by itself in less than a minute, and exits with 1 if a row does not hold.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"example.com/jwtverify"
	"example.com/jwtverify/internal/guide"
	"example.com/jwtverify/internal/issuer"
)

func main() {
	quick := flag.Bool("quick", false, "measure less, and judge no times: a check that the program works")
	flag.Parse()
	plan := whole
	if *quick {
		plan = small
	}
	if !plan.run(os.Stdout) {
		os.Exit(1)
	}
}

// must ends the program: without this nothing can be measured.
func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// A plan says how much is measured.
type plan struct {
	states   []string      // of the issuer: names of faults, "" is none
	timeout  time.Duration // of a retrieval of the keys
	atOnce   time.Duration // a request that waits for nothing takes less
	requests int           // in a round of the measurement of CPU time
	rounds   int
	forged   int           // tokens
	medians  time.Duration // how long to take the medians
	timed    bool          // whether times are judged

	// What is measured; a test can put another service here.
	newAPI func(jwtverify.Config) handler
}

// whole is what the figures are from.
var whole = plan{
	states:   append([]string{""}, issuer.FaultNames()...),
	timeout:  5 * time.Second, // the default
	atOnce:   250 * time.Millisecond,
	requests: 500,
	rounds:   20,
	forged:   1_000,
	medians:  1500 * time.Millisecond,
	timed:    true,
	newAPI:   newGuide,
}

var small = plan{
	states:   []string{"", "status-503", "hang"},
	timeout:  time.Second,
	atOnce:   700 * time.Millisecond,
	requests: 200,
	rounds:   2,
	forged:   100,
	medians:  200 * time.Millisecond,
	newAPI:   newGuide,
}

// newGuide is the service that jwtverify serve serves.
func newGuide(config jwtverify.Config) handler {
	return must(guide.New(must(jwtverify.New(config)), nil))
}

// A figure is a row of the table.
type figure struct {
	what    string
	guide   string // of the guide's service, measured by others
	measure func(plan) result
}

// A result is what was measured.
type result struct {
	ours  string
	holds bool
}

var figures = []figure{
	{"cases answered right (status and challenge)", "54 of 136; 28 answers were 500", plan.cases},
	{"CPU per request that verification adds", "270–300 µs", plan.cpu},
	{"1,000 tokens with forged kids, in turn and at once: fetches", "1,000 to 1,559", plan.forgedKids},
	{"8 clients forging kids, issuer answers in 50 ms: a good token's median", "0.6 → 470 ms", plan.underFlood},
	{"issuer hangs, 4 forged tokens: /public waits; a good, known token", "19.8 s; 500 after 24.9 s", plan.hanging},
	{"50 first requests at once: fetches", "2 to 18", plan.firstRequests},
	{"one forged token during an outage", "good tokens get 500 until it ends", plan.outage},
	{"token without aud, without exp, with crit, signed by an encryption key", "accepted", plan.badTokens},
	{"20 MB key document, octet-a-second key server", "kept; held a request for 15 s", plan.badServers},
}

// run prints the table, and reports whether every row holds.
func (p plan) run(w io.Writer) bool {
	started := time.Now()
	fmt.Fprint(w, "| | the guide's service | ours | holds |\n| --- | --- | --- | --- |\n")
	failed := 0
	for _, f := range figures {
		r := f.measure(p)
		holds := "yes"
		if !r.holds {
			holds = "**no**"
			failed++
		}
		fmt.Fprintf(w, "| %s | %s | %s | %s |\n", f.what, f.guide, r.ours, holds)
	}
	fmt.Fprintf(w, "\n%d of %d rows hold, in %.0f s\n", len(figures)-failed, len(figures), time.Since(started).Seconds())
	return failed == 0
}
