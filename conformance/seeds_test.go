package conformance_test

import (
	"crypto/rsa"
	"math/rand/v2"
	"slices"
	"testing"
)

// shownDifferences are the rows of the tables, each with the recipe that shows it.
func shownDifferences(yield func(name string, recipe []byte) bool) {
	for _, d := range stricterHere {
		if !yield(d.name, d.shownBy) {
			return
		}
	}
	for _, d := range stricterThere {
		if !yield(d.name, d.shownBy) {
			return
		}
	}
}

// TestEveryDifferenceIsShown keeps the tables honest: the recipe of each row makes a
// sample that is judged otherwise here than by all peers for the reason of that row; for
// that alone, where we are the stricter ones. If it does not, the test looks for one.
func TestEveryDifferenceIsShown(t *testing.T) {
	keys := readFuzzKeys(t)
	for name, recipe := range shownDifferences {
		if got := differencesOf(t, keys, recipe); !shows(got, name) {
			t.Errorf("%s: its recipe shows the differences %q; one that shows this is %v", name, got, recipeThatShows(t, keys, name))
		}
	}
}

// recipeThatShows looks for a recipe of one step or two that shows a difference.
func recipeThatShows(t *testing.T, keys []*rsa.PrivateKey, name string) []byte {
	t.Helper()
	random := rand.New(rand.NewPCG(3, 3))
	for range 20_000 {
		recipe := make([]byte, 5, 11)
		for range 1 + random.IntN(2) {
			recipe = append(recipe, byte(random.IntN(16)), byte(random.IntN(3)), byte(random.IntN(len(claimsMembers))))
		}
		if shows(differencesOf(t, keys, recipe), name) {
			return recipe
		}
	}
	return nil
}

// shows reports whether the differences of a sample show the one of the name.
func shows(got []string, name string) bool {
	isTolerance := slices.ContainsFunc(stricterThere, func(d tolerance) bool { return d.name == name })
	return slices.Contains(got, name) && (isTolerance || len(got) == 1)
}

// differencesOf returns the names of the differences of what a recipe makes of good
// texts, none if it is judged here as by a peer.
func differencesOf(t *testing.T, keys []*rsa.PrivateKey, recipe []byte) []string {
	t.Helper()
	s := cook(t, keys, goodHeader, goodClaims, goodSet, recipe)
	ours := judgeSet(t, s)
	names, _ := accept([]byte(s.set), s.token)
	if ours == accepted && len(names) == 0 || ours != accepted && len(names) == len(peers) {
		explained := explain(t, s, ours)
		slices.Sort(explained)
		return slices.Compact(explained)
	}
	return nil
}
