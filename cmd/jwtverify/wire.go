package main

import (
	"crypto/x509"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"example.com/jwtverify/internal/fetch"
)

// network returns what requests go through: a transport as the library makes it for
// itself, with a connection for each request, that trusts the CAs of --cacert too.
func (s *session) network(f *flags) http.RoundTripper {
	if s.transport != nil {
		return s.transport
	}
	transport := fetch.Transport()
	transport.TLSClientConfig.RootCAs = f.roots
	return transport
}

// A wire is a transport that remembers the last answer that came through it: what a
// key source does not tell of its document.
type wire struct {
	network http.RoundTripper
	now     func() time.Time

	mu   sync.Mutex // guards last: a retrieval that was given up may still run
	last reply
}

type reply struct {
	url    *url.URL // nil: there was no answer
	status int
	body   []byte        // as far as it was read
	ahead  time.Duration // of the server's clock, 0 if it did not tell the time

	header      http.Header
	certificate *x509.Certificate // of the server; nil: none
}

func (w *wire) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := w.network.RoundTrip(request)
	if err != nil || response.Body == nil {
		return response, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last = reply{url: request.URL, status: response.StatusCode, ahead: clockAhead(response.Header, w.now()), header: response.Header}
	if state := response.TLS; state != nil && len(state.PeerCertificates) > 0 {
		w.last.certificate = state.PeerCertificates[0]
	}
	response.Body = &wireBody{response.Body, w, request.URL}
	return response, nil
}

// reply returns the last answer.
func (w *wire) reply() reply {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.last
}

// A wireBody keeps what is read of a body. Key sources read no more than half a MiB.
type wireBody struct {
	io.ReadCloser
	wire *wire
	url  *url.URL // of the answer that it belongs to
}

func (b *wireBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.wire.mu.Lock()
	defer b.wire.mu.Unlock()
	if last := &b.wire.last; last.url == b.url {
		last.body = append(last.body, p[:n]...)
	}
	return n, err
}

// clockAhead tells how far the server's clock is ahead of now. Date is the time when
// the answer was made; in a cache it has aged since (RFC 9110, section 6.6.1; RFC 9111,
// section 5.1).
func clockAhead(header http.Header, now time.Time) time.Duration {
	date, err := http.ParseTime(header.Get("Date"))
	if err != nil {
		return 0
	}
	if age, err := strconv.ParseInt(header.Get("Age"), 10, 32); err == nil && age > 0 {
		date = date.Add(time.Duration(age) * time.Second)
	}
	return date.Sub(now)
}
