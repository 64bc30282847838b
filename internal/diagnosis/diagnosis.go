// Package diagnosis puts into words what was found about a token: for each step of the
// verification a code, what was expected, what was found, and what to do. Facts go in,
// words come out.
//
// It decides nothing: the verdict is made before, and no error of the library comes from
// here. It shows nothing secret: untrusted text is quoted and cut. advice.go has all
// words of advice, those of the command too. To add advice, change that file and, if the
// advice is for a new cause, the code that recognises the cause: causes.go here, or
// packages notjwt, notkeys, metadata and fetch.
package diagnosis

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.com/jwtverify/internal/base64url"
	"example.com/jwtverify/internal/fetch"
	"example.com/jwtverify/internal/jwk"
	"example.com/jwtverify/internal/quote"
	"example.com/jwtverify/internal/strictjson"
)

// A Step is a step of a verification. They are in the order in which they run.
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
	OwnCheck // of the caller; not every verifier has one
	Steps
)

var names = [Steps]string{
	"settings", "form", "algorithm", "type", "key", "signature", "claims", "issuer", "audience", "not-before", "expiry", "check",
}

// A Case is what is known about a token that was verified. A zero field was not looked
// at.
type Case struct {
	// What was wanted: by the verifier of the token's issuer, or by all verifiers
	// if none of them is for it.
	Issuers, Audiences, Types []string
	Leeway, Timeout           time.Duration
	Now                       time.Time
	HasCheck                  bool // of the caller's own

	Failures [Steps]*Failure
	Last     Step // that was looked at
	Signed   bool // by one of the keys

	Token                string // to be looked at, and never shown
	Size, SignatureBytes int    // of it, in bytes
	Header               string // as it was sent
	Type, KeyID          string // of the header
	HasType, HasKeyID    bool
	Certificate          string  // x5t or x5t#S256 and its value, of a token without kid
	Usable               int     // keys of the set
	Skipped              []error // its others
	Unnamed              bool    // no key of the set has a kid
	TokenIssuer          string  // what the issuer's metadata say of the iss of its tokens

	// What the claims say. They may not be verified.
	Claims, Issuer              string
	Audience                    []string
	AudienceClaim               string // Config.AudienceClaim
	ByClaim                     bool   // Audience is that claim: there is no aud
	Expiry, NotBefore, IssuedAt time.Time

	HeaderLimits, ClaimsLimits string // in words
}

// A Failure is why a step failed: the parts of the error of Verify.
type Failure struct {
	Code, Subject, Found, Want string
	Keys                       *NoKeys // why there were no keys; nil: there were
}

// A NoKeys is why the keys are unavailable.
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
		if s == OwnCheck && !k.HasCheck {
			continue
		}
		c := Check{Name: names[s], Status: "pass", Trusted: k.Signed || s <= Signature}
		switch err := k.Failures[s]; {
		case err != nil:
			c.Status = "fail"
			k.diagnose(&c, s, err)
		case s > k.Last, s == Key && k.Usable == 0, s == Signature && !k.Signed:
			c.Status = "skip"
		default:
			c.Expected, c.Found = k.passed(s)
		}
		list = append(list, c)
		list = k.appendNotes(list, s, c.Trusted)
	}
	return list
}

// passed says what a step wanted, and what it accepted.
func (k *Case) passed(s Step) (expected, found string) {
	switch s {
	case Settings:
		if len(k.Issuers) > 1 {
			return "", "issuers " + quote.List(k.Issuers)
		}
		return "", fmt.Sprintf("issuer %s, audience %s", quote.Text(k.Issuers[0], 100), quote.List(k.Audiences))
	case Form:
		return "three parts", fmt.Sprintf("three parts, %d bytes", k.Size)
	case Algorithm:
		return `"RS256"`, `"RS256"`
	case Type:
		if !k.HasType {
			return k.wantedType(), "no typ"
		}
		return k.wantedType(), quote.Text(k.Type, 100)
	case Key:
		return "a key of the issuer", fmt.Sprintf("%s, %s", k.namedKey(), quote.Count(k.Usable, "usable key"))
	case Signature:
		return "made by that key", fmt.Sprintf("made by it, %d bytes", k.SignatureBytes)
	case Claims:
		return "one JSON object", fmt.Sprintf("one JSON object, %d bytes", len(k.Claims))
	case Issuer:
		return quote.Text(k.Issuers[0], 100), quote.Text(k.Issuer, 100)
	case Audience:
		return quote.List(k.Audiences), "[" + quote.List(k.Audience) + "]"
	case NotBefore:
		if k.NotBefore.IsZero() {
			return "", "no nbf"
		}
		return k.notAfterNow(), Clock(k.NotBefore)
	case OwnCheck:
		return "a token that Config.Check accepts", "accepted by it"
	default:
		return k.laterThanNow(), k.fromNow(k.Expiry)
	}
}

// appendNotes adds what is worth knowing about a step.
func (k *Case) appendNotes(list []Check, s Step, trusted bool) []Check {
	note := func(code, expected, found string) {
		list = append(list, Check{names[s], "note", code, expected, found, Of(code).For("").Next, trusted})
	}
	switch {
	case s > k.Last:
	case s == Key && len(k.Skipped) > 0:
		note("keys-skipped", "", skippedList(k.Skipped))
	case s == Claims && hasMember(k.Claims, "cnf"):
		// RFC 7800, section 3.1: the token is for a client that can prove possession of
		// a key.
		note("sender-constrained", "a plain bearer token", "a cnf claim")
	case s == NotBefore && k.IssuedAt.After(k.Now.Add(k.Leeway)):
		note("issued-ahead", k.notAfterNow(), "iat "+k.fromNow(k.IssuedAt))
	}
	return list
}

func (k *Case) wantedType() string {
	var wanted []string
	for _, typ := range k.Types {
		one := `"JWT", "at+jwt", "JOSE" or none`
		if typ != "" {
			one = quote.Text(typ, 100)
		}
		if !slices.Contains(wanted, one) {
			wanted = append(wanted, one)
		}
	}
	return strings.Join(wanted, ", or ")
}

// namedKey is what the token says about its key.
func (k *Case) namedKey() string {
	if k.HasKeyID {
		return "kid " + quote.Text(k.KeyID, 64)
	}
	return cmp.Or(k.Certificate, "no kid")
}

func (k *Case) notAfterNow() string { return "not after " + Clock(k.Now) + ", which is now" }

func (k *Case) laterThanNow() string {
	text := "later than " + Clock(k.Now) + ", which is now"
	if k.Leeway > 0 {
		text += ", less the leeway of " + k.Leeway.String()
	}
	return text
}

func (k *Case) fromNow(t time.Time) string { return FromNow(t, k.Now) }

// FromNow is a time with its distance from now, as people say it.
func FromNow(t, now time.Time) string {
	distance := t.Sub(now)
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
	for _, err := range skipped {
		out = append(out, err.Error())
	}
	return someOf(out, 4, fmt.Sprintf("and %d more", len(out)-4))
}

// someOf joins texts, limit at most; more says that there are others.
func someOf(texts []string, limit int, more string) string {
	if len(texts) > limit {
		texts = append(texts[:limit:limit], more)
	}
	return strings.Join(texts, "; ")
}

// hasMember reports whether a JSON object, read without error before, has a member of
// one of the names.
func hasMember(text string, names ...string) (has bool) {
	var r strictjson.Reader
	r.Begin(text, strictjson.Usual)
	for name := range r.Object {
		has = has || slices.Contains(names, name)
		r.Skip()
	}
	return has
}

// diagnose fills in a check that failed: with the words of advice.go, unless the token
// and the error say more.
func (k *Case) diagnose(c *Check, s Step, f *Failure) {
	var cause string
	part, limits, host := "claims", k.ClaimsLimits, "the key server"
	if s == Form {
		part, limits = "header", k.HeaderLimits
	}
	if f.Keys == nil {
		c.Code, c.Expected, c.Found = f.Code, f.Want, f.Found
		cause = k.refine(c, s, f, limits)
	} else {
		cause = k.findNoKeys(c, f.Keys)
		var request *fetch.Error
		if errors.As(f.Keys.Err, &request) {
			host = request.Host
		}
	}
	usual := Of(c.Code).For("")
	advice := Of(c.Code).For(cause)
	fill := strings.NewReplacer("{part}", part, "{host}", host, "{timeout}", k.Timeout.String(), "{limit}", strconv.Itoa(jwk.MaxBytes))
	c.Expected = cmp.Or(fill.Replace(cmp.Or(advice.Expected, usual.Expected)), c.Expected)
	c.Next = fill.Replace(cmp.Or(advice.Next, usual.Next))
}

// refine says more than the error of Verify if the rest of the token allows it, and
// returns the cause if it recognises one.
func (k *Case) refine(c *Check, s Step, f *Failure, limits string) (cause string) {
	switch c.Code {
	case "token-parts", "token-opaque", "token-encrypted":
		return k.shapeOf(c)
	case "token-base64":
		c.Found = f.Subject + " " + f.Found
		c.Expected = cmp.Or(f.Want, "canonical base64url")
		return k.shapeOf(c)
	case "token-json":
		c.Found = f.Subject + " " + f.Found
		if f.Want != "" {
			c.Found += ", want " + f.Want
		}
		if s == Form {
			return k.shapeOf(c)
		}
	case "json-limits":
		c.Found, c.Expected = f.Subject+" "+f.Found, limits
	case "type-mismatch":
		c.Expected = k.wantedType()
		if k.HasType {
			return causeOfType(k.Type)
		}
		return "absent"
	case "header-critical":
		c.Found = "crit " + criticalNames(k.Header)
	case "signature-bad":
		c.Expected = "made by the key with " + k.namedKey()
		if !k.HasKeyID && k.Certificate == "" {
			c.Expected = "made by the only key of the issuer"
		}
		c.Found = "not made by it"
		return k.causeOfBadSignature(c)
	case "alg-other":
		if !k.headerHas("alg") {
			return "no alg"
		}
	case "kid-missing":
		if k.Certificate != "" {
			return "x5t"
		}
	case "kid-unknown":
		return k.causeOfUnknownKey(c)
	case "issuer-missing":
		c.Found = "nothing"
	case "audience-missing":
		return k.causeOfNoAudience(c)
	case "issuer-mismatch":
		return k.causeOfIssuer(c)
	case "audience-mismatch":
		return k.causeOfAudience(c)
	case "expired":
		c.Expected, c.Found = k.laterThanNow(), k.fromNow(k.Expiry)
	case "not-before":
		c.Expected, c.Found = k.notAfterNow(), k.fromNow(k.NotBefore)
	}
	return ""
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

// sameButForm reports whether two names differ in case or a final slash only.
func sameButForm(a, b string) bool {
	return strings.EqualFold(strings.TrimSuffix(a, "/"), strings.TrimSuffix(b, "/"))
}

// findNoKeys says why there were no keys to verify a token with, and returns the cause.
func (k *Case) findNoKeys(c *Check, err *NoKeys) (cause string) {
	c.Code, cause, c.Found = keysCode(err)
	c.Found = cmp.Or(c.Found, quote.Line(err.Err.Error()))
	switch {
	case c.Code == "keys-held":
		c.Found = fmt.Sprintf("none at the moment, the next in %v: %s", err.RetryAfter.Round(time.Second), c.Found)
	case c.Code == "keys-timeout" && err.Reason != "caller":
		c.Found = "none after " + k.Timeout.String()
		if request := (*fetch.Error)(nil); errors.As(err.Err, &request) {
			c.Found += " at " + strings.TrimPrefix(request.Request, "GET ")
		}
	}
	return cause
}

func keysCode(err *NoKeys) (code, cause, found string) {
	if err.Held || err.Reason == "busy" {
		return "keys-held", "", ""
	}
	var coded fetch.Diagnosed
	var dns *net.DNSError
	var operation *net.OpError
	var network net.Error
	var request *fetch.Error
	failure := err.Err
	switch {
	case err.Reason == "caller":
		return "keys-timeout", "", ""
	case errors.As(failure, &coded):
		return coded.Diagnosis()
	case err.Empty:
		return "keys-empty", causeOfEmpty(err.Skipped), countedReasons(err.Skipped)
	case errors.As(failure, &operation) && operation.Op == "proxyconnect":
		return "keys-connect", "proxy", "" // whatever it is, it is the proxy
	case errors.As(failure, &dns) && !dns.IsTimeout:
		return "keys-dns", "", ""
	case errors.As(failure, &network) && network.Timeout(): // context.DeadlineExceeded is one
		return "keys-timeout", "", ""
	case isTLS(failure):
		return "keys-tls", causeOfTLS(failure.Error()), ""
	case !errors.As(failure, &request):
		return "keys-connect", "source", "" // perhaps of a source of the program's own
	}
	return "keys-connect", "", ""
}

// countedReasons says why the keys of a set are not usable, each reason once.
func countedReasons(skipped []string) string {
	var reasons []string
	counts := make(map[string]int)
	for _, reason := range skipped {
		if counts[reason]++; counts[reason] == 1 {
			reasons = append(reasons, reason)
		}
	}
	out := []string{quote.Count(len(skipped), "key") + ", none usable"}
	for _, reason := range reasons {
		out = append(out, fmt.Sprintf("%d because %s", counts[reason], reason))
	}
	return someOf(out, 5, "and other reasons")
}

// isTLS goes by the texts: most refusals of crypto/tls have no exported type.
func isTLS(err error) bool {
	text := err.Error()
	return strings.Contains(text, "tls: ") || strings.Contains(text, "x509: ") || strings.Contains(text, "HTTP response to HTTPS client") || errors.Is(err, http.ErrSchemeMismatch)
}

// Clock is a time as messages show it.
func Clock(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.999Z07:00") }
