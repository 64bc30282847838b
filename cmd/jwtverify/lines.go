package main

import (
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"time"

	"example.com/jwtverify/internal/inorder"
	"example.com/jwtverify/internal/screen"
)

// verify --lines: one line in, one line out, in order.

const (
	progressEvery = time.Second

	// What is kept is small, and each line leaves some KiB behind: with the usual 100 %
	// the collector runs every 20 ms and takes a tenth of the time; with this it runs at
	// some 20 MiB of heap.
	linesGCPercent = 400
)

// verifyLines is verify --lines.
func (s *session) verifyLines(f *flags, settings settings) (int, error) {
	f.json = false // the lines are JSON, an error is for people
	if f.given["token-file"] || len(f.args) > 1 || len(f.args) == 1 && f.args[0] != "-" {
		return 0, errors.New("--lines reads stdin alone: pipe the tokens in, one a line")
	}
	shared, incomplete := settings.verifier()
	if incomplete != nil && settings.incomplete() == nil {
		return 0, incomplete // what is there is wrong
	}
	if s.env("GOGC") == "" {
		defer debug.SetGCPercent(debug.SetGCPercent(linesGCPercent))
	}
	total := &summary{started: time.Now(), terminal: screen.IsTerminal(s.stderr), w: s.stderr}
	newJudge := func() func(*batch) {
		return (&lineJudge{settings: settings, shared: shared, incomplete: incomplete}).batch
	}
	readError, err := inorder.Each(s.stdin, newJudge, func(b *batch) error {
		if _, err := s.stdout.Write(b.Answers); err != nil {
			return err
		}
		total.add(b.Len(), b.Sum)
		return nil
	})
	if err != nil {
		total.progressEnd()
		return 0, fmt.Errorf("writing the verdicts: %w", err)
	}
	total.end()
	if readError != nil {
		return 0, fmt.Errorf("reading stdin after line %d: %w", total.lines, readError)
	}
	return int(total.verdict()), nil
}

type batch = inorder.Batch[tally]

// A tally counts lines by verdict.
type tally struct {
	verdicts [4]int
	unread   error // why the first line with verdict none has it
	unreadAt int
}

// A summary is what the person at the terminal is told.
type summary struct {
	started  time.Time
	terminal bool
	w        io.Writer

	lines int
	tally
	shown time.Time // when progress was shown last; zero: never
}

func (t *summary) add(lines int, more tally) {
	t.lines += lines
	for v, n := range more.verdicts {
		t.verdicts[v] += n
	}
	if t.unread == nil {
		t.unread, t.unreadAt = more.unread, more.unreadAt
	}
	if !t.terminal {
		return
	}
	if now := time.Now(); now.Sub(t.started) >= progressEvery && now.Sub(t.shown) >= progressEvery {
		t.shown = now
		fmt.Fprintf(t.w, "\r%d lines, %.0f/s\x1b[K", t.lines, t.rate())
	}
}

func (t *summary) rate() float64 {
	return float64(t.lines) / max(time.Since(t.started).Seconds(), 1e-9)
}

// progressEnd clears the line of the progress for what comes next.
func (t *summary) progressEnd() {
	if !t.shown.IsZero() {
		fmt.Fprint(t.w, "\r\x1b[K")
	}
}

func (t *summary) end() {
	t.progressEnd()
	unread := ""
	if t.unread != nil {
		unread = fmt.Sprintf(" (first: line %d: %s)", t.unreadAt, screen.Line(t.unread.Error()))
	}
	fmt.Fprintf(t.w, "%d lines in %v, %.0f/s: %d accepted, %d rejected, %d undetermined, %d unreadable%s\n",
		t.lines, time.Since(t.started).Round(time.Millisecond), t.rate(),
		t.verdicts[accepted], t.verdicts[rejected], t.verdicts[undetermined], t.verdicts[none], unread)
}

// verdict is that of the whole run: the one that needs attention most.
func (t *summary) verdict() verdict {
	for _, v := range []verdict{none, rejected, undetermined} {
		if t.verdicts[v] > 0 {
			return v
		}
	}
	return accepted
}
