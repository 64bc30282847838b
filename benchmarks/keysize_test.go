package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"example.com/jwtverify"
)

const (
	sizedIssuer   = "https://issuer.test"
	sizedAudience = "https://api.test"
)

// What a token costs by the size of the issuer's key: the table in docs/performance.md.
// A forged token is all the work there is; a remembered one is what VerifiedCache makes
// of a good one.
func BenchmarkKeySize(b *testing.B) {
	for _, size := range []struct {
		bits     int
		exponent int64
	}{
		{2048, 65537}, {2048, 1<<31 - 1}, {3072, 65537}, {3072, 1<<31 - 1}, {4096, 65537}, {8192, 65537},
	} {
		key := newSizedKey(b, size.bits, size.exponent)
		good := key.token(b)
		dot := strings.LastIndexByte(good, '.') + 1
		forged := good[:dot] + "AAAA" + good[dot+4:]
		for _, test := range []struct {
			name, token string
			remember    int
			want        error
		}{
			{"forged", forged, 0, jwtverify.ErrSignature},
			{"good", good, 0, nil},
			{"remembered", good, 1000, nil},
		} {
			b.Run(fmt.Sprintf("%d/e=%d/%s", size.bits, size.exponent, test.name), func(b *testing.B) {
				verifier, err := jwtverify.New(jwtverify.Config{
					Issuer: sizedIssuer, Audiences: []string{sizedAudience}, Keys: key.set(b), VerifiedCache: test.remember,
				})
				if err != nil {
					b.Fatal(err)
				}
				for b.Loop() {
					if _, err := verifier.Verify(context.Background(), test.token); !errors.Is(err, test.want) {
						b.Fatalf("got %v, want %v", err, test.want)
					}
				}
			})
		}
	}
}

// A sizedKey is an RSA key of many small primes (RFC 8017, section 3.1), which verifies
// as one of two: it is made at once, where one of two takes a minute at 8192 bits.
type sizedKey struct{ modulus, exponent, private *big.Int }

func newSizedKey(t testing.TB, bits int, exponent int64) sizedKey {
	t.Helper()
	const primeBits = 256
	one, e := big.NewInt(1), big.NewInt(exponent)
	for range 1000 {
		modulus, order := big.NewInt(1), big.NewInt(1)
		for modulus.BitLen() < bits {
			// The last prime has what the others leave, and the product a bit less at times.
			length := bits - modulus.BitLen() + 1
			if length > 2*primeBits {
				length = primeBits
			}
			prime, err := rand.Prime(rand.Reader, length)
			if err != nil {
				t.Fatal(err)
			}
			modulus.Mul(modulus, prime)
			order.Mul(order, prime.Sub(prime, one))
		}
		if private := new(big.Int).ModInverse(e, order); private != nil && modulus.BitLen() == bits {
			return sizedKey{modulus, e, private}
		}
	}
	t.Fatalf("no key of %d bits", bits)
	return sizedKey{}
}

func (k sizedKey) set(t testing.TB) *jwtverify.KeySet {
	t.Helper()
	encode := base64.RawURLEncoding.EncodeToString
	set, err := jwtverify.ParseKeySet(fmt.Appendf(nil, `{"keys":[{"kty":"RSA","kid":"sized","n":%q,"e":%q}]}`, encode(k.modulus.Bytes()), encode(k.exponent.Bytes())))
	if err != nil || set.Len() != 1 {
		t.Fatalf("a key of %d bits: %v", k.modulus.BitLen(), err)
	}
	return set
}

// token signs as RFC 8017, section 8.2.1 has it.
func (k sizedKey) token(t testing.TB) string {
	t.Helper()
	encode := base64.RawURLEncoding.EncodeToString
	claims := fmt.Sprintf(`{"iss":%q,"aud":%q,"exp":%d,"note":%q}`, sizedIssuer, sizedAudience, time.Now().Add(24*time.Hour).Unix(), strings.Repeat("x", 900))
	text := encode([]byte(`{"alg":"RS256","kid":"sized"}`)) + "." + encode([]byte(claims))
	digest := sha256.Sum256([]byte(text))
	// RFC 8017, section 9.2.
	info := append([]byte("\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20"), digest[:]...)
	size := k.modulus.BitLen() / 8
	padded := append([]byte{0, 1}, make([]byte, size-3-len(info))...)
	for i := 2; i < len(padded); i++ {
		padded[i] = 0xff
	}
	padded = append(append(padded, 0), info...)
	signature := new(big.Int).Exp(new(big.Int).SetBytes(padded), k.private, k.modulus)
	return text + "." + encode(signature.FillBytes(make([]byte, size)))
}
