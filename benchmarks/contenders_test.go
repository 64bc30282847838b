package main

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"
)

// testIssuer is made once: a key takes a while.
var testIssuer = sync.OnceValue(func() *issuer {
	is, err := newIssuer()
	if err != nil {
		panic(err)
	}
	return is
})

// The figures can be compared only if everyone makes the same checks.
func TestContendersMakeTheSameChecks(t *testing.T) {
	is := testIssuer()
	stranger, err := newIssuer()
	if err != nil {
		t.Fatal(err)
	}
	header, claims := goodHeader(), goodClaims()
	hour := func(ahead int) string {
		return fmt.Sprint(time.Now().Add(time.Duration(ahead) * time.Hour).Unix())
	}
	good := is.sign(header.text(), claims.filled(1024))
	for _, test := range []struct {
		name, token string
		accepted    bool
	}{
		{"a good token", good, true},
		{"two audiences, in an array", is.sign(header.text(), claims.with("aud", `["https://other.example.com","`+audience+`"]`).text()), true},
		{"made-up signature", forge(good), false},
		{"signature of another issuer's key", stranger.sign(header.text(), claims.text()), false},
		{"claims changed after signing", strings.Replace(good, encode(claims.filled(1024)), encode(claims.filled(900)), 1), false},
		{"no signature", good[:len(good)-342], false},
		{"alg none", is.sign(header.with("alg", `"none"`).text(), claims.text()), false},
		{"alg HS256", is.sign(header.with("alg", `"HS256"`).text(), claims.text()), false},
		{"alg PS256", is.sign(header.with("alg", `"PS256"`).text(), claims.text()), false},
		{"unknown kid, and the signature of a known key", is.sign(header.with("kid", `"unknown"`).text(), claims.text()), false},
		{"kid of another key of the set", is.sign(header.with("kid", `"other-0000"`).text(), claims.text()), false},
		{"expired for an hour", is.sign(header.text(), claims.with("exp", hour(-1)).text()), false},
		{"no exp", is.sign(header.text(), claims.without("exp").text()), false},
		{"not valid for another hour", is.sign(header.text(), claims.with("nbf", hour(1)).text()), false},
		{"issuer with a slash at the end", is.sign(header.text(), claims.with("iss", `"`+issuerName+`/"`).text()), false},
		{"no issuer", is.sign(header.text(), claims.without("iss").text()), false},
		{"another audience", is.sign(header.text(), claims.with("aud", `["https://other.example.com"]`).text()), false},
		{"no audience", is.sign(header.text(), claims.without("aud").text()), false},
	} {
		for _, c := range contenders {
			verify, err := c.open(is, true)
			if err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
			got, err := verify(test.token)
			if accepted := err == nil; accepted != test.accepted {
				t.Errorf("%s: %s: got accepted %v (error %v), want %v", test.name, c.name, accepted, err, test.accepted)
			}
			want := ""
			if test.accepted {
				want = subject
			}
			if got != want {
				t.Errorf("%s: %s: got subject %q, want %q", test.name, c.name, got, want)
			}
		}
	}
}

func TestContendersFindTheKeyInAnySet(t *testing.T) {
	for _, count := range []int{1, 2, 10} {
		is, err := testIssuer().withKeys(count)
		if err != nil {
			t.Fatal(err)
		}
		verifies, err := openAll(is, true)
		if err != nil {
			t.Fatal(err)
		}
		for i, verify := range verifies {
			if got, err := verify(is.token(512)); got != subject {
				t.Errorf("%d keys: %s: got subject %q (error %v), want %q", count, contenders[i].name, got, err, subject)
			}
		}
	}
}

func TestFloorVerifiesTheSignature(t *testing.T) {
	is := testIssuer()
	good := is.token(1024)
	onCore := func(token string) error {
		verify, err := core(is, token)
		if err != nil {
			t.Fatal(err)
		}
		return verify()
	}
	if err := floor(is, good)(); err != nil {
		t.Errorf("got %v for a good token", err)
	}
	if err := onCore(good); err != nil {
		t.Errorf("without base64: got %v for a good token", err)
	}
	if err := floor(is, forge(good))(); err == nil {
		t.Error("a forged token is accepted")
	}
	if err := onCore(forge(good)); err == nil {
		t.Error("without base64: a forged token is accepted")
	}
}

// A forged signature above the modulus would be refused without RSA, and cost less in
// one run than in the next.
func TestForgedSignaturesTakeRSA(t *testing.T) {
	is := testIssuer()
	for i, token := range is.tokens(20) {
		_, signature, _ := strings.Cut(strings.SplitN(forge(token), ".", 2)[1], ".")
		bytes, err := base64.RawURLEncoding.DecodeString(signature)
		if err != nil || len(bytes) != keyBits/8 {
			t.Fatalf("token %d: got a signature of %d bytes (error %v), want %d", i, len(bytes), err, keyBits/8)
		}
		if new(big.Int).SetBytes(bytes).Cmp(is.private.N) >= 0 {
			t.Errorf("token %d: the signature is not less than the modulus", i)
		}
	}
}

func TestEveryLibraryHasAVersion(t *testing.T) {
	for _, c := range contenders {
		if got := c.version(); strings.Count(got, "v") != len(c.modules) {
			t.Errorf("%s: got version %q, want one for each of %v", c.name, got, c.modules)
		}
	}
}

// core is the floor without base64: hashing and crypto/rsa alone.
func core(is *issuer, token string) (func() error, error) {
	last := strings.LastIndexByte(token, '.')
	signature, err := base64.RawURLEncoding.DecodeString(token[last+1:])
	signed, pub := []byte(token[:last]), &is.private.PublicKey
	return func() error {
		digest := sha256.Sum256(signed)
		return rsa.VerifyPKCS1v15(pub, crypto.SHA256, digest[:], signature)
	}, err
}
