package jwtverify

import (
	"context"
	"net/http"
	"time"

	"example.com/jwtverify/internal/clock"
	"example.com/jwtverify/internal/fetch"
	"example.com/jwtverify/internal/jwk"
	"example.com/jwtverify/internal/metadata"
	"example.com/jwtverify/internal/notkeys"
	"example.com/jwtverify/internal/settings"
)

// HTTPKeySource fetches a JWK Set over HTTPS. It follows no redirect, sends no
// cookie, and reads at most 512 KiB. The response's Cache-Control max-age, bounded
// to 1 to 15 minutes, tells the [Cache] when to ask again, and its ETag makes the
// next request conditional. Each request opens its own connection, so that none
// stays open.
type HTTPKeySource struct {
	// URL is the final address of the set, such as
	// "https://tenant.example.com/.well-known/jwks.json". Plain http is accepted
	// only for localhost, 127.0.0.0/8 and ::1.
	URL string

	// Client provides the Transport (for a proxy, a private CA, a header that
	// changes) and a Timeout, if that is shorter than the Cache's. Everything
	// else in it is ignored. nil, or a nil Transport, means a transport with TLS
	// 1.2 or newer and the proxy settings of the environment.
	Client *http.Client

	// Header is added to each request, such as an Authorization.
	Header http.Header
}

// Keys fetches the set. The error names the address without its query, and says what
// was found instead of a key set. It quotes at most a name or a kid from the body.
func (s HTTPKeySource) Keys(ctx context.Context) (*KeySet, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	return fetchKeySet(neverNil(ctx), origin{url: s.URL}, s.Client, s.Header)
}

func (s HTTPKeySource) name() string { return fetch.Name(s.URL) }

func (s HTTPKeySource) check() error { return settings.Address("HTTPKeySource.URL", s.URL) }

// fetchKeySet fetches the set at the url of an origin. If the set in use came from
// that url, the request is conditional.
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
		if set, err = parseKeySet(answer.Body, jwk.ParseJSON); err != nil {
			return nil, notkeys.From(answer.Request, answer.Header, answer.Body, err)
		}
	}
	if hint, ok := answer.FreshFor(); ok {
		from.refreshAfter = max(hint, minFreshFor)
	} else if answer.NotModified {
		from.refreshAfter = held.origin.refreshAfter
	}
	return set.withOrigin(from), nil
}

// A shorter max-age is raised to this. 0 is common, and would mean a fetch for each
// token.
const minFreshFor = time.Minute

// DiscoveryKeySource finds the key set through the issuer's metadata: OpenID Connect
// Discovery 1.0 (/.well-known/openid-configuration) or, if that is not found, RFC
// 8414. The metadata must name exactly this Issuer. It is read again once a day,
// after a failure, and when a kid is unknown.
type DiscoveryKeySource struct {
	// Issuer is the issuer's https URL, as in Config.Issuer.
	Issuer string
	// Client is as in [HTTPKeySource].
	Client *http.Client
	// Header is added only to requests to the Issuer's own scheme, host and
	// port: the metadata cannot send it elsewhere.
	Header http.Header
}

// How long a jwks_uri is used before the metadata is read again.
const maxMetadataAge = 24 * time.Hour

// Keys reads the metadata and fetches the set that it names.
func (s DiscoveryKeySource) Keys(ctx context.Context) (*KeySet, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	ctx = neverNil(ctx)
	held := heldSetOf(ctx)
	from := origin{issuer: s.Issuer, discoveredAt: time.Now()}
	if set := held.set; set != nil && !held.failed && set.origin.issuer == s.Issuer && clock.Since(time.Now(), set.origin.discoveredAt) < maxMetadataAge {
		from.url, from.tokenIssuer, from.discoveredAt = set.origin.url, set.origin.tokenIssuer, set.origin.discoveredAt
	} else {
		found, err := metadata.Find(ctx, s.Issuer, fetch.Request{Client: s.Client, Header: s.Header, Limit: maxKeySetBytes})
		if err != nil {
			return nil, err
		}
		from.url, from.tokenIssuer = found.KeysURI, found.TokenIssuer
	}
	if fetch.SameOrigin(from.url, s.Issuer) {
		return fetchKeySet(ctx, from, s.Client, s.Header)
	}
	set, err := fetchKeySet(ctx, from, s.Client, nil)
	if err != nil && len(s.Header) > 0 {
		err = notkeys.HeldBack(err)
	}
	return set, err
}

func (s DiscoveryKeySource) name() string { return "issuer " + s.Issuer }

func (s DiscoveryKeySource) check() error {
	return settings.MetadataIssuer("DiscoveryKeySource.Issuer", s.Issuer)
}
