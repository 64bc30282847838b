package bearer_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"testing"
	"time"

	"example.com/jwtverify"
	"example.com/jwtverify/bearer"
	"example.com/jwtverify/issuertest"
)

// A whole API: one route for everyone, one for every valid token, one that also needs a
// scope. In the other examples an issuer in memory from package issuertest stands for
// yours.
func Example() {
	verifier, err := jwtverify.New(jwtverify.Config{
		Issuer:    "https://tenant.example.com",
		Audiences: []string{"https://api.example.com"},
	})
	if err != nil {
		log.Fatal(err)
	}
	guard, err := bearer.New(bearer.Config{Verifier: verifier})
	if err != nil {
		log.Fatal(err)
	}
	hello := func(w http.ResponseWriter, r *http.Request) {
		token, _ := jwtverify.FromContext(r.Context())
		fmt.Fprintln(w, "hello", token.Subject)
	}
	mux := guard.NewMux()
	mux.Public("GET /public", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, "hello") }))
	mux.HandleFunc("GET /protected", hello)
	mux.Handle("GET /orders", guard.Require("orders:read")(http.HandlerFunc(hello)))
	log.Fatal(http.ListenAndServe("127.0.0.1:8000", mux))
}

// Protected by default: every request needs a token unless its pattern was registered as
// public or optional, also for 404 and 405.
func ExampleMux() {
	iss := issuertest.New(new(testing.T))
	guard, err := bearer.New(bearer.Config{Verifier: iss.Verifier()})
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

	for _, request := range []struct{ method, path, token string }{
		{"GET", "/public", ""},
		{"GET", "/catalog", ""},
		{"GET", "/protected", ""},
		{"GET", "/protected", iss.Token()},
		{"GET", "/orders", iss.Token()},
		{"POST", "/public", ""},
		{"POST", "/public", iss.Token()},
		{"GET", "/nowhere", ""},
		{"OPTIONS", "/orders", ""},
	} {
		r := httptest.NewRequest(request.method, request.path, nil)
		if request.token != "" {
			r.Header.Set("Authorization", "Bearer "+request.token)
		}
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		fmt.Println(request.method, request.path, request.token != "", w.Code)
	}
	// Output:
	// GET /public false 200
	// GET /catalog false 200
	// GET /protected false 401
	// GET /protected true 200
	// GET /orders true 403
	// POST /public false 401
	// POST /public true 405
	// GET /nowhere false 401
	// OPTIONS /orders false 200
}

// Any router: if it is wrapped as a whole, it is protected by default. Inside it, Require
// checks scopes without verifying the token again.
func ExampleGuard_Require_router() {
	iss := issuertest.New(new(testing.T))
	guard, err := bearer.New(bearer.Config{Verifier: iss.Verifier()})
	if err != nil {
		log.Fatal(err)
	}
	hello := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "hello") })

	router := http.NewServeMux() // stands for any router
	router.Handle("GET /profile", hello)
	router.Handle("GET /orders", guard.Require("orders:read")(hello))
	handler := guard.Require()(router)

	for _, path := range []string{"/profile", "/orders"} {
		for _, scope := range []string{"profile", "orders:read"} {
			r := httptest.NewRequest("GET", path, nil)
			r.Header.Set("Authorization", "Bearer "+iss.Token(issuertest.Claims{"scope": scope}))
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			fmt.Println(path, "with the scope", scope, w.Code)
		}
	}
	// Output:
	// /profile with the scope profile 200
	// /profile with the scope orders:read 200
	// /orders with the scope profile 403
	// /orders with the scope orders:read 200
}

// Logging: one hook is called for every refusal. It gets the full reason, but never the
// token.
func ExampleConfig_reject() {
	iss := issuertest.New(new(testing.T))
	logger := log.New(os.Stdout, "", 0)
	guard, err := bearer.New(bearer.Config{
		Verifier: iss.Verifier(),
		Reject: func(r *http.Request, rejection bearer.Rejection) (contentType string, body []byte) {
			var unavailable *jwtverify.KeysUnavailableError
			if errors.As(rejection.Err, &unavailable) && unavailable.Reason == "caller" {
				return "", nil // the client has gone: nobody reads the response
			}
			logger.Printf("%d %s %s: %v", rejection.Status, r.Method, r.URL.Path, rejection.Err)
			return "", nil // keep the body
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	handler := guard.Require("orders:read")(http.NotFoundHandler())

	r := httptest.NewRequest("GET", "/orders", nil)
	handler.ServeHTTP(httptest.NewRecorder(), r)
	for _, claims := range []issuertest.Claims{{"scope": "profile"}, {"aud": "https://billing.test"}} {
		r := httptest.NewRequest("GET", "/orders", nil)
		r.Header.Set("Authorization", "Bearer "+iss.Token(claims))
		handler.ServeHTTP(httptest.NewRecorder(), r)
	}
	// Output:
	// 401 GET /orders: bearer: no credentials of the scheme Bearer
	// 403 GET /orders: bearer: token lacks the scope "orders:read": it has ["profile"]
	// 401 GET /orders: jwtverify: token is invalid: audience is ["https://billing.test"], want "https://api.test"
}

// Scopes: Require needs all the scopes that it names. Check "any of" in the handler.
func ExampleHasScope() {
	iss := issuertest.New(new(testing.T))
	guard, err := bearer.New(bearer.Config{Verifier: iss.Verifier()})
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

	for _, scopes := range []string{"orders:read", "orders:read admin"} {
		r := httptest.NewRequest("GET", "/orders", nil)
		r.Header.Set("Authorization", "Bearer "+iss.Token(issuertest.Claims{"scope": scopes}))
		handler.ServeHTTP(httptest.NewRecorder(), r)
	}
	// Output:
	// may read
	// may write
}

// Roles: a function decides by anything that the token says, such as the roles of
// Keycloak. Its error goes to Config.Reject, not to the client.
func ExampleGuard_RequireFunc() {
	iss := issuertest.New(new(testing.T))
	guard, err := bearer.New(bearer.Config{Verifier: iss.Verifier()})
	if err != nil {
		log.Fatal(err)
	}
	admins := guard.RequireFunc(func(t *jwtverify.Token) error {
		if slices.Contains(t.Strings("realm_access", "roles"), "admin") {
			return nil
		}
		return errors.New("not an admin")
	})
	handler := admins(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))

	for _, role := range []string{"admin", "user"} {
		r := httptest.NewRequest("GET", "/orders", nil)
		r.Header.Set("Authorization", "Bearer "+iss.Token(issuertest.Claims{"realm_access": map[string]any{"roles": []string{role}}}))
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		fmt.Println(role, w.Code)
	}
	// Output:
	// admin 200
	// user 403
}

// A framework with its own type of handlers, which run in a chain until one of them stops
// it, as in gin or fiber.
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
	iss := issuertest.New(new(testing.T))
	guard, err := bearer.New(bearer.Config{Verifier: iss.Verifier()})
	if err != nil {
		log.Fatal(err)
	}
	handler := chain(
		func(x *exchange) {
			var ok bool
			if x.Request, ok = guard.Admit(x.ResponseWriter, x.Request, "orders:read"); !ok {
				x.done = true // the response has been written
			}
		},
		func(x *exchange) {
			token, _ := jwtverify.FromContext(x.Context())
			fmt.Println("orders of", token.Subject)
		},
	)

	for _, scope := range []string{"orders:read", "profile"} {
		r := httptest.NewRequest("GET", "/orders", nil)
		r.Header.Set("Authorization", "Bearer "+iss.Token(issuertest.Claims{"scope": scope}))
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		fmt.Println(scope, w.Code)
	}
	// Output:
	// orders of m2m
	// orders:read 200
	// profile 403
}

// The check that a reverse proxy asks, as the only handler of its own server.
func ExampleGuard_ForwardAuth() {
	iss := issuertest.New(new(testing.T))
	guard, err := bearer.New(bearer.Config{Verifier: iss.Verifier()})
	if err != nil {
		log.Fatal(err)
	}
	server := &http.Server{
		Addr:                         "127.0.0.1:9000",
		Handler:                      guard.ForwardAuth("orders:read"),
		DisableGeneralOptionsHandler: true, // otherwise it answers "OPTIONS *" with 200 itself
		ReadHeaderTimeout:            5 * time.Second,
	}

	r := httptest.NewRequest("POST", "/whatever//the/client/asked", nil)
	r.Header.Set("Authorization", "Bearer "+iss.Token(issuertest.Claims{"scope": "orders:read profile"}))
	w := httptest.NewRecorder()
	server.Handler.ServeHTTP(w, r)
	fmt.Println(w.Code)
	fmt.Println("X-Auth-Subject:", w.Header().Get("X-Auth-Subject"))
	fmt.Println("X-Auth-Issuer:", w.Header().Get("X-Auth-Issuer") == iss.URL())
	fmt.Println("X-Auth-Scope:", w.Header().Get("X-Auth-Scope"))
	// Output:
	// 200
	// X-Auth-Subject: m2m
	// X-Auth-Issuer: true
	// X-Auth-Scope: orders:read profile
}

// Tokens that are bound to a client certificate (RFC 8705): the connection itself is the
// proof. It must end in this program, not in a proxy.
func ExampleConfig_bound() {
	iss := issuertest.New(new(testing.T))
	guard, err := bearer.New(bearer.Config{
		Verifier: iss.Verifier(),
		Bound: func(r *http.Request, token *jwtverify.Token) error {
			if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
				return errors.New("no client certificate")
			}
			hash := sha256.Sum256(r.TLS.PeerCertificates[0].Raw)
			if !slices.Equal(token.Strings("cnf", "x5t#S256"), []string{base64.RawURLEncoding.EncodeToString(hash[:])}) {
				return errors.New("the token is bound to another certificate")
			}
			return nil
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	handler := guard.Require()(http.NotFoundHandler())

	r := httptest.NewRequest("GET", "/orders", nil) // without a client certificate
	r.Header.Set("Authorization", "Bearer "+iss.Token(issuertest.Claims{
		"cnf": map[string]any{"x5t#S256": "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2"},
	}))
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	fmt.Println(w.Code)
	// Output: 401
}

// Without HTTP: what a gRPC interceptor does with the metadata of a call.
func ExampleParse() {
	iss := issuertest.New(new(testing.T))
	verifier := iss.Verifier()
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
		case !slices.Contains(bearer.Scopes(token), scope):
			return "PermissionDenied"
		}
		return "OK"
	}
	ctx := context.Background()
	fmt.Println(code(ctx, nil, "orders:read"))
	fmt.Println(code(ctx, []string{"Bearer " + iss.Token(issuertest.Claims{"scope": "profile"})}, "orders:read"))
	fmt.Println(code(ctx, []string{"Bearer " + iss.Token(issuertest.Claims{"scope": "orders:read"})}, "orders:read"))
	// Output:
	// Unauthenticated
	// PermissionDenied
	// OK
}

// A client that knows only the address of the API finds the issuer.
func ExampleGuard_Metadata() {
	iss := issuertest.New(new(testing.T))
	guard, err := bearer.New(bearer.Config{
		Verifier: iss.Verifier(),
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

	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest("GET", "/v1/orders", nil))
	fmt.Println(w.Code, w.Header().Get("WWW-Authenticate"))
	w = httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest("GET", "/.well-known/oauth-protected-resource/v1", nil))
	fmt.Println(w.Body)
	// Output:
	// 401 Bearer realm="api", resource_metadata="https://api.example.com/.well-known/oauth-protected-resource/v1"
	// {"resource":"https://api.example.com/v1","authorization_servers":["https://tenant.example.com"],"bearer_methods_supported":["header"]}
}
