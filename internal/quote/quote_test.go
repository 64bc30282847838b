package quote_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"example.com/jwtverify/internal/quote"
)

func TestText(t *testing.T) {
	for _, test := range []struct {
		name, text string
		limit      int
		want       string
	}{
		{"empty", "", 5, `""`},
		{"empty, no room", "", 0, `""`},
		{"no room", "a", 0, `""…`},
		{"as long as allowed", "abcde", 5, `"abcde"`},
		{"a byte more", "abcdef", 5, `"abcde"…`},
		{"cut before a rune", "abcd\u0436e", 4, `"abcd"…`},
		{"cut within a rune", "abcd\u0436e", 5, `"abcd"…`},
		{"cut behind a rune", "abcd\u0436e", 6, `"abcd\u0436"…`},
		{"cut at the last byte of four", "abc😀d", 6, `"abc"…`},
		{"nothing but a rune too large", "😀", 3, `""…`},
		{"bytes that begin no rune", "\x80\x80\x80", 2, `""…`},
		{"quotes", `a"b\c`, 9, `"a\"b\\c"`},
		{"lines", "a\r\n\tb", 9, `"a\r\n\tb"`},
		{"a terminal's escape", "\x1b[31m", 9, `"\x1b[31m"`},
		{"a zero byte, DEL and C1", "\x00\x7f\u0085", 9, `"\x00\x7f\u0085"`},
		{"a Cyrillic letter that looks Latin", "\u0430dmin", 9, `"\u0430dmin"`},
		{"right to left", "\u202egpj.exe", 20, `"\u202egpj.exe"`},
		{"a line separator and no space at all", "\u2028\u200b", 9, `"\u2028\u200b"`},
		{"no UTF-8", "\xffa\xc3", 9, `"\xffa\xc3"`},
		{"the sign for what is no UTF-8", "\ufffd", 9, `"\ufffd"`},
		{"outside the BMP", "😀", 9, `"\U0001f600"`},
	} {
		if got := quote.Text(test.text, test.limit); got != test.want {
			t.Errorf("%s: got %s, want %s", test.name, got, test.want)
		}
	}
}

func TestList(t *testing.T) {
	long := strings.Repeat("x", 100)
	for _, test := range []struct {
		list []string
		want string
	}{
		{nil, ``},
		{[]string{"a"}, `"a"`},
		{[]string{"a", "é"}, `"a", "\u00e9"`},
		{[]string{"a", "b", "c", "d"}, `"a", "b", "c", "d"`},
		{[]string{"a", "b", "c", "d", "e"}, `"a", "b", "c", "d", "e"`},
		{[]string{"a", "b", "c", "d", "e", "f"}, `"a", "b", "c", "d", and 2 more`},
		{slices.Repeat([]string{"a"}, 1000), `"a", "a", "a", "a", and 996 more`},
		{[]string{long, long + "x"}, `"` + long + `", "` + long + `"…`},
	} {
		if got := quote.List(test.list); got != test.want {
			t.Errorf("%d elements: got %s, want %s", len(test.list), got, test.want)
		}
	}
}

func TestCount(t *testing.T) {
	for n, want := range map[int]string{0: "0 keys", 1: "1 key", 2: "2 keys", 11: "11 keys", 1000: "1000 keys"} {
		if got := quote.Count(n, "key"); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestLine(t *testing.T) {
	long := strings.Repeat("x", 200)
	for text, want := range map[string]string{
		"":                         "",
		"dial tcp: no such host":   "dial tcp: no such host",
		`in "quotes"`:              `in "quotes"`,
		"na\u00efve":               "na\u00efve",
		long:                       long,
		long + "x":                 `"` + long + `"…`,
		long[:199] + "\u00e9":      `"` + long[:199] + `"…`,
		"two\nlines":               `"two\nlines"`,
		"a tab\t":                  `"a tab\t"`,
		"\x1b[31mred":              `"\x1b[31mred"`,
		"DEL\x7f":                  `"DEL\x7f"`,
		"the C1 control \u0085":    `"the C1 control \u0085"`,
		"right to left \u202e":     `"right to left \u202e"`,
		"a line end \u2028":        `"a line end \u2028"`,
		"not UTF-8 \xff":           `"not UTF-8 \xff"`,
		"\u00e9 and a control\x00": `"\u00e9 and a control\x00"`,
	} {
		if got := quote.Line(text); got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
}

// Whatever is quoted is ASCII on one line, not much longer than allowed, and says what
// the text, or its beginning, was.
func FuzzText(f *testing.F) {
	for _, seed := range []string{"", "abc", "a\"\\\n", "\u202e\u0430", "😀😀", "\xff\x80\x80", strings.Repeat("é", 150)} {
		f.Add(seed, byte(4))
	}
	f.Fuzz(func(t *testing.T, text string, limit byte) {
		got := quote.Text(text, int(limit))
		quoted, cut := strings.CutSuffix(got, "…")
		if strings.ContainsFunc(quoted, func(c rune) bool { return c < ' ' || c > '~' }) || len(quoted) > 4*int(limit)+2 {
			t.Errorf("%q, limit %d: got %q", text, limit, got)
		}
		shown, err := strconv.Unquote(quoted)
		if err != nil || !strings.HasPrefix(text, shown) || len(shown) > int(limit) || cut != (len(text) > int(limit)) || !cut && shown != text {
			t.Errorf("%q, limit %d: got %q, which is %q, %v", text, limit, got, shown, err)
		}
		if utf8.ValidString(text) && (!utf8.ValidString(shown) || cut && int(limit)-len(shown) >= utf8.UTFMax) {
			t.Errorf("%q, limit %d: cut to %q", text, limit, shown)
		}
		if list := quote.List([]string{text, text}); list != quote.Text(text, 100)+", "+quote.Text(text, 100) {
			t.Errorf("%q: as a list %q", text, list)
		}
		line := quote.Line(text)
		if line != text && line != quote.Text(text, 200) || len(line) > 4*200+5 || strings.ContainsFunc(line, unicode.IsControl) {
			t.Errorf("%q: as a line %q", text, line)
		}
	})
}
