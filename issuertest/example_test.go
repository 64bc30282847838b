package issuertest_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"example.com/jwtverify"
	"example.com/jwtverify/bearer"
	"example.com/jwtverify/issuertest"
)

// In a test, t is the parameter of the test function.
var t = new(testing.T)

// An issuer in memory, a verifier that trusts it, and a good and a bad token.
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

// One line tests an API: that it accepts good tokens, refuses bad ones, and answers 503 in
// an outage of the issuer. In a real test, api is your own handler, built with
// iss.Verifier().
func ExampleIssuer_Suite() {
	iss := issuertest.New(t, issuertest.WithClaims(issuertest.Claims{"scope": "orders:read"}))

	guard, err := bearer.New(bearer.Config{Verifier: iss.Verifier()})
	if err != nil {
		t.Fatal(err)
	}
	api := guard.NewMux()
	api.Handle("GET /orders", guard.Require("orders:read")(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, `[{"order":17}]`)
	})))

	iss.Suite(t, api, "GET /orders")
}

// Suite tests the adapter between a guard and a framework that has its own handlers. Ran
// counts the runs of the handler of the test, which writes nothing that Suite could see.
func ExampleIssuer_Ran() {
	iss := issuertest.New(t)
	guard, err := bearer.New(bearer.Config{Verifier: iss.Verifier()})
	if err != nil {
		t.Fatal(err)
	}
	chain := []func(http.ResponseWriter, *http.Request) (next bool){ // stands for the framework
		func(w http.ResponseWriter, r *http.Request) bool {
			_, ok := guard.Admit(w, r)
			return ok // without this, Suite fails: the handler runs after a refusal
		},
		func(w http.ResponseWriter, r *http.Request) bool {
			iss.Ran()
			w.WriteHeader(http.StatusNoContent)
			return false
		},
	}
	api := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, h := range chain {
			if !h(w, r) {
				return
			}
		}
	})

	iss.Suite(t, api, "GET /pings")
}

// Every bad token must be refused, each with its own error.
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

// While the issuer is down, tokens with a known key are accepted. A token with an unknown
// key is not refused: nothing is known about it.
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

// A token expires when the test advances the clock of tokens.
func ExampleIssuer_Advance() {
	iss := issuertest.New(t)
	verifier := iss.Verifier()
	token := iss.Token()

	iss.Advance(2 * time.Hour)
	_, err := verifier.Verify(context.Background(), token)
	fmt.Println("expired:", errors.Is(err, jwtverify.ErrExpired))
	// Output: expired: true
}

// How often were the keys fetched?
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

// The same issuer over a socket, for a program outside this process.
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

// A verifier with your own settings, with keys from the issuer in memory.
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
