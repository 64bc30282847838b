package jwtverify

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"example.com/jwtverify/internal/base64url"
	"example.com/jwtverify/internal/quote"
	"example.com/jwtverify/internal/strictjson"
)

// Issuers verifies the tokens of several issuers, each by the [Verifier] of its
// issuer: with its keys, audiences, type and leeway, and those of no other. It is made
// by [NewIssuers], cannot be changed, is safe for concurrent use, and needs no Close.
//
// The verifier is chosen by the token's iss, which nobody vouches for at that time. It
// is all that is read of the claims, under the limits that hold for every token, and
// decides nothing but who is asked: the chosen Verifier verifies the whole token from
// its first byte, iss among it. So a token that lies about its issuer meets keys that
// did not sign it.
type Issuers struct {
	verifiers []*Verifier // as given to NewIssuers
	byIssuer  map[string]*Verifier
}

// NewIssuers returns the verifiers as one. It is an error to give none, one that was
// not made by [New], or two of the same issuer: one Verifier with both audiences in
// [Config.Audiences] does that.
func NewIssuers(verifiers ...*Verifier) (*Issuers, error) {
	if len(verifiers) == 0 {
		return nil, errors.New("jwtverify: NewIssuers was given no Verifier: give it one of each issuer")
	}
	s := &Issuers{byIssuer: make(map[string]*Verifier, len(verifiers))}
	for i, v := range verifiers {
		if v.isZero() {
			return nil, fmt.Errorf("jwtverify: the Verifier number %d given to NewIssuers was not made by New", i+1)
		}
		if s.byIssuer[v.issuer] != nil {
			return nil, fmt.Errorf("jwtverify: NewIssuers was given two verifiers of the issuer %s: make one, with the audiences of both", quote.Text(v.issuer, 100))
		}
		s.verifiers = append(s.verifiers, v)
		s.byIssuer[v.issuer] = v
	}
	return s, nil
}

var errZeroIssuers error = &KeysUnavailableError{RetryAfter: minRetryAfter, Reason: "failing", Err: errors.New("the Issuers were not made by NewIssuers")}

// Verify returns what the [Verifier] of the token's issuer returns: see
// [Verifier.Verify].
//
// A token that names none of the issuers is refused without asking for any keys. Its
// error is the first of these that fails: those that a Verifier has for form, algorithm,
// type (one that none of the verifiers takes) and form of the kid; [ErrMalformed] for
// claims that are not strict JSON, or an iss that is not a string; [ErrIssuer]. The
// signature of such a token is not verified, nor are its other claims read.
func (s *Issuers) Verify(ctx context.Context, token string) (*Token, error) {
	// Only the verifier of its issuer can remember a token, and looking it up takes
	// a tenth of the time that reading its claims does.
	for _, v := range s.all() {
		if t, err, done := v.remembered(ctx, token); done {
			return t, err
		}
	}
	c := s.choose(token)
	if c.verifier != nil {
		return c.verifier.Verify(ctx, token)
	}
	return nil, s.refuse(token, &c, nil)
}

// Explain verifies a token as [Issuers.Verify] does, and tells what each step found:
// what [Verifier.Explain] of the chosen Verifier tells or, if there is none, why.
func (s *Issuers) Explain(ctx context.Context, token string) *Report {
	c := s.choose(token)
	if c.verifier != nil {
		return c.verifier.Explain(ctx, token)
	}
	r := newRecorder(token)
	err := s.refuse(token, &c, r)
	return &Report{Err: err, Checks: r.checks(s.all()...)}
}

// Ready returns nil if the tokens of all issuers can be verified, and loads keys where
// there are none, those of all issuers at the same time. Its error matches
// [ErrKeysUnavailable], and names the first issuer, in the order of NewIssuers, whose
// keys could not be had. ctx bounds the waiting.
//
// A service that would rather serve the other issuers while one is down asks
// [Verifier.Ready] of each Verifier instead: Verify needs the keys of the token's
// issuer and no others.
func (s *Issuers) Ready(ctx context.Context) error {
	if s.isZero() {
		return errZeroIssuers
	}
	failures := make([]error, len(s.verifiers))
	var group sync.WaitGroup
	for i, v := range s.verifiers {
		group.Go(func() { failures[i] = v.Ready(ctx) })
	}
	group.Wait()
	for i, err := range failures {
		if err != nil {
			named := *err.(*KeysUnavailableError)
			named.Err = fmt.Errorf("issuer %s: %w", quote.Text(s.verifiers[i].issuer, 100), named.Err)
			return &named
		}
	}
	return nil
}

func (s *Issuers) isZero() bool { return s == nil || len(s.verifiers) == 0 }

func (s *Issuers) all() []*Verifier {
	if s == nil {
		return nil
	}
	return s.verifiers
}

// A choice is what the unverified claims of a token say of its issuer.
type choice struct {
	verifier       *Verifier // nil: none of ours, or err
	issuer, claims string
	err            error // why iss cannot be read
}

// choose decides nothing about the token but which verifier is to judge it. What is
// wrong with one that has none, refuse tells.
func (s *Issuers) choose(token string) (c choice) {
	if s.isZero() {
		return c
	}
	parts, err := split(token)
	if err != nil {
		return c
	}
	if c.claims, err = base64url.String(parts.claims); err != nil {
		c.err = malformed("claims ", err)
		return c
	}
	if c.issuer, c.err = readIssuer(c.claims); c.err == nil {
		c.verifier = s.byIssuer[c.issuer]
	}
	return c
}

// readIssuer reads iss and nothing else, though all of the text must be strict JSON:
// one that two readers could read in two ways names nobody.
func readIssuer(claims string) (issuer string, err error) {
	var r strictjson.Reader
	r.Begin(claims, generalLimits)
	for name := range r.Object {
		if name != "iss" {
			r.Skip()
		} else if issuer, err = r.String(name); err != nil {
			return "", malformed("claims: ", err)
		}
	}
	if err := r.End(); err != nil {
		return "", malformed("claims: the text ", err)
	}
	return issuer, nil
}

// refuse returns the error for a token that no verifier was chosen for. Its steps are
// those of verify, in the same order, as far as they go without a key.
func (s *Issuers) refuse(token string, c *choice, r *recorder) error {
	if s.isZero() {
		return r.end(stepSettings, errZeroIssuers)
	}
	parts, err := split(token)
	if err != nil {
		return r.end(stepForm, err)
	}
	h, err := readHeader(parts.header)
	if err != nil {
		return r.end(stepForm, err)
	}
	r.saw(&parts, &h)
	if err := checkAlgorithm(&h); r.failed(stepAlgorithm, err) {
		return err
	}
	if err := s.checkType(&h); r.failed(stepType, err) {
		return err
	}
	if err := checkKeyID(&h); r.failed(stepKey, err) {
		return err
	}
	if _, err = base64url.String(parts.signature); err != nil {
		err = malformed("signature ", err)
	}
	if r.failed(stepSignature, err) {
		return err
	}
	if c.err != nil {
		return r.end(stepClaims, c.err)
	}
	r.sawClaims(&Token{Issuer: c.issuer, claims: c.claims}, nil, time.Time{})
	return r.end(stepIssuer, s.unknownIssuer(c.issuer))
}

// checkType refuses a typ that none of the verifiers takes, with the first one's error.
func (s *Issuers) checkType(h *header) error {
	for _, v := range s.verifiers {
		if v.checkType(h) == nil {
			return nil
		}
	}
	return s.verifiers[0].checkType(h)
}

func (s *Issuers) unknownIssuer(issuer string) error {
	const subject = "issuer (not verified) is "
	want := "one of " + quote.List(issuersOf(s.verifiers))
	if issuer == "" {
		return invalid(ErrIssuer, "issuer-missing", subject, "missing or empty", want)
	}
	return invalid(ErrIssuer, "issuer-mismatch", subject, quote.Text(issuer, 100), want)
}

func issuersOf(verifiers []*Verifier) (issuers []string) {
	for _, v := range verifiers {
		issuers = append(issuers, v.issuer)
	}
	return issuers
}
