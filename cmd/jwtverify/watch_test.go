package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"example.com/jwtverify/internal/issuer"
)

// A watched is a run of watch in a bubble, with an issuer in memory.
type watched struct {
	*issuer.Issuer
	out    bytes.Buffer
	cancel context.CancelFunc
	code   chan int
}

// watchInBubble starts watch, with a request each minute.
func watchInBubble(t *testing.T, args ...string) *watched {
	t.Helper()
	iss, err := issuer.New(issuer.Config{URL: testIssuer, Audience: testAudience})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	w := &watched{Issuer: iss, cancel: cancel, code: make(chan int, 1)}
	s := &session{
		env: func(string) string { return "" }, stdin: strings.NewReader(""), stdout: &w.out, stderr: &w.out,
		ctx: ctx, now: time.Now, transport: iss.Client().Transport,
	}
	go func() { w.code <- s.command(append([]string{"watch", "--issuer", testIssuer}, args...)) }()
	time.Sleep(30 * time.Second) // changes come between two requests
	return w
}

// stop stops it as Ctrl-C does, and returns its exit code and what it has printed.
func (w *watched) stop() (code int, text string) {
	w.cancel()
	code = <-w.code
	return code, w.out.String()
}

// codesOf returns the codes of the lines, in their order.
func codesOf(text string) (codes []string) {
	for _, match := range regexp.MustCompile(`\(([a-z0-9-]+)\)\n`).FindAllStringSubmatch(text, -1) {
		codes = append(codes, match[1])
	}
	return codes
}

// What jwtverify issuer --fault does to the keys, watch tells when it begins and when it is
// over.
func TestWatchTellsEachFaultOfAnIssuer(t *testing.T) {
	outsideBubbles()
	codes := map[string]string{
		"status-404": "keys-status", "status-429": "keys-status", "status-500": "keys-status", "status-503": "keys-status",
		"html": "keys-not-json", "truncated": "keys-not-json", "null": "keys-not-json", "array": "keys-not-json",
		"oversized": "keys-size", "redirect": "keys-redirect", "redirect-http": "keys-redirect",
		"hang": "keys-timeout", "drip": "keys-timeout", "refused": "keys-connect", "tls": "keys-tls",
		"empty": "keys-empty", "wrong-issuer": "metadata-issuer",
		"slow":              "",              // within the timeout
		"malformed-sibling": "watch-key-new", // and the keys that were there before are usable still
	}
	for _, fault := range issuer.FaultNames() {
		t.Run(fault, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				args := []string{"--jwks-url", testIssuer + issuer.KeysPath}
				if fault == "wrong-issuer" {
					args = nil // so say its metadata
				}
				w := watchInBubble(t, args...)
				if err := w.Fault(issuer.Fault{Name: fault}); err != nil {
					t.Fatal(err)
				}
				time.Sleep(2 * time.Minute)
				if err := w.Fault(issuer.Fault{}); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Minute)
				code, text := w.stop()
				want, known := codes[fault]
				got := slices.Compact(codesOf(text))
				switch isOutage := !strings.HasPrefix(want, "watch-") && want != ""; {
				case !known:
					t.Errorf("what does watch tell of it? It says\n%s", text)
				case isOutage && (code != int(undetermined) || len(got) != 1 || got[0] != want):
					t.Errorf("got exit %d and %q, want 3 and %s alone:\n%s", code, got, want, text)
				case isOutage != strings.Contains(text, "; unavailable for 2m\n"):
					t.Errorf("it does not say how long:\n%s", text)
				case !isOutage && (code != 0 || (len(got) > 0) != (want != "") || len(got) > 0 && got[0] != want):
					t.Errorf("got exit %d and %q, want 0 and %q:\n%s", code, got, want, text)
				}
			})
		})
	}
}

// A rotation is rehearsed, as it should be and as it should not.
func TestWatchTellsAGoodRotationFromABadOne(t *testing.T) {
	outsideBubbles()
	for _, test := range []struct {
		name  string
		turn  func(w *watched) error
		code  verdict
		codes []string
	}{
		{"the next key was announced", func(w *watched) error {
			old := w.KeyID()
			if _, err := w.Rotate(); err != nil {
				return err
			}
			time.Sleep(time.Minute)
			return w.Revoke(old)
		}, accepted, []string{"watch-key-new", "watch-key-gone"}},
		{"all keys were replaced at once", func(w *watched) error {
			old := w.KeyID()
			next, err := w.Rotate()
			if err == nil {
				err = w.Revoke(old)
			}
			if err == nil {
				err = w.Revoke(next)
			}
			return err
		}, rejected, []string{"watch-key-new", "watch-key-gone", "watch-keys-replaced"}},
		{"nothing happens", func(*watched) error { return nil }, accepted, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := watchInBubble(t)
				if err := test.turn(w); err != nil {
					t.Fatal(err)
				}
				time.Sleep(3 * time.Minute)
				code, text := w.stop()
				if got := slices.Compact(codesOf(text)); code != int(test.code) || !slices.Equal(got, test.codes) {
					t.Errorf("got exit %d and %q, want %d and %q:\n%s", code, got, test.code, test.codes, text)
				}
			})
		})
	}
}

// Ctrl-C does not wait for an issuer that hangs, and what it cuts off is not told.
func TestWatchStopsAtOnce(t *testing.T) {
	outsideBubbles()
	synctest.Test(t, func(t *testing.T) {
		w := watchInBubble(t, "--timeout", "30s")
		if err := w.Fault(issuer.Fault{Name: "hang"}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(40 * time.Second) // it has asked, and has no answer
		started := time.Now()
		code, text := w.stop()
		if took := time.Since(started); code != 0 || took != 0 || len(codesOf(text)) != 0 {
			t.Errorf("it took %v, exit %d:\n%s", took, code, text)
		}
	})
}

func TestWatchAsksAsOftenAsItIsTold(t *testing.T) {
	outsideBubbles()
	for _, test := range []struct {
		name string
		args []string
		want []time.Duration // since the start
	}{
		{"each minute", []string{"--count", "3"}, []time.Duration{0, time.Minute, 2 * time.Minute}},
		{"each 10 seconds", []string{"--every", "10s", "--count", "4"}, []time.Duration{0, 10 * time.Second, 20 * time.Second, 30 * time.Second}},
		{"once", []string{"--count", "1"}, []time.Duration{0}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				started := time.Now()
				w := watchInBubble(t, test.args...)
				if code := <-w.code; code != 0 {
					t.Errorf("exit %d:\n%s", code, &w.out)
				}
				var got []time.Duration
				for _, request := range w.Requests() {
					if request.Path == issuer.KeysPath {
						got = append(got, request.Time.Sub(started).Round(time.Second))
					}
				}
				if !slices.Equal(got, test.want) {
					t.Errorf("asked at %v, want %v", got, test.want)
				}
			})
		})
	}
}

func TestWatchRefuses(t *testing.T) {
	f := newFixture(t)
	for _, test := range []struct {
		name   string
		args   []string
		stderr string
	}{
		{"no issuer", nil, "config-domain-missing"},
		{"a time that is too short", []string{"--issuer", testIssuer, "--every", "0s"}, "want 1s or more"},
		{"an argument", []string{testIssuer}, "want flags alone"},
		{"http beyond this machine", []string{"--issuer", "http://issuer.test"}, "config-insecure-url"},
	} {
		t.Run(test.name, func(t *testing.T) {
			f.run(t, nil, nil, append([]string{"watch"}, test.args...)...).check(t, none, "", test.stderr)
		})
	}
}

// oneLine takes a first line, and no more.
type oneLine struct{ lines int }

func (b *oneLine) Write(p []byte) (int, error) {
	if b.lines++; b.lines > 1 {
		return 0, io.ErrClosedPipe
	}
	return len(p), nil
}

func TestWatchEndsWhenNobodyReads(t *testing.T) {
	outsideBubbles()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		if err := w.change("later 90s answer " + storyKeys + " 503"); err != nil {
			t.Fatal(err)
		}
		var stderr bytes.Buffer
		code := w.session(strings.NewReader(""), &oneLine{}, &stderr).command([]string{"watch", "--issuer", storyIssuer})
		if code != int(none) || !strings.Contains(stderr.String(), "writing what was found: io: read/write on closed pipe") {
			t.Errorf("exit %d: %s", code, &stderr)
		}
	})
}

// The certificate is the one of the connection, and of a server that has none nothing is
// told.
func TestWatchSeesTheCertificateOfTheConnection(t *testing.T) {
	f := newFixture(t)
	serve := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write(f.JWKS()) })
	for _, test := range []struct {
		name        string
		lived, left time.Duration
		want        bool
	}{
		{"ten days of a year", 355 * 24 * time.Hour, 10 * 24 * time.Hour, true},
		{"twenty days of ninety", 70 * 24 * time.Hour, 20 * 24 * time.Hour, false},
		{"five days of six", 24 * time.Hour, 5 * 24 * time.Hour, false},
		{"a day of six", 5 * 24 * time.Hour, 24 * time.Hour, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			server := httptest.NewUnstartedServer(serve)
			certificate, pool := certificateOf(t, time.Now().Add(-test.lived), time.Now().Add(test.left))
			server.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
			server.Config.ErrorLog = log.New(io.Discard, "", 0)
			server.StartTLS()
			defer server.Close()
			var out bytes.Buffer
			s := &session{
				env: func(string) string { return "" }, stdout: &out, stderr: &out, now: time.Now,
				transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, DisableKeepAlives: true},
			}
			code := s.command([]string{"watch", "--jwks-url", server.URL, "--count", "1"})
			if got := slices.Contains(codesOf(out.String()), "watch-certificate"); got != test.want || (code == int(rejected)) != test.want {
				t.Errorf("exit %d, want a finding: %v\n%s", code, test.want, &out)
			}
		})
	}
}

func certificateOf(t *testing.T, from, to time.Time) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: from, NotAfter: to, DNSNames: []string{"issuer.test"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

// What changes in the keys is told once, whatever it is.
func TestWatchComparesKeys(t *testing.T) {
	w := newWorld(t)
	for _, test := range []struct {
		name, before, after string
		want                []string
	}{
		{"the same", "a b", "a b", nil},
		{"another order", "a b encryption", "encryption b a", nil},
		{"a key becomes usable", "a/enc b", "a b", []string{"watch-key-new"}},
		{"it becomes usable, and the other goes", "a/enc b", "a", []string{"watch-key-new", "watch-key-gone", "watch-keys-replaced"}},
		{"one of two stops being usable", "a b", "a/enc b", []string{"watch-key-unusable"}},
		{"another key under the kid of one that stays", "a", "a a=b", []string{"watch-key-new"}},
		{"two swap their kids", "a b", "a=b b=a", []string{"watch-key-changed", "watch-key-changed"}},
		{"keys without kid", "nameless", "nameless b", []string{"watch-key-new"}},
		{"a key for encryption goes", "a encryption", "a", []string{"watch-key-gone"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				file := filepath.Join(t.TempDir(), "keys.json")
				writeFile(t, file, keySet(strings.Fields(test.before)))
				var out bytes.Buffer
				s := w.session(strings.NewReader(""), &out, &out)
				s.now = time.Now
				done := make(chan int)
				go func() { done <- s.command([]string{"watch", "--jwks-file", file, "--count", "3", "--json"}) }()
				time.Sleep(30 * time.Second)
				writeFile(t, file, keySet(strings.Fields(test.after)))
				<-done
				var got []string
				for line := range strings.Lines(out.String()) {
					var event struct {
						Schema        int
						Command, Code string
						Time          time.Time
					}
					if err := json.Unmarshal([]byte(line), &event); err != nil || event.Schema != 1 || event.Command != "watch" || event.Time.IsZero() {
						t.Errorf("%v: %s", err, line)
					}
					if event.Code != "" {
						got = append(got, event.Code)
					}
				}
				if !slices.Equal(got, test.want) {
					t.Errorf("got %q, want %q:\n%s", got, test.want, &out)
				}
			})
		})
	}
}

// A kid is text from outside.
func TestWatchShowsNoKidAsItIs(t *testing.T) {
	f := newFixture(t)
	token := f.mint(t)
	file := filepath.Join(t.TempDir(), "keys.json")
	for _, kid := range []string{plain(token), `"\u001b[2J"`, "\"\u202e\""} {
		set := bytes.Replace(keySet([]string{"a"}), []byte(`"kid":"a"`), []byte(`"kid":`+kid), 1)
		writeFile(t, file, set)
		for _, args := range [][]string{nil, {"--json"}} {
			got := f.run(t, nil, nil, append([]string{"watch", "--jwks-file", file, "--count", "1"}, args...)...)
			if what := fit(got.stdout+got.stderr, f.tokens); what != "" || !strings.Contains(got.stdout, "1 key") {
				t.Errorf("the output holds %s: %s", what, got.stdout)
			}
		}
	}
}
