package issuertest

import (
	"maps"

	"example.com/jwtverify/internal/issuer"
)

// An Option changes what [New] makes. Of several shapes the last one is used.
type Option func(*config)

type config = issuer.Config

// WithClaims sets claims of every token and replaces those of the shape; a nil value
// removes a claim. Several WithClaims add up.
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

// WithAudience sets the audience of the tokens, in place of "https://api.test".
func WithAudience(audience string) Option {
	return func(c *config) { c.Audience = audience }
}

// WithURL sets the URL of the issuer, in place of one that is unique in the process:
// scheme, host, perhaps a port and a path, without final slash. The shape adds its own
// path. It is needed only for [Issuer.Handler], and for a program in which the
// issuer's name is fixed: [Issuer.Client] answers for any URL, in memory.
func WithURL(url string) Option {
	return func(c *config) { c.URL, c.OneHost = url, true }
}

// The shapes follow what the vendors document for verifiers of their tokens: the
// form of the issuer's URL, the metadata and key documents, the headers and the
// claims. No shape is complete. Hosts end in .test.

// AuthAction is the default shape: an issuer without final slash, keys at
// /.well-known/jwks.json, tokens from POST /oauth2/m2m/token.
func AuthAction() Option { return shape(issuer.AuthAction()) }

// Auth0 is the shape of Auth0: the issuer ends in a slash, aud is a list that also
// holds /userinfo, the claims have azp, gty, scope and permissions, and the keys have
// x5c and x5t.
func Auth0() Option { return shape(issuer.Auth0()) }

// Entra is the shape of Microsoft Entra ID: the issuer ends in /TENANT/v2.0, the keys
// are at /TENANT/discovery/v2.0/keys and have no alg, the claims have ver, tid, oid,
// scp and roles, and the header has x5t.
func Entra() Option { return shape(issuer.Entra()) }

// Cognito is the shape of Amazon Cognito: the issuer ends in /REGION_POOL, and access
// tokens have token_use and client_id. They have no aud, unless the client requested
// a resource (give Token an aud). [Issuer.Config] sets AudienceClaim to "client_id",
// which holds the audience, and the bad tokens about aud change that claim.
//
// An ID token of the same client has the client as aud. Only token_use
// distinguishes it from an access token, and your program must check that.
func Cognito() Option { return shape(issuer.Cognito()) }

// Keycloak is the shape of Keycloak: the issuer ends in /realms/REALM, aud is a list
// (Keycloak writes a string if there is only one), the claims have typ "Bearer", azp
// and realm_access, and one of the keys is an RSA-OAEP key for encryption.
func Keycloak() Option { return shape(issuer.Keycloak()) }

// Okta is the shape of Okta: the issuer ends in /oauth2/default, scp is a list, the
// claims have cid and uid.
func Okta() Option { return shape(issuer.Okta()) }

// Google is the shape of Google's ID tokens, since its access tokens are opaque. The
// claims have azp and email. The keys are at another host, unless [WithURL] is used,
// and have a long max-age. There is no token endpoint.
func Google() Option { return shape(issuer.Google()) }

// RFC9068 is the shape of RFC 9068: typ "at+jwt", claims client_id, jti and auth_time.
// [Issuer.Config] requires the typ, as section 4 does, and the metadata are also at
// the address of RFC 8414.
func RFC9068() Option { return shape(issuer.RFC9068()) }

func shape(s issuer.Shape) Option {
	return func(c *config) { c.Shape = s }
}
