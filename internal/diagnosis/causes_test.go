package diagnosis_test

import (
	"context"
	"crypto/x509"
	"errors"
	"strings"
	"testing"

	"example.com/jwtverify/internal/diagnosis"
	"example.com/jwtverify/internal/fetch"
	"example.com/jwtverify/internal/notkeys"
)

// Each cause has words of its own; the code alone does not choose them.
func TestEachFindingGetsTheAdviceOfItsCause(t *testing.T) {
	const (
		tenant = "8eaef023-2b34-4da1-9baa-8bc8c9d6a490"
		other  = "11111111-2b34-4da1-9baa-8bc8c9d6a490"
	)
	issuer := func(iss string, wanted ...string) func(*diagnosis.Case) {
		return func(k *diagnosis.Case) {
			k.Issuer, k.Issuers = iss, wanted
			k.Failures[diagnosis.Issuer] = &diagnosis.Failure{Code: "issuer-mismatch", Found: "the iss", Want: "the issuer"}
		}
	}
	audience := func(claims string, wanted string, aud ...string) func(*diagnosis.Case) {
		return func(k *diagnosis.Case) {
			k.Claims, k.Audience, k.Audiences = claims, aud, []string{wanted}
			code := "audience-mismatch"
			if aud == nil {
				code = "audience-missing"
			}
			k.Failures[diagnosis.Audience] = &diagnosis.Failure{Code: code, Found: "its aud", Want: "ours"}
		}
	}
	byClaim := func(change func(*diagnosis.Case), name string) func(*diagnosis.Case) {
		return func(k *diagnosis.Case) {
			change(k)
			k.AudienceClaim, k.ByClaim = name, k.Audience != nil
		}
	}
	unknown := func(k *diagnosis.Case) {
		k.Signed = false
		k.Failures[diagnosis.Key] = &diagnosis.Failure{Code: "kid-unknown", Found: `"x"`, Want: `one of the issuer's keys ("")`}
	}
	forged := func(k *diagnosis.Case) {
		k.Signed = false
		k.Failures[diagnosis.Signature] = &diagnosis.Failure{Code: "signature-bad"}
	}
	noKeys := func(err error, skipped ...string) func(*diagnosis.Case) {
		return func(k *diagnosis.Case) {
			k.Usable, k.Signed = 0, false
			k.Failures[diagnosis.Key] = &diagnosis.Failure{Keys: &diagnosis.NoKeys{Err: err, Empty: skipped != nil, Skipped: skipped}}
		}
	}
	status := func(cause string) func(*diagnosis.Case) {
		return noKeys(&fetch.Refused{Request: "GET https://i.example/keys", Code: "keys-status", Cause: cause, Found: "a status"})
	}
	for _, test := range []struct {
		name, step string
		change     func(*diagnosis.Case)
		code, says string // says is in what was found or what to do
	}{
		{"version 1.0 of the same tenant", "issuer", issuer("https://sts.windows.net/"+tenant+"/", "https://login.microsoftonline.com/"+tenant+"/v2.0"), "issuer-mismatch", "requestedAccessTokenVersion"},
		{"version 2.0 of the same tenant", "issuer", issuer("https://login.microsoftonline.com/"+tenant+"/v2.0", "https://sts.windows.net/"+strings.ToUpper(tenant)+"/"), "issuer-mismatch", "requestedAccessTokenVersion"},
		{"another tenant of Microsoft's", "issuer", issuer("https://sts.windows.net/"+other+"/", "https://login.microsoftonline.com/"+tenant+"/v2.0"), "issuer-mismatch", "another tenant"},
		{"the address for all tenants", "issuer", issuer("https://login.microsoftonline.com/"+tenant+"/v2.0", "https://login.microsoftonline.com/common/v2.0"), "issuer-form", "tenant's own"},
		{"a template", "issuer", issuer("https://i.example/1", "https://i.example/{tenantid}"), "issuer-form", "tenant's own"},
		{"metadata as issuer", "issuer", issuer("https://i.example", "https://i.example/.well-known/openid-configuration"), "issuer-form", "/.well-known/"},
		{"metadata of another issuer", "issuer", issuer("https://other.example", "https://i.example/.well-known/openid-configuration"), "issuer-mismatch", "the iss"},
		{"quotes", "issuer", issuer("https://i.example", `"https://i.example"`), "issuer-form", "quotes"},
		{"another realm", "issuer", issuer("https://i.example/realms/a", "https://i.example/realms/b"), "issuer-mismatch", "realm"},
		{"another realm of the second issuer", "issuer", issuer("https://i.example/realms/a", "urn:example:i", "https://i.example/realms/b"), "issuer-mismatch", "realm"},
		{"a custom domain", "issuer", issuer("https://tenant.i.example/realms/a", "https://login.example/realms/a"), "issuer-mismatch", "several names"},
		{"another port", "issuer", issuer("http://localhost:8080", "http://localhost:9090"), "issuer-mismatch", "several names"},
		{"the name in access_token_issuer", "issuer", func(k *diagnosis.Case) {
			issuer("http://adfs.example/adfs/services/trust", "https://adfs.example/adfs")(k)
			k.TokenIssuer = "http://adfs.example/adfs/services/trust"
		}, "issuer-mismatch", "access_token_issuer"},

		{"client_id in place of aud", "audience", audience(`{"client_id":"c1"}`, "c1"), "audience-missing", `Config.AudienceClaim to "client_id"`},
		{"azp in place of aud", "audience", audience(`{"azp":"c1"}`, "c1"), "audience-missing", `Config.AudienceClaim to "azp"`},
		{"another client and no aud", "audience", audience(`{"client_id":"c2"}`, "c1"), "audience-missing", `client_id is "c2"`},
		{"another client, named twice", "audience", audience(`{"client_id":"c2","azp":"c3"}`, "c1"), "audience-missing", `no aud; client_id is "c2"`},
		{"neither aud nor azp", "audience", byClaim(audience(`{}`, "c1"), "azp"), "audience-missing", "neither aud nor azp"},
		{"another azp", "audience", byClaim(audience(`{"azp":"c2"}`, "c1", "c2"), "azp"), "audience-mismatch", `azp, in place of aud, is "c2"`},
		{"a list with commas", "audience", audience(`{}`, "https://a.example, https://b.example", "https://b.example"), "audience-form", "comma"},
		{"a list with spaces", "audience", audience(`{}`, "a b", "b"), "audience-form", "space"},
		{"a comment", "audience", audience(`{}`, "https://a.example  # ours", "https://a.example"), "audience-form", "space"},
		{"quotes", "audience", audience(`{}`, `"https://a.example"`, "https://a.example"), "audience-form", "quotes"},
		{"a line end", "audience", audience(`{}`, "https://a.example\r", "https://a.example"), "audience-form", "line ends"},
		{"api:// before the ID", "audience", audience(`{}`, tenant, "api://"+tenant), "audience-form", "api://"},
		{"no api:// before the ID", "audience", audience(`{}`, "api://"+tenant, tenant), "audience-form", "api://"},
		{"a scope", "audience", audience(`{}`, "api://a/.default", "api://a"), "audience-form", "/.default"},
		{"Microsoft Graph", "audience", audience(`{}`, "c1", "00000003-0000-0000-c000-000000000000"), "audience-mismatch", "Microsoft Graph"},
		{"Keycloak's account", "audience", audience(`{"azp":"x"}`, "c1", "account"), "audience-mismatch", "audience mapper"},
		{"the client in the settings", "audience", audience(`{"azp":"c1"}`, "c1", "https://a.example"), "audience-mismatch", `azp is "c1"`},
		{"Cognito's ID token", "audience", audience(`{"token_use":"id"}`, "x", "c1"), "audience-id-token", "ID token"},
		{"Keycloak's ID token", "audience", audience(`{"typ":"ID"}`, "x", "c1"), "audience-id-token", "ID token"},

		{"an unknown key and another issuer", "key", func(k *diagnosis.Case) { unknown(k); k.Issuer = "https://stage.example" }, "kid-unknown", `iss (not verified) is "https://stage.example"`},
		{"an unknown key of this issuer", "key", unknown, "kid-unknown", "withdrawn"},
		{"keys without kid", "key", func(k *diagnosis.Case) { unknown(k); k.Unnamed = true }, "kid-unknown", "keys have no kid"},
		{"keys from PEM", "key", func(k *diagnosis.Case) {
			unknown(k)
			k.Failures[diagnosis.Key].Want = "one of (…); keys from PEM have their thumbprint"
		}, "kid-unknown", "NewKey"},
		{"a nonce in the header", "signature", func(k *diagnosis.Case) { forged(k); k.Header = header(`{"alg":"RS256","nonce":"x"}`) }, "signature-bad", "Microsoft Graph"},
		{"a bad signature and another issuer", "signature", func(k *diagnosis.Case) { forged(k); k.Issuer = "https://stage.example" }, "signature-bad", `(not verified) is "https://stage.example"`},
		{"a header without alg", "algorithm", func(k *diagnosis.Case) {
			k.Header, k.Failures[diagnosis.Algorithm] = header(`{}`), &diagnosis.Failure{Code: "alg-other", Found: "no alg"}
		}, "alg-other", "session cookie"},
		{"an unusual typ", "type", func(k *diagnosis.Case) {
			k.Type, k.Failures[diagnosis.Type] = "jose", &diagnosis.Failure{Code: "type-mismatch"}
		}, "type-mismatch", "Config.Type"},
		{"a logout token", "type", func(k *diagnosis.Case) {
			k.Type, k.Failures[diagnosis.Type] = "logout+jwt", &diagnosis.Failure{Code: "type-mismatch"}
		}, "type-mismatch", "not another kind"},
		{"a prefix", "form", func(k *diagnosis.Case) {
			k.Token, k.Failures[diagnosis.Form] = "Bearer "+header(`{"alg":"RS256"}`)+".e30.AAAA", &diagnosis.Failure{Code: "token-base64"}
		}, "token-wrapped", `"Bearer"`},

		{"a prefix before what is no JSON", "form", func(k *diagnosis.Case) {
			k.Token, k.Failures[diagnosis.Form] = "Bearer "+header(`{"alg":"RS256"}`)+".e30.AAAA", &diagnosis.Failure{Code: "token-json"}
		}, "token-wrapped", `"Bearer"`},

		{"status 401", "key", status("401"), "keys-status", "401: "},
		{"status 403", "key", status("403"), "keys-status", "403: "},
		{"status 404", "key", status("404"), "keys-status", "404: "},
		{"status 405", "key", status("405"), "keys-status", "405: "},
		{"status 406", "key", status("406"), "keys-status", "406: "},
		{"status 429", "key", status("429"), "keys-status", "429: "},
		{"status 500", "key", status("5xx"), "keys-status", "Try again later"},
		{"a Header that was held back", "key", noKeys(notkeys.HeldBack(&fetch.Refused{Request: "GET https://keys.example", Code: "keys-status", Cause: "401"})), "keys-status", "own host alone"},
		{"a client certificate", "key", noKeys(errors.New("remote error: tls: certificate required")), "keys-tls", "mutual TLS"},
		{"a private CA", "key", noKeys(x509.UnknownAuthorityError{}), "keys-tls", "SSL_CERT_FILE"},
		{"an expired certificate", "key", noKeys(errors.New("x509: certificate has expired or is not yet valid")), "keys-tls", "clock"},
		{"another name", "key", noKeys(errors.New("x509: certificate is valid for a, not b")), "keys-tls", "host name"},
		{"a time limit", "key", noKeys(context.DeadlineExceeded), "keys-timeout", "try again"},
		{"the wrong base64", "key", noKeys(errors.New("x"), `"n" has '/' at byte 7, want base64url, which has - and _ instead`), "keys-empty", "wrong base64"},
		{"other algorithms", "key", noKeys(errors.New("x"), `kty is "EC", want "RSA"`), "keys-empty", "another algorithm"},
		{"short keys", "key", noKeys(errors.New("x"), "the modulus has 1024 bits, want at least 2048"), "keys-empty", "2048 bits or more"},
		{"private keys", "key", noKeys(errors.New("x"), `it is a private key: it has "d"`), "keys-empty", "private keys"},
	} {
		t.Run(test.step+": "+test.name, func(t *testing.T) {
			k := accepted()
			test.change(k)
			for _, c := range k.Checks() {
				if c.Name == test.step && c.Status == "fail" {
					if c.Code != test.code || !strings.Contains(c.Expected+"\n"+c.Found+"\n"+c.Next, test.says) {
						t.Errorf("got %+v, want %s and %q", c, test.code, test.says)
					}
					return
				}
			}
			t.Error("the step did not fail")
		})
	}
}
