package issuertest

import (
	"maps"

	"example.com/jwtverify/internal/issuer"
)

// An Option changes what [New] makes. Of several shapes the last counts.
type Option func(*config)

type config = issuer.Config

// WithClaims sets claims of every token, over those of the shape; a nil value takes a
// claim away. Several WithClaims add up.
func WithClaims(claims Claims) Option {
	return func(c *config) {
		all := maps.Clone(c.Claims)
		if all == nil {
			all = Claims{}
		}
		maps.Copy(all, claims)
		c.Claims = all
	}
}

// WithAudience sets whom the tokens are for, in place of "https://api.test".
func WithAudience(audience string) Option {
	return func(c *config) { c.Audience = audience }
}

// WithURL sets where the issuer is, in place of a name that is unique in the process:
// scheme, host, perhaps a port and a path, without final slash. The shape adds its own
// path to it. It is needed for [Issuer.Handler] alone, and to play an issuer whose
// name is fixed in a program: [Issuer.Client] answers for any URL, in memory.
func WithURL(url string) Option {
	return func(c *config) { c.URL, c.OneHost = url, true }
}

// The shapes follow the documents that the vendors publish, as far as these concern
// who verifies a token: the form of the issuer's URL, the documents, the headers and
// the claims. None is all of what the vendor does. Hosts end in .test.

// AuthAction is the default shape: an issuer without final slash, keys at
// /.well-known/jwks.json, tokens by POST /oauth2/m2m/token.
func AuthAction() Option { return shape(issuer.AuthAction()) }

// Auth0 is the shape of Auth0: the issuer ends in a slash, aud is a list that holds
// /userinfo too, the claims have azp, gty, scope and permissions, and the keys x5c and
// x5t.
func Auth0() Option { return shape(issuer.Auth0()) }

// Entra is the shape of Microsoft Entra ID: the issuer ends in /TENANT/v2.0, the keys
// are at /TENANT/discovery/v2.0/keys and have no alg, the claims have ver, tid, oid,
// scp and roles, and the header x5t.
func Entra() Option { return shape(issuer.Entra()) }

// Cognito is the shape of Amazon Cognito: the issuer ends in /REGION_POOL, and access
// tokens have token_use and client_id, but no aud, unless a resource was asked for
// (give Token an aud). [Issuer.Config] sets AudienceClaim to "client_id", which holds
// the audience, and the bad tokens about aud change that claim.
//
// An ID token of the same client has the client as aud, and only token_use tells it
// from an access token: that is for your program to check.
func Cognito() Option { return shape(issuer.Cognito()) }

// Keycloak is the shape of Keycloak: the issuer ends in /realms/REALM, aud is a list
// (Keycloak writes a text where there is one alone), the claims have typ "Bearer", azp
// and realm_access, and an RSA-OAEP key for encryption stands beside the others.
func Keycloak() Option { return shape(issuer.Keycloak()) }

// Okta is the shape of Okta: the issuer ends in /oauth2/default, scp is a list, the
// claims have cid and uid.
func Okta() Option { return shape(issuer.Okta()) }

// Google is the shape of Google's ID tokens, since its access tokens are opaque: the
// claims have azp and email; the keys are at another host, unless [WithURL] says where
// the issuer is, and have a long max-age. There is no token endpoint.
func Google() Option { return shape(issuer.Google()) }

// RFC9068 is the shape of RFC 9068: typ "at+jwt", claims client_id, jti and auth_time.
// [Issuer.Config] demands the typ, as section 4 does, and the metadata are at the
// address of RFC 8414 too.
func RFC9068() Option { return shape(issuer.RFC9068()) }

func shape(s issuer.Shape) Option {
	return func(c *config) { c.Shape = s }
}
