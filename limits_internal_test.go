package jwtverify

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"example.com/jwtverify/internal/fetch"
	"example.com/jwtverify/internal/jwk"
	"example.com/jwtverify/internal/strictjson"
)

// The constants that SECURITY.md names, as they are.
var limits = map[string]any{
	"maxTokenBytes": maxTokenBytes, "maxHeaderBytes": maxHeaderBytes, "maxHeaderMembers": maxHeaderMembers, "maxHeaderDepth": maxHeaderDepth,
	"MaxMembers": strictjson.MaxMembers, "MaxDepth": strictjson.MaxDepth, "maxNumericDate": int64(maxNumericDate),
	"defaultLeeway": defaultLeeway, "maxLeeway": maxLeeway,
	"maxKeyIDBytes": maxKeyIDBytes, "maxSameKeyID": maxSameKeyID, "maxKeySetBytes": maxKeySetBytes, "maxKeys": maxKeys,
	"MinKeyBits": jwk.MinKeyBits, "MaxKeyBits": jwk.MaxKeyBits, "MaxExponent": int64(jwk.MaxExponent),
	"MaxHeaderBytes": fetch.MaxHeaderBytes, "MaxETagBytes": fetch.MaxETagBytes,
	"defaultRefreshInterval": defaultRefreshInterval, "minRefreshInterval": minRefreshInterval, "maxRefreshInterval": maxRefreshInterval,
	"minFreshFor": minFreshFor, "maxFreshFor": maxFreshFor,
	"defaultMaxStale": defaultMaxStale, "maxMaxStale": maxMaxStale, "maxEmptyTime": maxEmptyTime,
	"maxSavedAhead": maxSavedAhead, "maxMetadataAge": maxMetadataAge,
	"defaultTimeout": defaultTimeout, "minTimeout": minTimeout, "maxTimeout": maxTimeout,
	"defaultCooldown": defaultCooldown, "minCooldown": minCooldown, "maxCooldown": maxCooldown,
	"maxRetryDelay": maxRetryDelay, "maxRetryAfter": maxRetryAfter,
	"missQueue": missQueue, "coldQueue": coldQueue,
	"maxVerifiedCache": maxVerifiedCache, "bytesPerVerified": bytesPerVerified,
}

var timeUnits = map[string]time.Duration{
	"millisecond": time.Millisecond, "second": time.Second, "minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour,
}

// Each row of the table in SECURITY.md has as many figures as it names constants, the
// same ones in the same order; and no limit is missing there.
func TestLimitsInSecurity(t *testing.T) {
	document, err := os.ReadFile("SECURITY.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(document), "| what | limit | in the source |\n")
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
			want = append(want, fmt.Sprint(limits[match[1]]))
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
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range constant.FindAllStringSubmatch(string(source), -1) {
			if !listed[match[1]] && match[1] != "maxDigits" { // of maxNumericDate
				t.Errorf("SECURITY.md does not tell of %s in %s", match[1], file)
			}
		}
	}
	for name := range limits {
		if !listed[name] {
			t.Errorf("SECURITY.md does not tell of %s", name)
		}
	}
}
