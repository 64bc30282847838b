//go:build !linux

package main

import "time"

// A watch measures the time of a slice, here by the clock on the wall: leave the
// machine alone while it runs.
type watch struct {
	cores int
	start time.Time
}

func startWatch(cores int) watch { return watch{cores, time.Now()} }

func (w watch) stop() sample {
	elapsed := time.Since(w.start) * time.Duration(w.cores)
	return sample{cpu: elapsed, atHand: elapsed}
}
