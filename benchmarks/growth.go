package main

import (
	"fmt"
	"runtime"
)

// A growth is how the cost of a good token grows with something.
type growth struct {
	file   string // name of the chart
	title  string
	xName  string
	unit   string // of the y axis
	points []point
	lines  []line
}

// A point is where on the x axis it is measured, and with what. The axis is
// logarithmic.
type point struct {
	x      float64
	label  string
	issuer *issuer
	token  string
	cores  int
}

// A line is the cost with one contender at each point, in floors.
type line struct {
	name   string
	floors []float64
}

// The most that fits in a token of 16 KiB, the longest that we take, is a little less
// than 12 KiB of claims.
var claimsKiB = []float64{0.5, 1, 2, 4, 8, 11.6}

var keyCounts = []int{1, 3, 10, 100, 1_000}

const floorsOf1KiB = "× the floor of a token with 1 KiB of claims"

func measureGrowths(is *issuer, e effort) ([]growth, error) {
	byClaims := growth{file: "growth-claims", title: "CPU time per token by the size of its claims", xName: "claims, KiB", unit: floorsOf1KiB}
	for _, size := range claimsKiB {
		byClaims.points = append(byClaims.points, point{size, fmt.Sprint(size), is, is.token(int(size * 1024)), 1})
	}
	byKeys := growth{file: "growth-keys", title: "CPU time per token by the size of the key set", xName: "keys in the set", unit: floorsOf1KiB}
	for _, count := range keyCounts {
		many, err := is.withKeys(count)
		if err != nil {
			return nil, err
		}
		byKeys.points = append(byKeys.points, point{float64(count), thousands(count), many, is.token(claimsBytes), 1})
	}
	byCores := growth{file: "growth-cores", title: "CPU time per token by the number of cores that verify at once", xName: "cores", unit: floorsOf1KiB}
	for cores := 1; cores <= runtime.NumCPU(); cores *= 2 {
		byCores.points = append(byCores.points, point{float64(cores), fmt.Sprint(cores), is, is.token(claimsBytes), cores})
	}
	all := []growth{byClaims, byKeys, byCores}
	for i := range all {
		if err := all[i].measure(is, e); err != nil {
			return nil, fmt.Errorf("%s: %w", all[i].title, err)
		}
	}
	return all, nil
}

// measure measures all contenders and the floor at all points, side by side. The unit
// is the floor on one core.
func (g *growth) measure(is *issuer, e effort) error {
	loads := []load{{name: "reference", call: floor(is, is.token(claimsBytes))}}
	for _, p := range g.points {
		verifies, err := openAll(p.issuer, true)
		if err != nil {
			return err
		}
		loads = append(loads, load{name: "floor", call: floor(p.issuer, p.token), cores: p.cores})
		for i, verify := range verifies {
			loads = append(loads, load{name: contenders[i].name, call: judging(verify, p.token), cores: p.cores})
		}
	}
	all, err := e.run(loads...)
	if err != nil {
		return err
	}
	perPoint := 1 + len(contenders)
	for i := range perPoint {
		l := line{name: loads[1+i].name}
		for j := range g.points {
			l.floors = append(l.floors, all[1+j*perPoint+i].over(all[0]))
		}
		g.lines = append(g.lines, l)
	}
	return nil
}

func thousands(n int) string {
	if n < 1_000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", thousands(n/1_000), n%1_000)
}
