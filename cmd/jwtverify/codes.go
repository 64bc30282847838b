package main

import "strings"

// A diagnosis is what the command knows of a code. Codes are never renamed and never
// used for anything else; their texts may improve.
type diagnosis struct {
	code     string
	check    string // the name of the check that comes to it
	behind   string // the error of the library, or what else the code means for the verdict
	when     string
	sentence string // the first line of a report that it decides
	next     string // what to do, where the library's words are not those of the command line
}

// What stands behind a code that is no error of the library.
const (
	setUp     = "exit 2" // nothing was checked
	noteOnly  = "note"   // the verdict does not depend on it
	probeOnly = "probe"  // the API does not behave
)

// Names of checks that the library does not have.
const (
	keysCheck  = "keys"  // retrieving the keys
	clockCheck = "clock" // this machine's clock
)

// diagnoses are all there are, in the order of the checks.
var diagnoses = [...]diagnosis{
	{"config-domain-missing", "settings", setUp, "there is neither a domain nor an issuer", "no issuer is set", ""},
	{"config-domain-form", "settings", setUp, "the domain has a scheme, a slash, a path, a space or a quote in it", "the domain is no bare host name", ""},
	{"config-placeholder", "settings", setUp, "a setting still holds your-authaction-…", "a setting is still the sample of the guide", ""},
	{"config-audience-missing", "settings", setUp, "the audience is unset or empty", "no audience is set", ""},
	{"config-insecure-url", "settings", setUp, "plain http beyond this machine", "the address is plain http", ""},
	{"issuer-missing", "issuer", "ErrIssuer", "the token has no iss", "the token names no issuer", ""},
	{"issuer-form", "issuer", "ErrIssuer", "iss differs from the issuer by a final slash, by case or by the scheme only", "the issuer is written differently in the token",
		"make --issuer, or AUTHACTION_DOMAIN behind its https://, equal to the token's iss, byte for byte"},
	{"issuer-mismatch", "issuer", "ErrIssuer", "iss is another issuer", "the token is of another issuer",
		"the token is of another tenant: get one of this; or AUTHACTION_DOMAIN or --issuer is wrong"},

	{"token-missing", "form", setUp, "the input is empty", "there is no token", ""},
	{"token-cleaned", "form", noteOnly, "a prefix, quotes, JSON or space around the token was removed", "something around the token was removed", ""},
	{"token-long", "form", "ErrMalformed", "the token is over the size limit", "the token is too long", ""},
	{"token-opaque", "form", "ErrMalformed", "there is no dot in the token", "this is no JWT",
		`request the token with "audience" for this API, or ask the issuer about it (introspection)`},
	{"token-encrypted", "form", "ErrUnsupported", "the token has five parts", "the token is encrypted", ""},
	{"token-parts", "form", "ErrMalformed", "the token has another number of parts than three, or an empty header or claims", "the token is not whole", ""},
	{"token-base64", "form", "ErrMalformed", "there is padding, +, /, space or a line break in the token, or loose bits at the end of a part", "the token is damaged", ""},
	{"token-json", "form", "ErrMalformed", "the header or the claims are not one JSON object, or have a member twice", "the token does not hold what a token holds", ""},
	{"json-limits", "form", "ErrMalformed", "the header or the claims have too many bytes, members or levels", "there is too much in the token", ""},
	{"alg-none", "algorithm", "ErrUnsupported", `alg is "none", in any case`, "the token is not signed", ""},
	{"alg-hmac", "algorithm", "ErrUnsupported", "alg is HS256, HS384 or HS512", "the token is signed with a shared secret, not with RS256", ""},
	{"alg-other", "algorithm", "ErrUnsupported", "alg is absent, no text, or another than RS256", "the token is not signed with RS256", ""},
	{"type-mismatch", "type", "ErrUnsupported", "typ is that of another kind of token", "this is another kind of token", ""},
	{"header-critical", "type", "ErrUnsupported", "the header has crit", "the token uses an extension that is unknown here", ""},

	{"keys-dns", keysCheck, "ErrKeysUnavailable", "the name of the key server does not resolve", "the issuer's name does not resolve", ""},
	{"keys-connect", keysCheck, "ErrKeysUnavailable", "the connection is refused, or the server or a proxy cannot be reached", "the issuer cannot be reached", ""},
	{"keys-tls", keysCheck, "ErrKeysUnavailable", "the certificate or the handshake is not good", "the connection to the issuer is not secure", ""},
	{"keys-timeout", keysCheck, "ErrKeysUnavailable", "the keys did not come within the limit", "the issuer's keys did not come in time", ""},
	{"keys-status", keysCheck, "ErrKeysUnavailable", "the answer has another status than 200", "the issuer answers with an error",
		"404: AUTHACTION_DOMAIN or the path of --jwks-url is wrong; 5xx: try again later"},
	{"keys-redirect", keysCheck, "ErrKeysUnavailable", "the answer is a redirect, which is not followed", "the address of the keys is not their final one",
		"use the final URL in --jwks-url, if it is the issuer's"},
	{"keys-not-json", keysCheck, "ErrKeysUnavailable", "HTML or other text came, or JSON that is cut off or no key set", "what came is no key set",
		"a login page, a proxy or another document answered: check AUTHACTION_DOMAIN, --issuer, --jwks-url or --jwks-file"},
	{"keys-size", keysCheck, "ErrKeysUnavailable", "the document is over the size limit", "what came is too large for a key set",
		"check --jwks-url: this is no usual key set"},
	{"keys-empty", keysCheck, "ErrKeysUnavailable", "no key of the set is usable for RS256", "the issuer publishes no key for RS256", ""},
	{"keys-file", keysCheck, "ErrKeysUnavailable", "the file of --jwks-file is not there or cannot be read", "the file with the keys cannot be read",
		"check the path in --jwks-file"},
	{"keys-held", keysCheck, "ErrKeysUnavailable", "no attempt is made now, since the last one failed or too many wait (in a long-lived process only)", "the issuer is not asked at the moment", ""},
	{"keys-skipped", keysCheck, noteOnly, "some keys of the set were passed over", "some keys were passed over",
		"harmless if yours is not among them; jwtverify jwks shows all"},
	{"kid-form", "key", "ErrMalformed", "kid is no text, or over 256 bytes", "the token's kid is not one", ""},
	{"kid-missing", "key", "ErrUnknownKey", "the token has no kid, and several keys are usable", "the token does not name its key", ""},
	{"kid-unknown", "key", "ErrUnknownKey", "kid is not in the set after a refresh (keys from PEM have their thumbprint as kid)", "the issuer has no key of this kid", ""},
	{"key-unusable", "key", "ErrUnknownKey", "the key of this kid is not RSA, not for signatures, for another algorithm, under 2048 bits or otherwise unfit", "the token's key is not fit for RS256", ""},
	{"signature-length", "signature", "ErrSignature", "the signature is missing, or not as long as the key's modulus", "the signature has the wrong length", ""},
	{"signature-bad", "signature", "ErrSignature", "the signature has the right length and was not made by this key", "the signature is not the issuer's", ""},

	{"claim-case", "claims", "ErrMalformed", "a claim has the name of a registered one but for case", "a claim is spelled almost right", ""},
	{"claim-type", "claims", "ErrMalformed", "a registered claim has the wrong JSON type", "a claim has the wrong type", ""},
	{"expiry-missing", "claims", "ErrMalformed", "the token has no exp", "the token never expires", ""},
	{"time-milliseconds", "claims", "ErrMalformed", "a time is beyond the year 9999", "a time is in milliseconds", ""},
	{"sender-constrained", "claims", noteOnly, "the token has a cnf claim", "the token is bound to its client's key",
		"this token needs DPoP or mutual TLS: package bearer refuses it unless told how to check the proof"},
	{"not-before", "not-before", "ErrNotYetValid", "nbf lies ahead by more than the leeway", "the token is not valid yet",
		"wait; if the wait makes no sense, see clock-skew"},
	{"issued-ahead", "not-before", noteOnly, "iat lies ahead by more than the leeway", "the token was issued in the future", "see clock-skew"},
	{"expired", "expiry", "ErrExpired", "exp is past by the leeway or more", "the token has expired", ""},
	{"clock-skew", clockCheck, noteOnly, "the key server's clock differs from this machine's by over 60 seconds", "this machine's clock differs from the issuer's", ""},

	{"audience-missing", "audience", "ErrAudience", "the token has no aud", "the token is for no audience",
		`add "audience" to the token request, POST /oauth2/m2m/token`},
	{"audience-form", "audience", "ErrAudience", "aud differs from the audience by a final slash or by case only", "the audience is written differently in the token",
		"make AUTHACTION_AUDIENCE or --audience equal to the API identifier, byte for byte"},
	{"audience-id-token", "audience", "ErrAudience", "aud is another, and there is a nonce or at_hash", "this is an ID token", ""},
	{"audience-mismatch", "audience", "ErrAudience", "aud is another audience", "the token is for another audience",
		"ask for this audience in POST /oauth2/m2m/token, or correct AUTHACTION_AUDIENCE"},

	{"probe-open", "no header", probeOnly, "a request without token was accepted", "the API answers without a token", ""},
	{"probe-none-accepted", "unsigned (alg none)", probeOnly, "a token without signature was accepted", "the API accepts tokens that nobody signed", ""},
	{"probe-tampered-accepted", "signature altered", probeOnly, "a token with a broken signature was accepted", "the API does not check the signature", ""},
	{"probe-query-accepted", "token in the query only", probeOnly, "a token in the query was accepted", "the API takes the token from the URL", ""},
	{"probe-two-headers-accepted", "two headers", probeOnly, "a request with two Authorization headers was accepted", "the API accepts two Authorization headers", ""},
	{"probe-no-challenge", "no header", probeOnly, "a 401 came without WWW-Authenticate: Bearer", "the API does not say how to authenticate", ""},
	{"probe-good-refused", "unchanged token", probeOnly, "the token was refused as it is", "the API refuses the token", ""},
	{"probe-outage-as-401", "unchanged token", probeOnly, "the token was refused while the issuer's keys cannot be had", "the API takes an outage for a bad token", ""},
	{"probe-status", "no header", noteOnly, "a status came that says nothing", "a status came that says nothing", ""},
}

// diagnosisOf returns the diagnosis of a code; without one, an empty one.
func diagnosisOf(code string) diagnosis {
	for _, d := range diagnoses {
		if d.code == code {
			return d
		}
	}
	return diagnosis{}
}

// The five items of the guide's troubleshooting list.
var itemNames = [...]string{1: "settings", 2: "RS256", 3: "keys", 4: "time", 5: "audience"}

// itemOf is the item to which a check belongs. The issuer is among the settings: a
// token of another issuer and a domain that is wrong look the same.
func itemOf(check string) int {
	switch check {
	case "settings", "issuer":
		return 1
	case "form", "algorithm", "type":
		return 2
	case keysCheck, "key", "signature":
		return 3
	case "audience":
		return 5
	}
	return 4 // claims, not-before, expiry, the clock, and how an API takes its token
}

// isKeysFailure reports whether a code says that the keys could not be had.
func isKeysFailure(code string) bool {
	return strings.HasPrefix(code, "keys-") && code != "keys-skipped"
}
