package conformance_test

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the tables of results into README.md")

// A table is one of the tables of results in README.md. A test fills it and compares;
// so the README says what came out, and a changed figure is seen.
type table struct {
	name string
	text strings.Builder
}

func newTable(name string, columns ...string) *table {
	t := &table{name: name}
	t.line(columns)
	for i := range columns {
		columns[i] = "---"
	}
	t.line(columns)
	return t
}

func (t *table) line(cells []string) {
	fmt.Fprintf(&t.text, "| %s |\n", strings.Join(cells, " | "))
}

func (t *table) row(cells ...any) {
	texts := make([]string, len(cells))
	for i, cell := range cells {
		texts[i] = fmt.Sprint(cell)
	}
	t.line(texts)
}

// compare compares the table with the one in README.md that stands between two
// comments with its name, or writes it there.
func (t *table) compare(tb testing.TB) {
	tb.Helper()
	const path = "README.md"
	readme, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	begin, end := "<!-- "+t.name+" -->\n", "<!-- end -->\n"
	before, rest, found := strings.Cut(string(readme), begin)
	inside, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		tb.Fatalf("%s has no lines %q and %q", path, begin, end)
	}
	if inside == t.text.String() {
		return
	}
	if !*update {
		tb.Errorf("%s, %s: the table is\n%swant\n%s(go test -update writes it)", path, t.name, inside, t.text.String())
		return
	}
	if err := os.WriteFile(path, []byte(before+begin+t.text.String()+end+after), 0o644); err != nil {
		tb.Fatal(err)
	}
}

// The commands of README.md, but for those that run this test: each is run, with less
// to do.
func TestREADMECommands(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	less := strings.NewReplacer("-fuzztime 1h", "-fuzztime 20x", "-samples 1000000", "-samples 50")
	ran := 0
	for _, block := range strings.Split(string(readme), "```sh\n")[1:] {
		block, _, _ = strings.Cut(block, "```")
		for _, line := range strings.Split(strings.TrimSpace(block), "\n") {
			if strings.Contains(line, "go test ./...") {
				continue // .ci/run and .ci/full run them
			}
			command := less.Replace(line)
			if command == line {
				t.Errorf("this test does not know how to shorten %q", line)
				continue
			}
			ran++
			if out, err := exec.CommandContext(t.Context(), "sh", "-c", command).CombinedOutput(); err != nil {
				t.Errorf("%s: %v\n%s", command, err, out)
			}
		}
	}
	if ran != 2 {
		t.Errorf("ran %d commands of README.md, want 2", ran)
	}
}
