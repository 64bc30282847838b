package notjwt_test

import (
	"strings"
	"testing"

	"example.com/jwtverify/internal/notjwt"
)

func TestWhatPeopleCopyAlongWithATokenIsRemoved(t *testing.T) {
	const token = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJtMm0ifQ.c2ln"
	for before, notes := range map[string]int{
		"": 0, "Bearer ": 1, "bearer  ": 1, "Bearer: ": 1, "Bearer Bearer ": 2, "JWT ": 1, "token ": 1,
		"Authorization: Bearer ": 2, "authorization:": 1, "-H Authorization: Bearer ": 3,
		"export TOKEN=": 1, "access_token=": 1, "$env:TOKEN = ": 1, "TOKEN=Bearer ": 2,
	} {
		got, said := notjwt.Clean(before + token)
		if got != token || len(said) != notes {
			t.Errorf("%q: got %q, %q, want the token and %d notes", before, got, said, notes)
		}
		if strings.Count(strings.Join(said, "\n"), "before the token") != notes {
			t.Errorf("%q: the notes are %q", before, said)
		}
	}
	for _, text := range []string{"2YotnFZFEjr1zCsicMWpAA==", "abc=def", "Bearer", "Bearer:", "TOKEN=", "token"} {
		if got, notes := notjwt.Clean(text); got != text || notes != nil {
			t.Errorf("%q: got %q, %q, want it as it is", text, got, notes)
		}
	}
}

func TestSpaceAndQuotesAroundATokenAreRemoved(t *testing.T) {
	const token = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJtMm0ifQ.c2ln"
	const quotes = "quotes around the token removed"
	if got, said := notjwt.Clean(`""`); got != "" || strings.Join(said, "; ") != quotes {
		t.Errorf("quotes alone: got %q, %q, want nothing and %q", got, said, quotes)
	}
	for text, notes := range map[string]string{
		" " + token + "\n\n":             "3 bytes of space around the token removed",
		`"` + token + `"`:                quotes,
		"'" + token + "'":                quotes,
		"\"  " + token + "\"":            quotes + "; 2 bytes of space around the token removed",
		`"Authorization: ` + token + `"`: quotes + `; "Authorization: " before the token removed`,
		"\t'Bearer " + token + "'":       "1 bytes of space around the token removed; " + quotes + `; "Bearer " before the token removed`,
		"Bearer \"" + token + "\"":       `"Bearer " before the token removed; ` + quotes,
	} {
		if got, said := notjwt.Clean(text); got != token || strings.Join(said, "; ") != notes {
			t.Errorf("%q: got %q, %q, want the token and %q", text, got, said, notes)
		}
	}
	for _, text := range []string{`"` + token, token + `'`, `"`, `""` + token} {
		if got, said := notjwt.Clean(text); got != text || said != nil {
			t.Errorf("%q: got %q, %q, want it as it is", text, got, said)
		}
	}
}
