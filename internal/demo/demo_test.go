package demo

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"example.com/jwtverify"
	"example.com/jwtverify/internal/issuer"
	"example.com/jwtverify/internal/jwk/jwktest"
)

func TestMain(m *testing.M) {
	issuer.ReuseFactors(jwktest.Factors())
	os.Exit(m.Run())
}

func plain(_, text string) string { return text }

func explain(string, ...string) (string, int) { return "rejected (audience-mismatch)\n", 1 }

// newStory is a story whose client talks to another API than the stage's, if there is
// one, and waits for none.
func newStory(t *testing.T, api http.Handler) (*story, *strings.Builder) {
	t.Helper()
	stage, err := Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stage.Close)
	if api != nil {
		server := httptest.NewServer(api)
		t.Cleanup(server.Close)
		stage.api = server.URL
	}
	var out strings.Builder
	return &story{Stage: stage, Teller: Teller{&out, plain, explain}, started: time.Now()}, &out
}

// The check of the demo must be able to fail.
func TestDemoNoticesWhatWasNotExpected(t *testing.T) {
	t.Parallel()
	story, out := newStory(t, nil)
	good := story.grant(Audience, "")
	ended := func() bool {
		t.Helper()
		v := story.end()
		if story.err != nil {
			t.Fatal(story.err)
		}
		story.told, story.wrong = 0, 0
		return v
	}
	if got := ended(); !got {
		t.Fatalf("the demo ends %v:\n%s", got, out)
	}
	for _, test := range []struct {
		name  string
		call  call
		shown string // empty: as expected
	}{
		{"as expected", call{path: "/protected", token: good, want: protected}, ""},
		{"another status", call{path: "/protected", token: good, want: notValid, reason: jwtverify.ErrSignature}, notValid + ", log: " + jwtverify.ErrSignature.Error()},
		{"another body", call{path: "/protected", token: good, want: public}, public},
		{"another challenge", call{path: "/protected", token: "x", want: tooOld, reason: jwtverify.ErrMalformed}, tooOld},
		{"another reason", call{path: "/protected", token: "x", want: notValid, reason: jwtverify.ErrAudience}, "log: " + jwtverify.ErrAudience.Error()},
		{"a bad token in place of an outage", call{path: "/protected", token: "x", want: noKeys, reason: jwtverify.ErrKeysUnavailable}, noKeys},
	} {
		t.Run(test.name, func(t *testing.T) {
			out.Reset()
			story.get(test.call)
			if got := ended(); got != (test.shown == "") {
				t.Errorf("all as expected: %v", got)
			}
			if !strings.Contains(out.String(), test.shown) || strings.Contains(out.String(), "not as expected") != (test.shown != "") {
				t.Errorf("got %s, want %q", out, test.shown)
			}
			if strings.Contains(out.String(), good) {
				t.Error("the output holds a token")
			}
		})
	}
	if story.fetches(7, ""); ended() {
		t.Error("the demo does not count the requests")
	}
	story.Explain = func(string, ...string) (string, int) { return "accepted", 0 }
	if story.explain(good); ended() {
		t.Error("the demo does not notice that explain accepts a token")
	}
}

func body(answer string) string { return strings.TrimPrefix(answer, "200  ") }

// An API that is wrong makes the whole demo fail.
func TestDemoNoticesAWrongAPI(t *testing.T) {
	t.Parallel()
	for name, api := range map[string]http.HandlerFunc{
		"open": func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, body(protected)) },
		"shut": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("WWW-Authenticate", `Bearer realm="api"`)
			w.WriteHeader(401)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			story, out := newStory(t, api)
			if story.tell(); story.err != nil {
				t.Fatal(story.err)
			}
			if got := story.end(); got || story.wrong < 8 {
				t.Errorf("the demo ends %v with %d wrong answers:\n%s", got, story.wrong, out)
			}
		})
	}
}

// One that breaks off makes it say that nothing was checked.
func TestDemoEndsWhereItCannotGoOn(t *testing.T) {
	t.Parallel()
	story, out := newStory(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	if story.tell(); story.err == nil {
		t.Errorf("no error without an answer:\n%s", out)
	}
}

func TestAnAlteredTokenKeepsTheRest(t *testing.T) {
	before, after := []string{"h", "eyJzdWIiOiJhIn0", "s"}, strings.Split(withSubject("h.eyJzdWIiOiJhIn0.s", "admin"), ".")
	if len(after) != 3 || before[0] != after[0] || before[1] == after[1] || before[2] != after[2] {
		t.Error("want other claims between the same header and signature")
	}
}
