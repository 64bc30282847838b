package bearer_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"example.com/jwtverify"
	"example.com/jwtverify/bearer"
)

// A whole API: one route for everyone, one for whoever has a valid token.
func Example() {
	verifier, err := jwtverify.New(jwtverify.Config{
		Issuer: "https://tenant.example.com", Audiences: []string{"https://api.example.com"},
		Keys: jwtverify.HTTPKeySource{URL: "https://tenant.example.com/.well-known/jwks.json"}})
	if err != nil {
		log.Fatal(err)
	}
	guard, err := bearer.New(bearer.Config{Verifier: verifier})
	if err != nil {
		log.Fatal(err)
	}
	mux := guard.NewMux()
	mux.Public("GET /public", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write([]byte("hello")) }))
	mux.HandleFunc("GET /protected", func(w http.ResponseWriter, r *http.Request) {
		token, _ := jwtverify.FromContext(r.Context())
		w.Write([]byte("hello " + token.Subject))
	})
	log.Fatal(http.ListenAndServe("127.0.0.1:8000", mux))
}

// exampleToken is a good token with a scope claim, or none if that is empty.
func exampleToken(scope string) string {
	changes := claims{"scope": scope}
	if scope == "" {
		changes = nil
	}
	return token(new(testing.T), changes)
}

// exampleVerifier stands for what jwtverify.New returns.
func exampleVerifier() *jwtverify.Verifier { return newVerifier(new(testing.T)) }

// show prints what a request gets. The token may be empty.
func show(h http.Handler, method, path, token string) {
	r := httptest.NewRequest(method, path, nil)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	fmt.Println(strings.TrimSpace(fmt.Sprintln(method, path, w.Code, w.Header().Get("WWW-Authenticate"))))
}

// Protected by default: what nobody has made public needs a token, 404 and 405 too.
func ExampleMux() {
	guard, err := bearer.New(bearer.Config{Verifier: exampleVerifier()})
	if err != nil {
		log.Fatal(err)
	}
	hello := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "hello") })

	mux := guard.NewMux()
	mux.Handle("GET /protected", hello)
	mux.Handle("GET /orders", guard.Require("orders:read")(hello))
	mux.Public("GET /public", hello)
	mux.Optional("GET /catalog", hello)
	mux.Public("OPTIONS /orders", hello) // a CORS preflight has no token

	show(mux, "GET", "/public", "")
	show(mux, "GET", "/catalog", "")
	show(mux, "GET", "/protected", "")
	show(mux, "GET", "/protected", exampleToken(""))
	show(mux, "POST", "/public", "")
	show(mux, "POST", "/public", exampleToken(""))
	show(mux, "GET", "/nowhere", "")
	show(mux, "OPTIONS", "/orders", "")
	// Output:
	// GET /public 200
	// GET /catalog 200
	// GET /protected 401 Bearer realm="api"
	// GET /protected 200
	// POST /public 401 Bearer realm="api"
	// POST /public 405
	// GET /nowhere 401 Bearer realm="api"
	// OPTIONS /orders 200
}

// Any router: wrapped as a whole it is protected by default, and inside Require asks for
// scopes without verifying again.
func ExampleGuard_Require_router() {
	guard, err := bearer.New(bearer.Config{Verifier: exampleVerifier()})
	if err != nil {
		log.Fatal(err)
	}
	hello := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "hello") })

	router := http.NewServeMux() // stands for any router
	router.Handle("GET /profile", hello)
	router.Handle("GET /orders", guard.Require("orders:read")(hello))
	handler := guard.Require()(router)

	show(handler, "GET", "/profile", "")
	show(handler, "GET", "/profile", exampleToken(""))
	show(handler, "GET", "/orders", exampleToken("orders:read"))
	// Output:
	// GET /profile 401 Bearer realm="api"
	// GET /profile 200
	// GET /orders 200
}

// Logging: one hook is called for every refusal, with the full reason, and the token is
// not in what it gets.
func ExampleConfig_reject() {
	logger := log.New(os.Stdout, "", 0)
	guard, err := bearer.New(bearer.Config{
		Verifier: exampleVerifier(),
		Reject: func(r *http.Request, rejection bearer.Rejection) (contentType string, body []byte) {
			var unavailable *jwtverify.KeysUnavailableError
			if errors.As(rejection.Err, &unavailable) && unavailable.Reason == "caller" {
				return "", nil // the client has gone; nobody reads the answer
			}
			logger.Printf("%d %s %s: %v", rejection.Status, r.Method, r.URL.Path, rejection.Err)
			return "", nil // keep the body
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	handler := guard.Require("orders:read")(http.NotFoundHandler())

	show(handler, "GET", "/orders", "")
	show(handler, "GET", "/orders", exampleToken("profile"))
	show(handler, "GET", "/orders", token(new(testing.T), claims{"aud": "https://other.example"}))
	// Output:
	// 401 GET /orders: bearer: no credentials of the scheme Bearer
	// GET /orders 401 Bearer realm="api", scope="orders:read"
	// 403 GET /orders: bearer: token lacks the scope "orders:read": it has ["profile"]
	// GET /orders 403 Bearer realm="api", error="insufficient_scope", error_description="The access token lacks a required scope", scope="orders:read"
	// 401 GET /orders: jwtverify: token is invalid: audience is ["https://other.example"], want "https://api.example"
	// GET /orders 401 Bearer realm="api", error="invalid_token", error_description="The access token is not valid", scope="orders:read"
}

// Require takes all the scopes that a route needs. "Any of" is asked in the handler.
func ExampleHasScope() {
	guard, err := bearer.New(bearer.Config{Verifier: exampleVerifier()})
	if err != nil {
		log.Fatal(err)
	}
	handler := guard.Require("orders:read")(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		if bearer.HasScope(ctx, "orders:write") || bearer.HasScope(ctx, "admin") {
			fmt.Println("may write")
			return
		}
		fmt.Println("may read")
	}))

	show(handler, "GET", "/orders", exampleToken("orders:read"))
	show(handler, "GET", "/orders", exampleToken("orders:read admin"))
	// Output:
	// may read
	// GET /orders 200
	// may write
	// GET /orders 200
}

// Roles, tenants, or one of several scopes: whatever the token says decides.
func ExampleGuard_RequireFunc() {
	guard, err := bearer.New(bearer.Config{Verifier: exampleVerifier()})
	if err != nil {
		log.Fatal(err)
	}
	reader := guard.RequireFunc(func(t *jwtverify.Token) error {
		for _, scope := range bearer.Scopes(t) {
			if scope == "orders:read" || scope == "admin" {
				return nil
			}
		}
		return errors.New("neither orders:read nor admin") // for Config.Reject, not for the client
	})
	handler := reader(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))

	show(handler, "GET", "/orders", exampleToken("admin"))
	show(handler, "GET", "/orders", exampleToken("profile"))
	show(handler, "GET", "/orders", "")
	// Output:
	// GET /orders 200
	// GET /orders 403 Bearer realm="api", error="insufficient_scope", error_description="The access token does not permit this request"
	// GET /orders 401 Bearer realm="api"
}

// A framework with handlers of its own, which run in a chain until one breaks it off, as
// in gin or fiber.
func ExampleGuard_Admit() {
	type exchange struct {
		http.ResponseWriter
		*http.Request
		done bool
	}
	chain := func(handlers ...func(*exchange)) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			x := &exchange{w, r, false}
			for _, h := range handlers {
				if h(x); x.done {
					break
				}
			}
		})
	}
	guard, err := bearer.New(bearer.Config{Verifier: exampleVerifier()})
	if err != nil {
		log.Fatal(err)
	}
	handler := chain(
		func(x *exchange) {
			var ok bool
			if x.Request, ok = guard.Admit(x.ResponseWriter, x.Request, "orders:read"); !ok {
				x.done = true // the answer has been written
			}
		},
		func(x *exchange) {
			token, _ := jwtverify.FromContext(x.Context())
			fmt.Println("orders of", token.Subject)
		},
	)

	show(handler, "GET", "/orders", exampleToken("orders:read"))
	show(handler, "GET", "/orders", exampleToken("profile"))
	// Output:
	// orders of client-1
	// GET /orders 200
	// GET /orders 403 Bearer realm="api", error="insufficient_scope", error_description="The access token lacks a required scope", scope="orders:read"
}

// The check that a reverse proxy asks for, as the whole handler of its own server.
func ExampleGuard_ForwardAuth() {
	guard, err := bearer.New(bearer.Config{Verifier: exampleVerifier()})
	if err != nil {
		log.Fatal(err)
	}
	server := &http.Server{
		Addr:                         "127.0.0.1:9000",
		Handler:                      guard.ForwardAuth("orders:read"),
		DisableGeneralOptionsHandler: true, // or it answers "OPTIONS *" by 200 itself
		ReadHeaderTimeout:            5 * time.Second,
	}

	r := httptest.NewRequest("POST", "/whatever//the/client/asked", nil)
	r.Header.Set("Authorization", "Bearer "+exampleToken("orders:read profile"))
	w := httptest.NewRecorder()
	server.Handler.ServeHTTP(w, r)
	fmt.Println(w.Code)
	for _, name := range []string{"X-Auth-Subject", "X-Auth-Issuer", "X-Auth-Scope"} {
		fmt.Println(name+":", w.Header().Get(name))
	}
	// Output:
	// 200
	// X-Auth-Subject: client-1
	// X-Auth-Issuer: https://issuer.example
	// X-Auth-Scope: orders:read profile
}

// Tokens that are bound to a client certificate (RFC 8705): the proof is the connection
// itself.
func ExampleConfig_bound() {
	guard, err := bearer.New(bearer.Config{
		Verifier: exampleVerifier(),
		Bound: func(r *http.Request, token *jwtverify.Token) error {
			if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
				return errors.New("no client certificate")
			}
			// Here follows: its SHA-256 equals x5t#S256 in the claim cnf.
			return errors.New("the certificate is another one")
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	bound := token(new(testing.T), claims{"cnf": claims{"x5t#S256": "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2"}})
	show(guard.Require()(http.NotFoundHandler()), "GET", "/orders", bound)
	// Output: GET /orders 401 Bearer realm="api", error="invalid_token", error_description="The access token is not valid"
}

// Without HTTP: what a gRPC interceptor does with the metadata of a call.
func ExampleParse() {
	verifier := exampleVerifier()
	code := func(ctx context.Context, authorization []string, scope string) string {
		raw, err := bearer.Parse(authorization) // metadata["authorization"]
		if err != nil {
			return "Unauthenticated"
		}
		token, err := verifier.Verify(ctx, raw)
		switch {
		case errors.Is(err, jwtverify.ErrInvalid):
			return "Unauthenticated"
		case err != nil:
			return "Unavailable"
		}
		for _, has := range bearer.Scopes(token) {
			if has == scope {
				return "OK"
			}
		}
		return "PermissionDenied"
	}
	ctx := context.Background()
	fmt.Println(code(ctx, nil, "orders:read"))
	fmt.Println(code(ctx, []string{"Bearer " + exampleToken("profile")}, "orders:read"))
	fmt.Println(code(ctx, []string{"Bearer " + exampleToken("orders:read")}, "orders:read"))
	// Output:
	// Unauthenticated
	// PermissionDenied
	// OK
}

// A client that has only the address of the API finds its way to the issuer.
func ExampleGuard_Metadata() {
	guard, err := bearer.New(bearer.Config{
		Verifier: exampleVerifier(),
		Resource: &bearer.Resource{
			ID:                   "https://api.example.com/v1",
			AuthorizationServers: []string{"https://tenant.example.com"},
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	mux := guard.NewMux()
	mux.Public("GET /.well-known/oauth-protected-resource/v1", guard.Metadata())
	mux.Public("OPTIONS /.well-known/oauth-protected-resource/v1", guard.Metadata()) // for clients in browsers

	show(mux, "GET", "/v1/orders", "")
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest("GET", "/.well-known/oauth-protected-resource/v1", nil))
	fmt.Println(w.Body)
	// Output:
	// GET /v1/orders 401 Bearer realm="api", resource_metadata="https://api.example.com/.well-known/oauth-protected-resource/v1"
	// {"resource":"https://api.example.com/v1","authorization_servers":["https://tenant.example.com"],"bearer_methods_supported":["header"]}
}
