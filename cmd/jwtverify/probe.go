package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"example.com/jwtverify"
	"example.com/jwtverify/internal/diagnosis"
	"example.com/jwtverify/internal/screen"
)

const probeUsage = `  jwtverify probe https://api.acme.example/orders --token-file token.txt
  jwtverify probe http://127.0.0.1:8000/protected < token.txt

Sends requests without a token, with a malformed and with an unsigned one; with a token
also that token altered, twice, with "bearer" in lower case, and as it is, and at last
none again. Each answer is compared with what RFC 6750 asks for. A status of success
counts as accepted only if the answer is the one that the good token gets, since some
APIs refuse in the body. Nothing is changed on the server as far as GET and HEAD change
nothing; no body is shown, no redirect followed.

The token is sent to the host of URL only, over https or to this machine. The settings of
jwtverify verify (--issuer, --audience, AUTHACTION_…) are not needed. If they are there, a
token that the API refuses is verified here too.

Exit codes: 0 the API behaves, 1 it does not, 2 usage, 3 no connection, or answers that
do not tell.
`

// probe is the command of that name.
func (s *session) probe(f *flags) func() (int, error) {
	f.withTrust().withToken().withJSON()
	query := f.set.Bool("query", false, "send the token in ?access_token= too: it lands in the server's logs")
	allowHTTP := f.set.Bool("allow-http", false, "send it over plain http to another machine, such as a host inside a cluster: whoever sees it on its way can use it")
	method := f.set.String("method", http.MethodGet, "`GET|HEAD`: the method of the requests; HEAD shows less")
	return func() (int, error) { return s.probeGiven(f, *query, *allowHTTP, *method) }
}

func (s *session) probeGiven(f *flags, query, allowHTTP bool, method string) (int, error) {
	target, err := f.target(allowHTTP)
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
		target: target, method: method, network: s.network(f), timeout: cmp.Or(set.timeout, 5*time.Second), token: raw,
		settings: set, now: s.now,
	}
	trials, err := p.trials(query)
	if err != nil {
		return 0, err
	}

	p.run(trials)
	r := &report{command: f.name, settings: set}
	for i := range p.answers {
		p.judge(&p.answers[i])
		r.findings = append(r.findings, newFinding(p.answers[i].outcome))
	}
	r.probed()
	return s.write(f, r.json(r.findings), func(colours palette) string { return p.text(colours, r) })
}

// target takes the URL out of the arguments. The token goes there: it is https or this
// machine, unless plain http is allowed.
func (f *flags) target(allowHTTP bool) (*url.URL, error) {
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
	if allowHTTP {
		return u, checkPlaceholder("the URL", address)
	}
	err = checkAddress("the URL", address)
	var insecure *problem
	if errors.As(err, &insecure) && insecure.code == "config-insecure-url" {
		insecure.cause = "probe"
	}
	return u, err
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

	answers []probeAnswer // in the order of the trials
	good    [2][]byte     // what the good token gets, as it came twice; nil: it gets no success
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
		trial{name: "lower-case scheme", authorization: []string{"bearer " + p.token},
			expected: `no refusal: the scheme is "bearer" in any case (RFC 9110, section 11.1)`},
		trial{name: unchangedToken, authorization: []string{good},
			expected: "no refusal: this token is meant to be good"},
		trial{name: "no header again", accepted: "probe-cached",
			expected: "401: what the token gets is for nobody else"},
	), nil
}

const unchangedToken = "unchanged token"

// forgeries makes an unsigned token that a careless API takes, as much like the given
// one as can be, and the given one with one bit of its signature turned.
func (p *prober) forgeries() (unsigned, altered string, err error) {
	encode := base64.RawURLEncoding.EncodeToString
	if p.token == "" {
		claims := map[string]any{
			"iss": p.settings.issuer, "aud": p.settings.audiences, "sub": "jwtverify-probe", "exp": p.now().Add(time.Hour).Unix(),
		}
		text, err := json.Marshal(claims)
		return encode([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + encode(text) + ".", "", err
	}
	parts := strings.Split(p.token, ".")
	var decoded [][]byte
	for _, part := range parts {
		// The decoder skips line breaks, which no header can carry.
		if text, err := base64.RawURLEncoding.DecodeString(part); err == nil && part != "" && !strings.ContainsAny(part, "\r\n") {
			decoded = append(decoded, text)
		}
	}
	var header map[string]json.RawMessage
	if len(parts) != 3 || len(decoded) != 3 || json.Unmarshal(decoded[0], &header) != nil || header == nil {
		return "", "", &problem{
			text: "the token is not a whole JWT", code: "token-parts",
			expected: "a token with a signature, which can be altered", found: fmt.Sprintf("%d parts, %d of them base64url", len(parts), len(decoded)),
		}
	}
	header["alg"] = json.RawMessage(`"none"`)
	text, err := json.Marshal(header)
	decoded[2][len(decoded[2])/2] ^= 1
	return encode(text) + "." + parts[1] + ".", parts[0] + "." + parts[1] + "." + encode(decoded[2]), err
}

// A probeAnswer is what a request led to.
type probeAnswer struct {
	trial
	status    int             // 0: none
	body      []byte          // what is compared; nil: nothing can be
	challenge string          // what is shown of it, or the target of a redirect
	bearer    bool            // there is a challenge for bearer tokens
	login     bool            // a redirect to somewhere else
	cached    bool            // it came out of a cache
	outcome   jwtverify.Check // Name, Status, Code, Expected, Found, Next
}

func (a *probeAnswer) success() bool { return 200 <= a.status && a.status < 300 }

// run makes the requests, up to one that gets no answer. The good token is sent once more:
// two answers tell whether it gets the same each time.
func (p *prober) run(trials []trial) {
	for _, trial := range trials {
		answer := p.ask(trial)
		p.answers = append(p.answers, answer)
		if answer.status == 0 {
			return
		}
		if trial.name == unchangedToken && answer.success() {
			if again := p.ask(trial); again.status == answer.status {
				p.good = [2][]byte{answer.body, again.body}
			}
		}
	}
}

// isAccepted reports whether a success is the answer that the good token gets, and whether
// that can be told: some APIs, GraphQL among them, answer 200 to everybody and refuse in
// the body. Where the good token gets another answer each time, the words of both count.
func (p *prober) isAccepted(a *probeAnswer) (accepted, known bool) {
	first, second := p.good[0], p.good[1]
	switch {
	case a.body == nil || first == nil || second == nil:
		return false, false
	case bytes.Equal(first, second):
		return bytes.Equal(a.body, first), true
	case p.method == http.MethodHead:
		return false, false
	}
	again, has := wordsOf(second), wordsOf(a.body)
	for word := range wordsOf(first) {
		if again[word] && !has[word] {
			return false, true
		}
	}
	return true, true
}

// wordsOf returns the words of a text, without what has digits: times and numbers change.
func wordsOf(text []byte) map[string]bool {
	set := make(map[string]bool)
	for _, word := range strings.FieldsFunc(string(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		if !strings.ContainsFunc(word, unicode.IsDigit) {
			set[word] = true
		}
	}
	return set
}

// maxComparedBytes is what of a body is compared.
const maxComparedBytes = 64 << 10

// ask makes one request.
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
			if h := response.Header; p.method == http.MethodHead {
				if h.Get("Content-Length")+h.Get("ETag") != "" { // they tell of the body
					answer.body = fmt.Appendf(nil, "%q %q %q", h.Get("Content-Length"), h.Get("ETag"), h.Get("Content-Type"))
				}
			} else if answer.body, err = io.ReadAll(io.LimitReader(response.Body, maxComparedBytes)); err != nil {
				answer.body = nil
			}
			response.Body.Close()
			p.read(&answer, response)
			return answer
		}
	}
	o := &answer.outcome
	o.Status, o.Expected, o.Found = jwtverify.Fail, "an answer of "+p.target.Host, p.withoutToken(err.Error())
	if errors.Is(err, context.DeadlineExceeded) {
		o.Found = "none after " + p.timeout.String()
	}
	o.Next = "check the address, and whether the API is up"
	return answer
}

// read takes out of an answer what it is judged by.
func (p *prober) read(a *probeAnswer, response *http.Response) {
	a.status = response.StatusCode
	a.challenge, a.bearer = bearerChallenge(response.Header.Values("WWW-Authenticate"))
	if target, err := response.Location(); err == nil && 300 <= a.status && a.status < 400 {
		a.challenge = "to " + shownAddress(target.String())
		moved := a.status == http.StatusMovedPermanently || a.status == http.StatusPermanentRedirect
		a.login = !moved && strings.Trim(target.Path, "/") != strings.Trim(p.target.Path, "/")
	}
	a.challenge = p.withoutToken(a.challenge)
	a.cached = response.Header.Get("Age") > "0"
	for _, name := range []string{"Cache-Status", "X-Cache", "X-Cache-Status", "X-Proxy-Cache", "CF-Cache-Status"} {
		a.cached = a.cached || strings.Contains(strings.ToLower(response.Header.Get(name)), "hit")
	}
}

// judge compares an answer with what it should be, and with the others.
func (p *prober) judge(a *probeAnswer) {
	if a.status == 0 {
		return
	}
	o, first := &a.outcome, &p.answers[0]
	o.Status, o.Expected, o.Found = jwtverify.Pass, a.expected, strings.TrimSpace(fmt.Sprintf("%d %s", a.status, a.challenge))
	isGood, is := a.accepted == "", func(status int) bool { return a.status == status }
	accepted, known := p.isAccepted(a)
	switch {
	case isGood && a.success() && (accepted || !known):
	// Where the good token is taken, each other answer refuses another form of it.
	case isGood && (is(401) && a.challenge != "insufficient_scope" || p.good[0] != nil || a.bearer && is(400) || is(403) && p.forbidden()):
		p.refused(a)
	case a.success() && accepted:
		code := a.accepted
		if open, _ := p.isAccepted(first); open && first.success() {
			code = "probe-open" // there is no more to be said of the others
		}
		if a.cached {
			code = "probe-cached"
		}
		a.found(jwtverify.Fail, code, a.cause)
	case a.success() && !known:
		a.found(jwtverify.Note, "probe-unclear", p.method)
	case a.bearer && !is(challengeStatus[a.challenge]) && !(is(401) && a.challenge != "insufficient_scope") && !(is(400) && a.also400):
		a.found(jwtverify.Fail, "probe-challenge-status", "")
	case a.success():
		a.found(jwtverify.Note, "probe-status", "refused in the body")
	case a.login && (!isGood || a.challenge == first.challenge):
		a.found(jwtverify.Fail, "probe-login", "")
	case isGood:
		a.found(jwtverify.Note, "probe-status", "not refused")
	case is(401) && !a.bearer:
		a.found(jwtverify.Fail, "probe-no-challenge", "")
	case is(401) || is(400) && a.also400:
	default:
		a.found(jwtverify.Note, "probe-status", "")
	}
}

// challengeStatus holds the errors that come with another status than 401 (RFC 6750,
// section 3.1).
var challengeStatus = map[string]int{"invalid_request": 400, "insufficient_scope": 403}

// forbidden reports whether every token gets 403, the forged ones too.
func (p *prober) forbidden() bool {
	return !slices.ContainsFunc(p.answers, func(a probeAnswer) bool { return len(a.authorization) == 1 && a.status != 403 })
}

// lost reports whether every answer is the one to a request without a header.
func (p *prober) lost() bool {
	first := &p.answers[0]
	return !slices.ContainsFunc(p.answers, func(a probeAnswer) bool {
		return a.status != first.status || a.challenge != first.challenge || !bytes.Equal(a.body, first.body)
	})
}

// found puts a diagnosis into the outcome, with the usual advice where there is none for
// the cause.
func (a *probeAnswer) found(status jwtverify.Status, code, cause string) {
	known := diagnosis.Of(code)
	advice := cmp.Or(known.For(cause), known.For(""))
	a.outcome.Status, a.outcome.Code, a.outcome.Next = status, code, advice.ForCommand()
	a.outcome.Expected = cmp.Or(advice.Expected, a.expected)
}

// refused judges the refusal of a token that is meant to be good. With settings it is
// verified here too.
func (p *prober) refused(a *probeAnswer) {
	code := "probe-good-refused"
	switch {
	case a.cached:
		code = "probe-cached"
	case a.status == 403 && p.forbidden():
		code = "probe-all-forbidden"
	case p.good[0] != nil: // then this was another form of it
		code = "probe-scheme"
	case p.lost():
		code = "probe-header-lost"
	}
	a.found(jwtverify.Fail, code, "")
	if p.good[0] != nil || p.settings.incomplete() != nil {
		return
	}
	if p.here == nil {
		verifier, err := p.settings.verifier()
		if err != nil {
			return
		}
		p.here = verifier.Explain(context.Background(), p.token)
	}
	o := &a.outcome
	for _, c := range p.here.Checks {
		if c.Status == jwtverify.Fail {
			code = c.Code // of the token itself
			break
		}
	}
	switch v, _ := judge(p.here.Err); v {
	case undetermined:
		a.found(jwtverify.Fail, "probe-outage-as-401", "")
		o.Found += "; the issuer's keys are unavailable from here too (" + code + ")"
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

// probed puts the verdict into the report: the gravest finding decides, and the table of
// codes has them in that order.
func (r *report) probed() {
	gravest := len(diagnosis.Codes)
	passed, unclear := false, false
	for _, f := range r.findings {
		rank := slices.IndexFunc(diagnosis.Codes[:], func(c diagnosis.Code) bool { return c.Name == f.Code })
		if f.Status == jwtverify.Fail && rank >= 0 {
			gravest = min(gravest, rank)
		}
		passed = passed || f.Status == jwtverify.Pass
		unclear = unclear || f.Code == "probe-unclear"
	}
	r.verdict, r.class = undetermined, "other"
	switch {
	case gravest < len(diagnosis.Codes):
		r.verdict, r.decides, r.headline = rejected, diagnosis.Codes[gravest].Name, diagnosis.Codes[gravest].Sentence
	case deciding(r.findings).Status == jwtverify.Fail: // one without a code
		r.headline = "the API does not answer"
	case unclear:
		r.headline = diagnosis.Of("probe-unclear").Sentence
	case !passed:
		r.headline = "not one answer tells how this API takes tokens"
	default:
		r.verdict, r.class, r.headline = accepted, "", "the API refuses what it must refuse"
	}
}

// text is the verdict and a line for each answer, with what is wrong below it, each
// advice once.
func (p *prober) text(c palette, r *report) string {
	lines, told := []string{r.line(c)}, make(map[string]bool)
	for i, f := range r.findings {
		status := "–"
		if p.answers[i].status != 0 {
			status = strconv.Itoa(p.answers[i].status)
		}
		shown := cmp.Or(f.Code, p.answers[i].challenge)
		lines = append(lines, strings.TrimRight(fmt.Sprintf("%s %-23s  %-3s  %s", c.mark(f.Status), f.Name, status, shown), " "))
		if f.Status == jwtverify.Pass || told[f.Next] {
			continue
		}
		told[f.Next] = true
		if f.Found == status {
			f.Found = "" // it stands in the line already
		}
		lines = append(lines, details(f.Check, c, "    ")...)
	}
	return strings.Join(lines, "\n") + "\n"
}

// mark stands before a finding.
func (p palette) mark(status jwtverify.Status) string {
	switch status {
	case jwtverify.Pass:
		return p.paint(green, "✓")
	case jwtverify.Fail:
		return p.paint(red, "✗")
	}
	return p.paint(yellow, "–")
}
