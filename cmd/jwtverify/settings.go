package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"

	"example.com/jwtverify"
	"example.com/jwtverify/internal/envfile"
	"example.com/jwtverify/internal/fetch"
	"example.com/jwtverify/internal/screen"
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
	header    http.Header   // of requests for keys
	now       func() time.Time
	words     words
}

// settings puts the flags over the environment, and that over the env file. The
// transport is for retrieving the keys; nil means the network. The error says what
// is wrong; what is missing, verifier says.
func (s *session) settings(f *flags, transport http.RoundTripper) (settings, error) {
	layers := []func(string) string{s.env}
	if f.given["env-file"] {
		file, err := envfile.Read(f.envFile)
		if err != nil {
			return settings{}, fmt.Errorf("--env-file: %w", err)
		}
		layers = append(layers, func(name string) string { return file[name] })
	}
	if transport == nil {
		transport = s.network(f)
	}
	set, err := f.settings(layers, &http.Client{Transport: transport})
	set.now = s.now
	f.inUse = set
	return set, err
}

// setting returns a value and what it is called where it stands: a flag, else a variable
// of the first layer that has one.
func (f *flags) setting(flag, value string, layers []func(string) string, variables ...string) (string, string) {
	if f.given[flag] {
		return value, "--" + flag
	}
	for _, layer := range layers {
		for _, name := range variables {
			if value := layer(name); value != "" {
				return value, name
			}
		}
	}
	return "", ""
}

func (f *flags) settings(layers []func(string) string, client *http.Client) (settings, error) {
	s := settings{timeout: f.timeout, leeway: f.leeway, claim: f.audienceClaim, typ: f.typ}
	var err error
	if s.header, err = f.header(); err != nil {
		return settings{}, err
	}
	var source jwtverify.KeySource
	s.issuer, s.words.issuer = f.setting("issuer", f.issuer, layers, "AUTHACTION_DOMAIN", "ISSUER")
	check := checkPlaceholder(s.words.issuer, s.issuer)
	if s.words.issuer == "AUTHACTION_DOMAIN" {
		check = checkDomain(s.issuer)
		s.issuer = "https://" + s.issuer
		s.address = s.issuer + "/.well-known/jwks.json"
		source = jwtverify.HTTPKeySource{URL: s.address, Client: client, Header: s.header}
	}
	if check != nil {
		return settings{words: s.words}, check
	}

	audience, name := f.setting("audience", "", layers, "AUTHACTION_AUDIENCE", "AUDIENCE")
	if s.words.audience, s.audiences = name, f.audiences; audience != "" {
		s.audiences = []string{audience}
	}
	for _, audience := range s.audiences {
		if audience == "" {
			return settings{words: s.words}, s.audienceMissing(`""`)
		}
		if err := checkPlaceholder("the audience", audience); err != nil {
			return settings{words: s.words}, err
		}
	}

	address, name := f.setting("jwks-url", f.jwksURL, layers, "JWKS_URL")
	switch {
	case f.given["jwks-url"] && f.given["jwks-file"]:
		return settings{words: s.words}, errors.New("--jwks-url and --jwks-file are both given: want one place where the keys are")
	case f.given["jwks-file"]:
		s.words.keys, s.address, source = "--jwks-file", f.jwksFile, jwtverify.FileKeySource(f.jwksFile)
		if f.jwksFile == "" {
			return settings{words: s.words}, errors.New("--jwks-file is empty: want the path of a JWK Set, a JWK or PEM")
		}
	case name != "":
		s.words.keys, s.address, source = name, address, jwtverify.HTTPKeySource{URL: address, Client: client, Header: s.header}
		if err := checkAddress(name, address); err != nil {
			return settings{words: s.words}, err
		}
	case s.issuer == "":
		s.noKeys = s.missing("config-domain-missing", "keys", "nothing says where the keys are", "an issuer or a key set", "nothing")
	case source == nil:
		s.address = strings.TrimSuffix(s.issuer, "/") + metadataPath
		source = jwtverify.DiscoveryKeySource{Issuer: s.issuer, Client: client, Header: s.header}
		s.noKeys = checkAddress(s.words.issuer, s.issuer)
	}
	return s.withSource(source)
}

const metadataPath = "/.well-known/openid-configuration"

// header returns what --header adds to the requests for keys. No error repeats a value,
// which may be secret.
func (f *flags) header() (http.Header, error) {
	header := make(http.Header)
	for _, line := range f.headers {
		name, value, found := strings.Cut(line, ":")
		if !found || name == "" || strings.ContainsAny(name, " \t") || strings.ContainsFunc(line, unicode.IsControl) {
			return nil, errors.New("--header: want a name, a colon and a value, such as 'Authorization: Bearer …'")
		}
		header.Add(name, strings.TrimSpace(value))
	}
	return header, nil
}

// withSource completes s by a source. Whether the values are in bounds is New's to judge.
func (s settings) withSource(source jwtverify.KeySource) (settings, error) {
	config := jwtverify.Config{Issuer: "any", Audiences: []string{"any"}, Leeway: s.leeway, Type: s.typ, AudienceClaim: s.claim,
		Keys: &jwtverify.Cache{Source: anyKeys, Timeout: s.timeout}}
	if _, err := jwtverify.New(config); err != nil {
		return settings{}, s.inFlags(err)
	}
	if source == nil || s.noKeys != nil {
		return s, nil
	}
	// One Cache, so that the keys are the same for every verifier of the run.
	cache := &jwtverify.Cache{Source: source, Timeout: s.timeout}
	config.Keys = cache
	if _, err := jwtverify.New(config); err != nil {
		if _, discovery := source.(jwtverify.DiscoveryKeySource); !discovery {
			return settings{}, s.inFlags(err)
		}
		// An issuer may be any text. It fails where its keys are needed.
		s.noKeys = fmt.Errorf("%w; pass --jwks-url or --jwks-file where the issuer has no metadata", s.inFlags(err))
		return s, nil
	}
	s.keys, s.source = cache, source
	return s, nil
}

// inFlags is an error of New in the words of the command line.
func (s settings) inFlags(err error) error {
	text := strings.TrimPrefix(strings.TrimPrefix(err.Error(), "jwtverify: "), "Config.Keys: ")
	return errors.New(strings.NewReplacer("Config.Issuer", s.words.of("{issuer}"), "Config.Audiences", s.words.of("{audience}"), "Config.AudienceClaim", "--audience-claim",
		"Config.Type", "--type", "Config.Leeway", "--leeway", "Cache.Timeout", "--timeout", "Cache.Source: ", "",
		"HTTPKeySource.URL", s.words.of("{keys}"), "DiscoveryKeySource.Issuer", s.words.of("{issuer}"), "Header or Client", "--header").Replace(text))
}

// anyKeys stands where New needs a source that is never asked.
var anyKeys = jwtverify.KeySourceFunc(new(jwtverify.KeySet).Keys)

// verifier returns the verifier of complete settings, without any I/O: the keys are
// retrieved by the first token. The error says what is missing.
func (s settings) verifier() (*jwtverify.Verifier, error) {
	if err := s.incomplete(); err != nil {
		return nil, err
	}
	v, err := jwtverify.New(jwtverify.Config{
		Issuer: s.issuer, Audiences: s.audiences, Keys: s.keys, Leeway: s.leeway, Now: s.now, AudienceClaim: s.claim, Type: s.typ,
	})
	if err != nil {
		return nil, s.inFlags(err)
	}
	return v, nil
}

// incomplete says what is missing, nil if nothing is.
func (s settings) incomplete() error {
	switch {
	case s.issuer == "":
		expected := "an issuer: the exact iss of the tokens"
		if s.words.guide() {
			expected = "a tenant domain such as acme.eu.authaction.com"
		}
		return s.missing("config-domain-missing", "", "no issuer is set", expected, "nothing")
	case len(s.audiences) == 0:
		return s.audienceMissing("nothing")
	case s.keys == nil:
		return s.noKeys
	}
	return nil
}

func (s settings) audienceMissing(found string) error {
	return s.missing("config-audience-missing", "", "no audience is set", "the API identifier that tokens for this service carry as aud", found)
}

func (s settings) missing(code, cause, text, expected, found string) error {
	return &problem{text: text, code: code, cause: cause, expected: expected, found: found, words: s.words}
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
		text: "AUTHACTION_DOMAIN is not a bare host name", code: "config-domain-form",
		expected: "a host name such as acme.eu.authaction.com, a port allowed", found: screen.Quoted(domain),
	}
}

func checkPlaceholder(name, value string) error {
	if !strings.Contains(value, "your-authaction-") {
		return nil
	}
	return &problem{
		text: name + " is still the sample of the guide", code: "config-placeholder",
		expected: "your tenant's value", found: screen.Quoted(value),
	}
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
	if flag == "--issuer" || flag == "ISSUER" {
		cause = "issuer"
	}
	return &problem{
		text: flag + " is plain http beyond this machine", code: "config-insecure-url", cause: cause,
		expected: "an https URL; http is for localhost, 127.0.0.0/8 and ::1 only", found: screen.Quoted(screen.Address(address)),
	}
}
