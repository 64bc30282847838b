//go:build !race

package jwtverify

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"example.com/jwtverify/internal/strictjson/strictjsontest"
)

// What reading a header, which anyone can send, may cost whatever stands in it, as a
// multiple of one signature check. The race detector makes everything take many times as
// long, so that this file is not part of its tests.
const maxHeaderCost = 1

func TestHeaderCost(t *testing.T) {
	if testing.CoverMode() != "" || testing.Short() {
		t.Skip("counting statements makes everything take longer, as the race detector does, and as what runs beside the short tests")
	}
	fill := func(item string) string {
		const count = maxHeaderMembers/2 - 1
		return `{"a":[` + strings.TrimSuffix(strings.Repeat(item+",", count), ",") + `]}`
	}
	longNames := "{"
	for i := range 64 {
		longNames += fmt.Sprintf(`"%s%03x":0,`, strings.Repeat("a", 117), i)
	}
	longest := maxHeaderBytes - len(`{"a":""}`)
	for name, text := range map[string]string{
		"64 objects":                fill(`{"":"` + strings.Repeat(`\u0041`, 42) + `"}`),
		"a long string":             `{"a":"` + strings.Repeat("a", longest) + `"}`,
		"escapes":                   `{"a":"` + strings.Repeat(`\u0041`, longest/6) + `"}`,
		"escapes in kid":            `{"kid":"` + strings.Repeat(`\u0041`, longest/6-1) + `"}`,
		"short escapes":             `{"a":"` + strings.Repeat(`\n`, longest/2) + `"}`,
		"halves of surrogate pairs": `{"a":"` + strings.Repeat(`\ud800`, longest/6) + `"}`,
		"white space":               "{" + strings.Repeat(" ", longest) + `"a":0}`,
		"64 long names":             "{" + strings.Join(strings.Split(longNames, ",")[:63], ",")[1:] + "}",
	} {
		segment := base64.RawURLEncoding.EncodeToString([]byte(text))
		if len(text) > maxHeaderBytes || len(text) < maxHeaderBytes*9/10 {
			t.Errorf("%s: the header has %d bytes", name, len(text))
		}
		cost := strictjsontest.CostOf(maxHeaderCost, func() { readHeader(segment) })
		if cost > maxHeaderCost {
			t.Errorf("%s: the header takes %.2f signature checks, want at most %d", name, cost, maxHeaderCost)
		}
		t.Logf("%-28s %.2f signature checks", name, cost)
	}
}
