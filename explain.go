package jwtverify

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"example.com/jwtverify/internal/quote"
	"example.com/jwtverify/internal/strictjson"
)

// A Report tells what [Verifier.Explain] or [Issuers.Explain] found. It is for people: a
// program decides by Err alone.
type Report struct {
	// Token and Err are exactly what [Verifier.Verify] returns.
	Token *Token
	Err   error

	// Checks are in the order in which Verify makes them: settings, form,
	// algorithm, type, key, signature, claims, issuer, audience, not-before,
	// expiry. Each is there once, and may be followed by notes of the same name. The
	// first that failed is the reason for Err; the others are further findings.
	Checks []Check
}

// A Check is one step of a verification and what it found.
type Check struct {
	Name   string // of the step, such as "audience"
	Status Status

	// Code names the diagnosis of a failure or note, such as "audience-mismatch".
	// Codes never change their meaning; docs/troubleshooting.md lists them.
	Code string
	// Expected, Found and Next say in words what should have been there, what was,
	// and what to do. What comes from the token is quoted, and cut at 100 bytes;
	// no signature, key or whole token is among it. Next is empty unless there is
	// something to do.
	Expected, Found, Next string
	// Trusted is false where the check read claims that no signature vouches for:
	// anybody can have written them.
	Trusted bool
}

// A Status is the outcome of a [Check].
type Status string

const (
	Pass Status = "pass"
	Fail Status = "fail"
	Note Status = "note" // worth knowing; the verdict does not depend on it
	Skip Status = "skip" // not made, since a step before it failed
)

// Explain verifies a token as [Verifier.Verify] does, and tells what each step found.
// Its Token and Err are those of Verify, by the same code, and it asks for keys only
// where Verify would. It goes on behind the first failure as far as it can: what it
// finds there is marked as not Trusted, and changes no verdict.
//
// Use it where a person asks why a token was refused: in a command, a test or a
// support page. It is some times slower than Verify.
func (v *Verifier) Explain(ctx context.Context, token string) *Report {
	r := newRecorder(token)
	t, err := v.verify(ctx, token, r)
	return &Report{Token: t, Err: err, Checks: r.checks(v)}
}

// A step of verify, in the order of the Checks.
type step int

const (
	stepSettings step = iota
	stepForm
	stepAlgorithm
	stepType
	stepKey
	stepSignature
	stepClaims
	stepIssuer
	stepAudience
	stepNotBefore
	stepExpiry
	steps
)

var stepNames = [steps]string{
	"settings", "form", "algorithm", "type", "key", "signature", "claims", "issuer", "audience", "not-before", "expiry",
}

// A recorder lets verify go on behind a failure, and keeps what it saw. With a nil
// recorder each failure is the end.
type recorder struct {
	verdictErr error // of the first step that failed
	reached    [steps]bool
	failures   [steps]error

	size     int // of the token, in bytes
	parts    tokenParts
	header   header
	set      *KeySet // nil: the keys were not looked at, or not to be had
	signed   bool    // a key of the set has made the signature
	token    *Token  // its claims; perhaps nobody vouches for them
	audience []string
	now      time.Time
}

func newRecorder(token string) *recorder {
	r := &recorder{size: len(token)}
	r.reached[stepSettings] = true // New has judged them
	return r
}

// failed records the outcome of a step and reports whether verify must end here.
func (r *recorder) failed(s step, err error) bool {
	if r == nil {
		return err != nil
	}
	r.reached[s] = true
	if err == nil {
		return false
	}
	if r.verdictErr == nil {
		r.verdictErr = err
	}
	if r.failures[s] == nil {
		r.failures[s] = err
	}
	return false
}

// end records a failure behind which there is nothing to read, and returns the error
// that is the verdict.
func (r *recorder) end(s step, err error) error {
	if r == nil {
		return err
	}
	r.failed(s, err)
	return r.verdictErr
}

// verdict returns the token, unless a failure was let pass.
func (r *recorder) verdict(t *Token) (*Token, error) {
	if r.verdictErr != nil {
		return nil, r.verdictErr
	}
	return t, nil
}

// goodSoFar reports whether no step has failed.
func (r *recorder) goodSoFar() bool { return r == nil || r.verdictErr == nil }

func (r *recorder) saw(parts *tokenParts, h *header) {
	if r != nil {
		r.reached[stepForm] = true
		r.parts, r.header = *parts, *h
	}
}

func (r *recorder) sawSet(set *KeySet) {
	if r != nil {
		r.set = set
	}
}

func (r *recorder) sawSignature() {
	if r != nil {
		r.signed = true
	}
}

func (r *recorder) sawClaims(t *Token, audience []string, now time.Time) {
	if r != nil {
		r.reached[stepClaims] = true
		r.token, r.audience, r.now = t, audience, now
	}
}

// checks makes the list out of what was recorded by a verifier, or by Issuers that
// could choose none of theirs.
func (r *recorder) checks(verifiers ...*Verifier) []Check {
	var list []Check
	for s := range steps {
		c := Check{Name: stepNames[s], Status: Pass, Trusted: r.signed || s <= stepSignature}
		switch err := r.failures[s]; {
		case err != nil:
			c.Status = Fail
			r.diagnose(verifiers, &c, err)
		case !r.reached[s], s == stepKey && r.set == nil, s == stepSignature && !r.signed:
			c.Status = Skip
		default:
			c.Expected, c.Found = r.passed(verifiers, s)
		}
		list = append(list, c)
		list = r.appendNotes(list, verifiers, s, c.Trusted)
	}
	return list
}

// passed tells what a step wanted, and what it found good.
func (r *recorder) passed(verifiers []*Verifier, s step) (expected, found string) {
	v := verifiers[0]
	switch s {
	case stepSettings:
		if len(verifiers) > 1 {
			return "", "issuers " + quote.List(issuersOf(verifiers))
		}
		return "", fmt.Sprintf("issuer %s, audience %s", quote.Text(v.issuer, 100), quote.List(v.audiences))
	case stepForm:
		return "three parts", fmt.Sprintf("three parts, %d bytes", r.size)
	case stepAlgorithm:
		return `"RS256"`, `"RS256"`
	case stepType:
		return wantedType(verifiers), foundType(&r.header)
	case stepKey:
		return "a key of the issuer", fmt.Sprintf("%s, %s", foundKeyID(&r.header), quote.Count(r.set.Len(), "usable key"))
	case stepSignature:
		return "made by that key", fmt.Sprintf("made by it, %d bytes", len(r.parts.signature)*3/4)
	case stepClaims:
		return "one JSON object", fmt.Sprintf("one JSON object, %d bytes", len(r.token.claims))
	case stepIssuer:
		return quote.Text(v.issuer, 100), quote.Text(r.token.Issuer, 100)
	case stepAudience:
		return quote.List(v.audiences), foundAudience(r.audience)
	case stepNotBefore:
		if r.token.NotBefore.IsZero() {
			return "", "no nbf"
		}
		return r.notAfterNow(), clock(r.token.NotBefore)
	default:
		return r.laterThanNow(v), r.fromNow(r.token.Expiry)
	}
}

// appendNotes adds what is worth knowing about a step.
func (r *recorder) appendNotes(list []Check, verifiers []*Verifier, s step, trusted bool) []Check {
	note := func(code, expected, found string) {
		list = append(list, Check{stepNames[s], Note, code, expected, found, next(code, ""), trusted})
	}
	switch {
	case s == stepKey && r.set != nil && len(r.set.skipped) > 0:
		note("keys-skipped", "", skippedList(r.set.skipped))
	case s == stepClaims && r.token != nil && hasMember(r.token.claims, "cnf"):
		// RFC 7800, section 3.1: the token is for who can prove possession of a key.
		note("sender-constrained", "a plain bearer token", "a cnf claim")
	case s == stepNotBefore && r.token != nil && r.token.IssuedAt.After(r.now.Add(verifiers[0].leeway)):
		note("issued-ahead", r.notAfterNow(), "iat "+r.fromNow(r.token.IssuedAt))
	}
	return list
}

func wantedType(verifiers []*Verifier) string {
	var wanted []string
	for _, v := range verifiers {
		one := `"JWT", "at+jwt" or none`
		if v.typ != "" {
			one = quote.Text(v.typ, 100)
		}
		if !slices.Contains(wanted, one) {
			wanted = append(wanted, one)
		}
	}
	return strings.Join(wanted, ", or ")
}

func foundType(h *header) string {
	if !h.hasTyp {
		return "no typ"
	}
	return quote.Text(h.typ, 100)
}

func foundKeyID(h *header) string {
	if !h.hasKid {
		return "no kid"
	}
	return "kid " + quote.Text(h.kid, 64)
}

func foundAudience(audience []string) string {
	if audience == nil {
		return "nothing"
	}
	return "[" + quote.List(audience) + "]"
}

func (r *recorder) notAfterNow() string { return "not after " + clock(r.now) + ", which is now" }

func (r *recorder) laterThanNow(v *Verifier) string {
	text := "later than " + clock(r.now) + ", which is now"
	if v.leeway > 0 {
		text += ", less the leeway of " + v.leeway.String()
	}
	return text
}

// fromNow is a time with its distance from now, as people say it.
func (r *recorder) fromNow(t time.Time) string {
	distance := t.Sub(r.now)
	if distance <= 0 {
		return clock(t) + ", " + rounded(-distance) + " ago"
	}
	return clock(t) + ", in " + rounded(distance)
}

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

func skippedList(skipped []error) string {
	var out []string
	for i, err := range skipped {
		if i == 4 {
			out = append(out, fmt.Sprintf("and %d more", len(skipped)-i))
			break
		}
		out = append(out, err.Error())
	}
	return strings.Join(out, "; ")
}

// hasMember reports whether a JSON object, read without error before, has a member of
// one of the names.
func hasMember(text string, names ...string) (has bool) {
	var r strictjson.Reader
	r.Begin(text, generalLimits)
	for name := range r.Object {
		for _, wanted := range names {
			has = has || name == wanted
		}
		r.Skip()
	}
	return has
}
