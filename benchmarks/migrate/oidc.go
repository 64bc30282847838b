package migrate

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/coreos/go-oidc/v3/oidc"

	"example.com/jwtverify"
	"example.com/jwtverify/bearer"
)

func beforeOIDC(ctx context.Context, issuer, audience string) (http.Handler, error) {
	provider, err := oidc.NewProvider(ctx, issuer)
	if err != nil {
		return nil, err
	}
	verifier := provider.Verifier(&oidc.Config{ClientID: audience})
	hello := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !ok {
			http.Error(w, "unauthorized", http.StatusUnauthorized)
			return
		}
		token, err := verifier.Verify(r.Context(), raw)
		if err != nil {
			http.Error(w, "unauthorized", http.StatusUnauthorized)
			return
		}
		w.Write([]byte("hello " + token.Subject))
	})
	return hello, nil
}

func afterOIDC(_ context.Context, issuer, audience string) (http.Handler, error) {
	verifier, err := jwtverify.New(jwtverify.Config{
		Issuer:    issuer,
		Audiences: []string{audience},
		Keys:      jwtverify.DiscoveryKeySource{Issuer: issuer},
	})
	if err != nil {
		return nil, err
	}
	hello := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, err := bearer.Parse(r.Header.Values("Authorization"))
		if err != nil {
			http.Error(w, "unauthorized", http.StatusUnauthorized)
			return
		}
		token, err := verifier.Verify(r.Context(), raw)
		switch {
		case errors.Is(err, jwtverify.ErrKeysUnavailable):
			http.Error(w, "try again", http.StatusServiceUnavailable)
			return
		case err != nil:
			http.Error(w, "unauthorized", http.StatusUnauthorized)
			return
		}
		w.Write([]byte("hello " + token.Subject))
	})
	return hello, nil
}
