package issuer

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
)

// Token returns a token signed by the current key. The default claims are iss, aud,
// sub "m2m", client_id "m2m", iat now, exp after the lifetime, and a random jti; the
// header has alg, kid and typ "JWT". They are replaced by those of the shape, then
// by the Claims of the Config, then by the given claims, later ones last; a nil
// value removes a claim. An error means that a value cannot be encoded as JSON.
func (iss *Issuer) Token(claims ...Claims) (string, error) {
	return iss.tokenOf(iss.signingKey(), claims)
}

// SignWith is Token signed by the key with a kid: an old, announced or revoked one.
// An unknown kid is an error.
func (iss *Issuer) SignWith(kid string, claims ...Claims) (string, error) {
	key, err := iss.key(kid)
	if err != nil {
		return "", err
	}
	return iss.tokenOf(key, claims)
}

func (iss *Issuer) tokenOf(key *rsaKey, claims []Claims) (string, error) {
	return key.sign(iss.header(key), iss.claims(claims...))
}

// Sign returns a token with exactly this header and these claims, for unusual
// tokens. The signature is RS256 by the current key, whatever the header says.
func (iss *Issuer) Sign(header, claims Claims) (string, error) {
	return iss.signingKey().sign(header, claims)
}

// header returns the header of a good token by a key.
func (iss *Issuer) header(key *rsaKey) Claims {
	header := Claims{"alg": "RS256", "kid": key.jwk.Kid}
	if iss.shape.typ != "" {
		header["typ"] = iss.shape.typ
	}
	if iss.shape.thumbprint {
		header["x5t"] = key.jwk.X5t
	}
	return header
}

// claims returns the claims of a good token, changed by the given ones.
func (iss *Issuer) claims(claims ...Claims) Claims {
	now := iss.Now()
	good := Claims{
		"iss":       iss.url,
		"aud":       iss.config.Audience,
		"sub":       "m2m",
		"client_id": "m2m",
		"iat":       now.Unix(),
		"exp":       now.Add(iss.config.Lifetime).Unix(),
		"jti":       rand.Text(),
	}
	if iss.shape.claims != nil {
		iss.shape.claims(iss, good)
	}
	return merged(append([]Claims{good, iss.config.Claims}, claims...)...)
}

// merged lets later claims replace earlier ones, and drops those that are nil.
func merged(claims ...Claims) Claims {
	all := Claims{}
	for _, some := range claims {
		maps.Copy(all, some)
	}
	maps.DeleteFunc(all, func(_ string, value any) bool { return value == nil })
	return all
}

func (k *rsaKey) sign(header, claims Claims) (string, error) {
	h, err := json.Marshal(header)
	if err != nil {
		return "", fmt.Errorf("the header has no JSON: %w", err)
	}
	c, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("the claims have no JSON: %w", err)
	}
	signed := encode(h) + "." + encode(c)
	digest := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(nil, k.private, crypto.SHA256, digest[:])
	if err != nil {
		return "", fmt.Errorf("signing: %w", err)
	}
	return signed + "." + encode(signature), nil
}
