package jwtverify_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"example.com/jwtverify"
)

// bubble runs a test in fake time, on a stage of its own.
func bubble(t *testing.T, run func(s *stage)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &stage{T: t, began: time.Now(), figures: func(string, any) {}}
		run(s)
		s.close()
	})
}

func TestCacheFieldsHaveBounds(t *testing.T) {
	for _, row := range []struct {
		field     string
		set       func(*jwtverify.Cache, time.Duration)
		low, high time.Duration
	}{
		{"RefreshInterval", func(c *jwtverify.Cache, d time.Duration) { c.RefreshInterval = d }, 10 * time.Second, 24 * time.Hour},
		{"Cooldown", func(c *jwtverify.Cache, d time.Duration) { c.Cooldown = d }, time.Second, time.Minute},
		{"MaxStale", func(c *jwtverify.Cache, d time.Duration) { c.MaxStale = d }, 1, 7 * 24 * time.Hour},
		{"Timeout", func(c *jwtverify.Cache, d time.Duration) { c.Timeout = d }, 100 * ms, 30 * time.Second},
	} {
		for _, value := range []struct {
			d    time.Duration
			good bool
		}{
			{0, true}, {row.low, true}, {row.high, true},
			{row.low - 1, row.low == 1}, {row.high + 1, false}, {-1, false}, {-time.Hour, false},
		} {
			t.Run(fmt.Sprint(row.field, " ", value.d), func(t *testing.T) {
				cache := &jwtverify.Cache{Source: testSet(t, 1)}
				row.set(cache, value.d)
				_, newErr := jwtverify.New(jwtverify.Config{Issuer: testIssuer, Audiences: []string{testAudience}, Keys: cache})
				_, keysErr := cache.Keys(t.Context())
				for call, err := range map[string]error{"New": newErr, "Keys": keysErr} {
					if (err == nil) != value.good {
						t.Errorf("%s: got error %v, want one: %v", call, err, !value.good)
					}
					if err != nil && (!strings.HasPrefix(err.Error(), "jwtverify: ") || !strings.Contains(err.Error(), "Cache."+row.field) || !strings.Contains(err.Error(), value.d.String())) {
						t.Errorf("%s: error %q does not name the field and its value", call, err)
					}
				}
			})
		}
	}
}

func TestNewRefusesACacheInsideAnotherSource(t *testing.T) {
	set := testSet(t, 1)
	inner := &jwtverify.Cache{Source: set}
	for _, row := range []struct {
		name string
		keys jwtverify.KeySource
		want string
	}{
		{"in a Cache", &jwtverify.Cache{Source: inner}, "Cache.Source"},
		{"a nil *Cache in a Cache", &jwtverify.Cache{Source: (*jwtverify.Cache)(nil)}, "Cache.Source"},
		{"in Fallback.Primary", jwtverify.FallbackKeySource{Primary: inner, Secondary: set}, "FallbackKeySource.Primary"},
		{"in Fallback.Secondary", jwtverify.FallbackKeySource{Primary: set, Secondary: inner}, "FallbackKeySource.Secondary"},
		{"in Stored", jwtverify.StoredKeySource{Source: inner, Path: "keys.json"}, "StoredKeySource.Source"},
		{"deep down", &jwtverify.Cache{Source: jwtverify.StoredKeySource{Path: "x", Source: jwtverify.FallbackKeySource{Primary: set, Secondary: inner}}}, "FallbackKeySource.Secondary"},
		{"no source", &jwtverify.Cache{}, "Cache.Source"},
		{"a nil function", &jwtverify.Cache{Source: jwtverify.KeySourceFunc(nil)}, "Cache.Source"},
		{"a nil *KeySet", &jwtverify.Cache{Source: (*jwtverify.KeySet)(nil)}, "Cache.Source"},
		{"a nil *Cache", (*jwtverify.Cache)(nil), "nil"},
		{"an http address", &jwtverify.Cache{Source: jwtverify.HTTPKeySource{URL: "http://issuer.example/"}}, "HTTPKeySource.URL"},
		{"an http address deep down", jwtverify.StoredKeySource{Path: "x", Source: jwtverify.FallbackKeySource{Primary: jwtverify.HTTPKeySource{URL: "http://issuer.example/"}, Secondary: set}}, "HTTPKeySource.URL"},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, err := jwtverify.New(jwtverify.Config{Issuer: testIssuer, Audiences: []string{testAudience}, Keys: row.keys})
			if err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("got error %v, want one that names %s", err, row.want)
			}
		})
	}
}

// A source that is neither a Cache nor a KeySet gets a Cache with the defaults; no
// source is called before the first token.
func TestNewWrapsOtherSources(t *testing.T) {
	bubble(t, func(s *stage) {
		fetches := 0
		verifier := newVerifier(s, jwtverify.Config{Keys: jwtverify.KeySourceFunc(func(ctx context.Context) (*jwtverify.KeySet, error) {
			fetches++
			deadline, _ := ctx.Deadline()
			is(s, "Timeout", time.Until(deadline), 5*time.Second)
			return kidSet(s, "a", "b"), nil
		})})
		is(s, "calls by New", fetches, 0)
		for range 230 {
			if _, err := verifier.Verify(context.Background(), kidToken("a", false)); err != nil {
				s.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		is(s, "calls in 230 s", fetches, 1)
	})
}

func TestStatsTellWhatCallersCannotSee(t *testing.T) {
	bubble(t, func(s *stage) {
		r := s.rig(nil, serve(s, "a", "b"))
		want := jwtverify.Stats{}
		check := func(when string) {
			s.Helper()
			got := r.cache.Stats()
			if (got.Err == nil) != (want.Err == nil) || want.Err != nil && !errors.Is(got.Err, want.Err) {
				s.Errorf("%s: Err %v, want %v", when, got.Err, want.Err)
			}
			got.Err, want.Err = nil, nil
			is(s, when, got, want)
		}
		check("before the first call")
		r.call("a")
		want = jwtverify.Stats{Keys: 2, Age: fetchTime, Fetches: 1}
		check("after it")
		time.Sleep(time.Minute)
		want.Age += time.Minute
		check("a minute later")
		r.set(fails)
		r.call("bogus")
		want.Age, want.Fetches, want.Forced, want.Failures, want.Err = want.Age+fetchTime, 2, 1, 1, errDown
		check("after a failure")
		time.Sleep(time.Second)
		r.set(serve(s, "a"))
		r.call("bogus") // the retry is not charged
		want = jwtverify.Stats{Keys: 1, Age: fetchTime, Fetches: 3, Forced: 1, Failures: 1}
		check("after recovery")
		time.Sleep(25 * time.Hour)
		want.Keys, want.Age = 0, 0
		check("a day later")
	})
}

func TestOnLoadIsCalledOncePerFetch(t *testing.T) {
	bubble(t, func(s *stage) {
		path := filepath.Join(s.TempDir(), "keys.json")
		if err := os.WriteFile(path, []byte(jwks(s, "a")), 0o600); err != nil {
			s.Fatal(err)
		}
		r := s.rig(nil, serve(s, "a", "b"))
		for i, row := range []struct {
			name string
			a    answer
			keys int // -1: no set
			err  error
		}{
			{"good", serve(s, "a", "b"), 2, nil},
			{"error", fails, -1, errDown},
			{"partial", jwtverify.FallbackKeySource{Primary: jwtverify.KeySourceFunc(fails), Secondary: jwtverify.FileKeySource(path)}.Keys, 1, errDown},
			{"hanging", hangs, -1, context.DeadlineExceeded},
			{"a set beside somebody else's error", func(context.Context) (*jwtverify.KeySet, error) { return kidSet(s, "a"), errDown }, -1, errDown},
			{"good again", serve(s, "a", "b", "c"), 3, nil},
		} {
			r.set(row.a)
			r.call("bogus")
			time.Sleep(10 * time.Minute)
			landed := r.landed()
			if len(landed) != i+1 {
				s.Fatalf("%s: OnLoad was called %d times, want %d", row.name, len(landed), i+1)
			}
			got := landed[i]
			if (got.set == nil) != (row.keys < 0) || got.set != nil && got.set.Len() != row.keys {
				s.Errorf("%s: set %v, want %d keys", row.name, got.set, row.keys)
			}
			if row.err == nil && got.err != nil || row.err != nil && !errors.Is(got.err, row.err) {
				s.Errorf("%s: error %v, want %v", row.name, got.err, row.err)
			}
		}
	})
}

func TestSlowOnLoadDelaysNobody(t *testing.T) {
	bubble(t, func(s *stage) {
		var running, most atomic.Int32
		r := s.rig(&jwtverify.Cache{OnLoad: func(*jwtverify.KeySet, error) {
			most.Store(max(most.Load(), running.Add(1)))
			time.Sleep(30 * time.Second)
			running.Add(-1)
		}}, serve(s, "a", "b"))
		r.cheap = true
		calls := r.inTurn(2_000, 100*ms, "a")
		s.results("a", calls, 2_000, 0, 0)
		s.waits("first", calls[:1], fetchTime, fetchTime)
		s.waits("others", calls[1:], 0, 0)
		is(s, "hooks at once", most.Load(), 1)
		bogus := r.call("bogus")
		s.waits("bogus", []result{bogus}, 0, fetchTime)
		r.until(r.now() + 10*time.Second)
		bogus = r.call("bogus")
		s.waits("bogus beside a hook", []result{bogus}, fetchTime, fetchTime)
		is(s, "hooks at once if one outlasts the next fetch", most.Load(), 2)
	})
}

// A panic in the source, or the end of its goroutine, is a failed fetch; nobody hangs
// and the next fetch is made in its time.
func TestSourceThatDoesNotReturn(t *testing.T) {
	for _, row := range []struct {
		name string
		a    answer
		want string
	}{
		{"panic", func(context.Context) (*jwtverify.KeySet, error) { panic("secret " + strings.Repeat("x", 1000)) }, "the key source panicked"},
		{"panic with nil", func(context.Context) (*jwtverify.KeySet, error) { panic(nil) }, "the key source panicked"},
		{"Goexit", func(context.Context) (*jwtverify.KeySet, error) { runtime.Goexit(); return nil, nil }, "the key source ended its goroutine"},
		{"neither set nor error", func(context.Context) (*jwtverify.KeySet, error) { return nil, nil }, "neither keys nor an error"},
		{"a set beside an error", func(context.Context) (*jwtverify.KeySet, error) { return kidSet(t, "a"), errDown }, errDown.Error()},
		{"ignored ctx", func(context.Context) (*jwtverify.KeySet, error) {
			time.Sleep(7 * time.Second)
			return kidSet(t, "a"), nil
		}, "did not return within 5s"},
	} {
		t.Run(row.name, func(t *testing.T) {
			bubble(t, func(s *stage) {
				r := s.rig(nil, row.a)
				calls := r.spread(10, 0, always("a"))()
				s.results("calls", calls, 0, 0, 10)
				s.waits("calls", calls, 0, 6*time.Second)
				for _, call := range calls {
					text := call.err.Error()
					if !strings.Contains(text, row.want) || len(text) > 300 || call.unavailableError().Reason != "failing" {
						s.Errorf("error %q, want %q in it", text, row.want)
					}
				}
				r.set(serve(s, "a", "b"))
				time.Sleep(2 * time.Second)
				s.results("then", []result{r.call("a")}, 1, 0, 0)
			})
		})
	}
}

// The set of a call that came back too late is not used.
func TestLateAnswerIsDropped(t *testing.T) {
	bubble(t, func(s *stage) {
		r := s.warm()
		r.set(func(context.Context) (*jwtverify.KeySet, error) {
			time.Sleep(20 * time.Second)
			return kidSet(s, "a", "b", "c"), nil
		})
		bogus := r.call("bogus")
		s.results("bogus", []result{bogus}, 0, 0, 1)
		is(s, "bogus waits", bogus.wait, 6*time.Second)
		r.set(fails)
		time.Sleep(20 * time.Second)
		s.results("c", []result{r.call("c")}, 0, 0, 1)
		set, _ := r.cache.Keys(context.Background())
		is(s, "keys", set.Len(), 2)
		is(s, "F", r.fetched()-1, 2)
	})
}

// A set within the second after the end of ctx counts: a wrapper may have needed it.
func TestAnswerWithinTheSecondOfGraceCounts(t *testing.T) {
	bubble(t, func(s *stage) {
		r := s.rig(nil, func(context.Context) (*jwtverify.KeySet, error) {
			time.Sleep(6*time.Second - ms)
			return kidSet(s, "a", "b"), nil
		})
		call := r.call("a")
		s.results("a", []result{call}, 1, 0, 0)
		is(s, "waits", call.wait, 6*time.Second-ms)
	})
}

// An error that says the token is invalid, from a source that verifies tokens itself,
// must not turn an outage into a refusal.
func TestNoErrorOfTheSourceIsTakenForOneOfTheToken(t *testing.T) {
	for _, source := range []error{
		jwtverify.ErrInvalid,
		fmt.Errorf("wrapped: %w", jwtverify.ErrUnknownKey),
		errors.Join(errDown, jwtverify.ErrExpired),
		&jwtverify.KeysUnavailableError{Reason: "failing", RetryAfter: time.Second, Err: jwtverify.ErrSignature},
	} {
		t.Run(source.Error(), func(t *testing.T) {
			bubble(t, func(s *stage) {
				r := s.warm()
				r.set(func(context.Context) (*jwtverify.KeySet, error) { return nil, source })
				for _, call := range []result{r.call("bogus"), r.call("bogus")} {
					if errors.Is(call.err, jwtverify.ErrInvalid) || errors.Is(call.err, jwtverify.ErrUnknownKey) || !call.unavailable() {
						s.Errorf("got %v", call.err)
					}
				}
				if err := r.cache.Stats().Err; err == nil || errors.Is(err, jwtverify.ErrInvalid) {
					s.Errorf("Stats().Err = %v", err)
				}
				// The same for the cause of a caller who has gone.
				ctx, cancel := context.WithCancelCause(context.Background())
				cancel(source)
				time.Sleep(5 * time.Second)
				if gone := r.callCtx(ctx, "bogus"); gone.unavailableError().Reason != "caller" || errors.Is(gone.err, jwtverify.ErrInvalid) {
					s.Errorf("got %v", gone.err)
				}
			})
		})
	}
}

func TestErrorHoldsTheSourcesError(t *testing.T) {
	bubble(t, func(s *stage) {
		r := s.rig(nil, func(context.Context) (*jwtverify.KeySet, error) {
			return nil, &fs.PathError{Op: "open", Path: "keys", Err: fs.ErrNotExist}
		})
		for when, call := range map[string]result{"after the fetch": r.call("a"), "in hold": r.call("a")} {
			var path *fs.PathError
			if !errors.Is(call.err, fs.ErrNotExist) || !errors.As(call.err, &path) || call.unavailableError().Reason != "failing" {
				s.Errorf("%s: got %v", when, call.err)
			}
			within(s, when+": RetryAfter", call.unavailableError().RetryAfter, time.Second, time.Second)
		}
		time.Sleep(time.Second)
		r.call("a")
		time.Sleep(2 * time.Second)
		r.call("a")
		within(s, "RetryAfter of the third failure", r.call("a").unavailableError().RetryAfter, 3200*ms, 4*time.Second)
	})
}

func TestCallerWhoLeavesGetsTheErrorOfHisContext(t *testing.T) {
	cause := errors.New("the client hung up")
	for _, row := range []struct {
		name string
		ctx  func() (context.Context, context.CancelFunc)
		want []error
		at   time.Duration
	}{
		{"cancelled", func() (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(context.Background())
			time.AfterFunc(20*ms, cancel)
			return ctx, cancel
		}, []error{context.Canceled}, 20 * ms},
		{"cancelled with a cause", func() (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancelCause(context.Background())
			time.AfterFunc(20*ms, func() { cancel(cause) })
			return ctx, func() { cancel(nil) }
		}, []error{context.Canceled, cause}, 20 * ms},
		{"timed out", func() (context.Context, context.CancelFunc) {
			return context.WithTimeout(context.Background(), 30*ms)
		}, []error{context.DeadlineExceeded}, 30 * ms},
		{"timed out with a cause", func() (context.Context, context.CancelFunc) {
			return context.WithTimeoutCause(context.Background(), 30*ms, cause)
		}, []error{context.DeadlineExceeded, cause}, 30 * ms},
		{"gone before", func() (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancelCause(context.Background())
			cancel(cause)
			return ctx, func() {}
		}, []error{context.Canceled, cause}, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			bubble(t, func(s *stage) {
				r := s.rig(nil, serve(s, "a", "b"))
				ctx, cancel := row.ctx()
				defer cancel()
				call := r.callCtx(ctx, "a")
				is(s, "leaves at", call.end(), row.at)
				is(s, "Reason", call.unavailableError().Reason, "caller")
				for _, want := range row.want {
					if !errors.Is(call.err, want) {
						s.Errorf("error %v does not match %v", call.err, want)
					}
				}
				time.Sleep(time.Second)
				// The fetch went on without him; who had gone before started none.
				is(s, "fetches", r.fetched(), min(1, int(row.at)))
				is(s, "in use", r.cache.Stats().Keys, 2*r.fetched())

				// With a fresh key nobody looks at ctx.
				r.call("a")
				s.results("fresh", []result{r.callCtx(ctx, "a")}, 1, 0, 0)
				fetched := r.fetched()
				r.until(4*time.Minute + 59*time.Second)
				s.results("due, or nearly", []result{r.callCtx(ctx, "a")}, 1, 0, 0)
				r.until(9 * time.Minute)
				s.results("due", []result{r.callCtx(ctx, "a")}, 1, 0, 0)
				is(s, "fetches for one who has gone", r.fetched()-fetched, 0)
				s.results("due and unknown", []result{r.callCtx(ctx, "bogus")}, 0, 0, 1)
				r.until(11 * time.Minute)
				s.results("old", []result{r.callCtx(ctx, "a")}, 0, 0, 1)
				is(s, "fetches for one who has gone", r.fetched()-fetched, 0)
			})
		})
	}
}

func TestReadyDoesNoIOWithAUsableSet(t *testing.T) {
	bubble(t, func(s *stage) {
		r := s.rig(nil, fails)
		ctx := context.Background()
		if err := r.verifier.Ready(ctx); !errors.Is(err, jwtverify.ErrKeysUnavailable) || !errors.Is(err, errDown) {
			s.Errorf("a failing source: %v", err)
		}
		r.set(serve(s, "a", "b"))
		if err := r.verifier.Ready(ctx); !errors.Is(err, jwtverify.ErrKeysUnavailable) {
			s.Errorf("in hold: %v", err)
		}
		is(s, "fetches", r.fetched(), 1)
		time.Sleep(time.Second)
		is(s, "with keys", r.verifier.Ready(ctx), nil)
		is(s, "with a nil ctx", r.verifier.Ready(nil), nil) //lint:ignore SA1012 it is documented
		is(s, "fetches", r.fetched(), 2)
		r.set(fails)
		for range 23 {
			time.Sleep(time.Hour)
			is(s, "later", r.verifier.Ready(ctx), nil)
		}
		is(s, "fetches by Ready", r.fetched(), 2)
		time.Sleep(time.Hour)
		if err := r.verifier.Ready(ctx); !errors.Is(err, jwtverify.ErrKeysUnavailable) {
			s.Errorf("after a day: %v", err)
		}
		is(s, "fetches", r.fetched(), 3)
		r.set(serve(s, "a"))
		time.Sleep(time.Minute)
		gone, cancel := context.WithCancel(ctx)
		cancel()
		if err := r.verifier.Ready(gone); !errors.Is(err, context.Canceled) {
			s.Errorf("with a ctx that has ended: %v", err)
		}
		is(s, "Ready at last", r.verifier.Ready(ctx), nil)
	})
}

func TestNilContextNeverEnds(t *testing.T) {
	bubble(t, func(s *stage) {
		r := s.rig(nil, serve(s, "a", "b"))
		var none context.Context
		s.results("cold", []result{r.callCtx(none, "a")}, 1, 0, 0)
		s.results("fresh", []result{r.callCtx(none, "a")}, 1, 0, 0)
		s.results("unknown", []result{r.callCtx(none, "bogus")}, 0, 1, 0)
		if set, err := r.cache.Keys(none); err != nil || set.Len() != 2 {
			s.Errorf("Keys: %v", err)
		}
	})
}

func keysByKid(s *stage, r *rig) map[string]jwtverify.Key {
	set, err := r.cache.Keys(context.Background())
	if err != nil {
		s.Fatal(err)
	}
	keys := map[string]jwtverify.Key{}
	for key := range set.All() {
		keys[key.ID()] = key
	}
	return keys
}

// What is remembered about a key, by comparing Keys, survives the refresh.
func TestKeyStaysTheSameWhileTheSourceHasIt(t *testing.T) {
	bubble(t, func(s *stage) {
		r := s.warm()
		refresh := func(to answer) map[string]jwtverify.Key {
			fetched := r.fetched()
			r.set(to)
			time.Sleep(11 * time.Minute)
			keys := keysByKid(s, r)
			is(s, "refreshes", r.fetched()-fetched, 1)
			return keys
		}
		first := keysByKid(s, r)
		for range 3 {
			same := refresh(serve(s, "b", "a"))
			is(s, "a after a refresh", same["a"], first["a"])
			is(s, "b after a refresh", same["b"], first["b"])
		}
		some := refresh(serve(s, "a", "c"))
		is(s, "a when others changed", some["a"], first["a"])
		is(s, "keys", len(some), 2)
		is(s, "a beside a new key", refresh(serve(s, "a", "b", "c"))["c"], some["c"])
		back := refresh(serve(s, "b"))
		if back["b"] == first["b"] {
			s.Errorf("b is the same after it was gone")
		}
		// The same kid with another modulus is another key.
		other := refresh(func(context.Context) (*jwtverify.KeySet, error) {
			key, err := jwtverify.NewKey(&testKey(s, 2).PublicKey, "b")
			if err != nil {
				return nil, err
			}
			return jwtverify.NewKeySet(key)
		})
		if other["b"] == back["b"] || other["b"] == (jwtverify.Key{}) {
			s.Errorf("b is the same with another modulus")
		}
		s.results("token of the old b", []result{r.verify(context.Background(), "bogus", kidToken("bogus", false))}, 0, 1, 0)
		if _, err := r.verifier.Verify(context.Background(), kidToken("b", false)); !errors.Is(err, jwtverify.ErrSignature) {
			s.Errorf("a token of the old b: %v", err)
		}
	})
}

func TestKeyStaysTheSameAcross304AndFallback(t *testing.T) {
	bubble(t, func(s *stage) {
		source := over(func(request *http.Request) (*http.Response, error) {
			if request.Header.Get("If-None-Match") != "" {
				return respond(304, "")(request)
			}
			return respond(200, jwks(s, "a", "b"), "ETag", `"x"`)(request)
		})
		r := s.rig(nil, source).warm()
		first := keysByKid(s, r)
		for range 2 {
			time.Sleep(11 * time.Minute)
			is(s, "a after a 304", keysByKid(s, r)["a"], first["a"])
		}
		r.call("bogus") // asks for the whole set
		is(s, "a after a 200", keysByKid(s, r)["a"], first["a"])
		is(s, "fetches", r.fetched(), 4)
	})
}

// Bytes of an unknown kid are counted in errors, not kept: nothing grows with them.
func TestMemoryDoesNotGrowWithUnknownKids(t *testing.T) {
	bubble(t, func(s *stage) {
		r := s.warm()
		heap := func() uint64 {
			runtime.GC()
			var stats runtime.MemStats
			runtime.ReadMemStats(&stats)
			return stats.HeapAlloc
		}
		flood := func(from int) {
			for i := range 20_000 {
				kid := fmt.Sprintf("%0200d", from+i)
				if jwtverify.Find(r.cache, kid) {
					s.Fatalf("%s is known", kid)
				}
				if i%100 == 0 {
					time.Sleep(time.Second)
				}
			}
		}
		flood(0)
		before := heap()
		for i := range 3 {
			flood(20_000 * (i + 1))
		}
		// 60,000 kids of 200 bytes would be 12 MB.
		if after := heap(); after > before+1<<20 {
			s.Errorf("the heap grew from %d to %d bytes", before, after)
		}
		runtime.KeepAlive(r)
	})
}

func TestUnknownKidIsQuotedAndCut(t *testing.T) {
	bubble(t, func(s *stage) {
		r := s.warm()
		err := r.call("evil\n" + strings.Repeat("k", 200)).err
		if text := err.Error(); !strings.Contains(text, `"evil\n`+strings.Repeat("k", 59)+`"…`) {
			s.Errorf("got %q, want the kid in quotes, cut to 64 bytes", text)
		}
		if err := r.call("короткий").err; !strings.Contains(err.Error(), `\u043a`) {
			s.Errorf("got %q, want ASCII only", err)
		}
	})
}

// One goroutine per fetch, and none after it.
func TestGoroutinesOfAFetch(t *testing.T) {
	bubble(t, func(s *stage) {
		r := s.warm()
		synctest.Wait()
		rest := cacheGoroutines()
		is(s, "at rest", rest, 0)
		release := make(chan struct{})
		r.set(func(context.Context) (*jwtverify.KeySet, error) {
			<-release
			return kidSet(s, "a", "b"), nil
		})
		r.until(301 * time.Second)
		for range 100 {
			r.call("a")
		}
		synctest.Wait()
		is(s, "during a fetch", cacheGoroutines(), 1)
		time.Sleep(time.Hour)
		for range 100 {
			r.call("a")
		}
		synctest.Wait()
		is(s, "during a call that ignores ctx", cacheGoroutines(), 1)
		close(release)
		synctest.Wait()
		is(s, "after it", cacheGoroutines(), 0)
	})
}

// While the keys are old the queue is that of a cold start; whoever finds it full is
// served from what there is, and not shed.
func TestOldKeysAreUsedWhenTheQueueIsFull(t *testing.T) {
	t.Parallel()
	bubble(t, func(s *stage) {
		r := s.warm()
		r.cheap = true
		r.until(time.Hour)
		calls := r.atOnce(17_000, always("a"))
		s.results("a", calls, 17_000, 0, 0)
		waited := 0
		for _, call := range calls {
			if call.wait > 0 {
				waited++
			}
		}
		is(s, "waited", waited, 16_384)
		is(s, "shed", r.cache.Stats().Shed, 0)
		is(s, "F", r.fetched()-1, 1)
		r.until(2 * time.Hour)
		s.results("bogus", r.atOnce(1_030, distinct("bogus")), 0, 1_024, 6)
	})
}

// An unknown kid in a set that is due waits for the scheduled fetch, and no forced one
// is charged.
func TestUnknownKidInADueSetIsNotCharged(t *testing.T) {
	bubble(t, func(s *stage) {
		r := s.warm()
		r.until(301 * time.Second)
		bogus := r.call("bogus")
		s.results("bogus", []result{bogus}, 0, 1, 0)
		is(s, "waits", bogus.wait, fetchTime)
		is(s, "F", r.fetched()-1, 1)
		is(s, "forced", r.forcedFetches(), 0)
		s.results("another", []result{r.call("bogus")}, 0, 1, 0)
		is(s, "forced then", r.forcedFetches(), 1)
	})
}

// No token without kid ever forces a fetch, though it waits for one that is made.
func TestTokenWithoutKidForcesNoFetch(t *testing.T) {
	bubble(t, func(s *stage) {
		r := s.warm()
		s.results("fresh", []result{r.call("")}, 0, 1, 0)
		is(s, "F", r.fetched()-1, 0)
		r.until(301 * time.Second)
		s.results("due", []result{r.call("")}, 0, 1, 0)
		is(s, "F", r.fetched()-1, 1)
		is(s, "forced", r.forcedFetches(), 0)
		emptyKid := r.verify(context.Background(), "empty", rawToken(`{"alg":"RS256","kid":""}`, `{}`, strings.Repeat("A", 342)))
		s.results("kid of no byte", []result{emptyKid}, 0, 1, 0)
		is(s, "F", r.fetched()-1, 1)
	})
}

// The gap between forced fetches: 10, 20, 40, 60, 60 s; short again after five minutes
// without unknown kids, or when the keys have changed.
func TestGapBetweenForcedFetches(t *testing.T) {
	force := func(s *stage, r *rig, seconds ...int) {
		s.Helper()
		from, before := r.now(), r.fetched()
		var want []time.Duration
		for _, second := range seconds {
			want = append(want, time.Duration(second)*time.Second)
		}
		kids := r.spread(10*(seconds[len(seconds)-1]+1), 100*ms, distinct("kid"))
		var got []time.Duration
		for _, start := range r.starts(before) {
			got = append(got, start-from)
		}
		kids()
		if !slices.Equal(got, want) {
			s.Errorf("forced fetches at %v, want %v", got, want)
		}
	}
	bubble(t, func(s *stage) {
		r := s.warm()
		force(s, r, 0, 10, 30, 70, 130)
		time.Sleep(4*time.Minute - 2*time.Second) // less than five minutes: the next gap is long
		r.call("a")
		force(s, r, 0, 60)
		time.Sleep(5*time.Minute - time.Second)
		r.call("a")
		time.Sleep(time.Second)
		force(s, r, 0, 10, 30)
		time.Sleep(time.Minute)
		// The fetch that brings other keys has settled the next one already.
		r.set(serve(s, "a", "b", "c"))
		force(s, r, 0, 60, 70, 90)
	})
	bubble(t, func(s *stage) {
		r := s.rig(&jwtverify.Cache{Cooldown: time.Second}, serve(s, "a", "b")).warm()
		force(s, r, 0, 1, 3, 7, 15, 31, 63, 123, 183)
	})
	bubble(t, func(s *stage) {
		r := s.rig(&jwtverify.Cache{Cooldown: 45 * time.Second}, serve(s, "a", "b")).warm()
		force(s, r, 0, 45, 105, 165)
	})
}

// With an interval below a minute nothing is waited for longer than that, but 10 s.
func TestRetryDelayIsCappedByTheInterval(t *testing.T) {
	for _, interval := range []time.Duration{10 * time.Second, 25 * time.Second} {
		bubble(t, func(s *stage) {
			r := s.rig(&jwtverify.Cache{RefreshInterval: interval}, serve(s, "a")).warm()
			r.cheap = true
			r.set(func(context.Context) (*jwtverify.KeySet, error) { return nil, errDown })
			calls := r.inTurn(10_000, 100*ms, "a")
			s.results("a", calls, 10_000, 0, 0)
			starts := r.starts(8)
			for i, start := range starts[1:] {
				within(s, fmt.Sprint("gap with an interval of ", interval), start-starts[i], interval*8/10, interval+100*ms)
			}
		})
	}
}

// Without jitter the delays would be 1, 2, 4 … s: they are 0.8 to 1 times that, and
// all through that range.
func TestRetryDelaysAreJitteredWithinBounds(t *testing.T) {
	seconds := []float64{1, 2, 4, 8, 16, 32, 60, 60}
	shortest, longest := make([]float64, len(seconds)), make([]float64, len(seconds))
	bubble(t, func(s *stage) {
		for i := range shortest {
			shortest[i] = 2
		}
		for range 200 {
			r := s.warm()
			r.cheap = true
			r.set(func(context.Context) (*jwtverify.KeySet, error) { return nil, errDown })
			for r.fetched() < 10 {
				step := time.Duration(seconds[max(r.fetched()-2, 0)] * float64(10*ms))
				// RetryAfter is when the next fetch may start, rounded up to seconds.
				after := r.call("bogus").unavailableError().RetryAfter - time.Second
				time.Sleep(max(after, step))
			}
			starts := r.starts(1)
			for i := range shortest {
				ratio := (starts[i+1] - starts[i]).Seconds() / seconds[i]
				shortest[i], longest[i] = min(shortest[i], ratio), max(longest[i], ratio)
			}
		}
	})
	for i := range shortest {
		// The calls come every hundredth of the delay: it may look 1 % longer.
		if shortest[i] < 0.8 || shortest[i] > 0.83 || longest[i] < 0.97 || longest[i] > 1.011 {
			t.Errorf("delay %d: %.3f to %.3f times its value, want 0.8 to 1", i+1, shortest[i], longest[i])
		}
	}
}

func TestRefreshIsJitteredWithinBounds(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		interval time.Duration
		low      float64
	}{{time.Minute, 0.8}, {59 * time.Second, 1}, {5 * time.Minute, 0.8}, {10 * time.Second, 1}} {
		if testing.Short() && row.interval != time.Minute && row.interval != 59*time.Second {
			continue // those two are on either side of the limit
		}
		t.Run(row.interval.String(), func(t *testing.T) {
			shortest, longest := 2.0, 0.0
			bubble(t, func(s *stage) {
				r := s.rig(&jwtverify.Cache{RefreshInterval: row.interval}, func(context.Context) (*jwtverify.KeySet, error) { return kidSet(s, "a"), nil })
				r.cheap = true
				for r.fetched() < 100 {
					before := r.fetched()
					r.call("a")
					time.Sleep(row.interval / 1000)
					if r.fetched() > before {
						time.Sleep(time.Duration((row.low - 0.02) * float64(row.interval))) // before it is due
					}
				}
				starts := r.starts(0)
				for i, start := range starts[1:] {
					ratio := float64(start-starts[i]) / float64(row.interval)
					shortest, longest = min(shortest, ratio), max(longest, ratio)
				}
			})
			if shortest < row.low || longest > 1.002 || row.low == 1 && longest-shortest > 0.0001 || row.low < 1 && (shortest > 0.83 || longest < 0.97) {
				t.Errorf("refreshed at %.3f to %.3f times the interval, want %v to 1", shortest, longest, row.low)
			}
		})
	}
}

// A hint of a KeySourceFunc is at least 10 s, and only shortens the RefreshInterval.
func TestHintsOfOwnSources(t *testing.T) {
	for _, row := range []struct{ hint, interval, want time.Duration }{
		{time.Second, 0, 10 * time.Second},
		{0, 0, 10 * time.Second},
		{-time.Hour, 0, 10 * time.Second},
		{30 * time.Second, 0, 30 * time.Second},
		{30 * time.Second, 10 * time.Second, 10 * time.Second},
		{10 * time.Second, 30 * time.Second, 10 * time.Second},
		{100 * time.Hour, 0, 5 * time.Minute},
		{100 * time.Hour, time.Hour, time.Hour},
	} {
		t.Run(fmt.Sprint(row.hint, " with RefreshInterval ", row.interval), func(t *testing.T) {
			bubble(t, func(s *stage) {
				r := s.rig(&jwtverify.Cache{RefreshInterval: row.interval, MaxStale: 48 * time.Hour}, func(context.Context) (*jwtverify.KeySet, error) {
					return kidSet(s, "a").WithRefreshAfter(row.hint), nil
				}).warm()
				low := row.want
				if row.want >= time.Minute {
					low = row.want * 8 / 10
				}
				r.until(low - ms)
				r.call("a")
				synctest.Wait()
				is(s, "fetches just before", r.fetched(), 1)
				r.until(row.want)
				r.call("a")
				synctest.Wait()
				is(s, "fetches then", r.fetched(), 2)
			})
		})
	}
}

// A partial answer serves while there is nothing better, replaces one of its kind, and
// never displaces keys of the real source while those can be used.
func TestPartialAnswers(t *testing.T) {
	bubble(t, func(s *stage) {
		fallback := func(kids ...string) answer {
			return jwtverify.FallbackKeySource{Primary: jwtverify.KeySourceFunc(fails), Secondary: kidSet(s, kids...)}.Keys
		}
		known := func(when string, r *rig, want ...string) {
			s.Helper()
			set, err := r.cache.Keys(context.Background())
			if err != nil {
				s.Errorf("%s: %v", when, err)
				return
			}
			var got []string
			for key := range set.All() {
				got = append(got, key.ID())
			}
			if !slices.Equal(got, want) {
				s.Errorf("%s: keys %v, want %v", when, got, want)
			}
		}
		r := s.rig(&jwtverify.Cache{MaxStale: time.Hour}, fallback("a"))
		known("at first", r, "a")
		if err := r.cache.Stats().Err; !errors.Is(err, errDown) {
			s.Errorf("Stats().Err = %v, want the primary's", err)
		}
		bogus := r.call("bogus")
		s.results("bogus", []result{bogus}, 0, 0, 1)
		r.set(fallback("a", "b"))
		time.Sleep(2 * time.Second)
		s.results("b, which the retry brings", []result{r.call("b")}, 1, 0, 0)
		known("another partial one", r, "a", "b")
		r.set(serve(s, "a", "c"))
		time.Sleep(10 * time.Second)
		s.results("c", []result{r.call("c")}, 1, 0, 0)
		known("the real one", r, "a", "c")
		r.set(fallback("b"))
		for range 59 {
			time.Sleep(time.Minute)
			s.results("in the outage", []result{r.call("a"), r.call("c")}, 2, 0, 0)
			s.results("in the outage", []result{r.call("b")}, 0, 0, 1)
			known("in the outage", r, "a", "c")
		}
		time.Sleep(2 * time.Minute)
		s.results("b when the real ones are too old", []result{r.call("b")}, 1, 0, 0)
		known("then", r, "b")
		r.set(serve(s, "c"))
		time.Sleep(time.Minute)
		s.results("bogus", []result{r.call("bogus")}, 0, 1, 0)
		known("at the end", r, "c")
	})
}

// The copy ages on: one of 20 h serves 4 h more, one too old or of the future not.
func TestStoredCopyAges(t *testing.T) {
	for _, row := range []struct {
		saved time.Duration // ago
		ok    bool
	}{{24*time.Hour - time.Second, true}, {24*time.Hour + time.Second, false}, {-4 * time.Minute, true}, {-6 * time.Minute, false}} {
		t.Run(row.saved.String(), func(t *testing.T) {
			bubble(t, func(s *stage) {
				path := filepath.Join(s.TempDir(), "stored.json")
				text := strings.TrimSuffix(jwks(s, "a"), "}") + fmt.Sprintf(`,"saved":%q}`, time.Now().Add(-row.saved).UTC().Format(time.RFC3339))
				if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
					s.Fatal(err)
				}
				r := s.rig(nil, jwtverify.StoredKeySource{Source: jwtverify.KeySourceFunc(fails), Path: path}.Keys)
				call := r.call("a")
				is(s, "ok", call.ok(), row.ok)
				is(s, "unavailable", call.unavailable(), !row.ok)
				if row.ok {
					within(s, "Age", r.cache.Stats().Age, max(row.saved, 0), max(row.saved, 0)+fetchTime)
				}
			})
		})
	}
}

// No set ever replaces a newer one: a file that was put back does not bring back keys.
func TestOlderStoredCopyDoesNotReplaceANewerOne(t *testing.T) {
	bubble(t, func(s *stage) {
		path := filepath.Join(s.TempDir(), "stored.json")
		write := func(age time.Duration, kids ...string) {
			text := strings.TrimSuffix(jwks(s, kids...), "}") + fmt.Sprintf(`,"saved":%q}`, time.Now().Add(-age).UTC().Format(time.RFC3339))
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				s.Fatal(err)
			}
		}
		r := s.rig(nil, jwtverify.StoredKeySource{Source: jwtverify.KeySourceFunc(fails), Path: path}.Keys)
		write(2*time.Hour, "a")
		s.results("a", []result{r.call("a")}, 1, 0, 0)
		write(3*time.Hour, "b")
		time.Sleep(time.Minute)
		s.results("b, of an older copy", []result{r.call("b")}, 0, 0, 1)
		s.results("a", []result{r.call("a")}, 1, 0, 0)
		write(time.Hour, "c")
		time.Sleep(time.Minute)
		s.results("c, of a newer copy", []result{r.call("c")}, 1, 0, 0)
		is(s, "fetches", r.fetched(), 3)
	})
}

// An empty set is never saved, nor replaced by the copy: one that lasts is a
// revocation.
func TestEmptySetIsNotReplacedByTheStoredCopy(t *testing.T) {
	bubble(t, func(s *stage) {
		path := filepath.Join(s.TempDir(), "stored.json")
		source := &switched{to: serve(s, "a")}
		stored := jwtverify.StoredKeySource{Source: source, Path: path}
		if _, err := stored.Keys(context.Background()); err != nil {
			s.Fatal(err)
		}
		before, err := os.ReadFile(path)
		if err != nil {
			s.Fatal(err)
		}
		source.set(empty)
		r := s.rig(nil, stored.Keys)
		call := r.call("a")
		is(s, "unavailable", call.unavailable(), true)
		is(s, "Reason", call.unavailableError().Reason, "empty")
		if after, err := os.ReadFile(path); err != nil || string(after) != string(before) {
			s.Errorf("the copy was changed: %v", err)
		}
	})
}

// An hour of empty sets is a revocation: the stored copy of what was dropped does not
// come back when the source answers with an error instead (I11).
func TestStoredCopyDoesNotUndoARevocation(t *testing.T) {
	t.Parallel()
	bubble(t, func(s *stage) {
		source := &switched{to: serve(s, "a")}
		stored := jwtverify.StoredKeySource{Source: source, Path: filepath.Join(s.TempDir(), "stored.json")}
		time.Sleep(500 * ms)
		r := s.rig(nil, stored.Keys).warm()
		r.cheap = true
		at := r.now() - r.cache.Stats().Age
		source.set(empty)
		calls := r.inTurnUntil(90*time.Minute, time.Second, "a")
		s.results("a after an hour of empties", calls[len(calls)-100:], 0, 0, 100)
		source.set(fails)
		time.Sleep(time.Minute)
		s.results("a in an outage after that", []result{r.call("a")}, 0, 0, 1)
		if stats := r.cache.Stats(); stats.Keys > 0 && r.now()-stats.Age < at {
			s.Errorf("I11: a set of %v is in use, after one of %v", r.now()-stats.Age, at)
		}
	})
}

// The copy is dated by the start of the fetch that brought it, as the snapshot is: a
// slow one does not make it serve longer than MaxStale.
func TestStoredCopyIsNotYoungerThanTheSetItWasMadeOf(t *testing.T) {
	bubble(t, func(s *stage) {
		source := &switched{to: serveAfter(s, 4*time.Second, "a")}
		stored := jwtverify.StoredKeySource{Source: source, Path: filepath.Join(s.TempDir(), "stored.json")}
		r := s.rig(nil, stored.Keys).warm() // at t = 0 the set is 4 s old
		source.set(fails)
		r.until(24*time.Hour - 3*time.Second)
		s.results("a at an age of 24 h 1 s", []result{r.call("a")}, 0, 0, 1)
	})
}

// A set that an HTTP cache held for an hour is an hour old in the copy too.
func TestStoredCopyIsAsOldAsAgeSays(t *testing.T) {
	bubble(t, func(s *stage) {
		source := &switched{to: over(respond(200, jwks(s, "a"), "Age", "3600"))}
		stored := jwtverify.StoredKeySource{Source: source, Path: filepath.Join(s.TempDir(), "stored.json")}
		s.rig(nil, stored.Keys).warm()
		source.set(fails)
		within(s, "Age", s.rig(nil, stored.Keys).warm().cache.Stats().Age, time.Hour, time.Hour+time.Second)
	})
}

// The hour of empties begins again with any other answer.
func TestHourOfEmptySetsBeginsAgain(t *testing.T) {
	t.Parallel()
	bubble(t, func(s *stage) {
		r := s.warm()
		r.cheap = true
		r.set(empty)
		r.inTurnUntil(55*time.Minute, time.Second, "a")
		r.set(fails)
		failed := r.failed()
		r.inTurnUntil(57*time.Minute, time.Second, "a")
		within(s, "other failures", r.failed()-failed, 1, 3)
		r.set(empty)
		calls := r.inTurnUntil(115*time.Minute, time.Second, "a")
		s.results("a", calls, len(calls), 0, 0)
		calls = r.inTurnUntil(122*time.Minute, time.Second, "a")
		s.results("a at the end", calls[len(calls)-60:], 0, 0, 60)
	})
}

// To the nanosecond: what lasts an hour is a revocation, what is a nanosecond shorter
// is not.
func TestEmptySetsForAnHour(t *testing.T) {
	for _, row := range []struct {
		after time.Duration
		ok    int
	}{{time.Hour - 1, 1}, {time.Hour, 0}} {
		bubble(t, func(s *stage) {
			r := s.warm()
			r.set(empty)
			r.until(6 * time.Minute)
			r.call("a") // the set is due
			time.Sleep(time.Second)
			first := r.starts(0)[r.fetched()-1]
			r.until(first + row.after)
			s.results("the call that starts the next fetch", []result{r.call("a")}, row.ok, 0, 1-row.ok)
			time.Sleep(time.Second / 2)
			s.results("the one behind it", []result{r.call("a")}, row.ok, 0, 1-row.ok)
		})
	}
}

// Five minutes after the last forced fetch the gap is the shortest again, and a
// nanosecond earlier it is not.
func TestForcedFetchesAreForgottenAfterFiveMinutes(t *testing.T) {
	for _, row := range []struct {
		after  time.Duration
		forced int
	}{{5*time.Minute - 1, 2}, {5 * time.Minute, 3}} {
		bubble(t, func(s *stage) {
			r := s.rig(&jwtverify.Cache{RefreshInterval: 24 * time.Hour}, serve(s, "a", "b")).warm()
			r.call("x")
			first := r.starts(0)[r.fetched()-1]
			r.until(first + row.after)
			r.call("y")
			r.until(first + row.after + 10*time.Second)
			r.call("z")
			is(s, "forced fetches", r.forcedFetches(), row.forced)
		})
	}
}

// Fetches for callers with other values in their contexts: those of the one who
// started it reach the source, his deadline and cancellation do not.
func TestFetchHasTheValuesOfItsStarter(t *testing.T) {
	type traceKey struct{}
	bubble(t, func(s *stage) {
		var got any
		r := s.rig(nil, func(ctx context.Context) (*jwtverify.KeySet, error) {
			got = ctx.Value(traceKey{})
			return serve(s, "a")(ctx)
		})
		ctx, cancel := context.WithTimeout(context.WithValue(context.Background(), traceKey{}, "trace"), ms)
		defer cancel()
		r.callCtx(ctx, "a")
		time.Sleep(time.Second)
		synctest.Wait() // for got
		is(s, "value", got, any("trace"))
		is(s, "keys", r.cache.Stats().Keys, 1)
	})
}

// Many callers beside a source that rotates: for the race detector, and for whole
// sets only. Each set has a key of its round and one that is always there.
func TestCallersBesideARotatingSource(t *testing.T) {
	bubble(t, func(s *stage) {
		var rounds atomic.Int64
		r := s.rig(&jwtverify.Cache{RefreshInterval: 10 * time.Second, Cooldown: time.Second}, func(ctx context.Context) (*jwtverify.KeySet, error) {
			if err := sleep(ctx, fetchTime); err != nil {
				return nil, err
			}
			switch rounds.Add(1) % 3 {
			case 0:
				return kidSet(s, "a", "b"), nil
			case 1:
				return kidSet(s, "a", "c"), nil
			}
			return nil, errDown
		})
		r.cheap = true
		var all sync.WaitGroup
		for group := range 2 {
			for i := range 8 {
				all.Go(func() {
					for n := range 300 {
						switch {
						case group == 0:
							if call := r.call("a"); !call.ok() && r.cache.Stats().Keys > 0 && call.start > time.Second {
								s.Errorf("a at %v: %v", call.start, call.err)
							}
						case i%2 == 0:
							r.call([]string{"b", "c"}[n%2])
						default:
							r.call(fmt.Sprint("bogus-", n))
							if set, err := r.cache.Keys(context.Background()); err == nil {
								is(s, "keys of a whole set", set.Len(), 2)
							}
							_ = r.verifier.Ready(context.Background())
							r.cache.Stats()
						}
						time.Sleep(time.Duration(50+i) * ms)
					}
				})
			}
		}
		all.Wait()
		within(s, "fetches", r.fetched(), 3, 100)
	})
}

// Keys is a caller like the others: it refreshes a set that is due, without waiting.
func TestKeysRefreshesADueSet(t *testing.T) {
	bubble(t, func(s *stage) {
		r := s.warm()
		r.set(serve(s, "a", "b", "c"))
		r.until(301 * time.Second)
		is(s, "keys at once", len(keysByKid(s, r)), 2)
		is(s, "time", r.now(), 301*time.Second)
		time.Sleep(time.Second)
		is(s, "keys then", len(keysByKid(s, r)), 3)
		is(s, "F", r.fetched()-1, 1)
	})
}

// A set can be too old when it comes, if Timeout is longer than the interval. Then
// nobody waits a second time.
func TestSetThatIsTooOldWhenItComes(t *testing.T) {
	bubble(t, func(s *stage) {
		r := s.rig(&jwtverify.Cache{RefreshInterval: 10 * time.Second, MaxStale: 1, Timeout: 30 * time.Second}, serveAfter(s, 15*time.Second, "a"))
		call := r.call("a")
		s.results("a", []result{call}, 0, 0, 1)
		is(s, "waits", call.wait, 15*time.Second)
		is(s, "F*", r.fetched(), 1)
		if text := call.err.Error(); !strings.Contains(text, "too old when they arrived") {
			s.Errorf("error %q", text)
		}
	})
}

// One Cache may serve several verifiers.
func TestVerifiersShareACache(t *testing.T) {
	bubble(t, func(s *stage) {
		r := s.rig(nil, serve(s, "a", "b"))
		other := newVerifier(s, jwtverify.Config{Keys: r.cache, Audiences: []string{"elsewhere", testAudience}})
		s.results("a", []result{r.call("a")}, 1, 0, 0)
		if _, err := other.Verify(context.Background(), kidToken("a", false)); err != nil {
			s.Error(err)
		}
		is(s, "fetches", r.fetched(), 1)
	})
}

// An error of the source may have methods that look at the Cache: they run without
// its lock.
func TestErrorOfTheSourceMayAskTheCache(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var cache *jwtverify.Cache
		cache = &jwtverify.Cache{Source: jwtverify.KeySourceFunc(func(context.Context) (*jwtverify.KeySet, error) {
			return nil, curiousError{func() { cache.Stats() }}
		})}
		_, err := cache.Keys(t.Context())
		if !errors.Is(err, jwtverify.ErrKeysUnavailable) {
			t.Errorf("got %v, want ErrKeysUnavailable", err)
		}
	})
}

type curiousError struct{ look func() }

func (e curiousError) Error() string { e.look(); return "down" }
func (e curiousError) Is(error) bool { e.look(); return false }
func (e curiousError) As(any) bool   { e.look(); return false }

// A function of the user's may pass on a stored set and drop the error beside it. That
// is a failed fetch all the same: retries keep their distance, and Stats tell.
func TestStoredSetWithoutItsErrorIsNoGoodAnswer(t *testing.T) {
	unknown := sign(t, 0, map[string]any{"alg": "RS256", "kid": "unknown"}, goodClaims())
	for _, age := range []time.Duration{6 * time.Minute, 36 * time.Minute, 25 * time.Hour} {
		path := filepath.Join(t.TempDir(), "stored.json")
		synctest.Test(t, func(t *testing.T) {
			text := strings.TrimSuffix(jwkSet(t, 1), "}") + `,"saved":"` + time.Now().Add(-age).UTC().Format(time.RFC3339) + `"}`
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			stored := jwtverify.StoredKeySource{Source: &fixedAnswer{err: errors.New("down")}, Path: path}
			cache := &jwtverify.Cache{Source: jwtverify.KeySourceFunc(func(ctx context.Context) (*jwtverify.KeySet, error) {
				set, _ := stored.Keys(ctx)
				return set, nil
			})}
			verifier := newVerifier(t, jwtverify.Config{Keys: cache})
			for range 1_000 {
				if _, err := verifier.Verify(t.Context(), unknown); !errors.Is(err, jwtverify.ErrKeysUnavailable) {
					t.Fatalf("copy of %v: got %v, want ErrKeysUnavailable", age, err)
				}
				time.Sleep(10 * time.Millisecond)
			}
			synctest.Wait()
			if stats := cache.Stats(); stats.Fetches > 6 || stats.Err == nil {
				t.Errorf("copy of %v: %d fetches in 10 s, error %v, want a few, and an error", age, stats.Fetches, stats.Err)
			}
		})
	}
}

// A set that is too old when it comes is a failed fetch.
func TestSetTooOldOnArrivalIsAFailure(t *testing.T) {
	set := testSet(t, 1)
	synctest.Test(t, func(t *testing.T) {
		cache := &jwtverify.Cache{
			RefreshInterval: 10 * time.Second, Timeout: 30 * time.Second, MaxStale: time.Second,
			Source: jwtverify.KeySourceFunc(func(context.Context) (*jwtverify.KeySet, error) {
				time.Sleep(12 * time.Second)
				return set, nil
			}),
		}
		for range 3 { // the first waits for the fetch, the others are held
			if _, err := cache.Keys(t.Context()); !errors.Is(err, jwtverify.ErrKeysUnavailable) {
				t.Errorf("got %v, want ErrKeysUnavailable", err)
			}
		}
		if stats := cache.Stats(); stats.Fetches != 1 || stats.Failures != 1 || stats.Err == nil {
			t.Errorf("got %+v, want one fetch that failed", stats)
		}
	})
}

// The cause of a caller's context may match ErrInvalid, and his context.Canceled must
// still be seen.
func TestCauseOfTheCallerIsNotTakenForTheToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cache := &jwtverify.Cache{Source: jwtverify.KeySourceFunc(func(ctx context.Context) (*jwtverify.KeySet, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})}
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(fmt.Errorf("the peer's %w", jwtverify.ErrExpired)) })
		_, err := cache.Keys(ctx)
		if !errors.Is(err, context.Canceled) || !errors.Is(err, jwtverify.ErrKeysUnavailable) || errors.Is(err, jwtverify.ErrInvalid) || !strings.Contains(err.Error(), "the peer's") {
			t.Errorf("got %v, want context.Canceled with the text of its cause, and not ErrInvalid", err)
		}
		time.Sleep(10 * time.Second)
	})
}

type world struct{ down, slowHook atomic.Bool }

func TestKnownFreshKeyTakesNoLockAndNoMemory(t *testing.T) {
	for _, row := range []struct {
		name string
		// what goes on beside the lookup; the source has answered once
		beside func(t *testing.T, c *jwtverify.Cache, w *world)
	}{
		{"at rest", func(*testing.T, *jwtverify.Cache, *world) {}},
		{"during a fetch for an unknown kid", func(t *testing.T, c *jwtverify.Cache, _ *world) {
			go jwtverify.Find(c, "bogus")
			synctest.Wait()
			if !jwtverify.InFlight(c) {
				t.Error("no fetch runs")
			}
		}},
		{"while OnLoad is slow", func(t *testing.T, c *jwtverify.Cache, w *world) {
			w.slowHook.Store(true)
			jwtverify.Find(c, "bogus")
		}},
		{"while the source fails", func(t *testing.T, c *jwtverify.Cache, w *world) {
			w.down.Store(true)
			jwtverify.Find(c, "bogus")
			if c.Stats().Err == nil {
				t.Error("the source did not fail")
			}
		}},
		{"with the queue full of unknown kids", func(t *testing.T, c *jwtverify.Cache, _ *world) {
			const missQueue = 1_024
			for range missQueue + 10 {
				go jwtverify.Find(c, "bogus")
			}
			synctest.Wait()
			if miss, _ := jwtverify.Waiting(c); miss != missQueue {
				t.Errorf("%d callers wait, want %d", miss, missQueue)
			}
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				set, w := kidSet(t, "a"), new(world)
				release := make(chan struct{})
				c := &jwtverify.Cache{
					Source: jwtverify.KeySourceFunc(func(context.Context) (*jwtverify.KeySet, error) {
						time.Sleep(50 * time.Millisecond)
						if w.down.Load() {
							return nil, errors.New("down")
						}
						return set, nil
					}),
					OnLoad: func(*jwtverify.KeySet, error) {
						if w.slowHook.Load() {
							<-release
						}
					},
				}
				if !jwtverify.Find(c, "a") {
					t.Fatal("a is not known")
				}
				synctest.Wait()
				row.beside(t, c, w)
				var allocs float64
				jwtverify.Locked(c, func() {
					allocs = testing.AllocsPerRun(1000, func() {
						if !jwtverify.Find(c, "a") {
							t.Error("a is not known any more")
						}
					})
				})
				if allocs != 0 {
					t.Errorf("%v allocations per lookup, want 0", allocs)
				}
				close(release)
				time.Sleep(time.Minute)
			})
		})
	}
}

// The lookup of a key that is known and fresh: run it with -cpu 1,2 to see that it
// takes no lock.
func BenchmarkKnownFreshKey(b *testing.B) {
	cache := &jwtverify.Cache{Source: testSet(b, 2)}
	if _, err := cache.Keys(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if !jwtverify.Find(cache, "key-1") {
				b.Error("key-1 is unknown")
			}
		}
	})
}

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
	asked   int                  // the origin
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
		body, err := io.ReadAll(answer.Body)
		if err != nil {
			return nil, err
		}
		c.stored, c.body, c.at = answer, string(body), c.now()
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
		r.cheap = true
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
			r.cheap = true
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
		r.cheap = true
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
			_, err := verifier.Verify(t.Context(), kidToken("a", false))
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
		forged := make([]error, 0, 2_000)
		var mu sync.Mutex
		all := newCrew()
		for i := range 2_000 {
			all.Go(func() {
				_, err := r.verifier.Verify(ctx, after)
				mu.Lock()
				defer mu.Unlock()
				forged = append(forged, err)
			})
			if i%10 == 0 {
				good := r.verify(ctx, "a", before)
				if !good.ok() || good.wait != 0 {
					s.Errorf("a good token: %v, after %v", good.err, good.wait)
					break
				}
			}
			time.Sleep(300 * ms) // a fetch has ended then, and the next token may cause another
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
		var running, most atomic.Int32
		var mu sync.Mutex
		release := make(chan struct{})
		current := func() chan struct{} { mu.Lock(); defer mu.Unlock(); return release }
		renew := func() {
			mu.Lock()
			defer mu.Unlock()
			close(release)
			release = make(chan struct{})
		}
		stubborn := jwtverify.KeySourceFunc(func(context.Context) (*jwtverify.KeySet, error) {
			if n := running.Add(1); n > most.Load() {
				most.Store(n)
			}
			<-current()
			running.Add(-1)
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
			most.Store(0)
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
			is(s, name+": calls at the same time", most.Load(), 1)
			renew()
			synctest.Wait()
			if name != "fallback" {
				continue
			}
			time.Sleep(2 * time.Minute)
			cache.Keys(context.Background())
			time.Sleep(4 * time.Second)
			renew()
			time.Sleep(2 * time.Minute)
		}
		renew()
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
