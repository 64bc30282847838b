package issuertest_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// No connection is made or taken, and nothing is left running: the engine does not
// even name what would do so.
func TestTheEngineNamesNoDialOrListen(t *testing.T) {
	for _, folder := range []string{".", "../internal/issuer"} {
		files, err := filepath.Glob(filepath.Join(folder, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v, %v", folder, files, err)
		}
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			fset := token.NewFileSet()
			file, err := parser.ParseFile(fset, name, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(file, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.Ident:
					for _, word := range []string{"Dial", "Listen"} {
						if strings.Contains(n.Name, word) {
							t.Errorf("%s names %s", fset.Position(n.Pos()), n.Name)
						}
					}
				case *ast.GoStmt:
					t.Errorf("%s starts a goroutine", fset.Position(n.Pos()))
				}
				return true
			})
		}
	}
}

// What users import into their programs has no part of a test in it.
func TestNothingImportsTestingButThisPackage(t *testing.T) {
	if testing.Short() {
		t.Skip("it runs go list")
	}
	const module = "example.com/jwtverify"
	for _, name := range []string{module, module + "/bearer", module + "/internal/issuer", module + "/cmd/jwtverify"} {
		out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", name).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		deps := strings.Fields(string(out))
		if !slices.Contains(deps, name) {
			t.Errorf("%s is not in its own list: %s", name, out)
		}
		for _, dep := range deps {
			if dep == "testing" || strings.HasPrefix(dep, "testing/") || dep == "net/http/httptest" || dep == module+"/issuertest" {
				t.Errorf("%s depends on %s", name, dep)
			}
		}
	}
}
