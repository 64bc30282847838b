package jwtverify_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"example.com/jwtverify"
)

// Keys are never older than promised, in the corners too.

// What failed hours ago says nothing about now: a set that is past twice its interval
// waits for a fetch, also behind a failure.
func TestAnOldFailureIsNoOutage(t *testing.T) {
	bubble(t, func(s *stage) {
		r := s.warm()
		r.until(6 * time.Minute)
		r.set(over(respond(503, "")))
		s.results("a, while the set is due", []result{r.call("a")}, 1, 0, 0)
		time.Sleep(time.Second / 2)
		is(s, "failures", r.failed(), 1)
		r.set(serve(s, "b"))
		r.until(22 * time.Hour)
		s.results("a, withdrawn at the issuer", r.atOnce(500, always("a")), 0, 500, 0)
	})
	bubble(t, func(s *stage) { // with tokens all the time nobody waits
		r := s.warm()
		r.cheap = true
		r.set(fails)
		calls := r.inTurnUntil(3*time.Hour, time.Second, "a")
		s.results("a in an outage", calls, len(calls), 0, 0)
		s.waits("a in an outage", calls, 0, 0)
	})
	bubble(t, func(s *stage) { // and a source that is still down takes no known key away
		r := s.warm()
		r.set(fails)
		r.until(6 * time.Minute)
		r.call("a")
		r.until(3 * time.Hour)
		calls := r.atOnce(500, always("a"))
		s.results("a, much later in an outage", calls, 500, 0, 0)
		s.waits("a, much later in an outage", calls, fetchTime, fetchTime)
	})
}

// An httpCache keeps one answer, as a cache between a service and its issuer does (RFC
// 9111): it asks the origin when the answer is too old or the request asks for that. One
// that disobeys hears no such wish.
type httpCache struct {
	origin   transportFunc
	disobeys bool

	mu      sync.Mutex
	stored  *http.Response
	body    string
	at      time.Duration
	now     func() time.Duration // by the cache's own clock
	asked   int // the origin
	maxAge  time.Duration
	rounded time.Duration // by which Age is too large
}

func (c *httpCache) RoundTrip(request *http.Request) (*http.Response, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	wish := strings.Contains(request.Header.Get("Cache-Control"), "no-cache") && !c.disobeys
	if c.stored == nil || wish || c.now()-c.at >= c.maxAge {
		forwarded := request.Clone(request.Context())
		forwarded.Header.Del("If-None-Match")
		answer, err := c.origin(forwarded)
		if err != nil {
			return nil, err
		}
		body := make([]byte, 1<<20)
		n, _ := answer.Body.Read(body)
		c.stored, c.body, c.at = answer, string(body[:n]), c.now()
		c.asked++
		return response(request, 200, c.body, "ETag", answer.Header.Get("ETag"), "Cache-Control", fmt.Sprintf("max-age=%d", int(c.maxAge.Seconds()))), nil
	}
	headers := []string{"Cache-Control", fmt.Sprintf("max-age=%d", int(c.maxAge.Seconds())), "Age", fmt.Sprint(int((c.now() - c.at + c.rounded).Seconds())), "ETag", c.stored.Header.Get("ETag")}
	if tag := request.Header.Get("If-None-Match"); tag != "" && tag == c.stored.Header.Get("ETag") {
		return response(request, 304, "", headers...), nil
	}
	return response(request, 200, c.body, headers...), nil
}

// behind is a source behind a cache.
func behind(c *httpCache) answer {
	return jwtverify.HTTPKeySource{URL: setURL, Client: &http.Client{Transport: c}}.Keys
}

func TestACacheOnTheWayIsAskedForTheOriginsState(t *testing.T) {
	bubble(t, func(s *stage) {
		kids := []string{"a", "b"}
		web := &httpCache{now: s.now, maxAge: time.Hour, origin: func(request *http.Request) (*http.Response, error) {
			return respond(200, jwks(s, kids...), "ETag", fmt.Sprintf("%q", kids))(request)
		}}
		r := s.rig(nil, behind(web)).warm()
		r.until(time.Minute)
		kids = []string{"b"}
		calls := r.inTurnUntil(12*time.Minute, time.Second, "a")
		for _, call := range calls {
			if call.ok() && call.start > 10*time.Minute {
				s.Fatalf("a withdrawn key was accepted after %v", call.start)
			}
		}
		is(s, "requests that reached the origin", web.asked, r.fetched())
	})
}

// A cache that answers by itself is seen by its Age.
func TestACacheThatDisobeys(t *testing.T) {
	setting := func(s *stage, kids *[]string, maxAge time.Duration) (*httpCache, *rig) {
		web := &httpCache{now: s.now, maxAge: maxAge, disobeys: true, origin: func(request *http.Request) (*http.Response, error) {
			return respond(200, jwks(s, *kids...), "ETag", fmt.Sprintf("%q", *kids))(request)
		}}
		return web, s.rig(nil, behind(web)).warm()
	}
	bubble(t, func(s *stage) { // its answer to a scheduled fetch says nothing about an unknown kid
		kids := []string{"a"}
		web, r := setting(s, &kids, time.Hour)
		r.until(901 * time.Second)
		kids = []string{"a", "c"}
		web.disobeys = false // to the forced one, the only one without an ETag
		web.origin = func(request *http.Request) (*http.Response, error) {
			return respond(200, jwks(s, kids...))(request)
		}
		scheduled := web.RoundTrip
		r.set(over(func(request *http.Request) (*http.Response, error) {
			if request.Header.Get("If-None-Match") != "" {
				return response(request, 304, "", "Age", "901", "ETag", request.Header.Get("If-None-Match")), nil
			}
			return scheduled(request)
		}))
		s.results("c, a new key", r.atOnce(100, always("c")), 100, 0, 0)
		is(s, "forced fetches", r.forcedFetches(), 1)
	})
	bubble(t, func(s *stage) { // and its answer to a forced one counts, since nobody can ask better
		kids := []string{"a"}
		_, r := setting(s, &kids, 24*time.Hour)
		r.until(10 * time.Minute)
		s.results("a kid of nobody", r.atOnce(100, always("x")), 0, 100, 0)
		before := r.fetched()
		s.results("another, at once", []result{r.call("y")}, 0, 1, 0)
		is(s, "fetches for it", r.fetched()-before, 0)
	})
	for _, late := range []time.Duration{0, time.Second} {
		bubble(t, func(s *stage) { // Age has whole seconds: the same answer may look older than it was
			kids := []string{"a"}
			web, r := setting(s, &kids, time.Hour)
			web.rounded = late
			calls := r.inTurnUntil(50*time.Minute, time.Second, "a")
			s.results("a", calls, len(calls), 0, 0)
			within(s, "fetches in 50 minutes", r.fetched(), 8, 64)
		})
	}
	bubble(t, func(s *stage) { // its keys are as old as it says where MaxStale is counted
		kids := []string{"a"}
		web, r := setting(s, &kids, 48*time.Hour)
		r.cheap = true
		calls := r.inTurnUntil(25*time.Hour, 10*time.Second, "a")
		for _, call := range calls {
			if call.ok() != (call.start < 24*time.Hour) && (call.start < 24*time.Hour-time.Minute || call.start > 24*time.Hour+time.Minute) {
				s.Fatalf("at %v: %v, %+v", call.start, call.err, r.landed()[len(r.landed())-3:])
			}
		}
		is(s, "requests that reached the origin", web.asked, 1)
	})
	bubble(t, func(s *stage) { // nor does an older answer bring a withdrawn key back
		r := s.rig(nil, over(respond(200, jwks(s, "b")))).warm()
		r.set(over(respond(200, jwks(s, "a", "b"), "Age", "3600", "Cache-Control", "max-age=7200")))
		calls := r.inTurnUntil(20*time.Minute, time.Second, "b")
		s.results("b", calls, len(calls), 0, 0)
		within(s, "fetches", r.fetched(), 4, 6)
		is(s, "keys in use", r.cache.Stats().Keys, 1)
	})
}

// A hint of the issuer only shortens the interval.
func TestAHintNeverLengthens(t *testing.T) {
	for _, hint := range []string{"max-age=900", "max-age=86400", "max-age=300", ""} {
		bubble(t, func(s *stage) {
			r := s.rig(nil, over(respond(200, jwks(s, "a", "b"), "Cache-Control", hint))).warm()
			r.set(over(respond(200, jwks(s, "b"), "Cache-Control", hint)))
			r.until(10*time.Minute + time.Second)
			s.results("a, withdrawn, idle for 10 minutes", []result{r.call("a")}, 0, 1, 0)
		})
	}
}

// The monotonic clock stands still while a machine sleeps. A bubble has no monotonic clock:
// these tests are in real time, and wait for nothing.
func TestAMachineThatSlept(t *testing.T) {
	const day = 24 * time.Hour
	for _, row := range []struct {
		name            string
		slept           time.Duration
		fails           bool // the source, while the set is due
		known           bool // whether a, withdrawn meanwhile, is still accepted
		fetches, forced int
	}{
		{"not at all", 0, false, true, 1, 0},
		{"six minutes, as if the wall clock was set forward", 6 * time.Minute, false, true, 2, 0},
		{"eleven minutes", 11 * time.Minute, false, false, 2, 0},
		{"three days", 3 * day, false, false, 2, 0},
		{"three days, behind a failure", 3 * day, true, false, 3, 0},
		{"the wall clock was set back", -3 * day, false, true, 1, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			source := &switched{}
			source.set(func(context.Context) (*jwtverify.KeySet, error) { return kidSet(t, "a", "b"), nil })
			loaded := make(chan error, 1)
			cache := &jwtverify.Cache{Source: source, OnLoad: func(_ *jwtverify.KeySet, err error) { loaded <- err }}
			verifier := newVerifier(t, jwtverify.Config{Keys: cache})
			if err := verifier.Ready(t.Context()); err != nil {
				t.Fatal(err)
			}
			<-loaded
			if row.fails {
				source.set(func(context.Context) (*jwtverify.KeySet, error) { return nil, errDown })
				jwtverify.Suspend(cache, 6*time.Minute)
				cache.Keys(t.Context())
				<-loaded
			}
			source.set(func(context.Context) (*jwtverify.KeySet, error) { return kidSet(t, "b"), nil })
			jwtverify.Suspend(cache, row.slept)
			if age := cache.Stats().Age; age < max(row.slept, 0) && row.slept < day {
				t.Errorf("the set is %v old, want %v", age, row.slept)
			}
			_, err := verifier.Verify(t.Context(), kidToken(t, "a", false))
			if row.known != (err == nil) {
				t.Errorf("a: got %v", err)
			}
			if row.fetches > 1 {
				<-loaded
			}
			if got := cache.Stats(); got.Fetches != uint64(row.fetches) || got.Forced != uint64(row.forced) {
				t.Errorf("got %+v, want %d fetches", got, row.fetches)
			}
		})
	}
}

// Some issuers make a key at each start, and call all of them the same.
func TestAKnownKidWithANewKey(t *testing.T) {
	ctx := context.Background()
	header := `{"alg":"RS256","kid":"a"}`
	before, after := signText(t, 0, header, marshal(t, goodClaims())), signText(t, 1, header, marshal(t, goodClaims()))
	next := func(context.Context) (*jwtverify.KeySet, error) { return setOf(t, []string{"a"}, []int{1}), nil }
	bubble(t, func(s *stage) {
		r := s.rig(nil, serve(s, "a")).warm()
		r.until(30 * time.Second)
		s.results("the old key", []result{r.verify(ctx, "a", before)}, 1, 0, 0)
		r.set(next)
		s.results("the new key", []result{r.verify(ctx, "a", after)}, 1, 0, 0)
		is(s, "fetches", r.fetched(), 2)
		_, err := r.verifier.Verify(ctx, before)
		if !errors.Is(err, jwtverify.ErrSignature) {
			s.Errorf("the old key: %v", err)
		}
		_, err = r.verifier.Verify(ctx, after)
		is(s, "the new key again", err, nil)
	})
	bubble(t, func(s *stage) { // a key without kid is replaced in the same way
		bare := func(n int) answer {
			return func(context.Context) (*jwtverify.KeySet, error) { return setOf(t, []string{""}, []int{n}), nil }
		}
		r := s.rig(nil, bare(0)).warm()
		time.Sleep(11 * time.Second)
		r.set(bare(1))
		_, err := r.verifier.Verify(ctx, signText(t, 1, `{"alg":"RS256"}`, marshal(t, goodClaims())))
		is(s, "the new key without kid", err, nil)
	})
	bubble(t, func(s *stage) { // while the issuer is down, a signature that nobody knows stays refused
		r := s.rig(nil, serve(s, "a")).warm()
		r.set(fails)
		if _, err := r.verifier.Verify(ctx, after); !errors.Is(err, jwtverify.ErrSignature) {
			s.Errorf("got %v, want ErrSignature", err)
		}
	})
	bubble(t, func(s *stage) { // a flood of forged signatures
		r := s.rig(nil, serve(s, "a")).warm()
		forged := make([]error, 0, 10_000)
		var mu sync.Mutex
		var all sync.WaitGroup
		for i := range 10_000 {
			all.Go(func() {
				_, err := r.verifier.Verify(ctx, after)
				mu.Lock()
				defer mu.Unlock()
				forged = append(forged, err)
			})
			if i%10 == 0 {
				good := r.verify(ctx, "a", before)
				if !good.ok() || good.wait != 0 {
					s.Fatalf("a good token: %v, after %v", good.err, good.wait)
				}
			}
			time.Sleep(60 * ms)
		}
		all.Wait()
		for _, err := range forged {
			if !errors.Is(err, jwtverify.ErrSignature) {
				s.Fatalf("a forged token: %v", err)
			}
		}
		within(s, "fetches in 10 minutes", r.fetched()-1, 1, 13)
	})
}

// What a refusal for an unknown kid rests on stands in its text.
func TestAnUnknownKidSaysHowOldTheAnswerIs(t *testing.T) {
	bubble(t, func(s *stage) {
		r := s.warm()
		for _, step := range []struct {
			kid  string
			wait time.Duration
			want string
		}{
			{"x", 0, `kid is "x", want one of the issuer's keys ("a", "b"), as of 0s ago`},
			{"y", 5 * time.Second, `kid is "y", want one of the issuer's keys ("a", "b"), as of 5s ago`},
			{"", 0, `token has no kid, and the key set has 2 usable keys, want a kid, or a set of one key, as of 5s ago`},
		} {
			time.Sleep(step.wait)
			if err := r.call(step.kid).err; err == nil || err.Error() != "jwtverify: token is invalid: "+step.want {
				s.Errorf("got %v, want %s", err, step.want)
			}
		}
	})
	// 401 for an unknown kid: the issuer was asked within the last minute.
	bubble(t, func(s *stage) {
		r := s.warm()
		for range 300 {
			call := r.call(fmt.Sprint("x", r.now()))
			starts := r.starts(0)
			if call.refused() && r.now()-starts[len(starts)-1] > time.Minute+fetchTime {
				s.Fatalf("at %v a kid was refused, and the issuer was last asked at %v", r.now(), starts[len(starts)-1])
			}
			time.Sleep(3700 * ms)
		}
	})
}

func TestRetryAfterIsInWholeSeconds(t *testing.T) {
	bubble(t, func(s *stage) {
		r := s.rig(nil, fails)
		for range 200 {
			if err := r.call("a").unavailableError(); err.RetryAfter%time.Second != 0 || err.RetryAfter < time.Second {
				s.Fatalf("RetryAfter is %v", err.RetryAfter)
			}
			time.Sleep(730 * ms)
		}
	})
}

// A failure stays where it is.

func TestASourceThatPanicsLeavesItsFallbackAlone(t *testing.T) {
	panics := jwtverify.KeySourceFunc(func(context.Context) (*jwtverify.KeySet, error) { panic("at once") })
	exits := jwtverify.KeySourceFunc(func(context.Context) (*jwtverify.KeySet, error) { runtime.Goexit(); return nil, nil })
	for name, primary := range map[string]jwtverify.KeySource{"a panic": panics, "a goroutine that ends": exits} {
		path := filepath.Join(t.TempDir(), "keys.json")
		for wrapper, source := range map[string]jwtverify.KeySource{
			"fallback": jwtverify.FallbackKeySource{Primary: primary, Secondary: testSet(t, 1)},
			"stored":   jwtverify.StoredKeySource{Name: "test", Source: primary, Path: path},
		} {
			if _, err := (jwtverify.StoredKeySource{Name: "test", Source: testSet(t, 1), Path: path}).Keys(t.Context()); err != nil {
				t.Fatal(err)
			}
			cache := &jwtverify.Cache{Source: source}
			if set, err := cache.Keys(t.Context()); err != nil || set.Len() != 1 {
				t.Errorf("%s in a %s source: %v", name, wrapper, err)
			}
			if err := cache.Stats().Err; err == nil {
				t.Errorf("%s in a %s source is not seen", name, wrapper)
			}
		}
	}
}

func TestAPanicOfAHookChangesNothing(t *testing.T) {
	bubble(t, func(s *stage) {
		calls := 0
		cache := &jwtverify.Cache{
			Source: jwtverify.StoredKeySource{Name: "test", Source: testSet(t, 1), Path: filepath.Join(t.TempDir(), "no", "such", "folder"),
				OnError: func(error) { calls++; panic("in OnError") }},
			OnLoad: func(*jwtverify.KeySet, error) { calls++; panic("in OnLoad") },
		}
		for range 3 {
			if set, err := cache.Keys(context.Background()); err != nil || set.Len() != 1 {
				s.Fatalf("got %v", err)
			}
			synctest.Wait()
			time.Sleep(6 * time.Minute)
		}
		is(s, "calls of the hooks", calls, 2*int(cache.Stats().Fetches))
	})
}

// A source that ignores its ctx keeps the one beside it waiting no longer than the Cache's
// Timeout, and is not called again before it returns.
func TestASourceThatIgnoresItsContextInsideAnother(t *testing.T) {
	bubble(t, func(s *stage) {
		running, most := 0, 0
		release := make(chan struct{})
		stubborn := jwtverify.KeySourceFunc(func(context.Context) (*jwtverify.KeySet, error) {
			running++
			most = max(most, running)
			<-release
			running--
			return kidSet(s, "a", "b", "c"), nil
		})
		path := filepath.Join(t.TempDir(), "keys.json")
		if _, err := (jwtverify.StoredKeySource{Name: "test", Source: kidSet(s, "a"), Path: path}).Keys(context.Background()); err != nil {
			s.Fatal(err)
		}
		for name, source := range map[string]jwtverify.KeySource{
			"fallback":           jwtverify.FallbackKeySource{Primary: stubborn, Secondary: jwtverify.KeySourceFunc(serve(s, "a"))},
			"stored":             jwtverify.StoredKeySource{Name: "test", Source: stubborn, Path: path},
			"stored in fallback": jwtverify.FallbackKeySource{Primary: jwtverify.StoredKeySource{Name: "other", Source: stubborn, Path: path}, Secondary: jwtverify.KeySourceFunc(serve(s, "a"))},
		} {
			most = 0
			cache := &jwtverify.Cache{Source: source}
			began := time.Now()
			if set, err := cache.Keys(context.Background()); err != nil || set.Len() != 1 {
				s.Errorf("%s: %v", name, err)
			}
			within(s, name+" took", time.Since(began), 3*time.Second, 5*time.Second+500*ms)
			for range 600 {
				if _, err := cache.Keys(context.Background()); err != nil {
					s.Fatalf("%s, later: %v", name, err)
				}
				time.Sleep(time.Second)
			}
			is(s, name+": calls at the same time", most, 1)
			close(release)
			synctest.Wait()
			release = make(chan struct{})
			if name != "fallback" {
				continue
			}
			time.Sleep(2 * time.Minute)
			cache.Keys(context.Background())
			time.Sleep(4 * time.Second)
			close(release)
			release = make(chan struct{})
			time.Sleep(2 * time.Minute)
		}
		close(release)
		time.Sleep(time.Minute)
	})
}

// A copy of keys knows whose they are.
func TestAStoredCopyKnowsItsSource(t *testing.T) {
	down := transportFunc(func(*http.Request) (*http.Response, error) { return nil, errors.New("down") })
	up := transportFunc(func(request *http.Request) (*http.Response, error) {
		if strings.HasSuffix(request.URL.Path, "openid-configuration") {
			issuer := "https://" + request.URL.Host
			return response(request, 200, fmt.Sprintf(`{"issuer":%q,"jwks_uri":%q}`, issuer, issuer+"/keys")), nil
		}
		return response(request, 200, jwkSet(t, 1)), nil
	})
	web := func(transport http.RoundTripper, url string) jwtverify.KeySource {
		return jwtverify.HTTPKeySource{URL: url, Client: &http.Client{Transport: transport}}
	}
	discovery := func(transport http.RoundTripper, issuer string) jwtverify.KeySource {
		return jwtverify.DiscoveryKeySource{Issuer: issuer, Client: &http.Client{Transport: transport}}
	}
	file := filepath.Join(t.TempDir(), "keys.json")
	if err := os.WriteFile(file, []byte(jwkSet(t, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name        string
		saved, read jwtverify.KeySource
		want        string // "": taken
	}{
		{"the same address", web(up, "https://a.example/keys"), web(down, "https://a.example/keys"), ""},
		{"another address", web(up, "https://staging.example/keys"), web(down, "https://prod.example/keys"), `is a copy of the keys of "https://staging.example/keys", want those of "https://prod.example/keys"`},
		{"another query", web(up, "https://a.example/keys?tenant=1"), web(down, "https://a.example/keys?tenant=2"), `is a copy of the keys of "https://a.example/keys?sha256=`},
		{"the same issuer", discovery(up, "https://a.example"), discovery(down, "https://a.example"), ""},
		{"another issuer", discovery(up, "https://staging.example"), discovery(down, "https://prod.example"), `is a copy of the keys of "issuer https://staging.example"`},
		{"discovery, and an address", discovery(up, "https://a.example"), web(down, "https://a.example/keys"), "is a copy of the keys of"},
		{"a file before", jwtverify.FileKeySource(file), web(down, "https://a.example/keys"), "is a copy of the keys of \"file "},
		{"the Primary of a fallback", jwtverify.FallbackKeySource{Primary: web(up, "https://a.example/keys"), Secondary: testSet(t, 1)}, web(down, "https://a.example/keys"), ""},
	} {
		path := filepath.Join(t.TempDir(), "copy.json")
		if _, err := (jwtverify.StoredKeySource{Source: row.saved, Path: path}).Keys(t.Context()); err != nil {
			t.Fatal(err)
		}
		if text, _ := os.ReadFile(path); strings.Contains(string(text), "tenant=") {
			t.Errorf("%s: the copy holds the query: %s", row.name, text)
		}
		set, err := jwtverify.StoredKeySource{Source: row.read, Path: path}.Keys(t.Context())
		if row.want == "" && set.Len() != 1 || row.want != "" && (set != nil || !strings.Contains(err.Error(), row.want)) {
			t.Errorf("%s: got %v, %v", row.name, set, err)
		}
	}

	function := jwtverify.KeySourceFunc(func(context.Context) (*jwtverify.KeySet, error) { return testSet(t, 1), nil })
	for name, source := range map[string]jwtverify.KeySource{
		"alone":         jwtverify.StoredKeySource{Source: function, Path: "x"},
		"a pointer":     &jwtverify.StoredKeySource{Source: function, Path: "x"},
		"in a fallback": jwtverify.FallbackKeySource{Primary: testSet(t, 1), Secondary: jwtverify.StoredKeySource{Source: function, Path: "x"}},
		"in a Cache":    &jwtverify.Cache{Source: jwtverify.StoredKeySource{Source: function, Path: "x"}},
	} {
		config := jwtverify.Config{Issuer: testIssuer, Audiences: []string{testAudience}, Keys: source}
		if _, err := jwtverify.New(config); err == nil || !strings.Contains(err.Error(), "StoredKeySource.Name is empty") {
			t.Errorf("a function without a name, %s: got %v", name, err)
		}
	}
	named := jwtverify.StoredKeySource{Source: function, Path: "x", Name: "https://a.example"}
	if _, err := jwtverify.New(jwtverify.Config{Issuer: testIssuer, Audiences: []string{testAudience}, Keys: named}); err != nil {
		t.Errorf("a function with a name: %v", err)
	}
}
