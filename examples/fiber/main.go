// Command fiber is the API of ../api behind fiber, which is not made of net/http: its
// adaptor brings the guard in, and permit, below, is to be copied. With the adaptor's own
// HTTPMiddleware the handler does not run without a token either. But the guard then sees
// only the last of several Authorization headers, and a fetch of keys keeps a context that
// fiber uses again for other requests.
//
//	AUTHACTION_DOMAIN=tenant.example.com AUTHACTION_AUDIENCE=https://api.example.com go -C examples/fiber run .
package main

import (
	"cmp"
	"errors"
	"log"
	"net/http"
	"os"
	"slices"
	"strconv"

	"github.com/gofiber/fiber/v3"
	"github.com/gofiber/fiber/v3/middleware/adaptor"

	"example.com/jwtverify"
	"example.com/jwtverify/bearer"
)

func main() {
	config := jwtverify.Config{Issuer: "https://" + os.Getenv("AUTHACTION_DOMAIN"), Audiences: []string{os.Getenv("AUTHACTION_AUDIENCE")}}
	config.Keys = jwtverify.HTTPKeySource{URL: config.Issuer + "/.well-known/jwks.json"}
	log.Fatal(newAPI(config).Listen("127.0.0.1:8000", fiber.ListenConfig{DisableStartupMessage: true}))
}

func newAPI(config jwtverify.Config) *fiber.App {
	verifier, verifierErr := jwtverify.New(config)
	guard, guardErr := bearer.New(bearer.Config{Verifier: verifier})
	if err := cmp.Or(verifierErr, guardErr); err != nil {
		log.Fatal(err)
	}
	api := fiber.New(fiber.Config{ReadBufferSize: 32 << 10}) // with the default, a token of 4 KiB gets 431
	api.Get("/public", func(c fiber.Ctx) error { return c.SendString("for everyone\n") })

	// fiber guards what is registered behind this line, and the paths that it does not have.
	api.Use(permit(guard.Require()))
	api.Get("/protected", func(c fiber.Ctx) error {
		token, _ := jwtverify.FromContext(c.Context()) // there is one, permit saw to it
		return c.SendString("for " + strconv.Quote(token.Subject) + "\n")
	})
	api.Get("/orders/:id", permit(guard.Require("orders:read")), func(c fiber.Ctx) error { return c.SendString("order " + strconv.Quote(c.Params("id")) + "\n") })
	api.Get("/admin", permit(guard.RequireFunc(isAdmin)), func(c fiber.Ctx) error { return c.SendString("for admins\n") })
	return api
}

// isAdmin takes the roles of a token from its claim "roles".
func isAdmin(token *jwtverify.Token) error {
	if slices.Contains(bearer.Scopes(token, "roles"), "admin") {
		return nil
	}
	return errors.New("not an admin")
}

// permit lets the handlers behind it run for whom a guard's middleware lets pass.
func permit(middleware func(http.Handler) http.Handler) fiber.Handler {
	return func(c fiber.Ctx) error {
		ok := false
		admitted := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { ok = true; c.SetContext(r.Context()) })
		err := adaptor.HTTPHandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.Header["Authorization"] = c.GetReqHeaders()["Authorization"] // all of them
			middleware(admitted).ServeHTTP(w, r.WithContext(c.Context()))
		})(c)
		if err != nil || !ok {
			return err // or nil: the answer has been written
		}
		return c.Next()
	}
}
