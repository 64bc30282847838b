// Package examples_test runs the commands of the examples, and looks at what they have in
// common.
package examples_test

import (
	"crypto/sha256"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"example.com/jwtverify/internal/issuer"
	"example.com/jwtverify/internal/jwk/jwktest"
	"example.com/jwtverify/issuertest"
)

func TestMain(m *testing.M) {
	issuer.ReuseFactors(jwktest.Factors())
	os.Exit(m.Run())
}

// The promise of README.md, in lines that are neither blank nor comments.
func TestTheWholeAPIIsShort(t *testing.T) {
	for file, most := range map[string]int{"api/main.go": 39, "api/main_test.go": 10} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		lines := 0
		for line := range strings.Lines(string(text)) {
			if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "//") {
				lines++
			}
		}
		if lines > most {
			t.Errorf("%s has %d lines, want at most %d", file, lines, most)
		}
	}
}

// Each example has a README.md of three lines and a command. The command is run in a shell
// as it stands, but for the domain, the port, a Redis and names of files. Those of nested
// modules are run where EXAMPLES_NESTED is set, as in .ci/run: elsewhere it is not certain
// that their requirements are at hand.
func TestREADME(t *testing.T) {
	tests := map[string]func(t *testing.T, tenant *issuertest.Issuer, p program){
		"api":       testAPI,
		"chi":       testRoutes,
		"connect":   testConnect,
		"echo":      testRoutes,
		"fiber":     testRoutes,
		"gin":       testRoutes,
		"grpc":      testGRPC,
		"mcp":       testPath("/mcp"),
		"metrics":   testPath("/protected"),
		"proxy":     testProxy,
		"queue":     testQueue,
		"redis":     testPath("/protected"),
		"websocket": testPath("/echo"),
	}
	form := regexp.MustCompile("^# .+\n\n(?:.+\n){1,3}\n```sh\n(.*tenant\\.example\\.com (?:AUTHACTION_AUDIENCE=)?(https://\\S+).*)\n```\n$")
	for _, name := range folders(t) {
		readme, err := os.ReadFile(filepath.Join(name, "README.md"))
		if err != nil {
			t.Error(err)
			continue
		}
		parts := form.FindStringSubmatch(string(readme))
		if parts == nil {
			t.Errorf("%s/README.md: want a heading, three lines at most, and a command with the settings of a tenant, such as AUTHACTION_DOMAIN=tenant.example.com AUTHACTION_AUDIENCE=https://…", name)
			continue
		}
		line, audience := parts[1], parts[2]
		if program, err := os.ReadFile(filepath.Join(name, "main.go")); err != nil || !strings.Contains(string(program), "//\t"+line+"\n") {
			t.Errorf("%s/main.go has not the command of its README.md: %s (%v)", name, line, err)
		}
		test, known := tests[name]
		if !known {
			t.Errorf("%s/README.md: no test runs its command", name)
			continue
		}
		t.Run(name, func(t *testing.T) {
			if runtime.GOOS != "linux" {
				t.Skip("the programs trust the tenant of this test by SSL_CERT_FILE, and are ended by setsid: Linux has both")
			}
			if isNested(t, name) && os.Getenv("EXAMPLES_NESTED") == "" {
				t.Skip("the module has requirements of its own: EXAMPLES_NESTED=1 runs this")
			}
			iss, env := newTenant(t, audience)
			test(t, iss, program{name, line, env})
		})
	}
}

// folders are those of the examples.
func folders(t *testing.T) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if entry.IsDir() {
			names = append(names, entry.Name())
		}
	}
	return names
}

// isNested reports whether an example is a module of its own.
func isNested(t *testing.T, name string) bool {
	t.Helper()
	_, err := os.Stat(filepath.Join(name, "go.mod"))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return err == nil
}

// The index leads to each example, and to nothing that is not there. Its commands are those
// that run what comes here, and the one of a nested module.
func TestIndex(t *testing.T) {
	index, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	linked := map[string]bool{}
	for _, match := range regexp.MustCompile(`\]\(([^)#:]+)\)`).FindAllSubmatch(index, -1) {
		target := string(match[1])
		linked[target] = true
		if _, err := os.Stat(target); err != nil {
			t.Errorf("README.md: %v", err)
		}
	}
	for _, name := range folders(t) {
		if !linked[name+"/README.md"] {
			t.Errorf("README.md has no link to %s/README.md", name)
		}
	}
	commands := "go test ./examples/...\ngo -C examples/chi test .\n"
	if blocks := regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllSubmatch(index, -1); len(blocks) != 1 || string(blocks[0][1]) != commands {
		t.Errorf("README.md: want one block of commands, %q", commands)
	}
}

// newTenant returns an issuer on loopback, by https, and the environment in which a
// program finds and trusts it.
func newTenant(t *testing.T, audience string) (*issuertest.Issuer, []string) {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	t.Cleanup(server.Close)
	address := server.Listener.Addr().String()
	iss := issuertest.New(t, issuertest.WithURL("https://"+address), issuertest.WithAudience(audience))
	server.Config.Handler = iss.Handler()
	server.StartTLS()
	certificate := filepath.Join(t.TempDir(), "tenant.pem")
	write(t, certificate, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
	return iss, append(os.Environ(), "SSL_CERT_FILE="+certificate, "NO_PROXY=127.0.0.1")
}

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// A program is one that README.md says how to run.
type program struct {
	name, line string
	env        []string
}

// shell returns what runs the program, in the root of the repository.
func (p program) shell(tenant *issuertest.Issuer) string {
	domain := strings.TrimPrefix(tenant.URL(), "https://")
	return strings.Replace(p.line, "tenant.example.com", domain, 1)
}

// start runs a server and returns its address. It is not the one in the source, where
// something else may listen: the compiler is shown other ports. Of several servers it
// returns the last.
func (p program) start(t *testing.T, tenant *issuertest.Issuer) (address string) {
	t.Helper()
	dir := t.TempDir()
	source, err := filepath.Abs(filepath.Join(p.name, "main.go"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(source)
	if err != nil {
		t.Fatal(err)
	}
	moved := regexp.MustCompile(`"127\.0\.0\.1:\d+"`).ReplaceAllFunc(text, func(usual []byte) []byte {
		// The port of the source at an address of loopback that this checkout always uses, so
		// that go run finds in its cache what it built the last time. If it is taken, any
		// free one.
		place := sha256.Sum256([]byte(source))
		_, port, _ := strings.Cut(strings.Trim(string(usual), `"`), ":")
		listener, err := net.Listen("tcp", fmt.Sprintf("127.%d.%d.%d:%s", 1+place[0]%254, place[1], 1+place[2]%254, port))
		if err != nil {
			listener, err = net.Listen("tcp", "127.0.0.1:0")
		}
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close()
		address = listener.Addr().String()
		return []byte(strconv.Quote(address))
	})
	write(t, filepath.Join(dir, "main.go"), moved)
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{source: filepath.Join(dir, "main.go")}})
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "overlay.json"), overlay)
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()

	// The program is in a group of processes, which is killed when stdin ends: by the
	// end of the test, or by that of the test's process, whatever ends it. 137 is what
	// killing makes of its exit code.
	cmd := exec.Command("sh", "-c", `setsid sh -c "$1" & read -r _; kill -s KILL -- -$!; wait $!; test $? -eq 137`, "sh", p.shell(tenant)+"\necho it has ended: $?")
	cmd.Dir = ".."
	cmd.Env = append(p.env, "GOFLAGS="+os.Getenv("GOFLAGS")+" -overlay="+filepath.Join(dir, "overlay.json"))
	cmd.Stdout, cmd.Stderr = log, log
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stdin.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("%s had ended before the test: %v", p.line, err)
		}
	})

	for deadline := time.Now().Add(5 * time.Minute); ; time.Sleep(20 * time.Millisecond) { // it is compiled first
		conn, err := net.Dial("tcp", address)
		if err == nil {
			conn.Close()
			return address
		}
		said, _ := os.ReadFile(log.Name())
		if strings.Contains(string(said), "it has ended: ") || time.Now().After(deadline) {
			t.Fatalf("%s: nothing listens on %s\n%s", p.line, address, said)
		}
	}
}

// ask sends a request with a token, or without if that is empty.
func ask(t *testing.T, url, token string) (*http.Response, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := new(http.Transport).RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(body)
}

func testAPI(t *testing.T, tenant *issuertest.Issuer, p program) {
	url := "http://" + p.start(t, tenant)
	for _, test := range []struct {
		path, token string
		status      int
		body        string
	}{
		{"/public", "", 200, "for everyone"},
		{"/public", "not.a.token", 200, "for everyone"},
		{"/protected", "", 401, "Unauthorized"},
		{"/protected", "not.a.token", 401, "Unauthorized"},
		{"/protected", tenant.Token(), 200, "for "},
		{"/nowhere", "", 401, "Unauthorized"},
		{"/nowhere", tenant.Token(), 404, ""},
	} {
		response, body := ask(t, url+test.path, test.token)
		if response.StatusCode != test.status || !strings.Contains(body, test.body) {
			t.Errorf("%s with a token of %d bytes: got %d %q, want %d %q", test.path, len(test.token), response.StatusCode, body, test.status, test.body)
		}
	}
}

// testRoutes is for the programs that are the same API behind different routers.
func testRoutes(t *testing.T, tenant *issuertest.Issuer, p program) {
	url := "http://" + p.start(t, tenant)
	good, bad := tenant.Token(), "not.a.token"
	reader, admin := tenant.Token(issuertest.Claims{"scope": "orders:read"}), tenant.Token(issuertest.Claims{"roles": []string{"admin"}})
	for _, test := range []struct {
		name, path, token string
		status            int
		body              string // where it is the route's
	}{
		{"public without a token", "/public", "", 200, "for everyone\n"},
		{"public with a bad token", "/public", bad, 200, "for everyone\n"},
		{"protected without a token", "/protected", "", 401, ""},
		{"protected with a bad token", "/protected", bad, 401, ""},
		{"protected with a token", "/protected", good, 200, "for \"m2m\"\n"},
		{"an order without the scope", "/orders/17", good, 403, ""},
		{"an order with the scope", "/orders/17", reader, 200, "order \"17\"\n"},
		{"admin without the role", "/admin", reader, 403, ""},
		{"admin with the role", "/admin", admin, 200, "for admins\n"},
		{"an unknown path without a token", "/nowhere", "", 401, ""},
		{"an unknown path with a token", "/nowhere", good, 404, ""},
	} {
		if response, body := ask(t, url+test.path, test.token); response.StatusCode != test.status || test.body != "" && body != test.body {
			t.Errorf("%s: got %d %q, want %d %q", test.name, response.StatusCode, body, test.status, test.body)
		}
	}
}

// testPath is for programs whose own tests say what they do behind the guard.
func testPath(path string) func(*testing.T, *issuertest.Issuer, program) {
	return func(t *testing.T, tenant *issuertest.Issuer, p program) {
		p.line = strings.Replace(p.line, "rediss://api:password@redis.example.com:6379", "redis://127.0.0.1:1", 1) // where there is none
		url := "http://" + p.start(t, tenant) + path
		if response, _ := ask(t, url, ""); response.StatusCode != 401 {
			t.Errorf("without a token: got %d, want 401", response.StatusCode)
		}
		if response, body := ask(t, url, tenant.Token(issuertest.Claims{"scope": "echo"})); response.StatusCode == 401 || response.StatusCode >= 500 {
			t.Errorf("with a token: got %d %q", response.StatusCode, body)
		}
	}
}

func testConnect(t *testing.T, tenant *issuertest.Issuer, p program) {
	url := "http://" + p.start(t, tenant) + "/orders.v1.OrderService/WhoAmI?connect=v1&encoding=json&message=%7B%7D"
	if response, body := ask(t, url, ""); response.StatusCode != 401 || !strings.Contains(body, `"code":"unauthenticated"`) {
		t.Errorf("without a token: got %d %q, want 401 and its code", response.StatusCode, body)
	}
	if response, body := ask(t, url, tenant.Token()); response.StatusCode != 200 || body != `"m2m"` {
		t.Errorf("with a token: got %d %q, want 200 for m2m", response.StatusCode, body)
	}
}

func testProxy(t *testing.T, tenant *issuertest.Issuer, p program) {
	url := "http://" + p.start(t, tenant)
	if response, _ := ask(t, url+"/orders", ""); response.StatusCode != 401 {
		t.Errorf("without a token: got %d, want 401", response.StatusCode)
	}
	if response, _ := ask(t, url+"/orders", tenant.Token()); response.StatusCode != 200 || response.Header.Get("X-Auth-Subject") != "m2m" {
		t.Errorf("with a token: got %d for %q, want 200 for m2m", response.StatusCode, response.Header.Get("X-Auth-Subject"))
	}
}

// The client of gRPC is not at hand in this module: its messages over HTTP/2 are.
func testGRPC(t *testing.T, tenant *issuertest.Issuer, p program) {
	address := p.start(t, tenant)
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	client := &http.Client{Transport: &http.Transport{Protocols: &protocols}}
	defer client.CloseIdleConnections()
	const health, servers = "/grpc.health.v1.Health/Check", "/grpc.channelz.v1.Channelz/GetServers"
	for _, test := range []struct{ method, token, code string }{
		{health, "", "0"}, // OK
		{health, "not.a.token", "0"},
		{servers, "", "16"}, // UNAUTHENTICATED
		{servers, "not.a.token", "16"},
		{servers, tenant.Token(), "7"}, // PERMISSION_DENIED
		{servers, tenant.Token(issuertest.Claims{"scope": "servers:read"}), "0"},
	} {
		message := "\x00\x00\x00\x00\x00" // not compressed, no fields
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+address+test.method, strings.NewReader(message))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/grpc")
		request.Header.Set("TE", "trailers")
		if test.token != "" {
			request.Header.Set("Authorization", "Bearer "+test.token)
		}
		response, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, response.Body); err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if got := response.Header.Get("Grpc-Status") + response.Trailer.Get("Grpc-Status"); got != test.code {
			t.Errorf("%s with a token of %d bytes: got status %q, want %q", test.method, len(test.token), got, test.code)
		}
	}
}

func testQueue(t *testing.T, tenant *issuertest.Issuer, p program) {
	dir := t.TempDir()
	p.line = strings.NewReplacer("keys.json", filepath.Join(dir, "keys.json"), "messages.txt", filepath.Join(dir, "messages.txt")).Replace(p.line)
	write(t, filepath.Join(dir, "keys.json"), tenant.JWKS())
	message := `{"token":%q,"order":"two chairs"}` + "\n"
	write(t, filepath.Join(dir, "messages.txt"), fmt.Appendf(nil, message+message, tenant.Token(issuertest.Claims{"scope": "orders:write"}), tenant.Token()))
	cmd := exec.CommandContext(t.Context(), "sh", "-c", p.shell(tenant))
	cmd.Dir, cmd.Env = "..", p.env
	got, err := cmd.CombinedOutput()
	want := "ack: \"two chairs\" for \"m2m\"\ndead letter: jwtverify: token is invalid: it lacks the scope orders:write\n"
	if err != nil || string(got) != want {
		t.Errorf("got %q (%v), want %q", got, err, want)
	}
}
