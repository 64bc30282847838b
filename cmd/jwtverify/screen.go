package main

import (
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A screen is the one way out of a command: all that goes to stdout and stderr goes through
// it. What it lets pass holds no token, no signature of one that was read, nothing that a
// terminal might obey, and is UTF-8, whoever forgot to see to that. Each Write is of whole
// lines.
type screen struct {
	session *session
	w       io.Writer
	columns int // where lines are broken; 0: as the terminal is wide, and else nowhere; -1: nowhere
}

func (o *screen) Write(p []byte) (int, error) {
	text := string(p)
	for _, secret := range o.session.hidden {
		text = strings.ReplaceAll(text, secret, fmt.Sprintf("[hidden, %d bytes]", len(secret)))
	}
	text = withoutTokens(text)
	if strings.ContainsFunc(text, func(r rune) bool { return r != '\n' && (r < ' ' || r > '~') }) {
		text = o.harmless(text)
	}
	columns := o.columns
	if columns == 0 {
		columns, _ = terminalColumns(o.w)
	}
	if columns > 0 {
		text = broken(text, columns)
	}
	if _, err := io.WriteString(o.w, text); err != nil {
		return 0, err
	}
	return len(p), nil
}

// own are the sequences of palette, and those of the progress of verify --lines.
var own = regexp.MustCompile(`\x1b\[(?:[0-9]{1,2}m|K)|\r`)

// harmless escapes what a terminal might obey, but for the sequences of our own on one.
func (o *screen) harmless(text string) string {
	out, start := "", 0
	if isTerminal(o.w) {
		for _, at := range own.FindAllStringIndex(text, -1) {
			out += visible(text[start:at[0]], "\n") + text[at[0]:at[1]]
			start = at[1]
		}
	}
	return out + visible(text[start:], "\n")
}

// lineLabel is what stands before the text of a line: those that follow hang below it.
var lineLabel = regexp.MustCompile(`^ *(?:\d \w+ +)?(?:[✓✗–] )?(?:\d{3} +|\w+  +)?`)

// broken breaks lines that are too long, but for JSON, which programs read.
func broken(text string, columns int) string {
	var out []string
	for line := range strings.SplitSeq(text, "\n") {
		plain := own.ReplaceAllString(line, "")
		if first := strings.TrimLeft(plain, " "); first != "" && strings.Contains(`{}[]"`, first[:1]) {
			out = append(out, line)
			continue
		}
		hang := min(utf8.RuneCountInString(lineLabel.FindString(plain)), columns/2)
		out = append(out, wrap(line, columns, hang)...)
	}
	return strings.Join(out, "\n")
}

// wrap breaks a text into lines, behind spaces and commas. All but the first hang. A word
// is never broken: it may be there to be copied.
func wrap(text string, width, hang int) (lines []string) {
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

// columns is the width of what is written for reading: that of the terminal, or what
// COLUMNS says, and never more than fits the eye.
func (s *session) columns(w io.Writer) int {
	const most = 80
	columns, err := strconv.Atoi(s.env("COLUMNS"))
	if err != nil {
		columns, _ = terminalColumns(w)
	}
	if columns < 1 {
		return most
	}
	return min(columns, most)
}

// isTerminal reports whether somebody sits at the other end.
func isTerminal(stream any) bool {
	_, terminal := terminalColumns(stream)
	return terminal
}

// terminalColumns is the width of a terminal, 0 if that is unknown.
func terminalColumns(stream any) (columns int, terminal bool) {
	if screen, ok := stream.(*screen); ok {
		stream = screen.w
	}
	if file, ok := stream.(*os.File); ok {
		return fileColumns(file)
	}
	return 0, false
}

// withScreens puts a screen before stdout and stderr, if there is none.
func (s *session) withScreens() {
	for _, stream := range []*io.Writer{&s.stdout, &s.stderr} {
		if _, ok := (*stream).(*screen); !ok {
			*stream = &screen{session: s, w: *stream}
		}
	}
}

const unbroken = -1

// onScreen is stdout with lines of at most so many columns.
func (s *session) onScreen(columns int) io.Writer {
	out := *s.stdout.(*screen)
	out.columns = columns
	return &out
}

// tokenOrSignature is a token or a signature, HS256 having the shortest, and no word of ours: what
// somebody else has written must not blot out the verdict.
var tokenOrSignature = regexp.MustCompile(`^[\w.~+/=-]{43,}$`)

// hide keeps a token that was read, and its signature, from all output.
func (s *session) hide(token string) {
	for _, secret := range []string{token, token[strings.LastIndexByte(token, '.')+1:]} {
		if tokenOrSignature.MatchString(secret) {
			s.hidden = append(s.hidden, secret)
		}
	}
}
