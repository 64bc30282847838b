package main

import (
	"fmt"
	"runtime"
)

// A growth is how the cost of a good token grows with something.
type growth struct {
	file  string // name of the chart
	title string
	xs    []float64
	ticks []string // how the xs are labelled
	xName string
	log   bool // each x is a multiple of the one before
	lines []line
}

type line struct {
	name  string
	nanos []float64 // for each x
}

// The most that fits in a token of 16 KiB, the longest that we take, is less than
// 12 KiB of claims.
var claimsKiB = []float64{0.5, 1, 2, 4, 8, 11.6}

var keyCounts = []int{1, 3, 10, 100, 1_000}

func measureGrowths(is *issuer, e effort) ([]growth, error) {
	var all []growth
	for _, measure := range []func(*issuer, effort) (growth, error){growthByClaims, growthByKeys, growthByCores} {
		g, err := measure(is, e)
		if err != nil {
			return nil, err
		}
		all = append(all, g)
	}
	return all, nil
}

func growthByClaims(is *issuer, e effort) (growth, error) {
	g := growth{file: "growth-claims", title: "CPU time per token by the size of its claims", xName: "claims, KiB", log: true}
	for _, size := range claimsKiB {
		if err := g.add(size, fmt.Sprint(size), is, is.token(int(size*1024)), 1, e); err != nil {
			return g, err
		}
	}
	return g, nil
}

func growthByKeys(is *issuer, e effort) (growth, error) {
	g := growth{file: "growth-keys", title: "CPU time per token by the size of the key set", xName: "keys in the set", log: true}
	for _, count := range keyCounts {
		many, err := is.withKeys(count)
		if err != nil {
			return g, err
		}
		if err := g.add(float64(count), thousands(count), many, is.token(claimsBytes), 1, e); err != nil {
			return g, err
		}
	}
	return g, nil
}

func growthByCores(is *issuer, e effort) (growth, error) {
	g := growth{file: "growth-cores", title: "CPU time per token by the number of cores that verify", xName: "cores", log: true}
	for cores := 1; cores <= runtime.NumCPU(); cores *= 2 {
		if err := g.add(float64(cores), fmt.Sprint(cores), is, is.token(claimsBytes), cores, e); err != nil {
			return g, err
		}
	}
	return g, nil
}

// add measures all contenders and the floor at one x.
func (g *growth) add(x float64, tick string, is *issuer, token string, cores int, e effort) error {
	verifies, err := openAll(is, true)
	if err != nil {
		return err
	}
	loads := []load{{name: "floor", call: floor(is, token), cores: cores}}
	for i, verify := range verifies {
		loads = append(loads, load{name: contenders[i].name, call: judging(verify, token), cores: cores})
	}
	all, err := e.run(loads...)
	if err != nil {
		return fmt.Errorf("%s %s: %w", tick, g.xName, err)
	}
	g.xs = append(g.xs, x)
	g.ticks = append(g.ticks, tick)
	for i, l := range loads {
		if len(g.lines) == i {
			g.lines = append(g.lines, line{name: l.name})
		}
		g.lines[i].nanos = append(g.lines[i].nanos, all[i].nanos())
	}
	return nil
}

func thousands(n int) string {
	if n < 1_000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", thousands(n/1_000), n%1_000)
}
