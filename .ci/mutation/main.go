// Command mutation changes the library in a thousand small ways, one at a time, and
// counts how many of the changes its tests notice. The changes are made by gremlins
// (github.com/go-gremlins/gremlins), in a copy. Each package is judged by its own short
// tests, those of `go test -short` in its folder, and by no other package's.
//
//	go run .                          # the root package, bearer and the internals
//	go run . internal/strictjson      # some packages only
//	go run . verify.go bearer/scope.go
//
// A change that no test notices must be in equivalent.txt, with the reason why it
// changes nothing that can be noticed. The exit code is 1 if one is not.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	if standsIn() {
		os.Exit(standIn(os.Args[1:], os.Stdout, os.Stderr))
	}
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

// Packages under internal/ that only tests use.
var helpers = []string{"internal/guide", "internal/issuer"}

// judged returns the folders of the packages whose tests are judged: the root, bearer,
// and each package right under internal/ that is part of the library.
func judged(tree string) ([]string, error) {
	command := exec.Command("go", "list", "-f", `{{if ne .Name "main"}}{{.Dir}}{{end}}`, ".", "./bearer", "./internal/...")
	command.Dir = tree
	command.Stderr = os.Stderr
	out, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	var folders []string
	dirs := strings.Fields(string(out))
	for _, dir := range dirs {
		folder, err := filepath.Rel(dirs[0], dir)
		if err != nil {
			return nil, err
		}
		if folder = filepath.ToSlash(folder); strings.Count(folder, "/") < 2 && !slices.Contains(helpers, folder) {
			folders = append(folders, folder)
		}
	}
	return folders, nil
}

// The files of the root and the packages of which this share must be noticed.
const wantedShare = 0.95

var wanted = []string{"verify.go", "rsa.go", "jwk.go", "cache.go", "header.go", "token.go", "internal/strictjson", "internal/jwk", "bearer"}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	fail := func(err error) int {
		fmt.Fprintln(stderr, "mutation:", err)
		return notStarted
	}
	packages, err := judged("../..")
	if err != nil {
		return fail(err)
	}
	only := map[string][]string{} // files of a package; nil for all of them
	for _, name := range args {
		folder := path.Clean(name)
		if path.Ext(name) == ".go" {
			folder = path.Dir(folder)
		}
		if !slices.Contains(packages, folder) {
			return fail(fmt.Errorf("got %q, want a package or a file of one, such as bearer/scope.go; the packages are %s", name, strings.Join(packages, ", ")))
		}
		if folder == path.Clean(name) {
			only[folder] = nil
		} else if files, some := only[folder]; !some || files != nil {
			only[folder] = append(files, path.Base(name))
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
	if err := os.Chmod(work, 0o755); err != nil { // tests that act as another user look below it
		return fail(err)
	}

	var all []mutant
	for _, pkg := range packages {
		files, named := only[pkg]
		if len(args) > 0 && !named {
			continue
		}
		mutants, err := unleash(ctx, work, "../..", pkg, files, stderr)
		if err != nil {
			return fail(err)
		}
		all = append(all, mutants...)
	}
	result := judge(all, explained, len(args) == 0)
	result.print(stdout)
	if !result.ok() {
		return survivors
	}
	return allNoticed
}
