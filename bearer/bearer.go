// Package bearer protects HTTP handlers with access tokens. It reads the header
// Authorization: Bearer (RFC 6750) and verifies the token with a
// [jwtverify.Verifier]. If that fails, it answers in place of the handler.
//
//	guard, err := bearer.New(bearer.Config{Verifier: verifier})
//	…
//	mux := guard.NewMux()
//	mux.HandleFunc("GET /protected", protected)                     // any valid token
//	mux.Handle("GET /orders", guard.Require("orders:read")(orders)) // and a scope
//	mux.Public("GET /public", public)                               // the token is ignored
//	err = http.ListenAndServe("127.0.0.1:8000", mux)
//
// A handler reads the token with [jwtverify.FromContext] and checks a scope with
// [HasScope]. It is called once or not at all. It gets the server's own
// ResponseWriter, so flushing, hijacking and [http.ResponseController] work.
//
// # Protected by default
//
// In a [Mux] every request needs a valid token, except for patterns registered with
// [Mux.Public] or [Mux.Optional]. That includes unknown paths (404) and methods
// that a path does not have (405). There is no separate list of exempt paths or
// methods that could differ from the routes.
//
// For other routers there are [Guard.Require] and [Guard.Optional]. Wrap the whole
// router, and all of it is protected by default:
//
//	handler := guard.Require()(router)
//
// Inside the router, Require with scopes does not verify a token again that the same
// guard has verified. [Guard.RequireFunc] checks anything else: a role, a tenant, one
// of several scopes. [Guard.Admit] is for frameworks with handlers of another type,
// such as gin and echo.
//
// # What the client gets
//
//   - 401 without error code: no credentials, or those of another scheme. The client
//     has to get a token.
//   - 400 invalid_request: two Authorization fields, a token of more than 16 KiB, or
//     text after Bearer that does not have the form of a token.
//   - 401 invalid_token: the token has expired, is not valid yet, or is not valid.
//     The first two have their own texts, since the signature was good. Otherwise the
//     client, which may be an attacker, is not told why.
//   - 403 insufficient_scope: the token is valid, but lacks one of the required
//     scopes, or the function given to RequireFunc refuses it.
//   - 503 with Retry-After: the issuer's keys are unavailable, and nothing is
//     known about the token. A 401 here would make clients throw good tokens
//     away.
//
// Each except 503 has a challenge in WWW-Authenticate. All have a body of the type
// application/problem+json (RFC 9457) and must not be cached. 401 and 403 name the
// scopes that the route requires. The token is read only from the header
// Authorization. In a query, a form or a cookie it would end up in logs or be sent
// by other sites (RFC 9700, section 4.3.2).
//
// # Scopes
//
// Scopes are read from one claim: scope, or scp if scope is absent, or
// [Config.ScopeClaim]. They are never read from two claims: adding the permissions of a
// user to the scope of a client would widen what was delegated. Require checks that the
// token has all scopes that are named. For "any of" use [Guard.RequireFunc], or
// HasScope(ctx, a) || HasScope(ctx, b) in the handler.
//
// # Browsers and CORS
//
// A preflight request is an OPTIONS request without Authorization, and OPTIONS is
// protected like any other method. Register a public handler for it:
//
//	mux.Public("OPTIONS /orders", cors)
//
// or wrap the Mux in a CORS middleware, which then sees requests first. The headers that it
// sets stay on refusals. Without them a script sees a network error, not the refusal. To
// read the reason, it needs Access-Control-Expose-Headers: WWW-Authenticate, Retry-After.
//
// # Logging
//
// The package logs nothing. [Config.Reject] is called for every refusal with the full
// reason, and with a copy of the request without its Authorization header. It can
// also replace the body, but not the status or the headers, so it cannot admit a
// request.
//
// # Behind a proxy
//
// [Guard.ForwardAuth] is the handler for the authentication request that nginx,
// Traefik, Caddy and Envoy can make before they forward a request. An API that
// verifies tokens itself needs no settings for a proxy in front: only Authorization
// is read, no forwarded host, address or path.
//
// # Without HTTP
//
// [Parse] and [Scopes] are for code that has no http.Request, such as a gRPC
// interceptor: Parse(metadata["authorization"]), then Verify. An error of Parse, or
// one that matches [jwtverify.ErrInvalid], is Unauthenticated; a missing scope is
// PermissionDenied; any other error is Unavailable. In a message queue the token is
// bare, so only Verify is needed. If the token may expire in the queue, verify it
// when the message enters.
//
// A Guard and a Mux are safe for concurrent use. The package keeps no global state,
// starts no goroutine, and needs only the standard library.
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

// A Verifier verifies tokens: [*jwtverify.Verifier], or [*jwtverify.Issuers] for an API
// that trusts several issuers. One of your own must be safe for concurrent use.
//
// An error that matches [jwtverify.ErrInvalid] means that the token must not be
// trusted (401). Any other error, such as [jwtverify.ErrKeysUnavailable], means that
// nothing is known about the token (503). So does a nil token without an error. A
// Token that was made by hand has no claims besides its fields: it has no scopes, and
// only its field Bound says whether it is bound to a key.
type Verifier interface {
	Verify(ctx context.Context, token string) (*jwtverify.Token, error)
}

// Config says how a [Guard] checks requests. Only Verifier is required. No option
// weakens a check.
type Config struct {
	// Verifier verifies the tokens.
	Verifier Verifier

	// Realm names the protected area in challenges (RFC 9110, section 11.5):
	// printable ASCII without " and \. Empty means "api".
	Realm string

	// Resource describes this API (RFC 9728). If it is set, the challenges name
	// the address of that description; see [Guard.Metadata].
	Resource *Resource

	// ScopeClaim is the claim that scopes are read from, such as "permissions" or
	// "https://api.example.com/roles". Empty means "scope", and "scp" if "scope" is
	// absent. It is a name, not a path: New refuses "realm_access.roles", since tokens
	// have no claim of that name and every request would get 403. A name with a dot is
	// treated as a path unless it has a colon or a slash, as a URL has. For a list
	// inside another claim use [Guard.RequireFunc].
	ScopeClaim string

	// Reject is called for every refusal, before the response is written: to log it,
	// to count it, or to replace the body. The request is a copy without
	// Authorization. If the token was valid (403), it is in the context.
	//
	// A hook that only logs returns "", nil. A nil body keeps the package's own, whatever
	// the contentType. Any other body, even an empty one, is sent with the contentType,
	// or as application/problem+json if that is empty or not printable ASCII. Reject
	// cannot change status and headers. If it panics, the request is refused with the
	// package's own body, and the panic goes on. The client waits while it runs.
	//
	// It must be safe for concurrent use. nil means no hook.
	Reject func(*http.Request, Rejection) (contentType string, body []byte)

	// Bound checks the proof that the client holds the key to which its token is
	// bound. It is called after Verify for each token with a claim cnf (RFC 7800),
	// whatever that claim holds, with the request as it came and the token. If it
	// returns an error, the token is refused as not valid; only Reject gets the
	// text. If Bound is nil, such tokens are refused: otherwise a thief could use a
	// stolen one like a plain bearer token (RFC 8705, section 3; RFC 9449, section
	// 7.2).
	Bound func(*http.Request, *jwtverify.Token) error
}

// A Guard decides whether requests reach their handlers. It is made by [New], never
// changes, and is safe for concurrent use. The zero Guard answers 503 to every
// request.
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
// or wrong and says what to write. It does no I/O and does not call the Verifier.
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

// Admit checks a request for code that is not an http.Handler, such as a middleware of
// gin or echo. If the token is valid and has all of the scopes, it returns the request
// with the token in its context ([jwtverify.FromContext]) and true. Otherwise it writes
// the response and returns the request as it came and false: no other handler may run
// then. Tell the framework so:
//
//	func(c *gin.Context) {
//		var ok bool
//		if c.Request, ok = guard.Admit(c.Writer, c.Request, "orders:read"); !ok {
//			c.Abort() // or gin runs the handlers behind
//		}
//	}
//
// If your code can be an http.Handler, use [Guard.Require], which needs no such care.
// Like Require, Admit panics if a scope is not one that a token could have, whatever
// the request.
func (g *Guard) Admit(w http.ResponseWriter, r *http.Request, scopes ...string) (*http.Request, bool) {
	mustScopes(scopes)
	return g.judge(w, r, demand{scopes: scopes, named: scopes})
}

// Require returns a middleware. Its handlers run for requests with a valid token that
// has all of the scopes; without scopes, any valid token will do. The token is in the
// context of the request ([jwtverify.FromContext]). Require sets nothing on the
// response of the handler.
//
// Inside a handler that the same Guard already protects, the token in the context is
// used, and only its scopes are checked. Another Guard verifies again, and its token
// replaces the first.
//
// A 401 names the scopes, so that a client knows what to request from its issuer. If
// the next handler is a Require of the same Guard, as in a [Mux], the 401 names its
// scopes too.
//
// Require panics if a scope is not one that a token could have (RFC 6749, section 3.3:
// printable ASCII without space, " and \). The middleware panics if the handler is
// nil, as [http.ServeMux.Handle] does. Both are mistakes in the program.
func (g *Guard) Require(scopes ...string) func(http.Handler) http.Handler {
	mustScopes(scopes)
	return g.gates(demand{scopes: slices.Clone(scopes)})
}

// RequireFunc returns a middleware. Its handlers run for requests with a valid token
// for which permits returns nil. Use it for roles, tenants, or one of several scopes.
//
//	guard.RequireFunc(func(t *jwtverify.Token) error {
//		if slices.Contains(bearer.Scopes(t, "roles"), "admin") {
//			return nil
//		}
//		return errors.New("not an admin")
//	})
//
// If permits returns an error, any error, the request is refused by 403 and
// insufficient_scope (RFC 6750, section 3.1: "requires higher privileges than
// provided by the access token"). Only [Config.Reject] gets its text. Otherwise
// RequireFunc is like [Guard.Require], and each may be used inside the other.
//
// permits must be safe for concurrent use and must not change the token. If it panics,
// the handler does not run. RequireFunc panics if permits is nil, and the middleware if
// the handler is nil.
func (g *Guard) RequireFunc(permits func(*jwtverify.Token) error) func(http.Handler) http.Handler {
	if permits == nil {
		panic("bearer: nil function")
	}
	return g.gates(demand{permits: permits})
}

// Optional returns a handler that runs next for requests with a valid token, as
// [Guard.Require] does, and for requests without credentials, which have no token in
// the context. A bad token is refused; it is never treated as no token. Before next
// runs, Vary: Authorization is added to the response, since caches must not mix up the
// two kinds.
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

// A demand is what a route requires of a valid token.
type demand struct {
	scopes  []string                     // the token needs all of them
	permits func(*jwtverify.Token) error // nil: no function
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
			// The next handler checks those too, so a client should learn about them at
			// once.
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

// admit decides about a request. It returns r with the token in its context, or why
// the request is refused. If the token is valid but not sufficient, it returns both.
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
		rejection := insufficient("The access token lacks a required scope",
			fmt.Errorf("bearer: token lacks the scope %s: it has [%s]", quoted(missing), quoted(strings.Join(a.scopes(), " "))))
		rejection.Scopes = slices.Clone(d.scopes)
		return r, rejection
	}
	if d.permits == nil {
		return r, nil
	}
	if err := d.permits(a.token); err != nil {
		return r, insufficient("The access token does not permit this request", fmt.Errorf("bearer: the function of RequireFunc refused the token: %w", err))
	}
	return r, nil
}

// authenticate finds out who sent the request. It reads only the Authorization header.
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
		// Unavailable comes first: an error that matches both must not make the
		// client throw away a good token. The same holds for an unknown error.
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

// insufficient is the refusal of a valid token (RFC 6750, section 3.1).
func insufficient(description string, err error) *Rejection {
	return &Rejection{
		Status:      http.StatusForbidden,
		Code:        "insufficient_scope",
		Description: description,
		Err:         err,
	}
}

// notValid gives all reasons that a client must not be able to distinguish the
// same text: unknown key, signature, issuer, audience, algorithm, form.
func notValid(err error) *Rejection { return invalid("The access token is not valid", err) }

// undetermined is the refusal when nothing is known about the token. OAuth has no
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

// mustHandler panics for the same handlers as http.ServeMux.
func mustHandler(h http.Handler) {
	if f, ok := h.(http.HandlerFunc); h == nil || ok && f == nil {
		panic("bearer: nil handler")
	}
}

// isPrintable reports whether s is printable ASCII, including spaces.
func isPrintable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// quoted quotes untrusted text for a message or a log.
func quoted(s string) string { return quote.Text(s, 100) }
