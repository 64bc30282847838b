package bearer

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"example.com/jwtverify"
)

// ForwardAuth returns the handler for a reverse proxy that asks, before it passes a
// request on, whether it may: auth_request of nginx, ForwardAuth of Traefik,
// forward_auth of Caddy, ext_authz of Envoy. The answer depends on the Authorization
// header of the proxy's question alone: any method, any path; what the client could
// have written into X-Forwarded-*, X-Original-* or the query is not looked at, and the
// body is not read.
//
// A token that is valid and has all of the scopes is answered by 200, without a body,
// and always with all three of
//
//	X-Auth-Subject: the sub of the token
//	X-Auth-Issuer:  its iss
//	X-Auth-Scope:   its scopes, separated by spaces
//
// each of which may be empty. A proxy that copies only headers that are not empty lets
// through what the client has written there: it has to strip X-Auth-* from the request
// first, X_Auth_* too. A token with a value that cannot travel in a header unchanged
// (control characters, anything but ASCII, spaces at an end; in a scope any space) is
// refused as not valid. So are the others, as by [Guard.Require].
//
// Different rules for different routes are different handlers, and the proxy's
// configuration says which one to ask; the request has no say in it. The handler is
// the whole handler of its server: a ServeMux in front would redirect paths that have
// // in them. The server has to set DisableGeneralOptionsHandler, or it answers
// "OPTIONS *" by 200 itself:
//
//	server := &http.Server{
//		Addr:                         "127.0.0.1:9000",
//		Handler:                      guard.ForwardAuth("orders:read"),
//		DisableGeneralOptionsHandler: true,
//		ReadHeaderTimeout:            5 * time.Second,
//	}
//
// Like Require, ForwardAuth panics if a scope is not one that a token could have.
func (g *Guard) ForwardAuth(scopes ...string) http.Handler {
	scopes = slices.Clone(scopes)
	return g.Require(scopes...)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a := admissionFrom(r.Context())
		if err := a.checkHeaders(); err != nil {
			g.refuse(w, r, notValid(err).naming(scopes))
			return
		}
		header := w.Header()
		header.Set("Cache-Control", "no-store")
		header.Set("X-Auth-Subject", a.token.Subject)
		header.Set("X-Auth-Issuer", a.token.Issuer)
		header.Set("X-Auth-Scope", strings.Join(a.scopes(), " "))
		w.WriteHeader(http.StatusOK) // Envoy takes no other
	}))
}

// checkHeaders tells what of the token another server would read differently from a
// header (RFC 9110, section 5.5).
func (a *admission) checkHeaders() error {
	for _, claim := range []struct{ name, value string }{{"sub", a.token.Subject}, {"iss", a.token.Issuer}} {
		if !isPrintable(claim.value) || strings.TrimSpace(claim.value) != claim.value {
			return fmt.Errorf("%w: %s is %s, which cannot travel in a header: want printable ASCII without space at the ends", jwtverify.ErrInvalid, claim.name, quoted(claim.value))
		}
	}
	for _, scope := range a.scopes() {
		// Joined by spaces, "a b" would become two scopes that nobody granted.
		if scope == "" || !isPrintable(scope) || strings.Contains(scope, " ") {
			return fmt.Errorf("%w: scope %s cannot travel in a header: want printable ASCII without space", jwtverify.ErrInvalid, quoted(scope))
		}
	}
	return nil
}
