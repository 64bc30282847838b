package migrate

import (
	"context"
	"net/http"
	"strings"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"

	"example.com/jwtverify"
	"example.com/jwtverify/bearer"
)

type claimsKey struct{}

func beforeGolangJWT(ctx context.Context, issuer, audience string) (http.Handler, error) {
	keys, err := keyfunc.NewDefaultCtx(ctx, []string{issuer + "/.well-known/jwks.json"})
	if err != nil {
		return nil, err
	}
	guard := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			raw := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
			claims := jwt.MapClaims{}
			_, err := jwt.ParseWithClaims(raw, claims, keys.Keyfunc,
				jwt.WithValidMethods([]string{"RS256"}),
				jwt.WithIssuer(issuer), jwt.WithAudience(audience), jwt.WithExpirationRequired())
			if err != nil {
				http.Error(w, "unauthorized", http.StatusUnauthorized)
				return
			}
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), claimsKey{}, claims)))
		})
	}
	hello := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		claims := r.Context().Value(claimsKey{}).(jwt.MapClaims)
		subject, _ := claims["sub"].(string)
		w.Write([]byte("hello " + subject))
	})
	return guard(hello), nil
}

func afterGolangJWT(_ context.Context, issuer, audience string) (http.Handler, error) {
	verifier, err := jwtverify.New(jwtverify.Config{
		Issuer:    issuer,
		Audiences: []string{audience},
		Keys:      jwtverify.HTTPKeySource{URL: issuer + "/.well-known/jwks.json"},
	})
	if err != nil {
		return nil, err
	}
	guard, err := bearer.New(bearer.Config{Verifier: verifier})
	if err != nil {
		return nil, err
	}
	hello := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, _ := jwtverify.FromContext(r.Context())
		w.Write([]byte("hello " + token.Subject))
	})
	return guard.Require()(hello), nil
}
