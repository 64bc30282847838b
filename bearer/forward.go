package bearer

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"example.com/jwtverify"
)

// ForwardAuth returns the handler for a reverse proxy that asks, before it forwards a
// request, whether the request is allowed: auth_request of nginx, ForwardAuth of
// Traefik, forward_auth of Caddy, ext_authz of Envoy. The answer depends only on the
// Authorization header of the proxy's own request, for any method and any path.
// X-Forwarded-*, X-Original-* and the query, which the client could have written, are
// not looked at, and the body is not read.
//
// For a valid token with all of the scopes the response is 200 without a body. It
// always has these three headers:
//
//	X-Auth-Subject: the sub of the token
//	X-Auth-Issuer:  its iss
//	X-Auth-Scope:   its scopes, separated by spaces
//
// Each may be empty. A proxy that copies only headers that are not empty would keep
// those that the client has sent, so it must first remove X-Auth-* and X_Auth_* from
// the request. If a value cannot travel in a header unchanged (control characters,
// anything but ASCII, spaces at either end, any space in a scope), the token is
// refused as not valid. All other refusals are those of [Guard.Require].
//
// For different rules on different routes make several handlers, and let the proxy's
// configuration, not the request, choose between them. The handler must be the only
// handler of its server: a ServeMux in front would redirect paths that contain //.
// The server must set DisableGeneralOptionsHandler; otherwise it answers "OPTIONS *"
// with 200 itself:
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
		w.WriteHeader(http.StatusOK) // Envoy accepts no other status
	}))
}

// checkHeaders returns an error for a value of the token that another server would
// read differently from a header (RFC 9110, section 5.5).
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
