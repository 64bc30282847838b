package main

import (
	"bufio"
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"

	"example.com/jwtverify"
	"example.com/jwtverify/issuertest"
)

// startRedis starts a real Redis behind a socket in a folder of this test.
func startRedis(t *testing.T) (socket string) {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Skip("redis-server is not in PATH (Debian and others have it in a package of that name): nothing was tested with a real Redis")
	}
	dir, err := os.MkdirTemp("", "redis") // t.TempDir can be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	socket = filepath.Join(dir, "s")
	// It is killed when stdin ends: by the end of the test, or by that of the test's process.
	cmd := exec.Command("sh", "-c", `exec 3<&0; redis-server "$@" 3<&- & exec >&-; read -r _ <&3; kill -s KILL $!; wait $!`, "sh",
		"--port", "0", "--unixsocket", socket, "--dir", dir, "--save", "", "--appendonly", "no")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stdin.Close()
		cmd.Wait()
		os.RemoveAll(dir)
	})
	said := ""
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		said += lines.Text() + "\n"
		if strings.Contains(lines.Text(), "eady to accept connections") {
			return socket
		}
	}
	t.Fatalf("redis-server did not start:\n%s", said)
	return ""
}

// A fleet is many replicas, each with a Redis client and a verifier of its own, and the
// issuer that they trust. It lives in a bubble: time passes as it is told to, except for
// the Redis, whose time is moved along.
type fleet struct {
	issuer   *issuertest.Issuer
	socket   string
	redis    *redis.Client // of the test
	log      strings.Builder
	logger   *slog.Logger // to log
	replicas []*jwtverify.Verifier
}

func newFleet(t *testing.T, iss *issuertest.Issuer, socket string, replicas int) *fleet {
	t.Helper()
	f := &fleet{issuer: iss, socket: socket}
	f.logger = slog.New(slog.NewTextHandler(&f.log, nil))
	f.redis = f.client(t)
	t.Cleanup(func() { f.redis.FlushAll(context.Background()) }) // for the next one
	for range replicas {
		f.add(t)
	}
	return f
}

func (f *fleet) client(t *testing.T) *redis.Client {
	client := newClient(&redis.Options{Network: "unix", Addr: f.socket, PoolSize: 4})
	t.Cleanup(func() {
		client.Close()
		time.Sleep(time.Second) // of the bubble: what dials looks once a second whether it is closed
	})
	return client
}

func (f *fleet) add(t *testing.T) *jwtverify.Verifier {
	t.Helper()
	config := f.issuer.Config()
	config.Keys = newCache(f.client(t), f.url(), f.issuer.Client().Transport, f.logger)
	verifier, err := jwtverify.New(config)
	if err != nil {
		t.Fatal(err)
	}
	f.replicas = append(f.replicas, verifier)
	return verifier
}

func (f *fleet) url() string { return f.issuer.Config().Keys.(jwtverify.HTTPKeySource).URL }

// pass lets time pass, in the bubble and in the Redis.
func (f *fleet) pass(t *testing.T, d time.Duration) {
	t.Helper()
	time.Sleep(d) // of the bubble
	for _, key := range f.redis.Keys(t.Context(), "*").Val() {
		left := f.redis.PTTL(t.Context(), key).Val() - d
		if err := f.redis.PExpire(t.Context(), key, max(left, 0)).Err(); err != nil {
			t.Fatal(err)
		}
	}
}

// verify has all replicas verify a token at the same time. It returns how many accept it,
// refuse it, and do not know.
func (f *fleet) verify(token string) (good, bad, unknown int) {
	var goods, bads, unknowns atomic.Int64
	var wait sync.WaitGroup
	for _, replica := range f.replicas {
		wait.Go(func() {
			switch _, err := replica.Verify(context.Background(), token); {
			case err == nil:
				goods.Add(1)
			case errors.Is(err, jwtverify.ErrKeysUnavailable):
				unknowns.Add(1)
			default:
				bads.Add(1)
			}
		})
	}
	wait.Wait()
	return int(goods.Load()), int(bads.Load()), int(unknowns.Load())
}

func (f *fleet) mustVerify(t *testing.T, what, token string, good, bad, unknown int) {
	t.Helper()
	if g, b, u := f.verify(token); g != good || b != bad || u != unknown {
		t.Errorf("%s: %d replicas accept the token, %d refuse it, %d do not know; want %d, %d, %d", what, g, b, u, good, bad, unknown)
	}
}

// fetched returns how often the issuer was asked since the last call.
func (f *fleet) fetched() func() int {
	seen := len(f.issuer.Requests())
	return func() int {
		now := len(f.issuer.Requests())
		n := now - seen
		seen = now
		return n
	}
}

// mustFetch allows for a machine so slow that the Redis, whose time is real, has seen a
// pause go by.
func mustFetch(t *testing.T, what string, got, want int) {
	t.Helper()
	if got < want || want == 1 && got > 3 || want != 1 && got > want {
		t.Errorf("%s: the issuer was asked %d times, want %d", what, got, want)
	}
}

func forged(iss *issuertest.Issuer) string {
	return iss.Sign(issuertest.Claims{"alg": "RS256", "kid": "forged"}, issuertest.Claims{})
}

const many = 50

func TestManyReplicasOneFetch(t *testing.T) {
	socket := startRedis(t)
	iss := issuertest.New(t)

	t.Run("a start of all together, a rotation, forged kids", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := newFleet(t, iss, socket, many)
			fetched := f.fetched()
			f.mustVerify(t, "start", iss.Token(), many, 0, 0)
			mustFetch(t, "start", fetched(), 1)

			// The Redis has a document still, which is no answer to an unknown kid.
			f.pass(t, time.Minute)
			iss.Rotate()
			iss.Rotate()
			f.mustVerify(t, "rotation", iss.Token(), many, 0, 0)
			mustFetch(t, "rotation", fetched(), 1)

			f.pass(t, time.Minute)
			f.mustVerify(t, "forged kid", forged(iss), 0, many, 0)
			mustFetch(t, "forged kid", fetched(), 1)
			f.mustVerify(t, "good token meanwhile", iss.Token(), many, 0, 0)
		})
	})

	t.Run("a replica that has not heard of a rotation finds it in the Redis", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := newFleet(t, iss, socket, 2)
			f.mustVerify(t, "start", iss.Token(), 2, 0, 0)
			f.pass(t, 30*time.Second)
			iss.Rotate()
			iss.Rotate()
			first, second := &fleet{replicas: f.replicas[:1]}, &fleet{replicas: f.replicas[1:]}
			first.mustVerify(t, "the first", iss.Token(), 1, 0, 0)
			f.pass(t, 30*time.Second)
			fetched := f.fetched()
			second.mustVerify(t, "the second", iss.Token(), 1, 0, 0)
			mustFetch(t, "the second", fetched(), 0)
		})
	})

	t.Run("two hours of traffic", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := newFleet(t, iss, socket, 10)
			f.mustVerify(t, "start", iss.Token(), 10, 0, 0)
			f.mustVerify(t, "forged kid", forged(iss), 0, 10, 0) // counts once, and no more later
			fetched := f.fetched()
			const hours = 2
			for range hours * 180 {
				f.mustVerify(t, "traffic", iss.Token(), 10, 0, 0)
				f.pass(t, 20*time.Second)
			}
			// Keys are due when they are 4 to 5 minutes old: the first replica asks, the
			// others have what it brought.
			if got := fetched(); got < hours*12 || got > hours*15 {
				t.Errorf("the issuer was asked %d times in %d hours, want 12 to 15 an hour for all replicas together", got, hours)
			}
		})
	})

	t.Run("a key that was withdrawn is refused by all within the refresh interval", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := newFleet(t, iss, socket, 10)
			kid := iss.Rotate()
			f.mustVerify(t, "before", iss.SignWith(kid), 10, 0, 0)
			iss.Revoke(kid)
			// One looks at the Redis late: its keys are as old as those of the others.
			f.pass(t, shelfLife-10*time.Second)
			f.add(t)
			f.mustVerify(t, "a late start", iss.SignWith(kid), 11, 0, 0)
			for range 16 { // each asks when it is due
				f.pass(t, 10*time.Second)
				f.verify(iss.Token())
				synctest.Wait() // for what it asks
			}
			f.mustVerify(t, "5 minutes later", iss.SignWith(kid), 0, 11, 0)
		})
	})
}

func TestFaults(t *testing.T) {
	socket := startRedis(t)
	iss, other := issuertest.New(t), issuertest.New(t)

	t.Run("the issuer is down, and the Redis has its keys", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := newFleet(t, iss, socket, 1)
			f.mustVerify(t, "start", iss.Token(), 1, 0, 0)
			iss.Fault(issuertest.Fault{Name: "status-503"})
			defer iss.Fault(issuertest.Fault{})
			f.add(t)
			f.mustVerify(t, "a new replica in the outage", iss.Token(), 2, 0, 0)
		})
	})

	t.Run("the issuer is down: it is asked once, not by each", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := newFleet(t, iss, socket, 20)
			iss.Fault(issuertest.Fault{Name: "status-503"})
			defer iss.Fault(issuertest.Fault{})
			fetched := f.fetched()
			f.mustVerify(t, "outage", iss.Token(), 0, 0, 20)
			mustFetch(t, "outage", fetched(), 1)
			iss.Fault(issuertest.Fault{})
			f.pass(t, time.Minute)
			f.mustVerify(t, "afterwards", iss.Token(), 20, 0, 0)
			mustFetch(t, "afterwards", fetched(), 1)
		})
	})

	t.Run("an outage is no unknown kid", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := newFleet(t, iss, socket, 10)
			known := iss.Token()
			f.mustVerify(t, "start", known, 10, 0, 0)
			f.pass(t, time.Minute)
			iss.Rotate()
			iss.Rotate()
			iss.Fault(issuertest.Fault{Name: "status-503"})
			defer iss.Fault(issuertest.Fault{})
			f.mustVerify(t, "a new key in an outage", iss.Token(), 0, 0, 10)
			f.mustVerify(t, "a known key in an outage", known, 10, 0, 0)
			// The kid is still unknown when the issuer is back: the document that a
			// replica has is no answer to the retry either.
			iss.Fault(issuertest.Fault{})
			f.pass(t, 10*time.Second)
			f.mustVerify(t, "a new key afterwards", iss.Token(), 10, 0, 0)
		})
	})

	t.Run("a replica has taken its turn, and is gone", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := newFleet(t, iss, socket, 1)
			turn := "jwtverify:" + f.url() + ":turn"
			f.redis.Set(t.Context(), turn, "", pause)
			go func() {
				time.Sleep(pause)
				f.redis.Del(context.Background(), turn) // the Redis does it by itself
			}()
			f.mustVerify(t, "start", iss.Token(), 1, 0, 0)
		})
	})

	t.Run("the Redis has what is no key document", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := newFleet(t, iss, socket, 2)
			entry := "jwtverify:" + f.url()
			f.redis.Set(t.Context(), entry, "<html>", time.Minute)
			f.mustVerify(t, "start", iss.Token(), 2, 0, 0)
			if got := f.redis.Get(t.Context(), entry).Val(); got != string(iss.JWKS()) {
				t.Errorf("got %d bytes in the Redis, want the key document", len(got))
			}
		})
	})

	t.Run("the Redis has an entry that never expires", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := newFleet(t, iss, socket, 1)
			f.redis.Set(t.Context(), "jwtverify:"+f.url(), other.JWKS(), 0)
			f.mustVerify(t, "start", iss.Token(), 1, 0, 0)
		})
	})

	t.Run("the issuer has no keys: that is not shared", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := newFleet(t, iss, socket, 1)
			iss.Fault(issuertest.Fault{Name: "empty"})
			defer iss.Fault(issuertest.Fault{})
			f.mustVerify(t, "start", iss.Token(), 0, 0, 1)
			if keys := f.redis.Keys(t.Context(), "*").Val(); slices.Contains(keys, "jwtverify:"+f.url()) {
				t.Error("the Redis has a document without keys")
			}
		})
	})

	t.Run("two issuers have one Redis", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := newFleet(t, iss, socket, 1)
			f.mustVerify(t, "one", iss.Token(), 1, 0, 0)
			g := newFleet(t, other, socket, 1)
			g.mustVerify(t, "the other", other.Token(), 1, 0, 0)
			f.mustVerify(t, "a token of the other", other.Token(), 0, 1, 0)
		})
	})
}

// Without a Redis, each replica asks the issuer, as it would by itself.
func TestRedisIsDown(t *testing.T) {
	iss := issuertest.New(t)
	hung := filepath.Join(t.TempDir(), "s")
	listener, err := net.Listen("unix", hung) // nobody accepts, so that nobody answers
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	for name, socket := range map[string]string{"nothing listens": hung + "-not", "it does not answer": hung} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFleet(t, iss, socket, 2)
				fetched := f.fetched()
				f.mustVerify(t, "start", iss.Token(), 2, 0, 0)
				mustFetch(t, "start", fetched(), 2)
				iss.Rotate()
				iss.Rotate()
				f.mustVerify(t, "rotation", iss.Token(), 2, 0, 0)
				iss.Fault(issuertest.Fault{Name: "status-503"})
				defer iss.Fault(issuertest.Fault{})
				f.add(t)
				f.mustVerify(t, "the issuer is down, too", iss.Token(), 2, 0, 1)
				if !strings.Contains(f.log.String(), "Redis is down") {
					t.Errorf("got the log %q, want what is wrong", f.log.String())
				}
			})
		})
	}
}

// The Redis goes away and comes back.
func TestRedisRestarts(t *testing.T) {
	iss := issuertest.New(t)
	first := startRedis(t)
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, iss, first, 2)
		f.mustVerify(t, "start", iss.Token(), 2, 0, 0)
		f.redis.Do(t.Context(), "SHUTDOWN", "NOSAVE")
		time.Sleep(time.Hour) // of the bubble
		fetched := f.fetched()
		f.mustVerify(t, "without", iss.Token(), 2, 0, 0)
		mustFetch(t, "without", fetched(), 2)
	})
}

// The user of the comment in main.go can do what it must, and nothing else.
func TestUser(t *testing.T) {
	iss := issuertest.New(t)
	source, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	_, rule, _ := strings.Cut(string(source), "ACL SETUSER ")
	rule, _, _ = strings.Cut(rule, "\n")
	socket := startRedis(t)
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, iss, socket, 0)
		setUser := []any{"ACL", "SETUSER"}
		for _, word := range strings.Fields(rule) {
			setUser = append(setUser, word)
		}
		if err := f.redis.Do(t.Context(), setUser...).Err(); err != nil {
			t.Fatalf("ACL SETUSER %s: %v", rule, err)
		}
		client := newClient(&redis.Options{Network: "unix", Addr: socket, Username: "api", Password: "password"})
		defer client.Close()
		config := iss.Config()
		config.Keys = newCache(client, f.url(), iss.Client().Transport, f.logger)
		verifier, err := jwtverify.New(config)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := verifier.Verify(t.Context(), iss.Token()); err != nil || f.log.Len() > 0 {
			t.Errorf("got %v, with the log %q", err, f.log.String())
		}
		for _, forbidden := range [][]any{{"KEYS", "*"}, {"SET", "other", "x"}, {"DEL", "jwtverify:" + f.url()}, {"FLUSHALL"}} {
			if err := client.Do(t.Context(), forbidden...).Err(); err == nil || !strings.Contains(err.Error(), "NOPERM") {
				t.Errorf("%v: got %v, want NOPERM", forbidden, err)
			}
		}
	})
}

func TestAPI(t *testing.T) {
	iss := issuertest.New(t)
	synctest.Test(t, func(t *testing.T) {
		config := iss.Config()
		f := newFleet(t, iss, filepath.Join(t.TempDir(), "s"), 0) // no Redis: Suite's outage comes within the pause
		config.Keys = newCache(f.redis, f.url(), iss.Client().Transport, f.logger)
		api, err := newAPI(config)
		if err != nil {
			t.Fatal(err)
		}
		iss.Suite(t, api, "GET /protected")
	})
}
