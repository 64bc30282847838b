package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"unsafe"

	"example.com/jwtverify/internal/screen"
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
func (s *script) onTerminal(t *testing.T, env map[string]string, columns uint16) string {
	t.Helper()
	t.Chdir(t.TempDir())
	person, program := openTerminal(t)
	narrow(t, program, columns)
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
	s := story(t, "explain")
	screen := s.onTerminal(t, map[string]string{"TERM": "xterm-256color"}, 110) // beside text, a wider one is too small to read
	checkPictures(t, "jwtverify explain: a token that is for another audience", screen)

	// In the picture is what the story says, and nothing else, but for the ends of lines.
	plain := strings.ReplaceAll(sgr.ReplaceAllString(screen, ""), "\r\n", "\n")
	if want := strings.Join(s.lines, "\n"); !strings.HasSuffix(withoutSpace(want), withoutSpace(plain)) || !strings.Contains(plain, "(decides)") {
		t.Errorf("the terminal shows\n%s\nthe story says\n%s", plain, want)
	}
	if plain == strings.ReplaceAll(screen, "\r\n", "\n") {
		t.Error("no colour on a terminal")
	}
}

// The text is the same without colour, and there is none where it is not wanted.
func TestColourIsOnlyWhereItIsWanted(t *testing.T) {
	inColour := story(t, "explain").onTerminal(t, map[string]string{"TERM": "xterm"}, 200)
	for name, env := range map[string]map[string]string{
		"NO_COLOR":        {"TERM": "xterm", "NO_COLOR": "1"},
		"a dumb terminal": {"TERM": "dumb"},
	} {
		t.Run(name, func(t *testing.T) {
			got := story(t, "explain").onTerminal(t, env, 200)
			if strings.Contains(got, "\x1b") {
				t.Errorf("got colour: %q", got)
			}
			if want := sgr.ReplaceAllString(inColour, ""); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

// narrow makes the terminal so many columns wide.
func narrow(t *testing.T, terminal *os.File, columns uint16) {
	t.Helper()
	size := [4]uint16{24, columns}
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, terminal.Fd(), syscall.TIOCSWINSZ, uintptr(unsafe.Pointer(&size))); errno != 0 {
		t.Fatal(errno)
	}
}

func TestWhatIsATerminal(t *testing.T) {
	_, terminal := openTerminal(t)
	defer terminal.Close()
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	write.Close()
	read.Close()
	for _, test := range []struct {
		name string
		env  map[string]string
		out  io.Writer
		want palette
	}{
		{"a terminal", nil, terminal, true},
		{"a terminal, behind a screen", nil, &screen.Screen{Out: terminal, Hidden: new(screen.Hidden)}, true},
		{"NO_COLOR", map[string]string{"NO_COLOR": "1"}, terminal, false},
		{"a dumb terminal", map[string]string{"TERM": "dumb"}, terminal, false},
		{"the device that is nothing, which stands for a closed stdin", nil, null, false},
		{"a closed file", nil, read, false},
		{"no file", nil, new(bytes.Buffer), false},
	} {
		s := &session{env: func(name string) string { return test.env[name] }}
		if got := s.palette(test.out); got != test.want {
			t.Errorf("%s: got colour %v, want %v", test.name, got, test.want)
		}
	}
}

// On a terminal of 40 columns all lines are broken, but for those that a program reads.
func TestANarrowTerminal(t *testing.T) {
	for _, name := range []string{"explain", "verify", "probe", "jwks", "discover", "explain-nothing", "explain-several", "habits"} {
		t.Run(name, func(t *testing.T) {
			s := story(t, name)
			screen := s.onTerminal(t, map[string]string{"TERM": "dumb"}, 40)
			var told []string
			for line := range strings.Lines(strings.ReplaceAll(screen, "\r\n", "\n")) {
				if !strings.HasPrefix(line, "$ ") && !strings.HasPrefix(line, "{") {
					told = append(told, line)
				}
			}
			checkColumns(t, strings.Join(told, ""), 40)
			if got, want := withoutSpace(screen), withoutSpace(s.onTerminal(t, map[string]string{"TERM": "dumb"}, 500)); got != want {
				t.Errorf("the narrow terminal shows\n%s\nthe wide one\n%s", got, want)
			}
		})
	}
}
