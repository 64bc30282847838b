package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"time"
)

// verify --lines: one line in, one line out, in order.
//
//	reader ─ batches ─┬─ worker ─┬─ writer
//	                  └─ worker ─┘
//
// The reader fills batches of lines and hands each to the workers and, in the same
// order, to the writer, which waits for the batch to be judged, writes it and gives
// it back to the reader. There is a fixed number of batches: that bounds the memory,
// and makes the reader wait for a slow writer.

const (
	maxLineBytes    = 2 << 20 // without its end
	batchLines      = 128     // a few milliseconds of work
	batchBytes      = 128 << 10
	keptBatchBytes  = 1 << 20 // what a long line needed beyond is given back
	readBufferBytes = 256 << 10
	progressEvery   = time.Second

	// What is kept is small, and each line leaves some KiB behind: with the usual 100 %
	// the collector runs every 20 ms and takes a tenth of the time; with this it runs at
	// some 20 MiB of heap.
	linesGCPercent = 400
)

// A batch is some successive lines and, after its worker, the answers to them.
type batch struct {
	first int    // number of the first line, from 1
	text  []byte // the lines, one behind the other, without their ends
	lines []line

	answers  []byte
	tally    [4]int // by verdict
	unread   error  // why the first line with verdict none has it
	unreadAt int
	judged   chan struct{} // capacity 1: the answers are there
}

type line struct {
	end  int  // in text; it begins where the one before ends
	long bool // too long, and left out of text
}

// verifyLines is verify --lines.
func (s *session) verifyLines(f *flags, settings settings) int {
	command := f.command
	if f.given["token-file"] || len(f.args) > 1 || len(f.args) == 1 && f.args[0] != "-" {
		return s.fail(command, errors.New("--lines reads stdin alone: pipe the tokens in, one a line"))
	}
	shared, incomplete := settings.verifier()
	if incomplete != nil && settings.incomplete() == nil {
		return s.fail(command, incomplete) // what is there is wrong
	}

	if s.env("GOGC") == "" {
		defer debug.SetGCPercent(debug.SetGCPercent(linesGCPercent))
	}
	workers := runtime.GOMAXPROCS(0)
	batches := 4*workers + 2
	free := make(chan *batch, batches)
	work := make(chan *batch, batches)
	order := make(chan *batch, batches)
	for range batches {
		free <- &batch{judged: make(chan struct{}, 1)}
	}
	// Closed when the writer has given up. The reader then ends after the Read that
	// it is in, which nothing can interrupt, and the workers with it.
	stop := make(chan struct{})
	defer close(stop)

	var readError error // written before order is closed
	go func() {
		defer close(order)
		defer close(work)
		readError = readBatches(s.stdin, free, stop, func(b *batch) {
			work <- b // has room for all batches there are
			order <- b
		})
	}()
	for range workers {
		go func() {
			judge := &lineJudge{settings: settings, shared: shared, incomplete: incomplete}
			for b := range work {
				judge.batch(b)
				b.judged <- struct{}{}
			}
		}()
	}

	total := &summary{started: time.Now(), terminal: isTerminal(s.stderr), w: s.stderr}
	for b := range order {
		<-b.judged
		if _, err := s.stdout.Write(b.answers); err != nil {
			total.progressEnd()
			return s.fail(command, fmt.Errorf("writing the verdicts: %w", err))
		}
		total.add(b)
		free <- b
	}
	total.end()
	if readError != nil {
		return s.fail(command, fmt.Errorf("reading stdin after line %d: %w", total.lines, readError))
	}
	return int(total.verdict())
}

// readBatches reads lines into free batches until the end of the input or stop. A
// batch goes out when it is full, and also when the next Read might block: who pipes
// in a growing log sees each verdict at once.
func readBatches(r io.Reader, free <-chan *batch, stop <-chan struct{}, out func(*batch)) error {
	in := bufio.NewReaderSize(r, readBufferBytes)
	next := 1
	for {
		var b *batch
		select {
		case b = <-free:
		case <-stop:
			return nil
		}
		b.reset(next)
		for len(b.lines) < batchLines && len(b.text) < batchBytes {
			if err := b.readLine(in); err != nil {
				out(b)
				if err == io.EOF {
					return nil
				}
				return err
			}
			if waiting, _ := in.Peek(in.Buffered()); bytes.IndexByte(waiting, '\n') < 0 {
				break
			}
		}
		next += len(b.lines)
		out(b)
		select {
		case <-stop:
			return nil
		default:
		}
	}
}

func (b *batch) reset(first int) {
	if cap(b.text) > keptBatchBytes {
		b.text = nil
	}
	if cap(b.answers) > keptBatchBytes {
		b.answers = nil
	}
	*b = batch{first: first, text: b.text[:0], lines: b.lines[:0], answers: b.answers[:0], judged: b.judged}
}

// readLine adds the next line. Of a line that is too long no more than maxLineBytes
// are ever held. The error is io.EOF after the last line, which need not have an end;
// on another error a line that was begun is not a line.
func (b *batch) readLine(in *bufio.Reader) error {
	start, long := len(b.text), false
	for {
		part, err := in.ReadSlice('\n')
		whole := err == nil
		switch {
		case err == io.EOF && len(part) == 0 && len(b.text) == start && !long:
			return io.EOF
		case err != nil && err != io.EOF && err != bufio.ErrBufferFull:
			return err
		}
		if !long {
			b.text = append(b.text, part...)
			if whole {
				b.text = b.text[:len(b.text)-1]
			}
			if whole || err == io.EOF {
				b.text = b.text[:start+len(bytes.TrimSuffix(b.text[start:], []byte("\r")))]
			}
			// One byte more may be the CR of the end.
			if over := len(b.text) - start - maxLineBytes; over > 1 || over == 1 && (whole || err == io.EOF) {
				b.text, long = b.text[:start], true
			}
		}
		if err == bufio.ErrBufferFull {
			continue
		}
		b.lines = append(b.lines, line{len(b.text), long})
		return err
	}
}

// A summary is what the person at the terminal is told.
type summary struct {
	started  time.Time
	terminal bool
	w        io.Writer

	lines    int
	tally    [4]int
	unread   error // of the first line with verdict none
	unreadAt int
	shown    time.Time // when progress was shown last; zero: never
}

func (t *summary) add(b *batch) {
	t.lines += len(b.lines)
	for v, n := range b.tally {
		t.tally[v] += n
	}
	if t.unread == nil {
		t.unread, t.unreadAt = b.unread, b.unreadAt
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
		unread = fmt.Sprintf(" (first: line %d: %s)", t.unreadAt, safe(t.unread.Error()))
	}
	fmt.Fprintf(t.w, "%d lines in %v, %.0f/s: %d accepted, %d rejected, %d undetermined, %d unreadable%s\n",
		t.lines, time.Since(t.started).Round(time.Millisecond), t.rate(),
		t.tally[accepted], t.tally[rejected], t.tally[undetermined], t.tally[none], unread)
}

// verdict is that of the whole run: the one that needs attention most.
func (t *summary) verdict() verdict {
	for _, v := range []verdict{none, rejected, undetermined} {
		if t.tally[v] > 0 {
			return v
		}
	}
	return accepted
}
