package screen

import (
	"encoding/json"
	"fmt"

	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

// What withoutTokens finds, as a regular expression says it.
var tokenLike = regexp.MustCompile(`eyJ[\w-]*\.[\w.-]*|[\w.-]*[\w-]{140,}[\w.-]*`)

func TestTokensAreFound(t *testing.T) {
	long := strings.Repeat("a", LongestWord)
	texts := []string{
		"", ".", "eyJ", "eyJ.", "x eyJ. y", "eyJeyJ.", "a.eyJ", "a.eyJb.c/d", long, long[1:], long[1:] + "." + long[1:],
		"." + long, long + ".x y eyJ.", "eyJ." + long, long + "é" + long, "\xff" + long + "\xff", `\neyJ.`, "eyJ.x eyJ.y",
	}
	random := rand.New(rand.NewPCG(15, 16))
	pieces := []string{"eyJ", "e", ".", "-", "_", "Z", "0", " ", "/", "\\", "é", "\xff", long[:50], long[1:], long}
	for range 2_000 {
		text := ""
		for range random.IntN(8) {
			text += pieces[random.IntN(len(pieces))]
		}
		texts = append(texts, text)
	}
	for _, text := range texts {
		if got, want := WithoutTokens(text), tokenLike.ReplaceAllStringFunc(text, Token); got != want {
			t.Fatalf("%q: got %q, want %q", text, got, want)
		}
	}
}

// escaped is a text as JSON that names every character by its number.
func escaped(text string) string {
	out := `"`
	for _, r := range text {
		out += fmt.Sprintf(`\u%04x`, r)
	}
	return out + `"`
}

func TestShownJSON(t *testing.T) {
	long := strings.Repeat("a", LongestWord)
	for _, test := range []struct{ name, text, want string }{
		{"what nobody has to hide stays", ` { "a" : [ 1.50e1 , -0, true, null, "x\u0041\/\"\\" ] } `, `{"a":[1.50e1,-0,true,null,"x\u0041\/\"\\"]}`},
		{"a long word behind an escape", `{"a":"\n` + long + `"}`, `{"a":"\n[token, 140 bytes]"}`},
		{"a long word behind \\u", `{"a":"\u00e9` + long + `","b":1}`, `{"a":"é[token, 140 bytes]","b":1}`},
		{"a long word with an escape in it", `["` + long[:50] + `\u0061` + long[:89] + `"]`, `["[token, 140 bytes]"]`},
		{"a long word in the name of a member", `{"` + long + `":1}`, `{"[token, 140 bytes]":1}`},
		{"a token of escapes", escaped("eyJ.a.b"), `"[token, 7 bytes]"`},
		{"an escaped dot", `"eyJhIjox\u002eb"`, `"[token, 10 bytes]"`},
		{"a long number", `{"n":` + strings.Repeat("1", LongestWord) + `}`, `{"n":"[token, 140 bytes]"}`},
		{"control and bidi characters", "[\"\u202e\u009b\u2066\"]", `["\u202e\u009b\u2066"]`},
		{"no UTF-8", "\"a\xffb\"", "\"a\ufffdb\""},
		{"half a surrogate", `"\ud800"`, `"\ud800"`},
		{"half a surrogate beside a token", `"\ud800 eyJ."`, "\"\ufffd [token, 4 bytes]\""},
		{"HTML", `"<&> eyJ."`, `"<&> [token, 4 bytes]"`},
		{"no JSON", `{"a":}`, ""},
		{"nothing", "", ""},
	} {
		got := string(JSON([]byte(test.text), WithoutTokens))
		if got != test.want || got != "" && !json.Valid([]byte(got)) {
			t.Errorf("%s: got %s, want %s", test.name, got, test.want)
		}
	}
}

func TestWhatIsLoggedOfARequest(t *testing.T) {
	long := strings.Repeat("a", 1_000_000)
	signature := strings.Repeat("x", 342)
	for _, test := range []struct{ name, text, want string }{
		{"a path", "/orders/1", "/orders/1"},
		{"nothing", "", ""},
		{"a space", "/a b", `"/a b"`},
		{"control and bidi characters", "/\x1b[2J\n\u202e", `"/\x1b[2J\n\u202e"`},
		{"a quote", `/"`, `"/\""`},
		{"no UTF-8", "/\xff", `"/\xff"`},
		{"200 bytes", strings.Repeat("/orders-to", 20), `"` + strings.Repeat("/orders-to", 19) + `/orde"…`},
		{"195 bytes", strings.Repeat("/orders-to", 19) + "/orde", strings.Repeat("/orders-to", 19) + "/orde"},
		{"a token", "/eyJ." + signature + "/x", `"/[token, 346 bytes]/x"`},
		{"a signature", "/" + signature, `"/[token, 342 bytes]"`},
		{"a word that is longer than what is looked at", "/a/" + long, `"/a/"…`},
		{"a token at the limit", strings.Repeat("/ab.c.de", maxScanned/8-2) + "/eyJ." + signature, `"` + strings.Repeat("/ab.c.de", 24) + `/ab"…`},
		{"a token behind tokens at the limit", strings.Repeat("/eyJ."+signature, 5) + "/eyJ." + signature, `"` + strings.Repeat("/[token, 346 bytes]", 5) + `/"…`},
		{"slashes", strings.Repeat("/", 1_000_000), `"` + strings.Repeat("/", 195) + `"…`},
		{"controls: an escape is left whole", strings.Repeat("\x01", 1_000_000), `"` + strings.Repeat(`\x01`, 48) + `"…`},
		{"broken UTF-8", strings.Repeat("\x80", 1_000_000), `"` + strings.Repeat(`\x80`, 48) + `"…`},
		{"characters beyond 16 bits", strings.Repeat("\U0001F600", 250_000), `"` + strings.Repeat(`\U0001f600`, 19) + `"…`},
	} {
		got := Logged(test.text)
		if got != test.want || len(got) > MaxLogged || !utf8.ValidString(got) {
			t.Errorf("%s: got %s (%d bytes), want %s", test.name, got, len(got), test.want)
		}
	}
}

func TestWrap(t *testing.T) {
	for _, test := range []struct {
		text string
		want []string
	}{
		{"", []string{""}},
		{"a b c", []string{"a b c"}},
		{"aaaa bbbb cccc", []string{"aaaa bbbb", "  cccc"}},
		{`{"aaa":1,"bbb":2}`, []string{`{"aaa":1,`, `  "bbb":2}`}},
		{"aaaaaaaaaaaaaaaa b", []string{"aaaaaaaaaaaaaaaa", "  b"}},
		{"é✓é✓é é✓é", []string{"é✓é✓é é✓é"}},
	} {
		got := Wrap(test.text, 10, 2)
		if strings.Join(got, "\n") != strings.Join(test.want, "\n") {
			t.Errorf("%q: got %q, want %q", test.text, got, test.want)
		}
	}
}

func TestTextIsFitForATerminal(t *testing.T) {
	if got, want := Line("a\x1b[31m\n\u202e\x80é \"q\""), `a\x1b[31m\n\u202e\x80é "q"`; got != want {
		t.Errorf("safe: got %s, want %s", got, want)
	}
	long := strings.Repeat("é", 200)
	if got, want := Quoted(long), `"`+strings.Repeat(`\u00e9`, 100)+`"…`; got != want {
		t.Errorf("quoted: got %s, want %s", got, want)
	}
	if got, want := Printable("\"\u009b\u202e\U000e0001é\""), `"\u009b\u202e\udb40\udc01é"`; got != want {
		t.Errorf("printable: got %s, want %s", got, want)
	}
}
