package main

import (
	"cmp"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"example.com/jwtverify"
	"example.com/jwtverify/internal/issuer"
)

// A credential is what a client sends, and what package bearer must answer where the
// keys can be had.
type credential struct {
	name   string
	values []string // of Authorization
	needs  need
	status int // 200: what the route answers
	// In WWW-Authenticate.
	challenge string
}

// A need says what must be known to judge a credential.
type need int

const (
	nothing    need = iota
	knownKey        // a key that a verifier has as soon as it has any
	unknownKey      // a look at the keys as they are now
)

const (
	bare        = `Bearer realm="api"`
	malformed   = bare + `, error="invalid_request", error_description="The Authorization header field is malformed"`
	tooMany     = bare + `, error="invalid_request", error_description="More than one Authorization header field"`
	tooLong     = bare + `, error="invalid_request", error_description="The access token is too long"`
	notValid    = bare + `, error="invalid_token", error_description="The access token is not valid"`
	notYetValid = bare + `, error="invalid_token", error_description="The access token is not valid yet"`
	hasExpired  = bare + `, error="invalid_token", error_description="The access token has expired"`
)

// credentials are made anew for an issuer.
func credentials(iss *issuer.Issuer) []credential {
	good, bad := must(iss.Token()), badTokens(iss)
	bound, textIAT := must(iss.Token(issuer.Claims{"cnf": issuer.Claims{"jkt": "x"}})), must(iss.Token(issuer.Claims{"iat": "1700000000"}))
	token := func(token string) []string { return []string{"Bearer " + token} }
	return []credential{
		{"no header", nil, nothing, 401, bare},
		{"an empty header", []string{""}, nothing, 401, bare},
		{"another scheme", []string{"Basic YTpi"}, nothing, 401, bare},
		{"a scheme without token", []string{"Bearer"}, nothing, 400, malformed},
		{"two headers", []string{"Bearer " + good, "Bearer " + good}, nothing, 400, tooMany},
		{"text that is no token", []string{"Bearer to ken"}, nothing, 400, malformed},
		{"a token over 16 KiB", token(strings.Repeat("x", 16<<10+1)), nothing, 400, tooLong},
		{"three parts of nothing", token("x.y.z"), nothing, 401, notValid},
		{"alg none", token(bad["alg-none-no-signature"]), nothing, 401, notValid},
		{"HS256 with the public key", token(bad["alg-HS256-public-pem"]), nothing, 401, notValid},
		{"a critical extension", token(bad["crit-unknown"]), nothing, 401, notValid},
		{"a good token", token(good), knownKey, 200, ""},
		{"a good token, bearer", []string{"bearer " + good}, knownKey, 200, ""},
		{"an expired token", token(bad["expired"]), knownKey, 401, hasExpired},
		{"a token of tomorrow", token(bad["nbf-future"]), knownKey, 401, notYetValid},
		{"another audience", token(bad["aud-other"]), knownKey, 401, notValid},
		{"another issuer", token(bad["iss-other"]), knownKey, 401, notValid},
		{"an altered token", token(bad["payload-swapped"]), knownKey, 401, notValid},
		{"an attacker's key with a good kid", token(bad["attacker-key-same-kid"]), knownKey, 401, notValid},
		{"no aud", token(bad["aud-missing"]), knownKey, 401, notValid},
		{"no exp", token(bad["exp-missing"]), knownKey, 401, notValid},
		{"iat as text", token(textIAT), knownKey, 401, notValid},
		{"bound to a key", token(bound), knownKey, 401, notValid},
		{"a forged kid", token(forge(good, 0)), unknownKey, 401, notValid},
		{"a path as kid", token(bad["kid-path"]), unknownKey, 401, notValid},
		{"by the encryption key", token(bad["kid-of-enc-key"]), unknownKey, 401, notValid},
	}
}

// badTokens are the bad tokens of the issuer by name. One that is not there would be
// an empty token, which is malformed, and a case that is not answered right.
func badTokens(iss *issuer.Issuer) map[string]string {
	bad := map[string]string{}
	for _, b := range must(iss.BadTokens()) {
		bad[b.Name] = b.Token
	}
	return bad
}

// everyBadToken are all bad tokens of the issuer, as credentials for good keys.
func everyBadToken(iss *issuer.Issuer) (list []credential) {
	for _, b := range must(iss.BadTokens()) {
		c := credential{b.Name, []string{"Bearer " + b.Token}, knownKey, 401, notValid}
		switch bareToken := strings.TrimRight(b.Token, "="); {
		case strings.ContainsAny(b.Token, "\r\n"):
			continue // cannot stand in a header
		case strings.TrimSpace(b.Token) == "" || strings.Trim(bareToken, b64token) != "":
			c.status, c.challenge = 400, malformed
		case len(b.Token) > 16<<10:
			c.status, c.challenge = 400, tooLong
		case b.Err == jwtverify.ErrExpired:
			c.challenge = hasExpired
		case b.Err == jwtverify.ErrNotYetValid:
			c.challenge = notYetValid
		}
		list = append(list, c)
	}
	return list
}

const b64token = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/" // RFC 6750, section 2.1

// routes are requests, and the status of each for a good token.
var routes = []struct {
	method, path string
	public       bool
	status       int
}{
	{"GET", "/public", true, 200},
	{"GET", "/protected", false, 200},
	{"HEAD", "/protected", false, 200},
	{"POST", "/protected", false, 405},
	{"OPTIONS", "/protected", false, 405},
	{"GET", "/unknown", false, 404},
}

// keysComeIn are the states of the issuer in which its keys can be had.
var keysComeIn = map[string]bool{"": true, "slow": true, "malformed-sibling": true, "wrong-issuer": true}

// A tally counts answers.
type tally struct {
	mu           sync.Mutex
	right, asked int
	errors500    int
	wrong        string // the first
}

func (t *tally) add(right bool, status int, what string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.asked++
	if status >= 500 && status != http.StatusServiceUnavailable {
		t.errors500++
	}
	if right {
		t.right++
	} else if t.wrong == "" {
		t.wrong = what
	}
}

// cases asks for every route with every credential in every state of the issuer, by an
// API that has the keys and by one that has not; and with every bad token there is.
func (p plan) cases() result {
	var t tally
	var wg sync.WaitGroup
	for _, state := range p.states {
		wg.Go(func() { p.casesIn(state, &t) })
	}
	wg.Wait()
	ours := fmt.Sprintf("%s of %s; %d were 500", thousands(t.right), thousands(t.asked), t.errors500)
	if t.wrong != "" {
		ours += "; wrong is " + t.wrong
	}
	return result{ours, t.right == t.asked && t.errors500 == 0 && t.asked >= 136}
}

func (p plan) casesIn(state string, t *tally) {
	s := p.newSite()
	defer s.close()
	list := credentials(s.iss)
	warm, _ := s.newWarmAPI()
	cold := s.newAPI()
	if state == "" {
		for _, c := range everyBadToken(s.iss) {
			t.ask(warm, "GET", "/protected", c, c.status, c.challenge, state)
		}
	}
	must(0, s.iss.Fault(issuer.Fault{Name: state}))
	keysCome := keysComeIn[state] && (state != "slow" || p.timeout >= 3*time.Second)
	for _, a := range []*api{warm, cold} {
		for _, route := range routes {
			for _, c := range list {
				status, challenge := c.status, c.challenge
				switch {
				case route.public:
					status, challenge = route.status, ""
				case !keysCome && (c.needs == unknownKey || c.needs == knownKey && a == cold):
					status, challenge = http.StatusServiceUnavailable, ""
				case status == http.StatusOK:
					status = route.status
				}
				t.ask(a, route.method, route.path, c, status, challenge, state)
			}
		}
	}
}

// ask judges one answer.
func (t *tally) ask(a *api, method, path string, c credential, status int, challenge, state string) {
	got := a.ask(method, path, c.values)
	right := got.status == status && got.challenge == challenge && got.retry == (status == http.StatusServiceUnavailable)
	t.add(right, got.status, fmt.Sprintf("%s %s with %s, issuer %s: %d %s", method, path, c.name, cmp.Or(state, "healthy"), got.status, got.challenge))
}

// thousands is a number as people write it.
func thousands(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", thousands(n/1000), n%1000)
}
