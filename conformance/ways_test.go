package conformance_test

import (
	"bytes"
	"context"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"example.com/jwtverify"
)

// What the verifiers of these tests want of a token, and when.
const (
	issuerURL = "https://issuer.test"
	audience  = "https://api.test"
	now       = 1_750_000_000
)

// newVerifier is jwtverify.New, without leeway, at the time of the tests. It remembers
// tokens, so that judge can see whether that changes a verdict.
func newVerifier(keys jwtverify.KeySource) (*jwtverify.Verifier, error) {
	return jwtverify.New(jwtverify.Config{
		Issuer:    issuerURL,
		Audiences: []string{audience},
		Keys:      keys,
		Leeway:    -1,
		Now:       func() time.Time { return time.Unix(now, 0) },

		VerifiedCache: 100,
	})
}

// A way is one of the ways in which the text of a JWK Set gets into a verifier.
type way struct {
	name string
	// source returns nil if the set cannot go this way.
	source func(t *testing.T, set []byte) (jwtverify.KeySource, error)
}

var ways = []way{
	{name: "ParseKeySet", source: func(_ *testing.T, set []byte) (jwtverify.KeySource, error) {
		return parse(set)
	}},
	{name: "ParseKeySet of a single JWK", source: func(_ *testing.T, set []byte) (jwtverify.KeySource, error) {
		keys := elements(set)
		if len(keys) != 1 {
			return nil, nil
		}
		return parse(keys[0])
	}},
	{name: "FileKeySource", source: func(t *testing.T, set []byte) (jwtverify.KeySource, error) {
		path := filepath.Join(t.TempDir(), "jwks.json")
		if err := os.WriteFile(path, set, 0o600); err != nil {
			t.Fatal(err)
		}
		return jwtverify.FileKeySource(path), nil
	}},
	{name: "HTTPKeySource", source: func(_ *testing.T, set []byte) (jwtverify.KeySource, error) {
		return jwtverify.HTTPKeySource{URL: issuerURL + "/jwks", Client: serving(set)}, nil
	}},
	{name: "DiscoveryKeySource", source: func(_ *testing.T, set []byte) (jwtverify.KeySource, error) {
		return jwtverify.DiscoveryKeySource{Issuer: issuerURL, Client: serving(set)}, nil
	}},
	{name: "StoredKeySource, read back", source: func(t *testing.T, set []byte) (jwtverify.KeySource, error) {
		stored := jwtverify.StoredKeySource{Name: "the test",
			Source:  jwtverify.HTTPKeySource{URL: issuerURL + "/jwks", Client: serving(set)},
			Path:    filepath.Join(t.TempDir(), "stored.json"),
			OnError: func(err error) { t.Error(err) },
		}
		if _, err := stored.Keys(t.Context()); err != nil {
			return nil, err // a set without usable key is not saved
		}
		stored.Source = jwtverify.KeySourceFunc(func(context.Context) (*jwtverify.KeySet, error) {
			return nil, errors.New("down")
		})
		return stored, nil
	}},
	{name: "NewKey", source: func(_ *testing.T, set []byte) (jwtverify.KeySource, error) {
		var keys []jwtverify.Key
		for _, element := range elements(set) {
			pub, kid := rsaKey(element)
			if pub == nil {
				continue
			}
			if forbidden(element) {
				return nil, nil // which modulus, exponent and kid don't tell
			}
			key, err := jwtverify.NewKey(pub, kid)
			if err != nil {
				return nil, err
			}
			keys = append(keys, key)
		}
		if len(keys) == 0 {
			return nil, nil
		}
		return jwtverify.NewKeySet(keys...)
	}},
}

// parse is ParseKeySet with an error for a set that a verifier cannot use, as the
// sources that do I/O have it.
func parse(text []byte) (jwtverify.KeySource, error) {
	set, err := jwtverify.ParseKeySet(text)
	if err != nil {
		return nil, err
	}
	if set.Len() == 0 {
		return nil, errors.Join(append(set.Skipped(), errors.New("no usable key"))...)
	}
	return set, nil
}

// elements returns the texts of the keys of a set, of the last "keys" if there are
// several. encoding/json alone would take "KEYS" too.
func elements(set []byte) (keys []json.RawMessage) {
	var members map[string]json.RawMessage
	if json.Unmarshal(set, &members) != nil || json.Unmarshal(members["keys"], &keys) != nil {
		return nil
	}
	return keys
}

// rsaKey reads an RSA key by hand, as a program would that gets it from elsewhere;
// nil if it is none that Go can hold.
func rsaKey(text []byte) (pub *rsa.PublicKey, kid string) {
	var k struct{ Kty, Kid, N, E string }
	if json.Unmarshal(text, &k) != nil || k.Kty != "RSA" {
		return nil, ""
	}
	n, errN := base64.RawURLEncoding.DecodeString(k.N)
	e, errE := base64.RawURLEncoding.DecodeString(k.E)
	if errN != nil || errE != nil || len(e) == 0 || len(e) > 4 {
		return nil, ""
	}
	return &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(new(big.Int).SetBytes(e).Int64())}, k.Kid
}

// forbidden reports whether the members of a key say that it is not for RS256.
func forbidden(text []byte) bool {
	k := struct {
		Use, Alg string
		KeyOps   []string `json:"key_ops"`
	}{"sig", "RS256", []string{"verify"}}
	return json.Unmarshal(text, &k) != nil || k.Use != "sig" || k.Alg != "RS256" || !slices.Contains(k.KeyOps, "verify")
}

// serving answers every request without a network: for the metadata with what names
// the set, and for all else with the set.
func serving(set []byte) *http.Client {
	return &http.Client{Transport: roundTripper(func(request *http.Request) (*http.Response, error) {
		body := set
		if request.URL.Path == "/.well-known/openid-configuration" {
			body = fmt.Appendf(nil, `{"issuer":%q,"jwks_uri":%q}`, issuerURL, issuerURL+"/jwks")
		}
		return &http.Response{
			StatusCode: http.StatusOK,
			Header:     http.Header{"Content-Type": {"application/json"}},
			Body:       io.NopCloser(bytes.NewReader(body)),
			Request:    request,
		}, nil
	})}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(request *http.Request) (*http.Response, error) { return f(request) }

// A class is the kind of an answer, by the names that `jwtverify verify --lines` has.
type class string

const (
	accepted        class = "accepted"
	malformed       class = "malformed"
	unsupported     class = "unsupported"
	unknownKey      class = "unknown_key"
	badSignature    class = "signature"
	keysUnavailable class = "keys_unavailable"
)

var sentinels = map[class]error{
	malformed: jwtverify.ErrMalformed, unsupported: jwtverify.ErrUnsupported,
	unknownKey: jwtverify.ErrUnknownKey, badSignature: jwtverify.ErrSignature,
	"issuer": jwtverify.ErrIssuer, "audience": jwtverify.ErrAudience,
	"not_yet_valid": jwtverify.ErrNotYetValid, "expired": jwtverify.ErrExpired,
	keysUnavailable: jwtverify.ErrKeysUnavailable,
}

// classOf is the class of an answer of Verify, of which there must be exactly one.
func classOf(t testing.TB, token *jwtverify.Token, err error) class {
	t.Helper()
	if (token == nil) != (err != nil) {
		t.Fatalf("Verify returned the token %v and the error %v: want one of them", token, err)
	}
	if err == nil {
		return accepted
	}
	var found class
	for c, sentinel := range sentinels {
		if errors.Is(err, sentinel) {
			if found != "" {
				t.Fatalf("the error is both %s and %s: %v", found, c, err)
			}
			found = c
		}
	}
	if found == "" || errors.Is(err, jwtverify.ErrInvalid) == (found == keysUnavailable) {
		t.Fatalf("the error is %q, neither invalid nor unavailable: %v", found, err)
	}
	return found
}

// A gate is a verifier, or why a set gives none: then every token is refused for the
// want of keys.
type gate struct{ verifier *jwtverify.Verifier }

// open returns nil if the set cannot go this way.
func (w way) open(t *testing.T, set []byte) *gate {
	t.Helper()
	source, err := w.source(t, set)
	switch {
	case source == nil && err == nil:
		return nil
	case err != nil:
		return &gate{}
	}
	verifier, err := newVerifier(source)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	return &gate{verifier}
}

func (g *gate) judge(t testing.TB, token string) class {
	t.Helper()
	if g.verifier == nil {
		return keysUnavailable
	}
	return judgeWith(t, g.verifier, token)
}

// judgeWith is the class of a verdict, which must be the same from Verify, from Verify
// when it has seen the token before, and from Explain.
func judgeWith(t testing.TB, verifier *jwtverify.Verifier, token string) class {
	t.Helper()
	verified, err := verifier.Verify(t.Context(), token)
	first := classOf(t, verified, err)
	again, err := verifier.Verify(t.Context(), token)
	report := verifier.Explain(t.Context(), token)
	if second, third := classOf(t, again, err), classOf(t, report.Token, report.Err); second != first || third != first {
		t.Errorf("Verify gives %s, Verify again %s, Explain %s", first, second, third)
	}
	return first
}
