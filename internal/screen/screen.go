// Package screen is the way of a text from outside to a terminal, a log or JSON: what it lets
// pass holds no token, no signature, no secret that it knows of, nothing that a terminal might
// obey, and is UTF-8.
package screen

import (
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"unicode/utf8"
)

// A Screen is the one way out of a command: all that goes to stdout and stderr goes through
// it, whoever forgot to make a text fit to be shown. Each Write is of whole lines.
type Screen struct {
	Out     io.Writer
	Columns int // where lines are broken; 0: as the terminal is wide, and else nowhere
	Hidden  *Hidden
}

// Unbroken are the Columns of lines that are to be copied.
const Unbroken = -1

func (o *Screen) Write(p []byte) (int, error) {
	text := string(p)
	for _, secret := range *o.Hidden {
		text = strings.ReplaceAll(text, secret, fmt.Sprintf("[hidden, %d bytes]", len(secret)))
	}
	text = WithoutTokens(text)
	if strings.ContainsFunc(text, func(r rune) bool { return r != '\n' && (r < ' ' || r > '~') }) {
		text = o.harmless(text)
	}
	columns := o.Columns
	if columns == 0 {
		columns, _ = Columns(o.Out)
	}
	if columns > 0 {
		text = broken(text, columns)
	}
	if _, err := io.WriteString(o.Out, text); err != nil {
		return 0, err
	}
	return len(p), nil
}

// The styles of text on a terminal.
const (
	Bold   = "1"
	Dim    = "2"
	Red    = "31"
	Green  = "32"
	Yellow = "33"
)

// Painted is text in a style.
func Painted(style, text string) string { return "\x1b[" + style + "m" + text + "\x1b[0m" }

// own are the sequences of Painted, and those of the progress of verify --lines.
var own = regexp.MustCompile(`\x1b\[(?:[0-9]{1,2}m|K)|\r`)

// harmless escapes what a terminal might obey, but for the sequences of our own on one.
func (o *Screen) harmless(text string) string {
	out, start := "", 0
	if IsTerminal(o.Out) {
		for _, at := range own.FindAllStringIndex(text, -1) {
			out += visible(text[start:at[0]], "\n") + text[at[0]:at[1]]
			start = at[1]
		}
	}
	return out + visible(text[start:], "\n")
}

// lineLabel is what stands before the text of a line: those that follow hang below it.
var lineLabel = regexp.MustCompile(`^ *(?:\d \w+ +)?(?:[✓✗–] )?(?:\d{3} +|\w+  +)?`)

// broken breaks lines that are too long, but for JSON, which programs read, and a command
// line to be pasted.
func broken(text string, columns int) string {
	var out []string
	for line := range strings.SplitSeq(text, "\n") {
		plain := own.ReplaceAllString(line, "")
		if first := strings.TrimLeft(plain, " "); first != "" && (strings.Contains(`{}[]"`, first[:1]) || strings.Contains(first, ": jwtverify explain --")) {
			out = append(out, line)
			continue
		}
		hang := min(utf8.RuneCountInString(lineLabel.FindString(plain)), columns/2)
		out = append(out, Wrap(line, columns, hang)...)
	}
	return strings.Join(out, "\n")
}

// Wrap breaks a text into lines, behind spaces and commas. All but the first hang. A word
// is never broken: it may be there to be copied.
func Wrap(text string, width, hang int) (lines []string) {
	line, empty := "", true
	for _, part := range strings.SplitAfter(text, " ") {
		for piece := range strings.SplitAfterSeq(part, ",") {
			if !empty && utf8.RuneCountInString(own.ReplaceAllString(strings.TrimRight(line+piece, " "), "")) > width {
				lines = append(lines, strings.TrimRight(line, " "))
				line, empty = strings.Repeat(" ", hang), true
			}
			line += piece
			empty = empty && strings.Trim(piece, " ") == ""
		}
	}
	return append(lines, strings.TrimRight(line, " "))
}

// IsTerminal reports whether somebody sits at the other end.
func IsTerminal(stream any) bool {
	_, terminal := Columns(stream)
	return terminal
}

// Columns is the width of a terminal, 0 if that is unknown.
func Columns(stream any) (columns int, terminal bool) {
	if screen, ok := stream.(*Screen); ok {
		stream = screen.Out
	}
	if file, ok := stream.(*os.File); ok {
		return fileColumns(file)
	}
	return 0, false
}

// TokenOrSignature is a token or a signature, HS256 having the shortest, and no word of ours: what
// somebody else has written must not blot out the verdict.
var TokenOrSignature = regexp.MustCompile(`^[\w.~+/=-]{43,}$`)

// Hidden is what no output may hold.
type Hidden []string

// Add keeps a token that was read, and its signature, from all output.
func (h *Hidden) Add(token string) {
	for _, secret := range []string{token, token[strings.LastIndexByte(token, '.')+1:]} {
		if TokenOrSignature.MatchString(secret) {
			*h = append(*h, secret)
		}
	}
}
