package issuer

import "crypto/rsa"

// A Shape is the form of an issuer's URLs, documents, headers and claims, as its
// vendor documents them. It is a value; the zero Shape is AuthAction. No shape
// is complete.
type Shape struct {
	name string

	issuerPath       string // added to Config.URL; the sum is the iss
	keysHost         string // in front of the host of the keys
	keysPath         string
	keysCacheControl string
	tokenPath        string // empty: no token endpoint
	oauthMetadata    bool   // beside the metadata of OpenID Connect those of RFC 8414

	encryptionAlg string
	bareKeys      bool                                                      // published without alg
	dress         func(key *jwk, private *rsa.PrivateKey, iss string) error // changes a published key

	typ          string // of every header; empty: none
	thumbprint   bool   // x5t in every header
	claims       func(iss *Issuer, claims Claims)
	clientClaim  string // holds the id of the client
	clientSuffix string // of a client's id in sub
	scopeClaim   string
	scopeIsList  bool

	// What the Config of a verifier must say.
	requiredType  string
	audienceClaim string
}

// AuthAction is the default: an issuer without final slash.
func AuthAction() Shape {
	return Shape{
		name:          "AuthAction",
		keysPath:      KeysPath,
		tokenPath:     TokenPath,
		encryptionAlg: "RSA-OAEP-256",
		typ:           "JWT",
		clientClaim:   "client_id",
		scopeClaim:    "scope",
	}
}

// Auth0 has an issuer that ends in a slash, the client in azp, an aud that is a list,
// and keys with certificates.
func Auth0() Shape {
	return Shape{
		name:          "Auth0",
		issuerPath:    "/",
		keysPath:      "/.well-known/jwks.json",
		tokenPath:     "/oauth/token",
		encryptionAlg: "RSA-OAEP-256",
		dress: func(key *jwk, private *rsa.PrivateKey, _ string) error {
			err := key.certify(private)
			key.X5t256 = ""
			return err
		},
		typ: "JWT",
		claims: func(iss *Issuer, claims Claims) {
			claims["sub"] = "m2m@clients"
			claims["aud"] = []string{iss.config.Audience, iss.config.URL + "/userinfo"}
			claims["azp"] = "m2m"
			claims["gty"] = "client-credentials"
			claims["scope"] = "openid read:orders"
			claims["permissions"] = []string{"read:orders"}
			delete(claims, "client_id")
			delete(claims, "jti")
		},
		clientClaim:  "azp",
		clientSuffix: "@clients",
		scopeClaim:   "scope",
	}
}

// entraTenant and the like are invented.
const (
	entraTenant = "0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d"
	entraObject = "5d4c3b2a-1f0e-4d9c-8b7a-6f5e4d3c2b1a"
)

// Entra has the tenant in its URLs and claims, keys without alg, and a kid that is
// the thumbprint of a certificate. The header repeats it as x5t, as that of version
// 1.0 tokens does.
func Entra() Shape {
	return Shape{
		name:       "Entra",
		issuerPath: "/" + entraTenant + "/v2.0",
		keysPath:   "/" + entraTenant + "/discovery/v2.0/keys",
		tokenPath:  "/" + entraTenant + "/oauth2/v2.0/token",
		bareKeys:   true,
		dress: func(key *jwk, private *rsa.PrivateKey, iss string) error {
			err := key.certify(private)
			key.Kid, key.X5t256 = key.X5t, ""
			key.Issuer = iss
			return err
		},
		typ:        "JWT",
		thumbprint: true,
		claims: func(iss *Issuer, claims Claims) {
			claims["nbf"] = claims["iat"]
			claims["sub"] = entraObject
			claims["oid"] = entraObject
			claims["tid"] = entraTenant
			claims["azp"] = "m2m"
			claims["azpacr"] = "1"
			claims["scp"] = "access_as_user"
			claims["roles"] = []string{"Orders.Read"}
			claims["uti"] = claims["jti"]
			claims["ver"] = "2.0"
			delete(claims, "client_id")
			delete(claims, "jti")
		},
		clientClaim: "azp",
		scopeClaim:  "scp",
	}
}

const cognitoPool = "/us-east-1_Example01"

// Cognito has access tokens without aud, unless a resource was requested: client_id
// is checked in its place.
func Cognito() Shape {
	return Shape{
		name:          "Cognito",
		issuerPath:    cognitoPool,
		keysPath:      cognitoPool + "/.well-known/jwks.json",
		tokenPath:     "/oauth2/token",
		encryptionAlg: "RSA-OAEP-256",
		claims: func(iss *Issuer, claims Claims) {
			claims["client_id"] = iss.config.Audience
			claims["sub"] = "7c6b5a49-3827-4615-8f4e-3d2c1b0a9f8e"
			claims["username"] = claims["sub"]
			claims["token_use"] = "access"
			claims["scope"] = "orders/read"
			claims["auth_time"] = claims["iat"]
			claims["version"] = 2
			delete(claims, "aud")
		},
		clientClaim:   "client_id",
		scopeClaim:    "scope",
		audienceClaim: "client_id",
	}
}

const keycloakRealm = "/realms/test"

// Keycloak has a realm in its URLs, roles in claims, a claim typ, and an aud that is
// a list if there are at least two.
func Keycloak() Shape {
	return Shape{
		name:          "Keycloak",
		issuerPath:    keycloakRealm,
		keysPath:      keycloakRealm + "/protocol/openid-connect/certs",
		tokenPath:     keycloakRealm + "/protocol/openid-connect/token",
		encryptionAlg: "RSA-OAEP",
		dress: func(key *jwk, private *rsa.PrivateKey, _ string) error {
			return key.certify(private)
		},
		typ: "JWT",
		claims: func(iss *Issuer, claims Claims) {
			claims["aud"] = []string{iss.config.Audience, "account"}
			claims["sub"] = "f6e5d4c3-b2a1-4098-8765-43210fedcba9"
			claims["typ"] = "Bearer"
			claims["azp"] = "m2m"
			claims["acr"] = "1"
			claims["realm_access"] = map[string]any{"roles": []string{"offline_access", "default-roles-test"}}
			claims["resource_access"] = map[string]any{"account": map[string]any{"roles": []string{"view-profile"}}}
			claims["scope"] = "email profile"
			claims["email_verified"] = false
			claims["preferred_username"] = "service-account-m2m"
		},
		clientClaim: "client_id",
		scopeClaim:  "scope",
	}
}

// Okta has an authorization server in its URLs, the client in cid, and scopes as a
// list.
func Okta() Shape {
	return Shape{
		name:          "Okta",
		issuerPath:    "/oauth2/default",
		keysPath:      "/oauth2/default/v1/keys",
		tokenPath:     "/oauth2/default/v1/token",
		encryptionAlg: "RSA-OAEP-256",
		claims: func(iss *Issuer, claims Claims) {
			claims["ver"] = 1
			claims["jti"] = "AT." + claims["jti"].(string)
			claims["sub"] = "jo@mail.test"
			claims["cid"] = "m2m"
			claims["uid"] = "00u1a2b3c4d5e6f7g8h9"
			claims["scp"] = []string{"openid", "orders.read"}
			claims["auth_time"] = claims["iat"]
			delete(claims, "client_id")
		},
		clientClaim: "cid",
		scopeClaim:  "scp",
		scopeIsList: true,
	}
}

// Google has ID tokens only, since its access tokens are opaque, and its keys at
// another host with a long max-age.
func Google() Shape {
	return Shape{
		name:             "Google",
		keysHost:         "keys",
		keysPath:         "/oauth2/v3/certs",
		keysCacheControl: "public, max-age=21600, must-revalidate, no-transform",
		encryptionAlg:    "RSA-OAEP-256",
		typ:              "JWT",
		claims: func(iss *Issuer, claims Claims) {
			claims["azp"] = iss.config.Audience
			claims["sub"] = "110248495921238986420"
			claims["email"] = "jo@mail.test"
			claims["email_verified"] = true
			claims["name"] = "Jo Example"
			delete(claims, "client_id")
			delete(claims, "jti")
		},
	}
}

// RFC9068 is an issuer that follows RFC 9068: at+jwt, which a verifier must require
// (section 4).
func RFC9068() Shape {
	return Shape{
		name:          "RFC9068",
		keysPath:      "/jwks",
		tokenPath:     "/token",
		oauthMetadata: true,
		encryptionAlg: "RSA-OAEP-256",
		typ:           "at+jwt",
		claims: func(iss *Issuer, claims Claims) {
			claims["auth_time"] = claims["iat"]
		},
		clientClaim:  "client_id",
		scopeClaim:   "scope",
		requiredType: "at+jwt",
	}
}
