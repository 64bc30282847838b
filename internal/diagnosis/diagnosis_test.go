package diagnosis_test

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"example.com/jwtverify/internal/diagnosis"
	"example.com/jwtverify/internal/fetch"
	"example.com/jwtverify/internal/notkeys"
)

var now = time.Date(2025, 6, 15, 15, 6, 40, 0, time.UTC)

// accepted is the case of a good token.
func accepted() *diagnosis.Case {
	return &diagnosis.Case{
		Issuers: []string{"https://issuer.example"}, Audiences: []string{"https://api.example"}, Types: []string{""},
		Timeout: 5 * time.Second, Now: now, Last: diagnosis.Expiry, Signed: true,
		Size: 700, SignatureBytes: 256, Header: header(`{"alg":"RS256","kid":"key-0","typ":"JWT"}`),
		Type: "JWT", HasType: true, KeyID: "key-0", HasKeyID: true, Usable: 2,
		Claims: `{"iss":"https://issuer.example"}`, Issuer: "https://issuer.example", Audience: []string{"https://api.example"},
		Expiry: now.Add(time.Hour), NotBefore: now.Add(-time.Minute), IssuedAt: now.Add(-time.Minute),
		HeaderLimits: "a small header", ClaimsLimits: "few claims",
	}
}

func header(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

// next is what the library advises for a cause. The words stand in advice.go alone; here
// counts that they are those of the cause.
func next(code, cause string) string { return diagnosis.Of(code).For(cause).Next }

// lines are the checks of one name, or all of them for an empty one: status and code,
// expected, found and next; ? stands behind what is not verified.
func lines(k *diagnosis.Case, name string) string {
	var out []string
	for _, c := range k.Checks() {
		text := strings.TrimSpace(c.Status+" "+c.Code) + " | " + c.Expected + " | " + c.Found + " | " + c.Next
		if !c.Trusted {
			text += " ?"
		}
		if name == "" {
			text = c.Name + ": " + text
		}
		if name == "" || c.Name == name {
			out = append(out, text)
		}
	}
	return strings.Join(out, "\n")
}

func TestAGoodTokenPassesEachStep(t *testing.T) {
	const want = `settings: pass |  | issuer "https://issuer.example", audience "https://api.example" | 
form: pass | three parts | three parts, 700 bytes | 
algorithm: pass | "RS256" | "RS256" | 
type: pass | "JWT", "at+jwt", "JOSE" or none | "JWT" | 
key: pass | a key of the issuer | kid "key-0", 2 usable keys | 
signature: pass | made by that key | made by it, 256 bytes | 
claims: pass | one JSON object | one JSON object, 32 bytes | 
issuer: pass | "https://issuer.example" | "https://issuer.example" | 
audience: pass | "https://api.example" | ["https://api.example"] | 
not-before: pass | not after 2025-06-15T15:06:40Z, which is now | 2025-06-15T15:05:40Z | 
expiry: pass | later than 2025-06-15T15:06:40Z, which is now | 2025-06-15T16:06:40Z, in 60m | `
	if got := lines(accepted(), ""); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestWhatWasNotLookedAtIsSkipped(t *testing.T) {
	for _, test := range []struct {
		name string
		k    *diagnosis.Case
		want string // the status of each step
	}{
		{"a zero Verifier", &diagnosis.Case{Last: diagnosis.Settings, Failures: [diagnosis.Steps]*diagnosis.Failure{diagnosis.Settings: {Code: "config-domain-missing"}}},
			"fail skip skip skip skip skip skip? skip? skip? skip? skip?"},
		{"a token whose keys were not looked at", func() *diagnosis.Case {
			k := accepted()
			k.Usable, k.Signed = 0, false
			return k
		}(), "pass pass pass pass skip skip pass? pass? pass? pass? pass?"},
		{"claims that cannot be read", func() *diagnosis.Case {
			k := accepted()
			k.Last, k.Claims, k.Failures[diagnosis.Claims] = diagnosis.Claims, "", &diagnosis.Failure{Code: "token-json"}
			return k
		}(), "pass pass pass pass pass pass fail skip skip skip skip"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			for _, c := range test.k.Checks() {
				mark := ""
				if !c.Trusted {
					mark = "?"
				}
				got = append(got, c.Status+mark)
			}
			if strings.Join(got, " ") != test.want {
				t.Errorf("got  %s\nwant %s", strings.Join(got, " "), test.want)
			}
		})
	}
}

func TestWhatEachStepFinds(t *testing.T) {
	type change = func(*diagnosis.Case)
	fails := func(s diagnosis.Step, f diagnosis.Failure) change {
		return func(k *diagnosis.Case) { k.Failures[s] = &f }
	}
	skipped := func(n int) (list []error) {
		for i := range n {
			list = append(list, fmt.Errorf("key %d is not used", i))
		}
		return list
	}
	mismatch := diagnosis.Failure{Code: "issuer-mismatch", Found: "the iss", Want: "the issuer"}
	issuer := func(iss string) change {
		return func(k *diagnosis.Case) { k.Issuer, k.Failures[diagnosis.Issuer] = iss, &mismatch }
	}
	audience := func(claims string, aud ...string) change {
		return func(k *diagnosis.Case) {
			k.Claims, k.Audience, k.Failures[diagnosis.Audience] = claims, aud, &diagnosis.Failure{Code: "audience-mismatch", Found: "its aud", Want: "ours"}
		}
	}
	metadataOf := func(issuer string) *diagnosis.Failure {
		found := `metadata that cannot be used: issuer is "` + issuer + `", want "https://issuer.example"`
		return &diagnosis.Failure{Keys: &diagnosis.NoKeys{Err: &notkeys.Error{Code: "metadata-issuer", Found: found, Err: errors.New(found)}}}
	}
	for _, test := range []struct {
		name   string
		step   string
		change change
		want   string
	}{
		{"several issuers", "settings", func(k *diagnosis.Case) { k.Issuers = []string{"https://a", "https://b"} }, `pass |  | issuers "https://a", "https://b" | `},
		{"a zero Verifier", "settings", fails(diagnosis.Settings, diagnosis.Failure{Code: "config-domain-missing", Found: "a zero Verifier", Want: "one"}),
			"fail config-domain-missing | one | a zero Verifier | " + next("config-domain-missing", "")},

		{"a long token", "form", fails(diagnosis.Form, diagnosis.Failure{Code: "token-long", Subject: "token has", Found: "9 bytes", Want: "at most 8"}),
			"fail token-long | at most 8 | 9 bytes | " + next("token-long", "")},
		{"a header in bad base64", "form", fails(diagnosis.Form, diagnosis.Failure{Code: "token-base64", Subject: "header", Found: "has padding"}),
			"fail token-base64 | canonical base64url | header has padding | " + next("token-base64", "")},
		{"base64 where a byte is wanted", "form", fails(diagnosis.Form, diagnosis.Failure{Code: "token-base64", Subject: "header", Found: "has a +", Want: "a -"}),
			"fail token-base64 | a - | header has a + | " + next("token-base64", "")},
		{"a header that ends", "form", fails(diagnosis.Form, diagnosis.Failure{Code: "token-json", Subject: "header", Found: "ends", Want: "a colon"}),
			"fail token-json | one JSON object in the header, in valid UTF-8, with no member twice | header ends, want a colon | " + next("token-json", "")},
		{"a large header", "form", fails(diagnosis.Form, diagnosis.Failure{Code: "json-limits", Subject: "header", Found: "is deep", Want: "less"}),
			"fail json-limits | a small header | header is deep | " + next("json-limits", "")},

		{"no typ", "type", func(k *diagnosis.Case) { k.HasType = false }, `pass | "JWT", "at+jwt", "JOSE" or none | no typ | `},
		{"the types of several issuers", "type", func(k *diagnosis.Case) { k.Types = []string{"", "x", "", "x"} }, `pass | "JWT", "at+jwt", "JOSE" or none, or "x" | "JWT" | `},
		{"another type", "type", fails(diagnosis.Type, diagnosis.Failure{Code: "type-mismatch", Found: `"x"`, Want: "something"}),
			`fail type-mismatch | "JWT", "at+jwt", "JOSE" or none | "x" | ` + next("type-mismatch", "unusual")},
		{"crit", "type", func(k *diagnosis.Case) {
			k.Header, k.Failures[diagnosis.Type] = header(`{"alg":"RS256","x5c":["a"],"crit":["b64",1,"exp"]}`), &diagnosis.Failure{Code: "header-critical", Found: "crit", Want: "none"}
		}, `fail header-critical | no critical extension | crit ["b64", "exp"] | ` + next("header-critical", "")},
		{"crit that is no list", "type", func(k *diagnosis.Case) {
			k.Header, k.Failures[diagnosis.Type] = header(`{"crit":"b64"}`), &diagnosis.Failure{Code: "header-critical"}
		}, `fail header-critical | no critical extension | crit [] | ` + next("header-critical", "")},

		{"no kid and one key", "key", func(k *diagnosis.Case) { k.HasKeyID, k.Usable = false, 1 }, "pass | a key of the issuer | no kid, 1 usable key | "},
		{"no kid, and a certificate", "key", func(k *diagnosis.Case) { k.HasKeyID, k.Certificate = false, `x5t "abc"` }, `pass | a key of the issuer | x5t "abc", 2 usable keys | `},
		{"no kid, and several keys", "key", func(k *diagnosis.Case) {
			k.HasKeyID, k.Failures[diagnosis.Key] = false, &diagnosis.Failure{Code: "kid-missing", Found: "2 keys", Want: "a kid"}
		}, "fail kid-missing | a kid | 2 keys | " + next("kid-missing", "")},
		{"the certificate of no key", "key", func(k *diagnosis.Case) {
			k.HasKeyID, k.Certificate, k.Failures[diagnosis.Key] = false, `x5t "abc"`, &diagnosis.Failure{Code: "kid-missing", Found: "2 keys", Want: "a kid"}
		}, "fail kid-missing | a key of the issuer that the token's x5t names | 2 keys | " + next("kid-missing", "x5t")},
		{"a long kid", "key", func(k *diagnosis.Case) { k.KeyID = strings.Repeat("k", 65) }, `pass | a key of the issuer | kid "` + strings.Repeat("k", 64) + `"…, 2 usable keys | `},
		{"other keys beside", "key", func(k *diagnosis.Case) { k.Skipped = skipped(4) },
			"pass | a key of the issuer | kid \"key-0\", 2 usable keys | \nnote keys-skipped |  | key 0 is not used; key 1 is not used; key 2 is not used; key 3 is not used | " + next("keys-skipped", "")},
		{"one other key beside", "key", func(k *diagnosis.Case) { k.Skipped = skipped(1) },
			"pass | a key of the issuer | kid \"key-0\", 2 usable keys | \nnote keys-skipped |  | key 0 is not used | " + next("keys-skipped", "")},
		{"many other keys, and none of this kid", "key", func(k *diagnosis.Case) {
			k.Last = diagnosis.Key // nothing behind it was looked at
			k.Skipped, k.Failures[diagnosis.Key] = skipped(6), &diagnosis.Failure{Code: "kid-unknown", Found: `"x"`, Want: "one of them"}
		}, "fail kid-unknown | one of them | \"x\" | " + next("kid-unknown", "") + "\nnote keys-skipped |  | key 0 is not used; key 1 is not used; key 2 is not used; key 3 is not used; and 2 more | " + next("keys-skipped", "")},
		{"an unknown kid in a token of this issuer", "key", func(k *diagnosis.Case) {
			k.Signed, k.Failures[diagnosis.Key] = false, &diagnosis.Failure{Code: "kid-unknown", Found: `"x"`, Want: "one of them"}
		}, `fail kid-unknown | one of them | "x" | ` + next("kid-unknown", "")},
		{"a key that is not fit", "key", fails(diagnosis.Key, diagnosis.Failure{Code: "key-unusable", Found: "key 1 is not used"}),
			"fail key-unusable | an RSA key for RS256 signatures | key 1 is not used | " + next("key-unusable", "")},

		{"a forged signature", "signature", fails(diagnosis.Signature, diagnosis.Failure{Code: "signature-bad", Found: "not made by key 0"}),
			`fail signature-bad | made by the key with kid "key-0" | not made by it | ` + next("signature-bad", "")},

		{"a forged signature without kid", "signature", func(k *diagnosis.Case) {
			k.HasKeyID, k.Failures[diagnosis.Signature] = false, &diagnosis.Failure{Code: "signature-bad"}
		}, "fail signature-bad | made by the only key of the issuer | not made by it | " + next("signature-bad", "")},
		{"a forged signature and a certificate", "signature", func(k *diagnosis.Case) {
			k.HasKeyID, k.Certificate, k.Failures[diagnosis.Signature] = false, `x5t "abc"`, &diagnosis.Failure{Code: "signature-bad"}
		}, `fail signature-bad | made by the key with x5t "abc" | not made by it | ` + next("signature-bad", "")},

		{"a forged signature and a nonce in the header", "signature", func(k *diagnosis.Case) {
			k.Header, k.Failures[diagnosis.Signature] = header(`{"alg":"RS256","nonce":"x"}`), &diagnosis.Failure{Code: "signature-bad"}
		}, `fail signature-bad | made by the key with kid "key-0" | not made by it; the header has a nonce | ` + next("signature-bad", "graph")},
		{"a forged signature in a token of another issuer", "signature", func(k *diagnosis.Case) {
			k.Signed, k.Issuer, k.Failures[diagnosis.Signature] = false, "https://stage.example", &diagnosis.Failure{Code: "signature-bad"}
		}, `fail signature-bad | made by the key with kid "key-0" | not made by it; its iss (not verified) is "https://stage.example" | ` + next("signature-bad", "other issuer")},

		{"claims that are an array", "claims", fails(diagnosis.Claims, diagnosis.Failure{Code: "token-json", Subject: "claims:", Found: "are an array"}),
			"fail token-json | one JSON object in the claims, in valid UTF-8, with no member twice | claims: are an array | " + next("token-json", "")},
		{"claims that are too deep", "claims", fails(diagnosis.Claims, diagnosis.Failure{Code: "json-limits", Subject: "claims", Found: "are deep"}),
			"fail json-limits | few claims | claims are deep | " + next("json-limits", "")},
		{"no exp", "claims", fails(diagnosis.Claims, diagnosis.Failure{Code: "expiry-missing", Found: "no exp", Want: "a time"}),
			"fail expiry-missing | exp, the time at which the token expires | no exp | " + next("expiry-missing", "")},
		{"a token bound to a key", "claims", func(k *diagnosis.Case) { k.Claims = `{"a":1,"cnf":{}}` },
			"pass | one JSON object | one JSON object, 16 bytes | \nnote sender-constrained | a plain bearer token | a cnf claim | " + next("sender-constrained", "")},
		{"cnf in a claim", "claims", func(k *diagnosis.Case) { k.Claims = `{"a":{"cnf":{}}}` }, "pass | one JSON object | one JSON object, 16 bytes | "},

		{"no iss", "issuer", fails(diagnosis.Issuer, diagnosis.Failure{Code: "issuer-missing", Found: "missing or empty", Want: "the issuer"}),
			"fail issuer-missing | the issuer | nothing | " + next("issuer-missing", "")},
		{"a final slash", "issuer", issuer("https://issuer.example/"), `fail issuer-form | "https://issuer.example" | the iss | ` + next("issuer-form", "")},
		{"capitals", "issuer", issuer("HTTPS://Issuer.example"), `fail issuer-form | "https://issuer.example" | the iss | ` + next("issuer-form", "")},
		{"http in place of https", "issuer", issuer("http://issuer.example"), `fail issuer-form | "https://issuer.example" | the iss | ` + next("issuer-form", "")},
		{"no scheme", "issuer", issuer("issuer.example"), `fail issuer-form | "https://issuer.example" | the iss | ` + next("issuer-form", "")},
		{"another scheme", "issuer", issuer("ftp://issuer.example"), "fail issuer-mismatch | the issuer | the iss | " + next("issuer-mismatch", "")},
		{"two final slashes", "issuer", issuer("https://issuer.example//"), "fail issuer-mismatch | the issuer | the iss | " + next("issuer-mismatch", "")},
		{"one of several, but for a slash", "issuer", func(k *diagnosis.Case) {
			issuer("https://b/")(k)
			k.Issuers = []string{"https://a", "https://b", "https://c"}
		}, `fail issuer-form | "https://b" | the iss | ` + next("issuer-form", "")},

		{"neither of the issuer's two names", "issuer", func(k *diagnosis.Case) {
			issuer("https://other.example")(k)
			k.TokenIssuer = "http://issuer.example/services/trust"
		}, "fail issuer-mismatch | the issuer | the iss | " + next("issuer-mismatch", "")},
		{"the issuer that the metadata name", "issuer", func(k *diagnosis.Case) {
			issuer("https://other.example")(k)
			k.Failures[diagnosis.Key] = metadataOf("https://other.example")
		}, "fail issuer-mismatch | the issuer | the iss | " + next("issuer-mismatch", "metadata")},
		{"another issuer than the metadata name", "issuer", func(k *diagnosis.Case) {
			issuer("https://other.example")(k)
			k.Failures[diagnosis.Key] = metadataOf("https://third.example")
		}, "fail issuer-mismatch | the issuer | the iss | " + next("issuer-mismatch", "")},
		{"an iss that is no address", "issuer", issuer("https://issuer.example/%zz"), "fail issuer-mismatch | the issuer | the iss | " + next("issuer-mismatch", "")},
		{"a setting that is no address", "issuer", func(k *diagnosis.Case) {
			issuer("https://other.example")(k)
			k.Issuers = []string{"https://issuer.example/%zz"}
		}, "fail issuer-mismatch | the issuer | the iss | " + next("issuer-mismatch", "")},
		{"a setting that is the path of the iss", "issuer", func(k *diagnosis.Case) {
			issuer("https://other.example/shop")(k)
			k.Issuers = []string{"shop"}
		}, "fail issuer-mismatch | the issuer | the iss | " + next("issuer-mismatch", "")},

		{"no aud, and another claim than the one in its place", "audience", func(k *diagnosis.Case) {
			k.Claims, k.Audience, k.Audiences, k.AudienceClaim = `{"azp":"c1"}`, nil, []string{"c1"}, "cid"
			k.Failures[diagnosis.Audience] = &diagnosis.Failure{Code: "audience-missing", Want: "ours"}
		}, `fail audience-missing | ours | neither aud nor cid; azp is "c1" | ` + next("audience-missing", "claim")},
		{"another audience beside the claim in its place", "audience", func(k *diagnosis.Case) {
			audience(`{}`, "https://other")(k)
			k.AudienceClaim = "azp"
		}, "fail audience-mismatch | ours | its aud | " + next("audience-mismatch", "")},
		{"the userinfo endpoint", "audience", audience(`{}`, "https://other/userinfo"), "fail audience-mismatch | ours | its aud | " + next("audience-mismatch", "userinfo")},
		{"an audience for which this is the client", "audience", audience(`{"azp":"https://api.example"}`, "https://other"),
			`fail audience-mismatch | ours | its aud; its azp is "https://api.example" | ` + next("audience-mismatch", "client")},
		{"no aud", "audience", fails(diagnosis.Audience, diagnosis.Failure{Code: "audience-missing", Found: "missing", Want: "ours"}),
			`fail audience-missing | ours | nothing | ` + next("audience-missing", "")},
		{"another audience", "audience", audience(`{"a":{"nonce":1}}`, "https://other"), "fail audience-mismatch | ours | its aud | " + next("audience-mismatch", "")},
		{"a final slash on one of two", "audience", audience(`{"nonce":1}`, "x", "https://API.example/"), "fail audience-form | ours | its aud | " + next("audience-form", "")},
		{"another scheme is another audience", "audience", audience(`{}`, "http://api.example"), "fail audience-mismatch | ours | its aud | " + next("audience-mismatch", "")},
		{"a nonce", "audience", audience(`{"a":1,"nonce":1,"b":2}`, "client"), "fail audience-id-token | ours | its aud | " + next("audience-id-token", "")},
		{"an at_hash", "audience", audience(`{"at_hash":1}`, "client"), "fail audience-id-token | ours | its aud | " + next("audience-id-token", "")},

		{"no nbf", "not-before", func(k *diagnosis.Case) { k.NotBefore = time.Time{} }, "pass |  | no nbf | "},
		{"nbf ahead", "not-before", func(k *diagnosis.Case) {
			k.NotBefore, k.Failures[diagnosis.NotBefore] = now.Add(90*time.Second), &diagnosis.Failure{Code: "not-before", Found: "early"}
		}, "fail not-before | not after 2025-06-15T15:06:40Z, which is now | 2025-06-15T15:08:10Z, in 90s | " + next("not-before", "")},
		{"iat ahead by the leeway", "not-before", func(k *diagnosis.Case) { k.Leeway, k.IssuedAt = time.Minute, now.Add(time.Minute) },
			"pass | not after 2025-06-15T15:06:40Z, which is now | 2025-06-15T15:05:40Z | "},
		{"iat ahead by more", "not-before", func(k *diagnosis.Case) { k.Leeway, k.IssuedAt = time.Minute, now.Add(61*time.Second) },
			"pass | not after 2025-06-15T15:06:40Z, which is now | 2025-06-15T15:05:40Z | \nnote issued-ahead | not after 2025-06-15T15:06:40Z, which is now | iat 2025-06-15T15:07:41Z, in 61s | " + next("issued-ahead", "")},
		{"iat ahead in claims that were not judged", "not-before", func(k *diagnosis.Case) { k.Last, k.IssuedAt = diagnosis.Audience, now.Add(time.Hour) },
			"skip |  |  | "},
		{"expired just now", "expiry", func(k *diagnosis.Case) {
			k.Expiry, k.Failures[diagnosis.Expiry] = now, &diagnosis.Failure{Code: "expired", Found: "late"}
		}, "fail expired | later than 2025-06-15T15:06:40Z, which is now | 2025-06-15T15:06:40Z, 0s ago | get a new token"},
		{"expired, beyond the leeway", "expiry", func(k *diagnosis.Case) {
			k.Leeway, k.Expiry, k.Failures[diagnosis.Expiry] = time.Minute, now.Add(-72*time.Hour), &diagnosis.Failure{Code: "expired", Found: "late"}
		}, "fail expired | later than 2025-06-15T15:06:40Z, which is now, less the leeway of 1m0s | 2025-06-12T15:06:40Z, 3d ago | get a new token"},
		{"a code without row", "expiry", fails(diagnosis.Expiry, diagnosis.Failure{Code: "of-tomorrow", Found: "found", Want: "want"}), "fail of-tomorrow | want | found | "},
	} {
		t.Run(test.name, func(t *testing.T) {
			k := accepted()
			test.change(k)
			if got := lines(k, test.step); got != test.want {
				t.Errorf("got\n%s\nwant\n%s", got, test.want)
			}
		})
	}
}

func TestWhyThereAreNoKeys(t *testing.T) {
	failed := func(err error) error {
		return fmt.Errorf("wrapped: %w", &fetch.Error{Request: "GET https://issuer.example/keys", Host: "issuer.example", Err: err})
	}
	tell := func(code, found string) error {
		return &fetch.Refused{Request: "GET https://issuer.example/keys", Text: "text", Code: code, Found: found}
	}
	plain := errors.New("redis:\nno answer")
	for _, test := range []struct {
		name string
		keys diagnosis.NoKeys
		want string
	}{
		{"a name that does not resolve", diagnosis.NoKeys{Err: failed(&net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "issuer.example"}})},
			"keys-dns | an address of issuer.example | wrapped: GET https://issuer.example/keys: dial: lookup issuer.example: no such host | " + next("keys-dns", "")},
		{"a name server that does not answer", diagnosis.NoKeys{Err: failed(&net.DNSError{Err: "timeout", Name: "issuer.example", IsTimeout: true})},
			"keys-timeout | an answer within 5s | none after 5s at https://issuer.example/keys | " + next("keys-timeout", "")},
		{"a proxy without address", diagnosis.NoKeys{Err: failed(&net.OpError{Op: "proxyconnect", Err: &net.DNSError{Err: "no such host", Name: "proxy"}})},
			"keys-connect | a connection to issuer.example | wrapped: GET https://issuer.example/keys: proxyconnect: lookup proxy: no such host | " + next("keys-connect", "proxy")},
		{"a connection that is refused", diagnosis.NoKeys{Err: failed(&net.OpError{Op: "dial", Err: errors.New("connection refused")})},
			"keys-connect | a connection to issuer.example | wrapped: GET https://issuer.example/keys: dial: connection refused | " + strings.Replace(next("keys-connect", ""), "{host}", "issuer.example", 1)},
		{"no answer in time", diagnosis.NoKeys{Err: context.DeadlineExceeded}, "keys-timeout | an answer within 5s | none after 5s | " + next("keys-timeout", "")},
		{"a caller that left", diagnosis.NoKeys{Reason: "caller", Err: context.Canceled}, "keys-timeout | an answer within 5s | context canceled | " + next("keys-timeout", "")},
		{"an unknown certificate", diagnosis.NoKeys{Err: failed(x509.UnknownAuthorityError{})},
			"keys-tls | a valid certificate of issuer.example | wrapped: GET https://issuer.example/keys: x509: certificate signed by unknown authority | " + next("keys-tls", "authority")},
		{"an alert", diagnosis.NoKeys{Err: errors.New("remote error: tls: handshake failure")},
			"keys-tls | a valid certificate of the key server | remote error: tls: handshake failure | " + next("keys-tls", "handshake")},
		{"a server that speaks http", diagnosis.NoKeys{Err: http.ErrSchemeMismatch},
			"keys-tls | a valid certificate of the key server | http: server gave HTTP response to HTTPS client | " + next("keys-tls", "http")},
		{"a source of one's own", diagnosis.NoKeys{Err: plain}, `keys-connect | keys from the key source | "redis:\nno answer" | ` + next("keys-connect", "source")},
		{"a status", diagnosis.NoKeys{Err: tell("keys-status", "404 Not Found")}, "keys-status | status 200 | 404 Not Found at https://issuer.example/keys | " + next("keys-status", "")},
		{"a redirect", diagnosis.NoKeys{Err: tell("keys-redirect", "302 Found")}, "keys-redirect | status 200 | 302 Found at https://issuer.example/keys | " + next("keys-redirect", "")},
		{"a large document", diagnosis.NoKeys{Err: tell("keys-size", "more")}, "keys-size | at most 524288 bytes | more at https://issuer.example/keys | " + next("keys-size", "")},
		{"HTML", diagnosis.NoKeys{Err: tell("keys-not-json", "HTML")}, "keys-not-json | a JWK Set | HTML at https://issuer.example/keys | " + next("keys-not-json", "")},
		{"a file", diagnosis.NoKeys{Err: &notkeys.Error{Code: "keys-file", Found: "no such file", Err: plain}}, "keys-file | a file with a JWK Set, a JWK or PEM | no such file | " + next("keys-file", "")},
		{"a set without keys", diagnosis.NoKeys{Err: plain, Empty: true}, "keys-empty | one usable RS256 key or more | 0 keys, none usable | " + next("keys-empty", "none")},
		{"a set of other keys", diagnosis.NoKeys{Err: plain, Empty: true, Skipped: strings.Fields("a b a c d")},
			"keys-empty | one usable RS256 key or more | 5 keys, none usable; 2 because a; 1 because b; 1 because c; 1 because d | " + next("keys-empty", "")},
		{"a set of keys with many flaws", diagnosis.NoKeys{Err: plain, Empty: true, Skipped: strings.Fields("a b c d e f")},
			"keys-empty | one usable RS256 key or more | 6 keys, none usable; 1 because a; 1 because b; 1 because c; 1 because d; and other reasons | " + next("keys-empty", "")},
		{"a source that is not asked", diagnosis.NoKeys{Held: true, RetryAfter: 1400 * time.Millisecond, Err: tell("keys-status", "503")},
			`keys-held | a retrieval of the keys | none at the moment, the next in 1s: GET https://issuer.example/keys: text | ` + next("keys-held", "")},
		{"too many that wait", diagnosis.NoKeys{Reason: "busy", Err: plain}, `keys-held | a retrieval of the keys | none at the moment, the next in 0s: "redis:\nno answer" | ` + next("keys-held", "")},
	} {
		t.Run(test.name, func(t *testing.T) {
			k := accepted()
			k.Usable, k.Signed = 0, false
			k.Failures[diagnosis.Key] = &diagnosis.Failure{Keys: &test.keys}
			if got := lines(k, "key"); got != "fail "+test.want {
				t.Errorf("got  %s\nwant fail %s", got, test.want)
			}
		})
	}
}

func TestDurationsAsPeopleSayThem(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0:                                "0s",
		119 * time.Second:                "119s",
		2 * time.Minute:                  "2m",
		time.Hour - 300*time.Millisecond: "60m",
		2*time.Hour - time.Second:        "120m",
		2 * time.Hour:                    "2h",
		48*time.Hour - time.Second:       "48h",
		48 * time.Hour:                   "2d",
		72 * time.Hour:                   "3d",
	} {
		if got := diagnosis.Rounded(d); got != want {
			t.Errorf("%v: got %s, want %s", d, got, want)
		}
	}
}

func TestTimesAreInUTC(t *testing.T) {
	elsewhere := now.In(time.FixedZone("", 3600))
	for d, want := range map[time.Duration]string{0: "2025-06-15T15:06:40Z", 1500 * time.Microsecond: "2025-06-15T15:06:40.001Z"} {
		if got := diagnosis.Clock(elsewhere.Add(d)); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
