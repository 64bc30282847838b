package issuertest_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/jwtverify"
	"example.com/jwtverify/issuertest"
)

var update = flag.Bool("update", false, "write testdata/badtokens.txt anew")

// leaves are the reasons to refuse a token, each no part of another.
var leaves = map[string]error{
	"ErrMalformed":   jwtverify.ErrMalformed,
	"ErrUnsupported": jwtverify.ErrUnsupported,
	"ErrUnknownKey":  jwtverify.ErrUnknownKey,
	"ErrSignature":   jwtverify.ErrSignature,
	"ErrIssuer":      jwtverify.ErrIssuer,
	"ErrAudience":    jwtverify.ErrAudience,
	"ErrNotYetValid": jwtverify.ErrNotYetValid,
	"ErrExpired":     jwtverify.ErrExpired,
}

// reasons are the names of all reasons that an error matches; more than one is a
// mistake.
func reasons(err error) string {
	if err == nil {
		return "accepted"
	}
	var found []string
	for name, leaf := range leaves {
		if errors.Is(err, leaf) {
			found = append(found, name)
		}
	}
	if errors.Is(err, jwtverify.ErrKeysUnavailable) {
		found = append(found, "ErrKeysUnavailable")
	}
	slices.Sort(found)
	return strings.Join(found, " and ")
}

var shapes = map[string]issuertest.Option{
	"AuthAction": issuertest.AuthAction(),
	"Auth0":      issuertest.Auth0(),
	"Entra":      issuertest.Entra(),
	"Cognito":    issuertest.Cognito(),
	"Keycloak":   issuertest.Keycloak(),
	"Okta":       issuertest.Okta(),
	"Google":     issuertest.Google(),
	"RFC9068":    issuertest.RFC9068(),
}

// shaped is an issuer of a shape, for tests that don't change it: keys take their time.
func shaped(name string) *issuertest.Issuer {
	shapedMu.Lock()
	defer shapedMu.Unlock()
	if shapedIssuers[name] == nil {
		shapedIssuers[name] = issuertest.New(new(testing.T), shapes[name])
	}
	return shapedIssuers[name]
}

var (
	shapedMu      sync.Mutex // guards shapedIssuers
	shapedIssuers = map[string]*issuertest.Issuer{}
)

func TestEveryBadTokenIsRefusedForItsReason(t *testing.T) {
	t.Parallel()
	for name := range shapes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			checkTokens(t, shaped(name))
		})
	}
}

// checkTokens verifies all bad tokens of an issuer, and good ones before and after.
func checkTokens(t *testing.T, iss *issuertest.Issuer) {
	t.Helper()
	verifier := iss.Verifier()
	good := func() {
		t.Helper()
		if _, err := verifier.Verify(t.Context(), iss.Token()); err != nil {
			t.Fatalf("a good token: %v", err)
		}
		if report := verifier.Explain(t.Context(), iss.Token()); report.Err != nil {
			t.Fatalf("a good token, explained: %v", report.Err)
		}
	}
	good()
	for _, bad := range iss.BadTokens() {
		_, err := verifier.Verify(t.Context(), bad.Token)
		if got, want := reasons(err), reasons(bad.Err); got != want {
			t.Errorf("%s: got %s (%v), want %s", bad.Name, got, err, want)
		}
		report := verifier.Explain(t.Context(), bad.Token)
		if got, want := reasons(report.Err), reasons(bad.Err); got != want || report.Token != nil {
			t.Errorf("%s: Explain has %s (%v) and token %v, want %s and none", bad.Name, got, report.Err, report.Token, want)
		}
	}
	good()
}

// The list is made by what the issuer is at the moment.
func TestBadTokensHoldWhateverTheIssuerIsLike(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		opts []issuertest.Option
		then func(*issuertest.Issuer)
	}{
		{"an audience in capitals, with a final slash", []issuertest.Option{issuertest.WithAudience("ORDERS/")}, nil},
		{"an audience without letters", []issuertest.Option{issuertest.WithAudience("1234")}, nil},
		{"Cognito with a resource asked for", []issuertest.Option{issuertest.Cognito(), issuertest.WithClaims(issuertest.Claims{"aud": "https://api.test"})}, nil},
		{"an issuer by http, with a port and a path, for a client", []issuertest.Option{issuertest.WithURL("http://127.0.0.1:8180/tenant"), issuertest.WithAudience("m2m")}, nil},
		{"after rotations and revocations, in the far future", []issuertest.Option{issuertest.WithClaims(issuertest.Claims{"aud": []string{"https://api.test", "b"}})}, func(iss *issuertest.Issuer) {
			first := iss.Rotate()
			iss.Rotate()
			iss.Revoke(first)
			iss.Advance(50 * 365 * 24 * time.Hour)
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			iss := issuertest.New(t, test.opts...)
			if test.then != nil {
				test.then(iss)
			}
			checkTokens(t, iss)
		})
	}
}

// Users' tests name bad tokens, and users' APIs have to pass all of them: a name never
// vanishes, and a new one is a minor version with a note in CHANGELOG.md.
func TestBadTokensKeepTheirNames(t *testing.T) {
	const golden = "testdata/badtokens.txt"
	var list strings.Builder
	seen := map[string]bool{}
	for _, bad := range issuertest.New(t).BadTokens() {
		if seen[bad.Name] {
			t.Errorf("%s is there twice", bad.Name)
		}
		seen[bad.Name] = true
		fmt.Fprintln(&list, reasons(bad.Err), bad.Name)
	}
	if *update {
		if err := os.WriteFile(golden, []byte(list.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	before, after := strings.Split(string(want), "\n"), strings.Split(list.String(), "\n")
	for _, line := range before {
		if !slices.Contains(after, line) {
			t.Errorf("%q has vanished: users' tests may name it", line)
		}
	}
	for _, line := range after {
		if !slices.Contains(before, line) {
			t.Errorf("%q is new: it may fail users' APIs, so note it in CHANGELOG.md, and run with -update", line)
		}
	}
}
