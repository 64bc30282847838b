package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"example.com/jwtverify/internal/diagnosis"
	"example.com/jwtverify/internal/manual"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the outputs of the stories, docs/troubleshooting.md and the pictures anew")

// A script is a story in a text file: what it is about behind #, what the world is like
// (world.change has the words for that), commands behind $ with what they print, files
// behind -- name --. A command sees what the one before has exported. An output ends at
// an empty line. A file holds one story, or several: then each begins with its == name ==.
type script struct {
	path  string // of the file
	name  string // of the story among those of the file, else of the file
	lines []string
	files map[string]string
}

// A story has a directory of its own, so that paths must not depend on it.
var packageDir = func() string {
	dir, err := os.Getwd()
	if err != nil {
		panic(err)
	}
	return dir
}()

// titled is what the title of a story begins with.
const titled = "== "

// readStories reads the stories of a file.
func readStories(t testing.TB, path string) (list []*script) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, several := strings.Cut("\n"+string(data), "\n"+titled)
	if !several {
		return []*script{newScript(path, strings.TrimSuffix(filepath.Base(path), ".txt"), string(data))}
	}
	if before != "" {
		t.Fatalf("%s: there is a text before the first title", path)
	}
	for text := range strings.SplitSeq(rest, "\n"+titled) {
		name, _, ends := strings.Cut(text, " ==\n")
		if !ends || len(strings.Fields(name)) != 1 {
			t.Fatalf("%s: the title %q is not one word between == and ==", path, name)
		}
		list = append(list, newScript(path, name, titled+text))
	}
	return list
}

func newScript(path, name, text string) *script {
	s := &script{path: path, name: name, files: make(map[string]string)}
	body, files, _ := strings.Cut(strings.TrimRight(text, "\n")+"\n", "\n-- ")
	s.lines = strings.Split(strings.TrimRight(body, "\n"), "\n")
	for files != "" {
		var file, name string
		file, files, _ = strings.Cut(files, "\n-- ")
		name, file, _ = strings.Cut(file, " --\n")
		s.files[name] = strings.TrimSuffix(file, "\n")
	}
	return s
}

const codesPattern = "testdata/codes/*.txt"

// allStories returns those of testdata; their names are unique.
func allStories(t testing.TB) (list []*script) {
	t.Helper()
	for _, pattern := range []string{"testdata/*.txt", codesPattern} {
		found, err := filepath.Glob(filepath.Join(packageDir, pattern))
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: %v, %d files", pattern, err, len(found))
		}
		for _, path := range found {
			list = append(list, readStories(t, path)...)
		}
	}
	seen := make(map[string]bool)
	for _, s := range list {
		if seen[s.name] {
			t.Fatalf("%s: there are two stories %s", s.path, s.name)
		}
		seen[s.name] = true
	}
	return list
}

// toldStories returns those that the command tells.
func toldStories(t testing.TB) []*script {
	t.Helper()
	return slices.DeleteFunc(allStories(t), func(s *script) bool { return slices.Contains(libraryStories, s.name) })
}

// story returns the one of a name.
func story(t testing.TB, name string) *script {
	t.Helper()
	return oneOf(t, allStories(t), name)
}

func oneOf(t testing.TB, stories []*script, name string) *script {
	t.Helper()
	i := slices.IndexFunc(stories, func(s *script) bool { return s.name == name })
	if i < 0 {
		t.Fatalf("there is no story %s", name)
	}
	return stories[i]
}

var updating sync.Mutex

// check compares the lines of a story with what they should be, or writes them anew.
func (s *script) check(t *testing.T, lines []string) {
	t.Helper()
	got, want := strings.Join(lines, "\n"), strings.Join(s.lines, "\n")
	switch {
	case got == want:
	case !*update:
		t.Errorf("%s, %s: the command prints something else; read the difference, then go test -run TestStories -update\ngot:\n%s\nwant:\n%s", s.path, s.name, got, want)
	default:
		updating.Lock() // the next story may be of the same file
		defer updating.Unlock()
		data, err := os.ReadFile(s.path)
		if err != nil {
			t.Fatal(err)
		}
		writeFile(t, s.path, bytes.Replace(data, []byte(want), []byte(got), 1))
	}
}

func TestStories(t *testing.T) {
	for _, s := range toldStories(t) {
		if !s.isLive() {
			t.Run(s.name, func(t *testing.T) { s.check(t, s.tell(t)) })
		}
	}
}

// tell plays a story and returns its lines with the outputs as they are.
func (s *script) tell(t *testing.T) (told []string) {
	t.Helper()
	if s.isLive() {
		return s.tellLive(t)
	}
	outsideBubbles()
	t.Chdir(t.TempDir())
	synctest.Test(t, func(t *testing.T) {
		told = s.tellIn(t, newWorld(t))
	})
	return told
}

// outsideBubbles starts what package os/signal never ends: in a bubble it would be waited
// for.
var outsideBubbles = sync.OnceFunc(func() { signal.Notify(make(chan os.Signal, 1), os.Interrupt); signal.Reset(os.Interrupt) })

func (s *script) tellIn(t *testing.T, w *world) (told []string) {
	for name, text := range s.files {
		writeFile(t, w.path(name), []byte(text))
	}
	for i := 0; i < len(s.lines); i++ {
		line := s.lines[i]
		told = append(told, line)
		command, isCommand := strings.CutPrefix(line, "$ ")
		switch {
		case isCommand:
			if output := w.shell(t, command); output != "" {
				told = append(told, strings.Split(strings.TrimSuffix(output, "\n"), "\n")...)
			}
			for i+1 < len(s.lines) && s.lines[i+1] != "" && !strings.HasPrefix(s.lines[i+1], "$ ") {
				i++
			}
		case line == "" || line[0] == '#' || strings.HasPrefix(line, titled):
		default:
			if err := w.change(line); err != nil {
				t.Fatalf("%s, line %d: %q: %v", s.name, i+1, line, err)
			}
		}
	}
	return told
}

// shell runs what a story has behind $: export, or jwtverify, perhaps with files on stdin,
// perhaps with its exit code shown; where there are servers also curl and kill. Its output is
// what a terminal shows: stdout and stderr.
func (w *world) shell(t *testing.T, line string) string {
	t.Helper()
	typed := line
	line, _, _ = strings.Cut(line, "   #")
	line, showExit := strings.CutSuffix(strings.TrimSpace(line), `; echo "exit $?"`)
	line, isBackground := strings.CutSuffix(line, " &")
	cut := excerpt.FindStringSubmatch(line)
	line = excerpt.ReplaceAllString(line, "")
	stdin := ""
	if file, rest, piped := strings.Cut(line, " | "); piped {
		stdin, line = w.read(t, strings.TrimPrefix(file, "cat ")), rest
	}
	if rest, file, redirected := strings.Cut(line, " < "); redirected {
		stdin, line = w.read(t, file), rest
	}
	line, target, isRedirected := strings.Cut(line, " > ")
	line = substitution.ReplaceAllStringFunc(line, func(cat string) string {
		return strings.TrimSpace(w.read(t, substitution.FindStringSubmatch(cat)[1]))
	})
	words := strings.Fields(line)
	if w.live != nil {
		words = w.real(words)
	}
	var out bytes.Buffer
	var screen io.Writer = &out
	if w.terminal != nil {
		screen = w.terminal
		fmt.Fprintf(screen, "$ %s\n", typed)
	}
	code := 0
	switch {
	case words[0] == "export":
		for _, word := range words[1:] {
			name, value, _ := strings.Cut(word, "=")
			w.env[name] = value
		}
	case words[0] == "jwtverify" && isBackground:
		out.WriteString(w.background(t, words[1:]))
	case words[0] == "jwtverify":
		code = w.session(strings.NewReader(stdin), screen, screen).command(words[1:])
		if what := leak(out.String(), w.secrets); what != "" {
			t.Errorf("the output of %q holds %s", line, what)
		}
	case words[0] == "curl":
		out.WriteString(w.curl(t, words[1:]))
	case words[0] == "kill":
		job, err := w.job(strings.TrimSuffix(words[1], ";"))
		if err != nil {
			t.Fatal(err)
		}
		code = job.stop()
		if what := leak(job.stdout.String()+job.stderr.String(), w.secrets); what != "" {
			t.Errorf("the output of %s holds %s", words[1], what)
		}
	default:
		t.Fatalf("a story has no command %q", words[0])
	}
	if all := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n"); cut != nil {
		out.Reset()
		fmt.Fprintln(&out, map[string]string{"head": all[0], "tail": all[len(all)-1]}[cut[1]])
	}
	if isRedirected {
		writeFile(t, w.path(target), out.Bytes())
		out.Reset()
	}
	if showExit {
		fmt.Fprintf(screen, "exit %d\n", code)
	}
	return w.settled(out.String())
}

// excerpt finds what takes one line of an output.
var excerpt = regexp.MustCompile(` \| (head|tail) -n 1$`)

// substitution finds what the shell puts into a command.
var substitution = regexp.MustCompile(`\$\(cat ([^)]*)\)`)

// varying finds what is another each time, and what stands for it in a story.
var varying = [...]struct {
	found *regexp.Regexp
	told  string
}{
	{regexp.MustCompile(`(?m)^jwtverify \S*, go\S+ \S+$`), "jwtverify v1.2.3, go1.26 linux/amd64"},
	{regexp.MustCompile(`"[\w-]{43}"`), `"thumbprint` + strings.Repeat(".", 33) + `"`}, // the kid of a key from PEM
	{regexp.MustCompile(`lines in \S+, \d+/s`), "lines in 1ms, 3000/s"},
	{regexp.MustCompile(`(?m)as expected, in [\d.]+s$`), "as expected, in 1.0s"},
}

// settled is an output as a story has it.
func (w *world) settled(text string) string {
	for _, v := range varying {
		text = v.found.ReplaceAllString(text, v.told)
	}
	if w.live != nil {
		text = w.live.settled(text)
	}
	return text
}

// read returns what is in one file or several.
func (w *world) read(t *testing.T, name string) string {
	t.Helper()
	if name = strings.TrimSpace(name); name == "/dev/null" {
		return ""
	}
	var text string
	for _, name := range strings.Fields(name) {
		data, err := os.ReadFile(w.path(name))
		if err != nil {
			t.Fatal(err)
		}
		text += string(data)
	}
	return text
}

// explain is verify with the reasons shown: wherever a story explains, verify comes to
// the same verdict by the same check.
func TestExplainAndVerifyAgree(t *testing.T) {
	for _, s := range toldStories(t) {
		if !strings.Contains(strings.Join(s.lines, "\n"), "jwtverify explain") {
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			for i, line := range s.lines {
				if strings.HasPrefix(line, "$ jwtverify explain") || strings.HasPrefix(line, "$ cat answer.json | jwtverify explain") {
					line = strings.Replace(strings.Replace(line, " --json", "", 1), "jwtverify explain", "jwtverify explain --json", 1)
					verify := strings.Replace(line, "jwtverify explain", "jwtverify verify", 1)
					s.lines[i] = line + "\n" + verify
				}
			}
			s.lines = strings.Split(strings.Join(s.lines, "\n"), "\n")
			told := s.tell(t)
			var explained *jsonReport
			for _, line := range told {
				if !strings.HasPrefix(line, `{"schema":1,"command":"explain"`) && !strings.HasPrefix(line, `{"schema":1,"command":"verify"`) {
					continue
				}
				got := new(jsonReport)
				if err := json.Unmarshal([]byte(line), got); err != nil {
					t.Fatalf("%v: %s", err, line)
				}
				if got.Command == "explain" {
					explained = got
					checkFirstFailureDecides(t, got)
					continue
				}
				if explained == nil {
					continue // a story of verify alone
				}
				if got.Verdict == "none" && (got.Decides == "config-domain-missing" || got.Decides == "config-audience-missing") {
					// verify checks nothing, explain all else.
					if explained.Verdict == "accepted" {
						t.Errorf("explain accepts a token without %s", got.Decides)
					}
					explained = nil
					continue
				}
				if got.Verdict != explained.Verdict || got.Exit != explained.Exit || got.Error != explained.Error || got.Decides != explained.Decides {
					t.Errorf("verify says %v by %q, explain %v by %q", got.Verdict, got.Decides, explained.Verdict, explained.Decides)
				}
				if diff := cmp.Diff(got.Token, explained.Token); diff != "" {
					t.Errorf("the tokens differ (-verify +explain):\n%s", diff)
				}
				explained = nil
			}
		})
	}
}

// The page of codes names the error that each comes with: it is that of the story.
func TestEachCodeComesWithTheErrorThatIsNamed(t *testing.T) {
	names := map[string]string{
		"ErrMalformed": "malformed", "ErrUnsupported": "unsupported", "ErrUnknownKey": "unknown_key", "ErrSignature": "signature", "ErrIssuer": "issuer",
		"ErrAudience": "audience", "ErrExpired": "expired", "ErrNotYetValid": "not_yet_valid", "ErrKeysUnavailable": "keys_unavailable", "exit 2": "",
	}
	stories := allStories(t)
	for _, d := range diagnosis.Codes {
		class, is := names[d.Behind]
		if !is || slices.Contains(libraryStories, d.Name) {
			continue // a note, or of probe or the library
		}
		s := oneOf(t, stories, d.Name)
		for i, line := range s.lines {
			s.lines[i] = strings.Replace(line, "jwtverify explain", "jwtverify verify --json", 1)
		}
		want := fmt.Sprintf(`"error":%q,"decides":%q`, class, d.Name)
		if told := strings.Join(s.tell(t), "\n"); !strings.Contains(told, want) {
			t.Errorf("the story of %s has no %s:\n%s", d.Name, want, told)
		}
	}
}

func checkFirstFailureDecides(t *testing.T, r *jsonReport) {
	t.Helper()
	first := ""
	for _, c := range r.Checks {
		if c.Status == "fail" {
			first = c.Code
			break
		}
	}
	if first != r.Decides {
		t.Errorf("%q decides, and the first failure is %q", r.Decides, first)
	}
}

// Set-ups that are broken in one way each: explain names it in its first line, with what
// to type.
func TestBrokenSetUpsAreNamed(t *testing.T) {
	setups := readStories(t, "testdata/setups.txt")
	if len(setups) < 10 {
		t.Errorf("%d set-ups", len(setups))
	}
	for _, s := range setups {
		text := strings.Join(s.lines, "\n")
		_, output, _ := strings.Cut(text, "\n$ jwtverify explain ")
		_, output, _ = strings.Cut(output, "\n")
		first, _, _ := strings.Cut(output, "\n")
		named := regexp.MustCompile(`^(?:rejected|undetermined): .* \((.*)\)$`).FindStringSubmatch(first)
		if named == nil {
			t.Errorf("%s: the first line of explain names nothing: %s", s.name, first)
			continue
		}
		if next := shownIn(text, named[1])["next"]; !regexp.MustCompile(`--[a-z-]+ \S|(?:pass|correct) --`).MatchString(next) || strings.Contains(text, "AUTHACTION") {
			t.Errorf("%s: nothing to type: %s", s.name, next)
		}
	}
}

// The runner must be able to fail.
func TestTheRunnerNoticesADifference(t *testing.T) {
	s := story(t, "explain")
	good := strings.Join(s.lines, "\n")
	for _, edit := range []struct{ from, to string }{
		{"exit 1", "exit 0"},
		{"audience-mismatch   (decides)", "audience-mismatch"},
		{`"https://billing.acme.example"`, `"https://api.acme.example"`},
	} {
		s.lines = strings.Split(strings.Replace(good, edit.from, edit.to, 1), "\n")
		if strings.Join(s.lines, "\n") == good {
			t.Fatalf("the story has no %q", edit.from)
		}
		if strings.Join(s.tell(t), "\n") == strings.Join(s.lines, "\n") {
			t.Errorf("with %q in place of %q the story is the same", edit.to, edit.from)
		}
	}
	s.lines = []string{"no such word"}
	if err := (&world{}).change(s.lines[0]); !errors.Is(err, errNoSuchWord) {
		t.Errorf("an unknown word of the world: got %v", err)
	}
}

// Every code is reached by its own story, which shows it with what was expected and
// found and what to do, and by the check that the table names.
func TestEveryCodeHasAStory(t *testing.T) {
	stories := allStories(t)
	for _, d := range diagnosis.Codes {
		oneOf(t, stories, d.Name)
	}
	for _, s := range stories {
		if ofCode, err := filepath.Match(filepath.Join(packageDir, codesPattern), s.path); err != nil || !ofCode {
			continue
		}
		if diagnosis.Of(s.name).Name == "" {
			t.Errorf("%s: %s is the story of no code", s.path, s.name)
		}
		shown := shownIn(strings.Join(s.lines, "\n"), s.name)
		if shown == nil {
			t.Errorf("the story of %s does not show it", s.name)
			continue
		}
		if shown["next"] == "" || shown["found"] == "" && !strings.HasPrefix(s.name, "probe-") || shown["expected"] == "" && s.name != "keys-skipped" && !strings.HasPrefix(s.name, "watch-") {
			t.Errorf("the story of %s says too little: %q", s.name, shown)
		}
	}
}

// shownIn returns expected, found and next of a code as a report shows them.
func shownIn(text, code string) map[string]string {
	lines := strings.Split(text, "\n")
	mark := regexp.MustCompile(`[✗–] (?:.* )?` + regexp.QuoteMeta(code) + `(?: \(\?\))?(?:   \(decides\))?$`)
	found := regexp.MustCompile(`[✗–] [^:]*: (.*) \(` + regexp.QuoteMeta(code) + `\)$`) // watch has it on one line
	for i, line := range lines {
		shown := make(map[string]string)
		if match := found.FindStringSubmatch(line); match != nil {
			shown["found"] = match[1]
		} else if !mark.MatchString(line) {
			continue
		}
		for _, line := range lines[i+1:] {
			label, text, _ := strings.Cut(strings.TrimSpace(line), " ")
			if label != "expected" && label != "found" && label != "next" {
				break
			}
			shown[label] = strings.TrimSpace(text)
		}
		return shown
	}
	return nil
}

// Each command and each of its flags is in a story.
func TestEveryFlagHasAStory(t *testing.T) {
	used := make(map[string]bool)
	for _, s := range toldStories(t) {
		for _, line := range s.lines {
			if !strings.HasPrefix(line, "$ ") {
				continue
			}
			line, _, _ = strings.Cut(line, ";")
			_, line, _ = strings.Cut(line, "jwtverify ")
			words := strings.Fields(line)
			for i, word := range words {
				if i == 0 {
					used[word] = true
				}
				if flag, isFlag := strings.CutPrefix(word, "--"); isFlag {
					name, _, _ := strings.Cut(flag, "=")
					used[words[0]+" --"+name] = true
				}
			}
		}
	}
	var s session
	s.env = func(string) string { return "" }
	for _, c := range s.manual() {
		if !used[c.Name] {
			t.Errorf("no story has the command %s", c.Name)
		}
		for _, flag := range manual.Flags(c.Flags) {
			if !used[c.Name+" --"+flag.Name] {
				t.Errorf("no story has %s --%s", c.Name, flag.Name)
			}
		}
	}
}
