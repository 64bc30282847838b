package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"example.com/jwtverify"
	"example.com/jwtverify/internal/diagnosis"
)

const inspectUsage = `  jwtverify inspect < token.txt

Prints the header and the claims as JSON. Anybody can write a token that looks like
this: to know whether it may be trusted, use jwtverify explain or verify. No keys, no
network, no settings.

` + tokenUsage + `Exit codes: 0 the token can be decoded, 1 it cannot, 2 usage.
`

const notVerified = "NOT VERIFIED"

// inspect shows what stands in a token.
func (s *session) inspect(f *flags) func() int {
	f.withToken().withJSON()
	return func() int { return s.inspectGiven(f) }
}

func (s *session) inspectGiven(f *flags) int {
	raw, notes, err := s.readToken(f)
	if err != nil {
		return s.unchecked(f, settings{}, err)
	}
	s.printNotes(notes)

	seen := inspectToken(raw)
	exit := accepted
	if len(seen.findings) > 0 {
		exit = rejected
	}
	if f.json {
		r := &report{command: f.name, verdict: none, class: seen.class, decides: deciding(seen.findings).Code}
		out := r.json(seen.findings)
		out.Exit, out.Header, out.Claims = int(exit), seen.header, seen.claims
		err = writeJSON(s.stdout, out)
	} else {
		err = seen.writeText(s.stdout, s.palette(s.stdout))
	}
	if err != nil {
		return s.fail(f.command, fmt.Errorf("writing the report: %w", err))
	}
	return int(exit)
}

// What can be seen of a token.
type inspection struct {
	header, claims json.RawMessage // on one line each; nil: cannot be decoded
	signatureBytes int
	findings       []finding // why something cannot be decoded
	class          string    // of the error, as in JSON
}

// inspectToken decodes a token as strictly as Verify does, and goes on to what can be
// decoded all the same.
func inspectToken(raw string) (seen inspection) {
	nobody := jwtverify.KeySourceFunc(func(context.Context) (*jwtverify.KeySet, error) {
		return nil, errors.New("inspect has no keys")
	})
	verifier, err := jwtverify.New(jwtverify.Config{Issuer: "any", Audiences: []string{"any"}, Keys: nobody})
	if err != nil { // a Config that is always good
		return inspection{findings: []finding{failedCheck("settings", "", "", err.Error(), "")}}
	}
	result := verifier.Explain(context.Background(), raw)
	formed := false
	for _, c := range result.Checks {
		switch c.Code {
		case "token-long", "token-opaque", "token-encrypted", "token-parts", "token-base64", "token-json", "json-limits":
			seen.findings = append(seen.findings, newFinding(c))
			seen.class = "malformed"
			if c.Code == "token-encrypted" {
				seen.class = "unsupported"
			}
		}
		formed = formed || c.Name == "form" && c.Status == jwtverify.Pass
	}
	if !formed {
		return seen
	}
	parts := strings.Split(raw, ".")
	seen.header, seen.claims = decodedJSON(parts[0], parts[2]), decodedJSON(parts[1], parts[2])
	seen.signatureBytes = base64.RawURLEncoding.DecodedLen(len(parts[2]))
	if len(seen.findings) == 0 && (seen.header == nil || seen.claims == nil) { // two readers of JSON, one answer
		seen.class = "malformed"
		seen.findings = []finding{failedCheck("claims", "token-json", "a header and claims that are JSON", "another text", "get a new token")}
	}
	return seen
}

// decodedJSON returns the JSON of a segment on one line, nil if there is none. What
// looks like a token in it, or like the signature of this one, is not shown.
func decodedJSON(segment, signature string) json.RawMessage {
	text, err := base64.RawURLEncoding.DecodeString(segment)
	if err != nil {
		return nil
	}
	placeholder := fmt.Sprintf("[signature, %d bytes]", base64.RawURLEncoding.DecodedLen(len(signature)))
	return shownJSON(text, func(s string) string {
		if len(signature) >= 16 {
			s = strings.ReplaceAll(s, signature, placeholder)
		}
		return withoutTokens(s)
	})
}

// writeText writes what can be seen, below a line that says what it is worth.
func (seen inspection) writeText(w io.Writer, p palette) error {
	lines := []string{p.paint(yellow, notVerified)}
	for _, text := range []json.RawMessage{seen.header, seen.claims} {
		var out bytes.Buffer
		if text != nil && json.Indent(&out, text, "", "  ") == nil {
			lines = append(lines, out.String())
		}
	}
	if seen.header != nil {
		signature := "[no signature]"
		if seen.signatureBytes > 0 {
			signature = fmt.Sprintf("[signature, %d bytes]", seen.signatureBytes)
		}
		lines = append(lines, p.paint(dim, signature))
	}
	for _, f := range seen.findings {
		lines = append(lines, fmt.Sprintf("%s: %s (%s)", p.paint(red, "cannot be decoded"), diagnosis.Of(f.Code).Sentence, f.Code))
		lines = append(lines, details(f.Check, p, "  ")...)
	}
	_, err := io.WriteString(w, strings.Join(lines, "\n")+"\n")
	return err
}
