package jwtverify_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"example.com/jwtverify"
	"example.com/jwtverify/bearer"
)

// exampleIssuer is an issuer on loopback with one key, and a token of it for
// "https://api.example.com".
func exampleIssuer() (server *httptest.Server, token string) {
	tb := new(testing.T) // the shared keys; a failure shows in the output
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/.well-known/jwks.json":
			fmt.Fprint(w, jwkSet(tb, 1))
		case "/.well-known/openid-configuration":
			fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":%q}`, server.URL, server.URL+"/.well-known/jwks.json")
		default:
			http.NotFound(w, r)
		}
	}))
	claims := goodClaims()
	claims["iss"], claims["aud"], claims["exp"] = server.URL, "https://api.example.com", time.Now().Add(time.Hour).Unix()
	claims["scope"], claims["realm_access"] = "orders:read", map[string]any{"roles": []string{"orders.read"}}
	return server, sign(tb, 0, goodHeader(), claims)
}

// The shortest program: an issuer's tokens, verified with the keys that its metadata
// name.
func Example() {
	server, raw := exampleIssuer()
	defer server.Close()

	verifier, err := jwtverify.New(jwtverify.Config{
		Issuer: server.URL, Audiences: []string{"https://api.example.com"},
	})
	if err != nil {
		log.Fatal(err)
	}
	token, err := verifier.Verify(context.Background(), raw)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("accepted:", token.Subject)
	// Output: accepted: client-1
}

// The two kinds of error, and what a service answers to each.
func ExampleVerifier_Verify_errors() {
	server, raw := exampleIssuer()
	verifier, err := jwtverify.New(jwtverify.Config{
		Issuer:    server.URL,
		Audiences: []string{"https://api.example.com"},
		Keys:      jwtverify.HTTPKeySource{URL: server.URL + "/.well-known/jwks.json"},
	})
	if err != nil {
		log.Fatal(err)
	}
	status := func(raw string) int {
		var unavailable *jwtverify.KeysUnavailableError
		switch _, err := verifier.Verify(context.Background(), raw); {
		case err == nil:
			return http.StatusOK
		case errors.As(err, &unavailable):
			return http.StatusServiceUnavailable // and Retry-After: unavailable.RetryAfter
		default:
			return http.StatusUnauthorized // errors.Is(err, jwtverify.ErrInvalid)
		}
	}
	server.Close() // the issuer is down, and no key was ever loaded
	fmt.Println(status(raw), status("not a token"))
	// Output: 503 401
}

// Claims that have no field in Token.
func ExampleToken_Claims() {
	server, raw := exampleIssuer()
	defer server.Close()
	verifier, err := jwtverify.New(jwtverify.Config{
		Issuer:    server.URL,
		Audiences: []string{"https://api.example.com"},
		Keys:      jwtverify.HTTPKeySource{URL: server.URL + "/.well-known/jwks.json"},
	})
	if err != nil {
		log.Fatal(err)
	}
	token, err := verifier.Verify(context.Background(), raw)
	if err != nil {
		log.Fatal(err)
	}
	var claims struct {
		Scope string `json:"scope"`
	}
	if err := token.Claims(&claims); err != nil {
		log.Fatal(err)
	}
	fmt.Println(claims.Scope)
	// Output: orders:read
}

// Rights that the issuer wrote somewhere into the claims, by exact names.
func ExampleToken_Strings() {
	server, raw := exampleIssuer()
	defer server.Close()
	verifier, err := jwtverify.New(jwtverify.Config{Issuer: server.URL, Audiences: []string{"https://api.example.com"}})
	if err != nil {
		log.Fatal(err)
	}
	token, err := verifier.Verify(context.Background(), raw)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(slices.Contains(token.Strings("realm_access", "roles"), "orders.read"))
	fmt.Println(token.Strings("scope"), token.Strings("Scope"))
	// Output:
	// true
	// [orders:read] []
}

// An API for access tokens alone, of an issuer whose ID tokens have the same audience:
// the check is part of the Config, and holds wherever the Verifier is used.
func ExampleConfig_check() {
	server, raw := exampleIssuer()
	defer server.Close()
	errNoAccess := errors.New("this is no access token")
	verifier, err := jwtverify.New(jwtverify.Config{
		Issuer: server.URL, Audiences: []string{"https://api.example.com"},
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
	_, err = verifier.Verify(context.Background(), raw)
	fmt.Println(errors.Is(err, jwtverify.ErrClaims), errors.Is(err, errNoAccess))
	fmt.Println(err)
	// Output:
	// true true
	// jwtverify: token is invalid: Config.Check refused it: "this is no access token"
}

// The keys of an issuer that publishes metadata: its address is enough.
func ExampleDiscoveryKeySource() {
	server, raw := exampleIssuer()
	defer server.Close()
	verifier, err := jwtverify.New(jwtverify.Config{
		Issuer:    server.URL,
		Audiences: []string{"https://api.example.com"},
		Keys:      jwtverify.DiscoveryKeySource{Issuer: server.URL},
	})
	if err != nil {
		log.Fatal(err)
	}
	token, err := verifier.Verify(context.Background(), raw)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(token.KeyID)
	// Output: key-0
}

// A source of your own is one function that returns the whole set: from Redis, a
// Kubernetes secret, Vault. New puts a Cache around it.
func ExampleKeySourceFunc() {
	server, raw := exampleIssuer()
	defer server.Close()
	redis := map[string]string{"jwks:tenant": jwkSet(new(testing.T), 1)} // stands for a client

	keys := jwtverify.KeySourceFunc(func(ctx context.Context) (*jwtverify.KeySet, error) {
		text, ok := redis["jwks:tenant"]
		if !ok {
			return nil, errors.New("redis: no jwks:tenant")
		}
		set, err := jwtverify.ParseKeySet([]byte(text))
		if err != nil {
			return nil, err
		}
		return set.WithRefreshAfter(time.Minute), nil
	})

	verifier, err := jwtverify.New(jwtverify.Config{
		Issuer:    server.URL,
		Audiences: []string{"https://api.example.com"},
		Keys:      keys,
	})
	if err != nil {
		log.Fatal(err)
	}
	token, err := verifier.Verify(context.Background(), raw)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("accepted:", token.Subject)
	// Output: accepted: client-1
}

// Keys that survive an outage of the issuer, even a restart in it, and what the
// Cache tells about itself.
func ExampleStoredKeySource() {
	issuer, raw := exampleIssuer()
	dir, err := os.MkdirTemp("", "jwtverify")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	start := func() (*jwtverify.Verifier, *jwtverify.Cache) {
		cache := &jwtverify.Cache{
			Source: jwtverify.StoredKeySource{
				Source: jwtverify.HTTPKeySource{URL: issuer.URL + "/.well-known/jwks.json"},
				Path:   filepath.Join(dir, "keys.json"),
			},
		}
		verifier, err := jwtverify.New(jwtverify.Config{
			Issuer:    issuer.URL,
			Audiences: []string{"https://api.example.com"},
			Keys:      cache,
		})
		if err != nil {
			log.Fatal(err)
		}
		return verifier, cache
	}

	verifier, _ := start()
	_, err = verifier.Verify(context.Background(), raw)
	fmt.Println("with the issuer:", err)

	issuer.Close()
	verifier, cache := start() // another process
	_, err = verifier.Verify(context.Background(), raw)
	fmt.Println("without it:", err)
	fmt.Println("keys:", cache.Stats().Keys, "failing:", cache.Stats().Err != nil)
	// Output:
	// with the issuer: <nil>
	// without it: <nil>
	// keys: 1 failing: true
}

// Keys from PEM, with the kid that the issuer gave out beside them.
func ExampleNewKey() {
	key, err := jwtverify.NewKey(&testKey(new(testing.T), 0).PublicKey, "2026-10")
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

// jwkSet is the JWK Set of the first n shared keys.
func jwkSet(tb testing.TB, n int) string {
	var keys []map[string]string
	for i := range n {
		keys = append(keys, jwkOf(&testKey(tb, i).PublicKey, fmt.Sprintf("key-%d", i)))
	}
	data, err := json.Marshal(map[string]any{"keys": keys})
	if err != nil {
		tb.Fatal(err)
	}
	return string(data)
}

// Why was this token refused? For a person: each step of the verification, what it
// expected and found, and what to do.
func ExampleVerifier_Explain() {
	server, raw := exampleIssuer()
	defer server.Close()
	verifier, err := jwtverify.New(jwtverify.Config{
		Issuer: server.URL, Audiences: []string{"https://billing.example.com"},
		Keys: jwtverify.HTTPKeySource{URL: server.URL + "/.well-known/jwks.json"},
	})
	if err != nil {
		log.Fatal(err)
	}
	report := verifier.Explain(context.Background(), raw)
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
	// expected "https://billing.example.com"
	// found    ["https://api.example.com"]
	// next     ask for this audience in the token request, or correct the audience in the settings
}

// Two issuers in one API: each token is verified by the Verifier of its issuer.
func ExampleNewIssuers() {
	server, raw := exampleIssuer()
	defer server.Close()
	customers, err := jwtverify.New(jwtverify.Config{
		Issuer: server.URL, Audiences: []string{"https://api.example.com"},
		Keys: jwtverify.HTTPKeySource{URL: server.URL + "/.well-known/jwks.json"},
	})
	if err != nil {
		log.Fatal(err)
	}
	staff, err := jwtverify.New(jwtverify.Config{
		Issuer: "https://staff.example.com", Audiences: []string{"api://orders"},
		Keys: jwtverify.HTTPKeySource{URL: "https://staff.example.com/keys"},
	})
	if err != nil {
		log.Fatal(err)
	}
	issuers, err := jwtverify.NewIssuers(customers, staff)
	if err != nil {
		log.Fatal(err)
	}
	token, err := issuers.Verify(context.Background(), raw)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(token.Subject, "of", token.Issuer == server.URL)
	_, err = issuers.Verify(context.Background(), sign(new(testing.T), 0, goodHeader(), goodClaims())) // of a third issuer
	fmt.Println(errors.Is(err, jwtverify.ErrIssuer))
	// Output:
	// client-1 of true
	// true
}

// An API for the tenants of Entra that have signed up, who come and go: each time the
// verifiers are put together anew and take the place of those before, behind a guard that
// stays. All of Entra's tenants have the same keys, so that they share one Cache; tid says
// once more whose token it is. Tenants that stay keep their verifier and its memory.
func ExampleNewIssuers_tenants() {
	api := &tenantsAPI{
		keys:    &jwtverify.Cache{Source: jwtverify.HTTPKeySource{URL: "https://login.microsoftonline.com/organizations/discovery/v2.0/keys", Client: entraInMemory()}},
		tenants: map[string]*jwtverify.Verifier{},
	}
	guard, err := bearer.New(bearer.Config{Verifier: api})
	if err != nil {
		log.Fatal(err)
	}
	handler := guard.Require()(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {}))
	status := func(tenant string) int {
		request := httptest.NewRequest("GET", "/orders", nil)
		request.Header.Set("Authorization", "Bearer "+entraToken(tenant))
		response := httptest.NewRecorder()
		handler.ServeHTTP(response, request)
		return response.Code
	}
	const contoso, fabrikam = "8eaef023-2b34-4da1-9baa-8bc8c9d6a490", "2f4a9838-26b7-47ee-be60-ccc1fdec5953"
	fmt.Println("before the first list:", status(contoso))
	for _, tenants := range [][]string{{contoso}, {contoso, fabrikam}, {fabrikam}} {
		if err := api.update(tenants); err != nil {
			log.Fatal(err)
		}
		fmt.Println(len(tenants), "tenants:", status(contoso), status(fabrikam))
	}
	fmt.Println("fetches:", api.keys.Stats().Fetches)
	// Output:
	// before the first list: 503
	// 1 tenants: 200 401
	// 2 tenants: 200 200
	// 1 tenants: 401 200
	// fetches: 1
}

// tenantsAPI is a bearer.Verifier whose issuers can be exchanged while it is in use.
type tenantsAPI struct {
	keys    *jwtverify.Cache
	tenants map[string]*jwtverify.Verifier // for update alone
	issuers atomic.Pointer[jwtverify.Issuers]
}

// Verify refuses nothing before the first update: nobody knows who is a tenant.
func (a *tenantsAPI) Verify(ctx context.Context, raw string) (*jwtverify.Token, error) {
	return a.issuers.Load().Verify(ctx, raw)
}

// update makes ids the tenants that there are, at least one. It is for one caller at a time.
func (a *tenantsAPI) update(ids []string) error {
	tenants := map[string]*jwtverify.Verifier{}
	for _, id := range ids {
		if tenants[id] = a.tenants[id]; tenants[id] != nil {
			continue
		}
		verifier, err := jwtverify.New(jwtverify.Config{
			Issuer:    "https://login.microsoftonline.com/" + id + "/v2.0",
			Audiences: []string{"6e74172b-be56-4843-9ff4-e66a39bb12e3"},
			Keys:      a.keys,
			Check: func(token *jwtverify.Token) error {
				if !slices.Equal(token.Strings("tid"), []string{id}) {
					return errors.New("tid is another tenant than iss")
				}
				return nil
			},
			VerifiedCache: 100,
		})
		if err != nil {
			return err
		}
		tenants[id] = verifier
	}
	issuers, err := jwtverify.NewIssuers(slices.Collect(maps.Values(tenants))...)
	if err != nil {
		return err
	}
	a.tenants = tenants
	a.issuers.Store(issuers)
	return nil
}

// entraInMemory answers as the addresses of Entra's keys do.
func entraInMemory() *http.Client {
	return &http.Client{Transport: transportFunc(func(r *http.Request) (*http.Response, error) {
		return response(r, http.StatusOK, jwkSet(new(testing.T), 1)), nil
	})}
}

func entraToken(tenant string) string {
	claims := goodClaims()
	claims["iss"], claims["aud"] = "https://login.microsoftonline.com/"+tenant+"/v2.0", "6e74172b-be56-4843-9ff4-e66a39bb12e3"
	claims["tid"], claims["exp"] = tenant, time.Now().Add(time.Hour).Unix()
	return sign(new(testing.T), 0, goodHeader(), claims)
}
