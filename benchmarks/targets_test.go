package main

import (
	"strings"
	"testing"
)

func TestVerifyAllocatesWithinItsTargets(t *testing.T) {
	is := testIssuer()
	token := is.token(claimsBytes)
	if count, bytes := allocations(judging(openOurs(is, true), token)); count > maxAllocations || bytes > maxAllocationBytes {
		t.Errorf("got %v allocations of %v bytes, want at most %d of %d", count, bytes, maxAllocations, maxAllocationBytes)
	}
	if count, _ := allocations(judging(remembering(is, 8), token)); count > maxRememberedAllocations {
		t.Errorf("a remembered token makes %v allocations, want at most %d", count, maxRememberedAllocations)
	}
}

func TestRememberedTokensCostLessThanTheFloor(t *testing.T) {
	g := growthByTokens(short, 1_000)
	for i, floors := range g.rows[2].floors {
		if floors <= 0 || floors > 0.5 {
			t.Errorf("%s tokens: one costs %.3f floors: it was verified in full", g.columns[1+i], floors)
		}
	}
	if len(g.columns) != 3 {
		t.Errorf("got the columns %v, want 2 up to 1,000 tokens", g.columns)
	}
}

func TestTargetsAreJudgedOnTheRightSide(t *testing.T) {
	for _, test := range []struct {
		name string
		got  target
		want bool
	}{
		{"a ratio at its limit", atMost("", 1.05, 1.05, 1, ""), true},
		{"a ratio above its limit", atMost("", 1.051, 1.05, 1, ""), false},
		{"a rate at its limit", atLeast("", 1.8, 1.8, 2, ""), true},
		{"a rate below its limit", atLeast("", 1.79, 1.8, 2, ""), false},
		{"a time below its limit on the machine of the targets", inMicros("", 1_400, targetFloor, 1.5, 1, ""), true},
		{"a time above its limit there", inMicros("", 1_600, targetFloor, 1.5, 1, ""), false},
		{"the same on a machine that takes twice as long for all", inMicros("", 2_800, 2*targetFloor, 1.5, 1, ""), true},
	} {
		if test.got.holds != test.want {
			t.Errorf("%s: got that it holds: %v, want %v", test.name, test.got.holds, test.want)
		}
	}
}

func TestOnlyRefusalsBeforeRSACountForTheDearest(t *testing.T) {
	row := func(name string, when moment, floors float64) refusal {
		r := refusal{hostile: hostile{name: name, when: when}, floors: make([]float64, len(contenders))}
		r.floors[index(ours)], r.floors[index("jwx")] = floors, 1_000
		return r
	}
	rows := []refusal{row("unread", beyondLimits, 100), row("cheap", beforeRSA, 1), row("dear", beforeRSA, 7), row("forged", afterRSA, 100)}
	if class := dearest(rows); class.name != "dear" {
		t.Errorf("got %q, want dear", class.name)
	}
}

func TestAMissedTargetIsNamedIfItWasJudged(t *testing.T) {
	r := &report{judged: true, targets: []target{{figure: "one", holds: true}, {figure: "two"}}}
	if got := r.missed(); strings.Join(got, " ") != "two" {
		t.Errorf("got %v, want two", got)
	}
	r.judged = false
	if got := r.missed(); got != nil {
		t.Errorf("not judged: got %v, want none", got)
	}
}

func TestNumbers(t *testing.T) {
	for _, test := range []struct{ got, want string }{
		{number(1.0512), "1.05"},
		{number(0.79), "0.790"},
		{number(13), "13"},
		{number(2_656), "2,656"},
		{micros(168), "0.17 µs"},
		{micros(33_640), "33.6 µs"},
		{micros(1_868_000), "1,868 µs"},
		{thousands(1_234_567), "1,234,567"},
	} {
		if test.got != test.want {
			t.Errorf("got %q, want %q", test.got, test.want)
		}
	}
}
