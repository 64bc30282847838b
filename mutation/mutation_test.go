package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A module with one change of each sort: noticed, not noticed, never run, and one that
// does not compile.
var smallModule = map[string]string{
	"go.mod": "module small\n\ngo 1.25\n",
	"small.go": `package small

func Max(a, b int) int {
	if a > b {
		return a
	}
	return b
}

func Joined(a, b string) string { return a + b }

func Unused(a int) int { return a + 1 }
`,
	"small_test.go": `package small

import "testing"

func Test(t *testing.T) {
	if Max(1, 2) != 2 || Max(2, 1) != 2 || Joined("a", "b") != "ab" {
		t.Error("wrong")
	}
	if !testing.Short() {
		t.Error("want the short tests")
	}
}
`,
}

func TestEachChangeIsJudged(t *testing.T) {
	work, tree := t.TempDir(), t.TempDir()
	for name, text := range smallModule {
		if err := os.WriteFile(filepath.Join(tree, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var progress bytes.Buffer
	mutants, err := unleash(t.Context(), work, tree, ".", nil, &progress)
	if err != nil {
		t.Fatalf("%v\n%s", err, progress.Bytes())
	}
	got := map[string]string{}
	for _, m := range mutants {
		got[m.change.String()] = m.status
	}
	want := map[string]string{
		"small.go Max CONDITIONALS_NEGATION: if a «>» b {":                                    "KILLED",
		"small.go Max CONDITIONALS_BOUNDARY: if a «>» b {":                                    "LIVED",
		`small.go Joined ARITHMETIC_BASE: func Joined(a, b string) string { return a «+» b }`: "NOT VIABLE",
		"small.go Unused ARITHMETIC_BASE: func Unused(a int) int { return a «+» 1 }":          "LIVED",
	}
	for change, status := range want {
		if got[change] != status {
			t.Errorf("%s: got %q, want %s", change, got[change], status)
		}
	}
	if len(got) != len(want) {
		t.Errorf("got %d changes, want %d: %v", len(got), len(want), got)
	}
}

func TestTheVerdict(t *testing.T) {
	at := func(file, line string) change { return change{file, "f", "INVERT_LOGICAL", line} }
	for name, test := range map[string]struct {
		status    string
		explained bool
		file      string
		ok        bool
	}{
		"a change that is noticed":                            {"KILLED", false, "explain.go", true},
		"a change that never ends":                            {"TIMED OUT", false, "explain.go", true},
		"a change that does not compile is none":              {"NOT VIABLE", false, "explain.go", true},
		"a change that is not noticed":                        {"LIVED", false, "explain.go", false},
		"code that gremlins left alone":                       {"NOT COVERED", false, "explain.go", false},
		"a change that is not noticed, with the reason":       {"LIVED", true, "explain.go", true},
		"a reason for a change that is noticed":               {"KILLED", true, "explain.go", false},
		"too many reasons in a file that must be well tested": {"LIVED", true, "verify.go", false},
		"too many reasons in bearer":                          {"LIVED", true, "bearer/scope.go", false},
	} {
		t.Run(name, func(t *testing.T) {
			explained := map[change]string{}
			if test.explained {
				explained[at(test.file, "a «&&» b")] = "reason"
			}
			mutants := []mutant{{at(test.file, "a «&&» b"), 1, test.status}}
			for range 9 {
				mutants = append(mutants, mutant{at(test.file, "c «&&» d"), 2, "KILLED"})
			}
			r := judge(mutants, explained, true)
			var out bytes.Buffer
			r.print(&out)
			if r.ok() != test.ok {
				t.Errorf("ok is %v, want %v:\n%s", r.ok(), test.ok, out.Bytes())
			}
		})
	}
}

func TestTheListOfReasons(t *testing.T) {
	list, err := parseEquivalents("# comment\n\njson.go jsonReader.skip INVERT_LOGICAL: if a «&&» b: c {\n\tfirst\n\tsecond\n")
	if err != nil {
		t.Fatal(err)
	}
	if got := list[change{"json.go", "jsonReader.skip", "INVERT_LOGICAL", "if a «&&» b: c {"}]; got != "first second" || len(list) != 1 {
		t.Errorf("got %q of %v", got, list)
	}
	for text, want := range map[string]string{
		"\treason\n":                            "line 1: a reason without a change",
		"json.go INVERT_LOGICAL: a\n\treason\n": "line 1: got",
		"a.go f KIND: a\n":                      "no reason for a.go f KIND: a",
		"a.go f KIND: a\n\treason\na.go f KIND: a\n\treason\n": "line 3: this change is listed twice",
	} {
		if _, err := parseEquivalents(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got error %v, want %q in it", text, err, want)
		}
	}
}

func TestTheListIsReadable(t *testing.T) {
	text, err := os.ReadFile("equivalent.txt")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parseEquivalents(string(text)); err != nil {
		t.Error(err)
	}
}

func TestUsage(t *testing.T) {
	for _, file := range []string{"nosuchfolder/a.go", "README.md", "-x"} {
		var out bytes.Buffer
		if code := run(t.Context(), []string{file}, &out, &out); code != notStarted || !strings.Contains(out.String(), "want a file of the root package") {
			t.Errorf("%s: exit code %d, %q", file, code, out.String())
		}
	}
}
