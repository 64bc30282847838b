package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/jwtverify/internal/manual"
	"example.com/jwtverify/internal/screen"
)

// A hostile world: what somebody else has written is at all places from which a command
// takes anything.
type hostile struct {
	text     string // the token, an argument, a header, a path of a request
	document []byte // keys, metadata, the body of an API
	file     string // holds document
	mode     uint
}

// Secrets that a command is given and never shows.
const (
	headerSecret = "header-secret-0123456789-0123456789-0123456789"
	clientSecret = "client-secret-0123456789-0123456789-0123456789"
)

// RoundTrip is the network.
func (h *hostile) RoundTrip(r *http.Request) (*http.Response, error) {
	header := http.Header{"Content-Type": {h.text}, "Www-Authenticate": {"Bearer error=" + h.text, h.text}, "Location": {h.text}, "Date": {h.text}, "Server": {h.text}}
	status := []int{200, 200, 401, 302, 503}[h.mode%5]
	return &http.Response{StatusCode: status, Status: "200 " + h.text, Header: header, Body: io.NopCloser(bytes.NewReader(h.document)), Request: r}, nil
}

// arguments are those of one run: flags that are good, some of them by the mode, and one of
// them with the hostile text.
func (h *hostile) arguments(c command, f *flags) []string {
	args := []string{c.name}
	known := manual.Flags(f.set)
	for i, flag := range known {
		value, good := map[string]string{
			"issuer": testIssuer, "audience": testAudience, "listen": "127.0.0.1:0", "timeout": "1s", "header": "X-Secret: " + headerSecret,
			"jwks-file": h.file, "env-file": h.file, "token-file": h.file, "cacert": h.file, "every": "1s", "method": "GET",
		}[flag.Name]
		switch {
		case h.mode&1 != 0 && i == int(h.mode/64)%len(known):
			args = append(args, "--"+flag.Name+"="+h.text)
		case flag.Value == "" && h.mode>>(1+i%5)&1 != 0:
			args = append(args, "--"+flag.Name)
		case flag.Name == "jwks-file" || flag.Name == "env-file" || flag.Name == "token-file" || flag.Name == "cacert":
			if h.mode>>(1+i%5)&1 != 0 {
				args = append(args, "--"+flag.Name, value)
			}
		case good:
			args = append(args, "--"+flag.Name, value)
		}
	}
	switch {
	case c.name == "probe":
		args = append(args, "https://api.test/"+url.PathEscape(h.text), "-")
	case c.name == "watch":
		args = append(args, "--count", "1")
	case c.name == "completion":
		args = append(args, "bash", "--", commands()[h.mode%8].name, h.text)
	case c.name == "demo", h.mode&4 != 0:
		// Without an argument the demo would play, which takes its time, and has tests
		// of its own.
		args = append(args, h.text)
	}
	return args
}

// A stage door is the stdout of a command. When a server announces its address there, it
// gets a hostile request, and is stopped.
type stageDoor struct {
	output
	once    sync.Once
	visitor func(url string)
}

// announced finds the address of a server in what it says of itself. The help names addresses
// too, and a server that somebody has started there is none of ours.
var announced = regexp.MustCompile(`^(?:issuer|api) (http://127\.0\.0\.1:\d+)  \(`)

func (d *stageDoor) Write(p []byte) (int, error) {
	n, err := d.output.Write(p)
	if match := announced.FindSubmatch(p); match != nil {
		d.once.Do(func() { go d.visitor(string(match[1])) })
	}
	return n, err
}

func (h *hostile) visit(address string) {
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 5 * time.Second}
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		request := &http.Request{Method: method, URL: &url.URL{Scheme: "http", Host: strings.TrimPrefix(address, "http://"), Path: "/" + h.text}, Header: http.Header{}}
		request.Header.Set("Authorization", "Bearer "+h.text)
		if response, err := client.Do(request); err == nil { // else the client has found it to be no header
			response.Body.Close()
		}
	}
}

// run runs a command in this world, and returns all that it printed, and whether it takes
// the text for a token.
func (h *hostile) run(t *testing.T, c command) (printed string, readsToken bool) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stdout, stderr := &stageDoor{output: output{grown: make(chan struct{}, 1)}}, newOutput()
	stdout.visitor = func(url string) {
		h.visit(url)
		cancel()
	}
	s := &session{
		env: func(name string) string {
			value := map[string]string{"JWTVERIFY_CLIENT_SECRET": clientSecret, "AUTHACTION_DOMAIN": h.text, "AUTHACTION_AUDIENCE": h.text, "ISSUER": h.text, "AUDIENCE": h.text, "JWKS_URL": h.text}[name]
			if h.mode&2 == 0 && name != "JWTVERIFY_CLIENT_SECRET" {
				return ""
			}
			return value
		},
		stdin: strings.NewReader(h.text), stdout: stdout, stderr: stderr,
		ctx: ctx, now: time.Now, transport: h,
	}
	_, f, err := s.prepared(c.name)
	if err != nil {
		t.Fatal(err)
	}
	s.command(h.arguments(c, f))
	return stdout.String() + stderr.String(), f.set.Lookup("token-file") != nil
}

// No command, with whatever it meets, prints a token, a signature, a secret, a control or
// bidi character, or what is no UTF-8. The commands are those of the table.
func FuzzCommands(f *testing.F) {
	const (
		controls = "\x1b[2J\x07\u009b31m\u202e\u2028\r\nnote: forged"
		bidi     = "\u202e\u2066\x1b[31m\x07\u0085"
		hmac     = "hmac-signature-of-43-letters-as-HS256-makes"
	)
	signature := strings.Repeat("A", 342) // of RS256
	for _, world := range []struct {
		text, document string
		modes          []uint
	}{
		{"x.y.z", `{"keys":[]}`, []uint{0}},
		{controls, "\x1b[2J", []uint{0}},
		{"\xff\xfe\x80eyJhIjox\xc3.b", "\xff{\"keys\":\x80}", []uint{0, 1, 2, 67, 131}}, // no UTF-8
		{"\xff\xfee\x00y\x00J\x00", "\xff\xfeA\x00=\x00B\x00", []uint{0, 2, 32}},        // UTF-16
		{strings.Repeat("a", 5000), `A="` + strings.Repeat("b", 400) + "\"\nexport B='c", []uint{0, 1, 2, 8, 65}},
		{"https://user:password-password@a.test/eyJhIjox.b." + hmac + "?access_token=" + hmac + "#" + bidi, "{}", []uint{0, 1, 4, 65, 129}},
		{encodeSegment(`{"alg":"RS256","kid":"k"}`) + "." + encodeSegment(`{"iss":"https://issuer.test","aud":"orders","exp":1}`) + "." + signature,
			`{"keys":[]}`, []uint{0, 1, 4, 6, 9, 30}},
		{"Bearer " + encodeSegment(`{"alg":"RS256","crit":["`+strings.Repeat("c", 302)+`"]}`) + ".e30." + signature,
			"<html>\x1b]0;title\x07</html>", []uint{0, 2, 3, 5}},
		{"Bearer eyJ" + strings.Repeat("c", 170) + "]" + strings.Repeat("c", 302) + ".e30." + signature, "", []uint{5}}, // cut in its header
		// The signature stands in the header, in the claims and in the answer too.
		{encodeSegment(`{"alg":"HS256","kid":"`+hmac+`"}`) + "." + encodeSegment(`{"iss":"`+hmac+`","aud":["`+hmac+`"],"sub":"`+hmac+`","exp":1}`) + "." + hmac,
			`{"issuer":"` + hmac + `","jwks_uri":"https://a.test/` + hmac + `"}`, []uint{0, 2, 8, 16, 40}},
		{`{"access_token":"` + encodeSegment(`{"alg":"none"}`) + ".e30." + strings.Repeat("B", 86) + `","note":"x"}`,
			`{"issuer":"https://issuer.test","jwks_uri":"http://a.test/\u202e"}`, []uint{0, 2}},
		{`{"error":"\u001b[2J\u202e"}`, `{"error":"x"}`, []uint{0, 4}},
		{`{"id":{"\u202e":["eyJ.a.b"]},"token":"x.y.` + hmac + `","issuer":"\u202e\u2066\u001b[31m\u0007\u0085","audience":["\u202e\u2066\u001b[31m\u0007\u0085"],"jwks":"{\"keys\":[{\"kid\":\"` + hmac + `\"}]}","now":1e+300,"leeway":-1}`,
			"{}", []uint{0, 16, 18}}, // a line of verify --lines
		{"x", "AUTHACTION_DOMAIN=\"\x1b[31m\"\nAUTHACTION_AUDIENCE=eyJ.a." + hmac + "\n", []uint{2, 4, 8, 16, 30}},
	} {
		for _, mode := range world.modes {
			f.Add(world.text, []byte(world.document), mode)
		}
	}
	for flag := range uint(16) { // no command has more
		f.Add(controls, []byte("\x1b[2J"), 64*flag+1)
	}
	file := filepath.Join(f.TempDir(), "file")
	f.Fuzz(func(t *testing.T, text string, document []byte, mode uint) {
		if err := os.WriteFile(file, document, 0o600); err != nil {
			t.Fatal(err)
		}
		h := &hostile{text, document, file, mode}
		for _, c := range commands() {
			output, readsToken := h.run(t, c)
			var tokens []string
			if token := strings.TrimSpace(text); readsToken && screen.TokenOrSignature.MatchString(token[strings.LastIndexByte(token, '.')+1:]) {
				tokens = []string{token}
			}
			if what := fit(output, tokens); what != "" {
				t.Errorf("%s, mode %d: the output holds %s: %.2000q", c.name, mode, what, output)
			}
			if output == "" && c.name != "completion" { // which may know no word
				t.Errorf("%s, mode %d: it prints nothing", c.name, mode)
			}
			for _, secret := range []string{headerSecret, clientSecret} {
				if strings.Contains(output, secret) && !strings.Contains(text+string(document), secret) {
					t.Errorf("%s, mode %d: the output holds a secret: %.2000q", c.name, mode, output)
				}
			}
		}
	})
}
