package clock_test

import (
	"testing"
	"time"
	"unsafe"

	"example.com/jwtverify/internal/clock"
)

func TestPastAndSince(t *testing.T) {
	now := time.Now()
	wall := now.Round(0)
	for name, test := range map[string]struct {
		now, t time.Time
		past   bool
		since  time.Duration
	}{
		"this moment":                      {now, now, true, 0},
		"a nanosecond ago":                 {now, now.Add(-1), true, 1},
		"a nanosecond ahead":               {now, now.Add(1), false, -1},
		"an hour ago, by the wall clock":   {wall, wall.Add(-time.Hour), true, time.Hour},
		"an hour ahead, by the wall clock": {wall, wall.Add(time.Hour), false, -time.Hour},
	} {
		if got := clock.Past(test.now, test.t); got != test.past {
			t.Errorf("%s: past is %v", name, got)
		}
		if got := clock.Since(test.now, test.t); got != test.since {
			t.Errorf("%s: %v ago", name, got)
		}
	}
}

// A clock that stands still is what a suspended machine has, and one that is set back is
// the work of an administrator: only package time can make such a time, so the test
// moves the monotonic reading where package time keeps it.
func TestEitherClockIsEnoughToBePast(t *testing.T) {
	now := time.Now()
	earlier := now // by the monotonic clock alone
	(*struct {
		wall uint64
		ext  int64
	})(unsafe.Pointer(&earlier)).ext -= int64(time.Hour)
	if now.Sub(earlier) != time.Hour || !now.Round(0).Equal(earlier.Round(0)) {
		t.Fatal("package time keeps the monotonic reading elsewhere now")
	}
	for name, test := range map[string]struct{ now, t time.Time }{
		"by the wall clock alone":      {earlier, now},
		"by the monotonic clock alone": {now, earlier.Add(time.Minute)},
	} {
		if !clock.Past(test.now, test.t) {
			t.Errorf("%s: not past", name)
		}
	}
}

func TestJittered(t *testing.T) {
	for random, want := range map[float64]time.Duration{0: 100 * time.Second, 0.5: 90 * time.Second, 1: 80 * time.Second} {
		if got := clock.Jittered(func() float64 { return random }, 0.2, 100*time.Second); got != want {
			t.Errorf("%v: got %v, want %v", random, got, want)
		}
	}
	for range 100 {
		if got := clock.Jittered(nil, 0.2, 100*time.Second); got > 100*time.Second || got < 80*time.Second {
			t.Errorf("got %v", got)
		}
	}
}
