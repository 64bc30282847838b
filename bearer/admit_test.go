package bearer_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"example.com/jwtverify"
	"example.com/jwtverify/bearer"

	"github.com/google/go-cmp/cmp"
)

func TestAdmitRefusesAsRequireDoes(t *testing.T) {
	for _, row := range rows(t, bearer.Config{}) {
		for _, method := range methods {
			w, r := httptest.NewRecorder(), request(method, "/", row.authorization...)
			got, ok := row.guard.Admit(w, r, row.scopes...)
			if ok || got != r {
				t.Errorf("%s, %s: got %t, and the request as it came: %t; want false and that", row.name, method, ok, got == r)
			}
			row.check(t, method, w.Code, w.Header(), w.Body.String())
		}
	}
}

func TestAdmitReturnsTheRequestWithItsToken(t *testing.T) {
	guard := newGuard(t, bearer.Config{})
	for name, scopes := range map[string][]string{"any token": nil, "a scope": {"a"}, "two scopes": {"b", "a"}} {
		w := httptest.NewRecorder()
		r, ok := guard.Admit(w, request("GET", "/orders", "Bearer "+token(t, claims{"scope": "a b"})), scopes...)
		if !ok {
			t.Errorf("%s: refused by %d %s", name, w.Code, w.Body)
			continue
		}
		if got, _ := jwtverify.FromContext(r.Context()); got == nil || got.Subject != "client-1" || !bearer.HasScope(r.Context(), "a") {
			t.Errorf("%s: got the token %v in the context", name, got)
		}
		if r.URL.Path != "/orders" || len(w.Header()) > 0 || w.Body.Len() > 0 {
			t.Errorf("%s: got %s, and the response has %v", name, r.URL, w.Header())
		}
	}
}

// Whoever goes on after a 403 all the same has no token in hand.
func TestAdmitReturnsNoTokenThatItRefused(t *testing.T) {
	r, ok := newGuard(t, bearer.Config{}).Admit(httptest.NewRecorder(), request("GET", "/", "Bearer "+token(t, nil)), "a")
	if _, has := jwtverify.FromContext(r.Context()); ok || has {
		t.Errorf("got %t, and a token: %t; want neither", ok, has)
	}
}

func TestAdmitBehindTheSameGuardVerifiesOnce(t *testing.T) {
	verifier := &counting{Verifier: newVerifier(t)}
	guard := newGuard(t, bearer.Config{Verifier: verifier})
	mux := guard.NewMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if r, ok := guard.Admit(w, r, "a"); ok {
			greet(w, r)
		}
	})
	for scope, code := range map[string]int{"a": 200, "b": 403} {
		verifier.calls = 0
		if w := get(mux, token(t, claims{"scope": scope})); w.Code != code || verifier.calls != 1 {
			t.Errorf("with %q: got %d after %d calls, want %d after one", scope, w.Code, verifier.calls, code)
		}
	}
}

func TestRequireFuncRefuses(t *testing.T) {
	const description = "The access token does not permit this request"
	var told bearer.Rejection
	var of string
	guard := newGuard(t, bearer.Config{Reject: func(r *http.Request, rejection bearer.Rejection) (string, []byte) {
		tok, _ := jwtverify.FromContext(r.Context())
		told, of = rejection, tok.Subject
		return "", nil
	}})
	for _, reason := range []error{
		errors.New("not of tenant hunter2"), jwtverify.ErrExpired, jwtverify.ErrKeysUnavailable, bearer.ErrNoCredentials,
		&bearer.RequestError{}, &jwtverify.KeysUnavailableError{},
	} {
		refused := row{
			name: reason.Error(), status: 403, body: fmt.Sprintf(body403, description),
			challenge: `Bearer realm="api", error="insufficient_scope", error_description="` + description + `"`,
		}
		h := guard.RequireFunc(func(*jwtverify.Token) error { return reason })(mustNotRun(t))
		for _, method := range methods {
			w := serve(h, request(method, "/", "Bearer "+token(t, nil)))
			refused.check(t, method, w.Code, w.Header(), w.Body.String())
		}
		if !errors.Is(told.Err, reason) || !strings.HasPrefix(told.Err.Error(), "bearer: the function of RequireFunc refused the token: ") || of != "client-1" {
			t.Errorf("%v: the hook got %v of %q", reason, told.Err, of)
		}
		told.Err = nil
		if diff := cmp.Diff(bearer.Rejection{Status: 403, Code: "insufficient_scope", Description: description}, told); diff != "" {
			t.Errorf("%v: the hook's rejection (-want +got):\n%s", reason, diff)
		}
	}
}

// What is refused without a look at the token's rights is refused as by Require, and
// the function is not asked.
func TestRequireFuncIsAskedForValidTokensAlone(t *testing.T) {
	for _, row := range rows(t, bearer.Config{}) {
		if row.scopes != nil {
			continue
		}
		h := row.guard.RequireFunc(func(*jwtverify.Token) error {
			t.Errorf("%s: the function was asked", row.name)
			return nil
		})(mustNotRun(t))
		for _, method := range methods {
			w := serve(h, request(method, "/", row.authorization...))
			row.check(t, method, w.Code, w.Header(), w.Body.String())
		}
	}
}

func TestRequireFuncAndRequireWithinEachOther(t *testing.T) {
	verifier := &counting{Verifier: newVerifier(t)}
	guard := newGuard(t, bearer.Config{Verifier: verifier})
	client1 := guard.RequireFunc(func(tok *jwtverify.Token) error {
		if tok.Subject != "client-1" {
			return errors.New("somebody else")
		}
		return nil
	})
	mux := guard.NewMux()
	mux.Handle("/", client1(greet))
	for name, h := range map[string]http.Handler{
		"alone":          client1(greet),
		"within Require": guard.Require("a")(client1(greet)),
		"around Require": client1(guard.Require("a")(greet)),
		"in a Mux":       mux,
		"twice":          client1(client1(greet)),
	} {
		for _, test := range []struct {
			subject string
			code    int
		}{{"client-1", 200}, {"client-2", 403}} {
			verifier.calls = 0
			w := get(h, token(t, claims{"sub": test.subject, "scope": "a"}))
			if w.Code != test.code || verifier.calls != 1 {
				t.Errorf("%s, %s: got %d after %d calls, want %d after one", name, test.subject, w.Code, verifier.calls, test.code)
			}
		}
	}
}

func TestRequireFuncThatPanics(t *testing.T) {
	h := newGuard(t, bearer.Config{}).RequireFunc(func(*jwtverify.Token) error { panic("boom") })(mustNotRun(t))
	defer func() {
		if got := recover(); got != "boom" {
			t.Errorf("got panic %v, want that of the function", got)
		}
	}()
	get(h, token(t, nil))
}
