// Package inorder answers a stream of lines by several workers, in the order in which the
// lines came.
//
//	reader ─ batches ─┬─ worker ─┬─ writer
//	                  └─ worker ─┘
//
// The reader fills batches of lines and hands each to the workers and, in the same
// order, to the writer, which waits for the batch to be answered, writes it and gives
// it back to the reader. There is a fixed number of batches: that bounds the memory,
// and makes the reader wait for a slow writer.
package inorder

import (
	"bufio"
	"bytes"
	"io"
	"iter"
	"runtime"
)

const (
	MaxLine    = 2 << 20 // bytes of a line without its end
	BatchLines = 128     // a few milliseconds of work
	BatchBytes = 128 << 10
	ReadBuffer = 256 << 10

	keptBytes = 1 << 20 // what a long line needed beyond is given back
)

// A Batch is some successive lines and, after its worker, the answers to them.
type Batch[T any] struct {
	First   int    // number of the first line, from 1
	Answers []byte // the worker appends to them
	Sum     T      // of the worker, for the writer

	text     []byte // the lines, one behind the other, without their ends
	lines    []line
	answered chan struct{} // capacity 1: the answers are there
}

type line struct {
	end  int  // in text; it begins where the one before ends
	long bool // too long, and left out of text
}

// Len is the number of lines.
func (b *Batch[T]) Len() int { return len(b.lines) }

// Lines are the lines by number. One that is longer than MaxLine is nil.
func (b *Batch[T]) Lines() iter.Seq2[int, []byte] {
	return func(yield func(int, []byte) bool) {
		start := 0
		for i, line := range b.lines {
			text := b.text[start:line.end:line.end]
			if start = line.end; line.long {
				text = nil
			}
			if !yield(b.First+i, text) {
				return
			}
		}
	}
}

// Workers is how many there are: as many as can work at the same time.
func Workers() int { return runtime.GOMAXPROCS(0) }

// Batches is how many there are.
func Batches() int { return 4*Workers() + 2 }

// Each reads lines to the end of the input or an error of it, has each batch answered by a
// worker, of which newWorker makes several, and written by write, one after the other. An
// error of write ends it: the reader ends after the Read that it is in, which nothing can
// interrupt, and the workers with it.
func Each[T any](in io.Reader, newWorker func() func(*Batch[T]), write func(*Batch[T]) error) (readError, writeError error) {
	var ended error // of the reader, before order is closed
	free := make(chan *Batch[T], Batches())
	work := make(chan *Batch[T], Batches())
	order := make(chan *Batch[T], Batches())
	for range Batches() {
		free <- &Batch[T]{answered: make(chan struct{}, 1)}
	}
	stop := make(chan struct{}) // closed when the writer has given up
	defer close(stop)

	go func() {
		defer close(order)
		defer close(work)
		ended = read(in, free, stop, func(b *Batch[T]) {
			work <- b // has room for all batches there are
			order <- b
		})
	}()
	for range Workers() {
		answer := newWorker()
		go func() {
			for b := range work {
				answer(b)
				b.answered <- struct{}{}
			}
		}()
	}
	for b := range order {
		<-b.answered
		if err := write(b); err != nil {
			return nil, err
		}
		free <- b
	}
	return ended, nil
}

// read reads lines into free batches until the end of the input or stop. A batch goes
// out when it is full, and also when the next Read might block: who pipes in a growing
// log sees each answer at once.
func read[T any](r io.Reader, free <-chan *Batch[T], stop <-chan struct{}, out func(*Batch[T])) error {
	in := bufio.NewReaderSize(r, ReadBuffer)
	next := 1
	for {
		var b *Batch[T]
		select {
		case b = <-free:
		case <-stop:
			return nil
		}
		b.reset(next)
		for len(b.lines) < BatchLines && len(b.text) < BatchBytes {
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

func (b *Batch[T]) reset(first int) {
	if cap(b.text) > keptBytes {
		b.text = nil
	}
	if cap(b.Answers) > keptBytes {
		b.Answers = nil
	}
	*b = Batch[T]{First: first, text: b.text[:0], lines: b.lines[:0], Answers: b.Answers[:0], answered: b.answered}
}

// readLine adds the next line. Of a line that is too long no more than MaxLine
// are ever held. The error is io.EOF after the last line, which need not have an end;
// on another error a line that was begun is not a line.
func (b *Batch[T]) readLine(in *bufio.Reader) error {
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
			if over := len(b.text) - start - MaxLine; over > 1 || over == 1 && (whole || err == io.EOF) {
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
