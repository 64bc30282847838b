package notjwt

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
)

// Clean takes a token out of what people copy along with it, and says what that was: space,
// a pair of quotes, the scheme, the name of the header, an assignment. The name of a
// variable is not said, since it may be something else.
func Clean(text string) (bare string, removed []string) {
	note := func(format string, args ...any) { removed = append(removed, fmt.Sprintf(format, args...)) }
	trim := func() {
		if trimmed := strings.TrimSpace(text); trimmed != text {
			note("%d bytes of space around the token removed", len(text)-len(trimmed))
			text = trimmed
		}
	}
	trim()
	unquoted := false
	for range 8 { // one within the other, such as a quoted header line
		n := len(text)
		if !unquoted && n >= 2 && text[0] == text[n-1] && (text[0] == '"' || text[0] == '\'') {
			text, unquoted = text[1:n-1], true
			note("quotes around the token removed")
			trim()
		}
		for _, known := range beforeTokens() {
			if at := known.pattern.FindStringSubmatchIndex(text); at != nil && at[3] < len(text) {
				note("%s before the token removed", known.shown)
				text = text[at[3]:]
			}
		}
		if len(text) == n {
			break
		}
	}
	return text, removed
}

// A prefix is what goes, in the first group, and how that is said.
type prefix struct {
	pattern *regexp.Regexp
	shown   string
}

// beforeTokens are made when the first text is cleaned, which a verifier never does. What
// stands behind an assignment must look like a token, a scheme or a quote, since an opaque
// token may have a = of its own.
var beforeTokens = sync.OnceValue(func() []prefix {
	return []prefix{
		{regexp.MustCompile(`^((?i:bearer)(?:\s*:\s*|\s+))`), `"Bearer "`},
		{regexp.MustCompile(`^((?i:jwt|token)(?:\s*:\s*|\s+))`), "a word"},
		{regexp.MustCompile(`^((?:-H|--header)[ =]*)['"]?(?i:authorization|proxy-authorization)\s*:`), "a flag"},
		{regexp.MustCompile(`^((?i:authorization|proxy-authorization)\s*:\s*)`), `"Authorization: "`},
		{regexp.MustCompile(`^((?i:export\s+|set\s+|\$env:)?[A-Za-z_]\w*\s*=\s*)(?:ey|["']|(?i:bearer)\s)`), `a name and "="`},
	}
})
