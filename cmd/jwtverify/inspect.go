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
	"example.com/jwtverify/internal/screen"
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
func (s *session) inspect(f *flags) func() (int, error) {
	f.withToken().withJSON()
	return func() (int, error) {
		raw, notes, err := s.readToken(f)
		if err != nil {
			return 0, err
		}
		s.printNotes(notes)
		seen := inspectToken(raw)
		r := &report{command: f.name, verdict: none, class: seen.class, decides: deciding(seen.findings).Code}
		out := r.json(seen.findings)
		if out.Exit, out.content = int(accepted), seen.content; len(seen.findings) > 0 {
			out.Exit = int(rejected)
		}
		if !f.json {
			io.WriteString(s.stderr, seen.about(s.palette(s.stderr), s.now()))
		}
		return s.write(f, out, func(palette) string { return seen.json() })
	}
}

// A content is what stands in a token. Nothing of it is verified.
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
	return screen.JSON(text, func(s string) string {
		if len(signature) >= 16 {
			s = strings.ReplaceAll(s, signature, placeholder)
		}
		return screen.WithoutTokens(s)
	})
}

// about is what is for people: what the JSON is worth, when it was, and what cannot be
// decoded.
func (seen inspection) about(p palette, now time.Time) string {
	lines := []string{p.paint(screen.Yellow, notVerified)}
	for name, t := range seen.token.times() {
		lines = append(lines, fmt.Sprintf("%-4s %s is %s", name, seen.token.claims[name], diagnosis.FromNow(t, now)))
	}
	if seen.Header != nil {
		signature := "[no signature]"
		if seen.token.signatureBytes > 0 {
			signature = fmt.Sprintf("[signature, %d bytes]", seen.token.signatureBytes)
		}
		lines = append(lines, p.paint(screen.Dim, signature))
	}
	for _, f := range seen.findings {
		lines = append(lines, fmt.Sprintf("%s: %s (%s)", p.paint(screen.Red, "cannot be decoded"), diagnosis.Of(f.Code).Sentence, f.Code))
		lines = append(lines, details(f.Check, p, "  ")...)
	}
	return strings.Join(lines, "\n") + "\n"
}

// json is what stands in the token, for people and for jq.
func (seen inspection) json() string {
	var line, out bytes.Buffer
	_ = writeJSON(&line, seen.content) // of JSON and dates
	_ = json.Indent(&out, line.Bytes(), "", "  ")
	return out.String()
}
