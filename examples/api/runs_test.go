package main

import (
	"net/http"
	"testing"
	"testing/synctest"

	"example.com/jwtverify/bearer"
	"example.com/jwtverify/issuertest"
)

// Whatever is added to the API is protected. Its handler counts its runs: there are none
// without a good token. In a bubble Suite does not wait.
func TestAdded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		iss := issuertest.New(t)
		api := newAPI(iss.Verifier()).(*bearer.Mux)
		api.HandleFunc("GET /added", func(w http.ResponseWriter, r *http.Request) { iss.Ran(); w.WriteHeader(http.StatusNoContent) })
		iss.Suite(t, api, "GET /added")
	})
}
