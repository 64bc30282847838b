package issuer

import (
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"math/big"
	"sync"
)

// ReuseFactors lets keys be made of these prime factors from now on, and of those of earlier
// keys when they are used up, each of another pair: 30 factors make 435 keys. It is for the
// tests of this repository, most of whose time went into finding primes. Such keys protect
// nothing, since two of them that share a factor tell it to everybody.
func ReuseFactors(primes []*big.Int) {
	factors.mu.Lock()
	defer factors.mu.Unlock()
	factors.on, factors.primes = true, primes
}

var factors = struct {
	mu     sync.Mutex
	on     bool
	primes []*big.Int
	i, j   int // the next pair: i < j
}{j: 1}

// nextFactors returns a pair that no key has yet, nil if each key is to have its own.
func nextFactors() (p, q *big.Int, err error) {
	factors.mu.Lock()
	defer factors.mu.Unlock()
	f := &factors
	if !f.on {
		return nil, nil, nil
	}
	if f.j >= len(f.primes) {
		key, err := rsa.GenerateKey(rand.Reader, keyBits)
		if err != nil {
			return nil, nil, err
		}
		f.primes = append(f.primes, key.Primes...)
	}
	p, q = f.primes[f.i], f.primes[f.j]
	if f.i++; f.i == f.j {
		f.i, f.j = 0, f.j+1
	}
	return p, q, nil
}

// keyOf makes the key of two factors (RFC 8017, section 3.2), each of which fits e already.
func keyOf(p, q *big.Int) (*rsa.PrivateKey, error) {
	const e = 65537
	one := big.NewInt(1)
	totient := new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one))
	key := &rsa.PrivateKey{
		PublicKey: rsa.PublicKey{N: new(big.Int).Mul(p, q), E: e},
		D:         new(big.Int).ModInverse(big.NewInt(e), totient),
		Primes:    []*big.Int{p, q},
	}
	key.Precompute()
	if err := key.Validate(); err != nil {
		return nil, fmt.Errorf("a key of two factors: %w", err)
	}
	return key, nil
}
