package jwtverify_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"example.com/jwtverify"
)

const (
	otherIssuer   = "https://other.example/"
	otherAudience = "https://orders.example"
)

// twoIssuers are the issuer of the other tests, whose keys are key-0 (by the shared key
// 0) and common (by 0), and another, whose keys are key-1 (by 1) and common (by 1), and
// whose tokens are at+jwt.
type twoIssuers struct {
	first, second *jwtverify.Verifier
	both          *jwtverify.Issuers
	asked         [2]int // how often for their keys
}

func newTwoIssuers(tb testing.TB, changes ...func(first, second *jwtverify.Config)) *twoIssuers {
	tb.Helper()
	two := new(twoIssuers)
	counted := func(n int, set *jwtverify.KeySet) jwtverify.KeySource {
		return jwtverify.KeySourceFunc(func(context.Context) (*jwtverify.KeySet, error) {
			two.asked[n]++
			return set, nil
		})
	}
	first := jwtverify.Config{Keys: counted(0, setOf(tb, []string{"key-0", "common"}, []int{0, 0}))}
	second := jwtverify.Config{
		Issuer: otherIssuer, Audiences: []string{otherAudience}, Type: "at+jwt",
		Keys: counted(1, setOf(tb, []string{"key-1", "common"}, []int{1, 1})),
	}
	for _, change := range changes {
		change(&first, &second)
	}
	two.first, two.second = newVerifier(tb, first), newVerifier(tb, second)
	two.both = newIssuers(tb, two.first, two.second)
	return two
}

func newIssuers(tb testing.TB, verifiers ...*jwtverify.Verifier) *jwtverify.Issuers {
	tb.Helper()
	issuers, err := jwtverify.NewIssuers(verifiers...)
	if err != nil {
		tb.Fatal(err)
	}
	return issuers
}

// otherClaims are good claims of the second issuer.
func otherClaims() map[string]any {
	claims := goodClaims()
	claims["iss"], claims["aud"] = otherIssuer, otherAudience
	return claims
}

// changed is a copy of claims or a header with changes; a nil value deletes.
func changed(members, changes map[string]any) map[string]any {
	out := maps.Clone(members)
	maps.Copy(out, changes)
	maps.DeleteFunc(out, func(_ string, value any) bool { return value == nil })
	return out
}

func sameError(a, b error) bool {
	return (a == nil) == (b == nil) && (a == nil || a.Error() == b.Error())
}

// A key, an audience, a type of one issuer is nothing to the tokens of another.
func TestIssuersKeepThemApart(t *testing.T) {
	header := func(kid, typ string) map[string]any {
		return map[string]any{"alg": "RS256", "kid": kid, "typ": typ}
	}
	for name, test := range map[string]struct {
		key    int
		header map[string]any
		claims map[string]any
		want   error
	}{
		"a token of the first":                               {0, header("key-0", "JWT"), goodClaims(), nil},
		"a token of the second":                              {1, header("key-1", "at+jwt"), otherClaims(), nil},
		"of the first, by a kid that both have":              {0, header("common", "JWT"), goodClaims(), nil},
		"of the second, by a kid that both have":             {1, header("common", "at+jwt"), otherClaims(), nil},
		"of the first, signed by the second":                 {1, header("key-1", "JWT"), goodClaims(), jwtverify.ErrUnknownKey},
		"of the first, signed by the second, common kid":     {1, header("common", "JWT"), goodClaims(), jwtverify.ErrSignature},
		"of the first, signed by the second, kid of first":   {1, header("key-0", "JWT"), goodClaims(), jwtverify.ErrSignature},
		"of the second, signed by the first":                 {0, header("key-0", "at+jwt"), otherClaims(), jwtverify.ErrUnknownKey},
		"of the second, signed by the first, common kid":     {0, header("common", "at+jwt"), otherClaims(), jwtverify.ErrSignature},
		"of the first, for the audience of the second":       {0, header("key-0", "JWT"), changed(goodClaims(), map[string]any{"aud": otherAudience}), jwtverify.ErrAudience},
		"of the second, for the audience of the first":       {1, header("key-1", "at+jwt"), changed(otherClaims(), map[string]any{"aud": testAudience}), jwtverify.ErrAudience},
		"of the second, with the typ of the first":           {1, header("key-1", "JWT"), otherClaims(), jwtverify.ErrUnsupported},
		"of the first, expired":                              {0, header("key-0", "JWT"), changed(goodClaims(), map[string]any{"exp": testNow - 1}), jwtverify.ErrExpired},
		"of the second, expired":                             {1, header("key-1", "at+jwt"), changed(otherClaims(), map[string]any{"exp": testNow - 1}), jwtverify.ErrExpired},
		"of the second, with a look-alike of iss beside iss": {1, header("key-1", "at+jwt"), changed(otherClaims(), map[string]any{"ISS": testIssuer}), jwtverify.ErrMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			two := newTwoIssuers(t)
			raw := sign(t, test.key, test.header, test.claims)
			token, err := two.both.Verify(t.Context(), raw)
			checkVerdict(t, token, err, test.want)
			chosen, unasked := two.first, two.asked[1]
			if test.claims["iss"] == otherIssuer {
				chosen, unasked = two.second, two.asked[0]
			}
			if unasked != 0 {
				t.Error("the issuer that the token does not name was asked for keys")
			}
			if _, want := chosen.Verify(t.Context(), raw); !sameError(err, want) {
				t.Errorf("got  %v\nwant %v, as the Verifier of the issuer says", err, want)
			}
			checkReport(t, two.both.Explain(t.Context(), raw), token, err, raw)
		})
	}
}

// Whatever names none of the issuers is refused in the order of Verify, and asks for no
// keys.
func TestIssuersRefuseWhatTheyCannotAssign(t *testing.T) {
	const known = `one of "https://issuer.example", "https://other.example/"`
	unknown := changed(goodClaims(), map[string]any{"iss": "https://evil.example"})
	with := func(changes map[string]any) string {
		return sign(t, 0, goodHeader(), changed(goodClaims(), changes))
	}
	header := func(changes map[string]any) string {
		return sign(t, 0, changed(goodHeader(), changes), unknown)
	}
	claims := func(text string) string { return signText(t, 0, marshal(t, goodHeader()), text) }
	spoiled := with(map[string]any{"iss": "https://evil.example"})
	for _, test := range []struct {
		name  string
		token string
		want  error
		text  string // in the error
		steps string // of Explain, that did not pass
	}{
		{"an unknown issuer", with(map[string]any{"iss": "https://evil.example"}), jwtverify.ErrIssuer,
			`issuer (not verified) is "https://evil.example", want ` + known, "key:skip signature:skip issuer:issuer-mismatch? audience:skip not-before:skip expiry:skip"},
		{"an issuer without its final slash", with(map[string]any{"iss": "https://other.example"}), jwtverify.ErrIssuer,
			`issuer (not verified) is "https://other.example", want ` + known, "key:skip signature:skip issuer:issuer-form? audience:skip not-before:skip expiry:skip"},
		{"an issuer in capitals", with(map[string]any{"iss": "https://ISSUER.example"}), jwtverify.ErrIssuer,
			`issuer (not verified) is "https://ISSUER.example", want ` + known, "key:skip signature:skip issuer:issuer-form? audience:skip not-before:skip expiry:skip"},
		{"no iss", with(map[string]any{"iss": nil}), jwtverify.ErrIssuer,
			"issuer (not verified) is missing or empty, want " + known, "key:skip signature:skip issuer:issuer-missing? audience:skip not-before:skip expiry:skip"},
		{"an empty iss", with(map[string]any{"iss": ""}), jwtverify.ErrIssuer,
			"issuer (not verified) is missing or empty, want " + known, "key:skip signature:skip issuer:issuer-missing? audience:skip not-before:skip expiry:skip"},
		{"only a look-alike of iss", with(map[string]any{"iss": nil, "ISS": testIssuer}), jwtverify.ErrIssuer,
			"issuer (not verified) is missing or empty", "key:skip signature:skip issuer:issuer-missing? audience:skip not-before:skip expiry:skip"},
		{"iss in an inner object", with(map[string]any{"iss": nil, "act": map[string]any{"iss": testIssuer}}), jwtverify.ErrIssuer,
			"issuer (not verified) is missing or empty", "key:skip signature:skip issuer:issuer-missing? audience:skip not-before:skip expiry:skip"},
		{"an issuer with a line break", with(map[string]any{"iss": testIssuer + "\n"}), jwtverify.ErrIssuer,
			`issuer (not verified) is "https://issuer.example\n", want`, "key:skip signature:skip issuer:issuer-mismatch? audience:skip not-before:skip expiry:skip"},
		{"an unknown issuer, and claims that no Verifier takes", claims(`{"iss":"https://evil.example","exp":"soon","EXP":1}`), jwtverify.ErrIssuer,
			`issuer (not verified) is "https://evil.example"`, "key:skip signature:skip issuer:issuer-mismatch? audience:skip not-before:skip expiry:skip"},

		{"iss a list", with(map[string]any{"iss": []string{testIssuer}}), jwtverify.ErrMalformed,
			`claims: "iss" is an array, want a string`, "key:skip signature:skip claims:claim-type? issuer:skip audience:skip not-before:skip expiry:skip"},
		{"iss twice, both known", claims(`{"iss":"https://issuer.example","iss":"https://other.example/"}`), jwtverify.ErrMalformed,
			`claims: the text has the member "iss" twice`, "key:skip signature:skip claims:token-json? issuer:skip audience:skip not-before:skip expiry:skip"},
		{"iss twice, once escaped", claims(`{"iss":"https://issuer.example","\u0069ss":"https://issuer.example"}`), jwtverify.ErrMalformed,
			`claims: the text has the member "iss" twice`, "key:skip signature:skip claims:token-json? issuer:skip audience:skip not-before:skip expiry:skip"},
		{"iss with half a surrogate pair", claims(`{"iss":"https://issuer.example\ud800"}`), jwtverify.ErrMalformed,
			`claims: the text has half a surrogate pair`, "key:skip signature:skip claims:token-json? issuer:skip audience:skip not-before:skip expiry:skip"},
		{"something behind the claims", claims(`{"iss":"https://issuer.example"}{}`), jwtverify.ErrMalformed,
			`claims: the text is not valid JSON`, "key:skip signature:skip claims:token-json? issuer:skip audience:skip not-before:skip expiry:skip"},
		{"claims that are a list", claims(`[{"iss":"https://issuer.example"}]`), jwtverify.ErrMalformed,
			`claims: the text is not valid JSON: found "[" at byte 0, want an object`, "key:skip signature:skip claims:token-json? issuer:skip audience:skip not-before:skip expiry:skip"},
		{"claims that are no JSON", claims("iss"), jwtverify.ErrMalformed,
			`claims: the text is not valid JSON`, "key:skip signature:skip claims:token-json? issuer:skip audience:skip not-before:skip expiry:skip"},
		{"claims 17 deep", claims(`{"iss":"https://issuer.example","a":` + strings.Repeat("[", 17) + strings.Repeat("]", 17) + "}"), jwtverify.ErrMalformed,
			`claims: the text is nested more than 16 deep`, "key:skip signature:skip claims:json-limits? issuer:skip audience:skip not-before:skip expiry:skip"},
		{"claims that are no base64url", encode(`{"alg":"RS256"}`) + ".e30=.AAAA", jwtverify.ErrMalformed,
			`claims has padding (=) at byte 3`, "key:skip signature:skip claims:token-base64? issuer:skip audience:skip not-before:skip expiry:skip"},

		// What a Verifier finds before it looks for a key comes first here, too.
		{"no token", "", jwtverify.ErrMalformed, "token is empty", "form:token-parts …"},
		{"a token of 16385 bytes", strings.Repeat("a", 16385), jwtverify.ErrMalformed, "token has 16385 bytes", "form:token-long …"},
		{"an opaque token", "2YotnFZFEjr1zCsicMWpAA", jwtverify.ErrMalformed, "token has no dot", "form:token-opaque …"},
		{"an encrypted token", encode(`{"alg":"RSA-OAEP","enc":"A256GCM"}`) + ".b.c.d.e", jwtverify.ErrUnsupported, "token has five parts", "form:token-encrypted …"},
		{"a header that is no JSON", rawToken("{", marshal(t, unknown), "AAAA"), jwtverify.ErrMalformed, "header is not valid JSON", "form:token-json …"},
		{"an unknown issuer and alg none", rawToken(`{"alg":"none"}`, marshal(t, unknown), ""), jwtverify.ErrUnsupported, `alg is "none"`,
			"algorithm:alg-none key:skip signature:skip issuer:issuer-mismatch? audience:skip not-before:skip expiry:skip"},
		{"an unknown issuer and a typ that nobody takes", header(map[string]any{"typ": "logout+jwt"}), jwtverify.ErrUnsupported, `typ is "logout+jwt"`,
			"type:type-mismatch key:skip signature:skip issuer:issuer-mismatch? audience:skip not-before:skip expiry:skip"},
		{"an unknown issuer and a typ that is a number", header(map[string]any{"typ": 1}), jwtverify.ErrMalformed, `header: "typ" is a number`,
			"type:type-form key:skip signature:skip issuer:issuer-mismatch? audience:skip not-before:skip expiry:skip"},
		{"an unknown issuer and crit", header(map[string]any{"crit": []string{"b64"}}), jwtverify.ErrUnsupported, "header has crit",
			"type:header-critical key:skip signature:skip issuer:issuer-mismatch? audience:skip not-before:skip expiry:skip"},
		{"an unknown issuer and a kid that is a number", header(map[string]any{"kid": 1}), jwtverify.ErrMalformed, `header: "kid" is a number`,
			"key:kid-form signature:skip issuer:issuer-mismatch? audience:skip not-before:skip expiry:skip"},
		{"an unknown issuer and a signature that is no base64url", spoiled + "=", jwtverify.ErrMalformed, "signature has padding (=)",
			"key:skip signature:token-base64 issuer:issuer-mismatch? audience:skip not-before:skip expiry:skip"},
		{"an unknown issuer and no signature", spoiled[:strings.LastIndexByte(spoiled, '.')+1], jwtverify.ErrIssuer, `issuer (not verified) is "https://evil.example"`,
			"key:skip signature:skip issuer:issuer-mismatch? audience:skip not-before:skip expiry:skip"},
	} {
		t.Run(test.name, func(t *testing.T) {
			two := newTwoIssuers(t)
			token, err := two.both.Verify(t.Context(), test.token)
			checkVerdict(t, token, err, test.want)
			if prefix := "jwtverify: token is invalid: "; !strings.HasPrefix(err.Error(), prefix+test.text) {
				t.Errorf("got  %v\nwant %s", err, prefix+test.text)
			}
			report := two.both.Explain(t.Context(), test.token)
			checkReport(t, report, token, err, test.token)
			if got, want := notPassed(report), allSteps(test.steps); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
			if two.asked != [2]int{} {
				t.Errorf("the issuers were asked for keys %v times, want not at all", two.asked)
			}
		})
	}
}

// Whoever the token is from, a typ is refused as such only if no verifier takes it.
func TestIssuersTakeTheTypOfEach(t *testing.T) {
	two := newTwoIssuers(t, func(_, second *jwtverify.Config) { second.Type = "secevent+jwt" })
	for typ, want := range map[string]error{
		"JWT":          jwtverify.ErrIssuer,
		"secevent+jwt": jwtverify.ErrIssuer,
		"logout+jwt":   jwtverify.ErrUnsupported,
	} {
		header := changed(goodHeader(), map[string]any{"typ": typ})
		token, err := two.both.Verify(t.Context(), sign(t, 0, header, changed(goodClaims(), map[string]any{"iss": "https://evil.example"})))
		checkVerdict(t, token, err, want)
	}
}

// notPassed lists the steps of a report that did not pass, as summary writes them.
func notPassed(report *jwtverify.Report) string {
	steps := strings.Fields(summary(report))
	return strings.Join(slices.DeleteFunc(steps, func(step string) bool {
		return strings.HasSuffix(strings.TrimSuffix(step, "?"), ":pass")
	}), " ")
}

// allSteps writes out the " …" behind a step after which nothing can be read.
func allSteps(steps string) string {
	first, ok := strings.CutSuffix(steps, " …")
	if !ok {
		return steps
	}
	for _, name := range stepNames[2:] {
		first += " " + name + ":skip"
	}
	return first
}

// What the report says of the settings, of typ and of iss when there is nobody to say it.
func TestIssuersExplainWhoIsKnown(t *testing.T) {
	two := newTwoIssuers(t)
	for name, test := range map[string]struct {
		issuer string
		want   []string
	}{
		"an unknown issuer": {"https://evil.example", []string{
			`settings |  | issuers "https://issuer.example", "https://other.example/" | `,
			`type | "JWT", "at+jwt", "JOSE" or none, or "at+jwt" | "JWT" | `,
			`issuer | one of "https://issuer.example", "https://other.example/" | "https://evil.example" | if the issuer that was found is the one that you trust, set the issuer in the settings (Config.Issuer) to it. If not, the token is of another tenant or environment: get one from the issuer in the settings`,
		}},
		"one that differs in form": {"https://other.example", []string{
			`settings |  | issuers "https://issuer.example", "https://other.example/" | `,
			`type | "JWT", "at+jwt", "JOSE" or none, or "at+jwt" | "JWT" | `,
			`issuer | "https://other.example/" | "https://other.example" | set the issuer in the settings (Config.Issuer) to the token's iss, byte for byte: a final slash counts, and so does upper or lower case`,
		}},
		"a known one": {testIssuer, []string{
			`settings |  | issuer "https://issuer.example", audience "https://api.example" | `,
			`type | "JWT", "at+jwt", "JOSE" or none | "JWT" | `,
			`issuer | "https://issuer.example" | "https://issuer.example" | `,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			raw := sign(t, 0, goodHeader(), changed(goodClaims(), map[string]any{"iss": test.issuer}))
			var got []string
			for _, c := range two.both.Explain(t.Context(), raw).Checks {
				if c.Name == "settings" || c.Name == "type" || c.Name == "issuer" {
					got = append(got, strings.Join([]string{c.Name, c.Expected, c.Found, c.Next}, " | "))
				}
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(test.want, "\n"))
			}
		})
	}
}

// One slot for the tokens of several verifiers: who remembers a token is forgotten now and
// then, which changes no verdict.
func TestIssuersWithMoreTokensThanTheyRemember(t *testing.T) {
	two := newTwoIssuers(t, func(first, second *jwtverify.Config) { first.VerifiedCache = 1 })
	first := sign(t, 0, goodHeader(), goodClaims())
	again := sign(t, 0, goodHeader(), changed(goodClaims(), map[string]any{"sub": "another"}))
	second := sign(t, 1, map[string]any{"alg": "RS256", "kid": "key-1", "typ": "at+jwt"}, otherClaims())
	for range 3 {
		for raw, issuer := range map[string]string{first: testIssuer, again: testIssuer, second: otherIssuer} {
			token, err := two.both.Verify(t.Context(), raw)
			checkVerdict(t, token, err, nil)
			if err == nil && token.Issuer != issuer {
				t.Errorf("got a token of %s, want of %s", token.Issuer, issuer)
			}
		}
	}
}

func TestIssuersRememberTheLongestToken(t *testing.T) {
	issuers, raw := newIssuers(t, newVerifier(t, jwtverify.Config{VerifiedCache: 1})), longestToken(t)
	for range 2 {
		token, err := issuers.Verify(t.Context(), raw)
		checkVerdict(t, token, err, nil)
	}
}

func TestNewIssuersRefusesWhatCannotChoose(t *testing.T) {
	first := newVerifier(t, jwtverify.Config{})
	same := newVerifier(t, jwtverify.Config{Audiences: []string{"another"}})
	for name, test := range map[string]struct {
		verifiers []*jwtverify.Verifier
		want      string
	}{
		"none":                    {nil, "jwtverify: NewIssuers was given no Verifier: pass one for each issuer"},
		"a nil Verifier":          {[]*jwtverify.Verifier{first, nil}, "jwtverify: the Verifier number 2 given to NewIssuers was not made by New"},
		"a zero Verifier":         {[]*jwtverify.Verifier{new(jwtverify.Verifier)}, "jwtverify: the Verifier number 1 given to NewIssuers was not made by New"},
		"two of one issuer":       {[]*jwtverify.Verifier{first, same}, `jwtverify: NewIssuers was given two verifiers of the issuer "https://issuer.example": make one, with the audiences of both`},
		"the same Verifier twice": {[]*jwtverify.Verifier{first, first}, `jwtverify: NewIssuers was given two verifiers of the issuer "https://issuer.example": make one, with the audiences of both`},
	} {
		t.Run(name, func(t *testing.T) {
			issuers, err := jwtverify.NewIssuers(test.verifiers...)
			if issuers != nil || err == nil || err.Error() != test.want {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
		})
	}
}

func TestIssuersDoNotShareTheCallersSlice(t *testing.T) {
	verifiers := []*jwtverify.Verifier{newVerifier(t, jwtverify.Config{}), newVerifier(t, jwtverify.Config{Issuer: otherIssuer})}
	issuers := newIssuers(t, verifiers...)
	clear(verifiers)
	if err := issuers.Ready(t.Context()); err != nil {
		t.Error(err)
	}
	token, err := issuers.Verify(t.Context(), sign(t, 0, goodHeader(), goodClaims()))
	checkVerdict(t, token, err, nil)
}

func TestZeroIssuersRefuseEverything(t *testing.T) {
	for _, issuers := range []*jwtverify.Issuers{nil, new(jwtverify.Issuers)} {
		for _, raw := range []string{"", "a.b.c", sign(t, 0, goodHeader(), goodClaims())} {
			token, err := issuers.Verify(t.Context(), raw)
			if token != nil || !errors.Is(err, jwtverify.ErrKeysUnavailable) || errors.Is(err, jwtverify.ErrInvalid) {
				t.Errorf("got token %v, error %v, want ErrKeysUnavailable", token != nil, err)
			}
			report := issuers.Explain(t.Context(), raw)
			checkReport(t, report, nil, err, raw)
			if c := report.Checks[0]; c.Code != "config-domain-missing" || c.Found != "zero Issuers" {
				t.Errorf("got %+v, want that the Issuers are zero", c)
			}
		}
		err := issuers.Ready(t.Context())
		if !errors.Is(err, jwtverify.ErrKeysUnavailable) || !strings.HasSuffix(err.Error(), "the Issuers were not made by NewIssuers") {
			t.Errorf("Ready: got %v, want ErrKeysUnavailable", err)
		}
	}
}

// One issuer that is down costs its own tokens and no others.
func TestIssuersWhileOneIsDown(t *testing.T) {
	two := newTwoIssuers(t, func(_, second *jwtverify.Config) {
		second.Keys = jwtverify.KeySourceFunc(func(context.Context) (*jwtverify.KeySet, error) { return nil, errors.New("down") })
	})
	token, err := two.both.Verify(t.Context(), sign(t, 0, goodHeader(), goodClaims()))
	checkVerdict(t, token, err, nil)
	token, err = two.both.Verify(t.Context(), sign(t, 1, map[string]any{"alg": "RS256", "kid": "key-1", "typ": "at+jwt"}, otherClaims()))
	if token != nil || !errors.Is(err, jwtverify.ErrKeysUnavailable) || errors.Is(err, jwtverify.ErrInvalid) {
		t.Errorf("got token %v, error %v, want ErrKeysUnavailable", token != nil, err)
	}
}

func TestIssuersReady(t *testing.T) {
	after := func(d time.Duration, err error) jwtverify.KeySource {
		return jwtverify.KeySourceFunc(func(ctx context.Context) (*jwtverify.KeySet, error) {
			if err := sleep(ctx, d); err != nil {
				return nil, err
			}
			return testSet(t, 1), err
		})
	}
	down := errors.New("down")
	for name, test := range map[string]struct {
		first, second jwtverify.KeySource
		want          string // "" is nil
		took          time.Duration
	}{
		"both answer, at the same time": {after(3*time.Second, nil), after(2*time.Second, nil), "", 3 * time.Second},
		"both have their keys":          {testSet(t, 1), testSet(t, 2), "", 0},
		"the first fails":               {after(time.Second, down), after(2*time.Second, nil), `issuer "https://issuer.example": down`, 2 * time.Second},
		"the second fails":              {after(time.Second, nil), after(2*time.Second, down), `issuer "https://other.example/": down`, 2 * time.Second},
		"both fail":                     {after(3*time.Second, down), after(time.Second, down), `issuer "https://issuer.example": down`, 3 * time.Second},
		"the second is too slow":        {testSet(t, 1), after(4500*time.Millisecond, nil), `issuer "https://other.example/": context deadline exceeded`, 4 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				first := newVerifier(t, jwtverify.Config{Keys: test.first})
				second := newVerifier(t, jwtverify.Config{Issuer: otherIssuer, Keys: test.second})
				issuers := newIssuers(t, first, second)
				ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
				defer cancel()
				started := time.Now()
				err := issuers.Ready(ctx)
				if took := time.Since(started); took != test.took {
					t.Errorf("took %v, want %v", took, test.took)
				}
				time.Sleep(time.Minute)
				if test.want == "" {
					if err != nil {
						t.Errorf("got %v, want nil", err)
					}
					return
				}
				var unavailable *jwtverify.KeysUnavailableError
				if !errors.As(err, &unavailable) || !errors.Is(err, jwtverify.ErrKeysUnavailable) || errors.Is(err, jwtverify.ErrInvalid) {
					t.Fatalf("got %v, want a *KeysUnavailableError", err)
				}
				if !strings.HasSuffix(err.Error(), test.want) || unavailable.RetryAfter < time.Second || unavailable.Reason == "" {
					t.Errorf("got  %v\nwant %s", err, test.want)
				}
				if !errors.Is(err, down) && !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("%v hides its cause", err)
				}
			})
		})
	}
}

func TestIssuersAreSafeForConcurrentUse(t *testing.T) {
	first := newVerifier(t, jwtverify.Config{Keys: jwtverify.KeySourceFunc(testSet(t, 1).Keys)})
	second := newVerifier(t, jwtverify.Config{Issuer: otherIssuer, Keys: jwtverify.KeySourceFunc(testSet(t, 2).Keys)})
	issuers := newIssuers(t, first, second)
	tokens := map[string]error{
		sign(t, 0, goodHeader(), goodClaims()):                                                         nil,
		sign(t, 0, goodHeader(), changed(goodClaims(), map[string]any{"iss": otherIssuer})):            nil,
		sign(t, 1, goodHeader(), changed(goodClaims(), map[string]any{"iss": otherIssuer})):            jwtverify.ErrSignature,
		sign(t, 0, goodHeader(), changed(goodClaims(), map[string]any{"iss": "https://evil.example"})): jwtverify.ErrIssuer,
	}
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for raw, want := range tokens {
				token, err := issuers.Verify(t.Context(), raw)
				checkVerdict(t, token, err, want)
				if report := issuers.Explain(t.Context(), raw); !errors.Is(report.Err, want) {
					t.Errorf("Explain: got %v, want %v", report.Err, want)
				}
			}
			if err := issuers.Ready(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
}

// A remembered token is judged as its verifier alone would, by the clock among others.
func TestIssuersRemember(t *testing.T) {
	now := time.Unix(testNow, 0)
	two := newTwoIssuers(t, func(first, second *jwtverify.Config) {
		for _, config := range []*jwtverify.Config{first, second} {
			config.VerifiedCache, config.Now = 8, func() time.Time { return now }
		}
	})
	first := sign(t, 0, goodHeader(), goodClaims())
	second := sign(t, 1, map[string]any{"alg": "RS256", "kid": "key-1", "typ": "at+jwt"}, otherClaims())
	for range 3 {
		token, err := two.both.Verify(t.Context(), first)
		checkVerdict(t, token, err, nil)
		if err == nil && (token.Issuer != testIssuer || token.KeyID != "key-0") {
			t.Errorf("got %+v, want the token of the first", token)
		}
		token, err = two.both.Verify(t.Context(), second)
		checkVerdict(t, token, err, nil)
		if err == nil && (token.Issuer != otherIssuer || token.KeyID != "key-1") {
			t.Errorf("got %+v, want the token of the second", token)
		}
		cut := strings.LastIndexByte(first, '.')
		token, err = two.both.Verify(t.Context(), first[:cut]+second[strings.LastIndexByte(second, '.'):])
		checkVerdict(t, token, err, jwtverify.ErrSignature)
	}
	now = time.Unix(testNow+3600, 0)
	for _, raw := range []string{first, second} {
		token, err := two.both.Verify(t.Context(), raw)
		checkVerdict(t, token, err, jwtverify.ErrExpired)
	}
}

// Choosing costs one copy of the claims, however many issuers there are; for a token that
// its verifier remembers, nothing.
func TestIssuersCost(t *testing.T) {
	raw := benchToken(t)
	for name, test := range map[string]struct {
		remembered int
		most       float64
	}{
		"a token that is new": {0, 1},
		"a remembered token":  {8, 0},
	} {
		t.Run(name, func(t *testing.T) {
			verifier := newVerifier(t, jwtverify.Config{VerifiedCache: test.remembered})
			var verifiers []*jwtverify.Verifier
			for i := range 20 {
				verifiers = append(verifiers, newVerifier(t, jwtverify.Config{Issuer: testIssuer + strings.Repeat("x", i+1), VerifiedCache: test.remembered}))
			}
			issuers := newIssuers(t, append(verifiers, verifier)...)
			alone := testing.AllocsPerRun(100, func() {
				if _, err := verifier.Verify(t.Context(), raw); err != nil {
					t.Fatal(err)
				}
			})
			chosen := testing.AllocsPerRun(100, func() {
				if _, err := issuers.Verify(t.Context(), raw); err != nil {
					t.Fatal(err)
				}
			})
			if chosen > alone+test.most {
				t.Errorf("Issuers.Verify makes %v allocations, Verifier.Verify %v, want at most %v more", chosen, alone, test.most)
			}
		})
	}
}

// A token that names an issuer gets what the issuer's Verifier alone says of it, down
// to the text and the number of fetches, from Verify and from Explain; one that names
// none is refused without a fetch. encoding/json says here who is named.
func FuzzIssuersAgrees(f *testing.F) {
	addEdits(f)
	e := newEditor(f)
	f.Fuzz(func(t *testing.T, kind byte, at, length uint16, text string) {
		raw, _, _, _ := e.edit(t, kind, at, length, text)
		alone := newTwoIssuers(t)
		first := alone.first.Explain(t.Context(), raw)
		second := alone.second.Explain(t.Context(), raw)
		chosen := newTwoIssuers(t, func(first, second *jwtverify.Config) { first.VerifiedCache, second.VerifiedCache = 8, 8 })
		token, err := chosen.both.Verify(t.Context(), raw)
		asked := chosen.asked
		if again, errAgain := chosen.both.Verify(t.Context(), raw); !sameError(err, errAgain) || (token == nil) != (again == nil) {
			t.Errorf("got %v at first, and %v the second time", err, errAgain)
		}
		chosen.asked = asked
		explaining := newTwoIssuers(t)
		checkReport(t, explaining.both.Explain(t.Context(), raw), token, err, raw)
		if chosen.asked != explaining.asked {
			t.Errorf("Verify asked for keys %v times, Explain %v times", chosen.asked, explaining.asked)
		}
		if second.Err == nil {
			t.Fatal("the second issuer has signed nothing, and accepts")
		}

		named := namedIssuer(raw)
		want, wantAsked := first, [2]int{alone.asked[0], 0}
		if named == otherIssuer {
			want, wantAsked = second, [2]int{0, alone.asked[1]}
		}
		if (named == testIssuer || named == otherIssuer) && sameError(err, want.Err) && chosen.asked == wantAsked {
			return
		}
		// Nobody was chosen. That is right if nobody is named; or if the claims are
		// not strict JSON, which a Verifier finds too, once they are signed.
		if !errors.Is(err, jwtverify.ErrInvalid) || chosen.asked != [2]int{} {
			t.Errorf("named is %q: got %v after asking %v times\nwant %v after %v", named, err, chosen.asked, want.Err, wantAsked)
		}
		early := ""
		for _, c := range first.Checks[:4] { // settings, form, algorithm, type: the first takes every typ that the second does
			if c.Status == jwtverify.Fail {
				early = first.Err.Error()
			}
		}
		switch {
		case early != "":
			if err.Error() != early {
				t.Errorf("got  %v\nwant %s", err, early)
			}
		case named == testIssuer || named == otherIssuer:
			claims, _ := base64.RawURLEncoding.DecodeString(strings.Split(raw, ".")[1])
			_, wantErr := alone.first.Verify(t.Context(), signText(t, 0, e.header, string(claims)))
			if !errors.Is(err, jwtverify.ErrMalformed) || !errors.Is(wantErr, jwtverify.ErrMalformed) {
				t.Errorf("named is %q: got %v\nwant %v", named, err, want.Err)
			}
		case !errors.Is(err, jwtverify.ErrMalformed) && !errors.Is(err, jwtverify.ErrUnsupported) && !errors.Is(err, jwtverify.ErrIssuer):
			t.Errorf("nobody is named: got %v", err)
		}
	})
}

// namedIssuer is the iss of a token as encoding/json reads it, "" if it reads none.
func namedIssuer(raw string) string {
	parts := strings.Split(raw, ".")
	if len(parts) != 3 {
		return ""
	}
	text, err := base64.RawURLEncoding.Strict().DecodeString(parts[1])
	if err != nil || strings.ContainsAny(parts[1], "\r\n") {
		return ""
	}
	var claims map[string]json.RawMessage
	if json.Unmarshal(text, &claims) != nil {
		return ""
	}
	issuer := ""
	if json.Unmarshal(claims["iss"], &issuer) != nil {
		return ""
	}
	return issuer
}

// What choosing the verifier of one of eight issuers adds to BenchmarkVerify.
func BenchmarkIssuersVerify(b *testing.B) {
	token := benchToken(b)
	issuers := eightIssuers(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := issuers.Verify(b.Context(), token); err != nil {
			b.Fatal(err)
		}
	}
}

func eightIssuers(tb testing.TB) *jwtverify.Issuers {
	var verifiers []*jwtverify.Verifier
	for i := range 8 {
		verifiers = append(verifiers, newVerifier(tb, jwtverify.Config{Issuer: testIssuer + strings.Repeat("/x", i)}))
	}
	return newIssuers(tb, verifiers...)
}

// A token costs as much among a thousand issuers as among ten: one that is new, one that
// its verifier remembers, and a stranger's.
func BenchmarkManyIssuers(b *testing.B) {
	good := benchToken(b)
	unknown := sign(b, 0, goodHeader(), changed(goodClaims(), map[string]any{"iss": "https://evil.example"}))
	for _, count := range []int{10, 1000} {
		for _, test := range []struct {
			name       string
			remembered int
			token      string
			want       error
		}{
			{"new", 0, good, nil},
			{"remembered", 8, good, nil},
			{"unknown", 0, unknown, jwtverify.ErrIssuer},
		} {
			b.Run(fmt.Sprintf("%s/%d", test.name, count), func(b *testing.B) {
				issuers := manyIssuers(b, count, test.remembered)
				b.ReportAllocs()
				for b.Loop() {
					if _, err := issuers.Verify(b.Context(), test.token); !errors.Is(err, test.want) {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// manyIssuers has the verifier of the test tokens' issuer as the last of many.
func manyIssuers(tb testing.TB, count, remembered int) *jwtverify.Issuers {
	keys := testSet(tb, 2)
	var verifiers []*jwtverify.Verifier
	for i := range count - 1 {
		verifiers = append(verifiers, newVerifier(tb, jwtverify.Config{Issuer: fmt.Sprintf("%s/%d", testIssuer, i), Keys: keys, VerifiedCache: remembered}))
	}
	return newIssuers(tb, append(verifiers, newVerifier(tb, jwtverify.Config{Keys: keys, VerifiedCache: remembered}))...)
}

// The most that a stranger's token can cost: nobody is asked for keys, and no RSA is
// computed, but the claims are read.
func BenchmarkIssuersRefuse(b *testing.B) {
	issuers := eightIssuers(b)
	unknown := changed(goodClaims(), map[string]any{"iss": "https://evil.example"})
	for name, token := range map[string]string{
		"oversized":      strings.Repeat("a", 1<<20),
		"unknown issuer": sign(b, 0, goodHeader(), unknown),
		"hostile claims": rawToken(`{"alg":"RS256"}`, hostileJSON(11<<10, 400), "AAAA"),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := issuers.Verify(b.Context(), token); err == nil {
					b.Fatal("accepted")
				}
			}
		})
	}
}
