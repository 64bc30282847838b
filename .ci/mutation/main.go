// Command mutation changes the library in a thousand small ways, one at a time, and
// counts how many of the changes its tests notice. The changes are made by gremlins
// (github.com/go-gremlins/gremlins), in a copy. Each package is judged by its own short
// tests, those of `go test -short` in its folder, and by no other package's.
//
//	go run .                          # the root package, bearer and what they import
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

// judged returns the folders of the packages whose tests are judged: the root, bearer,
// what these two import of this module, and the parser by which issuertest's Suite judges
// what they answer. Other packages that only the command or tests use are none of them.
func judged(tree string) ([]string, error) {
	command := exec.Command("go", "list", "-deps", "-f", `{{with .Module}}{{if .Main}}{{$.Dir}}{{end}}{{end}}`, ".", "./bearer", "./internal/challenge")
	command.Dir = tree
	command.Stderr = os.Stderr
	out, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	root, err := filepath.Abs(tree)
	if err != nil {
		return nil, err
	}
	folders := strings.Fields(string(out))
	for i, dir := range folders {
		folder, err := filepath.Rel(root, dir)
		if err != nil {
			return nil, err
		}
		folders[i] = filepath.ToSlash(folder)
	}
	slices.Sort(folders)
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
