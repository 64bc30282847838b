package main

import (
	"encoding/json"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.com/jwtverify/internal/issuer"
	"example.com/jwtverify/internal/local"
)

const grantOfGuide = `{"client_id":"m2m","client_secret":"s","audience":"orders","grant_type":"client_credentials"}`

// grant asks a running issuer for a token. The body of an answer is JSON, always.
func grant(t *testing.T, url, contentType, body string) (response, map[string]any) {
	t.Helper()
	got := send(t, "POST", url+issuer.TokenPath, body, http.Header{"Content-Type": {contentType}})
	var members map[string]any
	if err := json.Unmarshal([]byte(got.body), &members); err != nil {
		t.Fatalf("status %d, and the body is not JSON: %v", got.status, err)
	}
	return got, members
}

// The transcript of spec/cli.md, section 10.
func TestIssuerGrantsWhatVerifyAccepts(t *testing.T) {
	iss := start(t, nil, "issuer", "--listen", "127.0.0.1:0")
	url := iss.url("issuer")
	if got, want := iss.stdout.String(), "issuer "+url+"  (any client id and secret; memory only; stop with Ctrl-C)\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	t.Run("the command in the log gets a token", func(t *testing.T) {
		for _, tool := range []string{"sh", "curl", "sed"} {
			if _, err := exec.LookPath(tool); err != nil {
				t.Skipf("there is no %s on this machine", tool)
			}
		}
		line := iss.stderr.find(t, "TOKEN=.*\n")[0]
		got, err := exec.CommandContext(t.Context(), "sh", "-c", line+"echo $TOKEN").Output()
		if parts := strings.Split(string(got), "."); err != nil || len(parts) != 3 {
			t.Errorf("%s: got %d parts (%v), want the 3 of a token", line, len(parts), err)
		}
	})
	granted, members := grant(t, url, "application/json", grantOfGuide)
	token, _ := members["access_token"].(string)
	if granted.status != 200 || len(members) != 3 || members["token_type"] != "Bearer" || members["expires_in"] != 3600.0 {
		t.Errorf("got %d with the members %v", granted.status, len(members))
	}
	if granted.header.Get("Cache-Control") != "no-store" {
		t.Errorf("Cache-Control is %q, want no-store", granted.header.Get("Cache-Control"))
	}
	f := &fixture{tokens: []string{token}}
	got := f.run(t, nil, strings.NewReader(granted.body), "verify", "--issuer", url, "--audience", "orders")
	got.check(t, accepted, `accepted: sub "m2m", expires `, "access_token taken from a JSON object (token-cleaned)")

	if code := iss.stop(); code != 0 {
		t.Errorf("exit %d, want 0", code)
	}
	for _, line := range []string{"POST /oauth2/m2m/token 200", "GET /.well-known/openid-configuration 200", "GET /.well-known/jwks.json 200"} {
		if !strings.Contains(iss.stderr.String(), line) {
			t.Errorf("the log lacks %q:\n%s", line, iss.stderr)
		}
	}
	if what := leak(iss.stdout.String()+iss.stderr.String(), f.tokens); what != "" {
		t.Errorf("the output holds %s", what)
	}
}

func TestIssuerRefuses(t *testing.T) {
	iss := start(t, map[string]string{"JWTVERIFY_CLIENT_SECRET": "open sesame"}, "issuer", "--listen", "localhost:0", "--scope", "read write", "--expires-in", "90")
	url := iss.url("issuer")
	if !strings.HasPrefix(url, "http://localhost:") {
		t.Errorf("the issuer is %s, want the host that was given", url)
	}
	form := func(more string) string { return "grant_type=client_credentials&client_id=app&client_secret=" + more }
	const asForm = "application/x-www-form-urlencoded"
	for _, test := range []struct {
		name, contentType, body string
		status                  int
		want                    string // of error or scope
	}{
		{"the right secret", asForm, form("open+sesame"), 200, "read write"},
		{"a part of the scope", asForm, form("open+sesame&scope=write"), 200, "write"},
		{"too much scope", asForm, form("open+sesame&scope=admin"), 400, "invalid_scope"},
		{"a wrong secret", asForm, form("x"), 401, "invalid_client"},
		{"no secret", asForm, form(""), 401, "invalid_client"},
		{"another grant", asForm, "grant_type=password&client_id=app&client_secret=open+sesame", 400, "unsupported_grant_type"},
		{"text", "text/plain", form("open+sesame"), 400, "invalid_request"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, members := grant(t, url, test.contentType, test.body)
			said := members["error"]
			if got.status == 200 {
				said = members["scope"]
				claims := decoded(t, members["access_token"].(string), 1)
				if life := claims["exp"].(float64) - claims["iat"].(float64); life != 90 || members["expires_in"] != 90.0 {
					t.Errorf("the token lives %vs, want 90s", life)
				}
			}
			if got.status != test.status || said != test.want {
				t.Errorf("got %d %v, want %d %s", got.status, said, test.status, test.want)
			}
		})
	}
	iss.stop()
	if text := iss.stdout.String() + iss.stderr.String(); strings.Contains(text, "sesame") || !strings.Contains(text, "the secret of JWTVERIFY_CLIENT_SECRET") {
		t.Errorf("the output holds the secret, or does not say which one counts:\n%s", text)
	}
}

func TestIssuerDoesNotStart(t *testing.T) {
	f := newFixture(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, test := range []struct {
		name   string
		args   []string
		code   verdict
		stderr string
	}{
		{"a port that is taken", []string{"--listen", taken.Addr().String()}, none, "port 0 takes a free one"},
		{"all addresses", []string{"--listen", "0.0.0.0:0"}, none, "whoever reaches this issuer gets any token"},
		{"no host", []string{"--listen", ":8180"}, none, "want 127.0.0.1, [::1] or localhost"},
		{"another host", []string{"--listen", "issuer.test:8180"}, none, "want 127.0.0.1, [::1] or localhost"},
		{"an address beyond the machine", []string{"--listen", "192.0.2.1:0"}, none, "want 127.0.0.1, [::1] or localhost"},
		{"no port", []string{"--listen", "127.0.0.1"}, none, "want host and port"},
		{"no such fault", []string{"--listen", "127.0.0.1:0", "--fault", "hangs"}, none, `--fault is "hangs": want one of array, drip, `},
		{"no lifetime", []string{"--expires-in", "0"}, none, "want 1s or more"},
		{"a lifetime that is no duration", []string{"--expires-in", "soon"}, none, "want a duration"},
		{"rotations faster than keys can be made", []string{"--rotate-every", "1ms"}, none, "want 100ms or more"},
		{"an argument", []string{"8180"}, none, "want flags alone"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := f.run(t, nil, nil, append([]string{"issuer"}, test.args...)...)
			got.check(t, test.code, "", test.stderr)
			if got.stdout != "" {
				t.Errorf("it announced %q", got.stdout)
			}
		})
	}
	help := f.run(t, nil, nil, "issuer", "-h").stdout
	for _, name := range issuer.FaultNames() {
		if !regexp.MustCompile(`\b` + name + `\b`).MatchString(help) {
			t.Errorf("the help does not name the fault %s", name)
		}
	}
}

func TestIssuerRotates(t *testing.T) {
	t.Parallel()
	iss := start(t, nil, "issuer", "--listen", "127.0.0.1:0", "--rotate-every", "100ms")
	url := iss.url("issuer")
	granted, members := grant(t, url, "application/json", grantOfGuide)
	kid := decoded(t, members["access_token"].(string), 0)["kid"].(string)
	iss.stderr.find(t, `rotated: key-4-\S+ signs`)
	_, members = grant(t, url, "application/json", grantOfGuide)
	if decoded(t, members["access_token"].(string), 0)["kid"] == kid {
		t.Errorf("%s signs still", kid)
	}
	f := &fixture{}
	got := f.run(t, nil, strings.NewReader(granted.body), "verify", "--issuer", url, "--audience", "orders")
	got.check(t, accepted, "accepted", "")
}

func TestIssuerFails(t *testing.T) {
	for _, test := range []struct {
		fault  string
		status int // of the key document; 0: no answer
		logged string
	}{
		{"status-503", 503, "GET /.well-known/jwks.json 503"},
		{"wrong-issuer", 200, "GET /.well-known/jwks.json 200"},
		{"refused", 0, "GET /.well-known/jwks.json no answer"},
	} {
		t.Run(test.fault, func(t *testing.T) {
			iss := start(t, nil, "issuer", "--listen", "127.0.0.1:0", "--fault", test.fault)
			url := iss.url("issuer")
			iss.stderr.find(t, "fault "+test.fault)
			request, err := http.NewRequestWithContext(t.Context(), "GET", url+issuer.KeysPath, nil)
			if err != nil {
				t.Fatal(err)
			}
			status := 0
			if answer, err := http.DefaultTransport.RoundTrip(request); err == nil {
				answer.Body.Close()
				status = answer.StatusCode
			}
			if status != test.status {
				t.Errorf("got %d, want %d", status, test.status)
			}
			iss.stderr.find(t, regexp.QuoteMeta(test.logged))
			if got, _ := grant(t, url, "application/json", grantOfGuide); got.status != 200 {
				t.Errorf("the token endpoint suffers too: %d", got.status)
			}
		})
	}
}

// An answer that hangs does not hold up the end, nor does one that drips.
func TestIssuerStopsWhileItHangs(t *testing.T) {
	t.Parallel()
	for _, fault := range []string{"hang", "drip"} {
		t.Run(fault, func(t *testing.T) {
			iss := start(t, nil, "issuer", "--listen", "127.0.0.1:0", "--fault", fault)
			conn, err := net.Dial("tcp", strings.TrimPrefix(iss.url("issuer"), "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			conn.Write([]byte("GET /.well-known/jwks.json HTTP/1.1\r\nHost: issuer.test\r\n\r\n"))
			started := time.Now()
			if fault == "drip" {
				conn.Read(make([]byte, 1)) // the header, with the first byte
			}
			if code := iss.stop(); code != 0 {
				t.Errorf("exit %d, want 0", code)
			}
			if took := time.Since(started); took > local.ShutdownGrace-time.Second {
				t.Errorf("it took %v to stop", took)
			}
		})
	}
}

func TestIssuerLogsNoTricks(t *testing.T) {
	iss := start(t, nil, "issuer", "--listen", "127.0.0.1:0")
	url := iss.url("issuer")
	send(t, "GET", url+"/%0AGET%20/%1B[2J?secret=1", "", nil)
	iss.stderr.find(t, regexp.QuoteMeta(`GET "/\nGET /\x1b[2J" 404`)+"\n")
	if strings.Contains(iss.stderr.String(), "secret=1") {
		t.Errorf("the log holds the query: %s", iss.stderr)
	}
}

func TestServersStopOnSignals(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no process can send itself a signal there")
	}
	self, err := os.FindProcess(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	f := newFixture(t)
	for _, test := range []struct {
		name   string
		args   []string
		signal os.Signal
		code   int
	}{
		{"issuer", []string{"issuer", "--listen", "127.0.0.1:0"}, os.Interrupt, 130},
		{"api", []string{"serve", "--listen", "127.0.0.1:0", "--issuer", testIssuer, "--audience", "a", "--jwks-file", f.jwks}, syscall.SIGTERM, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := start(t, nil, test.args...)
			r.url(test.name)
			if err := self.Signal(test.signal); err != nil {
				t.Fatal(err)
			}
			select {
			case code := <-r.code:
				r.code <- code
				if code != test.code {
					t.Errorf("exit %d, want %d", code, test.code)
				}
			case <-time.After(10 * time.Second):
				t.Error("the signal does not stop it")
			}
		})
	}
}
