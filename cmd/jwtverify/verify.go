package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"

	"example.com/jwtverify"
)

const verifyUsage = `jwtverify verify [flags] [TOKEN]: may this token be trusted?

  jwtverify verify --issuer https://acme.eu.authaction.com --audience orders < token.txt
  curl … | jwtverify verify          (a token endpoint's answer is unwrapped)

The token is TOKEN, or stdin (also as "-"), or --token-file. Prefer stdin: an argument
shows in the list of processes.

  --issuer URL       exact iss of the tokens; replaces AUTHACTION_DOMAIN. Without a
                     --jwks-… flag the keys come from its discovery document
  --audience A       aud that the tokens must hold; may be repeated. AUTHACTION_AUDIENCE
  --jwks-url URL     where the keys are: an https address,
  --jwks-file F      or a file with a JWK Set, a JWK or PEM
  --token-file F     where the token is
  --env-file F       file with KEY=VALUE lines for what is not in the environment
  --timeout 5s       limit for retrieving the keys
  --leeway 1m        clock difference allowed on exp and nbf; 0 means none
  --claims           print the claims of an accepted token as JSON on stdout, and
                     nothing else there: the verdict goes to stderr
  --lines            verify one token a line from stdin, or one JSON object a line with
                     token and where needed id, issuer, audience, jwks, now, leeway;
                     prints one JSON object a line with id, verdict and error

AUTHACTION_DOMAIN=D means issuer https://D and keys https://D/.well-known/jwks.json.
Exit codes: 0 accepted, 1 rejected, 2 nothing was checked, 3 undetermined. With --lines:
2 if some lines cannot be read, else 1 if some are rejected, else 3, else 0.
`

// verify is the command of that name.
func (s *session) verify(args []string) int {
	f := newFlags("verify").withTrust().withToken()
	claims := f.set.Bool("claims", false, "")
	lines := f.set.Bool("lines", false, "")
	err := f.parse(args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(s.stderr, verifyUsage)
		return int(accepted)
	}
	command := f.command
	if err != nil {
		return s.fail(command, err)
	}
	settings, err := s.settings(f, nil)
	if err != nil {
		return s.fail(command, err)
	}
	if *lines {
		if *claims {
			return s.fail(command, errors.New("--lines and --claims do not go together: --claims is for one token"))
		}
		return s.verifyLines(f, settings)
	}
	verifier, err := settings.verifier()
	if err != nil {
		return s.fail(command, err)
	}
	raw, notes, err := s.readToken(f)
	if err != nil {
		return s.fail(command, err)
	}
	for _, note := range notes {
		fmt.Fprintf(s.stderr, "note: %s\n", note)
	}

	token, err := verifier.Verify(context.Background(), raw)
	v, _ := judge(err)
	report := s.stdout
	if *claims {
		report = s.stderr
	}
	if err := writeVerdict(report, s.palette(report), token, err); err != nil {
		return s.fail(command, fmt.Errorf("writing the verdict: %w", err))
	}
	if *claims && v == accepted {
		if err := writeClaims(s.stdout, token); err != nil {
			return s.fail(command, fmt.Errorf("writing the claims: %w", err))
		}
	}
	return int(v)
}

// writeVerdict writes the one line that says it all.
func writeVerdict(w io.Writer, p palette, token *jwtverify.Token, err error) error {
	v, class := judge(err)
	if v == accepted {
		_, err := fmt.Fprintf(w, "%s: %s\n", p.verdict(v), describe(token, time.Now()))
		return err
	}
	_, err = fmt.Fprintf(w, "%s: %s (%s)\n", p.verdict(v), reason(err), class)
	return err
}

// reason is the text of an error of Verify without what the verdict says already.
func reason(err error) string {
	text := strings.TrimPrefix(err.Error(), jwtverify.ErrInvalid.Error()+": ")
	return safe(strings.TrimPrefix(text, "jwtverify: "))
}

// describe says whose token it is, and how long.
func describe(t *jwtverify.Token, now time.Time) string {
	subject := "no sub"
	if t.Subject != "" {
		subject = "sub " + quoted(t.Subject)
	}
	left := t.Expiry.Sub(now)
	when := "in " + rounded(left)
	if left < 0 {
		when = rounded(-left) + " ago, within the leeway"
	}
	return fmt.Sprintf("%s, expires %s, %s", subject, t.Expiry.UTC().Format(time.RFC3339), when)
}

// rounded is a duration as people say it.
func rounded(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return fmt.Sprintf("%.0fs", d.Seconds())
	case d < 2*time.Hour:
		return fmt.Sprintf("%.0fm", d.Minutes())
	case d < 48*time.Hour:
		return fmt.Sprintf("%.0fh", d.Hours())
	}
	return fmt.Sprintf("%.0fd", d.Hours()/24)
}

// writeClaims writes the claims as the issuer wrote them, on one line.
func writeClaims(w io.Writer, token *jwtverify.Token) error {
	var raw json.RawMessage
	if err := token.Claims(&raw); err != nil {
		return err
	}
	var out bytes.Buffer
	if err := json.Compact(&out, raw); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w, printable(out.String()))
	return err
}

// printable escapes what JSON allows in a string but a terminal might obey: the
// value stays the same.
func printable(text string) string {
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
