package main

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"os"
	"strings"
)

// A change is where something was changed, and how. It names the place by its text,
// so that it stays true when other lines come and go.
type change struct {
	file     string // as in bearer/scope.go
	function string // its name, or "-" outside
	kind     string // as gremlins calls it
	line     string // trimmed, with «» around the token that was changed
}

func (c change) String() string { return c.file + " " + c.function + " " + c.kind + ": " + c.line }

// parseEquivalents reads the list of changes that no test can notice: a line as
// change.String makes it, then indented lines with the reason.
func parseEquivalents(text string) (map[change]string, error) {
	list := map[change]string{}
	var last change
	for number, line := range strings.Split(text, "\n") {
		switch {
		case strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "\t"):
			if last == (change{}) {
				return nil, fmt.Errorf("line %d: a reason without a change before it", number+1)
			}
			list[last] = strings.TrimSpace(list[last] + " " + strings.TrimSpace(line))
		default:
			place, source, found := strings.Cut(line, ": ")
			words := strings.Fields(place)
			if !found || len(words) != 3 {
				return nil, fmt.Errorf("line %d: got %q, want file, function and kind, a colon and the line", number+1, line)
			}
			last = change{words[0], words[1], words[2], source}
			if _, twice := list[last]; twice {
				return nil, fmt.Errorf("line %d: this change is listed twice", number+1)
			}
			list[last] = ""
		}
	}
	for c, reason := range list {
		if reason == "" {
			return nil, fmt.Errorf("no reason for %v", c)
		}
	}
	return list, nil
}

// A source is a file whose changes are named.
type source struct {
	lines     []string
	tokens    map[[2]int]int // length of the token at a line and column
	functions []function
}

type function struct {
	name     string
	from, to int // lines
}

type place struct{ function, line string }

func parseSource(name string) (*source, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	s := &source{lines: strings.Split(string(data), "\n"), tokens: map[[2]int]int{}}
	files := token.NewFileSet()
	parsed, err := parser.ParseFile(files, name, data, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	for _, declared := range parsed.Decls {
		if f, ok := declared.(*ast.FuncDecl); ok {
			s.functions = append(s.functions, function{nameOf(f), files.Position(f.Pos()).Line, files.Position(f.End()).Line})
		}
	}
	var scan scanner.Scanner
	file := files.AddFile(name, -1, len(data))
	scan.Init(file, data, nil, 0)
	for {
		pos, tok, text := scan.Scan()
		if tok == token.EOF {
			return s, nil
		}
		at := file.Position(pos)
		s.tokens[[2]int{at.Line, at.Column}] = cmp.Or(len(text), len(tok.String()))
	}
}

func nameOf(f *ast.FuncDecl) string {
	if f.Recv == nil {
		return f.Name.Name
	}
	kind := f.Recv.List[0].Type
	if star, ok := kind.(*ast.StarExpr); ok {
		kind = star.X
	}
	switch generic := kind.(type) {
	case *ast.IndexExpr:
		kind = generic.X
	case *ast.IndexListExpr:
		kind = generic.X
	}
	if name, ok := kind.(*ast.Ident); ok {
		return name.Name + "." + f.Name.Name
	}
	return f.Name.Name
}

// at names the place of a token. Columns count bytes from 1.
func (s *source) at(line, column int) (place, error) {
	length, known := s.tokens[[2]int{line, column}]
	if !known || line > len(s.lines) {
		return place{}, fmt.Errorf("there is no token at %d:%d", line, column)
	}
	text := s.lines[line-1]
	marked := text[:column-1] + "«" + text[column-1:column-1+length] + "»" + text[column-1+length:]
	p := place{"-", strings.TrimSpace(marked)}
	for _, f := range s.functions {
		if f.from <= line && line <= f.to {
			p.function = f.name
		}
	}
	return p, nil
}
