package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// What may stand in the output, and how it looks.

// longestWord is the length from which a word without a dot is taken for a signature:
// that of the smallest RSA key has 342 characters, more than any name.
const longestWord = 250

// withoutTokens replaces tokens and signatures where nobody expects one, such as a
// token given as the name of a command or a file. A word of base64url and dots is taken
// for one from eyJ on, which is how nearly every header begins, if a dot follows; and as
// a whole if it is long. It looks at each byte a fixed number of times: a regular
// expression for the same takes 3 µs a byte.
func withoutTokens(s string) string {
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
			long = long || run == longestWord
		}
		token := 0
		if !long {
			word := s[start:i]
			if token = strings.Index(word, "eyJ"); token < 0 || strings.LastIndexByte(word, '.') < token {
				continue
			}
		}
		b.WriteString(s[copied : start+token])
		b.WriteString(shownToken(s[start+token : i]))
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

// shownToken stands for a token.
func shownToken(token string) string { return fmt.Sprintf("[token, %d bytes]", len(token)) }

// safe makes a message fit for a terminal: one line without control characters, and
// no token. Text with quotes stays as it is.
func safe(s string) string { return visible(withoutTokens(s), "") }

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

const maxQuoted = 200

// quoted shows text from outside: in quotes, with everything but ASCII escaped, cut.
func quoted(s string) string {
	s = withoutTokens(s)
	if len(s) <= maxQuoted {
		return strconv.QuoteToASCII(s)
	}
	return strconv.QuoteToASCII(s[:wholeRunes(s, maxQuoted)]) + "…"
}

// cut shortens a message that may be shown to about limit bytes.
func cut(s string, limit int) string {
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

// A palette paints text for a terminal, or leaves it as it is.
type palette bool

func (s *session) palette(out io.Writer) palette {
	return palette(isTerminal(out) && s.env("NO_COLOR") == "" && s.env("TERM") != "dumb")
}

const (
	bold   = "1"
	dim    = "2"
	red    = "31"
	green  = "32"
	yellow = "33"
)

func (p palette) paint(style, text string) string {
	if !p {
		return text
	}
	return "\x1b[" + style + "m" + text + "\x1b[0m"
}

// verdict is the verdict in its colour.
func (p palette) verdict(v verdict) string { return p.paint(v.colour(), v.String()) }

func (v verdict) colour() string {
	switch v {
	case accepted:
		return green
	case rejected:
		return red
	}
	return yellow
}

// shownJSON returns JSON on one line, fit to be shown; nil if the text is none. Each
// string is decoded, shortened by show, and encoded again: whoever wrote it could hide a
// token behind an escape, and a replacement within the text could cut an escape in two.
// What show leaves alone stays as it was written.
func shownJSON(text []byte, show func(string) string) []byte {
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
		return printable(string(raw))
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(shown) // strings always have a JSON
	return printable(string(bytes.TrimRight(out.Bytes(), "\n")))
}
