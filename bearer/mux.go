package bearer

import (
	"net/http"
	"sync"
)

// A Mux is an [http.ServeMux] in which every handler needs a valid token, unless it
// was registered as [Mux.Public] or [Mux.Optional]. It is made by [Guard.NewMux].
//
// Patterns, precedence, wildcards, hosts and conflicts are those of ServeMux, which
// alone picks the handler: protection belongs to the handler, and there is no second
// opinion on which path that is. What ServeMux answers by itself is protected too:
//
//   - a redirect (to a clean path, or to one with a slash at the end) as the pattern
//     is that it leads to
//   - 404 and 405, which are no pattern's, and redirects of CONNECT, as any other
//     pattern is: without a valid token they are a 401
//
// So there is one rule without exception: without a valid token, a response is a
// refusal, or comes from a pattern registered as Public or Optional.
//
// A request for "OPTIONS *" is answered by [http.Server] itself, before any handler,
// unless its DisableGeneralOptionsHandler is set; then it needs a token, too.
//
// The zero Mux answers 503 to all requests.
type Mux struct {
	guard *Guard
	mux   http.ServeMux // every handler in it is a *route

	mu     sync.RWMutex // guards routes
	routes map[string]*route
}

// NewMux returns a Mux without patterns, which answers 401 to requests without a valid
// token and 404 to the others.
func (g *Guard) NewMux() *Mux { return &Mux{guard: g} }

// Handle registers a handler for requests with a valid token. For scopes, wrap the
// handler: mux.Handle("GET /orders", guard.Require("orders:read")(orders)).
//
// It panics as [http.ServeMux.Handle] does: if the pattern is no pattern or conflicts
// with another, or if the handler is nil.
func (m *Mux) Handle(pattern string, h http.Handler) {
	m.register(pattern, h, m.guard.Require())
}

// HandleFunc registers a function as [Mux.Handle] does a handler.
func (m *Mux) HandleFunc(pattern string, h func(http.ResponseWriter, *http.Request)) {
	m.Handle(pattern, http.HandlerFunc(h))
}

// Public registers a handler for all requests: the token is ignored, even a bad one,
// and never read. It panics as [Mux.Handle] does.
//
// It is the way to answer a CORS preflight: mux.Public("OPTIONS /orders", cors). As
// OPTIONS / conflicts with a pattern that has no method, such as /orders, give those
// methods.
//
// A handler of a public subtree sees paths with %2e%2e in them, which ServeMux does
// not take for "..". Don't register a reverse proxy as public: its upstream might.
func (m *Mux) Public(pattern string, h http.Handler) {
	m.register(pattern, h, func(h http.Handler) http.Handler { return h })
}

// Optional registers a handler for requests with a valid token and for those without
// credentials, see [Guard.Optional]. It panics as [Mux.Handle] does.
func (m *Mux) Optional(pattern string, h http.Handler) {
	m.register(pattern, h, m.guard.Optional)
}

// A route is a handler as it was registered, protected. It is a type of its own to be
// told from the handlers that ServeMux makes.
type route struct {
	protect func(http.Handler) http.Handler
	// The pattern alone, with the protected handler. It fills in Pattern and
	// PathValue, which only ServeMux can. The Mux's own would choose once more, and
	// perhaps a redirect, if a pattern is registered in between.
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

// ServeHTTP has the handler of the pattern that matches the request serve it, if the
// request may have it.
func (m *Mux) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if m == nil || !m.guard.ready() {
		(*Guard)(nil).refuse(w, r, undetermined(errZeroGuard))
		return
	}
	if r.RequestURI == "*" {
		// ServeMux answers 400 without a look at its patterns.
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

// protection returns what stands before an answer of ServeMux's own: the protection of
// the pattern that a redirect leads to, or else that of Handle.
func (m *Mux) protection(r *http.Request, pattern string) func(http.Handler) http.Handler {
	// For CONNECT, ServeMux reports the path of a redirect, which can look like the
	// pattern of another handler than it leads to.
	if r.Method != http.MethodConnect {
		m.mu.RLock()
		defer m.mu.RUnlock()
		if leadsTo := m.routes[pattern]; leadsTo != nil {
			return leadsTo.protect
		}
	}
	return m.guard.Require()
}
