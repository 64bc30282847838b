package jwtverify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"example.com/jwtverify/internal/diagnosis"
	"example.com/jwtverify/internal/numericdate"
	"example.com/jwtverify/internal/quote"
	"example.com/jwtverify/internal/strictjson"
)

// A Token is a verified token: everything in it was signed by the issuer.
// Strings are as the issuer wrote them, times are in UTC.
type Token struct {
	Issuer   string   // iss, equal to Config.Issuer
	Subject  string   // sub, empty if absent: who the token is about
	ID       string   // jti, empty if absent
	KeyID    string   // kid of the key that verified it, empty if that has none
	Type     string   // typ of the header, empty if absent
	Audience []string // aud, nil if absent (Config.AudienceClaim was checked instead)

	Expiry    time.Time // exp, never zero
	NotBefore time.Time // nbf, zero if absent
	IssuedAt  time.Time // iat, zero if absent; it is not checked

	// Bound is true if there is a cnf (RFC 7800): only a client that proves possession
	// of a key may use the token. Checking that proof is up to the caller. Package
	// bearer refuses a bound token unless Config.Bound checks it.
	Bound bool

	claims string
}

// newToken returns a Token whose Audience is empty and has room for two, in one
// allocation: few tokens have more.
func newToken() *Token {
	t := &struct {
		Token
		audience [2]string
	}{}
	t.Audience = t.audience[:0]
	return &t.Token
}

// clone returns a copy that shares no memory that can be changed.
func (t *Token) clone() *Token {
	c := newToken()
	room := c.Audience
	*c = *t
	if t.Audience != nil {
		c.Audience = append(room, t.Audience...)
	}
	return c
}

// Claims unmarshals the verified claims into v as [json.Unmarshal] does. Use it
// for claims that have no field in Token. It returns json.Unmarshal's error, such
// as for a claim that has another type than in v, or an error for a Token that
// Verify did not return.
//
// encoding/json ignores case when it matches names. Verify refuses tokens with
// such look-alikes of the claims that it checks. Read other claims that decide
// about rights by [Token.Strings], or from a map.
func (t *Token) Claims(v any) error {
	if t == nil || t.claims == "" {
		return errors.New("jwtverify: the Token has no claims: it was not returned by Verify")
	}
	if text, ok := v.(*strictjson.Text); ok { // bearer reads the scopes itself
		*text = strictjson.Text(t.claims)
		return nil
	}
	if err := json.Unmarshal([]byte(t.claims), v); err != nil {
		return fmt.Errorf("jwtverify: claims do not fit: %w", err)
	}
	return nil
}

// Strings returns the string or the array of strings at a path of the claims:
// token.Strings("realm_access", "roles"). Names must match exactly, unlike in
// encoding/json, where "Roles" matches a struct tag "roles". It returns nil if there is
// nothing at the path or a value of another type, and for a Token that Verify did not
// return.
func (t *Token) Strings(path ...string) []string {
	if t == nil {
		return nil
	}
	return strictjson.StringsAt(t.claims, path)
}

type contextKey struct{}

// NewContext returns a context that carries the token to the code that serves the
// request or message.
func NewContext(ctx context.Context, t *Token) context.Context {
	return context.WithValue(ctx, contextKey{}, t)
}

// FromContext returns the token that [NewContext] put into ctx, and whether there
// was one.
func FromContext(ctx context.Context) (*Token, bool) {
	t, _ := ctx.Value(contextKey{}).(*Token)
	return t, t != nil
}

// readClaims reads the claims set (RFC 7519, section 4) into a Token. The audience to
// check is aud or, if that is absent, the audienceClaim; nil if both are absent.
func readClaims(claims, audienceClaim string) (t *Token, audience []string, err error) {
	t = newToken()
	t.claims = claims
	var clientID []string
	hasAudience, hasExpiry := false, false
	var r strictjson.Reader
	r.Begin(claims, strictjson.Usual)
	for name := range r.Object {
		var err error
		switch name {
		case "iss":
			t.Issuer, err = r.String(name)
		case "sub":
			t.Subject, err = r.String(name)
		case "aud":
			t.Audience, err = readAudience(&r, t.Audience)
			hasAudience = true
		case "exp":
			t.Expiry, err = readDate(&r, name)
			hasExpiry = true
		case "nbf":
			t.NotBefore, err = readDate(&r, name)
		case "iat":
			t.IssuedAt, err = readDate(&r, name)
		case "jti":
			t.ID, err = r.String(name)
		case "cnf":
			t.Bound = true
			r.Skip()
		default:
			if name == audienceClaim && name != "" {
				var id string
				id, err = r.String(name)
				clientID = []string{id}
				break
			}
			if exact := lookalike(name, audienceClaim); exact != "" {
				err = wrongClaim("claim-case", quote.Text(name, 100)+" differs from a registered claim only in case", quote.Text(exact, 100))
			}
			r.Skip()
		}
		if err != nil && !r.Broken() { // otherwise r.End reports a syntax error
			return nil, nil, malformed("claims:", err)
		}
	}
	if err := r.End(); err != nil {
		return nil, nil, malformed("claims: the text", err)
	}
	if !hasExpiry {
		// RFC 9068, section 2.2, requires exp: without it a token would be valid
		// forever.
		return nil, nil, &invalidError{kind: ErrMalformed, code: "expiry-missing",
			subject: "claims have", found: "no exp", want: "a time: the issuer must limit the life of its tokens"}
	}
	if !hasAudience {
		t.Audience = nil
		return t, clientID, nil
	}
	return t, t.Audience, nil
}

func wrongClaim(code, found, want string) error {
	return &invalidError{kind: ErrMalformed, code: code, subject: "claims:", found: found, want: want}
}

// lookalike returns the claim that differs from name only in case, by Unicode
// folding. encoding/json matches names that way: a token with both exp and EXP
// would mean one thing here and another in the code that reads its claims.
func lookalike(name, audienceClaim string) (exact string) {
	if len(name) <= len("iſſ") { // Unicode has no longer name that equals one of these
		for _, exact := range [...]string{"iss", "sub", "aud", "exp", "nbf", "iat", "jti"} {
			if strings.EqualFold(name, exact) {
				return exact
			}
		}
	}
	if name != audienceClaim && strings.EqualFold(name, audienceClaim) {
		return audienceClaim
	}
	return ""
}

// readAudience reads aud, a string or an array of strings (RFC 7519, section 4.1.3),
// behind an empty audience with room for some.
func readAudience(r *strictjson.Reader, audience []string) ([]string, error) {
	switch r.Kind() {
	case '"':
		one, _ := r.String("aud")
		return append(audience, one), nil
	case '[':
	default:
		return nil, r.WrongType("aud", "a string or an array of strings")
	}
	for range r.Array {
		one, err := r.String("aud")
		if err != nil {
			return nil, wrongClaim("claim-type", "an element of "+err.(*strictjson.Error).Found, "a string")
		}
		audience = append(audience, one)
	}
	return audience, nil
}

// readDate reads a NumericDate (RFC 7519, section 2).
func readDate(r *strictjson.Reader, name string) (time.Time, error) {
	text, err := r.Number(name)
	if err != nil || r.Broken() {
		return time.Time{}, err
	}
	date, ok := numericdate.Parse(text)
	if !ok {
		if len(text) > 32 {
			text = text[:32] + "…"
		}
		return time.Time{}, wrongClaim("time-milliseconds", fmt.Sprintf("%q is %s, beyond the year 9999", name, text), "seconds since 1970 (not milliseconds)")
	}
	return date, nil
}

// The order of the checks matters: a token for another service is reported as
// such, even if it has also expired.

func checkIssuer(t *Token, issuer string) error {
	switch t.Issuer {
	case issuer:
		return nil
	case "":
		return &invalidError{kind: ErrIssuer, code: "issuer-missing", subject: "iss is", found: "missing or empty", want: quote.Text(issuer, 100)}
	}
	return &invalidError{kind: ErrIssuer, code: "issuer-mismatch", subject: "issuer is", found: quote.Text(t.Issuer, 100), want: quote.Text(issuer, 100)}
}

func checkAudience(t *Token, audience, wanted []string, claim string) error {
	for _, aud := range audience {
		if slices.Contains(wanted, aud) {
			return nil
		}
	}
	err := &invalidError{kind: ErrAudience, code: "audience-mismatch", subject: "audience is", found: "[" + quote.List(audience) + "]", want: quote.List(wanted)}
	byClaim := claim != "" && t.Audience == nil
	switch {
	case audience == nil:
		err.code, err.subject, err.found = "audience-missing", "aud is", "missing"
		if byClaim {
			err.subject = "aud and " + claim + " are"
		}
	case byClaim:
		err.subject = claim + ", in place of aud, is"
	}
	return err
}

// checkNotBefore obeys RFC 7519, section 4.1.5: the time MUST be after or equal to nbf.
func checkNotBefore(t *Token, now time.Time, leeway time.Duration) error {
	if now.Add(leeway).Before(t.NotBefore) {
		return &invalidError{kind: ErrNotYetValid, code: "not-before", subject: "token is not valid before", found: diagnosis.Clock(t.NotBefore) + ", and it is " + diagnosis.Clock(now) + " (leeway " + leeway.String() + ")"}
	}
	return nil
}

// checkExpiry obeys RFC 7519, section 4.1.4: the time MUST be before exp.
func checkExpiry(t *Token, now time.Time, leeway time.Duration) error {
	if !now.Before(t.Expiry.Add(leeway)) {
		return &invalidError{kind: ErrExpired, code: "expired", subject: "token expired at", found: diagnosis.Clock(t.Expiry) + ", and it is " + diagnosis.Clock(now) + " (leeway " + leeway.String() + ")"}
	}
	return nil
}

// checkOwn calls Config.Check with a copy, so that it cannot change what others see of
// the token. The caller can test for the error of Check. But it must not look like one
// of ours: "unavailable" is never a verdict about a token.
func checkOwn(t *Token, check func(*Token) error) (err error) {
	if check == nil {
		return nil
	}
	defer func() {
		if p := recover(); p != nil {
			err = &invalidError{kind: ErrClaims, code: "check-panicked", subject: "Config.Check panicked:", found: quote.Text(fmt.Sprint(p), 100)}
		}
	}()
	refusal, kind := check(t.clone()), ErrClaims
	if refusal == nil {
		return nil
	}
	if !errors.Is(refusal, ErrInvalid) && !errors.Is(refusal, ErrKeysUnavailable) {
		kind = fmt.Errorf("%w: %w", ErrClaims, refusal)
	}
	return &invalidError{kind: kind, code: "claims-refused", subject: "Config.Check refused it:", found: quote.Text(refusal.Error(), 100)}
}
