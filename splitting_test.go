package jwtverify_test

import (
	"runtime"
	"strings"
	"testing"

	"example.com/jwtverify"
)

// A token of dots alone costs no memory by the dot (CVE-2025-30204 and others: a slice
// with an element for each of them).
func TestATokenOfDotsCostsNoMemory(t *testing.T) {
	verifier := newVerifier(t, jwtverify.Config{})
	issuers, err := jwtverify.NewIssuers(verifier)
	if err != nil {
		t.Fatal(err)
	}
	for name, verify := range map[string]func(string) error{
		"Verifier.Verify":  func(raw string) error { _, err := verifier.Verify(t.Context(), raw); return err },
		"Verifier.Explain": func(raw string) error { return verifier.Explain(t.Context(), raw).Err },
		"Issuers.Verify":   func(raw string) error { _, err := issuers.Verify(t.Context(), raw); return err },
	} {
		for _, raw := range []string{strings.Repeat(".", 16_384), "a" + strings.Repeat(".", 16_383), strings.Repeat(".", 1<<20)} {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			err := verify(raw)
			runtime.ReadMemStats(&after)
			if used := after.TotalAlloc - before.TotalAlloc; err == nil || used > 16<<10 {
				t.Errorf("%s, %d bytes: %d bytes of memory, and the error is %v", name, len(raw), used, err)
			}
		}
	}
}
