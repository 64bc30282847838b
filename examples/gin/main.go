// Command gin is the API of ../api behind gin. What gin calls a middleware is no
// func(http.Handler) http.Handler: require and permit, below, are to be copied.
//
//	AUTHACTION_DOMAIN=tenant.example.com AUTHACTION_AUDIENCE=https://api.example.com go -C examples/gin run .
package main

import (
	"cmp"
	"errors"
	"log"
	"net/http"
	"os"
	"slices"

	"github.com/gin-gonic/gin"

	"example.com/jwtverify"
	"example.com/jwtverify/bearer"
)

func main() {
	config := jwtverify.Config{Issuer: "https://" + os.Getenv("AUTHACTION_DOMAIN"), Audiences: []string{os.Getenv("AUTHACTION_AUDIENCE")}}
	config.Keys = jwtverify.HTTPKeySource{URL: config.Issuer + "/.well-known/jwks.json"}
	log.Fatal(http.ListenAndServe("127.0.0.1:8000", newAPI(config)))
}

func newAPI(config jwtverify.Config) *gin.Engine {
	verifier, verifierErr := jwtverify.New(config)
	guard, guardErr := bearer.New(bearer.Config{Verifier: verifier})
	if err := cmp.Or(verifierErr, guardErr); err != nil {
		log.Fatal(err)
	}
	api := gin.New()
	api.GET("/public", func(c *gin.Context) { c.String(http.StatusOK, "for everyone\n") })

	// gin guards what is registered behind this line, and the paths that it does not have.
	api.Use(require(guard))
	api.GET("/protected", func(c *gin.Context) {
		token, _ := jwtverify.FromContext(c.Request.Context()) // there is one, require saw to it
		c.String(http.StatusOK, "for %q\n", token.Subject)
	})
	api.GET("/orders/:id", require(guard, "orders:read"), func(c *gin.Context) { c.String(http.StatusOK, "order %q\n", c.Param("id")) })
	api.GET("/admin", permit(guard.RequireFunc(isAdmin)), func(c *gin.Context) { c.String(http.StatusOK, "for admins\n") })
	return api
}

// isAdmin takes the roles of a token from its claim "roles".
func isAdmin(token *jwtverify.Token) error {
	if slices.Contains(bearer.Scopes(token, "roles"), "admin") {
		return nil
	}
	return errors.New("not an admin")
}

// require lets the handlers behind it run for a valid token that has all of the scopes.
func require(guard *bearer.Guard, scopes ...string) gin.HandlerFunc {
	return func(c *gin.Context) {
		var ok bool
		if c.Request, ok = guard.Admit(c.Writer, c.Request, scopes...); !ok {
			c.Abort() // or gin runs the handlers behind
		}
	}
}

// permit does the same with what is a func(http.Handler) http.Handler.
func permit(middleware func(http.Handler) http.Handler) gin.HandlerFunc {
	return func(c *gin.Context) {
		ok := false
		middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { c.Request, ok = r, true })).ServeHTTP(c.Writer, c.Request)
		if !ok {
			c.Abort()
		}
	}
}
