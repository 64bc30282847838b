package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
)

const helpUsage = `  jwtverify help explain

Exit codes: 0, or 2 if there is no such command.
`

// help is the command of that name.
func (s *session) help(f *flags) func() (int, error) {
	return func() (int, error) {
		if len(f.args) == 0 {
			return s.print(usage(s.columns(s.stdout))), nil
		}
		c, of, err := s.prepared(f.args[0])
		if err != nil {
			return 0, err
		}
		return s.print(c.help(of, s.columns(s.stdout))), nil
	}
}

const versionUsage = `  jwtverify version

One line: the version of the module, the revision that it was built from, and the version
of Go.
`

// version is the command of that name.
func (s *session) version(*flags) func() (int, error) {
	return func() (int, error) {
		info, _ := debug.ReadBuildInfo() // nil where a program is built without modules
		return s.print(versionLine(info) + "\n"), nil
	}
}

func versionLine(info *debug.BuildInfo) string {
	version, of := "(unknown)", make(map[string]string)
	if info != nil {
		version = info.Main.Version
		for _, setting := range info.Settings {
			of[setting.Key] = setting.Value
		}
	}
	line := "jwtverify " + version
	if revision := of["vcs.revision"]; revision != "" {
		line += ", revision " + revision
		if of["vcs.modified"] == "true" {
			line += " with changes"
		}
	}
	return fmt.Sprintf("%s, %s %s/%s", line, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

// didYouMean is a question behind an unknown word, empty where nothing known is like it.
func didYouMean(prefix, word string, known []string) string {
	best, least := "", 1+min(2, len(word)/2)
	for _, name := range known {
		d := distance(word, name)
		if len(word) > 2 && (strings.HasPrefix(name, word) || strings.HasSuffix(name, "-"+word)) {
			d = 1
		}
		if d < least {
			best, least = name, d
		}
	}
	if best == "" {
		return ""
	}
	return " (did you mean " + prefix + best + "?)"
}

// distance counts the letters that are missing, too many, wrong, or two in each other's
// place.
func distance(a, b string) int {
	if len(a) > 2*len(b)+2 {
		return len(a) // a token, perhaps: no need to count
	}
	var before, last []int
	for i := range len(a) + 1 {
		row := make([]int, len(b)+1)
		for j := range row {
			switch {
			case i == 0 || j == 0:
				row[j] = i + j
				continue
			case a[i-1] == b[j-1]:
				row[j] = last[j-1]
			default:
				row[j] = 1 + min(last[j], row[j-1], last[j-1])
			}
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}
