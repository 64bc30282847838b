package main

import (
	"path/filepath"
	"strings"
	"testing"
)

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
			f.run(t, test.env, strings.NewReader(f.good(t)), args...).check(t, test.code, "", test.stderr)
		})
	}
	text := "AUTHACTION_DOMAIN=issuer.test\r\nAUTHACTION_AUDIENCE=\"" + testAudience + "\"\r\n"
	for _, text := range []string{"\ufeff" + text, "\xff\xfe" + strings.Join(strings.Split(text, ""), "\x00") + "\x00"} {
		writeFile(t, file, []byte(text))
		f.run(t, nil, strings.NewReader(f.good(t)), "verify", "--jwks-file", f.jwks, "--env-file", file).check(t, accepted, "", "")
	}
	writeFile(t, file, []byte("AUTHACTION_SECRET\n"))
	f.run(t, nil, strings.NewReader(f.good(t)), f.flags("--env-file", file)...).check(t, none, "", "line 1: want KEY=VALUE")
	f.run(t, nil, strings.NewReader(f.good(t)), f.flags("--env-file", "/dev/zero")...).check(t, none, "", "more than 65536 bytes")
}
