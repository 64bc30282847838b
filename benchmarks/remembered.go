package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"math/big"
	"math/bits"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"

	"example.com/jwtverify"
)

// The counts of different tokens that clients use. With the most, the memory of
// verified tokens is full, and some of them have to be verified again and again.
var tokenCounts = []int{100, 1_000, 10_000, 100_000, 1_000_000}

// growthByTokens measures a Verifier that remembers as many tokens as it can, while
// clients use more and more different ones, up to most.
func growthByTokens(e effort, most int) (growth, error) {
	g := growth{
		file: "growth-remembered", title: "CPU time per token by the number of tokens in use, with VerifiedCache: 1_000_000",
		xName: "different tokens", unit: "× the floor of such a token, with 330 bytes of claims",
		lines: []line{{name: "floor"}, {name: "nothing remembered"}, {name: ours}},
	}
	signer, err := newManyPrimes()
	if err != nil {
		return g, err
	}
	is, err := (&issuer{private: &rsa.PrivateKey{PublicKey: signer.public()}}).withKeys(3)
	if err != nil {
		return g, err
	}
	forgetful, err := remembering(is, 0)
	if err != nil {
		return g, err
	}
	verify, err := remembering(is, tokenCounts[len(tokenCounts)-1])
	if err != nil {
		return g, err
	}

	// Garbage is collected earlier than usual: the memory takes some gigabytes, and
	// must not take twice that.
	defer debug.SetGCPercent(debug.SetGCPercent(25))
	var tokens []string
	for _, count := range tokenCounts {
		if count > most {
			break
		}
		more := signer.tokens(len(tokens), count)
		tokens = append(tokens, more...)
		if err := verifyAll(verify, more); err != nil {
			return g, err
		}
		all, err := e.run(
			load{name: "floor", call: floor(is, tokens[0])},
			load{name: "nothing remembered", call: inTurn(forgetful, tokens)},
			load{name: ours, call: inTurn(verify, tokens)},
		)
		if err != nil {
			return g, err
		}
		g.points = append(g.points, point{x: float64(count), label: thousands(count)})
		for i := range g.lines {
			g.lines[i].floors = append(g.lines[i].floors, all[i].over(all[0]))
		}
	}
	return g, nil
}

// remembering is openOurs with a memory of verified tokens.
func remembering(is *issuer, entries int) (verify, error) {
	set, err := jwtverify.ParseKeySet(is.jwks)
	if err != nil {
		return nil, err
	}
	verifier, err := jwtverify.New(jwtverify.Config{
		Issuer: issuerName, Audiences: []string{audience}, Keys: set, Leeway: leeway, VerifiedCache: entries,
	})
	if err != nil {
		return nil, err
	}
	ctx := context.Background()
	return func(token string) (string, error) {
		t, err := verifier.Verify(ctx, token)
		if err != nil {
			return "", err
		}
		return t.Subject, nil
	}, nil
}

// inTurn verifies one token after the other, in an order that the processor cannot
// foresee: the stride is a prime, so that all of them have their turn.
func inTurn(verify verify, tokens []string) func() error {
	const stride = 7_919
	at := 0
	return func() error {
		at = (at + stride) % len(tokens)
		_, err := verify(tokens[at])
		return err
	}
}

// verifyAll verifies tokens on all cores, so that they are remembered.
func verifyAll(verify verify, tokens []string) error {
	return onAllCores(len(tokens), func(i int) error {
		_, err := verify(tokens[i])
		return err
	})
}

// onAllCores calls do for 0 to n-1.
func onAllCores(n int, do func(i int) error) error {
	cores := runtime.NumCPU()
	errs := make([]error, cores)
	var group sync.WaitGroup
	for core := range cores {
		group.Go(func() {
			for i := core; i < n && errs[core] == nil; i += cores {
				errs[core] = do(i)
			}
		})
	}
	group.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// manyPrimes is an RSA key whose modulus has 32 prime factors, each of one word,
// instead of two. It signs ten times as fast, which matters for a million tokens; a
// verifier sees no difference. Anyone can factor it: it is good for nothing else.
type manyPrimes struct {
	n      *big.Int
	primes []wordPrime
}

type wordPrime struct {
	p      uint64
	d      uint64   // the private exponent mod p-1
	weight *big.Int // 1 mod p, 0 mod the other primes
}

const publicExponent = 65537

func newManyPrimes() (*manyPrimes, error) {
	k := &manyPrimes{n: big.NewInt(1)}
	for len(k.primes) < keyBits/64 {
		// So close to 2^64 that the product has all of its 2048 bits.
		below, err := rand.Int(rand.Reader, big.NewInt(1<<40))
		if err != nil {
			return nil, err
		}
		p := new(big.Int).SetUint64(math.MaxUint64 - below.Uint64())
		d := new(big.Int).ModInverse(big.NewInt(publicExponent), new(big.Int).Sub(p, big.NewInt(1)))
		if d == nil || !p.ProbablyPrime(0) || new(big.Int).Mod(k.n, p).Sign() == 0 {
			continue
		}
		k.n.Mul(k.n, p)
		k.primes = append(k.primes, wordPrime{p: p.Uint64(), d: d.Uint64()})
	}
	for i := range k.primes {
		p := new(big.Int).SetUint64(k.primes[i].p)
		others := new(big.Int).Quo(k.n, p)
		k.primes[i].weight = others.Mul(others, new(big.Int).ModInverse(others, p))
	}
	return k, nil
}

func (k *manyPrimes) public() rsa.PublicKey { return rsa.PublicKey{N: k.n, E: publicExponent} }

// The DER of a DigestInfo with SHA-256 (RFC 8017, section 9.2, note 1).
var sha256Info, _ = hex.DecodeString("3031300d060960864801650304020105000420")

// sign returns the token of a header and claims.
func (k *manyPrimes) sign(header, claims string) string {
	signed := encode(header) + "." + encode(claims)
	digest := sha256.Sum256([]byte(signed))
	// EMSA-PKCS1-v1_5, RFC 8017, section 9.2.
	info := append(bytes.Clone(sha256Info), digest[:]...)
	padding := bytes.Repeat([]byte{0xff}, keyBits/8-3-len(info))
	message := append(append(append([]byte{0, 1}, padding...), 0), info...)

	signature, part := new(big.Int), new(big.Int)
	for _, prime := range k.primes {
		part.SetUint64(prime.power(message))
		signature.Add(signature, part.Mul(part, prime.weight))
	}
	signature.Mod(signature, k.n)
	return signed + "." + encode(string(signature.FillBytes(make([]byte, keyBits/8))))
}

// power returns the message, a big-endian number, to the power of d mod p.
func (w wordPrime) power(message []byte) uint64 {
	times := func(a, b uint64) uint64 {
		high, low := bits.Mul64(a, b)
		return bits.Rem64(high, low, w.p)
	}
	base := uint64(0)
	for ; len(message) > 0; message = message[8:] {
		base = bits.Rem64(base, binary.BigEndian.Uint64(message), w.p)
	}
	result := uint64(1)
	for d := w.d; d > 0; d >>= 1 {
		if d&1 == 1 {
			result = times(result, base)
		}
		base = times(base, base)
	}
	return result
}

// tokens makes the tokens from to to-1, different in their jti, with few claims: a
// million of them take a gigabyte.
func (k *manyPrimes) tokens(from, to int) []string {
	header, claims := goodHeader().text(), goodClaims()
	list := make([]string, to-from)
	_ = onAllCores(len(list), func(i int) error {
		list[i] = k.sign(header, claims.with("jti", fmt.Sprintf(`"%032d"`, from+i)).text())
		return nil
	})
	// One string for all of them, so that the collector has nothing to look at.
	whole := strings.Join(list, "")
	for i, token := range list {
		list[i], whole = whole[:len(token)], whole[len(token):]
	}
	return list
}
