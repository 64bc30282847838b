package bearer_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync/atomic"
	"testing"

	"example.com/jwtverify"
	"example.com/jwtverify/bearer"
	"example.com/jwtverify/issuertest"
)

// A tenantsAPI is a bearer.Verifier whose issuers can be exchanged while it is in use.
type tenantsAPI struct {
	audience string
	keys     *jwtverify.Cache               // of all tenants
	tenants  map[string]*jwtverify.Verifier // only update uses it
	issuers  atomic.Pointer[jwtverify.Issuers]
}

// Verify refuses no token before the first update: until then the tenants are not known,
// and the answer is 503.
func (a *tenantsAPI) Verify(ctx context.Context, raw string) (*jwtverify.Token, error) {
	return a.issuers.Load().Verify(ctx, raw)
}

// update replaces the tenants by those of ids, at least one. Tenants that stay keep their
// Verifier and its memory. It must not be called concurrently.
func (a *tenantsAPI) update(ids []string) error {
	tenants := map[string]*jwtverify.Verifier{}
	for _, id := range ids {
		if tenants[id] = a.tenants[id]; tenants[id] != nil {
			continue
		}
		verifier, err := jwtverify.New(jwtverify.Config{
			Issuer:    "https://login.microsoftonline.com/" + id + "/v2.0",
			Audiences: []string{a.audience},
			Keys:      a.keys,
			Check: func(token *jwtverify.Token) error {
				if !slices.Equal(token.Strings("tid"), []string{id}) {
					return errors.New("tid is not the tenant of iss")
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

// An API for tenants of Entra that come and go: each update makes new Issuers, behind a
// guard that stays. All tenants of Entra have the same keys, so they share one Cache; the
// check of tid confirms whose token it is.
func ExampleVerifier_tenants() {
	// The issuer in memory stands for Entra, whose keys are at
	// https://login.microsoftonline.com/organizations/discovery/v2.0/keys.
	iss := issuertest.New(new(testing.T))
	source := jwtverify.HTTPKeySource{URL: iss.URL() + "/.well-known/jwks.json", Client: iss.Client()}
	tokenOf := func(tenant string) string {
		return iss.Token(issuertest.Claims{"iss": "https://login.microsoftonline.com/" + tenant + "/v2.0", "tid": tenant})
	}

	api := &tenantsAPI{audience: iss.Audience(), keys: &jwtverify.Cache{Source: source}}
	guard, err := bearer.New(bearer.Config{Verifier: api})
	if err != nil {
		log.Fatal(err)
	}
	handler := guard.Require()(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {}))
	status := func(tenant string) int {
		r := httptest.NewRequest("GET", "/orders", nil)
		r.Header.Set("Authorization", "Bearer "+tokenOf(tenant))
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		return w.Code
	}

	const contoso, fabrikam = "8eaef023-2b34-4da1-9baa-8bc8c9d6a490", "2f4a9838-26b7-47ee-be60-ccc1fdec5953"
	fmt.Println("before the first update:", status(contoso))
	for _, tenants := range [][]string{{contoso}, {contoso, fabrikam}, {fabrikam}} {
		if err := api.update(tenants); err != nil {
			log.Fatal(err)
		}
		fmt.Println(len(tenants), "tenants:", status(contoso), status(fabrikam))
	}
	fmt.Println("fetches:", api.keys.Stats().Fetches)
	// Output:
	// before the first update: 503
	// 1 tenants: 200 401
	// 2 tenants: 200 200
	// 1 tenants: 401 200
	// fetches: 1
}
