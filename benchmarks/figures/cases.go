package main

import (
	"cmp"
	"encoding/base64"
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
func credentials(iss *issuer.Issuer) ([]credential, error) {
	good, err := iss.Token()
	if err != nil {
		return nil, err
	}
	all, err := iss.BadTokens()
	if err != nil {
		return nil, err
	}
	bad := map[string]string{}
	for _, b := range all {
		bad[b.Name] = b.Token
	}
	forged, err := forge(good, 0)
	if err != nil {
		return nil, err
	}
	bound, err := iss.Token(issuer.Claims{"cnf": issuer.Claims{"jkt": "x"}})
	if err != nil {
		return nil, err
	}
	textIAT, err := iss.Token(issuer.Claims{"iat": "1700000000"})
	if err != nil {
		return nil, err
	}
	token := func(token string) []string { return []string{"Bearer " + token} }
	list := []credential{
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
		{"a forged kid", token(forged), unknownKey, 401, notValid},
		{"a path as kid", token(bad["kid-path"]), unknownKey, 401, notValid},
		{"by the encryption key", token(bad["kid-of-enc-key"]), unknownKey, 401, notValid},
	}
	for _, c := range list {
		for _, value := range c.values {
			if value == "Bearer " {
				return nil, fmt.Errorf("the issuer has no bad token for %q", c.name)
			}
		}
	}
	return list, nil
}

// everyBadToken are all bad tokens of the issuer, as credentials for good keys.
func everyBadToken(iss *issuer.Issuer) ([]credential, error) {
	all, err := iss.BadTokens()
	if err != nil {
		return nil, err
	}
	var list []credential
	for _, b := range all {
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
	return list, nil
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
func (p plan) cases() (result, error) {
	var t tally
	var wg sync.WaitGroup
	failures := make([]error, len(p.states))
	for i, state := range p.states {
		wg.Go(func() { failures[i] = p.casesIn(state, &t) })
	}
	wg.Wait()
	for _, err := range failures {
		if err != nil {
			return result{}, err
		}
	}
	ours := fmt.Sprintf("%s of %s; %s were 500", thousands(t.right), thousands(t.asked), cmp.Or(thousands(t.errors500), "0"))
	if t.wrong != "" {
		ours += "; wrong is " + t.wrong
	}
	return result{ours, t.right == t.asked && t.errors500 == 0 && t.asked >= 136}, nil
}

func (p plan) casesIn(state string, t *tally) error {
	s, err := p.newSite()
	if err != nil {
		return err
	}
	defer s.close()
	list, err := credentials(s.iss)
	if err != nil {
		return err
	}
	warm, _, err := s.newWarmAPI()
	if err != nil {
		return err
	}
	if state == "" {
		all, err := everyBadToken(s.iss)
		if err != nil {
			return err
		}
		for _, c := range all {
			if err := t.ask(warm, "GET", "/protected", c, c.status, c.challenge, "healthy"); err != nil {
				return err
			}
		}
	}
	cold, err := s.newAPI()
	if err != nil {
		return err
	}
	if err := s.iss.Fault(issuer.Fault{Name: state}); err != nil {
		return err
	}
	keysCome := keysComeIn[state]
	if state == "slow" && p.timeout < 3*time.Second {
		keysCome = false
	}
	for _, api := range []struct {
		*api
		hasKeys bool
	}{{warm, true}, {cold, false}} {
		for _, route := range routes {
			for _, c := range list {
				status, challenge := c.status, c.challenge
				switch {
				case route.public:
					status, challenge = route.status, ""
				case !keysCome && (c.needs == unknownKey || c.needs == knownKey && !api.hasKeys):
					status, challenge = http.StatusServiceUnavailable, ""
				case status == http.StatusOK:
					status = route.status
				}
				if err := t.ask(api.api, route.method, route.path, c, status, challenge, cmp.Or(state, "healthy")); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// ask judges one answer.
func (t *tally) ask(a *api, method, path string, c credential, status int, challenge, state string) error {
	response, err := a.ask(method, path, c.values)
	if err != nil {
		return err
	}
	got := response.Header.Get("WWW-Authenticate")
	retry := response.Header.Get("Retry-After") != ""
	right := response.StatusCode == status && got == challenge && retry == (status == http.StatusServiceUnavailable)
	t.add(right, response.StatusCode, fmt.Sprintf("%s %s with %s, issuer %s: %d %s", method, path, c.name, state, response.StatusCode, got))
	return nil
}

func encode(data []byte) string { return base64.RawURLEncoding.EncodeToString(data) }

// thousands is a number as people write it.
func thousands(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", thousands(n/1000), n%1000)
}
