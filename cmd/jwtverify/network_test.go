package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/jwtverify"
	"example.com/jwtverify/bearer"
)

// The stories have a network in memory. Here are the real errors of real sockets.

// explainJSON runs explain --json for the fixture's issuer.
func (f *fixture) explainJSON(t testing.TB, token string, flags ...string) *jsonReport {
	t.Helper()
	args := append([]string{"explain", "--json", "--issuer", testIssuer, "--audience", testAudience}, flags...)
	got := f.run(t, nil, strings.NewReader(token), args...)
	report := new(jsonReport)
	if err := json.Unmarshal([]byte(got.stdout), report); err != nil {
		t.Fatalf("%v: %s%s", err, got.stdout, got.stderr)
	}
	if report.Exit != got.code {
		t.Errorf("the exit code is %d, the report says %d", got.code, report.Exit)
	}
	return report
}

func TestNetworkFindings(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	good := f.mint(t)
	quiet := log.New(io.Discard, "", 0)
	hang := make(chan struct{})
	server := func(handler http.HandlerFunc) string {
		server := httptest.NewUnstartedServer(handler)
		server.Config.ErrorLog = quiet
		server.Start()
		t.Cleanup(server.Close)
		return server.URL
	}
	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.Config.ErrorLog = quiet
	secure.StartTLS()
	t.Cleanup(secure.Close)
	plain := server(http.NotFound)
	answers := func(status int, header, body string) string {
		return server(func(w http.ResponseWriter, _ *http.Request) {
			if name, value, ok := strings.Cut(header, ": "); ok {
				w.Header().Set(name, value)
			}
			w.WriteHeader(status)
			io.WriteString(w, body)
		})
	}
	t.Cleanup(func() { close(hang) })
	set := string(f.JWKS())

	for _, test := range []struct {
		name, url, code string
		found           string // in Found
	}{
		{"a name that does not resolve", "https://nosuchhost.invalid/keys", "keys-dns", "nosuchhost.invalid"},
		{"a port that is closed", closedURL(t), "keys-connect", "refused"},
		{"a certificate of nobody", secure.URL, "keys-tls", "certificate"},
		{"http where https was asked for", strings.Replace(plain, "http:", "https:", 1), "keys-tls", "TLS handshake"},
		{"https where http was asked for", strings.Replace(secure.URL, "https:", "http:", 1), "keys-status", "400"},
		{"a server that hangs", server(func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-r.Context().Done():
			case <-hang:
			}
		}), "keys-timeout", "none after 300ms"},
		{"a body that hangs", server(func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, set[:10])
			w.(http.Flusher).Flush()
			select {
			case <-r.Context().Done():
			case <-hang:
			}
		}), "keys-timeout", "none after 300ms"},
		{"status 404", answers(404, "", ""), "keys-status", "404 Not Found"},
		{"status 503 and when to try again", answers(503, "Retry-After: 30", ""), "keys-status", "503 Service Unavailable, Retry-After 30s"},
		{"a redirect", answers(302, "Location: https://login.test/?secret=1", ""), "keys-redirect", `302 Found to "https://login.test/"`},
		{"a login page", answers(200, "Content-Type: text/html", "<html>Sign in"), "keys-not-json", `"text/html", 13 bytes`},
		{"half a set", answers(200, "", set[:len(set)/2]), "keys-not-json", "is not valid JSON"},
		{"a set that is cut off", server(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(len(set)))
			io.WriteString(w, set[:len(set)/2])
		}), "keys-not-json", "cut off after"},
		{"more than anybody reads", answers(200, "", strings.Repeat(" ", 600<<10)), "keys-size", "more than that"},
		{"no keys", answers(200, "", `{"keys":[]}`), "keys-empty", "0 keys, none usable"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			timeout := "20s"
			if test.code == "keys-timeout" {
				timeout = "300ms"
			}
			for _, token := range []string{good, "damaged"} {
				report := f.explainJSON(t, token, "--jwks-url", test.url, "--timeout", timeout)
				found := jsonCheck{}
				for _, c := range report.Checks {
					if c.Name == keysCheck {
						found = c
					}
				}
				if found.Code == "keys-timeout" && test.code == "keys-dns" {
					t.Skip("the resolver of this machine does not answer")
				}
				if found.Code != test.code || !strings.Contains(found.Found, test.found) || found.Status != "fail" || found.Item != 3 {
					t.Errorf("got %+v, want %s and %q", found, test.code, test.found)
				}
				if strings.Contains(found.Found, "secret") {
					t.Errorf("the query of an address is shown: %s", found.Found)
				}
				decides, exit := test.code, int(undetermined)
				if token != good {
					decides, exit = "token-opaque", int(rejected)
				}
				if report.Decides != decides || report.Exit != exit {
					t.Errorf("%q decides with exit %d, want %q and %d", report.Decides, report.Exit, decides, exit)
				}
			}
		})
	}
}

// explain asks for the keys exactly once, whatever the token; verify not at all where
// the token can be refused without them.
func TestHowOftenTheKeysAreAskedFor(t *testing.T) {
	f := newFixture(t)
	var mu sync.Mutex
	asked := 0
	fail := false
	url := serveKeys(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		asked++
		if fail {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.Write(f.JWKS())
	})
	good := f.mint(t)
	for _, test := range []struct {
		name, token     string
		explain, verify int
	}{
		{"a good token", good, 1, 1},
		{"a damaged token", "a.b", 1, 0},
		{"an unsigned token", withHeader(good, `{"alg":"none"}`), 1, 0},
		{"a kid that is unknown", withHeader(good, `{"alg":"RS256","kid":"x"}`), 1, 1},
		{"no kid, and several keys", withHeader(good, `{"alg":"RS256"}`), 1, 1},
	} {
		for _, failing := range []bool{false, true} {
			for command, want := range map[string]int{"explain": test.explain, "verify": test.verify} {
				mu.Lock()
				asked, fail = 0, failing
				mu.Unlock()
				f.run(t, nil, strings.NewReader(test.token), command, "--issuer", testIssuer, "--audience", testAudience, "--jwks-url", url+"/keys")
				mu.Lock()
				if asked != want {
					t.Errorf("%s: %s asks %d times, want %d (the source fails: %v)", test.name, command, asked, want, failing)
				}
				mu.Unlock()
			}
		}
	}
}

func TestClockAhead(t *testing.T) {
	now := time.Date(2026, 11, 23, 18, 32, 0, 0, time.UTC)
	for _, test := range []struct {
		name, date, age string
		want            time.Duration
	}{
		{"no date", "", "", 0},
		{"the same time", "Mon, 23 Nov 2026 18:32:00 GMT", "", 0},
		{"ahead", "Mon, 23 Nov 2026 18:42:00 GMT", "", 10 * time.Minute},
		{"behind", "Mon, 23 Nov 2026 18:22:00 GMT", "", -10 * time.Minute},
		{"aged in a cache", "Mon, 23 Nov 2026 18:22:00 GMT", "600", 0},
		{"an age that is none", "Mon, 23 Nov 2026 18:32:00 GMT", "-5", 0},
		{"a date that is none", "today", "600", 0},
	} {
		header := http.Header{"Date": {test.date}, "Age": {test.age}}
		if got := clockAhead(header, now); got != test.want {
			t.Errorf("%s: got %v, want %v", test.name, got, test.want)
		}
	}
}

// probeServer is an API on a real socket that keeps what it was asked.
type probeServer struct {
	url string
	mu  sync.Mutex
	got []http.Request // guarded by mu
}

func newProbeServer(t testing.TB, handler http.HandlerFunc) *probeServer {
	p := &probeServer{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		p.got = append(p.got, *r)
		p.mu.Unlock()
		handler(w, r)
	}))
	t.Cleanup(server.Close)
	p.url = server.URL
	return p
}

// verifier returns a verifier of the fixture's tokens, with its keys as they are.
func (f *fixture) verifier(t testing.TB) *jwtverify.Verifier {
	t.Helper()
	keys, err := jwtverify.ParseKeySet(f.JWKS())
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := jwtverify.New(jwtverify.Config{Issuer: testIssuer, Audiences: []string{testAudience}, Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	return verifier
}

// correctAPI is an API that behaves: package bearer.
func correctAPI(t testing.TB, f *fixture) http.Handler {
	t.Helper()
	guard, err := bearer.New(bearer.Config{Verifier: f.verifier(t)})
	if err != nil {
		t.Fatal(err)
	}
	mux := guard.NewMux()
	mux.HandleFunc("GET /orders", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "the body is not shown") })
	return mux
}

func TestProbeOverARealSocket(t *testing.T) {
	f := newFixture(t)
	api := newProbeServer(t, correctAPI(t, f).ServeHTTP)
	good := f.mint(t)
	for _, method := range []string{"GET", "HEAD"} {
		api.got = nil
		got := f.run(t, nil, strings.NewReader(good), "probe", api.url+"/orders?page=1", "--query", "--method", method)
		got.check(t, accepted, "✓ unchanged token          200\n", "")
		if strings.Contains(got.stdout, "body") {
			t.Errorf("a body is shown:\n%s", got.stdout)
		}
		var sent []string
		for _, r := range api.got {
			if r.Method != method || r.URL.Path != "/orders" || r.URL.Query().Get("page") != "1" {
				t.Errorf("got %s %s", r.Method, r.URL.Path)
			}
			kind := ""
			for _, value := range r.Header.Values("Authorization") {
				scheme, token, _ := strings.Cut(value, " ")
				kind += scheme + map[bool]string{true: " good ", false: " other "}[token == good]
			}
			if r.URL.Query().Get("access_token") == good {
				kind += "query"
			}
			sent = append(sent, strings.TrimSpace(kind))
		}
		want := "; Bearer other; Bearer other; Bearer other; query; Bearer good Bearer good; bearer good; Bearer good; Bearer good; "
		if got := strings.Join(sent, "; "); got != want {
			t.Errorf("%s: sent %s\nwant %s", method, got, want)
		}
	}
	if !differsByABit(api.got[3].Header.Get("Authorization"), good) {
		t.Error("the altered token differs by more than a bit of its signature")
	}
}

func differsByABit(value, good string) bool {
	altered := strings.TrimPrefix(value, "Bearer ")
	if len(altered) != len(good) || altered == good {
		return false
	}
	differences := 0
	for i := range good {
		if good[i] != altered[i] {
			differences++
			if i < strings.LastIndexByte(good, '.') {
				return false
			}
		}
	}
	return differences == 1 // six bits to a character
}

// The token stays with the host that was named.
func TestProbeFollowsNoRedirect(t *testing.T) {
	f := newFixture(t)
	other := newProbeServer(t, func(http.ResponseWriter, *http.Request) {})
	api := newProbeServer(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.url+"/?"+r.URL.RawQuery, http.StatusTemporaryRedirect)
	})
	got := f.run(t, nil, strings.NewReader(f.mint(t)), "probe", api.url, "--query")
	got.check(t, undetermined, "to "+other.url+"/", "")
	if len(other.got) > 0 {
		t.Errorf("the other host was asked %d times", len(other.got))
	}
}

func TestProbeRefusesToSendATokenElsewhere(t *testing.T) {
	f := newFixture(t)
	good := f.mint(t)
	file := f.jwks + ".token"
	writeFile(t, file, []byte(good))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	for _, test := range []struct {
		name string
		args []string
		want string
	}{
		{"over http to another machine", []string{"http://api.test/"}, "pass --allow-http"},
		{"over http, allowed, with the sample of the guide", []string{"http://your-authaction-api/", "--allow-http"}, "(config-placeholder)"},
		{"to an address with a user name", []string{"https://secret@127.0.0.1/"}, "want an address alone"},
		{"to an address with a fragment", []string{"https://127.0.0.1/#secret"}, "want an address alone"},
		{"to no address", nil, "there is no URL"},
		{"to an address without scheme", []string{"127.0.0.1:8000/secret"}, "is not an address that begins with https://"},
		{"to a port that is none, with a password", []string{"https://user:s3cret@127.0.0.1:bad/?key=s3cret"}, "is not an address that begins with https://"},
		{"to a socket of another kind", []string{"ftp://127.0.0.1/"}, "is not an address that begins with https://"},
		{"with POST", []string{"https://127.0.0.1/", "--method", "POST"}, "want GET or HEAD"},
		{"as an argument", []string{"https://127.0.0.1/", good}, "list of processes"},
		{"twice", []string{"https://127.0.0.1/", "-"}, "want one of them"},
		{"with a sample in the settings", []string{"https://127.0.0.1/", "--issuer", "https://your-authaction-tenant-domain"}, "(config-placeholder)"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := f.run(t, nil, strings.NewReader(good), append([]string{"probe", "--token-file", file}, test.args...)...)
			got.check(t, none, "", test.want)
			if strings.Contains(got.stderr, "secret@") || strings.Contains(got.stderr, "s3cret") || strings.Contains(got.stderr, "#secret") {
				t.Errorf("a part of the address is shown that may be secret: %s", got.stderr)
			}
		})
	}
	for name, token := range map[string]string{
		"an opaque token":            "opaque",
		"a token without signature":  good[:strings.LastIndexByte(good, '.')+1],
		"a token with a line break":  good[:40] + "\n" + good[40:],
		"a header that is no base64": "a b" + good[3:],
	} {
		t.Run(name, func(t *testing.T) {
			f.run(t, nil, strings.NewReader(token), "probe", "http://"+listener.Addr().String()).check(t, none, "", "(token-parts)")
		})
	}
}
