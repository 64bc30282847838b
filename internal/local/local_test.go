package local

import (
	"bytes"
	"errors"
	"io"
	"log"
	"net/http"
	"net/url"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"example.com/jwtverify"
	"example.com/jwtverify/bearer"
	"example.com/jwtverify/internal/issuer"
	"example.com/jwtverify/internal/jwk/jwktest"
	"example.com/jwtverify/internal/screen"
)

func TestMain(m *testing.M) {
	issuer.ReuseFactors(jwktest.Factors())
	os.Exit(m.Run())
}

// Old keys are withdrawn when their tokens have expired, or when there are too many.
func TestRotationWithdrawsOldKeys(t *testing.T) {
	for _, test := range []struct {
		name     string
		rotation Rotation
	}{
		{"in time", Rotation{Every: time.Minute, Keep: 90 * time.Second, Most: 10}},
		{"too many", Rotation{Every: time.Minute, Keep: time.Hour, Most: 2}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				iss, err := issuer.New(issuer.Config{URL: "https://issuer.test", Audience: "orders"})
				if err != nil {
					t.Fatal(err)
				}
				first := iss.KeyID()
				published := func() (kids []string) {
					set, err := jwtverify.ParseKeySet(iss.JWKS())
					if err != nil {
						t.Fatal(err)
					}
					for key := range set.All() {
						kids = append(kids, key.ID())
					}
					return kids
				}
				go test.rotation.Run(t.Context(), iss, log.New(io.Discard, "", 0))
				time.Sleep(2*time.Minute + time.Second)
				if kids := published(); !slices.Contains(kids, first) || len(kids) != 4 {
					t.Errorf("after two rotations: %v, want the first key and three more", kids)
				}
				time.Sleep(time.Minute)
				if kids := published(); slices.Contains(kids, first) || len(kids) != 4 {
					t.Errorf("after three: %v, want four without the first", kids)
				}
			})
		})
	}
}

// Of a text that is long, no more is looked at than what it is cut to.
func TestALongTextOfARequestCostsLittle(t *testing.T) {
	for _, piece := range []string{"a", "/", "/a.b", "eyJ.", "\x01", "\xff", "é", "/ "} {
		text := strings.Repeat(piece, 1_000_000/len(piece))
		want := screen.Logged(text)
		for _, rest := range []string{"", "/eyJ.a.b", "\x00", strings.Repeat("/eyJ.", 1000)} {
			if got := screen.Logged(text[:len(piece)*(2048/len(piece)+2)] + rest); got != want {
				t.Errorf("%q many times: got %s, with another rest %s", piece, want, got)
			}
		}
		request := &http.Request{Method: text, Host: text, URL: &url.URL{Path: text}}
		for name, serve := range map[string]func(log *bytes.Buffer){
			"serve": func(log *bytes.Buffer) {
				LogRefusal(Log(log), request, bearer.Rejection{Status: 401, Err: errors.New("no token")})
			},
			"issuer": func(log *bytes.Buffer) {
				refuse := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(421) })
				withLog(refuse, Log(log)).ServeHTTP(discard{}, request)
			},
			"issuer, no answer": func(log *bytes.Buffer) {
				nothing := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
				withLog(nothing, Log(log)).ServeHTTP(discard{}, request)
			},
		} {
			var log bytes.Buffer
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			serve(&log)
			runtime.ReadMemStats(&after)
			if log.Len() > 3*screen.MaxLogged+100 || log.Len() == 0 || strings.Count(log.String(), "\n") != 1 {
				t.Errorf("%s, %q many times: a log of %d bytes, want one line of %d at most", name, piece, log.Len(), 3*screen.MaxLogged+100)
			}
			if used := after.TotalAlloc - before.TotalAlloc; used > 256<<10 {
				t.Errorf("%s, %q many times: %d bytes of memory", name, piece, used)
			}
		}
	}
}

type discard struct{}

func (discard) Header() http.Header         { return http.Header{} }
func (discard) Write(p []byte) (int, error) { return len(p), nil }
func (discard) WriteHeader(int)             {}

func TestAnIssuerAnswersItsOwnHostAlone(t *testing.T) {
	for _, test := range []struct {
		own, host string
		want      int
	}{
		{"http://127.0.0.1:80", "127.0.0.1", 200},
		{"http://127.0.0.1:80", "127.0.0.1:80", 200},
		{"http://[::1]:8180", "[::1]:8180", 200},
		{"http://localhost:8180", "LOCALHOST:8180", 200},
		{"http://localhost:8180", "localhost", 421},
	} {
		status := 0
		w := &statusWriter{ResponseWriter: discard{}}
		ownHost(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { status = 200 }), test.own).ServeHTTP(w, &http.Request{Host: test.host})
		if status += w.code; status != test.want {
			t.Errorf("%s, host %s: got %d, want %d", test.own, test.host, status, test.want)
		}
	}
}
