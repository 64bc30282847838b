// Package jwktest writes keys as issuers publish them, for tests.
package jwktest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"
)

// Modulus returns an odd number of the given size, which is as good as a real
// modulus for tests without signatures.
func Modulus(bits int) *big.Int {
	n := Must(rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), uint(bits-1))))
	return n.SetBit(n.SetBit(n, bits-1, 1), 0, 1)
}

// Int is the value of n or e in a JWK, with its quotes.
func Int(n *big.Int) string {
	return `"` + base64.RawURLEncoding.EncodeToString(n.Bytes()) + `"`
}

// JWK returns a good JWK of a public key. changes are pairs of name and JSON text: they
// replace members, or remove them if the text is empty.
func JWK(pub *rsa.PublicKey, kid string, changes ...string) string {
	members := [][2]string{
		{"kty", `"RSA"`}, {"kid", fmt.Sprintf("%q", kid)}, {"use", `"sig"`}, {"alg", `"RS256"`},
		{"n", Int(pub.N)}, {"e", Int(big.NewInt(int64(pub.E)))},
	}
	for i := 0; i < len(changes); i += 2 {
		at := slices.IndexFunc(members, func(m [2]string) bool { return m[0] == changes[i] })
		if at < 0 {
			at = len(members)
			members = append(members, [2]string{changes[i]})
		}
		members[at][1] = changes[i+1]
	}
	var texts []string
	for _, m := range members {
		if m[1] != "" {
			texts = append(texts, fmt.Sprintf("%q:%s", m[0], m[1]))
		}
	}
	return "{" + strings.Join(texts, ",") + "}"
}

// Set returns the JWK Set of some keys.
func Set(jwks ...string) string { return `{"keys":[` + strings.Join(jwks, ",") + `]}` }

// PEM returns a PEM block.
func PEM(blockType string, data []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: blockType, Bytes: data}))
}

// Certificate returns the DER of a certificate of a public key. It expired long ago, which
// does not matter here.
func Certificate(pub any) []byte {
	signer := Must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "issuer"},
		NotBefore: time.Unix(1_000_000_000, 0), NotAfter: time.Unix(1_000_000_001, 0),
	}
	return Must(x509.CreateCertificate(rand.Reader, template, template, pub, signer))
}

// Must unwraps what the functions of crypto return.
func Must[T any](data T, err error) T {
	if err != nil {
		panic(err)
	}
	return data
}
