package main

import (
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
)

// What withoutTokens finds, as a regular expression says it.
var tokenLike = regexp.MustCompile(`eyJ[\w-]*\.[\w.-]*|[\w.-]*[\w-]{250,}[\w.-]*`)

func TestTokensAreFound(t *testing.T) {
	long := strings.Repeat("a", longestWord)
	texts := []string{
		"", ".", "eyJ", "eyJ.", "x eyJ. y", "eyJeyJ.", "a.eyJ", "a.eyJb.c/d", long, long[1:], long[1:] + "." + long[1:],
		"." + long, long + ".x y eyJ.", "eyJ." + long, long + "é" + long, "\xff" + long + "\xff", `\neyJ.`, "eyJ.x eyJ.y",
	}
	random := rand.New(rand.NewPCG(15, 16))
	pieces := []string{"eyJ", "e", ".", "-", "_", "Z", "0", " ", "/", "\\", "é", "\xff", long[:100], long[:249], long}
	for range 2_000 {
		text := ""
		for range random.IntN(8) {
			text += pieces[random.IntN(len(pieces))]
		}
		texts = append(texts, text)
	}
	for _, text := range texts {
		if got, want := withoutTokens(text), tokenLike.ReplaceAllStringFunc(text, shownToken); got != want {
			t.Fatalf("%q: got %q, want %q", text, got, want)
		}
	}
}
