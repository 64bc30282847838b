package docs_test

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A tag of an action can be moved to other code; a commit cannot.
func TestWorkflowsAreReadOnlyAndPinned(t *testing.T) {
	workflows, err := filepath.Glob(".github/workflows/*.yml")
	if err != nil || len(workflows) == 0 {
		t.Fatalf("there is no workflow (%v)", err)
	}
	pinned := regexp.MustCompile(`^\s+- uses: [\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$`)
	runs := false
	for _, name := range workflows {
		text := readText(t, name)
		if !strings.Contains(text, "\npermissions:\n  contents: read\n\njobs:") || strings.Contains(text, ": write") {
			t.Errorf("%s: its token can do more than read", name)
		}
		for line := range strings.Lines(text) {
			line = strings.TrimSuffix(line, "\n")
			if strings.Contains(line, "uses:") && !pinned.MatchString(line) {
				t.Errorf("%s: %q: want a commit and its version, such as actions/checkout@<40 digits> # v7.0.1", name, line)
			}
			runs = runs || strings.TrimSpace(line) == "- run: .ci/run"
		}
	}
	if !runs {
		t.Error("no workflow runs .ci/run")
	}
}

func TestDependabotKnowsAllModules(t *testing.T) {
	var modules []string
	err := fs.WalkDir(os.DirFS("."), ".", func(name string, _ fs.DirEntry, err error) error {
		if path.Base(name) == "go.mod" && !strings.Contains(name, "testdata") {
			modules = append(modules, strings.TrimSuffix("/"+path.Dir(name), "/."))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, dir := range modules {
		if dir == "" {
			modules[i] = "/"
		}
	}
	slices.Sort(modules)
	var listed []string
	for _, match := range regexp.MustCompile(`(?m)^      - (/\S*)$`).FindAllStringSubmatch(readText(t, ".github/dependabot.yml"), -1) {
		listed = append(listed, match[1])
	}
	if diff := cmp.Diff(modules, listed); diff != "" {
		t.Errorf("modules (-) and what .github/dependabot.yml lists (+):\n%s", diff)
	}
}

func TestAReportOfATokenAsksForExplain(t *testing.T) {
	form := readText(t, ".github/ISSUE_TEMPLATE/verdict.yml")
	for _, want := range []string{"jwtverify explain --json", "jwtverify version", "Never post a token"} {
		if !strings.Contains(form, want) {
			t.Errorf("verdict.yml does not say %q", want)
		}
	}
}
