package main

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"iter"
	"strings"
	"time"

	"example.com/jwtverify/internal/numericdate"
	"example.com/jwtverify/internal/screen"
)

// The words of an advice follow the settings in use, and the token.

// words are what the settings are called where they stand, a flag or a variable, and the
// token that they are for. Empty: there is none.
type words struct {
	issuer, audience, keys string
	token                  glance
}

// guide reports whether the settings are those of AuthAction's guide.
func (w words) guide() bool {
	return strings.Contains(w.issuer+" "+w.audience, "AUTHACTION_")
}

// of fills in what package diagnosis has in braces.
func (w words) of(advice string) string {
	if !strings.Contains(advice, "{") {
		return advice
	}
	setIssuer, setAudience := "pass the issuer's address as --issuer, or set the variable ISSUER", "pass the API's identifier at the issuer as --audience, or set the variable AUDIENCE"
	request := "the token request"
	if w.guide() {
		setIssuer, setAudience = "set the variable AUTHACTION_DOMAIN to the tenant's domain", "set the variable AUTHACTION_AUDIENCE to the API's identifier at the issuer"
		request += " (POST /oauth2/m2m/token)"
	}
	issuer, audience := cmp.Or(w.issuer, "--issuer"), ""
	if named := w.token.audiences(); len(named) > 0 {
		audience = named[0]
	}
	client, name := w.token.client()
	return strings.NewReplacer("{issuer}", issuer, "{audience}", cmp.Or(w.audience, "--audience"), "{keys}", cmp.Or(w.keys, issuer),
		"{set issuer}", setIssuer, "{set audience}", setAudience, "{token request}", request,
		"{iss}", typed(w.token.claims.text("iss"), "URL"), "{aud}", typed(audience, "NAME"),
		"{typ}", typed(w.token.header.text("typ"), "TYPE"), "{client}", typed(client, "CLIENT"), "{client claim}", cmp.Or(name, "client_id"),
	).Replace(advice)
}

// typed is a value as one can type it: quoted for the shell where it needs that. What
// could be anything but a plain text is not repeated: blank stands in its place.
func typed(value, blank string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._:/@%+,"
	switch {
	case value == "" || len(value) > screen.MaxQuoted || screen.WithoutTokens(value) != value || strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r > '~' }):
		return blank
	case strings.Trim(value, plain) == "":
		return value
	}
	return "'" + strings.ReplaceAll(value, "'", `'\''`) + "'"
}

// A glance is what a token says of itself, not verified. Names in a map are
// compared exactly.
type glance struct {
	header, claims members
	signatureBytes int
}

type members map[string]json.RawMessage

func glanceAt(token string) (g glance) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return glance{}
	}
	for i, part := range []*members{&g.header, &g.claims} {
		if text, err := base64.RawURLEncoding.DecodeString(parts[i]); err == nil {
			_ = json.Unmarshal(text, part) // empty if it is no object
		}
	}
	g.signatureBytes = base64.RawURLEncoding.DecodedLen(len(parts[2]))
	return g
}

// kid is how a token names its key.
func (g glance) kid() string {
	raw, has := g.header["kid"]
	switch name := g.header.text("kid"); {
	case !has:
		return "no kid"
	case raw[0] != '"':
		return "kid is not a string"
	default:
		return "kid " + screen.Quoted(name)
	}
}

// text is a member that is a text, empty if it is none.
func (m members) text(name string) (text string) {
	_ = json.Unmarshal(m[name], &text)
	return text
}

// audiences are those of aud, a text or a list.
func (g glance) audiences() (list []string) {
	if json.Unmarshal(g.claims["aud"], &list) == nil {
		return list
	}
	return append(list[:0], g.claims.text("aud"))
}

// times are the claims that are times.
func (g glance) times() iter.Seq2[string, time.Time] {
	return func(yield func(string, time.Time) bool) {
		for _, name := range []string{"exp", "nbf", "iat", "auth_time"} {
			raw := g.claims[name]
			if _, err := value[float64](raw, "a number"); err != nil {
				continue
			}
			if t, ok := numericdate.Parse(string(raw)); ok && !yield(name, t) {
				return
			}
		}
	}
}

// client returns the client that a token was made for, and the claim that names it.
func (g glance) client() (client, claim string) {
	for _, claim := range []string{"client_id", "azp"} {
		if client := g.claims.text(claim); client != "" {
			return client, claim
		}
	}
	return "", ""
}
