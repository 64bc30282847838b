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

// A recipe builds the tests of a changed package with two commands, compile and link.
// go test would compile again all that imports the package, its tests above all, though
// they don't see what is inside a function: no function is inlined. That is four fifths
// of the time of the root package.
type recipe struct {
	Root, Folder    string // of the unchanged module; of the package in it, "." for the root
	Module, Package string // paths for import
	Sources         []string
	Files           []string // with the tests inside the package
	Direct          bool     // whether two commands are enough
	Language        string   // of go.mod, as in go1.25
	Imports         string   // for compile and link: where the unchanged packages are
	Main            string   // the main package of the tests, compiled
	Debug           string   // settings that go.mod implies
}

// A listed is what go list says about a package.
type listed struct {
	ImportPath, Export, DefaultGODEBUG string

	Deps, GoFiles, TestGoFiles, XTestGoFiles           []string
	CgoFiles, SFiles, EmbedPatterns, TestEmbedPatterns []string

	Module *struct{ Dir, GoVersion string }
}

const listedFields = "-json=ImportPath,Export,DefaultGODEBUG,Deps,GoFiles,TestGoFiles,XTestGoFiles,CgoFiles,SFiles,EmbedPatterns,TestEmbedPatterns,Module"

// newRecipe compiles the unchanged package in the folder pkg of the module in the current
// folder, and its tests.
func newRecipe(pkg string) (*recipe, error) {
	module, err := realGo(".", "list", "-m")
	if err != nil {
		return nil, err
	}
	r := &recipe{Module: strings.TrimSpace(module), Folder: filepath.Clean(pkg)}
	out, err := realGo(".", "list", "-deps", "-test", "-export", r.compilerFlags(), listedFields, pkg)
	if err != nil {
		return nil, err
	}
	all := map[string]*listed{}
	var last *listed
	for decoder := json.NewDecoder(strings.NewReader(out)); ; {
		p := new(listed)
		if err := decoder.Decode(p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("the output of go list: %w", err)
		}
		all[p.ImportPath] = p
		last = p // the main package of the tests imports all others
	}
	r.Package = strings.TrimSuffix(last.ImportPath, ".test")
	p := all[r.Package]
	if last.ImportPath == r.Package || len(p.TestGoFiles)+len(p.XTestGoFiles) == 0 {
		return nil, fmt.Errorf("%s has no tests", pkg)
	}
	r.Root, r.Language = p.Module.Dir, "go"+p.Module.GoVersion
	r.Sources, r.Files = p.GoFiles, slices.Concat(p.GoFiles, p.TestGoFiles)
	r.Direct = len(p.CgoFiles)+len(p.SFiles)+len(p.EmbedPatterns)+len(p.TestEmbedPatterns) == 0
	r.Main, r.Debug = last.Export, last.DefaultGODEBUG
	for _, name := range last.Deps {
		if dep := all[name]; dep != nil && dep.Export != "" {
			importPath, _, _ := strings.Cut(name, " ") // it may say for which tests it was compiled
			r.Imports += fmt.Sprintf("packagefile %s=%s\n", importPath, dep.Export)
		}
	}
	return r, nil
}

func (r *recipe) compilerFlags() string {
	return "-gcflags=" + r.Module + "/...=-l"
}

// changed names the file that differs in the copy of the module at root.
func (r *recipe) changed(root string) (string, error) {
	for _, file := range r.Sources {
		old, err := os.ReadFile(filepath.Join(r.Root, r.Folder, file))
		if err != nil {
			return "", err
		}
		now, err := os.ReadFile(filepath.Join(root, r.Folder, file))
		if err != nil {
			return "", err
		}
		if !bytes.Equal(old, now) {
			return file, nil
		}
	}
	return "", nil
}

// build builds the tests of the package in the copy of the module at root. Only an error
// of the compiler is one of the change.
func (r *recipe) build(root string) (tests string, err error) {
	work, err := os.MkdirTemp("", "tests-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(work)
	folder := filepath.Join(root, r.Folder)
	file, err := os.CreateTemp("", "*.test")
	if err != nil {
		return "", err
	}
	file.Close()
	if r.Direct {
		archive, imports := filepath.Join(work, "package.a"), filepath.Join(work, "imports")
		if err := os.WriteFile(imports, []byte(r.Imports), 0o600); err != nil {
			return "", err
		}
		args := []string{"tool", "compile", "-o", archive, "-p", r.Package, "-lang=" + r.Language, "-complete", "-l", "-pack", "-nolocalimports",
			"-importcfg", imports, "-trimpath", root + "=>" + r.Root} // the places in it are those that its importers know
		for _, file := range r.Files {
			args = append(args, "./"+file)
		}
		if _, err := realGo(folder, args...); err != nil {
			os.Remove(file.Name())
			return "", err
		}
		// Of two lines for a package, the last one counts.
		changed := fmt.Sprintf("%spackagefile %s=%s\n", r.Imports, r.Package, archive)
		if err := os.WriteFile(imports, []byte(changed), 0o600); err != nil {
			return "", err
		}
		if _, err := realGo(folder, "tool", "link", "-o", file.Name(), "-importcfg", imports, "-X=runtime.godebugDefault="+r.Debug, "-s", "-w", r.Main); err == nil {
			return file.Name(), nil
		}
		// The linker refuses a package whose importers were compiled for another one: what
		// they see was changed, a constant for example.
	}
	if _, err := realGo(folder, "test", "-c", "-vet=off", r.compilerFlags(), "-ldflags=-s -w", "-o", file.Name(), "."); err != nil {
		os.Remove(file.Name())
		return "", err
	}
	return file.Name(), nil
}

// realGo runs go in a folder and returns what it prints.
func realGo(folder string, args ...string) (string, error) {
	command := exec.Command(os.Getenv(realGoVar), args...)
	command.Dir = folder
	command.Env = append(os.Environ(), "GOGC=400")
	var out, trouble bytes.Buffer
	command.Stdout, command.Stderr = &out, &trouble
	if err := command.Run(); err != nil {
		return "", fmt.Errorf("go %s: %w\n%s%s", args[0], err, out.Bytes(), trouble.Bytes())
	}
	return out.String(), nil
}
