package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the tables of docs/comparison.md")

// The tables of docs/comparison.md are facts that a test can check. They are made here
// because keys that rotate need fake time, which only tests have.
func TestComparison(t *testing.T) {
	const page = "../docs/comparison.md"
	before := readFile(t, page)
	blocks := []block{{"code", codeTable(t)}, {"keys", keyTable(t)}}
	after := before
	for _, b := range blocks {
		var err error
		if after, err = b.in(after); err != nil {
			t.Fatal(err)
		}
	}
	if *update {
		if err := os.WriteFile(page, []byte(after), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if after != before {
		t.Errorf("%s is not up to date, run `go test -run TestComparison . -update`; want\n%v", page, blocks)
	}
}

// codeTable counts what is compiled into a program that uses nothing but the library.
func codeTable(t *testing.T) string {
	t.Helper()
	rows := [][]string{{"library", "modules", "packages", "lines of code you import", "lines with what they import"}}
	for _, c := range contenders {
		modules := make(map[string]bool)
		packages, own, lines := 0, 0, 0
		for _, p := range list(t, c.imports) {
			modules[p.module] = true
			packages++
			for _, file := range p.files {
				count := linesOfCode(readFile(t, file))
				lines += count
				if slices.Contains(c.imports, p.path) {
					own += count
				}
			}
		}
		rows = append(rows, []string{strings.TrimSpace(c.name + " " + c.version()), fmt.Sprint(len(modules)), fmt.Sprint(packages), rounded(own), rounded(lines)})
	}
	return table(rows)
}

type listed struct {
	path, module string
	files        []string
}

// list lists packages and all that they import outside the standard library, as for
// linux/amd64 without cgo.
func list(t *testing.T, packages []string) (all []listed) {
	t.Helper()
	const format = `{{if not .Standard}}{{.ImportPath}},{{.Module.Path}}{{range .GoFiles}},{{$.Dir}}/{{.}}{{end}}{{end}}`
	command := exec.Command("go", append([]string{"list", "-deps", "-f", format}, packages...)...)
	command.Env = append(os.Environ(), "GOOS=linux", "GOARCH=amd64", "CGO_ENABLED=0")
	out, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		if parts := strings.Split(strings.TrimSpace(line), ","); len(parts) > 2 {
			all = append(all, listed{parts[0], parts[1], parts[2:]})
		}
	}
	return all
}

// linesOfCode counts the lines that are neither empty nor a comment.
func linesOfCode(source string) (count int) {
	inComment := false
	for line := range strings.Lines(source) {
		line = strings.TrimSpace(line)
		inComment = inComment || strings.HasPrefix(line, "/*")
		if !inComment && line != "" && !strings.HasPrefix(line, "//") {
			count++
		}
		inComment = inComment && !strings.Contains(line, "*/")
	}
	return count
}

func TestLinesOfCodeAreThoseThatHoldCode(t *testing.T) {
	text := "// Package x.\npackage x\n\n/* two\nlines */\nvar a = `1\n2\n` // three\n\nfunc f() {\n\t// nothing\n}\n"
	if got := linesOfCode(text); got != 6 {
		t.Errorf("got %d, want 6: package, three of var, two of func", got)
	}
}

// rounded has two digits that count, so that the page need not follow every change.
func rounded(n int) string {
	unit := 1
	for n/unit >= 100 {
		unit *= 10
	}
	return thousands((n + unit/2) / unit * unit)
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
