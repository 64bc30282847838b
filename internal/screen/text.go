package screen

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"example.com/jwtverify/internal/quote"
)

// What may stand in the output, and how it looks.

// LongestWord is the length from which a word without a dot is taken for a signature, or for
// a part of a token that something has cut. A signature of RS256 has 342 characters or more; a
// SHA-512 in hexadecimal, which may be a name, has 128.
const LongestWord = 140

// WithoutTokens replaces tokens and signatures where nobody expects one, such as a
// token given as the name of a command or a file. A word of base64url and dots is taken
// for one from eyJ on, which is how nearly every header begins, if a dot follows; and as
// a whole if it is long. It looks at each byte a fixed number of times: a regular
// expression for the same takes 3 µs a byte.
func WithoutTokens(s string) string {
	var b strings.Builder
	copied := 0 // bytes of s that are in b
	for i := 0; i < len(s); i++ {
		if !inWord(s[i]) {
			continue
		}
		start, run, long := i, 0, false // run: since the last dot
		for ; i < len(s) && inWord(s[i]); i++ {
			if run++; s[i] == '.' {
				run = 0
			}
			long = long || run == LongestWord
		}
		token := 0
		if !long {
			word := s[start:i]
			if token = strings.Index(word, "eyJ"); token < 0 || strings.LastIndexByte(word, '.') < token {
				continue
			}
		}
		b.WriteString(s[copied : start+token])
		b.WriteString(Token(s[start+token : i]))
		copied = i
	}
	if copied == 0 {
		return s
	}
	b.WriteString(s[copied:])
	return b.String()
}

func inWord(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.'
}

// Token stands for a token.
func Token(token string) string { return fmt.Sprintf("[token, %d bytes]", len(token)) }

// Line makes a message fit for a terminal: one line without control characters, and
// no token. Text with quotes stays as it is.
func Line(s string) string { return visible(WithoutTokens(s), "") }

// visible has nothing that a terminal might obey, but for what is to be kept.
func visible(s, keep string) string {
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(s[i:], "\uFFFD"):
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case unicode.IsPrint(r) || strings.ContainsRune(keep, r):
			b.WriteRune(r)
		default:
			quoted := strconv.QuoteRuneToASCII(r)
			b.WriteString(quoted[1 : len(quoted)-1])
		}
	}
	return b.String()
}

// MaxQuoted is how many bytes Quoted shows.
const MaxQuoted = 200

// Quoted shows text from outside: in quotes, with everything but ASCII escaped, cut.
func Quoted(s string) string { return quote.Text(WithoutTokens(s), MaxQuoted) }

// Address is what of an address may be shown: a user name or a query may be
// secret.
func Address(address string) string {
	if u, err := url.Parse(address); err == nil && u.Host != "" {
		return Line(u.Scheme + "://" + u.Host + u.EscapedPath())
	}
	address, _, _ = strings.Cut(address, "?")
	return Line(address[strings.LastIndexByte(address, '@')+1:])
}

// Cut shortens a message that may be shown to about limit bytes.
func Cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	return s[:wholeRunes(s, limit)] + "…"
}

// wholeRunes is limit or what is a little less, so that no character is cut in two.
func wholeRunes(s string, limit int) int {
	for i := limit; i > 0 && i > limit-utf8.UTFMax; i-- {
		if utf8.RuneStart(s[i]) {
			return i
		}
	}
	return limit // no character
}

// JSON returns JSON on one line, fit to be shown; nil if the text is none. Each
// string is decoded, shortened by show, and encoded again: whoever wrote it could hide a
// token behind an escape, and a replacement within the text could cut an escape in two.
// What show leaves alone stays as it was written.
func JSON(text []byte, show func(string) string) []byte {
	var compact bytes.Buffer
	if json.Compact(&compact, text) != nil {
		return nil
	}
	var out []byte
	rest := compact.Bytes()
	for len(rest) > 0 {
		end := valueEnd(rest)
		out = append(out, shownValue(rest[:end], show)...)
		rest = rest[end:]
	}
	return out
}

// valueEnd is the end of the string, number or word that good JSON begins with, or of
// the punctuation.
func valueEnd(text []byte) int {
	if text[0] != '"' {
		return max(1, len(text)-len(bytes.TrimLeft(text, "+-.0123456789Eaeflnrstu")))
	}
	end := 1
	for ; text[end] != '"'; end++ {
		if text[end] == '\\' {
			end++
		}
	}
	return end + 1
}

func shownValue(raw []byte, show func(string) string) string {
	if len(raw) == 1 { // punctuation, or a digit
		return string(raw)
	}
	text := string(raw) // of a number as it stands
	if raw[0] == '"' && json.Unmarshal(raw, &text) != nil {
		text = ""
	}
	shown := show(text)
	if shown == text && utf8.Valid(raw) {
		return Printable(string(raw))
	}
	text, _ = Encoded(shown) // strings always have a JSON
	return text
}

// Encoded is a value as JSON on one line, fit to be shown.
func Encoded(v any) (string, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false) // the output is no HTML, and addresses have &
	if err := encoder.Encode(v); err != nil {
		return "", err
	}
	return Printable(string(bytes.TrimRight(out.Bytes(), "\n"))), nil
}

// Printable escapes what JSON allows in a string but a terminal might obey: the
// value stays the same.
func Printable(text string) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case unicode.IsPrint(r):
			b.WriteRune(r)
		case r > 0xFFFF:
			fmt.Fprintf(&b, `\u%04x\u%04x`, 0xD800+(r-0x10000)>>10, 0xDC00+(r-0x10000)&0x3FF)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

const (
	MaxLogged  = 200  // bytes of one text of a request in the log
	maxScanned = 2048 // bytes of it that are looked at
)

// Logged is a text of a request as the log has it: in quotes where somebody might play
// tricks with it, and short. It is cut before anything else is done, so that a long
// text costs no more than a short one.
func Logged(text string) string {
	shown, whole := WithoutTokens(cutBetweenWords(text, maxScanned)), len(text) <= maxScanned
	escaped := ""
	for i, size := 0, 0; i < len(shown); i += size {
		_, size = utf8.DecodeRuneInString(shown[i:])
		piece := strconv.QuoteToASCII(shown[i : i+size])
		piece = piece[1 : len(piece)-1]
		if len(escaped)+len(piece) > MaxLogged-len(`""…`) {
			whole = false
			break
		}
		escaped += piece
	}
	switch {
	case !whole:
		return `"` + escaped + `"…`
	case escaped != shown || strings.Contains(shown, " "):
		return `"` + escaped + `"`
	}
	return shown
}

// cutBetweenWords shortens a text. The word that the limit would part is left out: a
// part of a token is not known for one.
func cutBetweenWords(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	if inWord(s[limit]) {
		for limit > 0 && inWord(s[limit-1]) {
			limit--
		}
	}
	return s[:wholeRunes(s, limit)]
}
