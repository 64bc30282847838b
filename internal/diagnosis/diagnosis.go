// Package diagnosis puts into words what was found of a token: for each step of the
// verification what was expected, what was found, and what to do. It decides nothing.
package diagnosis

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"example.com/jwtverify/internal/base64url"
	"example.com/jwtverify/internal/fetch"
	"example.com/jwtverify/internal/jwk"
	"example.com/jwtverify/internal/quote"
	"example.com/jwtverify/internal/strictjson"
)

// A Step of a verification, in the order in which they are made.
type Step int

const (
	Settings Step = iota
	Form
	Algorithm
	Type
	Key
	Signature
	Claims
	Issuer
	Audience
	NotBefore
	Expiry
	Steps
)

var names = [Steps]string{
	"settings", "form", "algorithm", "type", "key", "signature", "claims", "issuer", "audience", "not-before", "expiry",
}

// A Case is what is known of a token that was judged.
type Case struct {
	Verifiers []Verifier // that of its issuer, or all of those that it has none among
	Failures  [Steps]*Failure
	Last      Step // that was looked at

	Size           int // of the token, in bytes
	Header         Header
	SignatureBytes int
	KeySet         *KeySet // nil: the keys were not looked at, or not to be had
	Signed         bool    // by one of them
	Token          *Token  // nil: the claims were not read
	Audience       []string
	Now            time.Time

	HeaderLimits, ClaimsLimits string // in words
}

// A Verifier is what one was told.
type Verifier struct {
	Issuer           string
	Audiences, Types []string
	Leeway, Timeout  time.Duration
}

// A Header is what counts of one.
type Header struct {
	Segment           string
	Type, KeyID       string
	HasType, HasKeyID bool
}

// A KeySet is what was found where the keys are.
type KeySet struct {
	Usable  int
	Skipped []error
}

// A Token is what its claims say. Perhaps nobody vouches for them.
type Token struct {
	Claims, Issuer              string
	Expiry, NotBefore, IssuedAt time.Time
}

// A Failure is why a step failed: the parts of the error of Verify.
type Failure struct {
	Code, Subject, Found, Want string
	Keys                       *NoKeys // why there were no keys; nil: there were
}

// A NoKeys is why the keys could not be had.
type NoKeys struct {
	Held       bool   // the source was not asked
	Reason     string // as in jwtverify.KeysUnavailableError
	RetryAfter time.Duration
	Err        error
	Empty      bool     // there was a set without usable key
	Skipped    []string // and the reason for each of its keys
}

// A Check is one of jwtverify.
type Check struct {
	Name, Status, Code, Expected, Found, Next string
	Trusted                                   bool
}

// Checks returns a check for each step, and notes.
func (k *Case) Checks() []Check {
	var list []Check
	for s := range Steps {
		c := Check{Name: names[s], Status: "pass", Trusted: k.Signed || s <= Signature}
		switch err := k.Failures[s]; {
		case err != nil:
			c.Status = "fail"
			k.diagnose(&c, err)
		case s > k.Last, s == Key && k.KeySet == nil, s == Signature && !k.Signed:
			c.Status = "skip"
		default:
			c.Expected, c.Found = k.passed(s)
		}
		list = append(list, c)
		list = k.appendNotes(list, s, c.Trusted)
	}
	return list
}

// passed tells what a step wanted, and what it found good.
func (k *Case) passed(s Step) (expected, found string) {
	v := k.Verifiers[0]
	switch s {
	case Settings:
		if len(k.Verifiers) > 1 {
			return "", "issuers " + quote.List(k.issuers())
		}
		return "", fmt.Sprintf("issuer %s, audience %s", quote.Text(v.Issuer, 100), quote.List(v.Audiences))
	case Form:
		return "three parts", fmt.Sprintf("three parts, %d bytes", k.Size)
	case Algorithm:
		return `"RS256"`, `"RS256"`
	case Type:
		return k.wantedType(), k.Header.foundType()
	case Key:
		return "a key of the issuer", fmt.Sprintf("%s, %s", k.Header.foundKeyID(), quote.Count(k.KeySet.Usable, "usable key"))
	case Signature:
		return "made by that key", fmt.Sprintf("made by it, %d bytes", k.SignatureBytes)
	case Claims:
		return "one JSON object", fmt.Sprintf("one JSON object, %d bytes", len(k.Token.Claims))
	case Issuer:
		return quote.Text(v.Issuer, 100), quote.Text(k.Token.Issuer, 100)
	case Audience:
		return quote.List(v.Audiences), foundAudience(k.Audience)
	case NotBefore:
		if k.Token.NotBefore.IsZero() {
			return "", "no nbf"
		}
		return k.notAfterNow(), Clock(k.Token.NotBefore)
	default:
		return k.laterThanNow(&v), k.fromNow(k.Token.Expiry)
	}
}

// appendNotes adds what is worth knowing about a step.
func (k *Case) appendNotes(list []Check, s Step, trusted bool) []Check {
	note := func(code, expected, found string) {
		list = append(list, Check{names[s], "note", code, expected, found, next(code, ""), trusted})
	}
	switch {
	case s > k.Last:
	case s == Key && k.KeySet != nil && len(k.KeySet.Skipped) > 0:
		note("keys-skipped", "", skippedList(k.KeySet.Skipped))
	case s == Claims && k.Token != nil && hasMember(k.Token.Claims, "cnf"):
		// RFC 7800, section 3.1: the token is for who can prove possession of a key.
		note("sender-constrained", "a plain bearer token", "a cnf claim")
	case s == NotBefore && k.Token != nil && k.Token.IssuedAt.After(k.Now.Add(k.Verifiers[0].Leeway)):
		note("issued-ahead", k.notAfterNow(), "iat "+k.fromNow(k.Token.IssuedAt))
	}
	return list
}

func (k *Case) wantedType() string {
	var wanted []string
	for _, typ := range k.types() {
		one := `"JWT", "at+jwt" or none`
		if typ != "" {
			one = quote.Text(typ, 100)
		}
		if !slices.Contains(wanted, one) {
			wanted = append(wanted, one)
		}
	}
	return strings.Join(wanted, ", or ")
}

func (h *Header) foundType() string {
	if !h.HasType {
		return "no typ"
	}
	return quote.Text(h.Type, 100)
}

func (h *Header) foundKeyID() string {
	if !h.HasKeyID {
		return "no kid"
	}
	return "kid " + quote.Text(h.KeyID, 64)
}

func foundAudience(audience []string) string {
	if audience == nil {
		return "nothing"
	}
	return "[" + quote.List(audience) + "]"
}

func (k *Case) notAfterNow() string { return "not after " + Clock(k.Now) + ", which is now" }

func (k *Case) laterThanNow(v *Verifier) string {
	text := "later than " + Clock(k.Now) + ", which is now"
	if v.Leeway > 0 {
		text += ", less the leeway of " + v.Leeway.String()
	}
	return text
}

// fromNow is a time with its distance from now, as people say it.
func (k *Case) fromNow(t time.Time) string {
	distance := t.Sub(k.Now)
	if distance <= 0 {
		return Clock(t) + ", " + Rounded(-distance) + " ago"
	}
	return Clock(t) + ", in " + Rounded(distance)
}

// Rounded is a duration as people say it.
func Rounded(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return fmt.Sprintf("%.0fs", d.Seconds())
	case d < 2*time.Hour:
		return fmt.Sprintf("%.0fm", d.Minutes())
	case d < 48*time.Hour:
		return fmt.Sprintf("%.0fh", d.Hours())
	}
	return fmt.Sprintf("%.0fd", d.Hours()/24)
}

func skippedList(skipped []error) string {
	var out []string
	for i, err := range skipped {
		if i == 4 {
			out = append(out, fmt.Sprintf("and %d more", len(skipped)-i))
			break
		}
		out = append(out, err.Error())
	}
	return strings.Join(out, "; ")
}

// hasMember reports whether a JSON object, read without error before, has a member of
// one of the names.
func hasMember(text string, names ...string) (has bool) {
	var r strictjson.Reader
	r.Begin(text, strictjson.Usual)
	for name := range r.Object {
		for _, wanted := range names {
			has = has || name == wanted
		}
		r.Skip()
	}
	return has
}

// diagnose fills in a check that failed.
func (k *Case) diagnose(c *Check, f *Failure) {
	host := ""
	if f.Keys != nil {
		host = hostOf(f.Keys.Err)
		c.Code, c.Expected, c.Found = k.keysFinding(f.Keys, host)
	} else {
		c.Code, c.Expected, c.Found = f.Code, f.Want, f.Found
		k.refine(c, f)
	}
	c.Next = next(c.Code, host)
}

// refine says more than the error of Verify does, where the rest of the token tells
// more.
func (k *Case) refine(c *Check, f *Failure) {
	part := "claims"
	if c.Name == names[Form] {
		part = "header"
	}
	switch c.Code {
	case "token-base64":
		c.Found = f.Subject + " " + f.Found
		if c.Expected == "" {
			c.Expected = "canonical base64url"
		}
	case "token-json":
		c.Found = f.Subject + " " + f.Found
		if f.Want != "" {
			c.Found += ", want " + f.Want
		}
		c.Expected = "one JSON object in the " + part + ", in valid UTF-8, with no member twice"
	case "type-mismatch":
		c.Expected = k.wantedType()
	case "json-limits":
		c.Found = f.Subject + " " + f.Found
		c.Expected = k.HeaderLimits
		if part == "claims" {
			c.Expected = k.ClaimsLimits
		}
	case "expiry-missing":
		c.Expected = "exp, the time at which the token expires"
	case "key-unusable":
		c.Expected = "an RSA key for RS256 signatures"
	case "header-critical":
		c.Expected = "no critical extension"
		c.Found = "crit " + criticalNames(k.Header.Segment)
	case "signature-bad":
		c.Expected = "made by the key with " + k.Header.foundKeyID()
		c.Found = "not made by it"
	case "issuer-missing":
		c.Found = "nothing"
	case "issuer-mismatch":
		for _, v := range k.Verifiers {
			if sameButForm(withoutScheme(k.Token.Issuer), withoutScheme(v.Issuer)) {
				c.Code, c.Expected = "issuer-form", quote.Text(v.Issuer, 100)
			}
		}
	case "audience-missing":
		c.Found = "nothing"
	case "audience-mismatch":
		switch {
		case k.audienceDiffersInForm():
			c.Code = "audience-form"
		case hasMember(k.Token.Claims, "nonce", "at_hash"):
			// OpenID Connect Core 1.0, section 2: what only ID tokens hold.
			c.Code = "audience-id-token"
		}
	case "expired":
		c.Expected, c.Found = k.laterThanNow(&k.Verifiers[0]), k.fromNow(k.Token.Expiry)
	case "not-before":
		c.Expected, c.Found = k.notAfterNow(), k.fromNow(k.Token.NotBefore)
	}
}

// criticalNames lists what crit names. The header was read without error before.
func criticalNames(segment string) string {
	text, _ := base64url.String(segment)
	var names []string
	var r strictjson.Reader
	r.Begin(text, strictjson.Usual)
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

func (k *Case) audienceDiffersInForm() bool {
	for _, aud := range k.Audience {
		for _, want := range k.Verifiers[0].Audiences {
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
func (k *Case) keysFinding(err *NoKeys, host string) (code, expected, found string) {
	code, found = keysCode(err)
	if found == "" {
		found = quote.Line(err.Err.Error())
	}
	timeout := k.Verifiers[0].Timeout
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
		return code, fmt.Sprintf("at most %d bytes", jwk.MaxBytes), found
	case "keys-not-json":
		return code, "a JWK Set", found
	case "keys-empty":
		return code, "one usable RS256 key or more", found
	case "keys-file":
		return code, "a file with a JWK Set, a JWK or PEM", found
	}
	return code, "a connection to " + host, found
}

func keysCode(err *NoKeys) (code, found string) {
	if err.Held || err.Reason == "busy" {
		return "keys-held", ""
	}
	var coded interface{ Diagnosis() (code, found string) }
	var dns *net.DNSError
	var operation *net.OpError
	var network net.Error
	cause := err.Err
	switch {
	case err.Reason == "caller":
		return "keys-timeout", ""
	case errors.As(cause, &coded):
		return coded.Diagnosis()
	case err.Empty:
		return "keys-empty", countedReasons(err.Skipped)
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
func countedReasons(skipped []string) string {
	var reasons []string
	counts := make(map[string]int)
	for _, reason := range skipped {
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
	return strings.ReplaceAll(Of(code).For("").Next, "{host}", host)
}

// Clock is a time as it stands in messages.
func Clock(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.999Z07:00") }

func (k *Case) issuers() (issuers []string) {
	for _, v := range k.Verifiers {
		issuers = append(issuers, v.Issuer)
	}
	return issuers
}

func (k *Case) types() (types []string) {
	for _, v := range k.Verifiers {
		types = append(types, v.Types...)
	}
	return types
}
