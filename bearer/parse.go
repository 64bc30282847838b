package bearer

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// maxTokenBytes is the limit on a token, checked before any byte of it is read.
// It is the limit of jwtverify.
const maxTokenBytes = 16 << 10

// Parse returns the token from the values of a request's Authorization header: all
// its fields in their order, as from [net/http.Header.Values] or the
// "authorization" metadata of gRPC. The text only has the form of a token; a
// Verifier must verify it.
//
// The error matches [ErrNoCredentials] if the request has no Bearer credentials: no value, an
// empty one, or one of another scheme such as Basic or DPoP (RFC 9110, section 11.6.2). Its
// text says which, and whether it looks like a token without a scheme. The error is a
// [*RequestError] if there are Bearer credentials that cannot be read: two values, even equal
// ones; Bearer without a token; more than 16,384 bytes; anything but "Bearer" in any case,
// spaces, and a token in the form b64token (RFC 6750, section 2.1).
func Parse(values []string) (token string, err error) {
	switch len(values) {
	case 0:
		return "", ErrNoCredentials
	case 1:
	default:
		// Which of them is used would be arbitrary, and a proxy in front may have
		// used the other one.
		return "", &RequestError{"More than one Authorization header field",
			fmt.Sprintf("%d Authorization header fields, want one", len(values))}
	}
	credentials := strings.Trim(values[0], " \t")
	scheme := leading(credentials, isTokenChar)
	if !strings.EqualFold(credentials[:scheme], "Bearer") {
		// That includes an empty value: clients that have logged out send it.
		return "", otherCredentials(credentials, credentials[:scheme])
	}

	rest := credentials[scheme:]
	token = strings.TrimLeft(rest, " ")
	switch {
	case rest == "":
		return "", malformed("Authorization header field has no token after Bearer")
	case len(token) == len(rest):
		return "", malformed("Authorization header field has %q after Bearer, want a space and the token", rest[:1])
	case len(token) > maxTokenBytes:
		return "", &RequestError{"The access token is too long",
			fmt.Sprintf("token has %d bytes, want at most %d", len(token), maxTokenBytes)}
	}
	// b64token = 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="
	end := leadingBase64(token)
	if end > 0 {
		end += leading(token[end:], func(c byte) bool { return c == '=' })
	}
	if end < len(token) {
		return "", malformed("token has %q at byte %d, want letters, digits and -._~+/, and = only at the end", token[end:end+1], end)
	}
	return token, nil
}

// otherCredentials says, for logs, what a value has in place of Bearer and a token. Text
// that looks like the name of a scheme may be the secret itself, so only known names are
// shown.
func otherCredentials(credentials, scheme string) error {
	const bare = "Authorization has a token without Bearer before it"
	known := func(name string) bool { return strings.EqualFold(name, scheme) }
	switch i := slices.IndexFunc(schemes, known); {
	case credentials == "":
		return ErrNoCredentials
	case i >= 0:
		return fmt.Errorf("%w: Authorization has the scheme %s", ErrNoCredentials, schemes[i])
	case credentials[0] == '"':
		return fmt.Errorf("%w: Authorization begins with a quote", ErrNoCredentials)
	case strings.HasPrefix(credentials, "ey") && strings.Count(credentials, ".") >= 2:
		return fmt.Errorf("%w: %s", ErrNoCredentials, bare)
	case !strings.ContainsAny(credentials, " \t,"):
		return fmt.Errorf("%w: Authorization has one word, such as a token without Bearer before it", ErrNoCredentials)
	}
	return fmt.Errorf("%w: Authorization has another scheme, want Bearer", ErrNoCredentials)
}

// schemes are those in IANA's registry, and others that APIs and clients are known to
// use.
var schemes = []string{
	"Basic", "Concealed", "Digest", "DPoP", "GNAP", "HOBA", "Mutual", "Negotiate", "OAuth", "PrivateToken", "SCRAM-SHA-1", "SCRAM-SHA-256", "vapid",
	"JWT", "Token", "ApiKey", "Api-Key", "Key", "NTLM", "Hawk", "MAC", "Signature", "AWS4-HMAC-SHA256", "SharedAccessSignature", "SSWS", "PoP", "Session", "Splunk", "GenieKey",
	"Authorization", "access_token", "Bearer_token", "BearerToken", "OAuth2", "Kerberos", "MSAuth1.0", "WRAP",
}

// ErrNoCredentials: the request has no credentials of the scheme Bearer. Answer
// HTTP 401 without an error code of RFC 6750.
var ErrNoCredentials = errors.New("bearer: no credentials of the scheme Bearer")

// A RequestError says that the Authorization header cannot be read. Answer HTTP 400
// with error code invalid_request (RFC 6750, section 3.1).
type RequestError struct {
	// Description is the fixed text for the client: "More than one Authorization
	// header field", "The Authorization header field is malformed" or "The access
	// token is too long".
	Description string

	reason string // what was expected and found, without the token
}

// Error returns what was expected and what was found, for logs. It never
// contains the token.
func (e *RequestError) Error() string { return "bearer: " + e.reason }

func malformed(format string, args ...any) error {
	return &RequestError{"The Authorization header field is malformed", fmt.Sprintf(format, args...)}
}

// leading returns how many bytes at the start of s satisfy is.
func leading(s string, is func(byte) bool) int {
	for i := range len(s) {
		if !is(s[i]) {
			return i
		}
	}
	return len(s)
}

func isAlphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// isTokenChar reports whether c is a tchar (RFC 9110, section 5.6.2), which the
// name of a scheme consists of.
func isTokenChar(c byte) bool {
	return isAlphanumeric(c) || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}

// leadingBase64 returns how many bytes at the start of s may precede the "=" of a
// b64token. It does what leading does, without a function call for each byte of a
// token.
func leadingBase64(s string) int {
	for i := range len(s) {
		if !base64Chars[s[i]] {
			return i
		}
	}
	return len(s)
}

var base64Chars = func() (is [256]bool) {
	for c := range is {
		is[c] = isAlphanumeric(byte(c)) || strings.IndexByte("-._~+/", byte(c)) >= 0
	}
	return is
}()
