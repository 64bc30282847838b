package docs_test

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// goFiles parses the files of a folder that are no tests.
func goFiles(t *testing.T, folder string) (*token.FileSet, []*ast.File) {
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
		file, err := parser.ParseFile(fset, name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	return fset, files
}

const module = "example.com/jwtverify"

// libraryFolders are the folders of the library and of all that it is made of: the
// packages of this module that it imports, directly or not.
func libraryFolders(t *testing.T) []string {
	t.Helper()
	folders := []string{"."}
	for i := 0; i < len(folders); i++ { // it grows on the way
		_, files := goFiles(t, folders[i])
		for _, file := range files {
			for _, spec := range file.Imports {
				folder, ours := strings.CutPrefix(strings.Trim(spec.Path.Value, `"`), module+"/")
				if ours && !slices.Contains(folders, folder) {
					folders = append(folders, folder)
				}
			}
		}
	}
	return folders
}

// The library and what it is made of have no init, no variable that is ever written, no
// panic, no logging, and start a goroutine nowhere but for a fetch, for a source inside
// another during a fetch, and in Ready of Issuers, which waits for it.
func TestNothingIsHidden(t *testing.T) {
	folders := libraryFolders(t)
	if len(folders) < 8 {
		t.Errorf("looked into %v, want the root and the internal packages", folders)
	}
	goroutines := map[string]int{}
	for _, folder := range folders {
		checkNothingHidden(t, folder, goroutines)
	}
	if want := map[string]int{"cache.go": 1, "internal/aside/aside.go": 1, "issuers.go": 1}; !maps.Equal(goroutines, want) {
		t.Errorf("goroutines are started in %v, want %v", goroutines, want)
	}
}

// checkNothingHidden looks into one folder and counts what starts goroutines, by file.
func checkNothingHidden(t *testing.T, folder string, goroutines map[string]int) {
	t.Helper()
	fset, files := goFiles(t, folder)
	// The imports are not read: what is declared here is known without them.
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}}
	checker := types.Config{Error: func(error) {}, Importer: noImporter{}}
	pkg, _ := checker.Check("jwtverify", fset, files, info)
	global := func(expression ast.Expr) bool {
		for {
			switch e := expression.(type) {
			case *ast.IndexExpr:
				expression = e.X
			case *ast.SelectorExpr:
				expression = e.X
			case *ast.StarExpr:
				expression = e.X
			case *ast.ParenExpr:
				expression = e.X
			case *ast.Ident:
				variable, ok := info.Uses[e].(*types.Var)
				return ok && variable.Parent() == pkg.Scope()
			default:
				return false
			}
		}
	}
	for _, file := range files {
		name := fset.Position(file.Pos()).Filename
		for _, spec := range file.Imports {
			if path := strings.Trim(spec.Path.Value, `"`); path == "log" || path == "log/slog" || path == "testing" || path == "unsafe" {
				t.Errorf("%s imports %s", name, path)
			}
		}
		ast.Inspect(file, func(node ast.Node) bool {
			at := func() string { return fset.Position(node.Pos()).String() }
			switch n := node.(type) {
			case *ast.FuncDecl:
				if n.Name.Name == "init" {
					t.Errorf("%s: an init", at())
				}
			case *ast.GoStmt:
				goroutines[name]++
			case *ast.CallExpr:
				if ident, ok := n.Fun.(*ast.Ident); ok && (ident.Name == "panic" || ident.Name == "print" || ident.Name == "println") {
					t.Errorf("%s: a call of %s", at(), ident.Name)
				}
				if selector, ok := n.Fun.(*ast.SelectorExpr); ok && selector.Sel.Name == "Go" {
					goroutines[name]++
				}
			case *ast.SelectorExpr:
				x, _ := n.X.(*ast.Ident)
				if x != nil && (x.Name == "fmt" && strings.HasPrefix(n.Sel.Name, "Print") || x.Name == "os" && (n.Sel.Name == "Stdout" || n.Sel.Name == "Stderr")) {
					t.Errorf("%s: %s.%s writes where nobody asked for it", at(), x.Name, n.Sel.Name)
				}
			case *ast.AssignStmt:
				if n.Tok != token.DEFINE && slices.ContainsFunc(n.Lhs, global) {
					t.Errorf("%s: a variable of the package is written", at())
				}
			case *ast.IncDecStmt:
				if global(n.X) {
					t.Errorf("%s: a variable of the package is written", at())
				}
			}
			return true
		})
	}
}

type noImporter struct{}

func (noImporter) Import(string) (*types.Package, error) { return nil, errors.New("not imported") }

// Whoever imports a package of this module gets the standard library with it, and
// nothing else.
func TestStandardLibraryAlone(t *testing.T) {
	checked := 0
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() {
			return err
		}
		nested, _ := filepath.Glob(filepath.Join(path, "go.mod"))
		if path != "." && (len(nested) > 0 || strings.HasPrefix(entry.Name(), ".") || slices.Contains([]string{"cmd", "testdata"}, entry.Name())) {
			return filepath.SkipDir // a module of its own, or nothing that others import
		}
		_, files := goFiles(t, path)
		for _, file := range files {
			checked++
			for _, spec := range file.Imports {
				imported := strings.Trim(spec.Path.Value, `"`)
				first, _, _ := strings.Cut(imported, "/")
				if strings.Contains(first, ".") && imported != module && !strings.HasPrefix(imported, module+"/") {
					t.Errorf("%s imports %s", path, imported)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if checked < 10 {
		t.Errorf("looked into %d files, want all of the library", checked)
	}
}
