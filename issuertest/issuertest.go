// Package issuertest is what net/http/httptest is for servers, for issuers of access
// tokens: an issuer in memory, for the tests of programs that use jwtverify. Its keys
// and signatures are real; there is no socket, and no goroutine at rest.
//
//	func TestOrders(t *testing.T) {
//		iss := issuertest.New(t)
//		api := newAPI(iss.Verifier())
//
//		r := httptest.NewRequest("GET", "/orders", nil)
//		r.Header.Set("Authorization", "Bearer "+iss.Token(issuertest.Claims{"scope": "orders:read"}))
//		…
//	}
//
// # What it does
//
//   - [Issuer.Token] mints a good token, with the claims that you want; [Issuer.Sign]
//     an odd one; [Issuer.BadTokens] some hundred that must be refused, each with the
//     error that Verify gives.
//   - [Issuer.Verifier] trusts the issuer. It fetches the keys through
//     [Issuer.Client], in memory. For a verifier of your own start from
//     [Issuer.Config].
//   - [Issuer.Rotate] and [Issuer.Revoke] do to the keys what issuers do.
//   - [Issuer.Fault] makes the key document unreachable, slow, cut off, a login page …
//   - [Issuer.Suite] tests an API in one line: that it takes good tokens, refuses bad
//     ones as RFC 6750 says, and tells an outage from both. A handler that calls
//     [Issuer.Ran] shows it that no bad token got as far.
//   - [Issuer.Handler] gives the same answers over a socket, to programs that are not
//     in this process.
//
// # Keys
//
// The key document is a mixed one, as real ones are: the key that signs, the next one,
// which is published before [Issuer.Rotate] uses it, an RSA key for encryption, and an
// EC key. New makes two RSA keys of 2048 bits, some 100 ms each, and Rotate one: where
// that adds up, make one issuer and use sub-tests. Signing keys are never shared
// between issuers, since that would hide a missing check of the issuer.
//
// # Time
//
// One rule: token time can be advanced, key time must pass. [Issuer.Now] is time.Now
// and what [Issuer.Advance] has added; tokens are made and, by the verifiers of
// [Issuer.Config], judged by it. So a token expires in a test that advances the
// issuer by its lifetime and the leeway. The age of keys in a [jwtverify.Cache] goes by the monotonic
// clock: tests about refresh, delays after a rotation and long outages run in a bubble
// of testing/synctest, and sleep.
//
// An Issuer made outside a bubble works inside. A token made inside is expired
// outside, since a bubble's clock starts in the year 2000: make tokens where they are
// used. A verifier belongs to the side that it was made on.
//
// An Issuer is safe for concurrent use; but methods that can fail the test end it by
// Fatal, and so belong into its own goroutine.
package issuertest

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"example.com/jwtverify"
	"example.com/jwtverify/internal/issuer"
)

// Claims are the members of a token's claims, or of its header. The values are what
// encoding/json makes JSON of.
type Claims = map[string]any

// An Issuer mints tokens and publishes the keys to verify them by. Make one with
// [New].
type Issuer struct {
	tb     testing.TB
	engine *issuer.Issuer
	runs   atomic.Int64 // of handlers, see Ran
}

// issuers counts those of the process, so that no two have the same URL.
var issuers atomic.Int64

// New returns an issuer with fresh keys, for the time of the test. It fails the test
// if an option is wrong.
func New(tb testing.TB, opts ...Option) *Issuer {
	tb.Helper()
	c := config{
		URL:      fmt.Sprintf("https://issuer-%d.test", issuers.Add(1)),
		Audience: "https://api.test",
	}
	for i, opt := range opts {
		if opt == nil {
			tb.Fatalf("issuertest: option %d is nil", i)
		}
		opt(&c)
	}
	engine, err := issuer.New(c)
	if err != nil {
		tb.Fatalf("issuertest: %v", err)
	}
	tb.Cleanup(engine.Close) // ends what hangs or drips, so that a server can be closed
	return &Issuer{tb: tb, engine: engine}
}

// URL returns the issuer's identifier, the iss of its tokens: "https://issuer-1.test",
// unless the shape or [WithURL] say otherwise. The host is a reserved name (RFC 6761),
// and no other issuer in the process has it.
func (iss *Issuer) URL() string { return iss.engine.URL() }

// Audience returns whom the tokens are for: "https://api.test", or that of
// [WithAudience].
func (iss *Issuer) Audience() string { return iss.engine.Audience() }

// Config returns the configuration of a verifier that trusts this issuer: Issuer,
// Audiences, Now, Keys, which is an HTTPKeySource over [Issuer.Client], and where the
// shape needs it Type or AudienceClaim. Change what your program has different, such
// as
//
//	config.Keys = &jwtverify.Cache{Source: config.Keys, Timeout: time.Second}
func (iss *Issuer) Config() jwtverify.Config { return iss.engine.Config() }

// Verifier returns a new verifier of [Issuer.Config]. It fetches the keys at the first
// token, not here.
func (iss *Issuer) Verifier() *jwtverify.Verifier {
	verifier, err := jwtverify.New(iss.Config())
	if err != nil {
		defer keepReason(err)
		iss.tb.Helper()
		iss.tb.Fatalf("issuertest: a verifier for %s: %v", iss.URL(), err)
	}
	return verifier
}

// Client returns a client whose Transport answers for this issuer, in memory: the key
// document, the metadata that name it (OpenID Connect Discovery 1.0), and the token
// endpoint. A request for any other host is an error, and never goes to the network. An
// answer takes a millisecond, in a bubble too, where a verifier could not tell
// otherwise that a rotation came after its last look at the keys.
func (iss *Issuer) Client() *http.Client { return iss.engine.Client() }

// Handler gives the answers of [Issuer.Client] over a socket, whatever the Host. The
// issuer has to know its address, and a server knows that before it starts:
//
//	server := httptest.NewUnstartedServer(nil)
//	t.Cleanup(server.Close)
//	iss := issuertest.New(t, issuertest.WithURL("http://"+server.Listener.Addr().String()))
//	server.Config.Handler = iss.Handler()
//	server.Start()
//
// The faults refused and tls close the connection.
func (iss *Issuer) Handler() http.Handler { return iss.engine.Handler() }

// JWKS returns the key document (RFC 7517, section 5) as it is now, whatever the
// fault: for [jwtverify.ParseKeySet] and for files.
func (iss *Issuer) JWKS() []byte { return iss.engine.JWKS() }

// Token returns a token that [Issuer.Verifier] accepts, unless the claims say
// otherwise. In the default shape its claims are iss, aud, sub "m2m", iat, exp in an
// hour, jti and client_id "m2m", and its header has alg, kid and typ "JWT". The given
// claims are put over these, the later over the earlier; a nil value takes a claim
// away.
func (iss *Issuer) Token(claims ...Claims) string {
	token, err := iss.engine.Token(claims...)
	if err != nil {
		defer keepReason(err)
		iss.tb.Helper()
		iss.tb.Fatalf("issuertest: %v", err)
	}
	return token
}

// Sign returns a token of exactly this header and these claims, for odd tokens:
// nothing is added, nothing checked. The signature is RS256 by the current key,
// whatever the header says.
func (iss *Issuer) Sign(header, claims Claims) string {
	token, err := iss.engine.Sign(header, claims)
	if err != nil {
		defer keepReason(err)
		iss.tb.Helper()
		iss.tb.Fatalf("issuertest: %v", err)
	}
	return token
}

// SignWith is [Issuer.Token] by the key of a kid, which may be an old one, the next
// one, or one that was revoked.
func (iss *Issuer) SignWith(kid string, claims ...Claims) string {
	token, err := iss.engine.SignWith(kid, claims...)
	if err != nil {
		defer keepReason(err)
		iss.tb.Helper()
		iss.tb.Fatalf("issuertest: %v", err)
	}
	return token
}

// keepReason is deferred where a test is ended. An F cannot be told so by its fuzz
// target, and panics; then the reason goes with the panic. It is also why Helper is
// called at no other time.
func keepReason(err error) {
	if p := recover(); p != nil {
		panic(fmt.Sprintf("issuertest: %v (%v)", err, p))
	}
}

// Now returns the time by which tokens are made and judged: that of time.Now, and what
// Advance has added.
func (iss *Issuer) Now() time.Time { return iss.engine.Now() }

// Advance moves the time of tokens on, for this issuer and the verifiers of its
// Config. It does not age the keys in a Cache: for that, sleep in a bubble of
// testing/synctest. A negative d panics.
func (iss *Issuer) Advance(d time.Duration) { iss.engine.Advance(d) }

// Rotate makes the announced key the one that signs, announces a fresh one, and
// returns the kid that signs from now on. Old keys stay published. Who has the key
// document from before one call knows the key that signs already; from before two, it
// has to ask again.
func (iss *Issuer) Rotate() (kid string) {
	kid, err := iss.engine.Rotate()
	if err != nil {
		defer keepReason(err)
		iss.tb.Helper()
		iss.tb.Fatalf("issuertest: %v", err)
	}
	return kid
}

// Revoke takes a key out of the key document at once. Its tokens can still be made, by
// SignWith. Where it was the key that signs, the announced one takes over, and there
// is always another that is announced. An unknown kid fails the test.
func (iss *Issuer) Revoke(kid string) {
	if err := iss.engine.Revoke(kid); err != nil {
		defer keepReason(err)
		iss.tb.Helper()
		iss.tb.Fatalf("issuertest: %v", err)
	}
}

// A Fault is what goes wrong when the key document or the metadata are asked for. The
// names are
//
//	status-404, status-500  that status
//	status-429, status-503  that status, with Retry-After
//	html                    200 and a login page
//	slow                    the good answer after 2 seconds
//	hang                    no answer until the context of the request ends
//	drip                    the good answer, one byte a second
//	truncated               the first half of the JSON, with the Content-Length of that
//	oversized               16 MiB of valid JSON, without Content-Length
//	redirect                302 to another host
//	redirect-http           302 to the same place by http
//	refused, tls            no connection; a certificate that nobody knows
//	empty, null, array      {"keys":[]}; null; an array where there should be an object
//	malformed-sibling       the good keys among broken ones, and those of other kinds
//	wrong-issuer            metadata of another issuer; the key document is good
//
// In a bubble of testing/synctest none of them takes real time, and a request that
// hangs without any limit shows as a deadlock.
type Fault struct {
	Name       string
	For        int           // the next n requests; 0: until Fault is called again
	RetryAfter time.Duration // of status-429 and status-503, in whole seconds; 0: one second
}

// Fault replaces the fault in force; Fault{} ends it. An unknown name fails the test.
func (iss *Issuer) Fault(f Fault) {
	if err := iss.engine.Fault(issuer.Fault(f)); err != nil {
		defer keepReason(err)
		iss.tb.Helper()
		iss.tb.Fatalf("issuertest: %v", err)
	}
}

// A Request is one that the issuer was asked, by Client or Handler.
type Request struct {
	Path   string    // its first 256 bytes
	Time   time.Time // when it came; Advance has no part in it
	Status int       // of the answer; 0: there was none
}

// Requests returns the requests so far, the oldest first: to see how often, and when,
// keys were asked for. When there are 10,000, the older half is forgotten.
func (iss *Issuer) Requests() []Request {
	var requests []Request
	for _, r := range iss.engine.Requests() {
		requests = append(requests, Request(r))
	}
	return requests
}

// A BadToken is a token that must be refused.
type BadToken struct {
	Name  string // such as "aud-other"; names stay the same from version to version
	Token string
	Err   error // the reason that Verify gives, such as [jwtverify.ErrAudience]
}

// BadTokens returns some hundred tokens that must be refused, made fresh at each call.
// Each is a good token but for one thing, signed by the right key unless its name says
// otherwise; times lie an hour off, beyond any sensible leeway. Verify gives each the
// Err named, and no narrower one beside it.
//
//	for _, bad := range iss.BadTokens() {
//		if _, err := verifier.Verify(ctx, bad.Token); !errors.Is(err, bad.Err) {
//			t.Errorf("%s: got %v, want %v", bad.Name, err, bad.Err)
//		}
//	}
//
// A new version may add names. aud-case is not there where the audience has no letter.
func (iss *Issuer) BadTokens() []BadToken {
	all, err := iss.engine.BadTokens()
	if err != nil {
		defer keepReason(err)
		iss.tb.Helper()
		iss.tb.Fatalf("issuertest: %v", err)
	}
	var tokens []BadToken
	for _, bad := range all {
		tokens = append(tokens, BadToken(bad))
	}
	return tokens
}
