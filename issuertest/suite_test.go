package issuertest_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"example.com/jwtverify"
	"example.com/jwtverify/bearer"
	"example.com/jwtverify/issuertest"
)

// An orders API is a correct one, but for its flaw.
type ordersAPI struct {
	verifier *jwtverify.Verifier
	flaw     string

	mu     sync.Mutex // guards what follows
	tokens []string   // that came: no failure may hold one
	down   time.Time  // when the keys were last unavailable
	moment time.Time
	under  []error // what Verify has said at that moment
}

func (api *ordersAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	api.mu.Lock()
	api.tokens = append(api.tokens, r.Header["Authorization"]...)
	api.mu.Unlock()

	if !api.open(r) {
		if status := api.judge(w, r); status != http.StatusOK {
			if api.flaw == "missing challenge" {
				w.Header().Del("WWW-Authenticate")
			}
			if api.flaw == "200 with error body" {
				status = http.StatusOK
			}
			w.WriteHeader(status)
			if r.Method != http.MethodHead || api.flaw == "HEAD with a body" {
				fmt.Fprintf(w, `{"status":%d}`, status)
				if api.flaw == "token echoed" {
					fmt.Fprint(w, r.Header.Get("Authorization"))
				}
			}
			return
		}
	}
	path := r.URL.Path
	if strings.Contains(api.flaw, "slash route open") {
		path = strings.TrimSuffix(path, "/")
	}
	switch {
	case path != "/orders":
		http.NotFound(w, r)
	case strings.Contains(api.flaw, "the good answer tells the time"):
		fmt.Fprintf(w, `{"orders":[],"at":%q}`, time.Now())
	case api.flaw == "the order is there already" && r.Method == http.MethodPost:
		w.WriteHeader(http.StatusConflict)
	default:
		fmt.Fprint(w, `{"orders":[]}`)
	}
}

// open reports whether nobody asks for a token.
func (api *ordersAPI) open(r *http.Request) bool {
	switch api.flaw {
	case "no check":
		return true
	case "prefix check":
		return strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ")
	case "OPTIONS skipped":
		return r.Method == http.MethodOptions
	case "HEAD open":
		return r.Method == http.MethodHead
	case "slash route open", "slash route open, and the good answer tells the time":
		return r.URL.Path == "/orders/"
	case "method from a header":
		return r.Header.Get("X-HTTP-Method-Override") == http.MethodOptions
	case "subject from a header":
		return r.Header.Get("X-Auth-Subject") != ""
	}
	return false
}

// judge returns 200 or what refuses the request, with its challenge.
func (api *ordersAPI) judge(w http.ResponseWriter, r *http.Request) int {
	values := r.Header["Authorization"]
	if len(values) == 0 && api.flaw == "query token" && r.URL.Query().Has("access_token") {
		values = []string{"Bearer " + r.URL.Query().Get("access_token")}
	}
	if len(values) > 1 && api.flaw == "first header counts" {
		values = values[:1]
	}
	challenge := func(status int, code string) int {
		text := `Bearer realm="orders"`
		if api.flaw == "token in the challenge" {
			text += `, token="` + strings.TrimPrefix(strings.Join(values, ""), "Bearer ") + `"`
		} else if code != "" {
			text += `, error="` + code + `"`
		}
		w.Header().Set("WWW-Authenticate", text)
		return status
	}
	if len(values) > 1 {
		return challenge(400, "invalid_request")
	}
	scheme, token, _ := strings.Cut(strings.Join(values, ""), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return challenge(401, "")
	}
	if api.flaw == "scheme in one case" && scheme != "Bearer" {
		return challenge(401, "")
	}
	token = strings.Trim(token, " ")
	_, err := api.verifier.Verify(r.Context(), token)
	if api.flaw == "the refusal of another" || api.flaw == "the token of another" {
		err = api.mixedUp(err)
	}
	for flaw, reason := range map[string]error{
		"no audience":    jwtverify.ErrAudience,
		"no issuer":      jwtverify.ErrIssuer,
		"no expiry":      jwtverify.ErrExpired,
		"open on outage": jwtverify.ErrKeysUnavailable,
	} {
		if api.flaw == flaw && errors.Is(err, reason) {
			err = nil
		}
	}
	if api.flaw == "alg from the token" && errors.Is(err, jwtverify.ErrUnsupported) {
		err = nil
	}
	var unavailable *jwtverify.KeysUnavailableError
	api.mu.Lock()
	if api.flaw == "an outage refuses all" && errors.Is(err, jwtverify.ErrKeysUnavailable) {
		api.down = time.Now()
	}
	down := api.down.Equal(time.Now())
	api.mu.Unlock()
	switch {
	case err == nil && down:
		return 503
	case err == nil:
		return 200
	case errors.As(err, &unavailable) && api.flaw == "401 on outage":
		return challenge(401, "invalid_token")
	case errors.As(err, &unavailable):
		if api.flaw != "no Retry-After" {
			w.Header().Set("Retry-After", fmt.Sprint(int(unavailable.RetryAfter/time.Second)+1))
		}
		return 503
	case api.flaw == "no error code":
		return challenge(401, "")
	}
	return challenge(401, "invalid_token")
}

// mixedUp returns what Verify has said of one of the tokens that are under way.
func (api *ordersAPI) mixedUp(err error) error {
	api.mu.Lock()
	if now := time.Now(); !now.Equal(api.moment) { // in a bubble, those of a moment are under way together
		api.moment, api.under = now, nil
	}
	api.under = append(api.under, err)
	api.mu.Unlock()
	time.Sleep(time.Millisecond)
	api.mu.Lock()
	defer api.mu.Unlock()
	for _, other := range api.under {
		if (other == nil) == (api.flaw == "the token of another") {
			err = other
		}
	}
	return err
}

// suite runs Suite in a bubble against a new API with a flaw.
func suite(t *testing.T, iss *issuertest.Issuer, flaw string, routes ...string) *recorder {
	t.Helper()
	var r *recorder
	synctest.Test(t, func(t *testing.T) {
		api := &ordersAPI{verifier: iss.Verifier(), flaw: flaw}
		r = record(func(tb testing.TB) { iss.Suite(tb, api, routes...) })
		for _, token := range api.tokens {
			for i := len("Bearer ") + 24; i+16 <= len(token); i += 8 {
				if strings.Contains(r.text(), token[i:i+16]) {
					t.Fatalf("with %q a failure holds a part of a token", flaw)
				}
			}
		}
	})
	return r
}

// lent lends the test an issuer that others use before and after it: its bad tokens are
// signed once, since all bubbles start at the same time.
func lent(t *testing.T) *issuertest.Issuer {
	lending.Lock()
	t.Cleanup(lending.Unlock)
	return lentIssuer()
}

var (
	lending    sync.Mutex // held by the test that has the issuer
	lentIssuer = sync.OnceValue(func() *issuertest.Issuer { return issuertest.New(new(testing.T)) })
)

func TestSuitePassesACorrectAPI(t *testing.T) {
	t.Parallel()
	iss := lent(t)
	for _, test := range []struct {
		name, flaw string
		routes     []string
	}{
		{"one route", "", []string{"GET /orders"}},
		{"two routes, one with a query", "", []string{"GET /orders?limit=1", "POST /orders"}},
		{"OPTIONS and HEAD as routes", "", []string{"HEAD /orders", "OPTIONS /orders"}},
		{"a good answer that is never the same", "the good answer tells the time", []string{"GET /orders"}},
		{"a good answer that is a conflict", "the order is there already", []string{"POST /orders"}},
		{"a page that is not there", "", []string{"GET /nowhere"}},
		{"no route: /protected, which is not there", "", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			if r := suite(t, iss, test.flaw, test.routes...); r.texts != nil {
				t.Error(r.text())
			}
		})
	}
}

// The examples have no output, so that they run here: outside of a bubble Suite waits for a
// second, beside other tests.
func TestSuiteRunsOutsideABubble(outer *testing.T) { // t is that of the examples
	outer.Parallel()
	for name, example := range map[string]func(){"ExampleIssuer_Suite": ExampleIssuer_Suite, "ExampleIssuer_Ran": ExampleIssuer_Ran} {
		outer.Run(name, func(inner *testing.T) {
			inner.Parallel()
			example()
			if t.Failed() {
				inner.Error("an example has failed")
			}
		})
	}
}

func TestSuiteEndsAFault(t *testing.T) {
	t.Parallel()
	iss := lent(t)
	synctest.Test(t, func(t *testing.T) {
		iss.Fault(issuertest.Fault{Name: "html"})
		iss.Suite(t, &ordersAPI{verifier: iss.Verifier()}, "GET /orders")
		if err := verify(t, iss.Verifier(), iss.Token()); err != nil {
			t.Errorf("Suite has left a fault: %v", err)
		}
	})
}

// The fifteen flaws that Suite is for, and more. Each is found, named, and nothing
// else is.
func TestSuiteFindsWhatIsWrong(t *testing.T) {
	t.Parallel()
	iss := issuertest.New(t)
	const route = "issuertest: GET /orders, "
	for _, test := range []struct {
		flaw string
		want []string // the failures: what each begins with and holds, split by …
	}{
		{"no check", []string{
			"the issuer was never asked for its keys, …the API checks no signature",
			"no Authorization: got 200 OK, want 401", "HEAD with no Authorization: got 200 OK",
			"empty Authorization: got 200 OK", "HEAD with empty Authorization: got 200 OK",
			"Authorization with Basic: got 200 OK", "HEAD with Authorization with Basic: got 200 OK",
			`bad tokens "empty", "space", …"bearer-prefix"…: got 200 OK, the answer to a good token, want 400 or 401`,
			`bad tokens "two-parts"…"claim-EXP": got 200 OK, the answer to a good token, want 401 …error="invalid_token"…malformed`,
			`bad tokens "alg-none"…"jwe-five-parts": got 200 OK…unsupported`, `bad tokens "kid-unknown"…: got 200 OK…unknown key`,
			`bad tokens "signature-empty"…: got 200 OK…bad signature`, `bad tokens "iss-missing"…: got 200 OK…wrong issuer`,
			`bad tokens "aud-missing"…: got 200 OK…wrong audience`, `bad tokens "expired"…: got 200 OK…expired`,
			`bad token "nbf-future": got 200 OK…not yet valid`,
			"good token in the query only: got 200 OK, want 401", "good token in a form only: got 200 OK", "good token in a cookie only: got 200 OK",
			"two Authorization headers, the first with a good token: got 200 OK, want 400 or 401", "two Authorization headers, the last with a good token: got 200 OK",
			"no token, but OPTIONS: got 200 OK", "no token, but X-HTTP-Method-Override: OPTIONS: got 200 OK",
			"no token, but OPTIONS and X-HTTP-Method-Override: GET: got 200 OK", "no token, but X-Original-URL: /: got 200 OK",
			"no token, but X-Forwarded-Prefix: /public: got 200 OK", "no token, but X-Auth-Subject: admin: got 200 OK",
		}},
		{"prefix check", []string{
			"token of a key that cannot be fetched: got 200 OK",
			`bad tokens "empty"…: got 200 OK`, `bad tokens "two-parts"…: got 200 OK`, `bad tokens "alg-none"`, `bad tokens "kid-unknown"`,
			`bad tokens "signature-empty"`, `bad tokens "iss-missing"`, `bad tokens "aud-missing"`, `bad tokens "expired"`, `bad token "nbf-future"`,
			"two Authorization headers, the first with a good token: got 200 OK", "two Authorization headers, the last with a good token: got 200 OK",
		}},
		{"OPTIONS skipped", []string{"no token, but OPTIONS: got 200 OK, want a refusal", "no token, but OPTIONS and X-HTTP-Method-Override: GET: got 200 OK"}},
		{"query token", []string{"good token in the query only: got 200 OK, want 401: only a token in Authorization may be used"}},
		{"no audience", []string{`bad tokens "aud-missing", "aud-other", "aud-empty-list", "aud-slash", "aud-case", "aud-prefix", "aud-joined", "id-token": got 200 OK, the answer to a good token, want 401 with a Bearer challenge…wrong audience`}},
		{"no issuer", []string{`bad tokens "iss-missing", "iss-other"…: got 200 OK…wrong issuer`}},
		{"no expiry", []string{`bad tokens "expired", "expired-long-ago", "exp-zero", "exp-negative", "expired-and-wrong-scope": got 200 OK…expired`}},
		{"alg from the token", []string{`bad tokens "alg-none"…"alg-HS256-public-pem"…: got 200 OK…unsupported`}},
		{"401 on outage", []string{`token of a key that cannot be fetched: got 401 Unauthorized with WWW-Authenticate …invalid_token…, want 503 with Retry-After and no Bearer challenge, since an outage says nothing about the token`}},
		{"open on outage", []string{"token of a key that cannot be fetched: got 200 OK, want 503"}},
		{"200 with error body", []string{
			"token of a key that cannot be fetched: got 200 OK, want 503",
			"no Authorization: got 200 OK", "HEAD with no Authorization: got 200 OK", "empty Authorization: got 200 OK", "HEAD with empty Authorization: got 200 OK",
			"Authorization with Basic: got 200 OK", "HEAD with Authorization with Basic: got 200 OK",
			`bad tokens "empty"…: got 200 OK with WWW-Authenticate`, `bad tokens "two-parts"`, `bad tokens "alg-none"`, `bad tokens "kid-unknown"`,
			`bad tokens "signature-empty"`, `bad tokens "iss-missing"`, `bad tokens "aud-missing"`, `bad tokens "expired"`, `bad token "nbf-future"`,
			"good token in the query only: got 200 OK", "good token in a form only", "good token in a cookie only",
			"two Authorization headers, the first", "two Authorization headers, the last",
			"no token, but OPTIONS: got 200 OK", "no token, but OPTIONS and X-HTTP-Method-Override: GET: got 200 OK",
		}},
		{"missing challenge", []string{
			"no Authorization: got 401 Unauthorized without WWW-Authenticate, want 401 with a Bearer challenge", "HEAD with no Authorization",
			"empty Authorization", "HEAD with empty Authorization", "Authorization with Basic", "HEAD with Authorization with Basic",
			`bad tokens "two-parts"…: got 401 Unauthorized without WWW-Authenticate, want 401 with a Bearer challenge with error="invalid_token"`,
			`bad tokens "alg-none"`, `bad tokens "kid-unknown"`, `bad tokens "signature-empty"`, `bad tokens "iss-missing"`, `bad tokens "aud-missing"`,
			`bad tokens "expired"`, `bad token "nbf-future"`,
		}},
		{"the refusal of another", []string{"good token beside 15 concurrent requests: got 401"}},
		{"the token of another", []string{`bad token "…" beside 15 concurrent requests: got 200 OK, want the answer that it gets alone`}},
		{"HEAD open", []string{"HEAD with no Authorization: got 200 OK", "HEAD with empty Authorization: got 200 OK", "HEAD with Authorization with Basic: got 200 OK"}},
		{"slash route open", []string{"no token, but a final slash more or less: got 200 OK, want anything but the answer to a good token"}},
		{"token echoed", []string{`got a part of the token in the body, want none in any answer`}},

		{"an outage refuses all", []string{"token of a known key during an outage of the keys: got 503 Service Unavailable, want the answer to a good token"}},
		{"HEAD with a body", []string{
			"HEAD with no Authorization: got 401 Unauthorized…, want no body, where there are 14 bytes",
			"HEAD with empty Authorization: got 401", "HEAD with Authorization with Basic: got 401",
		}},
		{"slash route open, and the good answer tells the time", []string{"no token, but a final slash more or less: got 200 OK"}},
		{"token in the challenge", []string{
			`bad tokens "two-parts"…: got 401 Unauthorized with a WWW-Authenticate that is not shown, want 401 …error="invalid_token"`,
			`bad tokens "alg-none"`, `bad tokens "kid-unknown"`, `bad tokens "signature-empty"`, `bad tokens "iss-missing"`, `bad tokens "aud-missing"`,
			`bad tokens "expired"`, `bad token "nbf-future"`,
			"bad token …: got a part of the token in the header Www-Authenticate, want none in any answer",
		}},
		{"method from a header", []string{"no token, but X-HTTP-Method-Override: OPTIONS: got 200 OK"}},
		{"subject from a header", []string{"no token, but X-Auth-Subject: admin: got 200 OK"}},
		{"first header counts", []string{"two Authorization headers, the first with a good token: got 200 OK"}},
		{"scheme in one case", []string{"good token behind bearer in lower case: got 401"}},
		{"no Retry-After", []string{`token of a key that cannot be fetched: got 503 Service Unavailable, want 503 with Retry-After…Retry-After is ""`}},
		{"no error code", []string{
			`bad tokens "two-parts"…: got 401 Unauthorized with WWW-Authenticate "Bearer realm=\"orders\"", want 401 …error="invalid_token"`,
			`bad tokens "alg-none"`, `bad tokens "kid-unknown"`, `bad tokens "signature-empty"`, `bad tokens "iss-missing"`, `bad tokens "aud-missing"`,
			`bad tokens "expired"`, `bad token "nbf-future"`,
		}},
	} {
		t.Run(test.flaw, func(t *testing.T) {
			r := suite(t, iss, test.flaw, "GET /orders")
			for i, text := range r.texts {
				if i < len(test.want) && !matches(text, route, test.want[i]) {
					t.Errorf("failure %d is\n\t%s\nwant\n\t%s%s", i+1, text, route, test.want[i])
				}
			}
			if len(r.texts) != len(test.want) {
				t.Errorf("%d failures, want %d:\n%s", len(r.texts), len(test.want), r.text())
			}
		})
	}
}

// matches reports whether a text begins with the route and holds the parts of pattern,
// which are split by …, in this order.
func matches(text, route, pattern string) bool {
	rest, ok := strings.CutPrefix(text, route)
	if strings.HasPrefix(pattern, "the issuer") { // is of no route
		rest, ok = strings.CutPrefix(text, "issuertest: ")
	}
	for _, part := range strings.Split(pattern, "…") {
		var found bool
		_, rest, found = strings.Cut(rest, part)
		ok = ok && found
	}
	return ok
}

func TestSuiteStopsWhereTheGoodTokenIsRefused(t *testing.T) {
	t.Parallel()
	iss := issuertest.New(t)
	other := issuertest.New(t)
	late := issuertest.New(t, issuertest.WithClaims(issuertest.Claims{"exp": 1}))
	forbids := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(403) })
	for _, test := range []struct {
		name string
		iss  *issuertest.Issuer
		api  http.Handler
		want []string
	}{
		{"an API of another issuer", iss, &ordersAPI{verifier: other.Verifier()},
			[]string{"GET /orders, good token: got 401 Unauthorized", "Explain finds nothing wrong with it", "iss.Verifier()", iss.URL()}},
		{"a token that is no good one", late, &ordersAPI{verifier: late.Verifier()},
			[]string{"GET /orders, good token: got 401 Unauthorized", "Explain finds expired: expected", "1970-01-01T00:00:01Z"}},
		{"a scope that is missing", iss, forbids, []string{"good token: got 403 Forbidden", "WithClaims"}},
	} {
		r := record(func(tb testing.TB) { test.iss.Suite(tb, test.api, "GET /orders", "POST /orders") })
		if len(r.texts) != 1 || r.fatal {
			t.Errorf("%s: got %d failures, want one:\n%s", test.name, len(r.texts), r.text())
			continue
		}
		for _, want := range test.want {
			if !strings.Contains(r.text(), want) {
				t.Errorf("%s: got %s\nwant it to hold %q", test.name, r.text(), want)
			}
		}
	}
}

func TestSuiteNeedsAnAPIThatAsksForKeys(t *testing.T) {
	t.Parallel()
	iss := issuertest.New(t)
	verifier := verifierBy(t, iss, keySet(t, iss))
	r := record(func(tb testing.TB) { iss.Suite(tb, &ordersAPI{verifier: verifier}, "GET /orders") })
	if len(r.texts) != 1 || !strings.Contains(r.text(), "never asked for its keys") {
		t.Errorf("got %q, want that an outage cannot be tested", r.texts)
	}
}

// An API that was tested before refuses unknown keys without a look, for a while.
func TestSuiteSaysThatAnAPIIsNotNew(t *testing.T) {
	t.Parallel()
	iss := lent(t)
	synctest.Test(t, func(t *testing.T) {
		api := &ordersAPI{verifier: iss.Verifier()}
		iss.Suite(t, api, "GET /orders")
		r := record(func(tb testing.TB) { iss.Suite(tb, api, "GET /orders") })
		if len(r.texts) != 1 || !strings.Contains(r.text(), "Suite needs a new one") {
			t.Errorf("got %q, want advice to make a new API", r.texts)
		}
		time.Sleep(10 * time.Minute)
		iss.Suite(t, api, "GET /orders")
	})
}

func TestSuiteRefusesRoutesThatAreNone(t *testing.T) {
	iss := shared()
	for _, route := range []string{"", "/orders", "GET", "GET orders", "GET /orders/{id}", "GET  /orders", "G@T /orders", "GET /%zz", "GET https://api.test/orders"} {
		asked := false
		api := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true })
		r := record(func(tb testing.TB) { iss.Suite(tb, api, route) })
		if len(r.texts) != 1 || !strings.Contains(r.text(), "issuertest: route "+fmt.Sprintf("%q", route)) || asked {
			t.Errorf("%q: got %q, asked: %v", route, r.texts, asked)
		}
	}
	if r := record(func(tb testing.TB) { iss.Suite(tb, nil) }); !strings.Contains(r.text(), "the handler is nil") {
		t.Errorf("no API: got %q", r.texts)
	}
}

// An API may have a preflight, other challenges beside Bearer's, and a body that is a
// token of its own.
func TestSuiteTakesWhatIsNoneOfItsBusiness(t *testing.T) {
	t.Parallel()
	iss := lent(t)
	synctest.Test(t, func(t *testing.T) {
		ownToken := iss.Token()
		orders := &ordersAPI{verifier: iss.Verifier()}
		iss.Suite(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch {
			case r.Method == http.MethodOptions:
				w.WriteHeader(http.StatusNoContent)
			case r.URL.Path == "/":
				io.WriteString(w, "welcome")
			default:
				w.Header().Add("WWW-Authenticate", `Negotiate, Basic realm="a, Bearer error=x"`)
				orders.ServeHTTP(mixed{w}, r)
				json.NewEncoder(io.Discard).Encode(ownToken)
			}
		}), "GET /orders")
	})
}

// mixed puts Bearer's challenge into one line with another.
type mixed struct{ http.ResponseWriter }

func (m mixed) WriteHeader(status int) {
	if values := m.Header().Values("WWW-Authenticate"); len(values) > 0 {
		m.Header()["WWW-Authenticate"] = []string{`DPoP algs="ES256 RS256", ` + strings.Join(values, " , ")}
	}
	m.ResponseWriter.WriteHeader(status)
}

// Package bearer passes for a Mux, and around a router of one's own.
func TestSuitePassesPackageBearer(t *testing.T) {
	t.Parallel()
	orders := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, _ := jwtverify.FromContext(r.Context())
		fmt.Fprintf(w, `{"sub":%q}`, token.Subject)
	})
	for _, name := range []string{"AuthAction", "Auth0", "Cognito", "RFC9068"} {
		iss := issuertest.New(t, shapes[name], issuertest.WithClaims(issuertest.Claims{"scope": "orders:read orders:write", "scp": nil}))
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				guard, err := bearer.New(bearer.Config{Verifier: iss.Verifier()})
				if err != nil {
					t.Fatal(err)
				}
				mux := guard.NewMux()
				mux.Handle("GET /orders", guard.Require("orders:read")(orders))
				mux.Handle("POST /orders", guard.Require("orders:write")(orders))
				mux.HandleFunc("GET /protected", orders.ServeHTTP)
				mux.Public("OPTIONS /orders", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
				mux.Public("GET /public", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "welcome") }))
				iss.Suite(t, mux, "GET /orders", "POST /orders", "GET /protected", "GET /nowhere")
			})
		})
		if name != "AuthAction" {
			continue
		}
		t.Run("around a router", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				guard, err := bearer.New(bearer.Config{Verifier: iss.Verifier()})
				if err != nil {
					t.Fatal(err)
				}
				router := http.NewServeMux()
				router.Handle("/orders/", orders)
				iss.Suite(t, guard.Require("orders:read")(router), "PUT /orders/17", "DELETE /orders/17")
			})
		})
		t.Run("without a scope that a route needs", func(t *testing.T) {
			guard, err := bearer.New(bearer.Config{Verifier: iss.Verifier()})
			if err != nil {
				t.Fatal(err)
			}
			r := record(func(tb testing.TB) { iss.Suite(tb, guard.Require("orders:delete")(orders), "DELETE /orders") })
			if len(r.texts) != 1 || !strings.Contains(r.text(), "DELETE /orders, good token: got 403 Forbidden") || !strings.Contains(r.text(), "WithClaims") {
				t.Errorf("got %q", r.texts)
			}
		})
	}
}
