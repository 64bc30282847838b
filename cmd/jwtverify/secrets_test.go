package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"example.com/jwtverify/internal/issuer"
	"example.com/jwtverify/internal/manual"
)

// What no file of this tree may hold that a command has printed.
var secretLike = map[string]*regexp.Regexp{
	"a token":       regexp.MustCompile(`eyJ[\w-]+\.[\w-]+\.[\w-]{16,}`),
	"a signature":   longSegment,
	"a private key": regexp.MustCompile(`PRIVATE KEY|"(d|p|q|dp|dq|qi)"\s*:`),
	// The issuer of jwtverify takes any secret.
	"a secret": regexp.MustCompile(`client_secret["=: ]+(?:[^\s"<a]|a[^n]|an[^y])|Authorization: \w`),
}

func TestNoFileHoldsASecret(t *testing.T) {
	t.Parallel()
	files := 0
	check := func(path string) {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		files++
		for what, pattern := range secretLike {
			if match := pattern.Find(data); match != nil {
				t.Errorf("%s holds what looks like %s: %.20s…", path, what, match)
			}
		}
	}
	for _, dir := range []string{"testdata", "../../docs"} {
		err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
			if err == nil && !entry.IsDir() && !strings.Contains(filepath.ToSlash(path), "/fuzz/") {
				check(path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	check("../../README.md")
	if files < 30 {
		t.Errorf("looked at %d files alone", files)
	}
	f := newFixture(t)
	if token := f.mint(t); !secretLike["a token"].MatchString(token) || !secretLike["a signature"].MatchString(token) {
		t.Error("the patterns do not find a token")
	}
}

// Where a token stands in place of something else, no command repeats it.
func TestNoCommandRepeatsAToken(t *testing.T) {
	f := newFixture(t)
	good := f.mint(t)
	nested := f.mint(t, issuer.Claims{"sub": good, "jti": good, "name": strings.Split(good, ".")[2]})
	settings := []string{"--issuer", testIssuer, "--audience", testAudience, "--jwks-file", f.jwks}
	var all [][]string
	for _, command := range []string{"explain", "verify", "inspect", "jwks", "discover", "probe"} {
		all = append(all,
			[]string{command, good},
			[]string{command, "--" + good},
			[]string{command, good, good},
			[]string{command, "--timeout", good},
			[]string{command, "--token-file", good},
			[]string{command, "--env-file", good},
			[]string{command, "--issuer", good},
			[]string{command, "--issuer", "https://a.test/" + good},
			[]string{command, "--issuer", testIssuer, "--jwks-file", good, "--audience", good},
			[]string{command, "--issuer", testIssuer, "--jwks-url", "http://127.0.0.1:1/" + good + "?" + good, "--audience", "a"},
		)
	}
	for _, command := range []string{"explain", "verify", "inspect"} {
		all = append(all, append([]string{command, nested}, map[bool][]string{true: settings}[command != "inspect"]...))
	}
	for _, args := range all {
		for _, args := range [][]string{args, append([]string{args[0], "--json"}, args[1:]...)} {
			f.run(t, map[string]string{"AUTHACTION_DOMAIN": good}, strings.NewReader(good), args...) // looks for tokens
		}
	}
}

func TestEachCommandHasHelp(t *testing.T) {
	f := newFixture(t)
	all := f.run(t, nil, nil, "help")
	for _, c := range commands() {
		help := f.run(t, nil, nil, "help", c.name)
		help.check(t, accepted, "\n  jwtverify "+c.name, "")
		for _, flag := range []string{"-h", "--help"} {
			if got := f.run(t, nil, strings.NewReader(""), c.name, flag); got != help {
				t.Errorf("%s %s prints %q, and help %s %q", c.name, flag, got, c.name, help)
			}
		}
		_, flags, err := (&session{env: func(string) string { return "" }}).prepared(c.name)
		if err != nil {
			t.Fatal(err)
		}
		for _, known := range manual.Flags(flags.set) {
			if known.About == "" || !strings.Contains(help.stdout, "\n  --"+known.Name) {
				t.Errorf("%s -h does not say what --%s is", c.name, known.Name)
			}
		}
		if flags.set.Lookup("token-file") != nil && c.arguments == "[TOKEN]" && !strings.Contains(help.stdout, "list of processes") {
			t.Errorf("%s -h does not say that an argument can be seen", c.name)
		}
		if !strings.Contains(all.stdout, "example: jwtverify "+c.name) {
			t.Errorf("jwtverify help has no example of %s", c.name)
		}
		checkColumns(t, help.stdout, 80)
		checkColumns(t, f.run(t, map[string]string{"COLUMNS": "40"}, nil, c.name, "-h").stdout, 40)
	}
	for _, args := range [][]string{{"-h"}, {"-help"}, {"--help"}, {"help", "-h"}} {
		got := f.run(t, nil, nil, args...)
		if got.code != 0 || got.stderr != "" || got != all && args[0] != "help" {
			t.Errorf("%v: got %q", args, got)
		}
	}
	checkColumns(t, all.stdout, 80)
	checkColumns(t, f.run(t, map[string]string{"COLUMNS": "40"}, nil, "help").stdout, 40)
	f.run(t, nil, nil, "help", "verfy").check(t, none, "", `there is no command "verfy" (did you mean verify?)`)
}
