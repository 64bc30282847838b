package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"unsafe"
)

// openTerminal returns both ends of a pseudo terminal: what a person sees, and what a
// program has for stdout.
func openTerminal(t *testing.T) (person, program *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skip("there are no terminals on this machine: ", err)
	}
	t.Cleanup(func() { person.Close() })
	control := func(request uintptr, value *int32) {
		if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, person.Fd(), request, uintptr(unsafe.Pointer(value))); errno != 0 {
			t.Fatal(errno)
		}
	}
	var unlock, number int32
	control(syscall.TIOCSPTLCK, &unlock)
	control(syscall.TIOCGPTN, &number)
	program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skip("there are no terminals on this machine: ", err)
	}
	return person, program
}

// onTerminal tells a story on a terminal and returns all that a person sees.
func (s *script) onTerminal(t *testing.T, env map[string]string) string {
	t.Helper()
	t.Chdir(t.TempDir())
	person, program := openTerminal(t)
	var seen bytes.Buffer
	read := make(chan struct{})
	go func() {
		defer close(read)
		seen.ReadFrom(person) // ends with an error when the program's end is closed
	}()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for name, value := range env {
			w.env[name] = value
		}
		w.terminal = program
		told := s.tellIn(t, w)
		if shown := strings.Join(told, "\n"); strings.Contains(shown, "\x1b") {
			t.Errorf("what belongs on the terminal is elsewhere: %q", shown)
		}
	})
	program.Close()
	<-read
	return seen.String()
}

func TestPicture(t *testing.T) {
	s := readStory(t, "testdata/explain.txt")
	screen := s.onTerminal(t, map[string]string{"TERM": "xterm-256color"})
	checkPictures(t, "jwtverify explain: a token that is for another audience", screen)

	// In the picture is what the story says, and nothing else.
	plain := strings.ReplaceAll(sgr.ReplaceAllString(screen, ""), "\r\n", "\n")
	if want := strings.Join(s.lines, "\n"); !strings.HasSuffix(want+"\n", plain) || !strings.Contains(plain, "(decides)") {
		t.Errorf("the terminal shows\n%s\nthe story says\n%s", plain, want)
	}
	if plain == strings.ReplaceAll(screen, "\r\n", "\n") {
		t.Error("no colour on a terminal")
	}
}

// The text is the same without colour, and there is none where it is not wanted.
func TestColourIsOnlyWhereItIsWanted(t *testing.T) {
	inColour := readStory(t, "testdata/explain.txt").onTerminal(t, map[string]string{"TERM": "xterm"})
	for name, env := range map[string]map[string]string{
		"NO_COLOR":        {"TERM": "xterm", "NO_COLOR": "1"},
		"a dumb terminal": {"TERM": "dumb"},
	} {
		t.Run(name, func(t *testing.T) {
			got := readStory(t, "testdata/explain.txt").onTerminal(t, env)
			if strings.Contains(got, "\x1b") {
				t.Errorf("got colour: %q", got)
			}
			if want := sgr.ReplaceAllString(inColour, ""); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}
