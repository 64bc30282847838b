package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Every kind of change that gremlins knows and does not make unless asked to.
var moreKinds = []string{
	"--invert-assignments", "--invert-bitwise", "--invert-bwassign", "--invert-logical", "--invert-loopctrl", "--remove-self-assignments",
}

// unleash runs gremlins on the package in the folder pkg of the module tree, or on some
// of its files, and returns what became of each change. gremlins works on copies, one
// for each core.
func unleash(ctx context.Context, work, tree, pkg string, only []string, progress io.Writer) ([]mutant, error) {
	tool, err := exec.Command("go", "tool", "-n", "gremlins").Output()
	if err != nil {
		return nil, fmt.Errorf("building gremlins: %w", err)
	}
	realGo, err := exec.LookPath("go")
	if err != nil {
		return nil, err
	}
	state := filepath.Join(work, strings.ReplaceAll(filepath.Clean(pkg), string(filepath.Separator), "-"))
	bin := filepath.Join(state, "bin")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		return nil, err
	}
	this, err := os.Executable()
	if err != nil {
		return nil, err
	}
	if err := os.Symlink(this, filepath.Join(bin, "go")); err != nil {
		return nil, err
	}
	report := filepath.Join(state, "report.json")
	args := append([]string{"unleash", "--output", report, "--exclude-files", "/", "--timeout-coefficient", "100"}, moreKinds...) // the time is limited by [runTests]
	if only != nil {
		sources, err := filepath.Glob(filepath.Join(tree, pkg, "*.go"))
		if err != nil {
			return nil, err
		}
		for _, source := range sources {
			if name := filepath.Base(source); !slices.Contains(only, name) {
				args = append(args, "--exclude-files", "^"+regexp.QuoteMeta(name)+"$")
			}
		}
	}
	run := exec.CommandContext(ctx, strings.TrimSpace(string(tool)), append(args, "./"+pkg)...)
	run.Dir = tree
	search := os.Getenv("PATH")
	run.Env = append(os.Environ(), "PATH="+bin+string(os.PathListSeparator)+search,
		realPathVar+"="+search, realGoVar+"="+realGo, stateVar+"="+state, "TMPDIR="+work)
	run.Stdout, run.Stderr = progress, progress
	if err := run.Run(); err != nil {
		return nil, fmt.Errorf("gremlins: %w", err)
	}
	data, err := os.ReadFile(report)
	if errors.Is(err, fs.ErrNotExist) && only == nil {
		return nil, nil // there is nothing in this package that gremlins would change
	}
	if err != nil {
		return nil, err
	}
	var found struct {
		Files []struct {
			Name      string `json:"file_name"`
			Mutations []struct {
				Type, Status string
				Line, Column int
			}
		}
	}
	if err := json.Unmarshal(data, &found); err != nil {
		return nil, fmt.Errorf("the report of gremlins: %w", err)
	}
	var mutants []mutant
	for _, file := range found.Files {
		source, err := parseSource(filepath.Join(tree, pkg, file.Name))
		if err != nil {
			return nil, err
		}
		for _, m := range file.Mutations {
			where, err := source.at(m.Line, m.Column)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", file.Name, err)
			}
			mutants = append(mutants, mutant{change{path.Join(pkg, file.Name), where.function, m.Type, where.line}, m.Line, m.Status})
		}
	}
	if len(mutants) == 0 {
		return nil, fmt.Errorf("gremlins found nothing to change in %s", filepath.Join(pkg, strings.Join(only, " ")))
	}
	return mutants, nil
}
