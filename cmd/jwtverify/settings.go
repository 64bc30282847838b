package main

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"example.com/jwtverify"
	"example.com/jwtverify/internal/fetch"
)

// settings say which tokens are trusted. With --lines any of them may be absent,
// since each line can bring its own.
type settings struct {
	issuer    string
	audiences []string
	keys      jwtverify.KeySource // a *Cache; nil: noKeys says why
	source    jwtverify.KeySource // what the Cache in keys asks; nil as keys
	address   string              // where the keys are: a URL or a path, for messages
	noKeys    error
	timeout   time.Duration // as in jwtverify.Cache
	leeway    time.Duration // as in jwtverify.Config
	claim     string        // Config.AudienceClaim
	typ       string        // Config.Type
	now       func() time.Time
}

// settings puts the flags over the environment, and that over the env file. The
// transport is for retrieving the keys; nil means the network. The error says what
// is wrong; what is missing, verifier says.
func (s *session) settings(f *flags, transport http.RoundTripper) (settings, error) {
	env := s.env
	if f.given["env-file"] {
		file, err := readEnvFile(f.envFile)
		if err != nil {
			return settings{}, err
		}
		env = func(name string) string { return cmp.Or(s.env(name), file[name]) }
	}
	if transport == nil {
		transport = s.network()
	}
	set, err := f.settings(env, &http.Client{Transport: transport})
	set.now = s.now
	return set, err
}

func (f *flags) settings(env func(string) string, client *http.Client) (settings, error) {
	s := settings{timeout: f.timeout, leeway: f.leeway, claim: f.audienceClaim, typ: f.typ}
	var source jwtverify.KeySource
	switch domain := env("AUTHACTION_DOMAIN"); {
	case f.given["issuer"]:
		s.issuer = f.issuer
		if err := checkPlaceholder("--issuer", f.issuer); err != nil {
			return settings{}, err
		}
	case domain != "":
		if err := checkDomain(domain); err != nil {
			return settings{}, err
		}
		s.issuer = "https://" + domain
		s.address = s.issuer + "/.well-known/jwks.json"
		source = jwtverify.HTTPKeySource{URL: s.address, Client: client}
	}

	if !f.given["audience"] && env("AUTHACTION_AUDIENCE") != "" {
		s.audiences = []string{env("AUTHACTION_AUDIENCE")}
	} else {
		s.audiences = f.audiences
	}
	for _, audience := range s.audiences {
		if audience == "" {
			return settings{}, audienceMissing(`""`)
		}
		if err := checkPlaceholder("the audience", audience); err != nil {
			return settings{}, err
		}
	}

	switch {
	case f.given["jwks-url"] && f.given["jwks-file"]:
		return settings{}, errors.New("--jwks-url and --jwks-file are both given: want one place where the keys are")
	case f.given["jwks-file"]:
		s.address, source = f.jwksFile, jwtverify.FileKeySource(f.jwksFile)
		if f.jwksFile == "" {
			return settings{}, errors.New("--jwks-file is empty: want the path of a JWK Set, a JWK or PEM")
		}
	case f.given["jwks-url"]:
		s.address, source = f.jwksURL, jwtverify.HTTPKeySource{URL: f.jwksURL, Client: client}
		if err := checkAddress("--jwks-url", f.jwksURL); err != nil {
			return settings{}, err
		}
	case s.issuer != "" && f.given["issuer"]:
		s.address = strings.TrimSuffix(s.issuer, "/") + metadataPath
		source = jwtverify.DiscoveryKeySource{Issuer: s.issuer, Client: client}
		s.noKeys = checkAddress("--issuer", s.issuer)
	case s.issuer == "":
		s.noKeys = keysMissing()
	}
	return s.withSource(source)
}

const metadataPath = "/.well-known/openid-configuration"

// withSource completes s by a source. Whether the values are in bounds is New's to
// judge, one at a time, so that the message can name the flag.
func (s settings) withSource(source jwtverify.KeySource) (settings, error) {
	fits := func(keys jwtverify.KeySource, leeway time.Duration) error {
		_, err := jwtverify.New(jwtverify.Config{Issuer: "any", Audiences: []string{"any"}, Keys: keys, Leeway: leeway})
		return err
	}
	if err := fits(anyKeys, s.leeway); err != nil {
		return settings{}, fmt.Errorf("--leeway: %w", err)
	}
	if _, err := jwtverify.New(jwtverify.Config{Issuer: "any", Audiences: []string{"any"}, Keys: anyKeys, Type: s.typ, AudienceClaim: s.claim}); err != nil {
		return settings{}, inFlags(err)
	}
	if err := fits(&jwtverify.Cache{Source: anyKeys, Timeout: s.timeout}, 0); err != nil {
		return settings{}, fmt.Errorf("--timeout: %w", err)
	}
	if source == nil || s.noKeys != nil {
		return s, nil
	}
	// One Cache, so that the keys are the same for every verifier of the run.
	cache := &jwtverify.Cache{Source: source, Timeout: s.timeout}
	if err := fits(cache, 0); err != nil {
		if _, discovery := source.(jwtverify.DiscoveryKeySource); !discovery {
			return settings{}, inFlags(err)
		}
		// An issuer may be any text. It fails where its keys are needed.
		s.noKeys = fmt.Errorf("%w; pass --jwks-url or --jwks-file where the issuer has no metadata", inFlags(err))
		return s, nil
	}
	s.keys, s.source = cache, source
	return s, nil
}

// inFlags is an error of New in the words of the command line.
func inFlags(err error) error {
	text := strings.TrimPrefix(strings.TrimPrefix(err.Error(), "jwtverify: "), "Config.Keys: Cache.Source: ")
	return errors.New(strings.NewReplacer("Config.AudienceClaim", "--audience-claim", "Config.Type", "--type", "HTTPKeySource.URL", "--jwks-url", "DiscoveryKeySource.Issuer", "--issuer",
		"use Header or Client to authenticate", "the keys must be public").Replace(text))
}

// anyKeys stands where New needs a source that is never asked.
var anyKeys = jwtverify.KeySourceFunc(new(jwtverify.KeySet).Keys)

// verifier returns the verifier of complete settings, without any I/O: the keys are
// retrieved by the first token. The error says what is missing.
func (s settings) verifier() (*jwtverify.Verifier, error) {
	if err := s.incomplete(); err != nil {
		return nil, err
	}
	return jwtverify.New(jwtverify.Config{
		Issuer:    s.issuer,
		Audiences: s.audiences,
		Keys:      s.keys,
		Leeway:    s.leeway,
		Now:       s.now,

		AudienceClaim: s.claim,
		Type:          s.typ,
	})
}

// incomplete says what is missing, nil if nothing is.
func (s settings) incomplete() error {
	switch {
	case s.issuer == "":
		return &problem{
			text: "no issuer is set", code: "config-domain-missing",
			expected: "a tenant domain such as acme.eu.authaction.com, or an issuer", found: "nothing",
		}
	case len(s.audiences) == 0:
		return audienceMissing("nothing")
	case s.keys == nil:
		return s.noKeys
	}
	return nil
}

func audienceMissing(found string) error {
	return &problem{
		text: "no audience is set", code: "config-audience-missing",
		expected: "the API identifier that tokens for this service carry as aud", found: found,
	}
}

func keysMissing() error {
	return &problem{
		text: "nothing says where the keys are", code: "config-domain-missing", cause: "keys",
		expected: "a tenant domain, an issuer or a key set", found: "nothing",
	}
}

// checkDomain wants a bare host name, since the issuer is built from it byte for
// byte.
func checkDomain(domain string) error {
	if err := checkPlaceholder("AUTHACTION_DOMAIN", domain); err != nil {
		return err
	}
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._"
	host, port, hasPort := strings.Cut(domain, ":")
	_, err := strconv.ParseUint(port, 10, 16)
	if host != "" && strings.Trim(host, letters) == "" && (!hasPort || err == nil) {
		return nil
	}
	return &problem{
		text: "AUTHACTION_DOMAIN is no bare host name", code: "config-domain-form",
		expected: "a host name such as acme.eu.authaction.com, a port allowed", found: quoted(domain),
	}
}

func checkPlaceholder(name, value string) error {
	if !strings.Contains(value, "your-authaction-") {
		return nil
	}
	return &problem{
		text: name + " is still the sample of the guide", code: "config-placeholder",
		expected: "your tenant's value", found: quoted(value),
	}
}

// shownAddress is what of an address may be shown: a user name or a query may be
// secret.
func shownAddress(address string) string {
	if u, err := url.Parse(address); err == nil && u.Host != "" {
		return safe(u.Scheme + "://" + u.Host + u.EscapedPath())
	}
	address, _, _ = strings.Cut(address, "?")
	return safe(address[strings.LastIndexByte(address, '@')+1:])
}

// checkAddress refuses plain http beyond loopback: whoever can change the answer can
// sign tokens. All else about an address is New's to judge.
func checkAddress(flag, address string) error {
	if err := checkPlaceholder(flag, address); err != nil {
		return err
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" || fetch.IsLoopback(u.Hostname()) {
		return nil
	}
	cause := ""
	if flag == "--issuer" {
		cause = "issuer"
	}
	return &problem{
		text: flag + " is plain http beyond this machine", code: "config-insecure-url", cause: cause,
		expected: "an https URL; http is for localhost, 127.0.0.0/8 and ::1 only", found: quoted(shownAddress(address)),
	}
}
