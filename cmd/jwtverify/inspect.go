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
	"time"

	"example.com/jwtverify"
	"example.com/jwtverify/internal/diagnosis"
)

const inspectUsage = `  jwtverify inspect < token.txt

Prints the header and the claims as JSON on stdout, the times among them as dates too; what
is for people goes to stderr: jwtverify inspect token.txt | jq .claims
Anybody can write a token that looks like this: to know whether it may be trusted, use
jwtverify explain or verify. No keys, no network, no settings.

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
		out.Exit, out.content = int(exit), seen.content
		err = writeJSON(s.stdout, out)
	} else {
		err = seen.write(s.stdout, s.stderr, s.palette(s.stderr), s.now())
	}
	if err != nil {
		return s.fail(f.command, fmt.Errorf("writing the report: %w", err))
	}
	return int(exit)
}

// A content is what stands in a token. Nobody vouches for it.
type content struct {
	Header json.RawMessage   `json:"header,omitempty"` // on one line; nil: cannot be decoded
	Claims json.RawMessage   `json:"claims,omitempty"` // the same
	Times  map[string]string `json:"times,omitempty"`  // the claims that are times, as dates
}

// What can be seen of a token.
type inspection struct {
	content
	token    glance
	findings []finding // why something cannot be decoded
	class    string    // of the error, as in JSON
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
	seen.Header, seen.Claims, seen.token = decodedJSON(parts[0], parts[2]), decodedJSON(parts[1], parts[2]), glanceAt(raw)
	seen.Times = make(map[string]string)
	for name, t := range seen.token.times() {
		seen.Times[name] = t.Format(time.RFC3339Nano)
	}
	if len(seen.findings) == 0 && (seen.Header == nil || seen.Claims == nil) { // two readers of JSON, one answer
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

// write writes what stands in the token as JSON, and to stderr what is for people: what that
// is worth, when it was, and what cannot be decoded.
func (seen inspection) write(stdout, stderr io.Writer, p palette, now time.Time) error {
	lines := []string{p.paint(yellow, notVerified)}
	for name, t := range seen.token.times() {
		lines = append(lines, fmt.Sprintf("%-4s %s is %s", name, seen.token.claims[name], diagnosis.FromNow(t, now)))
	}
	if seen.Header != nil {
		signature := "[no signature]"
		if seen.token.signatureBytes > 0 {
			signature = fmt.Sprintf("[signature, %d bytes]", seen.token.signatureBytes)
		}
		lines = append(lines, p.paint(dim, signature))
	}
	for _, f := range seen.findings {
		lines = append(lines, fmt.Sprintf("%s: %s (%s)", p.paint(red, "cannot be decoded"), diagnosis.Of(f.Code).Sentence, f.Code))
		lines = append(lines, details(f.Check, p, "  ")...)
	}
	var line, out bytes.Buffer
	err := writeJSON(&line, seen.content)
	if err == nil {
		err = json.Indent(&out, line.Bytes(), "", "  ")
	}
	if err == nil {
		_, err = io.WriteString(stderr, strings.Join(lines, "\n")+"\n")
	}
	if err == nil {
		_, err = out.WriteTo(stdout)
	}
	return err
}
