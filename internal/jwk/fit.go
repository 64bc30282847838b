package jwk

import (
	"crypto"
	"crypto/fips140"
	"crypto/rsa"
	"crypto/sha256"
	"fmt"
	"math/big"
)

// Which RSA keys are fit for RS256.
const (
	MinKeyBits = 2048 // RFC 7518, section 3.3: "A key of size 2048 bits or larger MUST be used"
	// The time of a check grows faster than the square of the size. A key of 8192
	// bits, also the largest that crypto/tls accepts, costs 35 times as much as one
	// of 2048 bits.
	MaxKeyBits = 8192
	// crypto/rsa accepts no larger exponent, so that 32-bit machines agree.
	MaxExponent = 1<<31 - 1
	// The time of a check also grows with the length of the exponent: for a key of more
	// than LargeKeyBits it may have at most 17 bits. OpenSSL has the same two bounds,
	// with its own sizes.
	LargeKeyBits     = 3072
	MaxLargeExponent = 1<<16 + 1
)

// Unfit says why a modulus and exponent are not a key for RS256, or returns "". An even
// modulus or exponent is not RSA at all, and with e = 1 nothing is signed. Whether the
// primes are good cannot be seen from outside, except for isROCA.
func Unfit(n *big.Int, e int64) string {
	switch bits := n.BitLen(); {
	case n.Sign() <= 0:
		return "the modulus is not a positive number"
	case bits < MinKeyBits:
		return fmt.Sprintf("the modulus has %d bits, want at least %d", bits, MinKeyBits)
	case bits > MaxKeyBits:
		return fmt.Sprintf("the modulus has %d bits, want at most %d", bits, MaxKeyBits)
	case n.Bit(0) == 0:
		return "the modulus is even"
	case isROCA(n):
		return "the modulus has the form of a ROCA key (CVE-2017-15361), whose private key can be computed: replace the key"
	case e < 3 || e > MaxExponent:
		return fmt.Sprintf("the exponent is %d, want 3 to %d", e, MaxExponent)
	case e%2 == 0:
		return fmt.Sprintf("the exponent is %d, want an odd number", e)
	case bits > LargeKeyBits && e > MaxLargeExponent:
		return fmt.Sprintf("the exponent is %d, want at most %d for a modulus of more than %d bits: a check would take too long", e, MaxLargeExponent, LargeKeyBits)
	}
	if !fips140.Enabled() {
		return ""
	}
	// GODEBUG=fips140=only refuses more keys, such as those of 2049 bits. Without a
	// signature, crypto/rsa only checks whether the key is allowed.
	var digest [sha256.Size]byte
	if err := rsa.VerifyPKCS1v15(&rsa.PublicKey{N: n, E: int(e)}, crypto.SHA256, digest[:], nil); err != rsa.ErrVerification {
		return fmt.Sprintf("FIPS 140 mode is on, and refuses it: %v", err)
	}
	return ""
}

// Small primes modulo which few numbers are a power of 65537, the most selective first.
var rocaPrimes = [...]int64{331, 673, 241, 691, 523, 461, 541, 97, 257, 239, 37, 229, 349, 571, 397, 281, 233}

// isROCA reports whether n comes from the key generator of CVE-2017-15361, found in
// smart cards and TPMs. Its primes are powers of 65537 modulo every prime up to 701 (in
// keys of this size), and so is their product: "The Return of Coppersmith's Attack",
// Nemec and others, 2017, section 2. A random modulus is like that with a probability
// of 2^-73.
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
