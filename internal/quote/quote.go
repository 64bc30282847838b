// Package quote makes untrusted text safe for messages and logs: the result is short,
// on one line, and without control characters. Text and List return only ASCII, except
// for the … where text was cut.
package quote

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Text returns s in quotes, cut after limit bytes. Everything but ASCII is
// escaped, so that a Cyrillic letter is noticed.
func Text(s string, limit int) string {
	if len(s) <= limit {
		return strconv.QuoteToASCII(s)
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return strconv.QuoteToASCII(s[:limit]) + "…"
}

// List returns at most 5 of the elements, each as Text does.
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

// Line returns untrusted text as one short line: unchanged, or as Text does.
func Line(s string) string {
	const limit = 200
	if len(s) > limit || !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return Text(s, limit)
	}
	return s
}
