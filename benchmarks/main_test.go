package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The whole command, in a moment: every table and every chart is there, and nothing
// is judged.
func TestQuickRunWritesEverything(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "performance.md"), readPage(t), 0o600); err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	if code := run([]string{"-quick", "-write", "-docs", dir}, &stdout, &stderr); code != holds {
		t.Fatalf("got exit code %d, want 0; stderr:\n%s", code, stderr.Bytes())
	}
	page, err := os.ReadFile(filepath.Join(dir, "performance.md"))
	if err != nil {
		t.Fatal(err)
	}
	for where, text := range map[string]string{"stdout": stdout.String(), "performance.md": string(page)} {
		wanted := append(names(), "floor", "not judged", "verify --lines", "-quick")
		for _, class := range hostiles {
			wanted = append(wanted, class.name)
		}
		for _, probe := range probes {
			wanted = append(wanted, probe.name)
		}
		for _, want := range wanted {
			if !strings.Contains(text, want) {
				t.Errorf("%s does not show %q", where, want)
			}
		}
	}
	charts, err := filepath.Glob(filepath.Join(dir, "performance-*.svg"))
	if err != nil || len(charts) != 10 {
		t.Errorf("got the charts %v, want 10", charts)
	}
	for _, chart := range charts {
		svg, err := os.ReadFile(chart)
		if err != nil {
			t.Fatal(err)
		}
		texts(t, string(svg))
	}
}

// The comparison, by the command: both tables are printed, and the page is as committed.
func TestComparisonCommandWritesThePage(t *testing.T) {
	committed, err := os.ReadFile(filepath.Join(docs, comparisonPage))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, comparisonPage), committed, 0o600); err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	if code := run([]string{"-comparison", "-write", "-docs", dir}, &stdout, &stderr); code != holds {
		t.Fatalf("got exit code %d, want 0; stderr:\n%s", code, stderr.Bytes())
	}
	written, err := os.ReadFile(filepath.Join(dir, comparisonPage))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(written, committed) {
		t.Errorf("docs/%s is not up to date, run `go run . -comparison -write`", comparisonPage)
	}
	for _, name := range names() {
		if !strings.Contains(stdout.String(), name) {
			t.Errorf("stdout does not name %s", name)
		}
	}
}

func TestUsage(t *testing.T) {
	for _, test := range []struct {
		name, arg, want string
		code            int
	}{
		{"an argument", "everything", `got the argument "everything"`, notStarted},
		{"an unknown flag", "-fast", "not defined: -fast", notStarted},
		{"no round", "-rounds=0", "-rounds is 0", notStarted},
		{"help on the comparison", "-h", "-comparison", holds},
		{"help", "-h", "-quick", holds},
	} {
		var stdout, stderr bytes.Buffer
		code := run([]string{test.arg}, &stdout, &stderr)
		if code != test.code || !strings.Contains(stderr.String(), test.want) {
			t.Errorf("%s: got exit code %d and %q, want %d and %q", test.name, code, stderr.String(), test.code, test.want)
		}
	}
}
