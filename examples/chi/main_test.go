package main

import (
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
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

// What chi answers by itself does not mislead jwtverify probe: it knows no HEAD here.
func TestProbe(t *testing.T) {
	iss := issuertest.New(t)
	api, err := newAPI(iss.Config())
	if err != nil {
		t.Fatal(err)
	}
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
