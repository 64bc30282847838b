// Package mediatype reads media types as in the typ of a token's header.
package mediatype

import "strings"

// Valid reports whether s is a media type that typ may hold: restricted names
// (RFC 6838, section 4.2), at most one slash, and text after the prefix.
func Valid(s string) bool {
	for i := range len(s) {
		c := s[i]
		alphanumeric := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
		if !alphanumeric && !strings.ContainsRune("!#$&-^_.+/", rune(c)) {
			return false
		}
	}
	return strings.Count(s, "/") <= 1 && !strings.HasPrefix(s, "/") && !strings.HasSuffix(s, "/")
}

// Same compares two media types. It ignores case and a prefix "application/"
// (RFC 7515, section 4.1.9).
func Same(a, b string) bool {
	a, b = bare(a), bare(b)
	// EqualFold also folds letters outside ASCII, such as U+017F to s; a media
	// type has none, and lengths differ then.
	return len(a) == len(b) && strings.EqualFold(a, b)
}

func bare(s string) string {
	const prefix = "application/"
	if n := min(len(s), len(prefix)); strings.EqualFold(s[:n], prefix) {
		return s[n:]
	}
	return s
}
