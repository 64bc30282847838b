package jwtverify_test

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"example.com/jwtverify"
)

// The small language of the tests of Cache: a rig is a Cache with a source that does as
// it is told; calls come at once, spread or in turn; answers are what the source does;
// a stage holds the rigs of a test and checks figures.

const (
	fetchTime = 50 * time.Millisecond
	ms        = time.Millisecond
)

// A rig is a Cache with a source that does as it is told and writes down each call.
type rig struct {
	tb       testing.TB
	cache    *jwtverify.Cache
	verifier *jwtverify.Verifier
	zero     time.Time

	// RSA takes 28 µs per token, which a day of one token each second makes long.
	// cheap tokens have a signature that is too short, for which no arithmetic is
	// done: ErrSignature says that the key was found, and is counted as ok.
	cheap bool

	mu          sync.Mutex // guards what follows
	answer      answer
	fetches     []fetch
	landings    []landing
	running     int
	mostRunning int
	mostWaiting int
	forced      uint64
	tally       tally
}

// An answer is what the source does when it is called.
type answer func(context.Context) (*jwtverify.KeySet, error)

type fetch struct {
	start  time.Duration
	forced bool
}

// A landing is a fetch that has ended, as OnLoad told.
type landing struct {
	at  time.Duration
	set *jwtverify.KeySet
	err error
}

type tally struct {
	ok, refused, unavailable int
	longest                  time.Duration // wait for a kid that has a key
}

type result struct {
	kid   string
	start time.Duration
	wait  time.Duration
	err   error // nil for ok, also with a cheap token
}

func (r result) ok() bool          { return r.err == nil }
func (r result) refused() bool     { return errors.Is(r.err, jwtverify.ErrUnknownKey) }
func (r result) unavailable() bool { return errors.Is(r.err, jwtverify.ErrKeysUnavailable) }
func (r result) end() time.Duration {
	return r.start + r.wait
}

func (r result) unavailableError() *jwtverify.KeysUnavailableError {
	var unavailable *jwtverify.KeysUnavailableError
	if !errors.As(r.err, &unavailable) {
		return &jwtverify.KeysUnavailableError{}
	}
	return unavailable
}

// All that is random in the tests of Cache follows from the seed, so that a run can be
// repeated: the jitter of each Cache too.
var firstSeed = flag.Uint64("seed", 1, "seed of jitter, and of the first random program")

// newRig builds a rig whose jitter follows from a seed. cache holds the fields other than Source; nil: the defaults.
func newRig(tb testing.TB, seed uint64, cache *jwtverify.Cache, first answer) *rig {
	tb.Helper()
	if cache == nil {
		cache = &jwtverify.Cache{}
	}
	r := &rig{tb: tb, cache: cache, zero: time.Now(), answer: first}
	cache.Source = jwtverify.KeySourceFunc(r.fetch)
	jwtverify.SetRandom(cache, rand.New(rand.NewPCG(seed, 1)).Float64)
	onLoad := cache.OnLoad
	cache.OnLoad = func(set *jwtverify.KeySet, err error) {
		r.mu.Lock()
		r.landings = append(r.landings, landing{r.now(), set, err})
		r.mu.Unlock()
		if onLoad != nil {
			onLoad(set, err)
		}
	}
	r.verifier = newVerifier(tb, jwtverify.Config{Keys: cache})
	return r
}

// warm makes the call that loads the keys, and lets t = 0 be its return.
func (r *rig) warm() *rig {
	r.tb.Helper()
	_, err := r.cache.Keys(context.Background())
	if err != nil {
		r.tb.Fatalf("warming: %v", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	shift := r.now()
	r.zero = time.Now()
	for i := range r.fetches {
		r.fetches[i].start -= shift
	}
	for i := range r.landings {
		r.landings[i].at -= shift
	}
	return r
}

func (r *rig) now() time.Duration { return time.Since(r.zero) }

// until sleeps to the given time after t = 0.
func (r *rig) until(t time.Duration) { time.Sleep(t - r.now()) }

func (r *rig) set(a answer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = a
}

// fetch is the source.
func (r *rig) fetch(ctx context.Context) (*jwtverify.KeySet, error) {
	forced := r.cache.Stats().Forced
	r.mu.Lock()
	r.fetches = append(r.fetches, fetch{r.now(), forced > r.forced})
	r.forced = forced
	r.running++
	r.mostRunning = max(r.mostRunning, r.running)
	a := r.answer
	r.mu.Unlock()
	defer func() {
		r.sample()
		r.mu.Lock()
		r.running--
		r.mu.Unlock()
	}()
	return a(ctx)
}

// sample looks how many callers wait.
func (r *rig) sample() {
	miss, cold := jwtverify.Waiting(r.cache)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mostWaiting = max(r.mostWaiting, miss, cold)
}

// starts returns when fetches began, from the n-th on.
func (r *rig) starts(n int) (starts []time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, f := range r.fetches[min(n, len(r.fetches)):] {
		starts = append(starts, f.start)
	}
	return starts
}

// fetched returns F*.
func (r *rig) fetched() int { return len(r.starts(0)) }

func (r *rig) fetchLog() []fetch {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.fetches)
}

func (r *rig) landed() []landing {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.landings)
}

func (r *rig) call(kid string) result { return r.callCtx(context.Background(), kid) }

// callCtx verifies a token that names kid; "" stands for a token without kid.
func (r *rig) callCtx(ctx context.Context, kid string) result {
	return r.verify(ctx, kid, kidToken(kid, r.cheap))
}

func (r *rig) verify(ctx context.Context, kid, raw string) result {
	start := r.now()
	token, err := r.verifier.Verify(ctx, raw)
	got := result{kid: kid, start: start, wait: r.now() - start, err: err}
	if (token == nil) != (err != nil) {
		r.tb.Errorf("t = %v, kid %s: token %v beside error %v", start, kid, token, err)
	}
	if r.cheap && errors.Is(err, jwtverify.ErrSignature) {
		got.err = nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case got.ok():
		r.tally.ok++
	case got.refused() && errors.Is(err, jwtverify.ErrInvalid) && !got.unavailable():
		r.tally.refused++
	case got.unavailable() && !errors.Is(err, jwtverify.ErrInvalid):
		r.tally.unavailable++
		e := got.unavailableError()
		if !slices.Contains([]string{"failing", "empty", "busy", "caller"}, e.Reason) || e.RetryAfter < time.Second || e.RetryAfter > 5*time.Minute || e.Err == nil {
			r.tb.Errorf("t = %v, kid %s: Reason %q, RetryAfter %v, Err %v", start, kid, e.Reason, e.RetryAfter, e.Err)
		}
	default:
		r.tb.Errorf("t = %v, kid %s: neither ok, 401 nor 503: %v", start, kid, err)
	}
	if _, real := keyIndex[kid]; real {
		r.tally.longest = max(r.tally.longest, got.wait)
	}
	return got
}

// The kids that have a key.
var keyIndex = map[string]int{"a": 0, "b": 1, "c": 2}

// often holds the tokens of the kids that most of the millions of calls name, signed ones
// and cheap ones.
var often = sync.OnceValue(func() map[bool]map[string]string {
	tokens := map[bool]map[string]string{false: {}, true: {}}
	for _, kid := range []string{"a", "b", "c", "bogus", "retired"} {
		for cheap := range tokens {
			tokens[cheap][kid] = newKidToken(kid, cheap)
		}
	}
	return tokens
})

func kidToken(kid string, cheap bool) string {
	if token, ok := often()[cheap][kid]; ok {
		return token
	}
	return newKidToken(kid, cheap)
}

func newKidToken(kid string, cheap bool) string {
	header := `{"alg":"RS256"}`
	if kid != "" {
		header = `{"alg":"RS256","kid":` + strconv.Quote(kid) + `}`
	}
	if cheap {
		return rawToken(header, `{}`, "AAAA")
	}
	n, real := keyIndex[kid]
	if !real { // of an unknown key: the signature is never looked at
		return rawToken(header, `{}`, strings.Repeat("A", 342))
	}
	return testKeys()[n].made.token(kid)
}

// A crew runs functions, each beside the others, in goroutines that it uses again: a
// new one has a small stack, and to let it grow takes longer than a call of a Cache.
type crew struct {
	work chan func()
	busy sync.WaitGroup
}

func newCrew() *crew { return &crew{work: make(chan func())} }

func (c *crew) Go(f func()) {
	c.busy.Add(1)
	select {
	case c.work <- f:
	default:
		go func() {
			for ok := true; ok; f, ok = <-c.work {
				f()
				c.busy.Done()
			}
		}()
	}
}

// Wait waits until all have returned. There is no Go after it.
func (c *crew) Wait() {
	c.busy.Wait()
	close(c.work)
}

// atOnce makes n calls at the same moment, spread n calls with a gap between, each in
// its own goroutine; inTurn one after the other, with a sleep after each.
func (r *rig) atOnce(n int, kid func(int) string) []result { return r.spread(n, 0, kid)() }

func (r *rig) spread(n int, gap time.Duration, kid func(int) string) (join func() []result) {
	return r.spreadGroups(n, 1, gap, kid)
}

// spreadGroups makes the calls in groups that come together.
func (r *rig) spreadGroups(n, group int, gap time.Duration, kid func(int) string) (join func() []result) {
	results := make([]result, n)
	all := newCrew()
	for i := range n {
		all.Go(func() { results[i] = r.call(kid(i)) })
		if gap > 0 && i%group == group-1 {
			time.Sleep(gap)
		}
	}
	return func() []result {
		all.Wait()
		return results
	}
}

func (r *rig) inTurn(n int, gap time.Duration, kid string) []result {
	results := make([]result, n)
	for i := range n {
		results[i] = r.call(kid)
		time.Sleep(gap)
	}
	return results
}

// inTurnUntil is inTurn up to a time after t = 0.
func (r *rig) inTurnUntil(t, gap time.Duration, kid string) (results []result) {
	for r.now() < t {
		results = append(results, r.call(kid))
		time.Sleep(gap)
	}
	return results
}

func always(kid string) func(int) string { return func(int) string { return kid } }

func distinct(prefix string) func(int) string {
	return func(i int) string { return fmt.Sprint(prefix, "-", i) }
}

// The answers. What a call does is settled when it begins: a change of the source does
// not wake a call that hangs.

func serve(tb testing.TB, kids ...string) answer { return serveAfter(tb, fetchTime, kids...) }

func serveAfter(tb testing.TB, d time.Duration, kids ...string) answer {
	return func(ctx context.Context) (*jwtverify.KeySet, error) {
		if err := sleep(ctx, d); err != nil {
			return nil, err
		}
		return kidSet(tb, kids...), nil
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

var errDown = errors.New("the issuer is down")

func fails(ctx context.Context) (*jwtverify.KeySet, error) {
	if err := sleep(ctx, fetchTime); err != nil {
		return nil, err
	}
	return nil, errDown
}

func hangs(ctx context.Context) (*jwtverify.KeySet, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func empty(ctx context.Context) (*jwtverify.KeySet, error) {
	if err := sleep(ctx, fetchTime); err != nil {
		return nil, err
	}
	return jwtverify.ParseKeySet([]byte(`{"keys":[]}`))
}

// kidSet makes a set of new Keys, as a source does that parses what it reads.
func kidSet(tb testing.TB, kids ...string) *jwtverify.KeySet {
	tb.Helper()
	var numbers []int
	for _, kid := range kids {
		numbers = append(numbers, keyIndex[kid])
	}
	return setOf(tb, kids, numbers)
}

// jwks is the same as a JWK Set.
func jwks(tb testing.TB, kids ...string) string {
	tb.Helper()
	var keys []map[string]string
	for _, kid := range kids {
		keys = append(keys, jwkOf(&testKey(tb, keyIndex[kid]).PublicKey, kid))
	}
	return marshal(tb, map[string]any{"keys": keys})
}

const setURL = "https://issuer.example/jwks.json"

// over is the answer of a HTTPKeySource to that server.
func over(server transportFunc) answer {
	source := jwtverify.HTTPKeySource{URL: setURL, Client: &http.Client{Transport: server}}
	return source.Keys
}

// respond answers after the usual time. Headers are given as name, value …
func respond(status int, body string, headers ...string) transportFunc {
	return func(request *http.Request) (*http.Response, error) {
		if err := sleep(request.Context(), fetchTime); err != nil {
			return nil, err
		}
		return response(request, status, body, headers...), nil
	}
}

func response(request *http.Request, status int, body string, headers ...string) *http.Response {
	header := http.Header{}
	for i := 0; i+1 < len(headers); i += 2 {
		header.Set(headers[i], headers[i+1])
	}
	return &http.Response{
		StatusCode:    status,
		Status:        fmt.Sprint(status, " ", http.StatusText(status)),
		Proto:         "HTTP/1.1",
		ProtoMajor:    1,
		ProtoMinor:    1,
		Header:        header,
		Body:          io.NopCloser(strings.NewReader(body)),
		ContentLength: int64(len(body)),
		Request:       request,
	}
}

// A stage is where a scenario plays: its test and the rigs it has built.
type stage struct {
	*testing.T
	rigs    []*rig
	began   time.Time
	figures func(name string, value any)
}

func (s *stage) rig(cache *jwtverify.Cache, first answer) *rig {
	r := newRig(s.T, *firstSeed+uint64(len(s.rigs)), cache, first)
	s.rigs = append(s.rigs, r)
	return r
}

// warm is the rig of most scenarios: defaults, the set {a, b}.
func (s *stage) now() time.Duration { return time.Since(s.began) }

func (s *stage) warm() *rig { return s.rig(nil, serve(s.T, "a", "b")).warm() }

// is checks a figure that must be exact, within one that must lie between two.
func is[T comparable](s *stage, what string, got, want T) {
	s.Helper()
	if got != want {
		s.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func within[T cmp.Ordered](s *stage, what string, got, lowest, highest T) {
	s.Helper()
	if got < lowest || got > highest {
		s.Errorf("%s: got %v, want %v … %v", what, got, lowest, highest)
	}
}

// results checks how many calls were ok, refused and unavailable.
func (s *stage) results(what string, results []result, ok, refused, unavailable int) {
	s.Helper()
	var got tally
	for _, r := range results {
		switch {
		case r.ok():
			got.ok++
		case r.refused():
			got.refused++
		case r.unavailable():
			got.unavailable++
		}
	}
	if got.ok != ok || got.refused != refused || got.unavailable != unavailable {
		s.Errorf("%s: got %d ok, %d × 401, %d × 503, want %d, %d, %d", what, got.ok, got.refused, got.unavailable, ok, refused, unavailable)
	}
}

// waits checks the wait of each call.
func (s *stage) waits(what string, results []result, shortest, longest time.Duration) {
	s.Helper()
	for _, r := range results {
		if r.wait < shortest || r.wait > longest {
			s.Errorf("%s: the call for %s at %v took %v, want %v … %v", what, r.kid, r.start, r.wait, shortest, longest)
			return
		}
	}
}

// close lets the last fetch end and checks what holds in every scenario.
func (s *stage) close() {
	time.Sleep(time.Minute)
	synctest.Wait()
	for _, r := range s.rigs {
		if jwtverify.InFlight(r.cache) || r.running != 0 {
			s.Errorf("a fetch still runs at the end")
		}
		within(s, "most calls of the source at once (I1)", r.mostRunning, 0, 1)
		within(s, "most callers waiting (I12)", r.mostWaiting, 0, 16_384)
		all, forced := r.excess()
		within(s, "fetches less 3·W/C (I3)", all, 0, 4)
		within(s, "forced fetches less W/C (I2)", forced, 0, 1+rounding)
		stats := r.cache.Stats()
		is(s, "Stats.Fetches", int(stats.Fetches), r.fetched())
		is(s, "OnLoad was called for each fetch", len(r.landed()), r.fetched())
		is(s, "Stats.Failures", int(stats.Failures), r.failed())
	}
}

func (r *rig) failed() (n int) {
	for _, l := range r.landed() {
		if l.err != nil {
			n++
		}
	}
	return n
}

func (r *rig) forcedFetches() (n int) {
	for _, f := range r.fetchLog() {
		if f.forced {
			n++
		}
	}
	return n
}

// excess returns the most by which the fetches in any window exceed 3·W/C, and the
// forced ones W/C.
func (r *rig) excess() (all, forced float64) {
	cooldown := cmp.Or(r.cache.Cooldown, 10*time.Second)
	var starts, forcedStarts []time.Duration
	for _, f := range r.fetchLog() {
		starts = append(starts, f.start)
		if f.forced {
			forcedStarts = append(forcedStarts, f.start)
		}
	}
	return excess(starts, cooldown/3), excess(forcedStarts, cooldown)
}

// excess returns the most, over all windows, of the number of starts in it less its
// length by the unit.
func excess(starts []time.Duration, unit time.Duration) (most float64) {
	least := 0.0
	for i, start := range starts {
		line := float64(i) - float64(start)/float64(unit)
		if i == 0 || line < least {
			least = line
		}
		most = max(most, line+1-least)
	}
	return most
}

// recovers lets the source answer again and checks when a is accepted.
func (s *stage) recovers(r *rig, with answer, longest time.Duration) {
	s.Helper()
	s.recoversBy(r, func() { r.set(with) }, longest)
}

func (s *stage) recoversBy(r *rig, change func(), longest time.Duration) {
	s.Helper()
	change()
	recovered := r.now()
	for r.now() < recovered+2*longest {
		call := r.call("a")
		if call.ok() {
			within(s, "ok after recovery", call.end()-recovered, 0, longest)
			return
		}
		if !call.unavailable() {
			s.Errorf("after recovery: %v", call.err)
		}
		time.Sleep(time.Second)
	}
	s.Errorf("not ok %v after recovery", r.now()-recovered)
}

// A switched source does as it is told, inside a wrapper.
type switched struct {
	mu sync.Mutex
	to answer
}

func (w *switched) set(a answer) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.to = a
}

func (w *switched) Keys(ctx context.Context) (*jwtverify.KeySet, error) {
	w.mu.Lock()
	to := w.to
	w.mu.Unlock()
	return to(ctx)
}

// A drip is a body that comes one byte each second.
type drip struct {
	ctx  context.Context
	rest string
}

func (d *drip) Read(p []byte) (int, error) {
	if d.rest == "" {
		return 0, io.EOF
	}
	if err := sleep(d.ctx, time.Second); err != nil {
		return 0, err
	}
	p[0], d.rest = d.rest[0], d.rest[1:]
	return 1, nil
}
