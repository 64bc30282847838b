// Package bearer lets an HTTP request run if it carries a good access token. It reads
// the header Authorization: Bearer (RFC 6750), has a [jwtverify.Verifier] judge the
// token, and where that fails answers in place of the handler.
//
//	guard, err := bearer.New(bearer.Config{Verifier: verifier})
//	…
//	mux := guard.NewMux()
//	mux.HandleFunc("GET /protected", protected)                     // any valid token
//	mux.Handle("GET /orders", guard.Require("orders:read")(orders)) // and a scope
//	mux.Public("GET /public", public)                               // the token is ignored
//	err = http.ListenAndServe("127.0.0.1:8000", mux)
//
// A handler reads the token with [jwtverify.FromContext], and asks for a scope with
// [HasScope]. It is called once or never, with the server's own ResponseWriter, so
// that flushing, hijacking and [http.ResponseController] work.
//
// # Protected by default
//
// In a [Mux] whatever is not registered with [Mux.Public] or [Mux.Optional] needs a
// valid token: every other pattern, the paths that nobody has registered (404), and
// the methods that a path does not have (405). There is no list of exempt paths and
// no exempt method that could get out of step with the routes.
//
// [Guard.Require] and [Guard.Optional] are func(http.Handler) http.Handler, as any
// router takes them. Wrap the whole router, and all of it is protected by default:
//
//	handler := guard.Require()(router)
//
// Inside, Require with scopes does not verify again what the same guard has verified.
// [Guard.RequireFunc] asks for what no scope says: a role, a tenant, one of several
// scopes. [Guard.Admit] judges a request for frameworks whose handlers are of another
// kind, such as gin and echo.
//
// # What the client gets
//
//   - 401 without error code: no credentials, or those of another scheme. Get a token.
//   - 400 invalid_request: two Authorization fields, a token of more than 16 KiB, or
//     something after Bearer that has not the form of a token.
//   - 401 invalid_token: the token has expired, or is not valid yet, or is not valid.
//     The first two are told apart since the signature was good; nothing more is told
//     to whoever can send anything.
//   - 403 insufficient_scope: the token is good, but lacks one of the scopes named, or
//     the function of RequireFunc refuses it.
//   - 503 with Retry-After: the issuer's keys cannot be had, and nothing is known
//     about the token. A 401 here would make clients throw good tokens away.
//
// Each has a challenge in WWW-Authenticate, except 503, and a body of the type
// application/problem+json (RFC 9457). 401 and 403 name the scopes that the route
// requires. They are not cached. A token is taken from the
// header Authorization alone: never from a query, a form or a cookie, where it would
// end up in logs or be sent by other sites (RFC 9700, section 4.3.2).
//
// # Scopes
//
// Scopes are read from one claim: scope, or scp where scope is absent, or
// [Config.ScopeClaim]. Never from two: adding the permissions of a user to the scope
// of a client would widen what was delegated. Require takes all the scopes that a
// route needs; "any of" is a [Guard.RequireFunc], or HasScope(ctx, a) || HasScope(ctx, b)
// in the handler.
//
// # Browsers and CORS
//
// A preflight request is an OPTIONS request without Authorization, and OPTIONS is
// protected like any other method. Say what answers it:
//
//	mux.Public("OPTIONS /orders", cors)
//
// or wrap the Mux in a CORS middleware, which then sees requests first. The headers
// that it sets stay on refusals. Without that a script sees no refusal, but a network
// error; to see why, it needs Access-Control-Expose-Headers: WWW-Authenticate, Retry-After.
//
// # Logging
//
// The package logs nothing. [Config.Reject] is called for every refusal with the full
// reason, and with a request that has no Authorization header any more. It can also
// replace the body, but neither status nor headers, so that it cannot admit.
//
// # Behind a proxy
//
// [Guard.ForwardAuth] answers the question that nginx, Traefik, Caddy and Envoy can
// ask before they pass a request on. An API behind a proxy that verifies by itself
// needs nothing special: nothing but Authorization is looked at, no forwarded host,
// address or path.
//
// # Without HTTP
//
// [Parse] and [Scopes] are for code that has no http.Request, such as a gRPC
// interceptor: Parse(metadata["authorization"]), then Verify. What Parse refuses or
// matches [jwtverify.ErrInvalid] is Unauthenticated; a missing scope is
// PermissionDenied; anything else Unavailable. A message queue has a bare token:
// Verify it, when it enters the queue if it may expire there.
//
// A Guard and a Mux are safe for concurrent use. The package keeps no global state,
// starts no goroutine, and needs the standard library alone.
package bearer

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"example.com/jwtverify"
	"example.com/jwtverify/internal/quote"
	"example.com/jwtverify/internal/typednil"
)

// A Verifier judges tokens: [*jwtverify.Verifier] does, and [*jwtverify.Issuers] for an
// API that trusts several issuers. One of your own must be safe for concurrent use.
//
// An error that matches [jwtverify.ErrInvalid] means that the token is not to be
// trusted. With any other, [jwtverify.ErrKeysUnavailable] first among them, nothing is
// known about the token. Neither a token nor an error is taken for a failure too. A
// Token that was put together by hand has no claims beyond its fields: it has no
// scopes, and whether it is bound to a key (Config.Bound) cannot be seen.
type Verifier interface {
	Verify(ctx context.Context, token string) (*jwtverify.Token, error)
}

// Config says how a [Guard] judges requests. Only Verifier is required; there is no
// option that weakens a check.
type Config struct {
	// Verifier judges the tokens.
	Verifier Verifier

	// Realm names the protected area in challenges (RFC 9110, section 11.5):
	// printable ASCII without " and \. Empty means "api".
	Realm string

	// Resource describes this API as RFC 9728 has it. With it the challenges name
	// the address of that description, see [Guard.Metadata]. nil: they don't.
	Resource *Resource

	// ScopeClaim is the one claim that scopes are read from, such as "permissions" or
	// "https://api.example.com/roles". Empty: "scope", and "scp" where "scope" is
	// absent. It is a name: a path such as "realm_access.roles" is refused, since the
	// tokens have no claim of that name, and every request would be a 403. A name with
	// a dot is taken for a path unless it has a colon or a slash, as a URL has. For a
	// list inside another claim there is [Guard.RequireFunc].
	ScopeClaim string

	// Reject is called for every refusal, before it is answered: to log it, to count
	// it, to replace the body. The request is a copy without Authorization. If the
	// token was good (403), it is in the context.
	//
	// A hook that only logs returns "", nil. A nil body keeps the package's own, whatever
	// the contentType. Another body, an
	// empty one among them, is sent with the contentType, or as
	// application/problem+json if that is empty or not printable ASCII. Status and
	// headers are not the hook's. If it panics, the request is refused with the
	// package's own body, and the panic goes on. While it runs, the client waits.
	//
	// It must be safe for concurrent use. nil: nothing is called.
	Reject func(*http.Request, Rejection) (contentType string, body []byte)

	// Bound checks the proof that the client holds the key to which its token is
	// bound. It is called after Verify for each token with a claim cnf (RFC 7800),
	// whatever that holds: with the request as it came, and its token. With an
	// error the token is refused as not valid; the text goes to Reject alone. nil:
	// such tokens are refused, since whoever has stolen one could use it as a plain
	// one (RFC 8705, section 3; RFC 9449, section 7.2).
	Bound func(*http.Request, *jwtverify.Token) error
}

// A Guard decides whether requests may run. It is made by [New], cannot be changed,
// and is safe for concurrent use. The zero Guard answers 503 to all of them.
type Guard struct {
	verifier    Verifier
	realm       string
	scopeClaims []string
	reject      func(*http.Request, Rejection) (string, []byte)
	bound       func(*http.Request, *jwtverify.Token) error

	metadataURL string // RFC 9728; empty without Resource
	metadata    []byte
}

// New returns a Guard, or an error that names the field of the Config that is missing
// or cannot be honoured, and says what to write. It does no I/O and does not ask the
// Verifier anything.
func New(config Config) (*Guard, error) {
	g, err := newGuard(config)
	if err != nil {
		return nil, fmt.Errorf("bearer: %w", err)
	}
	return g, nil
}

func newGuard(config Config) (*Guard, error) {
	switch {
	case typednil.Is(config.Verifier):
		return nil, errors.New("Config.Verifier is nil: set it to what jwtverify.New or NewIssuers returns")
	case !isPrintable(config.Realm) || strings.ContainsAny(config.Realm, `"\`):
		return nil, fmt.Errorf(`Config.Realm is %s: want printable ASCII without " and \, such as "api"`, quoted(config.Realm))
	case !utf8.ValidString(config.ScopeClaim):
		return nil, fmt.Errorf("Config.ScopeClaim is %s: no token can have such a claim, since it is not valid UTF-8", quoted(config.ScopeClaim))
	case isPath(config.ScopeClaim):
		return nil, fmt.Errorf(`Config.ScopeClaim is %s: it is the name of one claim, such as "permissions", and no path into it; for those use Guard.RequireFunc and token.Strings(%s)`,
			quoted(config.ScopeClaim), quote.List(strings.Split(config.ScopeClaim, ".")))
	}
	g := &Guard{
		verifier:    config.Verifier,
		realm:       config.Realm,
		scopeClaims: defaultScopeClaims(),
		reject:      config.Reject,
		bound:       config.Bound,
	}
	if g.realm == "" {
		g.realm = "api"
	}
	if config.ScopeClaim != "" {
		g.scopeClaims = []string{config.ScopeClaim}
	}
	if config.Resource != nil {
		var err error
		if g.metadataURL, g.metadata, err = config.Resource.describe(); err != nil {
			return nil, err
		}
	}
	return g, nil
}

// ready reports whether g was made by New.
func (g *Guard) ready() bool { return g != nil && g.verifier != nil }

// Admit judges a request for code that is no http.Handler, such as a middleware of gin
// or echo. It returns the request with the token in its context
// ([jwtverify.FromContext]) and true, if that token is valid and has all of the scopes.
// Otherwise it returns the request as it came and false: then the answer has been
// written, and nothing may follow. A framework has to be told so:
//
//	func(c *gin.Context) {
//		var ok bool
//		if c.Request, ok = guard.Admit(c.Writer, c.Request, "orders:read"); !ok {
//			c.Abort() // or gin runs the handlers behind
//		}
//	}
//
// Where code can be an http.Handler, [Guard.Require] needs no such care. Like Require,
// Admit panics if a scope is not one that a token could have, whatever the request.
func (g *Guard) Admit(w http.ResponseWriter, r *http.Request, scopes ...string) (*http.Request, bool) {
	mustScopes(scopes)
	return g.judge(w, r, demand{scopes: scopes, named: scopes})
}

// Require returns a middleware whose handlers run for requests with a valid token
// that has all of the scopes; without scopes, any valid token will do. The token is in
// the context of the request ([jwtverify.FromContext]). Nothing is set on the response.
//
// Within a handler that the same Guard has protected already, the token of its context
// counts, and only scopes are checked. Another Guard verifies for itself, and its token
// replaces the first.
//
// A 401 names the scopes, so that a client knows what to ask its issuer for. Those of a
// Require of the same Guard right behind, as in a [Mux], are among them.
//
// Require panics if a scope is not one that a token could have (RFC 6749, section 3.3:
// printable ASCII without space, " and \), and the middleware if the handler is nil,
// as [http.ServeMux.Handle] does: these are mistakes in the program.
func (g *Guard) Require(scopes ...string) func(http.Handler) http.Handler {
	mustScopes(scopes)
	return g.gates(demand{scopes: slices.Clone(scopes)})
}

// RequireFunc returns a middleware whose handlers run for requests with a valid token
// for which permits returns nil: for roles, tenants, or one of several scopes.
//
//	guard.RequireFunc(func(t *jwtverify.Token) error {
//		if slices.Contains(bearer.Scopes(t, "roles"), "admin") {
//			return nil
//		}
//		return errors.New("not an admin")
//	})
//
// An error refuses the request by 403 and insufficient_scope (RFC 6750, section 3.1:
// "requires higher privileges than provided by the access token"), whatever it
// matches. Its text goes to [Config.Reject] alone. In all else it is like
// [Guard.Require], and either may stand within the other.
//
// permits must be safe for concurrent use, and leave the token as it is. If it panics,
// the handler does not run. RequireFunc panics if permits is nil, and the middleware if
// the handler is nil.
func (g *Guard) RequireFunc(permits func(*jwtverify.Token) error) func(http.Handler) http.Handler {
	if permits == nil {
		panic("bearer: nil function")
	}
	return g.gates(demand{permits: permits})
}

// Optional returns a handler that runs next for requests with a valid token, as
// [Guard.Require] does, and for those without credentials: then there is no token in
// the context. A bad token is refused, it never turns into no token. The response gets
// Vary: Authorization before next runs, since caches must not mix the two up.
//
// It panics if next is nil.
func (g *Guard) Optional(next http.Handler) http.Handler {
	mustHandler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		admitted, rejection := g.admit(r, demand{})
		if rejection != nil && !rejection.isAnonymous() {
			g.refuse(w, admitted, rejection)
			return
		}
		w.Header().Add("Vary", "Authorization")
		next.ServeHTTP(w, admitted)
	})
}

// A demand is what a route asks of a token that is valid.
type demand struct {
	scopes  []string                     // the token needs all of them
	permits func(*jwtverify.Token) error // nil: there is none
	named   []string                     // the scopes in the challenge of a 401
}

// A gate is a handler behind a guard.
type gate struct {
	guard  *Guard
	demand demand
	next   http.Handler
}

func (g *Guard) gates(d demand) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		mustHandler(next)
		d := d
		d.named = d.scopes
		if behind, ok := next.(*gate); ok && behind.guard == g {
			// Who passes here is asked for those next, and should hear of them at once.
			d.named = union(d.scopes, behind.demand.named)
		}
		return &gate{g, d, next}
	}
}

func (h *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if admitted, ok := h.guard.judge(w, r, h.demand); ok {
		h.next.ServeHTTP(w, admitted)
	}
}

// judge is Admit.
func (g *Guard) judge(w http.ResponseWriter, r *http.Request, d demand) (*http.Request, bool) {
	admitted, rejection := g.admit(r, d)
	if rejection != nil {
		g.refuse(w, admitted, rejection)
		return r, false
	}
	return admitted, true
}

// admit is the story of a request: it returns r with the token in its context, or why
// the request is refused. Where the token is valid and does not suffice, it returns
// both.
func (g *Guard) admit(r *http.Request, d demand) (*http.Request, *Rejection) {
	if !g.ready() {
		return r, undetermined(errZeroGuard)
	}
	a := admissionFrom(r.Context())
	if a == nil || a.guard != g {
		var rejection *Rejection
		if a, rejection = g.authenticate(r); rejection != nil {
			return r, rejection.naming(d.named)
		}
		r = r.WithContext(a.context(r.Context()))
	}
	if missing := a.lacks(d.scopes); missing != "" {
		return r, &Rejection{
			Status:      http.StatusForbidden,
			Code:        "insufficient_scope",
			Description: "The access token lacks a required scope",
			Scopes:      slices.Clone(d.scopes),
			Err:         fmt.Errorf("bearer: token lacks the scope %s: it has [%s]", quoted(missing), quoted(strings.Join(a.scopes(), " "))),
		}
	}
	if d.permits == nil {
		return r, nil
	}
	if err := d.permits(a.token); err != nil {
		return r, &Rejection{
			Status:      http.StatusForbidden,
			Code:        "insufficient_scope",
			Description: "The access token does not permit this request",
			Err:         fmt.Errorf("bearer: the function of RequireFunc refused the token: %w", err),
		}
	}
	return r, nil
}

// authenticate finds out who sent the request, by its Authorization header alone.
func (g *Guard) authenticate(r *http.Request) (*admission, *Rejection) {
	raw, err := Parse(r.Header["Authorization"])
	if request, ok := err.(*RequestError); ok {
		return nil, &Rejection{
			Status:      http.StatusBadRequest,
			Code:        "invalid_request",
			Description: request.Description,
			Err:         err,
		}
	} else if err != nil {
		// RFC 6750, section 3.1: without authentication information no error code.
		return nil, &Rejection{Status: http.StatusUnauthorized, Err: err}
	}

	token, err := g.verifier.Verify(r.Context(), raw)
	switch {
	case err == nil && token == nil:
		return nil, undetermined(errNoVerdict)
	case err == nil:
	case errors.Is(err, jwtverify.ErrKeysUnavailable) || !errors.Is(err, jwtverify.ErrInvalid):
		// Unavailable comes first: an error that is both must not cost the client a
		// good token. So does what nobody knows.
		return nil, undetermined(err)
	case errors.Is(err, jwtverify.ErrExpired):
		return nil, invalid("The access token has expired", err)
	case errors.Is(err, jwtverify.ErrNotYetValid):
		return nil, invalid("The access token is not valid yet", err)
	default:
		return nil, notValid(err)
	}

	a := &admission{guard: g, token: token}
	if token.Bound {
		if g.bound == nil {
			return nil, notValid(errBound)
		}
		if err := g.bound(r, token); err != nil {
			return nil, notValid(fmt.Errorf("bearer: Config.Bound refused the proof of a token with the claim cnf: %w", err))
		}
	}
	return a, nil
}

var (
	errZeroGuard = errors.New("bearer: the Guard was not made by New")
	errNoVerdict = errors.New("bearer: Config.Verifier returned neither a token nor an error")
	errBound     = fmt.Errorf("%w: it has the claim cnf, so it is bound to a key, and Config.Bound is not set to check the proof", jwtverify.ErrInvalid)
)

// invalid is the refusal of a token (RFC 6750, section 3.1).
func invalid(description string, err error) *Rejection {
	return &Rejection{
		Status:      http.StatusUnauthorized,
		Code:        "invalid_token",
		Description: description,
		Err:         err,
	}
}

// notValid is the same for everything that must not be told apart: unknown key,
// signature, issuer, audience, algorithm, form.
func notValid(err error) *Rejection { return invalid("The access token is not valid", err) }

// undetermined is the refusal where nothing is known about the token. OAuth has no
// error code for it.
func undetermined(err error) *Rejection {
	after := unknownRetryAfter
	var unavailable *jwtverify.KeysUnavailableError
	if errors.As(err, &unavailable) && unavailable != nil {
		after = retryAfter(unavailable.RetryAfter)
	}
	return &Rejection{
		Status:      http.StatusServiceUnavailable,
		Description: "Access tokens cannot be checked at the moment",
		RetryAfter:  after,
		Err:         err,
	}
}

// naming adds to a 401 the scopes that the route requires (RFC 6750, section 3).
func (r *Rejection) naming(scopes []string) *Rejection {
	if r.Status == http.StatusUnauthorized {
		r.Scopes = append([]string(nil), scopes...) // nil where there are none
	}
	return r
}

// isAnonymous reports whether there were no credentials: a 401 that has no error code.
func (r *Rejection) isAnonymous() bool {
	return r.Status == http.StatusUnauthorized && r.Code == ""
}

// mustHandler panics for what http.ServeMux panics for too.
func mustHandler(h http.Handler) {
	if f, ok := h.(http.HandlerFunc); h == nil || ok && f == nil {
		panic("bearer: nil handler")
	}
}

// isPrintable reports whether s is printable ASCII, spaces among it.
func isPrintable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// quoted shows text from outside in a message or a log.
func quoted(s string) string { return quote.Text(s, 100) }
