package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/jwtverify/internal/issuer"
	"example.com/jwtverify/internal/jwk/jwktest"
	"example.com/jwtverify/internal/screen"
)

// Most of the time of these tests went into making keys.
func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
	}
	issuer.ReuseFactors(jwktest.Factors())
	flag.Set("test.parallel", "16") // most of those tests wait for a server
	os.Exit(m.Run())
}

// A fixture is an issuer, its key set in a file, and the tokens it has minted for the
// test: no output may hold one.
type fixture struct {
	*issuer.Issuer
	jwks   string // path
	shared string // by good
	tokens []string
}

const (
	testIssuer   = "https://issuer.test"
	testAudience = "orders"
)

// The keys take a moment to make, and no test changes them.
var sharedIssuer = sync.OnceValues(func() (*issuer.Issuer, error) {
	return issuer.New(issuer.Config{URL: testIssuer, Audience: testAudience})
})

func newFixture(t testing.TB) *fixture {
	t.Helper()
	iss, err := sharedIssuer()
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{Issuer: iss, jwks: filepath.Join(t.TempDir(), "jwks.json")}
	writeFile(t, f.jwks, iss.JWKS())
	return f
}

func writeFile(t testing.TB, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func (f *fixture) mint(t testing.TB, claims ...issuer.Claims) string {
	t.Helper()
	token, err := f.Token(claims...)
	if err != nil {
		t.Fatal(err)
	}
	f.tokens = append(f.tokens, token)
	return token
}

// good returns a good token, the same each time: to sign one takes a moment.
func (f *fixture) good(t testing.TB) string {
	t.Helper()
	if f.shared == "" {
		f.shared = f.mint(t)
	}
	return f.shared
}

func (f *fixture) mintExpired(t testing.TB) string {
	return f.mint(t, issuer.Claims{"exp": time.Now().Add(-time.Hour).Unix()})
}

// flags are complete settings for the fixture's issuer.
func (f *fixture) flags(more ...string) []string {
	return append([]string{"verify", "--issuer", testIssuer, "--audience", testAudience, "--jwks-file", f.jwks}, more...)
}

// A result is what a run of the command showed.
type result struct {
	code           int
	stdout, stderr string
}

// run runs the command and looks for tokens in what it prints.
func (f *fixture) run(t testing.TB, env map[string]string, stdin io.Reader, args ...string) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := run(args, func(name string) string { return env[name] }, stdin, &stdout, &stderr)
	got := result{code, stdout.String(), stderr.String()}
	for _, output := range []string{got.stdout, got.stderr} {
		if what := leak(output, f.tokens); what != "" {
			t.Errorf("the output holds %s", what)
		}
	}
	return got
}

// check compares the exit code, and the output with texts that it must hold.
func (got result) check(t testing.TB, code verdict, stdout, stderr string) {
	t.Helper()
	if got.code != int(code) || !strings.Contains(got.stdout, stdout) || !strings.Contains(got.stderr, stderr) {
		t.Errorf("got exit %d, want %d; stdout must hold %q, stderr %q\nstdout:\n%s\nstderr:\n%s",
			got.code, code, stdout, stderr, got.stdout, got.stderr)
	}
}

var longSegment = regexp.MustCompile(`[A-Za-z0-9_-]{120,}`)

// leak says what of a token an output holds.
func leak(output string, tokens []string) string { return leakOf(output, tokens, longSegment) }

func leakOf(output string, tokens []string, signatureLike *regexp.Regexp) string {
	for _, token := range tokens {
		signature := token[strings.LastIndexByte(token, '.')+1:]
		switch {
		case len(token) >= 32 && strings.Contains(output, token):
			return "a whole token"
		case len(signature) >= 16 && strings.Contains(output, signature):
			return "the signature of a token"
		}
	}
	if signatureLike.MatchString(output) {
		return "what looks like a signature"
	}
	return ""
}

func TestTheLeakCheckFinds(t *testing.T) {
	f := newFixture(t)
	token := f.mint(t)
	signature := token[strings.LastIndexByte(token, '.')+1:]
	for name, test := range map[string]struct {
		output string
		tokens []string
		want   string
	}{
		"a token":                      {"x " + token + "\n", f.tokens, "a whole token"},
		"a signature":                  {"x " + signature + "\n", f.tokens, "the signature of a token"},
		"a signature nobody minted":    {"x " + signature + "\n", nil, "what looks like a signature"},
		"a short signature":            {"x 0123456789abcdef", []string{"a.b.0123456789abcdef"}, "the signature of a token"},
		"nothing in an honest message": {"accepted: " + screen.Token(token), f.tokens, ""},
	} {
		if got := leak(test.output, test.tokens); got != test.want {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
	}
}

func TestCommands(t *testing.T) {
	f := newFixture(t)
	token := f.mint(t)
	for _, test := range []struct {
		name   string
		args   []string
		code   verdict
		stderr string
	}{
		{"no arguments show the usage and check nothing", nil, none, "example: jwtverify verify"},
		{"an unknown command is named", []string{"verfy"}, none, `there is no command "verfy"`},
		{"its control characters are escaped", []string{"\x1b[2J"}, none, `"\x1b[2J"`},
		{"a token in place of a command is not repeated", []string{token}, none, screen.Token(token)},
		{"demo takes no arguments", []string{"demo", token}, none, "want flags alone"},
		{"a token in place of a flag is not repeated", []string{"verify", "-" + token}, none, "flag provided but not defined"},
		{"a token as the value of a flag is not repeated", []string{"verify", "--leeway", token}, none, "want a duration"},
		{"a token as the name of a file is not repeated", f.flags("--token-file", token), none, "--token-file: open"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := f.run(t, nil, strings.NewReader(""), test.args...)
			got.check(t, test.code, "", test.stderr)
			if got.stdout != "" {
				t.Errorf("stdout is %q, want nothing", got.stdout)
			}
		})
	}
}

// serveKeys answers with the fixture's documents, or as told. It returns its URL.
func serveKeys(t testing.TB, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

func closedURL(t testing.TB) string {
	server := httptest.NewServer(nil)
	server.Close()
	return server.URL
}

func TestVerdictsInColour(t *testing.T) {
	if got := palette(true).verdict(rejected); got != "\x1b[31mrejected\x1b[0m" {
		t.Errorf("in colour: got %q", got)
	}
	if got := palette(false).verdict(rejected); got != "rejected" {
		t.Errorf("without: got %q", got)
	}
}

func TestVerdictsAreExitCodes(t *testing.T) {
	for code, want := range []string{"accepted", "rejected", "none", "undetermined"} {
		if got := fmt.Sprint(verdict(code)); got != want {
			t.Errorf("exit %d is %s, want %s", code, got, want)
		}
	}
}
