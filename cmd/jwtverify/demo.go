package main

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"example.com/jwtverify"
	"example.com/jwtverify/bearer"
	"example.com/jwtverify/internal/guide"
	"example.com/jwtverify/internal/issuer"
)

const demoUsage = `jwtverify demo [--keep]: the whole story in one run, without settings

  jwtverify demo

Starts an issuer and the API of AuthAction's guide on free ports of 127.0.0.1 and acts as
a client of both, over real HTTP: public and protected requests, tokens that are good,
altered, expired and for another audience, a rotation of the keys, an outage. Each answer
is compared with the one foretold.

  --keep   leave both running, and show the curl lines of the guide for them, until
           Ctrl-C

Exit codes: 0 every answer was as foretold, 1 one was not, 2 it could not start.
`

// demo is the command of that name.
func (s *session) demo(args []string) int {
	f := newFlags("demo")
	keep := f.set.Bool("keep", false, "")
	err := f.parse(args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(s.stderr, demoUsage)
		return int(accepted)
	}
	if err == nil {
		err = f.noArguments()
	}
	if err != nil {
		return s.fail(f.command, err)
	}
	started := time.Now()
	stage, err := openStage()
	if err != nil {
		return s.fail(f.command, err)
	}
	defer stage.close()
	t := &story{stage: stage, w: s.stdout, palette: s.palette(s.stdout), started: started}
	t.tell()
	if t.err != nil {
		return s.fail(f.command, t.err)
	}
	v := t.end()
	if *keep && v == accepted {
		if err := s.keep(stage); err != nil {
			return s.fail(f.command, err)
		}
	}
	return int(v)
}

const (
	demoAudience  = "https://api.example.com"
	otherAudience = "https://billing.example.com"
	demoClient    = "demo-app"
)

// A stage is what the story is played on: an issuer and an API, each on a port of its
// own, and a client of both.
type stage struct {
	iss     *issuer.Issuer
	api     string // its URL
	client  *http.Client
	servers []*http.Server

	mu      sync.Mutex // guards what follows
	refusal error      // why the API refused the last request
	log     *log.Logger
}

// openStage starts both servers.
func openStage() (*stage, error) {
	st := &stage{client: &http.Client{Transport: &http.Transport{}, Timeout: 20 * time.Second}} // no proxy
	listener, url, err := listenLoopback("127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("a port for the issuer: %w", err)
	}
	if st.iss, err = issuer.New(issuer.Config{URL: url, Audience: demoAudience}); err != nil {
		listener.Close()
		return nil, err
	}
	st.serve(newIssuerServer(st.iss, url, newLog(io.Discard)), listener)

	// The program of the guide: this is all that an API needs.
	verifier, err := jwtverify.New(jwtverify.Config{
		Issuer:    st.iss.URL(),
		Audiences: []string{demoAudience},
		Keys:      jwtverify.HTTPKeySource{URL: st.iss.KeysURL()},
	})
	if err != nil {
		st.close()
		return nil, err
	}
	api, err := guide.New(verifier, st.refused)
	if err != nil {
		st.close()
		return nil, err
	}
	if listener, st.api, err = listenLoopback("127.0.0.1:0"); err != nil {
		st.close()
		return nil, fmt.Errorf("a port for the API: %w", err)
	}
	st.serve(guide.NewServer(api), listener)
	return st, nil
}

func (st *stage) serve(server *http.Server, listener net.Listener) {
	server.ErrorLog = log.New(io.Discard, "", 0) // what it would say, the answers show
	st.servers = append(st.servers, server)
	go server.Serve(listener) // until close
}

func (st *stage) close() {
	st.client.CloseIdleConnections()
	for _, server := range st.servers {
		shutDown(server)
	}
}

// refused is the log of the API.
func (st *stage) refused(r *http.Request, rejection bearer.Rejection) {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.refusal = rejection.Err
	if st.log != nil {
		logRefusal(st.log, r, rejection)
	}
}

// lastRefusal returns what the API has logged since the last call. It logs before it
// answers.
func (st *stage) lastRefusal() error {
	st.mu.Lock()
	defer st.mu.Unlock()
	err := st.refusal
	st.refusal = nil
	return err
}

// A story is told to a reader and checked against what was foretold. It ends at the
// first error, which means that it cannot go on.
type story struct {
	*stage
	w io.Writer
	palette
	started     time.Time
	told, wrong int
	err         error
}

// The challenges of package bearer.
const (
	noToken  = `Bearer realm="api"`
	notValid = `Bearer realm="api", error="invalid_token", error_description="The access token is not valid"`
	tooOld   = `Bearer realm="api", error="invalid_token", error_description="The access token has expired"`
)

const (
	publicBody    = `{"message":"This is a public message!"}`
	protectedBody = `{"message":"This is a protected message!","sub":"` + demoClient + `"}`
)

// tell tells the whole story.
func (t *story) tell() {
	t.printf("%s\n\n", t.paint(bold, "jwtverify demo: AuthAction's guide in one run, over real HTTP"))
	t.printf("  issuer    %s  signs tokens, publishes its keys\n", t.iss.URL())
	t.printf("  API       %s  GET /public, GET /protected\n", t.api)
	t.printf("  audience  %s\n", demoAudience)

	t.chapter("Anybody may read what is public.")
	t.get(call{path: "/public", status: 200, body: publicBody})

	t.chapter("All else needs a token.")
	t.get(call{path: "/protected", status: 401, challenge: noToken, reason: bearer.ErrNoCredentials})

	t.chapter("The client gets one from the issuer, and sends it along.")
	good := t.grant(demoAudience, "")
	t.get(call{path: "/protected", token: good, status: 200, body: protectedBody})
	t.fetches(1, ", for the first token")

	t.chapter("Tokens that were altered, too old or for somebody else are refused. The client is told little, the API's log the reason.")
	t.get(call{path: "/protected", token: withSubject(good, "admin"), note: `altered: sub is "admin"`,
		status: 401, challenge: notValid, reason: jwtverify.ErrSignature})
	t.get(call{path: "/protected", token: t.expired(), note: "expired",
		status: 401, challenge: tooOld, reason: jwtverify.ErrExpired})
	other := t.grant(otherAudience, "for "+otherAudience)
	t.get(call{path: "/protected", token: other, note: "for another API",
		status: 401, challenge: notValid, reason: jwtverify.ErrAudience})

	t.chapter("The issuer rotates its keys. The next one was announced, so nobody notices.")
	t.rotate(1)
	rotated := t.grant(demoAudience, "as before")
	t.get(call{path: "/protected", token: rotated, note: "by the next key", status: 200, body: protectedBody})
	t.get(call{path: "/protected", token: good, note: "by the old key", status: 200, body: protectedBody})
	t.fetches(1, ", still")

	t.chapter("The issuer rotates twice more, and then nobody can get its keys: an outage. A token by a key that nobody knows is not called bad: 503, not 401. What is known goes on.")
	t.rotate(2)
	t.fault("refused")
	unknown := t.grant(demoAudience, "as before")
	t.get(call{path: "/protected", token: unknown, note: "by an unknown key",
		status: 503, retryAfter: "1", reason: jwtverify.ErrKeysUnavailable})
	t.get(call{path: "/protected", token: rotated, note: "by a known key", status: 200, body: protectedBody})

	t.chapter("The outage is over. The client has kept its token, and tries again after a second as it was told.")
	t.fault("")
	t.wait(time.Second)
	t.get(call{path: "/protected", token: unknown, note: "the same", status: 200, body: protectedBody})
	t.fetches(3, ", once in vain")

	t.chapter("Why was the token for another API refused? jwtverify explain tells.")
	t.explain(other)
}

// expired mints a token that no token endpoint would give.
func (t *story) expired() string {
	past := time.Now().Add(-2 * time.Hour)
	token, err := t.iss.Token(issuer.Claims{"sub": demoClient, "iat": past.Unix(), "exp": past.Add(time.Hour).Unix()})
	t.fail(err)
	return token
}

func (t *story) rotate(n int) {
	for range n {
		if t.err == nil {
			_, t.err = t.iss.Rotate()
		}
	}
}

func (t *story) wait(d time.Duration) {
	if t.err == nil {
		time.Sleep(d)
	}
}

func (t *story) fault(name string) { t.fail(t.iss.Fault(issuer.Fault{Name: name})) }

func (t *story) fail(err error) {
	if t.err == nil {
		t.err = err
	}
}

// A call is a request of the client to the API, and the answer that was foretold.
type call struct {
	path  string
	token string // empty: none
	note  string // what is special about the token

	status     int
	challenge  string // in WWW-Authenticate
	retryAfter string
	body       string // of status 200
	reason     error  // in the log of the API
}

// get sends the request and tells the answer.
func (t *story) get(c call) {
	request, err := http.NewRequest(http.MethodGet, t.api+c.path, nil)
	if t.err != nil || err != nil {
		t.fail(err)
		return
	}
	line := "GET " + c.path
	if c.token != "" {
		request.Header.Set("Authorization", "Bearer "+c.token)
		line += "  Bearer " + shownToken(c.token)
	}
	if c.note != "" {
		line += ", " + c.note
	}
	t.printf("  %s\n", line)
	response, body := t.do(request)
	if t.err != nil {
		return
	}
	got := call{
		status:     response.StatusCode,
		challenge:  response.Header.Get("WWW-Authenticate"),
		retryAfter: response.Header.Get("Retry-After"),
		reason:     t.lastRefusal(),
	}
	if got.status == http.StatusOK {
		got.body = body
	}
	ok := got.status == c.status && got.challenge == c.challenge && got.retryAfter == c.retryAfter &&
		got.body == c.body && errors.Is(got.reason, c.reason)
	t.answer(ok, got.status, got.answer())
	if got.reason != nil && c.token != "" {
		t.detail("log: " + refusalReason(got.reason))
	}
	if !ok {
		t.insteadOf(fmt.Sprint(c.status, " ", c.answer()), c.reason)
	}
}

// answer is what of an answer tells most.
func (c *call) answer() string {
	switch {
	case c.challenge != "":
		return "WWW-Authenticate: " + c.challenge
	case c.retryAfter != "":
		return "Retry-After: " + c.retryAfter
	}
	return c.body
}

// grant asks the issuer for a token as the guide does. Without a note it tells all of
// the request.
func (t *story) grant(audience, note string) (token string) {
	request, err := http.NewRequest(http.MethodPost, t.iss.URL()+issuer.TokenPath, strings.NewReader(grantBody(audience, "any")))
	if t.err != nil || err != nil {
		t.fail(err)
		return ""
	}
	request.Header.Set("Content-Type", "application/json")
	if note != "" {
		t.printf("  POST %s, %s\n", issuer.TokenPath, note)
	} else {
		t.printf("  POST %s\n", issuer.TokenPath)
		t.detail(grantBody(audience, "[secret]"))
	}
	response, body := t.do(request)
	if t.err != nil {
		return ""
	}
	var granted struct {
		Token string `json:"access_token"`
	}
	_ = json.Unmarshal([]byte(body), &granted) // then there is no token, which is not foretold
	if granted.Token != "" {
		body = strings.ReplaceAll(body, granted.Token, shownToken(granted.Token))
	}
	want := fmt.Sprintf(`{"access_token":"%s","token_type":"Bearer","expires_in":3600}`, shownToken(granted.Token))
	ok := response.StatusCode == http.StatusOK && body == want && granted.Token != ""
	if ok && note != "" {
		body = fmt.Sprintf(`{"access_token":"%s", …}`, shownToken(granted.Token))
	}
	t.answer(ok, response.StatusCode, body)
	if !ok {
		t.insteadOf("200 "+want, nil)
	}
	return granted.Token
}

// grantBody is the body of the guide's request for a token.
func grantBody(audience, secret string) string {
	return fmt.Sprintf(`{"client_id":"%s","client_secret":"%s","audience":"%s","grant_type":"client_credentials"}`, demoClient, secret, audience)
}

func (t *story) do(request *http.Request) (*http.Response, string) {
	response, err := t.client.Do(request)
	if err != nil {
		t.fail(err)
		return nil, ""
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxInputBytes))
	t.fail(err)
	return response, string(body)
}

// fetches compares how often the API has asked for the keys.
func (t *story) fetches(want int, comment string) {
	n := 0
	for _, request := range t.iss.Requests() {
		if request.Path == issuer.KeysPath {
			n++
		}
	}
	t.check(n == want, fmt.Sprintf("So far the API has asked for the keys %s%s.", times(n), comment))
	if n != want {
		t.insteadOf(times(want), nil)
	}
}

func times(n int) string {
	switch n {
	case 1:
		return "once"
	case 2:
		return "twice"
	}
	return fmt.Sprintf("%d times", n)
}

// explain runs the command of that name for a token, as a reader would.
func (t *story) explain(token string) {
	if t.err != nil {
		return
	}
	t.printf("  jwtverify explain --issuer %s \\\n", t.iss.URL())
	t.printf("      --audience %s < token.txt\n", demoAudience)
	var report strings.Builder
	s := &session{
		env:   func(string) string { return "" },
		stdin: strings.NewReader(token), stdout: &report, stderr: &report, now: time.Now,
	}
	code := verdict(s.explain([]string{"--issuer", t.iss.URL(), "--audience", demoAudience}))
	for line := range strings.Lines(report.String()) {
		line = strings.TrimSuffix(line, "\n")
		hang := utf8.RuneCountInString(reportLabel.FindString(line))
		for _, part := range wrap(line, lineWidth-4, hang) {
			t.printf("    %s\n", t.paintMark(part))
		}
	}
	ok := code == rejected && strings.Contains(report.String(), "(audience-mismatch)")
	t.check(ok, fmt.Sprintf("exit %d", code))
	if !ok {
		t.insteadOf("exit 1, audience-mismatch", nil)
	}
}

// reportLabel is what stands before the text of a line of the report.
var reportLabel = regexp.MustCompile(`^(\d \w+)? *([✓✗–] |(expected|found|next) +)?`)

func (t *story) paintMark(line string) string {
	line = strings.Replace(line, "✓", t.paint(green, "✓"), 1)
	return strings.Replace(line, "✗", t.paint(red, "✗"), 1)
}

func (t *story) printf(format string, args ...any) {
	_, err := fmt.Fprintf(t.w, format, args...)
	t.fail(err)
}

// The columns of the story: all lines fit a terminal of 80.
const (
	lineWidth    = 78
	detailIndent = "         "
)

// chapter says what comes next.
func (t *story) chapter(text string) {
	t.printf("\n")
	for _, line := range wrap(text, lineWidth, 0) {
		t.printf("%s\n", t.paint(bold, line))
	}
}

// answer tells the answer to a request, and whether it is the one foretold.
func (t *story) answer(ok bool, status int, text string) {
	style := green
	switch {
	case status >= 500:
		style = yellow
	case status >= 400:
		style = red
	}
	lines := wrap(safe(text), lineWidth-len(detailIndent), 2)
	t.check(ok, t.paint(style, strconv.Itoa(status))+"  "+lines[0])
	for _, line := range lines[1:] {
		t.printf("%s%s\n", detailIndent, line)
	}
}

// check tells one thing that was foretold, and whether it came true.
func (t *story) check(ok bool, text string) {
	t.told++
	mark := "✓"
	if !ok {
		t.wrong++
		mark = "✗"
	}
	t.printf("  %s %s\n", t.paintMark(mark), text)
}

// insteadOf tells what was foretold where something else came.
func (t *story) insteadOf(want string, reason error) {
	if reason != nil {
		want += ", log: " + safe(reason.Error())
	}
	t.detail("not as foretold: " + want)
}

// detail tells more about a request or an answer.
func (t *story) detail(text string) {
	for _, line := range wrap(text, lineWidth-len(detailIndent), 2) {
		t.printf("%s%s\n", detailIndent, t.paint(dim, line))
	}
}

// wrap breaks a text into lines, behind spaces and commas. All but the first hang.
func wrap(text string, width, hang int) (lines []string) {
	line, empty := "", true
	for _, part := range strings.SplitAfter(text, " ") {
		for piece := range strings.SplitAfterSeq(part, ",") {
			if !empty && utf8.RuneCountInString(strings.TrimRight(line+piece, " ")) > width {
				lines = append(lines, strings.TrimRight(line, " "))
				line = strings.Repeat(" ", hang)
			}
			line += piece
			empty = false
		}
	}
	return append(lines, strings.TrimRight(line, " "))
}

func (t *story) end() verdict {
	summary := fmt.Sprintf("%d of %d as foretold, in %.1fs", t.told-t.wrong, t.told, time.Since(t.started).Seconds())
	if t.wrong > 0 {
		t.printf("\n%s\n", t.paint(red, summary))
		return rejected
	}
	t.printf("\n%s\n", t.paint(green, summary))
	return accepted
}

// withSubject puts another sub into the claims and leaves the signature: what a thief
// of privileges would do.
func withSubject(token, subject string) string {
	parts := strings.Split(token, ".")
	var claims map[string]any
	if len(parts) != 3 {
		return "" // no token of ours; refused as malformed, which is not foretold
	}
	if text, err := base64.RawURLEncoding.DecodeString(parts[1]); err != nil || json.Unmarshal(text, &claims) != nil {
		return ""
	}
	claims["sub"] = subject
	text, _ := json.Marshal(claims) // it was JSON before
	parts[1] = base64.RawURLEncoding.EncodeToString(text)
	return strings.Join(parts, ".")
}

// keep leaves the stage as it is until somebody stops it.
func (s *session) keep(st *stage) error {
	ctx, stop := s.untilStopped()
	defer stop()
	st.mu.Lock()
	st.log = newLog(s.stderr)
	st.mu.Unlock()
	// The one text that does not fit 80 columns: what is to be pasted stays a line.
	_, err := fmt.Fprintf(s.stdout, `
The issuer and the API are still there. The client's part, to be pasted:

curl -s -w '\n' %[2]s/public
curl -s -w '\n' %[2]s/protected
TOKEN=$(curl -s -X POST %[1]s -H 'content-type: application/json' -d '%[3]s' | sed 's/.*"access_token":"\([^"]*\)".*/\1/')
curl -s -w '\n' %[2]s/protected -H "Authorization: Bearer $TOKEN"

Ctrl-C stops both. Why the API refuses a request is logged below.
`, st.iss.URL()+issuer.TokenPath, st.api, grantBody(demoAudience, "any"))
	if err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}
