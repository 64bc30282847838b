package jwtverify

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"example.com/jwtverify/internal/quote"
	"example.com/jwtverify/internal/strictjson"
)

// HTTPKeySource fetches a JWK Set over HTTPS. It follows no redirect, sends no
// cookie, and reads at most 512 KiB. The answer's Cache-Control max-age, bounded to
// 1 to 15 minutes, tells the [Cache] when to ask again, and its ETag lets it ask for
// changes only. Each request makes its own connection, so that none stays open.
type HTTPKeySource struct {
	// URL is the final address of the set, such as
	// "https://tenant.example.com/.well-known/jwks.json". Plain http is taken for
	// localhost, 127.0.0.0/8 and ::1 only.
	URL string

	// Client is used for its Transport (a proxy, a private CA, a header that
	// changes) and for its Timeout, if that is shorter than the Cache's; all else
	// in it is ignored. nil, or a nil Transport, means a transport with TLS 1.2
	// or newer and the proxy settings of the environment.
	Client *http.Client

	// Header is added to each request, such as an Authorization.
	Header http.Header
}

// Keys fetches the set. The error names the address without its query, and says
// what was found instead of a key set; of the body it holds at most a short quote of a
// name or a kid.
func (s HTTPKeySource) Keys(ctx context.Context) (*KeySet, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	return fetchKeySet(neverNil(ctx), s.URL, s.Client, s.Header)
}

func (s HTTPKeySource) check() error { return checkURL("HTTPKeySource.URL", s.URL) }

// checkURL accepts an https address without user name and fragment; http on
// loopback only, since whoever can change the answer can sign tokens.
func checkURL(field, raw string) error {
	if raw == "" {
		return fmt.Errorf("%s is empty: set it to an https address", field)
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil: // which holds parts of the address, perhaps a secret one
		return fmt.Errorf("%s is not a URL: look for spaces, and for what stands behind : and %%", field)
	case u.Scheme != "https" && u.Scheme != "http" || u.Host == "" && u.Opaque != "":
		return fmt.Errorf("%s is not an address that begins with https:// and a host", field)
	case u.Hostname() == "":
		return fmt.Errorf("%s has no host: is the setting that it is made of empty?", field)
	case strings.HasSuffix(u.Host, ":"):
		return fmt.Errorf("%s has a colon without port behind the host: is https:// there twice?", field)
	case u.User != nil:
		return fmt.Errorf("%s holds a user name or password: use Header or Client to authenticate", field)
	case strings.Contains(raw, "#"):
		return fmt.Errorf("%s has a fragment (#…): remove it", field)
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		return fmt.Errorf("%s is %s: use https; http is for localhost, 127.0.0.0/8 and ::1 only", field, quote.Text(shownURL(u), 100))
	}
	return nil
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && (addr.Is4() && addr.IsLoopback() || addr == netip.IPv6Loopback())
}

// shownURL is the part of an address that may stand in a message: a query may hold
// a secret.
func shownURL(u *url.URL) string { return u.Scheme + "://" + u.Host + u.EscapedPath() }

// fetchKeySet gets the set at an address. The set in use, if it came from there,
// makes the request conditional.
func fetchKeySet(ctx context.Context, address string, client *http.Client, header http.Header) (*KeySet, error) {
	held := heldSetOf(ctx).set
	etag := ""
	if held != nil && held.origin.url == address {
		etag = held.origin.etag
	}
	answer, err := get(ctx, address, client, header, etag)
	if err != nil {
		return nil, err
	}
	var set *KeySet
	if answer.notModified {
		copied := *held
		set = &copied
	} else {
		if set, _, err = parseKeySet(answer.body); err != nil {
			if strings.HasPrefix(answer.header.Get("Content-Type"), "text/html") {
				err = errors.New("is not one: got HTML, not a key set; check the address")
			}
			found := fmt.Sprintf("%s, %d bytes: it %v", foundMediaType(answer.header), len(answer.body), err)
			return nil, &codedError{"keys-not-json", found, fmt.Errorf("%s: the key set %w", answer.name, err)}
		}
		set.origin = origin{url: address, etag: validETag(answer.header.Get("ETag"))}
	}
	if hint, ok := freshFor(answer.header); ok {
		set.refreshAfter = hint
	}
	return set, nil
}

func foundMediaType(header http.Header) string {
	if header.Get("Content-Type") == "" {
		return "no Content-Type"
	}
	return quote.Text(header.Get("Content-Type"), 64)
}

// An httpAnswer is a 200, or the 304 that was asked for.
type httpAnswer struct {
	name        string // the request, for messages
	header      http.Header
	body        []byte
	notModified bool
}

const (
	maxResponseHeaderBytes = 64 << 10
	maxETagBytes           = 256
)

// get asks an address once. With an ETag it asks for changes only; without, it asks
// every cache on the way to look at the origin.
func get(ctx context.Context, address string, client *http.Client, header http.Header, etag string) (*httpAnswer, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, fmt.Errorf("GET: %w", err)
	}
	name := "GET " + shownURL(request.URL)
	if header != nil {
		request.Header = header.Clone()
	}
	request.Header.Set("Accept", "application/jwk-set+json, application/json;q=0.9, */*;q=0.1")
	if request.Header.Get("User-Agent") == "" {
		request.Header.Set("User-Agent", "jwtverify")
	}
	if etag != "" {
		request.Header.Set("If-None-Match", etag)
	} else {
		request.Header.Set("Cache-Control", "no-cache")
	}

	// The transport alone: no cookie jar, no redirect, nothing else of a client.
	var transport http.RoundTripper
	if client != nil {
		transport = client.Transport
		if client.Timeout > 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, client.Timeout)
			defer cancel()
			request = request.WithContext(ctx)
		}
	}
	if transport == nil {
		transport = &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
			ForceAttemptHTTP2:      true,
			DisableKeepAlives:      true, // an idle connection is a goroutine that nobody closes
			MaxResponseHeaderBytes: maxResponseHeaderBytes,
		}
	}
	response, err := transport.RoundTrip(request)
	if err == nil && (response == nil || response.Body == nil) {
		err = errors.New("the transport returned neither an answer nor an error")
	}
	if err != nil {
		return nil, &transportError{name, err}
	}
	defer response.Body.Close()

	answer := &httpAnswer{name: name, header: response.Header}
	switch status := response.StatusCode; {
	case status == http.StatusNotModified && etag != "":
		answer.notModified = true
		return answer, nil
	case status != http.StatusOK:
		return nil, statusError(name, response)
	case response.Header.Get("Content-Encoding") != "":
		found := "Content-Encoding " + quote.Text(response.Header.Get("Content-Encoding"), 64)
		return nil, &codedError{"keys-not-json", found, fmt.Errorf("%s: got %s, want none or what the transport decodes", name, found)}
	case response.ContentLength > maxKeySetBytes:
		return nil, tooLarge(name, fmt.Sprintf("%d bytes", response.ContentLength))
	}
	answer.body, err = io.ReadAll(io.LimitReader(response.Body, maxKeySetBytes+1))
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		found := fmt.Sprintf("%s, cut off after %d bytes", foundMediaType(answer.header), len(answer.body))
		return nil, &codedError{"keys-not-json", found, &transportError{name, err}}
	case err != nil:
		return nil, &transportError{name, err}
	case len(answer.body) > maxKeySetBytes:
		return nil, tooLarge(name, "more than that")
	}
	return answer, nil
}

func tooLarge(name, found string) error {
	return &codedError{"keys-size", found, fmt.Errorf("%s: the answer is larger than %d bytes", name, maxKeySetBytes)}
}

// An httpStatusError is an answer that brings nothing.
type httpStatusError struct {
	name   string
	status int
}

func (e *httpStatusError) Error() string {
	return fmt.Sprintf("%s: got status %d %s, want 200", e.name, e.status, http.StatusText(e.status))
}

func isNotFound(err error) bool {
	var status *httpStatusError
	return errors.As(err, &status) && status.status == http.StatusNotFound
}

// A transportError is the error of a request without answer. Its text may quote what
// the server sent: it is cut, and made one line.
type transportError struct {
	name string
	err  error
}

func (e *transportError) Error() string { return e.name + ": " + shown(e.err) }

func (e *transportError) Unwrap() error { return e.err }

// A retryAfterError carries the server's wish.
type retryAfterError struct {
	error
	after time.Duration
}

func statusError(name string, response *http.Response) error {
	status := response.StatusCode
	found := strings.TrimSpace(fmt.Sprintf("%d %s", status, http.StatusText(status)))
	var err error = &httpStatusError{name, status}
	switch {
	case 300 <= status && status < 400 && status != http.StatusNotModified:
		if target, err := response.Location(); err == nil {
			found += " to " + quote.Text(shownURL(target), 100)
		}
		return &codedError{"keys-redirect", found, fmt.Errorf("%w: redirects are not followed, set the final URL", err)}
	case status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable:
		if after := retryAfter(response.Header.Get("Retry-After")); after > 0 {
			found += ", Retry-After " + after.Round(time.Second).String()
			err = &retryAfterError{err, after}
		}
	}
	return &codedError{"keys-status", found, err}
}

// retryAfter reads Retry-After (RFC 9110, section 10.2.3): seconds or a date.
func retryAfter(text string) time.Duration {
	if seconds, ok := deltaSeconds(text); ok {
		return seconds
	}
	if date, err := http.ParseTime(text); err == nil {
		return time.Until(date)
	}
	return 0
}

// deltaSeconds reads a number of seconds (RFC 9111, section 1.2.2): one of more than 31
// bits counts as the largest that has no more.
func deltaSeconds(text string) (time.Duration, bool) {
	if text == "" || strings.Trim(text, "0123456789") != "" {
		return 0, false
	}
	seconds, _ := strconv.ParseInt(text, 10, 32) // 68 years, if it is more than that
	return time.Duration(seconds) * time.Second, true
}

// validETag returns the tag if it is fit to be sent back.
func validETag(tag string) string {
	for i := range len(tag) {
		if tag[i] <= ' ' || tag[i] > '~' {
			return ""
		}
	}
	if len(tag) > maxETagBytes {
		return ""
	}
	return tag
}

// Bounds of the hint that Cache-Control gives: both 0 and a day are common, and
// neither is a good time between two looks at the keys.
const (
	minFreshFor = time.Minute
	maxFreshFor = 15 * time.Minute
)

// freshFor reads how long the answer stays fresh: the smallest max-age less Age (RFC
// 9111, section 4.2). s-maxage and Expires are not meant for us, or guesses.
func freshFor(header http.Header) (time.Duration, bool) {
	fresh, found := time.Duration(math.MaxInt64), false
	for directive := range strings.SplitSeq(strings.Join(header.Values("Cache-Control"), ","), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
		var age time.Duration
		switch strings.ToLower(name) {
		case "no-store", "no-cache":
		case "max-age":
			var ok bool
			if age, ok = deltaSeconds(strings.Trim(value, `"`)); !ok {
				continue
			}
		default:
			continue
		}
		fresh, found = min(fresh, age), true
	}
	if age, ok := deltaSeconds(header.Get("Age")); ok {
		fresh -= age
	}
	return min(max(fresh, minFreshFor), maxFreshFor), found
}

// DiscoveryKeySource finds the key set through the issuer's metadata: OpenID Connect
// Discovery 1.0 (/.well-known/openid-configuration) or, where that is not found,
// RFC 8414. The metadata must name exactly this Issuer. It is read again once a day,
// after a failure, and when a kid is unknown.
type DiscoveryKeySource struct {
	// Issuer is the issuer's https URL, as in Config.Issuer.
	Issuer string
	// Client is as in [HTTPKeySource].
	Client *http.Client
	// Header is added to requests to the Issuer's own scheme, host and port, and
	// to no other: the metadata cannot send it elsewhere.
	Header http.Header
}

// How long a jwks_uri is used without looking at the metadata again.
const maxMetadataAge = 24 * time.Hour

// Keys reads the metadata and fetches the set that it names.
func (s DiscoveryKeySource) Keys(ctx context.Context) (*KeySet, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	ctx = neverNil(ctx)
	held := heldSetOf(ctx)
	address, discoveredAt := "", time.Now()
	if set := held.set; set != nil && !held.failed && set.origin.issuer == s.Issuer && time.Since(set.origin.discoveredAt) < maxMetadataAge {
		address, discoveredAt = set.origin.url, set.origin.discoveredAt
	} else {
		var err error
		if address, err = s.discover(ctx); err != nil {
			return nil, err
		}
	}
	header := s.Header
	if schemeAndHost(address) != schemeAndHost(s.Issuer) {
		header = nil
	}
	set, err := fetchKeySet(ctx, address, s.Client, header)
	if err != nil {
		return nil, err
	}
	set.origin.issuer, set.origin.discoveredAt = s.Issuer, discoveredAt
	return set, nil
}

func (s DiscoveryKeySource) check() error {
	if err := checkURL("DiscoveryKeySource.Issuer", s.Issuer); err != nil {
		return err
	}
	if strings.Contains(s.Issuer, "?") {
		// RFC 8414, section 2; OpenID Connect Discovery 1.0, section 3.
		return errors.New("DiscoveryKeySource.Issuer has a query (?…): an issuer has none")
	}
	return nil
}

// discover returns the jwks_uri of the issuer's metadata.
func (s DiscoveryKeySource) discover(ctx context.Context) (string, error) {
	issuer := strings.TrimSuffix(s.Issuer, "/")
	answer, err := get(ctx, issuer+"/.well-known/openid-configuration", s.Client, s.Header, "")
	if isNotFound(err) {
		// RFC 8414, section 3.1: between the host and the path.
		u, _ := url.Parse(issuer)
		u.Path, u.RawPath = "/.well-known/oauth-authorization-server"+u.Path, ""
		answer, err = get(ctx, u.String(), s.Client, s.Header, "")
	}
	if err != nil {
		return "", err
	}
	var foundIssuer, address string
	var r strictjson.Reader
	r.Begin(string(answer.body), generalLimits)
	for name := range r.Object {
		var err error
		switch name {
		case "issuer":
			foundIssuer, err = r.String(name)
		case "jwks_uri":
			address, err = r.String(name)
		default:
			r.Skip()
		}
		if err != nil {
			return "", badMetadata(answer, fmt.Errorf("the metadata: %w", err))
		}
	}
	if err := r.End(); err != nil {
		return "", badMetadata(answer, fmt.Errorf("the metadata %w", err))
	}
	if foundIssuer != s.Issuer {
		return "", badMetadata(answer, fmt.Errorf("issuer is %s, want %s", quote.Text(foundIssuer, 100), quote.Text(s.Issuer, 100)))
	}
	if err := checkURL("jwks_uri", address); err != nil {
		return "", badMetadata(answer, err)
	}
	if strings.HasPrefix(strings.ToLower(address), "http:") && strings.HasPrefix(strings.ToLower(s.Issuer), "https:") {
		return "", badMetadata(answer, errors.New("jwks_uri is http, want https as the issuer"))
	}
	return address, nil
}

func badMetadata(answer *httpAnswer, err error) error {
	return &codedError{"keys-not-json", "metadata that cannot be used: " + err.Error(), fmt.Errorf("%s: %w", answer.name, err)}
}

// schemeAndHost is what addresses of the same origin have in common (RFC 6454, section
// 4), but for a port that need not be written.
func schemeAndHost(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	return u.Scheme + "://" + strings.ToLower(u.Host)
}
