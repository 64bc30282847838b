package jwtverify_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"example.com/jwtverify"
	"example.com/jwtverify/bearer"
	"example.com/jwtverify/issuertest"
)

// The shortest program: verify a token of an issuer with the keys that its metadata name.
// As in all examples, an issuer in memory from package issuertest stands for yours. In a
// program, Issuer and Audiences are constants or settings, and no Client is needed.
func Example() {
	iss := issuertest.New(new(testing.T))
	raw := iss.Token()

	verifier, err := jwtverify.New(jwtverify.Config{
		Issuer:    iss.URL(),                // "https://tenant.example.com"
		Audiences: []string{iss.Audience()}, // "https://api.example.com"
		Keys:      jwtverify.DiscoveryKeySource{Issuer: iss.URL(), Client: iss.Client()},
	})
	if err != nil {
		log.Fatal(err)
	}
	token, err := verifier.Verify(context.Background(), raw)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("accepted:", token.Subject)
	// Output: accepted: m2m
}

// An HTTP API: one route for everyone, one for every valid token, one that also needs a
// scope. The hook logs each refusal with its reason, and Ready makes a start without keys
// fail.
func Example_httpAPI() {
	verifier, err := jwtverify.New(jwtverify.Config{
		Issuer:    "https://tenant.example.com",
		Audiences: []string{"https://api.example.com"},
	})
	if err != nil {
		log.Fatal(err)
	}
	if err := verifier.Ready(context.Background()); err != nil {
		log.Fatal(err)
	}
	guard, err := bearer.New(bearer.Config{
		Verifier: verifier,
		Reject: func(r *http.Request, rejection bearer.Rejection) (string, []byte) {
			log.Printf("%d %s %s: %v", rejection.Status, r.Method, r.URL.Path, rejection.Err)
			return "", nil // keep the body
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	hello := func(w http.ResponseWriter, r *http.Request) {
		token, _ := jwtverify.FromContext(r.Context())
		fmt.Fprintln(w, "hello", token.Subject)
	}
	mux := guard.NewMux()
	mux.Public("GET /healthz", http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	mux.HandleFunc("GET /profile", hello)
	mux.Handle("GET /orders", guard.Require("orders:read")(http.HandlerFunc(hello)))
	log.Fatal(http.ListenAndServe("127.0.0.1:8000", mux))
}

// Without HTTP: a consumer of a queue drops messages whose token is bad, and keeps those
// whose token cannot be checked at the moment.
func Example_withoutHTTP() {
	iss := issuertest.New(new(testing.T))
	verifier := iss.Verifier() // stands for what jwtverify.New returns
	messages := []string{iss.Token(), iss.Token(issuertest.Claims{"aud": "https://billing.test"})}

	for _, raw := range messages {
		token, err := verifier.Verify(context.Background(), raw)
		switch {
		case err == nil:
			fmt.Println("process the message of", token.Subject)
		case errors.Is(err, jwtverify.ErrInvalid):
			fmt.Println("drop:", err)
		default: // jwtverify.ErrKeysUnavailable
			fmt.Println("try again later:", err)
		}
	}
	// Output:
	// process the message of m2m
	// drop: jwtverify: token is invalid: audience is ["https://billing.test"], want "https://api.test"
}

// The two kinds of error, and what a service answers to each: 401 for a bad token, 503
// while the issuer's keys are unavailable.
func ExampleVerifier_Verify_errors() {
	iss := issuertest.New(new(testing.T))
	verifier := iss.Verifier()
	status := func(raw string) int {
		var unavailable *jwtverify.KeysUnavailableError
		switch _, err := verifier.Verify(context.Background(), raw); {
		case err == nil:
			return http.StatusOK
		case errors.As(err, &unavailable):
			return http.StatusServiceUnavailable // with Retry-After: unavailable.RetryAfter
		default:
			return http.StatusUnauthorized // errors.Is(err, jwtverify.ErrInvalid)
		}
	}

	iss.Fault(issuertest.Fault{Name: "refused"}) // the issuer is down, and no key was loaded before
	fmt.Println(status(iss.Token()), status("not a token"))
	// Output: 503 401
}

// A readiness check: it fails only as long as no token can be verified, and asks the
// issuer for nothing while there are keys.
func ExampleVerifier_Ready() {
	iss := issuertest.New(new(testing.T))
	verifier := iss.Verifier()
	ready := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := verifier.Ready(r.Context()); err != nil {
			http.Error(w, "not ready", http.StatusServiceUnavailable) // log err
		}
	})

	w := httptest.NewRecorder()
	ready.ServeHTTP(w, httptest.NewRequest("GET", "/readyz", nil))
	fmt.Println(w.Code)

	iss.Fault(issuertest.Fault{Name: "refused"})
	w = httptest.NewRecorder()
	ready.ServeHTTP(w, httptest.NewRequest("GET", "/readyz", nil))
	fmt.Println(w.Code, "during an outage")
	// Output:
	// 200
	// 200 during an outage
}

// Claims that have no field in Token. For claims that decide about rights use
// Token.Strings, which compares names exactly.
func ExampleToken_Claims() {
	iss := issuertest.New(new(testing.T))
	token, err := iss.Verifier().Verify(context.Background(), iss.Token(issuertest.Claims{"locale": "de-CH"}))
	if err != nil {
		log.Fatal(err)
	}
	var claims struct {
		Locale string `json:"locale"`
	}
	if err := token.Claims(&claims); err != nil {
		log.Fatal(err)
	}
	fmt.Println(claims.Locale)
	// Output: de-CH
}

// Roles, at the place in the claims where the issuer writes them, by exact names.
func ExampleToken_Strings() {
	iss := issuertest.New(new(testing.T))
	raw := iss.Token(issuertest.Claims{"realm_access": map[string]any{"roles": []string{"orders.read"}}})
	token, err := iss.Verifier().Verify(context.Background(), raw)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(slices.Contains(token.Strings("realm_access", "roles"), "orders.read"))
	fmt.Println(token.Strings("realm_access", "Roles"))
	// Output:
	// true
	// []
}

// An issuer gives ID tokens and access tokens the same audience. The check is part of the
// Config, so it applies wherever the Verifier is used.
func ExampleConfig_check() {
	iss := issuertest.New(new(testing.T))
	errNoAccess := errors.New("this is not an access token")
	verifier, err := jwtverify.New(jwtverify.Config{
		Issuer:    iss.URL(),
		Audiences: []string{iss.Audience()},
		Keys:      jwtverify.DiscoveryKeySource{Issuer: iss.URL(), Client: iss.Client()},
		Check: func(token *jwtverify.Token) error {
			if !slices.Equal(token.Strings("token_use"), []string{"access"}) {
				return errNoAccess
			}
			return nil
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	_, err = verifier.Verify(context.Background(), iss.Token(issuertest.Claims{"token_use": "id"}))
	fmt.Println(errors.Is(err, jwtverify.ErrClaims), errors.Is(err, errNoAccess))
	fmt.Println(err)
	// Output:
	// true true
	// jwtverify: token is invalid: Config.Check refused it: "this is not an access token"
}

// The keys of an issuer that publishes metadata: its address is enough.
func ExampleDiscoveryKeySource() {
	iss := issuertest.New(new(testing.T))
	source := jwtverify.DiscoveryKeySource{Issuer: iss.URL(), Client: iss.Client()} // nil Client: the network
	set, err := source.Keys(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("usable keys:", set.Len(), "skipped:", len(set.Skipped()))
	// Output: usable keys: 2 skipped: 2
}

// Keys from a file, such as one that is mounted from a secret. The Cache reads the file
// every 10 seconds while tokens come in.
func ExampleFileKeySource() {
	iss := issuertest.New(new(testing.T))
	dir, err := os.MkdirTemp("", "jwtverify")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "jwks.json")
	if err := os.WriteFile(path, iss.JWKS(), 0o644); err != nil {
		log.Fatal(err)
	}

	verifier, err := jwtverify.New(jwtverify.Config{
		Issuer:    iss.URL(),
		Audiences: []string{iss.Audience()},
		Keys:      jwtverify.FileKeySource(path),
	})
	if err != nil {
		log.Fatal(err)
	}
	token, err := verifier.Verify(context.Background(), iss.Token())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("accepted:", token.Subject)
	// Output: accepted: m2m
}

// A source of your own is one function that returns the whole set: from Redis, Vault, a
// Kubernetes secret. New puts a Cache around it.
func ExampleKeySourceFunc() {
	iss := issuertest.New(new(testing.T))
	redis := map[string][]byte{"jwks:tenant": iss.JWKS()} // stands for a client of Redis

	keys := jwtverify.KeySourceFunc(func(ctx context.Context) (*jwtverify.KeySet, error) {
		data, ok := redis["jwks:tenant"]
		if !ok {
			return nil, errors.New("redis: no jwks:tenant")
		}
		set, err := jwtverify.ParseKeySet(data)
		if err != nil {
			return nil, err
		}
		return set.WithRefreshAfter(time.Minute), nil
	})

	verifier, err := jwtverify.New(jwtverify.Config{
		Issuer:    iss.URL(),
		Audiences: []string{iss.Audience()},
		Keys:      keys,
	})
	if err != nil {
		log.Fatal(err)
	}
	token, err := verifier.Verify(context.Background(), iss.Token())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("accepted:", token.Subject)
	// Output: accepted: m2m
}

// Keys that survive an outage of the issuer, even if the process restarts during it, and
// what the Cache says about itself.
func ExampleStoredKeySource() {
	iss := issuertest.New(new(testing.T))
	dir, err := os.MkdirTemp("", "jwtverify")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	start := func() (*jwtverify.Verifier, *jwtverify.Cache) {
		cache := &jwtverify.Cache{
			Source: jwtverify.StoredKeySource{
				Source: jwtverify.DiscoveryKeySource{Issuer: iss.URL(), Client: iss.Client()},
				Path:   filepath.Join(dir, "keys.json"),
			},
		}
		verifier, err := jwtverify.New(jwtverify.Config{
			Issuer:    iss.URL(),
			Audiences: []string{iss.Audience()},
			Keys:      cache,
		})
		if err != nil {
			log.Fatal(err)
		}
		return verifier, cache
	}

	verifier, _ := start()
	_, err = verifier.Verify(context.Background(), iss.Token())
	fmt.Println("with the issuer:", err)

	iss.Fault(issuertest.Fault{Name: "refused"})
	verifier, cache := start() // another process
	_, err = verifier.Verify(context.Background(), iss.Token())
	fmt.Println("without it:", err)
	fmt.Println("keys:", cache.Stats().Keys, "failing:", cache.Stats().Err != nil)
	// Output:
	// with the issuer: <nil>
	// without it: <nil>
	// keys: 2 failing: true
}

// A key and its kid from a provider that publishes no JWK Set.
func ExampleNewKey() {
	private, err := rsa.GenerateKey(rand.Reader, 2048) // stands for the provider's key
	if err != nil {
		log.Fatal(err)
	}
	key, err := jwtverify.NewKey(&private.PublicKey, "2026-10")
	if err != nil {
		log.Fatal(err)
	}
	set, err := jwtverify.NewKeySet(key)
	if err != nil {
		log.Fatal(err)
	}
	_, err = jwtverify.New(jwtverify.Config{
		Issuer:    "https://tenant.example.com",
		Audiences: []string{"https://api.example.com"},
		Keys:      set,
	})
	fmt.Println(set.Len(), err)
	// Output: 1 <nil>
}

// Why a key of a set is not used.
func ExampleKeySet_Skipped() {
	set, err := jwtverify.ParseKeySet([]byte(`{"keys":[{"kty":"EC","kid":"a"},{"kty":"RSA","kid":"b","use":"enc"}]}`))
	if err != nil {
		log.Fatal(err)
	}
	for _, err := range set.Skipped() {
		fmt.Println(err)
	}
	// Output:
	// key 0 with kid "a" is not used: kty is "EC", want "RSA"
	// key 1 with kid "b" is not used: use is "enc", want "sig"
}

// Why was this token refused? For a person: what each step of the verification expected
// and found, and what to do.
func ExampleVerifier_Explain() {
	iss := issuertest.New(new(testing.T))
	raw := iss.Token(issuertest.Claims{"aud": "https://billing.test"})
	report := iss.Verifier().Explain(context.Background(), raw)
	for _, check := range report.Checks {
		if check.Status == jwtverify.Fail {
			fmt.Println(check.Code)
			fmt.Println("expected", check.Expected)
			fmt.Println("found   ", check.Found)
			fmt.Println("next    ", check.Next)
		}
	}
	// Output:
	// audience-mismatch
	// expected "https://api.test"
	// found    ["https://billing.test"]
	// next     ask for this audience in the token request, or correct the audience in the settings
}

// Two issuers in one API: each token is verified by the Verifier of its issuer.
func ExampleNewIssuers() {
	forCustomers, forStaff, other := issuertest.New(new(testing.T)), issuertest.New(new(testing.T)), issuertest.New(new(testing.T))
	customers, staff := forCustomers.Verifier(), forStaff.Verifier() // stand for what jwtverify.New returns

	raw := forStaff.Token()
	issuers, err := jwtverify.NewIssuers(customers, staff)
	if err != nil {
		log.Fatal(err)
	}
	token, err := issuers.Verify(context.Background(), raw)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(token.Subject, "of", token.Issuer == forStaff.URL())

	_, err = issuers.Verify(context.Background(), other.Token()) // of an issuer that is not trusted
	fmt.Println(errors.Is(err, jwtverify.ErrIssuer))
	// Output:
	// m2m of true
	// true
}
