package main

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"example.com/jwtverify"
)

func TestDemoGoesAsForetold(t *testing.T) {
	f := newFixture(t)
	got := f.run(t, nil, strings.NewReader(""), "demo")
	got.check(t, accepted, "15 of 15 as foretold", "")
	for _, want := range []string{
		"200 accepted     good ",
		"401 rejected     expired ",
		"401 rejected     for another audience ",
		"401 rejected     altered",
		"401 rejected     unsigned",
		", announced ",
		", never announced ",
		"asked the issuer twice, 1 of that for an unknown kid",
		"200 accepted     of a known key ",
		"503 unavailable  of a key never fetched ",
		"[token, ",
	} {
		if !strings.Contains(got.stdout, want) {
			t.Errorf("the demo lacks %q", want)
		}
	}
	if strings.Contains(got.stdout, "\x1b") {
		t.Error("colour without a terminal")
	}
	for line := range strings.Lines(got.stdout) {
		if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > 80 {
			t.Errorf("a line of %d columns: %s", n, line)
		}
	}
	if t.Failed() {
		t.Log(got.stdout)
	}
}

// The check of the demo must be able to fail.
func TestDemoNoticesWhatWasNotForetold(t *testing.T) {
	f := newFixture(t)
	keys, err := jwtverify.ParseKeySet(f.JWKS())
	if err != nil {
		t.Fatal(err)
	}
	cache := &jwtverify.Cache{Source: keys}
	verifier, err := jwtverify.New(jwtverify.Config{Issuer: testIssuer, Audiences: []string{testAudience}, Keys: cache})
	if err != nil {
		t.Fatal(err)
	}
	api := &demoAPI{cache, verifier}
	for _, test := range []struct {
		name  string
		token string
		want  error
		shown string // empty: as foretold
	}{
		{"as foretold", f.mint(t), nil, ""},
		{"another class of error", f.mintExpired(t), jwtverify.ErrAudience, "rejected expired; foretold: rejected audience"},
		{"accepted against the prophecy", f.mint(t), jwtverify.ErrExpired, "accepted; foretold: rejected expired"},
		{"rejected against the prophecy", f.mintExpired(t), nil, "rejected expired; foretold: accepted"},
		{"a bad token in place of an outage", "x", jwtverify.ErrKeysUnavailable, "rejected malformed; foretold: undetermined keys_unavailable"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var out strings.Builder
			story := &story{w: &out, started: time.Now()}
			story.expect(api, "a token", test.token, test.want)
			want := accepted
			if test.shown != "" {
				want = rejected
			}
			if got := story.end(); got != want {
				t.Errorf("the demo ends %v, want %v", got, want)
			}
			// The text is wrapped.
			text := strings.Join(strings.Fields(out.String()), " ")
			if !strings.Contains(text, test.shown) || strings.Contains(out.String(), "not as foretold") != (test.shown != "") {
				t.Errorf("got %s, want %q", out.String(), test.shown)
			}
			if what := leak(out.String(), f.tokens); what != "" {
				t.Errorf("the output holds %s", what)
			}
		})
	}
	var out strings.Builder
	story := &story{w: &out, started: time.Now()}
	story.requests(api, 2, 1)
	if got := story.end(); got != rejected {
		t.Errorf("the demo does not count the requests: %s", out.String())
	}
}

func TestAnAlteredTokenKeepsTheRest(t *testing.T) {
	f := newFixture(t)
	token := f.mint(t)
	before, after := strings.Split(token, "."), strings.Split(withSubject(token, "admin"), ".")
	if before[0] != after[0] || before[1] == after[1] || before[2] != after[2] {
		t.Error("want other claims between the same header and signature")
	}
}
