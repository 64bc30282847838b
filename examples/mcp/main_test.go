package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/modelcontextprotocol/go-sdk/oauthex"
	"golang.org/x/oauth2"

	"example.com/jwtverify"
	"example.com/jwtverify/issuertest"
)

const path = "/mcp"

// A stage is an MCP server on loopback and the issuer that it trusts.
type stage struct {
	issuer *issuertest.Issuer
	server *httptest.Server
	url    string // of the MCP endpoint, which is also the audience
}

func newStage(t *testing.T) *stage {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	t.Cleanup(server.Close)
	url := "https://" + server.Listener.Addr().String() + path
	iss := issuertest.New(t, issuertest.WithAudience(url), issuertest.WithClaims(issuertest.Claims{"scope": scope}))
	server.Config.Handler = counted(t, iss, iss.Config())
	server.StartTLS()
	return &stage{iss, server, url}
}

// counted is the API, but for the handler behind its guard, which tells Suite that it ran.
func counted(t *testing.T, iss *issuertest.Issuer, config jwtverify.Config) http.Handler {
	t.Helper()
	server := newServer()
	api, err := newAPI(config, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		iss.Ran()
		server.ServeHTTP(w, r)
	}))
	if err != nil {
		t.Fatal(err)
	}
	return api
}

// A client sends whatever token it has at the moment, and remembers what the server
// answered last. It is the OAuthHandler of the SDK's client.
type client struct {
	mu     sync.Mutex // guards both
	token  string
	answer *http.Response
}

func (c *client) TokenSource(context.Context) (oauth2.TokenSource, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.token == "" {
		return nil, nil
	}
	return oauth2.StaticTokenSource(&oauth2.Token{AccessToken: c.token}), nil
}

// Authorize would ask for another token here.
func (c *client) Authorize(_ context.Context, _ *http.Request, response *http.Response) error {
	response.Body.Close()
	return fmt.Errorf("the server answers %s", response.Status)
}

func (c *client) use(token string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.token = token
}

func (c *client) last() *http.Response {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.answer
}

func (c *client) over(transport http.RoundTripper) *http.Client {
	return &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
		response, err := transport.RoundTrip(r)
		c.mu.Lock()
		defer c.mu.Unlock()
		c.answer = response
		return response, err
	})}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// connect begins a session, by the SDK's own client.
func (s *stage) connect(t *testing.T, c *client) (*mcp.ClientSession, error) {
	t.Helper()
	session, err := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1.0.0"}, nil).Connect(t.Context(), &mcp.StreamableClientTransport{
		Endpoint:     s.url,
		HTTPClient:   c.over(s.server.Client().Transport),
		OAuthHandler: c,
		MaxRetries:   -1,
	}, nil)
	if err == nil {
		t.Cleanup(func() { session.Close() })
	}
	return session, err
}

// ask calls the tool.
func ask(t *testing.T, session *mcp.ClientSession) (string, error) {
	t.Helper()
	result, err := session.CallTool(t.Context(), &mcp.CallToolParams{Name: "whoami"})
	if err != nil {
		return "", err
	}
	return result.Content[0].(*mcp.TextContent).Text, nil
}

func TestGoodToken(t *testing.T) {
	s := newStage(t)
	c := &client{token: s.issuer.Token(issuertest.Claims{"sub": "ann"})}
	session, err := s.connect(t, c)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := ask(t, session); got != "ann with mcp:tools" || err != nil {
		t.Errorf("got %q (%v), want ann", got, err)
	}
	// The tool sees the token of the call, not that of the session.
	c.use(s.issuer.Token(issuertest.Claims{"sub": "ann", "scope": "mcp:tools more"}))
	if got, err := ask(t, session); got != "ann with mcp:tools more" || err != nil {
		t.Errorf("with another token of the same user: got %q (%v), want the scopes of that", got, err)
	}
}

func TestRefusals(t *testing.T) {
	s := newStage(t)
	metadata := strings.TrimSuffix(s.url, path) + "/.well-known/oauth-protected-resource" + path
	for _, test := range []struct {
		name, token string
		status      int
		error       string // the error code in the challenge
	}{
		{"no token", "", 401, ""},
		{"a token for another resource", s.issuer.Token(issuertest.Claims{"aud": strings.TrimSuffix(s.url, path) + "/other"}), 401, "invalid_token"},
		{"an expired token", s.issuer.Token(issuertest.Claims{"exp": s.issuer.Now().Add(-time.Hour).Unix()}), 401, "invalid_token"},
		{"a token of nobody", s.issuer.Token(issuertest.Claims{"sub": nil}), 401, "invalid_token"},
		{"a token without the scope", s.issuer.Token(issuertest.Claims{"scope": "other"}), 403, "insufficient_scope"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := &client{token: test.token}
			if _, err := s.connect(t, c); err == nil {
				t.Fatal("the client has connected")
			}
			response := c.last()
			if response.StatusCode != test.status {
				t.Errorf("got %d, want %d", response.StatusCode, test.status)
			}
			challenges, err := oauthex.ParseWWWAuthenticate(response.Header.Values("WWW-Authenticate"))
			if err != nil || len(challenges) != 1 {
				t.Fatalf("got challenges %v (%v), want one", challenges, err)
			}
			got := challenges[0].Params
			if got["error"] != test.error || got["resource_metadata"] != metadata {
				t.Errorf("got %v, want error %q and metadata at %s", got, test.error, metadata)
			}
			// The scopes tell the client what to ask for, with no token or too little of one.
			if got["scope"] != scope {
				t.Errorf("got scope %q, want %q", got["scope"], scope)
			}
		})
	}
}

// The client finds the authorization server by what the challenge names, and checks
// that the document is about the address that it wanted (RFC 9728, section 3.3).
func TestMetadata(t *testing.T) {
	s := newStage(t)
	c := &client{}
	s.connect(t, c) // refused, with the challenge
	challenges, err := oauthex.ParseWWWAuthenticate(c.last().Header.Values("WWW-Authenticate"))
	if err != nil || len(challenges) != 1 {
		t.Fatalf("got challenges %v (%v), want one", challenges, err)
	}
	got, err := oauthex.GetProtectedResourceMetadata(t.Context(), challenges[0].Params["resource_metadata"], s.url, s.server.Client())
	if err != nil {
		t.Fatal(err)
	}
	if len(got.AuthorizationServers) != 1 || got.AuthorizationServers[0] != s.issuer.URL() {
		t.Errorf("got authorization servers %v, want %s", got.AuthorizationServers, s.issuer.URL())
	}
}

// An outage of the issuer is no reason to throw a token away, nor a fault of the server.
func TestOutage(t *testing.T) {
	s := newStage(t)
	s.issuer.Fault(issuertest.Fault{Name: "status-503", RetryAfter: 7 * time.Second})
	c := &client{token: s.issuer.Token()}
	if _, err := s.connect(t, c); err == nil {
		t.Fatal("the client has connected")
	}
	if got := c.last(); got.StatusCode != 503 || got.Header.Get("Retry-After") == "" {
		t.Errorf("got %d with Retry-After %q, want 503 with one", got.StatusCode, got.Header.Get("Retry-After"))
	}
}

// Who has the session id of another user has nothing.
func TestSessionOfAnotherUser(t *testing.T) {
	s := newStage(t)
	ann, bob := s.issuer.Token(issuertest.Claims{"sub": "ann"}), s.issuer.Token(issuertest.Claims{"sub": "bob"})
	c := &client{token: ann}
	session, err := s.connect(t, c)
	if err != nil {
		t.Fatal(err)
	}
	if session.ID() == "" {
		t.Fatal("the session has no id")
	}
	for _, method := range []string{"GET", "POST", "DELETE"} {
		body := io.Reader(nil)
		if method == "POST" {
			body = strings.NewReader(`{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"whoami"}}`)
		}
		request, err := http.NewRequestWithContext(t.Context(), method, s.url, body)
		if err != nil {
			t.Fatal(err)
		}
		request.Header = http.Header{
			"Authorization":        {"Bearer " + bob},
			"Mcp-Session-Id":       {session.ID()},
			"Mcp-Protocol-Version": {session.InitializeResult().ProtocolVersion},
			"Content-Type":         {"application/json"},
			"Accept":               {"application/json, text/event-stream"},
		}
		response, err := s.server.Client().Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != 403 {
			t.Errorf("%s in ann's session by bob: got %d, want 403", method, response.StatusCode)
		}
	}
	c.use(bob)
	if got, err := ask(t, session); err == nil {
		t.Errorf("bob's token in ann's session: got %q", got)
	}
}

// The endpoint does what RFC 6750 asks of any API, and nothing behind the guard runs
// for a bad token: Suite counts.
func TestSuite(t *testing.T) {
	iss := issuertest.New(t, issuertest.WithAudience("https://mcp.test/mcp"), issuertest.WithClaims(issuertest.Claims{"scope": scope}))
	synctest.Test(t, func(t *testing.T) {
		iss.Suite(t, counted(t, iss, iss.Config()), "POST "+path, "GET "+path)
	})
}

// A stream of events that was opened with a token ends with it.
func TestStreamEndsWithItsToken(t *testing.T) {
	iss := issuertest.New(t, issuertest.WithAudience("https://mcp.test/mcp"), issuertest.WithClaims(issuertest.Claims{"scope": scope}))
	synctest.Test(t, func(t *testing.T) {
		api := counted(t, iss, iss.Config())
		expiry := time.Now().Add(10 * time.Minute)
		token := iss.Token(issuertest.Claims{"exp": expiry.Unix()})
		send := func(method, session, body string) *httptest.ResponseRecorder {
			request := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
			request.Header = http.Header{
				"Authorization": {"Bearer " + token},
				"Content-Type":  {"application/json"},
				"Accept":        {"application/json, text/event-stream"},
			}
			if session != "" {
				request.Header.Set("Mcp-Session-Id", session)
			}
			w := httptest.NewRecorder()
			api.ServeHTTP(w, request)
			return w
		}
		began := send("POST", "", `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"test","version":"1"}}}`)
		session := began.Header().Get("Mcp-Session-Id")
		if began.Code != 200 || session == "" {
			t.Fatalf("got %d %s, want a session", began.Code, began.Body)
		}
		send("POST", session, `{"jsonrpc":"2.0","method":"notifications/initialized"}`)
		send("GET", session, "") // returns at the end of the stream
		if late := time.Since(expiry); late < 0 || late > leeway {
			t.Errorf("the stream ended %v after the token, want within %v", late, leeway)
		}
		if w := send("GET", session, ""); w.Code != 401 {
			t.Errorf("the next stream: got %d, want 401", w.Code)
		}
		token = iss.Token()
		if w := send("DELETE", session, ""); w.Code != 204 {
			t.Errorf("the end of the session, by a new token: got %d, want 204", w.Code)
		}
	})
}
