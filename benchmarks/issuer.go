package main

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
	"time"
)

const (
	issuerName = "https://tenant.example.com"
	keysURL    = issuerName + "/.well-known/jwks.json"
	audience   = "https://api.example.com"
	subject    = "auth0|5f7c8ec7c33c6c004bbafe82"
	signingKid = "2026-10"
	keyBits    = 2048
	leeway     = time.Minute // for exp and nbf, where a contender lets it be set
)

// An issuer is whose tokens are verified: a key that signs, and the key set that
// holds its public half. Keys are made anew in each run.
type issuer struct {
	private *rsa.PrivateKey
	public  []publicKey // the signing key is in the middle
	jwks    []byte      // the same as a JWK Set
}

type publicKey struct {
	kid string
	rsa *rsa.PublicKey
}

// newIssuer makes an issuer with a key set of three.
func newIssuer() *issuer { return issuerOf(keyBits) }

// issuerOf is newIssuer with a signing key of another size.
func issuerOf(bits int) *issuer {
	return (&issuer{private: must(rsa.GenerateKey(rand.Reader, bits))}).withKeys(3)
}

// withKeys returns the issuer with a set of count keys. All but the signing one are
// random numbers: nobody signs with them, they are there to be passed over.
func (is *issuer) withKeys(count int) *issuer {
	public := make([]publicKey, count)
	for i := range public {
		if i == count/2 {
			public[i] = publicKey{signingKid, &is.private.PublicKey}
			continue
		}
		n := must(rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), keyBits)))
		n.SetBit(n, keyBits-1, 1).SetBit(n, 0, 1)
		public[i] = publicKey{fmt.Sprintf("other-%04d", i), &rsa.PublicKey{N: n, E: 65537}}
	}
	return &issuer{is.private, public, keySetJSON(public)}
}

// A publishedKey has the members that a JWK commonly has.
type publishedKey struct {
	Kty string `json:"kty"`
	Use string `json:"use"`
	Alg string `json:"alg"`
	Kid string `json:"kid"`
	N   string `json:"n"`
	E   string `json:"e"`
}

type publishedSet struct {
	Keys []publishedKey `json:"keys"`
}

func keySetJSON(public []publicKey) []byte {
	var set publishedSet
	for _, key := range public {
		n := base64.RawURLEncoding.EncodeToString(key.rsa.N.Bytes())
		set.Keys = append(set.Keys, publishedKey{Kty: "RSA", Use: "sig", Alg: "RS256", Kid: key.kid, N: n, E: "AQAB"})
	}
	return must(json.Marshal(set))
}

// sign returns the token of a header and claims, whatever they say.
func (is *issuer) sign(header, claims string) string {
	signed := encode(header) + "." + encode(claims)
	digest := sha256.Sum256([]byte(signed))
	return signed + "." + encode(string(must(rsa.SignPKCS1v15(nil, is.private, crypto.SHA256, digest[:]))))
}

// token returns a good token whose claims have about the given number of bytes.
func (is *issuer) token(claimsBytes int) string {
	return is.sign(goodHeader().text(), goodClaims().filled(claimsBytes))
}

// tokens returns good tokens that differ in their jti.
func (is *issuer) tokens(count int) []string {
	var list []string
	for i := range count {
		claims := goodClaims().with("jti", fmt.Sprintf(`"%032d"`, i))
		list = append(list, is.sign(goodHeader().text(), claims.filled(claimsBytes)))
	}
	return list
}

func encode(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

// forge returns the token with another signature, as someone without the key would
// send it: of the right length, and less than any modulus, so that nobody can refuse
// it without RSA.
func forge(token string) string {
	end := strings.LastIndexByte(token, '.')
	digest := sha256.Sum256([]byte(token))
	signature := bytes.Repeat(digest[:], keyBits/8/len(digest))
	signature[0] = 1
	return token[:end+1] + encode(string(signature))
}

// members are those of a JSON object in their order: name and value as JSON.
type members []member

type member struct{ name, value string }

func goodHeader() members {
	return members{{"alg", `"RS256"`}, {"typ", `"JWT"`}, {"kid", `"` + signingKid + `"`}}
}

func goodClaims() members {
	now := time.Now().Unix()
	return members{
		{"iss", `"` + issuerName + `"`},
		{"sub", `"` + subject + `"`},
		{"aud", `"` + audience + `"`},
		{"iat", fmt.Sprint(now - 60)},
		{"nbf", fmt.Sprint(now - 60)},
		{"exp", fmt.Sprint(now + 24*60*60)},
		{"jti", `"8c1f6a3e-55b0-4e0b-9f0c-6a1d1c0c7a51"`},
		{"azp", `"Zk3Pq0bVtXw1nYc8"`},
		{"scope", `"openid profile email"`},
	}
}

// with returns the members with one replaced or added.
func (m members) with(name, value string) members {
	return append(m.without(name), member{name, value})
}

func (m members) without(name string) members {
	var kept members
	for _, one := range m {
		if one.name != name {
			kept = append(kept, one)
		}
	}
	return kept
}

func (m members) text() string {
	var list []string
	for _, one := range m {
		list = append(list, fmt.Sprintf("%q:%s", one.name, one.value))
	}
	return "{" + strings.Join(list, ",") + "}"
}

// filled is text with permissions added, as large claims have them in practice, up
// to the given number of bytes.
func (m members) filled(size int) string {
	room := size - len(m.with("permissions", "[]").text())
	var list []string
	for i := 0; ; i++ {
		permission := fmt.Sprintf(`"read:invoices-%03d"`, i)
		if room -= len(permission) + 1; room < 0 {
			return m.with("permissions", "["+strings.Join(list, ",")+"]").text()
		}
		list = append(list, permission)
	}
}
