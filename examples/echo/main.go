// Command echo is the API of ../api behind echo. Its middlewares are no
// func(http.Handler) http.Handler: require, below, is to be copied.
//
//	AUTHACTION_DOMAIN=tenant.example.com AUTHACTION_AUDIENCE=https://api.example.com go -C examples/echo run .
package main

import (
	"cmp"
	"errors"
	"log"
	"net/http"
	"os"
	"slices"
	"strconv"

	"github.com/labstack/echo/v5"

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
func newAPI(config jwtverify.Config) (*echo.Echo, *echo.Group) {
	verifier, verifierErr := jwtverify.New(config)
	guard, guardErr := bearer.New(bearer.Config{Verifier: verifier})
	if err := cmp.Or(verifierErr, guardErr); err != nil {
		log.Fatal(err)
	}
	api := echo.New()
	api.GET("/public", func(c *echo.Context) error { return c.String(http.StatusOK, "for everyone\n") })

	// A group without a prefix: what it does not have, it protects as well.
	protected := api.Group("", require(guard))
	protected.GET("/protected", func(c *echo.Context) error {
		token, _ := jwtverify.FromContext(c.Request().Context()) // there is one, require saw to it
		return c.String(http.StatusOK, "for "+strconv.Quote(token.Subject)+"\n")
	})
	protected.GET("/orders/:id", func(c *echo.Context) error {
		return c.String(http.StatusOK, "order "+strconv.Quote(c.Param("id"))+"\n")
	}, require(guard, "orders:read"))
	protected.GET("/admin", func(c *echo.Context) error {
		return c.String(http.StatusOK, "for admins\n")
	}, echo.WrapMiddleware(guard.RequireFunc(isAdmin)))
	return api, protected
}

// isAdmin takes the roles of a token from its claim "roles".
func isAdmin(token *jwtverify.Token) error {
	if slices.Contains(bearer.Scopes(token, "roles"), "admin") {
		return nil
	}
	return errors.New("not an admin")
}

// require lets the handler behind it run for a valid token that has all of the scopes.
func require(guard *bearer.Guard, scopes ...string) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c *echo.Context) error {
			if r, ok := guard.Admit(c.Response(), c.Request(), scopes...); ok {
				c.SetRequest(r)
				return next(c)
			}
			return nil // the answer has been written
		}
	}
}
