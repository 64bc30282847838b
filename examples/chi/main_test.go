package main

import (
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
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

// What chi answers by itself does not mislead jwtverify probe: it knows no HEAD here.
func TestProbe(t *testing.T) {
	iss := issuertest.New(t)
	api, _ := newAPI(iss.Config())
	server := httptest.NewServer(api)
	t.Cleanup(server.Close)
	program := filepath.Join(t.TempDir(), "jwtverify.exe")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-C", "../..", "-o", program, "./cmd/jwtverify").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, test := range []struct{ method, want string }{
		{"GET", "✓ unchanged token          200\n"},
		{"HEAD", "– unchanged token          405  probe-status\n"},
	} {
		probe := exec.CommandContext(t.Context(), program, "probe", "--query", "--method", test.method, server.URL+"/protected")
		probe.Stdin = strings.NewReader(iss.Token())
		out, err := probe.CombinedOutput()
		if err != nil || strings.Contains(string(out), "✗") || !strings.Contains(string(out), test.want) {
			t.Errorf("%s: %v\n%s", test.method, err, out)
		}
	}
}
