package jwtverify_test

import (
	"context"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"example.com/jwtverify"
	"example.com/jwtverify/internal/jwk/jwktest"
)

// jwkText is a good JWK of the n-th shared key with the kid key-n, with changes.
func jwkText(tb testing.TB, n int, changes ...string) string {
	tb.Helper()
	return jwktest.JWK(&testKey(tb, n).PublicKey, fmt.Sprintf("key-%d", n), changes...)
}

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

// What is wrong with a key is told with its place and its kid, and breaks no other key.
// internal/jwk has a table of all that can be wrong.
func TestJWKMembers(t *testing.T) {
	long := strings.Repeat("k", 65)
	for _, test := range []struct {
		name   string
		change []string // pairs for jwkText
		kid    string
		want   string // empty: the key is used
	}{
		{"nothing changed", nil, "key-0", ""},
		{"n of 2048 bits", []string{"n", jwktest.Int(jwktest.Modulus(2048))}, "key-0", ""},
		{"n of 8192 bits", []string{"n", jwktest.Int(jwktest.Modulus(8192))}, "key-0", ""},
		{"n of 2047 bits", []string{"n", jwktest.Int(jwktest.Modulus(2047))}, "key-0", `key 1 with kid "key-0" is not used: the modulus has 2047 bits, want at least 2048`},
		{"n of 8193 bits", []string{"n", jwktest.Int(jwktest.Modulus(8193))}, "key-0", `key 1 with kid "key-0" is not used: the modulus has 8193 bits, want at most 8192`},
		{"kty EC", []string{"kty", `"EC"`}, "key-0", `key 1 with kid "key-0" is not used: kty is "EC", want "RSA"`},
		{"use enc", []string{"use", `"enc"`}, "key-0", `key 1 with kid "key-0" is not used: use is "enc", want "sig"`},
		{"alg RS512", []string{"alg", `"RS512"`}, "key-0", `key 1 with kid "key-0" is not used: alg is "RS512", want "RS256"`},
		{"a private key", []string{"d", `"AQAB"`}, "key-0", `key 1 with kid "key-0" is not used: it is a private key: it has "d"`},
		{"kid twice", []string{"kid", `"a","kid":"b"`}, "b", `key 1 with kid "b" is not used: has the member "kid" twice`},
		{"no kid", []string{"kid", "", "e", ""}, "", `key 1 is not used: it has no "e"`},
		{"a Cyrillic kid", []string{"kid", `"к"`, "e", ""}, "к", `key 1 with kid "\u043a" is not used: it has no "e"`},
		{"a long kid", []string{"kid", `"` + long + `"`, "e", ""}, long, `key 1 with kid "` + long[:64] + `"… is not used: it has no "e"`},
	} {
		set := parseSet(t, jwktest.Set(jwkText(t, 1), jwkText(t, 0, test.change...), jwkText(t, 2)))
		if test.want == "" {
			if want := []string{"key-1", test.kid, "key-2"}; !slices.Equal(keyIDs(set), want) || len(set.Skipped()) > 0 {
				t.Errorf("%s: got keys %q, skipped %v", test.name, keyIDs(set), set.Skipped())
			}
			continue
		}
		got := skippedKey(t, set)
		if got.Index != 1 || got.KeyID != test.kid || got.Error() != test.want || !strings.HasSuffix(test.want, ": "+got.Reason) {
			t.Errorf("%s:\ngot  %+v: %v\nwant %s", test.name, *got, got, test.want)
		}
		if want := []string{"key-1", "key-2"}; !slices.Equal(keyIDs(set), want) {
			t.Errorf("%s: got keys %q, want %q", test.name, keyIDs(set), want)
		}
	}
	set := parseSet(t, jwktest.Set(`null`, jwkText(t, 1), `{}`, jwkText(t, 2), `[]`))
	if got, want := fmt.Sprint(set.Skipped()), `[key 0 is not used: it is null, want an object key 2 is not used: it has no kty, want "RSA" key 4 is not used: it is an array, want an object]`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// RFC 7515, sections 4.1.7 and 4.1.8: a token without kid may name the certificate of its key.
func TestTokensThatNameACertificate(t *testing.T) {
	old := func(changes ...string) string { return jwkText(t, 0, append([]string{"x5t", `"old"`}, changes...)...) }
	next := func(changes ...string) string { return jwkText(t, 1, append([]string{"x5t", `"next"`}, changes...)...) }
	same := func(count int, changes ...string) (jwks []string) {
		for i := range count {
			jwks = append(jwks, jwkText(t, 0, append([]string{"kid", fmt.Sprintf(`"%d"`, i), "x5t", `"old"`, "n", jwktest.Int(jwktest.Modulus(2048))}, changes...)...))
		}
		return jwks
	}
	for name, test := range map[string]struct {
		header string // beside alg; the token is signed by key 0
		keys   []string
		want   string // in the error; "": accepted
	}{
		"x5t of one of two keys":               {`"x5t":"old"`, []string{old(), next()}, ""},
		"the same, behind":                     {`"x5t":"old"`, []string{next(), old()}, ""},
		"x5t of keys without kid":              {`"x5t":"old"`, []string{old("kid", ""), next("kid", "")}, ""},
		"x5t#S256 of one of two keys":          {`"x5t#S256":"a"`, []string{old("x5t#S256", `"a"`), next("x5t#S256", `"b"`)}, ""},
		"x5t#S256 before x5t":                  {`"x5t#S256":"a","x5t":"next"`, []string{old("x5t#S256", `"a"`), next()}, ""},
		"x5t where no key has x5t#S256":        {`"x5t#S256":"a","x5t":"old"`, []string{old(), next()}, ""},
		"x5t of the other key":                 {`"x5t":"next"`, []string{old(), next()}, "signature was not made by"},
		"x5t in the place of x5t#S256":         {`"x5t#S256":"old"`, []string{old(), next()}, `none of the 2 usable keys has its x5t#S256 "old", want a key that has it`},
		"an unknown x5t":                       {`"x5t":"x"`, []string{old(), next()}, `token has no kid, and none of the 2 usable keys has its x5t "x", want a key that has it`},
		"an x5t in another case":               {`"x5t":"OLD"`, []string{old(), next()}, "has its x5t"},
		"X5T in place of x5t":                  {`"X5T":"old"`, []string{old(), next()}, "token has no kid, and the key set has 2 usable keys"},
		"an empty x5t":                         {`"x5t":""`, []string{old("x5t", `""`), next("x5t", `""`)}, "token has no kid, and the key set has 2 usable keys"},
		"an x5t that is no string":             {`"x5t":["old"]`, []string{old(), next()}, "token has no kid, and the key set has 2 usable keys"},
		"an x5t of the key that is no string":  {`"x5t":"old"`, []string{old("x5t", `1`), next()}, "has its x5t"},
		"an x5t of the key that is too long":   {`"x5t":"` + strings.Repeat("x", 257) + `"`, []string{old("x5t", `"`+strings.Repeat("x", 257)+`"`), next()}, "has its x5t"},
		"an x5t twice":                         {`"x5t":"old","x5t":"old"`, []string{old(), next()}, `has the member "x5t" twice`},
		"the only key, whatever the x5t":       {`"x5t":"x"`, []string{old()}, ""},
		"the only key, without x5t":            {`"x5t":"x"`, []string{jwkText(t, 0)}, ""},
		"a kid is all that counts":             {`"kid":"key-0","x5t":"next"`, []string{old(), next()}, ""},
		"an unknown kid is unknown with x5t":   {`"kid":"x","x5t":"old"`, []string{old(), next()}, `kid is "x"`},
		"an empty kid is unknown with x5t":     {`"kid":"","x5t":"old"`, []string{old(), next()}, `kid is ""`},
		"x5t of a key that is not used":        {`"x5t":"old"`, []string{old("use", `"enc"`), next(), jwkText(t, 2)}, "has its x5t"},
		"the fourth key of an x5t":             {`"x5t":"old"`, append(same(3), old(), next()), ""},
		"the fifth key of an x5t":              {`"x5t":"old"`, append(same(4), old(), next()), "signature was not made by"},
		"the fifth key of an x5t, by its kid":  {`"kid":"key-0"`, append(same(4), old(), next()), ""},
		"the fifth key of an x5t and no kid":   {`"x5t":"old"`, append(same(4, "kid", ""), old("kid", ""), next()), "signature was not made by"},
		"a key of another size does not count": {`"x5t":"old"`, append(same(3), jwkText(t, 0, "kid", `"big"`, "x5t", `"old"`, "n", jwktest.Int(jwktest.Modulus(8192))), old(), next()), ""},
		"a kid where no key of two has any":    {`"kid":"a"`, []string{old("kid", ""), next("kid", `null`)}, `the issuer's keys have no kid, the token has one: "a", want a key with that kid`},
		"a kid where the only key has none":    {`"kid":"a"`, []string{old("kid", "")}, `the issuer's keys have no kid, the token has one: "a", want a key with that kid`},
		"a kid where one key of two has any":   {`"kid":"a"`, []string{old("kid", ""), next()}, `kid is "a", want one of the issuer's keys ("key-1")`},
		"an empty kid where no key has any":    {`"kid":""`, []string{old("kid", "")}, `the issuer's keys have no kid, the token has one: ""`},
		"a kid of six keys":                    {`"kid":"x"`, append(same(5), old()), `want one of the issuer's keys ("0", "1", "2", "3", "4", …)`},
	} {
		t.Run(name, func(t *testing.T) {
			raw := signText(t, 0, `{"alg":"RS256",`+test.header+`}`, marshal(t, goodClaims()))
			set := parseSet(t, jwktest.Set(test.keys...))
			verifiers := map[string]*jwtverify.Verifier{
				"fixed keys": newVerifier(t, jwtverify.Config{Keys: set, VerifiedCache: 8}),
				"a Cache":    newVerifier(t, jwtverify.Config{Keys: jwtverify.KeySourceFunc(set.Keys)}),
			}
			for keys, verifier := range verifiers {
				for range 2 {
					_, err := verifier.Verify(t.Context(), raw)
					if test.want == "" && err != nil || test.want != "" && (!errors.Is(err, jwtverify.ErrInvalid) || !strings.Contains(err.Error(), test.want)) {
						t.Errorf("%s: got %v, want %q", keys, err, test.want)
					}
				}
			}
		})
	}
}

// An x5t that is not in the set is asked for as a kid is; and a key that a refresh brings
// with another x5t is known by that.
func TestAnUnknownCertificateIsAskedForOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sets := []*jwtverify.KeySet{
			parseSet(t, jwktest.Set(jwkText(t, 1, "x5t", `"old"`), jwkText(t, 2, "x5t", `"other"`))),
			parseSet(t, jwktest.Set(jwkText(t, 1, "x5t", `"renewed"`), jwkText(t, 0, "x5t", `"next"`))),
		}
		asked := 0
		verifier := newVerifier(t, jwtverify.Config{Keys: jwtverify.KeySourceFunc(func(context.Context) (*jwtverify.KeySet, error) {
			asked++
			return sets[min(asked, len(sets))-1], nil
		})})
		for _, test := range []struct {
			key   int
			x5t   string
			want  error
			asked int
		}{
			{1, "old", nil, 1},
			{0, "next", nil, 2},
			{1, "renewed", nil, 2},
			{1, "old", jwtverify.ErrUnknownKey, 2}, // too soon to ask again
		} {
			time.Sleep(time.Second)
			raw := sign(t, test.key, map[string]any{"alg": "RS256", "x5t": test.x5t}, goodClaims())
			if _, err := verifier.Verify(t.Context(), raw); !errors.Is(err, test.want) || asked != test.asked {
				t.Errorf("x5t %s: got %v, and %d fetches, want %v and %d", test.x5t, err, asked, test.want, test.asked)
			}
		}
	})
}

func TestKeysWithTheSameKID(t *testing.T) {
	same := func(count int, kid string) string {
		var jwks []string
		for range count {
			jwks = append(jwks, jwkText(t, 0, "kid", kid, "n", jwktest.Int(jwktest.Modulus(2048))))
		}
		return strings.Join(jwks, ",")
	}
	if set := parseSet(t, jwktest.Set(same(4, `"a"`))); set.Len() != 4 || len(set.Skipped()) != 0 {
		t.Errorf("4 of a kid: got %d keys, skipped %v", set.Len(), set.Skipped())
	}
	set := parseSet(t, jwktest.Set(same(5, `"a"`), same(4, `"b"`), same(1, `"A"`)))
	got := skippedKey(t, set)
	if set.Len() != 9 || *got != (jwtverify.SkippedKeyError{Index: 4, KeyID: "a", Reason: "the keys of this kid and size have more than 8192 bits together"}) {
		t.Errorf("5 of a kid: got %d keys, skipped %v", set.Len(), got)
	}
	// Keys that are skipped for another reason do not count.
	ec := strings.ReplaceAll(same(5, `"a"`), "RSA", "EC")
	if set := parseSet(t, jwktest.Set(ec, same(4, `"a"`))); set.Len() != 4 {
		t.Errorf("5 EC keys before: got %d keys", set.Len())
	}
	// Keys without kid cannot be asked for together.
	if set := parseSet(t, jwktest.Set(same(6, ``), same(6, `""`))); set.Len() != 12 {
		t.Errorf("12 without kid: got %d keys, skipped %v", set.Len(), set.Skipped())
	}
	// The same key has the same thumbprint.
	public := jwktest.PEM("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&testKey(t, 0).PublicKey))
	if set := parseSet(t, strings.Repeat(public, 5)); set.Len() != 4 || skippedKey(t, set).Index != 4 {
		t.Errorf("5 times the same in PEM: got %d keys, skipped %v", set.Len(), set.Skipped())
	}
	// The fourth still verifies, the fifth does not.
	header := map[string]any{"alg": "RS256", "kid": "a"}
	for before, want := range map[int]error{0: nil, 3: nil, 4: jwtverify.ErrSignature} {
		var jwks []string
		if before > 0 {
			jwks = append(jwks, same(before, `"a"`))
		}
		keys := parseSet(t, jwktest.Set(append(jwks, jwkText(t, 0, "kid", `"a"`))...))
		_, err := newVerifier(t, jwtverify.Config{Keys: keys}).Verify(t.Context(), sign(t, 0, header, goodClaims()))
		if !errors.Is(err, want) {
			t.Errorf("behind %d keys of its kid: got %v, want %v", before, err, want)
		}
	}
}

// The form shows in the data itself; a key from PEM has its thumbprint as kid.
func TestParseKeySetForms(t *testing.T) {
	pub := &testKey(t, 0).PublicKey
	sum := sha256.Sum256(fmt.Appendf(nil, `{"e":%s,"kty":"RSA","n":%s}`, jwktest.Int(big.NewInt(int64(pub.E))), jwktest.Int(pub.N)))
	for name, test := range map[string]struct{ text, kid string }{
		"a set":          {jwktest.Set(jwkText(t, 0)), "key-0"},
		"a single JWK":   {jwkText(t, 0), "key-0"},
		"PUBLIC KEY":     {jwktest.PEM("PUBLIC KEY", jwktest.Must(x509.MarshalPKIXPublicKey(pub))), encode(string(sum[:]))},
		"RSA PUBLIC KEY": {jwktest.PEM("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(pub)), encode(string(sum[:]))},
		"CERTIFICATE":    {jwktest.PEM("CERTIFICATE", jwktest.Certificate(pub)), encode(string(sum[:]))},
	} {
		set := parseSet(t, test.text)
		if !slices.Equal(keyIDs(set), []string{test.kid}) {
			t.Errorf("%s: got keys %q, skipped %v, want %q", name, keyIDs(set), set.Skipped(), test.kid)
			continue
		}
		token := sign(t, 0, map[string]any{"alg": "RS256", "kid": test.kid}, goodClaims())
		if _, err := newVerifier(t, jwtverify.Config{Keys: set}).Verify(t.Context(), token); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for text, want := range map[string]string{
		"":                             "jwtverify: key set is empty, want a JWK Set, a JWK or PEM",
		"{}":                           `jwtverify: key set has no "keys" array, nor is it a JWK with "kty"`,
		strings.Repeat(" ", 512<<10+1): "jwtverify: key set is larger than 524288 bytes",
		jwktest.Set(strings.Repeat("0,", 1_024) + "0"): "jwtverify: key set has more than 1024 keys",
		jwktest.PEM("PRIVATE KEY", nil):                "jwtverify: key set holds a private key: keep only the public half here, and replace the key if this file was readable by others",
	} {
		if set, err := jwtverify.ParseKeySet([]byte(text)); err == nil || err.Error() != want || set != nil {
			t.Errorf("%.60q:\ngot  %v, %v\nwant %s", text, set, err, want)
		}
	}
}

func TestNewKey(t *testing.T) {
	notInFIPSMode(t, true)
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
		{"8192 bits", &rsa.PublicKey{N: jwktest.Modulus(8192), E: 3}, "key", ""},
		{"2048 bits, the greatest exponent", &rsa.PublicKey{N: jwktest.Modulus(2048), E: 1<<31 - 1}, "key", ""},
		{"nil", nil, "key", `NewKey needs an RSA public key, got nil`},
		{"the zero key", &rsa.PublicKey{}, "key", `NewKey needs an RSA public key, got nil`},
		{"a kid of 257 bytes", pub, strings.Repeat("k", 257), `NewKey needs a kid of valid UTF-8 and at most 256 bytes, got "` + strings.Repeat("k", 64) + `"…`},
		{"a kid that is not UTF-8", pub, "\xff", `NewKey needs a kid of valid UTF-8 and at most 256 bytes, got "\xff"`},
		{"a negative modulus", &rsa.PublicKey{N: new(big.Int).Neg(pub.N), E: 65537}, "key", `the key with kid "key" is not fit for RS256: the modulus is not a positive number`},
		{"2047 bits", &rsa.PublicKey{N: jwktest.Modulus(2047), E: 65537}, "key", `the key with kid "key" is not fit for RS256: the modulus has 2047 bits, want at least 2048`},
		{"8193 bits", &rsa.PublicKey{N: jwktest.Modulus(8193), E: 65537}, "", `the key with kid "" is not fit for RS256: the modulus has 8193 bits, want at most 8192`},
		{"exponent 1", &rsa.PublicKey{N: pub.N, E: 1}, "key", `the key with kid "key" is not fit for RS256: the exponent is 1, want 3 to 2147483647`},
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
		"a set": jwktest.Set(jwkText(t, 0)),
		"PEM":   jwktest.PEM("PUBLIC KEY", jwktest.Must(x509.MarshalPKIXPublicKey(&testKey(t, 0).PublicKey))),
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
		{"five of a kid", append(slices.Repeat(keys[:1], 5), keys[1]), `NewKeySet got keys with kid "key-0" and of one size that have more than 8192 bits together`},
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
	set := parseSet(t, jwktest.Set(jwkText(t, 0), `1`, jwkText(t, 1), `2`, jwkText(t, 2)))
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
		return jwktest.Set(slices.Repeat([]string{`{"kty":"EC","kid":"ec"}`}, count)...)
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

func TestWithRefreshAfter(t *testing.T) {
	const url = "https://issuer.example/keys"
	set := testSet(t, 1)
	jwtverify.SetOrigin(set, url)
	refreshAfter := func(set *jwtverify.KeySet) time.Duration {
		_, after := jwtverify.Origin(set)
		return after
	}
	for d, want := range map[time.Duration]time.Duration{
		time.Minute: time.Minute, 10 * time.Second: 10 * time.Second, 24 * time.Hour: 24 * time.Hour,
		10*time.Second - 1: 10 * time.Second, 0: 10 * time.Second, -time.Hour: 10 * time.Second,
		24*time.Hour + 1: 24 * time.Hour, 1<<63 - 1: 24 * time.Hour, -1 << 63: 10 * time.Second,
	} {
		hinted := set.WithRefreshAfter(d)
		from, after := jwtverify.Origin(hinted)
		if after != want || !slices.Equal(slices.Collect(hinted.All()), slices.Collect(set.All())) || from != url {
			t.Errorf("%v: got %v with %d keys from %s, want %v", d, after, hinted.Len(), from, want)
		}
		if refreshAfter(set) != 0 {
			t.Fatalf("%v: the set itself has changed to %v", d, refreshAfter(set))
		}
		if again := hinted.WithRefreshAfter(time.Hour); refreshAfter(again) != time.Hour || refreshAfter(hinted) != want {
			t.Errorf("%v, then an hour: got %v and %v", d, refreshAfter(hinted), refreshAfter(again))
		}
	}
}

// jwkSet is the JWK Set of the first n shared keys.
func jwkSet(tb testing.TB, n int) string {
	var keys []map[string]string
	for i := range n {
		keys = append(keys, jwkOf(&testKey(tb, i).PublicKey, fmt.Sprintf("key-%d", i)))
	}
	data, err := json.Marshal(map[string]any{"keys": keys})
	if err != nil {
		tb.Fatal(err)
	}
	return string(data)
}
