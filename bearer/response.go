package bearer

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Rejection says why a guard refused a request, and what the response is.
// Everything but Err is sent to the client.
type Rejection struct {
	// Status is 400, 401, 403 or 503.
	Status int
	// Code is the error code of RFC 6750, section 3.1: "invalid_request",
	// "invalid_token" or "insufficient_scope". It is empty for a request without
	// credentials, and with 503.
	Code string
	// Description is the sentence for the client, one of a few fixed ones. It is
	// empty if there were no credentials.
	Description string
	// Scopes are all scopes that the route requires, with 401 and with a 403 for a
	// missing scope; otherwise nil.
	Scopes []string
	// RetryAfter is the value of the header Retry-After with 503: whole seconds,
	// from 1 second to 5 minutes. Otherwise 0.
	RetryAfter time.Duration
	// Err is the full reason, for logs only: it says what was expected and found,
	// and quotes text from the token. It never holds the token. For 401 it is
	// [ErrNoCredentials] or the Verifier's error; [errors.Is] distinguishes them.
	// For 400 it is a [*RequestError], for 503 usually a
	// [*jwtverify.KeysUnavailableError]. If that has the Reason "caller", the client
	// has gone: raise no alarm.
	Err error
}

const (
	problemType = "application/problem+json"

	// How long a client should wait if the error does not say it.
	unknownRetryAfter = 5 * time.Second
	minRetryAfter     = time.Second
	maxRetryAfter     = 5 * time.Minute
)

// refuse answers in place of the handler. The hook can change only the body.
func (g *Guard) refuse(w http.ResponseWriter, r *http.Request, rejection *Rejection) {
	body := problem(rejection)
	if !g.ready() || g.reject == nil {
		g.write(w, r, rejection, problemType, body)
		return
	}
	returned := false
	defer func() {
		if !returned {
			// The hook panicked, and the panic goes on. Answer the client first, and
			// flush, since net/http drops what is still in its buffers. If flushing
			// is impossible, only the response is lost.
			g.write(w, r, rejection, problemType, body)
			_ = http.NewResponseController(w).Flush()
		}
	}()
	told := *rejection
	told.Scopes = slices.Clone(told.Scopes)
	contentType, own := g.reject(withoutAuthorization(r), told)
	returned = true
	switch {
	case own == nil:
		contentType, own = problemType, body
	case contentType == "" || !isPrintable(contentType):
		contentType = problemType
	}
	g.write(w, r, rejection, contentType, own)
}

// withoutAuthorization returns a copy of the request that can be logged.
func withoutAuthorization(r *http.Request) *http.Request {
	r = r.Clone(r.Context())
	maps.DeleteFunc(r.Header, func(name string, _ []string) bool {
		return strings.EqualFold(name, "Authorization")
	})
	return r
}

// problem returns the body (RFC 9457). The member type is absent: then the status
// says which kind of problem it is.
func problem(rejection *Rejection) []byte {
	document := struct {
		Title       string `json:"title"`
		Status      int    `json:"status"`
		Detail      string `json:"detail,omitempty"`
		Error       string `json:"error,omitempty"`
		Description string `json:"error_description,omitempty"`
	}{
		Title:  http.StatusText(rejection.Status),
		Status: rejection.Status,
		Detail: rejection.Description,
		Error:  rejection.Code,
	}
	if rejection.Code != "" {
		document.Description = rejection.Description
	}
	body, _ := json.Marshal(document) // strings and an int: no error is possible
	return body
}

// challenge is the value of WWW-Authenticate (RFC 6750, section 3). Nothing in it
// needs escaping: New and Require have checked their parts, and the rest is
// fixed.
func (g *Guard) challenge(rejection *Rejection) string {
	value := `Bearer realm="` + g.realm + `"`
	if rejection.Code != "" {
		value += `, error="` + rejection.Code + `", error_description="` + rejection.Description + `"`
	}
	if len(rejection.Scopes) > 0 {
		value += `, scope="` + strings.Join(rejection.Scopes, " ") + `"`
	}
	if g.metadataURL != "" {
		value += `, resource_metadata="` + g.metadataURL + `"` // RFC 9728, section 5.1
	}
	return value
}

func (g *Guard) write(w http.ResponseWriter, r *http.Request, rejection *Rejection, contentType string, body []byte) {
	header := w.Header()
	// Remove what an outer handler has set for the response that is not sent now.
	// Compare canonical names, since Del would miss h["ETag"] = ….
	maps.DeleteFunc(header, func(name string, _ []string) bool {
		switch http.CanonicalHeaderKey(name) {
		case "Content-Encoding", "Content-Range", "Etag", "Last-Modified", "Expires",
			"Cache-Control", "Content-Length", "Content-Type", "X-Content-Type-Options":
			return true
		case "Retry-After":
			return rejection.RetryAfter != 0
		}
		return false
	})
	if rejection.Status == http.StatusServiceUnavailable {
		// No challenge: another token would not help.
		header.Set("Retry-After", strconv.Itoa(int(rejection.RetryAfter/time.Second)))
	} else {
		// Add, not Set: there may be a challenge of another scheme.
		header.Add("WWW-Authenticate", g.challenge(rejection))
	}
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Content-Type", contentType)
	header.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(rejection.Status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // an error means that the client has gone
	}
}

// retryAfter rounds up to whole seconds, within the bounds of the header.
func retryAfter(d time.Duration) time.Duration {
	seconds := (min(d, maxRetryAfter) + time.Second - 1) / time.Second
	return max(seconds*time.Second, minRetryAfter)
}
