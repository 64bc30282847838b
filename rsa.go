package jwtverify

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"fmt"
)

// checkSignature returns the key that made the signature over the signed text (RFC 7515,
// section 5.2). The algorithm is RS256: RSASSA-PKCS1-v1_5 with SHA-256 (RFC 7518, section
// 3.3). There are several keys only if the issuer published them with one kid.
func checkSignature(keys []Key, signed string, signature []byte) (Key, error) {
	var digest [sha256.Size]byte
	hashed := false
	for _, key := range keys {
		// RFC 8017, section 8.2.2, step 1. crypto/rsa checks this too; here it
		// distinguishes a truncated signature from a forged one, and costs no
		// hash.
		if len(signature) != key.pub.Size() {
			continue
		}
		if !hashed {
			digest, hashed = sha256Of(signed), true
		}
		if rsa.VerifyPKCS1v15(key.pub, crypto.SHA256, digest[:], signature) == nil {
			return key, nil
		}
	}
	if !hashed {
		return Key{}, &invalidError{kind: ErrSignature, code: "signature-length",
			subject: "signature has",
			found:   fmt.Sprintf("%d bytes", len(signature)),
			want:    fmt.Sprintf("%d, the size of %s", keys[0].pub.Size(), keys[0].name()),
		}
	}
	return Key{}, &invalidError{kind: ErrSignature, code: "signature-bad",
		subject: "signature was",
		found:   "not made by " + keys[0].name() + ": the token was altered, or another key signed it",
	}
}

func sha256Of(text string) [sha256.Size]byte {
	var room [2048]byte // most tokens fit, and crypto/sha256 needs bytes
	return sha256.Sum256(append(room[:0], text...))
}
