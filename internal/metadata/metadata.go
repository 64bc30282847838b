// Package metadata finds an issuer's keys by what it publishes about itself: OpenID
// Connect Discovery 1.0 or, if that is not found, RFC 8414.
package metadata

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"example.com/jwtverify/internal/charset"
	"example.com/jwtverify/internal/fetch"
	"example.com/jwtverify/internal/notkeys"
	"example.com/jwtverify/internal/quote"
	"example.com/jwtverify/internal/strictjson"
)

// A Document holds the members of the metadata that are used.
type Document struct {
	KeysURI string
	// TokenIssuer is the iss of the issuer's access tokens if it differs:
	// access_token_issuer of AD FS. Empty: it is not there.
	TokenIssuer string
}

// Find fetches the metadata of an issuer; the request says how. The document must name
// exactly this issuer (OpenID Connect Discovery 1.0, section 4.3; RFC 8414, section 3.3).
func Find(ctx context.Context, issuer string, request fetch.Request) (*Document, error) {
	base := strings.TrimSuffix(issuer, "/")
	request.URL = base + "/.well-known/openid-configuration"
	answer, err := fetch.Get(ctx, request)
	var missing *fetch.Refused
	if errors.As(err, &missing) && missing.Status == http.StatusNotFound {
		// RFC 8414, section 3.1: between the host and the path.
		u, _ := url.Parse(base)
		u.Path, u.RawPath = "/.well-known/oauth-authorization-server"+u.Path, ""
		request.URL = u.String()
		answer, err = fetch.Get(ctx, request)
	} else {
		missing = nil
	}
	var document *Document
	if err == nil {
		document, err = read(answer, issuer)
	}
	if err != nil {
		return nil, explain(err, issuer, missing)
	}
	return document, nil
}

// explain adds to an error what else is known: that the first address was not found, and
// that the issuer in the settings cannot be right.
func explain(err error, issuer string, missing *fetch.Refused) error {
	var coded fetch.Diagnosed
	if !errors.As(err, &coded) {
		if missing != nil {
			return fmt.Errorf("%w; and then %w", missing, err)
		}
		return err
	}
	code, cause, found := coded.Diagnosis()
	if missing != nil {
		_, _, first := missing.Diagnosis()
		found = first + "; and then " + found
		err = fmt.Errorf("%w; and then %w", missing, err)
	}
	// An error that may go away by trying again is not the fault of the settings.
	lasting := code != "keys-status" || cause != "5xx" && cause != "429"
	switch {
	case strings.Contains(issuer, "/.well-known") && lasting:
		code, cause = "issuer-form", "well-known"
	case strings.ContainsAny(issuer, "{}") && lasting:
		code, cause = "issuer-form", "template"
	case code == "keys-status" && cause == "404", missing != nil && lasting && code != "metadata-issuer" && code != "issuer-form":
		code, cause = "keys-status", "metadata 404"
	}
	return &notkeys.Error{Code: code, Cause: cause, Found: found, Err: err}
}

// read reads and checks the document.
func read(answer *fetch.Answer, issuer string) (*Document, error) {
	bad := func(code, cause string, err error) error {
		return &notkeys.Error{Code: code, Cause: cause,
			Found: fmt.Sprintf("metadata that cannot be used: %v, at %s", err, strings.TrimPrefix(answer.Request, "GET ")),
			Err:   fmt.Errorf("%s: %w", answer.Request, err)}
	}
	d := new(Document)
	var found string
	var r strictjson.Reader
	text, flaw := charset.Decode(answer.Body)
	if flaw != "" {
		return nil, bad("keys-not-json", "no metadata", errors.New("the metadata "+flaw))
	}
	r.Begin(text, strictjson.Usual)
	for name := range r.Object {
		var err error
		switch {
		case name == "issuer":
			found, err = r.String(name)
		case name == "jwks_uri":
			d.KeysURI, err = r.String(name)
		case name == "access_token_issuer" && r.Kind() == '"':
			d.TokenIssuer, _ = r.String(name)
		default:
			r.Skip()
		}
		if err != nil {
			return nil, bad("keys-not-json", "no metadata", fmt.Errorf("the metadata: %w", err))
		}
	}
	if err := r.End(); err != nil {
		return nil, bad("keys-not-json", unreadable(answer.Body), fmt.Errorf("the metadata %w", err))
	}
	if found != issuer {
		code, cause := differs(found, issuer)
		return nil, bad(code, cause, fmt.Errorf("issuer is %s, want %s", quote.Text(found, 100), quote.Text(issuer, 100)))
	}
	if err := fetch.CheckURL("jwks_uri", d.KeysURI); err != nil {
		return nil, bad("keys-not-json", "jwks_uri", err)
	}
	if strings.HasPrefix(strings.ToLower(d.KeysURI), "http:") && strings.HasPrefix(strings.ToLower(issuer), "https:") {
		return nil, bad("keys-not-json", "jwks_uri", errors.New("jwks_uri is http, want https as the issuer"))
	}
	return d, nil
}

// unreadable is the cause if the document is not JSON.
func unreadable(body []byte) string {
	if cause, _ := notkeys.Look(body); cause == "html" || cause == "xml" {
		return "metadata " + cause
	}
	return "no metadata"
}

// differs explains metadata that name another issuer.
func differs(found, issuer string) (code, cause string) {
	switch {
	case found == "":
		return "keys-not-json", "no metadata"
	case strings.ContainsAny(found, "{}"):
		return "metadata-issuer", "template"
	case fetch.SameButForm(found, issuer):
		return "issuer-form", "metadata"
	}
	return "metadata-issuer", ""
}
