package main

import (
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"

	"example.com/jwtverify/issuertest"
)

func TestAPI(t *testing.T) {
	iss := issuertest.New(t, issuertest.WithClaims(issuertest.Claims{"scope": "orders:read"}))
	api, err := newAPI(iss.Config())
	if err != nil {
		t.Fatal(err)
	}
	iss.Suite(t, api, "GET /protected", "GET /orders/17")
}

// What the router answers by itself is protected as well.
func TestRoutes(t *testing.T) {
	iss := issuertest.New(t)
	api, err := newAPI(iss.Config())
	if err != nil {
		t.Fatal(err)
	}
	good, withScope, bad := iss.Token(), iss.Token(issuertest.Claims{"scope": "orders:read"}), "not.a.token"
	for _, test := range []struct {
		name, method, path, token string
		status                    int
		body                      string // where it is the route's
	}{
		{"public without a token", "GET", "/public", "", 200, "for everyone\n"},
		{"public with a bad token", "GET", "/public", bad, 200, "for everyone\n"},
		{"public by another method", "POST", "/public", "", 401, ""},
		{"protected without a token", "GET", "/protected", "", 401, ""},
		{"protected with a token", "GET", "/protected", good, 200, "for \"m2m\"\n"},
		{"order without the scope", "GET", "/orders/17", good, 403, ""},
		{"order with the scope", "GET", "/orders/17", withScope, 200, "order \"17\"\n"},
		{"unknown path without a token", "GET", "/nowhere", "", 401, ""},
		{"unknown path with a token", "GET", "/nowhere", good, 404, ""},
		{"preflight", "OPTIONS", "/protected", "", 401, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := httptest.NewRequest(test.method, test.path, nil)
			if test.token != "" {
				r.Header.Set("Authorization", "Bearer "+test.token)
			}
			w := httptest.NewRecorder()
			api.ServeHTTP(w, r)
			if w.Code != test.status || test.body != "" && w.Body.String() != test.body {
				t.Errorf("got %d %q, want %d %q", w.Code, w.Body, test.status, test.body)
			}
		})
	}
}

// The command in ../README.md, too.
func TestREADME(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "go", "-C", "../..", "test", "-count=1", "-v", "-run", "^TestREADME$/^chi$", "./examples")
	cmd.Env = append(os.Environ(), "EXAMPLES_NESTED=1")
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "PASS: TestREADME/chi") {
		t.Errorf("%v\n%s", err, out)
	}
}
