package jwtverify_test

import (
	"context"
	"crypto"
	"crypto/fips140"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"example.com/jwtverify"
	"example.com/jwtverify/internal/issuer"
	"example.com/jwtverify/internal/jwk/jwktest"
	"example.com/jwtverify/internal/strictjson/strictjsontest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// What the tokens of these tests say unless a test changes it.
const (
	testIssuer   = "https://issuer.example"
	testAudience = "https://api.example"
	testNow      = 1_750_000_000
)

// testKey returns the n-th of the keys that all tests share. Each is the product of many short
// primes: it signs in a fraction of the time, and there are thousands of tokens. No key is in
// the repository.
func testKey(tb testing.TB, n int) *sharedKey {
	tb.Helper()
	return testKeys()[n]
}

// A sharedKey is a key in two forms: the one of crypto/rsa, and the one that signs fast.
type sharedKey struct {
	rsa.PrivateKey
	made madeKey
}

var testKeys = sync.OnceValue(func() (keys []*sharedKey) {
	for range 3 {
		keys = append(keys, newKey(2048, 65537).shared())
	}
	return keys
})

// testSet is the set of the first n shared keys, with the kids key-0, key-1 …
func testSet(tb testing.TB, n int) *jwtverify.KeySet {
	tb.Helper()
	var kids []string
	var numbers []int
	for i := range n {
		kids, numbers = append(kids, fmt.Sprintf("key-%d", i)), append(numbers, i)
	}
	return setOf(tb, kids, numbers)
}

// setOf is a set of shared keys, given by their kids and numbers.
func setOf(tb testing.TB, kids []string, numbers []int) *jwtverify.KeySet {
	tb.Helper()
	var keys []jwtverify.Key
	for i, kid := range kids {
		key, err := jwtverify.NewKey(&testKey(tb, numbers[i]).PublicKey, kid)
		if err != nil {
			tb.Fatal(err)
		}
		keys = append(keys, key)
	}
	set, err := jwtverify.NewKeySet(keys...)
	if err != nil {
		tb.Fatal(err)
	}
	return set
}

func encode(data string) string { return base64.RawURLEncoding.EncodeToString([]byte(data)) }

func rawToken(header, claims, signature string) string {
	return encode(header) + "." + encode(claims) + "." + signature
}

// signText signs a header and claims given as text with the n-th shared key.
func signText(tb testing.TB, n int, header, claims string) string {
	tb.Helper()
	return signParts(tb, n, encode(header)+"."+encode(claims))
}

func signParts(tb testing.TB, n int, signed string) string {
	tb.Helper()
	return testKey(tb, n).made.sign(signed)
}

func sign(tb testing.TB, n int, header, claims map[string]any) string {
	tb.Helper()
	return signText(tb, n, marshal(tb, header), marshal(tb, claims))
}

func marshal(tb testing.TB, v any) string {
	tb.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		tb.Fatal(err)
	}
	return string(data)
}

func goodHeader() map[string]any {
	return map[string]any{"alg": "RS256", "typ": "JWT", "kid": "key-0"}
}

func goodClaims() map[string]any {
	return map[string]any{
		"iss": testIssuer, "aud": testAudience, "sub": "client-1", "jti": "token-1",
		"iat": testNow - 60, "nbf": testNow - 60, "exp": testNow + 3600,
	}
}

// TestMain draws a random number before any bubble does: in FIPS 140 mode the first one needs
// a clock that goes. Garbage is collected later than usual: there are tests with 10,000
// goroutines, whose stacks take more time to scan than all else that these tests do.
func TestMain(m *testing.M) {
	rand.Read(make([]byte, 1))
	debug.SetGCPercent(800)
	issuer.ReuseFactors(jwktest.Factors())
	os.Exit(m.Run())
}

// notInFIPSMode skips a test that makes keys or signatures which FIPS 140 mode refuses to
// make; or, where it is merely on, one that draws random numbers in a bubble, whose clock
// stands still for the source of entropy.
func notInFIPSMode(tb testing.TB, onlyIfEnforced bool) {
	enforced := strings.Contains(os.Getenv("GODEBUG"), "fips140=only")
	if enforced || fips140.Enabled() && !onlyIfEnforced {
		tb.Skip("not in FIPS 140 mode")
	}
}

// newVerifier fills what config leaves out with what accepts a good token.
func newVerifier(tb testing.TB, config jwtverify.Config) *jwtverify.Verifier {
	tb.Helper()
	if config.Issuer == "" {
		config.Issuer = testIssuer
	}
	if config.Audiences == nil {
		config.Audiences = []string{testAudience}
	}
	if config.Keys == nil {
		config.Keys = testSet(tb, 2)
	}
	if config.Now == nil {
		config.Now = func() time.Time { return time.Unix(testNow, 0) }
	}
	if config.Leeway == 0 {
		config.Leeway = -1
	}
	verifier, err := jwtverify.New(config)
	if err != nil {
		tb.Fatal(err)
	}
	return verifier
}

// benchToken is a token with 1 KiB of claims.
func benchToken(tb testing.TB) string {
	claims := goodClaims()
	for i := 0; len(marshal(tb, claims)) < 1000; i++ {
		claims[fmt.Sprintf("claim_%d", i)] = strings.Repeat("x", 40)
	}
	return sign(tb, 0, goodHeader(), claims)
}

// leaves are the errors that tell why a token is refused; each test of an error
// asks that it is exactly one of them.
var leaves = []error{
	jwtverify.ErrMalformed, jwtverify.ErrUnsupported, jwtverify.ErrUnknownKey, jwtverify.ErrSignature,
	jwtverify.ErrIssuer, jwtverify.ErrAudience, jwtverify.ErrNotYetValid, jwtverify.ErrExpired,
	jwtverify.ErrClaims,
}

// checkVerdict reports an error unless err is nil for a nil want, or matches want
// and ErrInvalid and nothing else.
func checkVerdict(tb testing.TB, token *jwtverify.Token, err, want error) {
	tb.Helper()
	if want == nil {
		if err != nil || token == nil {
			tb.Errorf("got token %v, error %v, want it accepted", token != nil, err)
		}
		return
	}
	if token != nil {
		tb.Error("got a Token beside an error")
	}
	if !errors.Is(err, want) || !errors.Is(err, jwtverify.ErrInvalid) || errors.Is(err, jwtverify.ErrKeysUnavailable) {
		tb.Errorf("got error %v, want one that is %v", err, want)
	}
	for _, leaf := range leaves {
		if leaf != want && errors.Is(err, leaf) {
			tb.Errorf("error %v is %v too, want only %v", err, leaf, want)
		}
	}
}

func TestVerifyReturnsTheToken(t *testing.T) {
	raw := sign(t, 0, goodHeader(), goodClaims())
	got, err := newVerifier(t, jwtverify.Config{}).Verify(t.Context(), raw)
	if err != nil {
		t.Fatal(err)
	}
	want := &jwtverify.Token{
		Issuer: testIssuer, Subject: "client-1", ID: "token-1", KeyID: "key-0", Type: "JWT",
		Audience:  []string{testAudience},
		Expiry:    time.Unix(testNow+3600, 0).UTC(),
		NotBefore: time.Unix(testNow-60, 0).UTC(),
		IssuedAt:  time.Unix(testNow-60, 0).UTC(),
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(jwtverify.Token{})); diff != "" {
		t.Errorf("token (-want +got):\n%s", diff)
	}
}

func TestVerifyWithoutOptionalClaims(t *testing.T) {
	raw := signText(t, 0, `{"alg":"RS256","kid":"key-0"}`, fmt.Sprintf(`{"iss":%q,"aud":[%q],"exp":%d}`, testIssuer, testAudience, testNow+1))
	got, err := newVerifier(t, jwtverify.Config{}).Verify(t.Context(), raw)
	if err != nil {
		t.Fatal(err)
	}
	if got.Subject != "" || got.ID != "" || got.Type != "" || !got.NotBefore.IsZero() || !got.IssuedAt.IsZero() {
		t.Errorf("got %+v, want zero values for what is absent", got)
	}
}

// segments takes a token apart that the tests made.
func segments(token string) (header, claims, signature string) {
	parts := strings.Split(token, ".")
	return parts[0], parts[1], parts[2]
}

func TestForm(t *testing.T) {
	good := sign(t, 0, goodHeader(), goodClaims())
	header, claims, signature := segments(good)
	// Claims of 11,988 bytes make it 16,384 in all.
	padded := goodClaims()
	padded["long"] = ""
	padded["long"] = strings.Repeat("x", 11_988-len(marshal(t, padded)))
	fits := signText(t, 0, marshal(t, goodHeader())+" ", marshal(t, padded))
	if len(fits) != 16_384 {
		t.Fatalf("made a token of %d bytes", len(fits))
	}
	for name, test := range map[string]struct {
		token string
		want  error
	}{
		"a good token":                        {good, nil},
		"nothing":                             {"", jwtverify.ErrMalformed},
		"a space":                             {" ", jwtverify.ErrMalformed},
		"one segment":                         {header, jwtverify.ErrMalformed},
		"two segments":                        {header + "." + claims, jwtverify.ErrMalformed},
		"four segments":                       {good + "." + signature, jwtverify.ErrMalformed},
		"a fourth, empty segment":             {good + ".", jwtverify.ErrMalformed},
		"five segments, an encrypted token":   {header + ".a.b.c.d", jwtverify.ErrUnsupported},
		"six segments":                        {header + ".a.b.c.d.e", jwtverify.ErrMalformed},
		"an empty header":                     {"." + claims + "." + signature, jwtverify.ErrMalformed},
		"empty claims":                        {header + ".." + signature, jwtverify.ErrMalformed},
		"an empty signature":                  {header + "." + claims + ".", jwtverify.ErrSignature},
		"dots only":                           {"..", jwtverify.ErrMalformed},
		"a space behind":                      {good + " ", jwtverify.ErrMalformed},
		"a newline behind":                    {good + "\n", jwtverify.ErrMalformed},
		"the Bearer prefix":                   {"Bearer " + good, jwtverify.ErrMalformed},
		"16,384 bytes":                        {fits, nil},
		"16,385 bytes":                        {fits + "A", jwtverify.ErrMalformed},
		"padding behind the signature":        {good + "==", jwtverify.ErrMalformed},
		"padding behind the claims":           {header + "." + claims + "=." + signature, jwtverify.ErrMalformed},
		"padding behind the header":           {header + "=." + claims + "." + signature, jwtverify.ErrMalformed},
		"the standard alphabet":               {signParts(t, 0, header+"."+base64.RawStdEncoding.EncodeToString([]byte(`{"?>":"~~~???"}`))), jwtverify.ErrMalformed},
		"a newline inside the signature":      {good[:len(good)-9] + "\n" + good[len(good)-9:], jwtverify.ErrMalformed},
		"a signature one character short":     {good[:len(good)-1], jwtverify.ErrMalformed},
		"a signature two characters short":    {good[:len(good)-2], jwtverify.ErrSignature},
		"the header as JSON text":             {`{"alg":"RS256"}.` + claims + "." + signature, jwtverify.ErrMalformed},
		"the JSON serialization":              {`{"protected":"` + header + `","payload":"` + claims + `","signature":"` + signature + `"}`, jwtverify.ErrMalformed},
		"a header of 8 KiB":                   {signText(t, 0, `{"alg":"RS256","kid":"key-0","x":"`+strings.Repeat("x", 8192-36)+`"}`, marshal(t, goodClaims())), nil},
		"a header of 8 KiB and 1 byte":        {signText(t, 0, `{"alg":"RS256","kid":"key-0","x":"`+strings.Repeat("x", 8193-36)+`"}`, marshal(t, goodClaims())), jwtverify.ErrMalformed},
		"a header with an array inside":       {signText(t, 0, `[{"alg":"RS256","kid":"key-0"}]`, marshal(t, goodClaims())), jwtverify.ErrMalformed},
		"a header of null":                    {signText(t, 0, `null`, marshal(t, goodClaims())), jwtverify.ErrMalformed},
		"claims that are an array":            {signText(t, 0, marshal(t, goodHeader()), "["+marshal(t, goodClaims())+"]"), jwtverify.ErrMalformed},
		"claims that are another JWT":         {signParts(t, 0, header+"."+encode(good)), jwtverify.ErrMalformed},
		"a byte order mark before the claims": {signText(t, 0, marshal(t, goodHeader()), "\ufeff"+marshal(t, goodClaims())), jwtverify.ErrMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			token, err := newVerifier(t, jwtverify.Config{}).Verify(t.Context(), test.token)
			checkVerdict(t, token, err, test.want)
		})
	}
}

func nested(levels int) string {
	return strings.Repeat("[", levels) + strings.Repeat("]", levels)
}

func members(n int) string {
	var out []string
	for i := range n {
		out = append(out, fmt.Sprintf(`"m%d":%d`, i, i))
	}
	return strings.Join(out, ",")
}

func TestHeader(t *testing.T) {
	for name, test := range map[string]struct {
		header string
		typ    string // Config.Type
		want   error
	}{
		"alg and kid":                        {`{"alg":"RS256","kid":"key-0"}`, "", nil},
		"alg written with escapes":           {`{"\u0061lg":"\u0052S256","kid":"key-0"}`, "", nil},
		"no alg":                             {`{"kid":"key-0"}`, "", jwtverify.ErrUnsupported},
		"alg none":                           {`{"alg":"none","kid":"key-0"}`, "", jwtverify.ErrUnsupported},
		"alg None":                           {`{"alg":"None","kid":"key-0"}`, "", jwtverify.ErrUnsupported},
		"alg HS256":                          {`{"alg":"HS256","kid":"key-0"}`, "", jwtverify.ErrUnsupported},
		"alg PS256":                          {`{"alg":"PS256","kid":"key-0"}`, "", jwtverify.ErrUnsupported},
		"alg in lower case":                  {`{"alg":"rs256","kid":"key-0"}`, "", jwtverify.ErrUnsupported},
		"alg with a space":                   {`{"alg":"RS256 ","kid":"key-0"}`, "", jwtverify.ErrUnsupported},
		"alg with a letter that folds to S":  {`{"alg":"R\u017f256","kid":"key-0"}`, "", jwtverify.ErrUnsupported},
		"alg as an array":                    {`{"alg":["RS256"],"kid":"key-0"}`, "", jwtverify.ErrUnsupported},
		"alg null":                           {`{"alg":null,"kid":"key-0"}`, "", jwtverify.ErrUnsupported},
		"ALG instead of alg":                 {`{"ALG":"RS256","kid":"key-0"}`, "", jwtverify.ErrUnsupported},
		"ALG beside alg":                     {`{"ALG":"none","alg":"RS256","kid":"key-0"}`, "", nil},
		"alg twice":                          {`{"alg":"RS256","alg":"RS256","kid":"key-0"}`, "", jwtverify.ErrMalformed},
		"an unknown member twice":            {`{"alg":"RS256","x":1,"kid":"key-0","x":1}`, "", jwtverify.ErrMalformed},
		"alg none and a kid of a wrong type": {`{"alg":"none","kid":1}`, "", jwtverify.ErrUnsupported},
		"alg none and JSON that breaks off":  {`{"alg":"none"`, "", jwtverify.ErrMalformed},

		"crit with an unknown extension":     {`{"alg":"RS256","kid":"key-0","crit":["x"],"x":1}`, "", jwtverify.ErrUnsupported},
		"crit with b64":                      {`{"alg":"RS256","kid":"key-0","crit":["b64"],"b64":true}`, "", jwtverify.ErrUnsupported},
		"crit empty":                         {`{"alg":"RS256","kid":"key-0","crit":[]}`, "", jwtverify.ErrUnsupported},
		"crit null":                          {`{"alg":"RS256","kid":"key-0","crit":null}`, "", jwtverify.ErrUnsupported},
		"b64 without crit":                   {`{"alg":"RS256","kid":"key-0","b64":false}`, "", nil},
		"jwk, jku, x5c and x5u are not used": {`{"alg":"RS256","kid":"key-0","jwk":{"kty":"RSA"},"jku":"https://evil.example","x5c":["x"],"x5u":"https://evil.example","cty":"JWT"}`, "", nil},

		"typ JWT":                             {`{"alg":"RS256","kid":"key-0","typ":"JWT"}`, "", nil},
		"typ jwt":                             {`{"alg":"RS256","kid":"key-0","typ":"jwt"}`, "", nil},
		"typ at+jwt":                          {`{"alg":"RS256","kid":"key-0","typ":"at+jwt"}`, "", nil},
		"typ with the application prefix":     {`{"alg":"RS256","kid":"key-0","typ":"Application/AT+JWT"}`, "", nil},
		"typ empty":                           {`{"alg":"RS256","kid":"key-0","typ":""}`, "", nil},
		"typ JOSE":                            {`{"alg":"RS256","kid":"key-0","typ":"JOSE"}`, "", nil},
		"typ jose":                            {`{"alg":"RS256","kid":"key-0","typ":"jose"}`, "", nil},
		"typ application/jose":                {`{"alg":"RS256","kid":"key-0","typ":"application/jose"}`, "", nil},
		"typ JOSE+JSON":                       {`{"alg":"RS256","kid":"key-0","typ":"JOSE+JSON"}`, "", jwtverify.ErrUnsupported},
		"typ with a prefix and nothing else":  {`{"alg":"RS256","kid":"key-0","typ":"application/"}`, "", jwtverify.ErrUnsupported},
		"typ a space":                         {`{"alg":"RS256","kid":"key-0","typ":" "}`, "", jwtverify.ErrUnsupported},
		"typ JOSE and crit":                   {`{"alg":"RS256","kid":"key-0","typ":"JOSE","crit":["x"]}`, "", jwtverify.ErrUnsupported},
		"required typ empty":                  {`{"alg":"RS256","kid":"key-0","typ":""}`, "at+jwt", jwtverify.ErrUnsupported},
		"required typ, JOSE found":            {`{"alg":"RS256","kid":"key-0","typ":"JOSE"}`, "at+jwt", jwtverify.ErrUnsupported},
		"JOSE required, absent":               {`{"alg":"RS256","kid":"key-0"}`, "JOSE", jwtverify.ErrUnsupported},
		"JOSE required, present":              {`{"alg":"RS256","kid":"key-0","typ":"JOSE"}`, "JOSE", nil},
		"typ of a logout token":               {`{"alg":"RS256","kid":"key-0","typ":"logout+jwt"}`, "", jwtverify.ErrUnsupported},
		"typ with another prefix":             {`{"alg":"RS256","kid":"key-0","typ":"text/jwt"}`, "", jwtverify.ErrUnsupported},
		"typ a number":                        {`{"alg":"RS256","kid":"key-0","typ":1}`, "", jwtverify.ErrMalformed},
		"typ null":                            {`{"alg":"RS256","kid":"key-0","typ":null}`, "", jwtverify.ErrMalformed},
		"required typ present":                {`{"alg":"RS256","kid":"key-0","typ":"at+jwt"}`, "at+jwt", nil},
		"required typ, other case and prefix": {`{"alg":"RS256","kid":"key-0","typ":"application/AT+jwt"}`, "at+jwt", nil},
		"required typ given with prefix":      {`{"alg":"RS256","kid":"key-0","typ":"at+jwt"}`, "application/at+jwt", nil},
		"required typ absent":                 {`{"alg":"RS256","kid":"key-0"}`, "at+jwt", jwtverify.ErrUnsupported},
		"required typ, JWT found":             {`{"alg":"RS256","kid":"key-0","typ":"JWT"}`, "at+jwt", jwtverify.ErrUnsupported},
		"another typ required":                {`{"alg":"RS256","kid":"key-0","typ":"secevent+jwt"}`, "secevent+jwt", nil},
		"required typ with a long s":          {`{"alg":"RS256","kid":"key-0","typ":"\u017fecevent+jwt"}`, "secevent+jwt", jwtverify.ErrUnsupported},

		"kid of the other key":      {`{"alg":"RS256","kid":"key-1"}`, "", jwtverify.ErrSignature},
		"kid unknown":               {`{"alg":"RS256","kid":"key-2"}`, "", jwtverify.ErrUnknownKey},
		"kid in other case":         {`{"alg":"RS256","kid":"KEY-0"}`, "", jwtverify.ErrUnknownKey},
		"kid empty":                 {`{"alg":"RS256","kid":""}`, "", jwtverify.ErrUnknownKey},
		"no kid, two keys":          {`{"alg":"RS256"}`, "", jwtverify.ErrUnknownKey},
		"kid of 256 bytes":          {`{"alg":"RS256","kid":"` + strings.Repeat("k", 256) + `"}`, "", jwtverify.ErrUnknownKey},
		"kid of 257 bytes":          {`{"alg":"RS256","kid":"` + strings.Repeat("k", 257) + `"}`, "", jwtverify.ErrMalformed},
		"kid a number":              {`{"alg":"RS256","kid":0}`, "", jwtverify.ErrMalformed},
		"kid null":                  {`{"alg":"RS256","kid":null}`, "", jwtverify.ErrMalformed},
		"kid beside a look-alike":   {`{"alg":"RS256","kid":"key-0","\u212aid":"key-1"}`, "", nil},
		"unknown kid and typ wrong": {`{"alg":"RS256","kid":"x","typ":"x"}`, "", jwtverify.ErrUnsupported},

		"4 levels":         {`{"alg":"RS256","kid":"key-0","x":` + nested(3) + `}`, "", nil},
		"5 levels":         {`{"alg":"RS256","kid":"key-0","x":` + nested(4) + `}`, "", jwtverify.ErrMalformed},
		"64 members":       {`{"alg":"RS256","kid":"key-0",` + members(62) + `}`, "", nil},
		"65 members":       {`{"alg":"RS256","kid":"key-0",` + members(63) + `}`, "", jwtverify.ErrMalformed},
		"64 in all":        {`{"alg":"RS256","kid":"key-0","x":{"y":[` + strings.Repeat("1,", 59) + `1]}}`, "", nil},
		"65 in all":        {`{"alg":"RS256","kid":"key-0","x":{"y":[` + strings.Repeat("1,", 60) + `1]}}`, "", jwtverify.ErrMalformed},
		"white space":      {" {\t\"alg\" :\r\n\"RS256\" , \"kid\":\"key-0\" } ", "", nil},
		"text behind":      {`{"alg":"RS256","kid":"key-0"}x`, "", jwtverify.ErrMalformed},
		"a comment":        {`{"alg":"RS256",/**/"kid":"key-0"}`, "", jwtverify.ErrMalformed},
		"invalid UTF-8":    {`{"alg":"RS256","kid":"key-0","x":"` + "\xff" + `"}`, "", jwtverify.ErrMalformed},
		"half a surrogate": {`{"alg":"RS256","kid":"key-0","x":"\ud800"}`, "", jwtverify.ErrMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			verifier := newVerifier(t, jwtverify.Config{Type: test.typ})
			token, err := verifier.Verify(t.Context(), signText(t, 0, test.header, marshal(t, goodClaims())))
			checkVerdict(t, token, err, test.want)
		})
	}
}

func TestClaims(t *testing.T) {
	const ok = `"iss":"https://issuer.example","aud":"https://api.example","exp":1750003600`
	for name, test := range map[string]struct {
		claims string
		want   error
	}{
		"the least":                    {`{` + ok + `}`, nil},
		"names written with escapes":   {`{"\u0069ss":"https://issuer.example","au\u0064":"https://api.example","\u0065xp":1750003600}`, nil},
		"unknown claims of any type":   {`{` + ok + `,"a":null,"b":[1,{"c":2}],"":true,"__proto__":{}}`, nil},
		"issuer absent":                {`{"aud":"https://api.example","exp":1750003600}`, jwtverify.ErrIssuer},
		"issuer empty":                 {`{"iss":"","aud":"https://api.example","exp":1750003600}`, jwtverify.ErrIssuer},
		"issuer with a slash":          {`{"iss":"https://issuer.example/","aud":"https://api.example","exp":1750003600}`, jwtverify.ErrIssuer},
		"issuer in other case":         {`{"iss":"https://Issuer.example","aud":"https://api.example","exp":1750003600}`, jwtverify.ErrIssuer},
		"a prefix of the issuer":       {`{"iss":"https://issuer.exampl","aud":"https://api.example","exp":1750003600}`, jwtverify.ErrIssuer},
		"issuer with a NUL":            {`{"iss":"https://issuer.example\u0000","aud":"https://api.example","exp":1750003600}`, jwtverify.ErrIssuer},
		"issuer in an array":           {`{"iss":["https://issuer.example"],"aud":"https://api.example","exp":1750003600}`, jwtverify.ErrMalformed},
		"issuer null":                  {`{"iss":null,"aud":"https://api.example","exp":1750003600}`, jwtverify.ErrMalformed},
		"audience absent":              {`{"iss":"https://issuer.example","exp":1750003600}`, jwtverify.ErrAudience},
		"audience empty":               {`{"iss":"https://issuer.example","aud":"","exp":1750003600}`, jwtverify.ErrAudience},
		"audience an empty list":       {`{"iss":"https://issuer.example","aud":[],"exp":1750003600}`, jwtverify.ErrAudience},
		"audience with a slash":        {`{"iss":"https://issuer.example","aud":"https://api.example/","exp":1750003600}`, jwtverify.ErrAudience},
		"audience joined by a space":   {`{"iss":"https://issuer.example","aud":"a https://api.example","exp":1750003600}`, jwtverify.ErrAudience},
		"audience one of three":        {`{"iss":"https://issuer.example","aud":["a","https://api.example","b"],"exp":1750003600}`, nil},
		"audience a list of others":    {`{"iss":"https://issuer.example","aud":["a","b"],"exp":1750003600}`, jwtverify.ErrAudience},
		"audience a number":            {`{"iss":"https://issuer.example","aud":1,"exp":1750003600}`, jwtverify.ErrMalformed},
		"audience null":                {`{"iss":"https://issuer.example","aud":null,"exp":1750003600}`, jwtverify.ErrMalformed},
		"audience with a number":       {`{"iss":"https://issuer.example","aud":["https://api.example",1],"exp":1750003600}`, jwtverify.ErrMalformed},
		"audience with a number first": {`{"iss":"https://issuer.example","aud":[1,"https://api.example"],"exp":1750003600}`, jwtverify.ErrMalformed},
		"audience nested":              {`{"iss":"https://issuer.example","aud":[["https://api.example"]],"exp":1750003600}`, jwtverify.ErrMalformed},
		"client_id is no audience":     {`{"iss":"https://issuer.example","client_id":"https://api.example","exp":1750003600}`, jwtverify.ErrAudience},
		"subject a number":             {`{` + ok + `,"sub":1}`, jwtverify.ErrMalformed},
		"subject null":                 {`{` + ok + `,"sub":null}`, jwtverify.ErrMalformed},
		"jti a number":                 {`{` + ok + `,"jti":1}`, jwtverify.ErrMalformed},
		"iat text":                     {`{` + ok + `,"iat":"1750000000"}`, jwtverify.ErrMalformed},
		"iat in the future":            {`{` + ok + `,"iat":1790000000}`, nil},
		"a claim twice":                {`{` + ok + `,"x":1,"x":1}`, jwtverify.ErrMalformed},
		"exp twice":                    {`{` + ok + `,"exp":1750003600}`, jwtverify.ErrMalformed},
		"a member twice, nested":       {`{` + ok + `,"x":[{"y":1,"y":1}]}`, jwtverify.ErrMalformed},
		"EXP beside exp":               {`{` + ok + `,"EXP":1}`, jwtverify.ErrMalformed},
		"a long s in iss":              {`{` + ok + `,"i\u017fs":"x"}`, jwtverify.ErrMalformed},
		"two long s in iss":            {`{` + ok + `,"i\u017f\u017f":"x"}`, jwtverify.ErrMalformed},
		"a long s in sub":              {`{` + ok + `,"\u017fUB":"x"}`, jwtverify.ErrMalformed},
		"iAt":                          {`{` + ok + `,"iAt":1}`, jwtverify.ErrMalformed},
		"an empty name":                {`{` + ok + `,"":1}`, nil},
		"Jti":                          {`{` + ok + `,"Jti":"x"}`, jwtverify.ErrMalformed},
		"EXP nested":                   {`{` + ok + `,"x":{"EXP":1}}`, nil},
		"Client_Id is not registered":  {`{` + ok + `,"Client_Id":"x"}`, nil},
		"16 levels":                    {`{` + ok + `,"x":` + nested(15) + `}`, nil},
		"17 levels":                    {`{` + ok + `,"x":` + nested(16) + `}`, jwtverify.ErrMalformed},
		"1,000 members":                {`{` + ok + `,` + members(997) + `}`, nil},
		"1,001 members":                {`{` + ok + `,` + members(998) + `}`, jwtverify.ErrMalformed},
		"text behind":                  {`{` + ok + `}{}`, jwtverify.ErrMalformed},
		"cut off":                      {`{` + ok, jwtverify.ErrMalformed},
		"an empty object":              {`{}`, jwtverify.ErrMalformed},
		"a string":                     {`"claims"`, jwtverify.ErrMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			token, err := newVerifier(t, jwtverify.Config{}).Verify(t.Context(), signText(t, 0, marshal(t, goodHeader()), test.claims))
			checkVerdict(t, token, err, test.want)
		})
	}
}

func TestAudienceClaim(t *testing.T) {
	const start = `{"iss":"https://issuer.example","exp":1750003600`
	for name, test := range map[string]struct {
		claims string
		want   error
	}{
		"judged where aud is absent":         {start + `,"client_id":"https://api.example"}`, nil},
		"another value":                      {start + `,"client_id":"other"}`, jwtverify.ErrAudience},
		"absent too":                         {start + `}`, jwtverify.ErrAudience},
		"of a wrong type":                    {start + `,"client_id":["https://api.example"]}`, jwtverify.ErrMalformed},
		"in other case":                      {start + `,"CLIENT_ID":"https://api.example"}`, jwtverify.ErrMalformed},
		"not judged where aud is ours":       {start + `,"client_id":"other","aud":"https://api.example"}`, nil},
		"no help where aud is another":       {start + `,"client_id":"https://api.example","aud":"other"}`, jwtverify.ErrAudience},
		"no help where aud is an empty list": {start + `,"client_id":"https://api.example","aud":[]}`, jwtverify.ErrAudience},
	} {
		t.Run(name, func(t *testing.T) {
			verifier := newVerifier(t, jwtverify.Config{AudienceClaim: "client_id"})
			token, err := verifier.Verify(t.Context(), signText(t, 0, marshal(t, goodHeader()), test.claims))
			checkVerdict(t, token, err, test.want)
		})
	}
}

// The numbers are compared with testNow, 1750000000, without leeway unless said.
func TestTimes(t *testing.T) {
	const s = time.Second
	for name, test := range map[string]struct {
		exp, nbf string // as written; "" is absent
		leeway   time.Duration
		want     error
	}{
		"exp one second ahead":                 {"1750000001", "", -1, nil},
		"exp now":                              {"1750000000", "", -1, jwtverify.ErrExpired},
		"exp a nanosecond ahead":               {"1750000000.000000001", "", -1, nil},
		"exp less than a nanosecond ahead":     {"1750000000.00000000000000001", "", -1, nil},
		"exp less than a nanosecond past":      {"1749999999.99999999999999999", "", -1, jwtverify.ErrExpired},
		"exp 29 s past, leeway 30 s":           {"1749999971", "", 30 * s, nil},
		"exp 30 s past, leeway 30 s":           {"1749999970", "", 30 * s, jwtverify.ErrExpired},
		"exp 59 s past, default leeway":        {"1749999941", "", time.Minute, nil},
		"exp 60 s past, default leeway":        {"1749999940", "", time.Minute, jwtverify.ErrExpired},
		"exp 599 s past, the longest leeway":   {"1749999401", "", 600 * s, nil},
		"exp with an exponent":                 {"1.750000001e9", "", -1, nil},
		"exp with an exponent, E+":             {"1.750000001E+9", "", -1, nil},
		"exp with a negative exponent":         {"17500000010e-1", "", -1, nil},
		"exp with a lesser exponent":           {"1.750000001e8", "", -1, jwtverify.ErrExpired},
		"exp tiny":                             {"1e-400", "", -1, jwtverify.ErrExpired},
		"exp with zeros and a huge exponent":   {"0.000e999999999999999999", "", -1, jwtverify.ErrExpired},
		"exp with a hugely negative exponent":  {"1e-999999999999999999", "", -1, jwtverify.ErrExpired},
		"exp zero":                             {"0", "", -1, jwtverify.ErrExpired},
		"exp minus zero":                       {"-0", "", -1, jwtverify.ErrExpired},
		"exp negative":                         {"-1750000001", "", -1, jwtverify.ErrExpired},
		"exp the last second of 9999":          {"253402300799", "", -1, nil},
		"exp the last second of 9999, .0":      {"253402300799.000", "", -1, nil},
		"exp a fraction beyond":                {"253402300799.1", "", -1, jwtverify.ErrMalformed},
		"exp a hair beyond":                    {"253402300799.00000000000000000001", "", -1, jwtverify.ErrMalformed},
		"exp the year 10000":                   {"253402300800", "", -1, jwtverify.ErrMalformed},
		"exp as far back as may be":            {"-253402300799", "", -1, jwtverify.ErrExpired},
		"nbf a hair farther back":              {"1750000001", "-253402300799.00000000000000000001", -1, jwtverify.ErrMalformed},
		"exp farther back":                     {"-253402300800", "", -1, jwtverify.ErrMalformed},
		"exp in milliseconds":                  {"1750000001000", "", -1, jwtverify.ErrMalformed},
		"exp 2^64 and a good value":            {"18446744075459551616", "", -1, jwtverify.ErrMalformed},
		"exp -2^63-1":                          {"-9223372036854775809", "", -1, jwtverify.ErrMalformed},
		"exp 1e400":                            {"1e400", "", -1, jwtverify.ErrMalformed},
		"exp with a thousand leading decimals": {"0." + strings.Repeat("0", 1000) + "1750000001e1010", "", -1, nil},
		"exp with a thousand zeros":            {"1750000001" + strings.Repeat("0", 1000) + "e-1000", "", -1, nil},
		"exp text":                             {`"1750000001"`, "", -1, jwtverify.ErrMalformed},
		"exp null":                             {"null", "", -1, jwtverify.ErrMalformed},
		"exp true":                             {"true", "", -1, jwtverify.ErrMalformed},
		"exp an object":                        {"{}", "", -1, jwtverify.ErrMalformed},
		"exp with a leading zero":              {"01750000001", "", -1, jwtverify.ErrMalformed},
		"exp with a plus":                      {"+1750000001", "", -1, jwtverify.ErrMalformed},
		"exp with a bare point":                {"1750000001.", "", -1, jwtverify.ErrMalformed},
		"exp with a bare exponent":             {"1750000001e", "", -1, jwtverify.ErrMalformed},
		"exp with an underscore":               {"1_750_000_001", "", -1, jwtverify.ErrMalformed},
		"exp absent":                           {"", "", -1, jwtverify.ErrMalformed},
		"nbf now":                              {"1750003600", "1750000000", -1, nil},
		"nbf one second ahead":                 {"1750003600", "1750000001", -1, jwtverify.ErrNotYetValid},
		"nbf less than a nanosecond ahead":     {"1750003600", "1750000000.00000000000000001", -1, jwtverify.ErrNotYetValid},
		"nbf 30 s ahead, leeway 30 s":          {"1750003600", "1750000030", 30 * s, nil},
		"nbf 31 s ahead, leeway 30 s":          {"1750003600", "1750000031", 30 * s, jwtverify.ErrNotYetValid},
		"nbf zero":                             {"1750003600", "0", -1, nil},
		"nbf negative":                         {"1750003600", "-1.5", -1, nil},
		"nbf text":                             {"1750003600", `"0"`, -1, jwtverify.ErrMalformed},
		"nbf null":                             {"1750003600", "null", -1, jwtverify.ErrMalformed},
		"nbf ahead and exp past":               {"1749999999", "1750000001", -1, jwtverify.ErrNotYetValid},
	} {
		t.Run(name, func(t *testing.T) {
			claims := `{"iss":"https://issuer.example","aud":"https://api.example"`
			if test.exp != "" {
				claims += `,"exp":` + test.exp
			}
			if test.nbf != "" {
				claims += `,"nbf":` + test.nbf
			}
			verifier := newVerifier(t, jwtverify.Config{Leeway: test.leeway})
			token, err := verifier.Verify(t.Context(), signText(t, 0, `{"alg":"RS256","kid":"key-0"}`, claims+"}"))
			checkVerdict(t, token, err, test.want)
		})
	}
}

func TestDatesAreExact(t *testing.T) {
	for text, want := range map[string]time.Time{
		"1750000001":              time.Unix(1750000001, 0),
		"1750000001.25":           time.Unix(1750000001, 250_000_000),
		"1750000001.123456789":    time.Unix(1750000001, 123_456_789),
		"1750000001.1234567891":   time.Unix(1750000001, 123_456_790), // up
		"17500000012.5e-1":        time.Unix(1750000001, 250_000_000),
		"1750000001.999999999999": time.Unix(1750000002, 0),
	} {
		claims := fmt.Sprintf(`{"iss":%q,"aud":%q,"exp":%s}`, testIssuer, testAudience, text)
		token, err := newVerifier(t, jwtverify.Config{}).Verify(t.Context(), signText(t, 0, `{"alg":"RS256","kid":"key-0"}`, claims))
		if err != nil {
			t.Fatalf("exp %s: %v", text, err)
		}
		if !token.Expiry.Equal(want) || token.Expiry.Location() != time.UTC {
			t.Errorf("exp %s: got %v, want %v", text, token.Expiry, want.UTC())
		}
	}
	for text, want := range map[string]time.Time{
		"0":               time.Unix(0, 0),
		"-1.5":            time.Unix(-1, -500_000_000),
		"-1.999999999":    time.Unix(-1, -999_999_999),
		"-1.000000000999": time.Unix(-1, 0), // up, too
		"-15e-1":          time.Unix(-1, -500_000_000),
	} {
		claims := fmt.Sprintf(`{"iss":%q,"aud":%q,"exp":1750000001,"iat":%s}`, testIssuer, testAudience, text)
		token, err := newVerifier(t, jwtverify.Config{}).Verify(t.Context(), signText(t, 0, `{"alg":"RS256","kid":"key-0"}`, claims))
		if err != nil {
			t.Fatalf("iat %s: %v", text, err)
		}
		if !token.IssuedAt.Equal(want) {
			t.Errorf("iat %s: got %v, want %v", text, token.IssuedAt, want.UTC())
		}
	}
}

// Without Config.Now and Config.Leeway the clock is time.Now and the leeway one
// minute; in a bubble the clock stands still.
func TestDefaultClockAndLeeway(t *testing.T) {
	set := testSet(t, 1)
	synctest.Test(t, func(t *testing.T) {
		verifier, err := jwtverify.New(jwtverify.Config{Issuer: testIssuer, Audiences: []string{testAudience}, Keys: set})
		if err != nil {
			t.Fatal(err)
		}
		claims := goodClaims()
		delete(claims, "nbf")
		claims["exp"] = time.Now().Add(time.Hour).Unix()
		raw := sign(t, 0, goodHeader(), claims)
		time.Sleep(time.Hour + time.Minute - time.Nanosecond)
		token, err := verifier.Verify(t.Context(), raw)
		checkVerdict(t, token, err, nil)
		time.Sleep(time.Nanosecond)
		token, err = verifier.Verify(t.Context(), raw)
		checkVerdict(t, token, err, jwtverify.ErrExpired)
	})
}

// What fails first names the error, whatever else is wrong.
func TestOrderOfErrors(t *testing.T) {
	broken := []struct {
		name string
		want error
		turn func(header, claims map[string]any, key *int)
	}{
		{"alg", jwtverify.ErrUnsupported, func(h, _ map[string]any, _ *int) { h["alg"] = "ES256" }},
		{"typ", jwtverify.ErrUnsupported, func(h, _ map[string]any, _ *int) { h["typ"] = "logout+jwt" }},
		{"kid form", jwtverify.ErrMalformed, func(h, _ map[string]any, _ *int) { h["kid"] = 7 }},
		{"kid", jwtverify.ErrUnknownKey, func(h, _ map[string]any, _ *int) { h["kid"] = "other" }},
		{"signature", jwtverify.ErrSignature, func(_, _ map[string]any, key *int) { *key = 2 }},
		{"claim types", jwtverify.ErrMalformed, func(_, c map[string]any, _ *int) { c["sub"] = 7 }},
		{"issuer", jwtverify.ErrIssuer, func(_, c map[string]any, _ *int) { c["iss"] = "https://other" }},
		{"audience", jwtverify.ErrAudience, func(_, c map[string]any, _ *int) { c["aud"] = "https://other" }},
		{"not before", jwtverify.ErrNotYetValid, func(_, c map[string]any, _ *int) { c["nbf"] = testNow + 100 }},
		{"expiry", jwtverify.ErrExpired, func(_, c map[string]any, _ *int) { c["exp"] = testNow - 100 }},
	}
	verifier := newVerifier(t, jwtverify.Config{})
	for first := range broken {
		// Everything from first on is wrong; kid is set by two of them.
		header, claims, key := goodHeader(), goodClaims(), 0
		for last := len(broken) - 1; last >= first; last-- {
			broken[last].turn(header, claims, &key)
		}
		token, err := verifier.Verify(t.Context(), sign(t, key, header, claims))
		t.Run(broken[first].name+" before all that follows", func(t *testing.T) { checkVerdict(t, token, err, broken[first].want) })
	}
}

// A token that can never be good is refused without asking for keys, and not
// reported as an outage.
func TestNoFetchForWhatCannotBeAToken(t *testing.T) {
	asked := 0
	verifier := newVerifier(t, jwtverify.Config{Keys: jwtverify.KeySourceFunc(func(context.Context) (*jwtverify.KeySet, error) {
		asked++
		return nil, errors.New("down")
	})})
	good := sign(t, 0, goodHeader(), goodClaims())
	header, claims, signature := segments(good)
	for name, raw := range map[string]string{
		"alg none":                rawToken(`{"alg":"none"}`, `{}`, ""),
		"bad base64 in claims":    header + "." + claims + "=." + signature,
		"bad base64 in signature": good + "=",
		"too long":                good + strings.Repeat("A", 20_000),
	} {
		token, err := verifier.Verify(t.Context(), raw)
		if token != nil || !errors.Is(err, jwtverify.ErrInvalid) || errors.Is(err, jwtverify.ErrKeysUnavailable) {
			t.Errorf("%s: got error %v, want ErrInvalid", name, err)
		}
	}
	if asked != 0 {
		t.Errorf("the source was asked %d times, want 0", asked)
	}
	_, err := verifier.Verify(t.Context(), good)
	if !errors.Is(err, jwtverify.ErrKeysUnavailable) || errors.Is(err, jwtverify.ErrInvalid) || asked != 1 {
		t.Errorf("good token: got error %v after %d fetches, want ErrKeysUnavailable after 1", err, asked)
	}
}

// Nothing but the original verifies.
func TestMangledToken(t *testing.T) {
	good := sign(t, 0, goodHeader(), goodClaims())
	verifier := newVerifier(t, jwtverify.Config{})
	refuse := func(what, mangled string) {
		t.Helper()
		if mangled == good {
			return
		}
		if token, err := verifier.Verify(t.Context(), mangled); token != nil || !errors.Is(err, jwtverify.ErrInvalid) {
			t.Errorf("%s: got token %v, error %v, want ErrInvalid", what, token != nil, err)
		}
	}
	for i := range len(good) {
		refuse(fmt.Sprintf("prefix of %d bytes", i), good[:i])
		refuse(fmt.Sprintf("suffix from %d", i+1), good[i+1:])
		refuse(fmt.Sprintf("byte %d removed", i), good[:i]+good[i+1:])
		refuse(fmt.Sprintf("byte %d doubled", i), good[:i]+good[i:i+1]+good[i:])
		for _, c := range []byte{'A', '_', '.', '=', '\n', 0, good[i] ^ 1, good[i] ^ 0x80} {
			refuse(fmt.Sprintf("byte %d is %q", i, c), good[:i]+string([]byte{c})+good[i+1:])
		}
	}
	other := sign(t, 1, map[string]any{"alg": "RS256", "kid": "key-1"}, map[string]any{"iss": testIssuer, "aud": testAudience, "exp": testNow + 9})
	a, b := strings.Split(good, "."), strings.Split(other, ".")
	for choice := range 64 { // each segment is any segment of the two tokens, of the right kind or not
		pick := func(n int) string { return append(a, b...)[(choice>>n)%6] }
		mixed := pick(0) + "." + pick(2) + "." + pick(3)
		if mixed != other {
			refuse("swapped segments", mixed)
		}
	}
	for i := range 3 {
		mixed := slices.Clone(a)
		mixed[i] = b[i]
		refuse(fmt.Sprintf("segment %d of another token", i), strings.Join(mixed, "."))
	}
}

// RFC 7515, appendix A.2. It has no aud, so that this verifier refuses it; but by
// its audience, after the signature was found good.
func TestTokenOfRFC7515(t *testing.T) {
	const raw = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"
	set, err := jwtverify.ParseKeySet([]byte(`{"kty":"RSA","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ","e":"AQAB"}`))
	if err != nil {
		t.Fatal(err)
	}
	verifier := newVerifier(t, jwtverify.Config{Issuer: "joe", Keys: set, Now: func() time.Time { return time.Unix(1300819379, 0) }})
	token, err := verifier.Verify(t.Context(), raw)
	checkVerdict(t, token, err, jwtverify.ErrAudience)
	token, err = verifier.Verify(t.Context(), strings.Replace(raw, ".cC4", ".dC4", 1))
	checkVerdict(t, token, err, jwtverify.ErrSignature)
}

func TestKeysOfOneKid(t *testing.T) {
	var keys []jwtverify.Key
	for i := range 2 {
		key, err := jwtverify.NewKey(&testKey(t, i).PublicKey, "same")
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key)
	}
	set, err := jwtverify.NewKeySet(keys...)
	if err != nil {
		t.Fatal(err)
	}
	verifier := newVerifier(t, jwtverify.Config{Keys: set})
	for i, want := range []error{nil, nil, jwtverify.ErrSignature} {
		token, err := verifier.Verify(t.Context(), sign(t, i, map[string]any{"alg": "RS256", "kid": "same"}, goodClaims()))
		t.Run(fmt.Sprintf("signed by key %d", i), func(t *testing.T) { checkVerdict(t, token, err, want) })
	}
}

func TestTokenWithoutKid(t *testing.T) {
	raw := sign(t, 0, map[string]any{"alg": "RS256"}, goodClaims())
	token, err := newVerifier(t, jwtverify.Config{Keys: testSet(t, 1)}).Verify(t.Context(), raw)
	checkVerdict(t, token, err, nil)
	raw = sign(t, 0, map[string]any{"alg": "RS256", "kid": ""}, goodClaims())
	token, err = newVerifier(t, jwtverify.Config{Keys: testSet(t, 1)}).Verify(t.Context(), raw)
	checkVerdict(t, token, err, jwtverify.ErrUnknownKey)
}

// One text of each kind, as a person reads it.
func TestErrorTexts(t *testing.T) {
	good := sign(t, 0, goodHeader(), goodClaims())
	with := func(name string, value any) string {
		claims := goodClaims()
		claims[name] = value
		return sign(t, 0, goodHeader(), claims)
	}
	for want, token := range map[string]string{
		`token has 2 parts, want three parts: header.claims.signature`:                                                        "a.b",
		`token has five parts, so it is encrypted (JWE), want a signed JWT`:                                                   "a.b.c.d.e",
		`token has 16385 bytes, want at most 16384 bytes`:                                                                     strings.Repeat("a", 16385),
		`signature has padding (=) at byte 342, want base64url without padding`:                                               good + "=",
		`alg is "HS256", want "RS256"`:                                                                                        rawToken(`{"alg":"HS256"}`, "{}", ""),
		`header is not valid JSON: it ends at byte 8, want a comma or }`:                                                      rawToken(`{"alg":1`, "{}", ""),
		`header has the member "alg" twice`:                                                                                   rawToken(`{"alg":1,"alg":2}`, "{}", ""),
		`kid is "\n\u0435", want one of the issuer's keys ("key-0", "key-1")`:                                                 rawToken(`{"alg":"RS256","kid":"\nе"}`, "{}", ""),
		`signature has 1 bytes, want 256, the size of key "key-0"`:                                                            good[:strings.LastIndexByte(good, '.')] + ".AA",
		`issuer is "https://other", want "https://issuer.example"`:                                                            with("iss", "https://other"),
		`audience is ["https://other"], want "https://api.example"`:                                                           with("aud", "https://other"),
		`token expired at 2025-06-15T15:06:39Z, and it is 2025-06-15T15:06:40Z (leeway 0s)`:                                   with("exp", testNow-1),
		`token is not valid before 2025-06-15T15:06:41Z, and it is 2025-06-15T15:06:40Z (leeway 0s)`:                          with("nbf", testNow+1),
		`claims: "sub" is null, want a string`:                                                                                with("sub", nil),
		`claims: "EXP" differs from a registered claim only in case, want "exp"`:                                              with("EXP", 1),
		`claims: "exp" is 1750000000000, beyond the year 9999, want seconds since 1970 (not milliseconds)`:                    with("exp", int64(testNow*1000)),
		`audience is ["0", "1", "2", "3", and 6 more], want "https://api.example"`:                                            with("aud", strings.Split("0123456789", "")),
		`audience is ["0", "1", "2", "3", "4"], want "https://api.example"`:                                                   with("aud", strings.Split("01234", "")),
		`issuer is "` + strings.Repeat("x", 100) + `", want "https://issuer.example"`:                                         with("iss", strings.Repeat("x", 100)),
		`claims: "exp" is ` + strings.Repeat("9", 32) + `, beyond the year 9999, want seconds since 1970 (not milliseconds)`:  with("exp", json.Number(strings.Repeat("9", 32))),
		`claims: "exp" is ` + strings.Repeat("9", 32) + `…, beyond the year 9999, want seconds since 1970 (not milliseconds)`: with("exp", json.Number(strings.Repeat("9", 33))),
		`issuer is "` + strings.Repeat("x", 99) + `"…, want "https://issuer.example"`:                                         with("iss", strings.Repeat("x", 99)+"é and more"),
	} {
		_, err := newVerifier(t, jwtverify.Config{}).Verify(t.Context(), token)
		if err == nil || err.Error() != "jwtverify: token is invalid: "+want {
			t.Errorf("got  %v\nwant jwtverify: token is invalid: %s", err, want)
		}
	}
}

func TestErrorTextsOfAnAudienceClaim(t *testing.T) {
	for name, test := range map[string]struct{ claim, audience, clientID, want string }{
		"neither aud nor the claim":      {"client_id", "", "", `aud and client_id are missing`},
		"another value of the claim":     {"client_id", "", "other", `client_id, in place of aud, is ["other"]`},
		"another aud beside the claim":   {"client_id", "other", testAudience, `audience is ["other"]`},
		"no aud, and no claim is taken":  {"", "", testAudience, `aud is missing`},
		"another aud, no claim is taken": {"", "other", testAudience, `audience is ["other"]`},
	} {
		claims := goodClaims()
		delete(claims, "aud")
		if test.audience != "" {
			claims["aud"] = test.audience
		}
		if test.clientID != "" {
			claims["client_id"] = test.clientID
		}
		_, err := newVerifier(t, jwtverify.Config{AudienceClaim: test.claim}).Verify(t.Context(), sign(t, 0, goodHeader(), claims))
		if want := `jwtverify: token is invalid: ` + test.want + `, want "https://api.example"`; err == nil || err.Error() != want {
			t.Errorf("%s:\ngot  %v\nwant %s", name, err, want)
		}
	}
}

func TestUnknownKidNamesTheFirstKeys(t *testing.T) {
	kids := []string{"a", "b", "c", "d", "e", "f", "g"}
	for count, want := range map[int]string{
		1: `("a")`,
		5: `("a", "b", "c", "d", "e")`,
		6: `("a", "b", "c", "d", "e", …)`,
		7: `("a", "b", "c", "d", "e", …)`,
	} {
		verifier := newVerifier(t, jwtverify.Config{Keys: setOf(t, kids[:count], make([]int, count))})
		_, err := verifier.Verify(t.Context(), sign(t, 0, map[string]any{"alg": "RS256", "kid": "other"}, goodClaims()))
		if want := `jwtverify: token is invalid: kid is "other", want one of the issuer's keys ` + want; err == nil || err.Error() != want {
			t.Errorf("%d keys: got error %v, want %s", count, err, want)
		}
	}
}

// An engineer with a PEM file has not chosen the kid, and may not know that there is one.
func TestUnknownKidTellsWhereTheKidOfAPEMFileIsFrom(t *testing.T) {
	set, err := jwtverify.ParseKeySet([]byte(pemOf(t, 0)))
	if err != nil {
		t.Fatal(err)
	}
	_, err = newVerifier(t, jwtverify.Config{Keys: set}).Verify(t.Context(), sign(t, 0, goodHeader(), goodClaims()))
	want := `jwtverify: token is invalid: kid is "key-0", want one of the issuer's keys ("` + kids(set)[0] + `"); ` +
		"keys from PEM have their RFC 7638 thumbprint as kid, use NewKey to give them the issuer's"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestNewRefusesWhatIsNotCompleteAndSafe(t *testing.T) {
	ok := jwtverify.Config{Issuer: testIssuer, Audiences: []string{testAudience}, Keys: testSet(t, 1)}
	if _, err := jwtverify.New(ok); err != nil {
		t.Fatal(err)
	}
	ec, err := jwtverify.ParseKeySet([]byte(`{"keys":[{"kty":"EC","kid":"ec"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		change func(*jwtverify.Config)
		want   string // in the error
	}{
		"no issuer":                      {func(c *jwtverify.Config) { c.Issuer = "" }, "Config.Issuer is empty: set it to"},
		"an issuer that is no UTF-8":     {func(c *jwtverify.Config) { c.Issuer = "\xff" }, "Config.Issuer is"},
		"a long one, without any letter": {func(c *jwtverify.Config) { c.Issuer = strings.Repeat("\x80", 150) }, `Config.Issuer is ""…: no token can carry it`},
		"no audience":                    {func(c *jwtverify.Config) { c.Audiences = nil }, "Config.Audiences is empty: set it to"},
		"an empty audience":              {func(c *jwtverify.Config) { c.Audiences = []string{"a", ""} }, "Config.Audiences[1] is"},
		"no keys, and a name as issuer": {func(c *jwtverify.Config) { c.Issuer, c.Keys = "accounts.google.com", nil },
			`Config.Keys is nil, and Config.Issuer is "accounts.google.com", which is no https address that leads to keys: set Config.Keys to where they are, such as jwtverify.HTTPKeySource{URL:`},
		"no keys, and an http name": {func(c *jwtverify.Config) { c.Issuer, c.Keys = "http://adfs.example.com/adfs/services/trust", nil },
			`Config.Keys is nil, and Config.Issuer is "http://adfs.example.com/adfs/services/trust", which is no https address`},
		"an issuer with a line end":     {func(c *jwtverify.Config) { c.Issuer += "\r" }, `Config.Issuer is "https://issuer.example\r", want the exact iss of the tokens: it has a line end ("\r") at the end: remove it`},
		"an issuer that is a document":  {func(c *jwtverify.Config) { c.Issuer += "/.well-known/openid-configuration" }, `it is the address of a document of the issuer: remove "/.well-known/openid-configuration"`},
		"an audience in quotes":         {func(c *jwtverify.Config) { c.Audiences = []string{"a", `"b"`} }, `Config.Audiences[1] is "\"b\"", want an aud that tokens for this service carry: it has a quote`},
		"a type with a line end":        {func(c *jwtverify.Config) { c.Type = "at+jwt\n" }, `Config.Type is "at+jwt\n", want a media type such as "at+jwt", or nothing to take JWT, at+jwt, JOSE or no typ: it has a line end`},
		"an address with an empty part": {func(c *jwtverify.Config) { c.Keys = jwtverify.HTTPKeySource{URL: "https://a.example//keys"} }, "Config.Keys: HTTPKeySource.URL has // behind the host"},
		"a discovery address of keys": {func(c *jwtverify.Config) {
			c.Keys = jwtverify.DiscoveryKeySource{Issuer: "https://a.example/.well-known/openid-configuration"}
		}, "Config.Keys: DiscoveryKeySource.Issuer is the address of a document"},
		"a nil *KeySet":                 {func(c *jwtverify.Config) { c.Keys = (*jwtverify.KeySet)(nil) }, "Config.Keys: the key source is nil"},
		"a nil *Cache":                  {func(c *jwtverify.Config) { c.Keys = (*jwtverify.Cache)(nil) }, "Config.Keys: the key source is nil"},
		"a nil function":                {func(c *jwtverify.Config) { c.Keys = jwtverify.KeySourceFunc(nil) }, "Config.Keys: the key source is nil"},
		"a nil pointer to a source":     {func(c *jwtverify.Config) { c.Keys = (*jwtverify.HTTPKeySource)(nil) }, "Config.Keys: the key source is nil"},
		"a set without usable key":      {func(c *jwtverify.Config) { c.Keys = ec }, `Config.Keys can verify nothing: the key set has no key usable for RS256: key 0 with kid "ec" is not used: kty is "EC", want "RSA"`},
		"a zero HTTPKeySource":          {func(c *jwtverify.Config) { c.Keys = jwtverify.HTTPKeySource{} }, "HTTPKeySource.URL is empty"},
		"a zero FileKeySource":          {func(c *jwtverify.Config) { c.Keys = jwtverify.FileKeySource("") }, "FileKeySource is empty"},
		"a Cache without source":        {func(c *jwtverify.Config) { c.Keys = &jwtverify.Cache{} }, "Cache.Source"},
		"a Cache in a Cache":            {func(c *jwtverify.Config) { c.Keys = &jwtverify.Cache{Source: &jwtverify.Cache{Source: c.Keys}} }, "a *Cache inside another source"},
		"a leeway over ten minutes":     {func(c *jwtverify.Config) { c.Leeway = 10*time.Minute + 1 }, "Config.Leeway is 10m0.000000001s: want at most 10m0s"},
		"another claim as the audience": {func(c *jwtverify.Config) { c.AudienceClaim = "sub" }, `Config.AudienceClaim is "sub": want`},
		"a type with a space":           {func(c *jwtverify.Config) { c.Type = "at jwt" }, `Config.Type is "at jwt": want`},
		"a type that is a prefix":       {func(c *jwtverify.Config) { c.Type = "application/" }, `Config.Type is "application/": want`},
	} {
		t.Run(name, func(t *testing.T) {
			config := ok
			test.change(&config)
			verifier, err := jwtverify.New(config)
			if verifier != nil || err == nil || !strings.HasPrefix(err.Error(), "jwtverify: ") || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got verifier %v, error %v, want an error with %q", verifier != nil, err, test.want)
			}
		})
	}
	// RFC 6838, section 4.2: what may stand in the name of a type, and its neighbours.
	for _, typ := range []string{"a`", "a{", "a@", "a[", "a:", "a;", "a,", "a~", "/a", "a/", "/", "a/b/c"} {
		config := ok
		config.Type = typ
		if _, err := jwtverify.New(config); err == nil || !strings.Contains(err.Error(), "Config.Type is") {
			t.Errorf("type %q: got error %v, want one", config.Type, err)
		}
	}
	for _, typ := range []string{"application/at+jwt", "azAZ09/!#$&-^_.+"} {
		ok.Leeway, ok.AudienceClaim, ok.Type = 10*time.Minute, "azp", typ
		if _, err := jwtverify.New(ok); err != nil {
			t.Errorf("at the bounds: %v", err)
		}
	}
}

// metadataIssuer is an issuer on loopback with one key, and a token of it for
// "https://api.example.com".
func metadataIssuer(t *testing.T) (url, token string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/.well-known/jwks.json":
			fmt.Fprint(w, jwkSet(t, 1))
		case "/.well-known/openid-configuration":
			address := "http://" + r.Host
			fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":%q}`, address, address+"/.well-known/jwks.json")
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(server.Close)
	claims := goodClaims()
	claims["iss"], claims["aud"], claims["exp"] = server.URL, "https://api.example.com", time.Now().Add(time.Hour).Unix()
	return server.URL, sign(t, 0, goodHeader(), claims)
}

// Without Config.Keys the issuer's own metadata say where the keys are.
func TestNoKeysMeansTheMetadataOfTheIssuer(t *testing.T) {
	url, raw := metadataIssuer(t)
	verifier, err := jwtverify.New(jwtverify.Config{Issuer: url, Audiences: []string{"https://api.example.com"}})
	if err != nil {
		t.Fatal(err)
	}
	token, err := verifier.Verify(t.Context(), raw)
	checkVerdict(t, token, err, nil)
}

func TestVerifierKeepsNothingOfTheCallers(t *testing.T) {
	audiences := []string{testAudience}
	verifier := newVerifier(t, jwtverify.Config{Audiences: audiences})
	audiences[0] = "changed"
	raw := sign(t, 0, goodHeader(), goodClaims())
	token, err := verifier.Verify(t.Context(), raw)
	checkVerdict(t, token, err, nil)
	token.Audience[0] = "changed"
	token, err = verifier.Verify(t.Context(), raw)
	checkVerdict(t, token, err, nil)
}

func TestZeroVerifierRefuses(t *testing.T) {
	for name, verifier := range map[string]*jwtverify.Verifier{"zero": {}, "nil": nil} {
		token, err := verifier.Verify(t.Context(), sign(t, 0, goodHeader(), goodClaims()))
		if token != nil || !errors.Is(err, jwtverify.ErrKeysUnavailable) || errors.Is(err, jwtverify.ErrInvalid) {
			t.Errorf("%s verifier: got token %v, error %v, want ErrKeysUnavailable", name, token != nil, err)
		}
		if err := verifier.Ready(t.Context()); !errors.Is(err, jwtverify.ErrKeysUnavailable) {
			t.Errorf("%s verifier: Ready: got %v, want ErrKeysUnavailable", name, err)
		}
	}
}

func TestNilAndCancelledContextVerifyWithKnownKeys(t *testing.T) {
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	raw := sign(t, 0, goodHeader(), goodClaims())
	for name, ctx := range map[string]context.Context{"nil": nil, "cancelled": cancelled} {
		verifier := newVerifier(t, jwtverify.Config{})
		if _, err := verifier.Verify(ctx, raw); err != nil {
			t.Errorf("%s context: %v", name, err)
		}
		if err := verifier.Ready(ctx); err != nil {
			t.Errorf("%s context: Ready: %v", name, err)
		}
	}
}

func TestClaimsOfTheToken(t *testing.T) {
	claims := goodClaims()
	claims["scope"] = "read write"
	token, err := newVerifier(t, jwtverify.Config{}).Verify(t.Context(), sign(t, 0, goodHeader(), claims))
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Scope string `json:"scope"`
	}
	if err := token.Claims(&got); err != nil || got.Scope != "read write" {
		t.Errorf("got %+v, error %v, want the scope", got, err)
	}
	var wrong struct {
		Scope int `json:"scope"`
	}
	var typeError *json.UnmarshalTypeError
	if err := token.Claims(&wrong); !errors.As(err, &typeError) {
		t.Errorf("got error %v, want the *json.UnmarshalTypeError", err)
	}
	for name, none := range map[string]*jwtverify.Token{"nil": nil, "zero": {}} {
		if err := none.Claims(&got); err == nil {
			t.Errorf("%s token: got no error, want one", name)
		}
	}
}

// Strings reads by exact names, and from verified claims alone.
func TestStringsOfTheToken(t *testing.T) {
	claims := changed(goodClaims(), map[string]any{
		"realm_access": map[string]any{"roles": []string{"read", "write"}}, "Scope": "admin", "hd": "example.com", "token_use": []string{"access"},
	})
	token, err := newVerifier(t, jwtverify.Config{}).Verify(t.Context(), sign(t, 0, goodHeader(), claims))
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ path, want []string }{
		{[]string{"realm_access", "roles"}, []string{"read", "write"}},
		{[]string{"hd"}, []string{"example.com"}},
		{[]string{"token_use"}, []string{"access"}},
		{[]string{"sub"}, []string{token.Subject}},
		{[]string{"scope"}, nil},
		{[]string{"exp"}, nil},
		{nil, nil},
	} {
		if got := token.Strings(test.path...); !slices.Equal(got, test.want) {
			t.Errorf("%q: got %q, want %q", test.path, got, test.want)
		}
	}
	for _, token := range []*jwtverify.Token{nil, {}, {Subject: "s"}} {
		if got := token.Strings("sub"); got != nil {
			t.Errorf("%+v: got %q, want nothing: Verify did not return it", token, got)
		}
	}
}

// Bound says that there is a cnf, whatever it holds: for a new and for a remembered token.
func TestBound(t *testing.T) {
	for claims, want := range map[string]bool{
		`"cnf":{"jkt":"x"}`:      true,
		`"cnf":null`:             true,
		`"\u0063nf":""`:          true,
		`"x":{"cnf":{}}`:         false,
		`"Cnf":{}`:               false,
		`"x":"\"cnf\":{}"`:       false,
		`"cnfs":[],"cn":{"f":1}`: false,
	} {
		text := marshal(t, goodClaims())
		verifier := newVerifier(t, jwtverify.Config{VerifiedCache: 1})
		for range 2 {
			token, err := verifier.Verify(t.Context(), signText(t, 0, marshal(t, goodHeader()), text[:len(text)-1]+","+claims+"}"))
			checkVerdict(t, token, err, nil)
			if err == nil && token.Bound != want {
				t.Errorf("%s: got %v, want %v", claims, token.Bound, want)
			}
		}
	}
}

func TestContext(t *testing.T) {
	if token, ok := jwtverify.FromContext(t.Context()); ok || token != nil {
		t.Errorf("got %v, %v from an empty context, want nothing", token, ok)
	}
	want := &jwtverify.Token{Subject: "s"}
	if token, ok := jwtverify.FromContext(jwtverify.NewContext(t.Context(), want)); !ok || token != want {
		t.Errorf("got %v, %v, want the token", token, ok)
	}
	if token, ok := jwtverify.FromContext(jwtverify.NewContext(t.Context(), nil)); ok || token != nil {
		t.Errorf("got %v, %v from a context with a nil token, want nothing", token, ok)
	}
}

func TestKeysUnavailableErrorText(t *testing.T) {
	err := &jwtverify.KeysUnavailableError{RetryAfter: 1500 * time.Millisecond, Reason: "failing", Err: errors.New("connection refused")}
	if got, want := err.Error(), "jwtverify: keys are unavailable (failing), try again in 2s: connection refused"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestConcurrentVerify(t *testing.T) {
	verifier := newVerifier(t, jwtverify.Config{})
	good, bad := sign(t, 0, goodHeader(), goodClaims()), sign(t, 1, goodHeader(), goodClaims())
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 50 {
				if _, err := verifier.Verify(context.Background(), good); err != nil {
					t.Error(err)
				}
				if _, err := verifier.Verify(context.Background(), bad); !errors.Is(err, jwtverify.ErrSignature) {
					t.Errorf("got %v, want ErrSignature", err)
				}
			}
		})
	}
	group.Wait()
}

// What Verify allocates over crypto/rsa itself: the header and the claims as text, and
// the Token with its Audience.
func TestAllocations(t *testing.T) {
	if strings.Contains(runtime.Version(), "boringcrypto") {
		t.Skip("BoringCrypto allocates otherwise")
	}
	token := benchToken(t)
	verifier := newVerifier(t, jwtverify.Config{})
	ctx := t.Context()
	verify := testing.AllocsPerRun(200, func() {
		if _, err := verifier.Verify(ctx, token); err != nil {
			t.Fatal(err)
		}
	})
	last := strings.LastIndexByte(token, '.')
	signature, err := base64.RawURLEncoding.DecodeString(token[last+1:])
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256([]byte(token[:last]))
	pub := &testKey(t, 0).PublicKey
	floor := testing.AllocsPerRun(200, func() {
		if err := rsa.VerifyPKCS1v15(pub, crypto.SHA256, digest[:], signature); err != nil {
			t.Fatal(err)
		}
	})
	if verify > floor+3 {
		t.Errorf("Verify makes %v allocations, crypto/rsa %v of them: want at most 3 of our own", verify, floor)
	}
}

// jwkOf is the JWK of a public key, with nothing but what it must have and a kid.
func jwkOf(pub *rsa.PublicKey, kid string) map[string]string {
	return map[string]string{
		"kty": "RSA",
		"kid": kid,
		"n":   base64.RawURLEncoding.EncodeToString(pub.N.Bytes()),
		"e":   base64.RawURLEncoding.EncodeToString(big.NewInt(int64(pub.E)).Bytes()),
	}
}

// What reading a header, which anyone can send, may cost whatever stands in it, as a
// multiple of one signature check.
const maxHeaderCost = 1

func TestHeaderCost(t *testing.T) {
	if testing.CoverMode() != "" || testing.Short() || raceEnabled() {
		t.Skip("counting statements makes everything take longer, as the race detector does, and as what runs beside the short tests")
	}
	const maxHeaderBytes, maxHeaderMembers = 8 << 10, 64
	fill := func(item string) string {
		const count = maxHeaderMembers/2 - 1
		return `{"a":[` + strings.TrimSuffix(strings.Repeat(item+",", count), ",") + `]}`
	}
	longNames := "{"
	for i := range 64 {
		longNames += fmt.Sprintf(`"%s%03x":0,`, strings.Repeat("a", 117), i)
	}
	longest := maxHeaderBytes - len(`{"a":""}`)
	for name, text := range map[string]string{
		"64 objects":                fill(`{"":"` + strings.Repeat(`\u0041`, 42) + `"}`),
		"a long string":             `{"a":"` + strings.Repeat("a", longest) + `"}`,
		"escapes":                   `{"a":"` + strings.Repeat(`\u0041`, longest/6) + `"}`,
		"escapes in kid":            `{"kid":"` + strings.Repeat(`\u0041`, longest/6-1) + `"}`,
		"short escapes":             `{"a":"` + strings.Repeat(`\n`, longest/2) + `"}`,
		"halves of surrogate pairs": `{"a":"` + strings.Repeat(`\ud800`, longest/6) + `"}`,
		"white space":               "{" + strings.Repeat(" ", longest) + `"a":0}`,
		"64 long names":             "{" + strings.Join(strings.Split(longNames, ",")[:63], ",")[1:] + "}",
	} {
		segment := encode(text)
		if len(text) > maxHeaderBytes || len(text) < maxHeaderBytes*9/10 {
			t.Errorf("%s: the header has %d bytes", name, len(text))
		}
		cost := strictjsontest.CostOf(maxHeaderCost, func() { jwtverify.ReadHeader(segment) })
		if cost > maxHeaderCost {
			t.Errorf("%s: the header takes %.2f signature checks, want at most %d", name, cost, maxHeaderCost)
		}
		t.Logf("%-28s %.2f signature checks", name, cost)
	}
}

// raceEnabled reports whether these tests were built with the race detector.
func raceEnabled() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

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

// A token of dots alone costs no memory by the dot (CVE-2025-30204 and others: a slice
// with an element for each of them).
func TestATokenOfDotsCostsNoMemory(t *testing.T) {
	verifier := newVerifier(t, jwtverify.Config{})
	issuers, err := jwtverify.NewIssuers(verifier)
	if err != nil {
		t.Fatal(err)
	}
	for name, verify := range map[string]func(string) error{
		"Verifier.Verify":  func(raw string) error { _, err := verifier.Verify(t.Context(), raw); return err },
		"Verifier.Explain": func(raw string) error { return verifier.Explain(t.Context(), raw).Err },
		"Issuers.Verify":   func(raw string) error { _, err := issuers.Verify(t.Context(), raw); return err },
	} {
		verify(".") // what is made once in a process is made here
		for _, raw := range []string{strings.Repeat(".", 16_384), "a" + strings.Repeat(".", 16_383), strings.Repeat(".", 1<<20)} {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			err := verify(raw)
			runtime.ReadMemStats(&after)
			limit := uint64(16 << 10)
			if name == "Verifier.Explain" {
				limit = 128 << 10 // looks at what the text is, for a person
			}
			if used := after.TotalAlloc - before.TotalAlloc; err == nil || used > limit {
				t.Errorf("%s, %d bytes: %d bytes of memory, and the error is %v", name, len(raw), used, err)
			}
		}
	}
}

var errNotOurs = errors.New("not ours")

// misleading is an error that says it is another.
type misleading struct{ is error }

func (e misleading) Error() string        { return "misleading" }
func (e misleading) Is(target error) bool { return target == e.is }

// mute cannot be asked for its text.
type mute struct{}

func (*mute) Error() string { panic("no text") }

// What the caller's check returns refuses the token as ErrClaims and as nothing else; a
// remembered token too.
func TestTheCheckOfTheCaller(t *testing.T) {
	raw := sign(t, 0, goodHeader(), goodClaims())
	const refused = "jwtverify: token is invalid: Config.Check refused it: "
	for name, test := range map[string]struct {
		check func(*jwtverify.Token) error
		want  string // "": accepted
		is    error  // found by errors.Is
	}{
		"nothing":                       {func(*jwtverify.Token) error { return nil }, "", nil},
		"an error":                      {func(*jwtverify.Token) error { return errNotOurs }, refused + `"not ours"`, errNotOurs},
		"one that wraps another":        {func(*jwtverify.Token) error { return fmt.Errorf("sub: %w", errNotOurs) }, refused + `"sub: not ours"`, errNotOurs},
		"one with control characters":   {func(*jwtverify.Token) error { return errors.New("a\nb") }, refused + `"a\nb"`, nil},
		"a long one":                    {func(*jwtverify.Token) error { return errors.New(strings.Repeat("x", 300)) }, refused + `"` + strings.Repeat("x", 100) + `"…`, nil},
		"one of this package":           {func(*jwtverify.Token) error { return jwtverify.ErrExpired }, refused + `"jwtverify: token is invalid: expired"`, nil},
		"an outage":                     {func(*jwtverify.Token) error { return &jwtverify.KeysUnavailableError{Err: errNotOurs} }, refused + `"jwtverify: keys are unavailable (), try again in 0s: not ours"`, nil},
		"one that says it is an outage": {func(*jwtverify.Token) error { return misleading{jwtverify.ErrKeysUnavailable} }, refused + `"misleading"`, nil},
		"a nil pointer as error":        {func(*jwtverify.Token) error { return (*mute)(nil) }, `jwtverify: token is invalid: Config.Check panicked: "no text"`, nil},
		"a panic":                       {func(*jwtverify.Token) error { panic("boom\n") }, `jwtverify: token is invalid: Config.Check panicked: "boom\n"`, nil},
		"a panic with an error":         {func(*jwtverify.Token) error { panic(jwtverify.ErrKeysUnavailable) }, `jwtverify: token is invalid: Config.Check panicked: "jwtverify: keys are unavailable"`, nil},
		"a nil dereference":             {func(*jwtverify.Token) error { var t *jwtverify.Token; return errors.New(t.Subject) }, `jwtverify: token is invalid: Config.Check panicked: "runtime error: invalid memory address or nil pointer dereference"`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			refuse := false
			config := jwtverify.Config{VerifiedCache: 8, Check: func(token *jwtverify.Token) error {
				if !refuse {
					return nil
				}
				return test.check(token)
			}}
			remembers := remembering(t, config, raw) // accepted once
			refuse = true
			for door, verify := range map[string]func() (*jwtverify.Token, error){
				"new":        func() (*jwtverify.Token, error) { return newVerifier(t, config).Verify(t.Context(), raw) },
				"remembered": func() (*jwtverify.Token, error) { return remembers.Verify(t.Context(), raw) },
				"by Issuers": func() (*jwtverify.Token, error) { return newIssuers(t, remembers).Verify(t.Context(), raw) },
				"explained": func() (*jwtverify.Token, error) {
					report := remembers.Explain(t.Context(), raw)
					return report.Token, report.Err
				},
			} {
				token, err := verify()
				if test.want == "" {
					checkVerdict(t, token, err, nil)
					continue
				}
				checkVerdict(t, token, err, jwtverify.ErrClaims)
				if err != nil && err.Error() != test.want {
					t.Errorf("%s:\ngot  %v\nwant %s", door, err, test.want)
				}
				if test.is != nil && !errors.Is(err, test.is) {
					t.Errorf("%s: %v is not the caller's own error", door, err)
				}
				var unavailable *jwtverify.KeysUnavailableError
				if errors.As(err, &unavailable) {
					t.Errorf("%s: %v has an outage in it", door, err)
				}
			}
		})
	}
}

// It is called last: for no token that is refused for another reason.
func TestTheCheckComesLast(t *testing.T) {
	now := time.Unix(testNow, 0)
	calls := 0
	config := jwtverify.Config{VerifiedCache: 8, Now: func() time.Time { return now }, Check: func(*jwtverify.Token) error { calls++; return nil }}
	verifier := newVerifier(t, config)
	good := sign(t, 0, goodHeader(), goodClaims())
	for name, raw := range map[string]string{
		"a forged one":     sign(t, 1, goodHeader(), goodClaims()),
		"an expired one":   sign(t, 0, goodHeader(), changed(goodClaims(), map[string]any{"exp": testNow - 1})),
		"for another API":  sign(t, 0, goodHeader(), changed(goodClaims(), map[string]any{"aud": "https://other"})),
		"no token":         "no token",
		"another alg":      sign(t, 0, map[string]any{"alg": "none"}, goodClaims()),
		"of another party": sign(t, 0, goodHeader(), changed(goodClaims(), map[string]any{"iss": "https://other"})),
	} {
		if _, err := verifier.Verify(t.Context(), raw); err == nil || errors.Is(err, jwtverify.ErrClaims) || calls > 0 {
			t.Errorf("%s: got %v after %d calls", name, err, calls)
		}
		if verifier.Explain(t.Context(), raw); calls > 0 {
			t.Errorf("%s: Explain has called it", name)
		}
	}
	for i := range 3 {
		token, err := verifier.Verify(t.Context(), good)
		checkVerdict(t, token, err, nil)
		if calls != i+1 {
			t.Errorf("called %d times for %d tokens", calls, i+1)
		}
	}
	now = time.Unix(testNow+9999, 0)
	if token, err := verifier.Verify(t.Context(), good); calls != 3 {
		t.Errorf("called for a remembered token that has expired: %v, %v", token, err)
	}
}

// The check sees all of the token, and what it does to its copy nobody else sees: not the
// caller, not the next call.
func TestTheCheckHasItsOwnCopy(t *testing.T) {
	var kept []*jwtverify.Token
	spoil := func(token *jwtverify.Token) error {
		if token.Subject != goodClaims()["sub"] || token.Issuer != testIssuer || token.KeyID != "key-0" || token.Type != "JWT" || token.Audience[0] != testAudience || token.Claims(&map[string]any{}) != nil {
			return fmt.Errorf("got %+v", token)
		}
		kept = append(kept, token)
		token.Audience[0] = "spoiled"
		*token = jwtverify.Token{Subject: "spoiled"}
		return nil
	}
	verifier := newVerifier(t, jwtverify.Config{VerifiedCache: 8, Check: spoil})
	raw := sign(t, 0, goodHeader(), goodClaims())
	for range 3 {
		token, err := verifier.Verify(t.Context(), raw)
		checkVerdict(t, token, err, nil)
		if err == nil && (token.Subject != goodClaims()["sub"] || token.Audience[0] != testAudience || token.Claims(&map[string]any{}) != nil) {
			t.Errorf("got %+v, want what the issuer signed", token)
		}
	}
	if len(kept) != 3 {
		t.Errorf("called %d times", len(kept))
	}
	if report := verifier.Explain(t.Context(), raw); report.Token == nil || report.Token.Subject == "spoiled" {
		t.Errorf("Explain has %+v", report.Token)
	}
}

// Explain shows it as a step of its own where there is a check, and only there.
func TestExplainShowsTheCheck(t *testing.T) {
	good := sign(t, 0, goodHeader(), goodClaims())
	expired := sign(t, 0, goodHeader(), changed(goodClaims(), map[string]any{"exp": testNow - 1}))
	refuse := func(*jwtverify.Token) error { return errNotOurs }
	for name, test := range map[string]struct {
		check func(*jwtverify.Token) error
		raw   string
		want  string // the last check
	}{
		"none":                 {nil, good, "expiry pass"},
		"one that accepts":     {func(*jwtverify.Token) error { return nil }, good, `check pass  | a token that Config.Check accepts | accepted by it | `},
		"one that refuses":     {refuse, good, `check fail claims-refused | a token that Config.Check accepts | "not ours" | send a token of the kind that this check asks for. If this one is to be accepted, change Config.Check`},
		"one that panics":      {func(*jwtverify.Token) error { panic("boom") }, good, `check fail check-panicked | a token that Config.Check accepts | "boom" | correct Config.Check: no token must make it panic, whatever claims it lacks`},
		"one that is not made": {refuse, expired, "check skip  |  |  | "},
		"no token":             {refuse, "", "check skip  |  |  | "},
	} {
		t.Run(name, func(t *testing.T) {
			config := jwtverify.Config{Check: test.check}
			report := newVerifier(t, config).Explain(t.Context(), test.raw)
			token, err := newVerifier(t, config).Verify(t.Context(), test.raw)
			checkReport(t, report, token, err, test.raw)
			c := report.Checks[len(report.Checks)-1]
			if got := fmt.Sprintf("%s %s %s | %s | %s | %s", c.Name, c.Status, c.Code, c.Expected, c.Found, c.Next); !strings.HasPrefix(got, test.want) {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
			byIssuers := newIssuers(t, newVerifier(t, config)).Explain(t.Context(), test.raw)
			checkReport(t, byIssuers, token, err, test.raw)
		})
	}
}
