package main

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"example.com/jwtverify/issuertest"
)

// A stage is the program in memory.
type stage struct {
	api, ops http.Handler
	log      *bytes.Buffer
}

func newStage(t *testing.T, iss *issuertest.Issuer) *stage {
	t.Helper()
	s := &stage{log: new(bytes.Buffer)}
	var err error
	if s.api, s.ops, err = newAPI(iss.Config(), slog.New(slog.NewJSONHandler(s.log, nil))); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *stage) send(ctx context.Context, authorization ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(ctx, "GET", "/protected", nil)
	r.Header["Authorization"] = authorization
	w := httptest.NewRecorder()
	s.api.ServeHTTP(w, r)
	return w
}

func (s *stage) ask(path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	s.ops.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
	return w
}

// value returns what /metrics has for a series, without the issuer, or "".
func (s *stage) value(series string) string {
	text := regexp.MustCompile(`\{issuer="[^"]*"\}`).ReplaceAllString(s.ask("/metrics").Body.String(), "")
	for line := range strings.Lines(text) {
		if value, found := strings.CutPrefix(line, series+" "); found {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func (s *stage) mustHave(t *testing.T, want map[string]string) {
	t.Helper()
	for series, value := range want {
		if got := s.value(series); got != value {
			t.Errorf("%s: got %q, want %q", series, got, value)
		}
	}
}

func refused(code string) string { return `api_refusals_total{code="` + code + `"}` }

// Each refusal is counted under its code, and logged with the request's id and the
// reason, without a part of the token.
func TestRefusals(t *testing.T) {
	iss := issuertest.New(t)
	for _, test := range []struct {
		code          string
		authorization []string
		fault         string
		reason        string // in the log
	}{
		{"no_token", nil, "", "no credentials"},
		{"invalid_request", []string{"Bearer a", "Bearer b"}, "", "2"},
		{"invalid_token", []string{"Bearer " + iss.Token(issuertest.Claims{"aud": "https://other.test"})}, "", "https://other.test"},
		{"unavailable", []string{"Bearer " + iss.Token()}, "status-503", "503"},
		{"client_gone", []string{"Bearer " + iss.Token()}, "hang", "context canceled"},
	} {
		t.Run(test.code, func(t *testing.T) {
			s := newStage(t, iss)
			iss.Fault(issuertest.Fault{Name: test.fault})
			ctx, cancel := context.WithCancel(t.Context())
			if test.code == "client_gone" {
				cancel()
			}
			defer cancel()
			w := s.send(ctx, test.authorization...)
			s.mustHave(t, map[string]string{refused(test.code): "1"})

			var entry map[string]any
			if err := json.Unmarshal(s.log.Bytes(), &entry); err != nil {
				t.Fatalf("got the log %q: %v", s.log, err)
			}
			if id := w.Header().Get("X-Request-Id"); id == "" || entry["request_id"] != id {
				t.Errorf("got request_id %v in the log, want %q of the answer", entry["request_id"], id)
			}
			if reason, _ := entry["reason"].(string); entry["code"] != test.code || !strings.Contains(reason, test.reason) {
				t.Errorf("got %v, want the code %s and a reason with %q", entry, test.code, test.reason)
			}
			token := strings.Join(test.authorization, "")
			if tail := token[max(0, len(token)-40):]; len(tail) == 40 && strings.Contains(s.log.String(), tail) {
				t.Error("the log has a token")
			}
		})
	}
}

// A client cannot name its request, and no two have the same name.
func TestRequestID(t *testing.T) {
	s := newStage(t, issuertest.New(t))
	seen := map[string]bool{}
	for range 3 {
		r := httptest.NewRequest("GET", "/protected", nil)
		r.Header.Set("X-Request-Id", "mine")
		w := httptest.NewRecorder()
		s.api.ServeHTTP(w, r)
		id := w.Header().Get("X-Request-Id")
		if id == "mine" || seen[id] {
			t.Errorf("got the id %q, want a new one", id)
		}
		seen[id] = true
	}
}

func TestKeys(t *testing.T) {
	iss := issuertest.New(t)
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, iss)
		s.mustHave(t, map[string]string{"jwtverify_keys": "0", "jwtverify_key_fetches_total": "0", refused("unavailable"): "0"})
		if w := s.send(t.Context(), "Bearer "+iss.Token()); w.Code != 200 {
			t.Fatalf("got %d %s", w.Code, w.Body)
		}
		s.mustHave(t, map[string]string{"jwtverify_keys": "2", "jwtverify_keys_failing": "0", "jwtverify_key_fetches_total": "1"})

		iss.Rotate()
		iss.Rotate()
		if w := s.send(t.Context(), "Bearer "+iss.Token()); w.Code != 200 {
			t.Fatalf("got %d %s", w.Code, w.Body)
		}
		s.mustHave(t, map[string]string{"jwtverify_keys": "4", "jwtverify_key_fetches_total": "2", "jwtverify_key_fetches_forced_total": "1"})

		iss.Fault(issuertest.Fault{Name: "status-500"})
		time.Sleep(time.Hour) // of the bubble
		if w := s.send(t.Context(), "Bearer "+iss.Token()); w.Code != 200 {
			t.Fatalf("got %d %s", w.Code, w.Body)
		}
		s.mustHave(t, map[string]string{"jwtverify_keys": "4", "jwtverify_keys_failing": "1", "jwtverify_key_fetches_failed_total": "1"})
		if age := s.value("jwtverify_keys_age_seconds"); !strings.HasPrefix(age, "3600.00") {
			t.Errorf("got an age of %s, want 3600 and some milliseconds", age)
		}
	})
}

// A replica is ready while it can let somebody in.
func TestReady(t *testing.T) {
	iss := issuertest.New(t)
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, iss)
		iss.Fault(issuertest.Fault{Name: "hang"})
		start := time.Now()
		if w := s.ask("/readyz"); w.Code != 503 || time.Since(start) > time.Second {
			t.Errorf("without keys: got %d in %v, want 503 within a second", w.Code, time.Since(start))
		}
		iss.Fault(issuertest.Fault{})
		time.Sleep(time.Minute) // of the bubble
		if w := s.ask("/readyz"); w.Code != 200 {
			t.Errorf("with keys: got %d, want 200", w.Code)
		}
		iss.Fault(issuertest.Fault{Name: "hang"})
		time.Sleep(time.Hour) // of the bubble
		if w := s.ask("/readyz"); w.Code != 200 {
			t.Errorf("an hour into an outage: got %d, want 200", w.Code)
		}
	})
}

// What the operators ask is not on the API's port.
func TestAPI(t *testing.T) {
	iss := issuertest.New(t)
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, iss)
		iss.Suite(t, s.api, "GET /protected")
		for _, path := range []string{"/metrics", "/readyz"} {
			w := httptest.NewRecorder()
			s.api.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
			if w.Code != 401 {
				t.Errorf("%s: got %d, want 401", path, w.Code)
			}
		}
	})
}

func TestNames(t *testing.T) {
	s := newStage(t, issuertest.New(t))
	problems, err := promlint.New(s.ask("/metrics").Body).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("got %v (%v), want no problem", problems, err)
	}
}

// The alerts are about what this program shows.
func TestAlerts(t *testing.T) {
	s := newStage(t, issuertest.New(t))
	rules, err := os.ReadFile("alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	shown := s.ask("/metrics").Body.String()
	used := regexp.MustCompile(`\b(?:jwtverify|api)_\w+(?:\{code="\w+"\})?`).FindAllString(string(rules), -1)
	if len(used) < 4 {
		t.Errorf("got the series %q in alerts.yml, want those of four alerts", used)
	}
	for _, series := range used {
		if !strings.Contains(shown, "\n"+series) {
			t.Errorf("alerts.yml asks for %s, which is not shown", series)
		}
	}
	if _, err := exec.LookPath("promtool"); err != nil {
		t.Skip("promtool is not in PATH (Debian has it in the package prometheus): alerts_test.yml was not run")
	}
	for _, arguments := range []string{"check rules alerts.yml", "test rules alerts_test.yml"} {
		if out, err := exec.CommandContext(t.Context(), "promtool", strings.Fields(arguments)...).CombinedOutput(); err != nil {
			t.Errorf("promtool %s: %v\n%s", arguments, err, out)
		}
	}
}
