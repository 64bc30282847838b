package jwtverify

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"example.com/jwtverify/internal/charset"
	"example.com/jwtverify/internal/fetch"
	"example.com/jwtverify/internal/quote"
	"example.com/jwtverify/internal/settings"
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
	return fetchKeySet(neverNil(ctx), origin{url: s.URL}, s.Client, s.Header)
}

func (s HTTPKeySource) name() string { return fetch.Name(s.URL) }

func (s HTTPKeySource) check() error { return settings.Address("HTTPKeySource.URL", s.URL) }

// fetchKeySet gets the set at the url of an origin. The set in use, if it came from
// there, makes the request conditional.
func fetchKeySet(ctx context.Context, from origin, client *http.Client, header http.Header) (*KeySet, error) {
	request := fetch.Request{URL: from.url, Client: client, Header: header, Limit: maxKeySetBytes}
	held := heldSetOf(ctx).set
	if held != nil && held.origin.url == from.url {
		request.ETag = held.origin.etag
	}
	answer, err := fetch.Get(ctx, request)
	if err != nil {
		return nil, err
	}
	set := held
	from.age = answer.Age()
	if from.etag = request.ETag; !answer.NotModified {
		from.etag = answer.ETag()
		if set, err = parseKeySet(answer.Body); err == nil && set.thumbprints {
			err = errors.New("is PEM, which is taken from a file: want a JWK Set or a JWK")
		}
		if err != nil {
			if strings.HasPrefix(answer.Header.Get("Content-Type"), "text/html") {
				err = errors.New("is not one: got HTML, not a key set; check the address")
			}
			found := fmt.Sprintf("%s, %d bytes: it %v", answer.MediaType(), len(answer.Body), err)
			return nil, &codedError{"keys-not-json", found, fmt.Errorf("%s: the key set %w", answer.Request, err)}
		}
	}
	if hint, ok := answer.FreshFor(); ok {
		from.refreshAfter = max(hint, minFreshFor)
	} else if answer.NotModified {
		from.refreshAfter = held.origin.refreshAfter
	}
	return set.withOrigin(from), nil
}

// The least that a max-age counts for: 0 is common, and no good time between two looks at
// the keys.
const minFreshFor = time.Minute

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
	from := origin{issuer: s.Issuer, discoveredAt: time.Now()}
	if set := held.set; set != nil && !held.failed && set.origin.issuer == s.Issuer && since(time.Now(), set.origin.discoveredAt) < maxMetadataAge {
		from.url, from.discoveredAt = set.origin.url, set.origin.discoveredAt
	} else {
		var err error
		if from.url, err = s.discover(ctx); err != nil {
			return nil, err
		}
	}
	header := s.Header
	if !fetch.SameOrigin(from.url, s.Issuer) {
		header = nil
	}
	return fetchKeySet(ctx, from, s.Client, header)
}

func (s DiscoveryKeySource) name() string { return "issuer " + s.Issuer }

func (s DiscoveryKeySource) check() error {
	return settings.MetadataIssuer("DiscoveryKeySource.Issuer", s.Issuer)
}

// discover returns the jwks_uri of the issuer's metadata.
func (s DiscoveryKeySource) discover(ctx context.Context) (string, error) {
	issuer := strings.TrimSuffix(s.Issuer, "/")
	request := fetch.Request{
		URL:    issuer + "/.well-known/openid-configuration",
		Client: s.Client,
		Header: s.Header,
		Limit:  maxKeySetBytes,
	}
	answer, err := fetch.Get(ctx, request)
	var refused *fetch.Refused
	if errors.As(err, &refused) && refused.Status == http.StatusNotFound {
		// RFC 8414, section 3.1: between the host and the path.
		u, _ := url.Parse(issuer)
		u.Path, u.RawPath = "/.well-known/oauth-authorization-server"+u.Path, ""
		request.URL = u.String()
		answer, err = fetch.Get(ctx, request)
	}
	if err != nil {
		return "", err
	}
	var foundIssuer, address string
	text, flaw := charset.Decode(answer.Body)
	if flaw != "" {
		return "", badMetadata(answer, errors.New("the metadata "+flaw))
	}
	var r strictjson.Reader
	r.Begin(text, strictjson.Usual)
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
	if err := fetch.CheckURL("jwks_uri", address); err != nil {
		return "", badMetadata(answer, err)
	}
	if strings.HasPrefix(strings.ToLower(address), "http:") && strings.HasPrefix(strings.ToLower(s.Issuer), "https:") {
		return "", badMetadata(answer, errors.New("jwks_uri is http, want https as the issuer"))
	}
	return address, nil
}

func badMetadata(answer *fetch.Answer, err error) error {
	return &codedError{"keys-not-json", "metadata that cannot be used: " + err.Error(), fmt.Errorf("%s: %w", answer.Request, err)}
}
