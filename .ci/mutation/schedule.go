package main

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A schedule is the order in which tests run: first the quick ones, and those that take
// long only if the others have noticed nothing.
type schedule struct {
	Seconds map[string]float64 // that each test takes with the unchanged package
	Groups  [][]string
}

// The tests of a group take this long each, or less. Those of the last one take longer.
var groupLimits = []float64{0.05, 0.5}

var (
	testResult = regexp.MustCompile(`(?m)^--- (?:PASS|SKIP): (\S+) \((\d+\.\d+)s\)$`)
	failedTest = regexp.MustCompile(`(?m)^--- FAIL: (\S+) \(`)
	testStart  = regexp.MustCompile(`(?m)^=== (?:RUN|CONT) +([^/\s]+)`)
)

// newSchedule times the short tests of the unchanged package.
func newSchedule(tests, folder string) (*schedule, error) {
	list, err := runTests(tests, folder, time.Minute, "-test.list=.")
	if err != nil {
		return nil, err
	}
	s := &schedule{Seconds: map[string]float64{}, Groups: make([][]string, len(groupLimits)+1)}
	out, err := runTests(tests, folder, 10*time.Minute, "-test.v")
	if err != nil {
		return nil, err
	}
	for _, result := range testResult.FindAllSubmatch(out, -1) {
		if s.Seconds[string(result[1])], err = strconv.ParseFloat(string(result[2]), 64); err != nil {
			return nil, err
		}
	}
	for _, name := range strings.Fields(string(list)) {
		if !strings.HasPrefix(name, "Benchmark") {
			group, _ := slices.BinarySearch(groupLimits, s.Seconds[name])
			s.Groups[group] = append(s.Groups[group], name)
		}
	}
	return s, nil
}

// run runs the tests of a changed package until one fails. The file killers names the
// tests that noticed other changes of the same file: they come first.
func (s *schedule) run(tests, folder, killers string) (int, error) {
	for _, group := range append([][]string{lastKillers(killers)}, s.Groups...) {
		if len(group) == 0 {
			continue
		}
		var usual time.Duration
		for _, name := range group {
			usual += time.Duration(s.Seconds[name] * float64(time.Second))
		}
		out, err := runTests(tests, folder, usual, "-test.v", "-test.run=^("+strings.Join(group, "|")+")$")
		if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
			return killed, remember(killers, out)
		} else if err != nil {
			return 0, err
		}
	}
	return lived, nil
}

// lastKillers returns the five that noticed something last.
func lastKillers(file string) []string {
	data, _ := os.ReadFile(file) // without it nobody noticed anything yet
	all := strings.Fields(string(data))
	slices.Reverse(all)
	var names []string
	for _, name := range all {
		if len(names) < 5 && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// remember appends the test that failed, by the output of it. A test that was stopped
// prints no result: it is the one that was started last.
func remember(file string, out []byte) error {
	found := failedTest.FindSubmatch(out)
	if found == nil {
		starts := testStart.FindAllSubmatch(out, -1)
		if starts == nil {
			return nil
		}
		found = starts[len(starts)-1]
	}
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(f, "%s\n", found[1])
	return errors.Join(err, f.Close())
}

// runTests runs short tests that usually take a known time. A change that never ends is
// stopped, and its memory is bounded. What counts is time of the CPU, as a busy machine
// must not look like a change that was noticed; the limit on the clock is for tests that
// wait.
func runTests(tests, folder string, usual time.Duration, args ...string) ([]byte, error) {
	limits := fmt.Sprintf(`ulimit -v 12000000 && ulimit -t %.0f && exec "$0" "$@"`, math.Ceil((2*time.Second + 5*usual).Seconds()))
	command := exec.Command("sh", append([]string{"-c", limits, tests, "-test.short", "-test.failfast", "-test.timeout=" + (15*time.Second + 10*usual).String()}, args...)...)
	command.Dir = folder
	command.Env = append(os.Environ(), "PATH="+os.Getenv(realPathVar))
	var out bytes.Buffer
	command.Stdout, command.Stderr = &out, &out
	if err := command.Run(); err != nil {
		return out.Bytes(), fmt.Errorf("%w\n%s", err, tail(out.Bytes()))
	}
	return out.Bytes(), nil
}

// tail is the end of a long output.
func tail(out []byte) []byte { return out[max(0, len(out)-4000):] }
