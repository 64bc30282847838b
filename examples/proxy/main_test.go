package main

import (
	"bufio"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"

	"example.com/jwtverify/issuertest"
)

func TestCheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		iss := issuertest.New(t)
		server, err := newServer(iss.Config())
		if err != nil {
			t.Fatal(err)
		}
		iss.Suite(t, server.Handler, "GET /orders", "POST //orders?limit=1")
	})
}

// Behind a proxy that asks for each request, and passes on what gets 200, as those of
// deploy/ do, an API counts its runs: there are none without a good token.
func TestAPIBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		iss := issuertest.New(t)
		server, err := newServer(iss.Config())
		if err != nil {
			t.Fatal(err)
		}
		proxy := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			check := httptest.NewRecorder()
			if server.Handler.ServeHTTP(check, r); check.Code != http.StatusOK {
				maps.Copy(w.Header(), check.Header())
				w.WriteHeader(check.Code)
				return
			}
			iss.Ran()
			w.WriteHeader(http.StatusNoContent)
		})
		iss.Suite(t, proxy, "GET /orders")
	})
}

// What is asked, over a socket: the answer depends on Authorization alone.
func TestServer(t *testing.T) {
	iss := issuertest.New(t)
	server, err := newServer(iss.Config())
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Close()
		if err := <-ended; err != http.ErrServerClosed {
			t.Error(err)
		}
	})
	for _, question := range []string{"GET /", "GET //orders/../x", "HEAD /orders", "POST /orders?a=b", "OPTIONS *", "PROPFIND /"} {
		for authorization, want := range map[string]int{"": 401, "Authorization: Bearer not.a.token\r\n": 401, "Authorization: Bearer " + iss.Token() + "\r\n": 200} {
			conn, err := net.Dial("tcp", listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			fmt.Fprintf(conn, "%s HTTP/1.1\r\nHost: api.test\r\nX-Auth-Subject: admin\r\n%s\r\n", question, authorization)
			answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatalf("%s: %v", question, err)
			}
			subject := answer.Header.Values("X-Auth-Subject")
			if answer.StatusCode != want || want == 200 && (len(subject) != 1 || subject[0] != "m2m") || want != 200 && subject != nil {
				t.Errorf("%s, want %d: got %d with X-Auth-Subject %q", question, want, answer.StatusCode, subject)
			}
		}
	}
}
