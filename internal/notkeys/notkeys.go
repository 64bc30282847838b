// Package notkeys looks at a document that should be a key set, and says what it is
// instead. It shows at most an address that the document names.
package notkeys

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"example.com/jwtverify/internal/fetch"
	"example.com/jwtverify/internal/quote"
)

// An Error is an error of a key source, with what package diagnosis needs to explain
// it.
type Error struct {
	Code, Cause string
	Found       string // what was found, if that is more than the error says
	Err         error
}

func (e *Error) Error() string { return e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

// Diagnosis returns the code, the cause and what was found.
func (e *Error) Diagnosis() (code, cause, found string) { return e.Code, e.Cause, e.Found }

// Explain adds to the error of a reader of key sets what the document is. If that says
// more than the reader's own text, it replaces it.
func Explain(data []byte, err error) *Error {
	cause, text := Look(data)
	if text != "" {
		err = errors.New(text)
	}
	return &Error{Code: "keys-not-json", Cause: cause, Found: "it " + err.Error(), Err: err}
}

// From is Explain for a document from HTTP.
func From(request string, header http.Header, body []byte, err error) error {
	var e *Error
	if !errors.As(err, &e) {
		e = &Error{Code: "keys-not-json", Err: err}
	}
	mediaType := header.Get("Content-Type")
	if strings.HasPrefix(mediaType, "text/html") && (e.Cause == "" || e.Cause == "html") {
		e = &Error{Code: e.Code, Cause: "html", Err: errors.New("is not one: got HTML, not a key set; check the address")}
	}
	if mediaType = quote.Text(mediaType, 64); mediaType == `""` {
		mediaType = "no Content-Type"
	}
	return &Error{
		Code: e.Code, Cause: e.Cause,
		Found: fmt.Sprintf("%s, %d bytes: it %v, at %s", mediaType, len(body), e.Err, strings.TrimPrefix(request, "GET ")),
		Err:   fmt.Errorf("%s: the key set %w", request, e.Err),
	}
}

// HeldBack adds to the error of a server that wants credentials that the Header was not
// sent to it.
func HeldBack(err error) error {
	var refused *fetch.Refused
	if !errors.As(err, &refused) || refused.Cause != "401" && refused.Cause != "403" {
		return err
	}
	_, _, found := refused.Diagnosis()
	return &Error{Code: refused.Code, Cause: "header", Found: found + ", without the Header, which is for the issuer's own host", Err: err}
}

// Look says what a document is that is not a key set. It returns the cause, and text that
// completes a sentence that begins with "the key set". Both are empty if the document may
// be a key set with a flaw.
func Look(data []byte) (cause, text string) {
	const mostLooked = 64 << 10
	start := bytes.TrimLeft(bytes.TrimPrefix(data, []byte("\ufeff")), " \t\r\n")
	start = start[:min(len(start), mostLooked)]
	whole := len(data) <= mostLooked
	switch {
	case len(start) == 0:
		return "empty", ""
	case bytes.HasPrefix(start, []byte("<?xml")), bytes.HasPrefix(start, []byte("<Error>")), bytes.HasPrefix(start, []byte("<EntityDescriptor")), bytes.HasPrefix(start, []byte("<md:")):
		return "xml", "is not one: got XML, not a key set"
	case start[0] == '<':
		return "html", ""
	case bytes.HasPrefix(start, []byte("ssh-")), bytes.HasPrefix(start, []byte("---- BEGIN SSH2")):
		return "ssh", "is a key in the form of SSH, want a JWK Set, a JWK or PEM"
	case bytes.Contains(start, []byte("PRIVATE KEY-----")) && start[0] == '-':
		return "private", ""
	case bytes.HasPrefix(start, []byte("ey")) && bytes.Count(start, []byte(".")) == 2 && !bytes.ContainsAny(bytes.TrimSpace(start), " \r\n{"):
		return "signed", "is a JWT: a set that is signed, or a token, want a JWK Set"
	case start[0] == '[':
		return "list", `is an array, want an object with the keys in "keys"`
	case start[0] != '{':
		return "", ""
	}
	return lookAtObject(start, whole)
}

func lookAtObject(text []byte, whole bool) (cause, words string) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil {
		var syntax *json.SyntaxError
		if whole && (errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &syntax) && syntax.Offset >= int64(len(text))) {
			return "cut off", ""
		}
		return "", ""
	}
	has := func(names ...string) string {
		for _, name := range names {
			if value, is := members[name]; is && string(value) != "null" {
				return name
			}
		}
		return ""
	}
	switch {
	case has("keys") != "":
		return "", ""
	case has("kty") != "":
		if has("d", "p", "q", "dp", "dq", "qi", "k") != "" {
			return "private", ""
		}
		return "", ""
	case has("jwks_uri", "authorization_endpoint", "token_endpoint") != "":
		var address string
		if json.Unmarshal(members["jwks_uri"], &address) == nil && address != "" {
			if u, err := url.Parse(address); err == nil {
				return "metadata", "is not one: it is the issuer's metadata, whose jwks_uri is " + quote.Text(u.Scheme+"://"+u.Host+u.EscapedPath(), 200)
			}
		}
		return "metadata", "is not one: it is the issuer's metadata"
	case has("access_token", "id_token") != "":
		return "token", "is not one: it is the answer of a token endpoint"
	case holdsPEM(members):
		return "certificates", "is not one: it is a map of names to certificates or keys in PEM, as Google's"
	case has("jwks", "jwk", "data", "result", "Keys", "KEYS", "value") != "":
		return "nested", `has no "keys" array, but a member ` + quote.Text(has("jwks", "jwk", "data", "result", "Keys", "KEYS", "value"), 20)
	}
	if name := has("error", "errors", "error_description", "errorCode", "message", "Message", "code", "detail", "title", "status", "statusCode", "reason", "fault"); name != "" {
		return "error", "is not one: it is an error or a message in JSON, with the member " + quote.Text(name, 20)
	}
	return "", ""
}

// holdsPEM reports whether all members, and at least one, are PEM texts.
func holdsPEM(members map[string]json.RawMessage) bool {
	var texts []string
	for _, value := range members {
		var text string
		if json.Unmarshal(value, &text) != nil {
			return false
		}
		texts = append(texts, text)
	}
	return slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(text, "-----BEGIN ") })
}
