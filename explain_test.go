package jwtverify_test

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"example.com/jwtverify"
	"example.com/jwtverify/internal/jwk/jwktest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// summary writes the checks of a report as one line: each step with its status, and
// its code if it has one; ? stands behind what is not verified.
func summary(report *jwtverify.Report) string {
	var out []string
	for _, check := range report.Checks {
		text := check.Name + ":" + string(check.Status)
		if check.Code != "" {
			text = check.Name + ":" + check.Code
		}
		if !check.Trusted && check.Status != jwtverify.Skip {
			text += "?"
		}
		out = append(out, text)
	}
	return strings.Join(out, " ")
}

var stepNames = []string{
	"settings", "form", "algorithm", "type", "key", "signature", "claims", "issuer", "audience", "not-before", "expiry",
}

// checkReport reports what no report may be: another verdict than that of Verify, a
// step that is missing or stands elsewhere, a failure without a word on it, or a part
// of the token that must not be shown.
func checkReport(tb testing.TB, report *jwtverify.Report, token *jwtverify.Token, err error, raw string) {
	tb.Helper()
	if diff := cmp.Diff(token, report.Token, cmpopts.IgnoreUnexported(jwtverify.Token{})); diff != "" {
		tb.Errorf("Verify and Explain return different tokens (-Verify +Explain):\n%s", diff)
	}
	if (err == nil) != (report.Err == nil) || err != nil && err.Error() != report.Err.Error() {
		tb.Errorf("Verify says %v, Explain %v", err, report.Err)
	}
	for _, sentinel := range slices.Concat(leaves, []error{jwtverify.ErrInvalid, jwtverify.ErrKeysUnavailable}) {
		if errors.Is(err, sentinel) != errors.Is(report.Err, sentinel) {
			tb.Errorf("one of Verify and Explain says %v: %v, %v", sentinel, err, report.Err)
		}
	}
	var names []string
	failed := false
	signature := raw[strings.LastIndexByte(raw, '.')+1:]
	for _, c := range report.Checks {
		if c.Status != jwtverify.Note {
			names = append(names, c.Name)
		}
		failed = failed || c.Status == jwtverify.Fail
		complete := c.Code != "" && c.Found != "" && c.Next != "" && (c.Expected != "" || c.Status == jwtverify.Note)
		if (c.Status == jwtverify.Fail || c.Status == jwtverify.Note) && !complete {
			tb.Errorf("a check says too little: %+v", c)
		}
		if c.Status == jwtverify.Skip && c != (jwtverify.Check{Name: c.Name, Status: c.Status, Trusted: c.Trusted}) {
			tb.Errorf("a step that was not made says something: %+v", c)
		}
		for _, text := range []string{c.Expected, c.Found, c.Next} {
			if len(signature) > 20 && strings.Contains(text, signature) || len(raw) > 20 && strings.Contains(text, raw) {
				tb.Errorf("check %s shows the token or its signature", c.Name)
			}
			if len(text) > 3_000 || strings.ContainsFunc(text, func(c rune) bool { return c < ' ' || c == 0x7f }) {
				tb.Errorf("check %s says something long or with control characters: %.3000q", c.Name, text)
			}
		}
	}
	if n := len(names) - 1; n > 0 && names[n] == "check" { // where there is a Config.Check
		names = names[:n]
	}
	if !slices.Equal(names, stepNames) {
		tb.Errorf("the checks are %v, want %v", names, stepNames)
	}
	if failed != (report.Err != nil) {
		tb.Errorf("a check failed: %v, the verdict: %v", failed, report.Err)
	}
}

func TestExplainTellsWhatEachStepFound(t *testing.T) {
	with := func(changes map[string]any) map[string]any {
		claims := goodClaims()
		for name, value := range changes {
			claims[name] = value
			if value == nil {
				delete(claims, name)
			}
		}
		return claims
	}
	signed := func(changes map[string]any) string { return sign(t, 0, goodHeader(), with(changes)) }
	header := func(h map[string]any, changes map[string]any) string { return sign(t, 0, h, with(changes)) }
	good := signed(nil)
	cut := strings.LastIndexByte(good, '.')
	late := map[string]any{"exp": testNow - 7200, "aud": "https://other"}

	for _, test := range []struct {
		name   string
		token  string
		config jwtverify.Config
		want   string // the steps that did not pass, in their order
		found  string // what the first of them found
	}{
		{"a good token", good, jwtverify.Config{}, "", ""},
		{"a token of 16385 bytes", strings.Repeat("a", 16385), jwtverify.Config{}, "form:token-long …", "16385 bytes"},
		{"no token", "", jwtverify.Config{}, "form:token-parts …", "empty"},
		{"an opaque token", "2YotnFZFEjr1zCsicMWpAA", jwtverify.Config{}, "form:token-opaque …", "no dot, so it is no JWT"},
		{"an encrypted token", encode(`{"alg":"RSA-OAEP","enc":"A256GCM"}`) + ".b.c.d.e", jwtverify.Config{}, "form:token-encrypted …", "five parts, so it is encrypted (JWE)"},
		{"two parts", encode(`{"alg":"RS256"}`) + ".b", jwtverify.Config{}, "form:token-parts …", "2 parts"},
		{"a dot too many", "a." + good, jwtverify.Config{}, "form:token-parts …", "4 parts"},
		{"padding in the header", "YQ==.YQ.YQ", jwtverify.Config{}, "form:token-base64 …", "header has padding (=) at byte 2"},
		{"a header that is no JSON", rawToken(`{"alg"`, "{}", ""), jwtverify.Config{}, "form:token-json …", "header is not valid JSON: it ends at byte 6, want a colon"},
		{"a member of the header twice", rawToken(`{"alg":"RS256","alg":"RS256"}`, "{}", ""), jwtverify.Config{}, "form:token-json …", `header has the member "alg" twice`},
		{"a header five deep", rawToken(`{"a":[[[[1]]]]}`, "{}", ""), jwtverify.Config{}, "form:json-limits …", "header is nested more than 4 deep"},
		{"a long header", strings.Repeat("e", 12000) + ".e30.YQ", jwtverify.Config{}, "form:json-limits …", "header is longer than 8192 bytes"},

		{"alg none and no signature", rawToken(`{"alg":"none"}`, marshal(t, goodClaims()), ""), jwtverify.Config{}, "algorithm:alg-none key:skip signature:skip", `"none"`},
		{"alg none, expired and for another API", rawToken(`{"alg":"None"}`, marshal(t, with(late)), ""), jwtverify.Config{}, "algorithm:alg-none key:skip signature:skip audience:audience-mismatch? expiry:expired?", `"None"`},
		{"alg none and claims that are no JSON", rawToken(`{"alg":"none"}`, "{", ""), jwtverify.Config{}, "algorithm:alg-none key:skip signature:skip claims:token-json? issuer:skip audience:skip not-before:skip expiry:skip", `"none"`},
		{"alg HS256", header(map[string]any{"alg": "HS256"}, nil), jwtverify.Config{}, "algorithm:alg-hmac key:skip signature:skip", `"HS256"`},
		{"alg ES256", header(map[string]any{"alg": "ES256"}, nil), jwtverify.Config{}, "algorithm:alg-other key:skip signature:skip", `"ES256"`},
		{"no alg", header(map[string]any{}, nil), jwtverify.Config{}, "algorithm:alg-other key:skip signature:skip", "no alg"},
		{"alg a number", header(map[string]any{"alg": 1}, nil), jwtverify.Config{}, "algorithm:alg-other key:skip signature:skip", `"alg" is a number`},
		{"a logout token", header(map[string]any{"alg": "RS256", "kid": "key-0", "typ": "logout+jwt"}, nil), jwtverify.Config{}, "type:type-mismatch key:skip signature:skip", `"logout+jwt"`},
		{"no typ where one is required", header(map[string]any{"alg": "RS256", "kid": "key-0"}, nil), jwtverify.Config{Type: "at+jwt"}, "type:type-mismatch key:skip signature:skip", "absent"},
		{"typ a list", header(map[string]any{"alg": "RS256", "kid": "key-0", "typ": []string{"JWT"}}, nil), jwtverify.Config{}, "type:type-form key:skip signature:skip", `"typ" is an array`},
		{"crit", header(map[string]any{"alg": "RS256", "kid": "key-0", "crit": []any{"b64", 1, "é"}}, nil), jwtverify.Config{}, "type:header-critical key:skip signature:skip", `crit ["b64", "\u00e9"]`},
		{"crit beside another list", header(map[string]any{"alg": "RS256", "kid": "key-0", "crit": []string{"b64"}, "x5c": []string{"a"}}, nil), jwtverify.Config{}, "type:header-critical key:skip signature:skip", `crit ["b64"]`},
		{"crit a text", header(map[string]any{"alg": "RS256", "kid": "key-0", "crit": "b64"}, nil), jwtverify.Config{}, "type:header-critical key:skip signature:skip", "crit []"},
		{"crit and another alg and typ", header(map[string]any{"alg": "HS512", "typ": "x", "kid": 1}, nil), jwtverify.Config{}, "algorithm:alg-hmac type:type-mismatch key:kid-form signature:skip", `"HS512"`},
		{"another alg, and a line break at the end of the signature", header(map[string]any{"alg": "HS256"}, nil) + "\n", jwtverify.Config{}, "algorithm:alg-hmac key:skip signature:token-wrapped", `"HS256"`},
		{"kid a number", header(map[string]any{"alg": "RS256", "kid": 1}, nil), jwtverify.Config{}, "key:kid-form signature:skip", `"kid" is a number`},
		{"a long kid", header(map[string]any{"alg": "RS256", "kid": strings.Repeat("k", 257)}, nil), jwtverify.Config{}, "key:kid-form signature:skip", "257 bytes"},

		{"a line break in the signature", good[:len(good)-9] + "\n" + good[len(good)-9:], jwtverify.Config{}, "key:skip signature:token-base64", `signature has the byte "\n" at byte 333`},
		{"a space in the claims", rawToken(`{"alg":"RS256"}`, "{}", "")[:21] + " ." + "YQ", jwtverify.Config{}, "key:skip signature:skip claims:token-base64? issuer:skip audience:skip not-before:skip expiry:skip", `claims has the byte " " at byte 0`},
		{"padding behind the claims, by a known key", good[:cut] + "=" + good[cut:], jwtverify.Config{}, "signature:skip claims:token-base64? issuer:skip audience:skip not-before:skip expiry:skip", "claims has padding (=) at byte " + fmt.Sprint(cut-strings.IndexByte(good, '.')-1)},
		{"no kid and two keys", header(map[string]any{"alg": "RS256"}, nil), jwtverify.Config{}, "key:kid-missing signature:skip", "token has no kid, and the key set has 2 usable keys"},
		{"an unknown kid of another tenant", header(map[string]any{"alg": "RS256", "kid": "key-9"}, map[string]any{"iss": "https://other"}), jwtverify.Config{}, "key:kid-unknown signature:skip issuer:issuer-mismatch?", `"key-9"; its iss (not verified) is "https://other"`},
		{"a signature cut off", good[:cut+5], jwtverify.Config{}, "signature:signature-length", "3 bytes"},
		{"no signature", good[:cut+1], jwtverify.Config{}, "signature:signature-length", "0 bytes"},
		{"a signature of another token", good[:cut] + signed(late)[strings.LastIndexByte(signed(late), '.'):], jwtverify.Config{}, "signature:signature-bad", "not made by it"},
		{"a forged token that is expired too", sign(t, 1, goodHeader(), with(late)), jwtverify.Config{}, "signature:signature-bad audience:audience-mismatch? expiry:expired?", "not made by it"},

		{"claims that are an array", signText(t, 0, `{"alg":"RS256","kid":"key-0"}`, "[]"), jwtverify.Config{}, "claims:token-json issuer:skip audience:skip not-before:skip expiry:skip", `claims: the text is not valid JSON: found "[" at byte 0, want an object`},
		{"claims that end behind a colon", signText(t, 0, `{"alg":"RS256","kid":"key-0"}`, `{"iss":`), jwtverify.Config{}, "claims:token-json issuer:skip audience:skip not-before:skip expiry:skip", `claims: the text is not valid JSON: it ends at byte 7, want a value`},
		{"claims 17 deep", signText(t, 0, `{"alg":"RS256","kid":"key-0"}`, `{"a":`+strings.Repeat("[", 17)+strings.Repeat("]", 17)+"}"), jwtverify.Config{}, "claims:json-limits issuer:skip audience:skip not-before:skip expiry:skip", "claims: the text is nested more than 16 deep"},
		{"EXP beside exp", signed(map[string]any{"EXP": 1}), jwtverify.Config{}, "claims:claim-case issuer:skip audience:skip not-before:skip expiry:skip", `"EXP" differs from a registered claim only in case`},
		{"exp a text", signed(map[string]any{"exp": "soon"}), jwtverify.Config{}, "claims:claim-type issuer:skip audience:skip not-before:skip expiry:skip", `"exp" is a string`},
		{"aud with a number in it", signed(map[string]any{"aud": []any{testAudience, 1}}), jwtverify.Config{}, "claims:claim-type issuer:skip audience:skip not-before:skip expiry:skip", `an element of "aud" is a number`},
		{"exp in milliseconds", signed(map[string]any{"exp": int64(testNow+60) * 1000}), jwtverify.Config{}, "claims:time-milliseconds issuer:skip audience:skip not-before:skip expiry:skip", `"exp" is 1750000060000, beyond the year 9999`},
		{"no exp", signed(map[string]any{"exp": nil}), jwtverify.Config{}, "claims:expiry-missing issuer:skip audience:skip not-before:skip expiry:skip", "no exp"},

		{"no iss", signed(map[string]any{"iss": nil}), jwtverify.Config{}, "issuer:issuer-missing", "nothing"},
		{"iss with a final slash", signed(map[string]any{"iss": testIssuer + "/"}), jwtverify.Config{}, "issuer:issuer-form", `"https://issuer.example/"`},
		{"iss in capitals", signed(map[string]any{"iss": "HTTPS://ISSUER.example"}), jwtverify.Config{}, "issuer:issuer-form", `"HTTPS://ISSUER.example"`},
		{"iss with http", signed(map[string]any{"iss": "http://issuer.example"}), jwtverify.Config{}, "issuer:issuer-form", `"http://issuer.example"`},
		{"iss without a scheme", signed(map[string]any{"iss": "issuer.example"}), jwtverify.Config{}, "issuer:issuer-form", `"issuer.example"`},
		{"iss with another scheme", signed(map[string]any{"iss": "ftp://issuer.example"}), jwtverify.Config{}, "issuer:issuer-mismatch", `"ftp://issuer.example"`},
		{"iss of another tenant", signed(map[string]any{"iss": "https://issuer.example.org"}), jwtverify.Config{}, "issuer:issuer-mismatch", `"https://issuer.example.org"`},
		{"another issuer, audience and time", signed(map[string]any{"iss": "https://x", "aud": "y", "exp": testNow}), jwtverify.Config{}, "issuer:issuer-mismatch audience:audience-mismatch expiry:expired", `"https://x"`},
		{"no aud", signed(map[string]any{"aud": nil}), jwtverify.Config{}, "audience:audience-missing", "nothing"},
		{"an empty list as aud", signed(map[string]any{"aud": []string{}}), jwtverify.Config{}, "audience:audience-mismatch", "[]"},
		{"aud with a final slash", signed(map[string]any{"aud": []string{"x", testAudience + "/"}}), jwtverify.Config{}, "audience:audience-form", `["x", "https://api.example/"]`},
		{"aud in capitals in an ID token", signed(map[string]any{"aud": "https://API.example", "nonce": "n"}), jwtverify.Config{}, "audience:audience-form", `["https://API.example"]`},
		{"an ID token with nonce", signed(map[string]any{"aud": "client-1", "nonce": "n"}), jwtverify.Config{}, "audience:audience-id-token", `["client-1"]`},
		{"an ID token with at_hash", signed(map[string]any{"aud": "client-1", "at_hash": "h"}), jwtverify.Config{}, "audience:audience-id-token", `["client-1"]`},
		{"a token for another API", signed(map[string]any{"aud": "https://billing.example"}), jwtverify.Config{}, "audience:audience-mismatch", `["https://billing.example"]`},
		{"client_id in place of aud", signed(map[string]any{"aud": nil, "client_id": testAudience}), jwtverify.Config{AudienceClaim: "client_id"}, "", ""},
		{"another client_id in place of aud", signed(map[string]any{"aud": nil, "client_id": "other"}), jwtverify.Config{AudienceClaim: "client_id"}, "audience:audience-mismatch", `client_id, in place of aud, is "other"`},
		{"nbf ahead", signed(map[string]any{"nbf": testNow + 1800}), jwtverify.Config{}, "not-before:not-before", "2025-06-15T15:36:40Z, in 30m"},
		{"iat ahead", signed(map[string]any{"iat": testNow + 1800}), jwtverify.Config{}, "not-before:issued-ahead", "iat 2025-06-15T15:36:40Z, in 30m"},
		{"iat ahead within the leeway", signed(map[string]any{"iat": testNow + 1800}), jwtverify.Config{Leeway: 10 * time.Minute, Now: func() time.Time { return time.Unix(testNow+1200, 0) }}, "", ""},
		{"a token that expires now", signed(map[string]any{"exp": testNow}), jwtverify.Config{}, "expiry:expired", "2025-06-15T15:06:40Z, 0s ago"},
		{"an expired token", signed(map[string]any{"exp": testNow - 3*24*3600}), jwtverify.Config{}, "expiry:expired", "2025-06-12T15:06:40Z, 3d ago"},
		{"a token that is bound to a key", signed(map[string]any{"cnf": map[string]any{"jkt": "x"}}), jwtverify.Config{}, "claims:sender-constrained", "a cnf claim"},
	} {
		t.Run(test.name, func(t *testing.T) {
			verifier := newVerifier(t, test.config)
			report := verifier.Explain(t.Context(), test.token)
			token, err := verifier.Verify(t.Context(), test.token)
			checkReport(t, report, token, err, test.token)

			want := test.want
			if rest, ok := strings.CutSuffix(want, " …"); ok { // nothing can be read behind it
				want = rest
				for _, name := range stepNames[2:] {
					want += " " + name + ":skip"
				}
			}
			var got []string
			found := ""
			for text := range strings.FieldsSeq(summary(report)) {
				if name, status, _ := strings.Cut(text, ":"); strings.TrimSuffix(status, "?") != "pass" && slices.Contains(stepNames, name) {
					got = append(got, text)
				}
			}
			for _, c := range report.Checks {
				if c.Code != "" {
					found = c.Found
					break
				}
			}
			if strings.Join(got, " ") != want || found != test.found {
				t.Errorf("got  %s, found %s\nwant %s, found %s", strings.Join(got, " "), found, want, test.found)
			}
		})
	}
}

func TestExplainTellsWhatWasExpected(t *testing.T) {
	const short = `{"alg":"RS256","kid":"key-0"}`
	expired := goodClaims()
	expired["exp"] = testNow - 3600
	for _, test := range []struct {
		name   string
		token  string
		config jwtverify.Config
		want   string
	}{
		{"a header that is no JSON", rawToken(`{"alg"`, "{}", ""), jwtverify.Config{}, "one JSON object in the header, in valid UTF-8, with no member twice"},
		{"claims that are no JSON", signText(t, 0, short, "{"), jwtverify.Config{}, "one JSON object in the claims, in valid UTF-8, with no member twice"},
		{"a header that is too deep", rawToken(`{"a":[[[[1]]]]}`, "{}", ""), jwtverify.Config{}, "a header of at most 8192 bytes, 64 members (array elements count) and 4 levels"},
		{"claims that are too deep", signText(t, 0, short, `{"a":`+strings.Repeat("[", 17)+strings.Repeat("]", 17)+"}"), jwtverify.Config{}, "claims of at most 1000 members and 16 levels"},
		{"an expired token", sign(t, 0, goodHeader(), expired), jwtverify.Config{}, "later than 2025-06-15T15:06:40Z, which is now"},
		{"a kid, and keys without one", sign(t, 0, goodHeader(), goodClaims()), jwtverify.Config{Keys: setOf(t, []string{"", ""}, []int{0, 1})}, "a token without kid, or keys that have one: those of the issuer have no kid"},
		{"a kid, and a key that has another", sign(t, 0, goodHeader(), goodClaims()), jwtverify.Config{Keys: setOf(t, []string{"a"}, []int{0})}, `one of the issuer's keys ("a")`},
		{"an expired token and a leeway", sign(t, 0, goodHeader(), expired), jwtverify.Config{Leeway: time.Minute}, "later than 2025-06-15T15:06:40Z, which is now, less the leeway of 1m0s"},
	} {
		t.Run(test.name, func(t *testing.T) {
			report := newVerifier(t, test.config).Explain(t.Context(), test.token)
			for _, c := range report.Checks {
				if c.Status == jwtverify.Fail {
					if c.Expected != test.want {
						t.Errorf("got %q, want %q", c.Expected, test.want)
					}
					return
				}
			}
			t.Error("no check failed")
		})
	}
}

func TestExplainRoundsTimesAsPeopleDo(t *testing.T) {
	for seconds, want := range map[int]string{
		1: "1s ago", 90: "90s ago", 119: "119s ago", 120: "2m ago", 3600: "60m ago", 7199: "120m ago", 7200: "2h ago",
		48*3600 - 1: "48h ago", 48 * 3600: "2d ago", 60*3600 - 1: "2d ago", 10 * 24 * 3600: "10d ago",
	} {
		claims := goodClaims()
		claims["exp"] = testNow - seconds
		report := newVerifier(t, jwtverify.Config{}).Explain(t.Context(), sign(t, 0, goodHeader(), claims))
		if got := report.Checks[10].Found; !strings.HasSuffix(got, ", "+want) {
			t.Errorf("%d seconds: got %s, want %s", seconds, got, want)
		}
	}
}

func TestExplainOfAGoodToken(t *testing.T) {
	raw := sign(t, 0, goodHeader(), goodClaims())
	report := newVerifier(t, jwtverify.Config{}).Explain(t.Context(), raw)
	var got []string
	for _, c := range report.Checks {
		if c.Status != jwtverify.Pass || !c.Trusted || c.Code != "" || c.Next != "" {
			t.Errorf("got %+v, want a pass that can be trusted", c)
		}
		got = append(got, fmt.Sprintf("%s | %s | %s", c.Name, c.Expected, c.Found))
	}
	want := []string{
		`settings |  | issuer "https://issuer.example", audience "https://api.example"`,
		fmt.Sprintf(`form | three parts | three parts, %d bytes`, len(raw)),
		`algorithm | "RS256" | "RS256"`,
		`type | "JWT", "at+jwt", "JOSE" or none | "JWT"`,
		`key | a key of the issuer | kid "key-0", 2 usable keys`,
		`signature | made by that key | made by it, 256 bytes`,
		fmt.Sprintf(`claims | one JSON object | one JSON object, %d bytes`, len(marshal(t, goodClaims()))),
		`issuer | "https://issuer.example" | "https://issuer.example"`,
		`audience | "https://api.example" | ["https://api.example"]`,
		`not-before | not after 2025-06-15T15:06:40Z, which is now | 2025-06-15T15:05:40Z`,
		`expiry | later than 2025-06-15T15:06:40Z, which is now | 2025-06-15T16:06:40Z, in 60m`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("checks (-want +got):\n%s", diff)
	}
}

// AD FS names the key by x5t. What a report says of the key is what the token says of it.
func TestExplainNamesTheKeyAsTheTokenDoes(t *testing.T) {
	two := parseSet(t, jwktest.Set(jwkText(t, 0, "x5t", `"old"`), jwkText(t, 1, "x5t", `"next"`)))
	for header, test := range map[string]struct {
		set  *jwtverify.KeySet
		want string // what was expected of the key, and found
	}{
		`"x5t":"old"`:                {two, `a key of the issuer, x5t "old", 2 usable keys`},
		`"x5t#S256":"x","x5t":"old"`: {two, `a key of the issuer, x5t#S256 "x", 2 usable keys`},
		`"kid":"key-0","x5t":"next"`: {two, `a key of the issuer, kid "key-0", 2 usable keys`},
		`"typ":"JWT"`:                {parseSet(t, jwktest.Set(jwkText(t, 0))), `a key of the issuer, no kid, 1 usable key`},
		`"x5t":"x"`:                  {two, `a key of the issuer that the token's x5t names, token has no kid, and none of the 2 usable keys has its x5t "x"`},
	} {
		t.Run(header, func(t *testing.T) {
			raw := signText(t, 0, `{"alg":"RS256",`+header+`}`, marshal(t, goodClaims()))
			key := newVerifier(t, jwtverify.Config{Keys: test.set}).Explain(t.Context(), raw).Checks[4]
			if got := key.Expected + ", " + key.Found; got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

// Keys for other uses are worth a note, beside the good one and beside the failure to find
// one; the key that the token names, if it is one of them, is the reason.
func TestExplainTellsOfSkippedKeys(t *testing.T) {
	n, e := base64.RawURLEncoding.EncodeToString(testKey(t, 0).N.Bytes()), "AQAB"
	set, err := jwtverify.ParseKeySet(fmt.Appendf(nil, `{"keys":[{"kty":"RSA","kid":"key-0","n":%q,"e":%q},{"kty":"RSA","use":"enc","kid":"enc","n":%q,"e":%q},{"kty":"EC"}]}`, n, e, n, e))
	if err != nil {
		t.Fatal(err)
	}
	verifier := newVerifier(t, jwtverify.Config{Keys: set})
	const skipped = `; keys-skipped: key 1 with kid "enc" is not used: use is "enc", want "sig"; key 2 is not used: kty is "EC", want "RSA"`
	for name, test := range map[string]struct{ kid, want string }{
		"the good key":       {"key-0", skipped[2:]},
		"the encryption key": {"enc", `key-unusable: key 1 with kid "enc" is not used: use is "enc", want "sig"` + skipped},
		"an unknown key":     {"other", `kid-unknown: "other"` + skipped},
		"an empty kid":       {"", `kid-unknown: ""` + skipped},
	} {
		t.Run(name, func(t *testing.T) {
			raw := sign(t, 0, map[string]any{"alg": "RS256", "kid": test.kid}, goodClaims())
			report := verifier.Explain(t.Context(), raw)
			token, err := verifier.Verify(t.Context(), raw)
			checkReport(t, report, token, err, raw)
			var got []string
			for _, c := range report.Checks {
				if c.Code != "" {
					got = append(got, c.Code+": "+c.Found)
				}
			}
			if strings.Join(got, "; ") != test.want {
				t.Errorf("got  %s\nwant %s", strings.Join(got, "; "), test.want)
			}
		})
	}
}

func TestExplainTellsOfSomeOfManySkippedKeys(t *testing.T) {
	var keys []string
	for i := range 7 {
		keys = append(keys, fmt.Sprintf(`{"kty":"EC","kid":"%d"}`, i))
	}
	keys = append(keys, marshal(t, jwkOf(&testKey(t, 0).PublicKey, "key-0")))
	set, err := jwtverify.ParseKeySet([]byte(`{"keys":[` + strings.Join(keys, ",") + "]}"))
	if err != nil {
		t.Fatal(err)
	}
	verifier := newVerifier(t, jwtverify.Config{Keys: set})
	report := verifier.Explain(t.Context(), sign(t, 0, goodHeader(), goodClaims()))
	want := ""
	for i := range 4 {
		want += fmt.Sprintf(`key %d with kid "%d" is not used: kty is "EC", want "RSA"; `, i, i)
	}
	if got := report.Checks[5].Found; got != want+"and 3 more" {
		t.Errorf("got  %s\nwant %sand 3 more", got, want)
	}
}

func TestExplainTellsWhyThereAreNoKeys(t *testing.T) {
	raw := sign(t, 0, goodHeader(), goodClaims())
	fails := func(err error) jwtverify.KeySource {
		return source(func(*http.Request) (*http.Response, error) { return nil, err })
	}
	answers := func(status int, body string, header ...string) jwtverify.KeySource {
		return source(func(*http.Request) (*http.Response, error) { return reply(status, body, header...), nil })
	}
	for _, test := range []struct {
		name   string
		keys   jwtverify.KeySource
		code   string
		detail string // Expected | Found
	}{
		{"the name does not resolve", fails(&net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "issuer.example", IsNotFound: true}}),
			"keys-dns", "an address of issuer.example | GET https://issuer.example/keys: dial: lookup issuer.example: no such host"},
		{"the connection is refused", fails(&net.OpError{Op: "dial", Err: errors.New("connection refused")}),
			"keys-connect", "a connection to issuer.example | GET https://issuer.example/keys: dial: connection refused"},
		{"the certificate is unknown", fails(x509.UnknownAuthorityError{}),
			"keys-tls", "a valid certificate of issuer.example | GET https://issuer.example/keys: x509: certificate signed by unknown authority"},
		{"the source hangs", source(func(r *http.Request) (*http.Response, error) { <-r.Context().Done(); return nil, r.Context().Err() }),
			"keys-timeout", "an answer within 5s | none after 5s at https://issuer.example/keys"},
		{"the source hangs, and its limit is shorter", &jwtverify.Cache{Timeout: time.Second, Source: source(func(r *http.Request) (*http.Response, error) { <-r.Context().Done(); return nil, r.Context().Err() })},
			"keys-timeout", "an answer within 1s | none after 1s at https://issuer.example/keys"},
		{"the source does not return at all", jwtverify.KeySourceFunc(func(context.Context) (*jwtverify.KeySet, error) {
			time.Sleep(time.Minute)
			return nil, errors.New("late")
		}), "keys-timeout", "an answer within 5s | none after 5s"},
		{"status 404", answers(404, ""), "keys-status", "status 200 | 404 Not Found at https://issuer.example/keys"},
		{"status 503 and Retry-After", answers(503, "", "Retry-After: 7"), "keys-status", "status 200 | 503 Service Unavailable, Retry-After 7s at https://issuer.example/keys"},
		{"status 503 and a Retry-After of nothing", answers(503, "", "Retry-After: 0"), "keys-status", "status 200 | 503 Service Unavailable at https://issuer.example/keys"},
		{"status 299", answers(299, ""), "keys-status", "status 200 | 299 at https://issuer.example/keys"},
		{"the first redirect", answers(300, ""), "keys-redirect", "status 200 | 300 Multiple Choices at https://issuer.example/keys"},
		{"the last redirect", answers(399, ""), "keys-redirect", "status 200 | 399 at https://issuer.example/keys"},
		{"status 400", answers(400, ""), "keys-status", "status 200 | 400 Bad Request at https://issuer.example/keys"},
		{"a redirect", answers(302, "", "Location: https://other.example/keys?secret=1"), "keys-redirect", `status 200 | 302 Found to "https://other.example/keys" at https://issuer.example/keys`},
		{"a redirect to nowhere", answers(301, ""), "keys-redirect", "status 200 | 301 Moved Permanently at https://issuer.example/keys"},
		{"a login page", answers(200, "<html>", "Content-Type: text/html"), "keys-not-json", `a JWK Set | "text/html", 6 bytes: it is not one: got HTML, not a key set; check the address, at https://issuer.example/keys`},
		{"half a document", answers(200, `{"keys":[`), "keys-not-json", `a JWK Set | no Content-Type, 9 bytes: it is not valid JSON: it ends at byte 9, want a value, at https://issuer.example/keys`},
		{"an encoding that is left", answers(200, "", "Content-Encoding: br"), "keys-not-json", `a JWK Set | Content-Encoding "br" at https://issuer.example/keys`},
		{"a large document", answers(200, strings.Repeat(" ", 512<<10+1)), "keys-size", "at most 524288 bytes | 524289 bytes at https://issuer.example/keys"},
		{"an empty set", answers(200, `{"keys":[]}`), "keys-empty", "one usable RS256 key or more | 0 keys, none usable"},
		{"a set of other keys", answers(200, `{"keys":[{"kty":"EC"},{"kty":"EC"},{"kty":"RSA","use":"enc"}]}`), "keys-empty",
			`one usable RS256 key or more | 3 keys, none usable; 2 because kty is "EC", want "RSA"; 1 because use is "enc", want "sig"`},
		{"a set with a key of each fault", answers(200, `{"keys":[{"kty":"EC"},{"kty":"oct"},{"kty":"a"},{"kty":"b"},{"kty":"c"},{"kty":"d"}]}`), "keys-empty",
			`one usable RS256 key or more | 6 keys, none usable; 1 because kty is "EC", want "RSA"; 1 because kty is "oct", want "RSA"; 1 because kty is "a", want "RSA"; 1 because kty is "b", want "RSA"; and other reasons`},
		{"a document that is cut off", source(func(*http.Request) (*http.Response, error) {
			answer := reply(200, "", "Content-Type: application/json")
			answer.Body = io.NopCloser(io.MultiReader(strings.NewReader(`{"keys":`), iotest.ErrReader(io.ErrUnexpectedEOF)))
			return answer, nil
		}), "keys-not-json", `a JWK Set | "application/json", cut off after 8 bytes at https://issuer.example/keys`},
		{"the proxy has no address", fails(&net.OpError{Op: "proxyconnect", Err: &net.DNSError{Err: "no such host", Name: "proxy.example", IsNotFound: true}}),
			"keys-connect", "a connection to issuer.example | GET https://issuer.example/keys: proxyconnect: lookup proxy.example: no such host"},
		{"the server speaks http", fails(http.ErrSchemeMismatch),
			"keys-tls", "a valid certificate of issuer.example | GET https://issuer.example/keys: http: server gave HTTP response to HTTPS client"},
		{"the server sends an alert", fails(&net.OpError{Op: "remote error", Err: errors.New("tls: handshake failure")}),
			"keys-tls", "a valid certificate of issuer.example | GET https://issuer.example/keys: remote error: tls: handshake failure"},
		{"the connection is idle too long", fails(&net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}),
			"keys-timeout", "an answer within 5s | none after 5s at https://issuer.example/keys"},
		{"a long text", fails(errors.New(strings.Repeat("x", 165) + "é")), "keys-connect",
			"a connection to issuer.example | GET https://issuer.example/keys: " + strings.Repeat("x", 165) + "é"},
		{"a longer text", fails(errors.New(strings.Repeat("x", 166) + "é")), "keys-connect",
			`a connection to issuer.example | "GET https://issuer.example/keys: ` + strings.Repeat("x", 166) + `"…`},
		{"a file that is not there", jwtverify.FileKeySource(filepath.Join("no", "file")), "keys-file", "a file with a JWK Set, a JWK or PEM | stat no/file: no such file or directory"},
		{"metadata of another issuer", jwtverify.DiscoveryKeySource{Issuer: testIssuer, Client: discovery(map[string]string{testIssuer + "/.well-known/openid-configuration": `{"issuer":"https://other","jwks_uri":"https://other/keys"}`}, new([]*http.Request))},
			"metadata-issuer", `the metadata of this issuer | metadata that cannot be used: issuer is "https://other", want "https://issuer.example", at https://issuer.example/.well-known/openid-configuration`},
		{"a source of one's own", jwtverify.KeySourceFunc(func(context.Context) (*jwtverify.KeySet, error) { return nil, errors.New("redis:\nno answer") }),
			"keys-connect", `keys from the key source | "redis:\nno answer"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				verifier := newVerifier(t, jwtverify.Config{Keys: test.keys})
				report := verifier.Explain(t.Context(), raw)
				if !errors.Is(report.Err, jwtverify.ErrKeysUnavailable) {
					t.Fatalf("got %v, want ErrKeysUnavailable", report.Err)
				}
				checkReport(t, report, nil, report.Err, raw)
				c := report.Checks[4]
				if got := c.Expected + " | " + c.Found; c.Code != test.code || got != test.detail || !c.Trusted {
					t.Errorf("got  %s: %s\nwant %s: %s", c.Code, got, test.code, test.detail)
				}
				if got, want := summary(report), "issuer:pass? audience:pass? not-before:pass? expiry:pass?"; !strings.HasSuffix(got, want) {
					t.Errorf("got %s, want %s at its end", got, want)
				}

				// The source is not asked again at once, and that is another reason.
				report = verifier.Explain(t.Context(), raw)
				if c := report.Checks[4]; c.Code != "keys-held" || !strings.HasPrefix(c.Found, "none at the moment, the next in ") {
					t.Errorf("got %s: %s, want keys-held and the time to the next", c.Code, c.Found)
				}
				time.Sleep(2 * time.Minute) // for the source that does not return
			})
		})
	}
}

func TestExplainTellsThatTheCallerLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		raw := sign(t, 0, goodHeader(), goodClaims())
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		report := newVerifier(t, jwtverify.Config{Keys: source(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})}).Explain(ctx, raw)
		checkReport(t, report, nil, report.Err, raw)
		if c := report.Checks[4]; c.Code != "keys-timeout" || !strings.Contains(c.Found, "context deadline exceeded") {
			t.Errorf("got %+v, want keys-timeout and the error of the context", c)
		}
		time.Sleep(time.Minute)
	})
}

func TestExplainByAZeroVerifier(t *testing.T) {
	for _, verifier := range []*jwtverify.Verifier{nil, new(jwtverify.Verifier)} {
		report := verifier.Explain(t.Context(), "a.b.c")
		_, err := verifier.Verify(t.Context(), "a.b.c")
		checkReport(t, report, nil, err, "a.b.c")
		if got := report.Checks[0].Code; got != "config-domain-missing" {
			t.Errorf("got %q, want config-domain-missing", got)
		}
	}
}

// Explain asks for keys exactly where Verify does.
func TestExplainAsksForKeysAsVerifyDoes(t *testing.T) {
	good := sign(t, 0, goodHeader(), goodClaims())
	for name, raw := range map[string]string{
		"a good token":             good,
		"a damaged token":          good[:len(good)-1] + "=",
		"an unsigned one":          rawToken(`{"alg":"none"}`, marshal(t, goodClaims()), ""),
		"a kid that is unknown":    sign(t, 0, map[string]any{"alg": "RS256", "kid": "other"}, goodClaims()),
		"a token of another typ":   sign(t, 0, map[string]any{"alg": "RS256", "kid": "key-0", "typ": "x"}, goodClaims()),
		"an expired one of theirs": sign(t, 0, goodHeader(), map[string]any{"exp": 1}),
	} {
		t.Run(name, func(t *testing.T) {
			counts := [2]uint64{}
			for i := range counts {
				cache := &jwtverify.Cache{Source: jwtverify.KeySourceFunc(testSet(t, 2).Keys)}
				verifier := newVerifier(t, jwtverify.Config{Keys: cache})
				for range 3 {
					if i == 0 {
						verifier.Verify(t.Context(), raw)
					} else {
						verifier.Explain(t.Context(), raw)
					}
				}
				counts[i] = cache.Stats().Fetches
			}
			if counts[0] != counts[1] {
				t.Errorf("Verify asked %d times, Explain %d times", counts[0], counts[1])
			}
		})
	}
}

func TestExplainIsSafeForConcurrentUse(t *testing.T) {
	verifier := newVerifier(t, jwtverify.Config{Keys: &jwtverify.Cache{Source: testSet(t, 2)}})
	good := sign(t, 0, goodHeader(), goodClaims())
	bad := sign(t, 1, goodHeader(), goodClaims())
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			raw, want := good, error(nil)
			if i%2 == 1 {
				raw, want = bad, jwtverify.ErrSignature
			}
			for range 20 {
				if report := verifier.Explain(t.Context(), raw); !errors.Is(report.Err, want) {
					t.Errorf("got %v, want %v", report.Err, want)
				}
			}
		})
	}
	group.Wait()
}

// The causes that are seen at the key source reach the report: the words are those of the
// cause, and the address that was asked is among them.
func TestExplainNamesTheCauseAtTheKeySource(t *testing.T) {
	raw := sign(t, 0, goodHeader(), goodClaims())
	const certificates = `{"a":"-----BEGIN CERTIFICATE-----\nMIID"}`
	metadata := func(answers map[string]string) jwtverify.KeySource {
		return jwtverify.DiscoveryKeySource{Issuer: testIssuer, Header: http.Header{"Authorization": {"Basic x"}}, Client: discovery(answers, new([]*http.Request))}
	}
	for _, test := range []struct {
		name       string
		keys       jwtverify.KeySource
		code, says string
	}{
		{"a map of certificates, read by a function", jwtverify.KeySourceFunc(func(context.Context) (*jwtverify.KeySet, error) {
			return jwtverify.ParseKeySet([]byte(certificates))
		}), "keys-not-json", "map of certificates"},
		{"a map of certificates over HTTP", source(func(*http.Request) (*http.Response, error) { return reply(200, certificates), nil }), "keys-not-json", "map of certificates"},
		{"a final slash in the settings", metadata(map[string]string{testIssuer + "/.well-known/openid-configuration": `{"issuer":"` + testIssuer + `/"}`}), "issuer-form", "Trying again does not help"},
		{"no metadata", metadata(nil), "keys-status", testIssuer + "/.well-known/openid-configuration; and then 404"},
	} {
		t.Run(test.name, func(t *testing.T) {
			verifier := newVerifier(t, jwtverify.Config{Keys: test.keys})
			report := verifier.Explain(t.Context(), raw)
			checkReport(t, report, nil, report.Err, raw)
			if c := report.Checks[4]; c.Code != test.code || !strings.Contains(c.Found+"\n"+c.Next, test.says) {
				t.Errorf("got %+v, want %s and %q", c, test.code, test.says)
			}
		})
	}
}

// What is no token is told by looking at it. The error goes by the number of parts alone:
// five are an encrypted token (RFC 7516, section 3.1).
func TestExplainLooksAtWhatIsNoToken(t *testing.T) {
	good := sign(t, 0, goodHeader(), goodClaims())
	for token, test := range map[string]struct {
		kind error
		code string
	}{
		"Bearer " + good:                           {jwtverify.ErrMalformed, "token-wrapped"},
		good + ", Bearer " + good:                  {jwtverify.ErrUnsupported, "token-wrapped"},
		good[:60] + "..." + good[len(good)-20:]:    {jwtverify.ErrUnsupported, "token-parts"},
		"ya29.c.KpABCDEFGHIJKLMNOPQRSTUVWXYZabcde": {jwtverify.ErrMalformed, "token-opaque"},
		"${TOKEN}": {jwtverify.ErrMalformed, "token-opaque"},
		encode(`{"alg":"dir","enc":"A256GCM"}`) + "..aXY.dGV4dA.dGFn": {jwtverify.ErrUnsupported, "token-encrypted"},
	} {
		verifier := newVerifier(t, jwtverify.Config{})
		report := verifier.Explain(t.Context(), token)
		_, err := verifier.Verify(t.Context(), token)
		checkReport(t, report, nil, err, token)
		if !errors.Is(err, test.kind) || report.Checks[1].Code != test.code {
			t.Errorf("%.10s…: got %v and %+v, want %v and %s", token, err, report.Checks[1], test.kind, test.code)
		}
	}
}
