package docs_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

func readText(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// unindented is code without indentation and empty lines, with line breaks at both ends.
func unindented(code string) string {
	out := "\n"
	for line := range strings.Lines(code) {
		if line = strings.TrimSpace(line); line != "" {
			out += line + "\n"
		}
	}
	return out
}

// testNames are the names of all tests, fuzz targets and examples, those of folders other
// than the root and this one with the folder's name before them: bearer.TestParse.
var testNames = sync.OnceValues(func() (names []string, err error) {
	functions := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Example)\w*)\(`)
	err = filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		prefix := ""
		if dir := filepath.Dir(path); dir != "." && dir != "docs" {
			prefix = filepath.Base(dir) + "."
		}
		source, err := os.ReadFile(path)
		for _, match := range functions.FindAllSubmatch(source, -1) {
			names = append(names, prefix+string(match[1]))
		}
		return err
	})
	return names, err
})

var namedTest = regexp.MustCompile("`((?:\\w+\\.)?(?:Test|Fuzz|Example)\\w*)(?:/[^`]*)?`")

// checkNamedTests reports tests that a document names and nobody has written.
func checkNamedTests(t *testing.T, document string) (named []string) {
	t.Helper()
	known, err := testNames()
	if err != nil {
		t.Fatal(err)
	}
	for _, match := range namedTest.FindAllStringSubmatch(document, -1) {
		named = append(named, match[1])
		if !slices.Contains(known, match[1]) {
			t.Errorf("there is no %s", match[1])
		}
	}
	return named
}

// docs/issuers.md holds nothing but code that the tests run, and a Config, a test and an
// example for each provider.
func TestDocsIssuers(t *testing.T) {
	document := readText(t, "docs/issuers.md")
	checkNamedTests(t, document)
	examples := unindented(readText(t, "docs/providers_example_test.go")) + unindented(readText(t, "example_test.go"))
	tests := unindented(readText(t, "docs/providers_test.go"))
	goBlocks := regexp.MustCompile("(?s)```go\n(.*?)```")

	for _, match := range goBlocks.FindAllStringSubmatch(document, -1) {
		if !strings.Contains(examples, unindented(match[1])) {
			t.Errorf("neither providers_example_test.go nor example_test.go holds this block:\n%s", match[1])
		}
	}

	var sections []string
	for _, section := range strings.Split(document, "\n## ")[1:] {
		title, body, _ := strings.Cut(section, "\n")
		sections = append(sections, title)
		configs := 0
		for _, match := range goBlocks.FindAllStringSubmatch(body, -1) {
			code := unindented(match[1])
			if !strings.Contains(code, "\nconfig := jwtverify.Config{\n") {
				continue
			}
			if configs++; configs == 1 && !strings.Contains(tests, code) {
				t.Errorf("%s: providers_test.go does not hold this block:\n%s", title, match[1])
			}
		}
		if _, ok := providers(t)[title]; !ok {
			continue
		}
		if test := "`TestProviders/" + strings.ReplaceAll(title, " ", "_") + "`"; configs == 0 || !strings.Contains(body, test) || !strings.Contains(body, "`Example_") {
			t.Errorf("%s has %d Configs, want one, %s and an example", title, configs, test)
		}
		if !strings.Contains(document, "](#"+strings.ToLower(strings.ReplaceAll(title, " ", "-"))+")") {
			t.Errorf("no link at the top leads to %s", title)
		}
	}
	if sections[0] != "AuthAction" {
		t.Errorf("the first provider is %s, want AuthAction", sections[0])
	}
	for name := range providers(t) {
		if !slices.Contains(sections, name) {
			t.Errorf("%s has a test and no section", name)
		}
	}
}

// The commands of the documents that have no test of their own next to them: each is
// known here by what runs it, a script or a test, and the text found there. Those of
// README.md and docs/command.md are run by TestREADMECommands, those of examples/README.md by its TestREADME.
var ranBy = map[string]struct{ file, text string }{
	"go test ./...": {".ci/run", "go test ./..."},
	".ci/run":       {".ci/run", "set -euo pipefail"},

	"go test -run TestComparison .":            {".ci/run", "go vet ./... && go test ./..."},
	"go test -run TestComparison . -update":    {"benchmarks/comparison_test.go", `flag.Bool("update"`},
	"go run .":                                 {".ci/full", "(cd benchmarks && go run .)"},
	"go run . -write":                          {"benchmarks/document_test.go", "measure(quickly)"},
	"go run . -quick":                          {"benchmarks/document_test.go", "measure(quickly)"},
	"go test ./migrate":                        {".ci/run", "go vet ./... && go test ./..."},
	"go test ./migrate -update":                {"benchmarks/migrate/migrate_test.go", `flag.Bool("update"`},
	"jwtverify explain --token-file token.txt": {"cmd/jwtverify/testdata/explain.txt", "$ jwtverify explain --token-file token.txt"},

	"./install.sh && CONFORMANCE_REQUIRE=1 go test ./...":                      {".ci/full", "./install.sh && CONFORMANCE_REQUIRE=1 go test"},
	"(cd providers && go test ./...)":                                          {".ci/full", "(cd conformance/providers && CONFORMANCE_REQUIRE=1 go test"},
	"go test -run '^$' -fuzz FuzzPeers -fuzztime 1h -fuzzminimizetime 1x .":    {".ci/full", "go test -run '^$' -fuzz FuzzPeers -fuzztime 10m -fuzzminimizetime 1x ."},
	"go test -run TestRandomSamples -v . -samples 1000000 -seed 2 -timeout 2h": {".ci/full", "go test -run TestRandomSamples . -samples 200000 -seed 1000"},

	"(cd .ci/mutation && go run .)": {".ci/full", "(cd .ci/mutation && go run .)"},
	"go run ./soak -for 10m":        {".ci/full", "(cd benchmarks && go run ./soak -for 1m)"},

	".ci/release v0.1.0": {"docs/release_test.go", `".ci/release", test.version`},

	"go test -run '^$' -bench 'KeySize/(2048|4096)/e=65537/good' .":                           {".ci/full", "go test -run '^$' -bench 'KeySize/(2048|4096)/e=65537/good' ."},
	"GOEXPERIMENT=boringcrypto go test -run '^$' -bench 'KeySize/(2048|4096)/e=65537/good' .": {".ci/full", "for experiment in none boringcrypto; do"},
	".ci/full oss-fuzz": {".ci/full", "if step oss-fuzz "},

	"git show v0.1.0": {"docs/release_test.go", `git("show", test.version)`},
	"go mod verify":   {"docs/trust_test.go", `"go mod verify",`},
	"CGO_ENABLED=0 go build -trimpath ./cmd/jwtverify": {"docs/trust_test.go", `"CGO_ENABLED=0 go build -trimpath ./cmd/jwtverify",`},
	"go version -m jwtverify":                          {"docs/trust_test.go", `"go version -m jwtverify",`},

	"go test ./docs -run TestFleet -v -replicas 1000":         {"docs/fleet_test.go", `flag.Int("replicas"`},
	"go test ./docs -run TestFleet -v -replicas 1000 -update": {"docs/fleet_test.go", `flag.Int("replicas"`},

	"go test ./deploy": {".ci/full", "go test -count=1 ./deploy"},
}

func TestDocsCommands(t *testing.T) {
	documents, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	documents = slices.DeleteFunc(documents, func(name string) bool { return name == "docs/command.md" })
	documents = append(documents, "SECURITY.md", "CONTRIBUTING.md", "conformance/README.md", "deploy/README.md")
	seen := map[string]bool{}
	for _, document := range documents {
		for _, block := range blocks(t, document, "sh") {
			for line := range strings.Lines(block) {
				command, _, _ := strings.Cut(line, " # ")
				if command = strings.TrimSpace(command); strings.HasPrefix(command, "cd ") {
					continue
				}
				seen[command] = true
				if _, known := ranBy[command]; !known {
					t.Errorf("%s: nothing is known to run %q", document, command)
				}
			}
		}
	}
	for command, by := range ranBy {
		if !seen[command] {
			t.Errorf("no document has %q", command)
		}
		if !strings.Contains(readText(t, by.file), by.text) {
			t.Errorf("%s does not run %q", by.file, by.text)
		}
	}
}

// Each promise of SECURITY.md names tests, and there are such tests.
func TestSecurityNamesItsTests(t *testing.T) {
	document := readText(t, "SECURITY.md")
	checkNamedTests(t, document)
	_, promises, _ := strings.Cut(document, "\n## What is promised\n")
	promises, _, _ = strings.Cut(promises, "\n## ")
	items := regexp.MustCompile(`(?m)^(?:\d+\. |- )`).Split(promises, -1)[1:]
	if len(items) < 11 {
		t.Fatalf("found %d promises, want those of the design and more", len(items))
	}
	for _, item := range items {
		if !namedTest.MatchString(item) {
			t.Errorf("no test stands behind this promise: %s", item)
		}
	}
}

// Each known fault of another library has a number, and a test here. No number is there
// twice, and no class is missing.
func TestSecurityNamesTheFaultsOfOthers(t *testing.T) {
	_, section, found := strings.Cut(readText(t, "SECURITY.md"), "\n## Known faults of other libraries\n")
	if !found {
		t.Fatal("SECURITY.md has no list of the faults of other libraries")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	number := regexp.MustCompile(`CVE-20(?:2[2-9]|[3-9]\d)-\d{4,}|GHSA(?:-[0-9a-z]{4}){3}|[\w-]+/[\w-]+#\d+`)
	classes, numbers := map[string]int{}, map[string]bool{}
	_, rows, _ := strings.Cut(section, "| --- |\n")
	for row := range strings.Lines(strings.TrimSpace(rows)) {
		cells := strings.Split(row, "|")
		if len(cells) != 6 {
			t.Fatalf("a row of %d cells: %s", len(cells), row)
		}
		class, advisory := strings.TrimSpace(cells[1]), number.FindString(cells[2])
		classes[class]++
		if advisory == "" || numbers[advisory] {
			t.Errorf("%s: its number is missing, or there twice", row)
		}
		numbers[advisory] = true
		if len(strings.TrimSpace(cells[3])) < 8 {
			t.Errorf("%s: it does not say what went wrong", row)
		}
		if len(checkNamedTests(t, cells[4])) == 0 {
			t.Errorf("%s: no test would fail", row)
		}
	}
	for _, class := range []string{
		"algorithm confusion", "key from the token", "empty key", "`crit` ignored", "splitting cost", "nesting", "partial issuer",
		"cache of verified tokens confused", "unknown kid gets some key", "redirects for keys", "one bad key breaks the set", "look-alike names",
	} {
		if classes[class] == 0 {
			t.Errorf("SECURITY.md has no fault of the class %q", class)
		}
	}
	if len(numbers) < 40 {
		t.Errorf("SECURITY.md lists %d faults, want those that are known", len(numbers))
	}
}
