package jwtverify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"example.com/jwtverify/internal/quote"
	"example.com/jwtverify/internal/strictjson"
)

// A Token is a verified token: everything in it was signed by the issuer and has
// been checked. Strings are as the issuer wrote them, times are in UTC.
type Token struct {
	Issuer   string   // iss, equal to Config.Issuer
	Subject  string   // sub, empty if absent: who the token is about
	ID       string   // jti, empty if absent
	KeyID    string   // kid of the key that verified it, empty if that has none
	Type     string   // typ of the header, empty if absent
	Audience []string // aud, nil if absent (and Config.AudienceClaim was judged)

	Expiry    time.Time // exp, never zero
	NotBefore time.Time // nbf, zero if absent
	IssuedAt  time.Time // iat, zero if absent; it is not judged

	claims string
}

// newToken returns a Token whose Audience is empty and has room for one, in one
// allocation: nearly every token has a single one.
func newToken() *Token {
	t := &struct {
		Token
		audience [1]string
	}{}
	t.Audience = t.audience[:0]
	return &t.Token
}

// clone returns a copy that shares nothing that can be changed.
func (t *Token) clone() *Token {
	c := newToken()
	room := c.Audience
	*c = *t
	if t.Audience != nil {
		c.Audience = append(room, t.Audience...)
	}
	return c
}

// Claims unmarshals the verified claims into v as [json.Unmarshal] does, for those
// that have no field in Token. It returns json.Unmarshal's error, such as for a
// claim of another type than v has, or an error for a Token that Verify did not
// return.
//
// encoding/json matches names ignoring case. For the claims that Verify judges it
// has refused look-alikes; for claims of your own that decide on rights, unmarshal
// into a map and look up the exact name.
func (t *Token) Claims(v any) error {
	if t == nil || t.claims == "" {
		return errors.New("jwtverify: the Token has no claims: it was not returned by Verify")
	}
	if err := json.Unmarshal([]byte(t.claims), v); err != nil {
		return fmt.Errorf("jwtverify: claims do not fit: %w", err)
	}
	return nil
}

type contextKey struct{}

// NewContext returns a context that carries the token to the code that serves the
// request or message.
func NewContext(ctx context.Context, t *Token) context.Context {
	return context.WithValue(ctx, contextKey{}, t)
}

// FromContext returns the token that [NewContext] put into ctx, and whether there
// is one.
func FromContext(ctx context.Context) (*Token, bool) {
	t, _ := ctx.Value(contextKey{}).(*Token)
	return t, t != nil
}

// readClaims reads the claims set (RFC 7519, section 4) into a Token. The audience to
// judge is aud or, where that is absent, the AudienceClaim; nil if there is neither.
func (v *Verifier) readClaims(claims string, found *trace) error {
	t := newToken()
	t.Type, t.KeyID, t.claims = found.header.typ, found.key.id, claims
	var clientID []string
	hasAudience, hasExpiry := false, false
	var r strictjson.Reader
	r.Begin(t.claims, generalLimits)
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
		default:
			if name == v.audienceClaim && name != "" {
				var id string
				id, err = r.String(name)
				clientID = []string{id}
				break
			}
			if exact := v.lookalike(name); exact != "" {
				err = &mismatch{"claim-case", quote.Text(name, 100) + " is another name, which other readers take for it", quote.Text(exact, 100)}
			}
			r.Skip()
		}
		if err != nil && !r.Broken() { // else the text ends, or has no value there
			return malformed("claims: ", err)
		}
	}
	if err := r.End(); err != nil {
		return malformed("claims: the text ", err)
	}
	if !hasExpiry {
		// RFC 9068, section 2.2: without exp a token would be good forever.
		return invalid(ErrMalformed, "expiry-missing", "claims have ", "no exp", "a time: the issuer must limit the life of its tokens")
	}
	if !hasAudience {
		t.Audience = nil
	}
	found.token, found.audience, found.now = t, t.Audience, v.now()
	if !hasAudience {
		found.audience = clientID
	}
	return nil
}

// lookalike returns the claim that name equals but for case, as Unicode folds it.
// encoding/json matches names that way, so that a token with both exp and EXP
// would mean one thing here and another in the code that reads its claims.
func (v *Verifier) lookalike(name string) (exact string) {
	// A letter outside ASCII can stand for one in it; else only lengths that are equal
	// can be names that are.
	if len(name) != len("exp") && len(name) != len(v.audienceClaim) && len(name) == utf8.RuneCountInString(name) {
		return ""
	}
	for _, exact := range [...]string{"iss", "sub", "aud", "exp", "nbf", "iat", "jti", v.audienceClaim} {
		if name != exact && strings.EqualFold(name, exact) {
			return exact
		}
	}
	return ""
}

// readAudience reads aud, a string or an array of strings (RFC 7519, section 4.1.3),
// behind an empty audience with room for one.
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
			return nil, &mismatch{"claim-type", "an element of " + foundIn(err), "a string"}
		}
		audience = append(audience, one)
	}
	return audience, nil
}

// readDate reads a NumericDate (RFC 7519, section 2): seconds since 1970, with
// fractions and exponents allowed. It never goes through a float: the value is
// rounded up to the nanosecond, which compares with a clock that counts in
// nanoseconds just as the exact value does.
func readDate(r *strictjson.Reader, name string) (time.Time, error) {
	text, err := r.Number(name)
	if err != nil || r.Broken() {
		return time.Time{}, err
	}
	mantissa, negative := strings.CutPrefix(text, "-")
	exponent := 0
	if i := strings.IndexAny(mantissa, "eE"); i >= 0 {
		// For a huge exponent Atoi returns the nearest int; a million decides
		// every number that fits in a token.
		exponent, _ = strconv.Atoi(mantissa[i+1:])
		exponent = min(max(exponent, -1_000_000), 1_000_000)
		mantissa = mantissa[:i]
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits := strings.TrimLeft(whole+fraction, "0")
	point := len(digits) - len(fraction) + exponent // digits before the decimal point

	const maxDigits = 12 // of maxNumericDate
	if digits == "" {
		return time.Unix(0, 0).UTC(), nil
	} else if point > maxDigits {
		return time.Time{}, dateTooFar(name, text)
	}
	value := func(from, to int) (n int64) {
		for i := from; i < to; i++ {
			n *= 10
			if 0 <= i && i < len(digits) {
				n += int64(digits[i] - '0')
			}
		}
		return n
	}
	seconds, nanos := value(0, point), value(point, point+9)
	beyond := min(max(point+9, 0), len(digits))
	inexact := strings.Trim(digits[beyond:], "0") != ""
	switch {
	case seconds > maxNumericDate || seconds == maxNumericDate && (nanos > 0 || inexact):
		return time.Time{}, dateTooFar(name, text)
	case negative:
		seconds, nanos = -seconds, -nanos // rounded up by what is left out
	case inexact:
		nanos++
	}
	return time.Unix(seconds, nanos).UTC(), nil
}

func dateTooFar(name, text string) error {
	if len(text) > 32 {
		text = text[:32] + "…"
	}
	return &mismatch{"time-milliseconds", fmt.Sprintf("%q is %s, beyond the year 9999", name, text), "seconds since 1970 (not milliseconds)"}
}
