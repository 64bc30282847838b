package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// The token that the figures are for, unless they say otherwise.
const claimsBytes = 1024

// A standing is what a good token costs with one contender.
type standing struct {
	contender
	nanos float64 // CPU time of one core
	ratio float64 // to the floor
	count float64 // allocations
	bytes float64
}

// sideBySide is all contenders on one token.
type sideBySide struct {
	standings []standing // the cheapest first
	own       standing
	floor     float64 // CPU time in nanoseconds
	beyond    float64 // of ours, beyond the floor
	overPeer  float64 // ours over the fastest of the others
	peer      string  // its name
}

func measureSideBySide(is *issuer, e effort) *sideBySide {
	token := is.token(claimsBytes)
	loads := []load{{name: "floor", call: floor(is, token)}}
	for i, verify := range openAll(is, true) {
		loads = append(loads, load{name: contenders[i].name, call: judging(verify, token)})
	}
	all := e.run(loads...)
	floor, results := all[0], all[1:]

	s := &sideBySide{floor: floor.nanos()}
	for i, c := range contenders {
		count, bytes := allocations(loads[1+i].call)
		s.standings = append(s.standings, standing{c, results[i].nanos(), results[i].over(floor), count, bytes})
	}
	own := results[index(ours)]
	s.own, s.beyond = s.standings[index(ours)], own.minus(floor)
	slices.SortStableFunc(s.standings, func(a, b standing) int { return cmp.Compare(a.ratio, b.ratio) })
	fastest := slices.IndexFunc(s.standings, func(one standing) bool { return one.name != ours })
	s.peer = s.standings[fastest].name
	s.overPeer = own.over(results[index(s.peer)])
	return s
}

// index is that of a contender in contenders.
func index(name string) int {
	return slices.IndexFunc(contenders, func(c contender) bool { return c.name == name })
}

func (s *sideBySide) table() string {
	rows := [][]string{
		{"library", "CPU time", "÷ floor", "allocations", "bytes", "added to the library's own calls"},
		{"floor", micros(s.floor), "1.00", "", "", ""},
	}
	for _, one := range s.standings {
		rows = append(rows, []string{strings.TrimSpace(one.name + " " + one.version()), micros(one.nanos), fmt.Sprintf("%.2f", one.ratio),
			fmt.Sprintf("%.0f", one.count), thousands(int(one.bytes)), one.added})
	}
	return table(rows)
}
