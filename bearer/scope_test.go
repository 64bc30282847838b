package bearer_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"example.com/jwtverify"
	"example.com/jwtverify/bearer"

	"github.com/google/go-cmp/cmp"
)

// verified is the Token of claims given as members of a JSON object.
func verified(t *testing.T, members string) *jwtverify.Token {
	t.Helper()
	tok, err := newVerifier(t).Verify(t.Context(), signedMembers(t, members))
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// signedMembers is a good token with more members in its claims, as they are spelled.
func signedMembers(t *testing.T, members string) string {
	t.Helper()
	text, err := json.Marshal(goodClaims(nil))
	if err != nil {
		t.Fatal(err)
	}
	if members != "" {
		members = "," + members
	}
	return signText(t, goodHeader, strings.TrimSuffix(string(text), "}")+members+"}")
}

// Through Scopes, Require, HasScope and ForwardAuth alike.
func TestScopeClaim(t *testing.T) {
	for name, test := range map[string]struct {
		claim   string // Config.ScopeClaim
		members string
		want    []string
	}{
		"a string":                          {"", `"scope":"a b"`, []string{"a", "b"}},
		"an array":                          {"", `"scope":["a","b"]`, []string{"a", "b"}},
		"scp, a string":                     {"", `"scp":"a b"`, []string{"a", "b"}},
		"scp, an array":                     {"", `"scp":["a","b"]`, []string{"a", "b"}},
		"scope before scp":                  {"", `"scp":"b","scope":"a"`, []string{"a"}},
		"never a union":                     {"", `"scope":"a","permissions":["b"]`, []string{"a"}},
		"an empty scope hides scp":          {"", `"scope":"","scp":"a"`, nil},
		"scope of null hides scp":           {"", `"scope":null,"scp":"a"`, nil},
		"scope of a wrong type hides scp":   {"", `"scope":7,"scp":"a"`, nil},
		"absent":                            {"", ``, nil},
		"null":                              {"", `"scope":null`, nil},
		"a number":                          {"", `"scope":7`, nil},
		"a number beyond float64":           {"", `"scope":1e999`, nil},
		"true":                              {"", `"scope":true`, nil},
		"an object":                         {"", `"scope":{"a":"a"}`, nil},
		"an empty string":                   {"", `"scope":""`, nil},
		"an empty array":                    {"", `"scope":[]`, nil},
		"an array with a number":            {"", `"scope":["a",1]`, nil},
		"an array with null":                {"", `"scope":["a",null]`, nil},
		"an array with an array":            {"", `"scope":["a",["b"]]`, nil},
		"an array of objects":               {"", `"scope":[{"a":"b"}]`, nil},
		"several spaces":                    {"", `"scope":"  a   b "`, []string{"a", "b"}},
		"tabs are no spaces":                {"", `"scope":"a\tb"`, []string{"a\tb"}},
		"newlines are no spaces":            {"", `"scope":"a\nb"`, []string{"a\nb"}},
		"commas are no spaces":              {"", `"scope":"a,b"`, []string{"a,b"}},
		"an element with a space":           {"", `"scope":["a b"]`, []string{"a b"}},
		"letters in escapes":                {"", `"scope":"\u0061"`, []string{"a"}},
		"the name in escapes":               {"", `"\u0073cope":"a"`, []string{"a"}},
		"the name in another case":          {"", `"Scope":"a","SCOPE":"b"`, nil},
		"another case beside":               {"", `"Scope":"b","scope":"a"`, []string{"a"}},
		"the long s":                        {"", `"ſcope":"a"`, nil},
		"nested":                            {"", `"x":{"scope":"a"}`, nil},
		"a claim of its own":                {"permissions", `"permissions":["a"],"scope":"b"`, []string{"a"}},
		"a claim of its own, a string":      {"permissions", `"permissions":"a b"`, []string{"a", "b"}},
		"a claim of its own, absent":        {"permissions", `"scope":"a","scp":"a"`, nil},
		"a claim of its own, another case":  {"permissions", `"Permissions":["a"]`, nil},
		"a claim whose name is an address":  {"https://api.example/roles", `"https://api.example/roles":["a"]`, []string{"a"}},
		"an address with escaped slashes":   {"https://api.example/roles", `"https:\/\/api.example\/roles":["a"]`, []string{"a"}},
		"a name with colons":                {"urn:example.com:roles", `"urn:example.com:roles":["a"]`, []string{"a"}},
		"the same scope twice stays as is":  {"", `"scope":"a a"`, []string{"a", "a"}},
		"letters beyond ASCII":              {"", `"scope":"ä"`, []string{"ä"}},
		"a longer scope is another one":     {"", `"scope":"a:read"`, []string{"a:read"}},
		"a shorter scope is another one":    {"", `"scope":"A"`, []string{"A"}},
		"the name of the claim in a string": {"", `"x":"\"scope\":\"a\""`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var names []string
			if test.claim != "" {
				names = []string{test.claim}
			}
			got := bearer.Scopes(verified(t, test.members), names...)
			if len(got) != len(test.want) || len(got) > 0 && !cmp.Equal(got, test.want) {
				t.Errorf("Scopes: got %q, want %q", got, test.want)
			}

			guard := newGuard(t, bearer.Config{ScopeClaim: test.claim})
			raw := signedMembers(t, test.members)
			has := make(map[string]bool)
			for _, scope := range test.want {
				has[scope] = true
			}
			for _, scope := range []string{"a", "b", "c"} {
				want := 403
				if has[scope] {
					want = 200
				}
				if w := get(guard.Require(scope)(greet), raw); w.Code != want {
					t.Errorf("Require(%q): got %d, want %d", scope, w.Code, want)
				}
			}
			if w := get(guard.Require("a", "b")(greet), raw); (w.Code == 200) != (has["a"] && has["b"]) {
				t.Errorf("Require of both: got %d", w.Code)
			}
			// HasScope alone, without a Require that has read the scopes before.
			get(guard.Optional(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				for _, scope := range append([]string{"a", "b", "c", "", "A", "a b", "a\tb"}, test.want...) {
					if got := bearer.HasScope(r.Context(), scope); got != has[scope] {
						t.Errorf("HasScope(%q): got %t", scope, got)
					}
				}
			})), raw)
		})
	}
}

// An empty scope in an array is one element, as any other: no Require can ask for it.
func TestEmptyScopeInAnArray(t *testing.T) {
	if diff := cmp.Diff([]string{"", "a"}, bearer.Scopes(verified(t, `"scope":["","a"]`))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestScopesOfSeveralClaims(t *testing.T) {
	tok := verified(t, `"permissions":["a"],"scope":"b"`)
	for name, test := range map[string]struct {
		claims []string
		want   []string
	}{
		"the first that is there": {[]string{"roles", "permissions", "scope"}, []string{"a"}},
		"the order counts":        {[]string{"scope", "permissions"}, []string{"b"}},
		"none of them":            {[]string{"roles"}, nil},
	} {
		if diff := cmp.Diff(test.want, bearer.Scopes(tok, test.claims...)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if got := bearer.Scopes(nil); got != nil {
		t.Errorf("a nil token: got %q", got)
	}
	if got := bearer.Scopes(&jwtverify.Token{}); got != nil {
		t.Errorf("a token that Verify did not return: got %q", got)
	}
}

func TestHasScopeWithoutAGuard(t *testing.T) {
	if bearer.HasScope(context.Background(), "a") {
		t.Error("an empty context has the scope")
	}
	// A token in the context is not enough: no guard has read it.
	ctx := jwtverify.NewContext(t.Context(), verified(t, `"scope":"a"`))
	if bearer.HasScope(ctx, "a") {
		t.Error("a context that no guard has made has the scope")
	}
	// The scopes of the guard's token are not those of one put in its place.
	h := newGuard(t, bearer.Config{}).Require("a")(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !bearer.HasScope(r.Context(), "a") {
			t.Error("the scope is missing")
		}
		if bearer.HasScope(jwtverify.NewContext(r.Context(), verified(t, "")), "a") {
			t.Error("a replaced token has the scopes of the old one")
		}
	}))
	get(h, token(t, claims{"scope": "a"}))
}

// All scopes of the Require are named, as registered, whichever is missing.
func TestChallengeNamesAllScopes(t *testing.T) {
	h := newGuard(t, bearer.Config{}).Require("z", "a", "z", "https://api.example/b")(mustNotRun(t))
	w := get(h, token(t, claims{"scope": "z a"}))
	const want = `Bearer realm="api", error="insufficient_scope", error_description="The access token lacks a required scope", scope="z a z https://api.example/b"`
	if got := w.Header().Get("WWW-Authenticate"); w.Code != 403 || got != want {
		t.Errorf("got %d %s, want %s", w.Code, got, want)
	}
}

// A client that is refused by 401 learns which scopes the route requires, from whatever
// gate of the guard refuses it first.
func TestUnauthorizedNamesTheScopesOfTheRoute(t *testing.T) {
	guard, other := newGuard(t, bearer.Config{}), newGuard(t, bearer.Config{})
	h := mustNotRun(t)
	permits := func(*jwtverify.Token) error { return nil }
	mux := guard.NewMux()
	mux.Handle("/a", guard.Require("a")(h))
	mux.Handle("/other", other.Require("a")(h))
	mux.Handle("/plain", h)
	mux.Handle("/slash/", guard.Require("a")(h))
	admit := func(scopes ...string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { guard.Admit(w, r, scopes...) })
	}
	for name, test := range map[string]struct {
		h     http.Handler
		path  string
		scope string
	}{
		"no scope":                             {guard.Require()(h), "/", ""},
		"an empty list":                        {guard.Require([]string{}...)(h), "/", ""},
		"one":                                  {guard.Require("a")(h), "/", "a"},
		"several, as registered":               {guard.Require("b", "a", "b")(h), "/", "b a b"},
		"those of a gate behind":               {guard.Require()(guard.Require("a")(h)), "/", "a"},
		"each once":                            {guard.Require("a")(guard.Require("b", "a", "b")(h)), "/", "a b"},
		"three gates":                          {guard.Require("c")(guard.Require("b")(guard.Require("a")(h))), "/", "c b a"},
		"behind RequireFunc":                   {guard.RequireFunc(permits)(guard.Require("a")(h)), "/", "a"},
		"before RequireFunc":                   {guard.Require("a")(guard.RequireFunc(permits)(h)), "/", "a"},
		"another guard's are its own":          {guard.Require("b")(other.Require("a")(h)), "/", "b"},
		"Admit":                                {admit("a", "b"), "/", "a b"},
		"Admit without scopes":                 {admit(), "/", ""},
		"ForwardAuth":                          {guard.ForwardAuth("a"), "/", "a"},
		"a Mux: the route's":                   {mux, "/a", "a"},
		"a Mux: another guard's are its own":   {mux, "/other", ""},
		"a Mux: a route without":               {mux, "/plain", ""},
		"a Mux: no route":                      {mux, "/nowhere", ""},
		"a Mux: a redirect needs any token":    {mux, "/slash", ""},
		"a Mux around: those of what it wraps": {guard.Require("b")(mux), "/a", "b"},
	} {
		for _, authorization := range [][]string{nil, {"Bearer " + forged(t)}} {
			w := serve(test.h, request("GET", test.path, authorization...))
			_, got, _ := strings.Cut(w.Header().Get("WWW-Authenticate"), `, scope="`)
			if w.Code != 401 || strings.TrimSuffix(got, `"`) != test.scope {
				t.Errorf("%s: got %d %v, want the scope %q", name, w.Code, w.Header()["Www-Authenticate"], test.scope)
			}
		}
	}
	// What cannot travel in a header is refused late.
	w := get(guard.ForwardAuth("a"), token(t, claims{"scope": "a", "sub": "a\n"}))
	if got := w.Header().Get("WWW-Authenticate"); w.Code != 401 || !strings.HasSuffix(got, `, scope="a"`) {
		t.Errorf("got %d %s, want the scope named", w.Code, got)
	}
}

// RFC 6749, section 3.3: %x21 / %x23-5B / %x5D-7E.
func TestScopeOfEveryCharacter(t *testing.T) {
	scope := ""
	for c := '!'; c <= '~'; c++ {
		if c != '"' && c != '\\' {
			scope += string(c)
		}
	}
	guard := newGuard(t, bearer.Config{})
	w := get(guard.Require(scope)(greet), token(t, map[string]any{"scope": scope}))
	if w.Code != http.StatusOK {
		t.Errorf("got status %d, want 200", w.Code)
	}
}
