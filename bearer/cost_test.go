package bearer_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"example.com/jwtverify"
	"example.com/jwtverify/bearer"
)

// Neither a scope nor a backslash in the claims, where cnf has to be looked for by name,
// costs much beyond any token: no map is made of the claims.
func TestReadingTheClaimsCostsFewAllocations(t *testing.T) {
	const most = 4
	allocations := func(members string, scopes ...string) float64 {
		known := verified(t, members)
		guard := newGuard(t, bearer.Config{Verifier: verifierFunc(func(context.Context, string) (*jwtverify.Token, error) { return known, nil })})
		h := guard.Require(scopes...)(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		r := request("GET", "/", "Bearer x")
		return testing.AllocsPerRun(100, func() { h.ServeHTTP(discard{}, r) })
	}
	plain := `"scope":"openid orders:read","more":{"a":[1,2,{"b":"` + strings.Repeat("x", 500) + `"}]}`
	escaped := plain + `,"name":"Jane \"J\" Doe"`
	anyToken := allocations(plain)
	for name, got := range map[string]float64{
		"a scope":                   allocations(plain, "orders:read"),
		"any token, with escapes":   allocations(escaped),
		"a scope, with escapes":     allocations(escaped, "orders:read"),
		"a scope in another claim":  allocations(strings.Replace(plain, "scope", "scp", 1), "orders:read"),
		"a scope behind many names": allocations(`"a":1,"b":1,"c":1,"d":1,"e":1,`+plain, "orders:read"),
	} {
		if got > anyToken+most {
			t.Errorf("%s: %v allocations, want at most %d more than the %v of any token", name, got, most, anyToken)
		}
	}
}
