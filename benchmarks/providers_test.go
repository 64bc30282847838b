package main

import (
	"slices"
	"strings"
	"testing"
)

func TestTokensOfProvidersAreGoodAndAllocateLittle(t *testing.T) {
	is := testIssuer()
	var bytes []int
	for _, p := range providedTokens {
		verify, token := p.open(is), p.token(is)
		if _, err := verify(token); err != nil {
			t.Errorf("%s: %v", p.provider, err)
		}
		if _, err := verify(forge(token)); err == nil {
			t.Errorf("%s: a forged token is accepted", p.provider)
		}
		if count, bytes := allocations(judging(verify, token)); count > maxAllocations || bytes > maxAllocationBytes {
			t.Errorf("%s: got %v allocations of %v bytes, want at most %d of %d", p.provider, count, bytes, maxAllocations, maxAllocationBytes)
		}
		bytes = append(bytes, len(p.text()))
		if strings.Contains(p.text(), "ISS") || strings.Contains(p.text(), "PERMISSIONS") {
			t.Errorf("%s: something is not put in: %s", p.provider, p.text())
		}
	}
	if !slices.Contains(bytes, 1_014) {
		t.Errorf("got claims of %v bytes, want one with 1,014: two audiences and twenty permissions", bytes)
	}
}

func TestTheDearestProviderIsTheTarget(t *testing.T) {
	costs := []providedCost{{provided: provided{provider: "cheap"}, ratio: 1.02}, {provided: provided{provider: "dear"}, ratio: 1.06}, {provided: provided{provider: "middling"}, ratio: 1.04}}
	if got := providedTarget(costs); got.holds || got.detail != "dear" {
		t.Errorf("got %+v, want that dear is missed", got)
	}
}
