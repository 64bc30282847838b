package main

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"example.com/jwtverify/internal/guide"
)

// No server reads a header of more than 32 KiB, and it logs nothing of it.
func TestServersReadShortHeaders(t *testing.T) {
	t.Parallel()
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
}
