package main

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

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
	all := effort{3, 2 * time.Millisecond}.run(load{name: "little", call: spin(1_000)}, load{name: "much", call: spin(20_000)}, load{name: "two cores", call: spin(20_000), cores: 2})
	if got := all[1].over(all[0]); got < 5 || got > 80 {
		t.Errorf("20 times the work took %.1f times the time", got)
	}
	for _, samples := range all {
		for _, s := range samples {
			if s.cpu <= 0 || s.atHand < s.cpu*3/4 {
				t.Errorf("got %v of CPU time, and only %v at hand", s.cpu, s.atHand)
			}
		}
	}
}

func TestLoadsRunOnSeveralCores(t *testing.T) {
	var at, most atomic.Int32
	call := func() error {
		most.Store(max(most.Load(), at.Add(1)))
		defer at.Add(-1)
		return spin(100_000)()
	}
	for _, cores := range []int{1, 3} {
		most.Store(0)
		short.run(load{name: "parallel", call: call, cores: cores})
		if got := int(most.Load()); got > cores || cores == 1 && got != 1 {
			t.Errorf("%d calls ran at once, want at most %d", got, cores)
		}
	}
}

// A contender that changes its verdict while it is measured makes the figure void.
func TestAChangedVerdictEndsTheMeasurement(t *testing.T) {
	calls := 0
	for _, l := range []load{
		{name: "fickle", call: func() error {
			if calls++; calls > 100 {
				return errors.New("no more")
			}
			return nil
		}},
		{name: "too kind", call: spin(10), refuses: true},
	} {
		var void any
		func() {
			defer func() { void = recover() }()
			short.run(l)
		}()
		if !strings.Contains(fmt.Sprint(void), l.name) {
			t.Errorf("got %v, want a panic that names %s", void, l.name)
		}
	}
}

var kept []byte

func TestAllocationsAreCounted(t *testing.T) {
	count, bytes := allocations(func() error { kept = make([]byte, 1024); return nil })
	if count != 1 || bytes != 1024 {
		t.Errorf("got %v allocations of %v bytes, want 1 of 1024", count, bytes)
	}
}
