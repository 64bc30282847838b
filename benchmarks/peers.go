package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	auth0jwks "github.com/auth0/go-jwt-middleware/v3/jwks"
	"github.com/auth0/go-jwt-middleware/v3/validator"
	"github.com/coreos/go-oidc/v3/oidc"
	cristalhq "github.com/cristalhq/jwt/v5"
	"github.com/go-jose/go-jose/v4"
	gojose "github.com/go-jose/go-jose/v4/jwt"
	golangjwt "github.com/golang-jwt/jwt/v5"
	capjwt "github.com/hashicorp/cap/jwt"
	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jws"
	"github.com/lestrrat-go/jwx/v3/jwt"
	pascaldekloe "github.com/pascaldekloe/jwt"
	tink "github.com/tink-crypto/tink-go/v2/jwt"
)

// The other libraries, each used as its documentation proposes. All keys are in
// memory before the first token.

// What a contender says where its library leaves the check to us.
var (
	errAlgorithm  = errors.New("wrong algorithm")
	errUnknownKey = errors.New("unknown key")
	errIssuer     = errors.New("wrong issuer")
	errAudience   = errors.New("wrong audience")
	errExpired    = errors.New("expired, or no exp")
	errNotYet     = errors.New("not yet valid")
)

func openGolangJWT(is *issuer, all bool) verify {
	var options []golangjwt.ParserOption
	if all {
		options = append(options, golangjwt.WithExpirationRequired())
	}
	return golangJWT(must(keyfunc.NewJWKSetJSON(is.jwks)), options...)
}

func golangJWT(keys keyfunc.Keyfunc, options ...golangjwt.ParserOption) verify {
	parser := golangjwt.NewParser(append(options,
		golangjwt.WithValidMethods([]string{"RS256"}),
		golangjwt.WithIssuer(issuerName),
		golangjwt.WithAudience(audience),
		golangjwt.WithLeeway(leeway))...)
	return func(token string) (string, error) {
		var claims golangjwt.RegisteredClaims
		if _, err := parser.ParseWithClaims(token, &claims, keys.Keyfunc); err != nil {
			return "", err
		}
		return claims.Subject, nil
	}
}

func openGoJose(is *issuer, all bool) verify {
	var keys jose.JSONWebKeySet
	must(0, json.Unmarshal(is.jwks, &keys))
	algorithms := []jose.SignatureAlgorithm{jose.RS256}
	expected := gojose.Expected{Issuer: issuerName, AnyAudience: gojose.Audience{audience}}
	return func(token string) (string, error) {
		parsed, err := gojose.ParseSigned(token, algorithms)
		if err != nil {
			return "", err
		}
		var claims gojose.Claims
		if err := parsed.Claims(&keys, &claims); err != nil {
			return "", err
		}
		if err := claims.ValidateWithLeeway(expected, leeway); err != nil {
			return "", err
		}
		if all && claims.Expiry == nil {
			return "", errExpired
		}
		return claims.Subject, nil
	}
}

func openGoOIDC(is *issuer, _ bool) verify {
	// Its static key set does not look at the kid; the remote one does.
	ctx := oidc.ClientContext(context.Background(), &http.Client{Transport: inMemory(is.jwks)})
	return goOIDC(ctx, oidc.NewRemoteKeySet(ctx, keysURL))
}

func goOIDC(ctx context.Context, keys oidc.KeySet) verify {
	verifier := oidc.NewVerifier(issuerName, keys, &oidc.Config{ClientID: audience})
	return func(token string) (string, error) {
		t, err := verifier.Verify(ctx, token)
		if err != nil {
			return "", err
		}
		return t.Subject, nil
	}
}

// inMemory answers every request with a JWK Set, without a network.
type inMemory []byte

func (body inMemory) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: http.StatusOK,
		Header:     http.Header{"Content-Type": {"application/json"}},
		Body:       io.NopCloser(bytes.NewReader(body)),
		Request:    r,
	}, nil
}

func openJWX(is *issuer, all bool) verify {
	keys := must(jwk.Parse(is.jwks))
	if !all {
		return jwxWith(jwt.WithKeySet(keys))
	}
	// Its key set goes by the alg of the key alone; this looks at the header's too.
	byHeader := func(_ context.Context, sink jws.KeySink, sig *jws.Signature, _ *jws.Message) error {
		header := sig.ProtectedHeaders()
		if alg, _ := header.Algorithm(); alg != jwa.RS256() {
			return errAlgorithm
		}
		kid, _ := header.KeyID()
		key, ok := keys.LookupKeyID(kid)
		if !ok {
			return errUnknownKey
		}
		sink.Key(jwa.RS256(), key)
		return nil
	}
	return jwxWith(jwt.WithKeyProvider(jws.KeyProviderFunc(byHeader)), jwt.WithRequiredClaim("exp"))
}

func jwxWith(options ...jwt.ParseOption) verify {
	options = append(options, jwt.WithIssuer(issuerName), jwt.WithAudience(audience), jwt.WithAcceptableSkew(leeway))
	return func(token string) (string, error) {
		t, err := jwt.ParseString(token, options...)
		if err != nil {
			return "", err
		}
		subject, _ := t.Subject()
		return subject, nil
	}
}

func openCristalhq(is *issuer, all bool) verify {
	keys := make(map[string]*cristalhq.RSAlg)
	for _, key := range is.public {
		keys[key.kid] = must(cristalhq.NewVerifierRS(cristalhq.RS256, key.rsa))
	}
	return func(token string) (string, error) {
		parsed, err := cristalhq.ParseNoVerify([]byte(token))
		if err != nil {
			return "", err
		}
		key := keys[parsed.Header().KeyID]
		if key == nil {
			return "", errUnknownKey
		}
		if err := key.Verify(parsed); err != nil {
			return "", err
		}
		var claims cristalhq.RegisteredClaims
		if err := parsed.DecodeClaims(&claims); err != nil {
			return "", err
		}
		now := time.Now()
		switch {
		case !claims.IsIssuer(issuerName):
			return "", errIssuer
		case !claims.IsForAudience(audience):
			return "", errAudience
		case !claims.IsValidNotBefore(now.Add(leeway)):
			return "", errNotYet
		case !claims.IsValidExpiresAt(now.Add(-leeway)), all && claims.ExpiresAt == nil:
			return "", errExpired
		}
		return claims.Subject, nil
	}
}

func openPascaldekloe(is *issuer, all bool) verify {
	// Which algorithms it takes is a variable of the package.
	for alg := range pascaldekloe.RSAAlgs {
		if alg != pascaldekloe.RS256 {
			delete(pascaldekloe.RSAAlgs, alg)
		}
	}
	var keys pascaldekloe.KeyRegister
	known := make(map[string]bool)
	for _, key := range is.public {
		keys.RSAs = append(keys.RSAs, key.rsa)
		keys.RSAIDs = append(keys.RSAIDs, key.kid)
		known[key.kid] = true
	}
	return func(token string) (string, error) {
		claims, err := keys.Check([]byte(token))
		if err != nil {
			return "", err
		}
		if err := claims.AcceptTemporal(time.Now(), leeway); err != nil {
			return "", err
		}
		switch {
		case claims.Issuer != issuerName:
			return "", errIssuer
		case !claims.AcceptAudience(audience), all && len(claims.Audiences) == 0:
			return "", errAudience
		case all && claims.Expires == nil:
			return "", errExpired
		case all && !known[claims.KeyID]:
			return "", errUnknownKey
		}
		return claims.Subject, nil
	}
}

func openAuth0(is *issuer, all bool) verify {
	keys := must(jwk.Parse(is.jwks))
	return auth0(func(context.Context) (any, error) { return keys, nil }, all)
}

// auth0Fetching is openAuth0 with keys from a URL.
func auth0Fetching(client *http.Client) verify {
	provider := must(auth0jwks.NewCachingProvider(
		auth0jwks.WithIssuerURL(must(url.Parse(issuerName))), auth0jwks.WithCustomJWKSURI(must(url.Parse(keysURL))), auth0jwks.WithCustomClient(client)))
	return auth0(provider.KeyFunc, true)
}

func auth0(keys func(context.Context) (any, error), all bool) verify {
	v := must(validator.New(
		validator.WithKeyFunc(keys),
		validator.WithAlgorithm(validator.RS256),
		validator.WithIssuer(issuerName),
		validator.WithAudience(audience),
		validator.WithAllowedClockSkew(leeway)))
	ctx := context.Background()
	return func(token string) (string, error) {
		t, err := v.ValidateToken(ctx, token)
		if err != nil {
			return "", err
		}
		claims := t.(*validator.ValidatedClaims).RegisteredClaims
		if all && claims.Expiry == 0 {
			return "", errExpired
		}
		return claims.Subject, nil
	}
}

func openCap(is *issuer, all bool) verify {
	// Its static key set does not look at the kid; the remote one, which is go-oidc's, does.
	return capFetching(oidc.ClientContext(context.Background(), &http.Client{Transport: inMemory(is.jwks)}), all)
}

func capFetching(ctx context.Context, all bool) verify {
	v := must(capjwt.NewValidator(must(capjwt.NewJSONWebKeySet(ctx, keysURL, ""))))
	expected := capjwt.Expected{Issuer: issuerName, Audiences: []string{audience}, SigningAlgorithms: []capjwt.Alg{capjwt.RS256}, ClockSkewLeeway: leeway}
	return func(token string) (string, error) {
		claims, err := v.Validate(ctx, token, expected)
		if err != nil {
			return "", err
		}
		if all && claims["exp"] == nil {
			return "", errExpired
		}
		subject, _ := claims["sub"].(string)
		return subject, nil
	}
}

func openTink(is *issuer, _ bool) verify {
	verifier := must(tink.NewVerifier(must(tink.JWKSetToPublicKeysetHandle(is.jwks))))
	name, api, typ := issuerName, audience, "JWT"
	expected := must(tink.NewValidator(&tink.ValidatorOpts{ExpectedTypeHeader: &typ, ExpectedIssuer: &name, ExpectedAudience: &api, ClockSkew: leeway}))
	return func(token string) (string, error) {
		t, err := verifier.VerifyAndDecode(token, expected)
		if err != nil {
			return "", err
		}
		return t.Subject()
	}
}
