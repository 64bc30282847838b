// Package settings finds names and addresses that cannot be right, because an
// environment file, a shell or a template changed them. With such a setting every
// token is refused, for a reason that does not point to the setting.
//
// Each error begins with the name of the setting, and says what was found and what to do.
package settings

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"example.com/jwtverify/internal/fetch"
	"example.com/jwtverify/internal/mediatype"
	"example.com/jwtverify/internal/quote"
)

// Issuer accepts text that can be the iss of tokens. It need not be an address.
func Issuer(name, issuer string) error {
	switch {
	case issuer == "":
		return errors.New(name + ` is empty: set it to the exact iss of the tokens, such as "https://tenant.example.com"`)
	case !utf8.ValidString(issuer):
		return fmt.Errorf("%s is %s: no token can carry it, since it is not valid UTF-8", name, quote.Text(issuer, 100))
	}
	return refuse(name, issuer, "the exact iss of the tokens", issuerFlaw(issuer))
}

// Audiences accepts texts that can be the aud of tokens, at least one.
func Audiences(name string, audiences []string) error {
	if len(audiences) == 0 {
		return errors.New(name + ` is empty: set it to the aud that tokens for this service carry, such as []string{"https://api.example.com"}`)
	}
	for i, audience := range audiences {
		element := fmt.Sprintf("%s[%d]", name, i)
		if audience == "" || !utf8.ValidString(audience) {
			return fmt.Errorf("%s is %s: set it to an aud that tokens for this service carry", element, quote.Text(audience, 100))
		}
		if err := Name(element, audience, "an aud that tokens for this service carry"); err != nil {
			return err
		}
	}
	return nil
}

// Type accepts a media type, or nothing.
func Type(name, typ string) error {
	const want = `a media type such as "at+jwt", or nothing to take JWT, at+jwt, JOSE or no typ`
	if err := Name(name, typ, want); err != nil {
		return err
	}
	if typ != "" && !mediatype.Valid(typ) {
		return fmt.Errorf("%s is %s: want %s", name, quote.Text(typ, 100), want)
	}
	return nil
}

// Within accepts a duration within bounds, and 0.
func Within(name string, value, low, high time.Duration) error {
	if value != 0 && (value < low || value > high) {
		return fmt.Errorf("%s is %v: want %v to %v, or 0 for the default", name, value, low, high)
	}
	return nil
}

// Name accepts text that a person can have meant as a name, also one with spaces or
// commas. A list in one text looks the same as such a name. want says what the setting
// is.
func Name(name, text, want string) error {
	flaw := textFlaw(text, true)
	switch {
	case flaw != "" || text == "":
	case text[0] == '$':
		flaw = `has "$" in front, of a variable that was not expanded: write its value`
	case strings.IndexByte("{[<(", text[0]) >= 0 && strings.IndexByte("}]>)", text[len(text)-1]) >= 0:
		flaw = "is in brackets: remove them, and write the elements of a list one by one"
	}
	return refuse(name, text, want, flaw)
}

func refuse(name, text, want, flaw string) error {
	if flaw == "" {
		return nil
	}
	return fmt.Errorf("%s is %s, want %s: it %s", name, quote.Text(text, 100), want, flaw)
}

// Address accepts the address of a key set. It may hold a secret, so an error shows only
// the flaw.
func Address(name, address string) error {
	return reachable(name, address, addressFlaw(address), "inside a cluster, set an https URL and a Client whose Transport goes there over http, or use a KeySourceFunc")
}

// MetadataIssuer accepts an issuer whose metadata are at an address below it.
func MetadataIssuer(name, issuer string) error {
	if err := reachable(name, issuer, issuerFlaw(issuer), "an issuer that is only called http stands in Config.Issuer, and its keys in an HTTPKeySource"); err != nil {
		return err
	}
	if strings.Contains(issuer, "?") {
		// RFC 8414, section 2; OpenID Connect Discovery 1.0, section 3.
		return errors.New(name + " has a query (?…): an issuer has none")
	}
	return nil
}

func reachable(name, address, flaw, besideHTTPS string) error {
	if flaw != "" {
		return errors.New(name + " " + flaw)
	}
	err := fetch.CheckURL(name, address)
	if errors.Is(err, fetch.ErrPlainHTTP) {
		err = fmt.Errorf("%w; %s", err, besideHTTPS)
	}
	return err
}

// issuerFlaw says what is wrong with an issuer; "" if nothing was found.
func issuerFlaw(issuer string) string {
	if flaw := addressFlaw(issuer); flaw != "" {
		return flaw
	}
	if i := strings.IndexAny(issuer, "{}<>"); i >= 0 || strings.HasPrefix(issuer, "$") {
		return "has " + strconv.Quote(issuer[max(i, 0):][:1]) + " in it, of a template or a variable that was not filled in: write the issuer's own name there"
	}
	const wellKnown = "/.well-known/"
	if i := strings.Index(issuer, wellKnown); i >= 0 {
		document, _, _ := strings.Cut(issuer[i+len(wellKnown):], "/")
		return "is the address of a document of the issuer: remove " + quote.Text(wellKnown+document, 100)
	}
	return ""
}

func addressFlaw(address string) string {
	if flaw := textFlaw(address, false); flaw != "" {
		return flaw
	}
	_, rest, found := strings.Cut(address, "://")
	if !found {
		return ""
	}
	if strings.HasPrefix(rest, "https://") || strings.HasPrefix(rest, "http://") {
		return "has https:// twice: remove one"
	}
	rest, _, _ = strings.Cut(rest, "?")
	rest = strings.ReplaceAll(rest, "://", "") // a whole address in the path of another, as with some proxies
	if strings.Contains(rest, "//") {
		return "has // behind the host: correct the setting that it is made of, which is empty or ends in a slash"
	}
	return ""
}

// textFlaw finds what nobody writes on purpose: control characters, invisible
// characters, quotes around the text, and white space other than plain spaces within a
// name.
func textFlaw(text string, spaces bool) string {
	for i, c := range text {
		size := utf8.RuneLen(c)
		first, last := i == 0, i+size == len(text)
		what, then := "", "remove it"
		switch {
		case (first || last) && strings.ContainsRune("\"'`“”‘’", c):
			what, then = "a quote", "remove the quotes, which some readers of .env files keep"
		case c == ' ' && spaces && !first && !last:
		case !spaces && !first && !last && !strings.Contains(text, "://"):
			// An issuer that is not an address may be any name.
		case c == '\r' || c == '\n':
			what = "a line end"
		case unicode.IsSpace(c):
			what = "a space"
		case unicode.IsControl(c):
			what = "a control character"
		case !unicode.IsPrint(c):
			what = "an invisible character"
		}
		if what == "" {
			continue
		}
		where := "at byte " + strconv.Itoa(i)
		switch {
		case first:
			where = "at the beginning"
		case last:
			where = "at the end"
		}
		return fmt.Sprintf("has %s (%s) %s: %s", what, strconv.QuoteToASCII(string(c)), where, then)
	}
	return ""
}
