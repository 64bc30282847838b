package docs_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

const trustPage = "docs/trust.md"

// trustSection returns a section of docs/trust.md, without its heading.
func trustSection(t *testing.T, title string) string {
	t.Helper()
	_, section, found := strings.Cut(readText(t, trustPage), "\n## "+title+"\n")
	if !found {
		t.Fatalf("%s has no section %q", trustPage, title)
	}
	section, _, _ = strings.Cut(section, "\n## ")
	return section
}

// tableRows returns the cells of the first table of a text, without its two first lines.
func tableRows(text string) (rows [][]string) {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "|") {
			if rows != nil {
				break
			}
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), " | ")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		rows = append(rows, cells)
	}
	return rows[min(2, len(rows)):]
}

// number reads a number with commas.
func number(t *testing.T, text string) int {
	t.Helper()
	n, err := strconv.Atoi(strings.ReplaceAll(text, ",", ""))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// found returns the first group of a pattern in a file.
func found(t *testing.T, file, pattern string) string {
	t.Helper()
	match := regexp.MustCompile(pattern).FindStringSubmatch(readText(t, file))
	if match == nil {
		t.Fatalf("%s has no %s", file, pattern)
	}
	return match[1]
}

// conformanceRows are the rows of a table that the tests of conformance/ have written.
func conformanceRows(t *testing.T, name string) [][]string {
	t.Helper()
	_, text, _ := strings.Cut(readText(t, "conformance/README.md"), "<!-- "+name+" -->")
	text, _, _ = strings.Cut(text, "<!-- end -->")
	rows := tableRows(text)
	if len(rows) == 0 {
		t.Fatalf("conformance/README.md has no table %q", name)
	}
	return rows
}

// columns are the sums of the columns of a table after the first.
func columns(t *testing.T, rows [][]string) []int {
	t.Helper()
	sums := make([]int, len(rows[0])-1)
	for _, row := range rows {
		for i, cell := range row[1:] {
			sums[i] += number(t, cell)
		}
	}
	return sums
}

// fuzzTargets counts those of this module.
func fuzzTargets(t *testing.T) (n int) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-f", "{{.Dir}}", "./...").Output()
	if err != nil {
		t.Fatal(err)
	}
	for dir := range strings.Lines(string(out)) {
		files, err := filepath.Glob(filepath.Join(strings.TrimSpace(dir), "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			n += len(regexp.MustCompile(`(?m)^func Fuzz\w+\(f \*testing\.F\)`).FindAllString(readText(t, file), -1))
		}
	}
	return n
}

// The table of docs/trust.md is made of what commands have written elsewhere.
// `go test ./docs -run TestTrustFigures -update` writes it anew.
func TestTrustFigures(t *testing.T) {
	jose, rsa := columns(t, conformanceRows(t, "Wycheproof JOSE")), columns(t, conformanceRows(t, "Wycheproof RSA"))
	if sum := jose[1] + jose[2] + jose[3]; sum != jose[0] {
		t.Errorf("%d JOSE vectors, %d of them judged", jose[0], sum)
	}
	if sum := rsa[1] + rsa[2] + rsa[4]; sum != rsa[0] {
		t.Errorf("%d RSA vectors, %d of them judged", rsa[0], sum)
	}
	differences := conformanceRows(t, "Differences")
	var libraries [][]string
	for _, name := range []string{"Tokens of Go libraries", "Tokens of npm packages", "Tokens of python-jose"} {
		libraries = append(libraries, conformanceRows(t, name)...)
	}
	tokens := columns(t, libraries)
	_, text, _ := strings.Cut(readText(t, "conformance/README.md"), "\n## OpenID providers\n")
	providers := tableRows(text)
	mutants := tableRows(trustSection(t, "Do the tests notice a mistake?"))
	mutated := mutants[len(mutants)-1]

	full, run := ".ci/full", ".ci/run"
	want := "| what | last figure | command |\n| --- | --- | --- |\n"
	for _, row := range [][3]string{
		{
			"Project Wycheproof's JOSE and RSA vectors, through every entry point",
			shapeNumber(jose[0]+rsa[0]) + " vectors: no flawed one is accepted", ".ci/full conformance",
		},
		{
			"tokens that other libraries make",
			fmt.Sprintf("%d libraries: %d good tokens accepted, %d bad ones refused", len(libraries), tokens[0], tokens[1]), ".ci/full conformance",
		},
		{
			"three other Go libraries, which judge the same random tokens and key sets",
			fmt.Sprintf("%s samples: for %d kinds of tokens the verdict differs from that of all three; each is listed with its reason", shapeNumber(number(t, found(t, full, `-samples (\d+)`))), len(differences)), ".ci/full conformance",
		},
		{
			"OpenID providers, through a key rotation, an outage and a restart",
			fmt.Sprintf("%d providers; only the issuer and the audience are configured", len(providers)), ".ci/full conformance",
		},
		{
			"mutation testing: small changes of the code, which its tests must notice",
			fmt.Sprintf("%s changes: %s noticed, %s equivalent, %s unnoticed", mutated[1], mutated[2], mutated[3], mutated[4]), ".ci/full mutation",
		},
		{
			"fuzzing, in each run of the checks",
			fmt.Sprintf("%d targets, which share %s seconds", fuzzTargets(t), found(t, run, `time=\$\(\((\d+) /`)), ".ci/run",
		},
		{
			"fuzzing, before a release",
			fmt.Sprintf("%s minutes for each target, %s for the comparison with the other libraries", found(t, full, `-fuzztime (\d+)m -fuzzminimizetime 1s`), found(t, full, `FuzzPeers -fuzztime (\d+)m`)), ".ci/full fuzzing",
		},
		{
			"a service under load, whose issuer rotates and revokes keys and fails",
			fmt.Sprintf("%s requests in %s minutes: %s wrong answers",
				shapeNumber(number(t, found(t, "docs/performance.md", `(?m)^(\d+) requests in`))), found(t, "docs/performance.md", `requests in (\d+)m0s`), found(t, "docs/performance.md", `; (\d+) wrong answers`)), "go -C benchmarks run ./soak -for 10m",
		},
		{
			"random sequences of calls, waits and faults for the cache of keys",
			shapeNumber(number(t, found(t, full, `-programs (\d+)`))) + " sequences: none breaks a rule of the cache", ".ci/full cache",
		},
		{
			"the project's own collection of tokens, through `jwtverify verify --lines`",
			found(t, "cmd/jwtverify/lines_test.go", `"public": (\d+)`) + " tokens: each gets the verdict that is written beside it", ".ci/run",
		},
	} {
		script, step, _ := strings.Cut(row[2], " ")
		if script == full && !strings.Contains(readText(t, script), "\nif step "+step+" ") {
			t.Errorf("%s has no step %s", script, step)
		}
		want += fmt.Sprintf("| %s | %s | `%s` |\n", row[0], row[1], row[2])
	}

	page := readText(t, trustPage)
	_, rest, _ := strings.Cut(page, "\n## Who has tested it\n")
	rest, _, _ = strings.Cut(rest, "\n## ")
	start := strings.Index(rest, "| what |")
	if start < 0 {
		t.Fatal("no table")
	}
	table := rest[start:]
	if end := strings.Index(table, "\n\n"); end >= 0 {
		table = table[:end+1]
	}
	if table == want {
		return
	}
	if !*update {
		t.Fatalf("%s: the figures have changed, run with -update; now they are\n%s", trustPage, want)
	}
	if err := os.WriteFile(trustPage, []byte(strings.Replace(page, table, want, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
}

// Each command of the table is one of the step of .ci/full, and the other way round.
func TestTrustVersions(t *testing.T) {
	_, step, _ := strings.Cut(readText(t, ".ci/full"), "\nif step versions ")
	step, _, _ = strings.Cut(step, "\nfi\n")
	var ran []string
	for line := range strings.Lines(step) {
		if line = strings.TrimSpace(line); strings.Contains(line, " go test -short ") {
			ran = append(ran, line)
		}
	}
	var listed []string
	for _, row := range tableRows(trustSection(t, "Versions of Go")) {
		listed = append(listed, strings.Trim(row[1], "`"))
	}
	if len(ran) < 7 {
		t.Errorf("the step runs %d commands: %q", len(ran), ran)
	}
	shapeSame(t, "commands of the step versions", ran, listed)
}

// OSS-Fuzz gets the targets that go test finds: build.sh names none. Its other files
// need this module's path, which a rename changes with all others.
func TestOSSFuzzFiles(t *testing.T) {
	build := readText(t, ".ci/oss-fuzz/build.sh")
	if !strings.Contains(build, "go list \"${@:-./...}\"") || !strings.Contains(build, "go test -list '^Fuzz'") {
		t.Error("build.sh does not look for the targets")
	}
	if named := regexp.MustCompile(`Fuzz[A-Z]\w+`).FindString(build); named != "" {
		t.Errorf("build.sh names %s", named)
	}
	module := found(t, "go.mod", `(?m)^module (\S+)$`)
	for file, lines := range map[string][]string{
		"project.yaml": {"main_repo: \"https://" + module, "language: go\n", "fuzzing_engines:\n  - libfuzzer\n", "sanitizers:\n  - address\n", "primary_contact: "},
		"Dockerfile":   {"FROM gcr.io/oss-fuzz-base/base-builder-go\n", "git clone --depth 1 https://" + module, "http://www.apache.org/licenses/LICENSE-2.0"},
		"build.sh":     {"http://www.apache.org/licenses/LICENSE-2.0"},
	} {
		text := readText(t, ".ci/oss-fuzz/"+file)
		for _, line := range lines {
			if !strings.Contains(text, line) {
				t.Errorf("%s has no %q", file, line)
			}
		}
	}
}

var release = flag.Bool("release", false, "build the command twice, in two folders, and compare the results")

// The command is the same wherever it is built, and the commands of the page work.
func TestReleaseIsReproducible(t *testing.T) {
	if !*release {
		t.Skip("builds the command twice: pass -release, as .ci/run does")
	}
	t.Parallel()
	parent := t.TempDir()
	dir := filepath.Join(parent, "checkout")
	if out, err := exec.CommandContext(t.Context(), "git", "checkout-index", "-a", "--prefix="+dir+string(os.PathSeparator)).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var binaries [2][]byte
	for i := range binaries {
		elsewhere := filepath.Join(parent, fmt.Sprintf("place%d", i))
		if err := os.Rename(dir, elsewhere); err != nil {
			t.Fatal(err)
		}
		dir = elsewhere
		shell := exec.CommandContext(t.Context(), "sh", "-ec", strings.Join([]string{
			"CGO_ENABLED=0 go build -trimpath ./cmd/jwtverify",
			"go version -m jwtverify",
			"go mod verify",
		}, "\n"))
		shell.Dir = dir
		out, err := shell.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		for _, want := range []string{"-trimpath=true", "CGO_ENABLED=0", "all modules verified"} {
			if !strings.Contains(string(out), want) {
				t.Errorf("no %q in:\n%s", want, out)
			}
		}
		binary := filepath.Join(dir, "jwtverify")
		if binaries[i], err = os.ReadFile(binary); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(binary); err != nil { // so that the next is built anew
			t.Fatal(err)
		}
	}
	if !bytes.Equal(binaries[0], binaries[1]) {
		t.Error("two builds of the same sources differ")
	}
}
