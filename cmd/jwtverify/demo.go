package main

import (
	"fmt"
	"strings"
	"time"

	"example.com/jwtverify/internal/demo"
	"example.com/jwtverify/internal/local"
	"example.com/jwtverify/internal/screen"
)

const demoUsage = `  jwtverify demo

Starts an issuer and the API of AuthAction's guide on free ports of 127.0.0.1 and acts as
a client of both, over real HTTP: public and protected requests, tokens that are good,
altered, expired and for another audience, a rotation of the keys, an outage. Each answer
is compared with the expected one.

Exit codes: 0 every answer was as expected, 1 one was not, 2 it could not start, 130
stopped by Ctrl-C.
`

// demo is the command of that name.
func (s *session) demo(f *flags) func() (int, error) {
	keep := f.set.Bool("keep", false, "leave both running, and show the curl lines of the guide for them, until Ctrl-C")
	return func() (int, error) { return s.tellStory(*keep) }
}

func (s *session) tellStory(keep bool) (int, error) {
	stage, err := demo.Open()
	if err != nil {
		return 0, err
	}
	defer stage.Close()
	asExpected, err := stage.Tell(demo.Teller{Out: s.onScreen(s.columns(s.stdout)), Paint: s.palette(s.stdout).paint, Explain: explained})
	switch {
	case err != nil:
		return 0, err
	case !asExpected:
		return int(rejected), nil
	case keep:
		return 0, s.keep(stage)
	}
	return 0, nil
}

// explained is what jwtverify explain prints for a token, whatever the environment says.
func explained(token string, flags ...string) (report string, code int) {
	var out strings.Builder
	s := &session{
		env:   func(string) string { return "" },
		stdin: strings.NewReader(token), stdout: &out, stderr: &out, now: time.Now,
	}
	code = s.command(append([]string{"explain"}, flags...))
	return out.String(), code
}

// keep leaves the stage as it is until somebody stops it.
func (s *session) keep(stage *demo.Stage) error {
	ctx, stop := s.untilStopped()
	defer stop()
	// What is to be pasted stays a line.
	_, err := fmt.Fprintf(s.onScreen(screen.Unbroken), `
The issuer and the API are still there. The client's part, to be pasted:

%s
Ctrl-C stops both. Why the API refuses a request is logged below.
`, stage.Keep(local.Log(s.stderr)))
	if err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}
