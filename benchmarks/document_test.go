package main

import (
	"bytes"
	"encoding/xml"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const performancePage = "../docs/performance.md"

// What a library takes is a fact that a test can check, unlike a time: the page
// shows what is true of the versions in go.mod.
func TestDocumentSaysWhatIsLeftOut(t *testing.T) {
	table, page := leftOutTable(testIssuer()), readFile(t, performancePage)
	want, err := block{"left out", table}.in(page)
	if err != nil {
		t.Fatal(err)
	}
	if page != want {
		t.Errorf("%s is not up to date, run `go run . -write`; want\n%s", performancePage, table)
	}
}

func TestWeTakeNoneOfTheProbes(t *testing.T) {
	is := testIssuer()
	verify, takers := openOurs(is, false), 0
	for _, probe := range probes() {
		token := probe.token(is)
		if _, err := verify(token); err == nil {
			t.Errorf("%s: we take it", probe.name)
		}
		if _, err := openCristalhq(is, false)(token); err == nil {
			takers++
		}
	}
	if takers < 5 {
		t.Errorf("the most lenient library takes %d: the probes are broken in some other way", takers)
	}
}

// The whole command, in a moment: the page has a place for every block, and the chart
// is drawn in both themes.
func TestQuickRunWritesEverything(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "performance.md"), []byte(readFile(t, performancePage)), 0o600); err != nil {
		t.Fatal(err)
	}
	r := measure(quickly)
	r.command = "go run . -quick -write"
	var out bytes.Buffer
	if err := r.publish(&out, dir); err != nil {
		t.Fatal(err)
	}
	page := readFile(t, filepath.Join(dir, "performance.md"))
	for _, b := range r.blocks() {
		if len(b.text) < 40 || !strings.Contains(page, b.text) || !strings.Contains(out.String(), b.text) {
			t.Errorf("the block %q is not on the page and in the output; it is\n%s", b.name, b.text)
		}
	}
	if len(r.targets) != 16 || len(r.growths) != 5 || len(r.provided) != len(providedTokens) || len(r.hostile) != len(hostiles(testIssuer())) || r.missed() != nil {
		t.Errorf("got %d targets, %d growths, %d hostile tokens, %v missed", len(r.targets), len(r.growths), len(r.hostile), r.missed())
	}
	for _, theme := range themes {
		svg := readFile(t, filepath.Join(dir, "performance-peers-"+theme.name+".svg"))
		if strings.Contains(svg, "%!") || strings.Contains(svg, "NaN") {
			t.Errorf("%s: a number of the chart is missing", theme.name)
		}
		for decoder := xml.NewDecoder(strings.NewReader(svg)); ; {
			if _, err := decoder.Token(); err == io.EOF {
				break
			} else if err != nil {
				t.Fatalf("the chart is not well-formed: %v", err)
			}
		}
		for _, name := range names() {
			if !strings.Contains(svg, ">"+name+"<") {
				t.Errorf("%s: %s has no bar", theme.name, name)
			}
		}
	}
}

func TestBlockReplacesWhatStandsInItsPlace(t *testing.T) {
	const want = "before\n<!-- begin: x -->\nnew\n<!-- end: x -->\nafter\n"
	for _, page := range []string{strings.Replace(want, "new", "old", 1), want} {
		if got, err := (block{"x", "new\n"}).in(page); err != nil || got != want {
			t.Errorf("got %q (error %v), want %q", got, err, want)
		}
	}
	for _, page := range []string{"", "<!-- begin: x -->\n", "<!-- end: x -->\n<!-- begin: x -->\n"} {
		if _, err := (block{"x", "new\n"}).in(page); err == nil {
			t.Errorf("%q: got no error, and there is no place for the block", page)
		}
	}
}
