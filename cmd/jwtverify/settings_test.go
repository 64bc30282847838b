package main

import (
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"example.com/jwtverify/internal/diagnosis"
	"example.com/jwtverify/internal/issuer"
)

// The settings of any issuer may stand in the environment, too.
func TestSettingsOfTheEnvironment(t *testing.T) {
	f := newFixture(t)
	url := serveKeys(t, f.Handler().ServeHTTP) + issuer.KeysPath
	file := filepath.Join(t.TempDir(), ".env")
	writeFile(t, file, []byte("ISSUER="+testIssuer+"\nAUDIENCE=x\nexport JWKS_URL="+url+"\n"))
	all := map[string]string{"ISSUER": testIssuer, "AUDIENCE": testAudience, "JWKS_URL": url}
	with := func(more ...string) map[string]string {
		env := map[string]string{}
		for name, value := range all {
			env[name] = value
		}
		for i := 0; i < len(more); i += 2 {
			env[more[i]] = more[i+1]
		}
		return env
	}
	for _, test := range []struct {
		name   string
		args   []string
		env    map[string]string
		code   verdict
		stdout string
		stderr string
	}{
		{"all of them", nil, all, accepted, "accepted", ""},
		{"a flag beats the issuer", []string{"--issuer", "https://x.test"}, all, rejected, "(issuer-mismatch)", ""},
		{"a flag beats the audience", []string{"--audience", "x"}, all, rejected, "(audience-mismatch)", ""},
		{"a flag beats the address", []string{"--jwks-url", closedURL(t)}, all, undetermined, "(keys-connect)", ""},
		{"a file of keys beats the address", []string{"--jwks-file", f.jwks}, with("JWKS_URL", closedURL(t)), accepted, "accepted", ""},
		{"the guide's domain beats the issuer beside it", nil, with("AUTHACTION_DOMAIN", "x.test"), rejected, "(issuer-mismatch)", ""},
		{"the guide's audience beats the audience beside it", nil, with("AUTHACTION_AUDIENCE", "x"), rejected, "(audience-mismatch)", ""},
		{"what is not in the environment may be in the env file", []string{"--env-file", file}, map[string]string{"AUDIENCE": testAudience}, accepted, "accepted", ""},
		{"the env file alone", []string{"--env-file", file}, nil, rejected, "(audience-mismatch)", ""},
		{"the environment beats the env file, whatever the name", []string{"--env-file", file}, map[string]string{"AUTHACTION_DOMAIN": "x.test"}, rejected, "(issuer-mismatch)", ""},
		{"an address over http is named by its variable", nil, with("JWKS_URL", "http://a.test"), none, "", "JWKS_URL is plain http"},
		{"so is an issuer that cannot be right", nil, with("ISSUER", `"https://a.test"`), none, "", "ISSUER is"},
		{"and an audience", nil, with("AUDIENCE", "$AUDIENCE"), none, "", "AUDIENCE[0] is"},
	} {
		t.Run(test.name, func(t *testing.T) {
			f.run(t, test.env, strings.NewReader(f.good(t)), append([]string{"verify"}, test.args...)...).check(t, test.code, test.stdout, test.stderr)
		})
	}
}

// A key server with a certificate of a private CA, which wants a header.
func TestCAAndHeaderOfTheKeyServer(t *testing.T) {
	f := newFixture(t)
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Key") != "opensesame" || r.Host == "" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		f.Handler().ServeHTTP(w, r)
	}))
	defer server.Close()
	ca, empty := filepath.Join(t.TempDir(), "ca.pem"), filepath.Join(t.TempDir(), "empty.pem")
	writeFile(t, ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
	writeFile(t, empty, []byte("no certificate"))
	for _, test := range []struct {
		name   string
		args   []string
		code   verdict
		stdout string
		stderr string
	}{
		{"both", []string{"--cacert", ca, "--header", "X-Key: opensesame"}, accepted, "accepted", ""},
		{"a CA given twice", []string{"--cacert", ca, "--cacert", ca, "--header", "X-Key:opensesame"}, accepted, "accepted", ""},
		{"no CA", []string{"--header", "X-Key: opensesame"}, undetermined, "(keys-tls)", ""},
		{"no header", []string{"--cacert", ca}, undetermined, "(keys-status)", ""},
		{"a CA that is not there", []string{"--cacert", ca + ".none"}, none, "", "-cacert: stat"},
		{"a CA that is none", []string{"--cacert", empty}, none, "", "want certificates as PEM"},
		{"a header without a colon is not repeated", []string{"--header", "opensesame"}, none, "", "want a name, a colon and a value"},
		{"a header with a space in its name neither", []string{"--header", "X Key: opensesame"}, none, "", "want a name, a colon and a value"},
		{"a header with a line end neither", []string{"--cacert", ca, "--header", "X-Key: opensesame\r\nX: y"}, none, "", "want a name, a colon and a value"},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, command := range []string{"verify", "explain"} {
				args := append([]string{command, "--issuer", testIssuer, "--audience", testAudience, "--jwks-url", server.URL + issuer.KeysPath}, test.args...)
				got := f.run(t, nil, strings.NewReader(f.good(t)), args...)
				got.check(t, test.code, test.stdout, test.stderr)
				if strings.Contains(got.stdout+got.stderr, "opensesame") {
					t.Errorf("%s shows the header: %s%s", command, got.stdout, got.stderr)
				}
			}
		})
	}
}

// The metadata may be behind the same gateway.
func TestHeaderOfTheMetadata(t *testing.T) {
	f := newFixture(t)
	var url string
	url = serveKeys(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Key") != "opensesame" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		io.WriteString(w, `{"issuer":"`+url+`","jwks_uri":"`+url+`/keys"}`)
	})
	f.run(t, nil, strings.NewReader(""), "discover", "--issuer", url, "--header", "X-Key: opensesame").check(t, accepted, "agrees", "")
	f.run(t, nil, strings.NewReader(""), "discover", "--issuer", url).check(t, undetermined, "(keys-status)", "")
}

// What a token says of itself becomes part of a command line that somebody may paste.
func TestNoTokenCanTypeACommand(t *testing.T) {
	f := newFixture(t)
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Skip(err)
	}
	for _, iss := range []string{
		"https://a.test", "https://a.test/$(touch pwned)", "`touch pwned`", "'; touch pwned; '", `"; touch pwned; "`, "a\ntouch pwned\n", "https://a.test/ touch pwned",
		"\x1b[31mhttps://a.test", "https://\u202ea.test", "--json", "-", "$HOME", "*", "~", "!!", `\`, "a'b", strings.Repeat("a", 300), "",
	} {
		got := f.run(t, nil, strings.NewReader(f.mint(t, issuer.Claims{"iss": iss, "aud": []string{iss}})), "explain", "--json")
		var report jsonReport
		if err := json.Unmarshal([]byte(got.stdout), &report); err != nil || report.Verdict != "undetermined" {
			t.Fatalf("iss %q: %v: %s%s", iss, err, got.stdout, got.stderr)
		}
		_, line, _ := strings.Cut(report.Checks[0].Next, ": ")
		line, _, _ = strings.Cut(line, " < token.txt")
		t.Chdir(t.TempDir())
		out, err := exec.Command(shell, "-c", `jwtverify() { printf '%s\n' "$@"; }; `+line).Output()
		if _, pwned := os.Stat("pwned"); err != nil || pwned == nil {
			t.Errorf("iss %q: the shell runs more of %q than one command: %v", iss, line, err)
		}
		words := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
		if len(words) != 5 || words[1] != "--issuer" || words[3] != "--audience" || words[2] != iss && words[2] != "URL" {
			t.Errorf("iss %q: the shell reads %q as %q", iss, line, words)
		}
	}
}

// The words of AuthAction are for those who use its variables.
func TestAdviceIsInTheWordsOfTheSettings(t *testing.T) {
	for _, code := range diagnosis.Codes {
		for _, advice := range code.Advice {
			text := strings.NewReplacer("{host}", "", "{part}", "").Replace(words{}.of(advice.ForCommand())) // filled in by the library
			if strings.ContainsAny(text, "{}") || strings.Contains(text, "AUTHACTION") || strings.Contains(text, "m2m") {
				t.Errorf("%s, cause %q, without settings: %s", code.Name, advice.Cause, text)
			}
		}
	}
	for _, test := range []struct {
		words words
		text  string
		want  string
	}{
		{words{issuer: "AUTHACTION_DOMAIN"}, "{issuer}, {audience}, {keys}, {token request}", "AUTHACTION_DOMAIN, --audience, AUTHACTION_DOMAIN, the token request (POST /oauth2/m2m/token)"},
		{words{audience: "AUTHACTION_AUDIENCE"}, "{set issuer}, {set audience}", "set the variable AUTHACTION_DOMAIN to the tenant's domain, set the variable AUTHACTION_AUDIENCE to the API's identifier at the issuer"},
		{words{issuer: "ISSUER", audience: "AUDIENCE", keys: "JWKS_URL"}, "{issuer}, {audience}, {keys}, {token request}", "ISSUER, AUDIENCE, JWKS_URL, the token request"},
		{words{issuer: "--issuer", keys: "--jwks-file"}, "{issuer}, {keys}, {set issuer}", "--issuer, --jwks-file, pass the issuer's address as --issuer, or set the variable ISSUER"},
		{words{token: glanceAt(encodeSegment(`{"typ":"a b"}`) + "." + encodeSegment(`{"aud":["x","y"],"azp":"c","iss":"https://a.test/"}`) + ".")},
			"{iss} {aud} {typ} {client} {client claim}", "https://a.test/ x 'a b' c azp"},
		{words{}, "{iss} {aud} {typ} {client} {client claim}", "URL NAME TYPE CLIENT client_id"},
	} {
		if got := test.words.of(test.text); got != test.want {
			t.Errorf("%s: got %s, want %s", test.text, got, test.want)
		}
	}
}
