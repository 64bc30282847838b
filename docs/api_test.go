package docs_test

import (
	"flag"
	"fmt"
	"go/ast"
	"go/doc"
	"go/format"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write anew what the tests compare: testdata/api.txt, the lines in docs/trust.md")

// The exported API is a promise: a change shows here, and is announced in the
// changelog. `go test ./docs -run TestAPI -update` writes it down.
func TestAPI(t *testing.T) {
	const golden = "testdata/api.txt"
	got := ""
	for _, folder := range []string{".", "bearer", "issuertest"} {
		got += "# " + path.Join("example.com/jwtverify", folder) + "\n\n" + exportedAPI(t, folder)
	}
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("the exported API has changed (-listed +now); if that is meant, run with -update and say so in CHANGELOG.md:\n%s", diff)
	}
}

// exportedAPI lists the exported declarations of the package in a folder, without
// comments and function bodies.
func exportedAPI(t *testing.T, folder string) string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	fset := token.NewFileSet()
	var files []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(fset, name, nil, parser.SkipObjectResolution) // without comments
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	pkg, err := doc.NewFromFiles(fset, files, "example.com/jwtverify")
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	write := func(decl ast.Node) {
		if function, ok := decl.(*ast.FuncDecl); ok {
			function.Body = nil
		}
		if err := format.Node(&out, fset, decl); err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(&out, "\n\n")
	}
	values := func(list []*doc.Value) {
		for _, value := range list {
			for _, name := range value.Names {
				if ast.IsExported(name) {
					fmt.Fprintf(&out, "%s %s\n\n", value.Decl.Tok, name)
				}
			}
		}
	}
	functions := func(list []*doc.Func) {
		for _, function := range list {
			write(function.Decl)
		}
	}
	values(pkg.Consts)
	values(pkg.Vars)
	functions(pkg.Funcs)
	for _, typ := range pkg.Types {
		write(typ.Decl)
		values(typ.Consts)
		values(typ.Vars)
		functions(typ.Funcs)
		functions(typ.Methods)
	}
	return out.String()
}
