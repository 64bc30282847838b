//go:build !race

package strictjson

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"example.com/jwtverify/internal/strictjson/strictjsontest"
)

// What reading a text may cost whatever stands in it, as a multiple of one signature
// check: 16 KiB, the largest token, of whom has signed it. The race detector makes
// everything take many times as long, so that this file is not part of its tests.
const (
	maxTokenBytes = 16 << 10
	maxJSONCost   = 6
	maxJSONAlloc  = 8 * maxTokenBytes
)

// fillJSON repeats item, with commas between, up to the size of a token.
func fillJSON(open, item, closed string) string {
	var text strings.Builder
	text.WriteString(open + item)
	for text.Len()+len(",")+len(item)+len(closed) <= maxTokenBytes {
		text.WriteString("," + item)
	}
	return text.String() + closed
}

// equalNames is an object of the given number of members, whose names have the
// same length and end in the number.
func equalNames(count, length int) string {
	var members []string
	for i := range count {
		members = append(members, fmt.Sprintf(`"%s%03x":0`, strings.Repeat("a", length-3), i))
	}
	return "{" + strings.Join(members, ",") + "}"
}

// fullNames opens objects until there is no room for the names of another small one.
var fullNames = strings.TrimSuffix(equalNames(smallObject-1, 3), "}") + `,"x":` +
	strings.TrimSuffix(equalNames(openNames-smallObject-1, 3), "}") + `,"x":[`

func nestedJSON(open, closed string, depth int) string {
	return strings.Repeat(open, depth) + "0" + strings.Repeat(closed, depth)
}

func TestJSONCost(t *testing.T) {
	if testing.CoverMode() != "" || testing.Short() {
		t.Skip("counting statements makes everything take longer, as the race detector does, and as what runs beside the short tests")
	}
	for name, text := range map[string]string{
		"brackets that never end":           strings.Repeat("[", maxTokenBytes),
		"braces that never end":             strings.Repeat(`{"":`, maxTokenBytes/4),
		"deep arrays":                       fillJSON("[", nestedJSON("[", "]", maxJSONDepth-1), "]"),
		"deep objects":                      fillJSON("[", nestedJSON(`{"":`, "}", maxJSONDepth-1), "]"),
		"empty arrays":                      fillJSON("[", "[]", "]"),
		"small objects":                     fillJSON("[", `{"":0}`, "]"),
		"small objects with escaped names":  fillJSON("[", `{"\u00e9\n":0}`, "]"),
		"digits":                            fillJSON("[", "0", "]"),
		"white space":                       strings.Repeat(" ", maxTokenBytes-1) + "0",
		"a long number":                     "[" + strings.Repeat("1", maxTokenBytes-2) + "]",
		"long fractions and exponents":      fillJSON("[", "-0."+strings.Repeat("0", 500)+"e+"+strings.Repeat("9", 500), "]"),
		"one long string":                   `"` + strings.Repeat("a", maxTokenBytes-2) + `"`,
		"letters outside ASCII":             `"` + strings.Repeat("é", maxTokenBytes/2-1) + `"`,
		"escapes":                           `"` + strings.Repeat(`\u0041`, maxTokenBytes/6-1) + `"`,
		"short escapes":                     `"` + strings.Repeat(`\n`, maxTokenBytes/2-1) + `"`,
		"halves of surrogate pairs":         `"` + strings.Repeat(`\ud800`, maxTokenBytes/6-1) + `"`,
		"strings":                           fillJSON("[", `""`, "]"),
		"the same name again and again":     fillJSON("{", `"a":0`, "}"),
		"the same escape again and again":   fillJSON("{", `"\u0061":0`, "}"),
		"a thousand names of equal length":  equalNames(1_000, 11),
		"32 long names":                     equalNames(32, 500),
		"long names in a table":             equalNames(128, 120),
		"objects of 32 members":             fillJSON("[", equalNames(smallObject, 3), "]"),
		"objects of 33 members":             fillJSON("[", equalNames(smallObject+1, 3), "]"),
		"objects of 33 members, nested":     fillJSON("[", strings.Repeat(`{"":`, 8)+equalNames(smallObject+1, 3)+strings.Repeat("}", 8), "]"),
		"tables at many depths":             strings.Repeat(strings.TrimSuffix(equalNames(smallObject+1, 3), "}")+`,"x":`, maxJSONDepth) + "0" + strings.Repeat("}", maxJSONDepth),
		"the same names at all depths":      fillJSON(strings.Repeat(strings.TrimSuffix(equalNames(smallObject+1, 3), "}")+`,"x":`, maxJSONDepth-2)+"[", equalNames(smallObject+1, 3), "]"+strings.Repeat("}", maxJSONDepth-2)),
		"small objects behind full names":   fillJSON(fullNames, `{"":0}`, "]}}"),
		"deep objects behind full names":    fillJSON(fullNames, nestedJSON(`{"":`, "}", maxJSONDepth-3), "]}}"),
		"small objects in two large ones":   fillJSON(strings.TrimSuffix(equalNames(100, 3), "}")+`,"x":`+strings.TrimSuffix(equalNames(100, 3), "}")+`,"x":[`, `{"":0}`, "]}}"),
		"a good text with an error at last": fillJSON("[", `{"a":"b"}`, "}"),
	} {
		if len(text) > maxTokenBytes || len(text) < maxTokenBytes*3/4 && !strings.HasPrefix(name, "tables") {
			t.Errorf("%s: the text has %d bytes", name, len(text))
		}
		read := func() { _ = skipJSON(text, maxJSONDepth, maxJSONMembers) }
		cost := strictjsontest.CostOf(maxJSONCost, read)
		if cost > maxJSONCost {
			t.Errorf("%s: %d bytes take %.2f signature checks, want at most %d", name, len(text), cost, maxJSONCost)
		}
		least := uint64(1 << 40)
		for range 3 {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			read()
			runtime.ReadMemStats(&after)
			least = min(least, after.TotalAlloc-before.TotalAlloc)
		}
		if least > maxJSONAlloc {
			t.Errorf("%s: %d bytes allocate %d, want at most %d", name, len(text), least, maxJSONAlloc)
		}
		t.Logf("%-34s %6d bytes, %.2f signature checks, allocates %d", name, len(text), cost, least)
	}
}
