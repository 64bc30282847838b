package jwtverify_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"

	"example.com/jwtverify"
	"example.com/jwtverify/internal/jwk/jwktest"
)

// A madeKey is a private key of any size and exponent. It is made of primes that
// are short, so that even 8192 bits take no time: worth nothing but in a test.
type madeKey struct {
	n, e, d *big.Int
	factors []factor
}

// A factor is a prime with what signing takes: the private exponent for it, and the number
// that is 1 modulo it and 0 modulo the others.
type factor struct{ prime, d, one *big.Int }

// makeKey makes a key that FIPS 140 mode may refuse.
func makeKey(tb testing.TB, bits int, e int64) madeKey {
	tb.Helper()
	notInFIPSMode(tb, true)
	return newKey(bits, e)
}

func newKey(bits int, e int64) madeKey {
	one := big.NewInt(1)
	key := madeKey{n: big.NewInt(1), e: big.NewInt(e)}
	phi := big.NewInt(1)
	var primes []*big.Int
	for round := 0; key.n.BitLen() < bits; round++ {
		size, left := 128, bits-key.n.BitLen()
		last := left < 2*size
		if last {
			size = left + round%2 // a product has as many bits as its factors, or one less
		}
		prime := jwktest.Modulus(size)
		less := new(big.Int).Sub(prime, one)
		n := new(big.Int).Mul(key.n, prime)
		if last && n.BitLen() != bits || new(big.Int).ModInverse(key.e, less) == nil || !prime.ProbablyPrime(1) {
			continue
		}
		key.n, primes = n, append(primes, prime)
		phi.Mul(phi, less)
	}
	key.d = new(big.Int).ModInverse(key.e, phi) // there is one, since e has one for each prime
	for _, prime := range primes {
		others := new(big.Int).Div(key.n, prime)
		key.factors = append(key.factors, factor{
			prime: prime,
			d:     new(big.Int).Mod(key.d, new(big.Int).Sub(prime, one)),
			one:   others.Mul(others, new(big.Int).ModInverse(others, prime)),
		})
	}
	return key
}

func (k madeKey) jwk(kid string) string {
	return fmt.Sprintf(`{"kty":"RSA","kid":%q,"n":%s,"e":%s}`, kid, jwktest.Int(k.n), jwktest.Int(k.e))
}

// size is that of a signature in bytes.
func (k madeKey) size() int { return (k.n.BitLen() + 7) / 8 }

// sha256Info is the DigestInfo of SHA-256 before the digest (RFC 8017, section 9.2).
const sha256Info = "\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20"

// padded is EMSA-PKCS1-v1_5 of the text in size bytes.
func padded(size int, text string) []byte {
	digest := sha256.Sum256([]byte(text))
	tail := sha256Info + string(digest[:])
	return []byte("\x00\x01" + strings.Repeat("\xff", size-3-len(tail)) + "\x00" + tail)
}

// signPadded applies the private key to a message of the size of the modulus: modulo
// each prime, which are short, and put together by the Chinese remainder theorem.
func (k madeKey) signPadded(message []byte) []byte {
	m, s := new(big.Int).SetBytes(message), new(big.Int)
	for _, f := range k.factors {
		part := new(big.Int).Exp(m, f.d, f.prime)
		s.Add(s, part.Mul(part, f.one))
	}
	return s.Mod(s, k.n).FillBytes(make([]byte, k.size()))
}

// sign puts its signature behind a header and claims.
func (k madeKey) sign(signed string) string {
	return signed + "." + encode(string(k.signPadded(padded(k.size(), signed))))
}

// token is a good token, without a test that could fail.
func (k madeKey) token(kid string) string {
	header := jwktest.Must(json.Marshal(map[string]any{"alg": "RS256", "kid": kid}))
	claims := jwktest.Must(json.Marshal(goodClaims()))
	return k.sign(encode(string(header)) + "." + encode(string(claims)))
}

// shared needs an exponent that is an int on every machine.
func (k madeKey) shared() *sharedKey {
	private := rsa.PrivateKey{PublicKey: rsa.PublicKey{N: k.n, E: int(k.e.Int64())}, D: k.d}
	for _, f := range k.factors {
		private.Primes = append(private.Primes, f.prime)
	}
	return &sharedKey{private, k}
}

func TestRS256OfEverySize(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		bits int
		e    int64
		fit  bool
	}{
		{2048, 65537, true},
		{2048, 3, true},
		{2048, 17, true},
		{2048, 1<<31 - 1, true},
		{2049, 65537, true},
		{2055, 65537, true},
		{2056, 3, true},
		{3072, 65537, true},
		{4096, 65537, true},
		{8185, 3, true},
		{8192, 65537, true},
		{2047, 65537, false},
		{2040, 65537, false},
		{1024, 65537, false},
		{8193, 65537, false},
		{2048, 1<<31 + 11, false},
		{2048, 1<<32 + 15, false},
	} {
		key := makeKey(t, test.bits, test.e)
		set := parseSet(t, jwktest.Set(key.jwk("a"), jwkText(t, 0)))
		if got := set.Len() == 2; got != test.fit {
			t.Errorf("%d bits, e %d: used %v, want %v; skipped %v", test.bits, test.e, got, test.fit, set.Skipped())
			continue
		}
		token := key.token("a")
		_, err := newVerifier(t, jwtverify.Config{Keys: set}).Verify(t.Context(), token)
		if !test.fit {
			if !errors.Is(err, jwtverify.ErrUnknownKey) || !strings.Contains(err.Error(), set.Skipped()[0].Error()) {
				t.Errorf("%d bits, e %d: got %v", test.bits, test.e, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%d bits, e %d: %v", test.bits, test.e, err)
		}
		// The size is that of the signature, also where bits are no whole bytes.
		last := strings.LastIndexByte(token, '.')
		signature, err := base64.RawURLEncoding.DecodeString(token[last+1:])
		if err != nil {
			t.Fatal(err)
		}
		for name, altered := range map[string][]byte{
			"a byte less":       signature[:len(signature)-1],
			"a byte less first": signature[1:],
			"a zero in front":   append([]byte{0}, signature...),
			"a zero behind":     append(slices.Clone(signature), 0),
			"nothing":           nil,
			"twice":             append(slices.Clone(signature), signature...),
		} {
			_, err := newVerifier(t, jwtverify.Config{Keys: set}).Verify(t.Context(), token[:last+1]+encode(string(altered)))
			want := fmt.Sprintf(`jwtverify: token is invalid: signature has %d bytes, want %d, the size of key "a"`, len(altered), key.size())
			if !errors.Is(err, jwtverify.ErrSignature) || err.Error() != want {
				t.Errorf("%d bits, %s:\ngot  %v\nwant %s", test.bits, name, err, want)
			}
		}
	}
}

// The good padding is one of very many messages; each other is refused.
func TestRS256RefusesOtherPadding(t *testing.T) {
	t.Parallel()
	key := makeKey(t, 2048, 3)
	set := parseSet(t, key.jwk("a"))
	verifier := newVerifier(t, jwtverify.Config{Keys: set})
	signed := encode(`{"alg":"RS256","kid":"a"}`) + "." + encode(marshal(t, goodClaims()))
	verify := func(message []byte) error {
		_, err := verifier.Verify(t.Context(), signed+"."+encode(string(key.signPadded(message))))
		return err
	}
	good := padded(256, signed)
	if err := verify(good); err != nil {
		t.Fatalf("the harness: %v", err)
	}
	const want = `jwtverify: token is invalid: signature was not made by key "a": the token was altered, or another key signed it`
	refused := func(name string, message []byte) {
		t.Helper()
		if err := verify(message); !errors.Is(err, jwtverify.ErrSignature) || err.Error() != want {
			t.Errorf("%s:\ngot  %v\nwant %s", name, err, want)
		}
	}
	for at := range good {
		if at > 0 { // a first byte that is not 0 may be beyond the modulus
			message := slices.Clone(good)
			message[at] ^= 1
			refused(fmt.Sprintf("byte %d changed", at), message)
		}
	}
	digest := sha256.Sum256([]byte(signed))
	tail := sha256Info + string(digest[:])
	frame := func(padding, tail string) []byte {
		return []byte("\x00\x01" + padding + strings.Repeat("\xff", max(253-len(padding)-len(tail), 0)) + "\x00" + tail)[:256]
	}
	sha512Digest := sha512.Sum512_256([]byte(signed))
	other := strings.Replace(sha256Info, "\x02\x01\x05", "\x02\x06\x05", 1)
	refused("SHA-512/256", frame("", other+string(sha512Digest[:])))
	refused("the name of SHA-512/256 with SHA-256", frame("", other+string(digest[:])))
	refused("no DigestInfo", frame("", string(digest[:])))
	refused("no NULL in DigestInfo", frame("", strings.NewReplacer("\x30\x31\x30\x0d", "\x30\x2f\x30\x0b", "\x05\x00\x04", "\x04").Replace(sha256Info)+string(digest[:])))
	refused("a byte behind the digest", frame("", tail+"\x00"))
	refused("short padding, the rest behind", append([]byte("\x00\x01"+strings.Repeat("\xff", 8)+"\x00"+tail), make([]byte, 194)...))
	refused("block type 2", append([]byte("\x00\x02"), good[2:]...))
	refused("block type 0", append([]byte("\x00\x00"), good[2:]...))
	refused("nothing but zeros", make([]byte, 256))
	refused("one", append(make([]byte, 255), 1))

	// The cube root of a padding with room behind the digest needs no private key.
	forged := new(big.Int).SetBytes(append([]byte("\x00\x01\xff\xff\xff\xff\xff\xff\xff\xff\x00"+tail), slices.Repeat([]byte{0xff}, 194)...))
	root := cubeRoot(forged)
	token := signed + "." + encode(string(root.FillBytes(make([]byte, 256))))
	if cube := new(big.Int).Exp(root, big.NewInt(3), nil).FillBytes(make([]byte, 256)); string(cube[:60]) != string(forged.FillBytes(make([]byte, 256))[:60]) {
		t.Fatalf("the harness: the root is wrong")
	}
	if _, err := verifier.Verify(t.Context(), token); !errors.Is(err, jwtverify.ErrSignature) {
		t.Errorf("a cube root: got %v", err)
	}
}

// cubeRoot is the greatest number whose cube is at most n.
func cubeRoot(n *big.Int) *big.Int {
	root := new(big.Int)
	for bit := n.BitLen() / 3; bit >= 0; bit-- {
		next := new(big.Int).SetBit(root, bit, 1)
		if new(big.Int).Exp(next, big.NewInt(3), nil).Cmp(n) <= 0 {
			root = next
		}
	}
	return root
}

// RFC 8017, section 5.2.2, step 1: a signature is smaller than the modulus. The
// same one plus the modulus would be a second text for the same token.
func TestRS256RefusesSignaturesBeyondTheModulus(t *testing.T) {
	key := makeKey(t, 2048, 65537)
	for new(big.Int).Mul(key.n, big.NewInt(3)).BitLen() > 2049 { // most signatures need room for more
		key = makeKey(t, 2048, 65537)
	}
	verifier := newVerifier(t, jwtverify.Config{Keys: parseSet(t, key.jwk("a"))})
	tried := 0
	for i := 0; i < 100 && tried < 3; i++ {
		claims := goodClaims()
		claims["jti"] = fmt.Sprint(i)
		signed := encode(`{"alg":"RS256","kid":"a"}`) + "." + encode(marshal(t, claims))
		signature := key.signPadded(padded(256, signed))
		if _, err := verifier.Verify(t.Context(), signed+"."+encode(string(signature))); err != nil {
			t.Fatalf("the harness: %v", err)
		}
		more := new(big.Int).Add(new(big.Int).SetBytes(signature), key.n)
		if more.BitLen() > 2048 {
			continue
		}
		tried++
		if _, err := verifier.Verify(t.Context(), signed+"."+encode(string(more.FillBytes(make([]byte, 256))))); !errors.Is(err, jwtverify.ErrSignature) {
			t.Errorf("a signature plus the modulus: got %v", err)
		}
		less := new(big.Int).Sub(key.n, new(big.Int).SetBytes(signature))
		if _, err := verifier.Verify(t.Context(), signed+"."+encode(string(less.FillBytes(make([]byte, 256))))); !errors.Is(err, jwtverify.ErrSignature) {
			t.Errorf("the modulus less a signature: got %v", err)
		}
	}
	if tried == 0 {
		t.Error("no signature was small enough")
	}
	for name, n := range map[string]*big.Int{"0": new(big.Int), "1": big.NewInt(1), "the modulus": key.n, "the modulus less 1": new(big.Int).Sub(key.n, big.NewInt(1))} {
		token := encode(`{"alg":"RS256","kid":"a"}`) + "." + encode(marshal(t, goodClaims())) + "." + encode(string(n.FillBytes(make([]byte, 256))))
		if _, err := verifier.Verify(t.Context(), token); !errors.Is(err, jwtverify.ErrSignature) {
			t.Errorf("the signature %s: got %v", name, err)
		}
	}
}

func TestRS256RefusesOtherAlgorithmsOfTheSameKey(t *testing.T) {
	notInFIPSMode(t, true)
	key := &testKey(t, 0).PrivateKey
	verifier := newVerifier(t, jwtverify.Config{Keys: testSet(t, 1)})
	signed := encode(marshal(t, goodHeader())) + "." + encode(marshal(t, goodClaims()))
	sum256, sum384, sum512 := sha256.Sum256([]byte(signed)), sha512.Sum384([]byte(signed)), sha512.Sum512([]byte(signed))
	for name, signature := range map[string][]byte{
		"PS256":         jwktest.Must(rsa.SignPSS(rand.Reader, key, crypto.SHA256, sum256[:], nil)),
		"RS384":         jwktest.Must(rsa.SignPKCS1v15(nil, key, crypto.SHA384, sum384[:])),
		"RS512":         jwktest.Must(rsa.SignPKCS1v15(nil, key, crypto.SHA512, sum512[:])),
		"a bare digest": jwktest.Must(rsa.SignPKCS1v15(nil, key, 0, sum256[:])),
		"the digest twice": func() []byte {
			sum := sha256.Sum256(sum256[:])
			return jwktest.Must(rsa.SignPKCS1v15(nil, key, crypto.SHA256, sum[:]))
		}(),
	} {
		if _, err := verifier.Verify(t.Context(), signed+"."+encode(string(signature))); !errors.Is(err, jwtverify.ErrSignature) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	token := signed + "." + encode(string(jwktest.Must(rsa.SignPKCS1v15(nil, key, crypto.SHA256, sum256[:]))))
	if _, err := verifier.Verify(t.Context(), token); err != nil || token != signParts(t, 0, signed) {
		t.Errorf("RS256: %v, and these tests sign like crypto/rsa: %v", err, token == signParts(t, 0, signed))
	}
}

// Keys of one kid are tried until one fits; those of another size cost nothing.
func TestRS256WithKeysOfSeveralSizes(t *testing.T) {
	large, larger := makeKey(t, 3072, 65537), makeKey(t, 4096, 65537)
	set := parseSet(t, jwktest.Set(larger.jwk("a"), large.jwk("a"), jwkText(t, 0, "kid", `"a"`), jwkText(t, 1, "kid", `"a"`)))
	verifier := newVerifier(t, jwtverify.Config{Keys: set})
	header := map[string]any{"alg": "RS256", "kid": "a"}
	for name, token := range map[string]string{
		"first": larger.token("a"), "second": large.token("a"),
		"third": sign(t, 0, header, goodClaims()), "fourth": sign(t, 1, header, goodClaims()),
	} {
		if got, err := verifier.Verify(t.Context(), token); err != nil || got.KeyID != "a" {
			t.Errorf("signed by the %s key: %v", name, err)
		}
	}
	other := sign(t, 2, header, goodClaims())
	for token, want := range map[string]string{
		other: `signature was not made by key "a": the token was altered, or another key signed it`,
		other[:strings.LastIndexByte(other, '.')] + "." + encode(strings.Repeat("x", 257)): `signature has 257 bytes, want 512, the size of key "a"`,
	} {
		if _, err := verifier.Verify(t.Context(), token); !errors.Is(err, jwtverify.ErrSignature) || err.Error() != "jwtverify: token is invalid: "+want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}

// A token may be longer than the array that most fit in.
func TestRS256OfLongTokens(t *testing.T) {
	verifier := newVerifier(t, jwtverify.Config{})
	for _, length := range []int{1_200, 1_300, 1_400, 1_500, 5_000, 11_000} {
		claims := goodClaims()
		claims["x"] = strings.Repeat("x", length)
		token := sign(t, 0, goodHeader(), claims)
		if _, err := verifier.Verify(t.Context(), token); err != nil {
			t.Errorf("%d bytes: %v", len(token), err)
		}
		for _, at := range []int{100, 2_047, 2_048, 2_049, len(token) - 400} {
			if at >= len(token)-350 {
				continue
			}
			altered := []byte(token)
			altered[at] ^= 1
			if _, err := verifier.Verify(t.Context(), string(altered)); !errors.Is(err, jwtverify.ErrInvalid) {
				t.Errorf("%d bytes, byte %d changed: got %v", len(token), at, err)
			}
		}
	}
}

// A key generator in smart cards and TPMs made its primes as multiples of the product
// of the first 126 primes plus a power of 65537 (CVE-2017-15361, "ROCA"). Here they
// need not be prime: what gives the modulus away is its form.
func TestROCAKeys(t *testing.T) {
	product := big.NewInt(1)
	for p, found := int64(2), 0; found < 126; p++ {
		if big.NewInt(p).ProbablyPrime(0) {
			product.Mul(product, big.NewInt(p))
			found++
		}
	}
	factor := func(bits uint) *big.Int {
		random := func(limit *big.Int) *big.Int {
			n, err := rand.Int(rand.Reader, limit)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		top := new(big.Int).Lsh(big.NewInt(1), bits-1)
		n := new(big.Int).Add(top, random(top))
		n.Sub(n, new(big.Int).Mod(n, product))
		return n.Add(n, new(big.Int).Exp(big.NewInt(65537), random(product), product))
	}
	const want = "the modulus has the form of a ROCA key"
	for _, bits := range []uint{2100, 3072, 4096, 8190} {
		n := new(big.Int).Mul(factor(bits/2), factor(bits/2))
		if _, err := jwtverify.NewKey(&rsa.PublicKey{N: n, E: 65537}, "weak"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("NewKey, %d bits: got %v, want %q", n.BitLen(), err, want)
		}
		set, err := jwtverify.ParseKeySet([]byte(`{"keys":[` + jwkText(t, 0) + `,` + jwkText(t, 1, "n", jwktest.Int(n)) + `]}`))
		if err != nil {
			t.Fatal(err)
		}
		if skipped := set.Skipped(); set.Len() != 1 || len(skipped) != 1 || !strings.Contains(skipped[0].Error(), want) {
			t.Errorf("ParseKeySet, %d bits: got %d keys and skipped %v, want 1 key and %q", n.BitLen(), set.Len(), skipped, want)
		}
	}
	for range 2000 {
		if _, err := jwtverify.NewKey(&rsa.PublicKey{N: jwktest.Modulus(2048), E: 65537}, "good"); err != nil {
			t.Fatalf("NewKey of an ordinary modulus: %v", err)
		}
	}
}

// In FIPS 140 mode crypto/rsa refuses keys that are fit elsewhere. A set tells of them when
// it is read; else each of their tokens would be a forged one.
func TestKeysInFIPSMode(t *testing.T) {
	if !jwktest.InFIPSMode(t) {
		return
	}
	set := parseSet(t, jwktest.Set(
		jwkText(t, 0),
		jwkText(t, 0, "kid", `"odd"`, "n", jwktest.Int(jwktest.Modulus(2049))),
		jwkText(t, 0, "kid", `"small"`, "e", `"Aw"`),
	))
	var reasons []string
	for _, err := range set.Skipped() {
		reasons = append(reasons, err.Error())
	}
	if want := []string{
		`key 1 with kid "odd" is not used: FIPS 140 mode is on, and refuses it: crypto/rsa: use of keys with odd size is not allowed in FIPS 140-only mode`,
		`key 2 with kid "small" is not used: FIPS 140 mode is on, and refuses it: crypto/rsa: use of public exponent <= 2¹⁶ is not allowed in FIPS 140-only mode`,
	}; set.Len() != 1 || !slices.Equal(reasons, want) {
		t.Errorf("%d keys, skipped %q", set.Len(), reasons)
	}
	if _, err := newVerifier(t, jwtverify.Config{Keys: set}).Verify(t.Context(), sign(t, 0, goodHeader(), goodClaims())); err != nil {
		t.Error(err)
	}
}
