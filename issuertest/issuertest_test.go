package issuertest_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"example.com/jwtverify"
	"example.com/jwtverify/issuertest"
)

// shared is for tests that don't change the issuer.
var shared = sync.OnceValue(func() *issuertest.Issuer { return issuertest.New(new(testing.T)) })

func verify(t *testing.T, verifier *jwtverify.Verifier, token string) error {
	t.Helper()
	_, err := verifier.Verify(t.Context(), token)
	return err
}

func TestAnIssuerAndItsVerifierAgree(t *testing.T) {
	iss := issuertest.New(t)
	if !strings.HasPrefix(iss.URL(), "https://issuer-") || !strings.HasSuffix(iss.URL(), ".test") {
		t.Errorf("URL is %q, want https://issuer-N.test", iss.URL())
	}
	if iss.Audience() != "https://api.test" {
		t.Errorf("Audience is %q, want https://api.test", iss.Audience())
	}
	if other := issuertest.New(t); other.URL() == iss.URL() {
		t.Errorf("two issuers have the URL %q", iss.URL())
	}
	token, err := iss.Verifier().Verify(t.Context(), iss.Token(issuertest.Claims{"scope": "orders:read"}))
	if err != nil {
		t.Fatal(err)
	}
	if token.Issuer != iss.URL() || token.Audience[0] != iss.Audience() || token.Subject != "m2m" || token.ID == "" ||
		token.Expiry.Sub(token.IssuedAt) != time.Hour || token.Type != "JWT" {
		t.Errorf("the token is %+v", token)
	}
	var claims struct {
		Scope    string
		ClientID string `json:"client_id"`
	}
	if err := token.Claims(&claims); err != nil || claims.Scope != "orders:read" || claims.ClientID != "m2m" {
		t.Errorf("claims are %+v (%v)", claims, err)
	}
}

func TestNewWorksInBenchmarks(t *testing.T) {
	benchtime := flag.Lookup("test.benchtime").Value
	before := benchtime.String()
	defer benchtime.Set(before)
	if err := benchtime.Set("1x"); err != nil {
		t.Fatal(err)
	}
	verified := false
	testing.Benchmark(func(b *testing.B) {
		iss := issuertest.New(b)
		_, err := iss.Verifier().Verify(b.Context(), iss.Token())
		verified = err == nil
	})
	if !verified {
		t.Error("the benchmark has verified no token")
	}
}

func FuzzNewWorksInFuzzTests(f *testing.F) {
	if flag.Lookup("test.fuzz").Value.String() != "" {
		f.Skip("it shows that an issuer can be used here; chance finds nothing more")
	}
	iss := issuertest.New(f)
	verifier := iss.Verifier()
	f.Add("a subject")
	f.Fuzz(func(t *testing.T, subject string) {
		token, err := verifier.Verify(t.Context(), iss.Token(issuertest.Claims{"sub": subject}))
		if err != nil {
			t.Fatal(err)
		}
		if want := strings.ToValidUTF8(subject, "\ufffd"); want == subject && token.Subject != want {
			t.Errorf("sub is %q, want %q", token.Subject, want)
		}
		// An F panics when it is told of a failure here: the reason has to survive.
		defer func() {
			if text := fmt.Sprint(recover()); !strings.Contains(text, "the claims have no JSON") {
				t.Errorf("got the panic %q, want the reason", text)
			}
		}()
		iss.Token(issuertest.Claims{"f": func() {}})
	})
}

// segment returns the JSON of a part of a token.
func segment(t *testing.T, token string, i int) map[string]any {
	t.Helper()
	data, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[i])
	if err != nil {
		t.Fatal(err)
	}
	var members map[string]any
	if err := json.Unmarshal(data, &members); err != nil {
		t.Fatal(err)
	}
	return members
}

func TestSignAddsNothing(t *testing.T) {
	token := shared().Sign(issuertest.Claims{"alg": "odd"}, nil)
	header := segment(t, token, 0)
	if claims := segment(t, token, 1); len(header) != 1 || header["alg"] != "odd" || claims != nil {
		t.Errorf("header is %v, claims are %v; want what was given", header, claims)
	}
}

func TestOptionsAddUp(t *testing.T) {
	iss := issuertest.New(t,
		issuertest.WithClaims(issuertest.Claims{"scope": "a", "sub": "jo", "jti": nil}),
		issuertest.WithClaims(issuertest.Claims{"scope": "b"}),
		issuertest.WithAudience("orders"),
		issuertest.Okta(),
		issuertest.AuthAction(),
		issuertest.WithURL("https://tenant.test"),
	)
	claims := segment(t, iss.Token(issuertest.Claims{"sub": "kim"}), 1)
	if claims["scope"] != "b" || claims["sub"] != "kim" || claims["aud"] != "orders" || claims["iss"] != "https://tenant.test" || claims["cid"] != nil {
		t.Errorf("claims are %v", claims)
	}
	if jti, has := claims["jti"]; has {
		t.Errorf("jti is %v, want none", jti)
	}
	if err := verify(t, iss.Verifier(), iss.Token()); err != nil {
		t.Error(err)
	}
}

func TestKeysRotateAndAreRevoked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		iss := issuertest.New(t)
		verifier := iss.Verifier()
		first, _ := segment(t, iss.Token(), 0)["kid"].(string)
		expect := func(when string, token string, want string) {
			t.Helper()
			if got := reasons(verify(t, verifier, token)); got != want {
				t.Errorf("%s: got %s, want %s", when, got, want)
			}
		}
		requests := func(want int) {
			t.Helper()
			if got := len(iss.Requests()); got != want {
				t.Errorf("the issuer was asked %d times, want %d", got, want)
			}
		}

		expect("at first", iss.Token(), "accepted")
		second := iss.Rotate()
		expect("after a rotation that was announced", iss.Token(), "accepted")
		requests(1)
		third := iss.Rotate()
		if got := segment(t, iss.Token(), 0)["kid"]; got != third || second == third || first == second {
			t.Errorf("kid is %v after %s, %s; Rotate returned %s", got, first, second, third)
		}
		expect("after one that was not", iss.Token(), "accepted")
		requests(2)
		expect("an old key", iss.SignWith(first), "accepted")

		iss.Revoke(first)
		expect("a revoked key that is still held", iss.SignWith(first), "accepted")
		time.Sleep(11 * time.Minute)
		expect("a revoked key after the refresh", iss.SignWith(first), "ErrUnknownKey")
		expect("its successor", iss.SignWith(second), "accepted")

		iss.Revoke(third)
		if got := segment(t, iss.Token(), 0)["kid"]; got == third {
			t.Error("a revoked key signs")
		}
		expect("the announced key after the one that signs was revoked", iss.Token(), "accepted")
		for _, bad := range iss.BadTokens() {
			if bad.Name == "kid-missing-two-keys" {
				expect("after a revocation, without kid", bad.Token, "ErrUnknownKey")
			}
		}
	})
}

// The announced key can be revoked too, and the one that signs goes on.
func TestRevokingTheAnnouncedKey(t *testing.T) {
	iss := issuertest.New(t)
	signing := segment(t, iss.Token(), 0)["kid"]
	announced := ""
	for key := range keySet(t, iss).All() {
		if key.ID() != signing {
			announced = key.ID()
		}
	}
	iss.Revoke(announced)
	if got := segment(t, iss.Token(), 0)["kid"]; got != signing {
		t.Errorf("%v signs, want %v", got, signing)
	}
	set := keySet(t, iss)
	for key := range set.All() {
		if key.ID() == announced {
			t.Error("a revoked key is published")
		}
	}
	if set.Len() != 2 {
		t.Errorf("%d keys are published, want 2", set.Len())
	}
}

func keySet(t *testing.T, iss *issuertest.Issuer) *jwtverify.KeySet {
	t.Helper()
	set, err := jwtverify.ParseKeySet(iss.JWKS())
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func TestAdvanceMovesTokenTimeAndNoOther(t *testing.T) {
	iss := issuertest.New(t)
	verifier := iss.Verifier()
	token := iss.Token()
	if err := verify(t, verifier, token); err != nil {
		t.Fatal(err)
	}
	iss.Advance(2 * time.Hour) // far beyond the refresh of the keys
	if err := verify(t, verifier, token); !errors.Is(err, jwtverify.ErrExpired) {
		t.Errorf("an hour after its end the token is %s, want ErrExpired", reasons(err))
	}
	if err := verify(t, verifier, iss.Token()); err != nil {
		t.Errorf("a new token: %v", err)
	}
	if ahead := time.Until(iss.Now()); ahead < time.Hour || ahead > 3*time.Hour {
		t.Errorf("Now is %v ahead, want 2h", ahead)
	}
	if requests := iss.Requests(); len(requests) != 1 || time.Since(requests[0].Time) > time.Minute {
		t.Errorf("requests are %v, want one, at the time of the clock", requests)
	}
	defer func() {
		if recover() == nil {
			t.Error("a negative Advance does not panic")
		}
	}()
	iss.Advance(-1)
}

func TestAnIssuerFromOutsideWorksInABubble(t *testing.T) {
	iss := issuertest.New(t)
	outside := iss.Verifier()
	if err := verify(t, outside, iss.Token()); err != nil {
		t.Fatal(err)
	}
	var inside string
	for range 2 {
		synctest.Test(t, func(t *testing.T) {
			verifier := iss.Verifier()
			inside = iss.Token()
			if err := verify(t, verifier, inside); err != nil {
				t.Error(err)
			}
			time.Sleep(2 * time.Hour)
			if err := verify(t, verifier, inside); !errors.Is(err, jwtverify.ErrExpired) {
				t.Errorf("after 2 hours the token is %s, want ErrExpired", reasons(err))
			}
			for _, fault := range []string{"hang", "drip", "slow", "status-503"} {
				iss.Fault(issuertest.Fault{Name: fault})
				iss.Verifier().Verify(t.Context(), iss.Token())
			}
			iss.Fault(issuertest.Fault{})
			iss.Rotate()
			if err := verify(t, verifier, iss.Token()); err != nil {
				t.Error(err)
			}
		})
	}
	if err := verify(t, outside, inside); !errors.Is(err, jwtverify.ErrExpired) {
		t.Errorf("a token from the bubble is %s outside, want ErrExpired", reasons(err))
	}
	if err := verify(t, outside, iss.Token()); err != nil {
		t.Error(err)
	}
}

func TestTheClientReachesItsIssuerAlone(t *testing.T) {
	reached := make(chan struct{}, 1)
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached <- struct{}{} }))
	defer other.Close()
	iss := shared()
	for _, url := range []string{
		other.URL,
		"https://example.com/.well-known/jwks.json",
		strings.Replace(iss.URL(), "https:", "http:", 1) + "/.well-known/jwks.json",
		iss.URL() + ":8443/.well-known/jwks.json",
		strings.Replace(iss.URL(), ".test", ".test.attacker.test", 1),
	} {
		response, err := iss.Client().Get(url)
		if err == nil {
			t.Errorf("%s: got status %d, want an error", url, response.StatusCode)
			response.Body.Close()
		} else if !strings.Contains(err.Error(), "never the network") {
			t.Errorf("%s: %v", url, err)
		}
	}
	select {
	case <-reached:
		t.Error("the client went to the network")
	default:
	}
}

// get asks for a path of an issuer, by its client.
func get(t *testing.T, iss *issuertest.Issuer, path string) (*http.Response, string) {
	t.Helper()
	return do(t, iss, http.MethodGet, path)
}

func do(t *testing.T, iss *issuertest.Issuer, method, path string) (*http.Response, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, iss.URL()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := iss.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(body)
}

func TestTheClientAnswersAsAServerWould(t *testing.T) {
	iss := issuertest.New(t)
	for _, test := range []struct {
		method, path string
		status       int
		body         bool
	}{
		{"GET", "/.well-known/jwks.json", 200, true},
		{"HEAD", "/.well-known/jwks.json", 200, false},
		{"GET", "/.well-known/openid-configuration", 200, true},
		{"POST", "/.well-known/jwks.json", 405, true},
		{"GET", "/oauth2/m2m/token", 405, true},
		{"GET", "/", 404, true},
	} {
		response, body := do(t, iss, test.method, test.path)
		if response.StatusCode != test.status || (body != "") != test.body {
			t.Errorf("%s %s: got %d and %d bytes, want %d and a body: %v", test.method, test.path, response.StatusCode, len(body), test.status, test.body)
		}
		if test.method == "GET" && response.ContentLength != int64(len(body)) {
			t.Errorf("%s: Content-Length is %d for %d bytes", test.path, response.ContentLength, len(body))
		}
	}
	requests := iss.Requests()
	if len(requests) != 6 || requests[0].Path != "/.well-known/jwks.json" || requests[0].Status != 200 || requests[5].Status != 404 {
		t.Errorf("requests are %v", requests)
	}
}

func TestTheHandlerGivesTheSameAnswersOverASocket(t *testing.T) {
	server := httptest.NewUnstartedServer(nil)
	t.Cleanup(server.Close)
	iss := issuertest.New(t, issuertest.WithURL("http://"+server.Listener.Addr().String()))
	server.Config.Handler = iss.Handler()
	server.Start()

	for _, path := range []string{"/.well-known/jwks.json", "/.well-known/openid-configuration", "/"} {
		want, wantBody := get(t, iss, path)
		got, err := http.Get(iss.URL() + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(got.Body)
		got.Body.Close()
		if err != nil || string(body) != wantBody || got.StatusCode != want.StatusCode || got.Header.Get("Content-Type") != want.Header.Get("Content-Type") {
			t.Errorf("%s: got %d %v, want %d %v; %v", path, got.StatusCode, got.Header, want.StatusCode, want.Header, err)
		}
	}
	config := iss.Config()
	config.Keys = jwtverify.DiscoveryKeySource{Issuer: iss.URL()}
	verifier, err := jwtverify.New(config)
	if err != nil {
		t.Fatal(err)
	}
	if err := verify(t, verifier, iss.Token()); err != nil {
		t.Error(err)
	}
}

func TestParallelUse(t *testing.T) {
	t.Parallel()
	iss := issuertest.New(t)
	var wait sync.WaitGroup
	for range 2 {
		wait.Go(func() {
			verifier := iss.Verifier()
			for range 10 {
				// The key of the token may be revoked a moment later.
				if err := verify(t, verifier, iss.Token()); err != nil && !errors.Is(err, jwtverify.ErrUnknownKey) {
					t.Error(err)
				}
				iss.Requests()
				iss.JWKS()
				iss.Advance(time.Second)
			}
			iss.BadTokens()
		})
	}
	wait.Go(func() { iss.Revoke(iss.Rotate()) })
	wait.Go(func() {
		for range 10 {
			iss.Fault(issuertest.Fault{Name: "malformed-sibling"})
			iss.Fault(issuertest.Fault{})
		}
	})
	wait.Wait()
}

func TestMistakesFailTheTest(t *testing.T) {
	tb := &relay{to: t}
	iss := issuertest.New(tb)
	for _, test := range []struct {
		name string
		does func(tb testing.TB)
		want string
	}{
		{"an unknown fault", func(testing.TB) { iss.Fault(issuertest.Fault{Name: "status-418"}) }, `no fault "status-418": want one of array, drip,`},
		{"a fault without name", func(testing.TB) { iss.Fault(issuertest.Fault{For: 3}) }, `no fault ""`},
		{"a fault for less than no request", func(testing.TB) { iss.Fault(issuertest.Fault{Name: "html", For: -1}) }, "For -1"},
		{"a kid that nobody has", func(testing.TB) { iss.SignWith("x") }, `no signing key with kid "x": want one of "key-1-`},
		{"revoking a kid that nobody has", func(testing.TB) { iss.Revoke("elliptic") }, `no signing key with kid "elliptic"`},
		{"a claim without JSON", func(testing.TB) { iss.Token(issuertest.Claims{"f": func() {}}) }, "the claims have no JSON"},
		{"a header without JSON", func(testing.TB) { iss.Sign(issuertest.Claims{"f": func() {}}, nil) }, "the header has no JSON"},
		{"no audience", func(tb testing.TB) { issuertest.New(tb, issuertest.WithAudience("")) }, "the audience is empty"},
		{"no URL", func(tb testing.TB) { issuertest.New(tb, issuertest.WithURL("")) }, "the URL is empty"},
		{"a URL with a final slash", func(tb testing.TB) { issuertest.New(tb, issuertest.WithURL("https://a.test/")) }, "want no final slash"},
		{"a URL without scheme", func(tb testing.TB) { issuertest.New(tb, issuertest.WithURL("a.test")) }, `the URL is "a.test": want https://`},
		{"a URL with a password", func(tb testing.TB) { issuertest.New(tb, issuertest.WithURL("https://a:secret@a.test")) }, "the URL has a user name"},
		{"a URL with a query", func(tb testing.TB) { issuertest.New(tb, issuertest.WithURL("https://a.test?x")) }, "the URL has a user name, a query"},
		{"no option", func(tb testing.TB) { issuertest.New(tb, nil) }, "option 0 is nil"},
		{"a verifier by http", func(tb testing.TB) { issuertest.New(tb, issuertest.WithURL("http://a.test")).Verifier() }, "use https"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := record(func(r testing.TB) {
				tb.to = r
				test.does(r)
			})
			if !r.fatal || len(r.texts) != 1 || !strings.HasPrefix(r.texts[0], "issuertest: ") || !strings.Contains(r.texts[0], test.want) {
				t.Errorf("got %q, want one failure with %q", r.texts, test.want)
			}
			if strings.Contains(r.text(), "secret") {
				t.Errorf("a password shows in %q", r.text())
			}
		})
	}
}

func TestNothingIsAnsweredAfterTheTest(t *testing.T) {
	var iss *issuertest.Issuer
	r := record(func(tb testing.TB) { iss = issuertest.New(tb) })
	if r.texts != nil {
		t.Fatal(r.text())
	}
	if _, err := iss.Client().Get(iss.URL() + "/.well-known/jwks.json"); err == nil || !strings.Contains(err.Error(), "the test that made it is over") {
		t.Errorf("got %v, want the end of the test", err)
	}
}

// A server can only be closed when its answers have ended.
func TestTheEndOfTheTestEndsAnswersThatHang(t *testing.T) {
	server := httptest.NewUnstartedServer(nil)
	answered := make(chan error, 1)
	r := record(func(tb testing.TB) {
		iss := issuertest.New(tb, issuertest.WithURL("http://"+server.Listener.Addr().String()))
		iss.Fault(issuertest.Fault{Name: "hang"})
		began := make(chan struct{})
		server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			close(began)
			iss.Handler().ServeHTTP(w, r)
		})
		server.Start()
		go func() {
			_, err := http.Get(server.URL + "/.well-known/jwks.json")
			answered <- err
		}()
		<-began
	})
	if r.texts != nil {
		t.Fatal(r.text())
	}
	if err := <-answered; err == nil {
		t.Error("got an answer, want a closed connection")
	}
	server.Close()
}
