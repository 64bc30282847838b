package issuertest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unicode"

	"example.com/jwtverify"
	"example.com/jwtverify/internal/challenge"
	"example.com/jwtverify/internal/issuer"
)

// Suite tests that an API handles tokens as RFC 6750 requires of any API. Texts and
// bodies are up to the API.
//
//	iss := issuertest.New(t, issuertest.WithClaims(issuertest.Claims{"scope": "orders:read"}))
//	iss.Suite(t, newAPI(iss.Verifier()), "GET /orders", "POST /orders")
//
// The API must trust this issuer, by [Issuer.Verifier] or [Issuer.Config], and must be
// new: bad kids in earlier requests use up the fetches that step 2 needs. Each route
// is a method and a path, with a query if needed; the default is "GET /protected". All
// routes must accept the tokens of this issuer as they are ([WithClaims]). The
// requests have no body. The steps are
//
//  1. A good token is accepted: not 401, 403 or 5xx, and no challenge. The same with
//     bearer in lower case, and with two spaces. An unknown path (404) passes too, if it
//     is protected, so check the spelling of the routes.
//  2. While the keys are unavailable, a token with an unknown key gets 503 with
//     Retry-After and no challenge, and one with a known key is accepted.
//     Afterwards both are.
//  3. Without credentials, with an empty Authorization or with Basic, the
//     response is 401 and a Bearer challenge without error. HEAD gets the same,
//     without a body.
//  4. Each of [Issuer.BadTokens] gets 401 and error="invalid_token". If it cannot be
//     sent in a header, 400 or 401.
//  5. A good token in the query, a form or a cookie gets 401. In one of two
//     Authorization headers it gets 400 or 401.
//  6. There is no way around the check: OPTIONS, //, /./, a final slash, capitals,
//     and the headers that proxies set don't get the good response without a token.
//     OPTIONS may get 2xx with an empty body, as a preflight does.
//  7. No response holds a part of a token, and each of 16 concurrent requests
//     gets its own response.
//
// In all steps, a refused request must not reach the handler. An adapter between a
// guard and a framework can answer 401 and run the handler all the same. Suite sees
// that if the refusal contains the response to a good token. If the handler calls
// [Issuer.Ran], Suite sees it for any handler, even one that writes nothing or whose
// response is dropped:
//
//	router.GET("/orders", func(c *gin.Context) { iss.Ran(); c.Status(204) })
//
// This may be a handler made for the test, since the adapter is what is tested. For
// a good token it may run at most once.
//
// A response that a good token gets too is no fault: a router may answer HEAD with 404
// or 405, with or without a token.
//
// A failure names the route, the kind of token, what was expected and what was
// found, but never shows the token. If a good token is refused, Suite says so once
// and stops.
//
// Suite makes no sub-tests, so it also runs in a bubble of testing/synctest. There it
// takes no time, elsewhere about a second, for step 2. It rotates the keys twice, and
// leaves the issuer without a fault.
func (iss *Issuer) Suite(tb testing.TB, api http.Handler, routes ...string) {
	tb.Helper()
	s := &suite{tb: tb, issuer: iss.engine, runs: &iss.runs, api: api}
	if len(routes) == 0 {
		routes = []string{"GET /protected"}
	}
	for _, text := range routes {
		route, err := parseRoute(text)
		if err != nil {
			tb.Errorf("issuertest: %v", err)
			return
		}
		s.routes = append(s.routes, route)
	}
	if api == nil {
		tb.Errorf("issuertest: Suite has no API to test: the handler is nil")
		return
	}
	if err := s.run(); err != nil {
		tb.Errorf("issuertest: %v", err)
	}
}

// Ran tells Suite that a handler runs which only a good token may reach. Call it once
// at the start of that handler. It only counts.
func (iss *Issuer) Ran() { iss.runs.Add(1) }

type suite struct {
	tb     testing.TB
	issuer *issuer.Issuer
	runs   *atomic.Int64 // of handlers, so far
	api    http.Handler
	routes []*route

	mu    sync.Mutex // guards leaks
	leaks []leak
}

// A route is one route under test.
type route struct {
	name    string // as given
	method  string
	target  string
	good    reply             // to a good token
	bodies  []string          // of all responses to good tokens; several if they vary
	refused []issuer.BadToken // bad tokens that were refused as they should be
}

func parseRoute(text string) (*route, error) {
	method, target, ok := strings.Cut(text, " ")
	if !ok || method == "" || !strings.HasPrefix(target, "/") || strings.ContainsAny(target, " {}#") {
		return nil, fmt.Errorf("route %q: want a method and a path, such as \"GET /orders/17\"", text)
	}
	if _, err := http.NewRequest(method, target, nil); err != nil {
		return nil, fmt.Errorf("route %q: %w", text, err)
	}
	return &route{name: text, method: method, target: target}, nil
}

func (r *route) path() string { path, _, _ := strings.Cut(r.target, "?"); return path }

func (r *route) withPath(path string) string { return path + strings.TrimPrefix(r.target, r.path()) }

// run runs the steps. Its error means that a token could not be made.
func (s *suite) run() error {
	s.tb.Helper()
	if err := s.issuer.Fault(issuer.Fault{}); err != nil {
		return err
	}
	for _, r := range s.routes {
		if ok, err := s.goodIsGood(r); !ok || err != nil {
			return err
		}
	}
	if ok, err := s.outageIsNoBadToken(); !ok || err != nil {
		return err
	}
	good, err := s.issuer.Token()
	if err != nil {
		return err
	}
	bad, err := s.issuer.RecentBadTokens()
	if err != nil {
		return err
	}
	for _, r := range s.routes {
		s.nothingIsRefused(r, good)
		r.refused = s.badIsRefused(r, bad)
		s.elsewhereIsRefused(r, good, bad)
		s.noWayAround(r, good)
	}
	for _, r := range s.routes {
		s.answersAreOnesOwn(r, good)
	}
	s.nothingLeaks()
	return nil
}

// A reply is a response of the API.
type reply struct {
	status     int
	header     http.Header
	body       string
	runs       int64                 // of handlers, during the request
	challenges []challenge.Challenge // of Bearer
	leaks      bool                  // holds a part of the token, and must not be shown
}

// ask sends a request. what is its name in the failure if the response holds a part
// of one of its tokens.
func (s *suite) ask(r *route, what, method, target string, edit func(*http.Request), tokens ...string) reply {
	request := httptest.NewRequest(method, target, nil)
	if edit != nil {
		edit(request)
	}
	recorder := httptest.NewRecorder()
	before := s.runs.Load()
	s.api.ServeHTTP(recorder, request)
	runs := s.runs.Load() - before
	answer := recorder.Result()
	body, _ := io.ReadAll(answer.Body) // from memory
	got := reply{status: answer.StatusCode, header: answer.Header, body: string(body), runs: runs}
	for _, c := range challenge.Parse(answer.Header.Values("WWW-Authenticate")) {
		if c.Scheme == "bearer" {
			got.challenges = append(got.challenges, c)
		}
	}
	for _, token := range tokens {
		if where := leaksInto(got, token); where != "" {
			got.leaks = true
			s.mu.Lock()
			s.leaks = append(s.leaks, leak{r, what, where})
			s.mu.Unlock()
		}
	}
	return got
}

// with sends a request to the route with a token in Authorization.
func (s *suite) with(r *route, what, token string) reply {
	return s.ask(r, what, r.method, r.target, authorization("Bearer "+token), token)
}

func authorization(values ...string) func(*http.Request) {
	return func(r *http.Request) { r.Header["Authorization"] = values }
}

// String describes a response in a failure.
func (got reply) String() string {
	text := fmt.Sprintf("%d %s", got.status, http.StatusText(got.status))
	switch values := got.header.Values("WWW-Authenticate"); {
	case len(values) == 0 && got.status == http.StatusUnauthorized:
		text += " without WWW-Authenticate"
	case len(values) > 0 && got.leaks:
		text += " with a WWW-Authenticate that is not shown"
	case len(values) > 0:
		text += fmt.Sprintf(" with WWW-Authenticate %.200q", strings.Join(values, ", "))
	}
	return text
}

func (s *suite) fail(r *route, what string, got reply, want string) {
	s.tb.Helper()
	s.tb.Errorf("issuertest: %s, %s: got %v%s, want %s", r.name, what, got, r.behind(got), want)
}

const wantAlone = "no run of the handler, whatever the status"

// behind returns the evidence that the handler ran for a request without a good
// token, although the response may look like a refusal. It is empty if there is
// none.
func (r *route) behind(got reply) string {
	switch {
	case got.runs > 0:
		return ", and the handler ran"
	case !r.same(got) && r.holdsGood(got.body):
		return ", and in its body the answer to a good token"
	}
	return ""
}

// holdsGood reports whether a body contains a response to a good token.
func (r *route) holdsGood(body string) bool {
	if len(r.bodies) == 0 || r.good.isNoPage() {
		return false
	}
	if slices.ContainsFunc(r.bodies, func(good string) bool { return holds(body, good) }) {
		return true
	}
	// If the responses vary, look for their common start. Every page may start like
	// that, so there must be other text in front of it.
	start := r.bodies[0]
	for _, other := range r.bodies[1:] {
		start = start[:commonPrefix(start, other)]
	}
	return len(r.bodies) > 1 && isTelling(start) && strings.Index(body, start) > 0
}

// holds reports whether a body starts or ends with a response, or contains one that
// cannot be there by chance.
func holds(body, good string) bool {
	body, good = strings.TrimSpace(body), strings.TrimSpace(good)
	if isTelling(good) {
		return strings.Contains(body, good)
	}
	isWord := len(good) > 1 && strings.ContainsFunc(good, unicode.IsLetter) // not {} or 1, with which many bodies end
	return isWord && (strings.HasPrefix(body, good) || strings.HasSuffix(body, good))
}

// isTelling reports whether a text cannot be part of another by chance, as the
// word "protected" could: it is long, or has the structure of JSON or HTML.
func isTelling(text string) bool {
	return len(text) >= 32 || len(text) >= 8 && strings.ContainsAny(text, "{[<")
}

func commonPrefix(a, b string) int {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
}

// good reports whether a response accepts the token.
func (got reply) good() bool {
	return got.status != http.StatusUnauthorized && got.status != http.StatusForbidden && got.status < 500 && len(got.challenges) == 0
}

// mustBeGood reports whether a response accepts the token, and fails the test if not.
func (s *suite) mustBeGood(r *route, what string, got reply) bool {
	s.tb.Helper()
	switch {
	case !got.good():
		s.fail(r, what, got, wantGood)
		return false
	case got.runs > 1:
		s.tb.Errorf("issuertest: %s, %s: the handler ran %d times, want once", r.name, what, got.runs)
	}
	r.learn(got)
	return true
}

// learn remembers the body of a response to a good token.
func (r *route) learn(got reply) {
	if !slices.Contains(r.bodies, got.body) {
		r.bodies = append(r.bodies, got.body)
	}
}

// isNoPage reports whether the response is 404 or 405.
func (got reply) isNoPage() bool {
	return got.status == http.StatusNotFound || got.status == http.StatusMethodNotAllowed
}

const wantGood = "the answer to a good token: not 401, 403 or 5xx, and no Bearer challenge"

// Step 1. It returns false if nothing else can be tested.
func (s *suite) goodIsGood(r *route) (bool, error) {
	s.tb.Helper()
	token, err := s.issuer.Token()
	if err != nil {
		return false, err
	}
	if r.good = s.with(r, "good token", token); !r.good.good() {
		s.fail(r, "good token", r.good, wantGood+". "+s.explain(token))
		return false, nil
	}
	s.mustBeGood(r, "good token", r.good)
	if token, err = s.issuer.Token(); err != nil {
		return false, err
	}
	s.mustBeGood(r, "good token", s.with(r, "good token", token))
	for _, scheme := range []struct{ what, text string }{
		{"good token behind bearer in lower case", "bearer "}, // RFC 9110, section 11.1
		{"good token behind two spaces", "Bearer  "},          // RFC 9110, section 11.4
	} {
		s.mustBeGood(r, scheme.what, s.ask(r, scheme.what, r.method, r.target, authorization(scheme.text+token), token))
	}
	return true, nil
}

// explain says what the issuer's own verifier finds about a token that was refused.
func (s *suite) explain(token string) string {
	verifier, err := jwtverify.New(s.issuer.Config())
	if err != nil {
		return fmt.Sprintf("No verifier can be made: %v", err)
	}
	report := verifier.Explain(context.Background(), token)
	if report.Err == nil {
		return fmt.Sprintf("Explain finds nothing wrong with it, for issuer %q and audience %q: does the API trust these, by iss.Verifier() or iss.Config(), and have the tokens the scope that it asks for (WithClaims)?",
			s.issuer.URL(), s.issuer.Audience())
	}
	for _, check := range report.Checks {
		if check.Status == jwtverify.Fail {
			return fmt.Sprintf("Explain finds %s: expected %s, found %s. %s", check.Code, check.Expected, check.Found, check.Next)
		}
	}
	return fmt.Sprintf("Explain finds: %v", report.Err)
}

// Step 2. It returns false if the later steps would only report the same again.
func (s *suite) outageIsNoBadToken() (bool, error) {
	s.tb.Helper()
	if !s.askedForKeys() {
		s.tb.Errorf("issuertest: the issuer was never asked for its keys, so that an outage cannot be tested: either the API checks no signature, or it was not built with iss.Verifier() or iss.Config()")
		return true, nil
	}
	known := s.issuer.KeyID()
	// The fault starts before the rotations, so that no refresh comes in between.
	if err := s.issuer.Fault(issuer.Fault{Name: "status-503"}); err != nil {
		return false, err
	}
	defer s.issuer.Fault(issuer.Fault{})
	for range 2 {
		if _, err := s.issuer.Rotate(); err != nil {
			return false, err
		}
	}
	ofUnknown, err := s.issuer.Token()
	if err != nil {
		return false, err
	}
	ofKnown, err := s.issuer.SignWith(known)
	if err != nil {
		return false, err
	}
	asked := len(s.issuer.Requests())
	wait := time.Second
	for _, r := range s.routes {
		const unknownKey, knownKey = "token of a key that cannot be fetched", "token of a known key during an outage of the keys"
		const want = "503 with Retry-After and no Bearer challenge, since an outage says nothing about the token"
		got := s.with(r, unknownKey, ofUnknown)
		after, valid := retryAfter(got.header)
		switch {
		case got.status == http.StatusUnauthorized && len(s.issuer.Requests()) == asked:
			s.fail(r, unknownKey, got, want+". The issuer was not asked: either bad kids came to this API before, and Suite needs a new one, or it never asks for a kid that it does not know")
			return false, nil
		case got.status != http.StatusServiceUnavailable || len(got.challenges) > 0:
			s.fail(r, unknownKey, got, want)
		case !valid:
			s.fail(r, unknownKey, got, fmt.Sprintf("%s; Retry-After is %.100q", want, got.header.Get("Retry-After")))
		case r.behind(got) != "":
			s.fail(r, unknownKey, got, wantAlone)
		}
		wait = max(wait, after)
		s.mustBeGood(r, knownKey, s.with(r, knownKey, ofKnown))
	}
	if err := s.issuer.Fault(issuer.Fault{}); err != nil {
		return false, err
	}

	// It may take a little longer until the API fetches again.
	const longest = 10 * time.Second
	waited := min(wait, longest) + 10*time.Millisecond
	time.Sleep(waited)
	for _, r := range s.routes {
		const newKey, oldKey = "token signed by a new key, after an outage", "token signed by an old key, after an outage"
		got := s.with(r, newKey, ofUnknown)
		for ; got.status == http.StatusServiceUnavailable && waited < longest; waited += time.Second {
			time.Sleep(time.Second)
			got = s.with(r, newKey, ofUnknown)
		}
		if !s.mustBeGood(r, newKey, got) {
			return false, nil
		}
		s.mustBeGood(r, oldKey, s.with(r, oldKey, ofKnown))
	}
	return true, nil
}

func (s *suite) askedForKeys() bool {
	keys, err := url.Parse(s.issuer.KeysURL())
	return err == nil && slices.ContainsFunc(s.issuer.Requests(), func(r issuer.Request) bool { return r.Path == keys.Path })
}

// retryAfter reads Retry-After (RFC 9110, section 10.2.3).
func retryAfter(header http.Header) (after time.Duration, ok bool) {
	text := header.Get("Retry-After")
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second, true
	}
	date, err := http.ParseTime(text)
	return time.Until(date), err == nil
}

// Step 3.
func (s *suite) nothingIsRefused(r *route, good string) {
	s.tb.Helper()
	const want = "401 with a Bearer challenge without error (RFC 6750, section 3.1)"
	head := s.ask(r, "HEAD with a good token", http.MethodHead, r.target, authorization("Bearer "+good), good)
	for _, credentials := range []struct {
		what string
		edit func(*http.Request)
	}{
		{"no Authorization", nil},
		{"empty Authorization", authorization("")},
		{"Authorization with Basic", func(request *http.Request) { request.SetBasicAuth("user", "password") }},
	} {
		got := s.ask(r, credentials.what, r.method, r.target, credentials.edit)
		switch {
		case !got.asksForToken():
			s.fail(r, credentials.what, got, want)
		case r.behind(got) != "":
			s.fail(r, credentials.what, got, wantAlone)
		}
		what := "HEAD with " + credentials.what
		got = s.ask(r, what, http.MethodHead, r.target, credentials.edit)
		// A router may tell everybody that the route has no HEAD.
		none := got.isNoPage() && got.status == head.status
		switch {
		case !got.asksForToken() && !none:
			s.fail(r, what, got, want)
		case r.behind(got) != "":
			s.fail(r, what, got, wantAlone)
		case got.body != "" && !none:
			s.fail(r, what, got, fmt.Sprintf("no body, where there are %d bytes (net/http drops them, other servers do not)", len(got.body)))
		}
	}
}

func (got reply) asksForToken() bool {
	return got.status == http.StatusUnauthorized && len(got.challenges) > 0 &&
		!slices.ContainsFunc(got.challenges, func(c challenge.Challenge) bool { _, has := c.Parameters["error"]; return has })
}

// Step 4. It returns the tokens that are refused as they should be. The others are
// reported together if they are bad for the same reason and get the same response.
func (s *suite) badIsRefused(r *route, tokens []issuer.BadToken) (refused []issuer.BadToken) {
	s.tb.Helper()
	type finding struct {
		reason    error
		got, want string
	}
	var findings []finding
	names := map[finding][]string{}
	for _, bad := range tokens {
		what := fmt.Sprintf("bad token %q", bad.Name)
		got := s.with(r, what, bad.Token)
		want := `401 with a Bearer challenge with error="invalid_token" (RFC 6750, section 3.1)`
		ok := got.status == http.StatusUnauthorized && slices.ContainsFunc(got.challenges, func(c challenge.Challenge) bool { return c.Parameters["error"] == "invalid_token" })
		if !fitsHeader(bad.Token) {
			want = "400 or 401, since no token has this form"
			ok = got.status == http.StatusBadRequest || got.status == http.StatusUnauthorized
		}
		behind := r.behind(got)
		if ok && behind == "" {
			refused = append(refused, bad)
			continue
		} else if ok {
			want = wantAlone
		}
		f := finding{bad.Err, got.String() + behind, want}
		if r.same(got) {
			f.got += ", the answer to a good token"
		}
		if names[f] == nil {
			findings = append(findings, f)
		}
		names[f] = append(names[f], strconv.Quote(bad.Name))
	}
	for _, f := range findings {
		many := "token"
		if len(names[f]) > 1 {
			many = "tokens"
		}
		s.tb.Errorf("issuertest: %s, bad %s %s: got %s, want %s, for the reason: %s",
			r.name, many, strings.Join(names[f], ", "), f.got, f.want, reasonText(f.reason))
	}
	return refused
}

// reasonText is the text of an error of jwtverify without its prefix.
func reasonText(reason error) string {
	return strings.TrimPrefix(reason.Error(), errors.Unwrap(reason).Error()+": ")
}

// fitsHeader reports whether a token can be sent after Bearer: it is a b64token
// (RFC 6750, section 2.1) and not longer than servers accept.
func fitsHeader(token string) bool {
	const characters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/"
	bare := strings.TrimRight(token, "=")
	return bare != "" && len(token) <= 16<<10 && strings.Trim(bare, characters) == ""
}

// same reports whether a response is the one to a good token. 404 and 405 are not.
func (r *route) same(got reply) bool {
	if got.status != r.good.status || got.isNoPage() {
		return false
	}
	if len(r.bodies) > 1 {
		return got.header.Get("Content-Type") == r.good.header.Get("Content-Type")
	}
	return got.body == r.good.body
}

// Step 5.
func (s *suite) elsewhereIsRefused(r *route, good string, tokens []issuer.BadToken) {
	s.tb.Helper()
	values := url.Values{"access_token": {good}, "token": {good}}.Encode()
	query := r.target + "?" + values
	if strings.Contains(r.target, "?") {
		query = r.target + "&" + values
	}
	bad := ""
	for _, b := range tokens {
		if b.Name == "signature-bit" {
			bad = b.Token
		}
	}
	for _, place := range []struct {
		what, target string
		edit         func(*http.Request)
		two          bool
	}{
		{"good token in the query only", query, nil, false},
		{"good token in a form only", r.target, func(request *http.Request) {
			request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			request.Body = io.NopCloser(strings.NewReader(values))
			request.ContentLength = int64(len(values))
		}, false},
		{"good token in a cookie only", r.target, func(request *http.Request) {
			request.AddCookie(&http.Cookie{Name: "access_token", Value: good})
			request.AddCookie(&http.Cookie{Name: "token", Value: good})
		}, false},
		{"two Authorization headers, the first with a good token", r.target, authorization("Bearer "+good, "Bearer "+bad), true},
		{"two Authorization headers, the last with a good token", r.target, authorization("Bearer "+bad, "Bearer "+good), true},
	} {
		got := s.ask(r, place.what, r.method, place.target, place.edit, good, bad)
		switch {
		case got.status == http.StatusUnauthorized || place.two && got.status == http.StatusBadRequest:
			if r.behind(got) != "" {
				s.fail(r, place.what, got, wantAlone)
			}
		case place.two:
			s.fail(r, place.what, got, "400 or 401, since it is unclear which of them is used")
		default:
			s.fail(r, place.what, got, "401: only a token in Authorization may be used")
		}
	}
}

// Step 6.
func (s *suite) noWayAround(r *route, good string) {
	s.tb.Helper()
	// Ask again for the good response: it may hold the time, or say that the order
	// exists.
	if latest := s.with(r, "good token", good); s.mustBeGood(r, "good token", latest) {
		r.good = latest
	}
	slash := r.path() + "/"
	if bare := strings.TrimRight(r.path(), "/"); bare != r.path() && bare != "" {
		slash = bare
	}
	header := func(name, value string) func(*http.Request) {
		return func(request *http.Request) { request.Header.Set(name, value) }
	}
	for _, way := range []struct {
		what, method, target string
		edit                 func(*http.Request)
	}{
		{"OPTIONS", http.MethodOptions, r.target, nil},
		{"// in front of the path", r.method, "/" + r.target, nil},
		{"/./ in front of the path", r.method, "/." + r.target, nil},
		{"a final slash more or less", r.method, r.withPath(slash), nil},
		{"the path in capitals", r.method, r.withPath(strings.ToUpper(r.path())), nil},
		{"X-HTTP-Method-Override: OPTIONS", r.method, r.target, header("X-HTTP-Method-Override", http.MethodOptions)},
		{"OPTIONS and X-HTTP-Method-Override: " + r.method, http.MethodOptions, r.target, header("X-HTTP-Method-Override", r.method)},
		{"X-Original-URL: /", r.method, r.target, header("X-Original-URL", "/")},
		{"/ and X-Original-URL: " + r.target, r.method, "/", header("X-Original-URL", r.target)},
		{"X-Forwarded-Prefix: /public", r.method, r.target, header("X-Forwarded-Prefix", "/public")},
		{"X-Auth-Subject: admin", r.method, r.target, header("X-Auth-Subject", "admin")},
	} {
		what := "no token, but " + way.what
		got := s.ask(r, what, way.method, way.target, way.edit)
		if way.method == http.MethodOptions && r.method != http.MethodOptions {
			if got.status/100 == 2 && got.body != "" {
				s.fail(r, what, got, "a refusal, or for a preflight 2xx with an empty body")
			} else if r.behind(got) != "" {
				s.fail(r, what, got, wantAlone)
			}
			continue
		}
		switch {
		case r.same(got):
			s.fail(r, what, got, "anything but the answer to a good token")
		case r.behind(got) != "":
			s.fail(r, what, got, wantAlone)
		}
	}
}

// Step 7, the second part: good tokens, and bad ones that are refused when they come
// alone. Responses that leak are reported later, with all others.
func (s *suite) answersAreOnesOwn(r *route, good string) {
	s.tb.Helper()
	const concurrent = 16
	var replies [concurrent]reply
	var bad [concurrent]string // empty: a good token
	goods := int64(0)
	before := s.runs.Load()
	var wait sync.WaitGroup
	for i := range concurrent {
		token := good
		if i%2 == 1 && len(r.refused) > 0 {
			b := r.refused[i*len(r.refused)/concurrent]
			token, bad[i] = b.Token, b.Name
		} else {
			goods++
		}
		wait.Go(func() { replies[i] = s.with(r, "one of 16 concurrent requests", token) })
	}
	wait.Wait()
	if runs := s.runs.Load() - before; runs > goods {
		s.tb.Errorf("issuertest: %s, 16 concurrent requests: the handler ran %d times, want %d, once for each good token", r.name, runs, goods)
		return
	}
	for i, got := range replies {
		got.runs = 0 // they are those of all 16
		switch {
		case bad[i] == "" && !got.good():
			s.fail(r, "good token beside 15 concurrent requests", got, wantGood)
			return
		case bad[i] != "" && got.good() && got.status != http.StatusBadRequest:
			s.fail(r, fmt.Sprintf("bad token %q beside 15 concurrent requests", bad[i]), got, "the answer that it gets alone")
			return
		case bad[i] != "" && r.behind(got) != "":
			s.fail(r, fmt.Sprintf("bad token %q beside 15 concurrent requests", bad[i]), got, wantAlone)
			return
		}
	}
}

// A leak is a response that holds a part of a token.
type leak struct {
	route *route
	what  string // the request
	where string
}

// leaksInto says where a response holds a part of a token: any 23 characters in a
// row, except the first ones of the header, which all tokens of all issuers share.
func leaksInto(got reply, token string) (where string) {
	const size, step, common = 16, 8, 24
	texts := map[string]string{"the body": got.body}
	for name, values := range got.header {
		texts["the header "+name] = name + ": " + strings.Join(values, "\n")
	}
	for i := common; i+size <= len(token); i += step {
		for where, text := range texts {
			if strings.Contains(text, token[i:i+size]) {
				return where
			}
		}
	}
	return ""
}

// Step 7, the first part, for all responses so far.
func (s *suite) nothingLeaks() {
	s.tb.Helper()
	for _, r := range s.routes {
		var of []leak
		for _, l := range s.leaks {
			if l.route == r {
				of = append(of, l)
			}
		}
		if len(of) > 0 {
			s.tb.Errorf("issuertest: %s, %s: got a part of the token in %s, want none in any answer (so in %d of them)", r.name, of[0].what, of[0].where, len(of))
		}
	}
}
