package jwtverify

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// Waiting returns how many callers wait for the fetch that runs. For the tests of
// package jwtverify_test: no caller can see the queues.
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
	_, keys, err := c.find(context.Background(), keyQuery{kid: kid, hasKid: true}, time.Now())
	return err == nil && len(keys) > 0
}

func internalSet(t *testing.T) *KeySet {
	t.Helper()
	set, err := ParseKeySet([]byte(`{"keys":[{"kty":"RSA","kid":"a","e":"AQAB","n":"` + internalModulus + `"}]}`))
	if err != nil || set.Len() != 1 {
		t.Fatalf("set of %d keys, error %v", set.Len(), err)
	}
	return set
}

// A number of 2048 bits that is odd: nothing is ever verified with it.
var internalModulus = func() string {
	text := make([]byte, 342)
	for i := range text {
		text[i] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef"[i*7%32]
	}
	text[0], text[341] = 'y', 'w'
	return string(text)
}()

type world struct{ down, slowHook atomic.Bool }

func TestKnownFreshKeyTakesNoLockAndNoMemory(t *testing.T) {
	for _, row := range []struct {
		name string
		// what goes on beside the lookup; the source has answered once
		beside func(t *testing.T, c *Cache, w *world)
	}{
		{"at rest", func(*testing.T, *Cache, *world) {}},
		{"during a fetch for an unknown kid", func(t *testing.T, c *Cache, _ *world) {
			go Find(c, "bogus")
			synctest.Wait()
			if !InFlight(c) {
				t.Error("no fetch runs")
			}
		}},
		{"while OnLoad is slow", func(t *testing.T, c *Cache, w *world) {
			w.slowHook.Store(true)
			Find(c, "bogus")
		}},
		{"while the source fails", func(t *testing.T, c *Cache, w *world) {
			w.down.Store(true)
			Find(c, "bogus")
			if c.Stats().Err == nil {
				t.Error("the source did not fail")
			}
		}},
		{"with the queue full of made-up kids", func(t *testing.T, c *Cache, _ *world) {
			for range missQueue + 10 {
				go Find(c, "bogus")
			}
			synctest.Wait()
			if miss, _ := Waiting(c); miss != missQueue {
				t.Errorf("%d callers wait, want %d", miss, missQueue)
			}
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				set, w := internalSet(t), new(world)
				release := make(chan struct{})
				c := &Cache{
					Source: KeySourceFunc(func(context.Context) (*KeySet, error) {
						time.Sleep(50 * time.Millisecond)
						if w.down.Load() {
							return nil, errors.New("down")
						}
						return set, nil
					}),
					OnLoad: func(*KeySet, error) {
						if w.slowHook.Load() {
							<-release
						}
					},
				}
				if !Find(c, "a") {
					t.Fatal("a is not known")
				}
				synctest.Wait()
				row.beside(t, c, w)
				ctx, q := context.Background(), keyQuery{kid: "a", hasKid: true}
				c.mu.Lock() // who wanted it now would wait forever
				allocs := testing.AllocsPerRun(1000, func() {
					if _, keys, err := c.find(ctx, q, time.Now()); err != nil || len(keys) != 1 {
						t.Errorf("find = %d keys, %v", len(keys), err)
					}
				})
				c.mu.Unlock()
				if allocs != 0 {
					t.Errorf("%v allocations per lookup, want 0", allocs)
				}
				close(release)
				time.Sleep(time.Minute)
			})
		})
	}
}
