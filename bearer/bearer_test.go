package bearer_test

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/jwtverify"
	"example.com/jwtverify/bearer"
	"example.com/jwtverify/internal/issuer"

	"github.com/google/go-cmp/cmp"
)

// What the tokens of these tests say unless a test changes it.
const (
	testIssuer   = "https://issuer.example"
	testAudience = "https://api.example"
	testNow      = 1_750_000_000
)

// testKey is the key that all tests share. TestMain says of which factors.
func testKey(tb testing.TB) *rsa.PrivateKey {
	tb.Helper()
	key, err := sharedKey()
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

var sharedKey = sync.OnceValues(issuer.GenerateKey)

func testSet(tb testing.TB) *jwtverify.KeySet {
	tb.Helper()
	key, err := jwtverify.NewKey(&testKey(tb).PublicKey, "key-0")
	if err != nil {
		tb.Fatal(err)
	}
	set, err := jwtverify.NewKeySet(key)
	if err != nil {
		tb.Fatal(err)
	}
	return set
}

type claims map[string]any

// goodClaims are those of a token that is accepted, with changes; nil takes one away.
func goodClaims(changes claims) claims {
	all := claims{
		"iss": testIssuer, "aud": testAudience, "sub": "client-1", "jti": "token-1",
		"iat": testNow - 60, "nbf": testNow - 60, "exp": testNow + 3600,
	}
	maps.Copy(all, changes)
	maps.DeleteFunc(all, func(_ string, value any) bool { return value == nil })
	return all
}

func encode(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

// signedTexts holds what signText has returned: the same text has the same signature, which
// takes a millisecond.
var signedTexts sync.Map

// signText signs a header and claims given as text.
func signText(tb testing.TB, header, text string) string {
	tb.Helper()
	signed := encode(header) + "." + encode(text)
	if token, ok := signedTexts.Load(signed); ok {
		return token.(string)
	}
	digest := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(nil, testKey(tb), crypto.SHA256, digest[:])
	if err != nil {
		tb.Fatal(err)
	}
	token := signed + "." + base64.RawURLEncoding.EncodeToString(signature)
	signedTexts.Store(signed, token)
	return token
}

const goodHeader = `{"alg":"RS256","typ":"JWT","kid":"key-0"}`

// token is a signed token with the good claims and changes to them.
func token(tb testing.TB, changes claims) string {
	tb.Helper()
	text, err := json.Marshal(goodClaims(changes))
	if err != nil {
		tb.Fatal(err)
	}
	return signText(tb, goodHeader, string(text))
}

// forged is a good token but for its signature.
func forged(tb testing.TB) string {
	good := token(tb, nil)
	return good[:len(good)-10] + "AAAAAAAAAA"
}

func newVerifier(tb testing.TB) *jwtverify.Verifier {
	tb.Helper()
	verifier, err := jwtverify.New(jwtverify.Config{
		Issuer:    testIssuer,
		Audiences: []string{testAudience},
		Keys:      testSet(tb),
		Now:       func() time.Time { return time.Unix(testNow, 0) },
	})
	if err != nil {
		tb.Fatal(err)
	}
	return verifier
}

// newGuard fills what config leaves out with what accepts a good token.
func newGuard(tb testing.TB, config bearer.Config) *bearer.Guard {
	tb.Helper()
	if config.Verifier == nil {
		config.Verifier = newVerifier(tb)
	}
	guard, err := bearer.New(config)
	if err != nil {
		tb.Fatal(err)
	}
	return guard
}

// A verifierFunc is what a test wants the Verifier to do.
type verifierFunc func(context.Context, string) (*jwtverify.Token, error)

func (f verifierFunc) Verify(ctx context.Context, token string) (*jwtverify.Token, error) {
	return f(ctx, token)
}

// failing is a Verifier that always returns the error.
func failing(err error) verifierFunc {
	return func(context.Context, string) (*jwtverify.Token, error) { return nil, err }
}

// greet answers with the subject of the token in the context.
var greet = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	if t, ok := jwtverify.FromContext(r.Context()); ok {
		fmt.Fprintf(w, "hello %s", t.Subject)
		return
	}
	fmt.Fprint(w, "hello anonymous")
})

// mustNotRun fails the test.
func mustNotRun(tb testing.TB) http.Handler {
	return http.HandlerFunc(func(http.ResponseWriter, *http.Request) { tb.Error("the handler ran") })
}

// request is one with the Authorization fields given.
func request(method, target string, authorization ...string) *http.Request {
	r := httptest.NewRequest(method, target, nil)
	if len(authorization) > 0 {
		r.Header["Authorization"] = authorization
	}
	return r
}

func serve(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// get serves GET / with the token.
func get(h http.Handler, token string) *httptest.ResponseRecorder {
	return serve(h, request("GET", "/", "Bearer "+token))
}

func TestNewRefusesWhatItCannotHonour(t *testing.T) {
	good := newVerifier(t)
	resource := func(change func(*bearer.Resource)) *bearer.Resource {
		r := &bearer.Resource{ID: "https://api.example/v1", AuthorizationServers: []string{"https://issuer.example"}, Scopes: []string{"orders:read"}}
		change(r)
		return r
	}
	withID := func(id string) bearer.Config {
		return bearer.Config{Verifier: good, Resource: resource(func(r *bearer.Resource) { r.ID = id })}
	}
	withServer := func(server string) bearer.Config {
		return bearer.Config{Verifier: good, Resource: resource(func(r *bearer.Resource) { r.AuthorizationServers[0] = server })}
	}
	for name, test := range map[string]struct {
		config bearer.Config
		want   string // part of the error
	}{
		"no verifier":                     {bearer.Config{}, "Config.Verifier is nil"},
		"a nil *jwtverify.Verifier":       {bearer.Config{Verifier: (*jwtverify.Verifier)(nil)}, "Config.Verifier is nil"},
		"a nil function":                  {bearer.Config{Verifier: verifierFunc(nil)}, "Config.Verifier is nil"},
		"a quote in the realm":            {bearer.Config{Verifier: good, Realm: `a"b`}, `Config.Realm is "a\"b"`},
		"a backslash in the realm":        {bearer.Config{Verifier: good, Realm: `a\`}, "Config.Realm"},
		"a newline in the realm":          {bearer.Config{Verifier: good, Realm: "a\r\nX: y"}, "Config.Realm"},
		"a realm that is not ASCII":       {bearer.Config{Verifier: good, Realm: "Käse"}, `"K\u00e4se"`},
		"a long realm":                    {bearer.Config{Realm: strings.Repeat("ä", 51), Verifier: good}, strings.Repeat(`\u00e4`, 50) + `"…: want`},
		"a realm of 100 bytes":            {bearer.Config{Realm: strings.Repeat("a", 98) + "ä", Verifier: good}, strings.Repeat("a", 98) + `\u00e4": want`},
		"a realm cut within a letter":     {bearer.Config{Realm: strings.Repeat("a", 99) + "ä", Verifier: good}, strings.Repeat("a", 99) + `"…: want`},
		"a realm without any letter":      {bearer.Config{Realm: strings.Repeat("\x80", 150), Verifier: good}, `Config.Realm is ""…: want`},
		"DEL in the realm":                {bearer.Config{Verifier: good, Realm: "\x7f"}, "Config.Realm"},
		"a scope claim no token can have": {bearer.Config{Verifier: good, ScopeClaim: "\xff"}, "Config.ScopeClaim"},
		"a path to a scope claim":         {bearer.Config{Verifier: good, ScopeClaim: "realm_access.roles"}, `Guard.RequireFunc and token.Strings("realm_access", "roles")`},
		"a longer path":                   {bearer.Config{Verifier: good, ScopeClaim: "resource_access.api.roles"}, `token.Strings("resource_access", "api", "roles")`},
		"a path from the root":            {bearer.Config{Verifier: good, ScopeClaim: "$.roles"}, `Config.ScopeClaim is "$.roles"`},
		"a path with a quote":             {bearer.Config{Verifier: good, ScopeClaim: `a.b"`}, `token.Strings("a", "b\"")`},
		"no resource ID":                  {withID(""), "Config.Resource.ID"},
		"a resource over http":            {withID("http://api.example"), `"https://"`},
		"a resource on loopback, http":    {withID("http://127.0.0.1"), `"https://"`},
		"a scheme in capitals":            {withID("HTTPS://api.example"), `"https://"`},
		"a resource without host":         {withID("https:///v1"), "no host"},
		"a resource with a port only":     {withID("https://:443/v1"), "no host"},
		"an opaque resource":              {withID("https:api.example"), "Config.Resource.ID"},
		"a resource that begins with @":   {withID("@api.example"), `"***@api.example"`},
		"a resource without scheme":       {withID("api.example/v1"), `"https://"`},
		"a resource with a fragment":      {withID("https://api.example/#top"), "fragment"},
		"a resource with empty fragment":  {withID("https://api.example/#"), "fragment"},
		"a resource with a user name":     {withID("https://me@api.example/"), "user name"},
		"a resource with a quote":         {withID(`https://api.example/"`), "ASCII"},
		"a resource with a backslash":     {withID(`https://api.example/\`), "ASCII"},
		"a resource with a space":         {withID("https://api.example/ a"), "ASCII"},
		"a resource with a newline":       {withID("https://api.example/\nX"), "ASCII"},
		"a resource that is not ASCII":    {withID("https://api.example/ü"), "ASCII"},
		"a bad escape":                    {withID("https://api.example/%zz"), "not a URL"},
		"an issuer over http by address":  {withServer("http://192.0.2.1"), "AuthorizationServers[0]"},
		"an issuer over http":             {withServer("http://issuer.example"), "AuthorizationServers[0]"},
		"an issuer with a query":          {withServer("https://issuer.example?a"), "no query"},
		"an issuer with an empty query":   {withServer("https://issuer.example?"), "no query"},
		"an issuer with a fragment":       {withServer("https://issuer.example#a"), "fragment"},
		"an empty issuer":                 {withServer(""), "AuthorizationServers[0]"},
		"a bad scope": {bearer.Config{Verifier: good, Resource: resource(func(r *bearer.Resource) { r.Scopes[0] = "a b" })},
			`Config.Resource.Scopes[0] is "a b"`},
	} {
		t.Run(name, func(t *testing.T) {
			guard, err := bearer.New(test.config)
			if err == nil || guard != nil {
				t.Fatalf("got a guard %t and error %v, want an error alone", guard != nil, err)
			}
			if !strings.HasPrefix(err.Error(), "bearer: Config.") || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got error %q, want one about %q", err, test.want)
			}
		})
	}
}

func TestNewShowsNoPassword(t *testing.T) {
	for _, address := range []string{"https://u:hunter2@h/", "https://u:hunter2@h:x/", "http://u:hunter2@h", "https://u:hunter2@h/@#"} {
		for _, resource := range []bearer.Resource{{ID: address}, {ID: "https://h", AuthorizationServers: []string{address}}} {
			_, err := bearer.New(bearer.Config{Verifier: newVerifier(t), Resource: &resource})
			if err == nil || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("got error %v, want one without the password", err)
			}
		}
	}
}

func TestNewCopiesWhatItKeeps(t *testing.T) {
	resource := &bearer.Resource{ID: "https://api.example", AuthorizationServers: []string{"https://a.example"}, Scopes: []string{"a"}}
	guard := newGuard(t, bearer.Config{Resource: resource})
	scopes := []string{"a", "b"}
	protected := guard.Require(scopes...)(greet)
	before := serve(guard.Metadata(), request("GET", "/")).Body.String()
	challenge := get(protected, token(t, nil)).Header().Get("WWW-Authenticate")

	resource.ID, resource.AuthorizationServers[0], resource.Scopes[0], scopes[0] = "x", "x", "x", "x"
	if got := serve(guard.Metadata(), request("GET", "/")).Body.String(); got != before {
		t.Errorf("the document changed from %s to %s", before, got)
	}
	if got := get(protected, token(t, nil)).Header().Get("WWW-Authenticate"); got != challenge {
		t.Errorf("the challenge changed from %s to %s", challenge, got)
	}
}

func TestRequirePanicsForWhatNoTokenCanHave(t *testing.T) {
	guard := newGuard(t, bearer.Config{})
	for name, register := range map[string]func(){
		"an empty scope":              func() { guard.Require("") },
		"a scope with a space":        func() { guard.Require("orders:read orders:write") },
		"a scope with a quote":        func() { guard.Require(`a"`) },
		"a scope with a backslash":    func() { guard.Require(`a\`) },
		"a scope that is not ASCII":   func() { guard.Require("lesen:bücher") },
		"a scope with a newline":      func() { guard.Require("good", "a\n") },
		"a bad scope of ForwardAuth":  func() { guard.ForwardAuth("a b") },
		"a bad scope of a zero Guard": func() { new(bearer.Guard).Require("") },
		"a bad scope of Admit":        func() { guard.Admit(nil, request("GET", "/"), "a b") },
		"a bad scope of Admit, good token": func() {
			guard.Admit(nil, request("GET", "/", "Bearer "+token(t, claims{"scope": "a"})), "a", "a b")
		},
		"a nil function":                  func() { guard.RequireFunc(nil) },
		"a nil handler of RequireFunc":    func() { guard.RequireFunc(func(*jwtverify.Token) error { return nil })(nil) },
		"a nil handler":                   func() { guard.Require()(nil) },
		"a nil HandlerFunc":               func() { guard.Require()(http.HandlerFunc(nil)) },
		"a nil handler of Optional":       func() { guard.Optional(nil) },
		"a nil function of a Mux":         func() { guard.NewMux().HandleFunc("/", nil) },
		"a nil handler of Public":         func() { guard.NewMux().Public("/", nil) },
		"a nil handler of Handle":         func() { guard.NewMux().Handle("/", nil) },
		"a nil handler of a Mux's option": func() { guard.NewMux().Optional("/", nil) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if text, _ := recover().(string); !strings.HasPrefix(text, "bearer: ") {
					t.Errorf("got panic %q, want one that says what is wrong", text)
				}
			}()
			register()
		})
	}
}

// A Guard that was not made by New must not let anything through, not even what would
// be public.
func TestZeroValuesAnswer503(t *testing.T) {
	for name, guard := range map[string]*bearer.Guard{"zero": new(bearer.Guard), "nil": nil} {
		mux := guard.NewMux()
		mux.Handle("/handle", mustNotRun(t))
		mux.Public("/public", mustNotRun(t))
		mux.Optional("/optional", mustNotRun(t))
		for _, h := range []http.Handler{
			guard.Require()(mustNotRun(t)), guard.Require("a")(mustNotRun(t)), guard.Optional(mustNotRun(t)),
			guard.Metadata(), guard.ForwardAuth(), mux,
			guard.RequireFunc(func(*jwtverify.Token) error { return nil })(mustNotRun(t)),
			http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if _, ok := guard.Admit(w, r); ok {
					t.Error("Admit let the request through")
				}
			}),
		} {
			for _, path := range []string{"/", "/handle", "/public", "/optional", "/public/../x"} {
				for _, authorization := range [][]string{nil, {"Bearer " + token(t, nil)}, {"Bearer"}, {"Basic x"}} {
					w := serve(h, request("GET", path, authorization...))
					if w.Code != 503 || w.Header().Get("Retry-After") != "5" || w.Header().Get("WWW-Authenticate") != "" {
						t.Errorf("%s guard, %T, %s with %.20q: got %d %v", name, h, path, authorization, w.Code, w.Header())
					}
				}
			}
		}
	}
	var zero bearer.Mux
	zero.Public("/", mustNotRun(t))
	zero.Handle("/a", mustNotRun(t))
	for name, mux := range map[string]*bearer.Mux{"zero": &zero, "nil": nil} {
		if w := serve(mux, request("GET", "/")); w.Code != 503 {
			t.Errorf("%s Mux: got %d, want 503", name, w.Code)
		}
	}
}

func TestAcceptedRequest(t *testing.T) {
	guard := newGuard(t, bearer.Config{})
	good := token(t, claims{"scope": "a b"})
	for name, h := range map[string]http.Handler{
		"any token":   guard.Require()(greet),
		"one scope":   guard.Require("b")(greet),
		"both scopes": guard.Require("b", "a")(greet),
	} {
		for _, authorization := range []string{"Bearer " + good, "bearer " + good, "BEARER    " + good, " \t Bearer " + good + " \t"} {
			w := serve(h, request("POST", "/", authorization))
			if w.Code != 200 || w.Body.String() != "hello client-1" {
				t.Errorf("%s: got %d %s", name, w.Code, w.Body)
			}
			// The guard sets nothing; the recorder has found the type of the text.
			if diff := cmp.Diff(http.Header{"Content-Type": {"text/plain; charset=utf-8"}}, w.Header()); diff != "" {
				t.Errorf("%s: headers (-want +got):\n%s", name, diff)
			}
		}
	}
}

// The handler has the server's own ResponseWriter, and the request as it came but for
// its context.
func TestHandlerGetsTheResponseWriterItself(t *testing.T) {
	guard := newGuard(t, bearer.Config{})
	w := httptest.NewRecorder()
	r := request("GET", "/", "Bearer "+token(t, nil))
	calls := 0
	h := http.HandlerFunc(func(gotW http.ResponseWriter, gotR *http.Request) {
		calls++
		if gotW != http.ResponseWriter(w) {
			t.Errorf("got a %T, want the ResponseWriter that came in", gotW)
		}
		if diff := cmp.Diff(r.Header, gotR.Header); diff != "" {
			t.Errorf("the request's headers changed:\n%s", diff)
		}
	})
	mux := guard.NewMux()
	mux.Handle("/", guard.Require()(guard.Optional(h)))
	mux.ServeHTTP(w, r)
	if calls != 1 {
		t.Errorf("the handler was called %d times, want once", calls)
	}
}

func TestOptional(t *testing.T) {
	h := newGuard(t, bearer.Config{}).Optional(greet)
	for name, test := range map[string]struct {
		authorization []string
		code          int
		body          string // of an accepted request
	}{
		"no header":                  {nil, 200, "hello anonymous"},
		"an empty header":            {[]string{""}, 200, "hello anonymous"},
		"another scheme":             {[]string{"Basic dTpw"}, 200, "hello anonymous"},
		"a good token":               {[]string{"Bearer " + token(t, nil)}, 200, "hello client-1"},
		"an expired token":           {[]string{"Bearer " + token(t, claims{"exp": testNow - 1000})}, 401, ""},
		"a token of tomorrow":        {[]string{"Bearer " + token(t, claims{"nbf": testNow + 1000})}, 401, ""},
		"a forged token":             {[]string{"Bearer " + forged(t)}, 401, ""},
		"a token that is none":       {[]string{"Bearer abc"}, 401, ""},
		"Bearer alone":               {[]string{"Bearer"}, 400, ""},
		"two headers":                {[]string{"Bearer a", "Bearer a"}, 400, ""},
		"two headers without tokens": {[]string{"", ""}, 400, ""},
		"a token that is too long":   {[]string{"Bearer " + strings.Repeat("a", 16385)}, 400, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := httptest.NewRecorder()
			w.Header().Set("Vary", "Origin")
			h.ServeHTTP(w, request("GET", "/", test.authorization...))
			if w.Code != test.code {
				t.Fatalf("got %d %s, want %d", w.Code, w.Body, test.code)
			}
			vary := []string{"Origin", "Authorization"}
			if test.code != 200 {
				vary = vary[:1] // what is not cached does not vary
			} else if w.Body.String() != test.body {
				t.Errorf("got %q, want %q", w.Body, test.body)
			}
			if diff := cmp.Diff(vary, w.Header()["Vary"]); diff != "" {
				t.Errorf("Vary (-want +got):\n%s", diff)
			}
		})
	}
	// Row 9: an outage is no anonymity either, whatever the error is.
	for _, err := range []error{errors.New("down"), bearer.ErrNoCredentials, jwtverify.ErrKeysUnavailable} {
		h := newGuard(t, bearer.Config{Verifier: failing(err)}).Optional(mustNotRun(t))
		if w := get(h, token(t, nil)); w.Code != 503 {
			t.Errorf("%v: got %d, want 503", err, w.Code)
		}
	}
}

// Vary must be set when the handler runs: it may flush.
func TestOptionalVariesBeforeTheHandlerRuns(t *testing.T) {
	h := newGuard(t, bearer.Config{}).Optional(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if got := w.Header().Get("Vary"); got != "Authorization" {
			t.Errorf("got Vary %q in the handler", got)
		}
	}))
	serve(h, request("GET", "/"))
	get(h, token(t, nil))
}

// counting counts the calls of a Verifier.
type counting struct {
	bearer.Verifier
	calls int
}

func (c *counting) Verify(ctx context.Context, token string) (*jwtverify.Token, error) {
	c.calls++
	return c.Verifier.Verify(ctx, token)
}

func TestGuardInGuard(t *testing.T) {
	first, second := &counting{Verifier: newVerifier(t)}, &counting{Verifier: newVerifier(t)}
	one, two := newGuard(t, bearer.Config{Verifier: first}), newGuard(t, bearer.Config{Verifier: second})
	other := &jwtverify.Token{Subject: "somebody else"}
	replace := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(w, r.WithContext(jwtverify.NewContext(r.Context(), other)))
		})
	}
	hide := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.Header.Del("Authorization")
			next.ServeHTTP(w, r)
		})
	}
	mux := one.NewMux()
	mux.Public("/public", one.Require("a")(greet))
	mux.Optional("/optional", one.Require("a")(greet))
	mux.Handle("/handle", one.Require("a")(greet))
	mux.Handle("/missing", one.Require("z")(greet))

	for name, test := range map[string]struct {
		h             http.Handler
		path          string
		anonymous     bool
		code          int
		first, second int // calls
	}{
		"the same guard verifies once":                        {one.Require()(one.Require("a")(one.Require("b")(greet))), "/", false, 200, 1, 0},
		"the same guard still checks scopes":                  {one.Require()(one.Require("z")(greet)), "/", false, 403, 1, 0},
		"the same guard needs no header any more":             {one.Require()(hide(one.Require("a")(greet))), "/", false, 200, 1, 0},
		"Optional in Require":                                 {one.Require()(one.Optional(greet)), "/", false, 200, 1, 0},
		"Require in Optional":                                 {one.Optional(one.Require("a")(greet)), "/", false, 200, 1, 0},
		"Require in Optional, anonymous":                      {one.Optional(one.Require("a")(greet)), "/", true, 401, 0, 0},
		"Optional in Optional, anonymous":                     {one.Optional(one.Optional(greet)), "/", true, 200, 0, 0},
		"another guard verifies for itself":                   {one.Require()(two.Require("a")(greet)), "/", false, 200, 1, 1},
		"another guard needs the header":                      {one.Require()(hide(two.Require("a")(greet))), "/", false, 401, 1, 0},
		"back in the first guard":                             {one.Require()(two.Require()(one.Require("a")(greet))), "/", false, 200, 2, 1},
		"a token that was replaced does not count":            {one.Require()(replace(one.Require("a")(greet))), "/", false, 200, 2, 0},
		"ForwardAuth in Require":                              {one.Require()(one.ForwardAuth("a")), "/", false, 200, 1, 0},
		"Mux: Require in Handle":                              {mux, "/handle", false, 200, 1, 0},
		"Mux: Require in Handle, missing scope":               {mux, "/missing", false, 403, 1, 0},
		"Mux: Require in Handle, anonymous":                   {mux, "/handle", true, 401, 0, 0},
		"Mux: Require in Public acts as if alone":             {mux, "/public", false, 200, 1, 0},
		"Mux: Require in Public, anonymous":                   {mux, "/public", true, 401, 0, 0},
		"Mux: Require in Optional":                            {mux, "/optional", false, 200, 1, 0},
		"Mux: Require in Optional, anonymous":                 {mux, "/optional", true, 401, 0, 0},
		"Mux: protected as a whole, public inside":            {two.Require()(mux), "/public", false, 200, 1, 1},
		"Mux: protected as a whole, public inside, anonymous": {two.Require()(mux), "/public", true, 401, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			first.calls, second.calls = 0, 0
			var authorization []string
			if !test.anonymous {
				authorization = []string{"Bearer " + token(t, claims{"scope": "a b"})}
			}
			w := serve(test.h, request("GET", test.path, authorization...))
			if w.Code != test.code {
				t.Errorf("got %d %s, want %d", w.Code, w.Body, test.code)
			}
			if first.calls != test.first || second.calls != test.second {
				t.Errorf("verified %d and %d times, want %d and %d", first.calls, second.calls, test.first, test.second)
			}
		})
	}
}

// The token of an inner guard replaces that of the outer one, scopes included.
func TestInnerGuardReplacesTheToken(t *testing.T) {
	inner := newGuard(t, bearer.Config{ScopeClaim: "permissions", Verifier: verifierFunc(func(ctx context.Context, raw string) (*jwtverify.Token, error) {
		got, err := newVerifier(t).Verify(ctx, raw)
		if err == nil {
			got.Subject = "inner"
		}
		return got, err
	})})
	h := newGuard(t, bearer.Config{}).Require("a")(inner.Require("b")(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if got, _ := jwtverify.FromContext(r.Context()); got.Subject != "inner" {
			t.Errorf("got the token of %q, want the inner guard's", got.Subject)
		}
		if bearer.HasScope(r.Context(), "a") || !bearer.HasScope(r.Context(), "b") {
			t.Error("HasScope does not speak of the inner guard's token")
		}
	})))
	if w := get(h, token(t, claims{"scope": "a", "permissions": "b"})); w.Code != 200 {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}

func TestVerifierThatPanics(t *testing.T) {
	h := newGuard(t, bearer.Config{Verifier: verifierFunc(func(context.Context, string) (*jwtverify.Token, error) { panic("boom") })}).Require()(mustNotRun(t))
	defer func() {
		if got := recover(); got != "boom" {
			t.Errorf("got panic %v, want that of the Verifier", got)
		}
	}()
	get(h, token(t, nil))
}

// The Verifier gets the context of the request: it bounds the wait for keys.
func TestVerifierGetsTheContext(t *testing.T) {
	type key struct{}
	h := newGuard(t, bearer.Config{Verifier: verifierFunc(func(ctx context.Context, _ string) (*jwtverify.Token, error) {
		if ctx.Value(key{}) != "value" {
			t.Error("it is another context")
		}
		return nil, jwtverify.ErrInvalid
	})}).Require()(mustNotRun(t))
	r := request("GET", "/", "Bearer "+token(t, nil))
	serve(h, r.WithContext(context.WithValue(r.Context(), key{}, "value")))
}

// What stands elsewhere than in Authorization is not looked at, not even to refuse.
func TestTokensElsewhereAreNotSeen(t *testing.T) {
	h := newGuard(t, bearer.Config{}).Require()(mustNotRun(t))
	good := token(t, nil)
	for name, change := range map[string]func(*http.Request){
		"query":       func(r *http.Request) { r.URL.RawQuery = "access_token=" + good },
		"cookie":      func(r *http.Request) { r.AddCookie(&http.Cookie{Name: "access_token", Value: good}) },
		"form":        func(r *http.Request) { r.PostForm = map[string][]string{"access_token": {good}} },
		"websocket":   func(r *http.Request) { r.Header.Set("Sec-WebSocket-Protocol", "bearer, "+good) },
		"proxy":       func(r *http.Request) { r.Header.Set("Proxy-Authorization", "Bearer "+good) },
		"forwarded":   func(r *http.Request) { r.Header.Set("X-Forwarded-Authorization", "Bearer "+good) },
		"underscores": func(r *http.Request) { r.Header["Authorization_"] = []string{"Bearer " + good} },
	} {
		r := request("POST", "/")
		change(r)
		if w := serve(h, r); w.Code != 401 || w.Header().Get("WWW-Authenticate") != `Bearer realm="api"` {
			t.Errorf("%s: got %d %v, want the answer to no credentials", name, w.Code, w.Header())
		}
	}
	// Nor does a bad one there do harm.
	r := request("GET", "/?access_token=x", "Bearer "+good)
	r.Header.Set("X-Access-Token", "x")
	if w := serve(newGuard(t, bearer.Config{}).Require()(greet), r); w.Code != 200 {
		t.Errorf("got %d, want the good token to count", w.Code)
	}
}

func TestTokenBoundToAKey(t *testing.T) {
	proof := errors.New("no client certificate: hunter2")
	texts := map[string]string{
		"an object":           `"cnf":{"jkt":"x"}`,
		"an empty object":     `"cnf":{}`,
		"null":                `"cnf":null`,
		"a string":            `"cnf":""`,
		"a number":            `"cnf":0`,
		"an array":            `"cnf":[]`,
		"false":               `"cnf":false`,
		"spelled with escape": `"\u0063nf":{}`,
		"escaped otherwise":   `"c\u006Ef":{}`,
		"escaped whole":       `"\u0063\u006e\u0066":{}`,
		"behind an escape":    `"x":"\\","cnf":{}`,
		"space before colon":  `"cnf" :{}`,
	}
	unbound := map[string]string{
		"a value":           `"x":"cnf"`,
		"a nested name":     `"x":{"cnf":{}}`,
		"another case":      `"CNF":{}`,
		"a longer name":     `"cnfs":{}`,
		"an escaped quote":  `"x\"cnf":{}`,
		"quotes in a value": `"x":"\"cnf\":{}"`,
		"nothing":           `"x":1`,
	}
	signed := func(member string) string {
		return signText(t, goodHeader, fmt.Sprintf(`{"iss":%q,"aud":%q,"sub":"client-1","exp":%d,"scope":"a",%s}`, testIssuer, testAudience, testNow+60, member))
	}
	var last bearer.Rejection
	reject := func(_ *http.Request, rejection bearer.Rejection) (string, []byte) {
		last = rejection
		return "", nil
	}
	var checked int
	refusing := newGuard(t, bearer.Config{Reject: reject})
	bound := newGuard(t, bearer.Config{Reject: reject, Bound: func(r *http.Request, tok *jwtverify.Token) error {
		checked++
		if r.Header.Get("Authorization") == "" || tok.Subject != "client-1" {
			t.Error("Bound got another request or token")
		}
		return nil
	}})
	failing := newGuard(t, bearer.Config{Reject: reject, Bound: func(*http.Request, *jwtverify.Token) error { return proof }})
	// Errors of Bound are always row 7: they speak of this client's proof.
	outage := newGuard(t, bearer.Config{Reject: reject, Bound: func(*http.Request, *jwtverify.Token) error { return jwtverify.ErrKeysUnavailable }})
	expired := newGuard(t, bearer.Config{Reject: reject, Bound: func(*http.Request, *jwtverify.Token) error { return jwtverify.ErrExpired }})

	row7 := regexp.MustCompile(`^Bearer realm="api", error="invalid_token", error_description="The access token is not valid"(, scope="a")?$`)
	for name, member := range texts {
		raw := signed(member)
		for kind, guard := range map[string]*bearer.Guard{"without Bound": refusing, "no proof": failing, "outage": outage, "expired": expired} {
			for _, h := range []http.Handler{guard.Require("a")(mustNotRun(t)), guard.Optional(mustNotRun(t)), guard.ForwardAuth()} {
				w := get(h, raw)
				if w.Code != 401 || !row7.MatchString(w.Header().Get("WWW-Authenticate")) {
					t.Errorf("%s, %s: got %d %v, want row 7", name, kind, w.Code, w.Header())
				}
				if strings.Contains(w.Body.String(), "hunter2") {
					t.Errorf("%s, %s: the client is told %s", name, kind, w.Body)
				}
			}
		}
		if get(failing.Require()(mustNotRun(t)), raw); !errors.Is(last.Err, proof) {
			t.Errorf("%s: the hook got %v, want the error of Bound in it", name, last.Err)
		}
		if get(refusing.Require()(mustNotRun(t)), raw); !errors.Is(last.Err, jwtverify.ErrInvalid) || !strings.Contains(last.Err.Error(), "cnf") {
			t.Errorf("%s: the hook got %v, want one that names cnf", name, last.Err)
		}
		checked = 0
		if w := get(bound.Require()(bound.Require("a")(greet)), raw); w.Code != 200 || checked != 1 {
			t.Errorf("%s: with a proof got %d after %d checks, want 200 after one", name, w.Code, checked)
		}
	}
	for name, member := range unbound {
		checked = 0
		if w := get(refusing.Require("a")(greet), signed(member)); w.Code != 200 {
			t.Errorf("%s is no cnf: got %d", name, w.Code)
		}
		if w := get(bound.Require("a")(greet), signed(member)); w.Code != 200 || checked != 0 {
			t.Errorf("%s is no cnf: got %d and %d checks", name, w.Code, checked)
		}
	}
}

// A Verifier need not be a pointer.
func TestVerifierOfAnyKind(t *testing.T) {
	type chooser struct{ bearer.Verifier }
	if w := get(newGuard(t, bearer.Config{Verifier: chooser{newVerifier(t)}}).Require()(greet), token(t, nil)); w.Code != 200 {
		t.Errorf("got %d", w.Code)
	}
}

// A Verifier of one's own may put a Token together, which has no claims beyond its
// fields.
func TestTokenMadeByHand(t *testing.T) {
	guard := newGuard(t, bearer.Config{Verifier: verifierFunc(func(context.Context, string) (*jwtverify.Token, error) {
		return &jwtverify.Token{Subject: "by hand"}, nil
	})})
	if w := get(guard.Require()(greet), "x"); w.Body.String() != "hello by hand" {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	if w := get(guard.Require("a")(greet), "x"); w.Code != 403 {
		t.Errorf("got %d, want 403: it has no scopes", w.Code)
	}
}

// A Guard is used by many requests at once; the race detector watches.
func TestConcurrentRequests(t *testing.T) {
	guard := newGuard(t, bearer.Config{Reject: func(r *http.Request, rejection bearer.Rejection) (string, []byte) {
		r.Header.Set("X", "y")
		if len(rejection.Scopes) > 0 {
			rejection.Scopes[0] = "changed"
		}
		return "", nil
	}})
	mux := guard.NewMux()
	mux.Handle("/a", guard.Require("a")(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				if !bearer.HasScope(r.Context(), "a") {
					t.Error("the scope is gone")
				}
			})
		}
		wg.Wait()
	})))
	good, poor := token(t, claims{"scope": "a"}), token(t, nil)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 20 {
				raw, code := good, 200
				if (i+j)%2 == 0 {
					raw, code = poor, 403
				}
				w := serve(mux, request("GET", "/a", "Bearer "+raw))
				if w.Code != code || code == 403 && !strings.HasSuffix(w.Header().Get("WWW-Authenticate"), `scope="a"`) {
					t.Errorf("got %d %v, want %d", w.Code, w.Header(), code)
				}
				mux.Public(fmt.Sprintf("/p%d/%d", i, j), greet) // while others are served
			}
		})
	}
	wg.Wait()
}
