package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"example.com/jwtverify/internal/issuer"
)

// A running is a command that serves until the test stops it.
type running struct {
	t              *testing.T
	stdout, stderr *output
	cancel         context.CancelFunc
	code           chan int
}

// start runs a command that serves.
func start(t *testing.T, env map[string]string, args ...string) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r := &running{t: t, stdout: newOutput(), stderr: newOutput(), cancel: cancel, code: make(chan int, 1)}
	s := &session{
		env:   func(name string) string { return env[name] },
		stdin: strings.NewReader(""), stdout: r.stdout, stderr: r.stderr,
		ctx: ctx, now: time.Now,
	}
	go func() {
		r.code <- s.command(args)
		r.stdout.Close()
		r.stderr.Close()
	}()
	t.Cleanup(func() { r.stop() })
	return r
}

// stop stops the command as Ctrl-C would, and returns its exit code.
func (r *running) stop() int {
	r.cancel()
	code := <-r.code
	r.code <- code
	return code
}

// url waits for the announcement of a server and returns its address.
func (r *running) url(what string) string {
	r.t.Helper()
	return r.stdout.find(r.t, `(?m)^`+what+` (http://\S+)  \(`)[1]
}

// An output is what a command has printed so far.
type output struct {
	mu     sync.Mutex
	text   bytes.Buffer
	closed bool
	grown  chan struct{} // has room for one: whoever waits looks again
}

func newOutput() *output { return &output{grown: make(chan struct{}, 1)} }

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text.Write(p)
	o.signal()
	return len(p), nil
}

func (o *output) Close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
	o.signal()
}

func (o *output) signal() {
	select {
	case o.grown <- struct{}{}:
	default:
	}
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// find waits until a pattern matches, and returns the match with its groups.
func (o *output) find(t *testing.T, pattern string) []string {
	t.Helper()
	limit := time.After(20 * time.Second)
	re := regexp.MustCompile(pattern)
	for {
		o.mu.Lock()
		match, closed := re.FindStringSubmatch(o.text.String()), o.closed
		o.mu.Unlock()
		if match != nil {
			return match
		}
		if closed {
			t.Fatalf("the command has ended; nothing in its output matches %s:\n%s", pattern, o)
		}
		select {
		case <-o.grown:
		case <-limit:
			t.Fatalf("nothing in the output matches %s:\n%s", pattern, o)
		}
	}
}

// A response is an answer with its body.
type response struct {
	status int
	header http.Header
	body   string
}

// send sends a request as a client would.
func send(t *testing.T, method, url, body string, header http.Header) response {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if header != nil {
		request.Header = header
	}
	answer, err := http.DefaultTransport.RoundTrip(request) // follows no redirect
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response{answer.StatusCode, answer.Header, string(data)}
}

func withToken(token string) http.Header { return http.Header{"Authorization": {"Bearer " + token}} }

// A service is an issuer over HTTP and jwtverify serve, which trusts it.
type service struct {
	*issuer.Issuer
	serve *running
	api   string
}

// newService starts both; handler may stand before the issuer.
func newService(t *testing.T, wrap func(*issuer.Issuer) http.Handler) *service {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	url := "http://" + server.Listener.Addr().String()
	iss, err := issuer.New(issuer.Config{URL: url, Audience: testAudience})
	if err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = iss.Handler()
	if wrap != nil {
		server.Config.Handler = wrap(iss)
	}
	server.Start()
	t.Cleanup(server.Close)
	t.Cleanup(iss.Close) // first, for the answers that hang
	w := &service{Issuer: iss}
	w.start(t)
	return w
}

// start starts the service, or another one.
func (w *service) start(t *testing.T) {
	t.Helper()
	w.serve = start(t, nil, "serve", "--listen", "127.0.0.1:0", "--issuer", w.URL(), "--audience", testAudience, "--jwks-url", w.KeysURL())
	w.api = w.serve.url("api")
}

func (w *service) mint(t *testing.T, claims ...issuer.Claims) string {
	t.Helper()
	token, err := w.Token(claims...)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func (w *service) fetches() (n int) {
	for _, request := range w.Requests() {
		if request.Path == issuer.KeysPath {
			n++
		}
	}
	return n
}

const (
	bearerOnly  = `Bearer realm="api"`
	badRequest  = `Bearer realm="api", error="invalid_request", error_description="The Authorization header field is malformed"`
	twoFields   = `Bearer realm="api", error="invalid_request", error_description="More than one Authorization header field"`
	tooLongOnce = `Bearer realm="api", error="invalid_request", error_description="The access token is too long"`
	invalidOne  = `Bearer realm="api", error="invalid_token", error_description="The access token is not valid"`
	expiredOne  = `Bearer realm="api", error="invalid_token", error_description="The access token has expired"`
)

var retrievals = regexp.MustCompile(`(?m)^.* keys retrieved: .*\n`)

// What the guide's service does, and where ours differs on purpose: spec/bearer.md,
// section 8.
func TestServeBesideTheGuide(t *testing.T) {
	t.Parallel()
	w := newService(t, nil)
	good := w.mint(t)
	claims := func(c issuer.Claims) http.Header { return withToken(w.mint(t, c)) }
	bad := map[string]string{}
	all, err := w.BadTokens()
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range all {
		bad[b.Name] = b.Token
	}
	const public, protected = `{"message":"This is a public message!"}`, `{"message":"This is a protected message!","sub":"m2m"}`
	for _, test := range []struct {
		name, method, path string
		header             http.Header
		status             int
		challenge          string
		body               string // empty: any
		logged             string // empty: nothing
	}{
		{"/public needs no token", "GET", "/public", nil, 200, "", public, ""},
		{"/public takes a good one", "GET", "/public", withToken(good), 200, "", public, ""},
		{"/public ignores a bad one", "GET", "/public", withToken("x.y.z"), 200, "", public, ""},
		{"/public ignores a malformed header", "GET", "/public", http.Header{"Authorization": {"Bearer", "a b"}}, 200, "", public, ""},
		{"/protected names the subject", "GET", "/protected", withToken(good), 200, "", protected, ""},
		{"an absent subject is empty", "GET", "/protected", claims(issuer.Claims{"sub": nil}), 200, "", `{"message":"This is a protected message!","sub":""}`, ""},
		{"no header", "GET", "/protected", nil, 401, bearerOnly, `{"title":"Unauthorized","status":401}`, "no credentials"},
		{"an empty header", "GET", "/protected", http.Header{"Authorization": {""}}, 401, bearerOnly, "", "no credentials"},
		{"another scheme", "GET", "/protected", http.Header{"Authorization": {"Basic YTpi"}}, 401, bearerOnly, "", "no credentials"},
		{"the scheme in any case", "GET", "/protected", http.Header{"Authorization": {"bEARER " + good}}, 200, "", protected, ""},
		{"a token with spaces around", "GET", "/protected", http.Header{"Authorization": {"Bearer   " + good + "  "}}, 200, "", protected, ""},
		{"a scheme without token", "GET", "/protected", http.Header{"Authorization": {"Bearer   "}}, 400, badRequest, "", "no token after Bearer"},
		{"two headers", "GET", "/protected", http.Header{"Authorization": {"Bearer " + good, "Bearer " + good}}, 400, twoFields, "", "2 Authorization header fields"},
		{"a token over 16 KiB", "GET", "/protected", withToken(strings.Repeat("x", 16<<10+1)), 400, tooLongOnce, "", "token has 16385 bytes"},
		{"a token in the query", "GET", "/protected?access_token=" + good, nil, 401, bearerOnly, "", "GET /protected: no credentials"},
		{"an expired token", "GET", "/protected", withToken(bad["expired"]), 401, expiredOne, "", "token expired at"},
		{"a token for another audience", "GET", "/protected", withToken(bad["aud-other"]), 401, invalidOne,
			`{"title":"Unauthorized","status":401,"detail":"The access token is not valid","error":"invalid_token","error_description":"The access token is not valid"}`,
			`audience is ["another-orders"], want "orders"`},
		{"a token of another issuer", "GET", "/protected", withToken(bad["iss-other"]), 401, invalidOne, "", "issuer is"},
		{"an altered token", "GET", "/protected", withToken(altered(good)), 401, invalidOne, "", "signature was not made by key"},
		{"an unsigned token", "GET", "/protected", withToken(bad["alg-none-no-signature"]), 401, invalidOne, "", "alg"},
		{"a token with a critical extension", "GET", "/protected", withToken(bad["crit-unknown"]), 401, invalidOne, "", "crit"},
		{"a token by the encryption key", "GET", "/protected", withToken(bad["kid-of-enc-key"]), 401, invalidOne, "", "kid"},
		{"no aud", "GET", "/protected", claims(issuer.Claims{"aud": nil}), 401, invalidOne, "", "aud"},
		{"no exp", "GET", "/protected", claims(issuer.Claims{"exp": nil}), 401, invalidOne, "", "exp"},
		{"times as text", "GET", "/protected", claims(issuer.Claims{"iat": "1700000000"}), 401, invalidOne, "", "iat"},
		{"a token bound to a key", "GET", "/protected", claims(issuer.Claims{"cnf": issuer.Claims{"jkt": "x"}}), 401, invalidOne, "", "cnf"},
		{"an unknown URL without token", "GET", "/unknown", nil, 401, bearerOnly, "", "GET /unknown: no credentials"},
		{"an unknown URL with one", "GET", "/unknown", withToken(good), 404, "", "", ""},
		{"an unknown URL that would play tricks with the log", "GET", "/a%0A2%20b", nil, 401, bearerOnly, "", `GET "/a\n2 b": no`},
		{"another method on /protected without token", "POST", "/protected", nil, 401, bearerOnly, "", "POST /protected"},
		{"another method on /protected with one", "POST", "/protected", withToken(good), 405, "", "", ""},
		{"OPTIONS without token", "OPTIONS", "/protected", nil, 401, bearerOnly, "", "OPTIONS /protected"},
		{"another method on /public without token", "POST", "/public", nil, 401, bearerOnly, "", "POST /public"},
	} {
		t.Run(test.name, func(t *testing.T) {
			before := len(w.serve.stderr.String())
			got := send(t, test.method, w.api+test.path, "", test.header)
			if got.status != test.status || got.header.Get("WWW-Authenticate") != test.challenge {
				t.Errorf("got %d %s, want %d %s", got.status, got.header.Get("WWW-Authenticate"), test.status, test.challenge)
			}
			if test.body != "" && got.body != test.body {
				t.Errorf("got body %s, want %s", got.body, test.body)
			}
			// A refusal is logged before it is answered, a retrieval at any time.
			log := retrievals.ReplaceAllString(w.serve.stderr.String()[before:], "")
			if !strings.Contains(log, test.logged) || (log == "") != (test.logged == "") || strings.Count(log, "\n") > 1 {
				t.Errorf("logged %q, want %q", log, test.logged)
			}
		})
	}
	if n := w.fetches(); n != 2 { // the first token, and the first with an unknown kid
		t.Errorf("the keys were fetched %d times, want twice", n)
	}
	if code := w.serve.stop(); code != 0 {
		t.Errorf("exit %d, want 0", code)
	}
	tokens := []string{good}
	for _, token := range bad {
		tokens = append(tokens, token)
	}
	for _, text := range []string{w.serve.stdout.String(), w.serve.stderr.String()} {
		if what := leak(text, tokens); what != "" {
			t.Errorf("the output holds %s", what)
		}
	}
}

func TestServeIsAsAnnounced(t *testing.T) {
	w := newService(t, nil)
	if got, want := w.serve.stdout.String(), "api "+w.api+"  (GET /public, GET /protected; stop with Ctrl-C)\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	w.serve.stderr.find(t, `tokens of "`+regexp.QuoteMeta(w.URL())+`" for "orders", keys from "`+regexp.QuoteMeta(w.KeysURL())+`"`)
	if n := len(w.Requests()); n != 0 {
		t.Errorf("the issuer was asked %d times before the first token", n)
	}
	send(t, "GET", w.api+"/protected", "", withToken(w.mint(t)))
	w.serve.stderr.find(t, `keys retrieved: "`+regexp.QuoteMeta(w.KeyID())+`", "\S+", and 2 skipped`)
	conn, err := net.Dial("tcp", strings.TrimPrefix(w.api, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "OPTIONS * HTTP/1.1\r\nHost: api.test\r\nConnection: close\r\n\r\n")
	if answer, _ := io.ReadAll(conn); !strings.HasPrefix(string(answer), "HTTP/1.1 401") {
		t.Errorf("OPTIONS * is answered by %.40q, want 401", answer)
	}
}

func TestServeReachesItsKeys(t *testing.T) {
	var bare atomic.Bool
	w := newService(t, func(iss *issuer.Issuer) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !bare.Load() {
				iss.Handler().ServeHTTP(w, r)
				return
			}
			var set struct {
				Keys []map[string]any `json:"keys"`
			}
			_ = json.Unmarshal(iss.JWKS(), &set)
			for _, key := range set.Keys {
				if key["use"] == "sig" {
					delete(key, "use")
				}
			}
			_ = json.NewEncoder(w).Encode(set)
		})
	})
	for _, test := range []struct {
		name   string
		bare   bool
		fault  string
		status int
		logged string
	}{
		{"keys without use", true, "", 200, "keys retrieved"},
		{"malformed keys beside", false, "malformed-sibling", 200, "keys retrieved"},
		{"an issuer that is down", false, "refused", 503, "keys unavailable"},
		{"an issuer with an error", false, "status-500", 503, "500 Internal Server Error"},
		{"a login page", false, "html", 503, "got HTML"},
		{"half a document", false, "truncated", 503, "keys unavailable"},
		{"an empty set", false, "empty", 503, "the key set is empty"},
		{"more than a set can be", false, "oversized", 503, "524288"},
	} {
		t.Run(test.name, func(t *testing.T) {
			bare.Store(test.bare)
			if err := w.Fault(issuer.Fault{Name: test.fault}); err != nil {
				t.Fatal(err)
			}
			w.start(t)
			got := send(t, "GET", w.api+"/protected", "", withToken(w.mint(t)))
			if got.status != test.status || (got.status == 503) != (got.header.Get("Retry-After") != "") || got.header.Get("WWW-Authenticate") != "" {
				t.Errorf("got %d %v, want %d", got.status, got.header, test.status)
			}
			w.serve.stderr.find(t, test.logged)
			if got := send(t, "GET", w.api+"/public", "", nil); got.status != 200 {
				t.Errorf("/public: got %d, want 200", got.status)
			}
			if got := send(t, "GET", w.api+"/protected", "", nil); got.status != 401 {
				t.Errorf("without token: got %d, want 401", got.status)
			}
		})
	}
}

// An issuer that cannot be reached does not stop the service, and is found when it
// answers. The keys come by discovery, whose failures are no other.
func TestServeOutlivesAnOutage(t *testing.T) {
	t.Parallel()
	iss, err := sharedIssuer()
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	up := false
	var url string
	url = serveKeys(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		switch {
		case !up:
			panic(http.ErrAbortHandler)
		case r.URL.Path == metadataPath:
			fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":%q}`, url, url+"/keys")
		default:
			w.Write(iss.JWKS())
		}
	})
	serve := start(t, nil, "serve", "--listen", "127.0.0.1:0", "--issuer", url, "--audience", testAudience)
	api := serve.url("api")
	token, err := iss.Token(issuer.Claims{"iss": url})
	if err != nil {
		t.Fatal(err)
	}
	ask := func() response { return send(t, "GET", api+"/protected", "", withToken(token)) }
	if got := ask(); got.status != 503 || got.header.Get("Retry-After") != "1" {
		t.Fatalf("during the outage: got %d, Retry-After %s, want 503 and 1", got.status, got.header.Get("Retry-After"))
	}
	serve.stderr.find(t, "503 GET /protected: keys are unavailable")
	mu.Lock()
	up = true
	mu.Unlock()
	time.Sleep(time.Second) // as Retry-After says: a command runs in real time
	if got := ask(); got.status != 200 {
		t.Errorf("after the outage: got %d, want 200\n%s", got.status, serve.stderr)
	}
}

func TestServeAnswersWhatIsUnderWay(t *testing.T) {
	asked, release := make(chan struct{}), make(chan struct{})
	w := newService(t, func(iss *issuer.Issuer) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			close(asked)
			<-release
			iss.Handler().ServeHTTP(w, r)
		})
	})
	answer := make(chan response, 1)
	token := w.mint(t)
	go func() { answer <- send(t, "GET", w.api+"/protected", "", withToken(token)) }()
	<-asked
	w.serve.cancel()
	close(release)
	if got := <-answer; got.status != 200 {
		t.Errorf("the request under way: got %d, want 200", got.status)
	}
	if code := w.serve.stop(); code != 0 {
		t.Errorf("exit %d, want 0", code)
	}
}

func TestServeDoesNotStartWithWrongSettings(t *testing.T) {
	f := newFixture(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	complete := []string{"--issuer", testIssuer, "--audience", "orders"}
	for _, test := range []struct {
		name   string
		env    map[string]string
		args   []string
		code   verdict
		stderr string
	}{
		{"no settings", nil, nil, none, "config-domain-missing"},
		{"no audience", map[string]string{"AUTHACTION_DOMAIN": "acme.test"}, nil, none, "config-audience-missing"},
		{"a domain with a scheme", map[string]string{"AUTHACTION_DOMAIN": "https://acme.test", "AUTHACTION_AUDIENCE": "orders"}, nil, none, "config-domain-form"},
		{"the guide's sample", map[string]string{"AUTHACTION_DOMAIN": "your-authaction-tenant-domain", "AUTHACTION_AUDIENCE": "orders"}, nil, none, "config-placeholder"},
		{"an issuer over plain http", nil, []string{"--issuer", "http://acme.test", "--audience", "orders"}, none, "config-insecure-url"},
		{"an env file that is not there", nil, append(complete, "--env-file", filepath.Join(t.TempDir(), ".env")), none, "--env-file: open"},
		{"an address without port", nil, append(complete, "--listen", "127.0.0.1"), none, "want host and port"},
		{"a port that is taken", nil, append(complete, "--listen", taken.Addr().String()), none, "port 0 takes a free one"},
		{"an argument", nil, append(complete, "8000"), none, "want flags alone"},
		{"an unknown flag", nil, []string{"--port", "8000"}, none, "jwtverify serve -h"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := f.run(t, test.env, nil, append([]string{"serve"}, test.args...)...)
			got.check(t, test.code, "", test.stderr)
			if got.stdout != "" {
				t.Errorf("it announced %q", got.stdout)
			}
		})
	}
}

// Where a token stands in place of something else, no server repeats it.
func TestNoServerRepeatsAToken(t *testing.T) {
	f := newFixture(t)
	token := f.mint(t)
	for _, args := range [][]string{
		{"demo", "--" + token},
		{"demo", "--keep=" + token},
		{"issuer", token},
		{"issuer", "--" + token},
		{"issuer", "--listen", token},
		{"issuer", "--listen", token + ":0"},
		{"issuer", "--fault", token},
		{"issuer", "--expires-in", token},
		{"issuer", "--rotate-every", token},
		{"issuer", "--scope", token, "--listen", "x"},
		{"serve", token},
		{"serve", "--" + token},
		{"serve", "--env-file", token},
		{"serve", "--issuer", token, "--audience", token},
		{"serve", "--issuer", testIssuer, "--audience", token, "--jwks-file", token, "--listen", token},
		{"serve", "--issuer", testIssuer, "--audience", token, "--jwks-file", f.jwks, "--listen", token + ":0"},
	} {
		env := map[string]string{"AUTHACTION_DOMAIN": token, "JWTVERIFY_CLIENT_SECRET": token}
		if got := f.run(t, env, strings.NewReader(token), args...); got.code != int(none) { // looks for tokens
			t.Errorf("%s %s: exit %d, want 2", args[0], args[1][:min(len(args[1]), 10)], got.code)
		}
	}
	url := "http://127.0.0.1:1/" + token + "?secret=" + token
	serve := start(t, nil, "serve", "--listen", "127.0.0.1:0", "--issuer", testIssuer, "--audience", token, "--jwks-url", url)
	api := serve.url("api")
	send(t, "GET", api+"/"+token, "", withToken(token))
	serve.stderr.find(t, "503 GET ")
	if text := serve.stdout.String() + serve.stderr.String(); leak(text, f.tokens) != "" || strings.Contains(text, "secret") {
		t.Error("the output of serve holds a token or a query")
	}
}

func TestServeTakesTheGuidesEnvFile(t *testing.T) {
	f := newFixture(t)
	file := filepath.Join(t.TempDir(), ".env")
	writeFile(t, file, []byte("AUTHACTION_DOMAIN=issuer.test\nAUTHACTION_AUDIENCE="+testAudience+"\nDJANGO_SECRET_KEY='x y'\n"))
	serve := start(t, nil, "serve", "--listen", "127.0.0.1:0", "--env-file", file, "--jwks-file", f.jwks)
	api := serve.url("api")
	if got := send(t, "GET", api+"/protected", "", withToken(f.mint(t))); got.status != 200 {
		t.Errorf("got %d, want 200\n%s", got.status, serve.stderr)
	}
}

// Whoever serves beyond the machine is told what that means.
func TestServeBeyondThisMachine(t *testing.T) {
	f := newFixture(t)
	serve := start(t, nil, append([]string{"serve", "--listen", "0.0.0.0:0", "--jwks-file", f.jwks}, "--issuer", testIssuer, "--audience", testAudience)...)
	serve.url("api")
	if !strings.Contains(serve.stderr.String(), "this is plain http") {
		t.Errorf("no warning: %s", serve.stderr)
	}
}

// The story of the guide with the two commands: a client gets a token from jwtverify
// issuer, as JSON and by a form, and jwtverify serve takes it.
func TestIssuerAndServe(t *testing.T) {
	iss := start(t, nil, "issuer", "--listen", "127.0.0.1:0")
	issuerURL := iss.url("issuer")
	serve := start(t, map[string]string{"AUTHACTION_AUDIENCE": "orders"}, "serve", "--listen", "127.0.0.1:0", "--issuer", issuerURL)
	api := serve.url("api")
	for _, test := range []struct{ name, contentType, body string }{
		{"JSON", "application/json", `{"client_id":"app","client_secret":"s","audience":"orders","grant_type":"client_credentials"}`},
		{"a form", "application/x-www-form-urlencoded", "client_id=app&client_secret=s&audience=orders&grant_type=client_credentials"},
	} {
		t.Run(test.name, func(t *testing.T) {
			granted := send(t, "POST", issuerURL+issuer.TokenPath, test.body, http.Header{"Content-Type": {test.contentType}})
			var answer struct {
				Token string `json:"access_token"`
			}
			if err := json.Unmarshal([]byte(granted.body), &answer); err != nil || granted.status != 200 {
				t.Fatalf("got %d, %v", granted.status, err)
			}
			want := `{"message":"This is a protected message!","sub":"app"}`
			if got := send(t, "GET", api+"/protected", "", withToken(answer.Token)); got.status != 200 || got.body != want {
				t.Errorf("got %d %s, want 200 %s", got.status, got.body, want)
			}
			var stdout, stderr bytes.Buffer
			code := run([]string{"probe", api + "/protected", "--query"}, func(string) string { return "" }, strings.NewReader(answer.Token), &stdout, &stderr)
			if code != 0 || strings.Count(stdout.String(), "✓") != 9 {
				t.Errorf("probe of our own API: exit %d, want 0 and 9 times good\n%s%s", code, stdout.String(), stderr.String())
			}
		})
	}
	iss.stderr.find(t, `GET /\.well-known/openid-configuration 200`)
	iss.stderr.find(t, `GET /\.well-known/jwks\.json 200`)
	if serve.stop() != 0 || iss.stop() != 0 {
		t.Error("want exit 0 of both")
	}
}

// decoded is a part of a token as JSON.
func decoded(t *testing.T, token string, part int) (members map[string]any) {
	t.Helper()
	data, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[part])
	if err == nil {
		err = json.Unmarshal(data, &members)
	}
	if err != nil {
		t.Fatal(err)
	}
	return members
}
