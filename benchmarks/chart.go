package main

import (
	"cmp"
	"fmt"
	"html"
	"math"
	"slices"
	"strings"
)

// Charts are SVG, written by hand: two kinds, in a light and a dark variant, legible
// at the width of a README. Every line and bar has its name beside it, so that
// there is no legend and no need to tell colours apart.

// A theme is the colours of a chart.
type theme struct {
	name                                               string
	background, text, muted, grid, accent, peer, floor string
}

var themes = []theme{
	{"light", "#ffffff", "#1f2328", "#59636e", "#e4e8ec", "#0969da", "#9aa4af", "#bc4c00"},
	{"dark", "#0d1117", "#f0f6fc", "#9198a1", "#262c36", "#4493f8", "#6b7580", "#e88a46"},
}

const (
	chartWidth = 760
	labelGap   = 17 // between the base lines of two labels
)

// A drawing is an SVG as it grows.
type drawing struct {
	theme
	strings.Builder
}

func draw(t theme, height int, title string) *drawing {
	d := &drawing{theme: t}
	d.add(`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" role="img" aria-label="%s" font-family="system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', Helvetica, Arial, sans-serif" font-size="14">`,
		chartWidth, height, chartWidth, height, html.EscapeString(title))
	d.add(`<rect width="%d" height="%d" fill="%s"/>`, chartWidth, height, t.background)
	d.label(16, 28, "start", d.theme.text, 600, title)
	return d
}

func (d *drawing) add(format string, args ...any) { fmt.Fprintf(d, format+"\n", args...) }

func (d *drawing) label(x, y float64, anchor, color string, weight int, text string) {
	d.add(`<text x="%.1f" y="%.1f" text-anchor="%s" fill="%s" font-weight="%d">%s</text>`, x, y, anchor, color, weight, html.EscapeString(text))
}

func (d *drawing) line(x1, y1, x2, y2 float64, color string, width float64, dash string) {
	d.add(`<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s" stroke-width="%.1f" stroke-dasharray="%s"/>`, x1, y1, x2, y2, color, width, dash)
}

func (d *drawing) end() string {
	d.add("</svg>")
	return d.String()
}

// style is how a line or bar of a contender looks.
func (t theme) style(name string) (color, textColor string, weight int, width float64, dash string) {
	switch name {
	case ours:
		return t.accent, t.accent, 700, 3, "none"
	case "floor":
		return t.floor, t.floor, 400, 2, "5 4"
	default:
		return t.peer, t.muted, 400, 1.5, "none"
	}
}

// chart draws one bar for each contender, in floors.
func (s *sideBySide) chart(t theme) string {
	const left, right, top, bar, gap = 190.0, 120.0, 70.0, 22.0, 12.0
	bottom := top + float64(len(s.standings))*(bar+gap)
	d := draw(t, int(bottom)+34, "CPU time to verify one RS256 token, the same checks everywhere")
	most := s.standings[len(s.standings)-1].ratio
	x := func(ratio float64) float64 { return left + ratio/most*(chartWidth-left-right) }
	for i, one := range s.standings {
		color, textColor, weight, _, _ := t.style(one.name)
		y := top + float64(i)*(bar+gap)
		d.label(left-10, y+bar-6, "end", textColor, weight, one.name)
		d.add(`<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" rx="3" fill="%s"/>`, left, y, x(one.ratio)-left, bar, color)
		d.label(x(one.ratio)+8, y+bar-6, "start", textColor, weight, fmt.Sprintf("%.2f × floor", one.ratio))
	}
	// The floor lies on the bars.
	d.line(x(1), top-8, x(1), bottom, t.floor, 2, "5 4")
	d.label(x(1), top-14, "middle", t.floor, 400, "floor: "+micros(s.floor))
	d.label(16, bottom+20, "start", t.muted, 400, "floor: base64, SHA-256 and crypto/rsa alone, on the same token (2048-bit key, 1 KiB of claims)")
	return d.end()
}

// chart draws one line for each contender, and one for the floor.
func (g growth) chart(t theme) string {
	const left, right, top, bottom, height = 44.0, 210.0, 66.0, 360.0, 410
	d := draw(t, height, g.title)
	end := len(g.points) - 1
	most := 0.0
	for _, l := range g.lines {
		most = max(most, slices.Max(l.floors))
	}
	step := niceStep(most / 5)
	most = math.Ceil(most/step) * step
	y := func(floors float64) float64 { return bottom - floors/most*(bottom-top) }
	low, high := math.Log(g.points[0].x), math.Log(g.points[end].x)
	x := func(i int) float64 {
		if end == 0 {
			return left + 8
		}
		return left + 8 + (math.Log(g.points[i].x)-low)/(high-low)*(chartWidth-left-8-right)
	}

	for value := 0.0; value <= most; value += step {
		d.line(left, y(value), chartWidth-right, y(value), t.grid, 1, "none")
		d.label(left-8, y(value)+5, "end", t.muted, 400, fmt.Sprintf("%.3g", value))
	}
	d.label(16, top-16, "start", t.muted, 400, g.unit)
	for i, p := range g.points {
		d.label(x(i), bottom+20, "middle", t.muted, 400, p.label)
	}
	d.label((left+chartWidth-right)/2, bottom+40, "middle", t.muted, 400, g.xName)

	var wanted []float64
	for _, l := range g.lines {
		wanted = append(wanted, y(l.floors[end]))
	}
	labels := spread(wanted, labelGap, bottom)
	// Ours and the floor come last, on top of the others.
	for _, i := range append(g.peers(), g.named("floor"), g.named(ours)) {
		l := g.lines[i]
		color, textColor, weight, width, dash := t.style(l.name)
		var corners []string
		for j, floors := range l.floors {
			corners = append(corners, fmt.Sprintf("%.1f,%.1f", x(j), y(floors)))
		}
		d.add(`<polyline points="%s" fill="none" stroke="%s" stroke-width="%.1f" stroke-dasharray="%s" stroke-linejoin="round"/>`, strings.Join(corners, " "), color, width, dash)
		d.line(x(end)+3, wanted[i], x(end)+14, labels[i], color, 1, "none")
		d.label(x(end)+18, labels[i]+5, "start", textColor, weight, fmt.Sprintf("%s %.2f", l.name, l.floors[end]))
	}
	return d.end()
}

func (g growth) named(name string) int {
	return slices.IndexFunc(g.lines, func(l line) bool { return l.name == name })
}

func (g growth) peers() []int {
	var list []int
	for i, l := range g.lines {
		if l.name != ours && l.name != "floor" {
			list = append(list, i)
		}
	}
	return list
}

// niceStep is the least of 1, 2, 5, 10, 20, … that is not less than step.
func niceStep(step float64) float64 {
	base := math.Pow(10, math.Floor(math.Log10(step)))
	for _, factor := range []float64{1, 2, 5} {
		if factor*base >= step {
			return factor * base
		}
	}
	return 10 * base
}

// spread moves labels apart, so that each is at least gap from the next and none
// lies below bottom, and otherwise as near as can be to where it is wanted.
func spread(wanted []float64, gap, bottom float64) []float64 {
	order := make([]int, len(wanted))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(wanted[a], wanted[b]) })
	placed := slices.Clone(wanted)
	// Groups of labels that touch, each around the middle of where they are wanted.
	type group struct {
		members []int
		center  float64
	}
	var groups []group
	for _, i := range order {
		groups = append(groups, group{[]int{i}, wanted[i]})
		for len(groups) > 1 {
			above, below := groups[len(groups)-2], groups[len(groups)-1]
			need := gap * float64(len(above.members)+len(below.members)) / 2
			if below.center-above.center >= need {
				break
			}
			joined := group{members: append(slices.Clone(above.members), below.members...)}
			for _, member := range joined.members {
				joined.center += wanted[member] / float64(len(joined.members))
			}
			joined.center = min(joined.center, bottom-gap*float64(len(joined.members)-1)/2)
			groups = append(groups[:len(groups)-2], joined)
		}
	}
	for _, g := range groups {
		for k, member := range g.members {
			placed[member] = g.center + gap*(float64(k)-float64(len(g.members)-1)/2)
		}
	}
	return placed
}
