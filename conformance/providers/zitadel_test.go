package providers_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/uuid"
	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/op"
)

func TestZitadelOIDC(t *testing.T) {
	tell(t, provider{
		name: "`github.com/zitadel/oidc`, its example server", audience: "sid1",
		form: url.Values{
			"grant_type": {"client_credentials"}, "scope": {"orders:read"},
			"client_id": {"sid1"}, "client_secret": {"verysecret"},
		},
		start: startZitadel,
	})
}

func startZitadel(t *testing.T, port string) server {
	t.Helper()
	var keys *zitadelKeys
	address, stop := serve(t, port, func(address string) http.Handler {
		keys = &zitadelKeys{Storage: storage.NewStorage(storage.NewUserStore(address))}
		keys.add(t)
		return exampleop.SetupServer(address, keys, slog.New(slog.DiscardHandler), false)
	})
	return server{issuer: address, stop: stop, rotate: func() { keys.add(t) }}
}

// zitadelKeys is the example's storage but for two things: it has several keys, and the
// access tokens of clients are JWTs.
type zitadelKeys struct {
	*storage.Storage

	mu   sync.Mutex
	keys []zitadelKey // guarded by mu, the newest last
}

type zitadelKey struct {
	id  string
	key any // *rsa.PrivateKey to sign, *rsa.PublicKey to publish
}

func (k zitadelKey) ID() string                                  { return k.id }
func (k zitadelKey) Key() any                                    { return k.key }
func (k zitadelKey) Use() string                                 { return "sig" }
func (k zitadelKey) Algorithm() jose.SignatureAlgorithm          { return jose.RS256 }
func (k zitadelKey) SignatureAlgorithm() jose.SignatureAlgorithm { return jose.RS256 }

func (s *zitadelKeys) add(t *testing.T) {
	t.Helper()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys = append(s.keys, zitadelKey{uuid.NewString(), private})
}

func (s *zitadelKeys) SigningKey(context.Context) (op.SigningKey, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.keys[len(s.keys)-1], nil
}

func (s *zitadelKeys) KeySet(context.Context) (published []op.Key, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, key := range slices.Backward(s.keys) {
		published = append(published, zitadelKey{key.id, &key.key.(*rsa.PrivateKey).PublicKey})
	}
	return published, nil
}

func (s *zitadelKeys) ClientCredentials(ctx context.Context, id, secret string) (op.Client, error) {
	client, err := s.Storage.ClientCredentials(ctx, id, secret)
	if err != nil {
		return nil, err
	}
	return jwtClient{client}, nil
}

type jwtClient struct{ op.Client }

func (jwtClient) AccessTokenType() op.AccessTokenType { return op.AccessTokenTypeJWT }
