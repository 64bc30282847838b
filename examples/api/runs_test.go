package main

import (
	"net/http"
	"testing"

	"example.com/jwtverify/bearer"
	"example.com/jwtverify/issuertest"
)

// Whatever is added to the API is protected. Its handler counts its runs: there are none
// without a good token.
func TestAdded(t *testing.T) {
	iss := issuertest.New(t)
	api := newAPI(iss.Verifier()).(*bearer.Mux)
	api.HandleFunc("GET /added", func(w http.ResponseWriter, r *http.Request) { iss.Ran(); w.WriteHeader(http.StatusNoContent) })
	iss.Suite(t, api, "GET /added")
}
