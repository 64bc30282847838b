// Command chi is the API of ../api behind chi. Any other router does the same: what it
// takes as a middleware is a func(http.Handler) http.Handler, and Guard.Require
// returns one.
//
//	AUTHACTION_DOMAIN=tenant.example.com AUTHACTION_AUDIENCE=https://api.example.com go -C examples/chi run .
package main

import (
	"cmp"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"slices"

	"github.com/go-chi/chi/v5"

	"example.com/jwtverify"
	"example.com/jwtverify/bearer"
)

func main() {
	config := jwtverify.Config{Issuer: "https://" + os.Getenv("AUTHACTION_DOMAIN"), Audiences: []string{os.Getenv("AUTHACTION_AUDIENCE")}}
	config.Keys = jwtverify.HTTPKeySource{URL: config.Issuer + "/.well-known/jwks.json"}
	api, _ := newAPI(config)
	log.Fatal(http.ListenAndServe("127.0.0.1:8000", api))
}

// newAPI returns the API, and its part that is protected.
func newAPI(config jwtverify.Config) (api, protected chi.Router) {
	verifier, verifierErr := jwtverify.New(config)
	guard, guardErr := bearer.New(bearer.Config{Verifier: verifier})
	if err := cmp.Or(verifierErr, guardErr); err != nil {
		log.Fatal(err)
	}

	// The guard stands before a router, not before a route: what is added to it, and
	// what it does not have, needs a token.
	protected = chi.NewRouter()
	protected.Use(guard.Require())
	protected.Get("/protected", who)
	protected.With(guard.Require("orders:read")).Get("/orders/{id}", order)
	protected.With(guard.RequireFunc(isAdmin)).Get("/admin", admin)

	api = chi.NewRouter()
	api.Get("/public", public)
	api.Mount("/", protected)
	return api, protected
}

// isAdmin takes the roles of a token from its claim "roles".
func isAdmin(token *jwtverify.Token) error {
	if slices.Contains(bearer.Scopes(token, "roles"), "admin") {
		return nil
	}
	return errors.New("not an admin")
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

func admin(w http.ResponseWriter, r *http.Request) {
	fmt.Fprintln(w, "for admins")
}
