package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"example.com/jwtverify/internal/diagnosis"
	"example.com/jwtverify/internal/issuer"
)

// What no file of this tree may hold that a command has printed.
var secretLike = map[string]*regexp.Regexp{
	"a token":       regexp.MustCompile(`eyJ[\w-]+\.[\w-]+\.[\w-]{16,}`),
	"a signature":   longSegment,
	"a private key": regexp.MustCompile(`PRIVATE KEY|"(d|p|q|dp|dq|qi)"\s*:`),
	"a secret":      regexp.MustCompile(`client_secret["=: ]+[^\s"<]|Authorization: \w`),
}

func TestNoFileHoldsASecret(t *testing.T) {
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
	if files < len(diagnosis.Codes) {
		t.Errorf("looked at %d files, and there is one for each of %d codes", files, len(diagnosis.Codes))
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
	for _, command := range []string{"explain", "verify", "inspect", "jwks", "discover", "probe", "demo", "issuer", "serve"} {
		for _, flag := range []string{"-h", "--help"} {
			got := f.run(t, nil, strings.NewReader(""), command, flag)
			got.check(t, accepted, "", "\n  jwtverify "+command)
			if got.stdout != "" {
				t.Errorf("%s %s writes to stdout", command, flag)
			}
		}
		got := f.run(t, nil, strings.NewReader(""), command, "-h")
		for line := range strings.Lines(got.stderr) {
			if len([]rune(line)) > 101 {
				t.Errorf("%s -h has a long line: %s", command, line)
			}
		}
		if takesToken := command == "explain" || command == "verify" || command == "inspect"; takesToken && !strings.Contains(got.stderr, "list of processes") {
			t.Errorf("%s -h does not say that an argument can be seen", command)
		}
		if got := f.run(t, nil, nil, "-h"); !strings.Contains(got.stderr, "example: jwtverify "+command) {
			t.Errorf("jwtverify -h has no example of %s", command)
		}
	}
}
