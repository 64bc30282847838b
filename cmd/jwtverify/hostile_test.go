package main

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"example.com/jwtverify/internal/issuer"
)

// escaped is a text as JSON that names every character by its number.
func escaped(text string) string {
	out := `"`
	for _, r := range text {
		out += fmt.Sprintf(`\u%04x`, r)
	}
	return out + `"`
}

func plain(text string) string { return `"` + text + `"` }

// hostileSegment is longer than longSegment: a hostile text may hold a word that is no signature,
// and screen masks it only from 140 bytes on. The escape of a character, such as U0001f600
// behind the backslash, can stand in front of it.
var hostileSegment = regexp.MustCompile(`[A-Za-z0-9_-]{150,}`)

// fit reports what of an output is not fit to be shown.
func fit(output string, tokens []string) string {
	if !utf8.ValidString(output) {
		return "no UTF-8"
	}
	for _, r := range output {
		if r != '\n' && !unicode.IsPrint(r) {
			return fmt.Sprintf("U+%04X", r)
		}
	}
	for line := range strings.Lines(output) {
		var value any
		if json.Unmarshal([]byte(line), &value) != nil {
			continue
		}
		decoded, _ := json.Marshal(value) // of plain letters without escapes
		if what := leakOf(string(decoded), tokens, hostileSegment); what != "" {
			return what + ", escaped"
		}
	}
	return leakOf(output, tokens, hostileSegment)
}

// An id of a line comes back, whatever it is, and nothing that does harm.
func TestIDsOfLines(t *testing.T) {
	f := newFixture(t)
	good, other := f.mint(t), f.mint(t)
	signature := good[strings.LastIndexByte(good, '.')+1:]
	const none, masked = "1", `"[token, `
	for _, test := range []struct{ name, id, want string }{ // want: how it begins
		{"an escape", `"\u001b[2J"`, `"\u001b[2J"`},
		{"a control character beyond ASCII", "\"\u009b2J\"", `"\u009b2J"`},
		{"a bidi character", "\"\u202e\"", `"\u202e"`},
		{"a line separator", "\"\u2028\"", `"\u2028"`},
		{"a bidi character in a name", "{\"\u202e\":1}", `{"\u202e":1}`},
		{"no UTF-8", "\"\xff\"", "\"\ufffd\""},
		{"no UTF-8 in a name", "{\"\xff\":[\"\xc3\"]}", "{\"\ufffd\":[\"\ufffd\"]}"},
		{"the token", plain(good), none},
		{"the token, escaped", escaped(good), none},
		{"the token with an escaped dot", plain(strings.ReplaceAll(good, ".", `\u002e`)), none},
		{"the signature", plain(signature), none},
		{"the signature, escaped", escaped(signature), none},
		{"the signature in a name", "{" + escaped(signature) + ":1}", none},
		{"another token", plain(other), masked},
		{"another token, escaped", escaped(other), masked},
		{"another token with an escaped dot", plain(strings.ReplaceAll(other, ".", `\u002e`)), masked},
		{"another signature, escaped", escaped(other[strings.LastIndexByte(other, '.')+1:]), masked},
		{"a long number", strings.Repeat("7", 342), masked},
	} {
		for _, line := range []string{`{"id":` + test.id + `,"token":"` + good + `"}`, `{"token":"` + good + `","id": ` + test.id + `}`} {
			got := f.run(t, nil, strings.NewReader(line+"\n"), f.flags("--lines")...)
			if !strings.HasPrefix(got.stdout, `{"id":`+test.want) || strings.Count(got.stdout, "\n") != 1 || !json.Valid([]byte(got.stdout)) {
				t.Errorf("%s: got %.200s, want the id %s", test.name, got.stdout, test.want)
			}
			if what := fit(got.stdout+got.stderr, f.tokens); what != "" {
				t.Errorf("%s: the output holds %s", test.name, what)
			}
		}
	}
}

// Whatever stands in a token, inspect shows the rest of it, and verify --claims too.
func TestClaimsThatWouldHideOthers(t *testing.T) {
	f := newFixture(t)
	other := f.mint(t)
	signature := other[strings.LastIndexByte(other, '.')+1:]
	long := strings.Repeat("a", 300)
	for name, value := range map[string]string{
		"a long word":                      plain(long),
		"a long word behind \\n":           plain(`\n` + long),
		"a long word behind \\u":           plain(`\u0041` + long),
		"a long word before an escape":     plain(long + `\n`),
		"a long word within escapes":       plain(`\t` + long + `\"`),
		"a long word behind a backslash":   plain(`\\` + long),
		"a token":                          plain(other),
		"a token behind \\n":               plain(`\n` + other),
		"a token, escaped":                 escaped(other),
		"a signature behind \\r":           plain(`\r` + signature),
		"a signature, escaped":             escaped(signature),
		"a list of them":                   `["\n` + long + `",{"\n` + long + `":"\b` + other + `"}]`,
		"a long number":                    strings.Repeat("7", 342),
		"a bidi character":                 `"\u202e"`,
		"a character beyond 16 bits":       `"\ud83d\ude00"`,
		"a character for which \\u is two": plain("\U000e0001"),
	} {
		token := f.mint(t, issuer.Claims{"note": json.RawMessage(value), "mark": "still there"})
		for _, args := range [][]string{{"inspect"}, {"inspect", "--json"}, f.flags("--claims"), f.flags("--json"), append([]string{"explain"}, f.flags()[1:]...)} {
			got := f.run(t, nil, strings.NewReader(token), args...)
			shows := args[0] == "inspect" || args[len(args)-1] == "--claims"
			if got.code != 0 || shows && !strings.Contains(got.stdout, "still there") {
				t.Errorf("%s: %s: exit %d, and it shows %.300s", name, args[0], got.code, got.stdout)
			}
			if strings.Contains(strings.Join(args, " "), "--json") && !json.Valid([]byte(got.stdout)) {
				t.Errorf("%s: %s --json is no JSON", name, args[0])
			}
			if what := fit(got.stdout+got.stderr, f.tokens); what != "" {
				t.Errorf("%s: %s: the output holds %s", name, args[0], what)
			}
		}
	}
}

// The documents of an issuer are text from outside too.
func TestNoCommandRepeatsATokenOfADocument(t *testing.T) {
	f := newFixture(t)
	token := f.mint(t)
	for name, text := range map[string]string{"a token": plain(token), "a token, escaped": escaped(token), "a bidi character": "\"\u202e\"", "no UTF-8": "\"\xff\""} {
		for _, member := range []string{"kid", "kty", "alg", "use"} {
			path := f.jwks + member
			key := map[string]json.RawMessage{"kty": []byte(`"EC"`), member: []byte(text)}
			pairs := ""
			for name, value := range key {
				pairs += fmt.Sprintf(",%q:%s", name, value)
			}
			writeFile(t, path, []byte(`{"keys":[{`+pairs[1:]+`}]}`))
			for _, args := range [][]string{{"jwks", "--jwks-file", path}, {"jwks", "--json", "--jwks-file", path}} {
				got := f.run(t, nil, nil, args...)
				if what := fit(got.stdout+got.stderr, f.tokens); what != "" || got.stdout == "" {
					t.Errorf("%s as %s of a key: the output holds %s: %s", name, member, what, got.stdout)
				}
			}
		}
	}
}

// What is to be hidden is text of somebody else: no word of ours is.
func TestATokenBlotsOutNoVerdict(t *testing.T) {
	f := newFixture(t)
	for _, token := range []string{
		"rejected: this is not a JWT, and its text is that of the verdict", "a.b.audience-mismatch", "a.b.", ".", "token-parts",
	} {
		plain := f.run(t, nil, strings.NewReader("x.y"), f.flags("--json")...)
		if got := f.run(t, nil, strings.NewReader(token), f.flags("--json")...); strings.Contains(got.stdout, "hidden") || got.code != plain.code {
			t.Errorf("%s: got %s", token, got.stdout)
		}
	}
}
