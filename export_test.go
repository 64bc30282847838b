package jwtverify

import (
	"context"
	"time"
	"unsafe"

	"example.com/jwtverify/internal/jwk"
)

// What package jwtverify_test sees of the inside: the queues and the state of a Cache,
// the lookup without the token around it, and what no caller can bring about.

// Waiting returns how many callers wait for the fetch that runs.
func Waiting(c *Cache) (miss, cold int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f := c.current().flight; f != nil {
		return f.miss, f.cold
	}
	return 0, 0
}

// InFlight reports whether a fetch runs that has not been given up.
func InFlight(c *Cache) bool { return c.current().flight != nil }

// Find is the lookup by itself, without the token around it.
func Find(c *Cache, kid string) (known bool) {
	answer, err := c.find(context.Background(), keyQuery{names: jwk.Names{ID: kid}, hasKid: true}, time.Now())
	return err == nil && len(answer.keys) > 0
}

// Locked calls f while a Cache is locked: who wants its lock meanwhile waits forever.
func Locked(c *Cache, f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f()
}

// SetRandom sets what the jitter of a Cache is drawn from.
func SetRandom(c *Cache, random func() float64) { c.random = random }

// Refetch makes the next look-up of a verifier ask the key source: nobody can turn a
// clock there while tokens stay valid.
func Refetch(v *Verifier) {
	st := *v.cache.current()
	if st.snapshot == nil {
		return
	}
	dead := *st.snapshot
	dead.dueAt, dead.deadAt = time.Time{}, time.Time{}
	st.snapshot = &dead
	v.cache.state.Store(&st)
}

// RememberedBytes is what the verified tokens of a verifier are counted as.
func RememberedBytes(v *Verifier) int64 { return v.verified.Bytes() }

// ReadHeader reads the first segment of a token.
func ReadHeader(segment string) error {
	_, err := readHeader(segment)
	return err
}

// SetOrigin makes a set one that was fetched from an address; Origin returns that, and
// the age at which the source wants it fetched again.
func SetOrigin(s *KeySet, url string) { s.origin = origin{url: url, etag: `"1"`} }

func Origin(s *KeySet) (url string, refreshAfter time.Duration) {
	return s.origin.url, s.origin.refreshAfter
}

// Suspend makes a Cache as if the machine had slept for d: the wall clock went on, the
// monotonic one did not. The times of its state are changed, by the layout of time.Time,
// since nobody can change the clocks of a bubble.
func Suspend(c *Cache, d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	st := *c.current()
	times := []*time.Time{&st.confirmed, &st.revoked, &st.trouble.retryAt, &st.trouble.emptySince, &st.forced.at, &st.forced.next}
	if st.snapshot != nil {
		copied := *st.snapshot
		st.snapshot = &copied
		times = append(times, &copied.at, &copied.dueAt, &copied.oldAt, &copied.deadAt)
	}
	for _, t := range times {
		if wall := (*uint64)(unsafe.Pointer(t)); *wall>>63 == 1 {
			*wall -= uint64(d/time.Second) << 30
		} else if !t.IsZero() { // of a bubble, which has no monotonic clock
			*t = t.Add(-d)
		}
	}
	c.state.Store(&st)
}
