package bearer_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"example.com/jwtverify"
	"example.com/jwtverify/bearer"

	"github.com/google/go-cmp/cmp"
)

// A row is one of the table of responses.
type row struct {
	name          string
	guard         *bearer.Guard
	scopes        []string
	authorization []string

	status     int
	challenge  string // empty: none
	retryAfter string
	body       string
	rejection  bearer.Rejection // but for Err
}

const (
	body400 = `{"title":"Bad Request","status":400,"detail":"%[1]s","error":"invalid_request","error_description":"%[1]s"}`
	body401 = `{"title":"Unauthorized","status":401,"detail":"%[1]s","error":"invalid_token","error_description":"%[1]s"}`
	body403 = `{"title":"Forbidden","status":403,"detail":"%[1]s","error":"insufficient_scope","error_description":"%[1]s"}`
	body503 = `{"title":"Service Unavailable","status":503,"detail":"Access tokens cannot be checked at the moment"}`
)

// rows are all of the table, some by several causes. config is for every guard.
func rows(t *testing.T, config bearer.Config) []row {
	t.Helper()
	guard := newGuard(t, config)
	failingGuard := func(err error) *bearer.Guard {
		config := config
		config.Verifier = failing(err)
		return newGuard(t, config)
	}
	one := func(token string) []string { return []string{"Bearer " + token} }
	unavailable := func(after time.Duration) error {
		return &jwtverify.KeysUnavailableError{RetryAfter: after, Reason: "failing", Err: errors.New("connection refused")}
	}

	var rows []row
	add := func(r row) {
		if r.guard == nil {
			r.guard = guard
		}
		r.rejection.Status = r.status
		rows = append(rows, r)
	}
	noCredentials := func(name string, authorization ...string) {
		add(row{name: name, authorization: authorization, status: 401,
			challenge: `Bearer realm="api"`, body: `{"title":"Unauthorized","status":401}`})
	}
	noCredentials("1: no header")
	noCredentials("1: an empty header", "")
	noCredentials("1: another scheme", "Basic dTpw")

	badRequest := func(name, description, challenge string, authorization ...string) {
		add(row{name: name, authorization: authorization, status: 400, challenge: challenge,
			body:      fmt.Sprintf(body400, description),
			rejection: bearer.Rejection{Code: "invalid_request", Description: description}})
	}
	badRequest("2: two tokens", "More than one Authorization header field",
		`Bearer realm="api", error="invalid_request", error_description="More than one Authorization header field"`, "Bearer a", "Bearer b")
	badRequest("3: Bearer alone", "The Authorization header field is malformed",
		`Bearer realm="api", error="invalid_request", error_description="The Authorization header field is malformed"`, "Bearer")
	badRequest("3: not b64token", "The Authorization header field is malformed",
		`Bearer realm="api", error="invalid_request", error_description="The Authorization header field is malformed"`, "Bearer a, Bearer b")
	badRequest("4: over 16 KiB", "The access token is too long",
		`Bearer realm="api", error="invalid_request", error_description="The access token is too long"`, "Bearer "+strings.Repeat("a", 16385))

	refused := func(name, description, challenge, token string) {
		add(row{name: name, authorization: one(token), status: 401, challenge: challenge,
			body:      fmt.Sprintf(body401, description),
			rejection: bearer.Rejection{Code: "invalid_token", Description: description}})
	}
	refused("5: expired", "The access token has expired",
		`Bearer realm="api", error="invalid_token", error_description="The access token has expired"`, token(t, claims{"exp": testNow - 60}))
	refused("6: not yet valid", "The access token is not valid yet",
		`Bearer realm="api", error="invalid_token", error_description="The access token is not valid yet"`, token(t, claims{"nbf": testNow + 61}))
	for name, token := range map[string]string{
		"no JWT":          "abc",
		"with padding":    token(t, nil) + "=",
		"forged":          forged(t),
		"unknown key":     signText(t, `{"alg":"RS256","kid":"other"}`, `{}`),
		"alg none":        encode(`{"alg":"none"}`) + "." + encode(`{}`) + ".",
		"wrong issuer":    token(t, claims{"iss": "https://other.example"}),
		"wrong audience":  token(t, claims{"aud": "https://other.example"}),
		"no audience":     token(t, claims{"aud": nil}),
		"no expiry":       token(t, claims{"exp": nil}),
		"expiry as text":  token(t, claims{"exp": "1750003600"}),
		"bound to a key":  token(t, claims{"cnf": claims{"jkt": "x"}}),
		"forged, expired": signText(t, goodHeader, `{"exp":1}`)[:100] + ".AAAA",
	} {
		refused("7: "+name, "The access token is not valid",
			`Bearer realm="api", error="invalid_token", error_description="The access token is not valid"`, token)
	}

	scopes := []string{"orders:read", "orders:write"}
	for _, row := range slices.Clone(rows) { // 401 names the scopes, 400 does not
		row.name, row.scopes = row.name+", where scopes are required", scopes
		if row.status == http.StatusUnauthorized {
			row.challenge += `, scope="orders:read orders:write"`
			row.rejection.Scopes = scopes
		}
		rows = append(rows, row)
	}
	for name, changes := range map[string]claims{"no scopes": nil, "one of two": {"scope": "orders:write"}} {
		add(row{name: "8: " + name, scopes: scopes, authorization: one(token(t, changes)), status: 403,
			challenge: `Bearer realm="api", error="insufficient_scope", error_description="The access token lacks a required scope", scope="orders:read orders:write"`,
			body:      fmt.Sprintf(body403, "The access token lacks a required scope"),
			rejection: bearer.Rejection{Code: "insufficient_scope", Description: "The access token lacks a required scope", Scopes: scopes}})
	}

	for name, test := range map[string]struct {
		err        error
		retryAfter string
	}{
		"a second":                     {unavailable(time.Second), "1"},
		"rounded up":                   {unavailable(time.Second + time.Nanosecond), "2"},
		"nothing":                      {unavailable(0), "1"},
		"a negative time":              {unavailable(-time.Hour), "1"},
		"five minutes":                 {unavailable(5 * time.Minute), "300"},
		"an hour":                      {unavailable(time.Hour), "300"},
		"wrapped":                      {fmt.Errorf("chooser: %w", unavailable(7*time.Second)), "7"},
		"the sentinel":                 {jwtverify.ErrKeysUnavailable, "5"},
		"an error that nobody knows":   {errors.New("disk on fire"), "5"},
		"a cancelled context":          {context.Canceled, "5"},
		"both at once":                 {errors.Join(jwtverify.ErrExpired, unavailable(9*time.Second)), "9"},
		"neither token nor error":      {nil, "5"},
		"an error of this package":     {bearer.ErrNoCredentials, "5"},
		"another error of the package": {&bearer.RequestError{}, "5"},
		"a nil *KeysUnavailableError":  {(*jwtverify.KeysUnavailableError)(nil), "5"},
	} {
		seconds, err := time.ParseDuration(test.retryAfter + "s")
		if err != nil {
			t.Fatal(err)
		}
		add(row{name: "9: " + name, guard: failingGuard(test.err), scopes: scopes, authorization: one(token(t, nil)), status: 503,
			retryAfter: test.retryAfter, body: body503,
			rejection: bearer.Rejection{Description: "Access tokens cannot be checked at the moment", RetryAfter: seconds}})
	}
	return rows
}

func (r row) handler(t *testing.T) http.Handler { return r.guard.Require(r.scopes...)(mustNotRun(t)) }

// header is the whole of it, as the handler leaves it.
func (r row) header() http.Header {
	header := http.Header{
		"Cache-Control":          {"no-store"},
		"Content-Length":         {fmt.Sprint(len(r.body))},
		"Content-Type":           {"application/problem+json"},
		"X-Content-Type-Options": {"nosniff"},
	}
	if r.challenge != "" {
		header["Www-Authenticate"] = []string{r.challenge}
	}
	if r.retryAfter != "" {
		header["Retry-After"] = []string{r.retryAfter}
	}
	return header
}

var methods = []string{"GET", "HEAD", "OPTIONS", "POST"}

func TestResponsesOnARecorder(t *testing.T) {
	for _, row := range rows(t, bearer.Config{}) {
		for _, method := range methods {
			w := serve(row.handler(t), request(method, "/", row.authorization...))
			row.check(t, method, w.Code, w.Header(), w.Body.String())
		}
	}
}

func (r row) check(t *testing.T, method string, code int, header http.Header, body string) {
	t.Helper()
	if code != r.status {
		t.Errorf("%s, %s: got status %d, want %d", r.name, method, code, r.status)
	}
	if diff := cmp.Diff(r.header(), header); diff != "" {
		t.Errorf("%s, %s: headers (-want +got):\n%s", r.name, method, diff)
	}
	want := r.body
	if method == "HEAD" {
		want = ""
	}
	if body != want {
		t.Errorf("%s, %s: got body %s, want %s", r.name, method, body, want)
	}
}

var dateLine = regexp.MustCompile(`Date: [^\r]*\r\n`)

// The bytes of the response, over an in-memory connection.
func TestResponsesOverHTTP1(t *testing.T) {
	for _, row := range rows(t, bearer.Config{}) {
		server := newMemoryServer(row.handler(t))
		for _, method := range methods {
			ask := method + " / HTTP/1.1\r\nHost: api.example\r\nContent-Length: 0\r\n"
			for _, value := range row.authorization {
				ask += "Authorization: " + value + "\r\n"
			}
			want := fmt.Sprintf("HTTP/1.1 %d %s\r\nCache-Control: no-store\r\nContent-Length: %d\r\nContent-Type: application/problem+json\r\n",
				row.status, http.StatusText(row.status), len(row.body))
			if row.retryAfter != "" {
				want += "Retry-After: " + row.retryAfter + "\r\n"
			}
			if row.challenge != "" {
				want += "Www-Authenticate: " + row.challenge + "\r\n"
			}
			want += "X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n"
			if method != "HEAD" {
				want += row.body
			}
			got := dateLine.ReplaceAllString(server.roundTrip(t, ask+"Connection: close\r\n\r\n"), "")
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s, %s (-want +got):\n%s", row.name, method, diff)
			}
		}
		server.close()
	}
}

// A memoryServer is an http.Server whose connections are pipes.
type memoryServer struct {
	server *http.Server
	conns  chan net.Conn
	done   chan struct{}

	mu  sync.Mutex // guards log
	log bytes.Buffer
}

func newMemoryServer(h http.Handler) *memoryServer {
	m := &memoryServer{conns: make(chan net.Conn), done: make(chan struct{})}
	m.server = &http.Server{Handler: h, ErrorLog: log.New(m, "", 0)}
	go m.server.Serve(m) // until close
	return m
}

func (m *memoryServer) Accept() (net.Conn, error) {
	select {
	case conn := <-m.conns:
		return conn, nil
	case <-m.done:
		return nil, net.ErrClosed
	}
}

func (m *memoryServer) Close() error   { return nil }
func (m *memoryServer) Addr() net.Addr { return &net.TCPAddr{} }
func (m *memoryServer) close()         { close(m.done); m.server.Close() }

func (m *memoryServer) Write(line []byte) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.log.Write(line)
}

func (m *memoryServer) logged() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.log.String()
}

// roundTrip sends the bytes and returns all that comes back until the server closes.
func (m *memoryServer) roundTrip(t *testing.T, ask string) string {
	t.Helper()
	client, server := net.Pipe()
	defer client.Close()
	m.conns <- server
	go io.WriteString(client, ask) // ends when the server has read it or has closed
	answer, err := io.ReadAll(client)
	if err != nil {
		t.Error(err)
	}
	return string(answer)
}

func TestResponsesOverHTTP2(t *testing.T) {
	all := rows(t, bearer.Config{})
	mux := http.NewServeMux()
	for i, row := range all {
		mux.Handle(fmt.Sprintf("/%d", i), row.handler(t))
	}
	server := httptest.NewUnstartedServer(mux)
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	for i, row := range all {
		for _, method := range methods {
			r, err := http.NewRequest(method, fmt.Sprintf("%s/%d", server.URL, i), nil)
			if err != nil {
				t.Fatal(err)
			}
			if row.authorization != nil {
				r.Header["Authorization"] = row.authorization
			}
			response, err := server.Client().Do(r)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(response.Body)
			response.Body.Close()
			if err != nil || response.ProtoMajor != 2 {
				t.Fatalf("%s, %s: read over HTTP/%d: %v", row.name, method, response.ProtoMajor, err)
			}
			response.Header.Del("Date")
			row.check(t, method, response.StatusCode, response.Header, string(body))
		}
	}
}

func TestRealmAndResourceInTheChallenge(t *testing.T) {
	for name, test := range map[string]struct {
		config bearer.Config
		realm  string
		suffix string
	}{
		"a realm":        {bearer.Config{Realm: "My API (v1)"}, "My API (v1)", ""},
		"a resource":     {bearer.Config{Resource: &bearer.Resource{ID: "https://h/p"}}, "api", `, resource_metadata="https://h/.well-known/oauth-protected-resource/p"`},
		"both":           {bearer.Config{Realm: "x", Resource: &bearer.Resource{ID: "https://h"}}, "x", `, resource_metadata="https://h/.well-known/oauth-protected-resource"`},
		"default realms": {bearer.Config{Realm: "api"}, "api", ""},
	} {
		t.Run(name, func(t *testing.T) {
			for _, row := range rows(t, test.config) {
				if row.challenge != "" {
					row.challenge = strings.Replace(row.challenge, `realm="api"`, `realm="`+test.realm+`"`, 1) + test.suffix
				}
				w := serve(row.handler(t), request("GET", "/", row.authorization...))
				row.check(t, "GET", w.Code, w.Header(), w.Body.String())
			}
		})
	}
}

// What outer handlers have set for a response that does not come is removed; what
// concerns any response is kept.
func TestHeadersSetBefore(t *testing.T) {
	before := http.Header{
		"Content-Encoding": {"gzip"}, "Content-Range": {"bytes 0-1/2"}, "Etag": {`"a"`}, "Last-Modified": {"x"}, "Expires": {"x"},
		"ETag": {`"b"`}, "content-type": {"text/html"}, "Content-Type": {"text/html"}, "Cache-Control": {"public", "max-age=60"},
		"Content-Length": {"7"}, "X-Content-Type-Options": {"x"},
		"Access-Control-Allow-Origin": {"*"}, "X-Request-Id": {"17"}, "Vary": {"Origin"}, "Www-Authenticate": {`Basic realm="x"`},
		"Retry-After": {"99"},
	}
	for _, row := range rows(t, bearer.Config{}) {
		w := httptest.NewRecorder()
		for name, values := range before {
			w.Header()[name] = slices.Clone(values)
		}
		row.handler(t).ServeHTTP(w, request("GET", "/", row.authorization...))
		want := row.header()
		want["Access-Control-Allow-Origin"], want["X-Request-Id"], want["Vary"] = []string{"*"}, []string{"17"}, []string{"Origin"}
		want["Www-Authenticate"] = append([]string{`Basic realm="x"`}, want["Www-Authenticate"]...)
		if row.retryAfter == "" {
			want["Retry-After"] = []string{"99"} // somebody else's, as any header
		}
		if diff := cmp.Diff(want, w.Header()); diff != "" {
			t.Errorf("%s: headers (-want +got):\n%s", row.name, diff)
		}
	}
}

func TestAcceptIsIgnored(t *testing.T) {
	for _, row := range rows(t, bearer.Config{}) {
		r := request("GET", "/", row.authorization...)
		r.Header.Set("Accept", "text/html")
		w := serve(row.handler(t), r)
		row.check(t, "GET", w.Code, w.Header(), w.Body.String())
	}
}

// An outer handler that has begun the response keeps its status; the handler does not
// run all the same.
func TestResponseThatHasBegun(t *testing.T) {
	h := newGuard(t, bearer.Config{}).Require()(mustNotRun(t))
	server := newMemoryServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(200)
		h.ServeHTTP(w, r)
	}))
	defer server.close()
	answer := server.roundTrip(t, "GET / HTTP/1.1\r\nHost: api.example\r\nConnection: close\r\n\r\n")
	if !strings.HasPrefix(answer, "HTTP/1.1 200 OK\r\n") || !strings.Contains(server.logged(), "superfluous") {
		t.Errorf("got %q and the log %q, want 200 and a word about it in the log", answer, server.logged())
	}
}

func TestRejectIsToldWhatTheClientIs(t *testing.T) {
	var got []bearer.Rejection
	for _, row := range rows(t, bearer.Config{Reject: func(r *http.Request, rejection bearer.Rejection) (string, []byte) {
		got = append(got, rejection)
		return "", nil
	}}) {
		for _, method := range methods {
			got = nil
			w := serve(row.handler(t), request(method, "/", row.authorization...))
			row.check(t, method, w.Code, w.Header(), w.Body.String())
			if len(got) != 1 {
				t.Fatalf("%s: the hook was called %d times, want once", row.name, len(got))
			}
			err := got[0].Err
			got[0].Err = nil
			if diff := cmp.Diff(row.rejection, got[0]); diff != "" {
				t.Errorf("%s: Rejection (-want +got):\n%s", row.name, diff)
			}
			if err == nil {
				t.Errorf("%s: no reason", row.name)
			}
		}
	}
}

// The reasons that the hook is told, each once: texts are behaviour.
func TestReasons(t *testing.T) {
	var reason error
	reject := func(_ *http.Request, rejection bearer.Rejection) (string, []byte) {
		reason = rejection.Err
		return "", nil
	}
	guard := newGuard(t, bearer.Config{Reject: reject})
	silent := newGuard(t, bearer.Config{Reject: reject, Verifier: failing(nil)})
	bound := newGuard(t, bearer.Config{Reject: reject, Bound: func(*http.Request, *jwtverify.Token) error { return errors.New("no certificate") }})
	withCnf := token(t, claims{"cnf": claims{}})
	unreached := mustNotRun(t)
	for _, test := range []struct {
		h             http.Handler
		authorization []string
		want          string
	}{
		{guard.Require()(unreached), nil, "bearer: no credentials of the scheme Bearer"},
		{guard.Require()(unreached), []string{"a", "b"}, "bearer: 2 Authorization header fields, want one"},
		{guard.Require()(unreached), []string{"Bearer"}, "bearer: Authorization header field has no token after Bearer"},
		{guard.Require()(unreached), []string{"Bearer\tabc"}, `bearer: Authorization header field has "\t" after Bearer, want a space and the token`},
		{guard.Require()(unreached), []string{`Bearer "abc"`}, `bearer: token has "\"" at byte 0, want letters, digits and -._~+/, and = only at the end`},
		{guard.Require()(unreached), []string{"Bearer ==="}, `bearer: token has "=" at byte 0, want letters, digits and -._~+/, and = only at the end`},
		{guard.Require()(unreached), []string{"Bearer a=\xff"}, `bearer: token has "\xff" at byte 2, want letters, digits and -._~+/, and = only at the end`},
		{guard.Require()(unreached), []string{"Bearer " + strings.Repeat("a", 20000)}, "bearer: token has 20000 bytes, want at most 16384"},
		{guard.Require()(unreached), []string{"Bearer " + token(t, claims{"aud": "x"})}, `jwtverify: token is invalid: audience is ["x"], want "https://api.example"`},
		{guard.Require()(unreached), []string{"Bearer " + withCnf}, "jwtverify: token is invalid: it has the claim cnf, so it is bound to a key, and Config.Bound is not set to check the proof"},
		{bound.Require()(unreached), []string{"Bearer " + withCnf}, "bearer: Config.Bound refused the proof of a token with the claim cnf: no certificate"},
		{guard.Require("a", "b")(unreached), []string{"Bearer " + token(t, claims{"scope": "a\nc"})}, `bearer: token lacks the scope "a": it has ["a\nc"]`},
		{silent.Require()(unreached), []string{"Bearer abc"}, "bearer: Config.Verifier returned neither a token nor an error"},
		{guard.ForwardAuth(), []string{"Bearer " + token(t, claims{"sub": "a\n"})}, `jwtverify: token is invalid: sub is "a\n", which cannot travel in a header: want printable ASCII without space at the ends`},
		{guard.ForwardAuth(), []string{"Bearer " + token(t, claims{"scp": []string{"a b"}})}, `jwtverify: token is invalid: scope "a b" cannot travel in a header: want printable ASCII without space`},
	} {
		reason = nil
		serve(test.h, request("GET", "/", test.authorization...))
		if reason == nil || reason.Error() != test.want {
			t.Errorf("%.40q: got reason %v, want %s", test.authorization, reason, test.want)
		}
	}
}

func TestRejectReplacesTheBodyAlone(t *testing.T) {
	for name, test := range map[string]struct {
		contentType     string
		body            []byte
		wantContentType string
		wantBody        string
	}{
		"nothing":                          {"", nil, "application/problem+json", `{"title":"Unauthorized","status":401}`},
		"a type without a body":            {"text/html", nil, "application/problem+json", `{"title":"Unauthorized","status":401}`},
		"a type and a body":                {"text/html; charset=utf-8", []byte("<p>no</p>"), "text/html; charset=utf-8", "<p>no</p>"},
		"a body without a type":            {"", []byte(`{"a":1}`), "application/problem+json", `{"a":1}`},
		"an empty body":                    {"text/plain", []byte{}, "text/plain", ""},
		"an empty body without a type":     {"", []byte{}, "application/problem+json", ""},
		"a type that would split a header": {"text/html\r\nX-Evil: 1", []byte("x"), "application/problem+json", "x"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newGuard(t, bearer.Config{Reject: func(*http.Request, bearer.Rejection) (string, []byte) { return test.contentType, test.body }}).Require()(mustNotRun(t))
			want := row{status: 401, challenge: `Bearer realm="api"`, body: test.wantBody}.header()
			want.Set("Content-Type", test.wantContentType)
			for _, method := range methods {
				w := serve(h, request(method, "/"))
				body := test.wantBody
				if method == "HEAD" {
					body = ""
				}
				if w.Code != 401 || w.Body.String() != body {
					t.Errorf("%s: got %d %q, want 401 %q", method, w.Code, w.Body, body)
				}
				if diff := cmp.Diff(want, w.Header()); diff != "" {
					t.Errorf("%s: headers (-want +got):\n%s", method, diff)
				}
			}
		})
	}
}

// The hook's request is a copy for logs: no Authorization, everything else, and what
// the hook does to it changes nothing.
func TestRejectGetsACopyOfTheRequest(t *testing.T) {
	var got *http.Request
	guard := newGuard(t, bearer.Config{Reject: func(r *http.Request, rejection bearer.Rejection) (string, []byte) {
		got = r.Clone(r.Context())
		r.Header.Set("X-Request-Id", "changed")
		r.URL.Path = "/changed"
		for i := range rejection.Scopes {
			rejection.Scopes[i] = "changed"
		}
		return "", nil
	}})
	mux := guard.NewMux()
	mux.Handle("GET /orders/{id}", guard.Require("a")(mustNotRun(t)))
	raw := token(t, claims{"sub": "client-7"})
	for range 2 {
		r := request("GET", "/orders/7?x=y", "Bearer "+raw)
		r.Header["authorization"] = []string{"Bearer " + raw} // as no server writes it
		r.Header.Set("X-Request-Id", "17")
		w := serve(mux, r)
		if challenge := w.Header().Get("WWW-Authenticate"); !strings.HasSuffix(challenge, `scope="a"`) {
			t.Errorf("got challenge %s, want the scope as registered", challenge)
		}
		if diff := cmp.Diff(http.Header{"X-Request-Id": {"17"}}, got.Header); diff != "" {
			t.Errorf("the hook's headers (-want +got):\n%s", diff)
		}
		if got.URL.String() != "/orders/7?x=y" || got.Pattern != "GET /orders/{id}" || got.PathValue("id") != "7" || got.Method != "GET" {
			t.Errorf("the hook got %s %s of %q", got.Method, got.URL, got.Pattern)
		}
		// Who lacks the scope is known, and a log should have it.
		if token, _ := jwtverify.FromContext(got.Context()); token == nil || token.Subject != "client-7" {
			t.Error("the hook does not know whose token lacks the scope")
		}
		if r.Header.Get("Authorization") == "" || r.Header.Get("X-Request-Id") != "17" || r.URL.Path != "/orders/7" {
			t.Errorf("the hook has changed the request: %v %s", r.Header, r.URL)
		}
	}
	serve(mux, request("GET", "/orders/7", "Bearer "+forged(t)))
	if _, ok := jwtverify.FromContext(got.Context()); ok {
		t.Error("the hook got the Token of a token that is not valid")
	}
}

// A hook that panics: the client is refused, and the panic goes on.
func TestRejectThatPanics(t *testing.T) {
	for _, row := range rows(t, bearer.Config{Reject: func(*http.Request, bearer.Rejection) (string, []byte) { panic("boom") }}) {
		for _, method := range methods {
			w := httptest.NewRecorder()
			func() {
				defer func() {
					if got := recover(); got != "boom" {
						t.Errorf("%s: got panic %v, want the hook's", row.name, got)
					}
				}()
				row.handler(t).ServeHTTP(w, request(method, "/", row.authorization...))
			}()
			row.check(t, method, w.Code, w.Header(), w.Body.String())
		}
	}
}

// net/http drops what is buffered when a handler panics, so the response is flushed.
func TestRejectThatPanicsReachesTheClient(t *testing.T) {
	guard := newGuard(t, bearer.Config{Reject: func(*http.Request, bearer.Rejection) (string, []byte) { panic("boom") }})
	server := newMemoryServer(guard.Require()(mustNotRun(t)))
	defer server.close()
	raw := forged(t)
	answer := server.roundTrip(t, "GET / HTTP/1.1\r\nHost: api.example\r\nAuthorization: Bearer "+raw+"\r\n\r\n")
	response, err := http.ReadResponse(bufio.NewReader(strings.NewReader(answer)), nil)
	if err != nil {
		t.Fatalf("%v in %q", err, answer)
	}
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != 401 || string(body) != fmt.Sprintf(body401, "The access token is not valid") {
		t.Errorf("got %d %s (%v)", response.StatusCode, body, err)
	}
	if log := server.logged(); !strings.Contains(log, "boom") || strings.Contains(log, raw) {
		t.Errorf("got the log %s, want the panic in it and no token", log)
	}
}

// A hook that blocks holds up its own request and no other, and nothing runs meanwhile.
func TestRejectThatBlocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release, ran := make(chan struct{}), false
		guard := newGuard(t, bearer.Config{Reject: func(r *http.Request, _ bearer.Rejection) (string, []byte) {
			if r.URL.Path == "/slow" {
				<-release
			}
			return "", nil
		}})
		h := guard.Require()(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { ran = true }))
		slow, answered := httptest.NewRecorder(), false
		go func() {
			h.ServeHTTP(slow, request("GET", "/slow"))
			answered = true
		}()
		synctest.Wait()
		if answered || ran || slow.Body.Len() > 0 {
			t.Errorf("while the hook blocks: answered %t, handler ran %t", answered, ran)
		}
		if w := serve(h, request("GET", "/fast")); w.Code != 401 {
			t.Errorf("got %d for another request, want 401", w.Code)
		}
		close(release)
		synctest.Wait()
		if !answered || ran || slow.Code != 401 {
			t.Errorf("afterwards: answered %t by %d, handler ran %t", answered, slow.Code, ran)
		}
	})
}

// A hook has no ResponseWriter; one that gets hold of it can spoil the response, but
// not let the request through.
func TestRejectThatWrites(t *testing.T) {
	type key struct{}
	guard := newGuard(t, bearer.Config{Reject: func(r *http.Request, _ bearer.Rejection) (string, []byte) {
		w := r.Context().Value(key{}).(http.ResponseWriter)
		w.WriteHeader(200)
		fmt.Fprint(w, "come in")
		return "", nil
	}})
	h := guard.Require()(mustNotRun(t))
	server := newMemoryServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), key{}, w)))
	}))
	defer server.close()
	server.roundTrip(t, "GET / HTTP/1.1\r\nHost: api.example\r\nConnection: close\r\n\r\n")
	if !strings.Contains(server.logged(), "superfluous") {
		t.Errorf("got the log %q, want that the status came too late", server.logged())
	}
}

// No Authorization value in a log, a body, a header or the hook's hands.
func TestNoTokenLeaves(t *testing.T) {
	secret := "c2VjcmV0LXNlY3JldC1zZWNyZXQ" // part of every value that follows
	values := [][]string{
		{"Bearer " + secret}, {"Bearer " + secret + " x"}, {"Bearer\t" + secret}, {"Bearer " + strings.Repeat(secret, 1000)},
		{"Bearer " + secret, "Basic " + secret}, {"Basic " + secret}, {secret}, {"Bearer \"" + secret + "\""}, {"Bearer ==" + secret},
		{"Bearer " + secret + "." + secret + "." + secret}, {"Bearer " + encode(goodHeader) + "." + secret + "." + secret},
		{"Bearer " + encode(goodHeader) + "." + encode(`{}`) + "." + secret},
	}
	good := token(t, nil)
	signature := good[strings.LastIndexByte(good, '.')+1:]
	var seen strings.Builder
	for _, panics := range []bool{false, true} {
		guard := newGuard(t, bearer.Config{Reject: func(r *http.Request, rejection bearer.Rejection) (string, []byte) {
			fmt.Fprintf(&seen, "%+v %+v %v %q\n", r, rejection, rejection.Err, rejection.Err)
			if panics {
				panic(rejection.Err)
			}
			return "", nil
		}})
		mux := guard.NewMux()
		mux.Handle("/", guard.Require("a")(mustNotRun(t)))
		mux.Handle("/forward", guard.ForwardAuth("a"))
		server := newMemoryServer(mux)
		for _, path := range []string{"/", "/forward", "/a/../b"} {
			for _, value := range append(values, []string{"Bearer " + good}) {
				ask := "GET " + path + " HTTP/1.1\r\nHost: h\r\n"
				for _, v := range value {
					ask += "Authorization: " + v + "\r\n"
				}
				seen.WriteString(server.roundTrip(t, ask+"Connection: close\r\n\r\n"))
			}
		}
		server.close()
		seen.WriteString(server.logged())
	}
	for _, part := range []string{secret, signature, good} {
		if i := strings.Index(seen.String(), part); i >= 0 {
			t.Errorf("a token shows: …%s", seen.String()[max(0, i-200):i+len(part)])
		}
	}
	if !strings.Contains(seen.String(), "panic serving") {
		t.Error("the log is not among what was searched")
	}
}
