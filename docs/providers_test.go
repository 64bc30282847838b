package docs_test

import (
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"log"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"example.com/jwtverify"
)

// A provider is one section of docs/issuers.md: its Config, and a token as the
// provider's documentation shows it. No network is asked: the documents are served in
// memory, under their real addresses.
type provider struct {
	config    func() jwtverify.Config
	documents map[string]any // what a GET of the address returns, as JSON
	header    map[string]any
	claims    map[string]any // exp, iat and nbf are set to about now, if they are there
	refused   map[string]refusal
}

// A refusal is a token that differs from the documented one, and why it is refused.
type refusal struct {
	header, claims map[string]any // changes; a nil value deletes
	want           error
}

// documentedToken is a token as the provider documents it, valid for some minutes.
func documentedToken(name string) string {
	tb := new(testing.T) // for the shared keys; a failure shows as a token that is refused
	return providers(tb)[name].token(tb, refusal{})
}

func (p provider) token(tb testing.TB, r refusal) string {
	claims := changed(p.claims, r.claims)
	for name, age := range map[string]time.Duration{"iat": -time.Minute, "nbf": -time.Minute, "auth_time": -time.Minute, "exp": 5 * time.Minute} {
		if _, ok := claims[name]; ok {
			claims[name] = time.Now().Add(age).Unix()
		}
	}
	return sign(tb, 0, changed(p.header, r.header), claims)
}

// inMemory returns the Config with a Client that finds the documents of all providers,
// and nothing else.
func inMemory(config jwtverify.Config) jwtverify.Config {
	config.Keys = inMemorySource(config.Keys)
	return config
}

func inMemorySource(source jwtverify.KeySource) jwtverify.KeySource {
	client := &http.Client{Transport: transportFunc(func(r *http.Request) (*http.Response, error) {
		tb := new(testing.T)
		for _, p := range providers(tb) {
			if document, ok := p.documents[r.URL.String()]; ok {
				return jsonResponse(marshal(tb, document)), nil
			}
		}
		return nil, fmt.Errorf("no provider documents %s", r.URL)
	})}
	switch keys := source.(type) {
	case jwtverify.HTTPKeySource:
		if keys.Client == nil {
			keys.Client = client
		}
		return keys
	case jwtverify.DiscoveryKeySource:
		keys.Client = client
		return keys
	case *jwtverify.Cache:
		keys.Source = inMemorySource(keys.Source)
		return keys
	}
	return source
}

// certified are the members of keys that come with their certificate.
var certified = map[string]any{"x5c": []string{"MIIDBTCCAe2gAwIBAgIQ"}, "x5t": "jS1Xo1OWDj_52vbwGNgvQO2VzMc"}

// What these rows say of a provider is from its own documentation, or from its source
// where that says more; docs/issuers.md has the links.
func providers(tb testing.TB) map[string]provider {
	const (
		tenant = "8eaef023-2b34-4da1-9baa-8bc8c9d6a490"
		pool   = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_aB3dEfGhI"
		realm  = "https://id.example.com/realms/shop"
		github = "https://token.actions.githubusercontent.com"
	)
	none := map[string]any{}
	return map[string]provider{
		"AuthAction": {
			config: func() jwtverify.Config {
				domain := os.Getenv("AUTHACTION_DOMAIN") // such as tenant.eu.authaction.com
				config := jwtverify.Config{
					Issuer:    "https://" + domain,
					Audiences: []string{os.Getenv("AUTHACTION_AUDIENCE")},
					Keys:      jwtverify.HTTPKeySource{URL: "https://" + domain + "/.well-known/jwks.json"},
				}
				return config
			},
			documents: map[string]any{
				"https://tenant.eu.authaction.com/.well-known/jwks.json": keySet(published(tb, 0, "authaction-1", none), published(tb, 1, "authaction-2", none)),
			},
			header: map[string]any{"alg": "RS256", "typ": "JWT", "kid": "authaction-1"},
			claims: map[string]any{
				"iss": "https://tenant.eu.authaction.com", "sub": "client-id@clients", "aud": "https://api.example.com", "iat": 0, "exp": 0,
			},
			refused: map[string]refusal{
				"the issuer with a final slash": {none, map[string]any{"iss": "https://tenant.eu.authaction.com/"}, jwtverify.ErrIssuer},
				"another tenant":                {none, map[string]any{"iss": "https://tenant2.eu.authaction.com"}, jwtverify.ErrIssuer},
				"another API":                   {none, map[string]any{"aud": "https://billing.example.com"}, jwtverify.ErrAudience},
				"no aud":                        {none, map[string]any{"aud": nil}, jwtverify.ErrAudience},
				"the other key":                 {map[string]any{"kid": "authaction-2"}, none, jwtverify.ErrSignature},
			},
		},
		"Auth0": {
			config: func() jwtverify.Config {
				config := jwtverify.Config{
					Issuer:    "https://tenant.eu.auth0.com/", // with the final slash
					Audiences: []string{"https://api.example.com"},
					Keys:      jwtverify.HTTPKeySource{URL: "https://tenant.eu.auth0.com/.well-known/jwks.json"},
				}
				return config
			},
			documents: map[string]any{
				"https://tenant.eu.auth0.com/.well-known/jwks.json": keySet(published(tb, 0, "NjVBRjY5MDlCMUIwNzU4RTA2QzZFMDQ4QzQ2MDAyQjVDNjk1RTM2Qg", certified)),
			},
			header: map[string]any{"alg": "RS256", "typ": "JWT", "kid": "NjVBRjY5MDlCMUIwNzU4RTA2QzZFMDQ4QzQ2MDAyQjVDNjk1RTM2Qg"},
			claims: map[string]any{
				"iss": "https://tenant.eu.auth0.com/", "sub": "auth0|6553da60a54af58e29493993",
				"aud": []string{"https://api.example.com", "https://tenant.eu.auth0.com/userinfo"},
				"iat": 0, "exp": 0, "azp": "K1AUPhZq8mRi0Q0pjhkfu1D7y6KjDQja", "scope": "openid orders:read", "permissions": []string{"orders:read"},
			},
			refused: map[string]refusal{
				"the issuer without its final slash": {none, map[string]any{"iss": "https://tenant.eu.auth0.com"}, jwtverify.ErrIssuer},
				"an ID token":                        {none, map[string]any{"aud": "K1AUPhZq8mRi0Q0pjhkfu1D7y6KjDQja", "nonce": "n"}, jwtverify.ErrAudience},
				"a token for userinfo alone":         {none, map[string]any{"aud": "https://tenant.eu.auth0.com/userinfo"}, jwtverify.ErrAudience},
				"HS256, an API's other setting":      {map[string]any{"alg": "HS256"}, none, jwtverify.ErrUnsupported},
			},
		},
		"Okta": {
			config: func() jwtverify.Config {
				config := jwtverify.Config{
					Issuer:    "https://dev-123456.okta.com/oauth2/default",
					Audiences: []string{"api://default"},
					Keys:      jwtverify.DiscoveryKeySource{Issuer: "https://dev-123456.okta.com/oauth2/default"},
				}
				return config
			},
			documents: map[string]any{
				"https://dev-123456.okta.com/oauth2/default/.well-known/openid-configuration": map[string]any{
					"issuer": "https://dev-123456.okta.com/oauth2/default", "jwks_uri": "https://dev-123456.okta.com/oauth2/default/v1/keys",
				},
				"https://dev-123456.okta.com/oauth2/default/v1/keys": keySet(published(tb, 0, "45js03w0djwedsw", none)),
			},
			header: map[string]any{"alg": "RS256", "kid": "45js03w0djwedsw"},
			claims: map[string]any{
				"ver": 1, "jti": "AT.0mP4JKAZX1iACIT4vbEDF7LpvDVjxypPMf0D7uX39RE", "iss": "https://dev-123456.okta.com/oauth2/default", "aud": "api://default",
				"sub": "user@example.com", "iat": 0, "exp": 0, "cid": "nmdP1fcyvdVO11AL7ECm", "uid": "00ujmkLgagxeRrAg20g3", "scp": []string{"openid", "orders:read"},
			},
			refused: map[string]refusal{
				"of the org authorization server": {none, map[string]any{"iss": "https://dev-123456.okta.com", "aud": "https://dev-123456.okta.com"}, jwtverify.ErrIssuer},
				"an ID token":                     {none, map[string]any{"aud": "nmdP1fcyvdVO11AL7ECm"}, jwtverify.ErrAudience},
			},
		},
		"Entra": {
			config: func() jwtverify.Config {
				const tenant = "8eaef023-2b34-4da1-9baa-8bc8c9d6a490"
				config := jwtverify.Config{
					Issuer:    "https://login.microsoftonline.com/" + tenant + "/v2.0",
					Audiences: []string{"6e74172b-be56-4843-9ff4-e66a39bb12e3"}, // the API's client id
					Keys:      jwtverify.HTTPKeySource{URL: "https://login.microsoftonline.com/" + tenant + "/discovery/v2.0/keys"},
					Check:     all(has(tenant, "tid"), present("azp")), // no ID tokens
				}
				return config
			},
			documents: map[string]any{
				// Without alg, and each with the issuer whose tokens it is for.
				"https://login.microsoftonline.com/" + tenant + "/discovery/v2.0/keys": keySet(
					published(tb, 0, "iBjL1Rcqzhiy4fpxIxdZqohM2Yk", map[string]any{"alg": nil, "x5t": "iBjL1Rcqzhiy4fpxIxdZqohM2Yk", "issuer": "https://login.microsoftonline.com/" + tenant + "/v2.0"}),
				),
				"https://login.microsoftonline.com/" + tenant + "/discovery/keys": keySet(published(tb, 0, "iBjL1Rcqzhiy4fpxIxdZqohM2Yk", none)),
			},
			header: map[string]any{"alg": "RS256", "typ": "JWT", "kid": "iBjL1Rcqzhiy4fpxIxdZqohM2Yk"},
			claims: map[string]any{
				"aud": "6e74172b-be56-4843-9ff4-e66a39bb12e3", "iss": "https://login.microsoftonline.com/" + tenant + "/v2.0", "iat": 0, "nbf": 0, "exp": 0,
				"aio": "AXQAi/8IAAAAtAaZ", "azp": "5a7f4a6c-9d1f-4e9e-8e2b-0a1b2c3d4e5f", "azpacr": "1", "oid": "690222be-ff1a-4d56-abd1-7e4f7d38e474",
				"rh": "I", "roles": []string{"orders.read"}, "sub": "HKZpfaHyWadeOouYlitjrI-KffTm222X5rrV3xDqfKQ", "tid": tenant, "uti": "fqiBqXLPj0eQa82S-IYFAA", "ver": "2.0",
			},
			refused: map[string]refusal{
				"a v1.0 token":                {map[string]any{"x5t": "iBjL1Rcqzhiy4fpxIxdZqohM2Yk"}, map[string]any{"iss": "https://sts.windows.net/" + tenant + "/", "aud": "api://orders", "ver": "1.0", "azp": nil, "appid": "5a7f4a6c-9d1f-4e9e-8e2b-0a1b2c3d4e5f"}, jwtverify.ErrIssuer},
				"another tenant":              {none, map[string]any{"iss": "https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0"}, jwtverify.ErrIssuer},
				"the template of all tenants": {none, map[string]any{"iss": "https://login.microsoftonline.com/{tenantid}/v2.0"}, jwtverify.ErrIssuer},
				"an ID token of the same app": {none, map[string]any{"azp": nil, "azpacr": nil, "nonce": "n"}, jwtverify.ErrClaims},
				"tid of another tenant":       {none, map[string]any{"tid": "9188040d-6c67-4c5b-b112-36a304b66dad"}, jwtverify.ErrClaims},
				"for Microsoft Graph":         {none, map[string]any{"aud": "00000003-0000-0000-c000-000000000000"}, jwtverify.ErrAudience},
				"the API's URI as aud":        {none, map[string]any{"aud": "api://6e74172b-be56-4843-9ff4-e66a39bb12e3"}, jwtverify.ErrAudience},
			},
		},
		"AD FS": {
			config: func() jwtverify.Config {
				config := jwtverify.Config{
					Issuer:    "http://adfs.example.com/adfs/services/trust", // only a name, although it is http
					Audiences: []string{"https://api.example.com"},           // the Web API's identifier
					Keys:      jwtverify.HTTPKeySource{URL: "https://adfs.example.com/adfs/discovery/keys"},
					Check:     present("appid"), // no ID tokens
				}
				return config
			},
			documents: map[string]any{
				"https://adfs.example.com/adfs/discovery/keys": keySet(published(tb, 0, "IGm8bU0DFpo3Yl2v0N1xkUr8s2o", map[string]any{"x5t": "IGm8bU0DFpo3Yl2v0N1xkUr8s2o"})),
			},
			header: map[string]any{"typ": "JWT", "alg": "RS256", "x5t": "IGm8bU0DFpo3Yl2v0N1xkUr8s2o"},
			claims: map[string]any{
				"aud": "https://api.example.com", "iss": "http://adfs.example.com/adfs/services/trust", "iat": 0, "nbf": 0, "exp": 0, "sub": "a1B2c3", "apptype": "Confidential",
				"appid": "2954b462-a5de-5af6-83bc-497cc20bddde", "authmethod": "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport", "ver": "1.0", "scp": "openid",
			},
			refused: map[string]refusal{
				"an ID token":           {none, map[string]any{"iss": "https://adfs.example.com/adfs", "aud": "2954b462-a5de-5af6-83bc-497cc20bddde"}, jwtverify.ErrIssuer},
				"one that has no appid": {none, map[string]any{"appid": nil}, jwtverify.ErrClaims},
				"of another Web API":    {none, map[string]any{"aud": "urn:microsoft:userinfo"}, jwtverify.ErrAudience},
			},
		},
		"B2C": {
			config: func() jwtverify.Config {
				const tenant = "775527ff-9a37-4307-8b3d-cc311f58d925"
				config := jwtverify.Config{
					Issuer:    "https://shop.b2clogin.com/" + tenant + "/v2.0/", // with the final slash
					Audiences: []string{"6e74172b-be56-4843-9ff4-e66a39bb12e3"}, // the API's application id
					Keys:      jwtverify.HTTPKeySource{URL: "https://shop.b2clogin.com/shop.onmicrosoft.com/B2C_1_signin/discovery/v2.0/keys"},
					Check:     present("scp"), // no ID tokens
				}
				return config
			},
			documents: map[string]any{
				"https://shop.b2clogin.com/shop.onmicrosoft.com/B2C_1_signin/discovery/v2.0/keys": keySet(published(tb, 0, "X5eXk4xyojNFum1kl2Ytv8dlNP4-c57dO6QGTVBwaNk", map[string]any{"alg": nil})),
			},
			header: map[string]any{"typ": "JWT", "alg": "RS256", "kid": "X5eXk4xyojNFum1kl2Ytv8dlNP4-c57dO6QGTVBwaNk"},
			claims: map[string]any{
				"iss": "https://shop.b2clogin.com/775527ff-9a37-4307-8b3d-cc311f58d925/v2.0/", "exp": 0, "nbf": 0, "iat": 0, "aud": "6e74172b-be56-4843-9ff4-e66a39bb12e3",
				"sub": "884408e1-2918-4cz0-b12d-3aa027d7563b", "tfp": "B2C_1_signin", "scp": "orders.read", "azp": "5a7f4a6c-9d1f-4e9e-8e2b-0a1b2c3d4e5f", "ver": "1.0", "auth_time": 0,
			},
			refused: map[string]refusal{
				"an ID token of the API's own application": {none, map[string]any{"scp": nil, "azp": nil, "nonce": "n"}, jwtverify.ErrClaims},
				"by client credentials":                    {none, map[string]any{"scp": "app.read app.write", "tfp": nil, "auth_time": nil}, nil},
				"the issuer with the policy in it":         {none, map[string]any{"iss": "https://shop.b2clogin.com/tfp/775527ff-9a37-4307-8b3d-cc311f58d925/b2c_1_signin/v2.0/"}, jwtverify.ErrIssuer},
				"the issuer without its final slash":       {none, map[string]any{"iss": "https://shop.b2clogin.com/775527ff-9a37-4307-8b3d-cc311f58d925/v2.0"}, jwtverify.ErrIssuer},
			},
		},
		"Clerk": {
			config: func() jwtverify.Config {
				config := jwtverify.Config{
					Issuer:        "https://clerk.example.com",         // the Frontend API URL
					Audiences:     []string{"https://app.example.com"}, // the origin of the application
					AudienceClaim: "azp",                               // session tokens have no aud
					Keys:          jwtverify.HTTPKeySource{URL: "https://clerk.example.com/.well-known/jwks.json"},
					Check:         all(present("sid"), notPending),
				}
				return config
			},
			documents: map[string]any{
				"https://clerk.example.com/.well-known/jwks.json": keySet(published(tb, 0, "ins_2GIoQhbUpy0hX7B2cVkuTMinXoD", none)),
			},
			header: map[string]any{"alg": "RS256", "cat": "cl_B7d4PD111AAA", "kid": "ins_2GIoQhbUpy0hX7B2cVkuTMinXoD", "typ": "JWT"},
			claims: map[string]any{
				"azp": "https://app.example.com", "exp": 0, "iat": 0, "iss": "https://clerk.example.com", "jti": "10db7f531a90cb2faea4", "nbf": 0,
				"sid": "sess_2Ne5LwXcIIWjVYn3kpMNKyIbVlg", "sts": "active", "sub": "user_2NNEqL2nrIRdJ194ndJqAHwEfxC", "v": 2,
			},
			refused: map[string]refusal{
				"another origin":             {none, map[string]any{"azp": "https://evil.example"}, jwtverify.ErrAudience},
				"no azp: a server asked":     {none, map[string]any{"azp": nil}, jwtverify.ErrAudience},
				"a session that is not done": {none, map[string]any{"sts": "pending"}, jwtverify.ErrClaims},
				"no session":                 {none, map[string]any{"sid": nil}, jwtverify.ErrClaims},
				"of a JWT template":          {none, map[string]any{"aud": "https://app.example.com", "sid": nil, "sts": nil, "v": nil}, jwtverify.ErrClaims},
				"of version 1":               {none, map[string]any{"sts": nil, "v": nil}, nil},
			},
		},
		"Cognito": {
			config: func() jwtverify.Config {
				const pool = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_aB3dEfGhI"
				config := jwtverify.Config{
					Issuer:        pool,
					Audiences:     []string{"57cbishk4j24pabc1234567890"}, // the app client's id
					AudienceClaim: "client_id",                            // access tokens have no aud
					Keys:          jwtverify.HTTPKeySource{URL: pool + "/.well-known/jwks.json"},
					Check:         has("access", "token_use"), // no ID tokens
				}
				return config
			},
			documents: map[string]any{
				// One key for ID tokens, one for access tokens.
				pool + "/.well-known/jwks.json": keySet(published(tb, 1, "abcdefghijklmnopqrsexample=", none), published(tb, 0, "1234example=", none)),
			},
			header: map[string]any{"alg": "RS256", "kid": "1234example="},
			claims: map[string]any{
				"sub": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", "cognito:groups": []string{"admin"}, "token_use": "access", "scope": "orders/read",
				"auth_time": 0, "iss": pool, "exp": 0, "iat": 0, "origin_jti": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", "jti": "bbbbbbbb-bbbb-cccc-dddd-eeeeeeeeeeee",
				"client_id": "57cbishk4j24pabc1234567890", "username": "janedoe@example.com", "version": 2,
			},
			refused: map[string]refusal{
				"another app client":        {none, map[string]any{"client_id": "1example23456789"}, jwtverify.ErrAudience},
				"another pool":              {none, map[string]any{"iss": "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_other"}, jwtverify.ErrIssuer},
				"an ID token":               {none, map[string]any{"token_use": "id", "aud": "57cbishk4j24pabc1234567890", "client_id": nil}, jwtverify.ErrClaims},
				"no token_use":              {none, map[string]any{"token_use": nil}, jwtverify.ErrClaims},
				"Token_Use beside it":       {none, map[string]any{"token_use": "id", "Token_Use": "access"}, jwtverify.ErrClaims},
				"aud of another app client": {none, map[string]any{"aud": "1example23456789"}, jwtverify.ErrAudience},
			},
		},
		"Keycloak": {
			config: func() jwtverify.Config {
				config := jwtverify.Config{
					Issuer:    "https://id.example.com/realms/shop",
					Audiences: []string{"orders-api"},
					Keys:      jwtverify.DiscoveryKeySource{Issuer: "https://id.example.com/realms/shop"},
					Check:     has("Bearer", "typ"), // no ID tokens
				}
				return config
			},
			documents: map[string]any{
				realm + "/.well-known/openid-configuration": map[string]any{"issuer": realm, "jwks_uri": realm + "/protocol/openid-connect/certs"},
				realm + "/protocol/openid-connect/certs": keySet(
					published(tb, 1, "lVHwMC0yQzXW6-Jr0bEfVwwMPAKhLqHJD1dWbCWTBuI", map[string]any{"use": "enc", "alg": "RSA-OAEP"}),
					published(tb, 0, "ZLVuYCxkRz3H1RmkBpO0iVWVHAsTMyHbRsrdJvGNJrc", certified),
				),
			},
			header: map[string]any{"alg": "RS256", "typ": "JWT", "kid": "ZLVuYCxkRz3H1RmkBpO0iVWVHAsTMyHbRsrdJvGNJrc"},
			claims: map[string]any{
				"exp": 0, "iat": 0, "jti": "d58f5dc8-fd8f-462b-8a19-716f8f83985b", "iss": realm, "aud": []string{"orders-api", "account"},
				"sub": "36fa0f91-f94d-4a0c-afed-6b7d952e47da", "typ": "Bearer", "azp": "shop-frontend", "sid": "2a88c258-f73a-4103-b862-e1fbd8f4e04e", "acr": "1",
				"realm_access": map[string]any{"roles": []string{"offline_access"}}, "resource_access": map[string]any{"orders-api": map[string]any{"roles": []string{"read"}}},
				"scope": "email profile", "preferred_username": "alice",
			},
			refused: map[string]refusal{
				"the aud of a realm without audience mapper": {none, map[string]any{"aud": "account"}, jwtverify.ErrAudience},
				"no aud at all":                   {none, map[string]any{"aud": nil}, jwtverify.ErrAudience},
				"another realm":                   {none, map[string]any{"iss": "https://id.example.com/realms/other"}, jwtverify.ErrIssuer},
				"the address of older versions":   {none, map[string]any{"iss": "https://id.example.com/auth/realms/shop"}, jwtverify.ErrIssuer},
				"an ID token":                     {none, map[string]any{"typ": "ID", "aud": "shop-frontend"}, jwtverify.ErrAudience},
				"an ID token for the same client": {none, map[string]any{"typ": "ID"}, jwtverify.ErrClaims},
				"one that is bound to a key":      {none, map[string]any{"typ": "DPoP", "cnf": map[string]any{"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}}, jwtverify.ErrClaims},
				"the kid of the key for RSA-OAEP": {map[string]any{"kid": "lVHwMC0yQzXW6-Jr0bEfVwwMPAKhLqHJD1dWbCWTBuI"}, none, jwtverify.ErrUnknownKey},
			},
		},
		"Google": {
			config: func() jwtverify.Config {
				config := jwtverify.Config{
					Issuer:    "https://accounts.google.com",
					Audiences: []string{"1234987819200.apps.googleusercontent.com"}, // the client id
					Keys:      jwtverify.HTTPKeySource{URL: "https://www.googleapis.com/oauth2/v3/certs"},
					Check:     has("example.com", "hd"), // only one Workspace domain
				}
				return config
			},
			documents: map[string]any{
				"https://www.googleapis.com/oauth2/v3/certs": keySet(published(tb, 0, "f833e8a7fe3fe4b878948219a16842afa373ca86", none), published(tb, 1, "a3bdbfdede3bab2651afca2678dde8c0b35df76c", none)),
			},
			header: map[string]any{"alg": "RS256", "kid": "f833e8a7fe3fe4b878948219a16842afa373ca86", "typ": "JWT"},
			claims: map[string]any{
				"iss": "https://accounts.google.com", "azp": "1234987819200.apps.googleusercontent.com", "aud": "1234987819200.apps.googleusercontent.com",
				"sub": "10769150350006150715113082367", "at_hash": "HK6E_P6Dh8Y93mRNtsDB1Q", "hd": "example.com", "email": "jsmith@example.com", "email_verified": true,
				"iat": 0, "exp": 0, "nonce": "0394852-3190485-2490358",
			},
			refused: map[string]refusal{
				"the issuer without https": {none, map[string]any{"iss": "accounts.google.com"}, jwtverify.ErrIssuer},
				"a private account":        {none, map[string]any{"hd": nil}, jwtverify.ErrClaims},
				"another Workspace domain": {none, map[string]any{"hd": "evil.example"}, jwtverify.ErrClaims},
				"another client":           {none, map[string]any{"aud": "999.apps.googleusercontent.com"}, jwtverify.ErrAudience},
			},
		},
		"Firebase": {
			config: func() jwtverify.Config {
				const project = "shop-1234"
				config := jwtverify.Config{
					Issuer:    "https://securetoken.google.com/" + project,
					Audiences: []string{project},
					Keys:      jwtverify.HTTPKeySource{URL: "https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com"},
				}
				return config
			},
			documents: map[string]any{
				"https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com": keySet(published(tb, 0, "0ca1e2f5a3f8c6e9d4b7", none), published(tb, 1, "8ce1f3b2", none)),
			},
			header: map[string]any{"alg": "RS256", "kid": "0ca1e2f5a3f8c6e9d4b7", "typ": "JWT"},
			claims: map[string]any{
				"iss": "https://securetoken.google.com/shop-1234", "aud": "shop-1234", "auth_time": 0, "user_id": "ZvA7Kk2", "sub": "ZvA7Kk2", "iat": 0, "exp": 0,
				"email": "jane@example.com", "email_verified": false, "firebase": map[string]any{"identities": map[string]any{}, "sign_in_provider": "password"},
			},
			refused: map[string]refusal{
				"a session cookie": {none, map[string]any{"iss": "https://session.firebase.google.com/shop-1234"}, jwtverify.ErrIssuer},
				"another project":  {none, map[string]any{"iss": "https://securetoken.google.com/other", "aud": "other"}, jwtverify.ErrIssuer},
			},
		},
		"Kubernetes": {
			config: func() jwtverify.Config {
				apiServer, serviceAccountDir, stop := pretendCluster(apiServer, serviceAccountDir)
				tb.Cleanup(stop)
				keys, err := kubernetesKeys(apiServer, serviceAccountDir)
				if err != nil {
					log.Fatal(err)
				}
				config := jwtverify.Config{
					Issuer:    "https://kubernetes.default.svc.cluster.local", // --service-account-issuer of the cluster
					Audiences: []string{"https://orders.shop.svc"},            // audience of the projected token
					Keys:      keys,
				}
				return config
			},
			header: map[string]any{"alg": "RS256", "kid": "OAjVVaejWFc0Yt9ykr0_8lMMuRNs67OXTWHsN02Pkyw"},
			claims: map[string]any{
				"aud": []string{"https://orders.shop.svc"}, "exp": 0, "iat": 0, "iss": "https://kubernetes.default.svc.cluster.local", "jti": "9d1f4e9e-8e2b-4a1b-8c3d-4e5f6a7b8c9d",
				"kubernetes.io": map[string]any{
					"namespace": "shop", "pod": map[string]any{"name": "frontend-1", "uid": "900f80ed-bafe-49f0-9ae2-c5f0a3ac2cbe"},
					"serviceaccount": map[string]any{"name": "frontend", "uid": "a709ef71-30e2-489a-bd19-ade97031b9db"},
				},
				"nbf": 0, "sub": "system:serviceaccount:shop:frontend",
			},
			refused: map[string]refusal{
				"the pod's token for the API server": {none, map[string]any{"aud": []string{"https://kubernetes.default.svc.cluster.local"}}, jwtverify.ErrAudience},
				"of another cluster":                 {none, map[string]any{"iss": "https://oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE"}, jwtverify.ErrIssuer},
				"a token from a Secret, without end": {none, map[string]any{"iss": "kubernetes/serviceaccount", "aud": nil, "exp": nil, "iat": nil, "nbf": nil}, jwtverify.ErrMalformed},
			},
		},
		"GitHub Actions": {
			config: func() jwtverify.Config {
				config := jwtverify.Config{
					Issuer:    "https://token.actions.githubusercontent.com",
					Audiences: []string{"https://deploy.example.com"}, // what the job asks for
					Keys:      jwtverify.DiscoveryKeySource{Issuer: "https://token.actions.githubusercontent.com"},
					Check:     all(has("octo-org/octo-repo", "repository"), has("refs/heads/main", "ref"), has("workflow_dispatch", "event_name")),
				}
				return config
			},
			documents: map[string]any{
				github + "/.well-known/openid-configuration": map[string]any{"issuer": github, "jwks_uri": github + "/.well-known/jwks", "id_token_signing_alg_values_supported": []string{"RS256"}},
				github + "/.well-known/jwks":                 keySet(published(tb, 0, "example-key-id", certified)),
			},
			header: map[string]any{"typ": "JWT", "alg": "RS256", "x5t": "example-thumbprint", "kid": "example-key-id"},
			claims: map[string]any{
				"jti": "example-id", "sub": "repo:octo-org/octo-repo:environment:prod", "environment": "prod", "aud": "https://deploy.example.com",
				"ref": "refs/heads/main", "sha": "example-sha", "repository": "octo-org/octo-repo", "repository_owner": "octo-org", "actor_id": "12",
				"repository_visibility": "private", "repository_id": "74", "repository_owner_id": "65", "run_id": "example-run-id", "run_number": "10", "run_attempt": "2",
				"runner_environment": "github-hosted", "actor": "octocat", "workflow": "example-workflow", "head_ref": "", "base_ref": "", "event_name": "workflow_dispatch",
				"ref_type": "branch", "job_workflow_ref": "octo-org/octo-automation/.github/workflows/oidc.yml@refs/heads/main",
				"iss": github, "nbf": 0, "exp": 0, "iat": 0,
			},
			refused: map[string]refusal{
				"the default audience":      {none, map[string]any{"aud": "https://github.com/octo-org"}, jwtverify.ErrAudience},
				"of an Enterprise server":   {none, map[string]any{"iss": "https://github.example.com/_services/token"}, jwtverify.ErrIssuer},
				"of an enterprise's issuer": {none, map[string]any{"iss": github + "/avocado-corp"}, jwtverify.ErrIssuer},
			},
		},
		"GitLab": {
			config: func() jwtverify.Config {
				config := jwtverify.Config{
					Issuer:    "https://gitlab.com",
					Audiences: []string{"https://deploy.example.com"}, // aud in id_tokens of .gitlab-ci.yml
					Keys:      jwtverify.DiscoveryKeySource{Issuer: "https://gitlab.com"},
					Check:     all(has("my-group/my-project", "project_path"), has("refs/heads/main", "ref_path"), has("true", "ref_protected")),
				}
				return config
			},
			documents: map[string]any{
				"https://gitlab.com/.well-known/openid-configuration": map[string]any{"issuer": "https://gitlab.com", "jwks_uri": "https://gitlab.com/oauth/discovery/keys"},
				"https://gitlab.com/oauth/discovery/keys":             keySet(published(tb, 1, "kewiQq9jiC84CvSsJYOB-N6A8WFLSV20Mb-y7IlWDSQ", none), published(tb, 0, "4i3sFE7sxqNPOT7FdvcGA1ZVGGI_r-tsDXnEuYT4ZqE", none)),
			},
			header: map[string]any{"kid": "4i3sFE7sxqNPOT7FdvcGA1ZVGGI_r-tsDXnEuYT4ZqE", "typ": "JWT", "alg": "RS256"},
			claims: map[string]any{
				"namespace_id": "72", "namespace_path": "my-group", "project_id": "20", "project_path": "my-group/my-project", "user_id": "1", "user_login": "sample-user",
				"user_email": "sample-user@example.com", "pipeline_id": "574", "pipeline_source": "push", "job_id": "302", "ref": "main", "ref_type": "branch",
				"ref_path": "refs/heads/main", "ref_protected": "true", "runner_id": 1, "runner_environment": "self-hosted", "sha": "714a629c0b401fdce83e847fc9589983fc6f46bc",
				"jti": "235b3a54-b797-45c7-ae9a-f72d7bc6ef5b", "iss": "https://gitlab.com", "iat": 0, "nbf": 0, "exp": 0,
				"sub": "project_path:my-group/my-project:ref_type:branch:ref:main", "aud": "https://deploy.example.com",
			},
			refused: map[string]refusal{
				"of another instance":           {none, map[string]any{"iss": "https://gitlab.example.com"}, jwtverify.ErrIssuer},
				"the job asked for another aud": {none, map[string]any{"aud": "https://vault.example.com"}, jwtverify.ErrAudience},
			},
		},
		"SPIFFE": {
			config: func() jwtverify.Config {
				config := jwtverify.Config{
					Issuer:    "https://oidc.example.org",              // jwt_issuer of the SPIRE server
					Audiences: []string{"spiffe://example.org/orders"}, // what the workload asks for
					Keys:      jwtverify.DiscoveryKeySource{Issuer: "https://oidc.example.org"},
				}
				return config
			},
			documents: map[string]any{
				"https://oidc.example.org/.well-known/openid-configuration": map[string]any{"issuer": "https://oidc.example.org", "jwks_uri": "https://oidc.example.org/keys"},
				"https://oidc.example.org/keys": keySet(
					published(tb, 0, "C6vs25welZOx6WksNYfbMfiw9l96pMnD", map[string]any{"use": nil}),
					map[string]any{"kty": "EC", "kid": "old", "crv": "P-256", "alg": "ES256"},
				),
			},
			header: map[string]any{"alg": "RS256", "kid": "C6vs25welZOx6WksNYfbMfiw9l96pMnD", "typ": "JWT"},
			claims: map[string]any{
				"aud": []string{"spiffe://example.org/orders"}, "exp": 0, "iat": 0, "iss": "https://oidc.example.org", "sub": "spiffe://example.org/shop",
			},
			refused: map[string]refusal{
				"without iss, which SPIFFE allows":             {none, map[string]any{"iss": nil}, jwtverify.ErrIssuer},
				"typ JOSE, which SPIFFE allows":                {map[string]any{"typ": "JOSE"}, none, nil},
				"alg ES256, SPIRE's default":                   {map[string]any{"alg": "ES256", "kid": "old"}, none, jwtverify.ErrUnsupported},
				"for another service":                          {none, map[string]any{"aud": []string{"spiffe://example.org/billing"}}, jwtverify.ErrAudience},
				"of the trust domain's name in place of a URL": {none, map[string]any{"iss": "spiffe://example.org"}, jwtverify.ErrIssuer},
			},
		},
	}
}

// Each provider's documented token is accepted by the Config of docs/issuers.md, and its
// likely confusions are not.
func TestProviders(t *testing.T) {
	for name, p := range providers(t) {
		t.Run(name, func(t *testing.T) {
			t.Setenv("AUTHACTION_DOMAIN", "tenant.eu.authaction.com")
			t.Setenv("AUTHACTION_AUDIENCE", "https://api.example.com")
			verifier, err := jwtverify.New(inMemory(p.config()))
			if err != nil {
				t.Fatal(err)
			}
			if err := verifier.Ready(t.Context()); err != nil {
				t.Fatal(err)
			}
			raw := p.token(t, refusal{})
			token, err := verifier.Verify(t.Context(), raw)
			checkVerdict(t, token, err, nil)
			checkExplained(t, verifier, raw, err)
			if err == nil && (token.Issuer != p.claims["iss"] || token.Subject != p.claims["sub"] || p.header["kid"] != nil && token.KeyID != p.header["kid"]) {
				t.Errorf("got %+v, want what the documentation shows", token)
			}

			for difference, r := range p.refused {
				t.Run(difference, func(t *testing.T) {
					raw := p.token(t, r)
					token, err := verifier.Verify(t.Context(), raw)
					checkVerdict(t, token, err, r.want)
					checkExplained(t, verifier, raw, err)
				})
			}
			claims := changed(p.claims, map[string]any{"exp": time.Now().Add(-time.Hour).Unix(), "iat": nil, "nbf": nil, "auth_time": nil})
			token, err = verifier.Verify(t.Context(), sign(t, 0, p.header, claims))
			checkVerdict(t, token, err, jwtverify.ErrExpired)
			token, err = verifier.Verify(t.Context(), sign(t, 1, p.header, claims))
			checkVerdict(t, token, err, jwtverify.ErrSignature)
		})
	}
}

// checkExplained reports an error unless Explain gives the reason that Verify gave.
func checkExplained(t *testing.T, verifier *jwtverify.Verifier, raw string, err error) {
	t.Helper()
	if report := verifier.Explain(t.Context(), raw); fmt.Sprint(report.Err) != fmt.Sprint(err) {
		t.Errorf("Verify says %v, Explain %v", err, report.Err)
	}
}

// A setting that was forgotten stops the service at its start.
func TestAuthActionSettingsAreRequired(t *testing.T) {
	for name, test := range map[string]struct{ domain, audience, want string }{
		"both are set":               {"tenant.eu.authaction.com", "https://api.example.com", ""},
		"AUTHACTION_DOMAIN is not":   {"", "https://api.example.com", "HTTPKeySource.URL has no host"},
		"AUTHACTION_AUDIENCE is not": {"tenant.eu.authaction.com", "", "Config.Audiences[0] is"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("AUTHACTION_DOMAIN", test.domain)
			t.Setenv("AUTHACTION_AUDIENCE", test.audience)
			_, err := jwtverify.New(providers(t)["AuthAction"].config())
			if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

// Anybody's job can ask GitHub or GitLab for a token with our aud.
func TestJobsOfOthersAreRefused(t *testing.T) {
	for name, test := range map[string]struct {
		provider string
		claims   map[string]any
		want     error
	}{
		"GitHub, our repository":         {"GitHub Actions", nil, nil},
		"GitHub, another repository":     {"GitHub Actions", map[string]any{"repository": "evil/octo-repo", "sub": "repo:evil/octo-repo:ref:refs/heads/main"}, jwtverify.ErrClaims},
		"GitHub, a pull request":         {"GitHub Actions", map[string]any{"ref": "refs/pull/1/merge"}, jwtverify.ErrClaims},
		"GitHub, an event of strangers":  {"GitHub Actions", map[string]any{"event_name": "pull_request_target"}, jwtverify.ErrClaims},
		"GitHub, no such claim":          {"GitHub Actions", map[string]any{"repository": nil}, jwtverify.ErrClaims},
		"GitHub, a name in other case":   {"GitHub Actions", map[string]any{"repository": "evil/evil", "Repository": "octo-org/octo-repo"}, jwtverify.ErrClaims},
		"GitLab, our project":            {"GitLab", nil, nil},
		"GitLab, another project":        {"GitLab", map[string]any{"project_path": "evil/my-project"}, jwtverify.ErrClaims},
		"GitLab, a branch that is open":  {"GitLab", map[string]any{"ref_protected": "false"}, jwtverify.ErrClaims},
		"GitLab, a tag named like it":    {"GitLab", map[string]any{"ref_type": "tag", "ref_path": "refs/tags/main"}, jwtverify.ErrClaims},
		"GitLab, protected as true or 1": {"GitLab", map[string]any{"ref_protected": true}, jwtverify.ErrClaims},
	} {
		t.Run(name, func(t *testing.T) {
			p := providers(t)[test.provider]
			verifier, err := jwtverify.New(inMemory(p.config()))
			if err != nil {
				t.Fatal(err)
			}
			token, err := verifier.Verify(t.Context(), p.token(t, refusal{claims: test.claims}))
			checkVerdict(t, token, err, test.want)
		})
	}
}

// What ID tokens alone have refuses them, where nothing else tells them apart.
func TestIDTokensAreRefusedByTheirClaims(t *testing.T) {
	p := providers(t)["AuthAction"]
	t.Setenv("AUTHACTION_DOMAIN", "tenant.eu.authaction.com")
	t.Setenv("AUTHACTION_AUDIENCE", "https://api.example.com")
	config := inMemory(p.config())
	config.Check = absent("nonce", "at_hash", "c_hash")
	verifier, err := jwtverify.New(config)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]error{"nonce": jwtverify.ErrClaims, "at_hash": jwtverify.ErrClaims, "c_hash": jwtverify.ErrClaims, "scope": nil} {
		token, err := verifier.Verify(t.Context(), p.token(t, refusal{claims: map[string]any{name: "x"}}))
		checkVerdict(t, token, err, want)
	}
}

// Entra's two versions of token have different issuers: an API that gets both has two
// verifiers.
func TestEntraBothVersions(t *testing.T) {
	p := providers(t)["Entra"]
	issuers, err := jwtverify.NewIssuers(newEntra(t, p.config()), newEntra(t, entraVersion1()))
	if err != nil {
		t.Fatal(err)
	}
	v1 := p.refused["a v1.0 token"]
	for name, r := range map[string]refusal{
		"v2.0":                         {},
		"v1.0":                         {v1.header, v1.claims, nil},
		"v1.0 with the aud of v2.0":    {v1.header, changed(v1.claims, map[string]any{"aud": p.claims["aud"]}), jwtverify.ErrAudience},
		"v2.0 with the aud of v1.0":    {nil, map[string]any{"aud": v1.claims["aud"]}, jwtverify.ErrAudience},
		"v1.0 without its final slash": {v1.header, changed(v1.claims, map[string]any{"iss": strings.TrimSuffix(v1.claims["iss"].(string), "/")}), jwtverify.ErrIssuer},
	} {
		t.Run(name, func(t *testing.T) {
			token, err := issuers.Verify(t.Context(), p.token(t, r))
			checkVerdict(t, token, err, r.want)
		})
	}
}

func newEntra(t *testing.T, config jwtverify.Config) *jwtverify.Verifier {
	t.Helper()
	verifier, err := jwtverify.New(inMemory(config))
	if err != nil {
		t.Fatal(err)
	}
	return verifier
}

// Google writes its name in two ways, and has one set of keys for both.
func TestGoogleBothNames(t *testing.T) {
	p := providers(t)["Google"]
	cache := &jwtverify.Cache{Source: inMemorySource(p.config().Keys)}
	issuers, err := googleIssuers(cache)
	if err != nil {
		t.Fatal(err)
	}
	for iss, want := range map[string]error{
		"https://accounts.google.com":  nil,
		"accounts.google.com":          nil,
		"http://accounts.google.com":   jwtverify.ErrIssuer,
		"https://accounts.google.com/": jwtverify.ErrIssuer,
	} {
		token, err := issuers.Verify(t.Context(), p.token(t, refusal{claims: map[string]any{"iss": iss}}))
		checkVerdict(t, token, err, want)
	}
	if got := cache.Stats().Fetches; got != 1 {
		t.Errorf("the keys were fetched %d times, want once for both names", got)
	}
}

// The bundle of a trust domain has the keys, for a use that only SPIFFE knows.
func TestSPIFFELimits(t *testing.T) {
	bundle := marshal(t, keySet(published(t, 0, "C6vs25welZOx6WksNYfbMfiw9l96pMnD", map[string]any{"use": "jwt-svid", "alg": nil})))
	set, err := jwtverify.ParseKeySet([]byte(bundle))
	if err != nil {
		t.Fatal(err)
	}
	if set.Len() != 0 || len(set.Skipped()) != 1 || !strings.Contains(set.Skipped()[0].Error(), `use is "jwt-svid", want "sig"`) {
		t.Errorf("got %d usable keys, skipped %v, want the key skipped for its use", set.Len(), set.Skipped())
	}
}

// The service account's token is read at each request, since Kubernetes replaces it,
// and the API server is trusted by the cluster's own CA and no other.
func TestKubernetesTokenAndCA(t *testing.T) {
	p := providers(t)["Kubernetes"]
	current, asked := atomic.Value{}, atomic.Int32{}
	current.Store("first")
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if r.URL.Path != "/openid/v1/jwks" || r.Header.Get("Authorization") != "Bearer "+current.Load().(string) {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Type", "application/jwk-set+json")
		fmt.Fprint(w, marshal(t, keySet(published(t, 0, p.header["kid"].(string), nil))))
	}))
	server.Config.ErrorLog = log.New(nowhere{}, "", 0) // the handshake that fails
	defer server.Close()
	dir := t.TempDir()
	write := func(name, content string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("ca.crt", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})))
	write("token", "first\n")

	keys, err := kubernetesKeys(server.URL, dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := keys.Keys(t.Context()); err != nil {
		t.Fatal(err)
	}
	current.Store("second")
	if _, err := keys.Keys(t.Context()); err == nil || !strings.Contains(err.Error(), "401") {
		t.Errorf("with the old token: got %v, want status 401", err)
	}
	write("token", "second\n")
	if _, err := keys.Keys(t.Context()); err != nil {
		t.Errorf("with the new token: %v", err)
	}

	before := asked.Load()
	otherCA := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "another CA"}}
	certificate, err := x509.CreateCertificate(rand.Reader, otherCA, otherCA, &testKey(t, 0).PublicKey, testKey(t, 0))
	if err != nil {
		t.Fatal(err)
	}
	write("ca.crt", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate})))
	keys, err = kubernetesKeys(server.URL, dir)
	if err != nil {
		t.Fatal(err)
	}
	config := p.config()
	config.Keys = keys
	verifier, err := jwtverify.New(config)
	if err != nil {
		t.Fatal(err)
	}
	report := verifier.Explain(t.Context(), p.token(t, refusal{}))
	if !errors.Is(report.Err, jwtverify.ErrKeysUnavailable) || report.Checks[4].Code != "keys-tls" || asked.Load() != before {
		t.Errorf("with another CA: got %v (%s) after %d requests, want keys-tls before any", report.Err, report.Checks[4].Code, asked.Load()-before)
	}
	for name, content := range map[string]string{"empty": "", "no certificate": "hello"} {
		write("ca.crt", content)
		if _, err := kubernetesKeys(server.URL, dir); err == nil {
			t.Errorf("ca.crt is %s: got no error", name)
		}
	}
}

// The Transport of docs/issuers.md brings the keys by http; without it the address is refused,
// with a word on that way.
func TestPlainHTTPInsideACluster(t *testing.T) {
	p := providers(t)["Keycloak"]
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, marshal(t, p.documents["https://id.example.com/realms/shop/protocol/openid-connect/certs"]))
	}))
	defer server.Close()
	config := jwtverify.Config{
		Issuer:    "https://id.example.com/realms/shop", // as in the tokens
		Audiences: []string{"orders-api"},
		Keys: jwtverify.HTTPKeySource{
			URL:    "https://keycloak:8080/realms/shop/protocol/openid-connect/certs",
			Client: &http.Client{Transport: inMesh{http.DefaultTransport}},
		},
	}
	keys := config.Keys.(jwtverify.HTTPKeySource)
	keys.URL = strings.Replace(keys.URL, "https://keycloak:8080", "https"+strings.TrimPrefix(server.URL, "http"), 1)
	config.Keys = keys
	verifier, err := jwtverify.New(config)
	if err != nil {
		t.Fatal(err)
	}
	token, err := verifier.Verify(t.Context(), p.token(t, refusal{}))
	checkVerdict(t, token, err, nil)

	config = insideACluster()
	config.Keys = jwtverify.HTTPKeySource{URL: "http://keycloak:8080/realms/shop/protocol/openid-connect/certs"}
	if _, err := jwtverify.New(config); err == nil || !strings.Contains(err.Error(), "a Client whose Transport goes there over http") {
		t.Errorf("got %v, want an error that names a way", err)
	}
}

type nowhere struct{}

func (nowhere) Write(p []byte) (int, error) { return len(p), nil }
