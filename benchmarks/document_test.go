package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const docs = "../docs"

// What a library takes is a fact that a test can check, unlike a time: the page
// shows what is true of the versions in go.mod.
func TestDocumentSaysWhatIsLeftOut(t *testing.T) {
	taken, err := leftOut(testIssuer())
	if err != nil {
		t.Fatal(err)
	}
	page := readPage(t)
	want, err := block{"left out", leftOutTable(taken)}.in(page)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(page, want) {
		t.Errorf("docs/performance.md is not up to date, run `go run . -write`; want\n%s", leftOutTable(taken))
	}
}

func TestWeTakeNoneOfTheProbes(t *testing.T) {
	taken, err := leftOut(testIssuer())
	if err != nil {
		t.Fatal(err)
	}
	takers := 0
	for i, row := range taken {
		if row[index(ours)] {
			t.Errorf("%s: we take it", probes[i].name)
		}
		for _, takes := range row {
			if takes {
				takers++
			}
		}
	}
	if takers == 0 {
		t.Error("nobody takes any: the probes are broken in some other way")
	}
}

// Each peer is said to have additions exactly where the bare library takes what the
// same checks refuse.
func TestAdditionsAreNamed(t *testing.T) {
	is := testIssuer()
	for _, c := range contenders {
		bare, err := c.open(is, false)
		if err != nil {
			t.Fatal(err)
		}
		all, err := c.open(is, true)
		if err != nil {
			t.Fatal(err)
		}
		for _, test := range []struct{ name, word string }{
			{"no `exp`", "exp"},
			{"no `aud`", "aud"},
			{"an unknown `kid`, signed by a known key", "kid"},
			{"`alg` HS256 over an RS256 signature", "alg"},
		} {
			for _, probe := range probes {
				if probe.name != test.name {
					continue
				}
				token := probe.token(is)
				_, bareErr := bare(token)
				_, allErr := all(token)
				if allErr == nil {
					t.Errorf("%s takes a token with %s", c.name, probe.name)
				}
				if bareErr == nil && !strings.Contains(c.added, test.word) {
					t.Errorf("%s by itself takes a token with %s, and it is not named in %q", c.name, probe.name, c.added)
				}
			}
		}
	}
}

func readPage(t *testing.T) []byte {
	t.Helper()
	page, err := os.ReadFile(filepath.Join(docs, "performance.md"))
	if err != nil {
		t.Fatal(err)
	}
	return page
}

func TestDocumentHasAllBlocksAndCharts(t *testing.T) {
	page := readPage(t)
	r := &report{side: sampleSide(), growths: []growth{sampleGrowth()}, leftOut: make([][]bool, len(probes)), hostile: make([][]refusal, len(hostiles))}
	for _, b := range r.blocks() {
		if _, err := b.in(page); err != nil {
			t.Error(err)
		}
	}
	charts := regexp.MustCompile(`performance-[a-z-]+\.svg`).FindAllString(string(page), -1)
	if len(charts) < 2 {
		t.Errorf("the page shows %v, want charts", charts)
	}
	for _, chart := range charts {
		svg, err := os.ReadFile(filepath.Join(docs, chart))
		if err != nil {
			t.Error(err)
			continue
		}
		texts(t, string(svg))
	}
}

func TestBlockReplacesWhatStandsInItsPlace(t *testing.T) {
	page := "before\n<!-- begin: x -->\nold\n<!-- end: x -->\nafter\n"
	want := "before\n<!-- begin: x -->\nnew\n<!-- end: x -->\nafter\n"
	got, err := block{"x", "new\n"}.in([]byte(page))
	if err != nil || string(got) != want {
		t.Errorf("got %q (error %v), want %q", got, err, want)
	}
	again, err := block{"x", "new\n"}.in(got)
	if err != nil || string(again) != want {
		t.Errorf("the second time: got %q (error %v), want %q", again, err, want)
	}
	for _, page := range []string{"", "<!-- begin: x -->\n", "<!-- end: x -->\n<!-- begin: x -->\n"} {
		if _, err := (block{"x", "new\n"}).in([]byte(page)); err == nil || !strings.Contains(err.Error(), `"x"`) {
			t.Errorf("%q: got error %v, want one that names the block", page, err)
		}
	}
}

func TestTablesAreAligned(t *testing.T) {
	got := table([][]string{{"a", "µ"}, {"long", "1"}})
	want := "| a    | µ   |\n| ---- | --- |\n| long | 1   |\n"
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}
