package conformance_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/go-jose/go-jose/v4"
	josejwt "github.com/go-jose/go-jose/v4/jwt"
	golangjwt "github.com/golang-jwt/jwt/v5"
	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jws"
	jwxjwt "github.com/lestrrat-go/jwx/v3/jwt"
)

// A peer is another Go library, set up by its documentation to want what newVerifier
// wants: RS256, the issuer, the audience, an exp, no leeway, the time of the tests.
type peer struct {
	name string
	// verify returns why the token is refused by the keys of a JWK Set.
	verify func(set []byte, token string) error
}

var peers = []peer{
	{"golang-jwt", verifyGolangJWT},
	{"go-jose", verifyGoJOSE},
	{"jwx", verifyJWX},
}

// golang-jwt reads no JWK Set; keyfunc is what its documentation points to.
func verifyGolangJWT(set []byte, token string) error {
	keys, err := keyfunc.NewJWKSetJSON(set)
	if err != nil {
		return err
	}
	_, err = golangjwt.Parse(token, keys.Keyfunc,
		golangjwt.WithValidMethods([]string{"RS256"}),
		golangjwt.WithIssuer(issuerURL),
		golangjwt.WithAudience(audience),
		golangjwt.WithExpirationRequired(),
		golangjwt.WithTimeFunc(func() time.Time { return time.Unix(now, 0) }),
	)
	return err
}

func verifyGoJOSE(set []byte, token string) error {
	var keys jose.JSONWebKeySet
	if err := json.Unmarshal(set, &keys); err != nil {
		return err
	}
	parsed, err := josejwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		return err
	}
	// It looks up a kid in a set, but wants to be told the key if there is no kid.
	var key any = keys
	if parsed.Headers[0].KeyID == "" && len(keys.Keys) == 1 {
		key = keys.Keys[0]
	}
	var claims josejwt.Claims
	if err := parsed.Claims(key, &claims); err != nil {
		return err
	}
	if claims.Expiry == nil {
		return errors.New("exp is missing")
	}
	expected := josejwt.Expected{Issuer: issuerURL, AnyAudience: josejwt.Audience{audience}, Time: time.Unix(now, 0)}
	return claims.ValidateWithLeeway(expected, 0)
}

func verifyJWX(set []byte, token string) error {
	keys, err := jwk.Parse(set)
	if err != nil {
		return err
	}
	message, err := jws.Parse([]byte(token), jws.WithCompact())
	if err != nil {
		return err
	}
	// It takes the algorithm from the key, or from its type if the key names none.
	header := message.Signatures()[0].ProtectedHeaders()
	if alg, ok := header.Algorithm(); !ok || alg != jwa.RS256() {
		return fmt.Errorf("alg is %v", alg)
	}
	_, hasKid := header.KeyID()
	_, err = jwxjwt.Parse([]byte(token),
		jwxjwt.WithKeySet(keys, jws.WithInferAlgorithmFromKey(true), jws.WithMultipleKeysPerKeyID(true), jws.WithRequireKid(hasKid)),
		jwxjwt.WithIssuer(issuerURL),
		jwxjwt.WithAudience(audience),
		jwxjwt.WithRequiredClaim(jwxjwt.ExpirationKey),
		jwxjwt.WithClock(jwxjwt.ClockFunc(func() time.Time { return time.Unix(now, 0) })),
	)
	return err
}

// accept returns the names of the peers that accept a token, and what the others say.
func accept(set []byte, token string) (names []string, refusals error) {
	for _, p := range peers {
		if err := p.verify(set, token); err != nil {
			refusals = errors.Join(refusals, fmt.Errorf("%s: %w", p.name, err))
			continue
		}
		names = append(names, p.name)
	}
	return names, refusals
}

// The harness: a peer that accepted everything, or nothing, would find no difference.
func TestPeersTellGoodFromBad(t *testing.T) {
	set := joinKeys(t, publicJWK(t, &freshKey(t, 0).PublicKey, "a"))
	good := signedBy(t, freshKey(t, 0), `{"alg":"RS256","kid":"a"}`, goodClaims)
	if names, refusals := accept(set, good); len(names) != len(peers) {
		t.Errorf("the good token is accepted by %v alone: %v", names, refusals)
	}
	for name, token := range map[string]string{
		"signed by another key":    signedBy(t, freshKey(t, 1), `{"alg":"RS256","kid":"a"}`, goodClaims),
		"of another issuer":        signedBy(t, freshKey(t, 0), `{"alg":"RS256","kid":"a"}`, `{"iss":"x","aud":"https://api.test","exp":1750000060}`),
		"for another audience":     signedBy(t, freshKey(t, 0), `{"alg":"RS256","kid":"a"}`, `{"iss":"https://issuer.test","aud":"x","exp":1750000060}`),
		"without exp":              signedBy(t, freshKey(t, 0), `{"alg":"RS256","kid":"a"}`, `{"iss":"https://issuer.test","aud":"https://api.test"}`),
		"expired":                  signedBy(t, freshKey(t, 0), `{"alg":"RS256","kid":"a"}`, `{"iss":"https://issuer.test","aud":"https://api.test","exp":1749999999}`),
		"not yet valid":            signedBy(t, freshKey(t, 0), `{"alg":"RS256","kid":"a"}`, `{"iss":"https://issuer.test","aud":"https://api.test","exp":1750000060,"nbf":1750000001}`),
		"with another alg":         signedBy(t, freshKey(t, 0), `{"alg":"RS512","kid":"a"}`, goodClaims),
		"of an unknown key":        signedBy(t, freshKey(t, 0), `{"alg":"RS256","kid":"b"}`, goodClaims),
		"with a changed claims":    good[:100] + "A" + good[101:],
		"with a missing signature": good[:len(good)-342],
	} {
		if names, _ := accept(set, token); len(names) > 0 {
			t.Errorf("the token %s is accepted by %v", name, slices.Sorted(slices.Values(names)))
		}
	}
}

const goodClaims = `{"iss":"https://issuer.test","aud":"https://api.test","exp":1750000060}`
