package main

import (
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
)

func sampleSide() *sideBySide {
	s := &sideBySide{floor: 30_000}
	for i, c := range contenders {
		s.standings = append(s.standings, standing{contender: c, nanos: 31_000 + 9_000*float64(i), ratio: 1.03 + 0.3*float64(i)})
	}
	return s
}

func sampleGrowth() growth {
	g := growth{title: "sample", xName: "size", unit: floorsOf1KiB, points: []point{{x: 0.5, label: "0.5"}, {x: 4, label: "4"}}}
	for i, name := range append([]string{"floor"}, names()...) {
		g.lines = append(g.lines, line{name: name, floors: []float64{1, 1 + 0.01*float64(i)}})
	}
	return g
}

// texts are those that the chart shows, if it is well-formed.
func texts(t *testing.T, svg string) (shown []string) {
	t.Helper()
	decoder := xml.NewDecoder(strings.NewReader(svg))
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return shown
		}
		if err != nil {
			t.Fatalf("the chart is not well-formed: %v", err)
		}
		if text, ok := token.(xml.CharData); ok && strings.TrimSpace(string(text)) != "" {
			shown = append(shown, string(text))
		}
	}
}

func TestChartsNameEveryContender(t *testing.T) {
	for _, theme := range themes {
		for kind, svg := range map[string]string{"bars": sampleSide().chart(theme), "lines": sampleGrowth().chart(theme)} {
			shown := strings.Join(texts(t, svg), "\n")
			for _, name := range append(names(), "floor") {
				if !strings.Contains(shown, name) {
					t.Errorf("%s, %s: %s is not shown", kind, theme.name, name)
				}
			}
			if !strings.Contains(svg, theme.background) || strings.Contains(svg, "NaN") {
				t.Errorf("%s, %s: wrong background, or a coordinate that is no number", kind, theme.name)
			}
		}
	}
}

func TestAGrowthWithOnePointCanBeDrawn(t *testing.T) {
	g := sampleGrowth()
	g.points = g.points[:1]
	for i := range g.lines {
		g.lines[i].floors = g.lines[i].floors[:1]
	}
	if svg := g.chart(themes[0]); strings.Contains(svg, "NaN") {
		t.Error("a coordinate is no number")
	}
}

func TestLabelsDoNotOverlap(t *testing.T) {
	for _, wanted := range [][]float64{
		{100, 200, 300},
		{100, 101, 102},
		{300, 300, 300, 300},
		{299, 40, 298, 297, 290, 280, 41, 42},
		{300},
	} {
		placed := spread(wanted, 17, 300)
		order := make([]int, len(wanted))
		for i := range order {
			order[i] = i
		}
		slices.SortFunc(order, func(a, b int) int { return int(placed[a]*1e3) - int(placed[b]*1e3) })
		for k := 1; k < len(order); k++ {
			above, below := order[k-1], order[k]
			if placed[below]-placed[above] < 17-1e-9 {
				t.Errorf("%v: two labels at %v and %v, want 17 between", wanted, placed[above], placed[below])
			}
			if wanted[above] > wanted[below] {
				t.Errorf("%v: got %v, in another order", wanted, placed)
			}
		}
		if slices.Max(placed) > 300+1e-9 {
			t.Errorf("%v: got %v, want none below 300", wanted, placed)
		}
	}
	if got := spread([]float64{100, 200}, 17, 300); !slices.Equal(got, []float64{100, 200}) {
		t.Errorf("labels with room between were moved to %v", got)
	}
}

func TestSteps(t *testing.T) {
	for step, want := range map[float64]float64{0.3: 0.5, 1: 1, 1.1: 2, 3: 5, 7: 10, 60: 100} {
		if got := niceStep(step); got < want*0.999 || got > want*1.001 {
			t.Errorf("step %v: got %v, want %v", step, got, want)
		}
	}
}
