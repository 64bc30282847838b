// Package quote makes text from outside fit for messages and logs: what it returns is
// short, on one line, and without control characters. Text and List return ASCII alone,
// but for the … where something was cut.
package quote

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Text returns s in quotes, with everything but ASCII escaped (a Cyrillic letter
// shows), cut after limit bytes.
func Text(s string, limit int) string {
	if len(s) <= limit {
		return strconv.QuoteToASCII(s)
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return strconv.QuoteToASCII(s[:limit]) + "…"
}

// List returns the elements as Text does, 5 at most.
func List(list []string) string {
	var out []string
	for i, s := range list {
		if i == 4 && len(list) > 5 {
			out = append(out, fmt.Sprintf("and %d more", len(list)-i))
			break
		}
		out = append(out, Text(s, 100))
	}
	return strings.Join(out, ", ")
}

// Count returns the number with its noun: "1 key", "2 keys".
func Count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}

// Line returns a text of others as one line, and not a long one: as it is, or as Text does.
func Line(s string) string {
	const limit = 200
	if len(s) > limit || !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return Text(s, limit)
	}
	return s
}
