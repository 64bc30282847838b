package docs_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
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

// TestREADMEProgram runs the README's program as it stands, but for the port, in a module
// of its own that the README's command has prepared.
func TestREADMEProgram(t *testing.T) {
	slow(t)
	t.Parallel()
	source := blocks(t, "README.md", "go")[0]
	if _, code, _ := strings.Cut(readText(t, "examples/api/main.go"), "package main"); "package main"+code != source {
		t.Errorf("README.md and examples/api/main.go differ (-file +README):\n%s", cmp.Diff("package main"+code, source))
	}
	if test := blocks(t, "README.md", "go")[1]; !strings.HasSuffix(readText(t, "examples/api/main_test.go"), "\n\n"+test) {
		t.Errorf("examples/api/main_test.go does not end with\n%s", test)
	}
	url, mint := readmeIssuer(t)
	api := startAPI(t, apiOutside(t), url, "https://api.example.com")
	for token, want := range map[string]int{"": 401, mint("https://other"): 401, mint("https://api.example.com"): 200} {
		if got := statusOf(t, api.url+"/protected", token); got != want {
			t.Errorf("/protected answers %d to a token of %d bytes, want %d", got, len(token), want)
		}
	}
	if got := statusOf(t, api.url+"/public", ""); got != 200 {
		t.Errorf("/public answers %d, want 200", got)
	}
	if log, want := api.log(), `401 for GET "/protected": jwtverify: token is invalid: audience is ["https://other"], want "https://api.example.com"`; !strings.Contains(log, want) {
		t.Errorf("it logs\n%s\nwant %s", log, want)
	}
	if got, want := command(t, ".", api.program), "want an issuer and an audience"; !strings.Contains(got, want) {
		t.Errorf("without arguments it says %q, want %q", got, want)
	}
}

// apiOutside builds the README's program in a module beside this one and returns its path.
// It is built once, by the test that asks first.
func apiOutside(t *testing.T) (program string) {
	t.Helper()
	built.mu.Lock()
	defer built.mu.Unlock()
	if built.api != "" {
		return built.api
	}
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(built.dir, "api")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	source := strings.Replace(blocks(t, "README.md", "go")[0], `"127.0.0.1:8000"`, `os.Getenv("LISTEN")`, 1)
	for name, content := range map[string]string{"go.mod": "module example.net/program\n\ngo 1.25\n", "main.go": source} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	prepare := strings.Fields(strings.ReplaceAll(blocks(t, "README.md", "text")[0], "../jwtverify", root))
	program = filepath.Join(dir, "program")
	if out := command(t, dir, prepare[0], prepare[1:]...); out != "" {
		t.Fatal(out)
	}
	link(t, dir, ".", program)
	built.api = program
	return program
}

// link puts the program of a package into a file. go run finds in its cache what it linked
// before, and go build links each time. By the flags of TestREADMERename this does not depend
// on the directory.
func link(t *testing.T, dir, pkg, program string) {
	t.Helper()
	run := exec.CommandContext(t.Context(), "go", "run", "-trimpath", "-exec", "cp", pkg, program)
	run.Dir, run.Env = dir, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := run.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// built holds what several tests run.
var built struct {
	dir string // removed at the end
	mu  sync.Mutex
	api string // guarded by mu
}

// An api is the README's program while it runs.
type api struct {
	program, url string
	logged       string
}

func (a *api) log() string {
	text, _ := os.ReadFile(a.logged)
	return string(text)
}

// startAPI starts the README's program at a free port, and waits until it answers.
func startAPI(t *testing.T, program string, args ...string) *api {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	server := exec.Command(program, args...)
	server.Env = append(os.Environ(), "LISTEN="+address)
	server.Stdout, server.Stderr = log, log
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		server.Process.Kill()
		server.Wait()
	})
	a := &api{program, "http://" + address, log.Name()}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) { // another process says in no other way that it listens
		conn, err := net.Dial("tcp", address)
		if err == nil {
			conn.Close()
			return a
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s does not listen: %v\n%s", program, err, a.log())
		}
	}
}

// Every command of the README and of docs/command.md does what they say.
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
	// The demo runs as it is printed, the others by programs that are built once.
	program := filepath.Join(t.TempDir(), "jwtverify")
	link(t, ".", "./cmd/jwtverify", program)
	outside, issuer := apiOutside(t), ""
	for _, block := range append(blocks(t, "README.md", "sh"), blocks(t, "docs/command.md", "sh")...) {
		for line := range strings.Lines(block) {
			adapted := strings.NewReplacer("https://tenant.example.com", url, "token.txt", tokenFile).Replace(strings.TrimSpace(line))
			want := ""
			switch {
			case line == "go test ./...\n":
				continue // this is it
			case strings.HasSuffix(adapted, " demo"):
				want = "as expected"
			case strings.HasSuffix(adapted, "jwtverify issuer"):
				issuer = startServer(t, program, adapted)
				continue
			case strings.Contains(adapted, "jwtverify serve"):
				testServe(t, program, adapted, issuer)
				continue
			case strings.HasPrefix(adapted, "go run ./examples/api "):
				args := strings.Fields(strings.Replace(adapted, "http://127.0.0.1:8180", issuer, 1))[3:]
				token := mint(args[1])
				if args[0] == issuer {
					token = grantedToken(t, issuer, args[1])
				}
				if got := statusOf(t, startAPI(t, outside, args...).url+"/protected", token); got != 200 {
					t.Errorf("%s: /protected answers %d to a token of the issuer, want 200", adapted, got)
				}
				continue
			case strings.Contains(adapted, " explain "):
				want = "audience    ✓ [\"https://api.example.com\"]"
			case strings.Contains(adapted, " discover "):
				want = "agrees: the document is of issuer " + url
			case strings.Contains(adapted, " verify "):
				want = `accepted: sub "client-1"`
			case strings.Contains(adapted, " watch "):
				want = `✓ 1 key, 1 usable: "key-0"`
			case strings.Contains(adapted, " jwks "):
				want = "1 of 1 keys are usable for RS256"
			case strings.HasPrefix(adapted, "grep -rlF"):
				continue // by TestREADMERename
			default:
				t.Errorf("no test knows the command %q", line)
			}
			if !strings.HasSuffix(adapted, " demo") {
				adapted = strings.Replace(adapted, "go run ./cmd/jwtverify", program, 1)
			}
			if got := command(t, ".", "sh", "-c", adapted); !strings.Contains(got, want) {
				t.Errorf("%s\ngot  %q\nwant %q in it", adapted, got, want)
			}
		}
	}
}

// testServe starts the guide's service by its line, and asks it for what the page says.
func testServe(t *testing.T, program, line, issuer string) {
	t.Helper()
	const pageURL = "http://127.0.0.1:8180"
	trusts := strings.Contains(line, pageURL)
	url := startServer(t, program, strings.Replace(line, pageURL, issuer, 1))
	if got := statusOf(t, url+"/public", ""); got != 200 {
		t.Errorf("%s: /public answers %d, want 200", line, got)
	}
	if got := statusOf(t, url+"/protected", ""); got != 401 {
		t.Errorf("%s: /protected answers %d without a token, want 401", line, got)
	}
	if trusts {
		if got := statusOf(t, url+"/protected", grantedToken(t, issuer, "https://api.example.com")); got != 200 {
			t.Errorf("%s: /protected answers %d to a token of the issuer, want 200", line, got)
		}
	}
}

// startServer starts the command's server by a line of a page, at a free port. It returns
// the URL that the server announces.
func startServer(t *testing.T, program, line string) string {
	t.Helper()
	server := exec.Command("sh", "-c", strings.Replace(line, "go run ./cmd/jwtverify", "exec "+program, 1)+" --listen 127.0.0.1:0")
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
		server.Wait()
	})
	announced, err := bufio.NewReader(output).ReadString('\n')
	if err != nil {
		t.Fatalf("%s announces %q: %v", line, announced, err)
	}
	_, rest, _ := strings.Cut(announced, " ")
	url, _, _ := strings.Cut(rest, " ")
	return url
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

// The figures of the README are those that commands have written into other pages.
func TestREADMEFigures(t *testing.T) {
	readme := readText(t, "README.md")
	if lines := strings.Count(readme, "\n"); lines > 150 {
		t.Errorf("README.md has %d lines, want at most 150", lines)
	}
	rows := regexp.MustCompile(`(?m)^\| .+ \| \d{3} \|$`).FindAllString(readme, -1)
	if len(rows) < 4 {
		t.Errorf("README.md has %d rows of what others answer, want 4", len(rows))
	}
	for _, row := range append(rows, "| request | golang-jwt + keyfunc | go-oidc | auth0/go-jwt-middleware | jwtverify |") {
		if !strings.Contains(readText(t, "docs/migrate.md"), "\n"+row+"\n") || !strings.Contains(readme, row) {
			t.Errorf("README.md and docs/migrate.md do not both have the row\n%s", row)
		}
	}
	for library, text := range map[string]string{"jwtverify": "Verifying a token takes %s of CPU time.", "floor": "Base64, SHA-256 and RSA alone take %s."} {
		row := regexp.MustCompile(`(?m)^\| ` + library + ` +\| ([\d.]+ µs) `).FindStringSubmatch(readText(t, "docs/performance.md"))
		if row == nil || !strings.Contains(readme, fmt.Sprintf(text, row[1])) {
			t.Errorf("README.md does not say %q with the figure of docs/performance.md, %q", text, row)
		}
	}
}

// Every session of the documents is one of the stories that the command's tests tell.
func TestSessions(t *testing.T) {
	sessions := blocks(t, "docs/command.md", "console")
	if len(sessions) == 0 {
		t.Fatal("docs/command.md shows no session")
	}
	paths, err := filepath.Glob("cmd/jwtverify/testdata/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	stories := ""
	for _, path := range paths {
		stories += readText(t, path)
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

// TestREADMERename renames a copy of the tree, which must then build under its new name.
func TestREADMERename(t *testing.T) {
	slow(t)
	t.Parallel()
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("there is no sh on this machine")
	}
	rename := ""
	for _, block := range blocks(t, "README.md", "sh") {
		if strings.HasPrefix(block, "grep -rlF") {
			rename = block
		}
	}
	if rename == "" {
		t.Fatal("README.md has no command that renames")
	}
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
	// By the flags of TestReleaseIsReproducible, and with -trimpath what was compiled in
	// another directory is used again.
	if out := command(t, dir, "sh", "-c", "CGO_ENABLED=0 go build -trimpath ."); out != "" {
		t.Errorf("after renaming go build says %q", out)
	}
	if got, want := strings.TrimSpace(command(t, dir, "go", "list", ".")), "example.org/me/jwtverify"; got != want {
		t.Errorf("the module is %q, want %q", got, want)
	}
}
