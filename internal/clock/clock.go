// Package clock compares times on a machine that may sleep, and adds jitter to intervals.
package clock

import (
	"math/rand/v2"
	"time"
)

// Past reports whether t has passed, by the monotonic clock or by the wall clock: the
// monotonic clock stops while a machine is suspended, and the wall clock may be set back.
func Past(now, t time.Time) bool { return !now.Before(t) || !now.Round(0).Before(t.Round(0)) }

// Since returns how long ago t is, by the clock that shows the longer time.
func Since(now, t time.Time) time.Duration {
	return max(now.Sub(t), now.Round(0).Sub(t.Round(0)))
}

// Jittered returns a duration that is shorter by a random part of up to share. random
// returns 0 to 1; nil means [rand.Float64].
func Jittered(random func() float64, share float64, d time.Duration) time.Duration {
	if random == nil {
		random = rand.Float64
	}
	return d - time.Duration(share*random()*float64(d))
}
