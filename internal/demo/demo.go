// Package demo is a story on a stage: an issuer, the API of AuthAction's guide, and a client of
// both, over real HTTP. Each answer is compared with the expected one.
package demo

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"strings"
	"sync"
	"time"

	"example.com/jwtverify"
	"example.com/jwtverify/bearer"
	"example.com/jwtverify/internal/guide"
	"example.com/jwtverify/internal/issuer"
	"example.com/jwtverify/internal/local"
	"example.com/jwtverify/internal/screen"
)

const (
	Audience      = "https://api.example.com"
	otherAudience = "https://billing.example.com"
	demoClient    = "demo-app"
)

// A Stage is what the story is played on: an issuer and an API, each on a port of its
// own, and a client of both.
type Stage struct {
	iss     *issuer.Issuer
	api     string // its URL
	client  *http.Client
	servers []*http.Server

	mu      sync.Mutex // guards what follows
	refusal error      // why the API refused the last request
	log     *log.Logger
}

// Open starts both servers.
func Open() (*Stage, error) {
	st := &Stage{client: &http.Client{Transport: &http.Transport{}, Timeout: 20 * time.Second}} // no proxy
	_, err := st.serve(func(url string) (*http.Server, error) {
		iss, err := issuer.New(issuer.Config{URL: url, Audience: Audience})
		if err != nil {
			return nil, err
		}
		st.iss = iss
		return local.IssuerServer(iss, url, local.Log(io.Discard)), nil
	})
	if err == nil {
		st.api, err = st.serve(func(string) (*http.Server, error) {
			// The program of the guide: this is all that an API needs.
			verifier, err := jwtverify.New(jwtverify.Config{
				Issuer:    st.iss.URL(),
				Audiences: []string{Audience},
				Keys:      jwtverify.HTTPKeySource{URL: st.iss.KeysURL()},
			})
			if err != nil {
				return nil, err
			}
			api, err := guide.New(verifier, st.refused)
			return guide.NewServer(api), err
		})
	}
	if err != nil {
		st.Close()
		return nil, err
	}
	return st, nil
}

// serve starts a server on a free port and returns its URL.
func (st *Stage) serve(newServer func(url string) (*http.Server, error)) (string, error) {
	listener, url, err := local.ListenLoopback("127.0.0.1:0")
	if err != nil {
		return "", err
	}
	server, err := newServer(url)
	if err != nil {
		listener.Close()
		return "", err
	}
	server.ErrorLog = log.New(io.Discard, "", 0) // what it would say, the answers show
	st.servers = append(st.servers, server)
	go server.Serve(listener) // until close
	return url, nil
}

// Close stops both servers.
func (st *Stage) Close() {
	st.client.CloseIdleConnections()
	for _, server := range st.servers {
		local.ShutDown(server)
	}
	if st.iss != nil {
		st.iss.Close()
	}
}

// refused is the log of the API.
func (st *Stage) refused(r *http.Request, rejection bearer.Rejection) {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.refusal = rejection.Err
	if st.log != nil {
		local.LogRefusal(st.log, r, rejection)
	}
}

// lastRefusal returns what the API has logged since the last call. It logs before it
// answers.
func (st *Stage) lastRefusal() (err error) {
	st.mu.Lock()
	defer st.mu.Unlock()
	err, st.refusal = st.refusal, nil
	return err
}

// A Teller is how a story is told.
type Teller struct {
	Out     io.Writer
	Paint   func(style, text string) string
	Explain func(token string, flags ...string) (report string, code int) // runs jwtverify explain
}

// Tell plays the story and tells whether all went as expected. The error says why it could not
// go on.
func (st *Stage) Tell(how Teller) (asExpected bool, err error) {
	t := &story{Stage: st, Teller: how, pause: time.Second, started: time.Now()}
	t.tell()
	asExpected = t.end()
	return asExpected, t.err
}

// Keep returns the client's part as commands to be pasted. From now on the log is told why the
// API refuses a request.
func (st *Stage) Keep(log *log.Logger) string {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.log = log
	return fmt.Sprintf(`curl -s -w '\n' %[1]s/public
curl -s -w '\n' %[1]s/protected
%[2]scurl -s -w '\n' %[1]s/protected -H "Authorization: Bearer $TOKEN"
`, st.api, TokenCommand(st.iss.URL(), Audience))
}

// TokenCommand is a line for a shell that gets a token from an issuer that takes any client.
func TokenCommand(issuerURL, audience string) string {
	return fmt.Sprintf(`TOKEN=$(curl -s -X POST %s -H 'content-type: application/json' -d '%s' | sed 's/.*"access_token":"\([^"]*\)".*/\1/')
`, issuerURL+issuer.TokenPath, grantBody(audience, "any"))
}

// A story is told to a reader and compared with what was expected. It ends at the first
// error, which means that it cannot go on.
type story struct {
	*Stage
	Teller
	pause       time.Duration // before the client tries again
	started     time.Time
	told, wrong int
	err         error
}

// The answers of package bearer and of the guide.
const (
	noToken   = `401  WWW-Authenticate: Bearer realm="api"`
	notValid  = noToken + `, error="invalid_token", error_description="The access token is not valid"`
	tooOld    = noToken + `, error="invalid_token", error_description="The access token has expired"`
	noKeys    = `503  Retry-After: 1`
	public    = `200  {"message":"This is a public message!"}`
	protected = `200  {"message":"This is a protected message!","sub":"` + demoClient + `"}`
)

// tell tells the whole story.
func (t *story) tell() {
	t.printf("%s\n", t.Paint(screen.Bold, "jwtverify demo: AuthAction's guide in one run, over real HTTP"))
	t.printf("\n  issuer    %s  signs tokens, publishes its keys\n", t.iss.URL())
	t.printf("  API       %s  GET /public, GET /protected\n", t.api)
	t.printf("  audience  %s\n", Audience)

	t.chapter("Anybody may read what is public.")
	t.get(call{path: "/public", want: public})

	t.chapter("All else needs a token.")
	t.get(call{path: "/protected", want: noToken, reason: bearer.ErrNoCredentials})

	t.chapter("The client gets one from the issuer, and sends it along.")
	good := t.grant(Audience, "")
	t.get(call{path: "/protected", token: good, want: protected})
	t.fetches(1, ", for the first token")

	t.chapter("Tokens that were altered, too old or for somebody else are refused. The client is told little, the API's log the reason.")
	t.get(call{path: "/protected", token: withSubject(good, "admin"), note: `altered: sub is "admin"`, want: notValid, reason: jwtverify.ErrSignature})
	t.get(call{path: "/protected", token: t.expired(), note: "expired", want: tooOld, reason: jwtverify.ErrExpired})
	other := t.grant(otherAudience, ", for "+otherAudience)
	t.get(call{path: "/protected", token: other, note: "for another API", want: notValid, reason: jwtverify.ErrAudience})

	t.chapter("The issuer rotates its keys. The next one was announced, so clients and API notice nothing.")
	t.rotate(1)
	rotated := t.grant(Audience, ", as before")
	t.get(call{path: "/protected", token: rotated, note: "by the next key", want: protected})
	t.get(call{path: "/protected", token: good, note: "by the old key", want: protected})
	t.fetches(1, ", still")

	t.chapter("The issuer rotates twice more, and then its keys are unavailable: an outage. A token by an unknown key is not called bad: 503, not 401. A token by a known key is accepted.")
	t.rotate(2)
	t.fault("refused")
	unknown := t.grant(Audience, ", as before")
	t.get(call{path: "/protected", token: unknown, note: "by an unknown key", want: noKeys, reason: jwtverify.ErrKeysUnavailable})
	t.get(call{path: "/protected", token: rotated, note: "by a known key", want: protected})

	t.chapter("The outage is over. The client has kept its token, and tries again after a second as it was told.")
	t.fault("")
	if t.err == nil {
		time.Sleep(t.pause)
	}
	t.get(call{path: "/protected", token: unknown, note: "the same", want: protected})
	t.fetches(3, ", once without success")

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
		_, err := t.iss.Rotate()
		t.fail(err)
	}
}

func (t *story) fault(name string) { t.fail(t.iss.Fault(issuer.Fault{Name: name})) }

func (t *story) fail(err error) {
	if t.err == nil {
		t.err = err
	}
}

// A call is a request of the client to the API, and what is expected.
type call struct {
	path   string
	token  string // empty: none
	note   string // what is special about the token
	want   string // as answer says it
	reason error  // in the log of the API
}

// get sends the request and tells the answer.
func (t *story) get(c call) {
	line, header := "GET "+c.path, http.Header{}
	if c.token != "" {
		header.Set("Authorization", "Bearer "+c.token)
		line += "  Bearer " + screen.Token(c.token)
	}
	if c.note != "" {
		line += ", " + c.note
	}
	t.printf("  %s\n", line)
	got := t.send(http.MethodGet, t.api+c.path, "", header)
	if t.err != nil {
		return
	}
	reason, want := t.lastRefusal(), c.want
	if c.reason != nil {
		want += ", log: " + c.reason.Error()
	}
	t.check(got == c.want && errors.Is(reason, c.reason), t.answer(got), want)
	if reason != nil && c.token != "" {
		t.printf("         %s\n", t.Paint(screen.Dim, "log: "+local.Reason(reason)))
	}
}

// grant asks the issuer for a token as the guide does. Without a note it tells all of
// the request.
func (t *story) grant(audience, note string) (token string) {
	t.printf("  POST %s%s\n", issuer.TokenPath, note)
	if note == "" {
		t.printf("         %s\n", t.Paint(screen.Dim, "with "+grantBody(audience, "[secret]")))
	}
	got := t.send(http.MethodPost, t.iss.URL()+issuer.TokenPath, grantBody(audience, "any"), http.Header{"Content-Type": {"application/json"}})
	if t.err != nil {
		return ""
	}
	var granted struct {
		Token string `json:"access_token"`
	}
	_ = json.Unmarshal([]byte(strings.TrimPrefix(got, "200  ")), &granted) // then there is no token, which is not expected
	if granted.Token != "" {
		got = strings.ReplaceAll(got, granted.Token, screen.Token(granted.Token))
	}
	want := fmt.Sprintf(`200  {"access_token":"%s","token_type":"Bearer","expires_in":3600}`, screen.Token(granted.Token))
	ok := got == want && granted.Token != ""
	if ok && note != "" {
		got = fmt.Sprintf(`200  {"access_token":"%s", …}`, screen.Token(granted.Token))
	}
	t.check(ok, t.answer(got), want)
	return granted.Token
}

// grantBody is the body of the guide's request for a token.
func grantBody(audience, secret string) string {
	return fmt.Sprintf(`{"client_id":"%s","client_secret":"%s","audience":"%s","grant_type":"client_credentials"}`, demoClient, secret, audience)
}

// send returns the status of the answer, and the header or the body that says most about it.
func (t *story) send(method, url, body string, header http.Header) string {
	request, err := http.NewRequest(method, url, strings.NewReader(body))
	if t.err != nil || err != nil {
		t.fail(err)
		return ""
	}
	request.Header = header
	response, err := t.client.Do(request)
	if err != nil {
		t.fail(err)
		return ""
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, 64<<10))
	t.fail(err)
	shown := string(text)
	for _, name := range []string{"Retry-After", "WWW-Authenticate"} {
		if value := response.Header.Get(name); value != "" {
			shown = name + ": " + value
		}
	}
	return fmt.Sprintf("%d  %s", response.StatusCode, shown)
}

// answer is the answer as it is shown.
func (t *story) answer(got string) string {
	status, text, _ := strings.Cut(screen.Line(got), "  ")
	return t.Paint(map[byte]string{'2': screen.Green, '4': screen.Red, '5': screen.Yellow}[status[0]], status) + "  " + text
}

// fetches compares how often the API has asked for the keys.
func (t *story) fetches(want int, comment string) {
	n := 0
	for _, request := range t.iss.Requests() {
		if request.Path == issuer.KeysPath {
			n++
		}
	}
	t.check(n == want, fmt.Sprintf("So far the API has asked for the keys %s%s.", times(n), comment), times(want))
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

// explain runs the command of that name for a token, as a reader would.
func (t *story) explain(token string) {
	if t.err != nil {
		return
	}
	t.printf("  jwtverify explain --issuer %s \\\n      --audience %s < token.txt\n", t.iss.URL(), Audience)
	report, code := t.Explain(token, "--issuer", t.iss.URL(), "--audience", Audience)
	for line := range strings.Lines(report) {
		t.printf("    %s", t.paintMark(line))
	}
	t.check(code == 1 && strings.Contains(report, "(audience-mismatch)"), fmt.Sprintf("exit %d", code), "exit 1, audience-mismatch")
}

func (t *story) paintMark(line string) string {
	line = strings.Replace(line, "✓", t.Paint(screen.Green, "✓"), 1)
	return strings.Replace(line, "✗", t.Paint(screen.Red, "✗"), 1)
}

func (t *story) printf(format string, args ...any) {
	if t.err == nil {
		_, err := fmt.Fprintf(t.Out, format, args...)
		t.fail(err)
	}
}

// chapter says what comes next.
func (t *story) chapter(text string) { t.printf("\n%s\n", t.Paint(screen.Bold, text)) }

// check tells one thing that came, and whether it was expected.
func (t *story) check(ok bool, text, want string) {
	t.told++
	if ok {
		t.printf("  %s\n", t.paintMark("✓ "+text))
		return
	}
	t.wrong++
	t.printf("  %s\n", t.paintMark("✗ "+text))
	t.printf("         %s\n", t.Paint(screen.Dim, "not as expected: "+screen.Line(want)))
}

func (t *story) end() (asExpected bool) {
	colour := screen.Green
	if t.wrong > 0 {
		colour = screen.Red
	}
	t.printf("\n%s\n", t.Paint(colour, fmt.Sprintf("%d of %d as expected, in %.1fs", t.told-t.wrong, t.told, time.Since(t.started).Seconds())))
	return t.wrong == 0
}

// withSubject puts another sub into the claims and leaves the signature: what a thief
// of privileges would do.
func withSubject(token, subject string) string {
	parts := strings.Split(token, ".")
	var claims map[string]any
	if len(parts) != 3 {
		return "" // no token of ours; refused as malformed, which is not expected
	}
	if text, err := base64.RawURLEncoding.DecodeString(parts[1]); err != nil || json.Unmarshal(text, &claims) != nil {
		return ""
	}
	claims["sub"] = subject
	text, _ := json.Marshal(claims) // it was JSON before
	parts[1] = base64.RawURLEncoding.EncodeToString(text)
	return strings.Join(parts, ".")
}
