// Package deploy_test runs nginx and Caddy with the configurations of this folder, in
// front of an API that does not look at tokens, and asks them what clients might.
package deploy_test

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/jwtverify"
	"example.com/jwtverify/bearer"
	"example.com/jwtverify/issuertest"
)

// A proxy is one that can be run here.
type proxy struct {
	program, config string
	// arrange puts the configuration into dir, and returns the arguments that make the
	// program serve by it and write nowhere else.
	arrange func(t *testing.T, dir, config string) (args []string)
}

var proxies = []proxy{
	{"nginx", "nginx.conf", func(t *testing.T, dir, config string) []string {
		// The file is made for the http block of a whole configuration. One process
		// alone, so that killing it leaves none behind; it needs no user to become.
		write(t, filepath.Join(dir, "nginx.conf"), `
			daemon off; master_process off; pid nginx.pid; error_log stderr;
			events {}
			http {
				access_log off;
				client_body_temp_path body; proxy_temp_path proxy;
				fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
				include api.conf;
			}`)
		write(t, filepath.Join(dir, "api.conf"), config)
		return []string{"-e", "stderr", "-p", dir, "-c", "nginx.conf"}
	}},
	{"caddy", "Caddyfile", func(t *testing.T, dir, config string) []string {
		// Its own API would listen on a port of its own.
		file := filepath.Join(dir, "Caddyfile")
		write(t, file, "{\n\tadmin off\n}\n"+config)
		return []string{"run", "--config", file, "--adapter", "caddyfile"}
	}},
}

// find returns the path of the program, or skips the test; with DEPLOY_REQUIRE=1 it
// fails it.
func (p proxy) find(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath(p.program)
	if err != nil {
		path, err = exec.LookPath("/usr/sbin/" + p.program) // not on the PATH of every user
	}
	switch {
	case err == nil:
		return path
	case os.Getenv("DEPLOY_REQUIRE") == "1":
		t.Fatalf("%s is not installed, and DEPLOY_REQUIRE=1 demands it: apt-get install %s", p.program, p.program)
	}
	t.Skipf("%s is not installed, so %s was not tested: apt-get install %s", p.program, p.config, p.program)
	return ""
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// A stage is a proxy with what stands around it.
type stage struct {
	proxy   proxy
	address string // of the proxy
	issuer  *issuertest.Issuer
	check   *httptest.Server
	api     *api

	mu      sync.Mutex
	checker http.Handler // guarded by mu: what check answers
	asked   apiRequest   // guarded by mu: what it was asked last
}

// newStage starts an issuer, a check, an API and the proxy, all on loopback.
func newStage(t *testing.T, p proxy) *stage {
	t.Helper()
	path := p.find(t)
	s := &stage{proxy: p, api: &api{}}

	s.check = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		checker := s.checker
		s.asked = apiRequest{r.Method + " " + r.RequestURI, string(body), r.Header.Clone()}
		s.mu.Unlock()
		checker.ServeHTTP(w, r)
	}))
	s.check.Config.DisableGeneralOptionsHandler = true // as examples/proxy has it
	s.check.Start()
	t.Cleanup(s.check.Close)
	s.renew(t)
	upstream := httptest.NewServer(s.api)
	t.Cleanup(upstream.Close)

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.address = listener.Addr().String()
	listener.Close()
	config, err := os.ReadFile(p.config)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	args := p.arrange(t, dir, strings.NewReplacer(
		"127.0.0.1:8080", s.address,
		"127.0.0.1:9000", s.check.Listener.Addr().String(),
		"127.0.0.1:8000", upstream.Listener.Addr().String(),
	).Replace(string(config)))
	s.start(t, dir, append([]string{path}, args...))
	return s
}

// start runs the proxy until the test ends.
func (s *stage) start(t *testing.T, dir string, command []string) {
	t.Helper()
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	// The proxy is killed when stdin ends: by the end of the test, or by that of the
	// test's process, whatever ends it. 137 is what killing makes of its exit code.
	cmd := exec.Command("sh", append([]string{"-c", `"$@" & read -r _; kill -s KILL $!; wait $!; test $? -eq 137`, "sh"}, command...)...)
	cmd.Env = append(os.Environ(), "HOME="+dir, "XDG_CONFIG_HOME="+dir, "XDG_DATA_HOME="+dir) // Caddy's memory
	cmd.Stdout, cmd.Stderr = log, log
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stdin.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("%s had ended before the test: %v", s.proxy.program, err)
		}
		if said, _ := os.ReadFile(log.Name()); t.Failed() {
			t.Logf("%s said:\n%s", s.proxy.program, said)
		}
	})
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		conn, err := net.Dial("tcp", s.address)
		if err == nil {
			conn.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s does not listen: %v", s.proxy.program, err)
		}
	}
}

// renew starts another issuer, for the check of the next test, and forgets what the API got.
func (s *stage) renew(t *testing.T) {
	t.Helper()
	issuer := httptest.NewUnstartedServer(nil)
	t.Cleanup(issuer.Close)
	s.issuer = issuertest.New(t, issuertest.WithURL("http://"+issuer.Listener.Addr().String()))
	issuer.Config.Handler = s.issuer.Handler()
	issuer.Start()
	s.require(t)
	s.api.got()
}

// require puts a new check behind the proxy, which has no keys yet.
func (s *stage) require(t *testing.T, scopes ...string) {
	t.Helper()
	config := s.issuer.Config()
	config.Keys = jwtverify.HTTPKeySource{URL: s.issuer.URL() + "/.well-known/jwks.json"}
	verifier, err := jwtverify.New(config)
	if err != nil {
		t.Fatal(err)
	}
	guard, err := bearer.New(bearer.Config{Verifier: verifier})
	if err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.checker = guard.ForwardAuth(scopes...)
}

// An api answers everybody, and remembers what it got.
type api struct {
	mu       sync.Mutex
	requests []apiRequest // guarded by mu
}

type apiRequest struct {
	line, body string
	header     http.Header
}

const fromAPI = "from the API\n"

func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	a.mu.Lock()
	a.requests = append(a.requests, apiRequest{r.Method + " " + r.RequestURI, string(body), r.Header.Clone()})
	a.mu.Unlock()
	switch status, _ := strconv.Atoi(r.URL.Query().Get("status")); status {
	case 0:
	case http.StatusSwitchingProtocols:
		if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
			fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: %s\r\n\r\n", r.Header.Get("Upgrade"))
			conn.Close()
		}
		return
	default:
		w.WriteHeader(status)
	}
	io.WriteString(w, fromAPI)
}

// got returns the requests since it was called last.
func (a *api) got() []apiRequest {
	a.mu.Lock()
	defer a.mu.Unlock()
	requests := a.requests
	a.requests = nil
	return requests
}

// identity is what a program may take for X-Auth-… headers, by their names as CGI
// programs see them.
func (r apiRequest) identity() map[string]string {
	found := map[string]string{}
	for name, values := range r.header {
		if name = strings.ReplaceAll(strings.ToUpper(name), "-", "_"); strings.HasPrefix(name, "X_AUTH_") {
			found[name] += strings.Join(values, "|")
		}
	}
	maps.DeleteFunc(found, func(_, value string) bool { return value == "" })
	return found
}

// An answer is what a client got, and what the API had got of it.
type answer struct {
	status   int
	header   http.Header
	body     string
	requests []apiRequest
}

// send sends a request, byte for byte, and reads the answer.
func (s *stage) send(t *testing.T, line, body string, header ...string) answer {
	t.Helper()
	conn, err := net.Dial("tcp", s.address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	text := line + " HTTP/1.1\r\nHost: 127.0.0.1\r\n"
	for _, field := range header {
		text += field + "\r\n"
	}
	if body != "" {
		text += fmt.Sprintf("Content-Length: %d\r\n", len(body))
	}
	if _, err := io.WriteString(conn, text+"\r\n"+body); err != nil {
		t.Fatal(err)
	}
	method, _, _ := strings.Cut(line, " ")
	reader := bufio.NewReader(conn)
	response, err := http.ReadResponse(reader, &http.Request{Method: method})
	for err == nil && response.StatusCode == http.StatusContinue { // the answer comes behind it
		response, err = http.ReadResponse(reader, &http.Request{Method: method})
	}
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	defer response.Body.Close()
	got, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	return answer{response.StatusCode, response.Header, string(got), s.api.got()}
}

func authorization(token string) string { return "Authorization: Bearer " + token }

// ServeHTTP passes a request on to the proxy, so that the stage is the API that
// issuertest tests.
func (s *stage) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r = r.Clone(r.Context())
	r.URL.Scheme, r.URL.Host, r.Host, r.RequestURI = "http", s.address, "127.0.0.1", ""
	response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
	if err != nil { // no client can send it
		http.Error(w, "the request cannot be sent", http.StatusBadRequest)
		return
	}
	defer response.Body.Close()
	maps.Copy(w.Header(), response.Header)
	w.WriteHeader(response.StatusCode)
	io.Copy(w, response.Body)
}

// each runs a test with each proxy.
func each(t *testing.T, test func(t *testing.T, s *stage)) {
	t.Parallel()
	for _, p := range proxies {
		t.Run(p.program, func(t *testing.T) {
			t.Parallel()
			test(t, newStage(t, p))
		})
	}
}

// Behind a proxy, an API that does not look at tokens does all that one should which
// does.
func TestSuite(t *testing.T) {
	each(t, func(t *testing.T, s *stage) {
		s.issuer.Suite(t, s, "GET /protected", "POST /protected")
	})
}

// jwtverify probe comes to the same end, with what a client sees of each proxy.
func TestProbe(t *testing.T) {
	program := filepath.Join(t.TempDir(), "jwtverify.exe")
	// go run finds in its cache what it linked before, and go build links each time.
	if out, err := exec.CommandContext(t.Context(), "go", "run", "-exec", "cp", "example.com/jwtverify/cmd/jwtverify", program).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Run("proxies", func(t *testing.T) { // all end before program is removed
		each(t, func(t *testing.T, s *stage) {
			probe := exec.CommandContext(t.Context(), program, "probe", "--query", "http://"+s.address+"/protected")
			probe.Stdin = strings.NewReader(s.issuer.Token())
			out, err := probe.CombinedOutput()
			if err != nil || strings.Count(string(out), "✓") != 9 || strings.ContainsAny(string(out), "✗–") {
				t.Errorf("%v\n%s", err, out)
			}
		})
	})
}

// What is sent by hand goes to the same proxy, test by test.
func TestProxies(t *testing.T) {
	each(t, func(t *testing.T, s *stage) {
		for _, test := range []struct {
			name string
			run  func(*testing.T, *stage)
		}{
			{"Answers", testAnswers},
			{"Identity", testIdentity},
			{"HeadersOfARequest", testHeadersOfARequest},
			{"AnswersOfTheAPI", testAnswersOfTheAPI},
			{"CaddyUpgrades", testCaddyUpgrades},
			{"Paths", testPaths},
			{"Question", testQuestion},
			{"LongToken", testLongToken},
			{"Outage", testOutage},
			{"CheckIsDown", testCheckIsDown}, // the last, since it closes the check
		} {
			t.Run(test.name, func(t *testing.T) {
				s.renew(t)
				test.run(t, s)
			})
		}
	})
}

const (
	noCredentials = `Bearer realm="api", scope="orders:read"`
	notValid      = `Bearer realm="api", error="invalid_token", error_description="The access token is not valid", scope="orders:read"`
	expired       = `Bearer realm="api", error="invalid_token", error_description="The access token has expired", scope="orders:read"`
	malformed     = `Bearer realm="api", error="invalid_request", error_description="The Authorization header field is malformed"`
	noScope       = `Bearer realm="api", error="insufficient_scope", error_description="The access token lacks a required scope", scope="orders:read"`
)

// 400, 401, 403 and 200 stay apart, each with its challenge, for any method.
func testAnswers(t *testing.T, s *stage) {
	s.require(t, "orders:read")
	scope := issuertest.Claims{"scope": "orders:read"}
	good := s.issuer.Token(scope)
	for _, test := range []struct {
		name      string
		header    []string
		status    int
		challenge string
	}{
		{"a good token", []string{authorization(good)}, 200, ""},
		{"no token", nil, 401, noCredentials},
		{"Basic", []string{"Authorization: Basic dXNlcjpwYXNzd29yZA=="}, 401, noCredentials},
		{"two words behind Bearer", []string{"Authorization: Bearer a b"}, 400, malformed},
		{"no JWT", []string{authorization("opaque")}, 401, notValid},
		{"an expired token", []string{authorization(s.issuer.Token(scope, issuertest.Claims{"exp": s.issuer.Now().Add(-time.Hour).Unix()}))}, 401, expired},
		{"a token for another audience", []string{authorization(s.issuer.Token(scope, issuertest.Claims{"aud": "https://other.test"}))}, 401, notValid},
		{"a token without the scope", []string{authorization(s.issuer.Token())}, 403, noScope},
	} {
		for _, method := range []string{"GET", "HEAD", "POST", "OPTIONS", "DELETE"} {
			body := ""
			if method == "POST" {
				body = "two chairs"
			}
			got := s.send(t, method+" /protected?a=b", body, test.header...)
			if challenge := strings.Join(got.header.Values("WWW-Authenticate"), "|"); got.status != test.status || challenge != test.challenge {
				t.Errorf("%s with %s: got %d %q, want %d %q", method, test.name, got.status, challenge, test.status, test.challenge)
			}
			if test.status != 200 {
				if len(got.requests) != 0 || got.body == fromAPI {
					t.Errorf("%s with %s: it reached the API", method, test.name)
				}
				if got.header.Get("Retry-After") != "" || got.header.Get("Cache-Control") != "no-store" {
					t.Errorf("%s with %s: got Retry-After %q, Cache-Control %q; want none, no-store", method, test.name, got.header.Get("Retry-After"), got.header.Get("Cache-Control"))
				}
				if title := fmt.Sprintf(`{"title":%q,"status":%d`, http.StatusText(test.status), test.status); method != "HEAD" && !strings.HasPrefix(got.body, title) || got.header.Get("Content-Type") != "application/problem+json" {
					t.Errorf("%s with %s: got %s %q, want a problem that begins with %s", method, test.name, got.header.Get("Content-Type"), got.body, title)
				}
				continue
			}
			if len(got.requests) != 1 || got.requests[0].line != method+" /protected?a=b" || got.requests[0].body != body {
				t.Errorf("%s with %s: the API got %v, want the request as it was", method, test.name, got.requests)
			}
			if method != "HEAD" && got.body != fromAPI {
				t.Errorf("%s with %s: got %q, want the API's answer", method, test.name, got.body)
			}
		}
	}
}

// What the client claims about itself never reaches the API, in no spelling.
func testIdentity(t *testing.T, s *stage) {
	spoofed := map[string][]string{
		"none":                    nil,
		"the same names":          {"X-Auth-Subject: admin", "X-Auth-Issuer: https://evil.test", "X-Auth-Scope: admin"},
		"twice, in lower case":    {"x-auth-subject: admin", "x-auth-subject: admin", "x-auth-scope: admin"},
		"underscores":             {"X_Auth_Subject: admin", "X_Auth_Issuer: https://evil.test", "X_Auth_Scope: admin"},
		"the first an underscore": {"X_Auth-Subject: admin", "x_auth-issuer: https://evil.test", "X_AUTH-SCOPE: admin"},
		"the last an underscore":  {"X-Auth_Subject: admin", "x-auth_issuer: https://evil.test", "X-AUTH_SCOPE: admin"},
		"other names":             {"X-Auth-Other: admin", "X-Auth-: admin", "x-auth-roles: admin", "X-AUTH-USER: admin", "X_Auth_Other: admin", "X-Auth_Other: admin"},
		"hop by hop":              {"Connection: X-Auth-Subject, X-Auth-Issuer, X-Auth-Scope", "X-Auth-Subject: admin", "X-Auth-Scope: admin"},
	}
	identity := map[string]string{"X_AUTH_SUBJECT": "m2m", "X_AUTH_ISSUER": s.issuer.URL(), "X_AUTH_SCOPE": "orders:read"}
	without := func(names ...string) map[string]string {
		rest := maps.Clone(identity)
		maps.DeleteFunc(rest, func(name, _ string) bool { return slices.Contains(names, name) })
		return rest
	}
	for _, test := range []struct {
		name, line, token string
		want              map[string]string
	}{
		{"a token with all of it", "GET /protected", s.issuer.Token(issuertest.Claims{"scope": "orders:read"}), identity},
		{"a token with an empty scope", "GET /protected", s.issuer.Token(issuertest.Claims{"scope": ""}), without("X_AUTH_SCOPE")},
		{"a token without scope", "GET /protected", s.issuer.Token(), without("X_AUTH_SCOPE")},
		{"a token with an empty sub", "GET /protected", s.issuer.Token(issuertest.Claims{"sub": "", "scope": "orders:read"}), without("X_AUTH_SUBJECT")},
		{"a token without sub and scope", "GET /protected", s.issuer.Token(issuertest.Claims{"sub": nil}), without("X_AUTH_SUBJECT", "X_AUTH_SCOPE")},
		{"the public page", "GET /public", s.issuer.Token(), nil},
		{"the public page, bad token", "GET /public", "not.a.token", nil},
	} {
		for how, header := range spoofed {
			got := s.send(t, test.line, "", append(header, authorization(test.token))...)
			if got.status != 200 || len(got.requests) != 1 {
				t.Errorf("%s, spoofed %s: got %d, and the API got %d requests; want 200 and 1", test.name, how, got.status, len(got.requests))
				continue
			}
			request := got.requests[0]
			if found := request.identity(); !maps.Equal(found, test.want) {
				t.Errorf("%s, spoofed %s: the API got %v, want %v", test.name, how, found, test.want)
			}
			if request.header["Authorization"] != nil {
				t.Errorf("%s: the API got the token", test.name)
			}
			for name := range got.header {
				if strings.HasPrefix(name, "X-Auth-") {
					t.Errorf("%s: the client got %s", test.name, name)
				}
			}
		}
	}
}

// What an API reads of a request beside that reaches it.
func testHeadersOfARequest(t *testing.T, s *stage) {
	header := []string{
		"Accept: application/json", "Accept-Encoding: br", "Accept-Language: de", "Cache-Control: no-cache", "Content-Encoding: gzip",
		"Content-Language: en", "Content-Type: text/plain", "Cookie: a=b", "Idempotency-Key: 1", `If-Match: "1"`, "If-Modified-Since: Fri, 27 Nov 2026 01:00:00 GMT",
		`If-None-Match: "2"`, `If-Range: "3"`, "If-Unmodified-Since: Fri, 27 Nov 2026 01:00:00 GMT", "Origin: https://app.test", "Prefer: return=minimal",
		"Range: bytes=0-1", "Referer: https://app.test/x", "Traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "Tracestate: a=1",
		"User-Agent: test", "X-Request-Id: 7",
	}
	for _, line := range []string{"POST /protected", "POST /public"} {
		got := s.send(t, line, "two chairs", append(header, authorization(s.issuer.Token()))...)
		if got.status != 200 || len(got.requests) != 1 || got.requests[0].body != "two chairs" {
			t.Fatalf("%s: got %d, and the API got %v; want the request", line, got.status, got.requests)
		}
		for _, field := range header {
			name, value, _ := strings.Cut(field, ": ")
			if values := got.requests[0].header[name]; len(values) != 1 || values[0] != value {
				t.Errorf("%s: the API got %s as %q, want %q", line, name, values, value)
			}
		}
		for name, values := range got.requests[0].header {
			if len(values) == 1 && values[0] == "" && !strings.HasPrefix(name, "X-Auth-") {
				t.Errorf("%s: the API got an empty %s", line, name)
			}
		}
	}
}

// The API's own answers pass as they are.
func testAnswersOfTheAPI(t *testing.T, s *stage) {
	for _, status := range []int{204, 400, 401, 403, 404, 500, 503} {
		got := s.send(t, fmt.Sprintf("GET /protected?status=%d", status), "", authorization(s.issuer.Token()))
		want := fromAPI
		if status == 204 {
			want = ""
		}
		if got.status != status || got.body != want || got.header["Www-Authenticate"] != nil || got.header["Retry-After"] != nil {
			t.Errorf("got %d %q with %v, want %d as the API gave it", got.status, got.body, got.header, status)
		}
	}
}

// What is done about Connection leaves the upgrade to WebSocket alone.
func testCaddyUpgrades(t *testing.T, s *stage) {
	if s.proxy.program != "caddy" {
		t.Skip("nginx needs settings of its own for that")
	}
	for _, header := range []string{"Connection: Upgrade", "Connection: keep-alive, upgrade, X-Auth-Subject"} {
		got := s.send(t, "GET /protected?status=101", "", header, "Upgrade: websocket", authorization(s.issuer.Token()))
		if got.status != 101 || got.header.Get("Upgrade") != "websocket" || len(got.requests) != 1 || got.requests[0].identity()["X_AUTH_SUBJECT"] != "m2m" {
			t.Errorf("%s: got %d with %v, want 101 for m2m", header, got.status, got.header)
		}
		if got := s.send(t, "GET /protected?status=101", "", header, "Upgrade: websocket"); got.status != 401 || got.requests != nil {
			t.Errorf("%s without a token: got %d, want 401", header, got.status)
		}
	}
}

var otherPages = map[string]bool{"/public/x": true, "/publicx": true, "/public;x": true, "/protected": true}

// Whatever the path, without a token the API is asked for /public, or not at all.
func testPaths(t *testing.T, s *stage) {
	for _, path := range []string{
		"/", "/protected", "//protected", "/./protected", "/protected/", "/PROTECTED", "/nowhere", "/_check", "//_check", "/favicon.ico",
		"/public", "/public?a=b", "//public", "/./public", "/public/", "/public/x", "/PUBLIC", "/public;x", "/public%00", "/%70ublic", "/public%2f", "/publicx",
		"/public/../protected", "/public/..%2fprotected", "/public%2f..%2fprotected", "/public/%2e%2e/protected", "/public/..;/protected", "/public\\..\\protected",
		"/protected/../public", "/protected/..%2fpublic", "/protected%2f..%2fpublic", "/protected/%2e%2e/public", "/protected/..;/public", "/x/../../public", "/public#/../protected",
	} {
		for _, header := range [][]string{nil, {"X-Original-URL: /public"}, {"X-Forwarded-Uri: /public", "X-Forwarded-Method: GET"}, {"X-Auth-Subject: m2m"}, {authorization("not.a.token")}} {
			for _, method := range []string{"GET", "POST", "OPTIONS"} {
				got := s.send(t, method+" "+path, "", header...)
				if otherPages[path] && got.requests != nil {
					t.Errorf("%s %s with %q: it is open", method, path, header)
				}
				for _, request := range got.requests {
					// %70 is p to everybody (RFC 3986, section 6.2.2.2).
					line, _, _ := strings.Cut(strings.Replace(request.line, "%70", "p", 1), "?")
					if line != method+" /public" {
						t.Errorf("%s %s with %q: the API got %q", method, path, header, request.line)
					}
				}
				if len(got.requests) == 0 && (got.status < 400 || got.status >= 500) {
					t.Errorf("%s %s with %q: got %d, want a refusal", method, path, header, got.status)
				}
			}
		}
	}
	if got := s.send(t, "GET /public?a=b", ""); got.status != 200 || got.body != fromAPI || len(got.requests) != 1 || got.requests[0].line != "GET /public?a=b" {
		t.Errorf("/public: got %d %q, and the API got %v", got.status, got.body, got.requests)
	}
	// With a token the path stays as it was sent.
	for _, path := range []string{"//protected", "/a%2fb", "/a/../b?c=//d"} {
		if got := s.send(t, "GET "+path, "", authorization(s.issuer.Token())); got.status != 200 || len(got.requests) != 1 || got.requests[0].line != "GET "+path {
			t.Errorf("%s: got %d, and the API got %v", path, got.status, got.requests)
		}
	}
	if got := s.send(t, "OPTIONS *", ""); len(got.requests) != 0 {
		t.Errorf("OPTIONS *: the API got %v", got.requests)
	}
}

// The check is asked without the body, and by nginx without anything but Authorization.
// It is nobody's page.
func testQuestion(t *testing.T, s *stage) {
	header := authorization(s.issuer.Token())
	if got := s.send(t, "POST /protected?a=b", "two chairs", header, "X-Auth-Subject: admin", "Cookie: a=b", "Expect: 100-continue"); got.status != 200 || len(got.requests) != 1 || got.requests[0].body != "two chairs" {
		t.Errorf("got %d, and the API got %d requests; want 200 and the body", got.status, len(got.requests))
	}
	s.mu.Lock()
	asked := s.asked
	s.mu.Unlock()
	if asked.body != "" || len(asked.identity()) != 0 || asked.header.Get("Authorization") != strings.TrimPrefix(header, "Authorization: ") {
		t.Errorf("the check got %d bytes and the identity %v, want the token alone", len(asked.body), asked.identity())
	}
	if s.proxy.program != "nginx" {
		return
	}
	delete(asked.header, "Authorization")
	if asked.line != "GET /" || len(asked.header) != 0 {
		t.Errorf("the check got %s with %v, want GET / with Authorization alone", asked.line, asked.header)
	}
	if got := s.send(t, "GET /_check", "", header); got.status != 404 || got.header["X-Auth-Subject"] != nil {
		t.Errorf("/_check: got %d with %v, want 404", got.status, got.header)
	}
}

// A token, and its scopes, may be long.
func testLongToken(t *testing.T, s *stage) {
	scope := strings.Repeat("orders:read:17 ", 700)[:10_000] + "!"
	got := s.send(t, "GET /protected", "", authorization(s.issuer.Token(issuertest.Claims{"scope": scope})))
	if got.status != 200 || len(got.requests) != 1 || got.requests[0].identity()["X_AUTH_SCOPE"] != scope {
		t.Errorf("got %d, and the API got %d requests; want 200 and all of the scope", got.status, len(got.requests))
	}
	got = s.send(t, "GET /protected", "", authorization(s.issuer.Token(issuertest.Claims{"scope": strings.Repeat(scope, 2)})))
	if got.status != 400 || !strings.Contains(got.header.Get("WWW-Authenticate"), "too long") || got.requests != nil {
		t.Errorf("a token that is too long: got %d %q, want 400", got.status, got.header.Get("WWW-Authenticate"))
	}
}

// An outage of the issuer is 503 with Retry-After, and no reason to throw a token away.
func testOutage(t *testing.T, s *stage) {
	known := s.issuer.Token()
	if got := s.send(t, "GET /protected", "", authorization(known)); got.status != 200 {
		t.Fatalf("before the outage: got %d, want 200", got.status)
	}
	s.issuer.Rotate()
	s.issuer.Rotate()
	s.issuer.Fault(issuertest.Fault{Name: "status-503", RetryAfter: 7 * time.Second})
	unknown := s.issuer.Token()
	for _, method := range []string{"GET", "HEAD", "POST"} {
		got := s.send(t, method+" /protected", "", authorization(unknown))
		if after := got.header.Get("Retry-After"); got.status != 503 || after != "7" && after != "8" {
			t.Errorf("%s with a token of an unknown key: got %d with Retry-After %q, want 503 with 7", method, got.status, after)
		}
		if got.header["Www-Authenticate"] != nil || got.requests != nil {
			t.Errorf("%s with a token of an unknown key: got a challenge %q, and the API got %v", method, got.header["Www-Authenticate"], got.requests)
		}
	}
	if got := s.send(t, "GET /protected", "", authorization(known)); got.status != 200 {
		t.Errorf("with a token of a known key: got %d, want 200", got.status)
	}
	if got := s.send(t, "GET /protected", "", authorization("not.a.token")); got.status != 401 {
		t.Errorf("with a bad token: got %d, want 401", got.status)
	}
}

// Without its check, a proxy lets nobody in.
func testCheckIsDown(t *testing.T, s *stage) {
	s.check.Close()
	for _, header := range [][]string{nil, {authorization(s.issuer.Token())}} {
		got := s.send(t, "GET /protected", "", header...)
		if want := map[string]int{"nginx": 503, "caddy": 502}[s.proxy.program]; got.status != want || got.requests != nil || got.header["Www-Authenticate"] != nil {
			t.Errorf("got %d with challenge %q, and the API got %v; want %d alone", got.status, got.header["Www-Authenticate"], got.requests, want)
		}
		if after := got.header.Get("Retry-After"); s.proxy.program == "nginx" && after != "5" {
			t.Errorf("got Retry-After %q, want 5", after)
		}
	}
	if got := s.send(t, "GET /public", ""); got.status != 200 {
		t.Errorf("/public: got %d, want 200", got.status)
	}
}

// Nothing here can run these two. What README.md says must stay as it is, and that they
// were not run, is in them at least.
func TestNotRun(t *testing.T) {
	for file, lines := range map[string][]string{
		"envoy.yaml": {
			"NOT RUN", "failure_mode_allow: false", "status_on_error: {code: ServiceUnavailable}",
			"headers_with_underscores_action: DROP_HEADER", "path_with_escaped_slashes_action: REJECT_REQUEST",
			"- remove: x-auth-subject", "- remove: x-auth-issuer", "- remove: x-auth-scope", "- remove_on_match: {key_matcher: {prefix: x-auth-}}", "request_headers_to_remove: [authorization]",
		},
		"traefik.yaml": {
			"NOT RUN", "trustForwardHeader: false", "authResponseHeaders: [X-Auth-Subject, X-Auth-Issuer, X-Auth-Scope]",
			"middlewares: [strip-identity, check, strip-token]", "middlewares: [strip-identity, strip-token, as-public]", `X_Auth_Subject: ""`,
		},
	} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range lines {
			if !strings.Contains(string(text), line) {
				t.Errorf("%s has no %q", file, line)
			}
		}
	}
}
