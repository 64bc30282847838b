package main

import (
	"net/http"
	"testing"

	"example.com/jwtverify/issuertest"
)

// Whatever is added to the protected part is protected. Its handler counts its runs:
// there are none without a good token.
func TestAPI(t *testing.T) {
	iss := issuertest.New(t, issuertest.WithClaims(issuertest.Claims{"scope": "orders:read", "roles": []string{"admin"}}))
	api, protected := newAPI(iss.Config())
	protected.Get("/added", func(w http.ResponseWriter, r *http.Request) { iss.Ran(); w.WriteHeader(http.StatusNoContent) })
	iss.Suite(t, api, "GET /protected", "GET /orders/17", "GET /admin", "GET /added")
}
