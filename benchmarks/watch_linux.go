package main

import (
	"bytes"
	"fmt"
	"os"
	"syscall"
	"time"
)

// A watch measures the time of a slice.
type watch struct {
	cores     int
	start     time.Time
	cpu, idle time.Duration
}

func startWatch(cores int) watch { return watch{cores, time.Now(), cpuTime(), idleTime()} }

// stop returns a sample of the time since the start. The core time at hand is what
// this process has used and what the machine has left idle: what other processes
// took is not in it, so that a busy machine is not mistaken for a lock.
func (w watch) stop() sample {
	cpu := cpuTime() - w.cpu
	atHand := min(cpu+idleTime()-w.idle, time.Since(w.start)*time.Duration(w.cores))
	return sample{cpu: cpu, atHand: atHand}
}

// cpuTime is what this process and its children that have ended have used.
func cpuTime() time.Duration {
	var total time.Duration
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var usage syscall.Rusage
		if err := syscall.Getrusage(who, &usage); err == nil {
			total += time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
		}
	}
	return total
}

// idleTime is the time for which cores of this machine had nothing to do, in steps
// of 10 ms (proc(5), the fourth and fifth figure of /proc/stat).
func idleTime() time.Duration {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0
	}
	line, _, _ := bytes.Cut(text, []byte("\n"))
	var user, nice, system, idle, wait int64
	if _, err := fmt.Sscanf(string(line), "cpu %d %d %d %d %d", &user, &nice, &system, &idle, &wait); err != nil {
		return 0
	}
	return time.Duration(idle+wait) * 10 * time.Millisecond
}
