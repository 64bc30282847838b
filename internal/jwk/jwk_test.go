package jwk_test

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"

	"example.com/jwtverify/internal/jwk"
	"example.com/jwtverify/internal/jwk/jwktest"
)

func encode(data string) string { return base64.RawURLEncoding.EncodeToString([]byte(data)) }

func encodeInt(n *big.Int) string { return encode(string(n.Bytes())) }

func exponent(bit uint, add int64) string {
	return jwktest.Int(new(big.Int).Add(new(big.Int).Lsh(big.NewInt(1), bit), big.NewInt(add)))
}

// publicKeys are as good as any for whoever checks no signature.
var publicKeys = []*rsa.PublicKey{{N: jwktest.Modulus(2048), E: 65537}, {N: jwktest.Modulus(2048), E: 65537}, {N: jwktest.Modulus(2048), E: 3}}

// jwkText is a good JWK of the n-th public key with the kid key-n, with changes.
func jwkText(n int, changes ...string) string {
	return jwktest.JWK(publicKeys[n], fmt.Sprintf("key-%d", n), changes...)
}

func parse(tb testing.TB, text string) *jwk.Set {
	tb.Helper()
	set, err := jwk.Parse([]byte(text))
	if err != nil {
		tb.Fatalf("%.300q: %v", text, err)
	}
	return set
}

// keyIDs are those of the keys that are fit.
func keyIDs(set *jwk.Set) []string {
	ids := []string{}
	for _, key := range set.Keys {
		if key.Reason == "" {
			ids = append(ids, key.ID)
		}
	}
	return ids
}

// reasons are those of the keys that are not fit.
func reasons(set *jwk.Set) (reasons []string) {
	for _, key := range set.Keys {
		if key.Reason != "" {
			reasons = append(reasons, key.Reason)
		}
	}
	return reasons
}

func TestJWKMembers(t *testing.T) {
	goodN := publicKeys[0].N
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
		{"an empty use says nothing", []string{"use", `""`}, ""},
		{"a use of spaces", []string{"use", `" "`}, `use is " ", want "sig"`},
		{"use in capitals", []string{"use", `"SIG"`}, `use is "SIG", want "sig"`},
		{"use with a space", []string{"use", `" sig"`}, `use is " sig", want "sig"`},
		{"use of two purposes", []string{"use", `"sig enc"`}, `use is "sig enc", want "sig"`},
		{"a use of 65 bytes", []string{"use", `"` + strings.Repeat("s", 65) + `"`}, `use is "` + strings.Repeat("s", 64) + `"…, want "sig"`},
		{"use null says nothing", []string{"use", `null`}, ""},
		{"use an empty array says nothing", []string{"use", `[]`}, ""},
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
		{"an alg of 65 bytes", []string{"alg", `"` + strings.Repeat("R", 65) + `"`}, `alg is "` + strings.Repeat("R", 64) + `"…, want "RS256"`},
		{"alg in lower case", []string{"alg", `"rs256"`}, `alg is "rs256", want "RS256"`},
		{"an empty alg says nothing", []string{"alg", `""`}, ""},
		{"alg null says nothing", []string{"alg", `null`}, ""},
		{"alg a number", []string{"alg", `256`}, `"alg" is a number, want a string`},
		{"alg an array", []string{"alg", `["RS256"]`}, `"alg" is an array, want a string`},
		{"alg an object", []string{"alg", `{"RS256":true}`}, `"alg" is an object, want a string`},
		{"alg true", []string{"alg", `true`}, `"alg" is true or false, want a string`},

		{"key_ops verify", []string{"key_ops", `["verify"]`}, ""},
		{"key_ops with others around verify", []string{"key_ops", `["sign","verify","future"]`}, ""},
		{"key_ops verify without use", []string{"use", "", "key_ops", `["verify"]`}, ""},
		{"key_ops verify, but use enc", []string{"use", `"enc"`, "key_ops", `["verify"]`}, `use is "enc", want "sig"`},
		{"key_ops empty says nothing", []string{"key_ops", `[]`}, ""},
		{"key_ops empty with spaces says nothing", []string{"key_ops", "[ \n\t]"}, ""},
		{"key_ops an empty string says nothing", []string{"key_ops", `""`}, ""},
		{"key_ops empty, but use enc", []string{"use", `"enc"`, "key_ops", `[]`}, `use is "enc", want "sig"`},
		{"key_ops with an empty string", []string{"key_ops", `[""]`}, `key_ops lacks "verify"`},
		{"key_ops sign", []string{"key_ops", `["sign"]`}, `key_ops lacks "verify"`},
		{"key_ops encrypt, but use sig", []string{"key_ops", `["encrypt"]`}, `key_ops lacks "verify"`},
		{"key_ops in another case", []string{"key_ops", `["Verify"]`}, `key_ops lacks "verify"`},
		{"key_ops a string", []string{"key_ops", `"verify"`}, `"key_ops" is a string, want an array of strings`},
		{"key_ops null says nothing", []string{"key_ops", `null`}, ""},
		{"key_ops with an empty array in it", []string{"key_ops", `[[],"verify"]`}, `"key_ops" is an array, want a string`},
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
		{"kid null says nothing", []string{"kid", `null`}, ""},
		{"kid an empty array says nothing", []string{"kid", `[]`}, ""},
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
		{"n with padding", []string{"n", `"` + n + `=="`}, ""},
		{"n of padding alone", []string{"n", `"===="`}, `it has no "n"`},
		{"n with padding inside", []string{"n", `"` + n[:8] + "=" + n[9:] + `"`}, `"n" has padding (=) at byte 8, want base64url without padding`},
		{"n with padding and stray bits", []string{"n", `"` + stray + `=="`}, `"n" has stray bits in its last character, want canonical base64url`},
		{"n with padding and a space", []string{"n", `"` + n + `== "`}, `"n" has padding (=) at byte 342, want base64url without padding`},
		{"n with stray bits", []string{"n", `"` + stray + `"`}, `"n" has stray bits in its last character, want canonical base64url`},
		{"n with +", []string{"n", `"` + n[:8] + "+" + n[9:] + `"`}, `"n" is in standard base64 (+ and /), want base64url, which has - and _ instead`},
		{"n with /", []string{"n", `"` + n[:8] + "/" + n[9:] + `"`}, `"n" is in standard base64 (+ and /), want base64url, which has - and _ instead`},
		{"n in standard base64, padded", []string{"n", `"` + n[:8] + "/+" + n[10:] + `=="`}, `"n" is in standard base64 (+ and /), want base64url, which has - and _ instead`},
		{"n with + and a space", []string{"n", `"` + n[:8] + "+ " + n[10:] + `"`}, `"n" has '+' at byte 8, want base64url, which has - and _ instead`},
		{"n with a newline", []string{"n", `"` + n[:76] + `\n` + n[76:] + `"`}, `"n" has the byte "\n" at byte 76, want base64url (A-Z a-z 0-9 - _)`},
		{"n with a newline behind", []string{"n", `"` + n + `\r\n"`}, `"n" has the byte "\r" at byte 342, want base64url (A-Z a-z 0-9 - _)`},
		{"n with a space", []string{"n", `" ` + n + `"`}, `"n" has the byte " " at byte 0, want base64url (A-Z a-z 0-9 - _)`},
		{"n with a letter less", []string{"n", `"` + n[:341] + `"`}, `"n" has 341 characters, which no base64url text has: it was cut off or joined`},
		{"n with an escape", []string{"n", fmt.Sprintf(`"\u%04x%s"`, n[0], n[1:])}, ""},
		{"n with a leading zero byte", []string{"n", `"` + encode("\x00"+string(goodN.Bytes())) + `"`}, ""},
		{"n with 1,025 leading zero bytes", []string{"n", `"` + encode(strings.Repeat("\x00", 1_025)+string(goodN.Bytes())) + `"`}, ""},
		{"n with a leading zero byte and padding", []string{"n", `"` + base64.URLEncoding.EncodeToString(append([]byte{0}, goodN.Bytes()...)) + `"`}, ""},
		{"n of 2047 bits behind a zero byte", []string{"n", `"` + encode("\x00"+string(jwktest.Modulus(2047).Bytes())) + `"`}, `the modulus has 2047 bits, want at least 2048`},
		{"n of 8193 bits behind a zero byte", []string{"n", `"` + encode("\x00"+string(jwktest.Modulus(8193).Bytes())) + `"`}, `the modulus has 8193 bits, want at most 8192`},
		{"n zero", []string{"n", `"AA"`}, `the modulus is not a positive number`},
		{"n one", []string{"n", `"AQ"`}, `the modulus has 1 bits, want at least 2048`},
		{"n of 512 bits", []string{"n", jwktest.Int(jwktest.Modulus(512))}, `the modulus has 512 bits, want at least 2048`},
		{"n of 1024 bits", []string{"n", jwktest.Int(jwktest.Modulus(1024))}, `the modulus has 1024 bits, want at least 2048`},
		{"n of 2040 bits", []string{"n", jwktest.Int(jwktest.Modulus(2040))}, `the modulus has 2040 bits, want at least 2048`},
		{"n of 2047 bits", []string{"n", jwktest.Int(jwktest.Modulus(2047))}, `the modulus has 2047 bits, want at least 2048`},
		{"n of 2048 bits", []string{"n", jwktest.Int(jwktest.Modulus(2048))}, ""},
		{"n of 2049 bits", []string{"n", jwktest.Int(jwktest.Modulus(2049))}, ""},
		{"n of 8191 bits", []string{"n", jwktest.Int(jwktest.Modulus(8191))}, ""},
		{"n of 8192 bits", []string{"n", jwktest.Int(jwktest.Modulus(8192))}, ""},
		{"n of 8193 bits", []string{"n", jwktest.Int(jwktest.Modulus(8193))}, `the modulus has 8193 bits, want at most 8192`},
		{"n of 100,000 bits", []string{"n", jwktest.Int(jwktest.Modulus(100_000))}, `the modulus has 100000 bits, want at most 8192`},
		{"an even n", []string{"n", jwktest.Int(new(big.Int).Sub(goodN, big.NewInt(1)))}, `the modulus is even`},
		{"an even n of 2049 bits", []string{"n", jwktest.Int(new(big.Int).Lsh(goodN, 1))}, `the modulus is even`},

		{"no e", []string{"e", ""}, `it has no "e"`},
		{"an empty e", []string{"e", `""`}, `it has no "e"`},
		{"e null", []string{"e", `null`}, `"e" is null, want a string`},
		{"e a number", []string{"e", `65537`}, `"e" is a number, want a string`},
		{"e an object", []string{"e", `{}`}, `"e" is an object, want a string`},
		{"e decimal", []string{"e", `"65537"`}, `"e" has 5 characters, which no base64url text has: it was cut off or joined`},
		{"e with padding", []string{"e", `"AQAB===="`}, ""},
		{"e with stray bits", []string{"e", `"Ax"`}, `"e" has stray bits in its last character, want canonical base64url`},
		{"e with leading zero bytes", []string{"e", `"AAEAAQ"`}, ""},
		{"e with ten leading zero bytes", []string{"e", `"` + encode(strings.Repeat("\x00", 10)+"\x01\x00\x01") + `"`}, ""},
		{"e 0", []string{"e", `"AA"`}, `the exponent is 0, want 3 to 2147483647`},
		{"e 1 behind zero bytes", []string{"e", `"AAAB"`}, `the exponent is 1, want 3 to 2147483647`},
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
		{"e equal to n", []string{"e", jwktest.Int(goodN)}, `the exponent has 2048 bits, want at most 31`},

		{"what an issuer writes that writes each field", []string{"use", `""`, "alg", `null`, "key_ops", `[]`, "kid", `""`, "x5c", `[]`, "x5t", `null`, "x5u", `""`,
			"oth", `[]`, "d", `null`, "p", `null`, "q", `null`, "dp", `""`, "dq", `""`, "qi", `""`, "k", `null`, "crv", `null`, "x", `""`}, ""},
		{"members that mean nothing to us", []string{"x5c", `["MIIB"]`, "x5t", `1`, "x5u", `null`, "x5t#S256", `{}`, "ext", `true`, "iat", `1.5e3`, "status", `[[{"d":"x"}]]`}, ""},
		{"an empty name", []string{"", `1`}, ""},
		{"EC members beside those of RSA", []string{"crv", `"P-256"`, "x", `"AA"`, "y", `"AA"`}, ""},
		{"D in place of d", []string{"D", `"x"`}, ""},

		{"an unknown member twice", []string{"x", `1,"x":2`}, `has the member "x" twice`},
		{"n twice", []string{"n", jwktest.Int(goodN) + `,"n":` + jwktest.Int(goodN)}, `has the member "n" twice`},
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
			text := jwkText(0, test.change...)
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

			checkSet(t, []byte(jwktest.Set(text)))
			checkSet(t, []byte(text))
			if test.reason == "" {
				for form, text := range map[string]string{"in a set": jwktest.Set(text), "alone": text} {
					if set := parse(t, text); !slices.Equal(keyIDs(set), []string{kid}) || len(set.Keys) != 1 {
						t.Errorf("%s: got keys %q, reasons %q", form, keyIDs(set), reasons(set))
					}
				}
				return
			}
			// Before, between and behind good keys the bad one breaks nothing.
			good, other := jwkText(1), jwkText(2)
			for index, text := range []string{jwktest.Set(text, good, other), jwktest.Set(good, text, other), jwktest.Set(good, other, text)} {
				set := parse(t, text)
				if want := []string{"key-1", "key-2"}; !slices.Equal(keyIDs(set), want) || len(set.Keys) != 3 {
					t.Fatalf("at %d: got keys %q, want %q", index, keyIDs(set), want)
				}
				if got := set.Keys[index]; got.ID != kid || got.Public != nil || !isReason(got.Reason) {
					t.Errorf("at %d: got kid %q, reason %q\nwant kid %q, reason %q", index, got.ID, got.Reason, kid, test.reason)
				}
			}
			// Alone it makes no key either.
			if set, err := jwk.Parse([]byte(text)); err == nil && (len(set.Keys) != 1 || !isReason(set.Keys[0].Reason)) {
				t.Errorf("as a single JWK: got keys %q, reasons %q", keyIDs(set), reasons(set))
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
		{`[` + jwkText(0) + `]`, "it is an array, want an object"},
		{`{}`, `it has no kty, want "RSA"`},
		{`{"kid":"a"}`, `it has no kty, want "RSA"`},
		{`{"keys":[` + jwkText(0) + `]}`, `it has no kty, want "RSA"`},
		{`{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}`, `kty is "EC", want "RSA"`},
		{`{"kty":"oct"}`, `kty is "oct", want "RSA"`},
		{`{"kty":"oct","k":"AAAA"}`, `kty is "oct", want "RSA"`},
		{`{"kty":"RSA"}`, `it has no "n"`},
		{`{"kty":"RSA","use":"enc","alg":"none","key_ops":["sign"]}`, `use is "enc", want "sig"`},
	} {
		set := parse(t, jwktest.Set(jwkText(1), test.element, jwkText(2)))
		if !slices.Equal(keyIDs(set), []string{"key-1", "key-2"}) || len(set.Keys) != 3 || set.Keys[1].Reason != test.reason {
			t.Errorf("%s: got keys %q, reasons %q, want %q", test.element, keyIDs(set), reasons(set), test.reason)
		}
	}
	// All of them at once, each in its own place.
	set := parse(t, jwktest.Set(`null`, jwkText(1), `{}`, `[]`, jwkText(2), `{"kty":"RSA","kty":"RSA"}`))
	for index, want := range []string{"it is null, want an object", "", `it has no kty, want "RSA"`, "it is an array, want an object", "", `has the member "kty" twice`} {
		if len(set.Keys) != 6 || set.Keys[index].Reason != want {
			t.Fatalf("key %d of %d: got %q, want %q", index, len(set.Keys), set.Keys[index].Reason, want)
		}
	}
}

// A flaw of one key is not taken for one of the next, nor forgotten when it is in
// the set itself.
func TestFlawsStayWhereTheyAre(t *testing.T) {
	good := jwkText(1)
	flawed := jwkText(0, "x", `{"y":"\ud800"}`)
	for _, text := range []string{
		`{"x":1,"keys":[` + flawed + `,` + good + `],"y":2}`,
		jwktest.Set(good, flawed),
		jwktest.Set(`{"kty":"RSA","kty":"RSA"}`, flawed, good),
		jwktest.Set(good, `"\ud800"`),
		jwktest.Set(`["\udc00"]`, good),
		jwktest.Set(`[{"x":1,"x":2}]`, good),
	} {
		set, err := jwk.Parse([]byte(text))
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
		if set, err := jwk.Parse([]byte(text)); err == nil || set != nil {
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
	check := func(text string) (*jwk.Set, error) {
		t.Helper()
		set, err := jwk.Parse([]byte(text))
		said := fmt.Sprint(err)
		if err == nil {
			said = strings.Join(reasons(set), " ")
		}
		if texts++; secretIn(said, secret) {
			t.Errorf("the secret is shown: %s", said)
		}
		return set, err
	}
	for _, member := range []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k", `\u0064`} {
		for _, value := range []string{
			`"` + secret + `"`, `{"r":"` + secret + `"}`, `[{"r":"` + secret + `","d":"` + secret + `"}]`, `["` + secret + `"]`,
			`[null]`, `[""]`, `{}`, `[[]]`, `0`, `false`, `"` + secret + `\ud800"`, `{"` + secret + `":1}`,
		} {
			private := strings.Replace(jwkText(0), "{", `{"`+member+`":`+value+`,`, 1)
			name := strings.Replace(member, `\u0064`, "d", 1)
			set := parse(t, jwktest.Set(private, jwkText(1)))
			if want := fmt.Sprintf("it is a private key: it has %q", name); !slices.Equal(keyIDs(set), []string{"key-1"}) || set.Keys[0].Reason != want {
				t.Errorf("%s: %s: got keys %q, reasons %q, want %q", member, value, keyIDs(set), reasons(set), want)
			}
			check(jwktest.Set(private))
			single, err := check(private)
			if err == nil || single != nil {
				t.Errorf("%s: %s: a single private JWK is taken: %v", member, value, single)
			} else if want := fmt.Sprintf("is a private key (it has %q): publish the public half only, and replace the key if this file was readable by others", name); !strings.Contains(value, `\ud800`) && err.Error() != want {
				t.Errorf("got  %v\nwant %s", err, want)
			}
		}
		// Without a value there is nothing private in it.
		for _, value := range []string{`""`, `null`, `[]`, `[ ]`} {
			text := strings.Replace(jwkText(0), "{", `{"`+member+`":`+value+`,`, 1)
			for _, text := range []string{text, jwktest.Set(text)} {
				if set := parse(t, text); !slices.Equal(keyIDs(set), []string{"key-0"}) {
					t.Errorf("%s: %s: got keys %q, reasons %q", member, value, keyIDs(set), reasons(set))
				}
			}
			// An empty one does not hide one with a value.
			text = strings.Replace(jwkText(0, "dq", `"`+secret+`"`), "{", `{"`+member+`":`+value+`,`, 1)
			if _, err := check(text); err == nil {
				t.Errorf("%s: %s beside a private member with a value is taken", member, value)
			}
		}
		// Whatever else is wrong, at whatever place the text is cut or altered.
		private := jwktest.Set(strings.Replace(jwkText(0), "{", `{"`+member+`":"`+secret+`",`, 1))
		start := strings.Index(private, secret) - 12
		for at := start; at < start+len(secret)+30; at++ {
			if _, err := check(private[:at]); err == nil {
				t.Errorf("cut after %q: accepted", private[:at])
			}
			for _, c := range []string{"\x00", `"`, `\`, "}", ",", "\xff", "é", `":"`} {
				check(private[:at] + c + private[at+1:])
			}
		}
		for _, kty := range []string{`"EC"`, `"oct"`, `"OKP"`, `null`, ``} {
			text := jwkText(0, "kty", kty, member, `"`+secret+`"`)
			text = strings.Replace(text, `\\u0064`, "d", 1)
			if set, err := check(jwktest.Set(text)); err != nil || len(keyIDs(set)) != 0 {
				t.Errorf("kty %s with %s: got keys %q, %v", kty, member, keyIDs(set), err)
			}
			if _, err := check(text); err == nil {
				t.Errorf("a single JWK of kty %s with %s is taken", kty, member)
			}
		}
	}
	if texts < 1_000 {
		t.Errorf("only %d errors were searched", texts)
	}
}

func TestNamesOfKeys(t *testing.T) {
	long := strings.Repeat("x", 256)
	for name, test := range map[string]struct {
		change []string
		want   jwk.Names
	}{
		"kid alone":                {nil, jwk.Names{ID: "key-0"}},
		"all three":                {[]string{"x5t", `"a"`, "x5t#S256", `"\u0062"`}, jwk.Names{ID: "key-0", X5t: "a", X5tS256: "b"}},
		"no kid":                   {[]string{"kid", "", "x5t", `"a"`}, jwk.Names{X5t: "a"}},
		"what is no string":        {[]string{"x5t", `1`, "x5t#S256", `["b"]`}, jwk.Names{ID: "key-0"}},
		"what says nothing":        {[]string{"x5t", `null`, "x5t#S256", `""`}, jwk.Names{ID: "key-0"}},
		"256 bytes":                {[]string{"x5t", `"` + long + `"`}, jwk.Names{ID: "key-0", X5t: long}},
		"257 bytes":                {[]string{"x5t", `"` + long + `x"`}, jwk.Names{ID: "key-0"}},
		"names in capital letters": {[]string{"X5T", `"a"`, "x5t#s256", `"b"`}, jwk.Names{ID: "key-0"}},
	} {
		set := parse(t, jwktest.Set(jwkText(0, test.change...)))
		if got := set.Keys[0]; got.Names != test.want || got.Reason != "" {
			t.Errorf("%s: got %+v, want %+v", name, got, test.want)
		}
		data, err := jwk.MarshalStored(set.Keys, jwk.Stored{})
		if err != nil {
			t.Fatal(err)
		}
		if got := parse(t, string(data)).Keys[0].Names; got != test.want {
			t.Errorf("%s: stored and read again: got %+v, want %+v", name, got, test.want)
		}
	}
}

func TestParseForms(t *testing.T) {
	good := jwkText(0)
	for name, text := range map[string]string{
		"a set":                           jwktest.Set(good),
		"a single JWK":                    good,
		"white space around":              " \r\n\t" + jwktest.Set(good) + "\n \t",
		"white space around a single JWK": "\n" + good + "\n",
		"keys with an escape":             strings.Replace(jwktest.Set(good), "keys", `\u006beys`, 1),
		"other members before and behind": `{"kty":"EC","d":1,"KEYS":[],"x":{"keys":[1]},"keys":[` + good + `],"saved":"2026-01-02T03:04:05Z","private":[null]}`,
		"a single JWK with saved":         strings.Replace(good, "{", `{"saved":"x",`, 1),
		"a member that looks like a key":  strings.Replace(jwktest.Set(good), "{", `{"n":1,"kid":null,`, 1),
		"n in escapes of all characters":  jwktest.Set(jwkText(0, "n", escapeAll(encodeInt(publicKeys[0].N)))),
	} {
		set := parse(t, text)
		if !slices.Equal(keyIDs(set), []string{"key-0"}) || len(set.Keys) != 1 || !set.Keys[0].Public.Equal(publicKeys[0]) || set.Thumbprints {
			t.Errorf("%s: got keys %q, reasons %q, thumbprints %v", name, keyIDs(set), reasons(set), set.Thumbprints)
		}
	}
	if set := parse(t, `{"keys":[]}`); len(set.Keys) != 0 {
		t.Errorf("an empty set: got %d keys", len(set.Keys))
	}
	for text, want := range map[string]string{
		`{"keys":[],"saved":"2026-01-02"}`:             "2026-01-02",
		`{"saved":"\u0061b","keys":[]}`:                "ab",
		`{"keys":[],"saved":1}`:                        "",
		`{"keys":[],"SAVED":"x"}`:                      "",
		`{"keys":[{"saved":"x"}]}`:                     "",
		strings.Replace(good, "{", `{"saved":"x",`, 1): "x",
	} {
		if got := parse(t, text).Stored.Saved; got != want {
			t.Errorf("%.60s: saved %q, want %q", text, got, want)
		}
	}
}

func escapeAll(s string) string {
	var out strings.Builder
	for _, c := range s {
		fmt.Fprintf(&out, `\u%04X`, c)
	}
	return `"` + out.String() + `"`
}

func TestParseErrorTexts(t *testing.T) {
	good := jwkText(0)
	deep := strings.Repeat("[", 17) + strings.Repeat("]", 17)
	for _, test := range []struct{ text, want string }{
		{"", `is empty, want a JWK Set, a JWK or PEM`},
		{" \r\n\t", `is empty, want a JWK Set, a JWK or PEM`},
		{"[" + good + "]", `begins with "[", want { of a JWK Set or JWK, or -----BEGIN of PEM`},
		{"null", `begins with "n", want { of a JWK Set or JWK, or -----BEGIN of PEM`},
		{`"` + encode(good) + `"`, `begins with "\"", want { of a JWK Set or JWK, or -----BEGIN of PEM`},
		{"\ufeff" + jwktest.Set(good), `starts with a byte order mark, want UTF-8 without one`},
		{"\ufeff" + good, `starts with a byte order mark, want UTF-8 without one`},
		{"\ufeff[" + good + "]", `starts with a byte order mark, want UTF-8 without one`},
		{"\ufeff", `is empty, want a JWK Set, a JWK or PEM`},
		{"\ufeff<html>", `is not one: got HTML, not a key set; check the address`},
		{"\xff\xfe" + utf16LE(jwktest.Set(good)), `is in UTF-16, want UTF-8`},
		{utf16LE(good), `is in UTF-16, want UTF-8`},
		{"\xff{", `begins with "\ufffd", want { of a JWK Set or JWK, or -----BEGIN of PEM`},
		{"\x1f\x8b\b\x00", `is compressed with gzip, want it unpacked`},
		{"\x00" + jwktest.Set(good), `begins with "\x00", want { of a JWK Set or JWK, or -----BEGIN of PEM`},
		{")]}'," + jwktest.Set(good), `begins with ")", want { of a JWK Set or JWK, or -----BEGIN of PEM`},
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
		set, err := jwk.Parse([]byte(test.text))
		if err == nil || err.Error() != test.want {
			t.Errorf("%.60q:\ngot  %v\nwant %s", test.text, err, test.want)
		}
		if set != nil {
			t.Errorf("%.60q: a set beside the error", test.text)
		}
	}
}

// numbered is an object of so many members.
func numbered(count int) string {
	var members []string
	for i := range count {
		members = append(members, fmt.Sprintf(`"%d":0`, i))
	}
	return "{" + strings.Join(members, ",") + "}"
}

// Nearly every set has one key or two: it must not keep the memory of a thousand.
func TestRoomIsMadeForTheKeysThatATextCanHave(t *testing.T) {
	if set := parse(t, jwktest.Set(jwkText(0))); cap(set.Keys) > 2 {
		t.Errorf("there is room for %d keys in a set of one", cap(set.Keys))
	}
}

func TestKeySetLimits(t *testing.T) {
	const maxBytes, maxKeys = 512 << 10, 1_024
	if jwk.MaxBytes != maxBytes || jwk.MaxKeys != maxKeys || jwk.MaxIDBytes != 256 {
		t.Errorf("the limits are %d bytes, %d keys and %d bytes of kid", jwk.MaxBytes, jwk.MaxKeys, jwk.MaxIDBytes)
	}
	text := jwktest.Set(jwkText(0))
	full := text + strings.Repeat(" ", maxBytes-len(text))
	if set := parse(t, full); len(keyIDs(set)) != 1 {
		t.Errorf("512 KiB: got keys %q", keyIDs(set))
	}
	if _, err := jwk.Parse([]byte(full + " ")); err == nil || err.Error() != "is larger than 524288 bytes" {
		t.Errorf("a byte more: got %v", err)
	}
	if _, err := jwk.Parse(bytes.Repeat([]byte("-"), maxBytes+1)); err == nil || err.Error() != "is larger than 524288 bytes" {
		t.Errorf("other text: got %v", err)
	}

	for text, want := range map[string]string{
		strings.Repeat("[", 15) + strings.Repeat("]", 15): "",
		strings.Repeat("[", 16) + strings.Repeat("]", 16): "is nested more than 16 deep",
		numbered(1_000): "",
		numbered(1_001): "has an object with more than 1000 members",
	} {
		if _, err := jwk.Parse([]byte(`{"keys":[],"x":` + text + `}`)); want == "" && err != nil || want != "" && (err == nil || err.Error() != want) {
			t.Errorf("%.60q: got %v, want %q", text, err, want)
		}
	}

	jwks := make([]string, maxKeys)
	blocks := make([]string, maxKeys)
	for i := range maxKeys {
		n := jwktest.Modulus(2048)
		jwks[i] = fmt.Sprintf(`{"kty":"RSA","kid":"%d","n":%s,"e":"AQAB"}`, i, jwktest.Int(n))
		blocks[i] = jwktest.PEM("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&rsa.PublicKey{N: n, E: 65537}))
	}
	for name, test := range map[string]struct{ full, more string }{
		"keys that are used":    {jwktest.Set(jwks...), jwktest.Set(append(slices.Clone(jwks), `{}`)...)},
		"keys that are skipped": {jwktest.Set(slices.Repeat([]string{`{}`}, maxKeys)...), jwktest.Set(slices.Repeat([]string{`0`}, maxKeys+1)...)},
		"PEM":                   {strings.Join(blocks, ""), strings.Join(blocks, "") + jwktest.PEM("X", nil)},
	} {
		if set := parse(t, test.full); len(set.Keys) != maxKeys {
			t.Errorf("%s: got %d, want %d", name, len(set.Keys), maxKeys)
		}
		if _, err := jwk.Parse([]byte(test.more)); err == nil || err.Error() != "has more than 1024 keys" {
			t.Errorf("%s: one more: got %v", name, err)
		}
	}
}

// What MarshalStored writes, Parse reads.
func TestMarshalStored(t *testing.T) {
	n := new(big.Int).Add(new(big.Int).Lsh(big.NewInt(0x1234567), 2023), big.NewInt(12345))
	keys := []jwk.Key{{Names: jwk.Names{ID: "a"}, Public: &rsa.PublicKey{N: n, E: 65537}}, {Public: &rsa.PublicKey{N: n, E: 3}}}
	stored := jwk.Stored{Saved: "2026-11-27T01:02:03Z", Source: "https://a.example"}
	data, err := jwk.MarshalStored(keys, stored)
	if err != nil {
		t.Fatal(err)
	}
	set, err := jwk.Parse(data)
	if err != nil || set.Stored != stored || len(set.Keys) != len(keys) {
		t.Fatalf("got %+v, %v", set, err)
	}
	for i, key := range set.Keys {
		if key.ID != keys[i].ID || key.Reason != "" || !key.Public.Equal(keys[i].Public) {
			t.Errorf("key %d: got %+v", i, key)
		}
	}
}

// What messages say of a key's names.
func TestNamesInMessages(t *testing.T) {
	for want, names := range map[string]jwk.Names{
		"":               {ID: "a"},
		`x5t "b"`:        {X5t: "b"},
		`x5t#S256 "c\n"`: {X5t: "b", X5tS256: "c\n"},
	} {
		if got := names.Certificate(); got != want {
			t.Errorf("%+v: got %s, want %s", names, got, want)
		}
	}
	var wanted string
	for i, want := range []string{
		`one of the issuer's keys ("0")`,
		`one of the issuer's keys ("0", "1")`,
		`one of the issuer's keys ("0", "1", "2")`,
		`one of the issuer's keys ("0", "1", "2", "3")`,
		`one of the issuer's keys ("0", "1", "2", "3", "4")`,
		`one of the issuer's keys ("0", "1", "2", "3", "4", …)`,
		`one of the issuer's keys ("0", "1", "2", "3", "4", …)`,
	} {
		if wanted = jwk.Wanted(wanted, i, fmt.Sprint(i)); wanted != want {
			t.Errorf("%d kids: got %s, want %s", i+1, wanted, want)
		}
	}
}
