package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"example.com/jwtverify"
	"example.com/jwtverify/internal/issuer"
)

// In memory and in a bubble's time: two minutes in seconds.
func inMemory(t *testing.T, wrap func(http.Handler) http.Handler) *soak {
	t.Helper()
	iss, err := issuer.New(issuer.Config{URL: "https://soak.test", Audience: "https://api.example.com"})
	if err != nil {
		t.Fatal(err)
	}
	var s *soak
	synctest.Test(t, func(t *testing.T) {
		api, _, err := newAPI(iss, jwtverify.HTTPKeySource{URL: iss.KeysURL(), Client: iss.Client()})
		if err != nil {
			t.Fatal(err)
		}
		api = wrap(api)
		s = newSoak(iss, func(ctx context.Context, token string) (int, error) {
			request := httptest.NewRequestWithContext(ctx, "GET", "/protected", nil)
			request.Header.Set("Authorization", "Bearer "+token)
			response := httptest.NewRecorder()
			api.ServeHTTP(response, request)
			return response.Code, ctx.Err()
		})
		s.rest = 2 * time.Second // else all the work of two minutes would be done
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Second)
		defer cancel()
		if err := s.run(ctx); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
	})
	return s
}

func TestSoakFindsNothingWrong(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	s := inMemory(t, func(h http.Handler) http.Handler { return h })
	var out strings.Builder
	s.print(&out, 100*time.Second)
	if s.wrong() != 0 {
		t.Errorf("wrong answers:\n%s", out.String())
	}
	for _, want := range []string{"good token ", "token of a revoked key ", "unknown kid ", "expired token ", "outages: 2"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the soak has not come to %q:\n%s", want, out.String())
		}
	}
}

// The soak must be able to fail.
func TestSoakFindsWrongAnswers(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	s := inMemory(t, func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			answer := httptest.NewRecorder()
			h.ServeHTTP(answer, r)
			if answer.Code == http.StatusServiceUnavailable {
				answer.Code = http.StatusInternalServerError // an outage is no error of ours
			}
			w.WriteHeader(answer.Code)
		})
	})
	if s.wrong() == 0 {
		t.Error("no wrong answer is found where each outage is a 500")
	}
}
