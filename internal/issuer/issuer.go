// Package issuer is an issuer of RS256 access tokens with its keys in memory: it
// issues good tokens and bad ones, publishes a JWK Set and the metadata that names
// it, has a token endpoint, rotates, revokes, and fails on demand. It is the engine
// behind package issuertest and `jwtverify demo`.
//
//	iss, err := issuer.New(issuer.Config{URL: "http://127.0.0.1:8180", Audience: "https://api.example.com"})
//	…
//	token, err := iss.Token(issuer.Claims{"sub": "m2m"})
//	http.Serve(listener, iss.Handler())
//
// The keys are 2048-bit RSA keys made by New, Rotate and Revoke, some 100 ms each,
// and are never written anywhere. An Issuer is safe for concurrent use. At rest it
// has no goroutine, timer or channel, so that one made outside a bubble of
// testing/synctest works inside; it opens no connection.
package issuer

import (
	"crypto/ecdsa"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"strings"
	"sync"
	"time"

	"example.com/jwtverify"
)

// Lifetime is the time from iat to exp of a token, unless Config or its claims say
// otherwise.
const Lifetime = time.Hour

// Claims are the members of a header or of claims, as encoding/json takes them.
type Claims = map[string]any

// Config says what an [Issuer] is like. URL and Audience are required.
type Config struct {
	// URL is where the issuer is reachable: https or http, host, perhaps a port
	// and a path, without final slash. The shape may add a path of its own; the sum
	// is the iss of the tokens.
	URL string

	// OneHost puts the keys on the host of URL even in a shape that has them on
	// another: over a socket nobody would find that.
	OneHost bool

	// Audience is the aud of the tokens.
	Audience string

	// Shape is the form of URLs, documents, headers and claims; the zero Shape is
	// AuthAction.
	Shape Shape

	// Claims replace those of the shape in every token; a nil value removes a
	// claim.
	Claims Claims

	// Lifetime is the time from iat to exp, 1 second or more; 0 means an hour.
	Lifetime time.Duration

	// Scope is what the token endpoint grants, separated by spaces: all of it, or
	// the part that a request asks for. Empty: any scope that is requested.
	Scope string

	// ClientSecret is the secret of every client at the token endpoint. Empty:
	// any secret but an empty one.
	ClientSecret string
}

// An Issuer issues tokens and publishes the keys to verify them with.
type Issuer struct {
	config Config
	shape  Shape
	base   *url.URL // Config.URL
	url    string   // the iss

	encryption *rsaKey
	elliptic   *ecdsa.PrivateKey
	beside     []jwk // the public halves of these two, published with the signing keys

	mu        sync.Mutex // guards what follows
	keys      []*rsaKey
	signing   *rsaKey
	announced *rsaKey
	advanced  time.Duration
	fault     Fault
	requests  []Request
	recent    recentTokens
	closed    bool
	waiting   map[*waiter]struct{}
}

// New returns an Issuer with fresh keys, or an error that names the field of the
// Config that is missing or wrong.
//
// Every set holds several kinds of keys, as those of real issuers do: the signing
// key, the next one, a key for encryption and an EC key.
func New(config Config) (*Issuer, error) {
	base, err := parseURL(config.URL)
	switch {
	case err != nil:
		return nil, err
	case config.Audience == "":
		return nil, errors.New(`the audience is empty: set it to the aud of the tokens, such as "https://api.example.com"`)
	case config.Lifetime != 0 && config.Lifetime < time.Second:
		return nil, fmt.Errorf("the lifetime is %v: want 1s or more, or 0 for %v", config.Lifetime, Lifetime)
	}
	if config.Lifetime == 0 {
		config.Lifetime = Lifetime
	}
	if config.Shape.name == "" {
		config.Shape = AuthAction()
	}
	config.Claims = maps.Clone(config.Claims)
	iss := &Issuer{
		config: config,
		shape:  config.Shape,
		base:   base,
		url:    config.URL + config.Shape.issuerPath,
	}
	if err := iss.makeKeys(); err != nil {
		return nil, err
	}
	return iss, nil
}

func parseURL(text string) (*url.URL, error) {
	base, err := url.Parse(text)
	switch {
	case text == "":
		return nil, errors.New(`the URL is empty: set it to the address of the issuer, such as "https://issuer.test"`)
	case err != nil:
		return nil, fmt.Errorf("the URL: %w", err)
	case base.Scheme != "https" && base.Scheme != "http" || base.Hostname() == "":
		return nil, fmt.Errorf("the URL is %q: want https:// or http://, and a host", text)
	case base.User != nil || strings.ContainsAny(text, "?#"):
		return nil, errors.New("the URL has a user name, a query or a fragment: want none")
	case strings.HasSuffix(text, "/"):
		return nil, fmt.Errorf("the URL is %q: want no final slash, the shape adds what belongs behind it", text)
	}
	return base, nil
}

// URL returns the iss of the tokens.
func (iss *Issuer) URL() string { return iss.url }

// Audience returns the aud of the tokens.
func (iss *Issuer) Audience() string { return iss.config.Audience }

// KeysURL returns the address of the JWK Set.
func (iss *Issuer) KeysURL() string { return iss.keysBase().String() + iss.shape.keysPath }

// keysBase is the address in front of keysPath.
func (iss *Issuer) keysBase() *url.URL {
	base := *iss.base
	if iss.shape.keysHost != "" && !iss.config.OneHost {
		base.Host = iss.shape.keysHost + "." + base.Host
	}
	return &base
}

// Config returns the configuration of a verifier that trusts this issuer. Its keys
// come from KeysURL by Transport, its clock is that of the issuer.
func (iss *Issuer) Config() jwtverify.Config {
	return jwtverify.Config{
		Issuer:        iss.URL(),
		Audiences:     []string{iss.Audience()},
		Keys:          jwtverify.HTTPKeySource{URL: iss.KeysURL(), Client: iss.Client()},
		Type:          iss.shape.requiredType,
		AudienceClaim: iss.shape.audienceClaim,
		Now:           iss.Now,
	}
}

// Now is the time by which tokens are made: [time.Now] plus what Advance has
// added.
func (iss *Issuer) Now() time.Time {
	iss.mu.Lock()
	defer iss.mu.Unlock()
	return time.Now().Add(iss.advanced)
}

// Advance adds d to the clock of tokens. It does not age keys in a Cache, which
// follow the monotonic clock. It panics if d is negative, since verifiers would see
// time run back.
func (iss *Issuer) Advance(d time.Duration) {
	if d < 0 {
		panic(fmt.Sprintf("issuertest: Advance by %v: want 0 or more", d))
	}
	iss.mu.Lock()
	defer iss.mu.Unlock()
	iss.advanced += d
}

// Close ends the responses in progress, such as one that hangs, and makes all
// later requests fail. Tokens can still be made.
func (iss *Issuer) Close() {
	iss.mu.Lock()
	defer iss.mu.Unlock()
	iss.closed = true
	for w := range iss.waiting {
		w.end(errClosed)
	}
}

var errClosed = errors.New("the issuer is closed, since the test that made it is over")
