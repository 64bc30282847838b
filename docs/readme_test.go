package docs_test

import (
	"bufio"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// blocks returns the code blocks of a language in a document.
func blocks(t *testing.T, document, language string) (found []string) {
	t.Helper()
	for _, match := range regexp.MustCompile("(?s)```"+language+"\n(.*?)```").FindAllStringSubmatch(readText(t, document), -1) {
		found = append(found, match[1])
	}
	return found
}

// slow skips what builds and runs programs: the short tests are run again and again.
func slow(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("builds and runs programs")
	}
}

// readmeIssuer stands for https://tenant.example.com, and mints a token for the
// audience that the README names.
func readmeIssuer(t *testing.T) (url string, mint func(audience string) string) {
	t.Helper()
	server := newIssuer(t)
	return server.URL, func(audience string) string {
		return sign(t, 0, map[string]any{"alg": "RS256", "kid": "key-0"}, map[string]any{
			"iss": server.URL, "aud": audience, "sub": "client-1", "exp": time.Now().Add(time.Hour).Unix(),
		})
	}
}

// command runs a program and returns all that it prints.
func command(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = dir
	out, _ := cmd.CombinedOutput() // what it prints is what the tests judge by
	return string(out)
}

// moduleOutside makes a module beside this one, as the README says: a go.mod with
// its two lines, the path adapted, and the program.
func moduleOutside(t *testing.T, program string) (dir string) {
	t.Helper()
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.ReplaceAll(blocks(t, "README.md", "text")[1], "../jwtverify", root)
	dir = t.TempDir()
	for name, content := range map[string]string{"go.mod": "module example.net/program\n\ngo 1.25\n\n" + lines, "main.go": program} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// The README's program is compiled and run as it stands, but for the address, in a
// module that has the README's go.mod lines.
func TestREADMEProgram(t *testing.T) {
	slow(t)
	t.Parallel()
	programs := blocks(t, "README.md", "go")
	if len(programs) != 3 {
		t.Fatalf("README.md has %d Go programs, and this test knows 3", len(programs))
	}
	// Those of the API are an example, which has its own test.
	for i, name := range []string{"examples/api/main.go", "examples/api/main_test.go"} {
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		_, code, _ := strings.Cut(string(source), "package main")
		if diff := cmp.Diff("package main"+code, programs[i+1]); diff != "" {
			t.Errorf("README.md and %s differ (-file +README):\n%s", name, diff)
		}
	}
	body := programs[0][strings.Index(programs[0], "func main() {\n"):]
	if lines := strings.Count(strings.TrimSpace(body), "\n") - 1; lines > 12 {
		t.Errorf("main has %d lines, want at most 12", lines)
	}
	url, mint := readmeIssuer(t)
	dir := moduleOutside(t, strings.ReplaceAll(programs[0], "https://tenant.example.com", url))
	if got, want := command(t, dir, "go", "run", ".", mint("https://api.example.com")), "accepted: client-1\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	// The error's text is the one that the README shows.
	if got, want := command(t, dir, "go", "run", ".", mint("https://other")), strings.TrimSpace(blocks(t, "README.md", "text")[0]); !strings.Contains(got, want) {
		t.Errorf("got %q, want %q in it", got, want)
	}
}

// Every command of the README does what the README says.
func TestREADMECommands(t *testing.T) {
	slow(t)
	t.Parallel()
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("there is no sh on this machine")
	}
	url, mint := readmeIssuer(t)
	tokenFile := filepath.Join(t.TempDir(), "token.txt")
	if err := os.WriteFile(tokenFile, []byte(mint("https://api.example.com")), 0o600); err != nil {
		t.Fatal(err)
	}
	servers := new(readmeServers)
	for _, block := range blocks(t, "README.md", "sh") {
		for line := range strings.Lines(block) {
			adapted := strings.NewReplacer("https://tenant.example.com", url, "token.txt", tokenFile).Replace(strings.TrimSpace(line))
			want := ""
			switch {
			case line == "go test ./...\n":
				continue // this is it
			case strings.HasSuffix(adapted, " demo"):
				want = "as expected"
			case strings.HasSuffix(adapted, "jwtverify issuer") || strings.Contains(adapted, "jwtverify serve"):
				servers.test(t, adapted)
				continue
			case strings.Contains(adapted, " explain "):
				want = "audience    ✓ [\"https://api.example.com\"]"
			case strings.Contains(adapted, " discover "):
				want = "agrees: the document is of issuer " + url
			case strings.Contains(adapted, " verify "):
				want = `accepted: sub "client-1"`
			case strings.Contains(adapted, " jwks "):
				want = "1 of 1 keys are usable for RS256"
			case strings.HasPrefix(adapted, "grep -rlF"):
				testRename(t, adapted)
				continue
			default:
				t.Errorf("no test knows the command %q", line)
			}
			if got := command(t, ".", "sh", "-c", adapted); !strings.Contains(got, want) {
				t.Errorf("%s\ngot  %q\nwant %q in it", adapted, got, want)
			}
		}
	}
}

// readmeServers are the servers of the README, each on a free port.
type readmeServers struct {
	program string // built once
	issuer  string // URL of the one that runs
}

// test starts a server by its line and asks it for what the README says it does.
func (s *readmeServers) test(t *testing.T, line string) {
	t.Helper()
	if s.program == "" {
		s.program = filepath.Join(t.TempDir(), "jwtverify")
		if out := command(t, ".", "go", "build", "-o", s.program, "./cmd/jwtverify"); out != "" {
			t.Fatal(out)
		}
	}
	const readmeURL = "http://127.0.0.1:8180"
	trusts := strings.Contains(line, readmeURL)
	line = strings.NewReplacer("go run ./cmd/jwtverify", "exec "+s.program, readmeURL, s.issuer).Replace(line)
	server := exec.Command("sh", "-c", line+" --listen 127.0.0.1:0")
	output, err := server.StdoutPipe()
	if err == nil {
		err = server.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Process.Signal(os.Interrupt); err != nil {
			server.Process.Kill()
		}
		if err := server.Wait(); err != nil {
			t.Errorf("%s: after Ctrl-C: %v", line, err)
		}
	})
	announced, err := bufio.NewReader(output).ReadString('\n')
	if err != nil {
		t.Fatalf("%s announces %q: %v", line, announced, err)
	}
	kind, rest, _ := strings.Cut(announced, " ")
	url, _, _ := strings.Cut(rest, " ")
	if kind == "issuer" {
		s.issuer = url
		return
	}
	if got := statusOf(t, url+"/public", ""); got != 200 {
		t.Errorf("%s: /public answers %d, want 200", line, got)
	}
	if got := statusOf(t, url+"/protected", ""); got != 401 {
		t.Errorf("%s: /protected answers %d without a token, want 401", line, got)
	}
	if trusts {
		if got := statusOf(t, url+"/protected", grantedToken(t, s.issuer, "https://api.example.com")); got != 200 {
			t.Errorf("%s: /protected answers %d to a token of the issuer, want 200", line, got)
		}
	}
}

func statusOf(t *testing.T, url, token string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	return response.StatusCode
}

// grantedToken asks an issuer for a token as AuthAction's guide does.
func grantedToken(t *testing.T, issuer, audience string) string {
	t.Helper()
	const secret = "client_" + "secret" // TestNoFileHoldsASecret looks for this name and a value
	body := marshal(t, map[string]string{"client_id": "app", secret: "any", "audience": audience, "grant_type": "client_credentials"})
	response, err := http.Post(issuer+"/oauth2/m2m/token", "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var granted struct {
		Token string `json:"access_token"`
	}
	if err := json.NewDecoder(response.Body).Decode(&granted); err != nil {
		t.Fatal(err)
	}
	return granted.Token
}

// Every session of the README is one of the stories that the command's tests tell.
func TestREADMESessions(t *testing.T) {
	sessions := blocks(t, "README.md", "console")
	if len(sessions) == 0 {
		t.Fatal("README.md shows no session")
	}
	paths, err := filepath.Glob("cmd/jwtverify/testdata/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	stories := ""
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		stories += string(data)
	}
	for _, session := range sessions {
		if !strings.Contains(stories, "\n"+session) {
			t.Errorf("no story of cmd/jwtverify/testdata is\n%s", session)
		}
	}
}

// Every link and picture of the README leads to a file that is there.
func TestREADMELinks(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, match := range regexp.MustCompile(`(?:\]\(|src(?:set)?=")([^)"#:]+)[)"]`).FindAllSubmatch(readme, -1) {
		if _, err := os.Stat(string(match[1])); err != nil {
			t.Errorf("README.md: %v", err)
		}
	}
}

// testRename renames a copy of the tree, which must then build under its new name.
func testRename(t *testing.T, rename string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(".")); err != nil {
		t.Fatal(err)
	}
	if out := command(t, dir, "sh", "-c", rename); out != "" {
		t.Errorf("renaming printed %q", out)
	}
	// That all imports are found, those of tests too, is known without compiling it all.
	if out := command(t, dir, "go", "list", "-test", "-deps", "-f", "{{with .Error}}{{.}}{{end}}", "./..."); strings.TrimSpace(out) != "" {
		t.Errorf("after renaming go list says %q", out)
	}
	if out := command(t, dir, "go", "build", "."); out != "" {
		t.Errorf("after renaming go build says %q", out)
	}
	if got, want := strings.TrimSpace(command(t, dir, "go", "list", ".")), "example.org/me/jwtverify"; got != want {
		t.Errorf("the module is %q, want %q", got, want)
	}
}
