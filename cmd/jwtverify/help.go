package main

import (
	"errors"
	"fmt"
	"runtime/debug"

	"example.com/jwtverify/internal/manual"
	"example.com/jwtverify/internal/screen"
)

// Parts of the usage texts that several commands share.

const tokenUsage = `The token is TOKEN, or stdin (also as "-"), or --token-file. Prefer stdin: an argument
shows in the list of processes.

`

const domainUsage = `ISSUER, AUDIENCE and JWKS_URL stand for the flags, in the environment or the env file.
AUTHACTION_DOMAIN=D means issuer https://D and keys https://D/.well-known/jwks.json.

`

const verdictUsage = `Exit codes: 0 accepted, 1 rejected, 2 nothing was checked, 3 undetermined.
`

const lastUsage = `Exit codes: 0 accepted, 1 rejected, 2 nothing was checked (usage, settings), 3
undetermined (the issuer's keys are unavailable: keep the token, try again). Ctrl-C ends
with 130. Each command shows its flags with -h.
`

func (s *session) overview(width int) string {
	return manual.Overview("jwtverify verifies RS256 JWT access tokens.\n", s.manual(), lastUsage, width)
}

// manual is the table of commands with their flags.
func (s *session) manual() (all []manual.Command) {
	for _, c := range commands() {
		f := newFlags(c.name)
		c.prepare(s, f)
		all = append(all, c.manual(f))
	}
	return all
}

func (c command) manual(f *flags) manual.Command {
	return manual.Command{Name: c.name, Arguments: c.arguments, About: c.about, Text: c.usage, Flags: f.set}
}

const helpUsage = `  jwtverify help explain

Exit codes: 0, or 2 if there is no such command.
`

// help is the command of that name.
func (s *session) help(f *flags) func() (int, error) {
	return func() (int, error) {
		if len(f.args) == 0 {
			return s.print(s.overview(s.columns(s.stdout))), nil
		}
		c, of, err := s.prepared(f.args[0])
		if err != nil {
			return 0, err
		}
		return s.print(c.manual(of).Help(s.columns(s.stdout))), nil
	}
}

const versionUsage = `  jwtverify version

One line: the version of the module, the revision that it was built from, and the version
of Go.
`

// version is the command of that name.
func (s *session) version(*flags) func() (int, error) {
	return func() (int, error) {
		info, _ := debug.ReadBuildInfo() // nil where a program is built without modules
		return s.print(manual.Version(info) + "\n"), nil
	}
}

const completionUsage = `  jwtverify completion bash

Prints a script that completes commands, flags, their values and file names. To load it
in bash and zsh: source <(jwtverify completion bash); in fish: jwtverify completion fish |
source. The script asks jwtverify completion bash -- WORD… what can stand there.
`

// completion is the command of that name.
func (s *session) completion(f *flags) func() (int, error) {
	return func() (int, error) {
		if len(f.args) == 0 {
			return 0, errors.New("want bash, zsh or fish")
		}
		script := manual.Script(f.args[0])
		switch {
		case script == "":
			return 0, fmt.Errorf("got %s, want bash, zsh or fish", screen.Quoted(f.args[0]))
		case len(f.args) == 1:
			return s.print(script), nil
		}
		return s.print(manual.Candidates(s.manual(), f.args[1:])), nil
	}
}
