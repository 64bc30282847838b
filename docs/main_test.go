// Package docs_test holds the tests of the documents: what README.md, SECURITY.md,
// CONTRIBUTING.md and docs/ say is so, and every command and program there runs.
package docs_test

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"

	"example.com/jwtverify"
	"example.com/jwtverify/internal/issuer"
	"example.com/jwtverify/internal/jwk/jwktest"
)

// All paths in these tests are those that a reader of the documents uses: from the root.
func TestMain(m *testing.M) {
	issuer.ReuseFactors(jwktest.Factors())
	err := os.Chdir("..")
	if err == nil {
		built.dir, err = os.MkdirTemp("", "docs")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(built.dir)
	os.Exit(code)
}

// testKey returns the n-th of the keys that these tests share.
func testKey(tb testing.TB, n int) *rsa.PrivateKey {
	tb.Helper()
	keys, err := testKeys()
	if err != nil {
		tb.Fatal(err)
	}
	return keys[n]
}

var testKeys = sync.OnceValues(func() (keys [2]*rsa.PrivateKey, err error) {
	for i := range keys {
		if keys[i], err = issuer.GenerateKey(); err != nil {
			return keys, err
		}
	}
	return keys, nil
})

// sign makes a token with the n-th key.
func sign(tb testing.TB, n int, header, claims map[string]any) string {
	tb.Helper()
	signed := encode([]byte(marshal(tb, header))) + "." + encode([]byte(marshal(tb, claims)))
	digest := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(nil, testKey(tb, n), crypto.SHA256, digest[:])
	if err != nil {
		tb.Fatal(err)
	}
	return signed + "." + encode(signature)
}

func encode(data []byte) string { return base64.RawURLEncoding.EncodeToString(data) }

func marshal(tb testing.TB, v any) string {
	tb.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		tb.Fatal(err)
	}
	return string(data)
}

// published is the JWK of the n-th key with further members; a nil value deletes.
func published(tb testing.TB, n int, kid string, members map[string]any) map[string]any {
	pub := testKey(tb, n).PublicKey
	return changed(map[string]any{
		"kty": "RSA", "use": "sig", "alg": "RS256", "kid": kid,
		"n": encode(pub.N.Bytes()), "e": encode(big.NewInt(int64(pub.E)).Bytes()),
	}, members)
}

func keySet(keys ...map[string]any) map[string]any { return map[string]any{"keys": keys} }

// changed is a copy with changes; a nil value deletes.
func changed(members, changes map[string]any) map[string]any {
	out := maps.Clone(members)
	maps.Copy(out, changes)
	maps.DeleteFunc(out, func(_ string, value any) bool { return value == nil })
	return out
}

// newIssuer is an issuer on loopback with the first key.
func newIssuer(tb testing.TB) *httptest.Server {
	var server *httptest.Server
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/.well-known/jwks.json":
			fmt.Fprint(w, marshal(tb, keySet(published(tb, 0, "key-0", nil))))
		case "/.well-known/openid-configuration":
			fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":%q}`, server.URL, server.URL+"/.well-known/jwks.json")
		default:
			http.NotFound(w, r)
		}
	}))
	tb.Cleanup(server.Close)
	return server
}

// A transportFunc answers requests in memory.
type transportFunc func(*http.Request) (*http.Response, error)

func (f transportFunc) RoundTrip(request *http.Request) (*http.Response, error) { return f(request) }

func jsonResponse(body string) *http.Response {
	return &http.Response{
		StatusCode:    http.StatusOK,
		Header:        http.Header{"Content-Type": {"application/json"}},
		Body:          io.NopCloser(strings.NewReader(body)),
		ContentLength: int64(len(body)),
	}
}

// checkVerdict reports an error unless the token was accepted for a nil want, or
// refused for it.
func checkVerdict(tb testing.TB, token *jwtverify.Token, err, want error) {
	tb.Helper()
	if (token != nil) != (want == nil) || !errors.Is(err, want) || (want != nil && !errors.Is(err, jwtverify.ErrInvalid)) {
		tb.Errorf("got token %v, error %v, want error %v", token != nil, err, want)
	}
}
