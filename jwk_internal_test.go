package jwtverify

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"example.com/jwtverify/internal/jwk"
	"example.com/jwtverify/internal/quote"
	"example.com/jwtverify/internal/strictjson"
	"example.com/jwtverify/internal/strictjson/strictjsontest"
)

// publicKeyText is what a Key stands for.
func publicKeyText(kid string, n *big.Int, e int) string {
	return fmt.Sprintf("kid %q, n %x, e %d", kid, n, e)
}

func keyTexts(set *KeySet) (texts []string) {
	for key := range set.All() {
		texts = append(texts, publicKeyText(key.id, key.pub.N, key.pub.E))
	}
	return texts
}

// judgeJWK returns the key that a JWK stands for, if it is fit for RS256. It
// stands on the standard library and on the design alone.
func judgeJWK(text string) (kid, key string, ok bool) {
	var members map[string]json.RawMessage
	if strictjsontest.Judge(text, strictjson.MaxDepth, strictjson.MaxMembers) != "" || json.Unmarshal([]byte(text), &members) != nil || members == nil {
		return "", "", false
	}
	for _, private := range []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"} {
		if members[private] != nil {
			return "", "", false
		}
	}
	read := func(name string, into any) bool {
		return string(members[name]) != "null" && json.Unmarshal(members[name], into) == nil
	}
	var kty, n, e string
	if !read("kty", &kty) || kty != "RSA" || members["kid"] != nil && !read("kid", &kid) {
		return "", "", false
	}
	for name, want := range map[string]string{"use": "sig", "alg": "RS256"} {
		var got string
		if members[name] != nil && (!read(name, &got) || got != want) {
			return "", "", false
		}
	}
	if members["key_ops"] != nil {
		var operations []*string
		if !read("key_ops", &operations) || slices.Contains(operations, nil) ||
			!slices.ContainsFunc(operations, func(operation *string) bool { return *operation == "verify" }) {
			return "", "", false
		}
	}
	if !read("n", &n) || !read("e", &e) || strings.ContainsAny(n+e, "\r\n") {
		return "", "", false
	}
	modulus, nErr := base64.RawURLEncoding.Strict().DecodeString(n)
	exponent, eErr := base64.RawURLEncoding.Strict().DecodeString(e)
	if nErr != nil || eErr != nil || len(modulus) < 256 || len(modulus) > 1024 || len(exponent) < 1 || len(exponent) > 4 {
		return "", "", false
	}
	if modulus[0] == 0 || len(modulus) == 256 && modulus[0] < 0x80 || modulus[len(modulus)-1]%2 == 0 || exponent[0] == 0 {
		return "", "", false
	}
	power := new(big.Int).SetBytes(exponent).Int64()
	if power < 3 || power > 1<<31-1 || power%2 == 0 {
		return "", "", false
	}
	return kid, publicKeyText(kid, new(big.Int).SetBytes(modulus), int(power)), true
}

// jwksOf returns the elements of the array keys, nil if there is none.
func jwksOf(text string) (jwks []json.RawMessage) {
	var members map[string]json.RawMessage
	if json.Unmarshal([]byte(text), &members) != nil || json.Unmarshal(members["keys"], &jwks) != nil {
		return nil
	}
	return jwks
}

// checkKeySet checks the properties of ParseKeySet for any data.
func checkKeySet(t *testing.T, data []byte) {
	t.Helper()
	before := string(data)
	set, err := ParseKeySet(data)
	again, againErr := ParseKeySet(data)
	if fmt.Sprint(err) != fmt.Sprint(againErr) || (set == nil) != (err != nil) {
		t.Fatalf("%s\ngot %v, %v, then %v, %v", quote.Text(before, 400), set, err, again, againErr)
	}
	if string(data) != before {
		t.Fatalf("%s\nthe data has changed", quote.Text(before, 400))
	}
	if err != nil {
		if len(err.Error()) > 512 {
			t.Errorf("%s\nerror of %d bytes: %.600q", quote.Text(before, 400), len(err.Error()), err)
		}
		// Good JSON with an array of keys is a set, whatever the keys are.
		if jwks := jwksOf(before); jwks != nil && len(jwks) <= maxKeys && len(data) <= maxKeySetBytes && strictjsontest.Judge(before, strictjson.MaxDepth, strictjson.MaxMembers) == "" {
			t.Errorf("%s\n%d keys are refused as a whole: %v", quote.Text(before, 400), len(jwks), err)
		}
		return
	}
	keys := keyTexts(set)
	if !slices.Equal(keys, keyTexts(again)) || fmt.Sprint(set.Skipped()) != fmt.Sprint(again.Skipped()) {
		t.Errorf("%s\nread twice it is two sets", quote.Text(before, 400))
	}
	if len(keys) != set.Len() || len(keys)+len(set.Skipped()) > maxKeys || len(data) > maxKeySetBytes {
		t.Errorf("%s\n%d keys, %d skipped", quote.Text(before, 400), set.Len(), len(set.Skipped()))
	}
	sameKeyID := map[string]int{}
	for key := range set.All() {
		n := key.pub.N
		if n.BitLen() < 2048 || n.BitLen() > 8192 || n.Bit(0) == 0 || key.pub.E < 3 || key.pub.E%2 == 0 || int64(key.pub.E) > 1<<31-1 {
			t.Errorf("%s\na key that is not fit: %v", quote.Text(before, 400), key.pub)
		}
		if sameKeyID[key.id]++; key.id != "" && sameKeyID[key.id] > maxSameKeyID {
			t.Errorf("%s\n%d keys with kid %q", quote.Text(before, 400), sameKeyID[key.id], key.id)
		}
		found, known := set.find(keyQuery{kid: key.id, hasKid: true})
		if known != (key.id != "") || known && !slices.Contains(found, key) {
			t.Errorf("%s\nkey %q is not found by its kid", quote.Text(before, 400), key.id)
		}
	}
	for _, skipped := range set.Skipped() {
		if e, ok := skipped.(*SkippedKeyError); !ok || e.Reason == "" || len(e.Reason) > 512 || !utf8.ValidString(e.Error()) {
			t.Errorf("%s\nskipped: %.600q", quote.Text(before, 400), skipped)
		}
	}

	// Written as a JWK Set, the keys are the same.
	if len(keys) > 0 {
		jwks := []map[string]string{}
		for key := range set.All() {
			n, e := jwk.Members(key.pub)
			jwks = append(jwks, map[string]string{"kty": "RSA", "kid": key.id, "n": n, "e": e})
		}
		written, err := json.Marshal(map[string]any{"keys": jwks})
		if err != nil {
			t.Fatal(err)
		}
		if read, err := ParseKeySet(written); len(written) <= maxKeySetBytes && (err != nil || !slices.Equal(keys, keyTexts(read))) {
			t.Errorf("%s\nwritten and read again: %v", quote.Text(before, 400), err)
		}
	}

	// An independent reader finds the same keys.
	var want []string
	if text := strings.TrimLeft(before, " \t\r\n"); text[0] == '{' {
		if reason := strictjsontest.Judge(text, strictjson.MaxDepth, strictjson.MaxMembers); reason != "" && reason != "duplicate" && reason != "lone surrogate" {
			t.Errorf("%s\naccepted, but %s", quote.Text(before, 400), reason)
		}
		jwks := jwksOf(text)
		if jwks == nil {
			jwks = []json.RawMessage{json.RawMessage(text)}
		}
		if len(keys)+len(set.Skipped()) != len(jwks) {
			t.Errorf("%s\n%d keys and %d skipped of %d", quote.Text(before, 400), len(keys), len(set.Skipped()), len(jwks))
		}
		count := map[string]int{}
		for _, jwk := range jwks {
			kid, key, ok := judgeJWK(string(jwk))
			if !ok || kid != "" && count[kid] == maxSameKeyID {
				continue
			}
			count[kid]++
			want = append(want, key)
		}
	} else {
		rest := []byte(text)
		count := map[string]int{}
		for {
			var block *pem.Block
			if block, rest = pem.Decode(rest); block == nil {
				break
			}
			if strings.Contains(block.Type, "PRIVATE") {
				t.Errorf("%s\na private key is accepted", quote.Text(before, 400))
			}
			pub, ok := pemPublicKey(block)
			if !ok || pub.N.BitLen() < 2048 || pub.N.BitLen() > 8192 || pub.N.Bit(0) == 0 || pub.E < 3 || pub.E%2 == 0 || int64(pub.E) > 1<<31-1 {
				continue
			}
			if id := jwk.Thumbprint(pub); count[id] < maxSameKeyID {
				count[id]++
				want = append(want, publicKeyText(id, pub.N, pub.E))
			}
		}
	}
	if !slices.Equal(keys, want) {
		t.Errorf("%s\ngot  %.300q\nwant %.300q", quote.Text(before, 400), keys, want)
	}
}

func pemPublicKey(block *pem.Block) (*rsa.PublicKey, bool) {
	var public any
	switch block.Type {
	case "PUBLIC KEY":
		public, _ = x509.ParsePKIXPublicKey(block.Bytes)
	case "RSA PUBLIC KEY":
		public, _ = x509.ParsePKCS1PublicKey(block.Bytes)
	case "CERTIFICATE":
		if certificate, err := x509.ParseCertificate(block.Bytes); err == nil {
			public = certificate.PublicKey
		}
	}
	pub, ok := public.(*rsa.PublicKey)
	return pub, ok && pub != nil
}

func FuzzParseKeySet(f *testing.F) {
	f.Fuzz(func(t *testing.T, data []byte) { checkKeySet(t, data) })
}

// A public key as good as any: odd, of 2048 bits.
var somePublicKey = &rsa.PublicKey{
	N: new(big.Int).SetBytes(append(bytes.Repeat([]byte{0xc5, 0x3a}, 127), 0x5c, 0xa3)),
	E: 65537,
}

// Whatever byte of a good set is changed, and wherever it is cut off: it is an
// error, or a set of keys that are fit.
func TestMangledKeySets(t *testing.T) {
	t.Parallel()
	n, e := jwk.Members(somePublicKey)
	jwk := `{"kty":"RSA","use":"sig","alg":"RS256","key_ops":["verify"],"kid":"a\u0062","n":"` + n + `","e":"` + e + `"}`
	pkix, err := x509.MarshalPKIXPublicKey(somePublicKey)
	if err != nil {
		t.Fatal(err)
	}
	block := string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: pkix}))
	pkcs1 := string(pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: x509.MarshalPKCS1PublicKey(somePublicKey)}))
	for name, text := range map[string]string{
		"a JWK":     jwk,
		"a JWK Set": `{"x":[],"keys":[{"kty":"EC"},` + jwk + `]}`,
		"PEM":       block + pkcs1,
	} {
		t.Run(name, func(t *testing.T) {
			if set, err := ParseKeySet([]byte(text)); err != nil || set.Len() == 0 {
				t.Fatalf("the harness: %v", err)
			}
			step := 1
			if testing.Short() {
				step = 5
			}
			for at := 0; at < len(text); at += step {
				checkKeySet(t, []byte(text[:at]))
				checkKeySet(t, []byte(text[at:]))
				checkKeySet(t, []byte(text[:at]+text[at+1:]))
				if set, err := ParseKeySet([]byte(text[:at])); err == nil && !strings.HasPrefix(text[at:], "\n") &&
					(name != "PEM" || at < len(block) || at >= len(block)+len("-----BEGIN")) {
					t.Errorf("cut after %d bytes: got %d keys", at, set.Len())
				}
				for _, c := range []byte("\x00\n\"\\},:=-A0\xff") {
					changed := []byte(text)
					changed[at] = c
					checkKeySet(t, changed)
				}
				for _, bit := range []int{0, 1, 5} {
					changed := []byte(text)
					changed[at] ^= 1 << bit
					checkKeySet(t, changed)
				}
				if t.Failed() {
					t.FailNow()
				}
			}
		})
	}
}

// The judges of this file must find what they are there to find.
func TestJWKJudge(t *testing.T) {
	n, e := jwk.Members(somePublicKey)
	good := fmt.Sprintf(`{"kty":"RSA","kid":"k","n":%q,"e":%q,"use":"sig"}`, n, e)
	if kid, key, ok := judgeJWK(good); !ok || kid != "k" || key != publicKeyText("k", somePublicKey.N, 65537) {
		t.Errorf("got %q, %q, %v", kid, key, ok)
	}
	for _, change := range [][2]string{
		{"RSA", "EC"}, {`"sig"`, `null`}, {`"sig"`, `"enc"`}, {`"kid"`, `"d"`}, {`"k"`, `1`}, {`"k"`, `null`}, {`AQAB`, `AQ`}, {`AQAB`, `Ag`}, {`AQAB`, `AQAC`},
		{`AQAB`, `AAEAAQ`}, {`AQAB`, `AQAAAAE`}, {`AQAB`, `AQAB=`}, {n, n[:300]}, {n, "AA" + n[2:]}, {n, n + `\n`}, {`"use"`, `"e"`}, {`"use"`, `"key_ops"`}, {`"n"`, `"N"`},
	} {
		if text := strings.Replace(good, change[0], change[1], 1); text == good {
			t.Errorf("%q is not in the key", change[0])
		} else if _, _, ok := judgeJWK(text); ok {
			t.Errorf("%q for %q is accepted", change[1], change[0])
		}
	}
}

func TestWithRefreshAfter(t *testing.T) {
	key, err := NewKey(somePublicKey, "key")
	if err != nil {
		t.Fatal(err)
	}
	set, err := NewKeySet(key)
	if err != nil {
		t.Fatal(err)
	}
	set.origin = origin{url: "https://issuer.example/keys", etag: `"1"`}
	for d, want := range map[time.Duration]time.Duration{
		time.Minute: time.Minute, 10 * time.Second: 10 * time.Second, 24 * time.Hour: 24 * time.Hour,
		10*time.Second - 1: 10 * time.Second, 0: 10 * time.Second, -time.Hour: 10 * time.Second,
		24*time.Hour + 1: 24 * time.Hour, 1<<63 - 1: 24 * time.Hour, -1 << 63: 10 * time.Second,
	} {
		hinted := set.WithRefreshAfter(d)
		if hinted.origin.refreshAfter != want || !slices.Equal(hinted.keys, set.keys) || hinted.origin.url != set.origin.url {
			t.Errorf("%v: got %v with %d keys, want %v", d, hinted.origin.refreshAfter, hinted.Len(), want)
		}
		if set.origin.refreshAfter != 0 {
			t.Fatalf("%v: the set itself has changed to %v", d, set.origin.refreshAfter)
		}
		if again := hinted.WithRefreshAfter(time.Hour); again.origin.refreshAfter != time.Hour || hinted.origin.refreshAfter != want {
			t.Errorf("%v, then an hour: got %v and %v", d, hinted.origin.refreshAfter, again.origin.refreshAfter)
		}
	}
}
