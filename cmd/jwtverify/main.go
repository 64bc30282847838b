// Command jwtverify verifies RS256 JWT access tokens and tells why one is refused,
// shows what an issuer publishes, and tries whether an API refuses what it must.
//
//	export AUTHACTION_DOMAIN=acme.eu.authaction.com AUTHACTION_AUDIENCE=https://api.example.com
//	jwtverify explain < token.txt
//	jwtverify verify --lines < tokens.txt
//	jwtverify jwks
//	jwtverify probe https://api.example.com/orders --token-file token.txt
//	jwtverify watch --issuer https://tenant.example.com
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
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"sync/atomic"
	"syscall"
	"time"

	"example.com/jwtverify"
	"example.com/jwtverify/internal/diagnosis"
	"example.com/jwtverify/internal/manual"
	"example.com/jwtverify/internal/screen"
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

// A command is a word behind jwtverify.
type command struct {
	name, arguments, about string
	usage                  string                                     // examples, then what is to be known
	prepare                func(*session, *flags) func() (int, error) // adds its flags, and returns what runs when they are read
}

func commands() []command {
	return []command{
		{"explain", "[TOKEN]", "why is this token accepted or refused, and what to do?", explainUsage, (*session).explain},
		{"verify", "[TOKEN]", "may this token be trusted? One line: verdict and reason", verifyUsage, (*session).verify},
		{"inspect", "[TOKEN]", "what stands in it? Nothing is verified", inspectUsage, (*session).inspect},
		{"jwks", "[URL]", "the issuer's keys: usable, or why not", jwksUsage, (*session).jwks},
		{"discover", "[ISSUER]", "the issuer's metadata: of this issuer, or of another", discoverUsage, (*session).discover},
		{"probe", "URL [-]", "does this API refuse what it must refuse?", probeUsage, (*session).probe},
		{"watch", "", "what changes at the issuer: keys, caches, certificate, outages", watchUsage, (*session).watch},
		{"demo", "", "the whole story in one run, without settings", demoUsage, (*session).demo},
		{"issuer", "", "a throw-away issuer on this machine", issuerUsage, (*session).issuer},
		{"serve", "", "AuthAction's guide as a service: GET /public, GET /protected", serveUsage, (*session).serve},
		{"completion", "bash|zsh|fish", "completes commands and flags in a shell", completionUsage, (*session).completion},
		{"version", "", "what this program was built from", versionUsage, (*session).version},
		{"help", "[COMMAND]", "this text, or that of a command", helpUsage, (*session).help},
	}
}

func (s *session) command(args []string) int {
	s.withScreens()
	if len(args) == 0 {
		fmt.Fprint(s.stderr, s.overview(s.columns(s.stderr)))
		return int(none)
	}
	if slices.ContainsFunc(args, func(arg string) bool { return screen.WithoutTokens(arg) != arg }) {
		io.WriteString(s.stderr, argumentNote)
	}
	name, args := args[0], args[1:]
	switch name {
	case "-h", "-help", "--help":
		name = "help"
	case "-version", "--version":
		name = "version"
	}
	c, f, err := s.prepared(name)
	if err != nil {
		return s.fail("jwtverify", err)
	}
	switch err := f.parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return s.print(c.manual(f).Help(s.columns(s.stdout)))
	case err == nil && c.arguments == "" && len(f.args) > 0:
		err = fmt.Errorf("got the argument %s, want flags alone; %s -h shows the flags", screen.Quoted(f.args[0]), f.command)
		fallthrough
	case err != nil:
		return s.unchecked(f, err)
	}
	code, err := f.run()
	if err != nil {
		return s.unchecked(f, err)
	}
	if s.interrupted.Load() {
		return 130 // as of a process that Ctrl-C has ended
	}
	return code
}

const argumentNote = "note: a token in an argument shows in the list of processes and in the shell's history: prefer stdin or --token-file\n"

// prepared returns a command with its flags.
func (s *session) prepared(name string) (command, *flags, error) {
	var names []string
	for _, c := range commands() {
		if names = append(names, c.name); c.name == name {
			f := newFlags(name)
			f.run = c.prepare(s, f)
			return c, f, nil
		}
	}
	return command{}, nil, fmt.Errorf("there is no command %s%s: jwtverify help shows those that there are", screen.Quoted(name), manual.DidYouMean("", name, names))
}

// print writes what somebody has asked for.
func (s *session) print(text string) int {
	if _, err := io.WriteString(s.stdout, text); err != nil {
		return s.fail("jwtverify", fmt.Errorf("writing to stdout: %w", err))
	}
	return int(accepted)
}

// A session is what one run of the command has around it.
type session struct {
	env            func(string) string
	stdin          io.Reader
	stdout, stderr io.Writer

	hidden      screen.Hidden
	interrupted atomic.Bool // by Ctrl-C

	// A test can set these.
	ctx       context.Context // ends servers as SIGTERM does; nil: never
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

// unchecked reports why nothing was checked. For explain what is wrong with the settings or
// the input is a report too, since the guide's list begins with them.
func (s *session) unchecked(f *flags, err error) int {
	var p *problem
	if !f.json && (f.name != "explain" || !errors.As(err, &p)) {
		return s.fail(f.command, err)
	}
	r := f.unchecked(err)
	code, err := s.write(f, r.json(r.findings), r.text)
	if err != nil {
		return s.fail(f.command, err)
	}
	return code
}

// write writes a report as JSON if that was asked for, and as text if not.
func (s *session) write(f *flags, out *jsonReport, text func(palette) string) (int, error) {
	write := func() error {
		_, err := io.WriteString(s.stdout, text(s.palette(s.stdout)))
		return err
	}
	if f.json {
		write = func() error { return writeJSON(s.stdout, out) }
	}
	if err := write(); err != nil {
		f.json = false // it cannot be written either
		return 0, fmt.Errorf("writing the report: %w", err)
	}
	return out.Exit, nil
}

// fail reports why nothing was checked.
func (s *session) fail(command string, err error) int {
	fmt.Fprintf(s.stderr, "%s: %s\n", command, screen.Line(err.Error()))
	var p *problem
	if errors.As(err, &p) {
		fmt.Fprintf(s.stderr, "  expected  %s\n  found     %s\n  next      %s\n", screen.Line(p.expected), screen.Line(p.found), screen.Line(p.next()))
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
