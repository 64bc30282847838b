package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// The environment of the stand-in for go.
const (
	realGoVar   = "MUTATION_GO"    // the go command it stands before
	realPathVar = "MUTATION_PATH"  // PATH without it
	stateVar    = "MUTATION_STATE" // a folder for what is kept from run to run
)

// The exit codes of go test, as gremlins reads them.
const (
	lived     = 0
	killed    = 1
	notViable = 2
)

// standsIn reports whether this process was started as go: gremlins finds this program
// under that name in its PATH, so that go test can be done another way.
//
// Where gremlins asks for coverage, the unchanged package is built and its tests are
// timed, and all of it counts as covered: there are no figures for constants and for the
// conditions of a switch, and gremlins would leave them alone. Where gremlins asks for the
// tests of a changed package, it is built by [recipe.build] and its tests run in the order
// of [schedule].
func standsIn() bool { return filepath.Base(os.Args[0]) == "go" }

func standIn(args []string, stdout, stderr io.Writer) int {
	code, err := insteadOfGo(args, stdout, stderr)
	if err != nil {
		fmt.Fprintln(stderr, "mutation:", err)
		return notViable
	}
	return code
}

func insteadOfGo(args []string, stdout, stderr io.Writer) (int, error) {
	if args[0] != "test" {
		command := exec.Command(os.Getenv(realGoVar), args...)
		command.Stdin, command.Stdout, command.Stderr = os.Stdin, stdout, stderr
		err := command.Run()
		if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
			return exit.ExitCode(), nil
		}
		return 0, err
	}
	if i := slices.Index(args, "-coverprofile"); i >= 0 {
		// gremlins asks for the packages below, too.
		return 0, prepare(strings.TrimSuffix(args[len(args)-1], "/..."), args[i+1])
	}
	return judgeChanged()
}

// A plan is what is known from the unchanged package.
type plan struct {
	Recipe   recipe
	Schedule schedule
}

func planFile() string { return filepath.Join(os.Getenv(stateVar), "plan.json") }

// prepare builds the unchanged package, times its tests, and writes the plan and a
// profile that covers all lines.
func prepare(pkg, profile string) error {
	r, err := newRecipe(pkg)
	if err != nil {
		return err
	}
	tests, err := r.build(r.Root)
	if err != nil {
		return fmt.Errorf("building the unchanged package: %w", err)
	}
	defer os.Remove(tests)
	s, err := newSchedule(tests, filepath.Join(r.Root, r.Folder))
	if err != nil {
		return fmt.Errorf("testing the unchanged package: %w", err)
	}
	data, err := json.Marshal(plan{*r, *s})
	if err != nil {
		return err
	}
	if err := os.WriteFile(planFile(), data, 0o600); err != nil {
		return err
	}
	covered := bytes.NewBufferString("mode: set\n")
	for _, file := range r.Sources {
		fmt.Fprintf(covered, "%s/%s:1.1,1000000.1 1 1\n", r.Package, file)
	}
	return os.WriteFile(profile, covered.Bytes(), 0o600)
}

// judgeChanged runs in the package's folder of a copy, in which one file is changed.
func judgeChanged() (int, error) {
	data, err := os.ReadFile(planFile())
	if err != nil {
		return 0, err
	}
	var p plan
	if err := json.Unmarshal(data, &p); err != nil {
		return 0, err
	}
	folder, err := os.Getwd()
	if err != nil {
		return 0, err
	}
	root := strings.TrimSuffix(folder, string(filepath.Separator)+p.Recipe.Folder)
	changed, err := p.Recipe.changed(root)
	if err != nil || changed == "" {
		return lived, err
	}
	tests, err := p.Recipe.build(root)
	if err != nil {
		return notViable, nil
	}
	defer os.Remove(tests)
	return p.Schedule.run(tests, folder, filepath.Join(os.Getenv(stateVar), changed+".killers"))
}
