package jwtverify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"example.com/jwtverify/internal/base64url"
	"example.com/jwtverify/internal/diagnosis"
	"example.com/jwtverify/internal/memo"
	"example.com/jwtverify/internal/quote"
	"example.com/jwtverify/internal/strictjson"
)

// Issuers verifies the tokens of several issuers. Each token is verified by the
// [Verifier] of its issuer, with the keys, audiences, type and leeway of that issuer
// alone. Issuers is made by [NewIssuers], never changes, is safe for concurrent use,
// and needs no Close.
//
// The verifier is chosen by the token's iss, which is not verified at that time. No
// other claim is read, the usual limits apply, and iss decides only which Verifier is
// asked. That Verifier verifies the whole token from its first byte, including iss. So
// a token that lies about its issuer is checked against keys that did not sign it.
type Issuers struct {
	verifiers []*Verifier // as given to NewIssuers
	byIssuer  map[string]*Verifier
	names     []string // of all issuers
	types     []string // that at least one of them accepts, each once

	// rememberers are the verifiers that remembered a token last, by the token's hash.
	// With them a token is looked up once, not in each of a thousand verifiers. nil: none
	// remembers any.
	rememberers []atomic.Pointer[Verifier]
}

// NewIssuers combines the verifiers. It returns an error for no verifier, for one
// that was not made by [New], and for two of the same issuer. For one issuer with
// two audiences make one Verifier with both in [Config.Audiences].
func NewIssuers(verifiers ...*Verifier) (*Issuers, error) {
	if len(verifiers) == 0 {
		return nil, errors.New("jwtverify: NewIssuers was given no Verifier: pass one for each issuer")
	}
	s := &Issuers{byIssuer: make(map[string]*Verifier, len(verifiers))}
	remembered := 0
	for i, v := range verifiers {
		if v.isZero() {
			return nil, fmt.Errorf("jwtverify: the Verifier number %d given to NewIssuers was not made by New", i+1)
		}
		if s.byIssuer[v.issuer] != nil {
			return nil, fmt.Errorf("jwtverify: NewIssuers was given two verifiers of the issuer %s: make one, with the audiences of both", quote.Text(v.issuer, 100))
		}
		s.verifiers = append(s.verifiers, v)
		s.byIssuer[v.issuer] = v
		remembered += v.remembers
	}
	s.names, s.types = issuersOf(verifiers), typesOf(verifiers)
	s.rememberers = make([]atomic.Pointer[Verifier], min(remembered, maxVerifiedCache))
	return s, nil
}

var errZeroIssuers error = &KeysUnavailableError{RetryAfter: minRetryAfter, Reason: "failing", Err: errors.New("the Issuers were not made by NewIssuers")}

// Verify returns what the [Verifier] of the token's issuer returns: see
// [Verifier.Verify].
//
// A token that names none of the issuers is refused without asking for any keys. Its
// error is that of the first check that fails: form, algorithm, type (that none of the
// verifiers accepts) and form of the kid, as in a Verifier; then [ErrMalformed] for
// claims that are not strict JSON or an iss that is not a string; then [ErrIssuer]. The
// signature of such a token is not verified, and its other claims are not read.
func (s *Issuers) Verify(ctx context.Context, token string) (*Token, error) {
	// Only the verifier of its issuer can remember a token. Looking it up takes a
	// tenth of the time that reading its claims takes.
	var last *atomic.Pointer[Verifier]
	if s != nil && len(s.rememberers) > 0 && len(token) <= maxTokenBytes {
		hash := memo.Hash(token)
		last = &s.rememberers[hash%uint64(len(s.rememberers))]
		if v := last.Load(); v != nil {
			if t, err, done := v.remembered(ctx, token, hash); done {
				return t, err
			}
		}
	}
	var found trace
	v, _, err := s.choose(token, &found)
	if err != nil {
		return nil, err
	}
	t, err := v.Verify(ctx, token)
	if err == nil && v.remembers > 0 && last.Load() != v {
		last.Store(v)
	}
	return t, err
}

// Explain verifies a token as [Issuers.Verify] does, and says what each step found.
// It returns the Report of the chosen Verifier ([Verifier.Explain]). If no Verifier
// could be chosen, the Report says why.
func (s *Issuers) Explain(ctx context.Context, token string) *Report {
	var found trace
	v, failed, err := s.choose(token, &found)
	if err == nil {
		return v.Explain(ctx, token)
	}
	e := newExplanation(token, &found, failed, err)
	e.lookOn(typesOf(s.all()), func(found *trace) error { // of the claims, only iss
		claims, issuer, err := readIssuer(found.parts.claims)
		found.token = &Token{Issuer: issuer, claims: claims}
		return err
	})
	if e.last > diagnosis.Claims {
		e.last = diagnosis.Issuer
		e.check(diagnosis.Issuer, s.unknownIssuer(e.token.Issuer))
	}
	return e.report(s.all()...)
}

// Ready returns nil if the tokens of all issuers can be verified. Missing keys are
// loaded, for all issuers at the same time. Its error matches [ErrKeysUnavailable] and
// names the first issuer, in the order of NewIssuers, whose keys are unavailable. ctx
// bounds the wait.
//
// A service that should serve the other issuers while one is down calls
// [Verifier.Ready] of each Verifier instead: Verify needs only the keys of the
// token's own issuer.
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

// choose returns the verifier of the issuer that the token names. That decides only who
// verifies the token. If there is no such verifier, it returns the first step that
// fails, in the order of verify, as far as that is possible without a key.
func (s *Issuers) choose(token string, found *trace) (v *Verifier, failed step, err error) {
	if s.isZero() {
		return nil, diagnosis.Settings, errZeroIssuers
	}
	if found.parts, err = split(token); err != nil {
		return nil, diagnosis.Form, err
	}
	claims, issuer, claimsErr := readIssuer(found.parts.claims)
	if claimsErr == nil && s.byIssuer[issuer] != nil {
		return s.byIssuer[issuer], diagnosis.Steps, nil
	}
	if failed, err := found.headerSteps(s.types); err != nil {
		return nil, failed, err
	}
	if err := base64url.Check(found.parts.signature); err != nil {
		return nil, diagnosis.Signature, malformed("signature", err)
	}
	if claimsErr != nil {
		return nil, diagnosis.Claims, claimsErr
	}
	found.token = &Token{Issuer: issuer, claims: claims}
	return nil, diagnosis.Issuer, s.unknownIssuer(issuer)
}

// readIssuer reads only iss, but the whole text must be strict JSON: a text that two
// readers could read in two ways names no issuer.
func readIssuer(segment string) (claims, issuer string, err error) {
	if claims, err = base64url.String(segment); err != nil {
		return "", "", malformed("claims", err)
	}
	var r strictjson.Reader
	r.Begin(claims, strictjson.Usual)
	for name := range r.Object {
		if name != "iss" {
			r.Skip()
		} else if issuer, err = r.String(name); err != nil {
			return "", "", malformed("claims:", err)
		}
	}
	if err := r.End(); err != nil {
		return "", "", malformed("claims: the text", err)
	}
	return claims, issuer, nil
}

func (s *Issuers) unknownIssuer(issuer string) error {
	const subject = "issuer (not verified) is"
	want := "one of " + quote.List(s.names)
	if issuer == "" {
		return &invalidError{kind: ErrIssuer, code: "issuer-missing", subject: subject, found: "missing or empty", want: want}
	}
	return &invalidError{kind: ErrIssuer, code: "issuer-mismatch", subject: subject, found: quote.Text(issuer, 100), want: want}
}

func issuersOf(verifiers []*Verifier) (issuers []string) {
	for _, v := range verifiers {
		issuers = append(issuers, v.issuer)
	}
	return issuers
}

func typesOf(verifiers []*Verifier) (types []string) {
	for _, v := range verifiers {
		if !slices.Contains(types, v.types[0]) {
			types = append(types, v.types[0])
		}
	}
	return types
}
