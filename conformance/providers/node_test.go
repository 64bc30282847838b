package providers_test

import (
	"bufio"
	"encoding/json"
	"io"
	"net/url"
	"os"
	"os/exec"
	"testing"
	"time"
)

func TestOIDCProvider(t *testing.T) {
	tell(t, provider{
		name: "npm `oidc-provider`", audience: "https://api.test",
		form: url.Values{
			"grant_type": {"client_credentials"}, "scope": {"orders:read"},
			"client_id": {"m2m"}, "client_secret": {"a secret of this test"},
		},
		start: startScript("oidc-provider.mjs"),
	})
}

func TestOAuth2MockServer(t *testing.T) {
	tell(t, provider{
		name: "npm `oauth2-mock-server`", audience: "https://api.test",
		form:  url.Values{"grant_type": {"client_credentials"}, "aud": {"https://api.test"}},
		start: startScript("oauth2-mock-server.mjs"),
	})
}

// startScript starts a script of ../node as its own process. It ends with its stdin,
// so that it cannot outlive the test.
func startScript(script string) func(t *testing.T, port string) server {
	return func(t *testing.T, port string) server {
		t.Helper()
		node, err := exec.LookPath("node")
		if err != nil {
			skip(t, "node is not there")
		}
		if _, err := os.Stat("../node/node_modules"); err != nil {
			skip(t, "../node/node_modules is not there")
		}
		command := exec.CommandContext(t.Context(), node, "../node/"+script, port)
		stdin, err := command.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		stdout, err := command.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := command.Start(); err != nil {
			t.Fatal(err)
		}
		answers := make(chan map[string]any)
		go func() { // ends with the output of the process
			defer close(answers)
			for lines := bufio.NewScanner(stdout); lines.Scan(); {
				var answer map[string]any
				if json.Unmarshal(lines.Bytes(), &answer) == nil { // all else is chatter
					answers <- answer
				}
			}
		}()
		next := func() map[string]any {
			t.Helper()
			select {
			case answer := <-answers:
				return answer
			case <-time.After(20 * time.Second):
				t.Fatalf("%s says nothing", script)
				return nil
			}
		}
		issuer, _ := next()["issuer"].(string)
		if issuer == "" {
			t.Fatalf("%s did not start", script)
		}
		stopped := false
		return server{
			issuer: issuer,
			stop: func() {
				if stopped {
					return
				}
				stopped = true
				stdin.Close()
				for range answers { // to the end of its output, before Wait closes it
				}
				command.Wait()
			},
			rotate: func() {
				if _, err := io.WriteString(stdin, "rotate\n"); err != nil {
					t.Fatal(err)
				}
				if answer := next(); answer["rotated"] != true {
					t.Fatalf("%s answers %v", script, answer)
				}
			},
		}
	}
}

// skip skips a test for what install.sh installs. CONFORMANCE_REQUIRE=1 says that it
// has been run.
func skip(t *testing.T, reason string) {
	t.Helper()
	if os.Getenv("CONFORMANCE_REQUIRE") != "" {
		t.Fatalf("%s: run ../install.sh", reason)
	}
	t.Skipf("%s: ../install.sh installs what this test needs", reason)
}
