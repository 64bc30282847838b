package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"text/tabwriter"
)

// A mutant is a change and what became of it.
type mutant struct {
	change
	number int    // of the line, today
	status string // as gremlins says it: KILLED, LIVED, NOT COVERED, TIMED OUT, NOT VIABLE
}

// A tally is that of one file.
type tally struct{ changes, noticed, equivalent, unnoticed int }

func (t tally) plus(u tally) tally {
	return tally{t.changes + u.changes, t.noticed + u.noticed, t.equivalent + u.equivalent, t.unnoticed + u.unnoticed}
}

// share is that of the changes that can be noticed and were.
func (t tally) share() float64 {
	if t.changes == t.equivalent {
		return 1
	}
	return float64(t.noticed) / float64(t.changes-t.equivalent)
}

type result struct {
	files     map[string]*tally
	unnoticed []mutant // and not explained
	stale     []change // explained, but noticed or no longer there
}

// judge compares what became of the changes with those that are explained. A change
// that does not compile is none. whole: all files were changed.
func judge(all []mutant, explained map[change]string, whole bool) *result {
	r := &result{files: map[string]*tally{}}
	lived := map[change]bool{}
	for _, m := range all {
		if m.status == "NOT VIABLE" {
			continue
		}
		file := r.files[m.file]
		if file == nil {
			file = new(tally)
			r.files[m.file] = file
		}
		file.changes++
		_, listed := explained[m.change]
		switch {
		case m.status == "KILLED" || m.status == "TIMED OUT":
			file.noticed++
		case listed:
			file.equivalent++
			lived[m.change] = true
		default:
			file.unnoticed++
			r.unnoticed = append(r.unnoticed, m)
		}
	}
	for c := range explained {
		if !lived[c] && (whole || r.files[c.file] != nil) {
			r.stale = append(r.stale, c)
		}
	}
	slices.SortFunc(r.unnoticed, func(a, b mutant) int {
		return cmp.Or(cmp.Compare(a.file, b.file), cmp.Compare(a.number, b.number), cmp.Compare(a.line, b.line), cmp.Compare(a.kind, b.kind))
	})
	slices.SortFunc(r.stale, func(a, b change) int { return cmp.Compare(a.String(), b.String()) })
	return r
}

// ok reports whether every change was noticed or explained, and enough were noticed.
func (r *result) ok() bool { return len(r.unnoticed) == 0 && len(r.stale) == 0 && len(r.short()) == 0 }

// short names the files of the root of which too little was noticed, and the other
// packages, each as a whole. The explained ones count as not noticed: a long list of
// excuses is no good suite.
func (r *result) short() (names []string) {
	sums := map[string]tally{}
	for name, t := range r.files {
		if folder := path.Dir(name); folder != "." {
			name = folder
		}
		sums[name] = sums[name].plus(*t)
	}
	for _, name := range wanted {
		if t := sums[name]; float64(t.noticed) < wantedShare*float64(t.changes) {
			names = append(names, name)
		}
	}
	return names
}

func (r *result) print(w io.Writer) {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "file\tchanges\tnoticed\tequivalent\tunnoticed\tnoticed of all\tof those that can be\t")
	var all tally
	for _, name := range slices.Sorted(maps.Keys(r.files)) {
		t := *r.files[name]
		t.row(table, name)
		all = all.plus(t)
	}
	all.row(table, "all")
	table.Flush()
	for _, m := range r.unnoticed {
		fmt.Fprintf(w, "unnoticed, line %d (%s):\n%v\n", m.number, m.status, m.change)
	}
	for _, c := range r.stale {
		fmt.Fprintf(w, "listed in equivalent.txt, but noticed or gone:\n%v\n", c)
	}
	for _, name := range r.short() {
		fmt.Fprintf(w, "%s: less than %.0f %% noticed\n", name, 100*wantedShare)
	}
}

func (t tally) row(w io.Writer, name string) {
	fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%.1f %%\t%.1f %%\t\n", name, t.changes, t.noticed, t.equivalent, t.unnoticed,
		100*float64(t.noticed)/float64(max(t.changes, 1)), 100*t.share())
}
