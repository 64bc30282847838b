package main

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// A report is all that one run of the command has found.
type report struct {
	command string
	day     time.Time
	judged  bool // the targets were measured long enough to judge them
	targets []target
	side    *sideBySide
	hostile [][]refusal
	leftOut [][]bool
	growths []growth
}

// A block is a part of a page that the command writes, as Markdown. In
// the file it stands between two comments with its name.
type block struct{ Name, Text string }

func (r *report) blocks() []block {
	return []block{
		{"run", r.runText()},
		{"targets", r.targetTable()},
		{"peers", r.peerTable()},
		{"left out", leftOutTable(r.leftOut)},
		{"hostile", r.hostileTable()},
	}
}

func (r *report) runText() string {
	return fmt.Sprintf("%s, on %s, %d cores, %s/%s, %s. Command, in benchmarks/: `%s`.\n",
		r.day.Format(time.DateOnly), processor(), runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version(), r.command)
}

// processor is the model of the CPU as far as the system tells.
func processor() string {
	if file, err := os.Open("/proc/cpuinfo"); err == nil {
		defer file.Close()
		for scanner := bufio.NewScanner(file); scanner.Scan(); {
			if name, value, ok := strings.Cut(scanner.Text(), ":"); ok && strings.TrimSpace(name) == "model name" {
				return strings.TrimSpace(value)
			}
		}
	}
	return "an unnamed processor"
}

func (r *report) targetTable() string {
	rows := [][]string{{"figure", "measured", "at most", "aim", "holds", ""}}
	for _, t := range r.targets {
		holds := "yes"
		switch {
		case !r.judged:
			holds = "not judged"
		case !t.holds:
			holds = "**no**"
		}
		rows = append(rows, []string{t.figure, t.measured, t.atMost, t.aim, holds, t.detail})
	}
	return table(rows)
}

func (r *report) peerTable() string {
	rows := [][]string{{"library", "CPU time", "÷ floor", "allocations", "bytes", "added to the library's own calls"}}
	rows = append(rows, []string{"floor", micros(r.side.floor), "1.00", "", "", ""})
	for _, s := range r.side.standings {
		rows = append(rows, []string{strings.TrimSpace(s.name + " " + s.version()), micros(s.nanos), fmt.Sprintf("%.2f", s.ratio),
			fmt.Sprintf("%.0f", s.count), thousands(int(s.bytes)), s.added})
	}
	return table(rows)
}

func leftOutTable(taken [][]bool) string {
	rows := [][]string{append([]string{"token, signed by the issuer"}, names()...)}
	for i, probe := range probes {
		row := []string{probe.name}
		for _, taken := range taken[i] {
			row = append(row, map[bool]string{true: "takes", false: "–"}[taken])
		}
		rows = append(rows, row)
	}
	return table(rows)
}

func (r *report) hostileTable() string {
	rows := [][]string{append([]string{"token"}, names()...)}
	for i, class := range hostiles {
		row := []string{class.name}
		for _, one := range r.hostile[i] {
			switch {
			case one.crash != nil:
				row = append(row, "panics")
			case one.accepted:
				row = append(row, micros(one.floors*r.side.floor)+", takes it")
			default:
				row = append(row, micros(one.floors*r.side.floor))
			}
		}
		rows = append(rows, row)
	}
	return table(rows)
}

func names() []string {
	var list []string
	for _, c := range contenders {
		list = append(list, c.name)
	}
	return list
}

// table is a table in Markdown that can be read as it is too.
func table(rows [][]string) string {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell), 3)
		}
	}
	rule := make([]string, len(widths))
	for i, width := range widths {
		rule[i] = strings.Repeat("-", width)
	}
	var text strings.Builder
	for _, row := range slices.Insert(slices.Clone(rows), 1, rule) {
		for i, cell := range row {
			fmt.Fprintf(&text, "| %s%s ", cell, strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)))
		}
		text.WriteString("|\n")
	}
	return text.String()
}

// write puts the blocks into performance.md in a folder, and the charts beside it.
func (r *report) write(dir string) error {
	if err := writeBlocks(filepath.Join(dir, "performance.md"), r.blocks()); err != nil {
		return err
	}
	for _, t := range themes {
		charts := map[string]string{"peers": r.side.chart(t)}
		for _, g := range r.growths {
			charts[g.file] = g.chart(t)
		}
		for name, chart := range charts {
			file := filepath.Join(dir, fmt.Sprintf("performance-%s-%s.svg", name, t.name))
			if err := os.WriteFile(file, []byte(chart), 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}

// writeBlocks puts blocks into a page that has a place for each.
func writeBlocks(path string, blocks []block) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	for _, b := range blocks {
		if text, err = b.in(text); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return os.WriteFile(path, text, 0o644)
}

// in returns the text with the block in its place.
func (b block) in(text []byte) ([]byte, error) {
	begin, end := fmt.Sprintf("<!-- begin: %s -->\n", b.Name), fmt.Sprintf("<!-- end: %s -->\n", b.Name)
	before, rest, ok := strings.Cut(string(text), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		return nil, fmt.Errorf("has no block %q: put %s and %s where it belongs", b.Name, strings.TrimSpace(begin), strings.TrimSpace(end))
	}
	return []byte(before + begin + b.Text + end + after), nil
}
