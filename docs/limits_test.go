package docs_test

import (
	"fmt"
	"go/constant"
	"go/token"
	"go/types"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// constants are the constants of the library and of what it is made of that are whole
// numbers, as text: those of type time.Duration as "5s".
func constants(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	source := sourceImporter{t, map[string]*types.Package{"time": timePackage()}}
	for _, folder := range libraryFolders(t) {
		pkg, _ := source.Import(module + "/" + folder)
		for _, name := range pkg.Scope().Names() {
			c, ok := pkg.Scope().Lookup(name).(*types.Const)
			if !ok {
				continue
			}
			value, exact := constant.Int64Val(constant.ToInt(c.Val()))
			if !exact {
				continue
			}
			text := fmt.Sprint(value)
			if c.Type().String() == "time.Duration" {
				text = time.Duration(value).String()
			}
			if other, ok := found[name]; ok && other != text {
				text = "two constants: " + other + " and " + text
			}
			found[name] = text
		}
	}
	return found
}

// A sourceImporter reads the packages of this module. Others it knows only if they are
// there already: what is declared with them is left out.
type sourceImporter struct {
	t        *testing.T
	packages map[string]*types.Package
}

func (s sourceImporter) Import(path string) (*types.Package, error) {
	folder, ours := strings.CutPrefix(path, module+"/")
	if pkg, ok := s.packages[path]; ok {
		return pkg, nil
	}
	if !ours {
		return noImporter{}.Import(path)
	}
	fset, files := goFiles(s.t, folder)
	checker := types.Config{Error: func(error) {}, Importer: s}
	s.packages[path], _ = checker.Check(path, fset, files, nil)
	return s.packages[path], nil
}

// timePackage is what constants use of package time.
func timePackage() *types.Package {
	pkg := types.NewPackage("time", "time")
	duration := types.NewNamed(types.NewTypeName(token.NoPos, pkg, "Duration", nil), types.Typ[types.Int64], nil)
	pkg.Scope().Insert(duration.Obj())
	for name, value := range map[string]time.Duration{
		"Nanosecond": 1, "Millisecond": time.Millisecond, "Second": time.Second, "Minute": time.Minute, "Hour": time.Hour,
	} {
		pkg.Scope().Insert(types.NewConst(token.NoPos, pkg, name, duration, constant.MakeInt64(int64(value))))
	}
	pkg.MarkComplete()
	return pkg
}

var timeUnits = map[string]time.Duration{
	"millisecond": time.Millisecond, "second": time.Second, "minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour,
}

// Each row of the table in SECURITY.md has as many figures as it names constants, the
// same ones in the same order; and no limit is missing there.
func TestLimitsInSecurity(t *testing.T) {
	limits := constants(t)
	_, table, found := strings.Cut(readText(t, "SECURITY.md"), "| what | limit | in the source |\n")
	if !found {
		t.Fatal("SECURITY.md has no table of limits")
	}
	figure := regexp.MustCompile(`(\d[\d,]*)(?: (millisecond|second|minute|hour|day)s?)?`)
	name := regexp.MustCompile("`(\\w+)`")
	listed := map[string]bool{}
	for row := range strings.Lines(table) {
		cells := strings.Split(row, "|")
		if len(cells) != 5 || strings.Contains(row, "---") {
			continue
		}
		var want, got []string
		for _, match := range name.FindAllStringSubmatch(cells[3], -1) {
			listed[match[1]] = true
			want = append(want, limits[match[1]])
		}
		// A year is no limit.
		for _, match := range figure.FindAllStringSubmatch(strings.ReplaceAll(cells[2], "the year 9999", ""), -1) {
			n, err := strconv.ParseInt(strings.ReplaceAll(match[1], ",", ""), 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			if unit := timeUnits[match[2]]; unit != 0 {
				got = append(got, fmt.Sprint(time.Duration(n)*unit))
			} else {
				got = append(got, fmt.Sprint(n))
			}
		}
		if len(want) == 0 || strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("%s: SECURITY.md says %v, the source %v", strings.TrimSpace(cells[1]), got, want)
		}
	}

	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	constant := regexp.MustCompile(`(?m)^(?:const|\t)\s*(max\w+|missQueue|coldQueue)\s*=`)
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		for _, match := range constant.FindAllStringSubmatch(readText(t, file), -1) {
			if !listed[match[1]] && match[1] != "maxDigits" { // of maxNumericDate
				t.Errorf("SECURITY.md does not tell of %s in %s", match[1], file)
			}
		}
	}
}
