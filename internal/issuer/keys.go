package issuer

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"sync"
	"time"
)

const keyBits = 2048

type rsaKey struct {
	private *rsa.PrivateKey
	jwk     jwk
	revoked bool // guarded by the mu of the Issuer
}

// A jwk is a public key as published (RFC 7517). It has no field that could hold a
// private member.
type jwk struct {
	Kty    string   `json:"kty"`
	Kid    string   `json:"kid"`
	Use    string   `json:"use"`
	Alg    string   `json:"alg,omitempty"`
	N      string   `json:"n,omitempty"`
	E      string   `json:"e,omitempty"`
	Crv    string   `json:"crv,omitempty"`
	X      string   `json:"x,omitempty"`
	Y      string   `json:"y,omitempty"`
	X5c    []string `json:"x5c,omitempty"`
	X5t    string   `json:"x5t,omitempty"`
	X5t256 string   `json:"x5t#S256,omitempty"`
	Issuer string   `json:"issuer,omitempty"`
}

// makeKeys makes the keys of a new issuer.
func (iss *Issuer) makeKeys() error {
	for range 2 {
		if err := iss.announce(); err != nil {
			return err
		}
	}
	shared, err := encryptionKey()
	if err != nil {
		return err
	}
	encryption := &rsaKey{private: shared.private, jwk: shared.jwk}
	encryption.jwk.Kid, encryption.jwk.Use, encryption.jwk.Alg = "encryption", "enc", iss.shape.encryptionAlg
	if err := iss.dress(encryption); err != nil {
		return err
	}
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("making an EC key: %w", err)
	}
	public, err := ellipticJWK(private)
	if err != nil {
		return fmt.Errorf("making an EC key: %w", err)
	}
	if iss.shape.bareKeys {
		public.Alg = ""
	}
	iss.encryption, iss.elliptic = encryption, private
	iss.beside = []jwk{encryption.jwk, public}
	return nil
}

// dress adds to a key what the shape publishes besides n and e.
func (iss *Issuer) dress(key *rsaKey) error {
	if iss.shape.bareKeys {
		key.jwk.Alg = ""
	}
	if iss.shape.dress == nil {
		return nil
	}
	return iss.shape.dress(&key.jwk, key.private, iss.url)
}

// announce publishes a new key and starts signing with the one announced before. If
// that one was revoked, the new key only replaces it.
func (iss *Issuer) announce() error {
	key, err := makeKey()
	if err != nil {
		return err
	}
	iss.mu.Lock()
	defer iss.mu.Unlock()
	// The number is for people; the rest keeps the kids of two issuers apart, so
	// that a test with both sees an unknown key and not a bad signature.
	hash := sha256.Sum256(key.private.N.Bytes())
	key.jwk.Kid = fmt.Sprintf("key-%d-%x", len(iss.keys)+1, hash[:3])
	if err := iss.dress(key); err != nil {
		return err
	}
	iss.keys = append(iss.keys, key)
	if iss.announced == nil || !iss.announced.revoked {
		iss.signing = iss.announced
	}
	iss.announced = key
	return nil
}

func makeKey() (*rsaKey, error) {
	private, err := GenerateKey()
	if err != nil {
		return nil, fmt.Errorf("making an RSA key: %w", err)
	}
	return &rsaKey{private: private, jwk: rsaJWK("", "sig", "RS256", &private.PublicKey)}, nil
}

// GenerateKey makes an RSA key as an issuer does: of the factors of [ReuseFactors], if there
// are any. It is for tests that sign on their own.
func GenerateKey() (*rsa.PrivateKey, error) {
	p, q, err := nextFactors()
	switch {
	case err != nil:
		return nil, err
	case p != nil:
		return keyOf(p, q)
	}
	return rsa.GenerateKey(rand.Reader, keyBits)
}

// Two keys are made only once in a process, since making keys takes long and no issuer
// signs with these: the published key for encryption, and the key of an attacker, which
// is never published.
var (
	encryptionKey = sync.OnceValues(makeKey)
	attackerKey   = sync.OnceValues(makeKey)
)

// attackerKeyID is a kid that no issuer has.
const attackerKeyID = "key-of-another"

// KeyID returns the kid of the key that signs.
func (iss *Issuer) KeyID() string { return iss.signingKey().jwk.Kid }

func (iss *Issuer) signingKey() *rsaKey {
	iss.mu.Lock()
	defer iss.mu.Unlock()
	return iss.signing
}

// Rotate makes the announced key the one that signs, announces a fresh one, and
// returns the kid that signs from now on. Old keys stay published, so that their
// tokens stay valid. A verifier that loaded the keys before one Rotate already
// knows the key; after two, it does not.
func (iss *Issuer) Rotate() (kid string, err error) {
	if err := iss.announce(); err != nil {
		return "", err
	}
	return iss.KeyID(), nil
}

// Revoke removes a key from the set at once. SignWith can still sign with it. If it
// was the signing or the announced key, another one takes its place. An unknown kid
// is an error.
func (iss *Issuer) Revoke(kid string) error {
	key, err := iss.key(kid)
	if err != nil {
		return err
	}
	iss.mu.Lock()
	key.revoked = true
	iss.mu.Unlock()
	for iss.lacksKeys() {
		if err := iss.announce(); err != nil {
			return err
		}
	}
	return nil
}

func (iss *Issuer) lacksKeys() bool {
	iss.mu.Lock()
	defer iss.mu.Unlock()
	return iss.signing.revoked || iss.announced.revoked
}

// key returns the signing key of a kid, a revoked one too.
func (iss *Issuer) key(kid string) (*rsaKey, error) {
	iss.mu.Lock()
	defer iss.mu.Unlock()
	var known []string
	for _, key := range iss.keys {
		if key.jwk.Kid == kid {
			return key, nil
		}
		known = append(known, fmt.Sprintf("%q", key.jwk.Kid))
	}
	return nil, fmt.Errorf("there is no signing key with kid %q: want one of %s", kid, strings.Join(known, ", "))
}

// JWKS returns the JWK Set as it is published now.
func (iss *Issuer) JWKS() []byte {
	return document(struct {
		Keys []jwk `json:"keys"`
	}{iss.published()})
}

func (iss *Issuer) published() []jwk {
	iss.mu.Lock()
	defer iss.mu.Unlock()
	var keys []jwk
	for _, key := range iss.keys {
		if !key.revoked {
			keys = append(keys, key.jwk)
		}
	}
	return append(keys, iss.beside...)
}

func rsaJWK(kid, use, alg string, pub *rsa.PublicKey) jwk {
	return jwk{
		Kty: "RSA", Kid: kid, Use: use, Alg: alg,
		N: encode(pub.N.Bytes()),
		E: encode(big.NewInt(int64(pub.E)).Bytes()),
	}
}

const ellipticKeyID = "elliptic"

func ellipticJWK(private *ecdsa.PrivateKey) (jwk, error) {
	public, err := private.PublicKey.ECDH()
	if err != nil {
		return jwk{}, err
	}
	point := public.Bytes() // 4, X, Y: uncompressed, of equal length
	return jwk{
		Kty: "EC", Kid: ellipticKeyID, Use: "sig", Alg: "ES256", Crv: "P-256",
		X: encode(point[1:33]),
		Y: encode(point[33:65]),
	}, nil
}

// selfSigned returns a certificate for the key, as some issuers publish beside it.
// It need not be trusted: only the key is used.
func selfSigned(private *rsa.PrivateKey) ([]byte, error) {
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()),
		Subject:      pkix.Name{CommonName: "issuer.test"},
		NotBefore:    now.Add(-time.Hour),
		NotAfter:     now.AddDate(10, 0, 0),
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		return nil, fmt.Errorf("making a certificate: %w", err)
	}
	return certificate, nil
}

// certify adds the certificate of a key and its thumbprints (RFC 7517, sections 4.7
// to 4.9).
func (k *jwk) certify(private *rsa.PrivateKey) error {
	certificate, err := selfSigned(private)
	if err != nil {
		return err
	}
	short, long := sha1.Sum(certificate), sha256.Sum256(certificate)
	k.X5c = []string{base64.StdEncoding.EncodeToString(certificate)}
	k.X5t, k.X5t256 = encode(short[:]), encode(long[:])
	return nil
}

// document is the JSON of a struct of strings, which always has one.
func document(v any) []byte {
	data, _ := json.Marshal(v)
	return slices.Clip(data)
}

func encode(data []byte) string { return base64.RawURLEncoding.EncodeToString(data) }
