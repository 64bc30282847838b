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

// lines are the checks of one name, or all of them for an empty one: status and code,
// expected, found and next; ? stands behind what nobody vouches for.
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
type: pass | "JWT", "at+jwt" or none | "JWT" | 
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
	const (
		tenant   = "the token is of another tenant, or its key was withdrawn: get a new token, and check the issuer"
		harmless = "harmless, if yours is not among them"
		damaged  = "the issuer, or a proxy on the way, damaged the token: get a new one"
		copied   = "copy the token again, and look for line breaks and other changes on its way"
		other    = "the token is of another tenant, or the issuer in the settings is wrong"
		byBytes  = "make the issuer in the settings equal to the token's iss, byte for byte"
		otherAPI = "ask for this audience in the token request, or correct the audience in the settings"
		sameAPI  = "make the audience in the settings equal to the API's identifier at the issuer, byte for byte"
		idToken  = "this is an ID token: send the access token"
		bound    = "this token is bound to its client's key (DPoP or mutual TLS): check the proof, or it is taken for a plain one"
	)
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
	for _, test := range []struct {
		name   string
		step   string
		change change
		want   string
	}{
		{"several issuers", "settings", func(k *diagnosis.Case) { k.Issuers = []string{"https://a", "https://b"} }, `pass |  | issuers "https://a", "https://b" | `},
		{"a zero Verifier", "settings", fails(diagnosis.Settings, diagnosis.Failure{Code: "config-domain-missing", Found: "a zero Verifier", Want: "one"}),
			"fail config-domain-missing | one | a zero Verifier | make the Verifier with New, and Issuers with NewIssuers"},

		{"a long token", "form", fails(diagnosis.Form, diagnosis.Failure{Code: "token-long", Subject: "token has", Found: "9 bytes", Want: "at most 8"}),
			"fail token-long | at most 8 | 9 bytes | ask the issuer for fewer claims"},
		{"a header in bad base64", "form", fails(diagnosis.Form, diagnosis.Failure{Code: "token-base64", Subject: "header", Found: "has padding"}),
			"fail token-base64 | canonical base64url | header has padding | " + copied},
		{"base64 where a byte is wanted", "form", fails(diagnosis.Form, diagnosis.Failure{Code: "token-base64", Subject: "header", Found: "has a +", Want: "a -"}),
			"fail token-base64 | a - | header has a + | " + copied},
		{"a header that ends", "form", fails(diagnosis.Form, diagnosis.Failure{Code: "token-json", Subject: "header", Found: "ends", Want: "a colon"}),
			"fail token-json | one JSON object in the header, in valid UTF-8, with no member twice | header ends, want a colon | " + damaged},
		{"a large header", "form", fails(diagnosis.Form, diagnosis.Failure{Code: "json-limits", Subject: "header", Found: "is deep", Want: "less"}),
			"fail json-limits | a small header | header is deep | ask the issuer for less"},

		{"no typ", "type", func(k *diagnosis.Case) { k.HasType = false }, `pass | "JWT", "at+jwt" or none | no typ | `},
		{"the types of several issuers", "type", func(k *diagnosis.Case) { k.Types = []string{"", "x", "", "x"} }, `pass | "JWT", "at+jwt" or none, or "x" | "JWT" | `},
		{"another type", "type", fails(diagnosis.Type, diagnosis.Failure{Code: "type-mismatch", Found: `"x"`, Want: "something"}),
			`fail type-mismatch | "JWT", "at+jwt" or none | "x" | send the access token; if this is one, and the issuer gives all of them this typ, set Config.Type to it`},
		{"crit", "type", func(k *diagnosis.Case) {
			k.Header, k.Failures[diagnosis.Type] = header(`{"alg":"RS256","x5c":["a"],"crit":["b64",1,"exp"]}`), &diagnosis.Failure{Code: "header-critical", Found: "crit", Want: "none"}
		}, `fail header-critical | no critical extension | crit ["b64", "exp"] | the issuer uses an extension that is unknown here: have it switched off`},
		{"crit that is no list", "type", func(k *diagnosis.Case) {
			k.Header, k.Failures[diagnosis.Type] = header(`{"crit":"b64"}`), &diagnosis.Failure{Code: "header-critical"}
		}, `fail header-critical | no critical extension | crit [] | the issuer uses an extension that is unknown here: have it switched off`},

		{"no kid and one key", "key", func(k *diagnosis.Case) { k.HasKeyID, k.Usable = false, 1 }, "pass | a key of the issuer | no kid, 1 usable key | "},
		{"a long kid", "key", func(k *diagnosis.Case) { k.KeyID = strings.Repeat("k", 65) }, `pass | a key of the issuer | kid "` + strings.Repeat("k", 64) + `"…, 2 usable keys | `},
		{"other keys beside", "key", func(k *diagnosis.Case) { k.Skipped = skipped(4) },
			"pass | a key of the issuer | kid \"key-0\", 2 usable keys | \nnote keys-skipped |  | key 0 is not used; key 1 is not used; key 2 is not used; key 3 is not used | " + harmless},
		{"one other key beside", "key", func(k *diagnosis.Case) { k.Skipped = skipped(1) },
			"pass | a key of the issuer | kid \"key-0\", 2 usable keys | \nnote keys-skipped |  | key 0 is not used | " + harmless},
		{"many other keys, and none of this kid", "key", func(k *diagnosis.Case) {
			k.Last = diagnosis.Key // nothing behind it was looked at
			k.Skipped, k.Failures[diagnosis.Key] = skipped(6), &diagnosis.Failure{Code: "kid-unknown", Found: `"x"`, Want: "one of them"}
		}, "fail kid-unknown | one of them | \"x\" | " + tenant + "\nnote keys-skipped |  | key 0 is not used; key 1 is not used; key 2 is not used; key 3 is not used; and 2 more | " + harmless},
		{"a key that is not fit", "key", fails(diagnosis.Key, diagnosis.Failure{Code: "key-unusable", Found: "key 1 is not used"}),
			"fail key-unusable | an RSA key for RS256 signatures | key 1 is not used | tell the issuer: its key is not fit for RS256 signatures"},

		{"a forged signature", "signature", fails(diagnosis.Signature, diagnosis.Failure{Code: "signature-bad", Found: "not made by key 0"}),
			`fail signature-bad | made by the key with kid "key-0" | not made by it | the token was altered, or it is of another environment whose key has the same kid: get a new token`},

		{"claims that are an array", "claims", fails(diagnosis.Claims, diagnosis.Failure{Code: "token-json", Subject: "claims:", Found: "are an array"}),
			"fail token-json | one JSON object in the claims, in valid UTF-8, with no member twice | claims: are an array | " + damaged},
		{"claims that are too deep", "claims", fails(diagnosis.Claims, diagnosis.Failure{Code: "json-limits", Subject: "claims", Found: "are deep"}),
			"fail json-limits | few claims | claims are deep | ask the issuer for less"},
		{"no exp", "claims", fails(diagnosis.Claims, diagnosis.Failure{Code: "expiry-missing", Found: "no exp", Want: "a time"}),
			"fail expiry-missing | exp, the time at which the token expires | no exp | the issuer must limit the life of its tokens"},
		{"a token bound to a key", "claims", func(k *diagnosis.Case) { k.Claims = `{"a":1,"cnf":{}}` },
			"pass | one JSON object | one JSON object, 16 bytes | \nnote sender-constrained | a plain bearer token | a cnf claim | " + bound},
		{"cnf in a claim", "claims", func(k *diagnosis.Case) { k.Claims = `{"a":{"cnf":{}}}` }, "pass | one JSON object | one JSON object, 16 bytes | "},

		{"no iss", "issuer", fails(diagnosis.Issuer, diagnosis.Failure{Code: "issuer-missing", Found: "missing or empty", Want: "the issuer"}),
			"fail issuer-missing | the issuer | nothing | this is not an access token of the issuer: send that"},
		{"a final slash", "issuer", issuer("https://issuer.example/"), `fail issuer-form | "https://issuer.example" | the iss | ` + byBytes},
		{"capitals", "issuer", issuer("HTTPS://Issuer.example"), `fail issuer-form | "https://issuer.example" | the iss | ` + byBytes},
		{"http in place of https", "issuer", issuer("http://issuer.example"), `fail issuer-form | "https://issuer.example" | the iss | ` + byBytes},
		{"no scheme", "issuer", issuer("issuer.example"), `fail issuer-form | "https://issuer.example" | the iss | ` + byBytes},
		{"another scheme", "issuer", issuer("ftp://issuer.example"), "fail issuer-mismatch | the issuer | the iss | " + other},
		{"two final slashes", "issuer", issuer("https://issuer.example//"), "fail issuer-mismatch | the issuer | the iss | " + other},
		{"one of several, but for a slash", "issuer", func(k *diagnosis.Case) {
			issuer("https://b/")(k)
			k.Issuers = []string{"https://a", "https://b", "https://c"}
		}, `fail issuer-form | "https://b" | the iss | ` + byBytes},

		{"no aud", "audience", fails(diagnosis.Audience, diagnosis.Failure{Code: "audience-missing", Found: "missing", Want: "ours"}),
			`fail audience-missing | ours | nothing | add "audience" to the token request`},
		{"another audience", "audience", audience(`{"a":{"nonce":1}}`, "https://other"), "fail audience-mismatch | ours | its aud | " + otherAPI},
		{"a final slash on one of two", "audience", audience(`{"nonce":1}`, "x", "https://API.example/"), "fail audience-form | ours | its aud | " + sameAPI},
		{"another scheme is another audience", "audience", audience(`{}`, "http://api.example"), "fail audience-mismatch | ours | its aud | " + otherAPI},
		{"a nonce", "audience", audience(`{"a":1,"nonce":1,"b":2}`, "client"), "fail audience-id-token | ours | its aud | " + idToken},
		{"an at_hash", "audience", audience(`{"at_hash":1}`, "client"), "fail audience-id-token | ours | its aud | " + idToken},

		{"no nbf", "not-before", func(k *diagnosis.Case) { k.NotBefore = time.Time{} }, "pass |  | no nbf | "},
		{"nbf ahead", "not-before", func(k *diagnosis.Case) {
			k.NotBefore, k.Failures[diagnosis.NotBefore] = now.Add(90*time.Second), &diagnosis.Failure{Code: "not-before", Found: "early"}
		}, "fail not-before | not after 2025-06-15T15:06:40Z, which is now | 2025-06-15T15:08:10Z, in 90s | wait, or set the clocks of this machine and the issuer"},
		{"iat ahead by the leeway", "not-before", func(k *diagnosis.Case) { k.Leeway, k.IssuedAt = time.Minute, now.Add(time.Minute) },
			"pass | not after 2025-06-15T15:06:40Z, which is now | 2025-06-15T15:05:40Z | "},
		{"iat ahead by more", "not-before", func(k *diagnosis.Case) { k.Leeway, k.IssuedAt = time.Minute, now.Add(61*time.Second) },
			"pass | not after 2025-06-15T15:06:40Z, which is now | 2025-06-15T15:05:40Z | \nnote issued-ahead | not after 2025-06-15T15:06:40Z, which is now | iat 2025-06-15T15:07:41Z, in 61s | set the clocks of this machine and the issuer"},
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
	const (
		firewall = "check firewall and proxy"
		route    = "try again; check the route to "
		held     = "wait that long, and see why the retrieval before failed"
		empty    = "check the address of the keys, or tell the issuer that it publishes no key for RS256"
	)
	for _, test := range []struct {
		name string
		keys diagnosis.NoKeys
		want string
	}{
		{"a name that does not resolve", diagnosis.NoKeys{Err: failed(&net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "issuer.example"}})},
			"keys-dns | an address of issuer.example | wrapped: GET https://issuer.example/keys: dial: lookup issuer.example: no such host | check the spelling of the domain, and the network"},
		{"a name server that does not answer", diagnosis.NoKeys{Err: failed(&net.DNSError{Err: "timeout", Name: "issuer.example", IsTimeout: true})},
			"keys-timeout | an answer within 5s | none after 5s at https://issuer.example/keys | " + route + "issuer.example"},
		{"a proxy without address", diagnosis.NoKeys{Err: failed(&net.OpError{Op: "proxyconnect", Err: &net.DNSError{Err: "no such host", Name: "proxy"}})},
			"keys-connect | a connection to issuer.example | wrapped: GET https://issuer.example/keys: proxyconnect: lookup proxy: no such host | check the proxy in the variables HTTPS_PROXY and NO_PROXY: it does not answer"},
		{"a connection that is refused", diagnosis.NoKeys{Err: failed(&net.OpError{Op: "dial", Err: errors.New("connection refused")})},
			"keys-connect | a connection to issuer.example | wrapped: GET https://issuer.example/keys: dial: connection refused | " + firewall},
		{"no answer in time", diagnosis.NoKeys{Err: context.DeadlineExceeded}, "keys-timeout | an answer within 5s | none after 5s | " + route + "the key server"},
		{"a caller that left", diagnosis.NoKeys{Reason: "caller", Err: context.Canceled}, "keys-timeout | an answer within 5s | context canceled | " + route + "the key server"},
		{"an unknown certificate", diagnosis.NoKeys{Err: failed(x509.UnknownAuthorityError{})},
			"keys-tls | a valid certificate of issuer.example | wrapped: GET https://issuer.example/keys: x509: certificate signed by unknown authority | if the certificate is of a private CA (a company's, a cluster's, a proxy's that reads TLS), name the file with the CA's certificate in the variable SSL_CERT_FILE, or in the RootCAs of a Client's Transport; otherwise this is not the issuer"},
		{"an alert", diagnosis.NoKeys{Err: errors.New("remote error: tls: handshake failure")},
			"keys-tls | a valid certificate of the key server | remote error: tls: handshake failure | the server refuses the handshake: it wants a certificate of the client (a Client whose Transport has one), or a TLS version or cipher that Go does not offer: use TLS 1.2 or newer there"},
		{"a server that speaks http", diagnosis.NoKeys{Err: http.ErrSchemeMismatch},
			"keys-tls | a valid certificate of the key server | http: server gave HTTP response to HTTPS client | this port speaks plain http, not https: correct the port of the address"},
		{"a source of one's own", diagnosis.NoKeys{Err: plain}, `keys-connect | keys from the key source | "redis:\nno answer" | see what the error says: it is of a key source or transport of the program's own`},
		{"a status", diagnosis.NoKeys{Err: tell("keys-status", "404 Not Found")}, "keys-status | status 200 | 404 Not Found at https://issuer.example/keys | see what this status means at this server, and check the address of the keys"},
		{"a redirect", diagnosis.NoKeys{Err: tell("keys-redirect", "302 Found")}, "keys-redirect | status 200 | 302 Found at https://issuer.example/keys | use the final URL as the address of the keys"},
		{"a large document", diagnosis.NoKeys{Err: tell("keys-size", "more")}, "keys-size | at most 524288 bytes | more at https://issuer.example/keys | check the address of the keys: this is no usual key set"},
		{"HTML", diagnosis.NoKeys{Err: tell("keys-not-json", "HTML")}, "keys-not-json | a JWK Set | HTML at https://issuer.example/keys | another document stands where the keys should: look at it, and check the address or file of the keys"},
		{"a file", diagnosis.NoKeys{Err: &notkeys.Error{Code: "keys-file", Found: "no such file", Err: plain}}, "keys-file | a file with a JWK Set, a JWK or PEM | no such file | check the path"},
		{"a set without keys", diagnosis.NoKeys{Err: plain, Empty: true}, "keys-empty | one usable RS256 key or more | 0 keys, none usable | the set is empty: check the realm or tenant in the address of the keys; an issuer that has just started may have none yet"},
		{"a set of other keys", diagnosis.NoKeys{Err: plain, Empty: true, Skipped: strings.Fields("a b a c d")},
			"keys-empty | one usable RS256 key or more | 5 keys, none usable; 2 because a; 1 because b; 1 because c; 1 because d | " + empty},
		{"a set of keys with many flaws", diagnosis.NoKeys{Err: plain, Empty: true, Skipped: strings.Fields("a b c d e f")},
			"keys-empty | one usable RS256 key or more | 6 keys, none usable; 1 because a; 1 because b; 1 because c; 1 because d; and other reasons | " + empty},
		{"a source that is not asked", diagnosis.NoKeys{Held: true, RetryAfter: 1400 * time.Millisecond, Err: tell("keys-status", "503")},
			`keys-held | a retrieval of the keys | none at the moment, the next in 1s: GET https://issuer.example/keys: text | ` + held},
		{"too many that wait", diagnosis.NoKeys{Reason: "busy", Err: plain}, `keys-held | a retrieval of the keys | none at the moment, the next in 0s: "redis:\nno answer" | ` + held},
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
