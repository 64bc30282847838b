package conformance_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"maps"
	"math"
	"sync"
	"testing"
	"time"

	"example.com/jwtverify"
)

// Tokens made by other libraries, each with its own functions, and verified by the JWK
// Set that the library writes for its key.

// A mintCase is a token that every library is asked for.
type mintCase struct {
	Name   string         `json:"name"`
	Alg    string         `json:"alg"`
	Typ    string         `json:"typ"` // empty: as the library does without being asked
	Kid    string         `json:"kid"` // empty: none
	Claims map[string]any `json:"claims"`

	want class
}

// mintCases are judged at now+1: some libraries put their own clock into iat, none
// into exp and nbf.
var mintCases = func() (cases []mintCase) {
	add := func(name string, want class, change func(c *mintCase)) {
		c := mintCase{Name: name, Alg: "RS256", Kid: "key-1", want: want, Claims: map[string]any{
			"iss": issuerURL, "aud": audience, "sub": "client-1", "exp": now + 60,
		}}
		change(&c)
		cases = append(cases, c)
	}
	claims := func(changes map[string]any) func(*mintCase) {
		return func(c *mintCase) {
			maps.Copy(c.Claims, changes)
			maps.DeleteFunc(c.Claims, func(_ string, value any) bool { return value == nil })
		}
	}
	add("as short as it gets", accepted, func(*mintCase) {})
	add("aud is a list of one", accepted, claims(map[string]any{"aud": []string{audience}}))
	add("aud is a list of three", accepted, claims(map[string]any{"aud": []string{"https://other.test", audience, "x"}}))
	add("every claim of RFC 9068", accepted, claims(map[string]any{
		"iat": now, "nbf": now, "auth_time": now - 10, "jti": "0b7b4d3e", "client_id": "client-1",
		"scope": "orders:read orders:write", "roles": []string{"admin"}, "acr": "1", "amr": []string{"pwd"},
	}))
	add("typ is at+jwt", accepted, func(c *mintCase) { c.Typ = "at+jwt" })
	add("typ is application/at+jwt", accepted, func(c *mintCase) { c.Typ = "application/at+jwt" })
	add("typ is JWT", accepted, func(c *mintCase) { c.Typ = "JWT" })
	add("no kid", accepted, func(c *mintCase) { c.Kid = "" })
	add("exp with a fraction", accepted, claims(map[string]any{"exp": now + 60.25}))
	add("text in every script, and what JSON has to escape", accepted, claims(map[string]any{
		"sub": "Zoë Ωμέγα 名前 😀", "name": "quote \" backslash \\ tab \t line\n zero \u0000 <&>\u2028",
	}))
	add("nested claims", accepted, claims(map[string]any{
		"resource_access": map[string]any{"api": map[string]any{"roles": []any{"a", 1, true, nil, map[string]any{"deep": []any{}}}}},
	}))
	add("200 roles", accepted, claims(map[string]any{"roles": func() (roles []string) {
		for i := range 200 {
			roles = append(roles, fmt.Sprintf("role-%d", i))
		}
		return roles
	}()}))

	add("expired", "expired", claims(map[string]any{"exp": now - 60}))
	add("not yet valid", "not_yet_valid", claims(map[string]any{"nbf": now + 30}))
	add("of another issuer", "issuer", claims(map[string]any{"iss": issuerURL + "/"}))
	add("for another audience", "audience", claims(map[string]any{"aud": []string{audience + "/", "x"}}))
	add("without aud", "audience", claims(map[string]any{"aud": nil}))
	add("without exp", malformed, claims(map[string]any{"exp": nil}))
	add("exp as text", malformed, claims(map[string]any{"exp": "1750000060"}))
	add("kid of another key", unknownKey, func(c *mintCase) { c.Kid = "key-2" })
	add("typ of a logout token", unsupported, func(c *mintCase) { c.Typ = "logout+jwt" })
	for _, alg := range []string{"RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA", "HS256", "HS512", "none"} {
		add("alg is "+alg, unsupported, func(c *mintCase) { c.Alg = alg })
	}
	return cases
}()

// mintKeys are the keys of the libraries: RSA is the one that is published.
type mintKeys struct {
	rsa          *rsa.PrivateKey
	ec256, ec384 *ecdsa.PrivateKey
	ed25519      ed25519.PrivateKey
	secret       []byte // what an attacker of HS256 has: the public key, in PEM
}

func newMintKeys(t testing.TB) mintKeys {
	t.Helper()
	keys, err := madeMintKeys()
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

var madeMintKeys = sync.OnceValues(func() (keys mintKeys, err error) {
	if keys.rsa, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		return keys, err
	}
	if keys.ec256, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return keys, err
	}
	if keys.ec384, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader); err != nil {
		return keys, err
	}
	if _, keys.ed25519, err = ed25519.GenerateKey(rand.Reader); err != nil {
		return keys, err
	}
	der, err := x509.MarshalPKIXPublicKey(&keys.rsa.PublicKey)
	keys.secret = pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	return keys, err
})

// A minted is what a library made: its JWK Set, and a token for each case or why not.
type minted struct {
	library string
	jwks    []byte
	tokens  map[string]string // by the name of the case
	refused map[string]error  // what the library itself would not make
}

// judgeMinted verifies what a library made, and adds it to the table.
func judgeMinted(t *testing.T, table *table, m minted) {
	t.Helper()
	set, err := jwtverify.ParseKeySet(m.jwks)
	if err != nil {
		t.Fatalf("the JWK Set of %s: %v", m.library, err)
	}
	if set.Len() != 1 || len(set.Skipped()) != 0 {
		t.Fatalf("the JWK Set of %s: got %d keys and skipped %v, want 1 and none", m.library, set.Len(), set.Skipped())
	}
	verifier, err := jwtverify.New(jwtverify.Config{
		Issuer: issuerURL, Audiences: []string{audience}, Keys: set, Leeway: -1,
		Now: func() time.Time { return time.Unix(now+1, 0) },
	})
	if err != nil {
		t.Fatal(err)
	}
	good, bad := 0, 0
	for _, c := range mintCases {
		token, ok := m.tokens[c.Name]
		if !ok {
			if m.refused[c.Name] == nil {
				t.Errorf("%s made no token %q and did not say why", m.library, c.Name)
			}
			t.Logf("%s would not make %q: %v", m.library, c.Name, m.refused[c.Name])
			continue
		}
		verified, err := verifier.Verify(t.Context(), token)
		if got := classOf(t, verified, err); got != c.want {
			t.Errorf("%s, %s: got %s (%v), want %s", m.library, c.Name, got, err, c.want)
			continue
		}
		if c.want != accepted {
			bad++
			continue
		}
		good++
		checkClaims(t, m.library+", "+c.Name, verified, c)
	}
	if good == 0 || bad == 0 {
		t.Errorf("%s made %d good and %d bad tokens, want some of each", m.library, good, bad)
	}
	table.row(m.library, good, bad, len(mintCases)-good-bad)
}

// checkClaims compares what the verified token says with what was asked for.
func checkClaims(t *testing.T, where string, token *jwtverify.Token, c mintCase) {
	t.Helper()
	if got, want := token.Subject, c.Claims["sub"]; got != want {
		t.Errorf("%s: got the subject %q, want %q", where, got, want)
	}
	var got map[string]any
	if err := token.Claims(&got); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"name", "scope", "client_id"} {
		if want, asked := c.Claims[name]; asked && got[name] != want {
			t.Errorf("%s: got the claim %s %q, want %q", where, name, got[name], want)
		}
	}
	// Some libraries round what they are given; what counts is what the token says.
	exp, _ := got["exp"].(float64)
	if off := float64(token.Expiry.UnixNano())/1e9 - exp; math.Abs(off) > 1e-6 {
		t.Errorf("%s: got the expiry %v, want %v", where, token.Expiry, exp)
	}
}
