package main

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// How it is measured: in rounds. In each round every load runs for one slice, in
// another order each time, so that whatever slows the machine for a while slows all
// of them. What counts is CPU time of the process, since other processes may take
// the cores away; the collector's work is part of it. A ratio is taken within each
// round, and the median of the rounds is the figure.

// A load is something to be called over and over.
type load struct {
	name    string
	call    func() error
	cores   int  // goroutines that call at once, and GOMAXPROCS; 0 means 1
	refuses bool // call returns an error each time, and that is right

	calls int // in one slice; found by calibrate
}

// A sample is what one slice of a load has cost.
type sample struct {
	calls  int
	cpu    time.Duration
	atHand time.Duration // core time that the load had, used or not
}

// perCall is the CPU time of one call in nanoseconds.
func (s sample) perCall() float64 { return float64(s.cpu) / float64(s.calls) }

// perCallAtHand also counts the time that a core was there and not used, as when
// the load waits for a lock.
func (s sample) perCallAtHand() float64 { return float64(s.atHand) / float64(s.calls) }

// samples are those of one load, one for each round.
type samples []sample

func (s samples) nanos() float64 {
	return s.compared(s, func(a, _ sample) float64 { return a.perCall() })
}

// over is the ratio of the CPU times of two loads.
func (s samples) over(other samples) float64 {
	return s.compared(other, func(a, b sample) float64 { return a.perCall() / b.perCall() })
}

// minus is the difference of the CPU times of two loads in nanoseconds.
func (s samples) minus(other samples) float64 {
	return s.compared(other, func(a, b sample) float64 { return a.perCall() - b.perCall() })
}

// compared is the median of the rounds.
func (s samples) compared(other samples, of func(a, b sample) float64) float64 {
	var list []float64
	for i := range s {
		list = append(list, of(s[i], other[i]))
	}
	return median(list)
}

func median(list []float64) float64 {
	sorted := slices.Sorted(slices.Values(list))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// effort is how long to measure.
type effort struct {
	rounds int
	slice  time.Duration
}

// run measures the loads side by side; the samples are in the order of the loads.
func (e effort) run(loads ...load) []samples {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for i := range loads {
		loads[i].cores = max(loads[i].cores, 1)
		loads[i].calibrate(e.slice)
	}
	all := make([]samples, len(loads))
	for range e.rounds {
		for _, i := range rand.Perm(len(loads)) {
			runtime.GOMAXPROCS(runtime.NumCPU())
			runtime.GC() // nobody pays for the garbage of the load before
			all[i] = append(all[i], loads[i].run())
		}
	}
	return all
}

// calibrate finds how many calls take one slice.
func (l *load) calibrate(slice time.Duration) {
	l.calls = 1
	for {
		// The clock of CPU time is too coarse for less than a millisecond.
		if perCore := l.run().cpu / time.Duration(l.cores); perCore >= min(slice, time.Millisecond) || perCore >= slice/4 {
			l.calls = max(1, int(int64(l.calls)*int64(slice)/int64(perCore)))
			return
		}
		l.calls *= 4
	}
}

// run calls the load for one slice.
func (l *load) run() sample {
	runtime.GOMAXPROCS(l.cores)
	watch := startWatch(l.cores)
	var calls atomic.Int64
	var enough atomic.Bool // so that no core is left alone at the end
	var group sync.WaitGroup
	for range l.cores - 1 {
		group.Go(func() { calls.Add(l.repeat(&enough)) })
	}
	calls.Add(l.repeat(&enough))
	group.Wait()
	s := watch.stop()
	s.calls = int(calls.Load())
	return s
}

// repeat panics if the verdict is not the right one: the figures would be void.
func (l *load) repeat(enough *atomic.Bool) (calls int64) {
	for ; calls < int64(l.calls) && !enough.Load(); calls++ {
		if err := l.call(); (err != nil) != l.refuses {
			panic(fmt.Sprintf("%s: got error %v, want one: %v", l.name, err, l.refuses))
		}
	}
	enough.Store(true)
	return calls
}

// allocations returns how many a call makes, and of how many bytes in all.
func allocations(call func() error) (count, bytes float64) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	const calls = 2_000
	var before, after runtime.MemStats
	_ = call() // what is made once
	runtime.ReadMemStats(&before)
	for range calls {
		_ = call()
	}
	runtime.ReadMemStats(&after)
	return float64((after.Mallocs - before.Mallocs) / calls), float64((after.TotalAlloc - before.TotalAlloc) / calls)
}
