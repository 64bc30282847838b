package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"example.com/jwtverify/bearer"
	"example.com/jwtverify/internal/guide"
	"example.com/jwtverify/internal/screen"
)

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
				logRefusal(newLog(log), request, bearer.Rejection{Status: 401, Err: errors.New("no token")})
			},
			"issuer": func(log *bytes.Buffer) {
				refuse := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(421) })
				withLog(refuse, newLog(log)).ServeHTTP(discard{}, request)
			},
			"issuer, no answer": func(log *bytes.Buffer) {
				nothing := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
				withLog(nothing, newLog(log)).ServeHTTP(discard{}, request)
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

// No server reads a header of more than 32 KiB, and it logs nothing of it.
func TestServersReadShortHeaders(t *testing.T) {
	w := newService(t, nil)
	iss := start(t, nil, "issuer", "--listen", "127.0.0.1:0")
	if guide.MaxHeaderBytes != 32<<10 {
		t.Errorf("the limit is %d bytes, want 32 KiB", guide.MaxHeaderBytes)
	}
	for name, url := range map[string]string{"serve": w.api, "issuer": iss.url("issuer")} {
		for _, size := range []int{30 << 10, 40 << 10} {
			got := send(t, "GET", url+"/"+strings.Repeat("a", size), "", nil)
			if tooLarge := size > 32<<10; (got.status == http.StatusRequestHeaderFieldsTooLarge) != tooLarge {
				t.Errorf("%s, a path of %d bytes: got %d", name, size, got.status)
			}
		}
	}
	w.serve.stop()
	iss.stop()
	for name, log := range map[string]string{"serve": w.serve.stderr.String(), "issuer": iss.stderr.String()} {
		if n := strings.Count(log, `GET "/"… `) + strings.Count(log, `GET "/"…:`); n != 1 || len(log) > 2000 {
			t.Errorf("%s has logged %d requests in %d bytes, want the one that it read, and short", name, n, len(log))
		}
	}
}

// A name that resolves to 127.0.0.1 for a page in a browser is none of the issuer's.
func TestIssuerAnswersItsOwnHostAlone(t *testing.T) {
	iss := start(t, nil, "issuer", "--listen", "127.0.0.1:0")
	address := strings.TrimPrefix(iss.url("issuer"), "http://")
	_, port, _ := net.SplitHostPort(address)
	for _, test := range []struct {
		line, host string
		want       int
	}{
		{"GET /.well-known/jwks.json", address, 200},
		{"GET /.well-known/jwks.json", "evil.test:" + port, 421},
		{"GET /.well-known/jwks.json", "evil.test", 421},
		{"GET /.well-known/jwks.json", "localhost:" + port, 421},
		{"GET /.well-known/jwks.json", "127.0.0.1", 421},
		{"GET /.well-known/jwks.json", "127.0.0.1.evil.test:" + port, 421},
		{"GET /.well-known/jwks.json", "", 421},
		{"GET http://evil.test/.well-known/jwks.json", address, 421},
		{"POST /oauth2/m2m/token", "evil.test:" + port, 421},
		{"GET /nowhere", "evil.test\u202e", 400}, // by net/http
	} {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "%s HTTP/1.1\r\nHost: %s\r\n\r\n", test.line, test.host)
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatalf("%s for host %q: %v", test.line, test.host, err)
		}
		conn.Close()
		if response.StatusCode != test.want {
			t.Errorf("%s for host %q: got %d, want %d", test.line, test.host, response.StatusCode, test.want)
		}
	}
	iss.stderr.find(t, regexp.QuoteMeta("POST /oauth2/m2m/token 421 for host evil.test:"+port)+"\n")

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
