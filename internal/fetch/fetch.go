// Package fetch gets a small document over HTTPS as a careful client does: it follows no
// redirect, sends no cookie, leaves no connection open, and reads no more than a limit.
// Its error says what the response is instead. The error is short, names the address
// without its query, and shows nothing of the body.
package fetch

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"example.com/jwtverify/internal/quote"
)

const (
	MaxHeaderBytes = 64 << 10 // of a response
	MaxETagBytes   = 256

	dateSpread = 30 * time.Second // over which those who were told the same date come
)

// A Request asks for a document.
type Request struct {
	URL    string       // one that CheckURL accepts
	Client *http.Client // its Transport, if it has one, and its Timeout; nil: neither
	Header http.Header  // added to those of this package
	ETag   string       // of the document that is held already, for a conditional request
	Limit  int          // on the body, in bytes
}

// An Answer is a response of 200, or of 304 to a conditional request.
type Answer struct {
	Request     string // "GET https://…" without query, for messages
	Header      http.Header
	Body        []byte
	NotModified bool
}

// An Error is the error of a request without a response.
type Error struct {
	Request, Host string
	Err           error // of the transport
}

// Error returns a text that may quote what the server sent, cut and on one line.
func (e *Error) Error() string { return e.Request + ": " + quote.Line(e.Err.Error()) }

func (e *Error) Unwrap() error { return e.Err }

// A Refused is a response without the document.
type Refused struct {
	Request     string
	Text        string // what is wrong with it
	Code, Found string // the diagnosis code, and what was found
	Cause       string // the cause, as in package diagnosis; empty: none was recognised
	Status      int
	RetryAfter  time.Duration // what the server asks for; 0: nothing
	Err         error         // the error that ended the body early; nil: none
}

func (e *Refused) Error() string { return e.Request + ": " + e.Text }

func (e *Refused) Unwrap() error { return e.Err }

// A Diagnosed is an error that package diagnosis can explain: a [*Refused], or an error of
// package notkeys.
type Diagnosed interface {
	error
	Diagnosis() (code, cause, found string)
}

// Diagnosis returns Code, Cause and Found, with the address of the request.
func (e *Refused) Diagnosis() (code, cause, found string) {
	return e.Code, e.Cause, e.Found + " at " + strings.TrimPrefix(e.Request, "GET ")
}

// CheckURL accepts an https address without user name and fragment. It accepts http
// only on loopback, since anyone who can change the response can sign tokens. The
// error begins with the name.
func CheckURL(name, raw string) error {
	if raw == "" {
		return fmt.Errorf("%s is empty: set it to an https address", name)
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil: // err holds parts of the address, perhaps a secret
		return fmt.Errorf("%s is not a URL: look for spaces, and for what stands behind : and %%", name)
	case u.Scheme != "https" && u.Scheme != "http" || u.Host == "" && u.Opaque != "":
		return fmt.Errorf("%s is not an address that begins with https:// and a host", name)
	case u.Hostname() == "":
		return fmt.Errorf("%s has no host: correct the setting that it is made of, which is empty", name)
	case strings.HasSuffix(u.Host, ":"):
		return fmt.Errorf("%s has a colon without port behind the host: remove it, or the second https://", name)
	case u.User != nil:
		return fmt.Errorf("%s holds a user name or password: use Header or Client to authenticate", name)
	case strings.Contains(raw, "#"):
		return fmt.Errorf("%s has a fragment (#…): remove it", name)
	case u.Scheme == "http" && !IsLoopback(u.Hostname()):
		return fmt.Errorf("%s is %s: %w", name, quote.Text(shownURL(u), 100), ErrPlainHTTP)
	}
	return nil
}

// ErrPlainHTTP is matched by the error for http to another machine.
var ErrPlainHTTP = errors.New("use https; http is for localhost, 127.0.0.0/8 and ::1 only")

// IsLoopback reports whether a host is localhost, in 127.0.0.0/8, or ::1.
func IsLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && (addr.Is4() && addr.IsLoopback() || addr == netip.IPv6Loopback())
}

// shownURL is the part of an address that may be shown in a message: a query may
// hold a secret.
func shownURL(u *url.URL) string { return u.Scheme + "://" + u.Host + u.EscapedPath() }

// SameOrigin reports whether two addresses have the same scheme, host and port (RFC 6454,
// section 4). A default port may be omitted.
func SameOrigin(a, b string) bool {
	first, err := url.Parse(a)
	second, otherErr := url.Parse(b)
	return err == nil && otherErr == nil && first.Scheme == second.Scheme && strings.EqualFold(first.Host, second.Host)
}

// SameButForm reports whether two addresses differ at most in what people write in two
// ways: http or https, case, and a final slash.
func SameButForm(a, b string) bool {
	return strings.EqualFold(withoutForm(a), withoutForm(b))
}

func withoutForm(address string) string {
	if scheme, rest, ok := strings.Cut(address, "://"); ok && (strings.EqualFold(scheme, "https") || strings.EqualFold(scheme, "http")) {
		address = rest
	}
	return strings.TrimSuffix(address, "/")
}

// Name is a name for an address, to be written to a file. Its query may hold a secret, so
// only the hash of that is shown.
func Name(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	if u.RawQuery == "" {
		return shownURL(u)
	}
	return fmt.Sprintf("%s?sha256=%x", shownURL(u), sha256.Sum256([]byte(u.RawQuery)))
}

// Transport returns the transport of a Request without one.
func Transport() *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		ForceAttemptHTTP2:      true,
		DisableKeepAlives:      true, // an idle connection is a goroutine that is never closed
		MaxResponseHeaderBytes: MaxHeaderBytes,
	}
}

// Get makes one request for the current state at the origin, conditional if there is an ETag.
// The error is an [*Error] or a [*Refused].
func Get(ctx context.Context, r Request) (*Answer, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.URL, nil)
	if err != nil {
		return nil, &Error{Request: "GET", Err: err}
	}
	if r.Header != nil {
		request.Header = r.Header.Clone()
	}
	request.Header.Set("Accept", "application/jwk-set+json, application/json;q=0.9, */*;q=0.1")
	if request.Header.Get("User-Agent") == "" {
		request.Header.Set("User-Agent", "jwtverify")
	}
	// RFC 9111, section 5.2.1.4: a cache on the way must not use what it has stored
	// unless the origin confirms it.
	request.Header.Set("Cache-Control", "no-cache")
	if r.ETag != "" {
		request.Header.Set("If-None-Match", r.ETag)
	}

	// Only the transport is used: no cookie jar, no redirects, nothing else of a
	// client.
	var transport http.RoundTripper = Transport()
	if client := r.Client; client != nil {
		if client.Transport != nil {
			transport = client.Transport
		}
		if client.Timeout > 0 {
			ctx, cancel := context.WithTimeout(ctx, client.Timeout)
			defer cancel()
			request = request.WithContext(ctx)
		}
	}
	response, err := transport.RoundTrip(request)
	if err == nil && (response == nil || response.Body == nil) {
		err = errors.New("the transport returned neither an answer nor an error")
	}
	name := "GET " + shownURL(request.URL)
	if err != nil {
		return nil, &Error{name, request.URL.Host, err}
	}
	defer response.Body.Close()

	answer := &Answer{Request: name, Header: response.Header}
	refused := func(code, found, text string) error {
		return &Refused{Request: name, Text: text, Code: code, Found: found, Status: response.StatusCode}
	}
	tooLarge := fmt.Sprintf("the answer is larger than %d bytes", r.Limit)
	switch coding := codingOf(response.Header); {
	case response.StatusCode == http.StatusNotModified && r.ETag != "":
		answer.NotModified = true
		return answer, nil
	case response.StatusCode != http.StatusOK:
		return nil, refusal(name, response)
	case coding != "":
		found := "Content-Encoding " + quote.Text(coding, 64)
		return nil, refused("keys-not-json", found, "got "+found+", want none or what the transport decodes")
	case response.ContentLength > int64(r.Limit):
		return nil, refused("keys-size", fmt.Sprintf("%d bytes", response.ContentLength), tooLarge)
	}
	answer.Body, err = io.ReadAll(io.LimitReader(response.Body, int64(r.Limit)+1))
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		found := fmt.Sprintf("%s, cut off after %d bytes", answer.MediaType(), len(answer.Body))
		return nil, &Refused{Request: name, Text: quote.Line(err.Error()), Code: "keys-not-json", Found: found, Status: response.StatusCode, Err: err}
	case err != nil:
		return nil, &Error{name, request.URL.Host, err}
	case len(answer.Body) > r.Limit:
		return nil, refused("keys-size", "more than that", tooLarge)
	}
	return answer, nil
}

// codingOf returns the Content-Encoding if it names a coding from which the body would have
// to be decoded (RFC 9110, section 8.4.1, and its registry). Storage services return any
// value that was once stored, such as utf-8 or aws-chunked. Then the body itself shows
// whether it is the document.
func codingOf(header http.Header) string {
	all := strings.Join(header.Values("Content-Encoding"), ", ")
	for coding := range strings.SplitSeq(strings.ToLower(all), ",") {
		switch strings.TrimPrefix(strings.TrimSpace(coding), "x-") {
		case "gzip", "deflate", "br", "zstd", "compress", "dcb", "dcz", "exi", "pack200-gzip":
			return all
		}
	}
	return ""
}

// refusal is the error for a status without a document.
func refusal(name string, response *http.Response) *Refused {
	status := response.StatusCode
	found := strings.TrimSpace(fmt.Sprintf("%d %s", status, http.StatusText(status))) // not every status has a name
	e := &Refused{
		Request: name,
		Status:  status,
		Text:    "got status " + found + ", want 200",
		Code:    "keys-status",
		Cause:   causeOf(status),
		Found:   found,
	}
	switch {
	case 300 <= status && status < 400 && status != http.StatusNotModified:
		e.Code, e.Cause = "keys-redirect", ""
		e.Text += ": redirects are not followed, set the final URL"
		if target, err := response.Location(); err == nil {
			e.Found += " to " + quote.Text(shownURL(target), 100)
			if asked := strings.TrimPrefix(name, "GET "); isLogin(target) && path.Base(target.Path) != path.Base(asked) {
				e.Cause = "login" // not the same document at another address
			}
		}
	case status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable:
		var wish time.Duration
		if wish, e.RetryAfter = retryAfter(response.Header.Get("Retry-After")); wish > 0 {
			e.Found += ", Retry-After " + wish.Round(time.Second).String()
		}
	}
	return e
}

// causeOf names the statuses that need different advice.
func causeOf(status int) string {
	switch {
	case status == http.StatusNotFound || status == http.StatusGone:
		return "404"
	case status == http.StatusUnauthorized || status == http.StatusForbidden || status == http.StatusMethodNotAllowed ||
		status == http.StatusNotAcceptable || status == http.StatusProxyAuthRequired || status == http.StatusTooManyRequests ||
		status == http.StatusBadRequest:
		return strconv.Itoa(status)
	case status >= 500:
		return "5xx"
	}
	return ""
}

// isLogin reports whether an address looks like a login page.
func isLogin(u *url.URL) bool {
	words := strings.FieldsFunc(strings.ToLower(u.Host+u.Path), func(c rune) bool { return !unicode.IsLetter(c) && c != '-' })
	return slices.ContainsFunc(words, func(word string) bool {
		return slices.Contains(loginWords, word)
	})
}

var loginWords = []string{"login", "log-in", "signin", "sign-in", "sso", "saml", "authorize", "accounts", "account", "auth", "oauth", "idp", "session", "sessions", "logon", "cdn-cgi"}

// retryAfter reads Retry-After (RFC 9110, section 10.2.3): seconds or a date. Seconds count
// from the answer; a date is the same for all who ask, so each of them comes at a moment of
// its own after it, rather than all at once.
func retryAfter(text string) (wish, after time.Duration) {
	if seconds, ok := deltaSeconds(text); ok {
		return seconds, seconds
	}
	date, err := http.ParseTime(text)
	if wish = time.Until(date); err != nil || wish <= 0 {
		return 0, 0
	}
	return wish, time.Until(date.Add(rand.N(min(wish, dateSpread))))
}

// deltaSeconds reads a number of seconds (RFC 9111, section 1.2.2). A number of more
// than 31 bits is read as the largest with 31 bits.
func deltaSeconds(text string) (time.Duration, bool) {
	if text == "" || strings.Trim(text, "0123456789") != "" {
		return 0, false
	}
	seconds, _ := strconv.ParseInt(text, 10, 32) // 68 years, if it is more than that
	return time.Duration(seconds) * time.Second, true
}

// MediaType is the Content-Type, for messages.
func (a *Answer) MediaType() string {
	if a.Header.Get("Content-Type") == "" {
		return "no Content-Type"
	}
	return quote.Text(a.Header.Get("Content-Type"), 64)
}

// ETag returns the tag of the response if it may be sent back.
func (a *Answer) ETag() string {
	tag := a.Header.Get("ETag")
	for i := range len(tag) {
		if tag[i] <= ' ' || tag[i] > '~' {
			return ""
		}
	}
	if len(tag) > MaxETagBytes {
		return ""
	}
	return tag
}

// FreshFor returns how long the response stays fresh, the smallest max-age less Age
// (RFC 9111, section 4.2), and whether it has a max-age. s-maxage and Expires are
// ignored: the first is meant for shared caches, the second is often a guess.
func (a *Answer) FreshFor() (time.Duration, bool) {
	fresh, found := time.Duration(math.MaxInt64), false
	for directive := range strings.SplitSeq(strings.Join(a.Header.Values("Cache-Control"), ","), ",") {
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
	return fresh - a.Age(), found
}

// Age is how long ago a cache on the way got the response from the origin (RFC 9111,
// section 5.1); 0: it does not come from a cache.
func (a *Answer) Age() time.Duration {
	age, _ := deltaSeconds(a.Header.Get("Age"))
	return age
}
