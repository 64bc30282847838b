package migrate

import (
	"context"
	"net/http"
	"net/url"

	jwtmiddleware "github.com/auth0/go-jwt-middleware/v3"
	"github.com/auth0/go-jwt-middleware/v3/jwks"
	"github.com/auth0/go-jwt-middleware/v3/validator"

	"example.com/jwtverify"
	"example.com/jwtverify/bearer"
)

func beforeAuth0(_ context.Context, issuer, audience string) (http.Handler, error) {
	address, err := url.Parse(issuer)
	if err != nil {
		return nil, err
	}
	provider, err := jwks.NewCachingProvider(jwks.WithIssuerURL(address))
	if err != nil {
		return nil, err
	}
	tokens, err := validator.New(
		validator.WithKeyFunc(provider.KeyFunc),
		validator.WithAlgorithm(validator.RS256),
		validator.WithIssuer(issuer),
		validator.WithAudience(audience),
	)
	if err != nil {
		return nil, err
	}
	guard, err := jwtmiddleware.New(jwtmiddleware.WithValidator(tokens))
	if err != nil {
		return nil, err
	}
	hello := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		claims, _ := jwtmiddleware.GetClaims[*validator.ValidatedClaims](r.Context())
		w.Write([]byte("hello " + claims.RegisteredClaims.Subject))
	})
	return guard.CheckJWT(hello), nil
}

func afterAuth0(_ context.Context, issuer, audience string) (http.Handler, error) {
	verifier, err := jwtverify.New(jwtverify.Config{
		Issuer:    issuer, // that of Auth0 ends in a slash
		Audiences: []string{audience},
		Keys:      jwtverify.DiscoveryKeySource{Issuer: issuer},
	})
	if err != nil {
		return nil, err
	}
	guard, err := bearer.New(bearer.Config{Verifier: verifier, ScopeClaim: "permissions"})
	if err != nil {
		return nil, err
	}
	hello := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, _ := jwtverify.FromContext(r.Context())
		w.Write([]byte("hello " + token.Subject))
	})
	return guard.Require()(hello), nil // or guard.Require("read:orders"), by the permissions
}
