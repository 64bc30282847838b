package diagnosis

import "cmp"

// A Code is what is known of a diagnosis. Codes are never renamed and never used for
// anything else; their words may improve.
type Code struct {
	Name     string
	Check    string // the step that comes to it, or what the command calls its own check
	Behind   string // the error of the library; "exit 2": nothing was checked; "note": the verdict does not depend on it; "probe": an API does not behave
	When     string // it is found
	Sentence string // the first line of a report that it decides
	Advice   []Advice
}

// An Advice says what to do.
type Advice struct {
	Cause    string // that was seen; empty: the usual advice for the code
	Expected string // where the error does not say it, or not in full
	Next     string // as the library says it, which knows no flag and no variable; empty: it never does
	Command  string // as the command says it; empty: as the library does
}

// Of returns what is known of a code: nothing, if there is none of that name.
func Of(code string) Code {
	for _, c := range Codes {
		if c.Name == code {
			return c
		}
	}
	return Code{}
}

// For returns the advice for a cause; for an empty one the usual advice.
func (c Code) For(cause string) Advice {
	for _, a := range c.Advice {
		if a.Cause == cause {
			return a
		}
	}
	return Advice{}
}

// ForCommand returns the words of the command.
func (a Advice) ForCommand() string { return cmp.Or(a.Command, a.Next) }

// Codes are all codes, in the order of the checks. What stands in braces is filled in:
// {host}, {timeout}, {limit} and {part}.
var Codes = [...]Code{
	{"config-domain-missing", "settings", "exit 2", "there is neither a domain nor an issuer", "no issuer is set", []Advice{
		{Next: "make the Verifier with New, and Issuers with NewIssuers", Command: "set AUTHACTION_DOMAIN or pass --issuer"},
		{Cause: "keys", Command: "set AUTHACTION_DOMAIN, or pass --issuer, --jwks-url or --jwks-file"},
	}},
	{"config-domain-form", "settings", "exit 2", "the domain has a scheme, a slash, a path, a space or a quote in it", "the domain is no bare host name",
		[]Advice{{Command: `remove "https://", slashes, spaces and quotes`}}},
	{"config-placeholder", "settings", "exit 2", "a setting still holds your-authaction-…", "a setting is still the sample of the guide", []Advice{{Command: "copy it from the dashboard"}}},
	{"config-audience-missing", "settings", "exit 2", "the audience is unset or empty", "no audience is set", []Advice{{Command: "set AUTHACTION_AUDIENCE or pass --audience; it cannot be skipped"}}},
	{"config-insecure-url", "settings", "exit 2", "plain http beyond this machine", "the address is plain http", []Advice{{Command: "use https"}}},
	{"issuer-missing", "issuer", "ErrIssuer", "the token has no iss", "the token names no issuer", []Advice{{Next: "this is not an access token of the issuer: send that"}}},
	{"issuer-form", "issuer", "ErrIssuer", "iss differs from the issuer by a final slash, by case or by the scheme only", "the issuer is written differently in the token",
		[]Advice{{Next: "make the issuer in the settings equal to the token's iss, byte for byte", Command: "make --issuer, or AUTHACTION_DOMAIN behind its https://, equal to the token's iss, byte for byte"}}},
	{"issuer-mismatch", "issuer", "ErrIssuer", "iss is another issuer", "the token is of another issuer",
		[]Advice{{Next: "the token is of another tenant, or the issuer in the settings is wrong", Command: "the token is of another tenant: get one of this; or AUTHACTION_DOMAIN or --issuer is wrong"}}},

	{"token-missing", "form", "exit 2", "the input is empty", "there is no token", []Advice{{Command: "pipe the token endpoint's answer in: curl … | jwtverify explain"}}},
	{"token-cleaned", "form", "note", "a prefix, quotes, JSON or space around the token was removed", "something around the token was removed", []Advice{{Command: "store and send it bare"}}},
	{"token-long", "form", "ErrMalformed", "the token is over the size limit", "the token is too long", []Advice{{Next: "ask the issuer for fewer claims"}}},
	{"token-opaque", "form", "ErrMalformed", "there is no dot in the token", "this is no JWT",
		[]Advice{{Next: "this is no JWT: request the token with the audience of this API, or have the issuer introspect it", Command: `request the token with "audience" for this API, or ask the issuer about it (introspection)`}}},
	{"token-encrypted", "form", "ErrUnsupported", "the token has five parts", "the token is encrypted", []Advice{{Next: "switch off token encryption for this API at the issuer"}}},
	{"token-parts", "form", "ErrMalformed", "the token has another number of parts than three, or an empty header or claims", "the token is not whole", []Advice{{Next: "copy the token again, whole"}}},
	{"token-base64", "form", "ErrMalformed", "there is padding, +, /, space or a line break in the token, or loose bits at the end of a part", "the token is damaged",
		[]Advice{{Next: "copy the token again, and look for line breaks and other changes on its way"}}},
	{"token-json", "form", "ErrMalformed", "the header or the claims are not one JSON object, or have a member twice", "the token does not hold what a token holds",
		[]Advice{{Expected: "one JSON object in the {part}, in valid UTF-8, with no member twice", Next: "the issuer, or a proxy on the way, damaged the token: get a new one"}}},
	{"json-limits", "form", "ErrMalformed", "the header or the claims have too many bytes, members or levels", "there is too much in the token", []Advice{{Next: "ask the issuer for less"}}},
	{"alg-none", "algorithm", "ErrUnsupported", `alg is "none", in any case`, "the token is not signed", []Advice{{Next: "this token is not signed: trust nothing that comes from its source"}}},
	{"alg-hmac", "algorithm", "ErrUnsupported", "alg is HS256, HS384 or HS512", "the token is signed with a shared secret, not with RS256",
		[]Advice{{Next: "set the API's signing algorithm to RS256 in the issuer's dashboard"}}},
	{"alg-other", "algorithm", "ErrUnsupported", "alg is absent, no text, or another than RS256", "the token is not signed with RS256",
		[]Advice{{Next: "set the API's signing algorithm to RS256 in the issuer's dashboard"}}},
	{"type-mismatch", "type", "ErrUnsupported", "typ is that of another kind of token", "this is another kind of token", []Advice{{Next: "send the access token, not another kind of token"}}},
	{"header-critical", "type", "ErrUnsupported", "the header has crit", "the token uses an extension that is unknown here",
		[]Advice{{Expected: "no critical extension", Next: "the issuer uses an extension that is unknown here: have it switched off"}}},

	{"keys-dns", "keys", "ErrKeysUnavailable", "the name of the key server does not resolve", "the issuer's name does not resolve",
		[]Advice{{Expected: "an address of {host}", Next: "check the spelling of the domain, and the network"}}},
	{"keys-connect", "keys", "ErrKeysUnavailable", "the connection is refused, or the server or a proxy cannot be reached", "the issuer cannot be reached",
		[]Advice{{Expected: "a connection to {host}", Next: "check firewall and proxy"}}},
	{"keys-tls", "keys", "ErrKeysUnavailable", "the certificate or the handshake is not good", "the connection to the issuer is not secure",
		[]Advice{{Expected: "a valid certificate of {host}", Next: "check the bundle of trusted certificates, and the clock"}}},
	{"keys-timeout", "keys", "ErrKeysUnavailable", "the keys did not come within the limit", "the issuer's keys did not come in time",
		[]Advice{{Expected: "an answer within {timeout}", Next: "try again; check the route to {host}"}}},
	{"keys-status", "keys", "ErrKeysUnavailable", "the answer has another status than 200", "the issuer answers with an error",
		[]Advice{{Expected: "status 200", Next: "404: the domain or the path is wrong; 5xx: try again later", Command: "404: AUTHACTION_DOMAIN or the path of --jwks-url is wrong; 5xx: try again later"}}},
	{"keys-redirect", "keys", "ErrKeysUnavailable", "the answer is a redirect, which is not followed", "the address of the keys is not their final one",
		[]Advice{{Expected: "status 200", Next: "use the final URL as the address of the keys", Command: "use the final URL in --jwks-url, if it is the issuer's"}}},
	{"keys-not-json", "keys", "ErrKeysUnavailable", "HTML or other text came, or JSON that is cut off or no key set", "what came is no key set", []Advice{
		{Expected: "a JWK Set", Next: "a login page, a proxy or another document answered: check the address of the keys", Command: "a login page, a proxy or another document answered: check AUTHACTION_DOMAIN, --issuer, --jwks-url or --jwks-file"},
		{Cause: "metadata", Expected: "the metadata of this issuer", Command: "see what they say: jwtverify discover; or pass --jwks-url"},
	}},
	{"keys-size", "keys", "ErrKeysUnavailable", "the document is over the size limit", "what came is too large for a key set",
		[]Advice{{Expected: "at most {limit} bytes", Next: "check the address of the keys: this is no usual key set", Command: "check --jwks-url: this is no usual key set"}}},
	{"keys-empty", "keys", "ErrKeysUnavailable", "no key of the set is usable for RS256", "the issuer publishes no key for RS256",
		[]Advice{{Expected: "one usable RS256 key or more", Next: "check the address of the keys, or tell the issuer that it publishes no key for RS256"}}},
	{"keys-file", "keys", "ErrKeysUnavailable", "the file of --jwks-file is not there or cannot be read", "the file with the keys cannot be read",
		[]Advice{{Expected: "a file with a JWK Set, a JWK or PEM", Next: "check the path", Command: "check the path in --jwks-file"}}},
	{"keys-held", "keys", "ErrKeysUnavailable", "no attempt is made now, since the last one failed or too many wait (in a long-lived process only)", "the issuer is not asked at the moment",
		[]Advice{{Expected: "a retrieval of the keys", Next: "wait that long, and see why the retrieval before failed"}}},
	{"keys-skipped", "keys", "note", "some keys of the set were passed over", "some keys were passed over",
		[]Advice{{Next: "harmless, if yours is not among them", Command: "harmless if yours is not among them; jwtverify jwks shows all"}}},
	{"kid-form", "key", "ErrMalformed", "kid is no text, or over 256 bytes", "the token's kid is not one", []Advice{{Next: "tell the issuer: a kid is a short text"}}},
	{"kid-missing", "key", "ErrUnknownKey", "the token has no kid, and several keys are usable", "the token does not name its key", []Advice{{Next: "have the issuer set kid in its tokens"}}},
	{"kid-unknown", "key", "ErrUnknownKey", "kid is not in the set after a refresh (keys from PEM have their thumbprint as kid)", "the issuer has no key of this kid", []Advice{
		{Next: "the token is of another tenant, or its key was withdrawn: get a new token, and check the issuer"},
		{Cause: "pem", Command: "keys from PEM have their thumbprint (RFC 7638) as kid, which the issuer's tokens do not name: use its JWK Set"},
	}},
	{"key-unusable", "key", "ErrUnknownKey", "the key of this kid is not RSA, not for signatures, for another algorithm, under 2048 bits or otherwise unfit", "the token's key is not fit for RS256",
		[]Advice{{Expected: "an RSA key for RS256 signatures", Next: "tell the issuer: its key is not fit for RS256 signatures"}}},
	{"signature-length", "signature", "ErrSignature", "the signature is missing, or not as long as the key's modulus", "the signature has the wrong length",
		[]Advice{{Next: "the token was cut off: copy it again, whole"}}},
	{"signature-bad", "signature", "ErrSignature", "the signature has the right length and was not made by this key", "the signature is not the issuer's",
		[]Advice{{Next: "the token was altered, or it is of another environment whose key has the same kid: get a new token"}}},

	{"claim-case", "claims", "ErrMalformed", "a claim has the name of a registered one but for case", "a claim is spelled almost right", []Advice{{Next: "the issuer must spell the claim exactly"}}},
	{"claim-type", "claims", "ErrMalformed", "a registered claim has the wrong JSON type", "a claim has the wrong type", []Advice{{Next: "tell the issuer: a claim has the wrong JSON type"}}},
	{"expiry-missing", "claims", "ErrMalformed", "the token has no exp", "the token never expires",
		[]Advice{{Expected: "exp, the time at which the token expires", Next: "the issuer must limit the life of its tokens"}}},
	{"time-milliseconds", "claims", "ErrMalformed", "a time is beyond the year 9999", "a time is in milliseconds", []Advice{{Next: "the issuer wrote milliseconds: it must write seconds"}}},
	{"sender-constrained", "claims", "note", "the token has a cnf claim", "the token is bound to its client's key",
		[]Advice{{Next: "this token is bound to its client's key (DPoP or mutual TLS): check the proof, or it is taken for a plain one", Command: "this token needs DPoP or mutual TLS: package bearer refuses it unless told how to check the proof"}}},
	{"not-before", "not-before", "ErrNotYetValid", "nbf lies ahead by more than the leeway", "the token is not valid yet",
		[]Advice{{Next: "wait, or set the clocks of this machine and the issuer", Command: "wait; if the wait makes no sense, see clock-skew"}}},
	{"issued-ahead", "not-before", "note", "iat lies ahead by more than the leeway", "the token was issued in the future",
		[]Advice{{Next: "set the clocks of this machine and the issuer", Command: "see clock-skew"}}},
	{"expired", "expiry", "ErrExpired", "exp is past by the leeway or more", "the token has expired", []Advice{{Next: "get a new token"}}},
	{"claims-refused", "check", "ErrClaims", "Config.Check of the program refuses a token that is good otherwise", "the program's own check refuses the token",
		[]Advice{{Expected: "a token that Config.Check accepts", Next: "send a token of the kind that this check asks for; or change Config.Check, if this one is to be accepted"}}},
	{"check-panicked", "check", "ErrClaims", "Config.Check of the program panicked", "the program's own check panicked",
		[]Advice{{Expected: "a token that Config.Check accepts", Next: "correct Config.Check: no token must make it panic, whatever claims it lacks"}}},
	{"clock-skew", "clock", "note", "the key server's clock differs from this machine's by over 60 seconds", "this machine's clock differs from the issuer's",
		[]Advice{{Command: "set this machine's clock"}}},

	{"audience-missing", "audience", "ErrAudience", "the token has no aud", "the token is for no audience",
		[]Advice{{Next: `add "audience" to the token request`, Command: `add "audience" to the token request, POST /oauth2/m2m/token`}}},
	{"audience-form", "audience", "ErrAudience", "aud differs from the audience by a final slash or by case only", "the audience is written differently in the token",
		[]Advice{{Next: "make the audience in the settings equal to the API's identifier at the issuer, byte for byte", Command: "make AUTHACTION_AUDIENCE or --audience equal to the API identifier, byte for byte"}}},
	{"audience-id-token", "audience", "ErrAudience", "aud is another, and there is a nonce or at_hash", "this is an ID token", []Advice{{Next: "this is an ID token: send the access token"}}},
	{"audience-mismatch", "audience", "ErrAudience", "aud is another audience", "the token is for another audience",
		[]Advice{{Next: "ask for this audience in the token request, or correct the audience in the settings", Command: "ask for this audience in POST /oauth2/m2m/token, or correct AUTHACTION_AUDIENCE"}}},

	{"probe-open", "no header", "probe", "a request without token was accepted", "the API answers without a token", []Advice{{Command: "protect this path; see which routes are public"}}},
	{"probe-none-accepted", "unsigned (alg none)", "probe", "a token without signature was accepted", "the API accepts tokens that nobody signed",
		[]Advice{{Command: "accept RS256 alone, whatever the token's header says"}}},
	{"probe-tampered-accepted", "signature altered", "probe", "a token with a broken signature was accepted", "the API does not check the signature", []Advice{
		{Command: "check the signature by the issuer's keys"},
		{Cause: "malformed", Command: "verify the token, not only that there is one"},
	}},
	{"probe-query-accepted", "token in the query only", "probe", "a token in the query was accepted", "the API takes the token from the URL", []Advice{{Command: "read the Authorization header only"}}},
	{"probe-two-headers-accepted", "two headers", "probe", "a request with two Authorization headers was accepted", "the API accepts two Authorization headers",
		[]Advice{{Command: "refuse a request with more than one Authorization header"}}},
	{"probe-no-challenge", "no header", "probe", "a 401 came without WWW-Authenticate: Bearer", "the API does not say how to authenticate",
		[]Advice{{Command: "send WWW-Authenticate: Bearer with each 401 (RFC 6750, section 3)"}}},
	{"probe-good-refused", "unchanged token", "probe", "the token was refused as it is", "the API refuses the token", []Advice{
		{Command: "find out why: jwtverify explain with this API's settings"},
		{Cause: "scheme", Command: "if the unchanged token is not refused, see below: compare the scheme ignoring case"},
	}},
	{"probe-outage-as-401", "unchanged token", "probe", "the token was refused while the issuer's keys cannot be had", "the API takes an outage for a bad token",
		[]Advice{{Command: "answer 503 with Retry-After while the issuer's keys cannot be had, so that clients keep their tokens"}}},
	{"probe-status", "no header", "note", "a status came that says nothing", "a status came that says nothing", []Advice{
		{Command: "nobody got in, but this is not how an API refuses a token: see whether the path is right"},
		{Cause: "not refused", Command: "the token is not refused, but this status tells no more: probe a path that answers 200"},
		{Cause: "rejected here", Command: "probe again with a good token: jwtverify explain tells why this is none"},
	}},
}
