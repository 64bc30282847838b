package bearer

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// maxTokenBytes is the limit on a token, measured before any byte of it is looked
// at. It is that of jwtverify.
const maxTokenBytes = 16 << 10

// Parse returns the token in the values of a request's Authorization header, which
// are all of its fields in their order: [net/http.Header.Values], or the
// "authorization" metadata of gRPC. It has only the form of a token: what it is
// worth, a Verifier tells.
//
// The error matches [ErrNoCredentials] if there is none and none was meant: no value, an
// empty one, or one of another scheme such as Basic or DPoP (RFC 9110, section
// 11.6.2); its text tells these apart, and a token without scheme. It is a [*RequestError] if a token was meant, but cannot be read: two
// values, even equal ones; Bearer without a token; more than 16 384 bytes; anything
// but "Bearer" in any case, spaces, and a token in the form b64token (RFC 6750,
// section 2.1).
func Parse(values []string) (token string, err error) {
	switch len(values) {
	case 0:
		return "", ErrNoCredentials
	case 1:
	default:
		// Which of them counts would be a matter of taste, and a proxy in front may
		// have the other one.
		return "", &RequestError{"More than one Authorization header field",
			fmt.Sprintf("%d Authorization header fields, want one", len(values))}
	}
	credentials := strings.Trim(values[0], " \t")
	scheme := leading(credentials, isTokenChar)
	if !strings.EqualFold(credentials[:scheme], "Bearer") {
		// An empty value as well: clients that have logged out send it.
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
		return "", malformed("token has %q at byte %d, want letters, digits and -._~+/, and = behind all of them", token[end:end+1], end)
	}
	return token, nil
}

// otherCredentials tells what a value has in place of Bearer and a token, for logs. What
// looks like the name of a scheme may be the secret itself: only those that are known are
// shown.
func otherCredentials(credentials, scheme string) error {
	const bare = "Authorization has a token without Bearer before it"
	known := func(name string) bool { return strings.EqualFold(name, scheme) }
	switch i := slices.IndexFunc(schemes, known); {
	case credentials == "":
		return ErrNoCredentials
	case i >= 0:
		return fmt.Errorf("%w: Authorization has the scheme %s", ErrNoCredentials, schemes[i])
	case scheme == "" && strings.IndexByte("\"'`", credentials[0]) >= 0:
		return fmt.Errorf("%w: Authorization begins with a quote", ErrNoCredentials)
	case strings.HasPrefix(credentials, "ey") && strings.Count(credentials, ".") >= 2:
		return fmt.Errorf("%w: %s", ErrNoCredentials, bare)
	case !strings.ContainsAny(credentials, " \t,"):
		return fmt.Errorf("%w: Authorization has one word, such as a token without Bearer before it", ErrNoCredentials)
	}
	return fmt.Errorf("%w: Authorization has another scheme, want Bearer", ErrNoCredentials)
}

// schemes are those of IANA's registry, and those that APIs and clients are known to use.
var schemes = []string{
	"Basic", "Concealed", "Digest", "DPoP", "GNAP", "HOBA", "Mutual", "Negotiate", "OAuth", "PrivateToken", "SCRAM-SHA-1", "SCRAM-SHA-256", "vapid",
	"JWT", "Token", "ApiKey", "Api-Key", "Key", "NTLM", "Hawk", "MAC", "Signature", "AWS4-HMAC-SHA256", "SharedAccessSignature", "SSWS", "PoP", "Session", "Splunk", "GenieKey",
	"Authorization", "access_token", "Bearer_token", "BearerToken", "OAuth2", "Kerberos", "MSAuth1.0", "WRAP",
}

// ErrNoCredentials: the request has no credentials of the scheme Bearer. HTTP 401,
// and none of the error codes of RFC 6750 is due.
var ErrNoCredentials = errors.New("bearer: no credentials of the scheme Bearer")

// A RequestError says that the Authorization header cannot be read: HTTP 400, error
// code invalid_request (RFC 6750, section 3.1).
type RequestError struct {
	// Description is the fixed text for the client: "More than one Authorization
	// header field", "The Authorization header field is malformed" or "The access
	// token is too long".
	Description string

	reason string // what was expected and found, without the token
}

// Error returns what was expected and what was found, for logs. It never has the
// token in it.
func (e *RequestError) Error() string { return "bearer: " + e.reason }

func malformed(format string, args ...any) error {
	return &RequestError{"The Authorization header field is malformed", fmt.Sprintf(format, args...)}
}

// leading returns how many bytes at the start of s are of a kind.
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

// isTokenChar reports whether c is a tchar (RFC 9110, section 5.6.2), of which the
// name of a scheme is made.
func isTokenChar(c byte) bool {
	return isAlphanumeric(c) || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}

// leadingBase64 returns how many bytes at the start of s may stand in a b64token before
// its "=". It is leading for a whole token, without a call for each byte.
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
