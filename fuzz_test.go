package jwtverify_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"example.com/jwtverify"
	"example.com/jwtverify/issuertest"
)

// What FuzzVerify puts its text into, in place of length bytes at a position.
const (
	editToken     = iota // the token as sent
	editHeader           // the header; the signature stays
	editClaims           // the claims; the signature stays
	editSignature        // the bytes of the signature
	replaceToken         // the whole token
	signHeader           // the header, signed again
	signClaims           // the claims, signed again
	editKinds
)

// splice puts text in place of length bytes at a position, as far as there are so
// many.
func splice(s string, at, length uint16, text string) string {
	from := min(int(at), len(s))
	return s[:from] + text + s[min(from+int(length), len(s)):]
}

// An editor spoils a good token.
type editor struct{ good, header, claims, signature string }

func newEditor(tb testing.TB) *editor {
	tb.Helper()
	e := &editor{header: `{"alg":"RS256","typ":"JWT","kid":"key-0"}`, claims: marshal(tb, goodClaims())}
	e.good = signText(tb, 0, e.header, e.claims)
	signature, err := base64.RawURLEncoding.DecodeString(e.good[strings.LastIndexByte(e.good, '.')+1:])
	if err != nil {
		tb.Fatal(err)
	}
	e.signature = string(signature)
	return e
}

// edit returns what the good token has become, and whether it was signed again.
func (e *editor) edit(t *testing.T, kind byte, at, length uint16, text string) (raw, header, claims string, signed bool) {
	raw, header, claims = e.good, e.header, e.claims
	encoded := strings.Split(e.good, ".")
	switch kind % editKinds {
	case editToken:
		raw = splice(e.good, at, length, text)
	case editHeader:
		header = splice(header, at, length, text)
		raw = encode(header) + "." + encoded[1] + "." + encoded[2]
	case editClaims:
		claims = splice(claims, at, length, text)
		raw = encoded[0] + "." + encode(claims) + "." + encoded[2]
	case editSignature:
		raw = encoded[0] + "." + encoded[1] + "." + encode(splice(e.signature, at, length, text))
	case replaceToken:
		raw = text
	case signHeader:
		header, signed = splice(header, at, length, text), true
	case signClaims:
		claims, signed = splice(claims, at, length, text), true
	}
	if signed {
		if len(header)+len(claims) > 20_000 {
			t.Skip("signing takes most of the time")
		}
		raw = signText(t, 0, header, claims)
	}
	return raw, header, claims, signed
}

// addEdits adds the seeds that all targets with an editor have.
func addEdits(f *testing.F) {
	f.Helper()
	const end = math.MaxUint16 // as a position it is behind the part, as a length it reaches to its end
	for _, edit := range []struct {
		kind       byte
		at, length uint16
		text       string
	}{
		{editToken, 0, 0, ""},           // the good token
		{editToken, 0, 0, "e30.e30."},   // five segments
		{editToken, end, 0, ".AAAA"},    // four
		{editToken, 200, end, ""},       // two
		{editToken, end, 0, "\n"},       // a line end behind the token
		{editToken, end, 0, "=="},       // padding
		{editToken, 50, 1, "1"},         // stray bits at the end of the header
		{editHeader, 1, 0, " "},         // the same header in other bytes
		{editHeader, 8, 5, "HS256"},     // another algorithm
		{editHeader, 37, 5, "key-9"},    // an unknown key
		{editClaims, 1, 0, "\n"},        // the same claims in other bytes
		{editSignature, 0, 0, "\x00"},   // the same number, a byte longer
		{editSignature, 255, 1, "\x00"}, // another last byte
		{editSignature, 128, end, ""},   // half of it
		{replaceToken, 0, 0, ""},
		{replaceToken, 0, 0, ".."},
		{replaceToken, 0, 0, "eyJhbGciOiJub25lIn0.e30."},           // unsecured: RFC 7519, section 6
		{replaceToken, 0, 0, `{"payload":"e30","signature":"AA"}`}, // JSON serialization: RFC 7515, section 7.2
		{editHeader, 0, end, `{"alg":"none","kid":"key-0"}`},       // the signature stays
		{signHeader, 1, 0, `"alg":"none",`},                        // alg twice
		{signHeader, 1, 0, `"crit":["exp"],`},                      // an extension
		{signHeader, 20, 3, "at+jwt"},                              // another typ, which is accepted
		{signHeader, 0, end, `{"alg":"RS256","typ":"logout+jwt"}`}, // one that is not
		{signHeader, 0, end, `{"alg":"RS256","kid":null}`},         // no kid
		{signHeader, 0, end, `{"\u0061lg":"RS25\u0036","jku":"https://other.example"}`},
		{signClaims, 1, 0, `"EXP":1,`}, // a name but for its case
		{signClaims, 1, 0, `"exp":1,`}, // exp twice
	} {
		f.Add(edit.kind, edit.at, edit.length, edit.text)
	}
	for _, claims := range []string{
		`[{}]`,
		`{"iss":"https://issuer.example","aud":"https://api.example","exp":1750003600,"sub":"s","jti":"j"}`,
		`{"iss":"https://issuer.example","aud":"https://api.example","exp":1750000000}`,
		`{"iss":"https://issuer.example","aud":"https://api.example","exp":253402300799.1}`,
		`{"iss":"https://issuer.example","aud":"https://api.example","exp":"1750003600"}`,
		`{"iss":"https://issuer.example","aud":"https://api.example","exp":17500036e2,"nbf":1.75E+9,"iat":-0}`,
		`{"iss":"https://issuer.example","aud":"https://api.example","exp":1750003600,"nbf":1750000000.5}`,
		`{"iss":"https://issuer.example","aud":"https://api.example","exp":1750003600,"a":1,"a":2}`,
		`{"iss":"https://issuer.example","aud":["https://api.example/"],"exp":1750003600}`,
		`{"iss":"https://issuer.example","aud":["a","https://api.example"],"exp":1750003600}`,
		`{"iss":"https://issuer.example/","aud":"https://api.example","exp":1750003600}`,
		`{"iss":"https://other.example/","aud":"https://orders.example","exp":1750003600}`,
		`{"iss":"https://issuer.example","ISS":"https://other.example/","aud":"https://api.example","exp":1750003600}`,
		`{"ISS":"https://other.example/","iss":"https://issuer.example","aud":"https://api.example","exp":1750003600}`,
		`{"aud":"https://api.example","exp":1750003600,"iss":"https://issuer.example"}`,
		`{"aud":"https://api.example","exp":1750003600,"a":{"iss":"https://issuer.example"}}`,
		`{"iss":null,"aud":"https://api.example","exp":1750003600}`,
		`{"\u0069ss":"https:\/\/issuer.example","aud":"https://api.example","exp":1750003600}`,
	} {
		f.Add(byte(editClaims), uint16(0), uint16(end), claims)
		f.Add(byte(signClaims), uint16(0), uint16(end), claims)
	}
}

// Whatever is done to a good token without its key, only the token itself is
// verified. What is signed again may be good as well: then encoding/json finds in
// it what makes it so.
func FuzzVerify(f *testing.F) {
	addEdits(f)
	e := newEditor(f)
	verifier := newVerifier(f, jwtverify.Config{})
	if _, err := verifier.Verify(f.Context(), e.good); err != nil {
		f.Fatal(err)
	}

	f.Fuzz(func(t *testing.T, kind byte, at, length uint16, text string) {
		raw, header, claims, signed := e.edit(t, kind, at, length, text)
		good := e.good
		token, err := verifier.Verify(t.Context(), raw)
		if err == nil {
			if !signed && raw != good {
				t.Errorf("verified without being signed: %q", raw)
			}
			checkAccepted(t, token, header, claims)
			return
		}
		if raw == good {
			t.Errorf("the good token is refused: %v", err)
		}
		leaf := slices.IndexFunc(leaves, func(leaf error) bool { return errors.Is(err, leaf) })
		if leaf < 0 {
			t.Fatalf("%q: error %v is none of those that say why", raw, err)
		}
		checkVerdict(t, token, err, leaves[leaf])
		said := strings.TrimPrefix(err.Error(), jwtverify.ErrInvalid.Error())
		last := raw[strings.LastIndexByte(raw, '.')+1:]
		if len(raw) >= 20 && strings.Contains(said, raw) || len(last) >= 20 && strings.Contains(said, last) {
			t.Errorf("the error shows the token or its signature: %v", err)
		}
		if len(said) > 2_000 || strings.IndexFunc(said, func(c rune) bool { return c < ' ' || c == 0x7f }) >= 0 {
			t.Errorf("the error is long or holds control characters: %.3000q", said)
		}
	})
}

// checkAccepted reads the header and claims of a verified token once more, with
// encoding/json.
func checkAccepted(t *testing.T, token *jwtverify.Token, header, claims string) {
	t.Helper()
	read := func(text string) map[string]any {
		values := map[string]any{}
		if err := json.Unmarshal([]byte(text), &values); err != nil {
			// Numbers beyond float64 are good JSON all the same.
			var numberErr *json.UnmarshalTypeError
			if !errors.As(err, &numberErr) {
				t.Errorf("accepted %q, but %v", text, err)
			}
		}
		return values
	}
	h, c := read(header), read(claims)
	_, hasCrit := h["crit"]
	typ, hasTyp := h["typ"].(string)
	typ = strings.TrimPrefix(strings.ToLower(typ), "application/")
	if h["alg"] != "RS256" || hasCrit || hasTyp && typ != "" && typ != "jwt" && typ != "at+jwt" && typ != "jose" || h["kid"] != nil && h["kid"] != "key-0" {
		t.Errorf("accepted the header %q", header)
	}
	audience, _ := c["aud"].([]any)
	if c["aud"] != testAudience && !slices.Contains(audience, any(testAudience)) || c["iss"] != testIssuer {
		t.Errorf("accepted the claims %q", claims)
	}
	if expiry, ok := c["exp"].(float64); !ok || expiry < testNow {
		t.Errorf("accepted the expiry of %q", claims)
	}
	if notBefore, ok := c["nbf"].(float64); c["nbf"] != nil && (!ok || notBefore > testNow) {
		t.Errorf("accepted the not before of %q", claims)
	}
	subject, _ := c["sub"].(string)
	id, _ := c["jti"].(string)
	if token.Issuer != testIssuer || token.Subject != subject || token.ID != id || !slices.Contains(token.Audience, testAudience) || token.KeyID != "key-0" {
		t.Errorf("got %+v from %q", token, claims)
	}
}

// Verify and Explain say the same of any token, whatever the settings and the state
// of the key source, and ask for keys the same number of times.
func FuzzExplainAgrees(f *testing.F) {
	addEdits(f)
	e := newEditor(f)
	down := jwtverify.KeySourceFunc(func(context.Context) (*jwtverify.KeySet, error) { return nil, errors.New("down") })
	variants := []jwtverify.Config{
		{},
		{Keys: testSet(f, 1)},
		{Keys: setOf(f, []string{"key-1"}, []int{1})},
		{Keys: setOf(f, []string{"key-0"}, []int{1})},
		{Keys: down},
		{Keys: jwtverify.KeySourceFunc(testSet(f, 2).Keys)},
		{Type: "at+jwt", AudienceClaim: "client_id"},
		{Issuer: "https://other", Leeway: 10 * time.Minute},
		{Audiences: []string{"a", "b"}},
		{Now: func() time.Time { return time.Unix(testNow+3600, 0) }},
		{Now: func() time.Time { return time.Unix(0, 0) }},
		{Check: func(token *jwtverify.Token) error { return errors.New(token.Subject + token.ID) }},
		{Check: func(token *jwtverify.Token) error { return token.Claims(&struct{ Scope []int }{}) }},
		{Check: func(token *jwtverify.Token) error { panic(token.Subject) }},
	}
	f.Fuzz(func(t *testing.T, kind byte, at, length uint16, text string) {
		raw, _, _, _ := e.edit(t, kind, at, length, text)
		for _, variant := range variants {
			asked := [2]int{}
			verifiers := [2]*jwtverify.Verifier{}
			for i := range verifiers {
				config := variant
				if source, ok := config.Keys.(jwtverify.KeySourceFunc); ok {
					config.Keys = jwtverify.KeySourceFunc(func(ctx context.Context) (*jwtverify.KeySet, error) {
						asked[i]++
						return source(ctx)
					})
				}
				verifiers[i] = newVerifier(t, config)
			}
			token, err := verifiers[0].Verify(t.Context(), raw)
			report := verifiers[1].Explain(t.Context(), raw)
			checkReport(t, report, token, err, raw)
			if asked[0] != asked[1] {
				t.Errorf("Verify asked for keys %d times, Explain %d times", asked[0], asked[1])
			}
		}
	})
}

// The same of many tokens at random, by one verifier: .ci/run makes it 8,000, and
// -everything a million.
func TestExplainAgreesOnManyTokens(t *testing.T) {
	t.Parallel()
	count := 2_000
	switch {
	case *everything:
		count = 1_000_000
	case *programs > 0:
		count = 20 * *programs
	}
	const seed = 1
	random := rand.New(rand.NewPCG(seed, 0))
	e := newEditor(t)
	verifier := newVerifier(t, jwtverify.Config{AudienceClaim: "client_id"})
	fragments := []string{
		"", ".", "=", " ", "\n", "\x00", "é", `"`, `\`, `\u0065`, `\ud800`, "{", "}", "[", "]", ",", ":", "null", "true", "-1", "1e400", "1750000000000", "0.5",
		`"alg":"none",`, `"alg":"HS256",`, `"typ":"x",`, `"kid":"key-1",`, `"kid":1,`, `"crit":["b64"],`, `"exp":1,`, `"EXP":1,`, `"nbf":1e10,`, `"iss":"x",`, `"aud":[],`,
		`"aud":["` + testAudience + `"],`, `"nonce":"n",`, `"cnf":{},`, `"client_id":"x",`, strings.Repeat("[", 17), strings.Repeat("A", 400), strings.Repeat("x", 17_000),
	}
	names := []string{"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "client_id", "cnf", "nonce", "Exp", "scope"}
	values := []any{
		nil, true, 0, -1, 1.5, testNow - 1, testNow + 1, int64(testNow) * 1000, 1e300, "", "x", "key-1", "none", "at+jwt", testIssuer, testIssuer + "/", testAudience,
		testAudience + "/", []string{}, []string{"x", testAudience}, []any{"x", 1}, map[string]any{"a": []int{1}}, strings.Repeat("x", 300),
	}
	classes := make(map[string]int)
	for i := range count {
		raw := ""
		if random.IntN(10) > 0 {
			at, length := uint16(random.IntN(900)), uint16(random.IntN(3)*random.IntN(30))
			if random.IntN(2) == 0 {
				at, length = 1, 0 // the first member
			}
			kind := byte(random.IntN(signHeader)) // not signed again
			raw, _, _, _ = e.edit(t, kind, at, length, fragments[random.IntN(len(fragments))])
		} else {
			header, claims := goodHeader(), goodClaims()
			for range random.IntN(3) {
				name, value := names[random.IntN(len(names))], values[random.IntN(len(values))]
				if claims[name] = value; value == nil && random.IntN(2) == 0 {
					delete(claims, name)
				}
			}
			if random.IntN(4) == 0 {
				header[[]string{"alg", "typ", "kid", "crit", "x5u"}[random.IntN(5)]] = values[random.IntN(len(values))]
			}
			raw = sign(t, 0, header, claims)
		}
		token, err := verifier.Verify(t.Context(), raw)
		report := verifier.Explain(t.Context(), raw)
		if (token == nil) != (report.Token == nil) || (err == nil) != (report.Err == nil) || err != nil && (err.Error() != report.Err.Error() || errors.Unwrap(err) != errors.Unwrap(report.Err)) {
			t.Fatalf("token %d: Verify says %v, Explain %v", i, err, report.Err)
		}
		if i%20 == 0 || err == nil {
			checkReport(t, report, token, err, raw)
		}
		class := "accepted"
		if err != nil {
			class = errors.Unwrap(err).Error()
		}
		classes[class]++
	}
	t.Logf("%d tokens: %v", count, classes)
	if len(classes) < 8 {
		t.Errorf("only %d kinds of verdict: %v", len(classes), classes)
	}
}

var everything = flag.Bool("everything", false, "combine every fault with every shape of an issuer")

// Every bad token and a good one × the shape of every known provider × every fault of
// an issuer × settings: Verify and Explain say the same. With the issuer in good
// health it is also what the list of bad tokens says. Without -everything faults are
// combined with the default shape alone: they act on keys, and shapes differ in claims.
func TestExplainAgreesUnderEveryFault(t *testing.T) {
	notInFIPSMode(t, false)
	t.Parallel()
	faults := []string{
		"", "status-404", "status-429", "status-500", "status-503", "html", "slow", "hang", "drip", "truncated", "oversized",
		"redirect", "redirect-http", "refused", "tls", "empty", "null", "array", "malformed-sibling", "wrong-issuer",
	}
	shapes := map[string]func() issuertest.Option{
		"AuthAction": issuertest.AuthAction, "Auth0": issuertest.Auth0, "Entra": issuertest.Entra, "Cognito": issuertest.Cognito,
		"Keycloak": issuertest.Keycloak, "Okta": issuertest.Okta, "Google": issuertest.Google, "RFC9068": issuertest.RFC9068,
	}
	settings := map[string]func(*jwtverify.Config){
		"as the issuer gives them": func(*jwtverify.Config) {},
		"of another API": func(c *jwtverify.Config) {
			c.Issuer, c.Audiences = "https://other.test", []string{"https://other.test"}
		},
		"of another typ":          func(c *jwtverify.Config) { c.Type, c.Leeway = "at+jwt", 10*time.Minute },
		"by a discovery document": nil, // needs the issuer, see below
	}
	if testing.Short() {
		faults = []string{"", "status-503"}
		shapes = map[string]func() issuertest.Option{"AuthAction": issuertest.AuthAction}
	}
	for shapeName, shape := range shapes {
		t.Run(shapeName, func(t *testing.T) {
			t.Parallel()
			iss := issuertest.New(t, shape())
			// Signed once: each bubble begins at the same time.
			var tokens []issuertest.BadToken
			synctest.Test(t, func(*testing.T) {
				tokens = append(iss.BadTokens(), issuertest.BadToken{Name: "good", Token: iss.Token()})
			})
			for _, fault := range faults {
				if !*everything && shapeName != "AuthAction" && fault != "" {
					continue
				}
				for settingsName, change := range settings {
					if !*everything && fault != "" && strings.HasPrefix(settingsName, "of another ") {
						continue // refused whatever the issuer answers, or as with a good answer
					}
					t.Run(fault+", settings "+settingsName, func(t *testing.T) {
						synctest.Test(t, func(t *testing.T) {
							verifiers := func() (pair [2]*jwtverify.Verifier) {
								now := iss.Now() // the same for both, however long they wait
								for i := range pair {
									config := iss.Config()
									config.Now = func() time.Time { return now }
									if change != nil {
										change(&config)
									} else {
										config.Keys = jwtverify.DiscoveryKeySource{Issuer: config.Issuer, Client: iss.Client()}
									}
									var err error
									if pair[i], err = jwtverify.New(config); err != nil {
										t.Fatal(err)
									}
								}
								return pair
							}
							tokens := tokens
							if fault != "" {
								// What no key is needed for says the same under any fault.
								tokens = slices.DeleteFunc(slices.Clone(tokens), func(bad issuertest.BadToken) bool {
									return bad.Err == jwtverify.ErrMalformed && bad.Name != "exp-missing" || bad.Err == jwtverify.ErrUnsupported && bad.Name != "alg-none"
								})
							}
							for _, bad := range tokens {
								// Each with keys in hand when the fault sets in, and without.
								for _, warm := range []bool{true, false} {
									pair := verifiers()
									iss.Fault(issuertest.Fault{})
									for _, v := range pair {
										if warm {
											v.Ready(t.Context())
										}
									}
									iss.Fault(issuertest.Fault{Name: fault})
									var report *jwtverify.Report
									var token *jwtverify.Token
									var err error
									limit, cancel := context.WithTimeout(t.Context(), time.Minute)
									token, err = pair[0].Verify(limit, bad.Token)
									report = pair[1].Explain(limit, bad.Token)
									cancel()
									checkReport(t, report, token, err, bad.Token)
									if fault == "" && settingsName == "as the issuer gives them" {
										checkVerdict(t, token, err, bad.Err)
									}
									if t.Failed() {
										t.Fatalf("bad token %s, warm %v", bad.Name, warm)
									}
								}
							}
							iss.Fault(issuertest.Fault{})
							time.Sleep(time.Minute) // what still hangs ends
						})
					})
				}
			}
		})
	}
}
