// Command api is an HTTP API: /public is open, and whatever else is registered needs an
// access token. Its arguments are the issuer and the audience of the tokens.
//
//	go run ./examples/api https://tenant.example.com https://api.example.com
//
// For a scope, wrap a handler: mux.Handle("GET /orders", guard.Require("orders:read")(orders)).
package main

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"os"

	"example.com/jwtverify"
	"example.com/jwtverify/bearer"
)

func main() {
	if len(os.Args) != 3 {
		log.Fatal("want an issuer and an audience, such as: https://tenant.example.com https://api.example.com")
	}
	verifier, err := jwtverify.New(jwtverify.Config{Issuer: os.Args[1], Audiences: os.Args[2:]})
	if err != nil {
		log.Fatal(err)
	}
	if err := verifier.Ready(context.Background()); err != nil {
		log.Print(err) // good tokens get 503 until the issuer answers
	}
	log.Fatal(http.ListenAndServe("127.0.0.1:8000", newAPI(verifier)))
}

func newAPI(verifier bearer.Verifier) http.Handler {
	guard, err := bearer.New(bearer.Config{Verifier: verifier, Reject: func(r *http.Request, refusal bearer.Rejection) (string, []byte) {
		log.Printf("%d for %s %q: %v", refusal.Status, r.Method, r.URL.Path, refusal.Err)
		return "", nil // the client gets the usual answer, without the reason
	}})
	if err != nil {
		log.Fatal(err)
	}
	mux := guard.NewMux()
	mux.Public("GET /public", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, "for everyone") }))
	mux.HandleFunc("GET /protected", func(w http.ResponseWriter, r *http.Request) {
		token, _ := jwtverify.FromContext(r.Context())
		fmt.Fprintf(w, "for %q\n", token.Subject)
	})
	return mux
}
