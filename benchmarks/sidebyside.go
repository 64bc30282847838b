package main

import (
	"cmp"
	"slices"
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

// sideBySide measures all contenders on one token: the cheapest first.
type sideBySide struct {
	standings []standing
	floor     float64 // CPU time in nanoseconds
	beyond    float64 // of ours, beyond the floor
	overPeer  float64 // ours over the fastest of the others
	peer      string  // its name
}

func measureSideBySide(is *issuer, e effort) (*sideBySide, error) {
	token := is.token(claimsBytes)
	verifies, err := openAll(is, true)
	if err != nil {
		return nil, err
	}
	loads := []load{{name: "floor", call: floor(is, token)}}
	for i, verify := range verifies {
		loads = append(loads, load{name: contenders[i].name, call: judging(verify, token)})
	}
	all, err := e.run(loads...)
	if err != nil {
		return nil, err
	}
	floor, results := all[0], all[1:]

	s := &sideBySide{floor: floor.nanos()}
	for i, c := range contenders {
		count, bytes := allocations(loads[1+i].call)
		s.standings = append(s.standings, standing{c, results[i].nanos(), results[i].over(floor), count, bytes})
	}
	own := results[index(ours)]
	s.beyond = own.minus(floor)
	slices.SortStableFunc(s.standings, func(a, b standing) int { return cmp.Compare(a.ratio, b.ratio) })
	for _, one := range s.standings {
		if one.name != ours {
			s.peer = one.name
			s.overPeer = own.over(results[index(one.name)])
			break
		}
	}
	return s, nil
}

func (s *sideBySide) ours() standing {
	return s.standings[slices.IndexFunc(s.standings, func(one standing) bool { return one.name == ours })]
}

// index is that of a contender in contenders.
func index(name string) int {
	return slices.IndexFunc(contenders, func(c contender) bool { return c.name == name })
}

func judging(verify verify, token string) func() error {
	return func() error {
		_, err := verify(token)
		return err
	}
}
