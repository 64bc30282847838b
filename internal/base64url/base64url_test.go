package base64url

import (
	"bytes"
	"encoding/base64"
	"math/rand/v2"
	"strings"
	"testing"

	"example.com/jwtverify/internal/quote"
)

// checkBase64URL compares with encoding/base64, which skips CR and LF, whether
// it is strict or not; we do not. It reports whether the text was accepted.
func checkBase64URL(t *testing.T, text string) bool {
	strict := base64.RawURLEncoding.Strict()
	want, wantErr := strict.DecodeString(text)
	refused := wantErr != nil || strings.ContainsAny(text, "\r\n")
	got, err := Append([]byte("before"), text)
	asString, stringErr := String(text)
	if flaw := Check(text); flaw != err && (flaw == nil || err == nil || flaw.Error() != err.Error()) {
		t.Errorf("%q: the flaw is %v, the error of decoding %v", text, flaw, err)
	}
	switch {
	case refused != (err != nil) || refused != (stringErr != nil):
		t.Errorf("%q: got errors %v and %v, encoding/base64 has %v", text, err, stringErr, wantErr)
	case err != nil:
		if got != nil || asString != "" {
			t.Errorf("%q: got %q and %q beside an error", text, got, asString)
		}
		return false
	case !bytes.Equal(got, append([]byte("before"), want...)) || asString != string(want):
		t.Errorf("%q: got %q and %q, encoding/base64 has %q", text, got, asString, want)
	case strict.EncodeToString(want) != text:
		t.Errorf("%q is not the only text for %q", text, want)
	}
	return err == nil
}

func TestBase64URLAgreesWithEncodingBase64(t *testing.T) {
	t.Parallel()
	count := func(texts int, text func(i int) string) (accepted int) {
		for i := range texts {
			if checkBase64URL(t, text(i)) {
				accepted++
			}
			if t.Failed() {
				t.FailNow()
			}
		}
		return accepted
	}
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	chars := func(i, length int) string {
		text := make([]byte, length)
		for at := range text {
			text[at], i = alphabet[i%64], i/64
		}
		return string(text)
	}
	bytesOf := func(i, length int) string {
		text := make([]byte, length)
		for at := range text {
			text[at], i = byte(i), i/256
		}
		return string(text)
	}
	// There are as many good texts as there are bytes to encode.
	for _, test := range []struct {
		name      string
		got, want int
	}{
		{"the empty text", count(1, func(int) string { return "" }), 1},
		{"all texts of one byte", count(256, func(i int) string { return bytesOf(i, 1) }), 0},
		{"all texts of two bytes", count(1<<16, func(i int) string { return bytesOf(i, 2) }), 256},
		{"all texts of three characters", count(1<<18, func(i int) string { return chars(i, 3) }), 1 << 16},
		{"texts of four characters", count(10_000, func(i int) string { return chars(i*1_677, 4) }), 10_000},
		{"texts of five characters", count(1_000, func(i int) string { return chars(i*1_677, 5) }), 0},
	} {
		if test.got != test.want {
			t.Errorf("%s: %d are accepted, want %d", test.name, test.got, test.want)
		}
	}
	// Every byte at every place of groups of four, and behind them.
	for length := range 9 {
		good := strings.Repeat("A", length)
		for at := range length {
			for c := range 256 {
				checkBase64URL(t, good[:at]+string([]byte{byte(c)})+good[at+1:])
			}
		}
	}
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	for range 20_000 {
		text := make([]byte, random.IntN(12))
		for i := range text {
			text[i] = (alphabet + "=+/\r\n \x00\xff.")[random.IntN(len(alphabet)+9*random.IntN(2))]
		}
		checkBase64URL(t, string(text))
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func TestBase64URLRefusesOtherTextsForTheSameBytes(t *testing.T) {
	const good = "aGVsbG8gd29ybGQhIQ" // 18 characters, 13 bytes
	if !checkBase64URL(t, good) {
		t.Fatalf("%s is refused", good)
	}
	for name, text := range map[string]string{
		"with padding":              good + "==",
		"with half the padding":     good + "=",
		"with padding in the midst": good[:8] + "=" + good[8:],
		"with a newline behind":     good + "\n",
		"with CRLF behind":          good + "\r\n",
		"with a newline in front":   "\n" + good,
		"with a newline inside":     good[:8] + "\n" + good[8:],
		"with CR inside":            good[:8] + "\r" + good[8:],
		"with a space behind":       good + " ",
		"with a tab inside":         good[:8] + "\t" + good[8:],
		"with a zero behind":        good + "\x00",
		"with a period behind":      good + ".",
		"with one stray bit":        good[:17] + "R",
		"with four stray bits":      good[:17] + "f",
		"percent-encoded":           good[:16] + "%49Q",
		"in full-width letters":     "ａ" + good[1:],
		"cut to 4n+1":               good[:17],
	} {
		if checkBase64URL(t, text) {
			t.Errorf("%s: accepted %q", name, text)
		}
	}
}

// The string is made in chunks of 512 characters.
func TestBase64URLStringChunks(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	data := make([]byte, 1_600)
	for i := range data {
		data[i] = byte(random.Uint32())
	}
	text := base64.RawURLEncoding.EncodeToString(data)
	for length := range 2_101 {
		checkBase64URL(t, text[:length])
		good := text[:length&^3]
		if !checkBase64URL(t, good) {
			t.Fatalf("%d characters are refused", len(good))
		}
		for _, at := range []int{0, 511, 512, 513, 1023, 1024, 1025, 1535, 1536, len(good) - 1} {
			if 0 <= at && at < len(good) && length%7 == 0 {
				for _, c := range []string{"=", "\n", "+", "/", "\xff", "."} {
					if bad := good[:at] + c + good[at+1:]; checkBase64URL(t, bad) {
						t.Errorf("%d characters: accepted %q at %d", len(good), c, at)
					}
				}
			}
		}
	}
}

func TestBase64URLErrorTexts(t *testing.T) {
	long := strings.Repeat("Zm9v", 300)
	for _, test := range []struct{ text, want string }{
		{"Zm9v=", `has padding (=) at byte 4, want base64url without padding`},
		{"Zm+v", `has '+' at byte 2, want base64url, which has - and _ instead`},
		{"Zm/v", `has '/' at byte 2, want base64url, which has - and _ instead`},
		{"Zm9\n", `has the byte "\n" at byte 3, want base64url (A-Z a-z 0-9 - _)`},
		{"\xffm9v", `has the byte "\xff" at byte 0, want base64url (A-Z a-z 0-9 - _)`},
		{"é9v", `has the byte "\xc3" at byte 0, want base64url (A-Z a-z 0-9 - _)`},
		{"Zm 9+", `has the byte " " at byte 2, want base64url (A-Z a-z 0-9 - _)`},
		{"Zm9vZ", `has 5 characters, which no base64url text has: it was cut off or joined`},
		{"Zm9vZz", `has stray bits in its last character, want canonical base64url`},
		{"Zm9vZm9", `has stray bits in its last character, want canonical base64url`},
		{long + "=", `has padding (=) at byte 1200, want base64url without padding`},
		{long[:800] + "*" + long[801:], `has the byte "*" at byte 800, want base64url (A-Z a-z 0-9 - _)`},
		{long[:200] + "*" + long[201:], `has the byte "*" at byte 200, want base64url (A-Z a-z 0-9 - _)`},
		{long[:200] + "*" + long[201:700] + "=", `has the byte "*" at byte 200, want base64url (A-Z a-z 0-9 - _)`},
		{long + "Z", `has 1201 characters, which no base64url text has: it was cut off or joined`},
		{long + "Zz", `has stray bits in its last character, want canonical base64url`},
	} {
		_, err := Append(nil, test.text)
		if err == nil || err.Error() != test.want {
			t.Errorf("Append(%s):\ngot  %v\nwant %s", quote.Text(test.text, 400), err, test.want)
		}
		if _, err := String(test.text); err == nil || err.Error() != test.want {
			t.Errorf("String(%s):\ngot  %v\nwant %s", quote.Text(test.text, 400), err, test.want)
		}
	}
}

// A segment of a token must not get into a log by way of an error.
func TestBase64URLErrorsDoNotShowTheText(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(3, 4))
	for range 2_000 {
		text := make([]byte, 3+random.IntN(1_500))
		for i := range text {
			text[i] = "QXJZVKWPjqxzk"[random.IntN(13)] // so that no error text has two of them in a row by chance
		}
		text[random.IntN(len(text))] = "=+/*\xff\n"[random.IntN(6)]
		_, err := String(string(text))
		if err == nil {
			t.Fatalf("accepted %q", text)
		}
		shown := err.Error()
		for i := range len(text) - 1 {
			if strings.Contains(shown, string(text[i:i+2])) {
				t.Fatalf("the error for %q shows two bytes of it: %s", text, shown)
			}
		}
	}
}

func TestBase64URLAllocations(t *testing.T) {
	for _, length := range []int{1, 12, 47, 48, 49, 50, 383, 384, 385, 768, 769, 1_023, 1_024, 1_025, 1_026, 12_000} {
		text := base64.RawURLEncoding.EncodeToString(make([]byte, length))
		got := testing.AllocsPerRun(20, func() { _, _ = String(text) })
		if got != 1 {
			t.Errorf("a string of %d bytes makes %v allocations, want 1", length, got)
		}
		room := make([]byte, 0, length)
		got = testing.AllocsPerRun(20, func() { _, _ = Append(room, text) })
		if got != 0 {
			t.Errorf("appending %d bytes makes %v allocations, want none", length, got)
		}
	}
}

func FuzzBase64URL(f *testing.F) {
	for _, seed := range []string{"", "aGVsbG8gd29ybGQhIQ", "aGVsbG8gd29ybGQhIR", "aGVsbG8gd29ybGQhIQ==", "aGVs\nbG8g", "A", strings.Repeat("_-", 300)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		checkBase64URL(t, text)
		if err := Check(text); err != nil && (len(err.Error()) > 200 || strings.ContainsFunc(err.Error(), func(c rune) bool { return c < ' ' || c > '~' })) {
			t.Errorf("the error is %q", err)
		}
	})
}
