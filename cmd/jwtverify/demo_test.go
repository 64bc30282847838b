package main

import (
	"context"
	"errors"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"
)

// Two runs at the same time, the second on a narrow terminal. Each waits for a second.
var demoRuns = sync.OnceValue(func() (runs [2]result) {
	var wait sync.WaitGroup
	for i, columns := range []string{"", "40"} {
		wait.Go(func() {
			var stdout, stderr strings.Builder
			env := func(name string) string { return map[string]string{"COLUMNS": columns}[name] }
			code := run([]string{"demo"}, env, strings.NewReader(""), &stdout, &stderr)
			runs[i] = result{code, stdout.String(), stderr.String()}
		})
	}
	wait.Wait()
	return runs
})

func TestDemoGoesAsExpected(t *testing.T) {
	t.Parallel()
	started := time.Now()
	runs := demoRuns()
	if took := time.Since(started); took > 10*time.Second { // 2 on a machine that does nothing else
		t.Errorf("it took %v, want less than 2s", took)
	}
	for i, columns := range []int{80, 40} {
		got := runs[i]
		got.check(t, accepted, "19 of 19 as expected", "")
		// In this order.
		rest := withoutSpace(got.stdout) // the text is broken into lines
		for _, want := range []string{
			`GET /public ✓ 200 {"message":"This is a public message!"}`,
			`GET /protected ✓ 401 WWW-Authenticate: Bearer realm="api" `,
			`POST /oauth2/m2m/token with {"client_id":"demo-app","client_secret":"[secret]", "audience":"https://api.example.com", "grant_type":"client_credentials"} ✓ 200 {"access_token":"[token, `,
			`✓ 200 {"message":"This is a protected message!","sub":"demo-app"}`,
			`altered: sub is "admin" ✓ 401 WWW-Authenticate: Bearer realm="api", error="invalid_token", error_description="The access token is not valid" log: signature was not made by key`,
			`expired ✓ 401 WWW-Authenticate: Bearer realm="api", error="invalid_token", error_description="The access token has expired" log: token expired`,
			`for another API ✓ 401 WWW-Authenticate: Bearer realm="api", error="invalid_token", error_description="The access token is not valid" log: audience is ["https://billing.example.com"], want "https://api.example.com"`,
			`by the next key ✓ 200`,
			`by the old key ✓ 200`,
			`asked for the keys once, still.`,
			`by an unknown key ✓ 503 Retry-After: 1 log: keys are unavailable (failing), try again in 1s`,
			`by a known key ✓ 200`,
			`the same ✓ 200`,
			`asked for the keys 3 times, once without success.`,
			`jwtverify explain`,
			`rejected: the token is for another audience (audience-mismatch)`,
			`audience-mismatch (decides)`,
			`✓ exit 1`,
		} {
			_, after, found := strings.Cut(rest, withoutSpace(want))
			if !found {
				t.Fatalf("the demo lacks, or not in this place, %q:\n%s", want, got.stdout)
			}
			rest = after
		}
		if what := fit(got.stdout+got.stderr, nil); what != "" {
			t.Errorf("the output holds %s", what)
		}
		checkColumns(t, got.stdout, columns)
	}
}

func withoutSpace(text string) string { return strings.Join(strings.Fields(text), "") }

// checkColumns finds lines that could have been broken and were not, but for JSON.
func checkColumns(t *testing.T, text string, columns int) {
	t.Helper()
	for line := range strings.Lines(text) {
		line = sgr.ReplaceAllString(strings.TrimRight(line, "\r\n"), "")
		if n := utf8.RuneCountInString(line); n > columns && strings.ContainsAny(strings.Trim(line, ` ,\`), " ,") && !strings.HasPrefix(strings.TrimLeft(line, " "), `"`) {
			t.Errorf("a line of %d columns, want %d: %s", n, columns, line)
		}
	}
}

// Two runs differ in times, ports and keys alone.
func TestDemoIsDeterministic(t *testing.T) {
	t.Parallel()
	varies := regexp.MustCompile(`127\.0\.0\.1:\d+|\d{4}-\d\d-\d\dT[0-9:.]+Z|key-\d-[0-9a-f]{6}|,\d+bytes|in\d\.\ds|\\\\`)
	runs := demoRuns()
	text := func(i int) string { return varies.ReplaceAllString(withoutSpace(runs[i].stdout), "_") }
	if text(0) != text(1) {
		t.Errorf("two runs differ:\n%s\n%s", text(0), text(1))
	}
}

func TestDemoOnAFullDisk(t *testing.T) {
	t.Parallel()
	full := &session{env: func(string) string { return "" }, stdout: fullDisk{}, stderr: newOutput(), now: time.Now}
	if got := full.command([]string{"demo"}); got != int(none) {
		t.Errorf("on a full disk: exit %d, want 2", got)
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

// The curl lines of --keep are run as they were printed.
func TestDemoKeepsItsServers(t *testing.T) {
	t.Parallel()
	demo := start(t, nil, "demo", "--keep")
	lines := demo.stdout.find(t, `(?s)to be pasted:\n\n(.*)\n\nCtrl-C stops both`)[1]
	for _, tool := range []string{"sh", "curl", "sed"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("there is no %s on this machine to run the lines", tool)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	answers, err := exec.CommandContext(ctx, "sh", "-c", lines).CombinedOutput()
	want := `{"message":"This is a public message!"}
{"title":"Unauthorized","status":401}
{"message":"This is a protected message!","sub":"demo-app"}
`
	if string(answers) != want || err != nil {
		t.Errorf("got %s (%v), want %s", answers, err, want)
	}
	demo.stderr.find(t, "401 GET /protected: no credentials")
	if code := demo.stop(); code != 0 {
		t.Errorf("exit %d, want 0", code)
	}
	if what := leak(demo.stdout.String()+demo.stderr.String(), nil); what != "" {
		t.Errorf("the output holds %s", what)
	}
}
