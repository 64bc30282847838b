package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestEnvFile(t *testing.T) {
	for _, test := range []struct {
		name, text string
		want       map[string]string
	}{
		{"nothing", "", map[string]string{}},
		{"lines, comments, empty lines", "# the tenant\nA=1\n\n  B=2\n", map[string]string{"A": "1", "B": "2"}},
		{"export", "export A=1\nexport\tB=2\nexported=3\nexport=4", map[string]string{"A": "1", "B": "2", "exported": "3", "export": "4"}},
		{"space around", "A = 1 \n\tB=\t2", map[string]string{"A": "1", "B": "2"}},
		{"no value", "A=\nB= # none", map[string]string{"A": "", "B": ""}},
		{"a comment behind a value", "A=1 # one\nB=https://b.test/#b", map[string]string{"A": "1", "B": "https://b.test/#b"}},
		{"= in a value", "A=b=c", map[string]string{"A": "b=c"}},
		{"double quotes", `A="a # b"` + "\n" + `B=" \"b\"\n\\n\d "  # c`, map[string]string{"A": "a # b", "B": " \"b\"\n\\n\\d "}},
		{"single quotes", `A='"\n\'' # c` + "\nB=''", map[string]string{"A": `"\n'`, "B": ""}},
		{"a value over several lines", "A=\"1\n2\"\nB=3", map[string]string{"A": "1\n2", "B": "3"}},
		{"the later line counts", "A=1\nA=2", map[string]string{"A": "2"}},
		{"nothing is expanded", "A=$HOME\nB=${A}\nC=\"$A\"\nD=`id`", map[string]string{"A": "$HOME", "B": "${A}", "C": "$A", "D": "`id`"}},
		{"made on Windows", "A=1\r\nB=\"2\"\r\n", map[string]string{"A": "1", "B": "2"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := parseEnvFile(test.text)
			if diff := cmp.Diff(test.want, got); diff != "" || err != nil {
				t.Errorf("error %v; -want +got:\n%s", err, diff)
			}
		})
	}
	for _, test := range []struct{ name, text, want string }{
		{"a line without =", "A=1\nsecret\n", "line 2: want KEY=VALUE"},
		{"a name with a space", "A secret=1", "line 1: want KEY=VALUE"},
		{"a name that begins with a digit", "1A=secret", "line 1: want KEY=VALUE"},
		{"no name", "=secret", "line 1: want KEY=VALUE"},
		{"a quote without end", "A=1\n\nB=\"secret\nC=3", "line 3: a quote has no end"},
		{"text behind a quote", "A=\"1\n2\"secret", "line 2: text behind the closing quote"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := parseEnvFile(test.text)
			if err == nil || !strings.HasPrefix(err.Error(), test.want) || strings.Contains(err.Error(), "secret") {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

func FuzzEnvFile(f *testing.F) {
	f.Add("export A='1' # b\nB=\"2\\n\"\nC=3\n")
	f.Fuzz(func(t *testing.T, text string) {
		values, err := parseEnvFile(text)
		if (values == nil) != (err != nil) {
			t.Errorf("got %v and %v", values, err)
		}
		// A line more that is well-formed changes nothing but its own name.
		if more, _ := parseEnvFile(text + "\nZ=1"); err == nil && more["Z"] != "1" {
			t.Errorf("a line behind the text is lost")
		}
	})
}

func TestEnvFileAmongTheSettings(t *testing.T) {
	f := newFixture(t)
	file := filepath.Join(t.TempDir(), "env")
	writeFile(t, file, []byte("export AUTHACTION_DOMAIN=issuer.test\nAUTHACTION_AUDIENCE='"+testAudience+"' # orders\n"))
	for _, test := range []struct {
		name   string
		flags  []string
		env    map[string]string
		code   verdict
		stderr string
	}{
		{"it is read", nil, nil, accepted, ""},
		{"the environment beats it", nil, map[string]string{"AUTHACTION_AUDIENCE": "x"}, rejected, ""},
		{"what is empty there does not", nil, map[string]string{"AUTHACTION_AUDIENCE": ""}, accepted, ""},
		{"a flag beats it", []string{"--audience", "x"}, nil, rejected, ""},
		{"a later file beats an earlier", []string{"--env-file", file + "x"}, nil, none, "--env-file: open"},
	} {
		t.Run(test.name, func(t *testing.T) {
			args := append([]string{"verify", "--jwks-file", f.jwks, "--env-file", file}, test.flags...)
			f.run(t, test.env, strings.NewReader(f.mint(t)), args...).check(t, test.code, "", test.stderr)
		})
	}
	text := "AUTHACTION_DOMAIN=issuer.test\r\nAUTHACTION_AUDIENCE=\"" + testAudience + "\"\r\n"
	for _, text := range []string{"\ufeff" + text, "\xff\xfe" + strings.Join(strings.Split(text, ""), "\x00") + "\x00"} {
		writeFile(t, file, []byte(text))
		f.run(t, nil, strings.NewReader(f.mint(t)), "verify", "--jwks-file", f.jwks, "--env-file", file).check(t, accepted, "", "")
	}
	writeFile(t, file, []byte("AUTHACTION_SECRET\n"))
	f.run(t, nil, strings.NewReader(f.mint(t)), f.flags("--env-file", file)...).check(t, none, "", "line 1: want KEY=VALUE")
	f.run(t, nil, strings.NewReader(f.mint(t)), f.flags("--env-file", "/dev/zero")...).check(t, none, "", "more than 65536 bytes")
}
