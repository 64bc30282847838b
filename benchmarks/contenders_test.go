package main

import (
	"encoding/base64"
	"fmt"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"
)

// testIssuer is made once: a key takes a while.
var testIssuer = sync.OnceValue(newIssuer)

// The figures can be compared only if everyone makes the same checks.
func TestContendersMakeTheSameChecks(t *testing.T) {
	is := testIssuer()
	header, claims := goodHeader(), goodClaims()
	hour := func(ahead int) string {
		return fmt.Sprint(time.Now().Add(time.Duration(ahead) * time.Hour).Unix())
	}
	good := is.sign(header.text(), claims.filled(1024))
	verifies := openAll(is, true)
	for _, test := range []struct {
		name, token string
		accepted    bool
	}{
		{"a good token", good, true},
		{"two audiences, in an array", is.sign(header.text(), claims.with("aud", `["https://other.example.com","`+audience+`"]`).text()), true},
		{"forged signature", forge(good), false},
		{"signature of another issuer's key", nextIssuer().sign(header.text(), claims.text()), false},
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
		for i, verify := range verifies {
			want := map[bool]string{true: subject}[test.accepted]
			if got, err := verify(test.token); (err == nil) != test.accepted || got != want {
				t.Errorf("%s: %s: got subject %q (error %v), want accepted %v and %q", test.name, contenders[i].name, got, err, test.accepted, want)
			}
		}
	}
}

func TestContendersFindTheKeyInAnySet(t *testing.T) {
	for _, count := range []int{1, 2, 10} {
		is := testIssuer().withKeys(count)
		for i, verify := range openAll(is, true) {
			if got, err := verify(is.token(512)); got != subject {
				t.Errorf("%d keys: %s: got subject %q (error %v), want %q", count, contenders[i].name, got, err, subject)
			}
		}
	}
}

// Each peer is said to have additions exactly where the bare library takes what the
// same checks refuse.
func TestAdditionsAreNamed(t *testing.T) {
	is := testIssuer()
	words := map[string]string{"no `exp`": "exp", "no `aud`": "aud", "an unknown `kid`, signed by a known key": "kid", "`alg` HS256 over an RS256 signature": "alg"}
	for i, bare := range openAll(is, false) {
		c := contenders[i]
		all, named := c.open(is, true), 0
		for _, probe := range probes() {
			word, ok := words[probe.name]
			if !ok {
				continue
			}
			named++
			token := probe.token(is)
			if _, err := all(token); err == nil {
				t.Errorf("%s takes a token with %s", c.name, probe.name)
			}
			if _, err := bare(token); err == nil && !strings.Contains(c.added, word) {
				t.Errorf("%s by itself takes a token with %s, and it is not named in %q", c.name, probe.name, c.added)
			}
		}
		if named != len(words) {
			t.Errorf("got %d probes, want %d", named, len(words))
		}
	}
}

func TestFloorVerifiesTheSignature(t *testing.T) {
	is := testIssuer()
	good := is.token(1024)
	if err := floor(is, good)(); err != nil {
		t.Errorf("got %v for a good token", err)
	}
	if err := floor(is, forge(good))(); err == nil {
		t.Error("a forged token is accepted")
	}
}

// A forged signature above the modulus would be refused without RSA, and cost less in
// one run than in the next.
func TestForgedSignaturesTakeRSA(t *testing.T) {
	is := testIssuer()
	for i, token := range is.tokens(20) {
		parts := strings.Split(forge(token), ".")
		bytes, err := base64.RawURLEncoding.DecodeString(parts[2])
		if err != nil || len(bytes) != keyBits/8 {
			t.Fatalf("token %d: got a signature of %d bytes (error %v), want %d", i, len(bytes), err, keyBits/8)
		}
		if new(big.Int).SetBytes(bytes).Cmp(is.private.N) >= 0 {
			t.Errorf("token %d: the signature is not less than the modulus", i)
		}
	}
}
