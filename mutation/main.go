// Command mutation changes the library in a thousand small ways, one at a time, and
// counts how many of the changes its tests notice. The changes are made by gremlins
// (github.com/go-gremlins/gremlins), in a copy; the tests are those of `go test -short`.
//
//	go run .                  # the root package and bearer: an hour or two on 2 cores
//	go run . verify.go        # some files only
//	go run . bearer/scope.go
//
// A change that no test notices must be in equivalent.txt, with the reason why it
// changes nothing that can be noticed. The exit code is 1 if one is not.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path"
	"slices"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// Exit codes.
const (
	allNoticed = 0
	survivors  = 1 // a change was not noticed and is not explained, or too many were not
	notStarted = 2
)

// The packages whose tests are judged, as folders of the root module.
var packages = []string{".", "bearer"}

// The files of which this share must be noticed, and all of bearer together.
const wantedShare = 0.95

var wanted = []string{"verify.go", "rsa.go", "jwk.go", "json.go", "cache.go", "bearer"}

func run(ctx context.Context, files []string, stdout, stderr io.Writer) int {
	fail := func(err error) int {
		fmt.Fprintln(stderr, "mutation:", err)
		return notStarted
	}
	for _, file := range files {
		if !slices.Contains(packages, path.Dir(file)) || path.Ext(file) != ".go" {
			return fail(fmt.Errorf("got %q, want a file of the root package or of bearer, such as verify.go or bearer/scope.go", file))
		}
	}
	list, err := os.ReadFile("equivalent.txt")
	if err != nil {
		return fail(fmt.Errorf("%w: run it in the folder mutation", err))
	}
	explained, err := parseEquivalents(string(list))
	if err != nil {
		return fail(fmt.Errorf("equivalent.txt: %w", err))
	}
	work, err := os.MkdirTemp("", "jwtverify-mutation-")
	if err != nil {
		return fail(err)
	}
	defer os.RemoveAll(work)

	var all []mutant
	for _, pkg := range packages {
		var only []string
		for _, file := range files {
			if path.Dir(file) == pkg {
				only = append(only, path.Base(file))
			}
		}
		if len(files) > 0 && only == nil {
			continue
		}
		mutants, err := unleash(ctx, work, "..", pkg, only, stderr)
		if err != nil {
			return fail(err)
		}
		all = append(all, mutants...)
	}
	result := judge(all, explained, len(files) == 0)
	result.print(stdout)
	if !result.ok() {
		return survivors
	}
	return allNoticed
}
