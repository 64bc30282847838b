// Command chi is the API of ../api behind chi. Any other router does the same: what it
// takes as a middleware is a func(http.Handler) http.Handler, and Guard.Require
// returns one.
//
//	AUTHACTION_DOMAIN=tenant.example.com AUTHACTION_AUDIENCE=https://api.example.com go -C examples/chi run .
package main

import (
	"fmt"
	"log"
	"net/http"
	"os"

	"github.com/go-chi/chi/v5"

	"example.com/jwtverify"
	"example.com/jwtverify/bearer"
)

func main() {
	issuer := "https://" + os.Getenv("AUTHACTION_DOMAIN")
	api, err := newAPI(jwtverify.Config{
		Issuer:    issuer,
		Audiences: []string{os.Getenv("AUTHACTION_AUDIENCE")},
		Keys:      jwtverify.HTTPKeySource{URL: issuer + "/.well-known/jwks.json"},
	})
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.ListenAndServe("127.0.0.1:8000", api))
}

func newAPI(config jwtverify.Config) (http.Handler, error) {
	verifier, err := jwtverify.New(config)
	if err != nil {
		return nil, err
	}
	guard, err := bearer.New(bearer.Config{Verifier: verifier})
	if err != nil {
		return nil, err
	}

	// The guard stands before a router, not before a route: what is added to it, and
	// what it does not have, needs a token.
	protected := chi.NewRouter()
	protected.Use(guard.Require())
	protected.Get("/protected", who)
	protected.With(guard.Require("orders:read")).Get("/orders/{id}", order)

	router := chi.NewRouter()
	router.Get("/public", public)
	router.Mount("/", protected)
	return router, nil
}

func public(w http.ResponseWriter, r *http.Request) {
	fmt.Fprintln(w, "for everyone")
}

func who(w http.ResponseWriter, r *http.Request) {
	token, _ := jwtverify.FromContext(r.Context()) // there is one: the guard saw to it
	fmt.Fprintf(w, "for %q\n", token.Subject)
}

func order(w http.ResponseWriter, r *http.Request) {
	fmt.Fprintf(w, "order %q\n", chi.URLParam(r, "id"))
}
