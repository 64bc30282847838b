package main

import (
	"io"
	"time"

	"example.com/jwtverify"
	"example.com/jwtverify/internal/screen"
)

// What --json writes: one object on one line. Within schema 1 members are only added.

type jsonReport struct {
	Schema   int          `json:"schema"`
	Command  string       `json:"command"`
	Verdict  string       `json:"verdict"`
	Exit     int          `json:"exit"`
	Error    string       `json:"error"`
	Decides  string       `json:"decides"`
	Settings jsonSettings `json:"settings"`
	Checks   []jsonCheck  `json:"checks"`
	Token    *jsonToken   `json:"token"`

	// Of some commands only.
	KeySet   []jsonKey     `json:"key_set,omitempty"`  // jwks
	Metadata *jsonMetadata `json:"metadata,omitempty"` // discover
	content                // inspect, not verified
}

type jsonSettings struct {
	Issuer   string `json:"issuer"`
	Audience any    `json:"audience"` // a string, or a list of several
	Keys     string `json:"keys"`
}

type jsonCheck struct {
	Item     int    `json:"item"`
	Name     string `json:"name"`
	Status   string `json:"status"`
	Code     string `json:"code"`
	Expected string `json:"expected"`
	Found    string `json:"found"`
	Next     string `json:"next"`
	Trusted  bool   `json:"trusted"`
}

type jsonToken struct {
	Issuer    string   `json:"issuer"`
	Subject   string   `json:"subject"`
	Audience  []string `json:"audience"`
	ID        string   `json:"id"`
	KeyID     string   `json:"kid"`
	Type      string   `json:"type"`
	Expiry    *string  `json:"expiry"`
	NotBefore *string  `json:"not_before"`
	IssuedAt  *string  `json:"issued_at"`
}

// json returns the report as what --json writes, with the findings given.
func (r *report) json(findings []finding) *jsonReport {
	out := &jsonReport{
		Schema:  1,
		Command: r.command,
		Verdict: r.verdict.String(),
		Exit:    int(r.verdict),
		Error:   r.class,
		Decides: r.decides,
		Settings: jsonSettings{
			Issuer:   screen.WithoutTokens(r.settings.issuer),
			Audience: "",
			Keys:     screen.Address(r.settings.address),
		},
		Checks: []jsonCheck{},
	}
	switch audiences := r.settings.audiences; len(audiences) {
	case 0:
	case 1:
		out.Settings.Audience = screen.WithoutTokens(audiences[0])
	default:
		out.Settings.Audience = withoutTokens(audiences)
	}
	for _, f := range findings {
		out.Checks = append(out.Checks, newJSONCheck(f))
	}
	if t := r.token; t != nil {
		out.Token = newJSONToken(t)
	}
	return out
}

func newJSONCheck(f finding) jsonCheck {
	return jsonCheck{f.item, f.Name, string(f.Status), f.Code, f.Expected, f.Found, f.Next, f.Trusted}
}

// withoutTokens is a list of texts from outside; never nil, which JSON has as null.
func withoutTokens(texts []string) []string {
	shown := []string{}
	for _, text := range texts {
		shown = append(shown, screen.WithoutTokens(text))
	}
	return shown
}

func newJSONToken(t *jwtverify.Token) *jsonToken {
	return &jsonToken{
		screen.WithoutTokens(t.Issuer), screen.WithoutTokens(t.Subject), withoutTokens(t.Audience), screen.WithoutTokens(t.ID), screen.WithoutTokens(t.KeyID), screen.WithoutTokens(t.Type),
		jsonTime(t.Expiry), jsonTime(t.NotBefore), jsonTime(t.IssuedAt),
	}
}

func jsonTime(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	text := t.UTC().Format(time.RFC3339Nano)
	return &text
}

// writeJSON writes a value on one line. What a terminal might obey is escaped.
func writeJSON(w io.Writer, v any) error {
	text, err := screen.Encoded(v)
	if err == nil {
		_, err = io.WriteString(w, text+"\n")
	}
	return err
}
