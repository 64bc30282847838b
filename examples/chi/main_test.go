package main

import (
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"

	"example.com/jwtverify/issuertest"
)

// Whatever is added to the protected part is protected. Its handler counts its runs:
// there are none without a good token.
func TestAPI(t *testing.T) {
	iss := issuertest.New(t, issuertest.WithClaims(issuertest.Claims{"scope": "orders:read", "roles": []string{"admin"}}))
	api, protected := newAPI(iss.Config())
	protected.Get("/added", func(w http.ResponseWriter, r *http.Request) { iss.Ran(); w.WriteHeader(http.StatusNoContent) })
	iss.Suite(t, api, "GET /protected", "GET /orders/17", "GET /admin", "GET /added")
}

// The command in README.md, too.
func TestREADME(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "go", "-C", "../..", "test", "-count=1", "-v", "-run", "^TestREADME$/^chi$", "./examples")
	cmd.Env = append(os.Environ(), "EXAMPLES_NESTED=1")
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "PASS: TestREADME/chi") {
		t.Errorf("%v\n%s", err, out)
	}
}
