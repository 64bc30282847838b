package main

import (
	"strings"
	"testing"
)

// What Verify allocates. The part of crypto/rsa depends on the version of Go, and
// is not ours to bound.
func TestVerifyAllocatesWithinItsTarget(t *testing.T) {
	const ofRSA, bytesOfRSA = 9, 1_376 // in the targets
	is := testIssuer()
	token := is.token(claimsBytes)
	verify, err := openOurs(is, true)
	if err != nil {
		t.Fatal(err)
	}
	core, err := core(is, token)
	if err != nil {
		t.Fatal(err)
	}
	count, bytes := allocations(judging(verify, token))
	rsaCount, rsaBytes := allocations(core)
	if own, want := count-rsaCount, float64(maxAllocations-ofRSA); own > want {
		t.Errorf("got %v allocations beyond crypto/rsa, want at most %v", own, want)
	}
	if own, want := bytes-rsaBytes, float64(maxAllocationBytes-bytesOfRSA); own > want {
		t.Errorf("got %v bytes beyond crypto/rsa, want at most %v", own, want)
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
	rows := make([][]refusal, len(hostiles))
	want := ""
	for i, class := range hostiles {
		rows[i] = make([]refusal, len(contenders))
		rows[i][index(ours)].floors = 1
		switch {
		case class.beyondLimits, class.afterRSA:
			rows[i][index(ours)].floors = 100
		case class.name == "header full of escapes":
			rows[i][index(ours)].floors = 7
			want = class.name
		}
		rows[i][index("jwx")].floors = 1_000
	}
	if class := dearest(rows); class.name != want {
		t.Errorf("got %q, want %q", class.name, want)
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
