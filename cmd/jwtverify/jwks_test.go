package main

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
)

func TestJWKSListsTheKeys(t *testing.T) {
	f := newFixture(t)
	server := httptest.NewServer(f.Handler())
	defer server.Close()
	for name, args := range map[string][]string{
		"of a file":     {"jwks", "--jwks-file", f.jwks},
		"of an address": {"jwks", "--jwks-url", server.URL + "/.well-known/jwks.json"},
	} {
		t.Run(name, func(t *testing.T) {
			got := f.run(t, nil, nil, args...)
			if got.code != 0 {
				t.Fatalf("exit %d, want 0: %s", got.code, got.stderr)
			}
			lines := strings.Split(strings.TrimSpace(got.stdout), "\n")
			if len(lines) != 6 {
				t.Fatalf("got\n%s\nwant a summary, a heading and four keys", got.stdout)
			}
			for i, want := range [][]string{
				{"2 of 4 keys are usable for RS256"},
				{"kid", "kty", "alg", "use", "bits"},
				{"0", `"` + f.KeyID() + `"`, "RSA", "RS256", "sig", "2048", "usable"},
				{"1", "RSA", "RS256", "sig", "2048", "usable"},
				{"2", `"encryption"`, "RSA", "RSA-OAEP-256", "enc", "2048", `skipped: use is "enc", want "sig"`},
				{"3", `"elliptic"`, "EC", "ES256", "sig", "–", `skipped: kty is "EC", want "RSA"`},
			} {
				for _, part := range want {
					if !strings.Contains(lines[i], part) {
						t.Errorf("line %d is %q, want %q in it", i, lines[i], part)
					}
				}
			}
		})
	}
}

func TestJWKSExitCodes(t *testing.T) {
	f := newFixture(t)
	none := filepath.Join(t.TempDir(), "none.json")
	writeFile(t, none, []byte(`{"keys":[{"kty":"EC","kid":"\u001b[31m"},7]}`))
	down := httptest.NewServer(http.NotFoundHandler())
	defer down.Close()
	for name, test := range map[string]struct {
		args []string
		env  map[string]string
		code int
		want string // in stdout or stderr
	}{
		"no usable key":               {[]string{"--jwks-file", none}, nil, 3, "0 of 2 keys are usable"},
		"control characters in a kid": {[]string{"--jwks-file", none}, nil, 3, `"\x1b[31m"`},
		"a key that is no object":     {[]string{"--jwks-file", none}, nil, 3, "it is a number, want an object"},
		"a file that is not there":    {[]string{"--jwks-file", none + "x"}, nil, 3, "no such file"},
		"status 404":                  {[]string{"--jwks-url", down.URL}, nil, 3, "found     404 Not Found at http://"},
		"nothing said":                {nil, nil, 2, "config-domain-missing"},
		"http beyond loopback":        {[]string{"--jwks-url", "http://issuer.test/"}, nil, 2, "config-insecure-url"},
		"the name of a file":          {[]string{none}, nil, 3, "0 of 2 keys are usable"},
		"an address":                  {[]string{down.URL}, nil, 3, "found     404 Not Found at http://"},
		"an address over plain http":  {[]string{"http://issuer.test/"}, nil, 2, "--jwks-url is plain http beyond this machine"},
		"two arguments":               {[]string{none, none}, nil, 2, "got 2 arguments, want one"},
		"a file, and an argument":     {[]string{none, "--jwks-file", none}, nil, 2, "got --jwks-file and an argument: want one of them"},
		"an address and a file":       {[]string{down.URL, "--jwks-file", none}, nil, 2, "both given"},
		"an unknown flag":             {[]string{"--token", "x"}, nil, 2, "jwtverify jwks -h shows the flags"},
		"a domain with a scheme":      {nil, map[string]string{"AUTHACTION_DOMAIN": "https://a.test"}, 2, "config-domain-form"},
		"help":                        {[]string{"-h"}, nil, 0, "jwtverify jwks [flags]"},
	} {
		t.Run(name, func(t *testing.T) {
			got := f.run(t, test.env, nil, append([]string{"jwks"}, test.args...)...)
			if got.code != test.code || !strings.Contains(got.stdout+got.stderr, test.want) {
				t.Errorf("exit %d, printed %q, want exit %d and %q", got.code, got.stdout+got.stderr, test.code, test.want)
			}
		})
	}
}
