package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"example.com/jwtverify"
	"example.com/jwtverify/internal/issuer"
)

func TestVerdicts(t *testing.T) {
	f := newFixture(t)
	good := f.mint(t)
	down := closedURL(t)
	empty := filepath.Join(t.TempDir(), "empty.json")
	writeFile(t, empty, []byte(`{"keys":[]}`))
	absent := filepath.Join(t.TempDir(), "absent.json")
	base := []string{"verify", "--issuer", testIssuer, "--audience", testAudience}

	for _, test := range []struct {
		name   string
		args   []string
		stdin  string
		code   verdict
		stdout string // a regular expression for the whole
	}{
		{"a good token", f.flags(good), "", accepted,
			`accepted: sub "m2m", expires 20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ, in 60m`},
		{"flags may stand behind the token", append([]string{"verify", good}, f.flags()[1:]...), "", accepted, `accepted: .*`},
		{"the token may stand behind --", f.flags("--", good), "", accepted, `accepted: .*`},
		{"- is stdin", f.flags("-"), good, accepted, `accepted: .*`},
		{"no argument is stdin", f.flags(), good + "\n", accepted, `accepted: .*`},
		{"one of several audiences is enough", f.flags("--audience", "other", good), "", accepted, `accepted: .*`},
		{"a subject is quoted", f.flags(f.mint(t, issuer.Claims{"sub": "a\x1b[1m"})), "", accepted, `accepted: sub "a\\x1b\[1m", .*`},
		{"no subject", f.flags(f.mint(t, issuer.Claims{"sub": nil})), "", accepted, `accepted: no sub, .*`},
		{"expired within the leeway", f.flags(f.mint(t, issuer.Claims{"exp": time.Now().Add(-30 * time.Second).Unix()})), "", accepted,
			`accepted: .* 3\ds ago, within the leeway`},
		{"a leeway of 0 means none", f.flags("--leeway", "0", f.mint(t, issuer.Claims{"exp": time.Now().Add(-30 * time.Second).Unix()})), "", rejected,
			`rejected: the token has expired \(expired\)`},
		{"a longer leeway", f.flags("--leeway", "5m", f.mint(t, issuer.Claims{"exp": time.Now().Add(-3 * time.Minute).Unix()})), "", accepted, `accepted: .*`},
		{"expired", f.flags(f.mintExpired(t)), "", rejected, `rejected: the token has expired \(expired\)`},
		{"not yet valid", f.flags(f.mint(t, issuer.Claims{"nbf": time.Now().Add(time.Hour).Unix()})), "", rejected, `rejected: the token is not valid yet \(not-before\)`},
		{"of another issuer", f.flags(f.mint(t, issuer.Claims{"iss": "https://x.test"})), "", rejected, `rejected: the token is of another issuer \(issuer-mismatch\)`},
		{"for another audience", f.flags(f.mint(t, issuer.Claims{"aud": "x"})), "", rejected, `rejected: the token is for another audience \(audience-mismatch\)`},
		{"altered", f.flags(altered(good)), "", rejected, `rejected: the signature is not the issuer's \(signature-bad\)`},
		{"malformed", f.flags("x"), "", rejected, `rejected: this is not a JWT \(token-opaque\)`},
		{"of an unknown key", f.flags(withHeader(good, `{"alg":"RS256","kid":"x"}`)), "", rejected, `rejected: the issuer has no key of this kid \(kid-unknown\)`},
		{"unsupported", f.flags(withHeader(good, `{"alg":"none"}`)), "", rejected, `rejected: the token is not signed \(alg-none\)`},
		{"a key set without keys", append(base, "--jwks-file", empty, good), "", undetermined, `undetermined: the issuer publishes no key for RS256 \(keys-empty\)`},
		{"a key set that is not there", append(base, "--jwks-file", absent, good), "", undetermined, `undetermined: the file with the keys cannot be read \(keys-file\)`},
		{"a key set whose name has control characters", append(base, "--jwks-file", "absent\x1b[2J\n", good), "", undetermined, `undetermined: .* \(keys-file\)`},
		{"a token in place of the key set's name", append(base, "--jwks-file", good, good), "", undetermined, `undetermined: .* \(keys-file\)`},
		{"an issuer that is down", append(base, "--jwks-url", down+"/jwks.json", good), "", undetermined, `undetermined: the issuer cannot be reached \(keys-connect\)`},
		{"an outage says nothing of a token, but a malformed one is one", append(base, "--jwks-url", down, "x"), "", rejected, `rejected: .* \(token-opaque\)`},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := f.run(t, nil, strings.NewReader(test.stdin), test.args...)
			got.check(t, test.code, "", "")
			if !regexp.MustCompile(`\A` + test.stdout + `\n\z`).MatchString(got.stdout) {
				t.Errorf("stdout is %q, want %s", got.stdout, test.stdout)
			}
			if stderr := strings.TrimPrefix(got.stderr, argumentNote); stderr != "" {
				t.Errorf("stderr is %q, want nothing", stderr)
			}
		})
	}
}

// withHeader puts another header before the claims and signature of a token.
func withHeader(token, header string) string {
	return encodeSegment(header) + token[strings.IndexByte(token, '.'):]
}

// altered puts other claims between the header and signature of a token.
func altered(token string) string {
	parts := strings.Split(token, ".")
	return parts[0] + "." + encodeSegment(`{"sub":"admin"}`) + "." + parts[2]
}

func TestTheIssuersMetadataNameTheKeys(t *testing.T) {
	f := newFixture(t)
	var iss *issuer.Issuer
	url := serveKeys(t, func(w http.ResponseWriter, r *http.Request) { iss.Handler().ServeHTTP(w, r) })
	iss, err := issuer.New(issuer.Config{URL: url, Audience: testAudience})
	if err != nil {
		t.Fatal(err)
	}
	token, err := iss.Token()
	if err != nil {
		t.Fatal(err)
	}
	f.tokens = append(f.tokens, token)
	f.run(t, nil, strings.NewReader(token), "verify", "--issuer", url, "--audience", testAudience).check(t, accepted, "accepted: ", "")
	// An address of the keys spares the metadata.
	f.run(t, nil, strings.NewReader(token), "verify", "--issuer", url, "--audience", testAudience, "--jwks-url", url+issuer.KeysPath).
		check(t, accepted, "accepted: ", "")
}

func TestTheTimeoutEndsAnIssuerThatHangs(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	url := serveKeys(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	f.run(t, nil, strings.NewReader(f.good(t)), "verify", "--issuer", testIssuer, "--audience", testAudience, "--jwks-url", url, "--timeout", "100ms").
		check(t, undetermined, "undetermined: the issuer's keys did not come in time (keys-timeout)", "")
}

func TestSettingsThatAreWrong(t *testing.T) {
	f := newFixture(t)
	const sample = "your-authaction-tenant-domain"
	flags := func(flags ...string) []string { return append([]string{"verify"}, flags...) }
	for _, test := range []struct {
		name string
		args []string
		env  map[string]string
		code string // of the problem; empty: text
		text string
	}{
		{name: "neither domain nor issuer", args: flags("--audience", "a"), code: "config-domain-missing"},
		{name: "neither, but keys", args: flags("--audience", "a", "--jwks-file", f.jwks), code: "config-domain-missing"},
		{name: "an issuer that is empty beats the domain", args: flags("--audience", "a", "--issuer", ""),
			env: map[string]string{"AUTHACTION_DOMAIN": "a.test"}, code: "config-domain-missing"},
		{name: "a domain with a scheme", env: map[string]string{"AUTHACTION_DOMAIN": "https://a.test"}, code: "config-domain-form", text: `"https://a.test"`},
		{name: "a domain with a final slash", env: map[string]string{"AUTHACTION_DOMAIN": "a.test/"}, code: "config-domain-form"},
		{name: "a domain with a path", env: map[string]string{"AUTHACTION_DOMAIN": "a.test/b"}, code: "config-domain-form"},
		{name: "a domain with a space", env: map[string]string{"AUTHACTION_DOMAIN": "a.test "}, code: "config-domain-form"},
		{name: "a domain with quotes", env: map[string]string{"AUTHACTION_DOMAIN": `"a.test"`}, code: "config-domain-form"},
		{name: "a domain with a user name", env: map[string]string{"AUTHACTION_DOMAIN": "u@a.test"}, code: "config-domain-form"},
		{name: "a domain with a port that is none", env: map[string]string{"AUTHACTION_DOMAIN": "a.test:http"}, code: "config-domain-form"},
		{name: "a domain that is only a port", env: map[string]string{"AUTHACTION_DOMAIN": ":443"}, code: "config-domain-form"},
		{name: "a domain with a control character", env: map[string]string{"AUTHACTION_DOMAIN": "a\x1b[1m"}, code: "config-domain-form", text: `"a\x1b[1m"`},
		{name: "the guide's domain", env: map[string]string{"AUTHACTION_DOMAIN": sample}, code: "config-placeholder"},
		{name: "the guide's domain with a scheme", env: map[string]string{"AUTHACTION_DOMAIN": "https://" + sample}, code: "config-placeholder"},
		{name: "the guide's audience", env: map[string]string{"AUTHACTION_DOMAIN": "a.test", "AUTHACTION_AUDIENCE": "your-authaction-api-identifier"}, code: "config-placeholder"},
		{name: "the guide's issuer", args: flags("--issuer", "https://"+sample), code: "config-placeholder"},
		{name: "the guide's key set", args: flags("--issuer", "https://a.test", "--jwks-url", "https://"+sample), code: "config-placeholder"},
		{name: "no audience", env: map[string]string{"AUTHACTION_DOMAIN": "a.test"}, code: "config-audience-missing"},
		{name: "an audience that is empty beats the environment", args: flags("--audience", ""),
			env: map[string]string{"AUTHACTION_DOMAIN": "a.test", "AUTHACTION_AUDIENCE": "a"}, code: "config-audience-missing"},
		{name: "an issuer over http", args: flags("--audience", "a", "--issuer", "http://a.test"), code: "config-insecure-url"},
		{name: "an issuer over HTTP", args: flags("--audience", "a", "--issuer", "HTTP://a.test"), code: "config-insecure-url"},
		{name: "a key set over http", args: flags("--audience", "a", "--issuer", "https://a.test", "--jwks-url", "http://a.test/?secret"), code: "config-insecure-url"},
		{name: "a key set nowhere", args: flags("--audience", "a", "--issuer", "https://a.test", "--jwks-url", "a.test"), text: "is not an address"},
		{name: "an issuer that has no metadata", args: flags("--audience", "a", "--issuer", "accounts.example"), text: "pass --jwks-url or --jwks-file"},
		{name: "a key set whose address is empty", args: flags("--audience", "a", "--issuer", "https://a.test", "--jwks-url", ""), text: "is empty"},
		{name: "a key set whose file has no name", args: flags("--audience", "a", "--issuer", "https://a.test", "--jwks-file", ""), text: "--jwks-file is empty"},
		{name: "two key sets", args: f.flags("--jwks-url", "https://a.test"), text: "both given"},
		{name: "a leeway of an hour", args: f.flags("--leeway", "1h"), text: "--leeway is"},
		{name: "a negative leeway", args: f.flags("--leeway", "-1s"), text: "want a duration"},
		{name: "a leeway without unit", args: f.flags("--leeway", "30"), text: "want a duration"},
		{name: "a timeout of an hour", args: f.flags("--timeout", "1h"), text: "--timeout is"},
		{name: "a timeout of nothing", args: f.flags("--timeout", "0"), text: "want a limit"},
		{name: "an unknown flag", args: f.flags("--no-audience"), text: "not defined: -no-audience"},
	} {
		t.Run(test.name, func(t *testing.T) {
			args := test.args
			if args == nil {
				args = []string{"verify"}
			}
			got := f.run(t, test.env, strings.NewReader(f.good(t)), args...)
			got.check(t, none, "", test.text)
			if got.stdout != "" {
				t.Errorf("stdout is %q, want nothing", got.stdout)
			}
			if strings.Contains(got.stderr, "secret") {
				t.Errorf("stderr holds the query of an address: %s", got.stderr)
			}
			if test.code == "" {
				return
			}
			for _, want := range []string{"(" + test.code + ")\n", "\n  expected  ", "\n  found     ", "\n  next      "} {
				if !strings.Contains(got.stderr, want) {
					t.Errorf("stderr lacks %q:\n%s", want, got.stderr)
				}
			}
		})
	}
}

func TestPrecedenceOfSettings(t *testing.T) {
	f := newFixture(t)
	env := func(domain, audience string) map[string]string {
		return map[string]string{"AUTHACTION_DOMAIN": domain, "AUTHACTION_AUDIENCE": audience}
	}
	for _, test := range []struct {
		name   string
		args   []string
		env    map[string]string
		code   verdict
		stdout string
	}{
		{"the environment alone", []string{"--jwks-file", f.jwks}, env("issuer.test", testAudience), accepted, "accepted"},
		{"--issuer beats the domain", []string{"--jwks-file", f.jwks, "--issuer", testIssuer}, env("x.test", testAudience), accepted, "accepted"},
		{"and even a domain that is wrong", []string{"--jwks-file", f.jwks, "--issuer", testIssuer}, env("https://x.test", testAudience), accepted, "accepted"},
		{"the domain counts without --issuer", []string{"--jwks-file", f.jwks}, env("x.test", testAudience), rejected, "(issuer-mismatch)"},
		{"a domain may have a port", []string{"--jwks-file", f.jwks}, env("x.test:8443", testAudience), rejected, "(issuer-mismatch)"},
		{"--audience beats the environment", []string{"--jwks-file", f.jwks, "--audience", testAudience}, env("issuer.test", "x"), accepted, "accepted"},
		{"and does not add to it", []string{"--jwks-file", f.jwks, "--audience", "x"}, env("issuer.test", testAudience), rejected, "(audience-mismatch)"},
		{"an issuer of any form, if the keys are elsewhere", []string{"--jwks-file", f.jwks, "--issuer", "http://idp.internal"}, env("", testAudience), rejected, "(issuer-mismatch)"},
	} {
		t.Run(test.name, func(t *testing.T) {
			f.run(t, test.env, strings.NewReader(f.good(t)), append([]string{"verify"}, test.args...)...).
				check(t, test.code, test.stdout, "")
		})
	}
}

func TestPlainHTTPIsForLoopback(t *testing.T) {
	for address, ok := range map[string]bool{
		"http://localhost:8180":       true,
		"http://127.0.0.1/keys":       true,
		"http://127.9.9.9":            true,
		"http://[::1]:80":             true,
		"https://10.0.0.1":            true,
		"http://10.0.0.1":             false,
		"http://localhost.test":       false,
		"http://127.0.0.1.test":       false,
		"http://localhost@a.test":     false,
		"http://user:secret@[2000::]": false,
	} {
		err := checkAddress("--jwks-url", address)
		var p *problem
		if (err == nil) != ok || err != nil && (!errors.As(err, &p) || p.code != "config-insecure-url" || strings.Contains(p.found, "secret")) {
			t.Errorf("%s: got %v, want ok: %v", address, p, ok)
		}
	}
}

// The domain's keys are at the guide's address, which a test cannot serve.
func TestTheKeysOfADomain(t *testing.T) {
	f := newFlags("verify").withTrust()
	if err := f.parse([]string{"--audience", "a"}); err != nil {
		t.Fatal(err)
	}
	s, err := f.settings([]func(string) string{func(name string) string { return map[string]string{"AUTHACTION_DOMAIN": "a.test:8443"}[name] }}, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := jwtverify.HTTPKeySource{URL: "https://a.test:8443/.well-known/jwks.json"}
	got, ok := s.keys.(*jwtverify.Cache).Source.(jwtverify.HTTPKeySource)
	if !ok || got.URL != want.URL || s.issuer != "https://a.test:8443" {
		t.Errorf("got issuer %q and keys %v, want %v", s.issuer, got, want)
	}
}

func TestWhereTheTokenIs(t *testing.T) {
	f := newFixture(t)
	good := f.mint(t)
	file := filepath.Join(t.TempDir(), "token.txt")
	writeFile(t, file, []byte(good+"\n"))
	writeFile(t, file+".mark", []byte("\ufeff"+good+"\r\n"))
	writeFile(t, file+".utf16", []byte("\xff\xfe"+strings.Join(strings.Split(good+"\r\n", ""), "\x00")+"\x00"))
	device, err := os.Open(os.DevNull) // a terminal, as far as a test can have one
	if err != nil {
		t.Skip(err)
	}
	defer device.Close()
	big := strings.Repeat("x", maxInputBytes+1)

	for _, test := range []struct {
		name   string
		args   []string
		stdin  io.Reader
		code   verdict
		stderr string
	}{
		{"in a file", f.flags("--token-file", file), strings.NewReader("x"), accepted, ""},
		{"in a file with a byte order mark", f.flags("--token-file", file+".mark"), strings.NewReader("x"), accepted, ""},
		{"in a file of UTF-16, as PowerShell writes", f.flags("--token-file", file+".utf16"), strings.NewReader("x"), accepted, ""},
		{"in stdin, with a byte order mark", f.flags(), strings.NewReader("\ufeff" + good), accepted, ""},
		{"in an argument, and stdin is not read", f.flags(good), brokenReader{}, accepted, ""},
		{"in a file that is not there", f.flags("--token-file", file+"x"), strings.NewReader(good), none, "no such file"},
		{"in a directory", f.flags("--token-file", filepath.Dir(file)), strings.NewReader(good), none, "--token-file: "},
		{"twice: argument and file", f.flags("--token-file", file, good), strings.NewReader(""), none, "want one of them"},
		{"twice: - and file", f.flags("--token-file", file, "-"), strings.NewReader(good), none, "want one of them"},
		{"twice: two arguments", f.flags(good, good), strings.NewReader(""), none, "got 2 arguments"},
		{"nowhere: stdin is a terminal", f.flags(), device, none, "(token-missing)"},
		{"nowhere: stdin is empty", f.flags(), strings.NewReader(""), none, "(token-missing)"},
		{"nowhere: stdin is white space", f.flags(), strings.NewReader(" \n\t"), none, "(token-missing)"},
		{"nowhere: the argument is empty", f.flags(""), strings.NewReader(good), none, "(token-missing)"},
		{"in stdin that cannot be read", f.flags(), brokenReader{}, none, "stdin: broken"},
		{"in too long an input", f.flags(), strings.NewReader(big), none, "more than 65536 bytes"},
		{"in too long a file", f.flags("--token-file", "/dev/zero"), nil, none, "more than 65536 bytes"},
		{"in too long an argument", f.flags(big), nil, none, "more than 65536 bytes"},
		{"in an input of the greatest length", f.flags(), strings.NewReader(big[1:]), rejected, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			f.run(t, nil, test.stdin, test.args...).check(t, test.code, "", test.stderr)
		})
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, errors.New("broken") }

func TestWhatIsAroundATokenIsRemoved(t *testing.T) {
	f := newFixture(t)
	good := f.mint(t)
	for _, test := range []struct {
		name  string
		stdin string
		notes []string
	}{
		{"nothing", good, nil},
		{"a line end is not worth a note", good + "\r\n", nil},
		{"space", "  " + good + "\t", []string{"note: 3 bytes of space around the token removed"}},
		{"double quotes", `"` + good + `"`, []string{"note: quotes"}},
		{"single quotes", `'` + good + `'`, []string{"note: quotes"}},
		{"quotes and space within", `" ` + good + ` "`, []string{"note: quotes", "note: 2 bytes"}},
		{"Bearer", "Bearer " + good, []string{`note: "Bearer " before the token removed`}},
		{"bearer and more space", "bearer   " + good, []string{`note: "Bearer "`}},
		{"quotes around Bearer", `"Bearer ` + good + `"`, []string{"note: quotes", `note: "Bearer "`}},
		{"a token endpoint's answer", `{"access_token":"` + good + `","token_type":"Bearer","expires_in":3600}`,
			[]string{"note: access_token taken from a JSON object"}},
		{"the same over several lines", "\n{\n \"access_token\": \"" + good + "\"\n}\n", []string{"note: access_token"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := f.run(t, nil, strings.NewReader(test.stdin), f.flags()...)
			got.check(t, accepted, "accepted: ", "")
			notes := strings.SplitAfter(got.stderr, "\n")
			if len(notes)-1 != len(test.notes) {
				t.Fatalf("got notes %q, want %q", notes, test.notes)
			}
			for i, want := range test.notes {
				if !strings.HasPrefix(notes[i], want) || !strings.HasSuffix(notes[i], " (token-cleaned)\n") {
					t.Errorf("note is %q, want %q and its code", notes[i], want)
				}
			}
		})
	}
	for _, test := range []struct {
		name, stdin string
		code        verdict
		stderr      string
	}{
		{"two pairs of quotes", `""` + good + `""`, rejected, ""},
		{"quotes that differ", `"` + good + `'`, rejected, ""},
		{"a quote alone", `"`, rejected, ""},
		{"an answer that is cut off", `{"access_token":"` + good, rejected, ""},
		{"an answer with another name", `{"Access_token":"` + good + `"}`, none, "a JSON object without access_token"},
		{"an answer with a number", `{"access_token":1}`, none, "is not a string"},
		{"an answer with null", `{"access_token":null}`, none, "is not a string"},
		{"an answer with nothing", `{"access_token":""}`, none, "(token-missing)"},
		{"an answer with an error", `{"error":"invalid_client\u001b"}`, none, `error "invalid_client\x1b"`},
		{"empty quotes", `""`, none, "(token-missing)"},
	} {
		t.Run("not: "+test.name, func(t *testing.T) {
			f.run(t, nil, strings.NewReader(test.stdin), f.flags()...).check(t, test.code, "", test.stderr)
		})
	}
}

func TestClaims(t *testing.T) {
	f := newFixture(t)
	token := f.mint(t, issuer.Claims{"jti": "1", "name": "Zoë\u009b", "n": json.Number("12345678901234567890")})
	got := f.run(t, nil, strings.NewReader(token), f.flags("--claims")...)
	got.check(t, accepted, `"name":"Zoë\u009b"`, `accepted: sub "m2m"`)
	if !strings.Contains(got.stdout, `"n":12345678901234567890`) {
		t.Errorf("a number is not as the issuer wrote it: %s", got.stdout)
	}
	if strings.Count(got.stdout, "\n") != 1 || !json.Valid([]byte(got.stdout)) {
		t.Errorf("stdout is not one line of JSON: %q", got.stdout)
	}

	// Of a token that is not accepted, nothing.
	got = f.run(t, nil, strings.NewReader(f.mintExpired(t)), f.flags("--claims")...)
	got.check(t, rejected, "", "rejected: ")
	if got.stdout != "" {
		t.Errorf("stdout is %q for a rejected token", got.stdout)
	}
}

func TestAVerdictThatCannotBeWritten(t *testing.T) {
	f := newFixture(t)
	for _, flags := range [][]string{f.flags(), f.flags("--claims")} {
		var stderr strings.Builder
		code := run(flags, func(string) string { return "" }, strings.NewReader(f.good(t)), &brokenPipe{}, &stderr)
		if code != int(none) || !strings.Contains(stderr.String(), errClosedPipe.Error()) {
			t.Errorf("got exit %d, %q; want %d and the error", code, stderr.String(), none)
		}
	}
}

func TestClasses(t *testing.T) {
	for _, test := range []struct {
		err     error
		verdict verdict
		class   string
	}{
		{nil, accepted, ""},
		{jwtverify.ErrMalformed, rejected, "malformed"},
		{jwtverify.ErrUnsupported, rejected, "unsupported"},
		{jwtverify.ErrUnknownKey, rejected, "unknown_key"},
		{jwtverify.ErrSignature, rejected, "signature"},
		{jwtverify.ErrIssuer, rejected, "issuer"},
		{jwtverify.ErrAudience, rejected, "audience"},
		{jwtverify.ErrExpired, rejected, "expired"},
		{jwtverify.ErrNotYetValid, rejected, "not_yet_valid"},
		{jwtverify.ErrInvalid, rejected, "other"},
		{&jwtverify.KeysUnavailableError{Err: context.Canceled}, undetermined, "keys_unavailable"},
		{context.Canceled, undetermined, "other"},
	} {
		if v, class := judge(test.err); v != test.verdict || class != test.class {
			t.Errorf("%v: got %v %q, want %v %q", test.err, v, class, test.verdict, test.class)
		}
	}
}
