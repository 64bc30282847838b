package main

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/big"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
)

// A growth is how the cost of a good token grows with something: a column for each
// amount of it, a row for the floor and each library.
type growth struct {
	name    string // of the block
	columns []string
	rows    []line
}

// A line is the cost in floors of one token with 1 KiB of claims on one core, unless
// the block says otherwise.
type line struct {
	name   string
	floors []float64
}

func (g *growth) table() string {
	rows := [][]string{g.columns}
	for _, r := range g.rows {
		cells := []string{r.name}
		for _, floors := range r.floors {
			cells = append(cells, fmt.Sprintf("%.2f", floors))
		}
		rows = append(rows, cells)
	}
	return table(rows)
}

// add adds a column with what has been measured, the rows in their order.
func (g *growth) add(column string, floors []float64) {
	g.columns = append(g.columns, column)
	for i := range g.rows {
		g.rows[i].floors = append(g.rows[i].floors, floors[i])
	}
}

// A point is what a column is measured with.
type point struct {
	column string
	issuer *issuer
	token  string
	cores  int
}

func measureGrowths(is *issuer, e effort) []*growth {
	var claims, keys, cores []point
	// The most that fits in a token of 16 KiB, the longest that we take, is a little
	// less than 12 KiB of claims.
	for _, kib := range []float64{0.5, 1, 2, 4, 8, 11.6} {
		claims = append(claims, point{fmt.Sprint(kib, " KiB"), is, is.token(int(kib * 1024)), 1})
	}
	for _, count := range []int{1, 3, 10, 100, 1_000} {
		keys = append(keys, point{thousands(count), is.withKeys(count), is.token(claimsBytes), 1})
	}
	for n := 1; n <= runtime.NumCPU(); n *= 2 {
		cores = append(cores, point{fmt.Sprint(n), is, is.token(claimsBytes), n})
	}
	var bits []point
	for _, size := range []int{2048, 3072, 4096} {
		larger := issuerOf(size)
		bits = append(bits, point{thousands(size) + " bits", larger, larger.token(claimsBytes), 1})
	}
	return []*growth{
		growthBy("key size", "size of the key", bits, is, e),
		growthBy("claims", "size of the claims", claims, is, e),
		growthBy("keys", "keys in the set", keys, is, e),
		growthBy("cores", "cores that verify at once", cores, is, e),
	}
}

// growthBy measures all contenders and the floor at all points, side by side.
func growthBy(name, what string, points []point, is *issuer, e effort) *growth {
	loads := []load{{name: "reference", call: floor(is, is.token(claimsBytes))}}
	for _, p := range points {
		loads = append(loads, load{name: "floor", call: floor(p.issuer, p.token), cores: p.cores})
		for i, verify := range openAll(p.issuer, true) {
			loads = append(loads, load{name: contenders[i].name, call: judging(verify, p.token), cores: p.cores})
		}
	}
	all := e.run(loads...)
	g := &growth{name: "growth by " + name, columns: []string{what}, rows: []line{{name: "floor"}}}
	for _, name := range names() {
		g.rows = append(g.rows, line{name: name})
	}
	for i, p := range points {
		var floors []float64
		for j := range g.rows {
			floors = append(floors, all[1+i*len(g.rows)+j].over(all[0]))
		}
		g.add(p.column, floors)
	}
	return g
}

// growthByTokens measures a Verifier that remembers as many tokens as it can, while
// clients use more and more different ones, up to most. With a million the memory of
// verified tokens is full, and some of them have to be verified again and again.
func growthByTokens(e effort, most int) *growth {
	g := &growth{name: "growth by tokens", columns: []string{"different tokens"},
		rows: []line{{name: "floor"}, {name: "nothing remembered"}, {name: ours}}}
	signer := newManyPrimes()
	is := (&issuer{private: &rsa.PrivateKey{PublicKey: signer.public()}}).withKeys(3)
	forgetful, verify := remembering(is, 0), remembering(is, 1_000_000)

	// Garbage is collected earlier than usual: the memory takes some gigabytes, and
	// must not take twice that.
	defer debug.SetGCPercent(debug.SetGCPercent(25))
	var tokens []string
	for count := 100; count <= most; count *= 10 {
		more := signer.tokens(len(tokens), count)
		tokens = append(tokens, more...)
		verifyAll(verify, more)
		all := e.run(
			load{name: "floor", call: floor(is, tokens[0])},
			load{name: "nothing remembered", call: inTurn(forgetful, tokens)},
			load{name: ours, call: inTurn(verify, tokens)},
		)
		g.add(thousands(count), []float64{1, all[1].over(all[0]), all[2].over(all[0])})
	}
	return g
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
func verifyAll(verify verify, tokens []string) {
	onAllCores(len(tokens), func(i int) { must(verify(tokens[i])) })
}

// onAllCores calls do for 0 to n-1.
func onAllCores(n int, do func(i int)) {
	cores := runtime.NumCPU()
	var group sync.WaitGroup
	for core := range cores {
		group.Go(func() {
			for i := core; i < n; i += cores {
				do(i)
			}
		})
	}
	group.Wait()
}

// manyPrimes is an RSA key whose modulus has 32 prime factors instead of two. It signs
// several times as fast, which matters for a million tokens; a verifier sees no
// difference. It is good for nothing else.
type manyPrimes struct {
	n      *big.Int
	primes []somePrime
}

type somePrime struct {
	p, d   *big.Int // d: the private exponent mod p-1
	weight *big.Int // 1 mod p, 0 mod the other primes
}

var publicExponent = big.NewInt(65537)

func newManyPrimes() *manyPrimes {
	const count = 32
	one := big.NewInt(1)
	k := &manyPrimes{n: one}
	for len(k.primes) < count {
		// So close to 2^64 that the product has all of its 2048 bits.
		p := new(big.Int).Lsh(one, keyBits/count)
		p.Sub(p, must(rand.Int(rand.Reader, new(big.Int).Lsh(one, 40))))
		d := new(big.Int).ModInverse(publicExponent, new(big.Int).Sub(p, one))
		if d != nil && p.ProbablyPrime(20) {
			k.n = new(big.Int).Mul(k.n, p)
			k.primes = append(k.primes, somePrime{p: p, d: d})
		}
	}
	for i, prime := range k.primes {
		others := new(big.Int).Quo(k.n, prime.p)
		k.primes[i].weight = others.Mul(others, new(big.Int).ModInverse(others, prime.p))
	}
	return k
}

func (k *manyPrimes) public() rsa.PublicKey {
	return rsa.PublicKey{N: k.n, E: int(publicExponent.Int64())}
}

// The DER of a DigestInfo with SHA-256 (RFC 8017, section 9.2, note 1).
var sha256Info, _ = hex.DecodeString("3031300d060960864801650304020105000420")

// sign returns the token of a header and claims.
func (k *manyPrimes) sign(header, claims string) string {
	signed := encode(header) + "." + encode(claims)
	digest := sha256.Sum256([]byte(signed))
	// EMSA-PKCS1-v1_5, RFC 8017, section 9.2.
	info := append(bytes.Clone(sha256Info), digest[:]...)
	padding := bytes.Repeat([]byte{0xff}, keyBits/8-3-len(info))
	message := new(big.Int).SetBytes(append(append(append([]byte{0, 1}, padding...), 0), info...))
	signature, part := new(big.Int), new(big.Int)
	for _, prime := range k.primes {
		part.Exp(part.Mod(message, prime.p), prime.d, prime.p)
		signature.Add(signature, part.Mul(part, prime.weight))
	}
	signature.Mod(signature, k.n)
	return signed + "." + encode(string(signature.FillBytes(make([]byte, keyBits/8))))
}

// tokens makes the tokens from to to-1, different in their jti, with few claims: a
// million of them take a gigabyte.
func (k *manyPrimes) tokens(from, to int) []string {
	header, claims := goodHeader().text(), goodClaims()
	list := make([]string, to-from)
	onAllCores(len(list), func(i int) {
		list[i] = k.sign(header, claims.with("jti", fmt.Sprintf(`"%032d"`, from+i)).text())
	})
	// One string for all of them, so that the collector has nothing to look at.
	whole := strings.Join(list, "")
	for i, token := range list {
		list[i], whole = whole[:len(token)], whole[len(token):]
	}
	return list
}
