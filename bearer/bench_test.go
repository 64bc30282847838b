package bearer_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"example.com/jwtverify"
	"example.com/jwtverify/bearer"
)

// A request, whole: compare with the first of them.
func BenchmarkRequest(b *testing.B) { benchmark(b, newVerifier(b)) }

// What a guard costs beyond Verify, which does nothing here.
func BenchmarkGuard(b *testing.B) {
	verifier, known := newVerifier(b), make(map[string]*jwtverify.Token)
	benchmark(b, verifierFunc(func(ctx context.Context, token string) (*jwtverify.Token, error) {
		if known[token] == nil {
			var err error
			if known[token], err = verifier.Verify(ctx, token); err != nil {
				return nil, err
			}
		}
		return known[token], nil
	}))
}

func benchmark(b *testing.B, verifier bearer.Verifier) {
	guard := newGuard(b, bearer.Config{Verifier: verifier})
	nothing := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	mux := guard.NewMux()
	mux.Handle("GET /orders/{id}", guard.Require("orders:read")(nothing))
	mux.Public("GET /public/{id}", nothing)
	// As issuers write them: about 700 bytes of claims.
	good := claims{"scope": "openid profile orders:read orders:write", "azp": "client-1", "gty": "client-credentials",
		"name": "Jane Doe", "email": "jane@example.com", "roles": []string{"reader", "writer", "owner"},
		"https://api.example/tenant": claims{"id": "t-1234567890", "name": strings.Repeat("x", 200)}}
	plain := token(b, good)
	good["name"] = `Jane "J" Doe` // a backslash in the text: cnf is looked for the long way
	escaped := token(b, good)

	b.Run("verify alone", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := verifier.Verify(b.Context(), plain); err != nil {
				b.Fatal(err)
			}
		}
	})
	for _, bench := range []struct {
		name    string
		handler http.Handler
		path    string
		token   string
	}{
		{"any token", guard.Require()(nothing), "/", plain},
		{"any token, escapes", guard.Require()(nothing), "/", escaped},
		{"a scope", guard.Require("orders:read")(nothing), "/", plain},
		{"a scope, escapes", guard.Require("orders:read")(nothing), "/", escaped},
		{"mux and a scope", mux, "/orders/7", plain},
		{"mux, public", mux, "/public/7", plain},
		{"forward auth", guard.ForwardAuth("orders:read"), "/", plain},
		{"no token", guard.Require()(nothing), "/", ""},
		{"403", guard.Require("admin")(nothing), "/", plain},
	} {
		b.Run(bench.name, func(b *testing.B) {
			r := httptest.NewRequest("GET", bench.path, nil)
			if bench.token != "" {
				r.Header.Set("Authorization", "Bearer "+bench.token)
			}
			w := discard{}
			b.ReportAllocs()
			for b.Loop() {
				clear(w)
				bench.handler.ServeHTTP(w, r)
			}
		})
	}
}

// discard is a ResponseWriter that keeps headers alone.
type discard map[string][]string

func (d discard) Header() http.Header         { return http.Header(d) }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(int)             {}

func BenchmarkParse(b *testing.B) {
	values := []string{"Bearer " + token(b, nil)}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := bearer.Parse(values); err != nil {
			b.Fatal(err)
		}
	}
}
