// Command jwtverify verifies RS256 JWT access tokens and tells why one is refused,
// shows what an issuer publishes, and tries whether an API refuses what it must.
//
//	export AUTHACTION_DOMAIN=acme.eu.authaction.com AUTHACTION_AUDIENCE=https://api.acme.example
//	jwtverify explain < token.txt
//	jwtverify verify --lines < tokens.txt
//	jwtverify jwks
//	jwtverify probe https://api.acme.example/orders --token-file token.txt
//	jwtverify demo
//	jwtverify issuer
//	jwtverify serve
//
// The exit code is the verdict: 0 accepted, 1 rejected, 2 nothing was checked, 3
// undetermined. Reports go to stdout; usage, notes and progress to stderr. No output
// ever holds a token or a signature.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"example.com/jwtverify"
	"example.com/jwtverify/internal/diagnosis"
)

func main() {
	// A reader that goes away (| head) is a write error with a message and exit 2,
	// as on every other file, not the death of the process.
	signal.Ignore(syscall.SIGPIPE)
	os.Exit(run(os.Args[1:], os.Getenv, os.Stdin, os.Stdout, os.Stderr))
}

// run is the whole command. It returns the exit code.
func run(args []string, env func(string) string, stdin io.Reader, stdout, stderr io.Writer) int {
	s := &session{env: env, stdin: stdin, stdout: stdout, stderr: stderr, now: time.Now}
	return s.command(args)
}

func (s *session) command(args []string) int {
	if len(args) == 0 {
		fmt.Fprint(s.stderr, usage)
		return int(none)
	}
	switch args[0] {
	case "explain":
		return s.explain(args[1:])
	case "verify":
		return s.verify(args[1:])
	case "inspect":
		return s.inspect(args[1:])
	case "jwks":
		return s.jwks(args[1:])
	case "discover":
		return s.discover(args[1:])
	case "probe":
		return s.probe(args[1:])
	case "demo":
		return s.demo(args[1:])
	case "issuer":
		return s.issuer(args[1:])
	case "serve":
		return s.serve(args[1:])
	case "-h", "-help", "--help":
		fmt.Fprint(s.stderr, usage)
		return int(accepted)
	}
	return s.fail("jwtverify", fmt.Errorf("there is no command %s: jwtverify -h shows those that there are", quoted(args[0])))
}

const usage = `jwtverify verifies RS256 JWT access tokens.

  jwtverify explain [TOKEN]  why is this token accepted or refused, and what to do?
      example: jwtverify explain --issuer https://acme.eu.authaction.com --audience orders < token.txt

  jwtverify verify [TOKEN]   may this token be trusted? One line: verdict and reason
      example: jwtverify verify --issuer https://acme.eu.authaction.com --audience orders < token.txt

  jwtverify inspect [TOKEN]  what stands in it? Nothing is verified
      example: jwtverify inspect < token.txt

  jwtverify jwks             the issuer's keys: usable, or why not
      example: jwtverify jwks --jwks-url https://acme.eu.authaction.com/.well-known/jwks.json

  jwtverify discover         the issuer's metadata: of this issuer, or of another
      example: jwtverify discover --issuer https://acme.eu.authaction.com

  jwtverify probe URL        does this API refuse what it must refuse?
      example: jwtverify probe https://api.acme.example/orders --token-file token.txt

  jwtverify demo             the whole story in one run, without settings
      example: jwtverify demo

  jwtverify issuer           a throw-away issuer on this machine
      example: jwtverify issuer --expires-in 5m

  jwtverify serve            AuthAction's guide as a service: GET /public, GET /protected
      example: jwtverify serve --issuer http://127.0.0.1:8180 --audience orders

Exit codes: 0 accepted, 1 rejected, 2 nothing was checked (usage, settings),
3 undetermined (the issuer's keys cannot be had: keep the token, try again).
Each command shows its flags with -h.
`

// A session is what one run of the command has around it.
type session struct {
	env            func(string) string
	stdin          io.Reader
	stdout, stderr io.Writer

	// A test can set these.
	ctx       context.Context // ends servers as Ctrl-C does; nil: never
	now       func() time.Time
	transport http.RoundTripper // nil: the network
}

// A verdict is also the exit code that says so.
type verdict int

const (
	accepted     verdict = 0
	rejected     verdict = 1
	none         verdict = 2 // nothing was checked
	undetermined verdict = 3 // never 1: a script must not throw a good token away
)

func (v verdict) String() string {
	return [...]string{"accepted", "rejected", "none", "undetermined"}[v]
}

// judge returns what the error of a verification means, and its class: a name for
// scripts that never changes, empty for an accepted token.
func judge(err error) (verdict, string) {
	if err == nil {
		return accepted, ""
	}
	v := undetermined
	if errors.Is(err, jwtverify.ErrInvalid) {
		v = rejected
	}
	for _, c := range classes {
		if errors.Is(err, c.err) {
			return v, c.name
		}
	}
	return v, "other"
}

var classes = [...]struct {
	err  error
	name string
}{
	{jwtverify.ErrMalformed, "malformed"},
	{jwtverify.ErrUnsupported, "unsupported"},
	{jwtverify.ErrUnknownKey, "unknown_key"},
	{jwtverify.ErrSignature, "signature"},
	{jwtverify.ErrIssuer, "issuer"},
	{jwtverify.ErrAudience, "audience"},
	{jwtverify.ErrExpired, "expired"},
	{jwtverify.ErrNotYetValid, "not_yet_valid"},
	{jwtverify.ErrKeysUnavailable, "keys_unavailable"},
}

// unchecked reports why nothing was checked, as JSON if that was asked for.
func (s *session) unchecked(f *flags, settings settings, err error) int {
	if !f.json {
		return s.fail(f.command, err)
	}
	r := f.unchecked(settings, err)
	if err := writeJSON(s.stdout, r.json(r.findings)); err != nil {
		return s.fail(f.command, fmt.Errorf("writing the report: %w", err))
	}
	return int(none)
}

// fail reports why nothing was checked.
func (s *session) fail(command string, err error) int {
	fmt.Fprintf(s.stderr, "%s: %s\n", command, safe(err.Error()))
	var p *problem
	if errors.As(err, &p) {
		fmt.Fprintf(s.stderr, "  expected  %s\n  found     %s\n  next      %s\n", safe(p.expected), safe(p.found), safe(p.next()))
	}
	return int(none)
}

// A problem is an error in the settings, with its diagnosis.
type problem struct {
	text            string
	code, cause     string // as in package diagnosis
	expected, found string
	words           words
}

// next is what to do about it.
func (p *problem) next() string { return p.words.of(diagnosis.Of(p.code).For(p.cause).ForCommand()) }

func (p *problem) Error() string { return p.text + " (" + p.code + ")" }
