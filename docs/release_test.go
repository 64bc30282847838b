package docs_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The release script runs in a small repository, whose .ci/run passes at once.
func TestRelease(t *testing.T) {
	if testing.Short() {
		t.Skip("makes git repositories")
	}
	for _, tool := range []string{"git", "bash"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("there is no %s on this machine", tool)
		}
	}
	today := time.Now().UTC().Format(time.DateOnly)
	section := func(version string) string { return "## " + version + " - " + today + "\n\n- What is new.\n\n" }
	const api, less, more = "func New\n\nfunc Old\n", "func New\n", "func New\n\nfunc Old\n\nfunc Young\n"
	for _, test := range []struct {
		name      string
		tagged    string // the release before, with api
		version   string
		changelog string
		api       string
		dirty     bool
		want      string // in what it prints
		fails     bool
	}{
		{name: "the first release", version: "v0.1.0", changelog: section("0.1.0"), api: api, want: "jwtverify v0.1.0\n\n\n- What is new.\n"},
		{name: "a release that adds to the API says what", tagged: "v0.1.0", version: "v0.1.1", changelog: section("0.1.1"), api: more, want: "> func Young"},
		{name: "before 1.0 a minor version may take away", tagged: "v0.1.0", version: "v0.2.0", changelog: section("0.2.0"), api: less, want: "< func Old"},
		{name: "a major version may take away", tagged: "v1.4.0", version: "v2.0.0", changelog: section("2.0.0"), api: less, want: "< func Old"},
		{name: "a patch takes nothing away", tagged: "v0.1.0", version: "v0.1.1", changelog: section("0.1.1"), api: less, want: "v0.1.1 is a patch of v0.1.0", fails: true},
		{name: "from 1.0 on a minor version takes nothing away", tagged: "v1.0.0", version: "v1.1.0", changelog: section("1.1.0"), api: less, want: "v1.1.0 has the major version of v1.0.0", fails: true},
		{name: "a version needs its section in the changelog", version: "v0.1.0", changelog: "## Unreleased\n\n- What is new.\n", api: api, want: `no section "## 0.1.0 - ` + today, fails: true},
		{name: "a section of another day is another release", version: "v0.1.0", changelog: "## 0.1.0 - 2020-01-01\n\n- What was new.\n", api: api, want: `no section "## 0.1.0 - ` + today, fails: true},
		{name: "a section with nothing in it is none", version: "v0.1.0", changelog: "## 0.1.0 - " + today + "\n\n## 0.0.1 - 2020-01-01\n\n- Old.\n", api: api, want: "no section", fails: true},
		{name: "what is not committed is not released", version: "v0.1.0", changelog: section("0.1.0"), api: api, dirty: true, want: "not committed", fails: true},
		{name: "a version is released once", tagged: "v0.1.0", version: "v0.1.0", changelog: section("0.1.0"), api: api, want: "there is a tag v0.1.0 already", fails: true},
		{name: "a version has three numbers", version: "v0.1", changelog: section("0.1"), api: api, want: "which version?", fails: true},
		{name: "a version must be said", changelog: section("0.1.0"), api: api, want: "which version?", fails: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			write := func(name, content string, mode os.FileMode) {
				path := filepath.Join(dir, name)
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(content), mode); err != nil {
					t.Fatal(err)
				}
			}
			git := func(args ...string) string {
				cmd := exec.CommandContext(t.Context(), "git", append([]string{"-c", "user.name=t", "-c", "user.email=t@localhost"}, args...)...)
				cmd.Dir = dir
				out, err := cmd.CombinedOutput()
				if err != nil {
					t.Fatalf("git %q: %v\n%s", args, err, out)
				}
				return string(out)
			}
			git("init", "-q")
			write("go.mod", "module example.com/jwtverify\n", 0o644)
			write(".ci/release", readText(t, ".ci/release"), 0o755)
			write(".ci/run", "#!/bin/sh\n", 0o755)
			write("CHANGELOG.md", "# Changelog\n\n"+test.changelog, 0o644)
			write("testdata/api.txt", api, 0o644)
			git("add", "-A")
			git("commit", "-qm", "before")
			if test.tagged != "" {
				git("tag", "-a", test.tagged, "-m", "before")
			}
			write("testdata/api.txt", test.api, 0o644)
			git("add", "-A")
			git("commit", "-q", "--allow-empty", "-m", "now")
			if test.dirty {
				write("new.go", "package jwtverify\n", 0o644)
			}

			cmd := exec.CommandContext(t.Context(), "bash", ".ci/release", test.version)
			cmd.Dir = dir
			cmd.Env = append(os.Environ(), "GIT_AUTHOR_NAME=t", "GIT_AUTHOR_EMAIL=t@localhost", "GIT_COMMITTER_NAME=t", "GIT_COMMITTER_EMAIL=t@localhost")
			out, err := cmd.CombinedOutput()
			if !strings.Contains(string(out), test.want) || (err != nil) != test.fails {
				t.Fatalf("got %v and\n%s\nwant %q in it, and a failure: %t", err, out, test.want, test.fails)
			}
			tags := git("tag", "--list", "--points-at", "HEAD")
			if tagged := strings.Contains(tags, test.version) && test.version != ""; tagged == test.fails && test.tagged != test.version {
				t.Errorf("HEAD has the tags %q", tags)
			}
			if !test.fails {
				if shown := git("show", test.version); !strings.Contains(shown, "jwtverify "+test.version) || !strings.Contains(shown, "\ncommit ") {
					t.Errorf("git show prints no title or no commit:\n%s", shown)
				}
			}
		})
	}
}
