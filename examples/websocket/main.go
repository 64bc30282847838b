// Command websocket is a WebSocket server whose connections need an access token, and
// end with it.
//
//	AUTHACTION_DOMAIN=tenant.example.com AUTHACTION_AUDIENCE=https://api.example.com go -C examples/websocket run .
//
// A program sends the token in Authorization, as with any request. A script in a browser
// cannot; it names the token as a subprotocol, beside one that the server speaks:
//
//	new WebSocket("wss://api.example.com/echo", ["echo.v1", "bearer." + token])
//
// Or the site has put it into a cookie, __Host-token, with HttpOnly, Secure and
// SameSite=Strict. Both ways end in browser.go. What the script sees of a refusal is that
// there is no connection: it asks for a new token, then tries again.
package main

import (
	"context"
	"log"
	"net/http"
	"os"

	"github.com/coder/websocket"

	"example.com/jwtverify"
	"example.com/jwtverify/bearer"
)

func main() {
	issuer := "https://" + os.Getenv("AUTHACTION_DOMAIN")
	api, err := newAPI(jwtverify.Config{
		Issuer:    issuer,
		Audiences: []string{os.Getenv("AUTHACTION_AUDIENCE")},
		Keys:      jwtverify.HTTPKeySource{URL: issuer + "/.well-known/jwks.json"},
	}, echo)
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.ListenAndServe("127.0.0.1:8000", api))
}

// origins are the sites whose scripts may connect: scheme, host and port, as browsers
// send them.
func origins() []string { return []string{"https://app.example.com"} }

func newAPI(config jwtverify.Config, answer answerer) (http.Handler, error) {
	verifier, err := jwtverify.New(config)
	if err != nil {
		return nil, err
	}
	guard, err := bearer.New(bearer.Config{Verifier: verifier})
	if err != nil {
		return nil, err
	}
	mux := guard.NewMux()
	mux.Handle("GET /echo", guard.Require("echo")(serve(answer)))
	return fromBrowser(origins(), mux), nil
}

// An answerer makes the answer to a message. The token is that of the connection.
type answerer func(token *jwtverify.Token, message []byte) []byte

func echo(_ *jwtverify.Token, message []byte) []byte { return message }

// statusExpired is of the range that applications are free to use (RFC 6455, section 7.4.2).
const statusExpired websocket.StatusCode = 4001

func serve(answer answerer) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, _ := jwtverify.FromContext(r.Context()) // there is one: the guard saw to it
		conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{
			Subprotocols:   []string{"echo.v1"}, // never the token's, which would send it back
			OriginPatterns: origins(),
		})
		if err != nil {
			return // Accept has answered
		}
		defer conn.CloseNow()

		// The client is told that its token has expired, and has some seconds to say that
		// it has heard. What it says instead is not looked at.
		ctx, cancel := context.WithDeadline(r.Context(), token.Expiry)
		defer cancel()
		stop := context.AfterFunc(ctx, func() { conn.Close(statusExpired, "the access token has expired") })
		defer stop()
		for {
			kind, message, err := conn.Read(r.Context())
			if err != nil || ctx.Err() != nil {
				return
			}
			if err := conn.Write(ctx, kind, answer(token, message)); err != nil {
				return
			}
		}
	})
}
