package fetch_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"example.com/jwtverify/internal/fetch"
)

// Over a real socket: what an in-memory transport cannot show.
func TestOverASocket(t *testing.T) {
	const good = `{"keys":[]}`
	var redirected, keptOpen atomic.Int32
	mux := http.NewServeMux()
	zipped := func(content string, times int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			zip := gzip.NewWriter(w)
			for range times {
				io.WriteString(zip, content)
			}
			zip.Close()
		}
	}
	headers := func(size int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X", strings.Repeat("x", size))
			io.WriteString(w, good)
		}
	}
	mux.HandleFunc("/good", func(w http.ResponseWriter, r *http.Request) {
		if !r.Close {
			keptOpen.Add(1)
		}
		io.WriteString(w, good)
	})
	mux.HandleFunc("/gzip", zipped(good, 1))
	mux.HandleFunc("/bomb", zipped(string(bytes.Repeat([]byte(" "), 1<<20)), 64))
	mux.HandleFunc("/large-header", headers(60<<10))
	mux.HandleFunc("/larger-header", headers(72<<10))
	mux.HandleFunc("/redirect", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/target", http.StatusFound) })
	mux.HandleFunc("/target", func(w http.ResponseWriter, r *http.Request) { redirected.Add(1); io.WriteString(w, good) })
	mux.HandleFunc("/reset", func(w http.ResponseWriter, r *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		conn.(*net.TCPConn).SetLinger(0)
		conn.Close()
	})
	mux.HandleFunc("/half", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "11")
		io.WriteString(w, good[:5])
	})
	mux.HandleFunc("/slow", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, good[:5])
		http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	for path, want := range map[string]string{ // "" is accepted
		"/good":          "",
		"/gzip":          "",
		"/bomb":          "larger than 4096 bytes",
		"/large-header":  "",
		"/larger-header": "exceeded 65536 bytes",
		"/redirect":      "set the final URL",
		"/reset":         "GET ", // any error
		"/half":          "unexpected EOF",
		"/slow":          "deadline exceeded",
		"/none":          "404",
	} {
		t.Run(path, func(t *testing.T) {
			timeout := 10 * time.Second
			if path == "/slow" {
				timeout = 50 * time.Millisecond
			}
			ctx, cancel := context.WithTimeout(t.Context(), timeout)
			defer cancel()
			answer, err := fetch.Get(ctx, fetch.Request{URL: server.URL + path, Limit: 4096})
			switch {
			case want == "" && (err != nil || string(answer.Body) != good):
				t.Errorf("got error %v, want the document", err)
			case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
				t.Errorf("got error %v, want one with %q", err, want)
			}
		})
	}
	if redirected.Load() != 0 || keptOpen.Load() != 0 {
		t.Errorf("the redirect's target was asked %d times, %d connections were to stay open", redirected.Load(), keptOpen.Load())
	}
	server.Close()
	if _, err := fetch.Get(t.Context(), fetch.Request{URL: server.URL + "/good?key=SECRET", Limit: 1}); err == nil || strings.Contains(err.Error(), "SECRET") {
		t.Errorf("got error %v, want one without the query", err)
	}
}

func TestTLS(t *testing.T) {
	serve := func(most uint16) *httptest.Server {
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Proto) }))
		server.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: most}
		server.EnableHTTP2 = true
		server.Config.ErrorLog = log.New(io.Discard, "", 0)
		server.StartTLS()
		t.Cleanup(server.Close)
		return server
	}
	trusting := func(server *httptest.Server) *http.Client {
		transport := fetch.Transport()
		transport.TLSClientConfig.RootCAs = server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
		return &http.Client{Transport: transport}
	}
	server := serve(tls.VersionTLS13)
	if answer, err := fetch.Get(t.Context(), fetch.Request{URL: server.URL, Client: trusting(server), Limit: 100}); err != nil || string(answer.Body) != "HTTP/2.0" {
		t.Errorf("got %+v, %v, want an answer over HTTP/2", answer, err)
	}
	var unknown *tls.CertificateVerificationError
	for name, client := range map[string]*http.Client{"no client": nil, "a client without transport": {}} {
		if _, err := fetch.Get(t.Context(), fetch.Request{URL: server.URL, Client: client, Limit: 100}); !errors.As(err, &unknown) {
			t.Errorf("%s: got %v, want the certificate refused", name, err)
		}
	}
	for version, want := range map[uint16]string{tls.VersionTLS12: "", tls.VersionTLS11: "protocol version"} {
		server := serve(version)
		_, err := fetch.Get(t.Context(), fetch.Request{URL: server.URL, Client: trusting(server), Limit: 100})
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: got %v, want %q", tls.VersionName(version), err, want)
		}
	}
	if fetch.Transport().Proxy == nil {
		t.Error("want the proxy of the environment")
	}
}
