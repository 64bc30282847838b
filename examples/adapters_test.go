package examples_test

import (
	"bytes"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// What some files call, as methods or as functions of packages, and what they compare.
type calls struct{ called, compared map[string]bool }

func callsIn(t *testing.T, sources ...string) calls {
	t.Helper()
	c := calls{map[string]bool{}, map[string]bool{}}
	for _, source := range sources {
		file, err := parser.ParseFile(token.NewFileSet(), "", source, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(node ast.Node) bool {
			switch node := node.(type) {
			case *ast.CallExpr:
				if selector, ok := node.Fun.(*ast.SelectorExpr); ok {
					c.called[selector.Sel.Name] = true
				}
			case *ast.BinaryExpr:
				ast.Inspect(node.X, func(operand ast.Node) bool {
					if name, ok := operand.(*ast.Ident); ok {
						c.compared[name.Name] = true
					}
					return true
				})
			}
			return true
		})
	}
	return c
}

// missing says what the tests of an example don't do that they must. Behind a Mux, of
// which the tests of bearer count the runs, Suite is enough; whatever else stands between
// a token and a handler is counted here.
func missing(program, tests calls) string {
	adapts := !program.called["NewMux"] || program.called["Admit"] || program.called["Parse"] || program.called["Verify"]
	counts := tests.called["Suite"] && tests.called["Ran"] ||
		tests.called["BadTokens"] && (tests.compared["runs"] || tests.compared["ran"])
	switch {
	case adapts && !counts:
		return "no test counts how often a handler runs: call Issuer.Ran in one, and give it to Suite; without HTTP, send it each of Issuer.BadTokens, and compare its runs"
	case !counts && !tests.called["Suite"]:
		return "no test gives the API to Suite"
	}
	return ""
}

// An adapter that answers and runs the handler all the same looks right from outside. So
// the tests of each example count.
func TestExamplesCountRuns(t *testing.T) {
	for _, name := range folders(t) {
		paths, err := filepath.Glob(name + "/*.go")
		if err != nil {
			t.Fatal(err)
		}
		var program, tests []string
		for _, path := range paths {
			source := readFile(t, path)
			if strings.HasSuffix(path, "_test.go") {
				tests = append(tests, source)
			} else {
				program = append(program, source)
			}
		}
		if fault := missing(callsIn(t, program...), callsIn(t, tests...)); fault != "" {
			t.Errorf("examples/%s: %s", name, fault)
		}
	}
}

func TestMissingCountsAreFound(t *testing.T) {
	const mux, admit, verify = "guard.NewMux()", "guard.Admit(w, r)", "verifier.Verify(ctx, raw)"
	for _, test := range []struct {
		name, program, tests string
		found                bool
	}{
		{"a Mux and no test", mux, "", true},
		{"a Mux and Suite", mux, `iss.Suite(t, api)`, false},
		{"a router and Suite", `router.Use(guard.Require())`, `iss.Suite(t, api)`, true},
		{"a router, Suite and Ran", `router.Use(guard.Require())`, `iss.Ran(); iss.Suite(t, api)`, false},
		{"Ran without Suite", `router.Use(guard.Require())`, `iss.Ran()`, true},
		{"an adapter beside a Mux and Suite", mux + ";" + admit, `iss.Suite(t, api)`, true},
		{"a Verifier and bad tokens", verify, `iss.BadTokens()`, true},
		{"a Verifier and bad tokens whose runs are counted", verify, `iss.BadTokens(); if runs != 0 { t.Error(runs) }`, false},
		{"a Verifier and runs without bad tokens", verify, `if runs.Load() != 0 { t.Error(runs) }`, true},
		{"the names alone", admit, `Ran(); Suite(); _ = runs`, true},
	} {
		in := func(body string) calls { return callsIn(t, "package p; func f() { "+body+" }") }
		if got := missing(in(test.program), in(test.tests)); (got != "") != test.found {
			t.Errorf("%s: got %q, want a fault: %t", test.name, got, test.found)
		}
	}
}

// What people copy from a document is what a test has run: code that brings a guard into a
// framework is, byte for byte, a part of an example. In comments it is so but for the
// indentation and the scopes.
func TestAdaptersInDocumentsAreThoseOfExamples(t *testing.T) {
	var examples []string
	for _, path := range glob(t, "*/*.go") {
		if !strings.HasSuffix(path, "_test.go") {
			examples = append(examples, readFile(t, path))
		}
	}
	inExamples := func(block string, change func(string) string) bool {
		for _, example := range examples {
			if strings.Contains(change(example), change(block)) {
				return true
			}
		}
		return false
	}
	adapter := regexp.MustCompile(`\b(?:gin|echo|fiber|connect|grpc)\.\w|\.Admit\(`)

	found := 0
	for _, path := range append(glob(t, "../*.md", "../docs/*.md", "../deploy/*.md", "*.md", "*/*.md"), "../CHANGELOG.md") {
		for _, match := range regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(readFile(t, path), -1) {
			if !adapter.MatchString(match[1]) {
				continue
			}
			found++
			if !inExamples(match[1], func(code string) string { return code }) {
				t.Errorf("%s: no example has this adapter, so nothing counts the runs behind it:\n%s", path, match[1])
			}
		}
	}
	if found < 2 {
		t.Errorf("found %d adapters in the documents, want those of gin and echo in README.md at least", found)
	}

	found = 0
	comment := regexp.MustCompile(`(?m)(?:^//\t.*\n(?:^//\n)?)+`)
	loose := func(code string) string {
		return strings.ReplaceAll(regexp.MustCompile(`(?m)^\s+|\n`).ReplaceAllString(code, ""), `"orders:read"`, "scopes...")
	}
	for _, path := range glob(t, "../*.go", "../bearer/*.go") {
		for _, block := range comment.FindAllString(readFile(t, path), -1) {
			if !adapter.MatchString(block) || strings.HasSuffix(path, "_test.go") {
				continue
			}
			found++
			if code := regexp.MustCompile(`(?m)^//\t?`).ReplaceAllString(block, ""); !inExamples(code, loose) {
				t.Errorf("%s: no example has this adapter:\n%s", path, block)
			}
		}
	}
	if found < 1 {
		t.Error("found no adapter in comments, want that of gin at least")
	}
}

// Adapters are to be copied: each is a function of ten lines at most.
func TestAdaptersAreShort(t *testing.T) {
	for _, adapter := range []struct{ path, name string }{{"gin/main.go", "require"}, {"gin/main.go", "permit"}, {"echo/main.go", "require"}, {"connect/main.go", "reject"}} {
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, adapter.path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		object := (*ast.FuncDecl)(nil)
		for _, declaration := range file.Decls {
			if f, ok := declaration.(*ast.FuncDecl); ok && f.Name.Name == adapter.name {
				object = f
			}
		}
		if object == nil {
			t.Errorf("%s has no function %s", adapter.path, adapter.name)
			continue
		}
		var body bytes.Buffer
		if err := format.Node(&body, fset, object.Body); err != nil {
			t.Fatal(err)
		}
		if lines := strings.Count(body.String(), "\n") - 1; lines > 10 {
			t.Errorf("%s in %s has %d lines, want at most 10", adapter.name, adapter.path, lines)
		}
	}
}

func glob(t *testing.T, patterns ...string) (paths []string) {
	t.Helper()
	for _, pattern := range patterns {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, found...)
	}
	return paths
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}
