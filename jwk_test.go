package jwtverify_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/jwtverify"
)

// modulus returns an odd number of the given size, as good as a real modulus for
// whoever does not check signatures.
func modulus(bits int) *big.Int {
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), uint(bits-1)))
	if err != nil {
		panic(err)
	}
	return n.SetBit(n.SetBit(n, bits-1, 1), 0, 1)
}

func encodeInt(n *big.Int) string { return encode(string(n.Bytes())) }

// quotedInt is the value of n or e in a JWK.
func quotedInt(n *big.Int) string { return `"` + encodeInt(n) + `"` }

func exponent(bit uint, add int64) string {
	return quotedInt(new(big.Int).Add(new(big.Int).Lsh(big.NewInt(1), bit), big.NewInt(add)))
}

// jwkText is a good JWK of the n-th shared key with the kid key-n, in which the
// members in changes, pairs of name and JSON text, take the place of its own, or
// are removed if the text is empty.
func jwkText(tb testing.TB, n int, changes ...string) string {
	tb.Helper()
	pub := testKey(tb, n).PublicKey
	members := [][2]string{
		{"kty", `"RSA"`}, {"kid", fmt.Sprintf(`"key-%d"`, n)}, {"use", `"sig"`}, {"alg", `"RS256"`},
		{"n", quotedInt(pub.N)}, {"e", quotedInt(big.NewInt(int64(pub.E)))},
	}
	for i := 0; i < len(changes); i += 2 {
		at := slices.IndexFunc(members, func(m [2]string) bool { return m[0] == changes[i] })
		if at < 0 {
			at = len(members)
			members = append(members, [2]string{changes[i]})
		}
		members[at][1] = changes[i+1]
	}
	var texts []string
	for _, m := range members {
		if m[1] != "" {
			texts = append(texts, fmt.Sprintf("%q:%s", m[0], m[1]))
		}
	}
	return "{" + strings.Join(texts, ",") + "}"
}

func setText(jwks ...string) string { return `{"keys":[` + strings.Join(jwks, ",") + `]}` }

func parseSet(tb testing.TB, text string) *jwtverify.KeySet {
	tb.Helper()
	set, err := jwtverify.ParseKeySet([]byte(text))
	if err != nil {
		tb.Fatalf("%.300q: %v", text, err)
	}
	return set
}

func keyIDs(set *jwtverify.KeySet) []string {
	ids := []string{}
	for key := range set.All() {
		ids = append(ids, key.ID())
	}
	return ids
}

// skippedKey is the only skipped key of a set.
func skippedKey(tb testing.TB, set *jwtverify.KeySet) *jwtverify.SkippedKeyError {
	tb.Helper()
	if skipped := set.Skipped(); len(skipped) != 1 {
		tb.Fatalf("%d keys are skipped, want 1: %v", len(skipped), skipped)
	}
	var skipped *jwtverify.SkippedKeyError
	if err := set.Skipped()[0]; !errors.As(err, &skipped) {
		tb.Fatalf("%v is no *SkippedKeyError", err)
	}
	return skipped
}

func TestJWKMembers(t *testing.T) {
	goodN := testKey(t, 0).N
	n := encodeInt(goodN) // 256 bytes are 342 characters, of the last one only two bits count
	stray := n[:341] + map[byte]string{'A': "B", 'Q': "R", 'g': "h", 'w': "x"}[n[341]]

	for _, test := range []struct {
		name   string
		change []string // pairs for jwkText
		reason string   // empty: the key is used; one that ends in "byte " goes on
	}{
		{"nothing changed", nil, ""},

		{"no kty", []string{"kty", ""}, `it has no kty, want "RSA"`},
		{"an empty kty", []string{"kty", `""`}, `it has no kty, want "RSA"`},
		{"kty EC", []string{"kty", `"EC"`}, `kty is "EC", want "RSA"`},
		{"kty oct", []string{"kty", `"oct"`}, `kty is "oct", want "RSA"`},
		{"kty OKP", []string{"kty", `"OKP"`}, `kty is "OKP", want "RSA"`},
		{"kty in lower case", []string{"kty", `"rsa"`}, `kty is "rsa", want "RSA"`},
		{"kty with a space", []string{"kty", `"RSA "`}, `kty is "RSA ", want "RSA"`},
		{"kty with a zero byte", []string{"kty", `"RSA\u0000"`}, `kty is "RSA\x00", want "RSA"`},
		{"kty with a Cyrillic letter", []string{"kty", `"RSА"`}, `kty is "RS\u0410", want "RSA"`},
		{"kty with an escape", []string{"kty", `"\u0052SA"`}, ""},
		{"a kty of 100 bytes", []string{"kty", `"` + strings.Repeat("R", 100) + `"`}, `kty is "` + strings.Repeat("R", 64) + `"…, want "RSA"`},
		{"kty null", []string{"kty", `null`}, `"kty" is null, want a string`},
		{"kty a number", []string{"kty", `1`}, `"kty" is a number, want a string`},
		{"kty an array", []string{"kty", `["RSA"]`}, `"kty" is an array, want a string`},
		{"kty an object", []string{"kty", `{"RSA":1}`}, `"kty" is an object, want a string`},
		{"kty true", []string{"kty", `true`}, `"kty" is true or false, want a string`},
		{"KTY in place of kty", []string{"kty", "", "KTY", `"RSA"`}, `it has no kty, want "RSA"`},

		{"no use", []string{"use", ""}, ""},
		{"use enc", []string{"use", `"enc"`}, `use is "enc", want "sig"`},
		{"an empty use", []string{"use", `""`}, `use is "", want "sig"`},
		{"use in capitals", []string{"use", `"SIG"`}, `use is "SIG", want "sig"`},
		{"use with a space", []string{"use", `" sig"`}, `use is " sig", want "sig"`},
		{"use of two purposes", []string{"use", `"sig enc"`}, `use is "sig enc", want "sig"`},
		{"use null", []string{"use", `null`}, `"use" is null, want a string`},
		{"use a number", []string{"use", `0`}, `"use" is a number, want a string`},
		{"use an array", []string{"use", `["sig"]`}, `"use" is an array, want a string`},
		{"use an object", []string{"use", `{}`}, `"use" is an object, want a string`},
		{"use false", []string{"use", `false`}, `"use" is true or false, want a string`},
		{"USE beside use", []string{"USE", `"enc"`}, ""},

		{"no alg", []string{"alg", ""}, ""},
		{"alg RS384", []string{"alg", `"RS384"`}, `alg is "RS384", want "RS256"`},
		{"alg RS512", []string{"alg", `"RS512"`}, `alg is "RS512", want "RS256"`},
		{"alg PS256", []string{"alg", `"PS256"`}, `alg is "PS256", want "RS256"`},
		{"alg RSA-OAEP", []string{"alg", `"RSA-OAEP"`}, `alg is "RSA-OAEP", want "RS256"`},
		{"alg HS256", []string{"alg", `"HS256"`}, `alg is "HS256", want "RS256"`},
		{"alg none", []string{"alg", `"none"`}, `alg is "none", want "RS256"`},
		{"alg in lower case", []string{"alg", `"rs256"`}, `alg is "rs256", want "RS256"`},
		{"an empty alg", []string{"alg", `""`}, `alg is "", want "RS256"`},
		{"alg null", []string{"alg", `null`}, `"alg" is null, want a string`},
		{"alg a number", []string{"alg", `256`}, `"alg" is a number, want a string`},
		{"alg an array", []string{"alg", `["RS256"]`}, `"alg" is an array, want a string`},
		{"alg an object", []string{"alg", `{"RS256":true}`}, `"alg" is an object, want a string`},
		{"alg true", []string{"alg", `true`}, `"alg" is true or false, want a string`},

		{"key_ops verify", []string{"key_ops", `["verify"]`}, ""},
		{"key_ops with others around verify", []string{"key_ops", `["sign","verify","future"]`}, ""},
		{"key_ops verify without use", []string{"use", "", "key_ops", `["verify"]`}, ""},
		{"key_ops verify, but use enc", []string{"use", `"enc"`, "key_ops", `["verify"]`}, `use is "enc", want "sig"`},
		{"key_ops empty", []string{"key_ops", `[]`}, `key_ops lacks "verify"`},
		{"key_ops sign", []string{"key_ops", `["sign"]`}, `key_ops lacks "verify"`},
		{"key_ops encrypt, but use sig", []string{"key_ops", `["encrypt"]`}, `key_ops lacks "verify"`},
		{"key_ops in another case", []string{"key_ops", `["Verify"]`}, `key_ops lacks "verify"`},
		{"key_ops a string", []string{"key_ops", `"verify"`}, `"key_ops" is a string, want an array of strings`},
		{"key_ops null", []string{"key_ops", `null`}, `"key_ops" is null, want an array of strings`},
		{"key_ops an object", []string{"key_ops", `{"verify":true}`}, `"key_ops" is an object, want an array of strings`},
		{"key_ops a number", []string{"key_ops", `1`}, `"key_ops" is a number, want an array of strings`},
		{"key_ops with null behind verify", []string{"key_ops", `["verify",null]`}, `"key_ops" is null, want a string`},
		{"key_ops with a number before verify", []string{"key_ops", `[1,"verify"]`}, `"key_ops" is a number, want a string`},
		{"key_ops with an array in it", []string{"key_ops", `[["verify"]]`}, `"key_ops" is an array, want a string`},

		{"no kid", []string{"kid", ""}, ""},
		{"an empty kid", []string{"kid", `""`}, ""},
		{"a kid outside ASCII", []string{"kid", `"ключ 😀"`}, ""},
		{"a kid with a zero byte", []string{"kid", `"a\u0000b"`}, ""},
		{"a kid of 256 bytes", []string{"kid", `"` + strings.Repeat("k", 256) + `"`}, ""},
		{"a kid of 257 bytes", []string{"kid", `"` + strings.Repeat("k", 257) + `"`}, `kid has 257 bytes, want at most 256`},
		{"kid null", []string{"kid", `null`}, `"kid" is null, want a string`},
		{"kid a number", []string{"kid", `1`}, `"kid" is a number, want a string`},
		{"kid an array", []string{"kid", `["key-0"]`}, `"kid" is an array, want a string`},
		{"kid an object", []string{"kid", `{}`}, `"kid" is an object, want a string`},
		{"kid false", []string{"kid", `false`}, `"kid" is true or false, want a string`},
		{"KID beside kid", []string{"KID", `"other"`}, ""},

		{"no n", []string{"n", ""}, `it has no "n"`},
		{"an empty n", []string{"n", `""`}, `it has no "n"`},
		{"n null", []string{"n", `null`}, `"n" is null, want a string`},
		{"n a number", []string{"n", goodN.String()}, `"n" is a number, want a string`},
		{"n an array", []string{"n", `["` + n + `"]`}, `"n" is an array, want a string`},
		{"N in place of n", []string{"n", "", "N", `"` + n + `"`}, `it has no "n"`},
		{"n with padding", []string{"n", `"` + n + `=="`}, `"n" has padding (=) at byte 342, want base64url without padding`},
		{"n with stray bits", []string{"n", `"` + stray + `"`}, `"n" has stray bits in its last character, want canonical base64url`},
		{"n with +", []string{"n", `"` + n[:8] + "+" + n[9:] + `"`}, `"n" has '+' at byte 8, want base64url, which has - and _ instead`},
		{"n with /", []string{"n", `"` + n[:8] + "/" + n[9:] + `"`}, `"n" has '/' at byte 8, want base64url, which has - and _ instead`},
		{"n with a newline", []string{"n", `"` + n[:76] + `\n` + n[76:] + `"`}, `"n" has the byte "\n" at byte 76, want base64url (A-Z a-z 0-9 - _)`},
		{"n with a newline behind", []string{"n", `"` + n + `\r\n"`}, `"n" has the byte "\r" at byte 342, want base64url (A-Z a-z 0-9 - _)`},
		{"n with a space", []string{"n", `" ` + n + `"`}, `"n" has the byte " " at byte 0, want base64url (A-Z a-z 0-9 - _)`},
		{"n with a letter less", []string{"n", `"` + n[:341] + `"`}, `"n" has 341 characters, which no base64url text has: it was cut off or joined`},
		{"n with an escape", []string{"n", fmt.Sprintf(`"\u%04x%s"`, n[0], n[1:])}, ""},
		{"n with a leading zero byte", []string{"n", `"` + encode("\x00"+string(goodN.Bytes())) + `"`}, `"n" has a leading zero byte`},
		{"n zero", []string{"n", `"AA"`}, `"n" has a leading zero byte`},
		{"n one", []string{"n", `"AQ"`}, `the modulus has 1 bits, want at least 2048`},
		{"n of 512 bits", []string{"n", quotedInt(modulus(512))}, `the modulus has 512 bits, want at least 2048`},
		{"n of 1024 bits", []string{"n", quotedInt(modulus(1024))}, `the modulus has 1024 bits, want at least 2048`},
		{"n of 2040 bits", []string{"n", quotedInt(modulus(2040))}, `the modulus has 2040 bits, want at least 2048`},
		{"n of 2047 bits", []string{"n", quotedInt(modulus(2047))}, `the modulus has 2047 bits, want at least 2048`},
		{"n of 2048 bits", []string{"n", quotedInt(modulus(2048))}, ""},
		{"n of 2049 bits", []string{"n", quotedInt(modulus(2049))}, ""},
		{"n of 8191 bits", []string{"n", quotedInt(modulus(8191))}, ""},
		{"n of 8192 bits", []string{"n", quotedInt(modulus(8192))}, ""},
		{"n of 8193 bits", []string{"n", quotedInt(modulus(8193))}, `the modulus has 8193 bits, want at most 8192`},
		{"n of 100,000 bits", []string{"n", quotedInt(modulus(100_000))}, `the modulus has 100000 bits, want at most 8192`},
		{"an even n", []string{"n", quotedInt(new(big.Int).Sub(goodN, big.NewInt(1)))}, `the modulus is even`},
		{"an even n of 2049 bits", []string{"n", quotedInt(new(big.Int).Lsh(goodN, 1))}, `the modulus is even`},

		{"no e", []string{"e", ""}, `it has no "e"`},
		{"an empty e", []string{"e", `""`}, `it has no "e"`},
		{"e null", []string{"e", `null`}, `"e" is null, want a string`},
		{"e a number", []string{"e", `65537`}, `"e" is a number, want a string`},
		{"e an object", []string{"e", `{}`}, `"e" is an object, want a string`},
		{"e decimal", []string{"e", `"65537"`}, `"e" has 5 characters, which no base64url text has: it was cut off or joined`},
		{"e with padding", []string{"e", `"AQAB===="`}, `"e" has padding (=) at byte 4, want base64url without padding`},
		{"e with stray bits", []string{"e", `"Ax"`}, `"e" has stray bits in its last character, want canonical base64url`},
		{"e with leading zero bytes", []string{"e", `"AAEAAQ"`}, `"e" has a leading zero byte`},
		{"e 0", []string{"e", `"AA"`}, `"e" has a leading zero byte`},
		{"e 1", []string{"e", `"AQ"`}, `the exponent is 1, want 3 to 2147483647`},
		{"e 2", []string{"e", `"Ag"`}, `the exponent is 2, want 3 to 2147483647`},
		{"e 3", []string{"e", `"Aw"`}, ""},
		{"e 4", []string{"e", `"BA"`}, `the exponent is 4, want an odd number`},
		{"e 5", []string{"e", `"BQ"`}, ""},
		{"e 17", []string{"e", `"EQ"`}, ""},
		{"e 65536", []string{"e", `"AQAA"`}, `the exponent is 65536, want an odd number`},
		{"e 65537", []string{"e", `"AQAB"`}, ""},
		{"e 65539", []string{"e", `"AQAD"`}, ""},
		{"e 2^31 - 1", []string{"e", exponent(31, -1)}, ""},
		{"e 2^31 - 2", []string{"e", exponent(31, -2)}, `the exponent is 2147483646, want an odd number`},
		{"e 2^31", []string{"e", exponent(31, 0)}, `the exponent is 2147483648, want 3 to 2147483647`},
		{"e 2^31 + 1", []string{"e", exponent(31, 1)}, `the exponent is 2147483649, want 3 to 2147483647`},
		{"e 2^32 + 65537", []string{"e", exponent(32, 65537)}, `the exponent is 4295032833, want 3 to 2147483647`},
		{"e 2^63 - 1", []string{"e", exponent(63, -1)}, `the exponent is 9223372036854775807, want 3 to 2147483647`},
		{"e 2^63 + 3", []string{"e", exponent(63, 3)}, `the exponent has 64 bits, want at most 31`},
		{"e 2^64 + 65537", []string{"e", exponent(64, 65537)}, `the exponent has 65 bits, want at most 31`},
		{"e 2^128 + 3", []string{"e", exponent(128, 3)}, `the exponent has 129 bits, want at most 31`},
		{"e 2^20016 + 1", []string{"e", exponent(20_016, 1)}, `the exponent has 20017 bits, want at most 31`},
		{"e equal to n", []string{"e", quotedInt(goodN)}, `the exponent has 2048 bits, want at most 31`},

		{"members that mean nothing to us", []string{"x5c", `["MIIB"]`, "x5t", `1`, "x5u", `null`, "x5t#S256", `{}`, "ext", `true`, "iat", `1.5e3`, "status", `[[{"d":"x"}]]`}, ""},
		{"an empty name", []string{"", `1`}, ""},
		{"EC members beside those of RSA", []string{"crv", `"P-256"`, "x", `"AA"`, "y", `"AA"`}, ""},
		{"D in place of d", []string{"D", `"x"`}, ""},

		{"an unknown member twice", []string{"x", `1,"x":2`}, `has the member "x" twice`},
		{"n twice", []string{"n", quotedInt(goodN) + `,"n":` + quotedInt(goodN)}, `has the member "n" twice`},
		{"e twice, escaped", []string{"e", `"AQAB","\u0065":"AQAB"`}, `has the member "e" twice`},
		{"kid twice", []string{"kid", `"key-0","kid":"key-0"`}, `has the member "kid" twice`},
		{"use twice, wrong first", []string{"use", `1,"use":"sig"`}, `has the member "use" twice`},
		{"kty twice, EC first", []string{"kty", `"EC","kty":"RSA"`}, `has the member "kty" twice`},
		{"a member twice inside of another", []string{"x", `[{"y":1,"y":2}]`}, `has the member "y" twice`},
		{"a lone surrogate in an unknown member", []string{"x", `"\udc00"`}, `has half a surrogate pair (\udc00) before byte `},
		{"a lone surrogate in kid", []string{"kid", `"\ud800"`}, `has half a surrogate pair (\ud800) before byte `},
		{"a lone surrogate in a name", []string{"x", `1,"\ud800":2`}, `has half a surrogate pair (\ud800) before byte `},
	} {
		t.Run(test.name, func(t *testing.T) {
			text := jwkText(t, 0, test.change...)
			if !json.Valid([]byte(text)) {
				t.Fatalf("the test is wrong: %s", text)
			}
			kid := "key-0"
			if i := slices.Index(test.change, "kid"); i >= 0 {
				kid = "" // unless it is a string
				_ = json.NewDecoder(strings.NewReader(test.change[i+1])).Decode(&kid)
			}

			isReason := func(got string) bool {
				return got == test.reason || strings.HasSuffix(test.reason, " byte ") && strings.HasPrefix(got, test.reason)
			}

			set := parseSet(t, setText(text))
			if test.reason == "" {
				if !slices.Equal(keyIDs(set), []string{kid}) || len(set.Skipped()) > 0 {
					t.Errorf("got keys %q, skipped %v", keyIDs(set), set.Skipped())
				}
				if single := parseSet(t, text); !slices.Equal(keyIDs(single), []string{kid}) {
					t.Errorf("as a single JWK: got keys %q, skipped %v", keyIDs(single), single.Skipped())
				}
				return
			}
			if set.Len() != 0 {
				t.Errorf("the key is used")
			}
			// Before, between and behind good keys the bad one breaks nothing.
			good, other := jwkText(t, 1), jwkText(t, 2)
			for index, set := range []string{setText(text, good, other), setText(good, text, other), setText(good, other, text)} {
				set := parseSet(t, set)
				if want := []string{"key-1", "key-2"}; !slices.Equal(keyIDs(set), want) {
					t.Errorf("at %d: got keys %q, want %q", index, keyIDs(set), want)
				}
				got := skippedKey(t, set)
				if got.Index != index || got.KeyID != kid || !isReason(got.Reason) {
					t.Errorf("got index %d, kid %q, reason %q\nwant  %d, kid %q, reason %q", got.Index, got.KeyID, got.Reason, index, kid, test.reason)
				}
				shown := fmt.Sprintf("%+q", kid)
				if len(kid) > 64 {
					shown = fmt.Sprintf("%+q…", kid[:64])
				}
				want := fmt.Sprintf("key %d with kid %s is not used: %s", index, shown, got.Reason)
				if kid == "" {
					want = fmt.Sprintf("key %d is not used: %s", index, got.Reason)
				}
				if got.Error() != want {
					t.Errorf("error text\ngot  %s\nwant %s", got, want)
				}
			}
			// Alone it makes no key either.
			if single, err := jwtverify.ParseKeySet([]byte(text)); err == nil && (single.Len() != 0 || !isReason(skippedKey(t, single).Reason)) {
				t.Errorf("as a single JWK: got keys %q, skipped %v", keyIDs(single), single.Skipped())
			}
		})
	}
}

func TestSetWithElementsThatAreNoKeys(t *testing.T) {
	for _, test := range []struct{ element, reason string }{
		{`null`, "it is null, want an object"},
		{`"key"`, "it is a string, want an object"},
		{`1`, "it is a number, want an object"},
		{`true`, "it is true or false, want an object"},
		{`[]`, "it is an array, want an object"},
		{`[` + jwkText(t, 0) + `]`, "it is an array, want an object"},
		{`{}`, `it has no kty, want "RSA"`},
		{`{"kid":"a"}`, `it has no kty, want "RSA"`},
		{`{"keys":[` + jwkText(t, 0) + `]}`, `it has no kty, want "RSA"`},
		{`{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}`, `kty is "EC", want "RSA"`},
		{`{"kty":"oct"}`, `kty is "oct", want "RSA"`},
		{`{"kty":"oct","k":"AAAA"}`, `kty is "oct", want "RSA"`},
		{`{"kty":"RSA"}`, `it has no "n"`},
		{`{"kty":"RSA","use":"enc","alg":"none","key_ops":[]}`, `use is "enc", want "sig"`},
	} {
		set := parseSet(t, setText(jwkText(t, 1), test.element, jwkText(t, 2)))
		if got := skippedKey(t, set); set.Len() != 2 || got.Index != 1 || got.Reason != test.reason {
			t.Errorf("%s: got %d keys, index %d, reason %q, want %q", test.element, set.Len(), got.Index, got.Reason, test.reason)
		}
	}
	// All of them at once, each with its own index.
	set := parseSet(t, setText(`null`, jwkText(t, 1), `{}`, `[]`, jwkText(t, 2), `{"kty":"RSA","kty":"RSA"}`))
	var indices []int
	for _, err := range set.Skipped() {
		var skipped *jwtverify.SkippedKeyError
		if !errors.As(err, &skipped) {
			t.Fatalf("%v is no *SkippedKeyError", err)
		}
		indices = append(indices, skipped.Index)
	}
	if want := []int{0, 2, 3, 5}; !slices.Equal(indices, want) || !slices.Equal(keyIDs(set), []string{"key-1", "key-2"}) {
		t.Errorf("got keys %q, skipped %v, want %v", keyIDs(set), indices, want)
	}
}

// A flaw of one key is not taken for one of the next, nor forgotten when it is in
// the set itself.
func TestFlawsStayWhereTheyAre(t *testing.T) {
	good := jwkText(t, 1)
	flawed := jwkText(t, 0, "x", `{"y":"\ud800"}`)
	for _, text := range []string{
		`{"x":1,"keys":[` + flawed + `,` + good + `],"y":2}`,
		setText(good, flawed),
		setText(`{"kty":"RSA","kty":"RSA"}`, flawed, good),
		setText(good, `"\ud800"`),
		setText(`["\udc00"]`, good),
		setText(`[{"x":1,"x":2}]`, good),
	} {
		set, err := jwtverify.ParseKeySet([]byte(text))
		if err != nil || !slices.Equal(keyIDs(set), []string{"key-1"}) {
			t.Errorf("%.60q: got %v, want the good key", text, err)
		}
	}
	for _, text := range []string{
		`{"x":1,"x":2,"keys":[` + good + `]}`,
		`{"x":1,"x":2,"keys":[` + flawed + `,` + good + `]}`,
		`{"keys":[` + flawed + `,` + good + `],"x":"\udc00"}`,
		`{"keys":[` + good + `],"x":[{"y":1,"y":1}]}`,
		`{"keys":[` + flawed + `],"keys":[` + good + `]}`,
	} {
		if set, err := jwtverify.ParseKeySet([]byte(text)); err == nil || set != nil {
			t.Errorf("%.60q: got keys %q, want an error", text, keyIDs(set))
		}
	}
}

// secretIn looks for any 8 bytes of a secret in a text, as it is or quoted.
func secretIn(text, secret string) bool {
	for i := range len(secret) - 7 {
		if strings.Contains(text, secret[i:i+8]) {
			return true
		}
	}
	return false
}

func TestPrivateMembers(t *testing.T) {
	const secret = "SECRETc2VjcmV0LW51bWJlci1vZi1hLXByaXZhdGUta2V5"
	if !secretIn(`found "LW51bWJl"`, secret) || secretIn("secret", secret) {
		t.Fatal("the test would find nothing")
	}
	texts := 0
	check := func(err error) {
		t.Helper()
		texts++
		if err != nil && secretIn(err.Error(), secret) {
			t.Errorf("the error shows the secret: %v", err)
		}
	}
	for _, member := range []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k", `\u0064`} {
		for _, value := range []string{
			`"` + secret + `"`, `{"r":"` + secret + `"}`, `[{"r":"` + secret + `","d":"` + secret + `"}]`, `["` + secret + `"]`,
			`""`, `null`, `0`, `false`, `"` + secret + `\ud800"`, `{"` + secret + `":1}`,
		} {
			private := strings.Replace(jwkText(t, 0), "{", `{"`+member+`":`+value+`,`, 1)
			name := strings.Replace(member, `\u0064`, "d", 1)
			set := parseSet(t, setText(private, jwkText(t, 1)))
			if got := skippedKey(t, set); !slices.Equal(keyIDs(set), []string{"key-1"}) || got.Reason != fmt.Sprintf("it is a private key: it has %q", name) {
				t.Errorf("%s: %s: got keys %q, reason %q", member, value, keyIDs(set), got.Reason)
			}
			check(set.Skipped()[0])
			_, err := jwtverify.New(jwtverify.Config{Issuer: testIssuer, Audiences: []string{testAudience}, Keys: parseSet(t, setText(private))})
			if err == nil {
				t.Errorf("%s: New takes a set of one private key", member)
			}
			check(err)

			single, err := jwtverify.ParseKeySet([]byte(private))
			if err == nil || single != nil {
				t.Errorf("%s: %s: a single private JWK is taken: %v", member, value, single)
			} else if want := fmt.Sprintf("jwtverify: key set is a private key (it has %q): publish the public half only, and replace the key if this file was readable by others", name); !strings.Contains(value, `\ud800`) && err.Error() != want {
				t.Errorf("got  %v\nwant %s", err, want)
			}
			check(err)
		}
		// Whatever else is wrong, at whatever place the text is cut or altered.
		private := setText(strings.Replace(jwkText(t, 0), "{", `{"`+member+`":"`+secret+`",`, 1))
		start := strings.Index(private, secret) - 12
		for at := start; at < start+len(secret)+30; at++ {
			_, err := jwtverify.ParseKeySet([]byte(private[:at]))
			if err == nil {
				t.Errorf("cut after %q: accepted", private[:at])
			}
			check(err)
			for _, c := range []string{"\x00", `"`, `\`, "}", ",", "\xff", "é", `":"`} {
				set, err := jwtverify.ParseKeySet([]byte(private[:at] + c + private[at+1:]))
				check(err)
				if err == nil {
					for _, err := range set.Skipped() {
						check(err)
					}
				}
			}
		}
		for _, kty := range []string{`"EC"`, `"oct"`, `"OKP"`, `null`, ``} {
			text := jwkText(t, 0, "kty", kty, member, `"`+secret+`"`)
			text = strings.Replace(text, `\\u0064`, "d", 1)
			set := parseSet(t, setText(text))
			if set.Len() != 0 {
				t.Errorf("kty %s with %s is used", kty, member)
			}
			check(set.Skipped()[0])
			if _, err := jwtverify.ParseKeySet([]byte(text)); err == nil {
				t.Errorf("a single JWK of kty %s with %s is taken", kty, member)
			} else {
				check(err)
			}
		}
	}
	if texts < 1_000 {
		t.Errorf("only %d errors were searched", texts)
	}
}

func TestKeysWithTheSameKID(t *testing.T) {
	same := func(count int, kid string) string {
		var jwks []string
		for range count {
			jwks = append(jwks, jwkText(t, 0, "kid", kid, "n", quotedInt(modulus(2048))))
		}
		return strings.Join(jwks, ",")
	}
	if set := parseSet(t, setText(same(4, `"a"`))); set.Len() != 4 || len(set.Skipped()) != 0 {
		t.Errorf("4 of a kid: got %d keys, skipped %v", set.Len(), set.Skipped())
	}
	set := parseSet(t, setText(same(5, `"a"`), same(4, `"b"`), same(1, `"A"`)))
	got := skippedKey(t, set)
	if set.Len() != 9 || *got != (jwtverify.SkippedKeyError{Index: 4, KeyID: "a", Reason: "4 keys have this kid already"}) {
		t.Errorf("5 of a kid: got %d keys, skipped %v", set.Len(), got)
	}
	// Keys that are skipped for another reason do not count.
	ec := strings.ReplaceAll(same(5, `"a"`), "RSA", "EC")
	if set := parseSet(t, setText(ec, same(4, `"a"`))); set.Len() != 4 {
		t.Errorf("5 EC keys before: got %d keys", set.Len())
	}
	// Keys without kid cannot be asked for together.
	if set := parseSet(t, setText(same(6, ``), same(6, `""`))); set.Len() != 12 {
		t.Errorf("12 without kid: got %d keys, skipped %v", set.Len(), set.Skipped())
	}
	// The fourth still verifies, the fifth does not.
	header := map[string]any{"alg": "RS256", "kid": "a"}
	for before, want := range map[int]error{0: nil, 3: nil, 4: jwtverify.ErrSignature} {
		var jwks []string
		if before > 0 {
			jwks = append(jwks, same(before, `"a"`))
		}
		keys := parseSet(t, setText(append(jwks, jwkText(t, 0, "kid", `"a"`))...))
		_, err := newVerifier(t, jwtverify.Config{Keys: keys}).Verify(t.Context(), sign(t, 0, header, goodClaims()))
		if !errors.Is(err, want) {
			t.Errorf("behind %d keys of its kid: got %v, want %v", before, err, want)
		}
	}
}

func TestParseKeySetForms(t *testing.T) {
	good := jwkText(t, 0)
	for name, text := range map[string]string{
		"a set":                           setText(good),
		"a single JWK":                    good,
		"white space around":              " \r\n\t" + setText(good) + "\n \t",
		"white space around a single JWK": "\n" + good + "\n",
		"keys with an escape":             strings.Replace(setText(good), "keys", `\u006beys`, 1),
		"other members before and behind": `{"kty":"EC","d":1,"KEYS":[],"x":{"keys":[1]},"keys":[` + good + `],"saved":"2026-01-02T03:04:05Z","private":[null]}`,
		"a single JWK with saved":         strings.Replace(good, "{", `{"saved":"x",`, 1),
		"a member that looks like a key":  strings.Replace(setText(good), "{", `{"n":1,"kid":null,`, 1),
		"n in escapes of all characters":  setText(jwkText(t, 0, "n", escapeAll(encodeInt(testKey(t, 0).N)))),
	} {
		set := parseSet(t, text)
		if !slices.Equal(keyIDs(set), []string{"key-0"}) {
			t.Errorf("%s: got keys %q, skipped %v", name, keyIDs(set), set.Skipped())
			continue
		}
		if _, err := newVerifier(t, jwtverify.Config{Keys: set}).Verify(t.Context(), sign(t, 0, goodHeader(), goodClaims())); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for key := range set.All() {
			if key.Bits() != 2048 {
				t.Errorf("%s: got %d bits", name, key.Bits())
			}
		}
	}
	if set := parseSet(t, `{"keys":[]}`); set.Len() != 0 || len(set.Skipped()) != 0 {
		t.Errorf("an empty set: got %d keys", set.Len())
	}
}

func escapeAll(s string) string {
	var out strings.Builder
	for _, c := range s {
		fmt.Fprintf(&out, `\u%04X`, c)
	}
	return `"` + out.String() + `"`
}

func TestParseKeySetErrorTexts(t *testing.T) {
	good := jwkText(t, 0)
	deep := strings.Repeat("[", 17) + strings.Repeat("]", 17)
	for _, test := range []struct{ text, want string }{
		{"", `is empty, want a JWK Set, a JWK or PEM`},
		{" \r\n\t", `is empty, want a JWK Set, a JWK or PEM`},
		{"[" + good + "]", `begins with "[", want { of a JWK Set or JWK, or -----BEGIN of PEM`},
		{"null", `begins with "n", want { of a JWK Set or JWK, or -----BEGIN of PEM`},
		{`"` + encode(good) + `"`, `begins with "\"", want { of a JWK Set or JWK, or -----BEGIN of PEM`},
		{"\ufeff" + setText(good), `begins with "\ufeff", want { of a JWK Set or JWK, or -----BEGIN of PEM`},
		{"\xff\xfe{\x00", `begins with "\ufffd", want { of a JWK Set or JWK, or -----BEGIN of PEM`},
		{"\x00" + setText(good), `begins with "\x00", want { of a JWK Set or JWK, or -----BEGIN of PEM`},
		{")]}'," + setText(good), `begins with ")", want { of a JWK Set or JWK, or -----BEGIN of PEM`},
		{"-----BEGI", `begins with "-", want { of a JWK Set or JWK, or -----BEGIN of PEM`},
		{"ssh-rsa AAAA", `begins with "s", want { of a JWK Set or JWK, or -----BEGIN of PEM`},
		{"\n<!DOCTYPE html><html>", `is not one: got HTML, not a key set; check the address`},
		{"{}", `has no "keys" array, nor is it a JWK with "kty"`},
		{`{"issuer":"https://issuer.example","jwks_uri":"https://issuer.example/jwks"}`, `has no "keys" array, nor is it a JWK with "kty"`},
		{`{"error":"not found"}`, `has no "keys" array, nor is it a JWK with "kty"`},
		{`{"KEYS":[` + good + `]}`, `has no "keys" array, nor is it a JWK with "kty"`},
		{`{"\u212aeys":[` + good + `]}`, `has no "keys" array, nor is it a JWK with "kty"`},
		{`{"keys ":[` + good + `]}`, `has no "keys" array, nor is it a JWK with "kty"`},
		{`{"jwks":{"keys":[` + good + `]}}`, `has no "keys" array, nor is it a JWK with "kty"`},
		{`{"key-0":` + good + `}`, `has no "keys" array, nor is it a JWK with "kty"`},
		{`{"keys":null}`, `is not one: "keys" is null, want an array of keys`},
		{`{"keys":{"0":` + good + `}}`, `is not one: "keys" is an object, want an array of keys`},
		{`{"keys":"` + encode(good) + `"}`, `is not one: "keys" is a string, want an array of keys`},
		{`{"keys":1}`, `is not one: "keys" is a number, want an array of keys`},
		{`{"keys":false}`, `is not one: "keys" is true or false, want an array of keys`},
		{`{"keys":[],"keys":[` + good + `]}`, `has the member "keys" twice`},
		{`{"keys":[` + good + `],"\u006beys":[]}`, `has the member "keys" twice`},
		{`{"keys":[` + good + `],"x":1,"x":1}`, `has the member "x" twice`},
		{`{"keys":[` + good + `],"x":"\ud800"}`, fmt.Sprintf(`has half a surrogate pair (\ud800) before byte %d`, len(good)+22)},
		{`{"keys":[` + good + `],"x":` + deep + `}`, `is nested more than 16 deep`},
		{`{"keys":[` + good + `],"x":"` + "\xff" + `"}`, `is not valid UTF-8`},
		{strings.Replace(good, "{", `{"x":1,"x":2,`, 1), `has the member "x" twice`},
		{`{"keys":[` + good + `,]}`, fmt.Sprintf(`is not valid JSON: found "]" at byte %d, want a value`, len(good)+10)},
		{`{"keys":[,` + good + `]}`, `is not valid JSON: found "," at byte 9, want a value`},
		{`{"keys":[` + good + good + `]}`, fmt.Sprintf(`is not valid JSON: found "{" at byte %d, want a comma or ]`, len(good)+9)},
		{`{"keys":[` + good + `]`, fmt.Sprintf(`is not valid JSON: it ends at byte %d, want a comma or }`, len(good)+10)},
		{`{"keys":[` + good, fmt.Sprintf(`is not valid JSON: it ends at byte %d, want a comma or ]`, len(good)+9)},
		{`{"keys":[]}{"keys":[]}`, `is not valid JSON: found "{" at byte 11, want the end`},
		{"{\"keys\":[]}\x00", `is not valid JSON: found "\x00" at byte 11, want the end`},
		{`{"keys":[]}//`, `is not valid JSON: found "/" at byte 11, want the end`},
		{`{'keys':[]}`, `is not valid JSON: found "'" at byte 1, want a member name in quotes`},
		{`{"keys"`, `is not valid JSON: it ends at byte 7, want a colon`},
		{"{", `is not valid JSON: it ends at byte 1, want a member name in quotes`},
	} {
		set, err := jwtverify.ParseKeySet([]byte(test.text))
		if want := "jwtverify: key set " + test.want; err == nil || err.Error() != want {
			t.Errorf("%.60q:\ngot  %v\nwant %s", test.text, err, want)
		}
		if set != nil {
			t.Errorf("%.60q: a set beside the error", test.text)
		}
	}
}

func TestKeySetLimits(t *testing.T) {
	const maxBytes, maxKeys = 512 << 10, 1_024
	text := setText(jwkText(t, 0))
	full := text + strings.Repeat(" ", maxBytes-len(text))
	if set := parseSet(t, full); set.Len() != 1 {
		t.Errorf("512 KiB: got %d keys", set.Len())
	}
	if _, err := jwtverify.ParseKeySet([]byte(full + " ")); err == nil || err.Error() != "jwtverify: key set is larger than 524288 bytes" {
		t.Errorf("a byte more: got %v", err)
	}
	if _, err := jwtverify.ParseKeySet(bytes.Repeat([]byte("-"), maxBytes+1)); err == nil || err.Error() != "jwtverify: key set is larger than 524288 bytes" {
		t.Errorf("other text: got %v", err)
	}

	jwks := make([]string, maxKeys)
	blocks := make([]string, maxKeys)
	for i := range maxKeys {
		n := modulus(2048)
		jwks[i] = fmt.Sprintf(`{"kty":"RSA","kid":"%d","n":%s,"e":"AQAB"}`, i, quotedInt(n))
		blocks[i] = pemText("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&rsa.PublicKey{N: n, E: 65537}))
	}
	for name, test := range map[string]struct{ full, more string }{
		"keys that are used":    {setText(jwks...), setText(append(slices.Clone(jwks), `{}`)...)},
		"keys that are skipped": {setText(slices.Repeat([]string{`{}`}, maxKeys)...), setText(slices.Repeat([]string{`0`}, maxKeys+1)...)},
		"PEM":                   {strings.Join(blocks, ""), strings.Join(blocks, "") + pemText("X", nil)},
	} {
		set := parseSet(t, test.full)
		if got := set.Len() + len(set.Skipped()); got != maxKeys {
			t.Errorf("%s: got %d, want %d", name, got, maxKeys)
		}
		if _, err := jwtverify.ParseKeySet([]byte(test.more)); err == nil || err.Error() != "jwtverify: key set has more than 1024 keys" {
			t.Errorf("%s: one more: got %v", name, err)
		}
	}
}

func pemText(blockType string, data []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: blockType, Bytes: data}))
}

// der unwraps what the functions of crypto/x509 return.
func der(data []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return data
}

// certificate is one of pub, long expired, which matters to nobody here.
func certificate(tb testing.TB, pub any) []byte {
	tb.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "issuer"},
		NotBefore: time.Unix(1_000_000_000, 0), NotAfter: time.Unix(1_000_000_001, 0),
	}
	return der(x509.CreateCertificate(rand.Reader, template, template, pub, testKey(tb, 0)))
}

// thumbprintOf is RFC 7638, section 3, without the code under test.
func thumbprintOf(tb testing.TB, pub *rsa.PublicKey) string {
	tb.Helper()
	sum := sha256.Sum256(fmt.Appendf(nil, `{"e":%s,"kty":"RSA","n":%s}`, quotedInt(big.NewInt(int64(pub.E))), quotedInt(pub.N)))
	return encode(string(sum[:]))
}

func TestPEM(t *testing.T) {
	pub, other := &testKey(t, 0).PublicKey, &testKey(t, 1).PublicKey
	id, otherID := thumbprintOf(t, pub), thumbprintOf(t, other)
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	edwards, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	pkix, pkcs1 := der(x509.MarshalPKIXPublicKey(pub)), x509.MarshalPKCS1PublicKey(pub)
	public := pemText("PUBLIC KEY", pkix)
	second := pemText("PUBLIC KEY", der(x509.MarshalPKIXPublicKey(other)))
	odd := func(n *big.Int, e int) string {
		return pemText("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&rsa.PublicKey{N: n, E: e}))
	}

	for _, test := range []struct {
		name, text string
		ids        []string
		skipped    []string // the beginnings of the reasons
	}{
		{"PUBLIC KEY", public, []string{id}, nil},
		{"RSA PUBLIC KEY", pemText("RSA PUBLIC KEY", pkcs1), []string{id}, nil},
		{"CERTIFICATE", pemText("CERTIFICATE", certificate(t, pub)), []string{id}, nil},
		{"all three", pemText("CERTIFICATE", certificate(t, other)) + public + pemText("RSA PUBLIC KEY", pkcs1), []string{otherID, id, id}, nil},
		{"two keys", public + second, []string{id, otherID}, nil},
		{"CRLF", strings.ReplaceAll(public+second, "\n", "\r\n"), []string{id, otherID}, nil},
		{"white space before and behind", "\r\n \t" + public + " \n\n", []string{id}, nil},
		{"blank lines between", public + "\n\n\n" + second, []string{id, otherID}, nil},
		{"text between and behind", public + "the second key:\n" + second + "the end\n", []string{id, otherID}, nil},
		{"no newline at the end", strings.TrimSuffix(public, "\n"), []string{id}, nil},
		{"headers", strings.Replace(public, "-----\n", "-----\nComment: a key\n\n", 1), []string{id}, nil},
		{"long lines", "-----BEGIN PUBLIC KEY-----\n" + base64.StdEncoding.EncodeToString(pkix) + "\n-----END PUBLIC KEY-----\n", []string{id}, nil},

		{"an EC key between", public + pemText("PUBLIC KEY", der(x509.MarshalPKIXPublicKey(ec.Public()))) + second, []string{id, otherID}, []string{"the key in the PEM block PUBLIC KEY is not RSA"}},
		{"an Ed25519 key", pemText("PUBLIC KEY", der(x509.MarshalPKIXPublicKey(edwards))) + public, []string{id}, []string{"the key in the PEM block PUBLIC KEY is not RSA"}},
		{"a certificate of an EC key", pemText("CERTIFICATE", certificate(t, ec.Public())) + public, []string{id}, []string{"the key in the PEM block CERTIFICATE is not RSA"}},
		{"another type", pemText("CERTIFICATE REQUEST", pkix) + public, []string{id}, []string{`the PEM block is "CERTIFICATE REQUEST", want PUBLIC KEY, RSA PUBLIC KEY or CERTIFICATE`}},
		{"EC PARAMETERS", pemText("EC PARAMETERS", []byte{6, 0}) + public, []string{id}, []string{`the PEM block is "EC PARAMETERS", want PUBLIC KEY`}},
		{"a type in lower case", pemText("public key", pkix) + public, []string{id}, []string{`the PEM block is "public key", want PUBLIC KEY`}},
		{"the wrong type", pemText("PUBLIC KEY", pkcs1) + pemText("RSA PUBLIC KEY", pkix) + pemText("CERTIFICATE", pkix) + public, []string{id},
			[]string{"the PEM block PUBLIC KEY cannot be parsed: ", "the PEM block RSA PUBLIC KEY cannot be parsed: ", "the PEM block CERTIFICATE cannot be parsed: "}},
		{"an empty block", pemText("PUBLIC KEY", nil) + public, []string{id}, []string{"the PEM block PUBLIC KEY cannot be parsed: "}},
		{"a byte behind the key", pemText("PUBLIC KEY", append(slices.Clone(pkix), 0)) + public, []string{id}, []string{"the PEM block PUBLIC KEY cannot be parsed: "}},
		{"a byte less", pemText("PUBLIC KEY", pkix[:len(pkix)-1]) + public, []string{id}, []string{"the PEM block PUBLIC KEY cannot be parsed: "}},
		{"a private key under a false name", pemText("PUBLIC KEY", der(x509.MarshalPKCS8PrivateKey(testKey(t, 2)))) + public, []string{id}, []string{"the PEM block PUBLIC KEY cannot be parsed: "}},
		{"2047 bits", odd(modulus(2047), 65537) + public, []string{id}, []string{"the modulus has 2047 bits, want at least 2048"}},
		{"8193 bits", odd(modulus(8193), 65537) + public, []string{id}, []string{"the modulus has 8193 bits, want at most 8192"}},
		{"an even modulus", odd(new(big.Int).Add(modulus(2048), big.NewInt(1)), 65537) + public, []string{id}, []string{"the modulus is even"}},
		{"e 1", odd(modulus(2048), 1) + public, []string{id}, []string{"the exponent is 1, want 3 to 2147483647"}},
		{"e 2", odd(modulus(2048), 2) + public, []string{id}, []string{"the exponent is 2, want 3 to 2147483647"}},
		{"e 65536", odd(modulus(2048), 65536) + public, []string{id}, []string{"the exponent is 65536, want an odd number"}},
		{"no good key", pemText("X", nil), []string{}, []string{`the PEM block is "X", want PUBLIC KEY`}},
		// The same key has the same thumbprint, and a token may cost four checks.
		{"the same key five times", strings.Repeat(public, 5) + second, []string{id, id, id, id, otherID}, []string{"4 keys have this kid already"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			set := parseSet(t, test.text)
			if !slices.Equal(keyIDs(set), test.ids) {
				t.Errorf("got keys %q, want %q", keyIDs(set), test.ids)
			}
			if len(set.Skipped()) != len(test.skipped) {
				t.Fatalf("skipped %v, want %q", set.Skipped(), test.skipped)
			}
			for i, err := range set.Skipped() {
				var skipped *jwtverify.SkippedKeyError
				if !errors.As(err, &skipped) || !strings.HasPrefix(skipped.Reason, test.skipped[i]) {
					t.Errorf("skipped %v, want %q", err, test.skipped[i])
				}
			}
		})
	}

	set := parseSet(t, pemText("X", nil)+public+pemText("Y", nil))
	for i, err := range set.Skipped() {
		var skipped *jwtverify.SkippedKeyError
		if !errors.As(err, &skipped) || skipped.Index != []int{0, 2}[i] {
			t.Errorf("skipped %v, want index %d", err, []int{0, 2}[i])
		}
	}
	token := sign(t, 0, map[string]any{"alg": "RS256", "kid": id}, goodClaims())
	if _, err := newVerifier(t, jwtverify.Config{Keys: set}).Verify(t.Context(), token); err != nil {
		t.Errorf("a token of the key's thumbprint: %v", err)
	}
}

func TestDamagedPEM(t *testing.T) {
	public := pemText("PUBLIC KEY", der(x509.MarshalPKIXPublicKey(&testKey(t, 0).PublicKey)))
	second := pemText("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&testKey(t, 1).PublicKey))
	end := strings.Index(public, "-----END")
	for _, test := range []struct{ name, text, want string }{
		{"no END line", public[:end], "has 1 PEM blocks, of which 0 can be read: the file is cut off or damaged"},
		{"half an END line", public[:end+8], "has 1 PEM blocks, of which 0 can be read: the file is cut off or damaged"},
		{"cut in the first of two", public[:end] + second, "has 2 PEM blocks, of which 1 can be read: the file is cut off or damaged"},
		{"cut in the second", public + second[:100], "has 2 PEM blocks, of which 1 can be read: the file is cut off or damaged"},
		{"cut in the second BEGIN line", public + second[:15], "has 2 PEM blocks, of which 1 can be read: the file is cut off or damaged"},
		{"a character that is not base64", public[:100] + "!" + public[101:] + second, "has 2 PEM blocks, of which 1 can be read: the file is cut off or damaged"},
		{"an END of another type", strings.Replace(public, "END PUBLIC", "END RSA PUBLIC", 1) + second, "has 2 PEM blocks, of which 1 can be read: the file is cut off or damaged"},
		{"a BEGIN in a block", strings.Replace(public, "\n", "\n-----BEGIN PUBLIC KEY-----\n", 1), "has 2 PEM blocks, of which 1 can be read: the file is cut off or damaged"},
		{"indented", strings.ReplaceAll(public, "\n", "\n  "), "has 1 PEM blocks, of which 0 can be read: the file is cut off or damaged"},
		{"four dashes at the end", strings.Replace(public, "KEY-----\n", "KEY----\n", 1), "has 1 PEM blocks, of which 0 can be read: the file is cut off or damaged"},
		{"on one line", strings.ReplaceAll(public, "\n", " "), "has 1 PEM blocks, of which 0 can be read: the file is cut off or damaged"},
		{"text before", "the key:\n" + public, `begins with "t", want { of a JWK Set or JWK, or -----BEGIN of PEM`},
		{"a byte order mark before", "\ufeff" + public, `begins with "\ufeff", want { of a JWK Set or JWK, or -----BEGIN of PEM`},
		{"no BEGIN line", public[strings.Index(public, "\n")+1:], `begins with "M", want { of a JWK Set or JWK, or -----BEGIN of PEM`},
	} {
		set, err := jwtverify.ParseKeySet([]byte(test.text))
		if want := "jwtverify: key set " + test.want; err == nil || err.Error() != want || set != nil {
			t.Errorf("%s:\ngot  %v, %v\nwant %s", test.name, set, err, want)
		}
	}
}

func TestPrivateKeysInPEM(t *testing.T) {
	key := testKey(t, 2)
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public := pemText("PUBLIC KEY", der(x509.MarshalPKIXPublicKey(&testKey(t, 0).PublicKey)))
	const want = "jwtverify: key set holds a private key: keep only the public half here, and replace the key if this file was readable by others"
	for name, private := range map[string]string{
		"PKCS #8":            pemText("PRIVATE KEY", der(x509.MarshalPKCS8PrivateKey(key))),
		"PKCS #1":            pemText("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key)),
		"EC, SEC 1":          pemText("EC PRIVATE KEY", der(x509.MarshalECPrivateKey(ec))),
		"EC, PKCS #8":        pemText("PRIVATE KEY", der(x509.MarshalPKCS8PrivateKey(ec))),
		"OpenSSH":            pemText("OPENSSH PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key)),
		"encrypted":          pemText("ENCRYPTED PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key)),
		"encrypted, PKCS #1": strings.Replace(pemText("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key)), "\n", "\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\n", 1),
		"not parsable":       pemText("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key)[1:]),
		"with CRLF":          strings.ReplaceAll(pemText("PRIVATE KEY", der(x509.MarshalPKCS8PrivateKey(key))), "\n", "\r\n"),
	} {
		for place, text := range map[string]string{"alone": private, "in front": private + public, "behind": public + private, "between": public + private + public} {
			set, err := jwtverify.ParseKeySet([]byte(text))
			if err == nil || err.Error() != want || set != nil {
				t.Errorf("%s %s: got %v, %v", name, place, set, err)
			}
		}
		// Damaged, cut off or under a false name: an error or a skipped key, and
		// none of them shows what was in it.
		body := strings.NewReplacer("\n", "", "\r", "").Replace(private)
		for at := 0; at < len(private); at += 1 + len(private)/40 {
			for _, text := range []string{private[:at], private[:at] + "!" + private[at+1:], private[at:], strings.ReplaceAll(private, "PRIVATE", "PUBLIC")} {
				set, err := jwtverify.ParseKeySet([]byte(text))
				if err != nil {
					if secretIn(err.Error(), body[40:len(body)-40]) {
						t.Errorf("%s: the error shows the key: %v", name, err)
					}
					continue
				}
				if set.Len() > 0 {
					t.Errorf("%s: got keys %q from %.60q", name, keyIDs(set), text)
				}
				for _, err := range set.Skipped() {
					if secretIn(err.Error(), body[40:len(body)-40]) {
						t.Errorf("%s: the error shows the key: %v", name, err)
					}
				}
			}
		}
	}
}

// RFC 7638, section 3.1.
func TestThumbprintOfRFC7638(t *testing.T) {
	const n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
	data, err := base64.RawURLEncoding.DecodeString(n)
	if err != nil {
		t.Fatal(err)
	}
	pub := &rsa.PublicKey{N: new(big.Int).SetBytes(data), E: 65537}
	const want = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
	for _, text := range []string{
		pemText("PUBLIC KEY", der(x509.MarshalPKIXPublicKey(pub))),
		pemText("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(pub)),
	} {
		if got := keyIDs(parseSet(t, text)); !slices.Equal(got, []string{want}) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	// A JWK keeps its own kid, or none.
	jwk := `{"kty":"RSA","n":"` + n + `","e":"AQAB","alg":"RS256","kid":"2011-04-29"}`
	if got := keyIDs(parseSet(t, jwk)); !slices.Equal(got, []string{"2011-04-29"}) {
		t.Errorf("got %q from the JWK of the RFC", got)
	}
}

func TestNewKey(t *testing.T) {
	pub := &testKey(t, 0).PublicKey
	for _, test := range []struct {
		name string
		pub  *rsa.PublicKey
		kid  string
		want string
	}{
		{"good", pub, "key", ""},
		{"without kid", pub, "", ""},
		{"a kid of 256 bytes", pub, strings.Repeat("k", 256), ""},
		{"8192 bits", &rsa.PublicKey{N: modulus(8192), E: 3}, "key", ""},
		{"2048 bits, the greatest exponent", &rsa.PublicKey{N: modulus(2048), E: 1<<31 - 1}, "key", ""},
		{"nil", nil, "key", `NewKey needs an RSA public key, got nil`},
		{"the zero key", &rsa.PublicKey{}, "key", `NewKey needs an RSA public key, got nil`},
		{"a kid of 257 bytes", pub, strings.Repeat("k", 257), `NewKey needs a kid of valid UTF-8 and at most 256 bytes, got "` + strings.Repeat("k", 64) + `"…`},
		{"a kid that is not UTF-8", pub, "\xff", `NewKey needs a kid of valid UTF-8 and at most 256 bytes, got "\xff"`},
		{"modulus 0", &rsa.PublicKey{N: new(big.Int), E: 65537}, "key", `the key with kid "key" is not fit for RS256: the modulus is not a positive number`},
		{"a negative modulus", &rsa.PublicKey{N: new(big.Int).Neg(pub.N), E: 65537}, "key", `the key with kid "key" is not fit for RS256: the modulus is not a positive number`},
		{"2047 bits", &rsa.PublicKey{N: modulus(2047), E: 65537}, "key", `the key with kid "key" is not fit for RS256: the modulus has 2047 bits, want at least 2048`},
		{"8193 bits", &rsa.PublicKey{N: modulus(8193), E: 65537}, "", `the key with kid "" is not fit for RS256: the modulus has 8193 bits, want at most 8192`},
		{"an even modulus", &rsa.PublicKey{N: new(big.Int).Lsh(pub.N, 1), E: 65537}, "key", `the key with kid "key" is not fit for RS256: the modulus is even`},
		{"exponent 0", &rsa.PublicKey{N: pub.N}, "key", `the key with kid "key" is not fit for RS256: the exponent is 0, want 3 to 2147483647`},
		{"exponent -3", &rsa.PublicKey{N: pub.N, E: -3}, "key", `the key with kid "key" is not fit for RS256: the exponent is -3, want 3 to 2147483647`},
		{"exponent 1", &rsa.PublicKey{N: pub.N, E: 1}, "key", `the key with kid "key" is not fit for RS256: the exponent is 1, want 3 to 2147483647`},
		{"exponent 2", &rsa.PublicKey{N: pub.N, E: 2}, "key", `the key with kid "key" is not fit for RS256: the exponent is 2, want 3 to 2147483647`},
		{"exponent 4", &rsa.PublicKey{N: pub.N, E: 4}, "key", `the key with kid "key" is not fit for RS256: the exponent is 4, want an odd number`},
		{"a long kid", &rsa.PublicKey{N: pub.N, E: 1}, strings.Repeat("k", 200), `the key with kid "` + strings.Repeat("k", 64) + `"… is not fit for RS256: the exponent is 1, want 3 to 2147483647`},
	} {
		key, err := jwtverify.NewKey(test.pub, test.kid)
		if test.want == "" {
			if err != nil || key.ID() != test.kid || key.Bits() != test.pub.N.BitLen() {
				t.Errorf("%s: got %q of %d bits, %v", test.name, key.ID(), key.Bits(), err)
			}
			continue
		}
		if err == nil || err.Error() != "jwtverify: "+test.want || key != (jwtverify.Key{}) {
			t.Errorf("%s:\ngot  %v\nwant jwtverify: %s", test.name, err, test.want)
		}
	}
	if zero := (jwtverify.Key{}); zero.ID() != "" || zero.Bits() != 0 {
		t.Errorf("the zero Key: got %q of %d bits", zero.ID(), zero.Bits())
	}
}

func TestNewKeyCopiesThePublicKey(t *testing.T) {
	pub := &rsa.PublicKey{N: new(big.Int).Set(testKey(t, 0).N), E: testKey(t, 0).E}
	key, err := jwtverify.NewKey(pub, "key-0")
	if err != nil {
		t.Fatal(err)
	}
	set, err := jwtverify.NewKeySet(key)
	if err != nil {
		t.Fatal(err)
	}
	verifier := newVerifier(t, jwtverify.Config{Keys: set})
	bits := pub.N.Bits() // the memory itself
	for i := range bits {
		bits[i] = 1
	}
	pub.N.SetInt64(15)
	pub.E = 1
	if key.Bits() != 2048 {
		t.Errorf("the key has %d bits", key.Bits())
	}
	if _, err := verifier.Verify(t.Context(), sign(t, 0, goodHeader(), goodClaims())); err != nil {
		t.Errorf("after the caller's key has changed: %v", err)
	}
}

func TestParseKeySetKeepsNothingOfTheData(t *testing.T) {
	for name, text := range map[string]string{
		"a set": setText(jwkText(t, 0)),
		"PEM":   pemText("PUBLIC KEY", der(x509.MarshalPKIXPublicKey(&testKey(t, 0).PublicKey))),
	} {
		data := []byte(text)
		set, err := jwtverify.ParseKeySet(data)
		if err != nil {
			t.Fatal(err)
		}
		ids := strings.Clone(strings.Join(keyIDs(set), " "))
		for i := range data {
			data[i] = 'x'
		}
		if got := strings.Join(keyIDs(set), " "); got != ids {
			t.Errorf("%s: got keys %q, want %q", name, got, ids)
		}
		token := sign(t, 0, map[string]any{"alg": "RS256"}, goodClaims())
		if _, err := newVerifier(t, jwtverify.Config{Keys: set}).Verify(t.Context(), token); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNewKeySet(t *testing.T) {
	keys := slices.Collect(testSet(t, 3).All())
	many := make([]jwtverify.Key, 1_025)
	for i := range many {
		key, err := jwtverify.NewKey(&testKey(t, 0).PublicKey, fmt.Sprint(i))
		if err != nil {
			t.Fatal(err)
		}
		many[i] = key
	}
	bare, err := jwtverify.NewKey(&testKey(t, 0).PublicKey, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name string
		keys []jwtverify.Key
		want string
	}{
		{"one", keys[:1], ""},
		{"three", keys, ""},
		{"1,024", many[:1_024], ""},
		{"four of a kid", slices.Repeat(keys[:1], 4), ""},
		{"six without kid", slices.Repeat([]jwtverify.Key{bare}, 6), ""},
		{"none", nil, "NewKeySet needs 1 to 1024 keys, got 0"},
		{"1,025", many, "NewKeySet needs 1 to 1024 keys, got 1025"},
		{"the zero Key", append(slices.Clone(keys), jwtverify.Key{}), "key 3 of NewKeySet is the zero Key: make it with NewKey"},
		{"five of a kid", append(slices.Repeat(keys[:1], 5), keys[1]), `NewKeySet got more than 4 keys with kid "key-0"`},
	} {
		set, err := jwtverify.NewKeySet(test.keys...)
		if test.want != "" {
			if err == nil || err.Error() != "jwtverify: "+test.want || set != nil {
				t.Errorf("%s: got %v, want %s", test.name, err, test.want)
			}
			continue
		}
		if err != nil || set.Len() != len(test.keys) || len(set.Skipped()) != 0 || !slices.Equal(slices.Collect(set.All()), test.keys) {
			t.Errorf("%s: got %v, %v", test.name, keyIDs(set), err)
		}
	}
	// The set keeps its own list.
	own := slices.Clone(keys)
	set, err := jwtverify.NewKeySet(own...)
	if err != nil {
		t.Fatal(err)
	}
	own[0], own[1] = own[2], jwtverify.Key{}
	if !slices.Equal(slices.Collect(set.All()), keys) {
		t.Errorf("after the caller's slice has changed: got %q", keyIDs(set))
	}
}

func TestKeySetCannotBeChanged(t *testing.T) {
	set := parseSet(t, setText(jwkText(t, 0), `1`, jwkText(t, 1), `2`, jwkText(t, 2)))
	skipped := set.Skipped()
	first := skipped[0]
	skipped[0] = nil
	_ = append(skipped[:1], errors.New("other"))
	if got := set.Skipped(); len(got) != 2 || got[0] != first || got[1] == nil || strings.Contains(got[1].Error(), "other") {
		t.Errorf("after a change of the slice: got %v", got)
	}
	for key := range set.All() {
		if key.ID() != "key-0" {
			t.Errorf("got %q first", key.ID())
		}
		break
	}
	if want := []string{"key-0", "key-1", "key-2"}; !slices.Equal(keyIDs(set), want) || set.Len() != 3 {
		t.Errorf("got %q, %d, want %q", keyIDs(set), set.Len(), want)
	}

	hinted := set.WithRefreshAfter(time.Minute)
	if hinted == set {
		t.Error("WithRefreshAfter returns the set itself")
	}
	if !slices.Equal(slices.Collect(hinted.All()), slices.Collect(set.All())) || len(hinted.Skipped()) != 2 {
		t.Errorf("the copy has the keys %q", keyIDs(hinted))
	}
	for _, ctx := range []context.Context{nil, t.Context()} {
		if got, err := set.Keys(ctx); got != set || err != nil {
			t.Errorf("as a KeySource: got %p, %v, want %p", got, err, set)
		}
	}
	if got, err := (*jwtverify.KeySet)(nil).Keys(t.Context()); got != nil || err == nil || err.Error() != "jwtverify: the *KeySet is nil" {
		t.Errorf("a nil *KeySet as a KeySource: got %v, %v", got, err)
	}
}

func TestSetWithoutUsableKey(t *testing.T) {
	bad := func(count int) string {
		return setText(slices.Repeat([]string{`{"kty":"EC","kid":"ec"}`}, count)...)
	}
	reason := func(index int) string {
		return fmt.Sprintf(`key %d with kid "ec" is not used: kty is "EC", want "RSA"`, index)
	}
	const prefix = "jwtverify: Config.Keys can verify nothing: the key set "
	for text, want := range map[string]string{
		bad(0): "is empty",
		bad(1): "has no key usable for RS256: " + reason(0),
		bad(4): "has no key usable for RS256: " + reason(0) + "; " + reason(1) + "; " + reason(2) + "; " + reason(3),
		bad(5): "has no key usable for RS256: " + reason(0) + "; " + reason(1) + "; " + reason(2) + "; and 2 more",
	} {
		_, err := jwtverify.New(jwtverify.Config{Issuer: testIssuer, Audiences: []string{testAudience}, Keys: parseSet(t, text)})
		if err == nil || err.Error() != prefix+want {
			t.Errorf("got  %v\nwant %s%s", err, prefix, want)
		}
	}
}

// A key that is kept, by a Token or by the memory of verified ones, does not keep the
// document that it came in.
func TestAKeyDoesNotKeepItsDocument(t *testing.T) {
	heap := func() uint64 {
		runtime.GC()
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		return stats.HeapAlloc
	}
	var kept []jwtverify.Key
	before := heap()
	for range 20 {
		set, err := jwtverify.ParseKeySet([]byte(`{"padding":"` + strings.Repeat("x", 400<<10) + `","keys":[` + jwkText(t, 0) + `]}`))
		if err != nil {
			t.Fatal(err)
		}
		for key := range set.All() {
			kept = append(kept, key)
		}
	}
	if grown := int64(heap()) - int64(before); grown > 1<<20 {
		t.Errorf("20 keys of documents of 400 KiB keep %d bytes, want a few KiB", grown)
	}
	runtime.KeepAlive(kept)
}
