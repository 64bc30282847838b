//go:build !unix

package main

import "time"

func cpuTime() (time.Duration, error) { return 0, errNoCPUTime }
