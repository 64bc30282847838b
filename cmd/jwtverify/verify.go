package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"example.com/jwtverify"
	"example.com/jwtverify/internal/diagnosis"
	"example.com/jwtverify/internal/screen"
)

const verifyUsage = `  jwtverify verify --issuer https://tenant.example.com --audience https://api.example.com < token.txt
  curl … | jwtverify verify

One line: the verdict and its reason. A token endpoint's answer is unwrapped.

` + tokenUsage + domainUsage + verdictUsage + `With --lines: 2 if some lines cannot be read, else 1 if some are rejected, else 3, else 0.
`

// verify is the command of that name.
func (s *session) verify(f *flags) func() (int, error) {
	f.withTrust().withToken().withJSON()
	claims := f.set.Bool("claims", false, "print the claims of an accepted token as JSON on stdout, and nothing else there: the verdict goes to stderr. What looks like a token in them is not shown")
	lines := f.set.Bool("lines", false, "verify one token a line from stdin, or one JSON object a line with token and where needed id, issuer, audience, jwks, now, leeway; print one JSON object a line with id, verdict and error")
	return func() (int, error) {
		set, err := s.settings(f, nil)
		switch {
		case err != nil:
			return 0, err
		case *claims && *lines:
			return 0, errors.New("--lines and --claims do not go together: --claims is for one token")
		case *claims && f.json:
			return 0, errors.New("--json and --claims do not go together: --claims prints the claims alone")
		case *lines:
			return s.verifyLines(f, set)
		}
		verifier, err := set.verifier()
		if err != nil {
			return 0, err
		}
		raw, notes, err := s.readToken(f)
		if err != nil {
			return 0, err
		}
		s.printNotes(notes)
		r := verifyToken(set, verifier, raw)
		if *claims {
			return s.writeClaims(r)
		}
		return s.write(f, r.json(r.deciding()), func(p palette) string { return r.line(p) + "\n" })
	}
}

func verifyToken(set settings, verifier *jwtverify.Verifier, raw string) *report {
	set.words.token = glanceAt(raw)
	result := verifier.Explain(context.Background(), raw)
	r := &report{command: "verify", settings: set}
	for _, c := range result.Checks {
		if isKeysFailure(c) {
			c.Name = keysCheck
		}
		r.findings = append(r.findings, set.words.finding(c))
	}
	r.judged(result.Token, result.Err, set.now())
	return r
}

// deciding is the check that decides alone.
func (r *report) deciding() []finding {
	if r.verdict == accepted {
		return nil
	}
	return []finding{deciding(r.findings)}
}

// describe says whose token it is, and how long.
func describe(t *jwtverify.Token, now time.Time) string {
	subject := "no sub"
	if t.Subject != "" {
		subject = "sub " + screen.Quoted(t.Subject)
	}
	left := t.Expiry.Sub(now)
	when := "in " + diagnosis.Rounded(left)
	if left < 0 {
		when = diagnosis.Rounded(-left) + " ago, within the leeway"
	}
	return fmt.Sprintf("%s, expires %s, %s", subject, t.Expiry.UTC().Format(time.RFC3339), when)
}

// writeClaims writes the claims of an accepted token as the issuer wrote them, on one line,
// but for what looks like a token. The verdict goes to stderr.
func (s *session) writeClaims(r *report) (int, error) {
	_, err := fmt.Fprintln(s.stderr, r.line(s.palette(s.stderr)))
	var raw json.RawMessage
	if err == nil && r.verdict == accepted {
		if err = r.token.Claims(&raw); err == nil {
			_, err = fmt.Fprintf(s.stdout, "%s\n", screen.JSON(raw, screen.WithoutTokens))
		}
	}
	if err != nil {
		return 0, fmt.Errorf("writing the claims: %w", err)
	}
	return int(r.verdict), nil
}
