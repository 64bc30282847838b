package jwtverify

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"example.com/jwtverify/internal/base64url"
	"example.com/jwtverify/internal/fetch"
	"example.com/jwtverify/internal/quote"
	"example.com/jwtverify/internal/strictjson"
)

// What Explain says of a failure: the code, what was expected and found, and what to
// do about it.

// diagnose fills in a check that failed.
func (e *explanation) diagnose(verifiers []*Verifier, c *Check, err error) {
	host := ""
	switch err := err.(type) {
	case *invalidError:
		c.Code, c.Expected, c.Found = err.code, err.want, err.found
		e.refine(verifiers, c, err)
	case *KeysUnavailableError:
		switch err {
		case errZeroVerifier:
			c.Code, c.Expected, c.Found = "config-domain-missing", "a Verifier made by New", "a zero Verifier"
		case errZeroIssuers:
			c.Code, c.Expected, c.Found = "config-domain-missing", "Issuers made by NewIssuers", "zero Issuers"
		default:
			host = hostOf(err)
			c.Code, c.Expected, c.Found = keysFinding(verifiers[0], err, host)
		}
	}
	c.Next = next(c.Code, host)
}

// refine says more than the error of Verify does, where the rest of the token tells
// more.
func (e *explanation) refine(verifiers []*Verifier, c *Check, err *invalidError) {
	part := "claims"
	if c.Name == stepNames[stepForm] {
		part = "header"
	}
	switch c.Code {
	case "token-base64":
		c.Found = err.subject + err.found
		if c.Expected == "" {
			c.Expected = "canonical base64url"
		}
	case "token-json":
		c.Found = err.subject + err.mismatch.Error()
		c.Expected = "one JSON object in the " + part + ", in valid UTF-8, with no member twice"
	case "type-mismatch":
		c.Expected = wantedType(verifiers)
	case "json-limits":
		c.Found = err.subject + err.found
		c.Expected = fmt.Sprintf("a header of at most %d bytes, %d members (array elements count) and %d levels", maxHeaderBytes, maxHeaderMembers, maxHeaderDepth)
		if part == "claims" {
			c.Expected = fmt.Sprintf("claims of at most %d members and %d levels", maxJSONMembers, maxJSONDepth)
		}
	case "expiry-missing":
		c.Expected = "exp, the time at which the token expires"
	case "key-unusable":
		c.Expected = "an RSA key for RS256 signatures"
	case "header-critical":
		c.Expected = "no critical extension"
		c.Found = "crit " + criticalNames(e.parts.header)
	case "signature-bad":
		c.Expected = "made by the key with " + foundKeyID(&e.header)
		c.Found = "not made by it"
	case "issuer-missing":
		c.Found = "nothing"
	case "issuer-mismatch":
		for _, v := range verifiers {
			if sameButForm(withoutScheme(e.token.Issuer), withoutScheme(v.issuer)) {
				c.Code, c.Expected = "issuer-form", quote.Text(v.issuer, 100)
			}
		}
	case "audience-missing":
		c.Found = "nothing"
	case "audience-mismatch":
		switch {
		case e.audienceDiffersInForm(verifiers[0]):
			c.Code = "audience-form"
		case hasMember(e.token.claims, "nonce", "at_hash"):
			// OpenID Connect Core 1.0, section 2: what only ID tokens hold.
			c.Code = "audience-id-token"
		}
	case "expired":
		c.Expected, c.Found = e.laterThanNow(verifiers[0]), e.fromNow(e.token.Expiry)
	case "not-before":
		c.Expected, c.Found = e.notAfterNow(), e.fromNow(e.token.NotBefore)
	}
}

// criticalNames lists what crit names. The header was read without error before.
func criticalNames(segment string) string {
	text, _ := base64url.String(segment)
	var names []string
	var r strictjson.Reader
	r.Begin(text, headerLimits)
	for name := range r.Object {
		if name != "crit" || r.Kind() != '[' {
			r.Skip()
			continue
		}
		for range r.Array {
			if extension, err := r.String(name); err == nil {
				names = append(names, extension)
			}
		}
	}
	return "[" + quote.List(names) + "]"
}

func (e *explanation) audienceDiffersInForm(v *Verifier) bool {
	for _, aud := range e.audience {
		for _, want := range v.audiences {
			if sameButForm(aud, want) {
				return true
			}
		}
	}
	return false
}

// sameButForm reports whether two names differ in case or a final slash only.
func sameButForm(a, b string) bool {
	return strings.EqualFold(strings.TrimSuffix(a, "/"), strings.TrimSuffix(b, "/"))
}

func withoutScheme(s string) string {
	scheme, rest, ok := strings.Cut(s, "://")
	if ok && (strings.EqualFold(scheme, "https") || strings.EqualFold(scheme, "http")) {
		return rest
	}
	return s
}

// keysFinding tells why there were no keys to judge a token by.
func keysFinding(v *Verifier, err *KeysUnavailableError, host string) (code, expected, found string) {
	code, found = keysCode(err)
	if found == "" {
		found = quote.Line(err.Err.Error())
	}
	timeout := defaultTimeout
	if v.cache != nil && v.cache.Timeout > 0 {
		timeout = v.cache.Timeout
	}
	switch code {
	case "keys-held":
		return code, "a retrieval of the keys", fmt.Sprintf("none at the moment, the next in %v: %s", err.RetryAfter.Round(time.Second), found)
	case "keys-timeout":
		if err.Reason != "caller" {
			found = "none after " + timeout.String()
		}
		return code, "an answer within " + timeout.String(), found
	case "keys-dns":
		return code, "an address of " + host, found
	case "keys-tls":
		return code, "a valid certificate of " + host, found
	case "keys-status", "keys-redirect":
		return code, "status 200", found
	case "keys-size":
		return code, fmt.Sprintf("at most %d bytes", maxKeySetBytes), found
	case "keys-not-json":
		return code, "a JWK Set", found
	case "keys-empty":
		return code, "one usable RS256 key or more", found
	case "keys-file":
		return code, "a file with a JWK Set, a JWK or PEM", found
	}
	return code, "a connection to " + host, found
}

func keysCode(err *KeysUnavailableError) (code, found string) {
	if err.held || err.Reason == "busy" {
		return "keys-held", ""
	}
	var coded interface{ Diagnosis() (code, found string) }
	var empty *emptyError
	var dns *net.DNSError
	var operation *net.OpError
	var network net.Error
	cause := err.Err
	switch {
	case err.Reason == "caller":
		return "keys-timeout", ""
	case errors.As(cause, &coded):
		return coded.Diagnosis()
	case errors.As(cause, &empty):
		return "keys-empty", countedReasons(empty.skipped)
	case errors.As(cause, &operation) && operation.Op == "proxyconnect":
		return "keys-connect", "" // whatever it is, it is the proxy
	case errors.As(cause, &dns) && !dns.IsTimeout:
		return "keys-dns", ""
	case errors.As(cause, &network) && network.Timeout(): // context.DeadlineExceeded is one
		return "keys-timeout", ""
	case isTLS(cause):
		return "keys-tls", ""
	}
	return "keys-connect", ""
}

// countedReasons tells why the keys of a set are not usable, each reason once.
func countedReasons(skipped []error) string {
	var reasons []string
	counts := make(map[string]int)
	for _, err := range skipped {
		reason := err.(*SkippedKeyError).Reason
		if counts[reason]++; counts[reason] == 1 {
			reasons = append(reasons, reason)
		}
	}
	out := []string{quote.Count(len(skipped), "key") + ", none usable"}
	for i, reason := range reasons {
		if i == 4 {
			out = append(out, "and other reasons")
			break
		}
		out = append(out, fmt.Sprintf("%d because %s", counts[reason], reason))
	}
	return strings.Join(out, "; ")
}

// isTLS goes by the texts: most refusals of crypto/tls have no exported type.
func isTLS(err error) bool {
	text := err.Error()
	return strings.Contains(text, "tls: ") || strings.Contains(text, "x509: ") || errors.Is(err, http.ErrSchemeMismatch)
}

// hostOf is the host that a key source asked in vain, as far as its error tells.
func hostOf(err error) string {
	var request *fetch.Error
	if errors.As(err, &request) {
		return request.Host
	}
	return "the key server"
}

// next says what to do about a diagnosis. host is that of the key server.
func next(code, host string) string {
	switch code {
	case "config-domain-missing":
		return "make the Verifier with New, and Issuers with NewIssuers"
	case "token-long":
		return "ask the issuer for fewer claims"
	case "token-opaque":
		return "this is no JWT: request the token with the audience of this API, or have the issuer introspect it"
	case "token-encrypted":
		return "switch off token encryption for this API at the issuer"
	case "token-parts":
		return "copy the token again, whole"
	case "token-base64":
		return "copy the token again, and look for line breaks and other changes on its way"
	case "token-json":
		return "the issuer, or a proxy on the way, damaged the token: get a new one"
	case "json-limits":
		return "ask the issuer for less"
	case "claim-case":
		return "the issuer must spell the claim exactly"
	case "kid-form":
		return "tell the issuer: a kid is a short text"
	case "type-mismatch":
		return "send the access token, not another kind of token"
	case "alg-none":
		return "this token is not signed: trust nothing that comes from its source"
	case "alg-hmac", "alg-other":
		return "set the API's signing algorithm to RS256 in the issuer's dashboard"
	case "header-critical":
		return "the issuer uses an extension that is unknown here: have it switched off"
	case "sender-constrained":
		return "this token is bound to its client's key (DPoP or mutual TLS): check the proof, or it is taken for a plain one"
	case "kid-missing":
		return "have the issuer set kid in its tokens"
	case "kid-unknown":
		return "the token is of another tenant, or its key was withdrawn: get a new token, and check the issuer"
	case "key-unusable":
		return "tell the issuer: its key is not fit for RS256 signatures"
	case "signature-length":
		return "the token was cut off: copy it again, whole"
	case "signature-bad":
		return "the token was altered, or it is of another environment whose key has the same kid: get a new token"
	case "issuer-missing":
		return "this is not an access token of the issuer: send that"
	case "issuer-form":
		return "make the issuer in the settings equal to the token's iss, byte for byte"
	case "issuer-mismatch":
		return "the token is of another tenant, or the issuer in the settings (AUTHACTION_DOMAIN) is wrong"
	case "audience-missing":
		return `add "audience" to the token request`
	case "audience-form":
		return "make the audience in the settings (AUTHACTION_AUDIENCE) equal to the API's identifier at the issuer, byte for byte"
	case "audience-id-token":
		return "this is an ID token: send the access token"
	case "audience-mismatch":
		return "ask for this audience in the token request, or correct the audience in the settings (AUTHACTION_AUDIENCE)"
	case "expiry-missing":
		return "the issuer must limit the life of its tokens"
	case "expired":
		return "get a new token"
	case "not-before":
		return "wait, or set the clocks of this machine and the issuer"
	case "issued-ahead":
		return "set the clocks of this machine and the issuer"
	case "time-milliseconds":
		return "the issuer wrote milliseconds: it must write seconds"
	case "claim-type":
		return "tell the issuer: a claim has the wrong JSON type"
	case "keys-dns":
		return "check the spelling of the domain, and the network"
	case "keys-connect":
		return "check firewall and proxy"
	case "keys-tls":
		return "check the bundle of trusted certificates, and the clock"
	case "keys-timeout":
		return "try again; check the route to " + host
	case "keys-status":
		return "404: the domain or the path is wrong; 5xx: try again later"
	case "keys-redirect":
		return "use the final URL as the address of the keys"
	case "keys-not-json":
		return "a login page, a proxy or another document answered: check the address of the keys"
	case "keys-size":
		return "check the address of the keys: this is no usual key set"
	case "keys-empty":
		return "check the address of the keys, or tell the issuer that it publishes no key for RS256"
	case "keys-file":
		return "check the path"
	case "keys-held":
		return "wait that long, and see why the retrieval before failed"
	case "keys-skipped":
		return "harmless, if yours is not among them"
	}
	return ""
}
