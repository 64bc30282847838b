package conformance_test

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"testing"
)

func encode(data []byte) string { return base64.RawURLEncoding.EncodeToString(data) }

// signedBy is the token of a header and claims, given as text, with an RS256 signature.
func signedBy(t testing.TB, key *rsa.PrivateKey, header, claims string) string {
	t.Helper()
	return signText(t, key, encode([]byte(header))+"."+encode([]byte(claims)))
}

func signText(t testing.TB, key *rsa.PrivateKey, signed string) (token string) {
	t.Helper()
	digest := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	return signed + "." + encode(signature)
}
