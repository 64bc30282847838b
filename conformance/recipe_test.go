package conformance_test

import (
	"bytes"
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"
)

// A recipe is read byte by byte; where it ends, every choice is the first one, which
// is always the usual one. So the empty recipe makes a token that is good if the texts
// are.
//
//	byte 0      who signs: $A, $B, $C
//	byte 1      how
//	bytes 2–4   how header, claims and signature are encoded
//	bytes 5–    up to 6 steps of three bytes: what is changed, where, into what
type recipe struct {
	bytes []byte
}

func (r *recipe) next() byte {
	if len(r.bytes) == 0 {
		return 0
	}
	b := r.bytes[0]
	r.bytes = r.bytes[1:]
	return b
}

// mostly returns 0 for two bytes of three, else 1 to n.
func (r *recipe) mostly(n int) int {
	if b := int(r.next()); b > 170 {
		return 1 + b%n
	}
	return 0
}

// cook makes a token and a set. In the texts $A, $B and $C stand for the moduli of the
// keys.
func cook(t testing.TB, keys []*rsa.PrivateKey, header, claims, set string, steps []byte) sample {
	t.Helper()
	r := &recipe{steps}
	signer, how := keys[r.mostly(2)], r.mostly(len(signings))
	encodings := [...]int{r.mostly(len(encodings)), r.mostly(len(encodings)), r.mostly(len(encodings))}
	last := func(token string) string { return token }
	for range 6 {
		if len(r.bytes) == 0 {
			break
		}
		what, where, into := r.next()%16, r.next(), r.next()
		switch {
		case what < 4:
			header = changeObject(header, where, pick(headerMembers, into))
		case what < 8:
			claims = changeObject(claims, where, pick(claimsMembers, into))
		case what < 11:
			set = changeKey(set, where, pick(keyMembers, into))
		case what < 13:
			set = changeKeys(set, where, pick(wholeKeys, into))
		case what == 13:
			set = changeObject(set, where, pick(setMembers, into))
		case what == 14:
			text := [...]*string{&header, &claims, &set}[where%3]
			*text = pick(textChanges, into)(*text)
		case what == 15:
			last = pick(tokenChanges, into)
		}
	}
	moduli := make([]string, 0, 2*len(keys))
	for i, key := range keys {
		moduli = append(moduli, "$"+string(rune('A'+i)), encode(key.N.Bytes()))
	}
	replace := strings.NewReplacer(moduli...)
	shortSet := set
	header, claims, set = replace.Replace(header), replace.Replace(claims), replace.Replace(set)

	signed := encodeAs(encodings[0], []byte(header)) + "." + encodeAs(encodings[1], []byte(claims))
	signature := sign(t, how, signer, signed)
	return sample{
		token: last(signed + "." + encodeAs(encodings[2], signature)),
		set:   set, header: header, claims: claims, shortSet: shortSet, signer: signer,
	}
}

func pick[T any](from []T, b byte) T { return from[int(b)%len(from)] }

// signings are the ways to sign but for the right one.
var signings = [...]string{"RS384", "RS512", "PS256", "HS256 by the public PEM", "HS256 by the modulus", "not at all", "with a bit changed", "another text", "with a zero byte before", "plus n", "all ones"}

func sign(t testing.TB, how int, key *rsa.PrivateKey, signed string) []byte {
	t.Helper()
	text := []byte(signed)
	if how == 0 {
		return rs(t, key, crypto.SHA256, text)
	}
	switch signings[how-1] {
	case "RS384":
		return rs(t, key, crypto.SHA384, text)
	case "RS512":
		return rs(t, key, crypto.SHA512, text)
	case "PS256":
		digest := sha256.Sum256(text)
		signature, err := rsa.SignPSS(rand.Reader, key, crypto.SHA256, digest[:], nil)
		if err != nil {
			t.Fatal(err)
		}
		return signature
	case "HS256 by the public PEM":
		der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
		if err != nil {
			t.Fatal(err)
		}
		return hs256(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), text)
	case "HS256 by the modulus":
		return hs256(key.N.Bytes(), text)
	case "not at all":
		return nil
	case "with a bit changed":
		signature := rs(t, key, crypto.SHA256, text)
		signature[len(signature)/2] ^= 1
		return signature
	case "another text":
		return rs(t, key, crypto.SHA256, append(text, '.'))
	case "with a zero byte before":
		return append([]byte{0}, rs(t, key, crypto.SHA256, text)...)
	case "plus n":
		s := new(big.Int).SetBytes(rs(t, key, crypto.SHA256, text))
		return s.Add(s, key.N).Bytes()
	default:
		return bytes.Repeat([]byte{0xff}, key.Size())
	}
}

func rs(t testing.TB, key *rsa.PrivateKey, hash crypto.Hash, text []byte) []byte {
	t.Helper()
	signature, err := rsa.SignPKCS1v15(nil, key, hash, sum(hash, text))
	if err != nil {
		t.Fatal(err)
	}
	return signature
}

func hs256(secret, text []byte) []byte {
	mac := hmac.New(sha256.New, secret)
	mac.Write(text)
	return mac.Sum(nil)
}

// encodings are the ways to write base64url but for the right one.
var encodings = [...]string{"with padding", "in the standard alphabet", "with a line end inside", "with a line end behind", "with a space before", "with other stray bits"}

func encodeAs(how int, data []byte) string {
	good := encode(data)
	if how == 0 || good == "" {
		return good
	}
	switch encodings[how-1] {
	case "with padding":
		return base64.URLEncoding.EncodeToString(data)
	case "in the standard alphabet":
		return base64.RawStdEncoding.EncodeToString(data)
	case "with a line end inside":
		return good[:len(good)/2] + "\n" + good[len(good)/2:]
	case "with a line end behind":
		return good + "\r\n"
	case "with a space before":
		return " " + good
	default:
		const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
		i := strings.IndexByte(alphabet, good[len(good)-1])
		if len(good)%4 == 0 {
			return good
		}
		return good[:len(good)-1] + alphabet[i^1:i^1+1]
	}
}

// A member of a JSON object as text, without the comma.
type member struct{ name, value string }

func (m member) text() string {
	name, _ := json.Marshal(m.name)
	return string(name) + ":" + m.value
}

// changeObject puts a member into the text of a JSON object: in front, behind, or in
// the place of those with its name; or takes those away.
func changeObject(text string, where byte, m member) string {
	members, ok := readMembers(text)
	if !ok {
		return text
	}
	var changed object
	replaced := false
	for _, old := range members {
		switch {
		case where%4 < 2 || old.name != m.name:
			changed = append(changed, old)
		case where%4 == 2 && !replaced:
			changed = append(changed, m)
			replaced = true
		}
	}
	switch {
	case where%4 == 0:
		changed = slices.Insert(changed, 0, m)
	case where%4 == 1 || where%4 == 2 && !replaced:
		changed = append(changed, m)
	}
	return changed.String()
}

func readMembers(text string) (members []member, ok bool) {
	decoder := json.NewDecoder(strings.NewReader(text))
	if opening, err := decoder.Token(); err != nil || opening != json.Delim('{') {
		return nil, false
	}
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return nil, false
		}
		var value json.RawMessage
		if decoder.Decode(&value) != nil {
			return nil, false
		}
		members = append(members, member{name.(string), string(value)})
	}
	return members, true
}

// changeKeys puts a key into the keys of a set, in front or behind, or takes one away.
func changeKeys(set string, where byte, key string) string {
	keys := elements([]byte(set))
	if keys == nil {
		return set
	}
	switch where % 3 {
	case 0:
		keys = append([]json.RawMessage{json.RawMessage(key)}, keys...)
	case 1:
		keys = append(keys, json.RawMessage(key))
	default:
		keys = keys[:max(0, len(keys)-1)]
	}
	return string(joinTexts(keys))
}

// changeKey changes a member of one of the keys of a set.
func changeKey(set string, where byte, m member) string {
	keys := elements([]byte(set))
	if len(keys) == 0 {
		return set
	}
	i := int(where/4) % len(keys)
	keys[i] = json.RawMessage(changeObject(string(keys[i]), where, m))
	return string(joinTexts(keys))
}

// joinTexts is joinKeys for keys that need not be JSON.
func joinTexts(keys []json.RawMessage) []byte {
	texts := make([][]byte, len(keys))
	for i, key := range keys {
		texts[i] = key
	}
	return slices.Concat([]byte(`{"keys":[`), bytes.Join(texts, []byte(",")), []byte("]}"))
}

var headerMembers = []member{
	{"alg", `"RS256"`}, {"alg", `"none"`}, {"alg", `"HS256"`}, {"alg", `"RS384"`}, {"alg", `"rs256"`}, {"alg", `"\u0052S256"`},
	{"alg", `["RS256"]`}, {"alg", `null`}, {"alg", `"RS256 "`}, {"ALG", `"RS256"`}, {"Alg", `"none"`},
	{"kid", `"a"`}, {"kid", `"b"`}, {"kid", `"c"`}, {"kid", `""`}, {"kid", `null`}, {"kid", `1`}, {"kid", `"\u0061"`}, {"KID", `"b"`},
	{"kid", `"` + strings.Repeat("k", 256) + `"`}, {"kid", `"` + strings.Repeat("k", 257) + `"`},
	{"typ", `"JWT"`}, {"typ", `"jwt"`}, {"typ", `"at+jwt"`}, {"typ", `"application/at+jwt"`}, {"typ", `"logout+jwt"`}, {"typ", `"secevent+jwt"`},
	{"typ", `""`}, {"typ", `null`}, {"typ", `1`}, {"typ", `"JOSE"`}, {"TYP", `"x"`},
	{"cty", `"JWT"`}, {"crit", `["b64"]`}, {"crit", `["exp"]`}, {"crit", `[]`}, {"crit", `null`}, {"crit", `["alg"]`}, {"b64", `true`}, {"b64", `false`},
	{"jwk", `{"kty":"RSA","kid":"c","n":"$C","e":"Aw"}`}, {"jwk", `1`}, {"jku", `"https://evil.test/jwks.json"`}, {"jku", `1`}, {"jku", `null`},
	{"x5u", `"https://evil.test/x"`}, {"x5c", `["AAAA"]`}, {"x5c", `"AAAA"`}, {"x5t", `"AAAA"`}, {"x5t", `1`}, {"x5t#S256", `"AAAA"`},
	{"zip", `"DEF"`}, {"enc", `"A128GCM"`}, {"nonce", `"x"`}, {"iss", `"x"`}, {"url", `"x"`}, {"", `1`},
	{"x", `"\ud800"`}, {"x", "\"\xff\""}, {"x", `"\ud83d\ude00"`}, {"x", `[[[1]]]`}, {"x", `[[[[1]]]]`}, {"x", `{"x":{"x":{}}}`}, {"x", `1e999`}, {"x", `-0`},
	{"x", `"` + strings.Repeat("x", 9<<10) + `"`}, {"x", `{"y":1,"y":2}`}, {"x", manyMembers(63)}, {"x", manyMembers(65)}, {"x", `" \u0000"`},
}

var claimsMembers = []member{
	{"iss", `"https://issuer.test"`}, {"iss", `"https://issuer.test/"`}, {"iss", `"https:\/\/issuer.test"`}, {"iss", `"HTTPS://issuer.test"`}, {"iss", `null`},
	{"iss", `["https://issuer.test"]`}, {"iss", `1`}, {"iss", `""`}, {"ISS", `"https://issuer.test"`}, {"Iss", `"x"`}, {"iſs", `"x"`},
	{"aud", `"https://api.test"`}, {"aud", `["https://api.test"]`}, {"aud", `["x","https://api.test"]`}, {"aud", `["https://api.test",1]`}, {"aud", `[null,"https://api.test"]`},
	{"aud", `[]`}, {"aud", `""`}, {"aud", `null`}, {"aud", `{}`}, {"aud", `{"https://api.test":1}`}, {"aud", `"https://api.test/"`}, {"aud", `"https://api.test x"`},
	{"aud", `[["https://api.test"]]`}, {"AUD", `"https://api.test"`}, {"Aud", `"x"`},
	{"exp", `1750000060`}, {"exp", `1750000000`}, {"exp", `1750000001`}, {"exp", `1749999999`}, {"exp", `1750000000.5`}, {"exp", `1750000000.000000001`},
	{"exp", `1750000000.0000000000001`}, {"exp", `1749999999.999999999`}, {"exp", `1.75000006e9`}, {"exp", `175000006e1`}, {"exp", `17500000600e-1`}, {"exp", `1750000060.0`},
	{"exp", `-1`}, {"exp", `0`}, {"exp", `-0`}, {"exp", `null`}, {"exp", `"1750000060"`}, {"exp", `true`}, {"exp", `[1750000060]`}, {"exp", `{}`}, {"exp", `1750000060000`},
	{"exp", `253402300799`}, {"exp", `253402300800`}, {"exp", `1e18`}, {"exp", `9223372036854775807`}, {"exp", `9223372036854775808`}, {"exp", `4611686018427387904`}, {"exp", `1e308`}, {"exp", `1e400`},
	{"exp", `1E+10`}, {"exp", `+1750000060`}, {"exp", `01750000060`}, {"exp", `0x684EE1BC`}, {"exp", `1750000060.`}, {"exp", `NaN`}, {"EXP", `1`}, {"Exp", `1750000060`}, {"ex\u0070", `1`},
	{"nbf", `1750000000`}, {"nbf", `1750000001`}, {"nbf", `1750000000.5`}, {"nbf", `1750000000.000000001`}, {"nbf", `1750000000.0000000000001`}, {"nbf", `1749999999.999999999`}, {"nbf", `0`}, {"nbf", `-5`},
	{"nbf", `null`}, {"nbf", `"1"`}, {"nbf", `1e400`}, {"nbf", `-1e400`}, {"nbf", `-1e18`}, {"nbf", `-9223372036854775808`}, {"nbf", `-253402300800`}, {"nbf", `1e18`}, {"nbf", `true`}, {"NBF", `1`},
	{"iat", `1750000000`}, {"iat", `1750000100`}, {"iat", `1750000000.5`}, {"iat", `-1`}, {"iat", `null`}, {"iat", `"1750000000"`}, {"iat", `1e400`}, {"iat", `1e30`}, {"iat", `[]`}, {"IAT", `1`},
	{"sub", `"user-1"`}, {"sub", `""`}, {"sub", `null`}, {"sub", `1`}, {"sub", `["a"]`}, {"sub", `"\ud800"`}, {"sub", "\"\xff\""}, {"SUB", `"x"`}, {"ſub", `"x"`},
	{"jti", `"x"`}, {"jti", `1`}, {"jti", `null`}, {"JTI", `"x"`},
	{"client_id", `"x"`}, {"azp", `1`}, {"cnf", `{"jkt":"x"}`}, {"scope", `"a b"`}, {"_claim_names", `{}`}, {"", `1`}, {"__proto__", `{"exp":1}`}, {"constructor", `1`},
	{"x", `"\u0000"`}, {"x", `"\ud83d\ude00"`}, {"x", `"\ude00\ud83d"`}, {"x", `{"y":1,"y":2}`}, {"x", `{"exp":1,"EXP":2}`}, {"x", `1e400`}, {"x", `-0.0e-0`}, {"x", `123456789012345678901234567890`},
	{"x", deep(14)}, {"x", deep(15)}, {"x", deep(16)}, {"x", deep(40)}, {"x", manyMembers(1000)}, {"x", manyMembers(1001)}, {"x", `"` + strings.Repeat("x", 10<<10) + `"`}, {"x", `"` + strings.Repeat("x", 13<<10) + `"`},
	{"x", `"\x"`}, {"x", `'y'`}, {"x", "\"\t\""}, {"x", `tru`}, {"x", `[1,]`}, {"x", `/**/1`},
}

var keyMembers = []member{
	{"use", `"sig"`}, {"use", `"enc"`}, {"use", `""`}, {"use", `null`}, {"use", `"SIG"`}, {"use", `1`}, {"USE", `"enc"`},
	{"alg", `"RS256"`}, {"alg", `"RS384"`}, {"alg", `"PS256"`}, {"alg", `"RSA-OAEP"`}, {"alg", `"HS256"`}, {"alg", `"none"`}, {"alg", `""`}, {"alg", `null`}, {"alg", `1`}, {"ALG", `"RS512"`},
	{"key_ops", `["verify"]`}, {"key_ops", `["sign","verify"]`}, {"key_ops", `["sign"]`}, {"key_ops", `["encrypt"]`}, {"key_ops", `[]`}, {"key_ops", `null`}, {"key_ops", `"verify"`}, {"key_ops", `["verify",1]`}, {"key_ops", `["verify","verify"]`},
	{"kid", `"a"`}, {"kid", `"b"`}, {"kid", `""`}, {"kid", `null`}, {"kid", `1`}, {"kid", `"\u0061"`}, {"kid", `"\ud800"`}, {"KID", `"b"`}, {"kid", `"` + strings.Repeat("k", 256) + `"`}, {"kid", `"` + strings.Repeat("k", 257) + `"`},
	{"n", `"$A"`}, {"n", `"$B"`}, {"n", `"AA$A"`}, {"n", `"$A="`}, {"n", `"$A=="`}, {"n", `"$A\n"`}, {"n", `"AQAB"`}, {"n", `""`}, {"n", `null`}, {"n", `1`}, {"N", `"AQAB"`},
	{"e", `"AQAB"`}, {"e", `"AAEAAQ"`}, {"e", `"AQAB=="`}, {"e", `"AQ"`}, {"e", `"Ag"`}, {"e", `"Aw"`}, {"e", `"AQAA"`}, {"e", `"AQABAQABAQAB"`}, {"e", `"_____w"`}, {"e", `"f____w"`}, {"e", `65537`}, {"e", `""`}, {"e", `null`}, {"E", `"Aw"`},
	{"kty", `"RSA"`}, {"kty", `"rsa"`}, {"kty", `"EC"`}, {"kty", `"oct"`}, {"kty", `null`}, {"kty", `1`}, {"KTY", `"EC"`},
	{"d", `"AQAB"`}, {"p", `"AQAB"`}, {"k", `"AQAB"`}, {"oth", `[]`}, {"d", `null`}, {"crv", `"P-256"`}, {"x", `"AQAB"`},
	{"x5c", `["AAAA"]`}, {"x5c", `[]`}, {"x5c", `"AAAA"`}, {"x5t", `"AAAA"`}, {"x5t", `1`}, {"x5t#S256", `"AAAA"`}, {"x5u", `"https://evil.test/x"`}, {"x5u", `1`},
	{"exp", `1`}, {"nbf", `99999999999`}, {"iat", `"x"`}, {"revoked", `{}`}, {"z", `"\ud800"`}, {"z", "\"\xff\""}, {"z", deep(13)}, {"z", deep(14)}, {"z", `{"y":1,"y":2}`}, {"", `1`},
}

var wholeKeys = []string{
	`{"kty":"RSA","kid":"a","n":"$A","e":"AQAB"}`, `{"kty":"RSA","kid":"b","n":"$B","e":"Aw"}`, `{"kty":"RSA","kid":"a","n":"$B","e":"Aw"}`, `{"kty":"RSA","n":"$A","e":"AQAB"}`,
	`{"kty":"RSA","kid":"a","n":"$C","e":"Aw"}`, `{"kty":"RSA","kid":"enc","use":"enc","n":"$B","e":"Aw"}`, `{"kty":"RSA","kid":"a","use":"enc","n":"$B","e":"Aw"}`,
	`{"kty":"EC","kid":"a","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}`,
	`{"kty":"EC","kid":"e","crv":"P-256","x":"AQ","y":"AQ"}`, `{"kty":"oct","kid":"a","k":"AQAB"}`, `{"kty":"OKP","kid":"o","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`,
	`{"kty":"AKP","kid":"p","alg":"ML-DSA-44","pub":"AQAB"}`, `{"kty":"RSA","kid":"short","n":"AQAB","e":"AQAB"}`, `{"kty":"RSA","kid":"no-n","e":"AQAB"}`, `{"kid":"no-kty"}`, `{}`, `null`, `1`, `"x"`, `[]`,
}

var setMembers = []member{{"keys", `[]`}, {"keys", `null`}, {"keys", `{}`}, {"KEYS", `[]`}, {"Keys", `[]`}, {"x", `1`}, {"x", `"\ud800"`}, {"x", deep(15)}, {"x", deep(16)}, {"kty", `"RSA"`}, {"saved", `1`}, {"", `[]`}}

var textChanges = []func(string) string{
	func(s string) string { return " " + s + "\r\n\t " },
	func(s string) string { return "\ufeff" + s },
	func(s string) string { return s + "x" },
	func(s string) string { return s + s },
	func(s string) string { return s + "\x00" },
	func(s string) string { return "[" + s + "]" },
	func(s string) string { return strings.ReplaceAll(s, ":", " : ") },
	func(s string) string { return strings.ReplaceAll(s, ",", "\n,\n") },
	func(s string) string { return strings.ReplaceAll(s, ":", ":/*x*/") },
	func(s string) string { return strings.ReplaceAll(s, "}", ",}") },
	func(s string) string { return s[:len(s)/2] },
	func(s string) string { return "" },
	func(string) string { return "null" },
	func(string) string { return "{}" },
	func(s string) string { return strings.ReplaceAll(s, "a", `\u0061`) },
	func(s string) string { return strings.ReplaceAll(s, "\"", "'") },
	func(s string) string { return "\v" + s },
}

var tokenChanges = []func(string) string{
	func(s string) string { return s + "." },
	func(s string) string { return s + ".e30" },
	func(s string) string { return "." + s },
	func(s string) string { return s + "\n" },
	func(s string) string { return " " + s },
	func(s string) string { return "Bearer " + s },
	func(s string) string { return `"` + s + `"` },
	func(s string) string { return strings.Replace(s, ".", "..", 1) },
	func(s string) string { return strings.Replace(s, ".", "", 1) },
	func(s string) string { return s + ".." },
	func(s string) string { return s[:len(s)*2/3] },
	func(s string) string { return strings.ReplaceAll(s, ".", "%2E") },
	func(s string) string {
		parts := strings.SplitN(s, ".", 3)
		return fmt.Sprintf(`{"protected":%q,"payload":%q,"signature":%q}`, parts[0], parts[1], parts[len(parts)-1])
	},
}

func deep(levels int) string { return strings.Repeat("[", levels) + strings.Repeat("]", levels) }

func manyMembers(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, ",\"m%d\":0", i)
	}
	return "{" + b.String()[1:] + "}"
}
