package main

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"example.com/jwtverify/internal/screen"
)

// The pictures of the README are the story explain, told on a terminal. The
// terminal is in pty_linux_test.go; here is how what it shows becomes SVG.

// A theme is the colours of a terminal by what they are used for.
type theme struct {
	name, background, border, plain, dim, red, green, yellow string
}

var themes = []theme{
	{"light", "#ffffff", "#d0d7de", "#1f2328", "#59636e", "#cf222e", "#1a7f37", "#9a6700"},
	{"dark", "#0d1117", "#3d444d", "#f0f6fc", "#9198a1", "#ff7b72", "#3fb950", "#d29922"},
}

const (
	fontSize   = 14
	lineHeight = 20
	charWidth  = 8.4
	padding    = 16
)

// A stretch is text in one style: that of the last escape sequence before it.
type stretch struct {
	text, style string
}

// stretches takes the line of a terminal apart.
func stretches(line string) (out []stretch) {
	style := ""
	for line != "" {
		at := sgr.FindStringSubmatchIndex(line)
		if at == nil {
			return append(out, stretch{line, style})
		}
		if at[0] > 0 {
			out = append(out, stretch{line[:at[0]], style})
		}
		style = strings.TrimPrefix(line[at[2]:at[3]], "0")
		line = line[at[1]:]
	}
	return out
}

var sgr = regexp.MustCompile(`\x1b\[([0-9;]*)m`)

// picture renders what a terminal shows.
func picture(title, shown string, th theme) string {
	lines := strings.Split(strings.TrimRight(strings.ReplaceAll(shown, "\r\n", "\n"), "\n"), "\n")
	columns := 0
	for _, line := range lines {
		columns = max(columns, utf8.RuneCountInString(sgr.ReplaceAllString(line, "")))
	}
	width, height := float64(columns)*charWidth+2*padding, len(lines)*lineHeight+2*padding
	colour := map[string]string{"": th.plain, screen.Bold: th.plain, screen.Dim: th.dim, screen.Red: th.red, screen.Green: th.green, screen.Yellow: th.yellow}

	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" role="img" width="%.0f" height="%d" viewBox="0 0 %.0f %d" font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="%d">`+"\n",
		width, height, width, height, fontSize)
	fmt.Fprintf(&b, "<title>%s</title>\n", escapeXML(title))
	fmt.Fprintf(&b, `<rect x="0.5" y="0.5" width="%.0f" height="%d" rx="8" fill="%s" stroke="%s"/>`+"\n", width-1, height-1, th.background, th.border)
	for i, line := range lines {
		column := 0
		for _, r := range stretches(line) {
			text := strings.TrimLeft(r.text, " ")
			n := utf8.RuneCountInString(text)
			column += len(r.text) - len(text)
			if text != "" {
				// The length is forced: another font, or a ✓ from one, must not move the rest.
				fmt.Fprintf(&b, `<text x="%.1f" y="%d" textLength="%.1f" lengthAdjust="spacingAndGlyphs" xml:space="preserve" fill="%s">%s</text>`+"\n",
					padding+float64(column)*charWidth, padding+i*lineHeight+fontSize, float64(n)*charWidth, colour[r.style], escapeXML(text))
			}
			column += n
		}
	}
	b.WriteString("</svg>\n")
	return b.String()
}

func escapeXML(text string) string {
	var b bytes.Buffer
	xml.EscapeText(&b, []byte(text)) // a Buffer takes everything
	return b.String()
}

// checkPictures compares the pictures with what a terminal shows, or makes them anew.
func checkPictures(t *testing.T, title, shown string) {
	t.Helper()
	for _, th := range themes {
		path := filepath.Join(packageDir, "..", "..", "docs", "explain-"+th.name+".svg")
		want := picture(title, shown, th)
		if *update {
			writeFile(t, path, []byte(want))
			continue
		}
		got, err := os.ReadFile(path)
		if err != nil || string(got) != want {
			t.Errorf("%s is stale (%v): go test ./cmd/jwtverify -run Picture -update", path, err)
		}
	}
}

func TestAPictureOfWhatATerminalShows(t *testing.T) {
	got := picture("a < b", "$ a\r\n\x1b[31m✗\x1b[0m <b>  \x1b[2mc\x1b[0m\r\n", themes[0])
	for _, want := range []string{
		`<title>a &lt; b</title>`,
		`y="30" textLength="25.2" lengthAdjust="spacingAndGlyphs" xml:space="preserve" fill="#1f2328">$ a</text>`,
		`<text x="16.0" y="50" textLength="8.4" lengthAdjust="spacingAndGlyphs" xml:space="preserve" fill="#cf222e">✗</text>`,
		`<text x="32.8" y="50" `, `fill="#1f2328">&lt;b&gt;  </text>`,
		`<text x="74.8" y="50" `, `fill="#59636e">c</text>`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the picture lacks %s:\n%s", want, got)
		}
	}
	for decoder := xml.NewDecoder(strings.NewReader(got)); ; {
		if _, err := decoder.Token(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatalf("the picture is no XML: %v", err)
		}
	}
}
