package jwtverify_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"example.com/jwtverify"
)

var errNotOurs = errors.New("not ours")

// misleading is an error that says it is another.
type misleading struct{ is error }

func (e misleading) Error() string        { return "misleading" }
func (e misleading) Is(target error) bool { return target == e.is }

// mute cannot be asked for its text.
type mute struct{}

func (*mute) Error() string { panic("no text") }

// What the caller's check returns refuses the token as ErrClaims and as nothing else; a
// remembered token too.
func TestTheCheckOfTheCaller(t *testing.T) {
	raw := sign(t, 0, goodHeader(), goodClaims())
	const refused = "jwtverify: token is invalid: Config.Check refused it: "
	for name, test := range map[string]struct {
		check func(*jwtverify.Token) error
		want  string // "": accepted
		is    error  // found by errors.Is
	}{
		"nothing":                       {func(*jwtverify.Token) error { return nil }, "", nil},
		"an error":                      {func(*jwtverify.Token) error { return errNotOurs }, refused + `"not ours"`, errNotOurs},
		"one that wraps another":        {func(*jwtverify.Token) error { return fmt.Errorf("sub: %w", errNotOurs) }, refused + `"sub: not ours"`, errNotOurs},
		"one with control characters":   {func(*jwtverify.Token) error { return errors.New("a\nb") }, refused + `"a\nb"`, nil},
		"a long one":                    {func(*jwtverify.Token) error { return errors.New(strings.Repeat("x", 300)) }, refused + `"` + strings.Repeat("x", 100) + `"…`, nil},
		"one of this package":           {func(*jwtverify.Token) error { return jwtverify.ErrExpired }, refused + `"jwtverify: token is invalid: expired"`, nil},
		"an outage":                     {func(*jwtverify.Token) error { return &jwtverify.KeysUnavailableError{Err: errNotOurs} }, refused + `"jwtverify: keys are unavailable (), try again in 0s: not ours"`, nil},
		"one that says it is an outage": {func(*jwtverify.Token) error { return misleading{jwtverify.ErrKeysUnavailable} }, refused + `"misleading"`, nil},
		"a nil pointer as error":        {func(*jwtverify.Token) error { return (*mute)(nil) }, `jwtverify: token is invalid: Config.Check panicked: "no text"`, nil},
		"a panic":                       {func(*jwtverify.Token) error { panic("boom\n") }, `jwtverify: token is invalid: Config.Check panicked: "boom\n"`, nil},
		"a panic with an error":         {func(*jwtverify.Token) error { panic(jwtverify.ErrKeysUnavailable) }, `jwtverify: token is invalid: Config.Check panicked: "jwtverify: keys are unavailable"`, nil},
		"a nil dereference":             {func(*jwtverify.Token) error { var t *jwtverify.Token; return errors.New(t.Subject) }, `jwtverify: token is invalid: Config.Check panicked: "runtime error: invalid memory address or nil pointer dereference"`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			refuse := false
			config := jwtverify.Config{VerifiedCache: 8, Check: func(token *jwtverify.Token) error {
				if !refuse {
					return nil
				}
				return test.check(token)
			}}
			remembers := remembering(t, config, raw) // accepted once
			refuse = true
			for door, verify := range map[string]func() (*jwtverify.Token, error){
				"new":        func() (*jwtverify.Token, error) { return newVerifier(t, config).Verify(t.Context(), raw) },
				"remembered": func() (*jwtverify.Token, error) { return remembers.Verify(t.Context(), raw) },
				"by Issuers": func() (*jwtverify.Token, error) { return newIssuers(t, remembers).Verify(t.Context(), raw) },
				"explained": func() (*jwtverify.Token, error) {
					report := remembers.Explain(t.Context(), raw)
					return report.Token, report.Err
				},
			} {
				token, err := verify()
				if test.want == "" {
					checkVerdict(t, token, err, nil)
					continue
				}
				checkVerdict(t, token, err, jwtverify.ErrClaims)
				if err != nil && err.Error() != test.want {
					t.Errorf("%s:\ngot  %v\nwant %s", door, err, test.want)
				}
				if test.is != nil && !errors.Is(err, test.is) {
					t.Errorf("%s: %v is not the caller's own error", door, err)
				}
				var unavailable *jwtverify.KeysUnavailableError
				if errors.As(err, &unavailable) {
					t.Errorf("%s: %v has an outage in it", door, err)
				}
			}
		})
	}
}

// It is called last: for no token that is refused for another reason.
func TestTheCheckComesLast(t *testing.T) {
	now := time.Unix(testNow, 0)
	calls := 0
	config := jwtverify.Config{VerifiedCache: 8, Now: func() time.Time { return now }, Check: func(*jwtverify.Token) error { calls++; return nil }}
	verifier := newVerifier(t, config)
	good := sign(t, 0, goodHeader(), goodClaims())
	for name, raw := range map[string]string{
		"a forged one":     sign(t, 1, goodHeader(), goodClaims()),
		"an expired one":   sign(t, 0, goodHeader(), changed(goodClaims(), map[string]any{"exp": testNow - 1})),
		"for another API":  sign(t, 0, goodHeader(), changed(goodClaims(), map[string]any{"aud": "https://other"})),
		"no token":         "no token",
		"another alg":      sign(t, 0, map[string]any{"alg": "none"}, goodClaims()),
		"of another party": sign(t, 0, goodHeader(), changed(goodClaims(), map[string]any{"iss": "https://other"})),
	} {
		if _, err := verifier.Verify(t.Context(), raw); err == nil || errors.Is(err, jwtverify.ErrClaims) || calls > 0 {
			t.Errorf("%s: got %v after %d calls", name, err, calls)
		}
		if verifier.Explain(t.Context(), raw); calls > 0 {
			t.Errorf("%s: Explain has called it", name)
		}
	}
	for i := range 3 {
		token, err := verifier.Verify(t.Context(), good)
		checkVerdict(t, token, err, nil)
		if calls != i+1 {
			t.Errorf("called %d times for %d tokens", calls, i+1)
		}
	}
	now = time.Unix(testNow+9999, 0)
	if token, err := verifier.Verify(t.Context(), good); calls != 3 {
		t.Errorf("called for a remembered token that has expired: %v, %v", token, err)
	}
}

// The check sees all of the token, and what it does to its copy nobody else sees: not the
// caller, not the next call.
func TestTheCheckHasItsOwnCopy(t *testing.T) {
	var kept []*jwtverify.Token
	spoil := func(token *jwtverify.Token) error {
		if token.Subject != goodClaims()["sub"] || token.Issuer != testIssuer || token.KeyID != "key-0" || token.Type != "JWT" || token.Audience[0] != testAudience || token.Claims(&map[string]any{}) != nil {
			return fmt.Errorf("got %+v", token)
		}
		kept = append(kept, token)
		token.Audience[0] = "spoiled"
		*token = jwtverify.Token{Subject: "spoiled"}
		return nil
	}
	verifier := newVerifier(t, jwtverify.Config{VerifiedCache: 8, Check: spoil})
	raw := sign(t, 0, goodHeader(), goodClaims())
	for range 3 {
		token, err := verifier.Verify(t.Context(), raw)
		checkVerdict(t, token, err, nil)
		if err == nil && (token.Subject != goodClaims()["sub"] || token.Audience[0] != testAudience || token.Claims(&map[string]any{}) != nil) {
			t.Errorf("got %+v, want what the issuer signed", token)
		}
	}
	if len(kept) != 3 {
		t.Errorf("called %d times", len(kept))
	}
	if report := verifier.Explain(t.Context(), raw); report.Token == nil || report.Token.Subject == "spoiled" {
		t.Errorf("Explain has %+v", report.Token)
	}
}

// Explain shows it as a step of its own where there is a check, and only there.
func TestExplainShowsTheCheck(t *testing.T) {
	good := sign(t, 0, goodHeader(), goodClaims())
	expired := sign(t, 0, goodHeader(), changed(goodClaims(), map[string]any{"exp": testNow - 1}))
	refuse := func(*jwtverify.Token) error { return errNotOurs }
	for name, test := range map[string]struct {
		check func(*jwtverify.Token) error
		raw   string
		want  string // the last check
	}{
		"none":                 {nil, good, "expiry pass"},
		"one that accepts":     {func(*jwtverify.Token) error { return nil }, good, `check pass  | a token that Config.Check accepts | accepted by it | `},
		"one that refuses":     {refuse, good, `check fail claims-refused | a token that Config.Check accepts | "not ours" | send a token of the kind that this check asks for; or change Config.Check, if this one is to be accepted`},
		"one that panics":      {func(*jwtverify.Token) error { panic("boom") }, good, `check fail check-panicked | a token that Config.Check accepts | "boom" | correct Config.Check: no token must make it panic, whatever claims it lacks`},
		"one that is not made": {refuse, expired, "check skip  |  |  | "},
		"no token":             {refuse, "", "check skip  |  |  | "},
	} {
		t.Run(name, func(t *testing.T) {
			config := jwtverify.Config{Check: test.check}
			report := newVerifier(t, config).Explain(t.Context(), test.raw)
			token, err := newVerifier(t, config).Verify(t.Context(), test.raw)
			checkReport(t, report, token, err, test.raw)
			c := report.Checks[len(report.Checks)-1]
			if got := fmt.Sprintf("%s %s %s | %s | %s | %s", c.Name, c.Status, c.Code, c.Expected, c.Found, c.Next); !strings.HasPrefix(got, test.want) {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
			byIssuers := newIssuers(t, newVerifier(t, config)).Explain(t.Context(), test.raw)
			checkReport(t, byIssuers, token, err, test.raw)
		})
	}
}
