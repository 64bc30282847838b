package jwtverify_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// The README's program is compiled and run as it stands, but for the addresses.
func TestREADMEProgram(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllSubmatch(readme, -1)
	if len(blocks) != 1 {
		t.Fatalf("README.md has %d Go programs, and this test runs 1", len(blocks))
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/.well-known/jwks.json" {
			fmt.Fprint(w, jwkSet(t, 1))
		}
	}))
	defer server.Close()
	program := strings.ReplaceAll(string(blocks[0][1]), "https://tenant.example.com", server.URL)
	body := program[strings.Index(program, "func main() {\n"):]
	if lines := strings.Count(strings.TrimSpace(body), "\n") - 1; lines > 12 {
		t.Errorf("main has %d lines, and the README says how short it is: at most 12", lines)
	}

	dir := filepath.Join("testdata", "tmp-readme") // inside the module, so that it sees the package
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	file := filepath.Join(dir, "main.go")
	if err := os.WriteFile(file, []byte(program), 0o644); err != nil {
		t.Fatal(err)
	}
	claims := goodClaims()
	claims["iss"], claims["aud"], claims["exp"] = server.URL, "https://api.example.com", time.Now().Add(time.Hour).Unix()
	run := func(token string) string {
		out, _ := exec.CommandContext(t.Context(), "go", "run", file, token).CombinedOutput()
		return string(out)
	}
	if got, want := run(sign(t, 0, goodHeader(), claims)), "accepted: client-1\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	claims["aud"] = "https://other"
	if got, want := run(sign(t, 0, goodHeader(), claims)), `audience is ["https://other"], want "https://api.example.com"`; !strings.Contains(got, want) {
		t.Errorf("got %q, want an error with %q", got, want)
	}
}
