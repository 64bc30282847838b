package main

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"example.com/jwtverify"
	"example.com/jwtverify/issuertest"
)

const site = "https://app.example.com"

func newIssuer(t *testing.T) *issuertest.Issuer {
	t.Helper()
	return issuertest.New(t, issuertest.WithClaims(issuertest.Claims{"scope": "echo"}))
}

// A stage is a server in memory. It counts the messages that its handler has answered.
type stage struct {
	issuer   *issuertest.Issuer
	client   *http.Client
	answered atomic.Int64
}

func newStage(t *testing.T, iss *issuertest.Issuer) *stage {
	t.Helper()
	s := &stage{issuer: iss}
	api, err := newAPI(iss.Config(), func(token *jwtverify.Token, message []byte) []byte {
		s.answered.Add(1)
		return append([]byte(token.Subject+": "), message...)
	})
	if err != nil {
		t.Fatal(err)
	}
	listener := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
	server := &http.Server{Handler: api}
	go server.Serve(listener)
	t.Cleanup(func() { server.Close() })
	s.client = &http.Client{Transport: &http.Transport{DialContext: listener.dial}}
	t.Cleanup(s.client.CloseIdleConnections)
	return s
}

// pipes are connections in memory, on which fake time goes on.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case p.conns <- server:
		return client, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.conns:
		return conn, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { close(p.closed); return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Net: "pipe"} }

func (s *stage) dial(t *testing.T, header http.Header) (*websocket.Conn, *http.Response, error) {
	t.Helper()
	conn, response, err := websocket.Dial(t.Context(), "ws://api.example.com/echo", &websocket.DialOptions{HTTPClient: s.client, HTTPHeader: header})
	if err == nil {
		t.Cleanup(func() { conn.CloseNow() })
	}
	return conn, response, err
}

func say(t *testing.T, conn *websocket.Conn, message string) (string, error) {
	t.Helper()
	if err := conn.Write(t.Context(), websocket.MessageText, []byte(message)); err != nil {
		return "", err
	}
	_, answer, err := conn.Read(t.Context())
	return string(answer), err
}

func TestConnections(t *testing.T) {
	iss := newIssuer(t)
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, iss)
		good, other := iss.Token(), iss.Token(issuertest.Claims{"sub": "other"})
		expired := iss.Token(issuertest.Claims{"exp": iss.Now().Add(-time.Hour).Unix()})
		for _, test := range []struct {
			name   string
			header http.Header
			status int
			answer string
		}{
			{"a program, its token in Authorization", http.Header{"Authorization": {"Bearer " + good}}, 101, "m2m: hello"},
			{"a script, its token as a subprotocol", http.Header{"Origin": {site}, protocols: {"echo.v1, bearer." + good}}, 101, "m2m: hello"},
			{"a script, its token as a subprotocol in a header of its own", http.Header{"Origin": {site}, protocols: {"bearer." + good, "echo.v1"}}, 101, "m2m: hello"},
			{"a script, its token in the cookie", http.Header{"Origin": {site}, protocols: {"echo.v1"}, "Cookie": {"a=b; __Host-token=" + good}}, 101, "m2m: hello"},
			{"a script that names another token than the cookie", http.Header{"Origin": {site}, protocols: {"echo.v1, bearer." + other}, "Cookie": {"__Host-token=" + good}}, 101, "other: hello"},

			{"no token", http.Header{}, 401, ""},
			{"a script without a token", http.Header{"Origin": {site}, protocols: {"echo.v1"}}, 401, ""},
			{"an expired token as a subprotocol", http.Header{"Origin": {site}, protocols: {"echo.v1, bearer." + expired}}, 401, ""},
			{"an expired token in the cookie", http.Header{"Origin": {site}, "Cookie": {"__Host-token=" + expired}}, 401, ""},
			{"a token without the scope", http.Header{"Origin": {site}, protocols: {"bearer." + iss.Token(issuertest.Claims{"scope": "other"})}}, 403, ""},
			{"a cookie of another name", http.Header{"Origin": {site}, "Cookie": {"token=" + good}}, 401, ""},
			{"two tokens as subprotocols", http.Header{"Origin": {site}, protocols: {"bearer." + good + ", bearer." + good}}, 400, ""},
			{"two cookies", http.Header{"Origin": {site}, "Cookie": {"__Host-token=" + good + "; __Host-token=" + other}}, 400, ""},
			{"a token in Authorization and another in the cookie", http.Header{"Origin": {site}, "Authorization": {"Bearer " + good}, "Cookie": {"__Host-token=" + other}}, 400, ""},

			// Another site's script, in the browser of a user who has the cookie.
			{"another site, with the cookie", http.Header{"Origin": {"https://evil.example"}, "Cookie": {"__Host-token=" + good}}, 403, ""},
			{"another site, with a token of its own", http.Header{"Origin": {"https://evil.example"}, protocols: {"echo.v1, bearer." + good}}, 403, ""},
			{"the site by http", http.Header{"Origin": {"http://app.example.com"}, "Cookie": {"__Host-token=" + good}}, 403, ""},
			{"a subdomain of the site", http.Header{"Origin": {"https://x.app.example.com"}, "Cookie": {"__Host-token=" + good}}, 403, ""},
			{"a page without an origin", http.Header{"Origin": {"null"}, "Cookie": {"__Host-token=" + good}}, 403, ""},
			{"two origins", http.Header{"Origin": {site, "https://evil.example"}, "Cookie": {"__Host-token=" + good}}, 403, ""},
			{"no Origin, but the cookie", http.Header{"Cookie": {"__Host-token=" + good}}, 401, ""},
			{"no Origin, but a subprotocol", http.Header{protocols: {"echo.v1, bearer." + good}}, 401, ""},
		} {
			before := s.answered.Load()
			conn, response, err := s.dial(t, test.header)
			if response == nil {
				t.Fatalf("%s: %v", test.name, err)
			}
			if response.StatusCode != test.status {
				t.Errorf("%s: got %d, want %d", test.name, response.StatusCode, test.status)
			}
			for name, values := range response.Header {
				if strings.Contains(strings.Join(values, ","), good[:40]) {
					t.Errorf("%s: the header %s sends the token back", test.name, name)
				}
			}
			want := int64(0)
			if err == nil {
				want = 1
				if got, err := say(t, conn, "hello"); got != test.answer || err != nil {
					t.Errorf("%s: got %q (%v), want %q", test.name, got, err, test.answer)
				}
				conn.CloseNow()
			}
			if got := s.answered.Load() - before; got != want {
				t.Errorf("%s: %d messages were answered, want %d", test.name, got, want)
			}
		}
	})
}

// The handler never runs for a bad token, wherever that is: it is counted.
func TestBadTokens(t *testing.T) {
	iss := newIssuer(t)
	ran := 0
	guarded, err := newAPI(iss.Config(), nil)
	if err != nil {
		t.Fatal(err)
	}
	// The answer of Accept to what is no handshake tells that the handler has run.
	send := func(header http.Header) int {
		r := httptest.NewRequest("GET", "/echo", nil)
		r.Header = header
		w := httptest.NewRecorder()
		guarded.ServeHTTP(w, r)
		if w.Code == http.StatusUpgradeRequired {
			ran++
		}
		return w.Code
	}
	places := map[string]func(token string) http.Header{
		"Authorization": func(token string) http.Header { return http.Header{"Authorization": {"Bearer " + token}} },
		"a subprotocol": func(token string) http.Header {
			return http.Header{"Origin": {site}, protocols: {"echo.v1, bearer." + token}}
		},
		"a cookie": func(token string) http.Header {
			return http.Header{"Origin": {site}, "Cookie": {cookieName + "=" + token}}
		},
	}
	for place, header := range places {
		for _, bad := range iss.BadTokens() {
			if got := send(header(bad.Token)); got != 400 && got != 401 {
				t.Errorf("%s in %s: got %d, want 400 or 401", bad.Name, place, got)
			}
		}
		if ran != 0 {
			t.Errorf("with bad tokens in %s the handler ran %d times", place, ran)
		}
		send(header(iss.Token()))
		if ran != 1 {
			t.Errorf("with a good token in %s the handler ran %d times, want once", place, ran)
		}
		ran = 0
	}
}

func TestSuite(t *testing.T) {
	iss := newIssuer(t)
	synctest.Test(t, func(t *testing.T) {
		api, err := newAPI(iss.Config(), echo)
		if err != nil {
			t.Fatal(err)
		}
		iss.Suite(t, api, "GET /echo")
	})
}

// A token must not stand where a log of headers, or a hook, would find it.
func TestTokensAreTaken(t *testing.T) {
	for _, test := range []struct{ name, protocols, cookies, wantProtocols, wantCookies string }{
		{"among others", "a, bearer.secret, b", "c=d; e=f", "a, b", "c=d; e=f"},
		{"alone", "bearer.secret", "", "", ""},
		{"a cookie among others", "", "c=d; __Host-token=secret; e=f", "", "c=d; e=f"},
		{"a cookie alone", "", "__Host-token=secret", "", ""},
	} {
		var got http.Header
		handler := fromBrowser([]string{site}, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.Header }))
		r := httptest.NewRequest("GET", "/echo", nil)
		r.Header = http.Header{"Origin": {site}, protocols: {test.protocols}, "Cookie": {test.cookies}}
		handler.ServeHTTP(httptest.NewRecorder(), r)
		if got.Get(protocols) != test.wantProtocols || got.Get("Cookie") != test.wantCookies || got.Get("Authorization") != "Bearer secret" {
			t.Errorf("%s: got %q, want the token in Authorization alone", test.name, got)
		}
	}
}

// The connection ends when the token expires, and says so.
func TestConnectionEndsWithItsToken(t *testing.T) {
	iss := newIssuer(t)
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, iss)
		expiry := time.Now().Add(10 * time.Minute)
		conn, _, err := s.dial(t, http.Header{"Authorization": {"Bearer " + iss.Token(issuertest.Claims{"exp": expiry.Unix()})}})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(9 * time.Minute) // of the bubble
		if got, err := say(t, conn, "hello"); got != "m2m: hello" || err != nil {
			t.Fatalf("a minute before: got %q (%v)", got, err)
		}
		_, _, err = conn.Read(t.Context())
		if late := time.Since(expiry); websocket.CloseStatus(err) != statusExpired || late < 0 || late > time.Second {
			t.Errorf("got %v, %v after the token's expiry, want status %d at it", err, late, statusExpired)
		}
	})
}

// A client that does not listen gets no answer either, and is cut off.
func TestNoAnswerAfterTheToken(t *testing.T) {
	iss := newIssuer(t)
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, iss)
		expiry := time.Now().Add(10 * time.Minute)
		conn, _, err := s.dial(t, http.Header{"Authorization": {"Bearer " + iss.Token(issuertest.Claims{"exp": expiry.Unix()})}})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Until(expiry) + time.Second) // of the bubble
		if err := conn.Write(t.Context(), websocket.MessageText, []byte("late")); err != nil {
			t.Fatal(err) // the server still reads, to hear that the client has heard
		}
		synctest.Wait()
		if got := s.answered.Load(); got != 0 {
			t.Errorf("%d messages were answered after the token's expiry", got)
		}
		time.Sleep(10 * time.Second) // of the bubble
		if err := conn.Write(t.Context(), websocket.MessageText, []byte("later")); err == nil {
			t.Error("the connection is still open")
		}
	})
}
