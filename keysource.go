package jwtverify

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// A KeySource is where the keys of an issuer come from. Keys returns the whole set;
// it is never told which kid is wanted, so that nothing out of a token can reach an
// address or a query. It must be safe for concurrent use and should return when ctx
// ends. The set may be kept by the caller.
//
// The sources of this package are values without state. They remember nothing: put
// a [Cache] around them, or let [New] do it.
type KeySource interface {
	Keys(ctx context.Context) (*KeySet, error)
}

// A KeySourceFunc is a function used as a [KeySource], for a source of your own.
type KeySourceFunc func(context.Context) (*KeySet, error)

// Keys calls f.
func (f KeySourceFunc) Keys(ctx context.Context) (*KeySet, error) {
	if f == nil {
		return nil, errors.New("jwtverify: the KeySourceFunc is nil")
	}
	return f(ctx)
}

// checkSource reports what makes a source unusable, before anything is fetched.
func checkSource(source KeySource) error {
	if isNil(source) {
		return fmt.Errorf("the key source is nil (%T): set it to where the issuer's keys are", source)
	}
	if s, ok := source.(interface{ check() error }); ok {
		return s.check()
	}
	return nil
}

// checkInner is checkSource for a source inside another.
func checkInner(source KeySource) error {
	if _, ok := source.(*Cache); ok {
		// The outer cache would count the inner one's answers as fresh.
		return errors.New("a *Cache inside another source: put the Cache around all of them instead")
	}
	return checkSource(source)
}

// A heldSet is what the Cache tells a source of the set in use, in the context of a
// scheduled fetch.
type heldSet struct {
	set    *KeySet
	failed bool // the fetch before this one failed
}

type heldSetKey struct{}

func heldSetOf(ctx context.Context) heldSet {
	held, _ := ctx.Value(heldSetKey{}).(heldSet)
	return held
}

// A partialError comes beside a set: the source failed, and this is the best there
// is. Only sources of this package return it, so that nobody else's half an answer
// is taken for one.
type partialError struct{ err error }

func (e *partialError) Error() string { return e.err.Error() }
func (e *partialError) Unwrap() error { return e.err }

// An emptyError says that a source answered with a set without usable key.
type emptyError struct{ error }

// ask asks a source once. The answer is good (a set with a usable key), failed (an
// error), or partial (both). A set beside any error but a partialError is ignored.
func ask(ctx context.Context, source KeySource) (*KeySet, error) {
	set, err := source.Keys(ctx)
	var partial *partialError
	switch {
	case err != nil && !errors.As(err, &partial):
		return nil, err
	case err == nil && set == nil:
		return nil, errors.New("the key source returned neither keys nor an error")
	case err == nil && set.Len() == 0:
		return nil, &emptyError{set.noUsableKey()}
	case set == nil || set.Len() == 0:
		return nil, partial.err
	}
	return set, err
}

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
// what was found instead of a key set; it holds nothing of the body.
func (s HTTPKeySource) Keys(ctx context.Context) (*KeySet, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	return fetchKeySet(ctx, s.URL, s.Client, s.Header)
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
	case err != nil:
		return fmt.Errorf("%s is not a URL: %w", field, err.(*url.Error).Err)
	case u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "":
		return fmt.Errorf("%s is not an address such as https://tenant.example.com/.well-known/jwks.json", field)
	case u.User != nil:
		return fmt.Errorf("%s holds a user name or password: use Header or Client to authenticate", field)
	case strings.Contains(raw, "#"):
		return fmt.Errorf("%s has a fragment (#…): remove it", field)
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		return fmt.Errorf("%s is %s: use https; http is for localhost, 127.0.0.0/8 and ::1 only", field, quoted(shownURL(u), 100))
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
			return nil, fmt.Errorf("%s: the key set %w", answer.name, err)
		}
		set.origin = origin{url: address, etag: validETag(answer.header.Get("ETag"))}
	}
	if hint, ok := freshFor(answer.header); ok {
		set.refreshAfter = hint
	}
	return set, nil
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

	// A copy of the client, so that a cookie jar or a redirect policy has no say.
	once := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	if client != nil {
		once.Transport, once.Timeout = client.Transport, client.Timeout
	}
	if once.Transport == nil {
		once.Transport = &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
			ForceAttemptHTTP2:      true,
			DisableKeepAlives:      true, // an idle connection is a goroutine that nobody closes
			MaxResponseHeaderBytes: maxResponseHeaderBytes,
		}
	}
	response, err := once.Do(request)
	if err != nil {
		// url.Error shows the whole address.
		var withURL *url.Error
		if errors.As(err, &withURL) {
			err = withURL.Err
		}
		return nil, fmt.Errorf("%s: %w", name, err)
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
		return nil, fmt.Errorf("%s: got Content-Encoding %s, want none or what the transport decodes", name, quoted(response.Header.Get("Content-Encoding"), 64))
	case response.ContentLength > maxKeySetBytes:
		return nil, fmt.Errorf("%s: the answer is larger than %d bytes", name, maxKeySetBytes)
	}
	answer.body, err = io.ReadAll(io.LimitReader(response.Body, maxKeySetBytes+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: reading the answer: %w", name, err)
	case len(answer.body) > maxKeySetBytes:
		return nil, fmt.Errorf("%s: the answer is larger than %d bytes", name, maxKeySetBytes)
	}
	return answer, nil
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

// A retryAfterError carries the server's wish.
type retryAfterError struct {
	error
	after time.Duration
}

func statusError(name string, response *http.Response) error {
	status := response.StatusCode
	var err error = &httpStatusError{name, status}
	switch {
	case 300 <= status && status < 400 && status != http.StatusNotModified:
		return fmt.Errorf("%w: redirects are not followed, set the final URL", err)
	case status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable:
		if after := retryAfter(response.Header.Get("Retry-After")); after > 0 {
			return &retryAfterError{err, after}
		}
	}
	return err
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

// deltaSeconds reads a number of seconds (RFC 9111, section 1.2.2): one that is too
// large to represent counts as a very long time.
func deltaSeconds(text string) (time.Duration, bool) {
	if text == "" || strings.Trim(text, "0123456789") != "" {
		return 0, false
	}
	const century = 100 * 365 * 24 * 3600
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil || seconds > century {
		seconds = century
	}
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
	fresh, found := time.Duration(0), false
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
		if !found || age < fresh {
			fresh, found = age, true
		}
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
	if !sameOrigin(s.Issuer, address) {
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
	r := newJSONReader(string(answer.body), maxJSONDepth, maxJSONMembers)
	for name := range r.object {
		var err error
		switch name {
		case "issuer":
			foundIssuer, err = r.string(name)
		case "jwks_uri":
			address, err = r.string(name)
		default:
			r.skip()
		}
		if err != nil {
			return "", fmt.Errorf("%s: the metadata: %w", answer.name, err)
		}
	}
	if err := r.end(); err != nil {
		return "", fmt.Errorf("%s: the metadata %w", answer.name, err)
	}
	if foundIssuer != s.Issuer {
		return "", fmt.Errorf("%s: issuer is %s, want %s", answer.name, quoted(foundIssuer, 100), quoted(s.Issuer, 100))
	}
	if err := checkURL("jwks_uri", address); err != nil {
		return "", fmt.Errorf("%s: %w", answer.name, err)
	}
	if strings.HasPrefix(strings.ToLower(address), "http:") && strings.HasPrefix(strings.ToLower(s.Issuer), "https:") {
		return "", fmt.Errorf("%s: jwks_uri is http, want https as the issuer", answer.name)
	}
	return address, nil
}

func sameOrigin(a, b string) bool {
	first, err1 := url.Parse(a)
	second, err2 := url.Parse(b)
	return err1 == nil && err2 == nil && first.Scheme == second.Scheme && strings.EqualFold(first.Host, second.Host)
}

// FileKeySource is the path of a file with a JWK Set, a JWK or PEM, as [ParseKeySet]
// takes them: at most 512 KiB, a regular file or a link to one. A [Cache] reads it
// every 10 seconds while tokens come in. Replace the file by writing another beside
// it and renaming that: half a JSON file is an error, and the last good set stays in
// use, but a PEM file cut off between two blocks looks whole.
type FileKeySource string

// How long a file is taken to be unchanged.
const fileRefreshInterval = 10 * time.Second

// Keys reads the file.
func (path FileKeySource) Keys(context.Context) (*KeySet, error) {
	if err := path.check(); err != nil {
		return nil, err
	}
	data, _, err := readRegularFile(string(path))
	if err != nil {
		return nil, err
	}
	set, _, err := parseKeySet(data)
	if err != nil {
		return nil, fmt.Errorf("%s: the key set %w", string(path), err)
	}
	return set.WithRefreshAfter(fileRefreshInterval), nil
}

func (path FileKeySource) check() error {
	if path == "" {
		return errors.New("FileKeySource is empty: set it to the path of a JWK Set, a JWK or PEM")
	}
	return nil
}

// readRegularFile reads a file of at most 512 KiB. Opening a pipe or a device could
// hang, so that only a regular file is opened.
func readRegularFile(path string) ([]byte, os.FileInfo, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, nil, fmt.Errorf("%s is not a regular file (%s)", path, info.Mode().Type())
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer file.Close()
	// Once more on what was opened: the name may mean another file by now.
	if info, err = file.Stat(); err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxKeySetBytes {
		return nil, nil, fmt.Errorf("%s is larger than %d bytes, or not a regular file", path, maxKeySetBytes)
	}
	data, err := io.ReadAll(io.LimitReader(file, maxKeySetBytes+1))
	if err != nil {
		return nil, nil, err
	}
	if len(data) > maxKeySetBytes {
		return nil, nil, fmt.Errorf("%s is larger than %d bytes", path, maxKeySetBytes)
	}
	return data, info, nil
}

// FallbackKeySource asks Primary with half of the time there is and, if that fails,
// Secondary with the rest, such as a file shipped with the program. The Secondary's
// keys serve until Primary answers; they never displace keys of Primary that can
// still be used, and Primary's error stays visible in [Cache.Stats].
type FallbackKeySource struct {
	Primary, Secondary KeySource
}

// Keys returns the set of Primary; or that of Secondary and, beside it, Primary's
// error; or the errors of both.
func (s FallbackKeySource) Keys(ctx context.Context) (*KeySet, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	half, cancel := halfOf(ctx)
	set, err := ask(half, s.Primary)
	cancel()
	if err == nil {
		return set, nil
	}
	second, secondErr := ask(ctx, s.Secondary)
	if secondErr != nil {
		err = fmt.Errorf("%w; and the secondary source: %w", err, secondErr)
	}
	if second == nil {
		second = set // what Primary had beside its error
	}
	if second == nil {
		return nil, err
	}
	return second, &partialError{err}
}

func (s FallbackKeySource) check() error {
	if err := checkInner(s.Primary); err != nil {
		return fmt.Errorf("FallbackKeySource.Primary: %w", err)
	}
	if err := checkInner(s.Secondary); err != nil {
		return fmt.Errorf("FallbackKeySource.Secondary: %w", err)
	}
	return nil
}

func halfOf(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, time.Until(deadline)/2)
}

// StoredKeySource saves each good set of Source in a file, and falls back on the
// file when Source fails: a process that starts while the issuer is down still
// verifies tokens. The copy ages from the time it was saved, so that it never
// prolongs [Cache.MaxStale].
//
// The file can make any key trusted. It is written with mode 0600 and read only if,
// on Unix, it belongs to the process's user or root and nobody else can write it.
// Use one Path per source.
type StoredKeySource struct {
	Source KeySource
	// Path of the file; its directory must exist and be writable.
	Path string
	// OnError, if not nil, is called when the set could not be saved, which
	// changes nothing else. It may be called concurrently.
	OnError func(error)
}

// A clock that was set back must not make a stored set look like one of the future
// for longer than this.
const maxSavedAhead = 5 * time.Minute

// Keys returns the set of Source; or the stored set and, beside it, Source's error;
// or both errors. A set without usable key is neither saved nor replaced by the copy.
func (s StoredKeySource) Keys(ctx context.Context) (*KeySet, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	set, err := ask(ctx, s.Source)
	var empty *emptyError
	switch {
	case err == nil:
		if err := s.save(set); err != nil && s.OnError != nil {
			s.OnError(fmt.Errorf("jwtverify: saving the key set: %w", err))
		}
		return set, nil
	case errors.As(err, &empty):
		return nil, err
	}
	stored, storedErr := s.load()
	if storedErr != nil {
		err = fmt.Errorf("%w; and the stored copy: %w", err, storedErr)
		stored = set // what Source had beside its error
	}
	if stored == nil {
		return nil, err
	}
	return stored, &partialError{err}
}

func (s StoredKeySource) check() error {
	if s.Path == "" {
		return errors.New("StoredKeySource.Path is empty: set it to a file in a directory that only this program can write")
	}
	if err := checkInner(s.Source); err != nil {
		return fmt.Errorf("StoredKeySource.Source: %w", err)
	}
	return nil
}

type storedKeySet struct {
	Keys  []storedKey `json:"keys"`
	Saved string      `json:"saved"`
}

type storedKey struct {
	Type     string `json:"kty"`
	ID       string `json:"kid,omitempty"`
	Modulus  string `json:"n"`
	Exponent string `json:"e"`
}

// save replaces the file as a whole, so that no reader ever sees half of it.
func (s StoredKeySource) save(set *KeySet) (err error) {
	stored := storedKeySet{Saved: time.Now().UTC().Format(time.RFC3339)}
	for key := range set.All() {
		n, e := encodedMembers(key.pub)
		stored.Keys = append(stored.Keys, storedKey{Type: "RSA", ID: key.id, Modulus: n, Exponent: e})
	}
	data, err := json.Marshal(stored)
	if err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(s.Path), filepath.Base(s.Path)+".*.tmp") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			file.Close()
			os.Remove(file.Name())
		}
	}()
	if _, err = file.Write(data); err != nil {
		return err
	}
	if err = file.Sync(); err != nil {
		return err
	}
	if err = file.Close(); err != nil {
		return err
	}
	return os.Rename(file.Name(), s.Path)
}

// load reads the file back, with all the distrust that a key set deserves.
func (s StoredKeySource) load() (*KeySet, error) {
	data, info, err := readRegularFile(s.Path)
	if err != nil {
		return nil, err
	}
	if err := checkOwner(info); err != nil {
		return nil, fmt.Errorf("%s %w", s.Path, err)
	}
	set, saved, err := parseKeySet(data)
	if err != nil {
		return nil, fmt.Errorf("%s %w", s.Path, err)
	}
	savedAt, err := time.Parse(time.RFC3339, saved)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: \"saved\" is %s, want the time when it was saved", s.Path, quoted(saved, 64))
	case savedAt.After(time.Now().Add(maxSavedAhead)):
		return nil, fmt.Errorf("%s was saved in the future, at %s: check the clock", s.Path, saved)
	case set.Len() == 0:
		return nil, fmt.Errorf("%s: %w", s.Path, set.noUsableKey())
	}
	set.origin.savedAt = savedAt
	return set, nil
}
