package main

import (
	"io"
	"strconv"

	"example.com/jwtverify/internal/screen"
)

// A palette paints text for a terminal, or leaves it as it is.
type palette bool

func (s *session) palette(out io.Writer) palette {
	return palette(screen.IsTerminal(out) && s.env("NO_COLOR") == "" && s.env("TERM") != "dumb")
}

func (p palette) paint(style, text string) string {
	if !p {
		return text
	}
	return screen.Painted(style, text)
}

// verdict is the verdict in its colour.
func (p palette) verdict(v verdict) string { return p.paint(v.colour(), v.String()) }

func (v verdict) colour() string {
	switch v {
	case accepted:
		return screen.Green
	case rejected:
		return screen.Red
	}
	return screen.Yellow
}

// columns is the width of what is written for reading: that of the terminal, or what
// COLUMNS says, and never more than fits the eye.
func (s *session) columns(w io.Writer) int {
	const most = 80
	columns, err := strconv.Atoi(s.env("COLUMNS"))
	if err != nil {
		columns, _ = screen.Columns(w)
	}
	if columns < 1 {
		return most
	}
	return min(columns, most)
}

// withScreens puts a screen before stdout and stderr.
func (s *session) withScreens() {
	s.stdout = &screen.Screen{Out: s.stdout, Hidden: &s.hidden}
	s.stderr = &screen.Screen{Out: s.stderr, Hidden: &s.hidden}
}

// onScreen is stdout with lines of at most so many columns.
func (s *session) onScreen(columns int) io.Writer {
	out := *s.stdout.(*screen.Screen)
	out.Columns = columns
	return &out
}
