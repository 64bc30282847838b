package jwk_test

import (
	"crypto/rand"
	"math"
	"math/big"
	"testing"

	"example.com/jwtverify/internal/jwk"
	"example.com/jwtverify/internal/jwk/jwktest"
)

func TestUnfit(t *testing.T) {
	good := publicKeys[0].N
	power := func(bits uint, add int64) *big.Int {
		return new(big.Int).Add(new(big.Int).Lsh(big.NewInt(1), bits), big.NewInt(add))
	}
	for _, test := range []struct {
		name string
		n    *big.Int
		e    int64
		want string
	}{
		{"an ordinary key", good, 65537, ""},
		{"the smallest modulus and exponent", power(2047, 1), 3, ""},
		{"the largest modulus and its largest exponent", power(8192, -1), 65537, ""},
		{"the largest modulus with any exponent", power(3072, -1), 1<<31 - 1, ""},
		{"a bit more, and the next exponent", power(3072, 1), 65539, "the exponent is 65539, want at most 65537 for a modulus of more than 3072 bits: a check would take too long"},
		{"the largest modulus and exponent", power(8192, -1), 1<<31 - 1, "the exponent is 2147483647, want at most 65537 for a modulus of more than 3072 bits: a check would take too long"},
		{"modulus 0", new(big.Int), 3, "the modulus is not a positive number"},
		{"a negative modulus", new(big.Int).Neg(good), 3, "the modulus is not a positive number"},
		{"modulus 1", big.NewInt(1), 3, "the modulus has 1 bits, want at least 2048"},
		{"a bit less", power(2047, -1), 3, "the modulus has 2047 bits, want at least 2048"},
		{"a bit more", power(8192, 1), 3, "the modulus has 8193 bits, want at most 8192"},
		{"an even modulus", power(2047, 0), 3, "the modulus is even"},
		{"exponent 2", good, 2, "the exponent is 2, want 3 to 2147483647"},
		{"exponent 1", good, 1, "the exponent is 1, want 3 to 2147483647"},
		{"exponent 0", good, 0, "the exponent is 0, want 3 to 2147483647"},
		{"a negative exponent", good, -3, "the exponent is -3, want 3 to 2147483647"},
		{"exponent 4", good, 4, "the exponent is 4, want an odd number"},
		{"the largest even exponent", good, 1<<31 - 2, "the exponent is 2147483646, want an odd number"},
		{"an exponent one too large", good, 1 << 31, "the exponent is 2147483648, want 3 to 2147483647"},
		{"the largest number", good, math.MaxInt64, "the exponent is 9223372036854775807, want 3 to 2147483647"},
	} {
		if got := jwk.Unfit(test.n, test.e); got != test.want {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
}

// The form of a ROCA key is to be a power of 65537 modulo every small prime. It does not
// do to be one modulo all of them but one: by chance many a good modulus is.
func TestUnfitROCA(t *testing.T) {
	const want = "the modulus has the form of a ROCA key (CVE-2017-15361), whose private key can be computed: replace the key"
	telling := []int64{331, 673, 241, 691, 523, 461, 541, 97, 257, 239, 37, 229, 349, 571, 397, 281, 233}
	product := big.NewInt(2)
	for _, p := range telling {
		product.Mul(product, big.NewInt(p))
	}
	// modulus2100 is a random number of 2100 bits with the given residue.
	modulus2100 := func(residue *big.Int) *big.Int {
		n := jwktest.Modulus(2100)
		n.Sub(n, new(big.Int).Mod(n, product))
		return n.Add(n, residue)
	}
	for range 20 {
		exponent, err := rand.Int(rand.Reader, product)
		if err != nil {
			t.Fatal(err)
		}
		weak := new(big.Int).Exp(big.NewInt(65537), exponent, product)
		if got := jwk.Unfit(modulus2100(weak), 65537); got != want {
			t.Fatalf("a power of 65537: got %q, want %q", got, want)
		}
		for _, p := range telling {
			// The residue modulo p alone becomes one that is no power of 65537.
			prime, others := big.NewInt(p), new(big.Int).Div(product, big.NewInt(p))
			step := new(big.Int).Mul(others, new(big.Int).ModInverse(new(big.Int).Mod(others, prime), prime))
			other := new(big.Int).Set(weak)
			for powers := powersOf65537(p); powers[new(big.Int).Mod(other, prime).Int64()]; {
				other.Mod(other.Add(other, step), product)
			}
			if got := jwk.Unfit(modulus2100(other), 65537); got != "" {
				t.Fatalf("no power of 65537 modulo %d: got %q", p, got)
			}
		}
	}
}

func powersOf65537(p int64) map[int64]bool {
	powers := map[int64]bool{}
	for power := 65537 % p; !powers[power]; power = power * 65537 % p {
		powers[power] = true
	}
	return powers
}

// In FIPS 140 mode crypto/rsa refuses keys that are fit elsewhere.
func TestUnfitInFIPSMode(t *testing.T) {
	if !jwktest.InFIPSMode(t) {
		return
	}
	odd := func(bits uint) *big.Int {
		return new(big.Int).Add(new(big.Int).Lsh(big.NewInt(1), bits-1), big.NewInt(12345))
	}
	for _, test := range []struct {
		name string
		n    *big.Int
		e    int64
		want string
	}{
		{"an ordinary key", odd(2048), 65537, ""},
		{"2049 bits", odd(2049), 65537, "FIPS 140 mode is on, and refuses it: crypto/rsa: use of keys with odd size is not allowed in FIPS 140-only mode"},
		{"a small exponent", odd(2048), 3, "FIPS 140 mode is on, and refuses it: crypto/rsa: use of public exponent <= 2¹⁶ is not allowed in FIPS 140-only mode"},
		{"one that is refused anyhow", odd(2047), 65537, "the modulus has 2047 bits, want at least 2048"},
	} {
		if got := jwk.Unfit(test.n, test.e); got != test.want {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
}
