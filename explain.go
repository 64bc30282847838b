package jwtverify

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"example.com/jwtverify/internal/base64url"
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
	var found trace
	if v.isZero() {
		return newExplanation(token, &found, stepSettings, errZeroVerifier).report(v)
	}
	failed, err := v.verify(ctx, token, &found)
	e := newExplanation(token, &found, failed, err)
	e.lookOn(v.types, func(found *trace) error {
		claims, err := base64url.String(found.parts.claims)
		if err != nil {
			return malformed("claims ", err)
		}
		return v.readClaims(claims, found)
	})
	if e.last == stepExpiry {
		e.check(stepIssuer, v.checkIssuer(e.token))
		e.check(stepAudience, v.checkAudience(e.audience))
		e.check(stepNotBefore, v.checkNotBefore(e.token, e.now))
		e.check(stepExpiry, v.checkExpiry(e.token, e.now))
	}
	return e.report(v)
}

var stepNames = [steps]string{
	"settings", "form", "algorithm", "type", "key", "signature", "claims", "issuer", "audience", "not-before", "expiry",
}

// An explanation is the trace of a verification that has ended, and what is wrong with
// the rest of the token.
type explanation struct {
	trace
	err      error // the verdict
	failed   step  // where it fell
	failures [steps]error
	last     step // that was looked at
	size     int  // of the token, in bytes
}

func newExplanation(token string, found *trace, failed step, err error) *explanation {
	e := &explanation{trace: *found, err: err, failed: failed, last: min(failed, stepExpiry), size: len(token)}
	if err != nil {
		e.failures[failed] = err
	}
	return e
}

// lookOn makes the steps behind the one that failed, as far as they need nothing of it
// and no key. It changes no verdict, and nobody vouches for what it reads.
func (e *explanation) lookOn(types []string, readClaims func(*trace) error) {
	if e.err == nil || e.failed <= stepForm || e.failed == stepClaims {
		return // there is nothing behind it, or nothing that can be read
	}
	e.check(stepType, checkType(&e.header, types))
	e.check(stepKey, checkKeyID(&e.header))
	if err := base64url.Check(e.parts.signature); err != nil {
		e.check(stepSignature, malformed("signature ", err))
	}
	e.last = stepClaims
	if e.token == nil {
		if err := readClaims(&e.trace); err != nil {
			e.token = nil
			e.check(stepClaims, err)
			return
		}
	}
	e.last = stepExpiry
}

// check adds what is wrong at a step behind the one that failed.
func (e *explanation) check(s step, err error) {
	if s > e.failed {
		e.failures[s] = err
	}
}

func (e *explanation) signed() bool { return e.key.pub != nil }

func (e *explanation) report(verifiers ...*Verifier) *Report {
	report := &Report{Err: e.err, Checks: e.checks(verifiers)}
	if e.err == nil {
		report.Token = e.token
	}
	return report
}

// checks makes the list out of what was recorded by a verifier, or by Issuers that
// could choose none of theirs.
func (e *explanation) checks(verifiers []*Verifier) []Check {
	var list []Check
	for s := range steps {
		c := Check{Name: stepNames[s], Status: Pass, Trusted: e.signed() || s <= stepSignature}
		switch err := e.failures[s]; {
		case err != nil:
			c.Status = Fail
			e.diagnose(verifiers, &c, err)
		case s > e.last, s == stepKey && e.set == nil, s == stepSignature && !e.signed():
			c.Status = Skip
		default:
			c.Expected, c.Found = e.passed(verifiers, s)
		}
		list = append(list, c)
		list = e.appendNotes(list, verifiers, s, c.Trusted)
	}
	return list
}

// passed tells what a step wanted, and what it found good.
func (e *explanation) passed(verifiers []*Verifier, s step) (expected, found string) {
	v := verifiers[0]
	switch s {
	case stepSettings:
		if len(verifiers) > 1 {
			return "", "issuers " + quote.List(issuersOf(verifiers))
		}
		return "", fmt.Sprintf("issuer %s, audience %s", quote.Text(v.issuer, 100), quote.List(v.audiences))
	case stepForm:
		return "three parts", fmt.Sprintf("three parts, %d bytes", e.size)
	case stepAlgorithm:
		return `"RS256"`, `"RS256"`
	case stepType:
		return wantedType(verifiers), foundType(&e.header)
	case stepKey:
		return "a key of the issuer", fmt.Sprintf("%s, %s", foundKeyID(&e.header), quote.Count(e.set.Len(), "usable key"))
	case stepSignature:
		return "made by that key", fmt.Sprintf("made by it, %d bytes", len(e.parts.signature)*3/4)
	case stepClaims:
		return "one JSON object", fmt.Sprintf("one JSON object, %d bytes", len(e.token.claims))
	case stepIssuer:
		return quote.Text(v.issuer, 100), quote.Text(e.token.Issuer, 100)
	case stepAudience:
		return quote.List(v.audiences), foundAudience(e.audience)
	case stepNotBefore:
		if e.token.NotBefore.IsZero() {
			return "", "no nbf"
		}
		return e.notAfterNow(), clock(e.token.NotBefore)
	default:
		return e.laterThanNow(v), e.fromNow(e.token.Expiry)
	}
}

// appendNotes adds what is worth knowing about a step.
func (e *explanation) appendNotes(list []Check, verifiers []*Verifier, s step, trusted bool) []Check {
	note := func(code, expected, found string) {
		list = append(list, Check{stepNames[s], Note, code, expected, found, next(code, ""), trusted})
	}
	switch {
	case s > e.last:
	case s == stepKey && e.set != nil && len(e.set.skipped) > 0:
		note("keys-skipped", "", skippedList(e.set.skipped))
	case s == stepClaims && e.token != nil && hasMember(e.token.claims, "cnf"):
		// RFC 7800, section 3.1: the token is for who can prove possession of a key.
		note("sender-constrained", "a plain bearer token", "a cnf claim")
	case s == stepNotBefore && e.token != nil && e.token.IssuedAt.After(e.now.Add(verifiers[0].leeway)):
		note("issued-ahead", e.notAfterNow(), "iat "+e.fromNow(e.token.IssuedAt))
	}
	return list
}

func wantedType(verifiers []*Verifier) string {
	var wanted []string
	for _, typ := range typesOf(verifiers) {
		one := `"JWT", "at+jwt" or none`
		if typ != "" {
			one = quote.Text(typ, 100)
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

func (e *explanation) notAfterNow() string { return "not after " + clock(e.now) + ", which is now" }

func (e *explanation) laterThanNow(v *Verifier) string {
	text := "later than " + clock(e.now) + ", which is now"
	if v.leeway > 0 {
		text += ", less the leeway of " + v.leeway.String()
	}
	return text
}

// fromNow is a time with its distance from now, as people say it.
func (e *explanation) fromNow(t time.Time) string {
	distance := t.Sub(e.now)
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
