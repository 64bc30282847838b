package main

import (
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/gin-gonic/gin"

	"example.com/jwtverify/bearer"
	"example.com/jwtverify/issuertest"
)

func newIssuer(t *testing.T) *issuertest.Issuer {
	return issuertest.New(t, issuertest.WithClaims(issuertest.Claims{"scope": "orders:read", "roles": []string{"admin"}}))
}

// Whatever is added to the API is protected. Its handler counts its runs: there are none
// without a good token.
func TestAPI(t *testing.T) {
	iss := newIssuer(t)
	api := newAPI(iss.Config())
	api.GET("/added", func(c *gin.Context) { iss.Ran(); c.Status(http.StatusNoContent) })
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
		adapter func(*bearer.Guard) gin.HandlerFunc
		right   bool
	}{
		{"require", func(g *bearer.Guard) gin.HandlerFunc { return require(g) }, true},
		{"require with a scope", func(g *bearer.Guard) gin.HandlerFunc { return require(g, "orders:read") }, true},
		{"permit", func(g *bearer.Guard) gin.HandlerFunc { return permit(g.RequireFunc(isAdmin)) }, true},
		{"Admit without Abort", func(g *bearer.Guard) gin.HandlerFunc {
			return func(c *gin.Context) { c.Request, _ = g.Admit(c.Writer, c.Request) }
		}, false},
		{"c.Next in a handler behind Require, without Abort", func(g *bearer.Guard) gin.HandlerFunc {
			return func(c *gin.Context) {
				g.Require()(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
					c.Request = r
					c.Next()
				})).ServeHTTP(c.Writer, c.Request)
			}
		}, false},
		{"gin.WrapH around Require", func(g *bearer.Guard) gin.HandlerFunc {
			return gin.WrapH(g.Require()(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})))
		}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				guard, err := bearer.New(bearer.Config{Verifier: iss.Verifier()})
				if err != nil {
					t.Fatal(err)
				}
				api := gin.New()
				api.GET("/counted", test.adapter(guard), func(c *gin.Context) { iss.Ran(); c.Status(http.StatusNoContent) })
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
