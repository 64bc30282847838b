package docs_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The bounds within which a reviewer can read the library in an afternoon.
const (
	mostRootCode    = 2_200 // lines of code
	mostFileLines   = 600   // of any kind
	mostRootEntries = 45
	mostVerifyLines = 60
	mostCycleFiles  = 5
	mostCode        = 4_950 // lines of code of the root and the leaves, without those that hold words
)

const shapeModule = "example.com/jwtverify"

// A shapePackage is what go list tells of a package. Paths are those below the module;
// that of the root is jwtverify.
type shapePackage struct {
	Path    string
	Doc     string
	Files   []string // from the root of the repository, those for other systems too
	Tests   []string // likewise
	Imports []string // of this module
	Tested  []string // likewise, what the tests import
}

func (p *shapePackage) internal() bool { return strings.HasPrefix(p.Path, "internal/") }

// shapePackages lists all packages of this module that are no part of a nested one.
func shapePackages(t *testing.T) map[string]*shapePackage {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-json=Dir,ImportPath,Doc,GoFiles,IgnoredGoFiles,TestGoFiles,XTestGoFiles,Imports,TestImports,XTestImports", "./...").Output()
	if err != nil {
		t.Fatal(err)
	}
	packages := map[string]*shapePackage{}
	for decoder := json.NewDecoder(bytes.NewReader(out)); decoder.More(); {
		var listed struct {
			Dir, ImportPath, Doc                                                                   string
			GoFiles, IgnoredGoFiles, TestGoFiles, XTestGoFiles, Imports, TestImports, XTestImports []string
		}
		if err := decoder.Decode(&listed); err != nil {
			t.Fatal(err)
		}
		p := &shapePackage{Path: shapePath(listed.ImportPath), Doc: listed.Doc}
		for _, name := range slices.Concat(listed.GoFiles, listed.IgnoredGoFiles, listed.TestGoFiles, listed.XTestGoFiles) {
			path := name
			if p.Path != "jwtverify" {
				path = p.Path + "/" + name
			}
			if strings.HasSuffix(name, "_test.go") {
				p.Tests = append(p.Tests, path)
			} else {
				p.Files = append(p.Files, path)
			}
		}
		p.Imports = shapeOwn(p.Path, listed.Imports)
		p.Tested = shapeOwn(p.Path, slices.Concat(listed.TestImports, listed.XTestImports))
		packages[p.Path] = p
	}
	if len(packages) < 10 || packages["jwtverify"] == nil {
		t.Fatalf("go list knows %d packages, want all of the module", len(packages))
	}
	return packages
}

func shapePath(imported string) string {
	if imported == shapeModule {
		return "jwtverify"
	}
	return strings.TrimPrefix(imported, shapeModule+"/")
}

// shapeOwn are the imports from this module, without the importer itself.
func shapeOwn(importer string, imports []string) (own []string) {
	for _, imported := range imports {
		if imported != shapeModule && !strings.HasPrefix(imported, shapeModule+"/") {
			continue
		}
		if path := shapePath(imported); path != importer && !slices.Contains(own, path) {
			own = append(own, path)
		}
	}
	return own
}

// shapeTable returns the rows of the table with this first cell in its head.
func shapeTable(t *testing.T, document, head string) (rows [][]string) {
	t.Helper()
	_, table, ok := strings.Cut(readText(t, document), "\n| "+head+" |")
	if !ok {
		t.Fatalf("%s has no table of %q", document, head)
	}
	for i, line := range strings.Split(table, "\n") {
		if i > 0 && !strings.HasPrefix(line, "|") {
			break
		}
		if i < 2 {
			continue // the rest of the head, and the rule below it
		}
		var cells []string
		for _, cell := range strings.Split(strings.Trim(line, "|"), "|") {
			cells = append(cells, strings.TrimSpace(cell))
		}
		rows = append(rows, cells)
	}
	if len(rows) == 0 {
		t.Fatalf("the table of %q in %s is empty", head, document)
	}
	return rows
}

// shapeColumn is the first column of a table.
func shapeColumn(rows [][]string) (cells []string) {
	for _, row := range rows {
		cells = append(cells, row[0])
	}
	return cells
}

// shapeSame reports in what two sets differ.
func shapeSame(t *testing.T, what string, got, want []string) {
	t.Helper()
	for _, name := range got {
		if !slices.Contains(want, name) {
			t.Errorf("%s: %s is there and not listed", what, name)
		}
	}
	for _, name := range want {
		if !slices.Contains(got, name) {
			t.Errorf("%s: %s is listed and not there", what, name)
		}
	}
}

// shapeLeaves are the packages of internal/ that docs/design.md does not let import
// anything but each other.
func shapeLeaves(t *testing.T, packages map[string]*shapePackage) (leaves []string) {
	t.Helper()
	above := shapeColumn(shapeTable(t, "docs/design.md", "package"))
	for path, p := range packages {
		if p.internal() && !slices.Contains(above, path) {
			leaves = append(leaves, path)
		}
	}
	slices.Sort(leaves)
	return leaves
}

// Imports point down only: leaves know nothing of the root, and the root nothing of what
// is above it.
func TestImportsPointDown(t *testing.T) {
	packages := shapePackages(t)
	leaves := shapeLeaves(t, packages)
	shapeSame(t, "leaves in docs/design.md", leaves, shapeColumn(shapeTable(t, "docs/design.md", "leaf")))

	order := []string{"jwtverify", "bearer", "internal/issuer", "issuertest", "internal/guide", "internal/envfile", "internal/inorder", "internal/screen", "internal/manual", "internal/local", "internal/demo", "internal/probe", "cmd/jwtverify", "examples"}
	may := map[string][]string{}
	rows := shapeTable(t, "docs/design.md", "package")
	if got := shapeColumn(rows); !slices.Equal(got, order) {
		t.Errorf("docs/design.md lists the packages %v, want %v: each below those that import it", got, order)
	}
	for _, row := range rows {
		if row[1] == "nothing" {
			row[1] = ""
		}
		for _, lower := range strings.FieldsFunc(row[1], func(r rune) bool { return r == ',' || r == ' ' }) {
			if slices.Index(order, lower) < 0 || slices.Index(order, lower) >= slices.Index(order, row[0]) {
				t.Errorf("docs/design.md lets %s import %s, which is not below it", row[0], lower)
			}
			may[row[0]] = append(may[row[0]], lower)
		}
	}
	for path, p := range packages {
		if len(p.Files) == 0 {
			continue // tests alone, which import what they like
		}
		name := path
		if strings.HasPrefix(path, "examples/") {
			name = "examples"
		}
		imports := p.Imports
		switch {
		case slices.Contains(leaves, path):
			imports = slices.Concat(imports, p.Tested)
		case !slices.Contains(order, name):
			t.Errorf("docs/design.md does not say what %s may import", path)
		}
		for _, imported := range imports {
			if !slices.Contains(leaves, imported) && !slices.Contains(may[name], imported) {
				t.Errorf("%s imports %s", path, imported)
			}
		}
	}
}

// Every package of internal/ says what it promises, and has tests of its own.
func TestInternalPackagesStandAlone(t *testing.T) {
	packages := shapePackages(t)
	used := map[string]bool{}
	for _, p := range packages {
		for _, imported := range p.Imports {
			used[imported] = true
		}
	}
	document := readText(t, "docs/design.md")
	for path, p := range packages {
		if !p.internal() {
			continue
		}
		if p.Doc == "" {
			t.Errorf("%s has no package comment", path)
		}
		if len(p.Tests) == 0 && used[path] { // others are part of a test
			t.Errorf("%s has no tests of its own", path)
		}
		if !strings.Contains(document, path) {
			t.Errorf("docs/design.md does not name %s", path)
		}
	}
}

// The files of the root that need each other are few, and docs/design.md says why.
func TestFilesThatNeedEachOther(t *testing.T) {
	edges := shapeEdges(t, ".")
	shapeSame(t, "files in docs/design.md", slices.Collect(maps.Keys(edges)), shapeColumn(shapeTable(t, "docs/design.md", "file")))

	reached := map[string]map[string]bool{} // by any way from a file
	for from := range edges {
		seen := map[string]bool{}
		var walk func(string)
		walk = func(file string) {
			for to := range edges[file] {
				if !seen[to] {
					seen[to] = true
					walk(to)
				}
			}
		}
		walk(from)
		reached[from] = seen
	}
	var cyclic []string
	for from := range edges {
		size := 0
		for to := range reached[from] {
			if reached[to][from] {
				size++
			}
		}
		if size > mostCycleFiles {
			t.Errorf("%s is one of %d files that need each other, want at most %d", from, size, mostCycleFiles)
		}
		for to := range edges[from] {
			if reached[to][from] {
				cyclic = append(cyclic, from+" → "+to)
			}
		}
	}
	rows := shapeTable(t, "docs/design.md", "edge")
	shapeSame(t, "edges in docs/design.md", cyclic, shapeColumn(rows))
	for _, row := range rows {
		if len(row) != 2 || row[1] == "" {
			t.Errorf("docs/design.md gives no reason for %s", row[0])
		}
	}
}

// shapeEdges returns for each file of a package those whose functions, methods, types,
// constants or variables it uses. Fields are not counted: they come with their type.
func shapeEdges(t *testing.T, folder string) map[string]map[string]bool {
	t.Helper()
	fset := token.NewFileSet()
	names, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	edges := map[string]map[string]bool{}
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
		edges[filepath.Base(name)] = map[string]bool{}
	}
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}}
	checker := types.Config{Importer: shapeNothing{}, Error: func(error) {}}
	pkg, _ := checker.Check(folder, fset, files, info)
	for ident, object := range info.Uses {
		_, function := object.(*types.Func) // methods are in no scope
		if object.Pkg() != pkg || object.Parent() != pkg.Scope() && !function {
			continue
		}
		from, to := filepath.Base(fset.Position(ident.Pos()).Filename), filepath.Base(fset.Position(object.Pos()).Filename)
		if from != to {
			edges[from][to] = true
		}
	}
	return edges
}

// shapeNothing stands for every import: what a package declares is known without them.
type shapeNothing struct{}

func (shapeNothing) Import(path string) (*types.Package, error) {
	empty := types.NewPackage(path, filepath.Base(path))
	empty.MarkComplete()
	return empty, nil
}

// shapeCode counts the lines of a text that are neither blank nor a comment.
func shapeCode(text string) (n int) {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "//") {
			n++
		}
	}
	return n
}

// What tells people why a token is refused: it decides nothing, and may grow.
var words = map[string]bool{"internal/diagnosis": true, "internal/notjwt": true, "internal/notkeys": true}

// The root can be read: it is small, and so are its files, its list of files and verify.
func TestSizes(t *testing.T) {
	packages := shapePackages(t)
	root, all := 0, 0
	for _, path := range append(shapeLeaves(t, packages), "jwtverify") {
		if strings.HasSuffix(path, "test") {
			continue // for tests
		}
		for _, name := range packages[path].Files {
			text := readText(t, name)
			if !words[path] {
				all += shapeCode(text)
			}
			if path != "jwtverify" {
				continue
			}
			root += shapeCode(text)
			if lines := strings.Count(text, "\n"); lines > mostFileLines {
				t.Errorf("%s has %d lines, want at most %d", name, lines, mostFileLines)
			}
		}
	}
	t.Logf("%d lines of code in the root, %d with the leaves", root, all)
	if root > mostRootCode || root < mostRootCode/2 {
		t.Errorf("the root has %d lines of code, want at most %d", root, mostRootCode)
	}
	if all > mostCode {
		t.Errorf("the root and the leaves have %d lines of code, want at most %d", all, mostCode)
	}

	file, err := parser.ParseFile(token.NewFileSet(), "verify.go", nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	text, found := readText(t, "verify.go"), false
	for _, declaration := range file.Decls {
		if f, ok := declaration.(*ast.FuncDecl); ok && f.Name.Name == "verify" {
			found = true
			body := text[f.Type.Pos()-file.FileStart : f.End()-file.FileStart]
			if lines := strings.Count(body, "\n") + 1; lines > mostVerifyLines {
				t.Errorf("verify has %d lines, want at most %d", lines, mostVerifyLines)
			}
		}
	}
	if !found {
		t.Error("verify.go has no function verify")
	}
}

func TestRootEntries(t *testing.T) {
	if _, err := os.Stat(".git"); err != nil {
		t.Skip("not a checkout of git")
	}
	out, err := exec.CommandContext(t.Context(), "git", "ls-files").Output()
	if err != nil {
		t.Skip(err)
	}
	entries := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		entry, _, _ := strings.Cut(strings.TrimSpace(line), "/")
		entries[entry] = true
	}
	if len(entries) > mostRootEntries {
		t.Errorf("the root has %d entries, want at most %d: %v", len(entries), mostRootEntries, slices.Sorted(maps.Keys(entries)))
	}
}

// docs/trust.md shares the files of the library out to three sittings, with their lines
// of code. `go test ./docs -run TestSittings -update` counts them anew.
func TestSittings(t *testing.T) {
	const document = "docs/trust.md"
	sittings := []string{"what is accepted", "where keys come from", "choosing, remembering and explaining"}
	counted := regexp.MustCompile(`^(\S+\.go|all) +([\d,]+)$`)
	packages := shapePackages(t)
	var want, got []string
	for _, path := range append(shapeLeaves(t, packages), "jwtverify") {
		if !strings.HasSuffix(path, "test") { // for tests
			want = append(want, packages[path].Files...)
		}
	}

	text := readText(t, document)
	anew := text
	for _, sitting := range sittings {
		_, section, found := strings.Cut(text, "\n### "+strings.ToUpper(sitting[:1])+sitting[1:]+"\n")
		_, list, begun := strings.Cut(section, "```text\n")
		list, _, ended := strings.Cut(list, "```")
		if !found || !begun || !ended {
			t.Fatalf("%s has no section %q with a list", document, sitting)
		}
		sum, right := 0, ""
		for line := range strings.Lines(list) {
			match := counted.FindStringSubmatch(strings.TrimSpace(line))
			if match == nil {
				t.Fatalf("%s: %q is no file and its lines", document, line)
			}
			n := sum
			if match[1] != "all" {
				n = shapeCode(readText(t, match[1]))
				sum += n
				if slices.Contains(got, match[1]) {
					t.Errorf("%s lists %s twice", document, match[1])
				}
				got = append(got, match[1])
			}
			right += fmt.Sprintf("%-36s %5s\n", match[1], shapeNumber(n))
		}
		if !strings.Contains(right, "\nall ") {
			t.Errorf("%s: %q has no sum", document, sitting)
		}
		if list != right {
			if !*update {
				t.Errorf("%s: the lines of %q have changed, run with -update; now they are\n%s", document, sitting, right)
			}
			anew = strings.Replace(anew, list, right, 1)
		}
	}
	shapeSame(t, "files in "+document, want, got)
	if *update && anew != text {
		if err := os.WriteFile(document, []byte(anew), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// shapeNumber writes 1234 as 1,234.
func shapeNumber(n int) string {
	if n < 1000 {
		return strconv.Itoa(n)
	}
	return fmt.Sprintf("%s,%03d", shapeNumber(n/1000), n%1000)
}

// docs/design.md names tests that are there: at least one for each promise, of which
// SECURITY.md has the same number, and for each invariant. Its parameters are constants
// of the root.
func TestDesign(t *testing.T) {
	document := readText(t, "docs/design.md")
	checkNamedTests(t, document)

	section := func(name, title string) string {
		_, section, ok := strings.Cut(readText(t, name), "\n## "+title+"\n")
		if !ok {
			t.Fatalf("%s has no section %q", name, title)
		}
		section, _, _ = strings.Cut(section, "\n## ")
		return section
	}
	numbered := regexp.MustCompile(`(?m)^\d+\. `)
	promises := numbered.Split(section("docs/design.md", "Promises"), -1)[1:]
	if n := len(numbered.FindAllString(section("SECURITY.md", "What is promised"), -1)); len(promises) != n {
		t.Errorf("docs/design.md has %d promises, SECURITY.md %d", len(promises), n)
	}
	for i, promise := range promises {
		if !namedTest.MatchString(promise) {
			t.Errorf("no test stands behind promise %d", i+1)
		}
	}

	random := readText(t, "cache_random_test.go") // the tests of all invariants that name no other
	invariants := regexp.MustCompile(`(?m)^- \*\*I\d+\*\* `).Split(document, -1)[1:]
	if len(invariants) != 13 {
		t.Errorf("docs/design.md has %d invariants, want 13", len(invariants))
	}
	for i, invariant := range invariants {
		invariant, _, _ = strings.Cut(invariant, "\n\n")
		if !namedTest.MatchString(invariant) && !regexp.MustCompile(fmt.Sprintf(`"I%d[":]`, i+1)).MatchString(random) {
			t.Errorf("no test stands behind I%d", i+1)
		}
	}

	declared := ""
	for file := range shapeEdges(t, ".") {
		declared += readText(t, file)
	}
	names := regexp.MustCompile("`(\\w+)`")
	for _, row := range shapeTable(t, "docs/design.md", "name") {
		for _, match := range names.FindAllStringSubmatch(row[0], -1) {
			if !regexp.MustCompile(`(?m)^(?:\t|const )` + match[1] + `\s+=`).MatchString(declared) {
				t.Errorf("docs/design.md: there is no constant %s", match[1])
			}
		}
	}
}
