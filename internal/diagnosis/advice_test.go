package diagnosis_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"example.com/jwtverify/internal/diagnosis"

	"github.com/google/go-cmp/cmp"
)

func TestEachCodeHasAnAdvice(t *testing.T) {
	behind := regexp.MustCompile(`^(Err[A-Z]\w+|exit 2|note|probe|watch)$`)
	seen := make(map[string]bool)
	for _, c := range diagnosis.Codes {
		if seen[c.Name] || diagnosis.Of(c.Name).Name != c.Name {
			t.Errorf("%s is there twice", c.Name)
		}
		seen[c.Name] = true
		if c.Name == "" || c.Check == "" || c.When == "" || c.Sentence == "" || !behind.MatchString(c.Behind) {
			t.Errorf("a row says too little: %+v", c)
		}
		if len(c.Advice) == 0 || c.Advice[0].Cause != "" {
			t.Errorf("%s does not begin with the usual advice: %+v", c.Name, c.Advice)
		}
		var causes, next []string
		for _, a := range c.Advice {
			if a.Next == "" && a.Command == "" || a.Next == a.Command {
				t.Errorf("%s, cause %q: an advice says nothing, or says it twice: %+v", c.Name, a.Cause, a)
			}
			if slices.Contains(causes, a.Cause) {
				t.Errorf("%s has the cause %q twice", c.Name, a.Cause)
			}
			causes = append(causes, a.Cause)
			// The command knows the cause by the library's words.
			if a.Next != "" && slices.Contains(next, a.Next) {
				t.Errorf("%s says %q for two causes", c.Name, a.Next)
			}
			if strings.Contains(a.Next, "{") && a.Command != "" {
				t.Errorf("%s: the command does not find its words for %q, which is filled in", c.Name, a.Next)
			}
			next = append(next, a.Next)
		}
	}
	if got := diagnosis.Of("none-such"); got.Name != "" || got.For("").ForCommand() != "" {
		t.Errorf("got %+v for a code that there is not", got)
	}
}

func TestTheCommandHasItsOwnWordsWhereTheyDiffer(t *testing.T) {
	for _, test := range []struct{ code, cause, want string }{
		{"expired", "", "get a new token"},
		{"keys-file", "", "check the path in --jwks-file, and that you may read the file: ls -l FILE"},
		{"audience-form", "scope", "{audience} is a scope: remove /.default from it"},
		{"kid-unknown", "none such", ""},
	} {
		if got := diagnosis.Of(test.code).For(test.cause).ForCommand(); got != test.want {
			t.Errorf("%s, cause %q: got %q, want %q", test.code, test.cause, got, test.want)
		}
	}
}

// The library is used without the command, whose flags, variables and notes it does not
// know.
func TestTheLibraryNamesNothingOfTheCommand(t *testing.T) {
	foreign := regexp.MustCompile(`AUTHACTION|jwtverify|(^|[^\w-])--?[a-z]`)
	for _, c := range diagnosis.Codes {
		for _, a := range c.Advice {
			if foreign.MatchString(a.Next) || len(codesIn(a.Next)) > 0 {
				t.Errorf("%s: the library says %q", c.Name, a.Next)
			}
		}
	}
}

// codesIn finds what looks like a code in an advice: a word in small letters with a
// hyphen, which is no flag.
func codesIn(advice string) (codes []string) {
	for _, match := range regexp.MustCompile(`(?:^|[ "(])([a-z]+(?:-[a-z0-9]+)+)`).FindAllStringSubmatch(advice, -1) {
		codes = append(codes, match[1])
	}
	return codes
}

func TestAnAdviceNamesOnlyCodesThatThereAre(t *testing.T) {
	named := 0
	for _, c := range diagnosis.Codes {
		for _, a := range c.Advice {
			for _, code := range codesIn(a.Command) {
				named++
				if diagnosis.Of(code).Name == "" {
					t.Errorf("%s: there is no code %s: %q", c.Name, code, a.Command)
				}
			}
		}
	}
	if named == 0 {
		t.Error("no advice names a code, and some do")
	}
}

// Whoever is on call can ask a person, and cannot ask an issuer.
func TestAnAdviceNamesAPersonToAsk(t *testing.T) {
	nobody := regexp.MustCompile(`\b(ask|tell|have|let) (the|an) (issuer|server|network|proxy)\b([^']|$)`)
	for _, c := range diagnosis.Codes {
		for _, a := range c.Advice {
			for _, text := range []string{a.Next, a.Command} {
				if found := nobody.FindString(text); found != "" {
					t.Errorf("%s, cause %q: who is %q? %s", c.Name, a.Cause, found, text)
				}
			}
		}
	}
}

// A flag that stands alone is one to change. A command that has none takes its settings
// from the environment: only those for keys do.
func TestACommandInAnAdviceCanBeTyped(t *testing.T) {
	mention := regexp.MustCompile(`jwtverify ([a-z]+)( --[a-z-]+ [A-Z]+)*`)
	value := regexp.MustCompile(`--[a-z-]+ \{[a-z ]+\}[^ ]`)
	named := 0
	for _, c := range diagnosis.Codes {
		for _, a := range c.Advice {
			for _, found := range mention.FindAllStringSubmatch(a.Command, -1) {
				named++
				piped := strings.Contains(a.Command, "| "+found[0])
				if found[2] == "" && found[1] != "jwks" && !piped {
					t.Errorf("%s, cause %q: what is typed behind %q? %s", c.Name, a.Cause, found[0], a.Command)
				}
			}
			if found := value.FindString(a.Command); found != "" {
				t.Errorf("%s, cause %q: who copies %s copies what stands behind it too: %s", c.Name, a.Cause, found, a.Command)
			}
		}
	}
	if named == 0 {
		t.Error("no advice names a command, and some do")
	}
}

// One thought a sentence: nobody who is in a hurry reads a longer one twice.
func TestAnAdviceHasShortSentences(t *testing.T) {
	const most = 32 // words
	for _, c := range diagnosis.Codes {
		for _, a := range c.Advice {
			for _, text := range []string{a.Next, a.Command} {
				if strings.Contains(text, ";") {
					t.Errorf("%s, cause %q: end the sentence in place of the semicolon: %s", c.Name, a.Cause, text)
				}
				for sentence := range strings.SplitSeq(text, ". ") {
					if words := len(strings.Fields(sentence)); words > most {
						t.Errorf("%s, cause %q: a sentence of %d words: %s", c.Name, a.Cause, words, sentence)
					}
				}
			}
		}
	}
}

func TestAnAdviceHasNoBracesButThoseThatAreFilledIn(t *testing.T) {
	filled := strings.NewReplacer("{host}", "", "{timeout}", "", "{limit}", "", "{part}", "")
	byCommand := regexp.MustCompile(`\{(issuer|audience|keys|set issuer|set audience|token request|iss|aud|typ|client|client claim)\}`)
	for _, c := range diagnosis.Codes {
		for _, a := range c.Advice {
			if text := filled.Replace(a.Expected+a.Next) + byCommand.ReplaceAllString(a.Command, ""); strings.ContainsAny(text, "{}") {
				t.Errorf("%s, cause %q: %q", c.Name, a.Cause, text)
			}
		}
	}
}

// docs/troubleshooting.md has an entry for each code.
func TestEachCodeIsDocumented(t *testing.T) {
	var codes []string
	for _, c := range diagnosis.Codes {
		codes = append(codes, c.Name)
	}
	slices.Sort(codes)

	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "troubleshooting.md"))
	if err != nil {
		t.Fatal(err)
	}
	var documented []string
	for _, match := range regexp.MustCompile("(?m)^### `(.+)`$").FindAllSubmatch(page, -1) {
		documented = append(documented, string(match[1]))
	}
	slices.Sort(documented)
	if diff := cmp.Diff(codes, documented); diff != "" {
		t.Errorf("codes (-advice.go +docs/troubleshooting.md):\n%s", diff)
	}
}
