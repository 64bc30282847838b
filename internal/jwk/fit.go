package jwk

import (
	"fmt"
	"math/big"
)

// Which RSA keys are fit for RS256.
const (
	MinKeyBits = 2048 // RFC 7518, section 3.3: "A key of size 2048 bits or larger MUST be used"
	// A verification takes time with the square of the size: 8192 bits, the most
	// that crypto/tls takes too, costs 13 times as much as 2048.
	MaxKeyBits = 8192
	// crypto/rsa takes no larger exponent, so that 32-bit machines agree.
	MaxExponent = 1<<31 - 1
)

// Unfit says why a modulus and exponent make no key for RS256, or returns "".
// An even modulus or exponent is no RSA at all; e = 1 signs nothing. Whether the primes
// are good cannot be seen from outside, with the one exception of isROCA.
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
