package screen

import (
	"strings"
	"testing"
)

// Whoever forgets to make a text fit to be shown: the screen lets nothing pass.
func TestTheScreenLetsNothingPass(t *testing.T) {
	signature := strings.Repeat("s", 43)
	token := "a.b." + signature
	for _, test := range []struct{ name, text, want string }{
		{"plain text", "accepted: ✓ é – …\n\n", "accepted: ✓ é – …\n\n"},
		{"a token", "x eyJ.a.b y\n", "x [token, 7 bytes] y\n"},
		{"a long word", strings.Repeat("a", LongestWord) + "\n", "[token, 140 bytes]\n"},
		{"a SHA-512 in hexadecimal", strings.Repeat("0123456789abcdef", 8) + "\n", strings.Repeat("0123456789abcdef", 8) + "\n"},
		{"the token that was read", "<" + token + ">\n", "<[hidden, 47 bytes]>\n"},
		{"its signature", "<" + signature + ">\n", "<[hidden, 43 bytes]>\n"},
		{"a terminal's sequences", "\x1b[31m\x1b]0;title\x07\n", `\x1b[31m\x1b]0;title\a` + "\n"},
		{"a line that overwrites another", "rejected\raccepted\n", `rejected\raccepted` + "\n"},
		{"bidi characters", "\u202e\u2066\n", `\u202e\u2066` + "\n"},
		{"C1, DEL and a line separator", "\u009b\x7f\u2028\n", `\u009b\x7f\u2028` + "\n"},
		{"no UTF-8", "\xff\xc3\n", `\xff\xc3` + "\n"},
		{"a tab", "a\tb\n", `a\tb` + "\n"},
	} {
		var out strings.Builder
		hidden := new(Hidden)
		hidden.Add(token)
		if n, err := (&Screen{Out: &out, Hidden: hidden}).Write([]byte(test.text)); n != len(test.text) || err != nil || out.String() != test.want {
			t.Errorf("%s: got %q (%d, %v), want %q", test.name, out.String(), n, err, test.want)
		}
	}
}

func TestLinesAreBroken(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"a short line", "a b c", "a b c"},
		{"a line", "aaaa bbbb cccc dddd eeee", "aaaa bbbb cccc dddd\neeee"},
		{"a detail hangs below its text", "  found     aaaa bbbb cccc", "  found     aaaa\n          bbbb cccc"},
		{"an item hangs below its text", "3 keys  ✓ aaaa bbbb cccc", "3 keys  ✓ aaaa bbbb\n          cccc"},
		{"a word is never broken", "next https://issuer.test/keys now", "next\nhttps://issuer.test/keys\nnow"},
		{"colour takes no room", "\x1b[1maaaa bbbb cccc dddd\x1b[0m", "\x1b[1maaaa bbbb cccc dddd\x1b[0m"},
		{"JSON stays", `{"a":"b c d e f g h i j"}`, `{"a":"b c d e f g h i j"}`},
		{"a member of JSON stays", `  "a": "b c d e f g h i j"`, `  "a": "b c d e f g h i j"`},
		{"a command line to be pasted stays", "  next      if so: jwtverify explain --issuer a", "  next      if so: jwtverify explain --issuer a"},
		{"lines stay", "a\n\nb\n", "a\n\nb\n"},
	} {
		if got := broken(test.text, 20); got != test.want {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
}
