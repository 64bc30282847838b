package jwk_test

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"example.com/jwtverify/internal/charset"
	"example.com/jwtverify/internal/jwk"
	"example.com/jwtverify/internal/jwk/jwktest"
	"example.com/jwtverify/internal/quote"
	"example.com/jwtverify/internal/strictjson/strictjsontest"
)

// publicKeyText is what a Key stands for.
func publicKeyText(kid string, n *big.Int, e int) string {
	return fmt.Sprintf("kid %q, n %s, e %d", kid, n.Text(16), e)
}

// keyTexts are those of the keys that are fit.
func keyTexts(set *jwk.Set) (texts []string) {
	for _, key := range set.Keys {
		if key.Reason == "" {
			texts = append(texts, publicKeyText(key.ID, key.Public.N, key.Public.E))
		}
	}
	return texts
}

// judgeJWK returns the key that a JWK stands for, if it is fit for RS256. It
// stands on the standard library and on the design alone.
func judgeJWK(text string) (kid, key string, ok bool) {
	var members map[string]json.RawMessage
	if strictjsontest.Judge(text, 16, 1_000) != "" || json.Unmarshal([]byte(text), &members) != nil || members == nil {
		return "", "", false
	}
	for _, silent := range []string{"kid", "use", "alg", "key_ops", "d", "p", "q", "dp", "dq", "qi", "oth", "k"} {
		if members[silent] == nil {
			continue
		}
		var value any
		_ = json.Unmarshal(members[silent], &value)
		if list, ok := value.([]any); value == nil || value == "" || ok && len(list) == 0 {
			delete(members, silent)
		}
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
	if !read("kty", &kty) || kty != "RSA" || members["kid"] != nil && !read("kid", &kid) || len(kid) > 256 {
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
	modulus, nErr := base64.RawURLEncoding.Strict().DecodeString(strings.TrimRight(n, "="))
	exponent, eErr := base64.RawURLEncoding.Strict().DecodeString(strings.TrimRight(e, "="))
	modulus, exponent = bytes.TrimLeft(modulus, "\x00"), bytes.TrimLeft(exponent, "\x00")
	if nErr != nil || eErr != nil || len(modulus) < 256 || len(modulus) > 1024 || len(exponent) < 1 || len(exponent) > 4 {
		return "", "", false
	}
	if len(modulus) == 256 && modulus[0] < 0x80 || modulus[len(modulus)-1]%2 == 0 {
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

// A shortened text is quoted only if it is shown.
type shortened string

func (s shortened) String() string { return quote.Text(string(s), 400) }

// checkSet checks the properties of Parse for any data.
func checkSet(t *testing.T, data []byte) {
	t.Helper()
	before := string(data)
	shown := shortened(before)
	set, err := jwk.Parse(data)
	again, againErr := jwk.Parse(data)
	if fmt.Sprint(err) != fmt.Sprint(againErr) || (set == nil) != (err != nil) {
		t.Fatalf("%s\ngot %v, %v, then %v, %v", shown, set, err, again, againErr)
	}
	if string(data) != before {
		t.Fatalf("%s\nthe data has changed", shown)
	}
	if err != nil {
		if len(err.Error()) > 512 || !utf8.ValidString(err.Error()) {
			t.Errorf("%s\nerror of %d bytes: %.600q", shown, len(err.Error()), err)
		}
		// Good JSON with an array of keys is a set, whatever the keys are.
		if jwks := jwksOf(before); jwks != nil && len(jwks) <= 1_024 && len(data) <= 512<<10 && strictjsontest.Judge(before, 16, 1_000) == "" {
			t.Errorf("%s\n%d keys are refused as a whole: %v", shown, len(jwks), err)
		}
		return
	}
	if !reflect.DeepEqual(set, again) {
		t.Errorf("%s\nread twice it is two sets", shown)
	}
	if len(set.Keys) > 1_024 || len(data) > 512<<10 {
		t.Errorf("%s\n%d keys in %d bytes", shown, len(set.Keys), len(data))
	}
	written := []map[string]string{}
	for _, key := range set.Keys {
		if (key.Public == nil) != (key.Reason != "") || len(key.Reason) > 512 || !utf8.ValidString(key.Reason) {
			t.Fatalf("%s\nkey %v beside the reason %.600q", shown, key.Public, key.Reason)
		}
		if key.Public == nil {
			continue
		}
		if n, e := key.Public.N, key.Public.E; n.BitLen() < 2048 || n.BitLen() > 8192 || n.Bit(0) == 0 || e < 3 || e%2 == 0 || int64(e) > 1<<31-1 || len(key.ID) > 256 {
			t.Errorf("%s\na key that is not fit: %v", shown, key.Public)
		}
		n, e := jwk.Members(key.Public)
		written = append(written, map[string]string{"kty": "RSA", "kid": key.ID, "n": n, "e": e})
	}

	// Written as a JWK Set, the keys are the same.
	keys := keyTexts(set)
	rewritten, err := json.Marshal(map[string]any{"keys": written})
	if err != nil {
		t.Fatal(err)
	}
	if read, err := jwk.Parse(rewritten); len(rewritten) <= 512<<10 && (err != nil || !slices.Equal(keys, keyTexts(read))) {
		t.Errorf("%s\nwritten and read again: %v", shown, err)
	}

	// An independent reader finds the same keys.
	text, _ := charset.Decode(data)
	text = strings.TrimLeft(text, " \t\r\n")
	if set.Thumbprints != (text[0] == '-') {
		t.Errorf("%s\nthumbprints: %v", shown, set.Thumbprints)
	}
	var want []string
	if text[0] == '{' {
		if reason := strictjsontest.Judge(text, 16, 1_000); reason != "" && reason != "duplicate" && reason != "lone surrogate" {
			t.Errorf("%s\naccepted, but %s", shown, reason)
		}
		jwks := jwksOf(text)
		if jwks == nil {
			jwks = []json.RawMessage{json.RawMessage(text)}
		}
		if len(set.Keys) != len(jwks) {
			t.Errorf("%s\n%d keys of %d", shown, len(set.Keys), len(jwks))
		}
		for _, jwk := range jwks {
			if _, key, ok := judgeJWK(string(jwk)); ok {
				want = append(want, key)
			}
		}
	} else {
		for _, block := range pemBlocks(text) {
			if strings.Contains(block.Type, "PRIVATE") {
				t.Errorf("%s\na private key is accepted", shown)
			}
			pub, ok := pemPublicKey(block)
			if ok && pub.N.BitLen() >= 2048 && pub.N.BitLen() <= 8192 && pub.N.Bit(0) == 1 && pub.E >= 3 && pub.E%2 == 1 && int64(pub.E) <= 1<<31-1 {
				want = append(want, publicKeyText(thumbprintOf(pub), pub.N, pub.E))
			}
		}
	}
	if !slices.Equal(keys, want) {
		t.Errorf("%s\ngot  %.300q\nwant %.300q", shown, keys, want)
	}
}

var (
	pemBlock  = regexp.MustCompile(`-----BEGIN ([^\n]*?)-----((?s:.*?))-----END ([^\n]*?)-----`)
	pemHeader = regexp.MustCompile(`(?m)^[^:\n]*:.*$`)
)

// pemBlocks finds the blocks of a text in which all of them can be read, however their
// lines end.
func pemBlocks(text string) (blocks []*pem.Block) {
	for _, lineEnd := range []string{`\r`, `\n`, "\r"} {
		text = strings.ReplaceAll(text, lineEnd, "\n")
	}
	for _, match := range pemBlock.FindAllStringSubmatch(text, -1) {
		body := match[2]
		if strings.Contains(body, ":") {
			body = pemHeader.ReplaceAllString(body, "")
		}
		body = strings.Join(strings.Fields(body), "")
		data, err := base64.StdEncoding.DecodeString(body)
		if err == nil && match[1] == match[3] {
			blocks = append(blocks, &pem.Block{Type: match[1], Bytes: data})
		}
	}
	return blocks
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

func FuzzParse(f *testing.F) {
	modulus := new(big.Int).SetBytes(bytes.Repeat([]byte{0xc5}, 256))
	n := strings.Trim(jwktest.Int(modulus), `"`)
	key := func(changes ...string) string {
		return jwktest.JWK(&rsa.PublicKey{N: modulus, E: 65537}, "a", changes...)
	}
	good, other := key(), key("kid", `"b"`, "e", `"Aw"`)
	for _, text := range []string{
		good,
		jwktest.Set(good, other),
		jwktest.Set(good, good, good, good, good, other),
		jwktest.Set(good, `{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}`, other),
		jwktest.Set("null", "1", `"x"`, "[]", "{}", good),
		jwktest.Set(`["\ud800"]`, `[{"a":1,"a":2}]`, good), // flaws inside an element
		jwktest.Set(key("kid", ""), key("kid", `""`)),
		jwktest.Set(key("kid", `"\ud800"`), other),
		jwktest.Set(key("alg", "null"), other),
		jwktest.Set(key("use", `"enc"`), other),
		jwktest.Set(key("key_ops", `["sign",1]`), other),
		jwktest.Set(key("x", `1,"n":"AQ"`), other), // n twice
		jwktest.Set(key("d", `"AQ"`), other),
		key("d", `"AQ"`),
		jwktest.Set(key("n", `"`+n+`=="`), key("n", `"`+n[:len(n)-1]+`R"`)), // padding, and stray bits
		jwktest.Set(key("n", `"AA`+n+`"`), key("e", `"AAEAAQ"`)),            // zeros in front
		jwktest.Set(key("n", jwktest.Int(new(big.Int).Rsh(modulus, 8))), other),
		jwktest.Set(key("e", `"AQ"`), key("e", `"AQAAAAE"`), other),
		jwktest.Set(good)[:300],
		" \r\n" + jwktest.Set(good) + "\n",
		"\ufeff" + jwktest.Set(good),
		`{"saved":"2026-01-02T03:04:05Z","x":[1],"keys":[` + good + `],"kty":1}`,
		`{"keys":[],"\u006beys":[` + good + `]}`,
		`{"keys":null}`,
		`{"issuer":"https://issuer.example","jwks_uri":"https://issuer.example/keys"}`,
		"<!DOCTYPE html>",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) { checkSet(t, data) })
}

// Whatever byte of a good set is changed, and wherever it is cut off: it is an
// error, or a set of keys that are fit.
func TestMangledKeySets(t *testing.T) {
	t.Parallel()
	single := jwkText(0, "kid", `"a\u0062"`, "key_ops", `["verify"]`)
	block := jwktest.PEM("PUBLIC KEY", jwktest.Must(x509.MarshalPKIXPublicKey(publicKeys[0])))
	for name, text := range map[string]string{
		"a JWK":     single,
		"a JWK Set": `{"x":[],"keys":[{"kty":"EC"},` + single + `]}`,
		"PEM":       block + jwktest.PEM("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(publicKeys[0])),
	} {
		t.Run(name, func(t *testing.T) {
			if set, err := jwk.Parse([]byte(text)); err != nil || len(keyIDs(set)) == 0 {
				t.Fatalf("the harness: %v", err)
			}
			step := 1
			if testing.Short() {
				step = 5
			}
			for at := 0; at < len(text); at += step {
				checkSet(t, []byte(text[:at]))
				checkSet(t, []byte(text[at:]))
				checkSet(t, []byte(text[:at]+text[at+1:]))
				if set, err := jwk.Parse([]byte(text[:at])); err == nil && !strings.HasPrefix(text[at:], "\n") &&
					(name != "PEM" || at < len(block) || at >= len(block)+len("-----BEGIN")) {
					t.Errorf("cut after %d bytes: got %d keys", at, len(set.Keys))
				}
				for _, c := range []byte("\x00\n\"\\},:=-A0\xff") {
					changed := []byte(text)
					changed[at] = c
					checkSet(t, changed)
				}
				for _, bit := range []int{0, 1, 5} {
					changed := []byte(text)
					changed[at] ^= 1 << bit
					checkSet(t, changed)
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
	n, e := jwk.Members(publicKeys[0])
	good := fmt.Sprintf(`{"kty":"RSA","kid":"k","n":%q,"e":%q,"use":"sig"}`, n, e)
	if kid, key, ok := judgeJWK(good); !ok || kid != "k" || key != publicKeyText("k", publicKeys[0].N, 65537) {
		t.Errorf("got %q, %q, %v", kid, key, ok)
	}
	for _, change := range [][2]string{
		{"RSA", "EC"}, {`"sig"`, `["sig"]`}, {`"sig"`, `"enc"`}, {`"kid"`, `"d"`}, {`"k"`, `1`}, {`"k"`, `[1]`}, {`AQAB`, `AQ`}, {`AQAB`, `Ag`}, {`AQAB`, `AQAC`},
		{`AQAB`, `AAEAAg`}, {`AQAB`, `AQAAAAE`}, {`AQAB`, `=AQAB`}, {`AQAB`, `==`}, {n, n[:300]}, {n, "AA" + n[2:]}, {n, n + `\n`}, {`"use"`, `"e"`}, {`"use"`, `"key_ops"`}, {`"n"`, `"N"`},
	} {
		if text := strings.Replace(good, change[0], change[1], 1); text == good {
			t.Errorf("%q is not in the key", change[0])
		} else if _, _, ok := judgeJWK(text); ok {
			t.Errorf("%q for %q is accepted", change[1], change[0])
		}
	}
	for _, change := range [][2]string{
		{`"sig"`, `null`}, {`"sig"`, `""`}, {`"sig"`, `[]`}, {`"k"`, `null`}, {`AQAB`, `AAEAAQ`}, {`AQAB`, `AQAB==`}, {`"use":"sig"`, `"oth":[ ]`}, {`"use":"sig"`, `"d":null`}, {`"use":"sig"`, `"key_ops":[]`},
	} {
		if text := strings.Replace(good, change[0], change[1], 1); text == good {
			t.Errorf("%q is not in the key", change[0])
		} else if _, _, ok := judgeJWK(text); !ok {
			t.Errorf("%q for %q is refused", change[1], change[0])
		}
	}
}
