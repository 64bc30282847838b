package providers_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"
	"github.com/ory/fosite"
	"github.com/ory/fosite/compose"
	"github.com/ory/fosite/handler/oauth2"
	"github.com/ory/fosite/storage"
	"github.com/ory/fosite/token/jwt"
	"golang.org/x/crypto/bcrypt"
)

func TestFosite(t *testing.T) {
	tell(t, provider{
		name: "`github.com/ory/fosite`, a small server around it", audience: "https://api.test",
		form: url.Values{
			"grant_type": {"client_credentials"}, "scope": {"orders:read"}, "audience": {"https://api.test"},
			"client_id": {"m2m"}, "client_secret": {"a secret of this test"},
		},
		start: startFosite,
	})
}

func startFosite(t *testing.T, port string) server {
	t.Helper()
	var f *fositeServer
	address, stop := serve(t, port, func(address string) http.Handler {
		f = newFositeServer(t, address)
		return f.handler()
	})
	return server{issuer: address, stop: stop, rotate: func() { f.add(t) }}
}

// A fositeServer is fosite with what it leaves to the program around it: keys, metadata
// and clients.
type fositeServer struct {
	issuer   string
	provider fosite.OAuth2Provider

	mu   sync.Mutex
	keys []fositeKey // guarded by mu, the newest last
}

type fositeKey struct {
	kid     string
	private *rsa.PrivateKey
}

func newFositeServer(t *testing.T, issuer string) *fositeServer {
	t.Helper()
	f := &fositeServer{issuer: issuer}
	f.add(t)
	secret, err := bcrypt.GenerateFromPassword([]byte("a secret of this test"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	store := storage.NewMemoryStore()
	store.Clients["m2m"] = &fosite.DefaultClient{
		ID: "m2m", Secret: secret, GrantTypes: []string{"client_credentials"},
		Scopes: []string{"orders:read"}, Audience: []string{"https://api.test"},
	}
	config := &fosite.Config{
		AccessTokenLifespan: 5 * time.Minute, AccessTokenIssuer: issuer,
		GlobalSecret: []byte(rand.Text() + rand.Text()), TokenURL: issuer + "/token",
	}
	signingKey := func(context.Context) (any, error) { return f.signing().private, nil }
	strategy := compose.NewOAuth2JWTStrategy(signingKey, compose.NewOAuth2HMACStrategy(config), config)
	f.provider = compose.Compose(config, store, strategy, compose.OAuth2ClientCredentialsGrantFactory)
	return f
}

func (f *fositeServer) add(t *testing.T) {
	t.Helper()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.keys = append(f.keys, fositeKey{rand.Text(), private})
}

func (f *fositeServer) signing() fositeKey {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.keys[len(f.keys)-1]
}

func (f *fositeServer) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":%q,"token_endpoint":%q}`, f.issuer, f.issuer+"/jwks", f.issuer+"/token")
	})
	mux.HandleFunc("GET /jwks", func(w http.ResponseWriter, _ *http.Request) {
		f.mu.Lock()
		defer f.mu.Unlock()
		var set jose.JSONWebKeySet
		for _, key := range f.keys {
			set.Keys = append(set.Keys, jose.JSONWebKey{Key: &key.private.PublicKey, KeyID: key.kid, Algorithm: "RS256", Use: "sig"})
		}
		json.NewEncoder(w).Encode(set)
	})
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) {
		session := &oauth2.JWTSession{
			JWTClaims: &jwt.JWTClaims{Issuer: f.issuer, Subject: "m2m"},
			JWTHeader: &jwt.Headers{Extra: map[string]any{"kid": f.signing().kid}},
		}
		request, err := f.provider.NewAccessRequest(r.Context(), r, session)
		if err != nil {
			f.provider.WriteAccessError(r.Context(), w, request, err)
			return
		}
		request.GrantAudience("https://api.test")
		request.GrantScope("orders:read")
		response, err := f.provider.NewAccessResponse(r.Context(), request)
		if err != nil {
			f.provider.WriteAccessError(r.Context(), w, request, err)
			return
		}
		f.provider.WriteAccessResponse(r.Context(), w, request, response)
	})
	return mux
}
