package jwtverify

import (
	"slices"
	"strconv"
	"strings"

	"example.com/jwtverify/internal/base64url"
	"example.com/jwtverify/internal/jwk"
	"example.com/jwtverify/internal/mediatype"
	"example.com/jwtverify/internal/quote"
	"example.com/jwtverify/internal/strictjson"
)

// Limits on the form of a token.
const (
	maxTokenBytes    = 16 << 10 // the longest header line that HTTP servers accept
	maxHeaderBytes   = 8 << 10  // anyone can make us read a header, so keep it small
	maxHeaderDepth   = 4
	maxHeaderMembers = 64 // and array elements, all together
)

var headerLimits = strictjson.Limits{Depth: maxHeaderDepth, Members: maxHeaderMembers, Total: maxHeaderMembers}

// The parts of a token: the segments as sent, and what the signature covers.
type tokenParts struct{ header, claims, signature, signed string }

const threeParts = "three parts: header.claims.signature"

// split splits a compact JWS into its parts (RFC 7515, section 7.1).
func split(token string) (tokenParts, error) {
	if len(token) > maxTokenBytes {
		return tokenParts{}, &invalidError{kind: ErrMalformed, code: "token-long", subject: "token has", found: strconv.Itoa(len(token)) + " bytes", want: "at most " + strconv.Itoa(maxTokenBytes) + " bytes"}
	}
	header, rest, _ := strings.Cut(token, ".")
	claims, signature, found := strings.Cut(rest, ".")
	if !found || strings.Contains(signature, ".") {
		return tokenParts{}, badParts(token)
	}
	p := tokenParts{
		header:    header,
		claims:    claims,
		signature: signature,
		signed:    token[:len(token)-len(signature)-1],
	}
	if p.header == "" || p.claims == "" {
		return tokenParts{}, &invalidError{kind: ErrMalformed, code: "token-parts", subject: "token has", found: "an empty header or claims part", want: threeParts}
	}
	return p, nil
}

// badParts is the error for a text that does not have three parts.
func badParts(token string) error {
	switch dots := strings.Count(token, "."); {
	case dots == 4:
		// RFC 7516, section 3.1: an encrypted token has five segments.
		return &invalidError{kind: ErrUnsupported, code: "token-encrypted", subject: "token has", found: "five parts, so it is encrypted (JWE)", want: "a signed JWT"}
	case token == "":
		return &invalidError{kind: ErrMalformed, code: "token-parts", subject: "token is", found: "empty", want: threeParts}
	case dots == 0:
		return &invalidError{kind: ErrMalformed, code: "token-opaque", subject: "token has", found: "no dot, so it is no JWT", want: threeParts}
	default:
		return &invalidError{kind: ErrMalformed, code: "token-parts", subject: "token has", found: strconv.Itoa(dots+1) + " parts", want: threeParts}
	}
}

// A header holds the members of the JOSE header that are used. All others (jwk,
// jku, x5c, x5u …) are chosen by the sender and ignored.
type header struct {
	alg, typ, kid          string
	x5t, x5tS256           string // empty unless they are strings; they only select a key
	hasAlg, hasTyp, hasKid bool
	hasCrit                bool
	// What is wrong with a member that must be a string, such as `"alg" is a number`; empty:
	// nothing.
	wrongAlg, wrongTyp, wrongKid string
}

func (h *header) query() keyQuery {
	if h.hasKid {
		return keyQuery{names: jwk.Names{ID: h.kid}, hasKid: true}
	}
	return keyQuery{names: jwk.Names{X5t: h.x5t, X5tS256: h.x5tS256}}
}

// readHeader decodes and reads the header, the only JSON that is read before the
// signature is checked.
func readHeader(segment string) (header, error) {
	var h header
	if len(segment) > (maxHeaderBytes*4+2)/3 {
		return h, &invalidError{kind: ErrMalformed, code: "json-limits", subject: "header is", found: "longer than " + strconv.Itoa(maxHeaderBytes) + " bytes", want: "at most that"}
	}
	text, err := base64url.String(segment)
	if err != nil {
		return h, malformed("header", err)
	}
	var r strictjson.Reader
	r.Begin(text, headerLimits)
	for name := range r.Object {
		switch name {
		case "alg":
			h.alg, h.wrongAlg = stringOrNot(&r, name)
			h.hasAlg = true
		case "typ":
			h.typ, h.wrongTyp = stringOrNot(&r, name)
			h.hasTyp = true
		case "kid":
			h.kid, h.wrongKid = stringOrNot(&r, name)
			h.hasKid = true
		case "x5t":
			h.x5t, _ = stringOrNot(&r, name)
		case "x5t#S256":
			h.x5tS256, _ = stringOrNot(&r, name)
		case "crit":
			h.hasCrit = true
			r.Skip()
		default:
			r.Skip()
		}
	}
	if err := r.End(); err != nil {
		return h, malformed("header", err)
	}
	return h, nil
}

// stringOrNot reads a string, or says what the value is instead.
func stringOrNot(r *strictjson.Reader, name string) (text, wrong string) {
	text, err := r.String(name)
	if err != nil {
		wrong = err.(*strictjson.Error).Found
	}
	return text, wrong
}

func checkAlgorithm(h *header) error {
	const want = `"RS256"`
	switch {
	case !h.hasAlg:
		return &invalidError{kind: ErrUnsupported, code: "alg-other", subject: "header has", found: "no alg", want: want}
	case h.wrongAlg != "":
		return &invalidError{kind: ErrUnsupported, code: "alg-other", subject: "header:", found: h.wrongAlg, want: "a string, " + want}
	case h.alg == "RS256":
		return nil
	}
	code := "alg-other"
	switch {
	case strings.EqualFold(h.alg, "none"):
		code = "alg-none"
	case h.alg == "HS256" || h.alg == "HS384" || h.alg == "HS512":
		code = "alg-hmac"
	}
	return &invalidError{kind: ErrUnsupported, code: code, subject: "alg is", found: quote.Text(h.alg, 100), want: want}
}

// checkType refuses other kinds of token that the issuer signs with the same key,
// such as logout tokens and security events (RFC 8725, section 3.11). It also
// refuses tokens that require an extension.
func checkType(h *header, types []string) error {
	if h.wrongTyp != "" {
		return &invalidError{kind: ErrMalformed, code: "type-form", subject: "header:", found: h.wrongTyp, want: "a string"}
	}
	if !slices.ContainsFunc(types, h.hasType) {
		if typ := types[0]; typ != "" {
			return &invalidError{kind: ErrUnsupported, code: "type-mismatch", subject: "typ is", found: h.foundType(), want: quote.Text(typ, 100)}
		}
		return &invalidError{kind: ErrUnsupported, code: "type-mismatch", subject: "typ is", found: quote.Text(h.typ, 100), want: `"JWT", "at+jwt", "JOSE" or none: it is another kind of token`}
	}
	if h.hasCrit {
		// RFC 7515, section 4.1.11: a verifier that does not understand every
		// extension named in crit must refuse; we understand none.
		return &invalidError{kind: ErrUnsupported, code: "header-critical", subject: "header has", found: "crit, an extension that must be understood", want: "none"}
	}
	return nil
}

// hasType reports whether typ is what Config.Type requires. If that is empty, "" and JOSE
// (RFC 7515, section 4.1.9: any compact JWS) say no more than an absent typ.
func (h *header) hasType(want string) bool {
	if want != "" {
		return mediatype.Same(h.typ, want)
	}
	return h.typ == "" || mediatype.Same(h.typ, "JWT") || mediatype.Same(h.typ, "at+jwt") || mediatype.Same(h.typ, "JOSE")
}

func (h *header) foundType() string {
	if !h.hasTyp {
		return "absent"
	}
	return quote.Text(h.typ, 100)
}

func checkKeyID(h *header) error {
	switch {
	case h.wrongKid != "":
		return &invalidError{kind: ErrMalformed, code: "kid-form", subject: "header:", found: h.wrongKid, want: "a string"}
	case len(h.kid) > maxKeyIDBytes:
		return &invalidError{kind: ErrMalformed, code: "kid-form", subject: "kid has", found: strconv.Itoa(len(h.kid)) + " bytes", want: "at most " + strconv.Itoa(maxKeyIDBytes)}
	}
	return nil
}
