package main

import (
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"example.com/jwtverify/internal/manual"
	"example.com/jwtverify/internal/safefile"
)

// flags are the flags and arguments of a command as they were given. A command adds
// the groups that it needs, and its own to set; then it parses.
type flags struct {
	name    string // of the command, such as "verify"
	command string // the same for messages: "jwtverify verify"
	set     *flag.FlagSet

	issuer, jwksFile, jwksURL, envFile, tokenFile string
	audienceClaim, typ                            string // as in jwtverify.Config
	audiences, headers                            []string
	roots                                         *x509.CertPool // nil: the system's
	timeout, leeway                               time.Duration  // as in jwtverify.Cache and jwtverify.Config
	json                                          bool

	run   func() (int, error) // what the command does, once they are read
	inUse settings            // once they are put together
	given map[string]bool     // the flags that were there, even if empty
	args  []string
}

func newFlags(name string) *flags {
	f := &flags{name: name, command: "jwtverify " + name, set: flag.NewFlagSet(name, flag.ContinueOnError), given: make(map[string]bool)}
	f.set.SetOutput(io.Discard) // its messages hold values as they came
	return f
}

// withIssuer adds the flags that say who the issuer is.
func (f *flags) withIssuer() *flags {
	f.set.StringVar(&f.issuer, "issuer", "", "`URL`: exact iss of the tokens; replaces ISSUER and AUTHACTION_DOMAIN. Without a --jwks-… flag the keys come from its discovery document")
	f.set.StringVar(&f.envFile, "env-file", "", "`FILE`: KEY=VALUE lines for what is not in the environment")
	f.set.Func("cacert", "`FILE`: PEM of a CA that is trusted beside the system's; may be repeated", f.trustCA)
	f.set.Func("header", "`'Name: value'`: sent with the request for the keys; may be repeated. It shows in the list of processes", func(line string) error {
		f.headers = append(f.headers, line) // checked later: the flag package repeats what it refuses
		return nil
	})
	f.set.Func("timeout", "`5s`: limit for each retrieval of the keys or the metadata", func(text string) (err error) {
		if f.timeout, err = duration(text); err == nil && f.timeout == 0 {
			err = errors.New("want a limit such as 5s")
		}
		return err
	})
	return f
}

// trustCA adds the certificates of a file to those of the system.
func (f *flags) trustCA(path string) error {
	data, _, err := safefile.Read(path, 1<<20)
	if err != nil {
		return err
	}
	if f.roots == nil {
		if f.roots, err = x509.SystemCertPool(); err != nil {
			f.roots = x509.NewCertPool()
		}
	}
	if !f.roots.AppendCertsFromPEM(data) {
		return errors.New("want certificates as PEM")
	}
	return nil
}

// withKeys adds the flags that say where the keys are.
func (f *flags) withKeys() *flags {
	f.withIssuer()
	f.set.StringVar(&f.jwksFile, "jwks-file", "", "`FILE`: where the keys are: a JWK Set, a JWK or PEM")
	f.set.StringVar(&f.jwksURL, "jwks-url", "", "`URL`: where the keys are: an https address")
	return f
}

// withTrust adds the flags that say which tokens are trusted.
func (f *flags) withTrust() *flags {
	f.withKeys()
	f.set.Func("audience", "`NAME`: aud that the tokens must hold; repeat it for several audiences, of which one is enough. Replaces AUDIENCE and AUTHACTION_AUDIENCE", func(audience string) error {
		f.audiences = append(f.audiences, audience)
		return nil
	})
	f.set.StringVar(&f.audienceClaim, "audience-claim", "", "`client_id|azp`: judged in place of aud where a token has none")
	f.set.StringVar(&f.typ, "type", "", "`TYPE`: typ that the tokens must have, such as at+jwt; without it JWT, at+jwt or none")
	f.set.Func("leeway", "`1m`: clock difference allowed on exp and nbf; 0 means none", func(text string) (err error) {
		if f.leeway, err = duration(text); err == nil && f.leeway == 0 {
			f.leeway = -1 // to Config 0 means the default
		}
		return err
	})
	return f
}

// withToken adds the flag that says where the token is.
func (f *flags) withToken() *flags {
	f.set.StringVar(&f.tokenFile, "token-file", "", "`FILE`: where the token is")
	return f
}

// withJSON adds the flag that asks for JSON.
func (f *flags) withJSON() *flags {
	f.set.BoolVar(&f.json, "json", false, "write one JSON object on one line")
	return f
}

// parse reads the flags, wherever they stand among the arguments. The error is
// flag.ErrHelp if that was asked for.
func (f *flags) parse(args []string) error {
	// The flag package stops at the first argument; flags may stand behind it.
	for {
		if err := f.set.Parse(args); err != nil {
			if errors.Is(err, flag.ErrHelp) {
				return err
			}
			// The answer to a slip is JSON too, wherever the flag stands.
			f.json = f.json || f.set.Lookup("json") != nil && slices.ContainsFunc(args, isJSONFlag)
			return fmt.Errorf("%w%s; %s -h shows the flags", err, f.meant(err), f.command)
		}
		rest := f.set.Args()
		if len(rest) == 0 {
			break
		}
		if parsed := len(args) - len(rest); parsed > 0 && args[parsed-1] == "--" {
			f.args = append(f.args, rest...)
			break
		}
		f.args = append(f.args, rest[0])
		args = rest[1:]
	}
	f.set.Visit(func(given *flag.Flag) { f.given[given.Name] = true })
	return nil
}

func isJSONFlag(arg string) bool { return arg == "--json" || arg == "-json" }

// meant is the flag that was meant where one is not defined.
func (f *flags) meant(err error) string {
	var known []string
	f.set.VisitAll(func(defined *flag.Flag) { known = append(known, defined.Name) })
	name, unknown := strings.CutPrefix(err.Error(), "flag provided but not defined: -")
	if !unknown {
		return ""
	}
	return manual.DidYouMean("--", name, known)
}

// takeArgument makes the argument, if there is one, the value of a flag.
func (f *flags) takeArgument(name func(argument string) string) error {
	if len(f.args) > 1 {
		return fmt.Errorf("got %d arguments, want one: flags with a value are written --flag VALUE", len(f.args))
	}
	if len(f.args) == 0 {
		return nil
	}
	flag := name(f.args[0])
	if f.given[flag] {
		return fmt.Errorf("got --%s and an argument: want one of them", flag)
	}
	f.given[flag] = true
	return f.set.Set(flag, f.args[0])
}

func duration(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return 0, errors.New("want a duration such as 30s or 1m")
	}
	return d, nil
}
