// Package challenge reads WWW-Authenticate of any server. It never fails.
package challenge

import "strings"

// A Challenge is one challenge of WWW-Authenticate (RFC 9110, section 11.6.1). Scheme
// and names are in lower case.
type Challenge struct {
	Scheme     string
	Parameters map[string]string
	Text       string // as it was written
}

// Parse reads all values of WWW-Authenticate. A value may hold several
// challenges. A comma separates them, and also the parameters of one challenge.
func Parse(values []string) (challenges []Challenge) {
	for _, value := range values {
		for _, item := range splitList(value) {
			name, rest := leadingToken(item)
			if name == "" {
				continue
			}
			if text, isParameter := strings.CutPrefix(strings.TrimLeft(rest, " \t"), "="); isParameter && len(challenges) > 0 {
				last := &challenges[len(challenges)-1]
				last.Parameters[strings.ToLower(name)] = unquoted(text)
				last.Text += ", " + item
				continue
			}
			c := Challenge{strings.ToLower(name), map[string]string{}, item}
			if name, rest := leadingToken(strings.TrimLeft(rest, " ")); name != "" {
				if text, isParameter := strings.CutPrefix(strings.TrimLeft(rest, " \t"), "="); isParameter {
					c.Parameters[strings.ToLower(name)] = unquoted(text)
				}
			}
			challenges = append(challenges, c)
		}
	}
	return challenges
}

// splitList splits at the commas that are not inside quotes.
func splitList(value string) (items []string) {
	start, quoted := 0, false
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case c == ',' && !quoted:
			items = append(items, strings.Trim(value[start:i], " \t"))
			start = i + 1
		}
	}
	return append(items, strings.Trim(value[start:], " \t"))
}

// leadingToken splits off the token (RFC 9110, section 5.6.2) at the start of s.
func leadingToken(s string) (token, rest string) {
	const marks = "!#$%&'*+-.^_`|~"
	i := strings.IndexFunc(s, func(c rune) bool {
		return !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.ContainsRune(marks, c))
	})
	if i < 0 {
		return s, ""
	}
	return s[:i], s[i:]
}

// unquoted is the value of a parameter: a token, or a quoted text.
func unquoted(text string) string {
	text = strings.Trim(text, " \t")
	if len(text) < 2 || text[0] != '"' || text[len(text)-1] != '"' {
		return text
	}
	var value strings.Builder
	for i := 1; i < len(text)-1; i++ {
		if text[i] == '\\' && i < len(text)-2 {
			i++
		}
		value.WriteByte(text[i])
	}
	return value.String()
}
