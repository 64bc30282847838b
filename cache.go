package jwtverify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"example.com/jwtverify/internal/fetch"
	"example.com/jwtverify/internal/quote"
)

// Defaults and bounds of the fields of a Cache.
const (
	defaultRefreshInterval = 5 * time.Minute
	defaultCooldown        = 10 * time.Second
	minCooldown            = time.Second
	maxCooldown            = time.Minute
	defaultMaxStale        = 24 * time.Hour
	maxMaxStale            = 7 * 24 * time.Hour
	defaultTimeout         = 5 * time.Second
	minTimeout             = 100 * time.Millisecond
	maxTimeout             = 30 * time.Second
)

const (
	// Replicas that were started together drift apart: intervals and delays are
	// 0.8 to 1 times their value.
	jitter          = 0.2
	minJittered     = time.Minute // an interval below is kept as it is
	maxRetryDelay   = time.Minute
	coldRetryDelay  = 30 * time.Second // the most when there is no key to go on with
	maxRetryAfter   = 5 * time.Minute  // an issuer's wish for an hour must not cost an hour
	coldRetryAfter  = time.Minute
	forgetForcing   = 5 * time.Minute // without unknown kids the cooldown is short again
	maxEmptyTime    = time.Hour       // an empty set is a fault; one that lasts, a revocation
	ignoredCtxGrace = time.Second     // for a source to give up when its ctx has ended
	busyRetryAfter  = time.Second
	minRetryAfter   = time.Second
)

// How many callers may wait for one fetch. Each is a goroutine that the callers have
// anyway; what is bounded is how many an attacker can park with made-up kids.
const (
	missQueue = 1_024  // for an unknown kid
	coldQueue = 16_384 // while there is no key, or none that is fresh
)

// A Cache keeps the keys of a source fresh. It asks the source when the first token
// comes in; again when the set has reached its age, while tokens go on being verified
// with the old one; and at once when a token names an unknown kid, though with growing
// gaps, so that made-up kids cannot turn it into a flood. While the source fails,
// the last good set stays in use for MaxStale.
//
// The zero value of each field but Source means its default; a value out of bounds is
// an error from [New], or from each call of Keys. A Cache is used as a pointer, must
// not be copied, and its fields must not be changed after first use. It is safe for
// concurrent use, one Cache may serve several verifiers, and it needs no Close: it has
// no goroutine and no timer except during a fetch.
type Cache struct {
	// Source is asked for the keys. Required; not another Cache.
	Source KeySource

	// RefreshInterval is the age at which the set is due, if it carries no hint
	// of its own such as a max-age: default 5 minutes, 10 seconds to 24 hours. If
	// set, it also bounds such hints. A key that was removed at the source is
	// accepted for at most twice this time while the source answers.
	RefreshInterval time.Duration

	// Cooldown is the least time between two fetches for unknown kids: default 10
	// seconds, 1 second to 1 minute. It doubles up to a minute while unknown kids
	// keep coming.
	Cooldown time.Duration

	// MaxStale is the age up to which the last good set is used while the source
	// fails: default 24 hours, at most 7 days. Less than the refresh interval
	// means that interval.
	MaxStale time.Duration

	// Timeout bounds one fetch, from dialing to the last byte: default 5 seconds,
	// 100 milliseconds to 30 seconds. No caller waits longer than twice this.
	Timeout time.Duration

	// OnLoad, if not nil, is called after each fetch with its set, its error, or
	// both if a fallback served: for logs and metrics. It delays nobody.
	OnLoad func(*KeySet, error)

	// state is all that a lookup decides by; it is replaced as a whole, with mu
	// held, and never changed. nil: nothing was fetched yet.
	state atomic.Pointer[cacheState]

	// mu is never held across I/O, hooks or waiting. It also guards stats and the
	// queues of the flight.
	mu    sync.Mutex
	stats Stats

	// random is what jitter is drawn from, rand.Float64 if nil. Tests set it, so that a
	// run can be repeated.
	random func() float64
}

type cacheState struct {
	snapshot *snapshot // the set in use; nil: none
	flight   *flight   // the fetch that runs; nil: none
	stuck    bool      // no fetch now: a call that ignored its ctx has not returned

	confirmed time.Time // start of the most recent good fetch
	revoked   time.Time // sets from before were dropped, and are not taken again
	trouble   trouble   // zero: the most recent finished fetch was good
	forced    forced
}

// trouble is what failed fetches have left.
type trouble struct {
	err        error     // of the last one
	count      int       // in a row
	retryAt    time.Time // no fetch before
	empty      bool      // the last one brought a set without usable key
	emptySince time.Time // since when nothing but such sets came
}

// forced spaces the fetches for unknown kids.
type forced struct {
	at   time.Time     // when the last one started
	next time.Time     // no other before
	gap  time.Duration // between that one and the one behind it
}

// A snapshot is the set in use, with its time and what follows from that.
type snapshot struct {
	set     *KeySet
	partial bool      // it came beside an error
	at      time.Time // when it was true: at the start of its fetch, or when it was stored

	interval time.Duration
	dueAt    time.Time // from then on it is refreshed
	oldAt    time.Time // from then on nobody uses it before a fetch was tried
	deadAt   time.Time // from then on nobody uses it
}

// A flight is one call of the source. It belongs to none of the callers that wait
// for it, and ends by its own deadline.
type flight struct {
	started    time.Time
	done       chan struct{} // closed when the state holds the result
	failed     bool          // written before done is closed
	miss, cold int           // callers that wait; guarded by the Cache's mu
}

func (st *cacheState) usable(now time.Time) bool {
	return st.snapshot != nil && now.Before(st.snapshot.deadAt)
}

func (st *cacheState) failing() bool { return st.trouble.err != nil }

// held reports whether no fetch may start now.
func (st *cacheState) held(now time.Time) bool { return st.stuck || now.Before(st.trouble.retryAt) }

// current returns the state; before the first fetch, an empty one.
func (c *Cache) current() *cacheState {
	if st := c.state.Load(); st != nil {
		return st
	}
	return new(cacheState)
}

// find returns the set in use and its keys for a query; no key if the source has
// confirmed that there is none, as recently as it may be asked since the caller
// arrived. The error, always a *KeysUnavailableError, means that nobody knows.
func (c *Cache) find(ctx context.Context, q keyQuery, arrived time.Time) (*KeySet, []Key, error) {
	ctx = neverNil(ctx)
	if set := c.fresh(arrived); set != nil {
		if keys, known := set.find(q); known {
			return set, keys, nil
		}
	}
	var waited *flight
	for {
		var left error // made here, since methods of the caller's ctx must not run with mu held
		if ctx.Err() != nil {
			left = callerGone(ctx)
		}
		answer, f, queue, err := c.decide(ctx, left, q, arrived, waited)
		if f == nil {
			return answer.set, answer.keys, err
		}
		if err := c.wait(ctx, f, queue); err != nil {
			return nil, nil, err
		}
		waited = f
	}
}

// fresh returns the set in use if it is not due, or nil: without lock or allocation.
func (c *Cache) fresh(now time.Time) *KeySet {
	if st := c.state.Load(); st != nil && st.snapshot != nil && now.Before(st.snapshot.dueAt) {
		return st.snapshot.set
	}
	return nil
}

type cacheAnswer struct {
	set  *KeySet
	keys []Key
}

// decide is one look at the state, by a caller that has waited for a flight or not
// yet; left is the error of one whose ctx has ended. It returns the answer or the
// flight to wait for.
//
//	              known kid                            unknown kid
//	no usable set wait for a fetch; held: unavailable  the same
//	fresh         at once                              unknown, or one forced fetch
//	due           at once, start a fetch               wait for that fetch
//	old           wait for a fetch, whatever it brings wait for that fetch
//	failing       at once; when due, start a retry     wait for the retry; held: unavailable
func (c *Cache) decide(ctx context.Context, left error, q keyQuery, arrived time.Time, waited *flight) (answer cacheAnswer, wait *flight, queue *int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	st, now := c.current(), time.Now()
	usable := st.usable(now)
	due, old, known := false, false, false
	if usable {
		answer.set = st.snapshot.set
		answer.keys, known = answer.set.find(q)
		due = !now.Before(st.snapshot.dueAt)
		old = !now.Before(st.snapshot.oldAt) && !st.failing()
	}
	forced := false
	switch {
	case known && !(old && waited == nil):
		if due && st.flight == nil && !st.held(now) && left == nil {
			c.start(ctx, st, now, false)
		}
		return answer, nil, nil, nil
	case known:
	case !usable && (waited != nil || st.held(now)):
		return answer, nil, nil, st.unavailable(now, waited == nil)
	case !usable:
	// From here on the kid is unknown, in a usable set.
	case waited != nil && waited.failed:
		return cacheAnswer{}, nil, nil, st.unavailable(now, false)
	case !st.failing() && !st.confirmed.Before(arrived):
		return answer, nil, nil, nil // the source was asked after the caller came
	case st.flight != nil:
		// It may have started before the caller came; then one more follows.
	case st.held(now):
		return cacheAnswer{}, nil, nil, st.unavailable(now, true)
	case st.failing() || due:
	case q.kid == "" || now.Before(st.forced.next):
		return answer, nil, nil, nil
	default:
		forced = true
	}

	if left != nil {
		return cacheAnswer{}, nil, nil, left
	}
	f := st.flight
	if f == nil {
		f = c.start(ctx, st, now, forced)
	}
	queue, limit := &f.miss, missQueue
	if known || !usable {
		queue, limit = &f.cold, coldQueue
	}
	switch {
	case *queue < limit:
		*queue++
		return cacheAnswer{}, f, queue, nil
	case known:
		return answer, nil, nil, nil
	}
	c.stats.Shed++
	return cacheAnswer{}, nil, nil, &KeysUnavailableError{
		RetryAfter: busyRetryAfter,
		Reason:     "busy",
		Err:        fmt.Errorf("%d callers wait for the key source already", limit),
	}
}

// wait returns nil at the end of the flight, or an error as soon as ctx ends.
func (c *Cache) wait(ctx context.Context, f *flight, queue *int) error {
	select {
	case <-f.done:
		return nil
	case <-ctx.Done():
		c.mu.Lock()
		*queue--
		c.mu.Unlock()
		return callerGone(ctx)
	}
}

// callerGone is the error of a caller whose context ended first.
func callerGone(ctx context.Context) error {
	err := ctx.Err()
	if cause := context.Cause(ctx); cause != err {
		err = fmt.Errorf("%w: %w", err, notInvalid(cause))
	}
	return &KeysUnavailableError{RetryAfter: minRetryAfter, Reason: "caller", Err: err}
}

// unavailable is the error while the source fails; held, if the source was not asked
// for this caller.
func (st *cacheState) unavailable(now time.Time, held bool) error {
	reason := "failing"
	if st.trouble.empty {
		reason = "empty"
	}
	err := st.trouble.err
	if err == nil {
		err = errors.New("there were no keys at the time")
	}
	after := min(max(st.trouble.retryAt.Sub(now), minRetryAfter), maxRetryAfter)
	return &KeysUnavailableError{RetryAfter: after, Reason: reason, Err: err, held: held}
}

// start starts a flight, with mu held. A forced one is for an unknown kid, in a set
// that is not due: it must not be answered by what is held already, and the next has
// to keep its distance.
func (c *Cache) start(ctx context.Context, st *cacheState, now time.Time, forced bool) *flight {
	f := &flight{started: now, done: make(chan struct{})}
	next := *st
	next.flight = f
	var held heldSet
	c.stats.Fetches++
	if forced {
		c.stats.Forced++
		if next.forced.gap == 0 || now.Sub(st.forced.at) >= forgetForcing {
			next.forced.gap = c.cooldown()
		}
		next.forced.at, next.forced.next = now, now.Add(next.forced.gap)
		next.forced.gap = min(2*next.forced.gap, maxCooldown)
	} else if st.snapshot != nil {
		held = heldSet{st.snapshot.set, st.failing()}
	}
	c.state.Store(&next)
	go c.fly(ctx, f, held)
	return f
}

// fly calls the source. The deadline of ctx is the flight's own; its values, such as
// a trace, are those of the caller that started it. The goroutine ends with the call
// of the source and of OnLoad.
func (c *Cache) fly(ctx context.Context, f *flight, held heldSet) {
	timeout := cmp.Or(c.Timeout, defaultTimeout)
	ctx = context.WithValue(context.WithoutCancel(ctx), heldSetKey{}, held)
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	// Wrappers need the moment of grace to fall back when their source hung to the
	// end of ctx. After that the callers are let go, and no second call is made
	// beside the one that hangs.
	overdue := time.AfterFunc(timeout+ignoredCtxGrace, func() {
		err := fmt.Errorf("the key source did not return within %v, nor when its context ended", timeout)
		c.land(f, nil, &codedError{"keys-timeout", "", err}, true)
	})
	var set *KeySet
	err := errors.New("the key source ended its goroutine")
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the key source panicked: %s", quote.Text(fmt.Sprint(p), 100))
		}
		overdue.Stop()
		c.land(f, set, err, false)
	}()
	set, err = ask(ctx, c.Source)
	err = notInvalid(err)
}

// land puts the result of a flight into the state and lets the callers go.
func (c *Cache) land(f *flight, set *KeySet, err error, overdue bool) {
	// First what takes time or runs methods of the source's error: not with mu held.
	after := time.Duration(0)
	if refused := (*fetch.Refused)(nil); errors.As(err, &refused) {
		after = refused.RetryAfter
	}
	changed := false
	if set != nil {
		var inUse *KeySet
		if st := c.current(); st.snapshot != nil {
			inUse = st.snapshot.set
		}
		set, changed = set.keeping(inUse)
	}

	c.mu.Lock()
	next := *c.current()
	if next.flight != f {
		// It was given up as overdue. What it brought is late; but now it has
		// returned, and another may start.
		if !overdue {
			next.stuck = false
			c.state.Store(&next)
		}
		c.mu.Unlock()
		return
	}
	now := time.Now()
	next.flight = nil
	next.stuck = overdue
	if set != nil && c.publish(&next, set, f, err != nil, now) && changed {
		next.forced.gap = 0
	}
	if err == nil && !next.usable(now) {
		err = errors.New("the keys were too old when they came")
	}
	if err == nil {
		next.trouble = trouble{}
		next.confirmed = f.started
	} else {
		c.stats.Failures++
		c.fail(&next, err, after, now)
	}
	f.failed = err != nil
	c.state.Store(&next)
	c.mu.Unlock()

	close(f.done)
	if c.OnLoad != nil {
		c.OnLoad(set, err)
	}
}

// publish puts a set in use, unless what is in use is better: a partial answer never
// displaces keys of the real source, and no set displaces a newer one.
func (c *Cache) publish(next *cacheState, set *KeySet, f *flight, partial bool, now time.Time) bool {
	if partial && next.usable(now) && !next.snapshot.partial {
		return false
	}
	at := f.started
	if saved := set.origin.savedAt; !saved.IsZero() {
		// The only use of the wall clock: a time from another process.
		at = now.Add(-max(now.Round(0).Sub(saved), 0))
	}
	if at.Before(next.revoked) || next.snapshot != nil && at.Before(next.snapshot.at) {
		return false
	}
	interval := c.interval(set)
	due := interval
	if interval >= minJittered {
		due = c.jittered(interval)
	}
	next.snapshot = &snapshot{
		set:      set,
		partial:  partial,
		at:       at,
		interval: interval,
		dueAt:    at.Add(due),
		oldAt:    at.Add(2 * interval),
		deadAt:   at.Add(max(interval, cmp.Or(c.MaxStale, defaultMaxStale))),
	}
	return true
}

// interval is the age at which a set is due.
func (c *Cache) interval(set *KeySet) time.Duration {
	switch hint := set.origin.refreshAfter; {
	case hint == 0:
		return cmp.Or(c.RefreshInterval, defaultRefreshInterval)
	case c.RefreshInterval == 0:
		return hint
	default:
		return min(hint, c.RefreshInterval)
	}
}

func (c *Cache) cooldown() time.Duration { return cmp.Or(c.Cooldown, defaultCooldown) }

// fail counts a failed fetch and sets the time of the next: after 1, 2, 4 … seconds,
// or when the source wishes.
func (c *Cache) fail(st *cacheState, err error, wish time.Duration, now time.Time) {
	_, st.trouble.empty = err.(*emptyError)
	st.trouble.err = err
	st.trouble.count++
	switch {
	case !st.trouble.empty:
		st.trouble.emptySince = time.Time{}
	case st.trouble.emptySince.IsZero():
		st.trouble.emptySince = now
	case now.Sub(st.trouble.emptySince) >= maxEmptyTime:
		st.snapshot, st.revoked = nil, st.trouble.emptySince
	}

	longest, longestWish := coldRetryDelay, coldRetryAfter
	if st.usable(now) {
		longest = min(max(st.snapshot.interval, minRefreshInterval), maxRetryDelay)
		longestWish = maxRetryAfter
	}
	delay := c.jittered(min(time.Second<<min(st.trouble.count-1, 10), longest))
	st.trouble.retryAt = now.Add(max(delay, min(wish, longestWish)))
}

func (c *Cache) jittered(d time.Duration) time.Duration {
	random := c.random
	if random == nil {
		random = rand.Float64
	}
	return d - time.Duration(jitter*random()*float64(d))
}

// Keys returns the set in use, after the first fetch if there is none yet: a Cache is
// a [KeySource] itself. The error is a [*KeysUnavailableError], or says which field of
// the Cache is wrong. ctx bounds the waiting.
func (c *Cache) Keys(ctx context.Context) (*KeySet, error) {
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("jwtverify: %w", err)
	}
	set, _, err := c.find(ctx, keyQuery{any: true}, time.Now())
	return set, err
}

// ready is Keys without any fetch if there is a usable set.
func (c *Cache) ready(ctx context.Context) error {
	if c.current().usable(time.Now()) {
		return nil
	}
	_, _, err := c.find(ctx, keyQuery{any: true}, time.Now())
	return err
}

func (c *Cache) check() error {
	if c == nil {
		return errors.New("the *Cache is nil")
	}
	if err := checkInner(c.Source); err != nil {
		return fmt.Errorf("Cache.Source: %w", err)
	}
	for _, field := range []struct {
		name            string
		value, min, max time.Duration
	}{
		{"Cache.RefreshInterval", c.RefreshInterval, minRefreshInterval, maxRefreshInterval},
		{"Cache.Cooldown", c.Cooldown, minCooldown, maxCooldown},
		{"Cache.MaxStale", c.MaxStale, 1, maxMaxStale},
		{"Cache.Timeout", c.Timeout, minTimeout, maxTimeout},
	} {
		if field.value != 0 && (field.value < field.min || field.value > field.max) {
			return fmt.Errorf("%s is %v: want %v to %v, or 0 for the default", field.name, field.value, field.min, field.max)
		}
	}
	return nil
}

// Stats is what the callers of a [Cache] cannot see from their own errors. Raise an
// alarm on an Err with a growing Age; a growing Forced means that somebody sends
// unknown kids, or that the issuer uses new keys before it publishes them.
type Stats struct {
	Keys int           // usable keys of the set in use; 0: there is none
	Age  time.Duration // of the set in use
	Err  error         // of the most recent finished fetch; nil: it was good

	Fetches  uint64 // calls of the source
	Forced   uint64 // those for an unknown kid
	Failures uint64 // those that failed
	Shed     uint64 // callers turned away because too many waited
}

// Stats returns the figures of this moment. Counters only grow.
func (c *Cache) Stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	stats, st, now := c.stats, c.current(), time.Now()
	stats.Err = st.trouble.err
	if st.usable(now) {
		stats.Keys, stats.Age = st.snapshot.set.Len(), now.Sub(st.snapshot.at)
	}
	return stats
}
