package local

import (
	"context"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"example.com/jwtverify/internal/guide"
	"example.com/jwtverify/internal/issuer"
	"example.com/jwtverify/internal/screen"
)

// IssuerServer returns a server for an issuer. Of the times only that for the header
// is limited, since some faults are answers that take long.
func IssuerServer(iss *issuer.Issuer, url string, log *log.Logger) *http.Server {
	return &http.Server{
		Handler:           withLog(ownHost(iss.Handler(), url), log),
		ErrorLog:          log,
		ReadHeaderTimeout: 5 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    guide.MaxHeaderBytes,
	}
}

// ownHost lets requests for the host of url pass, and no others. A page in a browser of
// this machine could otherwise get tokens: its own name resolves to 127.0.0.1 whenever
// its owner wants that (DNS rebinding), and then the issuer is of its origin.
func ownHost(handler http.Handler, url string) http.Handler {
	own := strings.TrimPrefix(url, "http://")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// RFC 9110, section 7.2: the port is left out where it is that of the scheme.
		if !strings.EqualFold(r.Host, own) && !strings.EqualFold(r.Host+":80", own) {
			http.Error(w, "this issuer is "+url, http.StatusMisdirectedRequest)
			return
		}
		handler.ServeHTTP(w, r)
	})
}

// ListenLoopback opens an address that only this machine reaches, since whoever
// reaches the issuer gets any token. The URL is that of the issuer: its host is as it
// was given.
func ListenLoopback(address string) (listener net.Listener, url string, err error) {
	host, _, err := net.SplitHostPort(address)
	if ip, notIP := netip.ParseAddr(host); err == nil && host != "localhost" && (notIP != nil || !ip.IsLoopback()) {
		return nil, "", fmt.Errorf("--listen is %s: want 127.0.0.1, [::1] or localhost, since whoever reaches this issuer gets any token", screen.Quoted(address))
	}
	if listener, err = Listen(address); err != nil {
		return nil, "", err
	}
	if !IsLoopback(listener.Addr()) {
		listener.Close()
		return nil, "", fmt.Errorf("--listen: localhost is %s here, want a loopback address", listener.Addr())
	}
	_, port, err := net.SplitHostPort(listener.Addr().String())
	return listener, "http://" + net.JoinHostPort(host, port), err
}

// A Rotation says when keys come and go.
type Rotation struct {
	Every time.Duration
	Keep  time.Duration // an old key stays published, so that its tokens live on
	Most  int           // old keys
}

// Run rotates until ctx ends.
func (r Rotation) Run(ctx context.Context, iss *issuer.Issuer, log *log.Logger) {
	type oldKey struct {
		kid   string
		until time.Time
	}
	var old []oldKey
	ticker := time.NewTicker(r.Every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		before := iss.KeyID()
		kid, err := iss.Rotate()
		if err != nil {
			log.Printf("rotating: %v", err)
			continue
		}
		log.Printf("rotated: %s signs", kid)
		old = append(old, oldKey{before, time.Now().Add(r.Keep)})
		for len(old) > r.Most || len(old) > 0 && time.Now().After(old[0].until) {
			if err := iss.Revoke(old[0].kid); err != nil {
				log.Printf("withdrawing %s: %v", old[0].kid, err)
			} else {
				log.Printf("withdrawn: %s", old[0].kid)
			}
			old = old[1:]
		}
	}
}

// withLog logs each request with the status of its answer.
func withLog(handler http.Handler, log *log.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status := &statusWriter{ResponseWriter: w}
		defer func() { // some faults are a panic
			switch method, path := screen.Logged(r.Method), screen.Logged(r.URL.Path); status.code {
			case 0:
				log.Printf("%s %s no answer", method, path)
			case http.StatusMisdirectedRequest:
				log.Printf("%s %s %d for host %s", method, path, status.code, screen.Logged(r.Host))
			default:
				log.Printf("%s %s %d", method, path, status.code)
			}
		}()
		handler.ServeHTTP(status, r)
	})
}

// A statusWriter remembers the status that was written.
type statusWriter struct {
	http.ResponseWriter
	code int
}

func (w *statusWriter) WriteHeader(code int) {
	w.code = code
	w.ResponseWriter.WriteHeader(code)
}

// Unwrap is for http.ResponseController: some answers are flushed byte by byte.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
