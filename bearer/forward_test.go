package bearer_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"example.com/jwtverify/bearer"

	"github.com/google/go-cmp/cmp"
)

func TestForwardAuth(t *testing.T) {
	guard := newGuard(t, bearer.Config{})
	for name, test := range map[string]struct {
		claims         claims
		subject, scope string
	}{
		"everything":          {claims{"scope": "orders:read orders:write"}, "client-1", "orders:read orders:write"},
		"an array of scopes":  {claims{"scp": []string{"a", "b"}}, "client-1", "a b"},
		"several spaces":      {claims{"scope": " a  b "}, "client-1", "a b"},
		"no scopes":           {nil, "client-1", ""},
		"no subject":          {claims{"sub": nil}, "", ""},
		"spaces in a subject": {claims{"sub": `Jane "J" Doe, \`}, `Jane "J" Doe, \`, ""},
	} {
		for _, method := range []string{"GET", "HEAD", "OPTIONS", "POST", "DELETE", "CONNECT", "BREW"} {
			w := httptest.NewRecorder()
			w.Header().Set("X-Auth-Subject", "somebody else")
			w.Header().Set("Cache-Control", "public")
			guard.ForwardAuth().ServeHTTP(w, request(method, "/", "Bearer "+token(t, test.claims)))
			want := http.Header{
				"Cache-Control":  {"no-store"},
				"X-Auth-Subject": {test.subject},
				"X-Auth-Issuer":  {testIssuer},
				"X-Auth-Scope":   {test.scope},
			}
			if w.Code != 200 || w.Body.Len() != 0 {
				t.Errorf("%s, %s: got %d %s, want 200 without a body", name, method, w.Code, w.Body)
			}
			if diff := cmp.Diff(want, w.Header()); diff != "" {
				t.Errorf("%s, %s: headers (-want +got):\n%s", name, method, diff)
			}
		}
	}
}

// The bytes, from a server as the documentation has it: the answer depends on
// Authorization alone, whatever the proxy passes on of the client's request.
func TestForwardAuthOverHTTP1(t *testing.T) {
	server := newMemoryServer(newGuard(t, bearer.Config{}).ForwardAuth("a"))
	server.server.DisableGeneralOptionsHandler = true
	defer server.close()
	good := "Authorization: Bearer " + token(t, claims{"scope": "a"}) + "\r\n"
	const accepted = "HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nX-Auth-Issuer: https://issuer.example\r\nX-Auth-Scope: a\r\nX-Auth-Subject: client-1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
	const refused = "HTTP/1.1 401 Unauthorized\r\nCache-Control: no-store\r\nContent-Length: 37\r\nContent-Type: application/problem+json\r\nWww-Authenticate: Bearer realm=\"api\", scope=\"a\"\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n{\"title\":\"Unauthorized\",\"status\":401}"
	for _, line := range []string{
		"GET / HTTP/1.1\r\n",
		"GET /orders//7/../%2e%2e/public HTTP/1.1\r\n",
		"GET //evil.example/?access_token=x HTTP/1.1\r\n",
		"DELETE http://other.example/ HTTP/1.1\r\n",
		"OPTIONS * HTTP/1.1\r\n",
		"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 5\r\n", // the body never comes
		"GET / HTTP/1.1\r\nX-Forwarded-Method: OPTIONS\r\nX-Forwarded-Uri: /public\r\nX-Original-URL: /public\r\nX-Original-Method: OPTIONS\r\nX-Auth-Subject: root\r\n",
		"GET / HTTP/1.1\r\nX-Forwarded-Authorization: Bearer x\r\nCookie: access_token=x\r\n",
	} {
		for authorization, want := range map[string]string{good: accepted, "": refused} {
			got := dateLine.ReplaceAllString(server.roundTrip(t, line+"Host: h\r\n"+authorization+"Connection: close\r\n\r\n"), "")
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%q with %.20q (-want +got):\n%s", line, authorization, diff)
			}
		}
	}
}

// Refusals are those of Require.
func TestForwardAuthRefusals(t *testing.T) {
	for _, row := range rows(t, bearer.Config{}) {
		for _, method := range methods {
			w := serve(row.guard.ForwardAuth(row.scopes...), request(method, "/", row.authorization...))
			row.check(t, method, w.Code, w.Header(), w.Body.String())
		}
	}
}

// What cannot travel in a header unchanged could be read as something else behind the
// proxy.
func TestForwardAuthRefusesWhatCannotTravel(t *testing.T) {
	guard := newGuard(t, bearer.Config{})
	for name, changes := range map[string]claims{
		"a newline in sub":            {"sub": "a\r\nX-Auth-Scope: admin"},
		"a tab in sub":                {"sub": "a\tb"},
		"NUL in sub":                  {"sub": "a\x00"},
		"DEL in sub":                  {"sub": "a\x7f"},
		"a letter beyond ASCII":       {"sub": "Jürgen"},
		"a space first":               {"sub": " a"},
		"a space last":                {"sub": "a "},
		"a space alone":               {"sub": " "},
		"a newline in a scope":        {"scope": "a\nb"},
		"a tab in a scope":            {"scope": "a\tb"},
		"a scope beyond ASCII":        {"scope": "ä"},
		"a scope with a space":        {"scope": []string{"a", "b c"}},
		"an empty scope":              {"scope": []string{"a", ""}},
		"a space as scope":            {"scope": []string{" "}},
		"a scope of which one is bad": {"scope": []string{"a", "b", "c\n"}},
	} {
		w := get(guard.ForwardAuth(), token(t, changes))
		const want = `Bearer realm="api", error="invalid_token", error_description="The access token is not valid"`
		if w.Code != 401 || w.Header().Get("WWW-Authenticate") != want || w.Body.String() != fmt.Sprintf(body401, "The access token is not valid") {
			t.Errorf("%s: got %d %v %s, want row 7", name, w.Code, w.Header(), w.Body)
		}
		for header := range w.Header() {
			if strings.HasPrefix(header, "X-Auth-") {
				t.Errorf("%s: the refusal has %s", name, header)
			}
		}
		// Without ForwardAuth it is as good as any.
		if w := get(guard.Require()(greet), token(t, changes)); w.Code != 200 {
			t.Errorf("%s: Require refuses it by %d", name, w.Code)
		}
	}
}

// The body of the question is the client's, and not read.
func TestForwardAuthReadsNoBody(t *testing.T) {
	r := request("POST", "/", "Bearer "+token(t, nil))
	r.Body = unreadable{t}
	if w := serve(newGuard(t, bearer.Config{}).ForwardAuth(), r); w.Code != 200 {
		t.Errorf("got %d", w.Code)
	}
}

type unreadable struct{ t *testing.T }

func (u unreadable) Close() error { return nil }
func (u unreadable) Read([]byte) (int, error) {
	u.t.Error("the body was read")
	return 0, errors.New("read")
}
