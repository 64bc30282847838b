package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// gremlins starts the tests of this command as go, too.
func TestMain(m *testing.M) {
	if standsIn() {
		os.Exit(standIn(os.Args[1:], os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// A module with one change of each sort: noticed, not noticed, never run, one that does
// not compile, one that importers see, one that never ends.
var smallModule = map[string]string{
	"go.mod": "module small\n\ngo 1.25\n",
	"small.go": `package small

import "small/inner"

const Limit = 2 * 3

func Max(a, b int) int {
	if a > b {
		return a
	}
	return b
}

func Joined(a, b string) string { return a + b }

func Unused(a int) int { return a + 1 }

func Count(to int) (sum int) {
	for i := 0; i != to; i++ {
		sum++
	}
	return sum + inner.Zero(to)
}
`,
	"small_test.go": `package small

import "testing"

func Test(t *testing.T) {
	if Max(1, 2) != 2 || Max(2, 1) != 2 || Joined("a", "b") != "ab" || Count(3) != 3 {
		t.Error("wrong")
	}
	if !testing.Short() {
		t.Error("want the short tests")
	}
}
`,
	"outside_test.go": `package small_test

import (
	"small"
	"testing"
)

func TestLimit(t *testing.T) {
	if small.Limit != 6 {
		t.Error("wrong")
	}
}
`,
	"inner/inner.go": `package inner

type Table[V any] struct{ value V }

func (t *Table[V]) Twice(n int) int { return n * 2 }

func Zero(n int) int { return n - n }
`,
	"inner/inner_test.go": `package inner

import "testing"

func Test(t *testing.T) {
	if new(Table[int]).Twice(2) != 4 {
		t.Error("wrong")
	}
}
`,
	"untested/untested.go": "package untested\n\nfunc Sum(a, b int) int { return a + b }\n",
	"failing/failing.go":   "package failing\n\nfunc Sum(a, b int) int { return a + b }\n",
	"failing/failing_test.go": `package failing

import "testing"

func Test(t *testing.T) { t.Error("always") }
`,
}

func writeModule(t *testing.T) (tree string) {
	tree = t.TempDir()
	for name, text := range smallModule {
		name = filepath.Join(tree, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return tree
}

func TestEachChangeIsJudged(t *testing.T) {
	work, tree := t.TempDir(), writeModule(t)
	for pkg, want := range map[string]map[string]string{
		".": {
			"small.go - ARITHMETIC_BASE: const Limit = 2 «*» 3":                                   "KILLED",
			"small.go Max CONDITIONALS_NEGATION: if a «>» b {":                                    "KILLED",
			"small.go Max CONDITIONALS_BOUNDARY: if a «>» b {":                                    "LIVED",
			`small.go Joined ARITHMETIC_BASE: func Joined(a, b string) string { return a «+» b }`: "NOT VIABLE",
			"small.go Unused ARITHMETIC_BASE: func Unused(a int) int { return a «+» 1 }":          "LIVED",
			"small.go Count CONDITIONALS_NEGATION: for i := 0; i «!=» to; i++ {":                  "KILLED",
			"small.go Count INCREMENT_DECREMENT: for i := 0; i != to; i«++» {":                    "KILLED", // it never ends
			"small.go Count INCREMENT_DECREMENT: sum«++»":                                         "KILLED",
			"small.go Count ARITHMETIC_BASE: return sum «+» inner.Zero(to)":                       "LIVED",
		},
		"inner": {
			"inner/inner.go Table.Twice ARITHMETIC_BASE: func (t *Table[V]) Twice(n int) int { return n «*» 2 }": "KILLED",
			"inner/inner.go Zero ARITHMETIC_BASE: func Zero(n int) int { return n «-» n }":                       "LIVED", // the tests of small would notice
			"inner/inner.go Zero INVERT_NEGATIVES: func Zero(n int) int { return n «-» n }":                      "LIVED",
		},
	} {
		t.Run(pkg, func(t *testing.T) {
			var progress bytes.Buffer
			mutants, err := unleash(t.Context(), work, tree, pkg, nil, &progress)
			if err != nil {
				t.Fatalf("%v\n%s", err, progress.Bytes())
			}
			got := map[string]string{}
			for _, m := range mutants {
				got[m.change.String()] = m.status
			}
			for change, status := range want {
				if got[change] != status {
					t.Errorf("%s: got %q, want %s", change, got[change], status)
				}
			}
			if len(got) != len(want) {
				t.Errorf("got %d changes, want %d: %v", len(got), len(want), got)
			}
		})
	}
}

func TestPackagesThatCannotBeJudged(t *testing.T) {
	work, tree := t.TempDir(), writeModule(t)
	for pkg, want := range map[string]string{
		"untested": "./untested has no tests",
		"failing":  "testing the unchanged package: exit status 1\n=== RUN   Test\n    failing_test.go:5: always",
	} {
		var progress bytes.Buffer
		if _, err := unleash(t.Context(), work, tree, pkg, nil, &progress); err == nil || !strings.Contains(progress.String(), want) {
			t.Errorf("%s: got error %v, want %q in the output:\n%s", pkg, err, want, progress.Bytes())
		}
	}
}

// The time of small packages is that of one link and no compilation but their own.
func TestOnlyTheChangedPackageIsCompiled(t *testing.T) {
	tree := writeModule(t)
	t.Chdir(tree)
	realGo, err := exec.LookPath("go")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(realGoVar, realGo)
	r, err := newRecipe(".")
	if err != nil {
		t.Fatal(err)
	}
	// What a full build needs is taken away.
	if err := os.WriteFile("outside_test.go", []byte("package small_test\n\nvar _ = nothing\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	change := func(old, new string) {
		if err := os.WriteFile("small.go", []byte(strings.Replace(smallModule["small.go"], old, new, 1)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	change("a > b", "a < b")
	tests, err := r.build(tree)
	if err != nil {
		t.Fatal(err)
	}
	if err := exec.Command(tests, "-test.short", "-test.run=^Test$").Run(); err == nil {
		t.Error("the tests notice nothing: they were linked with the unchanged package")
	}
	os.Remove(tests)
	change("2 * 3", "2 / 3")
	if _, err := r.build(tree); err == nil || !strings.Contains(err.Error(), "nothing") {
		t.Errorf("got error %v, want that of a full build: importers see the changed constant", err)
	}
}

func TestTheTestThatNoticedIsRemembered(t *testing.T) {
	file := filepath.Join(t.TempDir(), "small.go.killers")
	for _, test := range []struct {
		name, out string
		want      []string
	}{
		{"the first that fails", "=== RUN   TestA\n--- PASS: TestA (0.00s)\n=== RUN   TestB\n    b.go:1: x\n--- FAIL: TestB (0.01s)\nFAIL\n", []string{"TestB"}},
		{"one of whose parts fails", "=== RUN   TestC\n=== RUN   TestC/part\n--- FAIL: TestC (0.01s)\n    --- FAIL: TestC/part (0.00s)\n", []string{"TestC", "TestB"}},
		{"one that is stopped in a part", "=== RUN   TestA\n--- PASS: TestA (0.00s)\n=== RUN   TestD\n=== RUN   TestD/part\n", []string{"TestD", "TestC", "TestB"}},
		{"an example", "=== RUN   ExampleE\n--- FAIL: ExampleE (0.00s)\n", []string{"ExampleE", "TestD", "TestC", "TestB"}},
		{"one again", "--- FAIL: TestC (0.00s)\n", []string{"TestC", "ExampleE", "TestD", "TestB"}},
		{"none: the process did not get that far", "fatal error\n", []string{"TestC", "ExampleE", "TestD", "TestB"}},
		{"a fifth", "--- FAIL: FuzzF (0.00s)\n", []string{"FuzzF", "TestC", "ExampleE", "TestD", "TestB"}},
		{"a sixth", "--- FAIL: TestG (0.00s)\n", []string{"TestG", "FuzzF", "TestC", "ExampleE", "TestD"}},
	} {
		if err := remember(file, []byte(test.out)); err != nil {
			t.Fatal(err)
		}
		if got := lastKillers(file); !slices.Equal(got, test.want) {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
}

func TestQuickTestsAreFirst(t *testing.T) {
	module := t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module slow\n\ngo 1.25\n",
		"a_test.go": `package slow

import (
	"fmt"
	"testing"
	"time"
)

func TestSlow(t *testing.T)   { time.Sleep(600 * time.Millisecond) }
func TestMiddle(t *testing.T) { time.Sleep(100 * time.Millisecond) }
func TestQuick(t *testing.T)  { fmt.Print("no end of line") }

func BenchmarkNever(b *testing.B) {}
`,
	} {
		if err := os.WriteFile(filepath.Join(module, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	tests := filepath.Join(module, "slow.test")
	build := exec.Command("go", "test", "-c", "-vet=off", "-o", tests, ".")
	build.Dir = module
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Setenv(realPathVar, os.Getenv("PATH"))
	s, err := newSchedule(tests, module)
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(s.Groups); got != "[[TestQuick] [TestMiddle] [TestSlow]]" {
		t.Errorf("got %s", got)
	}
}

func TestTheLibraryIsJudged(t *testing.T) {
	packages, err := judged("../..")
	if err != nil {
		t.Fatal(err)
	}
	for folder, want := range map[string]bool{
		".": true, "bearer": true, "internal/strictjson": true, "internal/jwk": true, "internal/memo": true, "internal/challenge": true,
		"internal/issuer": false, "internal/guide": false, "internal/strictjson/strictjsontest": false, "cmd/jwtverify": false, "internal/probe": false,
	} {
		if got := slices.Contains(packages, folder); got != want {
			t.Errorf("%s is judged: %v, want %v", folder, got, want)
		}
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
		"too many reasons in an internal package":             {"LIVED", true, "internal/jwk/jwk.go", false},
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
	for _, file := range []string{"nosuchfolder/a.go", "README.md", "internal/issuer", "-x"} {
		var out bytes.Buffer
		if code := run(t.Context(), []string{file}, &out, &out); code != notStarted || !strings.Contains(out.String(), "want a package or a file of one") {
			t.Errorf("%s: exit code %d, %q", file, code, out.String())
		}
	}
}
