package main

import (
	"fmt"
	"html"
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
	command  string
	day      time.Time
	judged   bool // the targets were measured long enough to judge them
	targets  []target
	side     *sideBySide
	provided []providedCost
	hostile  []refusal
	leftOut  string
	growths  []*growth
}

// A block is a part of a page that the command writes, as Markdown. In
// the file it stands between two comments with its name.
type block struct{ name, text string }

func (r *report) blocks() []block {
	blocks := []block{
		{"run", fmt.Sprintf("%s, on %s, %d cores, %s/%s, %s. Command, in benchmarks/: `%s`.\n",
			r.day.Format(time.DateOnly), processor(), runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version(), r.command)},
		{"targets", r.targetTable()},
		{"peers", r.side.table()},
		{"providers", providedTable(r.provided)},
		{"left out", r.leftOut},
		{"hostile", hostileTable(r.hostile, r.side.floor)},
	}
	for _, g := range r.growths {
		blocks = append(blocks, block{g.name, g.table()})
	}
	return blocks
}

// processor is the model of the CPU as far as the system tells.
func processor() string {
	text, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(text)) {
		if name, value, _ := strings.Cut(line, ":"); strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
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

// write puts the blocks into performance.md in a folder, and the chart beside it.
func (r *report) write(docs string) error {
	path := filepath.Join(docs, "performance.md")
	page, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	text := string(page)
	for _, b := range r.blocks() {
		if text, err = b.in(text); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	for _, t := range themes {
		if err := os.WriteFile(filepath.Join(docs, "performance-peers-"+t.name+".svg"), []byte(r.side.chart(t)), 0o644); err != nil {
			return err
		}
	}
	return os.WriteFile(path, []byte(text), 0o644)
}

// in returns the page with the block in its place.
func (b block) in(page string) (string, error) {
	begin, end := fmt.Sprintf("<!-- begin: %s -->\n", b.name), fmt.Sprintf("<!-- end: %s -->\n", b.name)
	before, rest, ok := strings.Cut(page, begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		return "", fmt.Errorf("no block %q: put %s and %s where it belongs", b.name, strings.TrimSpace(begin), strings.TrimSpace(end))
	}
	return before + begin + b.text + end + after, nil
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

// A theme is the colours of the chart.
type theme struct{ name, background, text, muted, accent, peer, floor string }

var themes = []theme{
	{"light", "#ffffff", "#1f2328", "#59636e", "#0969da", "#9aa4af", "#bc4c00"},
	{"dark", "#0d1117", "#f0f6fc", "#9198a1", "#4493f8", "#6b7580", "#e88a46"},
}

// chart is an SVG with one bar for each contender, in floors, each with its name beside
// it: there is no legend and no need to tell colours apart.
func (s *sideBySide) chart(t theme) string {
	const width, left, right, top, bar, step, title = 760, 190.0, 120.0, 70.0, 22.0, 34.0, "CPU time to verify one RS256 token, the same checks everywhere"
	bottom := top + float64(len(s.standings))*step
	var svg strings.Builder
	label := func(x, y float64, anchor, color string, weight int, text string) {
		fmt.Fprintf(&svg, `<text x="%.1f" y="%.1f" text-anchor="%s" fill="%s" font-weight="%d">%s</text>`+"\n", x, y, anchor, color, weight, html.EscapeString(text))
	}
	fmt.Fprintf(&svg, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%.0f" viewBox="0 0 %[1]d %.0[2]f" role="img" aria-label="%[3]s" font-family="system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', Helvetica, Arial, sans-serif" font-size="14">
<rect width="100%%" height="100%%" fill="%[4]s"/>
`, width, bottom+34, title, t.background)
	label(16, 28, "start", t.text, 600, title)
	x := func(ratio float64) float64 {
		return left + ratio/s.standings[len(s.standings)-1].ratio*(width-left-right)
	}
	for i, one := range s.standings {
		color, textColor, weight := t.peer, t.muted, 400
		if one.name == ours {
			color, textColor, weight = t.accent, t.accent, 700
		}
		y := top + float64(i)*step
		label(left-10, y+bar-6, "end", textColor, weight, one.name)
		fmt.Fprintf(&svg, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" rx="3" fill="%s"/>`+"\n", left, y, x(one.ratio)-left, bar, color)
		label(x(one.ratio)+8, y+bar-6, "start", textColor, weight, fmt.Sprintf("%.2f × floor", one.ratio))
	}
	// The floor lies on the bars.
	fmt.Fprintf(&svg, `<path d="M%.1f %.1fV%.1f" stroke="%s" stroke-width="2" stroke-dasharray="5 4"/>`+"\n", x(1), top-8, bottom, t.floor)
	label(x(1), top-14, "middle", t.floor, 400, "floor: "+micros(s.floor))
	label(16, bottom+20, "start", t.muted, 400, "floor: base64, SHA-256 and crypto/rsa alone, on the same token (2048-bit key, 1 KiB of claims)")
	return svg.String() + "</svg>\n"
}

// number shows three digits, or whole numbers.
func number(value float64) string {
	switch {
	case value == float64(int(value)):
		return thousands(int(value))
	case value < 1:
		return fmt.Sprintf("%.3f", value)
	default:
		return fmt.Sprintf("%.2f", value)
	}
}

// micros shows nanoseconds as microseconds with two or three digits.
func micros(nanos float64) string {
	value := nanos / 1e3
	switch {
	case value < 10:
		return fmt.Sprintf("%.2f µs", value)
	case value < 100:
		return fmt.Sprintf("%.1f µs", value)
	default:
		return thousands(int(value+0.5)) + " µs"
	}
}

func thousands(n int) string {
	if n < 1_000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", thousands(n/1_000), n%1_000)
}
