package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"example.com/jwtverify"
	"example.com/jwtverify/internal/diagnosis"
)

const troubleshootingPath = "../../docs/troubleshooting.md"

// docs/troubleshooting.md is made of the table of codes and of what the stories print.
func TestTroubleshootingIsOfToday(t *testing.T) {
	want := troubleshooting(t)
	if *update {
		writeFile(t, troubleshootingPath, []byte(want))
		return
	}
	got, err := os.ReadFile(troubleshootingPath)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Error("docs/troubleshooting.md is stale: go test ./cmd/jwtverify -run Troubleshooting -update")
	}
}

// The guide's troubleshooting list, and what answers it.
var guideItems = [...]string{
	1: "The settings: issuer and audience",
	2: "The token is signed with RS256",
	3: "The keys can be reached, and the token's is among them",
	4: "The token is sent in the Authorization header, and not expired",
	5: "The audience matches",
}

func troubleshooting(t *testing.T) string {
	var b strings.Builder
	b.WriteString(`# Troubleshooting

<!-- Made by go test ./cmd/jwtverify -run Troubleshooting -update. Change internal/diagnosis/advice.go or a story instead. -->

A token is refused, and you want to know why:

` + "```sh\njwtverify explain --token-file token.txt\n```" + `

goes through the five items below, names the check that decides in its first line, and says what was expected, what
was found and what to do next. Here is each code that it can name, with the error that it comes with, when, and an
example. What is marked *note* does not change the verdict; what is marked *exit 2* means that nothing was checked;
` + "`ErrKeysUnavailable`" + ` says nothing about the token (exit 3, HTTP 503), every other error refuses it (exit 1, HTTP 401). The same codes stand in
` + "`--json`" + ` and in ` + "`Check.Code`" + ` of ` + "`Verifier.Explain`" + `. They are never renamed and never used for anything else.

`)
	stories := allStories(t)
	section := func(title string, in func(diagnosis.Code) bool) {
		fmt.Fprintf(&b, "## %s\n\n", title)
		for _, d := range diagnosis.Codes {
			if in(d) {
				b.WriteString(entry(t, stories, d))
			}
		}
	}
	commands := [...]struct{ prefix, title string }{
		{"probe-", "An API that takes what it must refuse: jwtverify probe"},
		{"watch-", "An issuer that changes: jwtverify watch"},
	}
	for item := 1; item < len(itemNames); item++ {
		section(fmt.Sprintf("%d. %s", item, guideItems[item]), func(d diagnosis.Code) bool {
			return itemOf(d.Check) == item && !strings.HasPrefix(d.Name, commands[0].prefix) && !strings.HasPrefix(d.Name, commands[1].prefix)
		})
	}
	for _, command := range commands {
		section(command.title, func(d diagnosis.Code) bool { return strings.HasPrefix(d.Name, command.prefix) })
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}

// entry is what the page says of a code.
func entry(t *testing.T, stories []*script, d diagnosis.Code) string {
	t.Helper()
	shown := shownIn(strings.Join(oneOf(t, stories, d.Name).lines, "\n"), d.Name)
	var b strings.Builder
	behind := d.Behind
	switch {
	case strings.HasPrefix(behind, "Err"):
		behind = "`" + behind + "`"
	case behind == "probe", behind == "watch":
		behind = "exit 1"
	default:
		behind = "*" + behind + "*"
	}
	sentence := strings.ToUpper(d.Sentence[:1]) + d.Sentence[1:]
	fmt.Fprintf(&b, "### `%s`\n\n%s. %s: %s.\n\n", d.Name, sentence, behind, d.When)
	for _, label := range []string{"expected", "found"} {
		if shown[label] != "" {
			fmt.Fprintf(&b, "- %s: `%s`\n", label, shown[label])
		}
	}
	fmt.Fprintf(&b, "- next: %s\n\n", strings.NewReplacer("*", `\*`, "<", `\<`).Replace(shown["next"]))
	return b.String()
}

// The words of an advice stand in another package than the flags and commands that they
// name.
func TestAnAdviceNamesWhatThereIs(t *testing.T) {
	help := newFixture(t).run(t, nil, nil, "explain", "-h").stdout + newFixture(t).run(t, nil, nil, "probe", "-h").stdout
	names := regexp.MustCompile(`--[a-z-]+|AUTHACTION_[A-Z_]+|jwtverify [a-z]+`)
	found := make(map[string]bool)
	for _, code := range diagnosis.Codes {
		for _, advice := range code.Advice {
			for _, name := range names.FindAllString(advice.Command, -1) {
				found[name] = true
			}
		}
	}
	for name := range found {
		command, isCommand := strings.CutPrefix(name, "jwtverify ")
		switch {
		case isCommand:
			if code := run([]string{command, "-h"}, os.Getenv, strings.NewReader(""), io.Discard, io.Discard); code != 0 {
				t.Errorf("an advice names the command %s, and there is none", command)
			}
		case strings.HasPrefix(name, "--"):
			if !strings.Contains(help, "\n  "+name+" ") {
				t.Errorf("an advice names the flag %s, and neither explain nor probe has it", name)
			}
		default:
			if !strings.Contains(help, name) {
				t.Errorf("an advice names %s, and explain does not read it", name)
			}
		}
	}
	if len(found) < 8 {
		t.Errorf("found %v alone", found)
	}
}

// libraryStories are those of the codes that a command cannot reach: it asks for keys
// once and ends, and its settings have no check of the user's own.
var libraryStories = []string{"keys-held", "claims-refused", "check-panicked"}

func TestTheStoryOfKeysHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		if err := w.change("answer " + storyKeys + " 503"); err != nil {
			t.Fatal(err)
		}
		verifier := newLibraryVerifier(t, w, nil)
		verifier.Explain(t.Context(), anyToken)
		checkLibraryStory(t, "keys-held", verifier.Explain(t.Context(), anyToken))
	})
}

func TestTheStoriesOfTheProgramsOwnCheck(t *testing.T) {
	for code, check := range map[string]func(*jwtverify.Token) error{
		"claims-refused": func(token *jwtverify.Token) error {
			var claims map[string]any
			return cmp.Or(token.Claims(&claims), fmt.Errorf("token_use is %v, want access", claims["token_use"]))
		},
		"check-panicked": func(token *jwtverify.Token) error {
			var claims map[string]any
			return cmp.Or(token.Claims(&claims), errors.New(claims["scope"].(string)))
		},
	} {
		t.Run(code, func(t *testing.T) {
			w, file := newWorld(t), filepath.Join(t.TempDir(), "token.txt")
			if err := w.mint(file, `claims {"token_use":"id"}`); err != nil {
				t.Fatal(err)
			}
			raw := strings.TrimSpace(w.read(t, file))
			checkLibraryStory(t, code, newLibraryVerifier(t, w, check).Explain(t.Context(), raw))
		})
	}
}

func newLibraryVerifier(t *testing.T, w *world, check func(*jwtverify.Token) error) *jwtverify.Verifier {
	t.Helper()
	verifier, err := jwtverify.New(jwtverify.Config{Issuer: storyIssuer, Audiences: []string{storyAudience}, Keys: w.keySource(), Now: w.now, Check: check})
	if err != nil {
		t.Fatal(err)
	}
	return verifier
}

// checkLibraryStory compares what the story of a code has behind its first paragraph with
// what the library says.
func checkLibraryStory(t *testing.T, code string, report *jwtverify.Report) {
	t.Helper()
	s := story(t, code)
	lines := slices.Clone(s.lines[:slices.Index(s.lines, "")+1])
	for _, c := range report.Checks {
		if c.Code == code {
			lines = append(append(lines, "✗ "+c.Code+"   (decides)"), details(newFinding(c).Check, false, "  ")...)
		}
	}
	s.check(t, lines)
}
