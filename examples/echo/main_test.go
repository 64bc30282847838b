package main

import (
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/labstack/echo/v5"

	"example.com/jwtverify/bearer"
	"example.com/jwtverify/issuertest"
)

func newIssuer(t *testing.T) *issuertest.Issuer {
	return issuertest.New(t, issuertest.WithClaims(issuertest.Claims{"scope": "orders:read", "roles": []string{"admin"}}))
}

// Whatever is added to the protected part is protected. Its handler counts its runs:
// there are none without a good token.
func TestAPI(t *testing.T) {
	iss := newIssuer(t)
	api, protected := newAPI(iss.Config())
	protected.GET("/added", func(c *echo.Context) error { iss.Ran(); return c.NoContent(http.StatusNoContent) })
	iss.Suite(t, api, "GET /protected", "GET /orders/17", "GET /admin", "GET /added")
}

// A doubt stands for the test of an adapter that may be wrong.
type doubt struct {
	testing.TB
	failures []string
}

func (d *doubt) Errorf(format string, _ ...any) { d.failures = append(d.failures, format) }

// The adapters, each alone before a handler that counts its runs. Behind one that is
// wrong the handler runs for everybody, whatever the client gets.
func TestAdapters(t *testing.T) {
	iss := newIssuer(t)
	for _, test := range []struct {
		name    string
		adapter func(*bearer.Guard) echo.MiddlewareFunc
		right   bool
	}{
		{"require", func(g *bearer.Guard) echo.MiddlewareFunc { return require(g) }, true},
		{"require with a scope", func(g *bearer.Guard) echo.MiddlewareFunc { return require(g, "orders:read") }, true},
		{"echo.WrapMiddleware", func(g *bearer.Guard) echo.MiddlewareFunc { return echo.WrapMiddleware(g.RequireFunc(isAdmin)) }, true},
		{"Admit, and next in any case", func(g *bearer.Guard) echo.MiddlewareFunc {
			return func(next echo.HandlerFunc) echo.HandlerFunc {
				return func(c *echo.Context) error {
					r, _ := g.Admit(c.Response(), c.Request())
					c.SetRequest(r)
					return next(c)
				}
			}
		}, false},
		{"next behind echo.WrapHandler", func(g *bearer.Guard) echo.MiddlewareFunc {
			judge := echo.WrapHandler(g.Require()(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})))
			return func(next echo.HandlerFunc) echo.HandlerFunc {
				return func(c *echo.Context) error {
					if err := judge(c); err != nil {
						return err // there is never one
					}
					return next(c)
				}
			}
		}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				guard, err := bearer.New(bearer.Config{Verifier: iss.Verifier()})
				if err != nil {
					t.Fatal(err)
				}
				api := echo.New()
				api.GET("/counted", func(c *echo.Context) error { iss.Ran(); return c.NoContent(http.StatusNoContent) }, test.adapter(guard))
				if test.right {
					iss.Suite(t, api, "GET /counted")
					return
				}
				doubt := doubt{TB: t}
				if iss.Suite(&doubt, api, "GET /counted"); doubt.failures == nil {
					t.Error("Suite finds nothing wrong with it")
				}
			})
		})
	}
}
