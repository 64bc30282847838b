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

// A Rejection says why a guard refused a request, and what it answered. Everything
// but Err goes to the client.
type Rejection struct {
	// Status is 400, 401, 403 or 503.
	Status int
	// Code is the error code of RFC 6750, section 3.1: "invalid_request",
	// "invalid_token" or "insufficient_scope". It is empty where none is due: no
	// credentials, or 503.
	Code string
	// Description is the sentence for the client, one of a fixed few; empty if there
	// were no credentials.
	Description string
	// Scopes are those that the route requires, all of them, with 401, and with 403
	// where one was missing; else nil.
	Scopes []string
	// RetryAfter is what the header Retry-After says with 503, whole seconds from 1
	// second to 5 minutes; else 0.
	RetryAfter time.Duration
	// Err is the full reason, for logs only: it tells what was expected and found,
	// with text from the token in quotes. It never holds the token. For 401 it is
	// [ErrNoCredentials] or the Verifier's error, which [errors.Is] tells apart; for
	// 400 a [*RequestError]; for 503 mostly a [*jwtverify.KeysUnavailableError].
	// One of the Reason "caller" means that the client has gone: no alarm is due.
	Err error
}

const (
	problemType = "application/problem+json"

	// How long a client should wait where nobody has said it.
	unknownRetryAfter = 5 * time.Second
	minRetryAfter     = time.Second
	maxRetryAfter     = 5 * time.Minute
)

// refuse answers in place of the handler. The hook has a say in the body alone.
func (g *Guard) refuse(w http.ResponseWriter, r *http.Request, rejection *Rejection) {
	body := problem(rejection)
	if !g.ready() || g.reject == nil {
		g.write(w, r, rejection, problemType, body)
		return
	}
	returned := false
	defer func() {
		if !returned {
			// The hook panics, and the panic goes on: the client is answered first.
			// Flushed, since net/http then drops what is still in its buffers; where
			// that is impossible nothing is lost but the answer.
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

// problem is the body of RFC 9457. Its member type is absent, which means that the
// status says what kind of problem it is.
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
// needs escaping: New and Require have seen to that, and the rest is fixed.
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
	// What an outer handler has set for the answer that does not come. By canonical
	// name, since h["ETag"] = … is not where Del looks.
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
		// No challenge: another token would fare no better.
		header.Set("Retry-After", strconv.Itoa(int(rejection.RetryAfter/time.Second)))
	} else {
		// Added: the challenge of another scheme may be there.
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

// retryAfter rounds up to whole seconds, within what the header may say.
func retryAfter(d time.Duration) time.Duration {
	seconds := (min(d, maxRetryAfter) + time.Second - 1) / time.Second
	return max(seconds*time.Second, minRetryAfter)
}
