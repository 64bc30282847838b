// Command api is a whole API: /public is open, /protected needs an access token of
// your AuthAction tenant. Whatever you add is protected, unless you say Public.
//
//	AUTHACTION_DOMAIN=tenant.example.com AUTHACTION_AUDIENCE=https://api.example.com go run ./examples/api
//
// Who sent the request, jwtverify.FromContext(r.Context()) tells a handler; for a
// scope, wrap it: mux.Handle("GET /orders", guard.Require("orders:read")(orders)).
package main

import (
	"cmp"
	"log"
	"net/http"
	"os"

	"example.com/jwtverify"
	"example.com/jwtverify/bearer"
)

func main() {
	config := jwtverify.Config{Issuer: "https://" + os.Getenv("AUTHACTION_DOMAIN"), Audiences: []string{os.Getenv("AUTHACTION_AUDIENCE")}}
	config.Keys = jwtverify.HTTPKeySource{URL: config.Issuer + "/.well-known/jwks.json"}
	log.Fatal(http.ListenAndServe("127.0.0.1:8000", newAPI(config)))
}

func newAPI(config jwtverify.Config) http.Handler {
	verifier, verifierErr := jwtverify.New(config)
	guard, guardErr := bearer.New(bearer.Config{Verifier: verifier})
	if err := cmp.Or(verifierErr, guardErr); err != nil {
		log.Fatal(err)
	}
	mux := guard.NewMux()
	mux.Public("GET /public", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write([]byte("for everyone\n")) }))
	mux.HandleFunc("GET /protected", func(w http.ResponseWriter, r *http.Request) { w.Write([]byte("for you\n")) })
	return mux
}
