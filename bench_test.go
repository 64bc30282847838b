package jwtverify_test

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"example.com/jwtverify"
)

// The floor is what any library must do for a token: decode the claims and the
// signature, hash, and let crypto/rsa verify.
func floor(b testing.TB, pub *rsa.PublicKey, token string) {
	last := strings.LastIndexByte(token, '.')
	first := strings.IndexByte(token, '.')
	if _, err := base64.RawURLEncoding.DecodeString(token[first+1 : last]); err != nil {
		b.Fatal(err)
	}
	signature, err := base64.RawURLEncoding.DecodeString(token[last+1:])
	if err != nil {
		b.Fatal(err)
	}
	digest := sha256.Sum256([]byte(token[:last]))
	if err := rsa.VerifyPKCS1v15(pub, crypto.SHA256, digest[:], signature); err != nil {
		b.Fatal(err)
	}
}

func BenchmarkFloor(b *testing.B) {
	token := benchToken(b)
	pub := &testKey(b, 0).PublicKey
	b.ReportAllocs()
	for b.Loop() {
		floor(b, pub, token)
	}
}

func BenchmarkVerify(b *testing.B) {
	token := benchToken(b)
	verifier := newVerifier(b, jwtverify.Config{})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := verifier.Verify(b.Context(), token); err != nil {
			b.Fatal(err)
		}
	}
}

// A token that was verified before, by keys that a Cache keeps fresh.
func BenchmarkRemembered(b *testing.B) {
	token := benchToken(b)
	verifier := newVerifier(b, jwtverify.Config{VerifiedCache: 100, Keys: &jwtverify.Cache{Source: testSet(b, 2)}})
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := verifier.Verify(b.Context(), token); err != nil {
				b.Error(err)
			}
		}
	})
}

// The lookup of a key that is known and fresh: run it with -cpu 1,2 to see that it
// takes no lock.
func BenchmarkKnownFreshKey(b *testing.B) {
	cache := &jwtverify.Cache{Source: testSet(b, 2)}
	if _, err := cache.Keys(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if !jwtverify.Find(cache, "key-1") {
				b.Error("key-1 is unknown")
			}
		}
	})
}

func BenchmarkRefuse(b *testing.B) {
	verifier := newVerifier(b, jwtverify.Config{})
	good := benchToken(b)
	for name, token := range map[string]string{
		"oversized":      strings.Repeat("a", 1<<20),
		"wrong alg":      sign(b, 0, map[string]any{"alg": "HS256", "kid": "key-0"}, goodClaims()),
		"unknown kid":    sign(b, 0, map[string]any{"alg": "RS256", "kid": "other"}, goodClaims()),
		"forged":         good[:len(good)-10] + "AAAAAAAAAA",
		"hostile header": rawToken(hostileJSON(8<<10, 60), `{}`, "AAAA"),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := verifier.Verify(b.Context(), token); err == nil {
					b.Fatal("accepted")
				}
			}
		})
	}
}

// hostileJSON is an object full of small objects: the most comparisons of names
// that a text of that size can ask for.
func hostileJSON(size, members int) string {
	var out strings.Builder
	out.WriteString(`{"a":[`)
	for out.Len() < size-10*members {
		if out.Len() > 10 {
			out.WriteString(",")
		}
		out.WriteString("{")
		for i := range members {
			if i > 0 {
				out.WriteString(",")
			}
			fmt.Fprintf(&out, `"%02x":0`, i)
		}
		out.WriteString("}")
	}
	out.WriteString("]}")
	return out.String()
}

// What choosing the verifier of one of eight issuers adds to BenchmarkVerify.
func BenchmarkIssuersVerify(b *testing.B) {
	token := benchToken(b)
	issuers := eightIssuers(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := issuers.Verify(b.Context(), token); err != nil {
			b.Fatal(err)
		}
	}
}

func eightIssuers(tb testing.TB) *jwtverify.Issuers {
	var verifiers []*jwtverify.Verifier
	for i := range 8 {
		verifiers = append(verifiers, newVerifier(tb, jwtverify.Config{Issuer: testIssuer + strings.Repeat("/", i)}))
	}
	return newIssuers(tb, verifiers...)
}

// The most that a stranger's token can cost: nobody is asked for keys, and no RSA is
// computed, but the claims are read.
func BenchmarkIssuersRefuse(b *testing.B) {
	issuers := eightIssuers(b)
	unknown := changed(goodClaims(), map[string]any{"iss": "https://evil.example"})
	for name, token := range map[string]string{
		"oversized":      strings.Repeat("a", 1<<20),
		"unknown issuer": sign(b, 0, goodHeader(), unknown),
		"hostile claims": rawToken(`{"alg":"RS256"}`, hostileJSON(11<<10, 400), "AAAA"),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := issuers.Verify(b.Context(), token); err == nil {
					b.Fatal("accepted")
				}
			}
		})
	}
}
