package bearer_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"example.com/jwtverify/bearer"

	"github.com/google/go-cmp/cmp"
)

func TestMetadata(t *testing.T) {
	guard := newGuard(t, bearer.Config{Resource: &bearer.Resource{
		ID:                   "https://api.example/v1",
		AuthorizationServers: []string{"https://issuer.example", "http://127.0.0.1:8080/realm", "http://localhost", "http://[::1]:1"},
		Scopes:               []string{"orders:read", "orders:write"},
	}})
	const document = `{"resource":"https://api.example/v1",` +
		`"authorization_servers":["https://issuer.example","http://127.0.0.1:8080/realm","http://localhost","http://[::1]:1"],` +
		`"scopes_supported":["orders:read","orders:write"],"bearer_methods_supported":["header"]}`
	for _, method := range []string{"GET", "HEAD"} {
		w := serve(guard.Metadata(), request(method, "/any/path?query"))
		want := document
		if method == "HEAD" {
			want = ""
		}
		if w.Code != 200 || w.Body.String() != want {
			t.Errorf("%s: got %d %s, want %s", method, w.Code, w.Body, want)
		}
		if diff := cmp.Diff(http.Header{
			"Access-Control-Allow-Origin": {"*"},
			"Content-Type":                {"application/json"},
			"Content-Length":              {fmt.Sprint(len(document))},
		}, w.Header()); diff != "" {
			t.Errorf("%s: headers (-want +got):\n%s", method, diff)
		}
	}
	for _, method := range []string{"POST", "DELETE", "get"} {
		w := serve(guard.Metadata(), request(method, "/"))
		if w.Code != 405 || w.Header().Get("Allow") != "GET, HEAD, OPTIONS" {
			t.Errorf("%s: got %d %v, want 405 with Allow", method, w.Code, w.Header())
		}
	}
}

// The preflight of a client in a browser, which sends a header of its own.
func TestMetadataAnswersBrowsers(t *testing.T) {
	guard := newGuard(t, bearer.Config{Resource: &bearer.Resource{ID: "https://api.example"}})
	preflight := func() *http.Request {
		r := request("OPTIONS", "/")
		r.Header.Set("Origin", "https://app.example")
		r.Header.Set("Access-Control-Request-Method", "GET")
		r.Header.Set("Access-Control-Request-Headers", "mcp-protocol-version")
		return r
	}
	w := serve(guard.Metadata(), preflight())
	if w.Code != 204 || w.Body.Len() > 0 {
		t.Errorf("got %d %s, want 204 without a body", w.Code, w.Body)
	}
	if diff := cmp.Diff(http.Header{
		"Allow":                        {"GET, HEAD, OPTIONS"},
		"Access-Control-Allow-Origin":  {"*"},
		"Access-Control-Allow-Methods": {"GET, HEAD, OPTIONS"},
		"Access-Control-Allow-Headers": {"*"},
	}, w.Header()); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}

	// A middleware that lets one site send cookies must not be undone: with those, the
	// star is an error.
	for _, method := range []string{"GET", "OPTIONS"} {
		w := httptest.NewRecorder()
		w.Header().Set("Access-Control-Allow-Origin", "https://app.example")
		r := preflight()
		r.Method = method
		guard.Metadata().ServeHTTP(w, r)
		if got := w.Header()["Access-Control-Allow-Origin"]; !slices.Equal(got, []string{"https://app.example"}) {
			t.Errorf("%s: got Access-Control-Allow-Origin %q, want that of the middleware", method, got)
		}
	}
}

// As the comment of Metadata has it, beside a route for all other paths.
func TestMetadataInAMux(t *testing.T) {
	guard := newGuard(t, bearer.Config{Resource: &bearer.Resource{ID: "https://api.example/v1"}})
	const path = "/.well-known/oauth-protected-resource/v1"
	mux := guard.NewMux()
	mux.Public("GET "+path, guard.Metadata())
	mux.Public("OPTIONS "+path, guard.Metadata())
	mux.Handle("GET /", mustNotRun(t))
	for method, code := range map[string]int{"GET": 200, "HEAD": 200, "OPTIONS": 204, "POST": 401} {
		if w := serve(mux, request(method, path)); w.Code != code {
			t.Errorf("%s: got %d %s, want %d", method, w.Code, w.Body, code)
		}
	}
}

func TestMetadataOfAnAddressAlone(t *testing.T) {
	guard := newGuard(t, bearer.Config{Resource: &bearer.Resource{ID: "https://api.example"}})
	const want = `{"resource":"https://api.example","bearer_methods_supported":["header"]}`
	if got := serve(guard.Metadata(), request("GET", "/")).Body.String(); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestMetadataWithoutResource(t *testing.T) {
	if w := serve(newGuard(t, bearer.Config{}).Metadata(), request("GET", "/")); w.Code != 404 {
		t.Errorf("got %d, want 404", w.Code)
	}
}

func TestMetadataURL(t *testing.T) {
	for id, want := range map[string]string{
		"https://h":             "https://h/.well-known/oauth-protected-resource",
		"https://h/":            "https://h/.well-known/oauth-protected-resource",
		"https://h/p":           "https://h/.well-known/oauth-protected-resource/p",
		"https://h/p/":          "https://h/.well-known/oauth-protected-resource/p/",
		"https://h/p/q":         "https://h/.well-known/oauth-protected-resource/p/q",
		"https://h:8443/p":      "https://h:8443/.well-known/oauth-protected-resource/p",
		"https://[::1]:8443/p":  "https://[::1]:8443/.well-known/oauth-protected-resource/p",
		"https://h/a%20b":       "https://h/.well-known/oauth-protected-resource/a%20b",
		"https://h?x=y":         "https://h/.well-known/oauth-protected-resource?x=y",
		"https://h/?x=y":        "https://h/.well-known/oauth-protected-resource?x=y",
		"https://h/p?x=/y":      "https://h/.well-known/oauth-protected-resource/p?x=/y",
		"https://API.example/P": "https://API.example/.well-known/oauth-protected-resource/P",
	} {
		guard := newGuard(t, bearer.Config{Resource: &bearer.Resource{ID: id}})
		w := serve(guard.Require()(mustNotRun(t)), request("GET", "/"))
		if got := w.Header().Get("WWW-Authenticate"); got != `Bearer realm="api", resource_metadata="`+want+`"` {
			t.Errorf("%s: got %s, want %s", id, got, want)
		}
	}
}

// The way of a client that has nothing but the address of the API: refused, it follows
// the challenge to the document, which speaks of what it asked for.
func TestClientFindsTheIssuer(t *testing.T) {
	const id = "https://api.example/v1"
	guard := newGuard(t, bearer.Config{Resource: &bearer.Resource{ID: id, AuthorizationServers: []string{testIssuer}}})
	mux := guard.NewMux()
	mux.Handle("/v1/", mustNotRun(t))
	mux.Public("GET /.well-known/oauth-protected-resource/v1", guard.Metadata())
	server := httptest.NewServer(mux)
	defer server.Close()

	response, err := http.Get(server.URL + "/v1/orders")
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	_, address, _ := strings.Cut(response.Header.Get("WWW-Authenticate"), `resource_metadata="`)
	u, err := url.Parse(strings.TrimSuffix(address, `"`))
	if err != nil {
		t.Fatal(err)
	}
	response, err = http.Get(server.URL + u.Path) // server stands for api.example
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	document, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"resource":"` + id + `","authorization_servers":["` + testIssuer + `"],"bearer_methods_supported":["header"]}`
	if response.StatusCode != 200 || string(document) != want {
		t.Errorf("got %d %s, want %s", response.StatusCode, document, want)
	}
}
