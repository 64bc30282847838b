package conformance_test

import (
	"flag"
	"fmt"
	"os"
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
