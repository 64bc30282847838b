package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.com/jwtverify"
	"example.com/jwtverify/internal/diagnosis"
	"example.com/jwtverify/internal/screen"
)

const probeUsage = `  jwtverify probe https://api.acme.example/orders --token-file token.txt
  jwtverify probe http://127.0.0.1:8000/protected < token.txt

Sends requests without a token, with a malformed and with an unsigned one; with a token
also that token altered, twice, with "bearer" in lower case, and as it is. Each answer
is compared with what RFC 6750 asks for. Where a 200 comes to what must be refused, its
body is compared with that to the good token, which is sent twice more for that. Nothing
is changed on the server as far as GET and HEAD change nothing; no body is shown, no
redirect followed.

The token is sent to the host of URL only, over https or to this machine. The settings of
jwtverify verify (--issuer, --audience, AUTHACTION_…) are not needed. If they are there, a
token that the API refuses is verified here too.

Exit codes: 0 the API behaves, 1 it does not, 2 usage, 3 no connection, or not one
answer that tells anything.
`

// probe is the command of that name.
func (s *session) probe(f *flags) func() (int, error) {
	f.withTrust().withToken().withJSON()
	query := f.set.Bool("query", false, "send the token in ?access_token= too: it lands in the server's logs")
	method := f.set.String("method", http.MethodGet, "`GET|HEAD`: the method of the requests")
	return func() (int, error) { return s.probeGiven(f, *query, *method) }
}

func (s *session) probeGiven(f *flags, query bool, method string) (int, error) {
	target, err := f.target()
	if err == nil && method != http.MethodGet && method != http.MethodHead {
		err = fmt.Errorf("--method is %s: want GET or HEAD, which change nothing on the server", screen.Quoted(method))
	}
	if err != nil {
		return 0, err
	}
	set, err := s.settings(f, nil)
	if err != nil {
		return 0, err
	}
	raw, notes, err := s.readProbeToken(f)
	if err != nil {
		return 0, err
	}
	if !f.json {
		s.printNotes(notes)
	}
	p := &prober{
		target: target, method: method, network: s.network(f), timeout: set.timeout, token: raw,
		settings: set, now: s.now,
	}
	if p.timeout == 0 {
		p.timeout = 5 * time.Second
	}
	trials, err := p.trials(query)
	if err != nil {
		return 0, err
	}

	r := &report{command: f.name, settings: set}
	if f.json {
		p.run(trials, func(a probeAnswer) { r.findings = append(r.findings, a.finding()) })
		r.probed()
		err = writeJSON(s.stdout, r.json(r.findings))
	} else {
		// Each answer is shown as it comes: some may take their time.
		colours := s.palette(s.stdout)
		p.run(trials, func(a probeAnswer) {
			r.findings = append(r.findings, a.finding())
			if writeError := a.write(s.stdout, colours); err == nil {
				err = writeError
			}
		})
		r.probed()
		if err == nil && r.verdict == undetermined {
			_, err = fmt.Fprintf(s.stdout, "%s: %s\n", colours.verdict(undetermined), r.headline)
		}
	}
	if err != nil {
		return 0, fmt.Errorf("writing the report: %w", err)
	}
	return int(r.verdict), nil
}

// target takes the URL out of the arguments. The token goes there: it is https or this
// machine.
func (f *flags) target() (*url.URL, error) {
	if len(f.args) == 0 {
		return nil, fmt.Errorf("there is no URL: want the address of an API that asks for a token; %s -h shows an example", f.command)
	}
	address := f.args[0]
	f.args = f.args[1:]
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return nil, fmt.Errorf("%s is not an address that begins with https:// and a host", screen.Quoted(shownAddress(address)))
	case u.User != nil || u.Fragment != "":
		return nil, fmt.Errorf("%s has a user name or a fragment (#…): want an address alone", screen.Quoted(shownAddress(address)))
	}
	return u, checkAddress("the URL", address)
}

// readProbeToken returns the token, empty if there is none: then fewer requests are
// made.
func (s *session) readProbeToken(f *flags) (token string, notes []string, err error) {
	asked := f.given["token-file"] || len(f.args) > 0
	switch {
	case len(f.args) > 1 || len(f.args) == 1 && f.args[0] != "-":
		return "", nil, errors.New("there is an argument behind the URL: want the token on stdin or in --token-file, an argument shows in the list of processes")
	case !asked && screen.IsTerminal(s.stdin):
		return "", nil, nil
	}
	text, err := s.readInput(f)
	if err != nil || !asked && strings.TrimSpace(text) == "" {
		return "", nil, err
	}
	return clean(text)
}

// A prober sends requests to an API.
type prober struct {
	target   *url.URL
	method   string
	network  http.RoundTripper
	timeout  time.Duration
	token    string // empty: none is given
	settings settings
	now      func() time.Time
	here     *jwtverify.Report // of the token, once it was verified here
	learned  bool
	good     []probeAnswer // two to the good token, to compare others with; empty: there are none
}

// A trial is a request to be made, and what it must lead to.
type trial struct {
	name          string
	authorization []string
	query         string // token for access_token
	accepted      string // code if it is accepted; empty: it must not be refused
	expected      string // and why
	cause         string // of the advice, if it is none of the usual
	also400       bool   // RFC 6750, section 3.1: invalid_request is a fit answer too
}

// trials are the requests in their order: first what every API must refuse.
func (p *prober) trials(query bool) ([]trial, error) {
	unsigned, altered, err := p.forgeries()
	if err != nil {
		return nil, err
	}
	list := []trial{
		{name: "no header", accepted: "probe-open",
			expected: "401: nobody gets in without a token"},
		{name: "malformed token", authorization: []string{"Bearer x.y.z"}, accepted: "probe-tampered-accepted", cause: "malformed",
			expected: "401: x.y.z is no token"},
		{name: "unsigned (alg none)", authorization: []string{"Bearer " + unsigned}, accepted: "probe-none-accepted",
			expected: "401: anybody can write an unsigned token"},
	}
	if p.token == "" {
		return list, nil
	}
	list = append(list, trial{name: "signature altered", authorization: []string{"Bearer " + altered}, accepted: "probe-tampered-accepted",
		expected: "401: this signature is not the issuer's"})
	if query {
		list = append(list, trial{name: "token in the query only", query: p.token, accepted: "probe-query-accepted",
			expected: "401: a token in a URL ends up in logs and histories"})
	}
	good := "Bearer " + p.token
	return append(list,
		trial{name: "two headers", authorization: []string{good, good}, accepted: "probe-two-headers-accepted", also400: true,
			expected: "400 or 401: two parties may read two different tokens"},
		trial{name: "lower-case scheme", authorization: []string{"bearer " + p.token}, cause: "scheme",
			expected: `no refusal: the scheme is "bearer" in any case (RFC 9110, section 11.1)`},
		trial{name: "unchanged token", authorization: []string{good},
			expected: "no refusal: this token is meant to be good"},
	), nil
}

// forgeries makes an unsigned token that a careless API takes, as much like the given
// one as can be, and the given one with one bit of its signature turned.
func (p *prober) forgeries() (unsigned, altered string, err error) {
	encode := base64.RawURLEncoding.EncodeToString
	if p.token == "" {
		now := p.now()
		claims := map[string]any{"sub": "jwtverify-probe", "iat": now.Unix(), "exp": now.Add(time.Hour).Unix()}
		if p.settings.issuer != "" {
			claims["iss"] = p.settings.issuer
		}
		if len(p.settings.audiences) > 0 {
			claims["aud"] = p.settings.audiences[0]
		}
		text, err := json.Marshal(claims)
		return encode([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + encode(text) + ".", "", err
	}
	parts := strings.Split(p.token, ".")
	if len(parts) != 3 {
		return "", "", p.notWhole(fmt.Sprintf("%d parts", len(parts)))
	}
	var decoded [3][]byte
	for i, part := range parts {
		// The decoder skips line breaks, which no header can carry.
		if decoded[i], err = base64.RawURLEncoding.DecodeString(part); err != nil || part == "" || strings.ContainsAny(part, "\r\n") {
			return "", "", p.notWhole("a part that is empty or not base64url")
		}
	}
	// With the kid, since some look the key up first.
	header := map[string]any{"alg": "none", "typ": "JWT"}
	var given map[string]json.RawMessage
	if json.Unmarshal(decoded[0], &given) == nil && given["kid"] != nil {
		header["kid"] = given["kid"]
	}
	text, err := json.Marshal(header)
	if err != nil {
		return "", "", err
	}
	signature := decoded[2]
	signature[len(signature)/2] ^= 1
	return encode(text) + "." + parts[1] + ".", parts[0] + "." + parts[1] + "." + encode(signature), nil
}

func (p *prober) notWhole(found string) error {
	return &problem{
		text: "the token is not a whole JWT", code: "token-parts", expected: "a token with a signature, which can be altered", found: found,
	}
}

// A probeAnswer is what a request led to.
type probeAnswer struct {
	trial
	status    int    // 0: none
	body      []byte // as far as it is compared; nil: it cannot be
	challenge string
	outcome   jwtverify.Check // Name, Status, Code, Expected, Found, Next
}

// run makes the requests and hands out each answer, up to one that does not come.
func (p *prober) run(trials []trial, out func(probeAnswer)) {
	for _, trial := range trials {
		answer := p.ask(trial)
		out(answer)
		if answer.status == 0 {
			return
		}
	}
}

// learn sends the good token twice: some APIs, GraphQL among them, answer 200 to everybody
// and refuse in the body, so that only the answer to the good token tells what it is to be
// accepted. Two of them tell whether it is the same each time.
func (p *prober) learn() {
	if p.learned || p.token == "" || p.method != http.MethodGet {
		return
	}
	p.learned = true
	for range 2 {
		answer := p.ask(trial{name: "unchanged token", authorization: []string{"Bearer " + p.token}})
		if answer.status < 200 || answer.status >= 300 || answer.body == nil {
			p.good = nil
			return
		}
		p.good = append(p.good, answer)
	}
}

// isAccepted reports whether a success is one: the answer that the good token gets, as far
// as that is known. An answer that is another each time is compared by the names in its
// JSON, and if it has none, counts as accepted.
func (p *prober) isAccepted(a *probeAnswer) bool {
	if p.learn(); len(p.good) == 0 || a.body == nil {
		return true
	}
	first := p.good[0]
	switch {
	case a.status != first.status:
		return false
	case bytes.Equal(first.body, p.good[1].body):
		return bytes.Equal(a.body, first.body)
	}
	got, want := jsonNames(a.body), jsonNames(first.body)
	return got == "" || want == "" || got == want
}

// jsonNames returns the names of the members of a JSON text, of objects within objects too;
// empty if it is none.
func jsonNames(text []byte) string {
	var value any
	if json.Unmarshal(text, &value) != nil {
		return ""
	}
	var names func(any) string
	names = func(value any) string {
		switch value := value.(type) {
		case map[string]any:
			text := "{"
			for _, name := range slices.Sorted(maps.Keys(value)) {
				text += strconv.Quote(name) + names(value[name])
			}
			return text + "}"
		case []any:
			if len(value) > 0 {
				return "[" + names(value[0]) + "]"
			}
			return "[]"
		}
		return "."
	}
	return names(value)
}

// maxComparedBytes is what of a body is compared.
const maxComparedBytes = 64 << 10

// ask makes one request and judges the answer.
func (p *prober) ask(t trial) probeAnswer {
	ctx, cancel := context.WithTimeout(context.Background(), p.timeout)
	defer cancel()
	answer := probeAnswer{trial: t, outcome: jwtverify.Check{Name: t.name, Trusted: true}}
	target := *p.target
	if t.query != "" {
		if target.RawQuery != "" {
			target.RawQuery += "&"
		}
		target.RawQuery += "access_token=" + url.QueryEscape(t.query)
	}
	request, err := http.NewRequestWithContext(ctx, p.method, target.String(), nil)
	if err == nil {
		request.Header.Set("User-Agent", "jwtverify probe")
		for _, value := range t.authorization {
			request.Header.Add("Authorization", value)
		}
		var response *http.Response
		// The transport itself follows no redirect: the token stays with the host.
		if response, err = p.network.RoundTrip(request); err == nil {
			if p.method == http.MethodGet && p.token != "" {
				// What cannot be read is not compared: the status says enough.
				if answer.body, err = io.ReadAll(io.LimitReader(response.Body, maxComparedBytes)); err != nil {
					answer.body = nil
				}
			}
			response.Body.Close()
			p.judge(&answer, response)
			return answer
		}
	}
	answer.outcome.Status = jwtverify.Fail
	answer.outcome.Expected = "an answer of " + p.target.Host
	answer.outcome.Found = p.withoutToken(err.Error())
	if errors.Is(err, context.DeadlineExceeded) {
		answer.outcome.Found = "none after " + p.timeout.String()
	}
	answer.outcome.Next = "check the address, and whether the API is up"
	return answer
}

// judge compares an answer with what it should be.
func (p *prober) judge(a *probeAnswer, response *http.Response) {
	a.status = response.StatusCode
	challenge, hasBearer := bearerChallenge(response.Header.Values("WWW-Authenticate"))
	a.challenge = p.withoutToken(challenge)
	if location, err := response.Location(); err == nil && 300 <= a.status && a.status < 400 {
		a.challenge = p.withoutToken("to " + shownAddress(location.String()))
	}
	o := &a.outcome
	o.Status, o.Expected, o.Found = jwtverify.Pass, a.expected, strings.TrimSpace(fmt.Sprintf("%d %s", a.status, a.challenge))
	success := 200 <= a.status && a.status < 300
	switch {
	case a.accepted == "":
		switch {
		case success:
		case a.status == http.StatusUnauthorized || a.status == http.StatusBadRequest:
			p.refused(a)
		default:
			a.found(jwtverify.Note, "probe-status", "not refused")
		}
	case success && !p.isAccepted(a):
		a.found(jwtverify.Note, "probe-status", "refused in the body")
		o.Found += ", with another body than the good token gets"
	case success:
		a.found(jwtverify.Fail, a.accepted, a.cause)
	case a.status == http.StatusUnauthorized && !hasBearer:
		a.found(jwtverify.Fail, "probe-no-challenge", "")
		o.Expected = "401 with a challenge, WWW-Authenticate: Bearer"
		o.Found += " without it"
	case a.status == http.StatusUnauthorized || a.also400 && a.status == http.StatusBadRequest:
	default:
		a.found(jwtverify.Note, "probe-status", "")
	}
}

// found puts a diagnosis into the outcome.
func (a *probeAnswer) found(status jwtverify.Status, code, cause string) {
	a.outcome.Status, a.outcome.Code = status, code
	a.outcome.Next = diagnosis.Of(code).For(cause).ForCommand()
}

// refused judges the refusal of a token that is meant to be good. With settings it is
// verified here too.
func (p *prober) refused(a *probeAnswer) {
	a.found(jwtverify.Fail, "probe-good-refused", a.cause)
	if p.settings.incomplete() != nil {
		return
	}
	if p.here == nil {
		verifier, err := p.settings.verifier()
		if err != nil {
			return
		}
		p.here = verifier.Explain(context.Background(), p.token)
	}
	o, code := &a.outcome, ""
	for _, c := range p.here.Checks {
		if c.Status == jwtverify.Fail {
			code = c.Code
			break
		}
	}
	switch v, _ := judge(p.here.Err); v {
	case undetermined:
		a.found(jwtverify.Fail, "probe-outage-as-401", "")
		o.Expected = "503: an outage says nothing about the token"
		o.Found += "; the issuer's keys cannot be had from here either (" + code + ")"
	case rejected:
		// Then the API is right, as far as one can see from here.
		a.found(jwtverify.Note, "probe-status", "rejected here")
		o.Found += "; here the token is rejected too (" + code + ")"
	default:
		o.Found += "; here the token is accepted"
	}
}

// withoutToken takes out what a server may have sent back of the token.
func (p *prober) withoutToken(text string) string {
	if p.token != "" {
		text = strings.ReplaceAll(text, p.token, screen.Token(p.token))
		if i := strings.LastIndexByte(p.token, '.'); len(p.token)-i > 16 {
			text = strings.ReplaceAll(text, p.token[i+1:], "[signature]")
		}
	}
	return screen.Cut(screen.Line(text), maxFoundBytes)
}

// finding is the answer as a check.
func (a probeAnswer) finding() finding { return newFinding(a.outcome) }

// probed puts the verdict into the report.
func (r *report) probed() {
	passed, silent := false, false
	for _, f := range r.findings {
		switch {
		case f.Status == jwtverify.Fail && f.Code == "":
			silent = true
		case f.Status == jwtverify.Fail && r.decides == "":
			r.verdict, r.class, r.decides = rejected, "other", f.Code
		}
		passed = passed || f.Status == jwtverify.Pass
	}
	switch {
	case r.verdict == rejected:
	case silent:
		r.verdict, r.class, r.headline = undetermined, "other", "the API does not answer"
	case !passed:
		r.verdict, r.class, r.headline = undetermined, "other", "not one answer tells how this API takes tokens"
	}
}

// write writes the answer as a line, and what is wrong with it below.
func (a probeAnswer) write(w io.Writer, p palette) error {
	mark := p.paint(green, "✓")
	switch a.outcome.Status {
	case jwtverify.Fail:
		mark = p.paint(red, "✗")
	case jwtverify.Note:
		mark = p.paint(yellow, "–")
	}
	status, shown := "–", a.challenge
	if a.status != 0 {
		status = strconv.Itoa(a.status)
	}
	if a.outcome.Code != "" {
		shown = a.outcome.Code
	}
	lines := []string{strings.TrimRight(fmt.Sprintf("%s %-23s  %-3s  %s", mark, a.name, status, shown), " ")}
	if f := a.finding(); f.Status != jwtverify.Pass {
		if f.Found == status {
			f.Found = "" // it stands in the line already
		}
		lines = append(lines, details(f.Check, p, "    ")...)
	}
	_, err := io.WriteString(w, strings.Join(lines, "\n")+"\n")
	return err
}
