package inorder_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"example.com/jwtverify/internal/inorder"
)

// number answers each line by its number and its length, and sums up the lengths.
func number() func(*inorder.Batch[int]) {
	return func(b *inorder.Batch[int]) {
		for number, line := range b.Lines() {
			size := len(line)
			if line == nil {
				size = -1
			}
			b.Sum += size
			b.Answers = fmt.Appendf(b.Answers, "%d:%d ", number, size)
		}
	}
}

func TestAnswersComeInTheOrderOfTheLines(t *testing.T) {
	long := strings.Repeat("a", inorder.MaxLine)
	many, all := new(strings.Builder), ""
	for i := range 10*inorder.BatchLines + 1 {
		fmt.Fprintf(many, "%s\n", strings.Repeat("x", i%7))
		all += fmt.Sprintf("%d:%d ", i+1, i%7)
	}
	for name, test := range map[string]struct{ in, want string }{
		"nothing":                         {"", ""},
		"an empty line":                   {"\n", "1:0 "},
		"a last line without end":         {"a\nbc", "1:1 2:2 "},
		"line ends of Windows":            {"a\r\n\r\nb\r", "1:1 2:0 3:1 "},
		"a line of the greatest length":   {long + "\n" + long, fmt.Sprintf("1:%[1]d 2:%[1]d ", inorder.MaxLine)},
		"with the line ends of Windows":   {long + "\r\na", fmt.Sprintf("1:%d 2:1 ", inorder.MaxLine)},
		"a line that is longer is nil":    {"a\n" + long + "a\nb", "1:1 2:-1 3:1 "},
		"lines for more batches than one": {many.String(), all},
	} {
		t.Run(name, func(t *testing.T) {
			for _, in := range []io.Reader{strings.NewReader(test.in), iotest.HalfReader(strings.NewReader(test.in))} {
				var out bytes.Buffer
				lines := 0
				readError, err := inorder.Each(in, number, func(b *inorder.Batch[int]) error {
					if b.Len() > 0 && b.First != lines+1 {
						t.Errorf("line %d comes behind %d lines", b.First, lines)
					}
					lines += b.Len()
					_, err := out.Write(b.Answers)
					return err
				})
				if readError != nil || err != nil || out.String() != test.want {
					t.Errorf("got %.100q (%v, %v), want %.100q", out.String(), readError, err, test.want)
				}
			}
		})
	}
}

func TestErrorsEndIt(t *testing.T) {
	broken := errors.New("broken")
	lines := 0
	count := func(b *inorder.Batch[int]) error { lines += b.Len(); return nil }
	if readError, err := inorder.Each(io.MultiReader(strings.NewReader("a\nb\nbegun"), iotest.ErrReader(broken)), number, count); readError != broken || err != nil || lines != 2 {
		t.Errorf("a reader that fails: got %v, %v and %d lines", readError, err, lines)
	}
	endless := iotest.DataErrReader(endlessLines{})
	if readError, err := inorder.Each(endless, number, func(*inorder.Batch[int]) error { return broken }); readError != nil || err != broken {
		t.Errorf("a writer that fails: got %v, %v", readError, err)
	}
}

type endlessLines struct{}

func (endlessLines) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = '\n'
	}
	return len(p), nil
}
