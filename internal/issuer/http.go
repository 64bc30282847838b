package issuer

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Paths of an issuer of the default shape.
const (
	KeysPath     = "/.well-known/jwks.json"
	MetadataPath = "/.well-known/openid-configuration"
	TokenPath    = "/oauth2/m2m/token"
)

// A Request is a request that the issuer received.
type Request struct {
	Path   string    // its first 256 bytes
	Time   time.Time // when it arrived, by the clock of keys, which Advance does not change
	Status int       // of the answer; 0: there was none
}

const (
	maxRequests    = 10_000 // that are remembered
	maxRequestPath = 256    // bytes of the path of one
	requestsKept   = maxRequests / 2
)

// Requests returns the requests so far, oldest first. Whenever there are
// maxRequests, the older half is dropped.
func (iss *Issuer) Requests() []Request {
	iss.mu.Lock()
	defer iss.mu.Unlock()
	return append([]Request(nil), iss.requests...)
}

// An answer is the response to a request, in memory or over a socket.
type answer struct {
	status int
	header http.Header
	body   io.Reader
	length int64 // of the body; -1: not told

	err   error         // in place of an answer: what went wrong on the way
	hang  bool          // in place of an answer: none
	delay time.Duration // before the answer
	drip  bool          // the body byte by byte
}

func text(contentType, body string) answer {
	return answer{
		status: http.StatusOK,
		header: http.Header{"Content-Type": {contentType}},
		body:   strings.NewReader(body),
		length: int64(len(body)),
	}
}

func jsonText(data []byte) answer { return text("application/json", string(data)) }

// A doc is one of the two documents that faults act on.
type doc struct {
	path string
	text []byte
	keys bool // the JWK Set, not the metadata
}

// answer answers a request and records it. This is everything that the issuer does
// over HTTP: RoundTrip and Handler deliver what it returns.
func (iss *Issuer) answer(r *http.Request) answer {
	a := iss.decide(r)
	iss.mu.Lock()
	defer iss.mu.Unlock()
	if iss.closed {
		return answer{err: errClosed}
	}
	if len(iss.requests) == maxRequests {
		iss.requests = append(iss.requests[:0], iss.requests[maxRequests-requestsKept:]...)
	}
	// Clone it, since a part would keep the whole in memory.
	path := strings.Clone(r.URL.Path[:min(len(r.URL.Path), maxRequestPath)])
	iss.requests = append(iss.requests, Request{path, time.Now(), a.status})
	return a
}

func (iss *Issuer) decide(r *http.Request) answer {
	switch path := r.URL.Path; {
	case iss.shape.tokenPath != "" && path == iss.base.Path+iss.shape.tokenPath:
		return iss.grant(r)
	case path == iss.base.Path+iss.shape.keysPath:
		good := jsonText(iss.JWKS())
		if iss.shape.keysCacheControl != "" {
			good.header.Set("Cache-Control", iss.shape.keysCacheControl)
		}
		return iss.deliver(r, doc{path, iss.JWKS(), true}, good)
	case path == iss.metadataPath() || iss.shape.oauthMetadata && path == "/.well-known/oauth-authorization-server"+iss.base.Path:
		text := document(iss.metadata())
		return iss.deliver(r, doc{path, text, false}, jsonText(text))
	}
	return status(http.StatusNotFound)
}

// deliver returns a document, or what the current fault turns it into.
func (iss *Issuer) deliver(r *http.Request, d doc, good answer) answer {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return notAllowed("GET, HEAD")
	}
	f := iss.nextFault()
	if f.Name == "" {
		return good
	}
	return faults[f.Name](iss, f, d, good)
}

func notAllowed(allowed string) answer {
	a := status(http.StatusMethodNotAllowed)
	a.header.Set("Allow", allowed)
	return a
}

// metadataPath is where OpenID Connect Discovery 1.0, section 4 puts the metadata.
func (iss *Issuer) metadataPath() string {
	return iss.base.Path + strings.TrimSuffix(iss.shape.issuerPath, "/") + MetadataPath
}

// metadata are those of OpenID Connect Discovery 1.0, section 3 and RFC 8414, section
// 2, as far as they concern tokens of this issuer.
type metadata struct {
	Issuer        string   `json:"issuer"`
	JWKSURI       string   `json:"jwks_uri"`
	TokenEndpoint string   `json:"token_endpoint,omitempty"`
	GrantTypes    []string `json:"grant_types_supported,omitempty"`
	AuthMethods   []string `json:"token_endpoint_auth_methods_supported,omitempty"`
	ResponseTypes []string `json:"response_types_supported"`
	SubjectTypes  []string `json:"subject_types_supported"`
	Algorithms    []string `json:"id_token_signing_alg_values_supported"`
}

func (iss *Issuer) metadata() metadata {
	m := metadata{
		Issuer:        iss.url,
		JWKSURI:       iss.KeysURL(),
		ResponseTypes: []string{"code"},
		SubjectTypes:  []string{"public"},
		Algorithms:    []string{"RS256"},
	}
	if iss.shape.tokenPath != "" {
		m.TokenEndpoint = iss.config.URL + iss.shape.tokenPath
		m.GrantTypes = []string{"client_credentials"}
		m.AuthMethods = []string{"client_secret_basic", "client_secret_post"}
	}
	return m
}

// Client returns a client whose Transport answers for this issuer alone, in memory. A
// request to another host is an error, and never goes to the network.
func (iss *Issuer) Client() *http.Client { return &http.Client{Transport: transport{iss}} }

type transport struct{ iss *Issuer }

// latency is how long a response in memory takes. In a bubble nothing else takes
// time, and a verifier could not see that a rotation came after its last fetch.
const latency = time.Millisecond

// RoundTrip is that of [http.RoundTripper]. It ends at once when the context of the
// request does.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer r.Body.Close()
	}
	if !t.iss.owns(r.URL) {
		return nil, fmt.Errorf("asked for %s://%s, but this client reaches %s alone, and never the network", r.URL.Scheme, r.URL.Host, t.iss.url)
	}
	if err := context.Cause(r.Context()); err != nil {
		return nil, err
	}
	a := t.iss.answer(r)
	a.delay = max(a.delay, latency)
	body, err := t.iss.begin(r.Context(), a)
	if err != nil {
		return nil, err
	}
	response := &http.Response{
		Status:        fmt.Sprintf("%d %s", a.status, http.StatusText(a.status)),
		StatusCode:    a.status,
		Proto:         "HTTP/1.1",
		ProtoMajor:    1,
		ProtoMinor:    1,
		Header:        a.header,
		Body:          body,
		ContentLength: a.length,
		Request:       r,
	}
	if a.length >= 0 {
		response.Header.Set("Content-Length", strconv.FormatInt(a.length, 10))
	}
	if r.Method == http.MethodHead {
		body.Close()
		response.Body = http.NoBody
	}
	return response, nil
}

// owns reports whether an address is of this issuer.
func (iss *Issuer) owns(u *url.URL) bool {
	if !strings.EqualFold(u.Scheme, iss.base.Scheme) {
		return false
	}
	return strings.EqualFold(u.Host, iss.base.Host) || strings.EqualFold(u.Host, iss.keysBase().Host)
}

// Handler serves the same over a socket, for any Host. Where the client would see
// an error of the connection, it closes the connection.
func (iss *Issuer) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a := iss.answer(r)
		body, err := iss.begin(r.Context(), a)
		if err != nil {
			panic(http.ErrAbortHandler) // the way to close it, and logged nowhere
		}
		defer body.Close()
		for name, values := range a.header {
			w.Header()[name] = values
		}
		if a.length >= 0 {
			w.Header().Set("Content-Length", strconv.FormatInt(a.length, 10))
		}
		w.WriteHeader(a.status)
		if r.Method == http.MethodHead {
			return
		}
		if _, err := io.Copy(flusher{w, a.drip}, body); err != nil {
			panic(http.ErrAbortHandler)
		}
	})
}

// A flusher sends each byte of a body that drips at once.
type flusher struct {
	w    http.ResponseWriter
	drip bool
}

func (f flusher) Write(p []byte) (int, error) {
	n, err := f.w.Write(p)
	if err == nil && f.drip {
		err = http.NewResponseController(f.w).Flush()
	}
	return n, err
}

// begin waits until the response begins, and returns its body or an error. It ends
// with ctx, and so does the body.
func (iss *Issuer) begin(ctx context.Context, a answer) (io.ReadCloser, error) {
	if a.err != nil {
		return nil, a.err
	}
	if !a.hang && !a.drip && a.delay == 0 {
		return io.NopCloser(a.body), nil
	}
	w := iss.newWaiter(ctx)
	if a.hang {
		<-w.ctx.Done()
		w.stop()
		return nil, context.Cause(w.ctx)
	}
	if err := w.sleep(a.delay); err != nil {
		w.stop()
		return nil, err
	}
	if !a.drip {
		w.stop()
		return io.NopCloser(a.body), nil
	}
	return &dripping{w, a.body}, nil
}

// A waiter is a slow response. Everything that it waits on is made while it waits,
// and so belongs to the bubble of the caller.
type waiter struct {
	iss *Issuer
	ctx context.Context
	end context.CancelCauseFunc
}

func (iss *Issuer) newWaiter(ctx context.Context) *waiter {
	w := &waiter{iss: iss}
	w.ctx, w.end = context.WithCancelCause(ctx)
	iss.mu.Lock()
	defer iss.mu.Unlock()
	if iss.closed {
		w.end(errClosed)
		return w
	}
	if iss.waiting == nil {
		iss.waiting = make(map[*waiter]struct{})
	}
	iss.waiting[w] = struct{}{}
	return w
}

func (w *waiter) sleep(d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-w.ctx.Done():
		return context.Cause(w.ctx)
	}
}

func (w *waiter) stop() {
	w.iss.mu.Lock()
	delete(w.iss.waiting, w)
	w.iss.mu.Unlock()
	w.end(errBodyClosed)
}

var errBodyClosed = fmt.Errorf("the body was closed while it came")

// dripping is a body that arrives byte by byte.
type dripping struct {
	*waiter
	body io.Reader
}

func (d *dripping) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if err := d.sleep(dripDelay); err != nil {
		return 0, err
	}
	return d.body.Read(p[:1])
}

func (d *dripping) Close() error {
	d.stop()
	return nil
}
