package main

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v3"
	"github.com/gofiber/fiber/v3/middleware/adaptor"

	"example.com/jwtverify/bearer"
	"example.com/jwtverify/issuertest"
)

func newIssuer(t *testing.T) *issuertest.Issuer {
	return issuertest.New(t, issuertest.WithClaims(issuertest.Claims{"scope": "orders:read", "roles": []string{"admin"}}))
}

// serve returns a handler that asks the API over a socket: adaptor.FiberApp would show it
// the last of several headers alone.
func serve(t *testing.T, api *fiber.App) http.Handler {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- api.Listener(listener, fiber.ListenConfig{DisableStartupMessage: true}) }()
	transport := &http.Transport{DisableCompression: true}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		if err := api.Shutdown(); err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return &httputil.ReverseProxy{
		Transport: transport,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host = "http", listener.Addr().String()
		},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			if strings.Contains(err.Error(), "invalid header field value") {
				w.WriteHeader(http.StatusBadRequest) // no client sends such a header
				return
			}
			t.Errorf("%s %s: %v", r.Method, r.URL.Path, err)
		},
	}
}

// Whatever is added to the API is protected. Its handler counts its runs: there are none
// without a good token.
func TestAPI(t *testing.T) {
	t.Parallel()
	iss := newIssuer(t)
	api := newAPI(iss.Config())
	api.Get("/added", func(c fiber.Ctx) error { iss.Ran(); return c.SendStatus(http.StatusNoContent) })
	iss.Suite(t, serve(t, api), "GET /protected", "GET /orders/17", "GET /admin", "GET /added")
}

// A doubt stands for the test of an adapter that may be wrong.
type doubt struct {
	testing.TB
	failures []string
}

func (d *doubt) Errorf(format string, args ...any) {
	d.failures = append(d.failures, fmt.Sprintf(format, args...))
}

// The adapters, each alone before a handler that counts its runs, and what Suite says of
// them: one text that is part of each failure.
func TestAdapters(t *testing.T) {
	nothing := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	for _, test := range []struct {
		name    string
		adapter func(*bearer.Guard) fiber.Handler
		failure string
	}{
		{"permit", func(g *bearer.Guard) fiber.Handler { return permit(g.RequireFunc(isAdmin)) }, ""},
		{"adaptor.HTTPMiddleware", func(g *bearer.Guard) fiber.Handler { return adaptor.HTTPMiddleware(g.Require()) }, "two Authorization headers, the last with a good token"},
		{"adaptor.HTTPHandler, then c.Next", func(g *bearer.Guard) fiber.Handler {
			judge := adaptor.HTTPHandler(g.Require()(nothing))
			return func(c fiber.Ctx) error {
				if err := judge(c); err != nil {
					return err // there is never one
				}
				return c.Next()
			}
		}, "the handler ran"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			iss := newIssuer(t)
			guard, err := bearer.New(bearer.Config{Verifier: iss.Verifier()})
			if err != nil {
				t.Fatal(err)
			}
			api := fiber.New(fiber.Config{ReadBufferSize: 32 << 10})
			api.Get("/counted", test.adapter(guard), func(c fiber.Ctx) error { iss.Ran(); return c.SendStatus(http.StatusNoContent) })
			doubt := doubt{TB: t}
			iss.Suite(&doubt, serve(t, api), "GET /counted")
			if (doubt.failures == nil) != (test.failure == "") {
				t.Errorf("got %d failures, want %q", len(doubt.failures), test.failure)
			}
			for _, failure := range doubt.failures {
				if test.failure == "" || !strings.Contains(failure, test.failure) {
					t.Errorf("got %q, want %q in it", failure, test.failure)
				}
			}
		})
	}
}
