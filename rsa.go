package jwtverify

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"fmt"
	"math/big"
)

// Which RSA keys are fit for RS256.
const (
	minKeyBits = 2048 // RFC 7518, section 3.3: "A key of size 2048 bits or larger MUST be used"
	// A verification takes time with the square of the size: 8192 bits, the most
	// that crypto/tls takes too, costs 13 times as much as 2048.
	maxKeyBits = 8192
	// crypto/rsa takes no larger exponent, so that 32-bit machines agree.
	maxExponent = 1<<31 - 1
)

// unfit says why a modulus and exponent make no key for RS256, or returns "".
// An even modulus or exponent is no RSA at all; e = 1 signs nothing. Whether the primes
// are good cannot be seen from outside, with the one exception of isROCA.
func unfit(n *big.Int, e int64) string {
	switch bits := n.BitLen(); {
	case n.Sign() <= 0:
		return "the modulus is not a positive number"
	case bits < minKeyBits:
		return fmt.Sprintf("the modulus has %d bits, want at least %d", bits, minKeyBits)
	case bits > maxKeyBits:
		return fmt.Sprintf("the modulus has %d bits, want at most %d", bits, maxKeyBits)
	case n.Bit(0) == 0:
		return "the modulus is even"
	case isROCA(n):
		return "the modulus has the form of a ROCA key (CVE-2017-15361), whose private key can be computed: replace the key"
	case e < 3 || e > maxExponent:
		return fmt.Sprintf("the exponent is %d, want 3 to %d", e, maxExponent)
	case e%2 == 0:
		return fmt.Sprintf("the exponent is %d, want an odd number", e)
	}
	return ""
}

// Small primes modulo which few numbers are a power of 65537, the most telling first.
var rocaPrimes = [...]int64{331, 673, 241, 691, 523, 461, 541, 97, 257, 239, 37, 229, 349, 571, 397, 281, 233}

// isROCA reports whether n comes from the key generator of CVE-2017-15361, found in
// smart cards and TPMs. Its primes are powers of 65537 modulo every prime up to 701
// (in keys of this size), and so is their product: "The Return of Coppersmith's
// Attack", Nemec and others, 2017, section 2. By chance a modulus is that once in 2^73.
func isROCA(n *big.Int) bool {
	var residue, modulus big.Int
	for _, p := range rocaPrimes {
		r := residue.Mod(n, modulus.SetInt64(p)).Int64()
		power := int64(65537) % p
		for start := power; power != r; {
			if power = power * 65537 % p; power == start {
				return false
			}
		}
	}
	return true
}

// verifyRS256 returns nil if signature was made over signed by the private half
// of one of the keys, with RSASSA-PKCS1-v1_5 and SHA-256 (RFC 7518, section 3.3).
// There are several keys only if the issuer published them under one kid.
func verifyRS256(keys []Key, signed string, signature []byte) (Key, error) {
	var digest [sha256.Size]byte
	hashed := false
	for _, key := range keys {
		// RFC 8017, section 8.2.2, step 1. crypto/rsa checks this too; here it
		// tells a truncated signature from a forged one, and costs no hash.
		if len(signature) != key.pub.Size() {
			continue
		}
		if !hashed {
			// Most tokens fit in the array, and crypto/sha256 needs bytes.
			var room [2048]byte
			digest, hashed = sha256.Sum256(append(room[:0], signed...)), true
		}
		if rsa.VerifyPKCS1v15(key.pub, crypto.SHA256, digest[:], signature) == nil {
			return key, nil
		}
	}
	if !hashed {
		return Key{}, invalid(ErrSignature, "signature-length", "signature has ", fmt.Sprintf("%d bytes", len(signature)),
			fmt.Sprintf("%d, the size of %s", keys[0].pub.Size(), keys[0].name()))
	}
	return Key{}, invalid(ErrSignature, "signature-bad", "signature was ", "not made by "+keys[0].name()+": the token was altered, or another key signed it", "")
}
