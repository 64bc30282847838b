package jwtverify

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"example.com/jwtverify/internal/base64url"
	"example.com/jwtverify/internal/diagnosis"
	"example.com/jwtverify/internal/strictjson"
)

// A Report says what [Verifier.Explain] or [Issuers.Explain] found. It is for people; a
// program should decide by Err alone.
type Report struct {
	// Token and Err are exactly what [Verifier.Verify] returns.
	Token *Token
	Err   error

	// Checks are in the order in which Verify runs them: settings, form, algorithm, type, key,
	// signature, claims, issuer, audience, not-before, expiry, and check if there is a
	// Config.Check. Each appears once, and notes with the same name may follow it. The first
	// failure is the reason for Err; the others are further findings.
	Checks []Check
}

// A Check is one step of a verification and what it found.
type Check struct {
	Name   string // of the step, such as "audience"
	Status Status

	// Code names the diagnosis of a failure or note, such as "audience-mismatch".
	// The meaning of a code never changes; docs/troubleshooting.md lists them
	// all.
	Code string
	// Expected, Found and Next say in words what was expected, what was found, and
	// what to do. Text from the token is quoted and cut at 100 bytes. None of them
	// holds a signature, a key or a whole token. Next is empty if there is nothing
	// to do.
	Expected, Found, Next string
	// Trusted is false if the check read claims whose signature was not verified:
	// anybody can have written them.
	Trusted bool
}

// A Status is the outcome of a [Check].
type Status string

const (
	Pass Status = "pass"
	Fail Status = "fail"
	Note Status = "note" // worth knowing, but the verdict does not depend on it
	Skip Status = "skip" // not run, since a step before it failed
)

// Explain verifies a token as [Verifier.Verify] does, and says what each step found.
// Its Token and Err are those of Verify, from the same code, and it asks for keys
// only when Verify would. After the first failure it goes on as far as it can: what
// it finds there is marked as not Trusted, and does not change the verdict.
//
// Use it when a person asks why a token was refused: in a command, a test or a
// support page. It is several times slower than Verify.
func (v *Verifier) Explain(ctx context.Context, token string) *Report {
	var found trace
	if v.isZero() {
		return newExplanation(token, &found, diagnosis.Settings, errZeroVerifier).report()
	}
	failed, err := v.verify(ctx, token, &found)
	e := newExplanation(token, &found, failed, err)
	e.lookOn(v.types, func(found *trace) error {
		claims, err := base64url.String(found.parts.claims)
		if err != nil {
			return malformed("claims", err)
		}
		return v.claimsStep(claims, found)
	})
	if e.last == diagnosis.Expiry {
		e.check(diagnosis.Issuer, checkIssuer(e.token, v.issuer))
		e.check(diagnosis.Audience, checkAudience(e.token, e.audience, v.audiences, v.audienceClaim))
		e.check(diagnosis.NotBefore, checkNotBefore(e.token, e.now, v.leeway))
		e.check(diagnosis.Expiry, checkExpiry(e.token, e.now, v.leeway))
	}
	return e.report(v)
}

// An explanation is the trace of a finished verification, and what else is wrong with
// the token.
type explanation struct {
	trace
	err      error // the verdict
	failed   step  // the step that decided
	failures [diagnosis.Steps]error
	last     step // that was checked
	raw      string
}

func newExplanation(token string, found *trace, failed step, err error) *explanation {
	e := &explanation{trace: *found, err: err, failed: failed, last: min(failed, diagnosis.OwnCheck), raw: token}
	if err != nil {
		e.failures[failed] = err
	}
	return e
}

// lookOn runs the steps after the one that failed, as far as they need neither its
// result nor a key. It does not change the verdict, and what it reads is not verified.
func (e *explanation) lookOn(types []string, readClaims func(*trace) error) {
	if e.err == nil || e.failed <= diagnosis.Form || e.failed == diagnosis.Claims {
		return // no step follows, or nothing that can be read
	}
	e.check(diagnosis.Type, checkType(&e.header, types))
	e.check(diagnosis.Key, checkKeyID(&e.header))
	if err := base64url.Check(e.parts.signature); err != nil {
		e.check(diagnosis.Signature, malformed("signature", err))
	}
	e.last = diagnosis.Claims
	if e.token == nil {
		if err := readClaims(&e.trace); err != nil {
			e.token = nil
			e.check(diagnosis.Claims, err)
			return
		}
	}
	e.last = diagnosis.Expiry
}

// check adds what is wrong at a step after the one that failed.
func (e *explanation) check(s step, err error) {
	if s > e.failed {
		e.failures[s] = err
	}
}

func (e *explanation) report(verifiers ...*Verifier) *Report {
	report := &Report{Err: e.err}
	if e.err == nil {
		report.Token = e.token
	}
	for _, c := range e.facts(verifiers).Checks() {
		report.Checks = append(report.Checks, Check{c.Name, Status(c.Status), c.Code, c.Expected, c.Found, c.Next, c.Trusted})
	}
	return report
}

// facts collects what was found. internal/diagnosis chooses the words, and the advice in Next.
func (e *explanation) facts(verifiers []*Verifier) *diagnosis.Case {
	k := &diagnosis.Case{
		Issuers:        issuersOf(verifiers),
		Types:          typesOf(verifiers),
		Last:           e.last,
		Signed:         e.key.pub != nil,
		Token:          e.raw,
		Size:           len(e.raw),
		SignatureBytes: len(e.parts.signature) * 3 / 4,
		Header:         e.parts.header,
		Type:           e.header.typ,
		HasType:        e.header.hasTyp,
		KeyID:          e.header.kid,
		HasKeyID:       e.header.hasKid,
		Certificate:    e.header.query().names.Certificate(),
		Audience:       e.audience,
		Now:            e.now,
		HeaderLimits:   fmt.Sprintf("a header of at most %d bytes, %d members (array elements count) and %d levels", maxHeaderBytes, maxHeaderMembers, maxHeaderDepth),
		ClaimsLimits:   fmt.Sprintf("claims of at most %d members and %d levels", strictjson.MaxMembers, strictjson.MaxDepth),
	}
	if len(verifiers) > 0 {
		v := verifiers[0]
		k.HasCheck = len(verifiers) == 1 && v.check != nil
		k.Audiences, k.AudienceClaim, k.Leeway, k.Timeout = v.audiences, v.audienceClaim, v.leeway, defaultTimeout
		if v.cache != nil {
			k.Timeout = cmp.Or(v.cache.Timeout, defaultTimeout)
		}
	}
	if e.set != nil {
		k.Usable, k.Skipped = e.set.Len(), e.set.skipped
		k.Unnamed, k.TokenIssuer = len(e.set.byID) == 0, e.set.origin.tokenIssuer
	}
	if t := e.token; t != nil {
		k.Claims, k.Issuer, k.ByClaim = t.claims, t.Issuer, t.Audience == nil && e.audience != nil
		k.Expiry, k.NotBefore, k.IssuedAt = t.Expiry, t.NotBefore, t.IssuedAt
	}
	for s, err := range e.failures {
		if err != nil {
			k.Failures[s] = failureOf(err)
		}
	}
	return k
}

// failureOf takes an error apart for internal/diagnosis.
func failureOf(err error) *diagnosis.Failure {
	switch err := err.(type) {
	case *invalidError:
		return &diagnosis.Failure{Code: err.code, Subject: err.subject, Found: err.found, Want: err.want}
	case *KeysUnavailableError:
		switch err {
		case errZeroVerifier:
			return &diagnosis.Failure{Code: "config-domain-missing", Want: "a Verifier made by New", Found: "a zero Verifier"}
		case errZeroIssuers:
			return &diagnosis.Failure{Code: "config-domain-missing", Want: "Issuers made by NewIssuers", Found: "zero Issuers"}
		}
		keys := &diagnosis.NoKeys{Held: err.held, Reason: err.Reason, RetryAfter: err.RetryAfter, Err: err.Err}
		if empty := (*emptyError)(nil); errors.As(err.Err, &empty) {
			keys.Empty = true
			for _, skipped := range empty.skipped {
				keys.Skipped = append(keys.Skipped, skipped.(*SkippedKeyError).Reason)
			}
		}
		return &diagnosis.Failure{Keys: keys}
	}
	return nil
}
