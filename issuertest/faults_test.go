package issuertest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"example.com/jwtverify"
	"example.com/jwtverify/issuertest"
)

// A faultRow says what Verify makes of a fault. The keys are asked for by URL and by
// discovery.
type faultRow struct {
	name        string
	byURL       string        // with an empty cache: "accepted" or ErrKeysUnavailable
	byDiscovery string        // the same
	takes       time.Duration // until then, by URL
}

const (
	accepted    = "accepted"
	unavailable = "ErrKeysUnavailable"
	latency     = time.Millisecond // of an answer in memory
)

var faultRows = []faultRow{
	{"status-404", unavailable, unavailable, latency},
	{"status-500", unavailable, unavailable, latency},
	{"status-503", unavailable, unavailable, latency},
	{"status-429", unavailable, unavailable, latency},
	{"html", unavailable, unavailable, latency},
	{"slow", accepted, accepted, 2 * time.Second},
	{"hang", unavailable, unavailable, 5 * time.Second},
	{"drip", unavailable, unavailable, 5 * time.Second},
	{"truncated", unavailable, unavailable, latency},
	{"oversized", unavailable, unavailable, latency},
	{"redirect", unavailable, unavailable, latency},
	{"redirect-http", unavailable, unavailable, latency},
	{"refused", unavailable, unavailable, 0},
	{"tls", unavailable, unavailable, 0},
	{"empty", unavailable, unavailable, latency},
	{"null", unavailable, unavailable, latency},
	{"array", unavailable, unavailable, latency},
	{"malformed-sibling", accepted, accepted, latency},
	{"wrong-issuer", accepted, unavailable, latency},
}

// verifierBy is a verifier whose keys come from the source.
func verifierBy(t *testing.T, iss *issuertest.Issuer, keys jwtverify.KeySource) *jwtverify.Verifier {
	t.Helper()
	config := iss.Config()
	config.Keys = keys
	verifier, err := jwtverify.New(config)
	if err != nil {
		t.Fatal(err)
	}
	return verifier
}

func TestFaultsWithAnEmptyCache(t *testing.T) {
	t.Parallel()
	iss := issuertest.New(t)
	for _, row := range faultRows {
		t.Run(row.name, func(t *testing.T) {
			real := time.Now()
			synctest.Test(t, func(t *testing.T) {
				iss.Fault(issuertest.Fault{Name: row.name})
				start := time.Now()
				if got := reasons(verify(t, iss.Verifier(), iss.Token())); got != row.byURL {
					t.Errorf("keys by URL: got %s, want %s", got, row.byURL)
				}
				if took := time.Since(start); took != row.takes {
					t.Errorf("it took %v, want %v", took, row.takes)
				}
				byDiscovery := verifierBy(t, iss, jwtverify.DiscoveryKeySource{Issuer: iss.URL(), Client: iss.Client()})
				if got := reasons(verify(t, byDiscovery, iss.Token())); got != row.byDiscovery {
					t.Errorf("keys by discovery: got %s, want %s", got, row.byDiscovery)
				}
			})
			if took := time.Since(real); row.takes >= time.Second && took >= row.takes {
				t.Errorf("it took %v of real time", took)
			}
		})
	}
}

// Known kids are accepted whatever the fault, at once, fresh and when the keys are due;
// for an unknown one the fault is what counts.
func TestFaultsWithAWarmCache(t *testing.T) {
	t.Parallel()
	iss := issuertest.New(t)
	for _, row := range faultRows {
		for _, way := range []struct {
			name string
			keys jwtverify.KeySource
			want string
		}{
			{"by URL", iss.Config().Keys, row.byURL},
			{"by discovery", jwtverify.DiscoveryKeySource{Issuer: iss.URL(), Client: iss.Client()}, row.byDiscovery},
		} {
			t.Run(row.name+" "+way.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					iss.Fault(issuertest.Fault{})
					verifier := verifierBy(t, iss, way.keys)
					long := issuertest.Claims{"exp": time.Now().Add(24 * time.Hour).Unix()}
					known := iss.Token(long)
					if err := verify(t, verifier, known); err != nil {
						t.Fatal(err)
					}
					iss.Fault(issuertest.Fault{Name: row.name})
					good := func(when string) {
						t.Helper()
						start := time.Now()
						if err := verify(t, verifier, known); err != nil || time.Since(start) > 0 {
							t.Errorf("%s the known kid is %s after %v, want accepted at once", when, reasons(err), time.Since(start))
						}
					}
					good("with fresh keys")
					time.Sleep(6 * time.Minute)
					good("with keys that are due")
					time.Sleep(10 * time.Second)
					unknown := iss.Sign(issuertest.Claims{"alg": "RS256", "kid": "unknown"}, nil)
					want := way.want
					if want == accepted {
						want = "ErrUnknownKey"
					}
					if got := reasons(verify(t, verifier, unknown)); got != want {
						t.Errorf("the unknown kid is %s, want %s", got, want)
					}
					good("after an unknown kid")
					time.Sleep(3 * time.Hour)
					if row.name != "empty" || way.name != "by URL" {
						// A set that stays empty for an hour revokes all keys.
						// Keys this old wait for a fetch, which may fail.
						if err := verify(t, verifier, known); err != nil {
							t.Errorf("hours later the known kid is %s", reasons(err))
						}
						good("hours later")
					}
					iss.Fault(issuertest.Fault{})
					time.Sleep(5 * time.Minute)
					verify(t, verifier, known)
					time.Sleep(time.Minute)
					if got := reasons(verify(t, verifier, unknown)); got != "ErrUnknownKey" {
						t.Errorf("healthy again, the unknown kid is %s, want ErrUnknownKey", got)
					}
					good("healthy again")
					time.Sleep(10 * time.Second)
				})
			})
		}
	}
}

func TestTheCacheWaitsAsLongAsRetryAfterSays(t *testing.T) {
	t.Parallel()
	iss := issuertest.New(t)
	for _, name := range []string{"status-503", "status-429"} {
		for given, want := range map[time.Duration]time.Duration{
			0:                       time.Second,
			1500 * time.Millisecond: 2 * time.Second, // in whole seconds
			20 * time.Second:        20 * time.Second,
			time.Hour:               time.Minute, // the bound of an empty cache
		} {
			synctest.Test(t, func(t *testing.T) {
				verifier := iss.Verifier()
				before := len(iss.Requests())
				asked := func(want int) {
					t.Helper()
					if got := len(iss.Requests()) - before; got != want {
						t.Errorf("%s after %v: %d requests, want %d", name, given, got, want)
					}
				}
				iss.Fault(issuertest.Fault{Name: name, RetryAfter: given})
				var unavailable *jwtverify.KeysUnavailableError
				if err := verify(t, verifier, iss.Token()); !errors.As(err, &unavailable) || unavailable.RetryAfter != want {
					t.Errorf("%s after %v: got %v, want RetryAfter %v", name, given, err, want)
				}
				iss.Fault(issuertest.Fault{})
				time.Sleep(want - time.Millisecond)
				verify(t, verifier, iss.Token())
				asked(1)
				time.Sleep(time.Millisecond)
				if err := verify(t, verifier, iss.Token()); err != nil {
					t.Errorf("%s after %v: %v", name, want, err)
				}
				asked(2)
			})
		}
	}
}

func TestAFaultForSomeRequests(t *testing.T) {
	iss := issuertest.New(t)
	iss.Fault(issuertest.Fault{Name: "status-500", For: 2})
	for i, want := range []int{500, 404, 500, 200, 200} {
		path := "/.well-known/jwks.json"
		if i == 1 {
			path = "/elsewhere" // is no request for the keys
		}
		if response, _ := get(t, iss, path); response.StatusCode != want {
			t.Errorf("request %d: got %d, want %d", i, response.StatusCode, want)
		}
	}
	statuses := []int{}
	for _, request := range iss.Requests() {
		statuses = append(statuses, request.Status)
	}
	if got, want := statuses, []int{500, 404, 500, 200, 200}; len(got) != len(want) || got[0] != 500 || got[1] != 404 {
		t.Errorf("Requests has %v, want %v", got, want)
	}
	iss.Fault(issuertest.Fault{Name: "html"})
	iss.Fault(issuertest.Fault{Name: "hang"})
	iss.Fault(issuertest.Fault{})
	if response, _ := get(t, iss, "/.well-known/jwks.json"); response.StatusCode != 200 {
		t.Errorf("after Fault{}: got %d, want 200", response.StatusCode)
	}
}

func TestWhatFaultsAnswer(t *testing.T) {
	t.Parallel()
	iss := issuertest.New(t)
	iss.Fault(issuertest.Fault{Name: "html"})
	if response, body := get(t, iss, "/.well-known/jwks.json"); response.StatusCode != 200 || !strings.HasPrefix(response.Header.Get("Content-Type"), "text/html") || !strings.HasPrefix(body, "<!DOCTYPE html>") {
		t.Errorf("html: got %d %v", response.StatusCode, response.Header)
	}
	iss.Fault(issuertest.Fault{Name: "truncated"})
	if response, body := get(t, iss, "/.well-known/jwks.json"); len(body) != len(iss.JWKS())/2 || response.ContentLength != int64(len(body)) || !bytes.HasPrefix(iss.JWKS(), []byte(body)) {
		t.Errorf("truncated: got %d bytes of %d, Content-Length %d", len(body), len(iss.JWKS()), response.ContentLength)
	}
	iss.Fault(issuertest.Fault{Name: "oversized"})
	if response, body := get(t, iss, "/.well-known/jwks.json"); len(body) != 16<<20 || response.ContentLength != -1 || !json.Valid([]byte(body)) {
		t.Errorf("oversized: got %d bytes, Content-Length %d, valid: %v", len(body), response.ContentLength, json.Valid([]byte(body)))
	}
	iss.Fault(issuertest.Fault{Name: "array"})
	if _, body := get(t, iss, "/.well-known/openid-configuration"); !strings.HasPrefix(body, "[") || !json.Valid([]byte(body)) {
		t.Errorf("array: got %.20q", body)
	}
	for name, want := range map[string]string{
		"redirect":      "https://elsewhere.test/.well-known/jwks.json",
		"redirect-http": strings.Replace(iss.URL(), "https:", "http:", 1) + "/.well-known/jwks.json",
	} {
		iss.Fault(issuertest.Fault{Name: name})
		request, _ := http.NewRequest("GET", iss.URL()+"/.well-known/jwks.json", nil)
		response, err := iss.Client().Transport.RoundTrip(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != 302 || response.Header.Get("Location") != want {
			t.Errorf("%s: got %d to %q, want 302 to %q", name, response.StatusCode, response.Header.Get("Location"), want)
		}
		// A client that does follow finds nobody there.
		if _, err := iss.Client().Do(request); err == nil {
			t.Errorf("%s: the target answers", name)
		}
	}
	iss.Fault(issuertest.Fault{Name: "refused"})
	if _, err := iss.Client().Get(iss.URL() + "/.well-known/jwks.json"); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("refused: got %v", err)
	}
	iss.Fault(issuertest.Fault{Name: "tls"})
	if _, err := iss.Client().Get(iss.URL() + "/.well-known/jwks.json"); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("tls: got %v", err)
	}
}

func TestGoodKeysAmongMalformedOnes(t *testing.T) {
	iss := issuertest.New(t)
	iss.Fault(issuertest.Fault{Name: "malformed-sibling"})
	_, body := get(t, iss, "/.well-known/jwks.json")
	set, err := jwtverify.ParseKeySet([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	if set.Len() != 4 { // two, each twice
		t.Errorf("%d keys are usable, want 4", set.Len())
	}
	var reasons []string
	for _, skipped := range set.Skipped() {
		reasons = append(reasons, skipped.Error())
	}
	all := strings.Join(reasons, "\n")
	for _, want := range []string{"it is null", `use is "enc"`, `kty is "EC"`, `kty is "oct"`, "1024 bits", `has no "n"`, `"n" has the byte "*"`} {
		if !strings.Contains(all, want) {
			t.Errorf("no key is skipped because %s:\n%s", want, all)
		}
	}
}

// A counter counts what is asked for and read.
type counter struct {
	http.RoundTripper
	mu    sync.Mutex
	urls  []string
	bytes int
}

func (c *counter) RoundTrip(r *http.Request) (*http.Response, error) {
	c.mu.Lock()
	c.urls = append(c.urls, r.URL.String())
	c.mu.Unlock()
	response, err := c.RoundTripper.RoundTrip(r)
	if err == nil {
		response.Body = &countedBody{response.Body, c}
	}
	return response, err
}

type countedBody struct {
	io.ReadCloser
	*counter
}

func (b *countedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.mu.Lock()
	b.bytes += n
	b.mu.Unlock()
	return n, err
}

func TestTheSourceStopsAtItsLimits(t *testing.T) {
	t.Parallel()
	iss := issuertest.New(t)
	for _, name := range []string{"oversized", "redirect", "redirect-http"} {
		c := &counter{RoundTripper: iss.Client().Transport}
		keys := iss.Config().Keys.(jwtverify.HTTPKeySource)
		keys.Client = &http.Client{Transport: c}
		iss.Fault(issuertest.Fault{Name: name})
		if got := reasons(verify(t, verifierBy(t, iss, keys), iss.Token())); got != unavailable {
			t.Errorf("%s: got %s, want %s", name, got, unavailable)
		}
		if len(c.urls) != 1 {
			t.Errorf("%s: asked for %v, want one address", name, c.urls)
		}
		if c.bytes > 512<<10+1 {
			t.Errorf("%s: read %d bytes, want 512 KiB at most", name, c.bytes)
		}
	}
}

func TestASlowIssuerAndAShortTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		iss := issuertest.New(t)
		iss.Fault(issuertest.Fault{Name: "slow"})
		verifier := verifierBy(t, iss, &jwtverify.Cache{Source: iss.Config().Keys, Timeout: time.Second})
		start := time.Now()
		if got := reasons(verify(t, verifier, iss.Token())); got != unavailable || time.Since(start) != time.Second {
			t.Errorf("got %s after %v, want %s after 1s", got, time.Since(start), unavailable)
		}
	})
}

func TestADripIsOneByteASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		iss := issuertest.New(t)
		iss.Fault(issuertest.Fault{Name: "drip"})
		start := time.Now()
		response, err := iss.Client().Get(iss.URL() + "/.well-known/jwks.json")
		if err != nil {
			t.Fatal(err)
		}
		some := make([]byte, 100)
		if _, err := io.ReadFull(response.Body, some[:10]); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start).Truncate(time.Second); took != 10*time.Second || !bytes.HasPrefix(iss.JWKS(), some[:10]) {
			t.Errorf("got %q after %v, want the first 10 bytes after 10s", some[:10], took)
		}
		// Close ends a Read that waits.
		go func() {
			time.Sleep(100 * time.Millisecond)
			response.Body.Close()
		}()
		if n, err := response.Body.Read(some); n != 0 || err == nil {
			t.Errorf("got %d bytes and %v from a closed body, want an error", n, err)
		}
		iss.Fault(issuertest.Fault{Name: "drip"})
		whole, body := get(t, iss, "/.well-known/jwks.json")
		if body != string(iss.JWKS()) || whole.ContentLength != int64(len(body)) {
			t.Error("the whole drip is not the key document")
		}
	})
}

// The context of the request ends what hangs, drips and is slow, with its cause.
func TestTheContextEndsTheAnswer(t *testing.T) {
	cause := errors.New("enough")
	iss := issuertest.New(t)
	for _, name := range []string{"", "hang", "slow", "drip"} {
		synctest.Test(t, func(t *testing.T) {
			iss.Fault(issuertest.Fault{Name: name})
			ctx, cancel := context.WithCancelCause(t.Context())
			if name == "" {
				cancel(cause)
			} else {
				time.AfterFunc(1500*time.Millisecond, func() { cancel(cause) })
			}
			request, err := http.NewRequestWithContext(ctx, "GET", iss.URL()+"/.well-known/jwks.json", nil)
			if err != nil {
				t.Fatal(err)
			}
			response, err := iss.Client().Transport.RoundTrip(request)
			if err == nil {
				defer response.Body.Close()
				_, err = io.ReadAll(response.Body)
			}
			if !errors.Is(err, cause) {
				t.Errorf("%q: got %v, want %v", name, err, cause)
			}
		})
	}
}

// Without any limit an issuer that hangs shows as a deadlock, which is the finding. It
// ends the process, so that it has to be another one.
func TestWithoutALimitABubbleReportsADeadlock(t *testing.T) {
	t.Parallel()
	if os.Getenv("ISSUERTEST_HANG") != "" {
		synctest.Test(t, func(t *testing.T) {
			iss := issuertest.New(t)
			iss.Fault(issuertest.Fault{Name: "hang"})
			iss.Client().Get(iss.URL() + "/.well-known/jwks.json")
		})
		return
	}
	program, err := os.Executable()
	if err != nil {
		t.Skip(err)
	}
	command := exec.CommandContext(t.Context(), program, "-test.run=^TestWithoutALimitABubbleReportsADeadlock$", "-test.timeout=30s")
	command.Env = append(os.Environ(), "ISSUERTEST_HANG=1")
	if out, err := command.CombinedOutput(); err == nil || !strings.Contains(string(out), "deadlock") {
		t.Errorf("got %v, want a deadlock:\n%s", err, out)
	}
}

func TestFaultsOverASocket(t *testing.T) {
	t.Parallel()
	iss, open := overASocket(t)
	for _, name := range []string{"refused", "tls"} {
		iss.Fault(issuertest.Fault{Name: name})
		if response, err := open(t.Context()); err == nil {
			t.Errorf("%s: got status %d, want a closed connection", name, response.StatusCode)
		}
	}
	for name, want := range map[string]int{"truncated": len(iss.JWKS()) / 2, "oversized": 16 << 20} {
		iss.Fault(issuertest.Fault{Name: name})
		if body, err := readAll(open(t.Context())); err != nil || len(body) != want {
			t.Errorf("%s: got %d bytes (%v), want %d", name, len(body), err, want)
		}
	}
}

// Over a socket time is real: these issuers, one for each fault, are waited for at once.
func TestSlowFaultsOverASocket(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]func(t *testing.T, iss *issuertest.Issuer, open opener){
		"hang": func(t *testing.T, iss *issuertest.Issuer, open opener) {
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			if body, err := readAll(open(ctx)); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %d bytes (%v), want the deadline", len(body), err)
			}
		},
		"drip": func(t *testing.T, iss *issuertest.Issuer, open opener) {
			start := time.Now()
			response, err := open(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			body := make([]byte, len(iss.JWKS()))
			n, err := response.Body.Read(body)
			if took := time.Since(start); err != nil || took < time.Second || n == len(body) || body[0] != '{' {
				t.Errorf("got %d bytes (%v) after %v, want one after a second", n, err, took)
			}
		},
		"slow": func(t *testing.T, iss *issuertest.Issuer, open opener) {
			start := time.Now()
			if body, err := readAll(open(t.Context())); err != nil || time.Since(start) < 2*time.Second || !bytes.Equal(body, iss.JWKS()) {
				t.Errorf("got %d bytes (%v) after %v, want the keys after 2s", len(body), err, time.Since(start))
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			iss, open := overASocket(t)
			iss.Fault(issuertest.Fault{Name: name})
			test(t, iss, open)
		})
	}
}

// An opener asks an issuer for its keys.
type opener func(context.Context) (*http.Response, error)

// overASocket starts an issuer on loopback, and returns it with what asks for its keys.
func overASocket(t *testing.T) (*issuertest.Issuer, opener) {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	t.Cleanup(server.Close)
	iss := issuertest.New(t, issuertest.WithURL("http://"+server.Listener.Addr().String()))
	server.Config.Handler = iss.Handler()
	server.Start()
	// A connection of its own for each: one that is closed tells nothing of the next.
	transport := &http.Transport{DisableKeepAlives: true}
	return iss, func(ctx context.Context) (*http.Response, error) {
		request, err := http.NewRequestWithContext(ctx, "GET", iss.URL()+"/.well-known/jwks.json", nil)
		if err != nil {
			return nil, err
		}
		return transport.RoundTrip(request)
	}
}

func readAll(response *http.Response, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	return io.ReadAll(response.Body)
}

// A bubble ends only when all its goroutines have: one that was left would show as a
// deadlock.
func TestRequestsLeaveNoGoroutine(t *testing.T) {
	iss := issuertest.New(t)
	names := []string{"", "hang", "slow", "drip", "oversized", "refused", "status-503", "truncated"}
	before := runtime.NumGoroutine()
	synctest.Test(t, func(t *testing.T) {
		var wait sync.WaitGroup
		for i := range 1000 {
			wait.Go(func() {
				iss.Fault(issuertest.Fault{Name: names[i%len(names)]})
				ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
				defer cancel()
				request, err := http.NewRequestWithContext(ctx, "GET", iss.URL()+"/.well-known/jwks.json", nil)
				if err != nil {
					t.Error(err)
					return
				}
				response, err := iss.Client().Transport.RoundTrip(request)
				if err == nil {
					response.Body.Read(make([]byte, 10))
					response.Body.Close()
				}
			})
		}
		wait.Wait()
	})
	if got := len(iss.Requests()); got != 1000 {
		t.Errorf("Requests has %d, want 1000", got)
	}
	// The last may still be on their way out of the scheduler.
	for deadline := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > before && time.Now().Before(deadline); {
		runtime.Gosched()
	}
	if after := runtime.NumGoroutine(); after > before {
		t.Errorf("%d goroutines before, %d after", before, after)
	}
}
