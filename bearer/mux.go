package bearer

import (
	"net/http"
	"sync"
)

// A Mux is an [http.ServeMux] in which every handler needs a valid token, unless it
// was registered as [Mux.Public] or [Mux.Optional]. It is made by [Guard.NewMux].
//
// Patterns, precedence, wildcards, hosts and conflicts are those of ServeMux.
// ServeMux alone chooses the handler, and protection belongs to the handler, so no
// second piece of code could match a path differently. Responses of ServeMux itself
// are protected too:
//
//   - a redirect (to a clean path, or to one with a slash at the end) is protected
//     like the pattern that it leads to
//   - 404 and 405, which belong to no pattern, and redirects of CONNECT need a
//     valid token: without one they are a 401
//
// So one rule holds without exception: a response to a request without a valid
// token is a refusal, or comes from a pattern registered as Public or Optional.
//
// [http.Server] itself answers a request for "OPTIONS *" before any handler runs,
// unless its DisableGeneralOptionsHandler is set. Then this request needs a token
// too.
//
// The zero Mux answers 503 to all requests.
type Mux struct {
	guard *Guard
	mux   http.ServeMux // every handler in it is a *route

	mu     sync.RWMutex // guards routes
	routes map[string]*route
}

// NewMux returns a Mux without patterns. It answers 401 to requests without a valid
// token and 404 to all others.
func (g *Guard) NewMux() *Mux { return &Mux{guard: g} }

// Handle registers a handler for requests with a valid token. For scopes, wrap the
// handler: mux.Handle("GET /orders", guard.Require("orders:read")(orders)).
//
// It panics as [http.ServeMux.Handle] does: if the pattern is malformed or conflicts
// with another, or if the handler is nil.
func (m *Mux) Handle(pattern string, h http.Handler) {
	m.register(pattern, h, m.guard.Require())
}

// HandleFunc registers a function as [Mux.Handle] registers a handler.
func (m *Mux) HandleFunc(pattern string, h func(http.ResponseWriter, *http.Request)) {
	m.Handle(pattern, http.HandlerFunc(h))
}

// Public registers a handler for all requests. The token is not read, so even a bad
// one is ignored. It panics as [Mux.Handle] does.
//
// Use it to answer a CORS preflight: mux.Public("OPTIONS /orders", cors). The
// pattern OPTIONS / conflicts with a pattern that has no method, such as /orders, so
// give such patterns a method.
//
// A handler of a public subtree sees paths that contain %2e%2e, which ServeMux does
// not treat as "..". Don't register a reverse proxy as public: its upstream might
// treat it so.
func (m *Mux) Public(pattern string, h http.Handler) {
	m.register(pattern, h, func(h http.Handler) http.Handler { return h })
}

// Optional registers a handler for requests with a valid token and for those without
// credentials, see [Guard.Optional]. It panics as [Mux.Handle] does.
func (m *Mux) Optional(pattern string, h http.Handler) {
	m.register(pattern, h, m.guard.Optional)
}

// A route is a registered handler with its protection. It has its own type to
// distinguish it from the handlers that ServeMux makes.
type route struct {
	protect func(http.Handler) http.Handler
	// It has only this pattern, with the protected handler. It sets Pattern and
	// PathValue, which only a ServeMux can. The Mux's own ServeMux would choose a
	// second time, and could choose a redirect if a pattern was registered in
	// between.
	mux http.ServeMux
}

func (route *route) ServeHTTP(w http.ResponseWriter, r *http.Request) { route.mux.ServeHTTP(w, r) }

func (m *Mux) register(pattern string, h http.Handler, protect func(http.Handler) http.Handler) {
	mustHandler(h)
	added := &route{protect: protect}
	added.mux.Handle(pattern, protect(h))
	m.mux.Handle(pattern, added)

	m.mu.Lock()
	defer m.mu.Unlock()
	if m.routes == nil {
		m.routes = make(map[string]*route)
	}
	m.routes[pattern] = added
}

// ServeHTTP calls the handler of the pattern that matches the request, if the
// request is allowed.
func (m *Mux) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if m == nil || !m.guard.ready() {
		(*Guard)(nil).refuse(w, r, undetermined(errZeroGuard))
		return
	}
	if r.RequestURI == "*" {
		// ServeMux answers 400 without looking at its patterns.
		m.guard.Require()(&m.mux).ServeHTTP(w, r)
		return
	}
	h, pattern := m.mux.Handler(r)
	if chosen, ok := h.(*route); ok {
		chosen.ServeHTTP(w, r)
		return
	}
	r.Pattern = pattern // as ServeMux does
	m.protection(r, pattern)(h).ServeHTTP(w, r)
}

// protection returns the protection for a response of ServeMux itself: that of the
// pattern that a redirect leads to, otherwise that of Handle.
func (m *Mux) protection(r *http.Request, pattern string) func(http.Handler) http.Handler {
	// For CONNECT, ServeMux reports the path of a redirect. It can look like the
	// pattern of another handler than the one it leads to.
	if r.Method != http.MethodConnect {
		m.mu.RLock()
		defer m.mu.RUnlock()
		if leadsTo := m.routes[pattern]; leadsTo != nil {
			return leadsTo.protect
		}
	}
	return m.guard.Require()
}
