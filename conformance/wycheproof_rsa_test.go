package conformance_test

import (
	"bytes"
	"crypto"
	_ "crypto/md5"
	"crypto/rsa"
	_ "crypto/sha1"
	_ "crypto/sha256"
	_ "crypto/sha3"
	_ "crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io/fs"
	"math/big"
	"slices"
	"strings"
	"testing"

	"example.com/jwtverify"

	"github.com/c2sp/wycheproof"
)

// Project Wycheproof's RSA PKCS#1 v1.5 vectors sign messages such as "123400", which
// are no header and claims. So each is transplanted into a token:
//
//	signature of the vector ─ public key → padded message, with its flaw
//	    the digest in it replaced by that of header.claims
//	    ─ private key → signature of the token, with the same flaw
//
// The private keys are those of Wycheproof's vectors for making signatures. Where a
// padded message holds no digest, such as that of the signature n-1, the vector's
// signature is taken as it stands. A token with a good signature must be accepted, for
// its claims are good; one with a flaw must be refused for its signature.

type hexBytes []byte

func (h *hexBytes) UnmarshalJSON(text []byte) (err error) {
	*h, err = hex.DecodeString(strings.Trim(string(text), `"`))
	return err
}

func (h hexBytes) number() *big.Int { return new(big.Int).SetBytes(h) }

type rsaFile struct {
	NumberOfTests int
	TestGroups    []rsaGroup
}

type rsaGroup struct {
	SHA          string
	KeySize      int
	KeyJWK       json.RawMessage
	PublicKeyDER hexBytes
	PublicKeyPEM string
	PublicKey    struct{ Modulus, PublicExponent hexBytes }
	Tests        []rsaVector
}

type rsaVector struct {
	TcID    int
	Comment string
	Msg     hexBytes
	Sig     hexBytes
	Result  string // valid, acceptable or invalid
	Flags   []string
}

var hashes = map[string]crypto.Hash{
	"MD5": crypto.MD5, "SHA-1": crypto.SHA1,
	"SHA-224": crypto.SHA224, "SHA-256": crypto.SHA256, "SHA-384": crypto.SHA384, "SHA-512": crypto.SHA512,
	"SHA-512/224": crypto.SHA512_224, "SHA-512/256": crypto.SHA512_256,
	"SHA3-224": crypto.SHA3_224, "SHA3-256": crypto.SHA3_256, "SHA3-384": crypto.SHA3_384, "SHA3-512": crypto.SHA3_512,
}

func sum(hash crypto.Hash, message []byte) []byte {
	h := hash.New()
	h.Write(message)
	return h.Sum(nil)
}

// A keyFile has vectors for making signatures, of which only the keys are used here.
type keyFile struct {
	TestGroups []struct {
		PrivateKeyJWK json.RawMessage
		PrivateKeyPEM string
	}
}

// A privateKey is the private half in the form of RFC 8017, section 3.2, whose second
// representation is four times as fast.
type privateKey struct{ n, p, q, dp, dq, qi *big.Int }

func readPrivateKeys(t testing.TB, bits int) []privateKey {
	t.Helper()
	var file keyFile
	readVectors(t, fmt.Sprintf("rsa_pkcs1_%d_sig_gen", bits), &file)
	var keys []privateKey
	for _, group := range file.TestGroups {
		if group.PrivateKeyJWK == nil {
			continue
		}
		var jwk map[string]string
		if err := json.Unmarshal(group.PrivateKeyJWK, &jwk); err != nil {
			t.Fatal(err)
		}
		number := func(member string) *big.Int {
			data, err := base64.RawURLEncoding.DecodeString(jwk[member])
			if err != nil || len(data) == 0 {
				t.Fatalf("a private key has no %s", member)
			}
			return new(big.Int).SetBytes(data)
		}
		keys = append(keys, privateKey{number("n"), number("p"), number("q"), number("dp"), number("dq"), number("qi")})
	}
	return keys
}

// sign applies the private key to a padded message (RFC 8017, section 5.2.1).
func (k privateKey) sign(padded []byte) []byte {
	m := new(big.Int).SetBytes(padded)
	s1 := new(big.Int).Exp(m, k.dp, k.p)
	s2 := new(big.Int).Exp(m, k.dq, k.q)
	h := s1.Sub(s1, s2)
	h.Mod(h.Mul(h, k.qi), k.p)
	return s2.Add(s2, h.Mul(h, k.q)).FillBytes(make([]byte, (k.n.BitLen()+7)/8))
}

// A transplant is a vector made into a token.
type transplant struct {
	token  string
	digest bool // the padded message held the digest, or a part of it
}

// signedPart is the header and claims of all these tokens. It has no kid, since the key
// has another one in PEM than in a JWK.
func signedPart() string {
	encode := base64.RawURLEncoding.EncodeToString
	claims := fmt.Sprintf(`{"iss":%q,"aud":%q,"exp":%d}`, issuerURL, audience, now+60)
	return encode([]byte(`{"alg":"RS256"}`)) + "." + encode([]byte(claims))
}

func withSignature(signature []byte) (token string) {
	return signedPart() + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func transplantVector(v rsaVector, pub *rsa.PublicKey, private privateKey) transplant {
	s := v.Sig.number()
	if len(v.Sig) != pub.Size() || s.Cmp(pub.N) >= 0 {
		return transplant{withSignature(v.Sig), false}
	}
	padded := s.Exp(s, big.NewInt(int64(pub.E)), pub.N).FillBytes(make([]byte, pub.Size()))
	found := false
	for _, hash := range hashes {
		if replaceParts(padded, sum(hash, v.Msg), sum(hash, []byte(signedPart()))) {
			found = true
		}
	}
	if !found {
		return transplant{withSignature(v.Sig), false}
	}
	return transplant{withSignature(private.sign(padded)), true}
}

// replaceParts replaces each part of the old digest, of 8 bytes and more, by the same
// part of the new one, and reports whether there was any. A vector may hold a digest
// that is cut off, split, changed in one byte, or there twice.
func replaceParts(padded, old, new []byte) bool {
	const enough = 8
	found := false
	for at := 0; at+enough <= len(padded); {
		longest, from := 0, 0
		for i := 0; i+enough <= len(old); i++ {
			n := 0
			for i+n < len(old) && at+n < len(padded) && padded[at+n] == old[i+n] {
				n++
			}
			if n > longest {
				longest, from = n, i
			}
		}
		if longest < enough {
			at++
			continue
		}
		copy(padded[at:], new[from:from+longest])
		at += longest
		found = true
	}
	return found
}

func TestWycheproofRSA(t *testing.T) {
	table := newTable("Wycheproof RSA", "file", "vectors", "good signatures accepted", "flawed refused", "of these with a digest of the token", "acceptable there, refused here")
	var questions []question
	var where []string
	var want []class

	for _, bits := range []int{2048, 3072, 4096} {
		name := fmt.Sprintf("rsa_signature_%d_sha256", bits)
		var file rsaFile
		readVectors(t, name, &file)
		private := readPrivateKeys(t, bits)
		vectors, digests := 0, 0
		results := make(map[string]int)
		for _, group := range file.TestGroups {
			pub, _ := rsaKey(group.KeyJWK)
			if pub.N.Cmp(group.PublicKey.Modulus.number()) != 0 || pub.N.BitLen() != bits {
				t.Fatalf("%s: keyJwk and publicKey are not the same key of %d bits", name, bits)
			}
			key := slices.IndexFunc(private, func(k privateKey) bool { return k.n.Cmp(pub.N) == 0 })
			if key < 0 {
				t.Fatalf("%s: there is no private key for one of its keys", name)
			}
			entrances := rsaEntrances(t, group)
			for _, v := range group.Tests {
				made := transplantVector(v, pub, private[key])
				expected := badSignature
				if v.Result == "valid" {
					expected = accepted
				}
				vector := fmt.Sprintf("%s %d (%s, %s)", name, v.TcID, v.Comment, strings.Join(v.Flags, " "))
				for _, entrance := range entrances {
					if got := entrance.judge(t, made.token); got != expected {
						t.Errorf("%s, %s: got %s, want %s", vector, entrance.name, got, expected)
					}
				}
				where = append(where, vector)
				questions = append(questions, question{string(joinKeys(t, group.KeyJWK)), made.token})
				want = append(want, expected)

				vectors++
				results[v.Result]++
				if made.digest && v.Result == "invalid" {
					digests++
				}
			}
		}
		if vectors != file.NumberOfTests {
			t.Errorf("%s has %d vectors, and %d were run", name, file.NumberOfTests, vectors)
		}
		table.row("`"+name+"`", vectors, results["valid"], results["invalid"], digests, results["acceptable"])
	}
	for i, got := range askCommand(t, questions) {
		if got != want[i] {
			t.Errorf("%s, verify --lines: got %s, want %s", where[i], got, want[i])
		}
	}
	table.compare(t)
}

// An entrance is a verifier that has got a key in one of the ways.
type entrance struct {
	name string
	*gate
}

func rsaEntrances(t *testing.T, group rsaGroup) (entrances []entrance) {
	t.Helper()
	for _, w := range ways {
		g := w.open(t, joinKeys(t, group.KeyJWK))
		if g == nil || g.verifier == nil {
			t.Fatalf("%s does not take a key of %d bits", w.name, group.KeySize)
		}
		entrances = append(entrances, entrance{w.name, g})
	}
	der := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: group.PublicKeyDER})
	for name, text := range map[string][]byte{"PEM": []byte(group.PublicKeyPEM), "PEM of the DER": der} {
		source, err := parse(text)
		if err != nil {
			t.Fatalf("%s of a key of %d bits: %v", name, group.KeySize, err)
		}
		verifier, err := newVerifier(source)
		if err != nil {
			t.Fatal(err)
		}
		entrances = append(entrances, entrance{name, &gate{verifier}})
	}
	return entrances
}

// A good signature has one form. Every other number and length that stands for it, or
// for nothing, is refused.
func TestOtherFormsOfAGoodSignature(t *testing.T) {
	for _, bits := range []int{2048, 3072, 4096} {
		key := readPrivateKeys(t, bits)[0]
		size := (bits + 7) / 8
		source, err := parse(joinKeys(t, publicJWK(t, &rsa.PublicKey{N: key.n, E: 65537}, "")))
		if err != nil {
			t.Fatal(err)
		}
		verifier, err := newVerifier(source)
		if err != nil {
			t.Fatal(err)
		}
		g := &gate{verifier}

		digest := sum(crypto.SHA256, []byte(signedPart()))
		// RFC 8017, section 9.2, note 1.
		info, _ := hex.DecodeString("3031300d060960864801650304020105000420")
		padded := slices.Concat([]byte{0, 1}, bytes.Repeat([]byte{0xff}, size-3-len(info)-len(digest)), []byte{0}, info, digest)
		good := key.sign(padded)
		if got := g.judge(t, withSignature(good)); got != accepted {
			t.Fatalf("%d bits: got %s for the good signature", bits, got)
		}
		s := new(big.Int).SetBytes(good)
		plus := func(number *big.Int, multiple int64) []byte {
			return new(big.Int).Add(number, new(big.Int).Mul(key.n, big.NewInt(multiple))).Bytes()
		}
		fill := func(number *big.Int) []byte { return number.FillBytes(make([]byte, size)) }
		for name, signature := range map[string][]byte{
			"plus n":                             plus(s, 1),
			"plus n, cut to the size":            plus(s, 1)[max(0, len(plus(s, 1))-size):],
			"plus 3 n":                           plus(s, 3),
			"n minus it":                         fill(new(big.Int).Sub(key.n, s)),
			"with a zero byte before":            append([]byte{0}, good...),
			"with two zero bytes before":         append([]byte{0, 0}, good...),
			"with a zero byte behind":            append(slices.Clone(good), 0),
			"with two zero bytes behind":         append(slices.Clone(good), 0, 0),
			"twice":                              slices.Concat(good, good),
			"without its first byte":             good[1:],
			"without its last byte":              good[:size-1],
			"backwards":                          reversed(good),
			"with its first bit changed":         append([]byte{good[0] ^ 0x80}, good[1:]...),
			"with its last bit changed":          append(slices.Clone(good[:size-1]), good[size-1]^1),
			"as the padded message, not signed":  padded,
			"as the digest":                      digest,
			"as the padded message signed twice": key.sign(good),
			"zero":                               make([]byte, size),
			"one":                                fill(big.NewInt(1)),
			"n minus one":                        fill(new(big.Int).Sub(key.n, big.NewInt(1))),
			"n":                                  fill(key.n),
			"n plus one":                         fill(new(big.Int).Add(key.n, big.NewInt(1))),
			"all ones":                           bytes.Repeat([]byte{0xff}, size),
			"empty":                              nil,
		} {
			if got := g.judge(t, withSignature(signature)); got != badSignature {
				t.Errorf("%d bits, a good signature %s: got %s, want %s", bits, name, got, badSignature)
			}
		}
	}
}

func reversed(data []byte) []byte {
	data = slices.Clone(data)
	slices.Reverse(data)
	return data
}

// The vectors for other hashes: their keys, where they have a JWK, are not for RS256;
// their good signatures, made into signatures of a token with their own hash, are not
// RS256 even if the key is.
func TestWycheproofOtherHashes(t *testing.T) {
	table := newTable("Wycheproof RSA, other hashes", "files", "keys with an alg, skipped", "good signatures by another hash, refused")
	files, keys, refused := 0, 0, 0
	names, err := fs.Glob(wycheproof.TestVectors, "rsa_signature_*_test.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		name = strings.TrimSuffix(name, "_test.json")
		var file rsaFile
		readVectors(t, name, &file)
		if file.TestGroups[0].SHA == "SHA-256" {
			continue
		}
		files++
		for _, group := range file.TestGroups {
			if hashes[group.SHA] == 0 {
				t.Fatalf("%s: this test does not know %s", name, group.SHA)
			}
			if group.KeyJWK != nil {
				keys++
				if source, err := parse(group.KeyJWK); err == nil || !strings.Contains(err.Error(), "alg is") {
					t.Errorf("%s: got %v, %v for its key, want it skipped for its alg", name, source, err)
				}
			}
			// 8192 bits, and some keys of other hashes, have no private key; for the
			// latter another of the same size will do.
			if group.KeySize > 4096 {
				continue
			}
			private := readPrivateKeys(t, group.KeySize)[0]
			pub := &rsa.PublicKey{N: group.PublicKey.Modulus.number(), E: int(group.PublicKey.PublicExponent.number().Int64())}
			key, err := jwtverify.NewKey(&rsa.PublicKey{N: private.n, E: 65537}, "")
			if err != nil {
				t.Fatal(err)
			}
			set, err := jwtverify.NewKeySet(key)
			if err != nil {
				t.Fatal(err)
			}
			verifier, err := newVerifier(set)
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range group.Tests {
				if v.Result != "valid" {
					continue
				}
				made := transplantVector(v, pub, private)
				if !made.digest {
					t.Fatalf("%s %d: found no digest in a good signature", name, v.TcID)
				}
				refused++
				if got := (&gate{verifier}).judge(t, made.token); got != badSignature {
					t.Errorf("%s %d (%s), as a signature of a token: got %s, want %s", name, v.TcID, v.Comment, got, badSignature)
				}
			}
		}
	}
	table.row(files, keys, refused)
	table.compare(t)
}

// The keys of 8192 bits, the largest taken, have no private half in Wycheproof. They
// go in by every way, and a signature of another message is refused.
func TestWycheproofLargestKeys(t *testing.T) {
	var file rsaFile
	readVectors(t, "rsa_signature_8192_sha256", &file)
	for _, group := range file.TestGroups {
		for _, entrance := range rsaEntrances(t, group) {
			for _, v := range group.Tests {
				if v.Result != "valid" {
					continue
				}
				if got := entrance.judge(t, withSignature(v.Sig)); got != badSignature {
					t.Errorf("%d, %s: got %s, want %s", v.TcID, entrance.name, got, badSignature)
				}
			}
		}
	}
}

// The keys that sign must never be taken for keys that verify, and the small ones for
// nothing at all.
func TestWycheproofPrivateKeys(t *testing.T) {
	jwks, pems := 0, 0
	for _, bits := range []int{1024, 1536, 2048, 3072, 4096} {
		var file keyFile
		readVectors(t, fmt.Sprintf("rsa_pkcs1_%d_sig_gen", bits), &file)
		for _, group := range file.TestGroups {
			if group.PrivateKeyJWK != nil {
				jwks++
				if _, err := jwtverify.ParseKeySet(group.PrivateKeyJWK); err == nil || !strings.Contains(err.Error(), "private key") {
					t.Errorf("a private JWK of %d bits: got %v, want a refusal", bits, err)
				}
				source, err := parse(joinKeys(t, group.PrivateKeyJWK))
				if err == nil || !strings.Contains(err.Error(), "private key") {
					t.Errorf("a set with a private JWK of %d bits: got %v, %v, want it skipped", bits, source, err)
				}
				pub, kid := rsaKey(group.PrivateKeyJWK)
				if _, err := jwtverify.NewKey(pub, kid); (err == nil) != (bits >= 2048) {
					t.Errorf("the public half of a key of %d bits: got %v from NewKey", bits, err)
				}
			}
			pems++
			if _, err := jwtverify.ParseKeySet([]byte(group.PrivateKeyPEM)); err == nil || !strings.Contains(err.Error(), "private key") {
				t.Errorf("a private PEM of %d bits: got %v, want a refusal", bits, err)
			}
		}
	}
	if jwks == 0 || pems == 0 {
		t.Errorf("got %d private JWKs and %d private PEMs, want some of each", jwks, pems)
	}
}
