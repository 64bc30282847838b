package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"example.com/jwtverify/internal/issuer"
)

// jwtverify inspect token.txt | jq .claims: stdout is JSON and nothing else.
func TestInspectWritesJSON(t *testing.T) {
	f := newFixture(t)
	exp := time.Date(2026, 11, 23, 19, 30, 0, 500_000_000, time.UTC)
	for name, test := range map[string]struct {
		token  string
		code   verdict
		claims string // "": cannot be decoded
		times  string
		stderr string
	}{
		"a token":                     {f.mint(t, issuer.Claims{"exp": json.Number("1795462200.5"), "iat": nil, "sub": "<m2m>"}), accepted, "<m2m>", exp.Format(time.RFC3339Nano), "exp  1795462200.5 is 2026-11-23T19:30:00.5Z, "},
		"a time that is a text":       {f.mint(t, issuer.Claims{"exp": "1795462200", "iat": nil}), accepted, "m2m", "", "NOT VERIFIED"},
		"a time in milliseconds":      {f.mint(t, issuer.Claims{"exp": int64(1795462200000), "iat": nil}), accepted, "m2m", "", "NOT VERIFIED"},
		"claims that are no JSON":     {"eyJhbGciOiJSUzI1NiJ9.e30x.c2ln", rejected, "", "", "(token-json)"},
		"what is no token":            {"x", rejected, "", "", "(token-opaque)"},
		"a name that could be obeyed": {f.mint(t, issuer.Claims{"exp": 1, "iat": nil, "sub": "\x1b[31m\u202e"}), accepted, "\x1b[31m\u202e", "1970-01-01T00:00:01Z", "exp  1 is 1970-01-01T00:00:01Z, "},
		"a number that is no number":  {f.mint(t, issuer.Claims{"exp": json.Number("1e400"), "iat": nil}), accepted, "m2m", "", "NOT VERIFIED"},
		"no exp":                      {f.mint(t, issuer.Claims{"exp": nil, "iat": nil}), accepted, "m2m", "", "NOT VERIFIED"},
	} {
		t.Run(name, func(t *testing.T) {
			got := f.run(t, nil, strings.NewReader(test.token), "inspect")
			got.check(t, test.code, "", test.stderr)
			var seen struct {
				Claims struct{ Sub string }
				Times  map[string]string
			}
			if err := json.Unmarshal([]byte(got.stdout), &seen); err != nil || seen.Claims.Sub != test.claims || seen.Times["exp"] != test.times {
				t.Errorf("got %+v (%v), want %q and %q; stdout:\n%s", seen, err, test.claims, test.times, got.stdout)
			}
			if strings.Contains(got.stdout+got.stderr, "\x1b") || strings.Contains(got.stdout, "\u202e") {
				t.Errorf("the output holds what a terminal might obey: %q", got.stdout)
			}
		})
	}
}
