// Package guide is the API of AuthAction's guide for backends: GET /public for
// everybody, GET /protected for clients with a valid token. `jwtverify serve` and
// `jwtverify demo` serve it, and benchmarks/figures measures it.
package guide

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"example.com/jwtverify"
	"example.com/jwtverify/bearer"
)

// New returns the API for tokens that the verifier accepts. The hook is called for
// each refusal, like Reject of [bearer.Config]; nil: no hook.
func New(verifier bearer.Verifier, refused func(*http.Request, bearer.Rejection)) (http.Handler, error) {
	config := bearer.Config{Verifier: verifier}
	if refused != nil {
		config.Reject = func(r *http.Request, rejection bearer.Rejection) (string, []byte) {
			refused(r, rejection)
			return "", nil
		}
	}
	guard, err := bearer.New(config)
	if err != nil {
		return nil, err
	}
	mux := guard.NewMux()
	mux.Public("GET /public", http.HandlerFunc(public))
	mux.HandleFunc("GET /protected", protected)
	return mux, nil
}

func public(w http.ResponseWriter, _ *http.Request) {
	write(w, struct {
		Message string `json:"message"`
	}{"This is a public message!"})
}

func protected(w http.ResponseWriter, r *http.Request) {
	token, _ := jwtverify.FromContext(r.Context()) // the guard has put it there
	write(w, struct {
		Message string `json:"message"`
		Subject string `json:"sub"`
	}{"This is a protected message!", token.Subject})
}

// write answers with a struct of strings as JSON, as the guide's framework writes it:
// compact, without the escapes that only HTML needs, without a newline.
func write(w http.ResponseWriter, document any) {
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(document) // strings can always be encoded
	body.Truncate(body.Len() - 1)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(body.Len()))
	_, _ = w.Write(body.Bytes()) // an error means that the client has gone
}

// MaxHeaderBytes limits the header of a request: twice the longest token.
const MaxHeaderBytes = 32 << 10

// NewServer returns a server for the API. No client can hold a connection for long:
// the limits are those of the slowest good request, which waits for the keys twice, at
// most 30 seconds each (jwtverify.Cache.Timeout).
func NewServer(api http.Handler) *http.Server {
	return &http.Server{
		Handler:                      api,
		ReadHeaderTimeout:            5 * time.Second,
		ReadTimeout:                  70 * time.Second,
		WriteTimeout:                 70 * time.Second,
		IdleTimeout:                  time.Minute,
		MaxHeaderBytes:               MaxHeaderBytes,
		DisableGeneralOptionsHandler: true, // "OPTIONS *" needs a token like everything else
	}
}
