// Package probe sends requests to an API that it must refuse, with a token also some that it
// must not, and says of each answer what is wrong with it. It changes nothing on the server
// as far as GET and HEAD change nothing, follows no redirect, and shows no body.
package probe

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
	"strings"
	"time"
	"unicode"

	"example.com/jwtverify"
	"example.com/jwtverify/internal/diagnosis"
	"example.com/jwtverify/internal/screen"
)

// A Prober sends requests to an API.
type Prober struct {
	Target  *url.URL
	Method  string // GET or HEAD
	Network http.RoundTripper
	Timeout time.Duration // of each request
	Now     func() time.Time
	Token   string              // empty: none is given
	Trusted *jwtverify.Verifier // judges a token that is refused; nil: nobody does

	Issuer    string   // of an unsigned token where none is given
	Audiences []string // the same

	answers []Answer          // in the order of the trials
	here    *jwtverify.Report // of the token, once it was verified here
	good    [2][]byte         // what the good token gets, as it came twice; nil: it gets no success
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
func (p *Prober) trials(query bool) ([]trial, error) {
	unsigned, altered, err := p.forgeries()
	if err != nil {
		return nil, err
	}
	list := []trial{
		{name: "no header", accepted: "probe-open",
			expected: "401: nobody gets in without a token"},
		{name: "malformed token", authorization: []string{"Bearer x.y.z"}, accepted: "probe-tampered-accepted", cause: "malformed",
			expected: "401: x.y.z is not a token"},
		{name: "unsigned (alg none)", authorization: []string{"Bearer " + unsigned}, accepted: "probe-none-accepted",
			expected: "401: anybody can write an unsigned token"},
	}
	if p.Token == "" {
		return list, nil
	}
	list = append(list, trial{name: "signature altered", authorization: []string{"Bearer " + altered}, accepted: "probe-tampered-accepted",
		expected: "401: this signature is not the issuer's"})
	if query {
		list = append(list, trial{name: "token in the query only", query: p.Token, accepted: "probe-query-accepted",
			expected: "401: a token in a URL ends up in logs and histories"})
	}
	good := "Bearer " + p.Token
	return append(list,
		trial{name: "two headers", authorization: []string{good, good}, accepted: "probe-two-headers-accepted", also400: true,
			expected: "400 or 401: two parties may read two different tokens"},
		trial{name: "lower-case scheme", authorization: []string{"bearer " + p.Token},
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
func (p *Prober) forgeries() (unsigned, altered string, err error) {
	encode := base64.RawURLEncoding.EncodeToString
	if p.Token == "" {
		claims := map[string]any{
			"iss": p.Issuer, "aud": p.Audiences, "sub": "jwtverify-probe", "exp": p.Now().Add(time.Hour).Unix(),
		}
		text, err := json.Marshal(claims)
		return encode([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + encode(text) + ".", "", err
	}
	parts := strings.Split(p.Token, ".")
	var decoded [][]byte
	for _, part := range parts {
		// The decoder skips line breaks, which no header can carry.
		if text, err := base64.RawURLEncoding.DecodeString(part); err == nil && part != "" && !strings.ContainsAny(part, "\r\n") {
			decoded = append(decoded, text)
		}
	}
	var header map[string]json.RawMessage
	if len(parts) != 3 || len(decoded) != 3 || json.Unmarshal(decoded[0], &header) != nil || header == nil {
		return "", "", &NotWholeError{fmt.Sprintf("%d parts, %d of them base64url", len(parts), len(decoded))}
	}
	header["alg"] = json.RawMessage(`"none"`)
	text, err := json.Marshal(header)
	decoded[2][len(decoded[2])/2] ^= 1
	return encode(text) + "." + parts[1] + ".", parts[0] + "." + parts[1] + "." + encode(decoded[2]), err
}

// An Answer is what a request led to.
type Answer struct {
	trial
	Status    int             // 0: none
	body      []byte          // what is compared; nil: nothing can be
	Challenge string          // what is shown of it, or the target of a redirect
	bearer    bool            // there is a challenge for bearer tokens
	login     bool            // a redirect to somewhere else
	cached    bool            // it came out of a cache
	Outcome   jwtverify.Check // Name, Status, Code, Expected, Found, Next
}

func (a *Answer) success() bool { return 200 <= a.Status && a.Status < 300 }

// Run makes the requests, up to one that gets no answer, and judges the answers. With query
// the token goes into the address, too. The error is a [*NotWholeError]: nothing was sent.
func (p *Prober) Run(query bool) ([]Answer, error) {
	trials, err := p.trials(query)
	if err != nil {
		return nil, err
	}
	for _, trial := range trials {
		answer := p.ask(trial)
		p.answers = append(p.answers, answer)
		if answer.Status == 0 {
			break
		}
		// The good token is sent once more: two answers tell whether it gets the same each time.
		if trial.name == unchangedToken && answer.success() {
			if again := p.ask(trial); again.Status == answer.Status {
				p.good = [2][]byte{answer.body, again.body}
			}
		}
	}
	for i := range p.answers {
		p.judge(&p.answers[i])
	}
	return p.answers, nil
}

// A NotWholeError is about a token that cannot be altered.
type NotWholeError struct{ Found string }

func (e *NotWholeError) Error() string { return "the token is not a whole JWT: it has " + e.Found }

// isAccepted reports whether a success is the answer that the good token gets, and whether
// that can be told: some APIs, GraphQL among them, answer 200 to everybody and refuse in
// the body. Where the good token gets another answer each time, the words of both count.
func (p *Prober) isAccepted(a *Answer) (accepted, known bool) {
	first, second := p.good[0], p.good[1]
	switch {
	case a.body == nil || first == nil || second == nil:
		return false, false
	case bytes.Equal(first, second):
		return bytes.Equal(a.body, first), true
	case p.Method == http.MethodHead:
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
func (p *Prober) ask(t trial) Answer {
	ctx, cancel := context.WithTimeout(context.Background(), p.Timeout)
	defer cancel()
	answer := Answer{trial: t, Outcome: jwtverify.Check{Name: t.name, Trusted: true}}
	target := *p.Target
	if t.query != "" {
		if target.RawQuery != "" {
			target.RawQuery += "&"
		}
		target.RawQuery += "access_token=" + url.QueryEscape(t.query)
	}
	request, err := http.NewRequestWithContext(ctx, p.Method, target.String(), nil)
	if err == nil {
		request.Header.Set("User-Agent", "jwtverify probe")
		for _, value := range t.authorization {
			request.Header.Add("Authorization", value)
		}
		var response *http.Response
		// The transport itself follows no redirect: the token stays with the host.
		if response, err = p.Network.RoundTrip(request); err == nil {
			if h := response.Header; p.Method == http.MethodHead {
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
	o := &answer.Outcome
	o.Status, o.Expected, o.Found = jwtverify.Fail, "an answer of "+p.Target.Host, p.withoutToken(err.Error())
	if errors.Is(err, context.DeadlineExceeded) {
		o.Found = "none after " + p.Timeout.String()
	}
	o.Next = "check the address, and whether the API is up"
	return answer
}

// read takes out of an answer what it is judged by.
func (p *Prober) read(a *Answer, response *http.Response) {
	a.Status = response.StatusCode
	a.Challenge, a.bearer = bearerChallenge(response.Header.Values("WWW-Authenticate"))
	if target, err := response.Location(); err == nil && 300 <= a.Status && a.Status < 400 {
		a.Challenge = "to " + screen.Address(target.String())
		moved := a.Status == http.StatusMovedPermanently || a.Status == http.StatusPermanentRedirect
		a.login = !moved && strings.Trim(target.Path, "/") != strings.Trim(p.Target.Path, "/")
	}
	a.Challenge = p.withoutToken(a.Challenge)
	a.cached = response.Header.Get("Age") > "0"
	for _, name := range []string{"Cache-Status", "X-Cache", "X-Cache-Status", "X-Proxy-Cache", "CF-Cache-Status"} {
		a.cached = a.cached || strings.Contains(strings.ToLower(response.Header.Get(name)), "hit")
	}
}

// judge compares an answer with what it should be, and with the others.
func (p *Prober) judge(a *Answer) {
	if a.Status == 0 {
		return
	}
	o, first := &a.Outcome, &p.answers[0]
	o.Status, o.Expected, o.Found = jwtverify.Pass, a.expected, strings.TrimSpace(fmt.Sprintf("%d %s", a.Status, a.Challenge))
	isGood, is := a.accepted == "", func(status int) bool { return a.Status == status }
	accepted, known := p.isAccepted(a)
	switch {
	case isGood && a.success() && (accepted || !known):
	// Where the good token is taken, each other answer refuses another form of it.
	case isGood && (is(401) && a.Challenge != "insufficient_scope" || p.good[0] != nil || a.bearer && is(400) || is(403) && p.forbidden()):
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
		a.found(jwtverify.Note, "probe-unclear", p.causeOfUnclear(a))
	case a.bearer && !is(challengeStatus[a.Challenge]) && !(is(401) && a.Challenge != "insufficient_scope") && !(is(400) && a.also400):
		a.found(jwtverify.Fail, "probe-challenge-status", "")
	case a.success():
		a.found(jwtverify.Note, "probe-status", "refused in the body")
	case a.login && (!isGood || a.Challenge == first.Challenge):
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

// causeOfUnclear says why a success cannot be compared with that of the good token.
func (p *Prober) causeOfUnclear(a *Answer) string {
	switch {
	case p.Token == "":
		return ""
	case p.Method == http.MethodHead:
		return "HEAD"
	case a.body == nil:
		return "broken off"
	}
	return "no good answer"
}

// challengeStatus holds the errors that come with another status than 401 (RFC 6750,
// section 3.1).
var challengeStatus = map[string]int{"invalid_request": 400, "insufficient_scope": 403}

// forbidden reports whether every token gets 403, the forged ones too.
func (p *Prober) forbidden() bool {
	return !slices.ContainsFunc(p.answers, func(a Answer) bool { return len(a.authorization) == 1 && a.Status != 403 })
}

// lost reports whether every answer is the one to a request without a header.
func (p *Prober) lost() bool {
	first := &p.answers[0]
	return !slices.ContainsFunc(p.answers, func(a Answer) bool {
		return a.Status != first.Status || a.Challenge != first.Challenge || !bytes.Equal(a.body, first.body)
	})
}

// found puts a diagnosis into the outcome, with the usual advice where there is none for
// the cause.
func (a *Answer) found(status jwtverify.Status, code, cause string) {
	known := diagnosis.Of(code)
	advice := cmp.Or(known.For(cause), known.For(""))
	a.Outcome.Status, a.Outcome.Code, a.Outcome.Next = status, code, advice.ForCommand()
	a.Outcome.Expected = cmp.Or(advice.Expected, a.expected)
}

// refused judges the refusal of a token that is meant to be good. With settings it is
// verified here too.
func (p *Prober) refused(a *Answer) {
	code := "probe-good-refused"
	switch {
	case a.cached:
		code = "probe-cached"
	case a.Status == 403 && p.forbidden():
		code = "probe-all-forbidden"
	case p.good[0] != nil: // then this was another form of it
		code = "probe-scheme"
	case p.lost():
		code = "probe-header-lost"
	}
	a.found(jwtverify.Fail, code, "")
	if p.good[0] != nil || p.Trusted == nil {
		return
	}
	if p.here == nil {
		p.here = p.Trusted.Explain(context.Background(), p.Token)
	}
	o := &a.Outcome
	for _, c := range p.here.Checks {
		if c.Status == jwtverify.Fail {
			code = c.Code // of the token itself
			break
		}
	}
	switch err := p.here.Err; {
	case errors.Is(err, jwtverify.ErrKeysUnavailable):
		a.found(jwtverify.Fail, "probe-outage-as-401", "")
		o.Found += "; the issuer's keys are unavailable from here too (" + code + ")"
	case err != nil:
		// Then the API is right, as far as one can see from here.
		a.found(jwtverify.Note, "probe-status", "rejected here")
		o.Found += "; here the token is rejected too (" + code + ")"
	default:
		o.Found += "; here the token is accepted"
	}
}

// withoutToken takes out what a server may have sent back of the token.
func (p *Prober) withoutToken(text string) string {
	if p.Token != "" {
		text = strings.ReplaceAll(text, p.Token, screen.Token(p.Token))
		if i := strings.LastIndexByte(p.Token, '.'); len(p.Token)-i > 16 {
			text = strings.ReplaceAll(text, p.Token[i+1:], "[signature]")
		}
	}
	return screen.Cut(screen.Line(text), 200)
}
