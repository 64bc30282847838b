package jwtverify

import (
	"context"
	"errors"
	"fmt"
	"time"

	"example.com/jwtverify/internal/base64url"
	"example.com/jwtverify/internal/strictjson"
)

// The reasons to refuse a token. Test for them with [errors.Is]; each matches
// ErrInvalid too.
var (
	// ErrInvalid is matched by every error that says the token must not be
	// trusted, whatever the reason: HTTP 401.
	ErrInvalid = errors.New("jwtverify: token is invalid")

	// ErrMalformed: the token, its header or its claims do not have the form that
	// the RFCs require, or exceed the documented limits.
	ErrMalformed = fmt.Errorf("%w: malformed", ErrInvalid)
	// ErrUnsupported: it is another kind of token: encrypted, signed with another
	// algorithm than RS256, with a critical extension, or of another typ.
	ErrUnsupported = fmt.Errorf("%w: unsupported", ErrInvalid)
	// ErrUnknownKey: the key set in use has no usable key with the token's kid.
	ErrUnknownKey = fmt.Errorf("%w: unknown key", ErrInvalid)
	// ErrSignature: the key did not make the signature over this header and claims.
	ErrSignature = fmt.Errorf("%w: bad signature", ErrInvalid)
	// ErrIssuer: iss is not Config.Issuer.
	ErrIssuer = fmt.Errorf("%w: wrong issuer", ErrInvalid)
	// ErrAudience: aud holds none of Config.Audiences.
	ErrAudience = fmt.Errorf("%w: wrong audience", ErrInvalid)
	// ErrNotYetValid: nbf lies ahead by more than the leeway.
	ErrNotYetValid = fmt.Errorf("%w: not yet valid", ErrInvalid)
	// ErrExpired: exp is past by the leeway or more.
	ErrExpired = fmt.Errorf("%w: expired", ErrInvalid)
	// ErrClaims: Config.Check refused the token, which is good otherwise.
	ErrClaims = fmt.Errorf("%w: refused claims", ErrInvalid)
)

// An invalidError is one of the reasons to refuse, with what was found and what was
// expected.
type invalidError struct {
	kind error  // one of those above; with ErrClaims, the error of Config.Check too
	code string // the diagnosis code in a Report

	subject string // the subject and verb in front of found; may be empty
	found   string
	want    string // empty: found says it all

	age    time.Duration // of the key set in which there is no key, with hasAge
	hasAge bool
}

func (e *invalidError) Error() string {
	text := ErrInvalid.Error() + ": "
	if e.subject != "" {
		text += e.subject + " "
	}
	text += e.found
	if e.want != "" {
		text += ", want " + e.want
	}
	if e.hasAge {
		text += ", as of " + e.age.Round(time.Second).String() + " ago"
	}
	return text
}

func (e *invalidError) Unwrap() error { return e.kind }

// malformed makes the refusal from the error of the reader that read one part of the
// token.
func malformed(subject string, err error) error {
	switch err := err.(type) {
	case *base64url.Error:
		return &invalidError{kind: ErrMalformed, code: "token-base64", subject: subject, found: err.Found, want: err.Want}
	case *strictjson.Error:
		code := [...]string{strictjson.Syntax: "token-json", strictjson.Limit: "json-limits", strictjson.Type: "claim-type"}[err.Kind]
		return &invalidError{kind: ErrMalformed, code: code, subject: subject, found: err.Found, want: err.Want}
	}
	return err // refused already
}

// ErrKeysUnavailable is matched by the errors that say nothing about the token: the
// keys to verify it are unavailable. Such an error is a [*KeysUnavailableError] and
// never matches [ErrInvalid]. Tell the client to try again (HTTP 503).
var ErrKeysUnavailable = errors.New("jwtverify: keys are unavailable")

// The smallest RetryAfter.
const minRetryAfter = time.Second

// A KeysUnavailableError says why there is no key to verify a token with, and when
// to try again.
type KeysUnavailableError struct {
	// RetryAfter is how long to wait before trying again: whole seconds, rounded up,
	// from 1 second to 5 minutes.
	RetryAfter time.Duration
	// Reason is "failing" (the key source returns errors), "empty" (it returns
	// sets without a usable key), "busy" (too many callers are already waiting)
	// or "caller" (the caller's context ended while it waited).
	Reason string
	// Err is the error of the key source or of the context. errors.Is and
	// errors.As reach it. It never matches ErrInvalid.
	Err error

	held bool // the source was not asked this time, because of an earlier failure
}

func (e *KeysUnavailableError) Error() string {
	return fmt.Sprintf("%v (%s), try again in %v: %v", ErrKeysUnavailable, e.Reason, e.RetryAfter.Round(time.Second), e.Err)
}

// Is reports whether target is [ErrKeysUnavailable].
func (e *KeysUnavailableError) Is(target error) bool { return target == ErrKeysUnavailable }

// Unwrap returns e.Err.
func (e *KeysUnavailableError) Unwrap() error { return e.Err }

// callerGone is the error of a caller whose context ended first.
func callerGone(ctx context.Context) error {
	err := ctx.Err()
	if cause := context.Cause(ctx); cause != err {
		err = fmt.Errorf("%w: %w", err, notInvalid(cause))
	}
	return &KeysUnavailableError{RetryAfter: minRetryAfter, Reason: "caller", Err: err}
}

// notInvalid hides a match of ErrInvalid: an error of the source or the caller
// must not look like one about the token.
func notInvalid(err error) error {
	if errors.Is(err, ErrInvalid) {
		return errors.New(err.Error())
	}
	return err
}
