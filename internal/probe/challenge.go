package probe

import (
	"strings"

	"example.com/jwtverify/internal/challenge"
)

// bearerChallenge returns what is to be shown of WWW-Authenticate, and whether a
// challenge for bearer tokens is in it: its error if it has one (RFC 6750, section 3),
// else the whole challenge, else whatever else is asked for.
func bearerChallenge(values []string) (shown string, isBearer bool) {
	var texts []string
	for _, c := range challenge.Parse(values) {
		if c.Scheme != "bearer" {
			continue
		}
		if code := c.Parameters["error"]; code != "" {
			return code, true
		}
		texts = append(texts, c.Text)
	}
	if texts != nil {
		return strings.Join(texts, ", "), true
	}
	return strings.Join(values, ", "), false
}
