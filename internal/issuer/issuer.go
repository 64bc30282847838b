// Package issuer is a small issuer of RS256 access tokens with its keys in memory:
// it mints tokens, publishes a JWK Set and the metadata that names it, and rotates.
// It is the engine behind `jwtverify demo`.
//
//	iss, err := issuer.New("http://127.0.0.1:8180", "https://api.example.com")
//	…
//	token, err := iss.Token(issuer.Claims{"sub": "m2m"})
//	http.Serve(listener, iss.Handler())
//
// The keys are 2048-bit RSA keys made by New and Rotate, some 100 ms each, and are
// never written anywhere. An Issuer is safe for concurrent use and has nothing to
// close.
package issuer

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"net/http"
	"sync"
	"time"
)

const keyBits = 2048

// Lifetime is the time from iat to exp of a token, unless its claims say otherwise.
const Lifetime = time.Hour

// Paths of what Handler serves.
const (
	KeysPath     = "/.well-known/jwks.json"
	MetadataPath = "/.well-known/openid-configuration"
)

// Claims are the members of a header or of claims, as encoding/json takes them.
type Claims = map[string]any

// An Issuer mints tokens and publishes the keys to verify them by.
type Issuer struct {
	url      string
	audience string
	beside   []jwk // published with the signing keys, and of no use for RS256

	mu   sync.Mutex
	keys []signingKey // guarded by mu: oldest first, the last announced, the one before it signing
}

type signingKey struct {
	private *rsa.PrivateKey
	jwk     jwk
}

// A jwk is a public key as published (RFC 7517). It has no field that could hold a
// private member.
type jwk struct {
	Kty string `json:"kty"`
	Kid string `json:"kid"`
	Use string `json:"use"`
	Alg string `json:"alg"`
	N   string `json:"n,omitempty"`
	E   string `json:"e,omitempty"`
	Crv string `json:"crv,omitempty"`
	X   string `json:"x,omitempty"`
	Y   string `json:"y,omitempty"`
}

// New returns an Issuer with fresh keys. The url is the iss of its tokens and the
// place where Handler is reachable: scheme, host and port, without path or final
// slash. The audience is the aud of its tokens.
//
// Every set is a mixed one, as issuers publish them: the signing key, the next one,
// a key for encryption and an EC key.
func New(url, audience string) (*Issuer, error) {
	iss := &Issuer{url: url, audience: audience}
	for range 2 {
		if _, err := iss.addKey(); err != nil {
			return nil, err
		}
	}
	encryption, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return nil, fmt.Errorf("issuer: making an RSA key: %w", err)
	}
	curve, err := ecKey()
	if err != nil {
		return nil, fmt.Errorf("issuer: making an EC key: %w", err)
	}
	// The private halves of these two are forgotten here: nothing is decrypted.
	iss.beside = []jwk{rsaJWK("encryption", "enc", "RSA-OAEP-256", &encryption.PublicKey), curve}
	return iss, nil
}

// addKey makes a key and announces it.
func (iss *Issuer) addKey() (kid string, err error) {
	private, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return "", fmt.Errorf("issuer: making an RSA key: %w", err)
	}
	iss.mu.Lock()
	defer iss.mu.Unlock()
	// The number is for people; the rest keeps the kids of two issuers apart, so
	// that a test with both sees an unknown key and not a bad signature.
	hash := sha256.Sum256(private.N.Bytes())
	kid = fmt.Sprintf("key-%d-%x", len(iss.keys)+1, hash[:3])
	iss.keys = append(iss.keys, signingKey{private, rsaJWK(kid, "sig", "RS256", &private.PublicKey)})
	return kid, nil
}

// URL returns the iss of the tokens.
func (iss *Issuer) URL() string { return iss.url }

// Audience returns the aud of the tokens.
func (iss *Issuer) Audience() string { return iss.audience }

// KeyID returns the kid of the key that signs.
func (iss *Issuer) KeyID() string { return iss.signing().jwk.Kid }

func (iss *Issuer) signing() signingKey {
	iss.mu.Lock()
	defer iss.mu.Unlock()
	return iss.keys[len(iss.keys)-2]
}

// Rotate makes the announced key the one that signs, announces a fresh one, and
// returns the kid that signs from now on. Old keys stay published, so that their
// tokens live on. A verifier that loaded the keys before a single Rotate knows the
// key already; before two, it does not.
func (iss *Issuer) Rotate() (kid string, err error) {
	if _, err := iss.addKey(); err != nil {
		return "", err
	}
	return iss.KeyID(), nil
}

// Token returns a token signed by the current key. The default claims are iss, aud,
// sub "m2m", client_id "m2m", iat now, exp after Lifetime, and a random jti; the
// header has alg, kid and typ "JWT". The given claims are put over the defaults, the
// later over the earlier; a nil value takes the claim away. An error means a value
// that has no JSON.
func (iss *Issuer) Token(claims ...Claims) (string, error) {
	now := time.Now()
	all := Claims{
		"iss":       iss.url,
		"aud":       iss.audience,
		"sub":       "m2m",
		"client_id": "m2m",
		"iat":       now.Unix(),
		"exp":       now.Add(Lifetime).Unix(),
		"jti":       rand.Text(),
	}
	for _, some := range claims {
		maps.Copy(all, some)
	}
	maps.DeleteFunc(all, func(_ string, value any) bool { return value == nil })
	key := iss.signing()
	return key.sign(Claims{"alg": "RS256", "kid": key.jwk.Kid, "typ": "JWT"}, all)
}

// Sign returns a token with exactly this header and these claims, for odd tokens.
// The signature is RS256 by the current key, whatever the header says.
func (iss *Issuer) Sign(header, claims Claims) (string, error) {
	return iss.signing().sign(header, claims)
}

func (k signingKey) sign(header, claims Claims) (string, error) {
	h, err := json.Marshal(header)
	if err != nil {
		return "", fmt.Errorf("issuer: the header has no JSON: %w", err)
	}
	c, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("issuer: the claims have no JSON: %w", err)
	}
	signed := encode(h) + "." + encode(c)
	digest := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(nil, k.private, crypto.SHA256, digest[:])
	if err != nil {
		return "", fmt.Errorf("issuer: signing: %w", err)
	}
	return signed + "." + encode(signature), nil
}

// JWKS returns the JWK Set as it is published now.
func (iss *Issuer) JWKS() []byte {
	iss.mu.Lock()
	defer iss.mu.Unlock()
	var set struct {
		Keys []jwk `json:"keys"`
	}
	for _, key := range iss.keys {
		set.Keys = append(set.Keys, key.jwk)
	}
	set.Keys = append(set.Keys, iss.beside...)
	return document(set)
}

// Handler serves the JWK Set at KeysPath and the metadata that names it (OpenID
// Connect Discovery 1.0, section 4) at MetadataPath.
func (iss *Issuer) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+KeysPath, func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, iss.JWKS())
	})
	mux.HandleFunc("GET "+MetadataPath, func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, document(struct {
			Issuer  string `json:"issuer"`
			JWKSURI string `json:"jwks_uri"`
		}{iss.url, iss.url + KeysPath}))
	})
	return mux
}

// document is the JSON of a struct of strings, which always has one.
func document(v any) []byte {
	data, _ := json.Marshal(v)
	return data
}

func writeJSON(w http.ResponseWriter, data []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.Write(data)
}

func rsaJWK(kid, use, alg string, pub *rsa.PublicKey) jwk {
	return jwk{
		Kty: "RSA", Kid: kid, Use: use, Alg: alg,
		N: encode(pub.N.Bytes()),
		E: encode(big.NewInt(int64(pub.E)).Bytes()),
	}
}

func ecKey() (jwk, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return jwk{}, err
	}
	public, err := private.PublicKey.ECDH()
	if err != nil {
		return jwk{}, err
	}
	point := public.Bytes() // 4, X, Y: uncompressed, of equal length
	return jwk{
		Kty: "EC", Kid: "elliptic", Use: "sig", Alg: "ES256", Crv: "P-256",
		X: encode(point[1:33]),
		Y: encode(point[33:65]),
	}, nil
}

func encode(data []byte) string { return base64.RawURLEncoding.EncodeToString(data) }
