package main

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

var short = effort{rounds: 3, slice: 2 * time.Millisecond}

// spin is some work, and more of it for a larger n.
func spin(n int) func() error {
	return func() error {
		sum := 0
		for i := range n {
			sum += i ^ sum
		}
		if sum == -1 {
			return errors.New("impossible")
		}
		return nil
	}
}

func TestMedian(t *testing.T) {
	for _, test := range []struct {
		list []float64
		want float64
	}{
		{[]float64{3}, 3},
		{[]float64{9, 1, 2}, 2},
		{[]float64{4, 1, 3, 2}, 2.5},
	} {
		if got := median(test.list); got != test.want {
			t.Errorf("median of %v: got %v, want %v", test.list, got, test.want)
		}
	}
}

// Two rounds on a machine that is twice as slow in the second: the ratio stays.
func TestRatiosAreTakenWithinTheRound(t *testing.T) {
	a := samples{{calls: 1, cpu: 30}, {calls: 1, cpu: 60}, {calls: 2, cpu: 60}}
	b := samples{{calls: 1, cpu: 10}, {calls: 1, cpu: 20}, {calls: 1, cpu: 10}}
	if got := a.over(b); got != 3 {
		t.Errorf("got ratio %v, want 3", got)
	}
	if got := a.minus(b); got != 20 {
		t.Errorf("got difference %v, want 20", got)
	}
}

func TestMoreWorkTakesMoreTime(t *testing.T) {
	all, err := short.run(load{name: "little", call: spin(1_000)}, load{name: "much", call: spin(20_000)})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 2 || len(all[0]) != short.rounds {
		t.Fatalf("got %d loads with %d samples, want 2 with %d", len(all), len(all[0]), short.rounds)
	}
	if got := all[1].over(all[0]); got < 5 || got > 80 {
		t.Errorf("20 times the work took %.1f times the time", got)
	}
}

func TestCoreTimeAtHandIsNotLessThanWhatWasUsed(t *testing.T) {
	all, err := short.run(load{name: "one core", call: spin(100_000)}, load{name: "two", call: spin(100_000), cores: 2})
	if err != nil {
		t.Fatal(err)
	}
	for _, samples := range all {
		for _, s := range samples {
			if s.cpu <= 0 || s.atHand < s.cpu*9/10 {
				t.Errorf("got %v of CPU time, and only %v at hand", s.cpu, s.atHand)
			}
		}
	}
}

func TestLoadsRunOnSeveralCores(t *testing.T) {
	var at, most atomic.Int32
	call := func() error {
		for n := at.Add(1); ; {
			seen := most.Load()
			if seen >= n || most.CompareAndSwap(seen, n) {
				break
			}
		}
		err := spin(100_000)()
		at.Add(-1)
		return err
	}
	for _, cores := range []int{1, 3} {
		most.Store(0)
		if _, err := short.run(load{name: "parallel", call: call, cores: cores}); err != nil {
			t.Fatal(err)
		}
		if got := int(most.Load()); got > cores || cores == 1 && got != 1 {
			t.Errorf("%d calls ran at once, want at most %d", got, cores)
		}
	}
}

// A contender that changes its verdict while it is measured makes the figure void.
func TestAChangedVerdictIsAnError(t *testing.T) {
	calls := 0
	fails := func() error {
		if calls++; calls > 100 {
			return errors.New("no more")
		}
		return nil
	}
	if _, err := short.run(load{name: "fickle", call: fails}); err == nil || !strings.Contains(err.Error(), "fickle") {
		t.Errorf("got %v, want an error that names the load", err)
	}
	if _, err := short.run(load{name: "too kind", call: spin(10), refuses: true}); err == nil || !strings.Contains(err.Error(), "too kind") {
		t.Errorf("got %v, want an error that names the load", err)
	}
}

var kept []byte

func TestAllocationsAreCounted(t *testing.T) {
	count, bytes := allocations(func() error { kept = make([]byte, 1024); return nil })
	if count != 1 || bytes != 1024 {
		t.Errorf("got %v allocations of %v bytes, want 1 of 1024", count, bytes)
	}
}
