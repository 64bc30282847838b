package issuertest_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"example.com/jwtverify"
	"example.com/jwtverify/bearer"
	"example.com/jwtverify/issuertest"
)

// In a test, t is its own.
var t = new(testing.T)

func Example() {
	iss := issuertest.New(t)
	verifier := iss.Verifier()

	token, err := verifier.Verify(context.Background(), iss.Token(issuertest.Claims{"sub": "jo"}))
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println("accepted:", token.Subject)

	_, err = verifier.Verify(context.Background(), iss.Token(issuertest.Claims{"aud": "https://billing.test"}))
	fmt.Println(err)
	// Output:
	// accepted: jo
	// jwtverify: token is invalid: audience is ["https://billing.test"], want "https://api.test"
}

// One line tests an API: that it takes good tokens, refuses bad ones, and tells an
// outage from both.
func ExampleIssuer_Suite() {
	iss := issuertest.New(t)
	verifier := iss.Verifier()

	api := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		scheme, token, _ := strings.Cut(strings.Join(r.Header.Values("Authorization"), ", "), " ")
		if !strings.EqualFold(scheme, "Bearer") {
			w.Header().Set("WWW-Authenticate", "Bearer")
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, err := verifier.Verify(r.Context(), strings.TrimLeft(token, " "))
		var unavailable *jwtverify.KeysUnavailableError
		switch {
		case errors.As(err, &unavailable):
			w.Header().Set("Retry-After", fmt.Sprint(int(unavailable.RetryAfter.Seconds())+1))
			w.WriteHeader(http.StatusServiceUnavailable)
		case err != nil:
			w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
			w.WriteHeader(http.StatusUnauthorized)
		case r.URL.Path == "/orders":
			fmt.Fprint(w, `[{"order":17}]`)
		default:
			http.NotFound(w, r)
		}
	})

	iss.Suite(t, api, "GET /orders")
	fmt.Println("failed:", t.Failed())
	// Output: failed: false
}

// An adapter to a framework that has handlers of its own: the one of the test counts,
// and answers nothing. Here the chain is not told that the guard has answered.
func ExampleIssuer_Ran() {
	iss := issuertest.New(t)
	guard, err := bearer.New(bearer.Config{Verifier: iss.Verifier()})
	if err != nil {
		t.Fatal(err)
	}
	chain := []http.HandlerFunc{
		func(w http.ResponseWriter, r *http.Request) { guard.Admit(w, r) },
		func(w http.ResponseWriter, r *http.Request) {
			iss.Ran()
			w.WriteHeader(http.StatusNoContent)
		},
	}
	api := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, h := range chain {
			h(w, r)
		}
	})

	failures := record(func(tb testing.TB) { iss.Suite(tb, api, "GET /pings") }).texts
	fmt.Println(failures[1])
	// Output:
	// issuertest: GET /pings, no Authorization: got 401 Unauthorized with WWW-Authenticate "Bearer realm=\"api\"", and the handler ran, want no run of the handler, whatever the status
}

func ExampleIssuer_BadTokens() {
	iss := issuertest.New(t)
	verifier := iss.Verifier()
	refused := 0
	for _, bad := range iss.BadTokens() {
		if _, err := verifier.Verify(context.Background(), bad.Token); !errors.Is(err, bad.Err) {
			t.Errorf("%s: got %v, want %v", bad.Name, err, bad.Err)
		}
		refused++
		if bad.Name == "alg-none" {
			fmt.Println(bad.Name, "is", bad.Err)
		}
	}
	fmt.Println("more than 90:", refused > 90)
	// Output:
	// alg-none is jwtverify: token is invalid: unsupported
	// more than 90: true
}

// While the issuer is down, known keys go on, and nothing is said of a token by an
// unknown one.
func ExampleIssuer_Fault() {
	iss := issuertest.New(t)
	verifier := iss.Verifier()
	if err := verifier.Ready(context.Background()); err != nil {
		t.Fatal(err)
	}
	known := iss.Token()

	iss.Fault(issuertest.Fault{Name: "status-503", RetryAfter: 7 * time.Second})
	iss.Rotate() // to the key that was announced
	iss.Rotate() // to one that nobody has seen

	_, err := verifier.Verify(context.Background(), known)
	fmt.Println("known key:", err)
	_, err = verifier.Verify(context.Background(), iss.Token())
	var unavailable *jwtverify.KeysUnavailableError
	if errors.As(err, &unavailable) {
		fmt.Println("new key: try again in", unavailable.RetryAfter.Round(time.Second))
	}
	// Output:
	// known key: <nil>
	// new key: try again in 7s
}

func ExampleIssuer_Advance() {
	iss := issuertest.New(t)
	verifier := iss.Verifier()
	token := iss.Token()

	iss.Advance(2 * time.Hour)
	_, err := verifier.Verify(context.Background(), token)
	fmt.Println("expired:", errors.Is(err, jwtverify.ErrExpired))
	// Output: expired: true
}

// How often were the keys asked for?
func ExampleIssuer_Requests() {
	iss := issuertest.New(t)
	verifier := iss.Verifier()
	for range 100 {
		if _, err := verifier.Verify(context.Background(), iss.Token()); err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range iss.Requests() {
		fmt.Println(r.Status, r.Path)
	}
	// Output: 200 /.well-known/jwks.json
}

// Over a socket, for a program that is not in this process.
func ExampleIssuer_Handler() {
	server := httptest.NewUnstartedServer(nil)
	defer server.Close()
	iss := issuertest.New(t, issuertest.WithURL("http://"+server.Listener.Addr().String()))
	server.Config.Handler = iss.Handler()
	server.Start()

	verifier, err := jwtverify.New(jwtverify.Config{
		Issuer:    iss.URL(),
		Audiences: []string{iss.Audience()},
		Keys:      jwtverify.DiscoveryKeySource{Issuer: iss.URL()},
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = verifier.Verify(context.Background(), iss.Token())
	fmt.Println(err)
	// Output: <nil>
}

// A verifier of your own settings over the issuer in memory.
func ExampleIssuer_Config() {
	iss := issuertest.New(t, issuertest.RFC9068())
	config := iss.Config()
	config.Leeway = -1 // none
	config.Keys = &jwtverify.Cache{Source: config.Keys, Timeout: time.Second}
	verifier, err := jwtverify.New(config)
	if err != nil {
		t.Fatal(err)
	}
	token, err := verifier.Verify(context.Background(), iss.Token())
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println(token.Type)
	// Output: at+jwt
}
