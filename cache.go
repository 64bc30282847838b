package jwtverify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"example.com/jwtverify/internal/aside"
	"example.com/jwtverify/internal/clock"
	"example.com/jwtverify/internal/fetch"
	"example.com/jwtverify/internal/jwk"
	"example.com/jwtverify/internal/notkeys"
	"example.com/jwtverify/internal/settings"
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
	jitter          = 0.2         // intervals and delays are 0.8 to 1 times their value, so that replicas drift apart
	minJittered     = time.Minute // shorter intervals get no jitter
	maxRetryDelay   = time.Minute
	coldRetryDelay  = 30 * time.Second // the longest while there is no usable key
	maxRetryAfter   = 5 * time.Minute  // an issuer that asks for an hour must not cause an outage of an hour
	coldRetryAfter  = time.Minute
	forgetForcing   = 5 * time.Minute // after this time without unknown kids the cooldown is short again
	maxEmptyTime    = time.Hour       // an empty set is a fault; if it lasts this long, a revocation
	ignoredCtxGrace = time.Second     // time for a source to return after its ctx has ended
	busyRetryAfter  = time.Second
)

// How many callers may wait for one fetch. Each is a goroutine of the caller's own;
// the bound limits how many of them an attacker can block with forged kids.
const (
	missQueue = 1_024  // for an unknown kid
	coldQueue = 16_384 // while there is no usable set, or an old one
)

// A Cache keeps the keys of a source fresh. It asks the source when the first token comes
// in. When the set has reached its age, it asks again, and tokens go on being verified with
// the old set meanwhile. When a token names an unknown kid, it asks at once, but with
// growing gaps, so that forged kids cannot cause a flood of fetches. While the source fails,
// the last good set stays in use for MaxStale. A kid that is not in that set is then
// unavailable (503), not unknown (401), since the key may be new.
//
// The zero value of each field but Source means its default. A value out of bounds is
// an error from [New], or from each call of Keys. Use a Cache as a pointer, do not
// copy it, and do not change its fields after first use. It is safe for concurrent
// use. One Cache may serve several verifiers. It needs no Close: it has no goroutine
// and no timer except during a fetch.
type Cache struct {
	// Source is asked for the keys. Required; not another Cache.
	Source KeySource

	// RefreshInterval is the age at which the set is fetched again: default 5
	// minutes, 10 seconds to 24 hours. A hint of the set, such as a max-age, can
	// only shorten it. While the source answers, a key that was removed there is
	// accepted for at most twice this time.
	RefreshInterval time.Duration

	// Cooldown is the shortest time between two fetches for unknown kids: default
	// 10 seconds, 1 second to 1 minute. While unknown kids keep coming, it
	// doubles, up to a minute.
	Cooldown time.Duration

	// MaxStale is the age up to which the last good set is used while the source
	// fails: default 24 hours, at most 7 days. A value below the refresh
	// interval means that interval.
	MaxStale time.Duration

	// Timeout bounds one fetch, from dialing to the last byte: default 5 seconds,
	// 100 milliseconds to 30 seconds. No caller waits longer than twice this.
	Timeout time.Duration

	// OnLoad, if not nil, is called after each fetch with its set, its error, or
	// both if a fallback was used. It is meant for logs and metrics, and delays
	// no caller.
	OnLoad func(*KeySet, error)

	// state is everything that a lookup depends on. It is replaced as a whole,
	// with mu held, and never changed. nil: nothing was fetched yet.
	state atomic.Pointer[cacheState]

	// mu is never held during I/O, hooks or waiting. It also guards stats and the
	// queues of the flight.
	mu    sync.Mutex
	stats Stats

	random func() float64 // source of the jitter; tests set it, to repeat a run
	calls  aside.Calls    // see heldSet
}

type cacheState struct {
	snapshot *snapshot // the set in use; nil: none
	flight   *flight   // the fetch in progress; nil: none
	stuck    bool      // no fetch may start: a call that ignored its ctx has not returned

	confirmed time.Time // start of the most recent good fetch that the issuer itself answered
	revoked   time.Time // sets from before this time were dropped, and are not accepted again
	trouble   trouble   // zero: the most recent finished fetch was good
	forced    forced
}

// trouble is what is known about failed fetches.
type trouble struct {
	err        error     // of the last one
	count      int       // in a row
	retryAt    time.Time // no fetch before
	empty      bool      // the last one returned a set without a usable key
	emptySince time.Time // since when only such sets came
}

// forced spaces the fetches for unknown kids.
type forced struct {
	at   time.Time     // when the last one started
	next time.Time     // no other before
	gap  time.Duration // that the next one will impose on the one after it
}

// A snapshot is the set in use, with its time and the times that follow from it.
type snapshot struct {
	set     *KeySet
	partial bool      // it came together with an error
	at      time.Time // when it was valid: at the start of its fetch, or when it was stored

	interval time.Duration
	dueAt    time.Time // from then on it is refreshed
	oldAt    time.Time // from then on it is not used before a fetch was tried
	deadAt   time.Time // from then on it is not used
}

// A flight is one call of the source. It belongs to none of the callers that wait
// for it, and has its own deadline.
type flight struct {
	started    time.Time
	forced     bool
	done       chan struct{} // closed when the state holds the result
	failed     bool          // written before done is closed
	miss, cold int           // callers that wait; guarded by the Cache's mu
}

func (st *cacheState) usable(now time.Time) bool {
	return st.snapshot != nil && !clock.Past(now, st.snapshot.deadAt)
}

func (st *cacheState) failing() bool { return st.trouble.err != nil }

// held reports whether no fetch may start now.
func (st *cacheState) held(now time.Time) bool {
	return st.stuck || !clock.Past(now, st.trouble.retryAt)
}

// old reports whether the set must not be used before a fetch was tried: it is older than
// twice its interval, and the source has not answered for an interval in which it could
// be asked. A failure before that says nothing about now.
func (st *cacheState) old(now time.Time) bool {
	return clock.Past(now, st.snapshot.oldAt) && !st.held(now) && clock.Past(now, st.trouble.retryAt.Add(st.snapshot.interval))
}

// current returns the state; before the first fetch, an empty one.
func (c *Cache) current() *cacheState {
	if st := c.state.Load(); st != nil {
		return st
	}
	return new(cacheState)
}

// A cacheAnswer is a set, and its keys for a query. No keys and no error means that the kid
// is unknown: according to a fetch that began after the caller arrived, or according to the
// set in use while the cooldown allows no fetch.
type cacheAnswer struct {
	set  *KeySet
	keys []Key
	age  time.Duration // of the set
}

// find answers a query. The error is always a *KeysUnavailableError: nothing is known.
func (c *Cache) find(ctx context.Context, q keyQuery, arrived time.Time) (cacheAnswer, error) {
	ctx = neverNil(ctx)
	if set := c.fresh(arrived); set != nil {
		if keys, known := set.find(q); known {
			return cacheAnswer{set: set, keys: keys}, nil
		}
	}
	var waited *flight
	for {
		var left error // made here: methods of the caller's ctx must not run with mu held
		if ctx.Err() != nil {
			left = callerGone(ctx)
		}
		answer, f, queue, err := c.decide(ctx, left, q, arrived, waited)
		if f == nil {
			return answer, err
		}
		if err := c.wait(ctx, f, queue); err != nil {
			return cacheAnswer{}, err
		}
		waited = f
	}
}

// fresh returns the set in use, or nil if it is due. It takes no lock and allocates
// nothing.
func (c *Cache) fresh(now time.Time) *KeySet {
	if st := c.state.Load(); st != nil && st.snapshot != nil && !clock.Past(now, st.snapshot.dueAt) {
		return st.snapshot.set
	}
	return nil
}

// decide looks at the state once, for a caller that has or has not yet waited for
// a flight. left is the error if the caller's ctx has ended. It returns the answer
// or the flight to wait for.
//
//	              known kid                         unknown kid
//	no usable set wait for a fetch                  wait for a fetch
//	fresh         at once                           in the cooldown: unknown; else one forced fetch
//	due           at once, and start a fetch        wait for that fetch
//	old           wait for a fetch, then the key    wait for that fetch
//	failing       at once; if due, start a retry    wait for the retry
//
// Old goes before failing, and failing before fresh and due. If a caller would have to wait
// but no fetch may start (it is held), or if the wait ended in a failure, the answer is
// "unavailable"; in the row "old" it is the key. A kid whose keys did not make the signature
// is treated as unknown: the issuer may have given the kid to a new key.
func (c *Cache) decide(ctx context.Context, left error, q keyQuery, arrived time.Time, waited *flight) (answer cacheAnswer, wait *flight, queue *int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	st, now := c.current(), time.Now()
	usable := st.usable(now)
	due, old, known := false, false, false
	if usable {
		answer.set, answer.age = st.snapshot.set, clock.Since(now, st.snapshot.at)
		answer.keys, known = answer.set.find(q)
		due, old = clock.Past(now, st.snapshot.dueAt), st.old(now)
	}
	forced, mustWait := false, old && waited == nil
	askedSince := !st.failing() && !st.confirmed.Before(arrived)
	switch {
	case known && !mustWait:
		if due && st.flight == nil && !st.held(now) && left == nil {
			c.start(ctx, st, now, false)
		}
		return answer, nil, nil, nil
	case known: // wait
	case !usable && (waited != nil || st.held(now)):
		return answer, nil, nil, st.unavailable(now, waited == nil)
	case !usable: // wait
	// From here on the kid is unknown, in a usable set.
	case waited != nil && waited.failed:
		return cacheAnswer{}, nil, nil, st.unavailable(now, false)
	case askedSince:
		return answer, nil, nil, nil
	case st.flight != nil:
		// Wait: if it started before the caller arrived, another fetch follows.
	case st.held(now):
		return cacheAnswer{}, nil, nil, st.unavailable(now, true)
	case st.failing() || due: // wait for a fetch that costs no cooldown
	case q.tried != nil && !clock.Past(now, st.confirmed.Add(cmp.Or(c.Cooldown, defaultCooldown))):
		return answer, nil, nil, nil // these keys are new enough
	case q.names == jwk.Names{} && q.tried == nil || !clock.Past(now, st.forced.next):
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
		Err:        fmt.Errorf("%d callers are already waiting for the key source", limit),
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

// unavailable is the error while the source fails. held: the source was not asked
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
	after := (st.trouble.retryAt.Sub(now) + time.Second - 1).Truncate(time.Second)
	after = min(max(after, minRetryAfter), maxRetryAfter)
	return &KeysUnavailableError{RetryAfter: after, Reason: reason, Err: err, held: held}
}

// start starts a flight, with mu held. A forced one is for an unknown kid in a set
// that is not due. It must not be answered with what is held already, and the next
// one has to wait for the cooldown.
func (c *Cache) start(ctx context.Context, st *cacheState, now time.Time, forced bool) *flight {
	f := &flight{started: now, forced: forced, done: make(chan struct{})}
	next := *st
	next.flight = f
	held := heldSet{calls: &c.calls}
	c.stats.Fetches++
	if forced {
		c.stats.Forced++
		if next.forced.gap == 0 || clock.Past(now, st.forced.at.Add(forgetForcing)) {
			next.forced.gap = cmp.Or(c.Cooldown, defaultCooldown)
		}
		next.forced.at, next.forced.next = now, now.Add(next.forced.gap)
		next.forced.gap = min(2*next.forced.gap, maxCooldown)
	} else if st.snapshot != nil {
		held.set, held.failed = st.snapshot.set, st.failing()
	}
	c.state.Store(&next)
	go c.fly(ctx, f, held)
	return f
}

// fly calls the source. The deadline of ctx is the flight's own; its values, such as a trace,
// come from the caller that started the flight. The goroutine ends after the call of the
// source and OnLoad.
func (c *Cache) fly(ctx context.Context, f *flight, held heldSet) {
	timeout := cmp.Or(c.Timeout, defaultTimeout)
	ctx = context.WithValue(context.WithoutCancel(ctx), heldSetKey{}, held)
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	// Sources that wrap others need the extra time to fall back when the inner
	// source hung until the end of ctx. After that the callers are released, and
	// no second call starts while the first one hangs.
	overdue := time.AfterFunc(timeout+ignoredCtxGrace, func() {
		err := fmt.Errorf("the key source did not return within %v, nor when its context ended", timeout)
		c.land(f, nil, &notkeys.Error{Code: "keys-timeout", Err: err}, true)
	})
	var set *KeySet
	err := aside.ErrEnded
	defer func() {
		overdue.Stop()
		c.land(f, set, err, false)
	}()
	set, err = ask(ctx, c.Source)
}

// land puts the result of a flight into the state and releases the callers.
func (c *Cache) land(f *flight, set *KeySet, err error, overdue bool) {
	// First do what takes time or runs methods of the source's error: not with mu held.
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
		// It was given up as overdue, and its result is too late. But the call
		// has returned, so another may start.
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
		err = errors.New("the keys were already too old when they arrived")
	}
	if err == nil {
		next.trouble = trouble{}
		if f.forced || set.origin.age == 0 { // otherwise an HTTP cache between us and the issuer answered
			next.confirmed = f.started
		}
	} else {
		c.stats.Failures++
		c.fail(&next, err, after, now)
	}
	f.failed = err != nil
	c.state.Store(&next)
	c.mu.Unlock()

	close(f.done)
	if c.OnLoad != nil {
		defer func() { _ = recover() }() // its panic must not end the program
		c.OnLoad(set, err)
	}
}

// publish puts a set in use, unless the one in use is better. A partial answer never
// replaces keys of the real source. No set replaces a newer one, except one that was
// fetched because of an unknown kid: there is no better way to ask.
func (c *Cache) publish(next *cacheState, set *KeySet, f *flight, partial bool, now time.Time) (published bool) {
	if partial && next.usable(now) && !next.snapshot.partial {
		return false
	}
	interval := cmp.Or(c.RefreshInterval, defaultRefreshInterval)
	if hint := set.origin.refreshAfter; hint > 0 {
		interval = min(hint, interval)
	}
	asked, at := f.started, f.started.Add(-set.origin.age)
	if saved := set.origin.savedAt; !saved.IsZero() {
		// The time comes from another process, so compare wall clocks.
		at = now.Add(-max(now.Round(0).Sub(saved), 0))
		asked = at
	}
	inUse := next.snapshot
	older := inUse != nil && at.Before(inUse.at) && (partial || !inUse.partial)
	switch published = true; {
	case at.Before(next.revoked), older && set.origin.age == 0:
		return false
	case older && !f.forced:
		// An HTTP cache on the way has an older answer, or the same one: its Age is
		// rounded to seconds. The set in use stays, and is due when this one would be.
		set, at, published = inUse.set, inUse.at, false
	}
	due := interval
	if interval >= minJittered {
		due = clock.Jittered(c.random, jitter, interval)
	}
	life := max(interval, cmp.Or(c.MaxStale, defaultMaxStale))
	next.snapshot = &snapshot{
		set:      set,
		partial:  partial,
		at:       at,
		interval: interval,
		dueAt:    asked.Add(min(due, life-asked.Sub(at))),
		oldAt:    asked.Add(2 * interval),
		deadAt:   at.Add(life),
	}
	return published
}

// fail counts a failed fetch and sets the time of the next one: after 1, 2, 4 …
// seconds, or later if the source asks for that.
func (c *Cache) fail(st *cacheState, err error, wish time.Duration, now time.Time) {
	_, st.trouble.empty = err.(*emptyError)
	st.trouble.err = err
	st.trouble.count++
	switch {
	case !st.trouble.empty:
		st.trouble.emptySince = time.Time{}
	case st.trouble.emptySince.IsZero():
		st.trouble.emptySince = now
	case clock.Past(now, st.trouble.emptySince.Add(maxEmptyTime)):
		st.snapshot, st.revoked = nil, st.trouble.emptySince
	}

	longest, longestWish := coldRetryDelay, coldRetryAfter
	if st.usable(now) {
		longest = min(max(st.snapshot.interval, minRefreshInterval), maxRetryDelay)
		longestWish = maxRetryAfter
	}
	delay := clock.Jittered(c.random, jitter, min(time.Second<<min(st.trouble.count-1, 10), longest))
	st.trouble.retryAt = now.Add(max(delay, min(wish, longestWish)))
}

// Keys returns the set in use. If there is none yet, it waits for the first fetch. So
// a Cache is itself a [KeySource]. The error is a [*KeysUnavailableError], or says
// which field of the Cache is wrong. ctx bounds the wait.
func (c *Cache) Keys(ctx context.Context) (*KeySet, error) {
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("jwtverify: %w", err)
	}
	answer, err := c.find(ctx, keyQuery{any: true}, time.Now())
	return answer.set, err
}

// ready is Keys without any fetch if there is a usable set.
func (c *Cache) ready(ctx context.Context) (err error) {
	if !c.current().usable(time.Now()) {
		_, err = c.find(ctx, keyQuery{any: true}, time.Now())
	}
	return err
}

func (c *Cache) checkNames() error { return checkNames(c.Source) }

func (c *Cache) check() error {
	if c == nil {
		return errors.New("the *Cache is nil")
	}
	if err := checkInner(c.Source); err != nil {
		return fmt.Errorf("Cache.Source: %w", err)
	}
	return cmp.Or(
		settings.Within("Cache.RefreshInterval", c.RefreshInterval, minRefreshInterval, maxRefreshInterval),
		settings.Within("Cache.Cooldown", c.Cooldown, minCooldown, maxCooldown),
		settings.Within("Cache.MaxStale", c.MaxStale, 1, maxMaxStale),
		settings.Within("Cache.Timeout", c.Timeout, minTimeout, maxTimeout))
}

// Stats holds what the callers of a [Cache] cannot see from their own errors. Raise
// an alarm when Err is not nil and Age grows. A growing Forced means that somebody
// sends unknown kids, or that the issuer uses new keys before it publishes them.
type Stats struct {
	Keys int           // usable keys of the set in use; 0: there is none
	Age  time.Duration // of the set in use
	Err  error         // of the most recent finished fetch; nil: it was good

	Fetches  uint64 // all calls of the source
	Forced   uint64 // those for an unknown kid
	Failures uint64 // those that failed
	Shed     uint64 // callers refused because too many were waiting
}

// Stats returns the current figures. Counters only grow.
func (c *Cache) Stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	stats, st, now := c.stats, c.current(), time.Now()
	stats.Err = st.trouble.err
	if st.usable(now) {
		stats.Keys, stats.Age = st.snapshot.set.Len(), clock.Since(now, st.snapshot.at)
	}
	return stats
}
