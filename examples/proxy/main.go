// Command proxy is the check that a reverse proxy asks before it passes a request on,
// so that APIs in any language can stand behind it. The proxies' configurations are in
// ../../deploy.
//
//	AUTHACTION_DOMAIN=tenant.example.com AUTHACTION_AUDIENCE=https://api.example.com go run ./examples/proxy
//
// It wants any valid token. Where a scope is needed as well, ForwardAuth("orders:read")
// is another such server, on a port of its own: the proxy's configuration says which
// one is asked, never the request.
package main

import (
	"log"
	"net/http"
	"os"
	"time"

	"example.com/jwtverify"
	"example.com/jwtverify/bearer"
)

func main() {
	issuer := "https://" + os.Getenv("AUTHACTION_DOMAIN")
	server, err := newServer(jwtverify.Config{
		Issuer:    issuer,
		Audiences: []string{os.Getenv("AUTHACTION_AUDIENCE")},
		Keys:      jwtverify.HTTPKeySource{URL: issuer + "/.well-known/jwks.json"},
	})
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(server.ListenAndServe())
}

// newServer returns a server that answers nothing but checks. Only the proxy should
// reach it.
func newServer(config jwtverify.Config) (*http.Server, error) {
	verifier, err := jwtverify.New(config)
	if err != nil {
		return nil, err
	}
	guard, err := bearer.New(bearer.Config{Verifier: verifier})
	if err != nil {
		return nil, err
	}
	return &http.Server{
		Addr:                         "127.0.0.1:9000",
		Handler:                      guard.ForwardAuth(),
		DisableGeneralOptionsHandler: true, // which would answer OPTIONS * by 200
		ReadHeaderTimeout:            5 * time.Second,
	}, nil
}
