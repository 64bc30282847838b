package conformance_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const seedFolder = "testdata/fuzz/FuzzPeers"

// TestEveryDifferenceHasASeed keeps the tables honest: for each row there is a file in
// testdata whose sample is judged otherwise here than by all peers for the reason of
// that row; for that alone, where we are the stricter ones. With -update it looks for
// those that are missing.
func TestEveryDifferenceHasASeed(t *testing.T) {
	keys := readFuzzKeys(t)
	var names []string
	for _, d := range stricterHere {
		names = append(names, d.name)
	}
	for _, d := range stricterThere {
		names = append(names, d.name)
	}
	missing := make(map[string]string) // file by name
	for _, name := range names {
		path := filepath.Join(seedFolder, fileName(name))
		data, err := os.ReadFile(path)
		if err != nil {
			missing[name] = path
			continue
		}
		header, claims, set, recipe := readSeed(t, path, data)
		if got := differenceOf(t, cook(t, keys, header, claims, set, recipe)); !shows(got, name) {
			t.Errorf("%s: got the differences %q", path, got)
		}
	}
	if *update && len(missing) > 0 {
		random := rand.New(rand.NewPCG(3, 3))
		for n := 0; n < 60_000 && len(missing) > 0; n++ {
			steps := make([]byte, 5+3*random.IntN(3))
			for i := range steps {
				if i >= 5 || random.IntN(6) == 0 {
					steps[i] = byte(random.IntN(256))
				}
			}
			got := differenceOf(t, cook(t, keys, goodHeader, goodClaims, goodSet, steps))
			for name, path := range missing {
				if !shows(got, name) {
					continue
				}
				text := fmt.Sprintf("go test fuzz v1\nstring(%q)\nstring(%q)\nstring(%q)\n[]byte(%q)\n", goodHeader, goodClaims, goodSet, steps)
				if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
				delete(missing, name)
			}
		}
	}
	for name, path := range missing {
		t.Errorf("there is no %s: nothing shows that all peers judge otherwise: %s", path, name)
	}
}

// shows reports whether the differences of a sample show the one of the name.
func shows(got []string, name string) bool {
	isTolerance := slices.ContainsFunc(stricterThere, func(d tolerance) bool { return d.name == name })
	return slices.Contains(got, name) && (isTolerance || len(got) == 1)
}

// differenceOf returns the names of the differences of a sample, none if it is judged
// here as by a peer.
func differenceOf(t *testing.T, s sample) []string {
	t.Helper()
	ours := judgeSet(t, s)
	names, _ := accept([]byte(s.set), s.token)
	if ours == accepted && len(names) > 0 || ours != accepted && len(names) < len(peers) {
		return nil
	}
	if ours == accepted || len(names) == len(peers) {
		explained := explain(t, s, ours)
		slices.Sort(explained)
		return slices.Compact(explained)
	}
	return nil
}

func fileName(name string) string {
	return strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' {
			return r
		}
		return '-'
	}, strings.ReplaceAll(name, ",", ""))
}

// readSeed reads a file of the format of `go test -fuzz`.
func readSeed(t *testing.T, path string, data []byte) (header, claims, set string, recipe []byte) {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	if len(lines) != 5 || lines[0] != "go test fuzz v1" {
		t.Fatalf("%s is not a seed of FuzzPeers", path)
	}
	var texts [4]string
	for i, line := range lines[1:] {
		_, quoted, _ := strings.Cut(strings.TrimSuffix(line, ")"), "(")
		var err error
		if texts[i], err = strconv.Unquote(quoted); err != nil {
			t.Fatalf("%s, line %d: %v", path, i+2, err)
		}
	}
	return texts[0], texts[1], texts[2], []byte(texts[3])
}
