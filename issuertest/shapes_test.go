package issuertest_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/jwtverify"
	"example.com/jwtverify/issuertest"
)

// members of the published key with a kid.
func publishedKey(t *testing.T, iss *issuertest.Issuer, kid any) map[string]any {
	t.Helper()
	var document struct{ Keys []map[string]any }
	if err := json.Unmarshal(iss.JWKS(), &document); err != nil {
		t.Fatal(err)
	}
	for _, key := range document.Keys {
		if key["kid"] == kid {
			return key
		}
	}
	t.Fatalf("no key has kid %v", kid)
	return nil
}

func names(members map[string]any) string {
	var all []string
	for name := range members {
		all = append(all, name)
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

// What each shape has different, as the vendors' documents say.
func TestShapes(t *testing.T) {
	const tenant = "0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d"
	for _, test := range []struct {
		shape                string
		issuer, keys         string // with HOST for the host
		header, claims, key  string // names of members, sorted
		audience, scope, typ string // JSON
	}{
		{"AuthAction", "https://HOST", "https://HOST/.well-known/jwks.json",
			"alg kid typ", "aud client_id exp iat iss jti sub", "alg e kid kty n use",
			`"https://api.test"`, "null", `"JWT"`},
		{"Auth0", "https://HOST/", "https://HOST/.well-known/jwks.json",
			"alg kid typ", "aud azp exp gty iat iss permissions scope sub", "alg e kid kty n use x5c x5t",
			`["https://api.test","https://HOST/userinfo"]`, `"openid read:orders"`, `"JWT"`},
		{"Entra", "https://HOST/" + tenant + "/v2.0", "https://HOST/" + tenant + "/discovery/v2.0/keys",
			"alg kid typ x5t", "aud azp azpacr exp iat iss nbf oid roles scp sub tid uti ver", "e issuer kid kty n use x5c x5t",
			`"https://api.test"`, `"access_as_user"`, `"JWT"`},
		{"Cognito", "https://HOST/us-east-1_Example01", "https://HOST/us-east-1_Example01/.well-known/jwks.json",
			"alg kid", "auth_time client_id exp iat iss jti scope sub token_use username version", "alg e kid kty n use",
			"null", `"orders/read"`, "null"},
		{"Keycloak", "https://HOST/realms/test", "https://HOST/realms/test/protocol/openid-connect/certs",
			"alg kid typ", "acr aud azp client_id email_verified exp iat iss jti preferred_username realm_access resource_access scope sub typ", "alg e kid kty n use x5c x5t x5t#S256",
			`["https://api.test","account"]`, `"email profile"`, `"JWT"`},
		{"Okta", "https://HOST/oauth2/default", "https://HOST/oauth2/default/v1/keys",
			"alg kid", "aud auth_time cid exp iat iss jti scp sub uid ver", "alg e kid kty n use",
			`"https://api.test"`, `["openid","orders.read"]`, "null"},
		{"Google", "https://HOST", "https://keys.HOST/oauth2/v3/certs",
			"alg kid typ", "aud azp email email_verified exp iat iss name sub", "alg e kid kty n use",
			`"https://api.test"`, "null", `"JWT"`},
		{"RFC9068", "https://HOST", "https://HOST/jwks",
			"alg kid typ", "aud auth_time client_id exp iat iss jti sub", "alg e kid kty n use",
			`"https://api.test"`, "null", `"at+jwt"`},
	} {
		t.Run(test.shape, func(t *testing.T) {
			iss := shaped(test.shape)
			host, _, _ := strings.Cut(strings.TrimPrefix(iss.URL(), "https://"), "/")
			check := func(what, got, want string) {
				t.Helper()
				if want = strings.ReplaceAll(want, "HOST", host); got != want {
					t.Errorf("%s: got %s, want %s", what, got, want)
				}
			}
			token := iss.Token()
			header, claims := segment(t, token, 0), segment(t, token, 1)
			key := publishedKey(t, iss, header["kid"])
			check("URL", iss.URL(), test.issuer)
			check("iss", fmt.Sprint(claims["iss"]), test.issuer)
			check("keys", iss.Config().Keys.(jwtverify.HTTPKeySource).URL, test.keys)
			check("header", names(header), test.header)
			check("claims", names(claims), test.claims)
			check("key", names(key), test.key)
			asJSON := func(v any) string {
				data, err := json.Marshal(v)
				if err != nil {
					t.Fatal(err)
				}
				return string(data)
			}
			check("aud", asJSON(claims["aud"]), test.audience)
			check("typ", asJSON(header["typ"]), test.typ)
			scope := claims["scope"]
			if scope == nil {
				scope = claims["scp"]
			}
			check("scope", asJSON(scope), test.scope)
			if x5t := header["x5t"]; x5t != nil && (x5t != header["kid"] || x5t != key["x5t"]) {
				t.Errorf("x5t is %v, kid %v, x5t of the key %v; want them equal", x5t, header["kid"], key["x5t"])
			}

			for name, keys := range map[string]jwtverify.KeySource{
				"by URL":       iss.Config().Keys,
				"by discovery": jwtverify.DiscoveryKeySource{Issuer: iss.URL(), Client: iss.Client()},
				"by document":  keySet(t, iss),
			} {
				if err := verify(t, verifierBy(t, iss, keys), token); err != nil {
					t.Errorf("keys %s: %v", name, err)
				}
			}
			set := keySet(t, iss)
			if set.Len() != 2 || len(set.Skipped()) != 2 {
				t.Errorf("%d keys are usable, %d are not; want 2 and 2", set.Len(), len(set.Skipped()))
			}
		})
	}
}

func TestCognitoIsJudgedByTheClient(t *testing.T) {
	iss := issuertest.New(t, issuertest.Cognito(), issuertest.WithAudience("app"))
	if config := iss.Config(); config.AudienceClaim != "client_id" || config.Audiences[0] != "app" {
		t.Errorf("Config has AudienceClaim %q and Audiences %q", config.AudienceClaim, config.Audiences)
	}
	for name, test := range map[string]struct {
		claims issuertest.Claims
		want   string
	}{
		"its own client":         {nil, "accepted"},
		"another client":         {issuertest.Claims{"client_id": "b"}, "ErrAudience"},
		"a resource asked for":   {issuertest.Claims{"aud": "app", "client_id": "b"}, "accepted"},
		"another resource":       {issuertest.Claims{"aud": "b"}, "ErrAudience"},
		"an access token is one": {issuertest.Claims{"token_use": "access"}, "accepted"},
	} {
		if got := reasons(verify(t, iss.Verifier(), iss.Token(test.claims))); got != test.want {
			t.Errorf("%s: got %s, want %s", name, got, test.want)
		}
	}
}

func TestRFC9068DemandsItsType(t *testing.T) {
	iss := shaped("RFC9068")
	header := segment(t, iss.Token(), 0)
	header["typ"] = "JWT"
	if got := reasons(verify(t, iss.Verifier(), iss.Sign(header, segment(t, iss.Token(), 1)))); got != "ErrUnsupported" {
		t.Errorf("typ JWT is %s, want ErrUnsupported", got)
	}
	for _, path := range []string{"/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"} {
		if response, _ := get(t, iss, path); response.StatusCode != 200 {
			t.Errorf("%s: got %d, want 200", path, response.StatusCode)
		}
	}
}

func TestGoogleSaysHowLongItsKeysAreGood(t *testing.T) {
	iss := shaped("Google")
	set, err := iss.Config().Keys.Keys(t.Context())
	if err != nil || set.Len() != 2 {
		t.Fatalf("got %v, %v", set, err)
	}
	response, err := iss.Client().Get(iss.Config().Keys.(jwtverify.HTTPKeySource).URL)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if got := response.Header.Get("Cache-Control"); !strings.Contains(got, "max-age=21600") {
		t.Errorf("Cache-Control is %q, want max-age=21600", got)
	}
	// Over a socket nobody would find a second host.
	iss = issuertest.New(t, issuertest.Google(), issuertest.WithURL("https://accounts.test"))
	if got, want := iss.Config().Keys.(jwtverify.HTTPKeySource).URL, "https://accounts.test/oauth2/v3/certs"; got != want {
		t.Errorf("keys are at %s, want %s", got, want)
	}
}

func TestKeycloakHasAKeyForEncryptionBeside(t *testing.T) {
	iss := shaped("Keycloak")
	if key := publishedKey(t, iss, "encryption"); key["use"] != "enc" || key["alg"] != "RSA-OAEP" || key["kty"] != "RSA" {
		t.Errorf("the key is %v %v %v", key["kty"], key["use"], key["alg"])
	}
}

// A path in the URL is in front of everything, and stays in the tokens.
func TestAnIssuerBehindAPath(t *testing.T) {
	iss := issuertest.New(t, issuertest.Keycloak(), issuertest.WithURL("https://sso.test/auth"))
	if want := "https://sso.test/auth/realms/test"; iss.URL() != want {
		t.Errorf("URL is %s, want %s", iss.URL(), want)
	}
	keys := jwtverify.DiscoveryKeySource{Issuer: iss.URL(), Client: iss.Client()}
	if err := verify(t, verifierBy(t, iss, keys), iss.Token()); err != nil {
		t.Error(err)
	}
}

// Certificates carry dates: those of a bubble are of no use outside, and nobody looks.
func TestShapesWithCertificatesWorkInABubbleToo(t *testing.T) {
	iss := issuertest.New(t, issuertest.Entra())
	iss.Advance(20 * 365 * 24 * time.Hour)
	if err := verify(t, iss.Verifier(), iss.Token()); err != nil {
		t.Error(err)
	}
}
