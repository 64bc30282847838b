// Package issuertest provides an issuer of access tokens in memory, for tests of
// programs that use jwtverify. It is for issuers what net/http/httptest is for
// servers. Its keys and signatures are real. It opens no socket and has no goroutine
// at rest.
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
//   - [Issuer.Token] issues a good token with the claims that you want, [Issuer.Sign]
//     one with any header and claims. [Issuer.BadTokens] returns about a hundred
//     tokens that must be refused, each with the error that Verify returns.
//   - [Issuer.Verifier] trusts the issuer. It fetches the keys through
//     [Issuer.Client], in memory. For a verifier of your own start from
//     [Issuer.Config].
//   - [Issuer.Rotate] and [Issuer.Revoke] change the keys as issuers do.
//   - [Issuer.Fault] makes the key document unreachable, slow, truncated, a login page
//     …
//   - [Issuer.Suite] tests an API in one line: that it accepts good tokens, refuses
//     bad ones as RFC 6750 says, and answers 503 in an outage. If the handler calls
//     [Issuer.Ran], Suite also sees that no bad token reached it.
//   - [Issuer.Handler] serves the same over a socket, for programs outside this
//     process.
//
// # Keys
//
// The key document holds several kinds of keys, as real ones do: the key that signs,
// the next one, which is published before [Issuer.Rotate] uses it, an RSA key for
// encryption, and an EC key. New makes two RSA keys of 2048 bits, which takes about
// 100 ms each, and Rotate makes one. If that adds up, make one issuer and use
// sub-tests. Issuers never share signing keys, since that would hide a missing check
// of the issuer.
//
// # Time
//
// Tokens and keys have different clocks. The clock of tokens is [Issuer.Now]: time.Now plus
// what [Issuer.Advance] has added. Tokens are made by it, and the verifiers of [Issuer.Config]
// check them by it. So a token expires when a test advances the issuer by its lifetime and the
// leeway. The age of keys in a [jwtverify.Cache] follows the monotonic clock, which cannot be
// advanced. Run tests about refresh, delays after a rotation and long outages in a bubble of
// testing/synctest, and sleep there.
//
// An Issuer made outside a bubble works inside. A token made inside has expired
// outside, since a bubble's clock starts in the year 2000: make tokens where you use
// them. Use a verifier only on the side on which it was made.
//
// An Issuer is safe for concurrent use. But methods that can fail the test call
// Fatal, so call them in the goroutine of the test.
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

// Claims are the members of a token's claims, or of its header. The values are
// encoded by encoding/json.
type Claims = map[string]any

// An Issuer issues tokens and publishes the keys to verify them with. Make one
// with [New].
type Issuer struct {
	tb     testing.TB
	engine *issuer.Issuer
	runs   atomic.Int64 // of handlers, see Ran
}

// issuers counts the issuers of the process, so that no two have the same URL.
var issuers atomic.Int64

// New returns an issuer with fresh keys that lives as long as the test. It fails the
// test if an option is wrong.
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
// unless the shape or [WithURL] changes it. The host is a reserved name (RFC 6761),
// and no other issuer in the process has it.
func (iss *Issuer) URL() string { return iss.engine.URL() }

// Audience returns the audience of the tokens: "https://api.test", or that of
// [WithAudience].
func (iss *Issuer) Audience() string { return iss.engine.Audience() }

// Config returns the configuration of a verifier that trusts this issuer. It sets
// Issuer, Audiences, Now, Keys (an HTTPKeySource over [Issuer.Client]) and, if the
// shape needs it, Type or AudienceClaim. Change what your program does differently,
// such as
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
// endpoint. A request to any other host is an error, and never goes to the network. A
// response takes a millisecond, in a bubble too: without it a verifier there could not
// see that a rotation came after its last fetch.
func (iss *Issuer) Client() *http.Client { return iss.engine.Client() }

// Handler serves the same as [Issuer.Client] over a socket, for any Host. The issuer
// has to know its address, which a server knows before it starts:
//
//	server := httptest.NewUnstartedServer(nil)
//	t.Cleanup(server.Close)
//	iss := issuertest.New(t, issuertest.WithURL("http://"+server.Listener.Addr().String()))
//	server.Config.Handler = iss.Handler()
//	server.Start()
//
// The faults "refused" and "tls" close the connection.
func (iss *Issuer) Handler() http.Handler { return iss.engine.Handler() }

// JWKS returns the current key document (RFC 7517, section 5), whatever the
// fault. Use it with [jwtverify.ParseKeySet] or write it to a file.
func (iss *Issuer) JWKS() []byte { return iss.engine.JWKS() }

// Token returns a token that [Issuer.Verifier] accepts, unless you change that by the
// claims. In the default shape it has the claims iss, aud, sub "m2m", iat, exp in an
// hour, jti and client_id "m2m", and its header has alg, kid and typ "JWT". The given
// claims replace these, later ones earlier ones; a nil value removes a claim.
func (iss *Issuer) Token(claims ...Claims) string {
	token, err := iss.engine.Token(claims...)
	if err != nil {
		defer keepReason(err)
		iss.tb.Helper()
		iss.tb.Fatalf("issuertest: %v", err)
	}
	return token
}

// Sign returns a token with exactly this header and these claims, for unusual
// tokens: nothing is added or checked. The signature is RS256 by the current
// key, whatever the header says.
func (iss *Issuer) Sign(header, claims Claims) string {
	token, err := iss.engine.Sign(header, claims)
	if err != nil {
		defer keepReason(err)
		iss.tb.Helper()
		iss.tb.Fatalf("issuertest: %v", err)
	}
	return token
}

// SignWith is [Issuer.Token] with the signature of another key: the kid may be that
// of an old key, the next one, or a revoked one.
func (iss *Issuer) SignWith(kid string, claims ...Claims) string {
	token, err := iss.engine.SignWith(kid, claims...)
	if err != nil {
		defer keepReason(err)
		iss.tb.Helper()
		iss.tb.Fatalf("issuertest: %v", err)
	}
	return token
}

// keepReason is deferred where Fatal is called. A fuzz target must not call Fatal
// of its F, which panics then; keepReason adds the reason to that panic. This is
// also why Helper is called only then.
func keepReason(err error) {
	if p := recover(); p != nil {
		panic(fmt.Sprintf("issuertest: %v (%v)", err, p))
	}
}

// Now returns the time by which tokens are made and checked: time.Now plus what
// Advance has added.
func (iss *Issuer) Now() time.Time { return iss.engine.Now() }

// Advance adds d to the clock of tokens, for this issuer and the verifiers of
// its Config. It does not age the keys in a Cache: for that, sleep in a bubble
// of testing/synctest. It panics if d is negative.
func (iss *Issuer) Advance(d time.Duration) { iss.engine.Advance(d) }

// Rotate starts signing with the announced key, announces a new one, and returns the
// kid that signs from now on. Old keys stay published. A key document from before one
// Rotate already has the new signing key; after two, a verifier has to fetch again.
func (iss *Issuer) Rotate() (kid string) {
	kid, err := iss.engine.Rotate()
	if err != nil {
		defer keepReason(err)
		iss.tb.Helper()
		iss.tb.Fatalf("issuertest: %v", err)
	}
	return kid
}

// Revoke removes a key from the key document at once. SignWith can still make tokens
// with it. If it was the key that signs, the announced key replaces it. There is
// always an announced key. An unknown kid fails the test.
func (iss *Issuer) Revoke(kid string) {
	if err := iss.engine.Revoke(kid); err != nil {
		defer keepReason(err)
		iss.tb.Helper()
		iss.tb.Fatalf("issuertest: %v", err)
	}
}

// A Fault is what goes wrong with requests for the key document or the metadata. The
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
//	refused, tls            no connection; an untrusted certificate
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

// Fault replaces the current fault; Fault{} ends it. An unknown name fails the test.
func (iss *Issuer) Fault(f Fault) {
	if err := iss.engine.Fault(issuer.Fault(f)); err != nil {
		defer keepReason(err)
		iss.tb.Helper()
		iss.tb.Fatalf("issuertest: %v", err)
	}
}

// A Request is one that the issuer received, by Client or Handler.
type Request struct {
	Path   string    // its first 256 bytes
	Time   time.Time // when it arrived; Advance does not change it
	Status int       // of the response; 0: there was none
}

// Requests returns the requests so far, the oldest first. They show how often and
// when keys were fetched. At 10,000 requests the older half is dropped.
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

// BadTokens returns about a hundred tokens that must be refused, newly made at each
// call. Each is a good token except for one thing, and signed by the right key unless
// its name says otherwise. Times are wrong by an hour, more than any sensible leeway.
// Verify returns exactly the Err named for each.
//
//	for _, bad := range iss.BadTokens() {
//		if _, err := verifier.Verify(ctx, bad.Token); !errors.Is(err, bad.Err) {
//			t.Errorf("%s: got %v, want %v", bad.Name, err, bad.Err)
//		}
//	}
//
// A new version may add names. There is no "aud-case" if the audience has no letter.
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
