package fetch_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"example.com/jwtverify/internal/fetch"
)

// A transportFunc answers requests in memory.
type transportFunc func(*http.Request) (*http.Response, error)

func (f transportFunc) RoundTrip(request *http.Request) (*http.Response, error) { return f(request) }

// A body counts how often it is read and closed.
type body struct {
	io.Reader
	reads, closed int
}

func (b *body) Read(p []byte) (int, error) { b.reads++; return b.Reader.Read(p) }
func (b *body) Close() error               { b.closed++; return nil }

// reply makes an answer with header lines such as "Age: 5".
func reply(status int, content string, header ...string) *http.Response {
	response := &http.Response{
		StatusCode:    status,
		Header:        http.Header{},
		Body:          &body{Reader: strings.NewReader(content)},
		ContentLength: int64(len(content)),
	}
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		response.Header.Add(name, value)
	}
	return response
}

// request is one of a document of at most 100 bytes.
func request(f transportFunc) fetch.Request {
	return fetch.Request{URL: "https://issuer.example/keys?tenant=SECRET", Client: &http.Client{Transport: f}, Limit: 100}
}

func get(t *testing.T, response *http.Response) (*fetch.Answer, error) {
	t.Helper()
	requests := 0
	answer, err := fetch.Get(t.Context(), request(func(*http.Request) (*http.Response, error) { requests++; return response, nil }))
	if requests != 1 || response.Body.(*body).closed != 1 || (answer == nil) != (err != nil) {
		t.Errorf("%d requests, body closed %d times, answer %v beside error %v", requests, response.Body.(*body).closed, answer, err)
	}
	return answer, err
}

type countingJar struct {
	http.CookieJar
	calls int
}

func TestRequest(t *testing.T) {
	const accept = "application/jwk-set+json, application/json;q=0.9, */*;q=0.1"
	for name, test := range map[string]struct {
		header http.Header
		etag   string
		want   http.Header
	}{
		"nothing set": {nil, "", http.Header{"Accept": {accept}, "User-Agent": {"jwtverify"}, "Cache-Control": {"no-cache"}}},
		"an ETag":     {nil, `"1"`, http.Header{"Accept": {accept}, "User-Agent": {"jwtverify"}, "Cache-Control": {"no-cache"}, "If-None-Match": {`"1"`}}},
		"headers": {http.Header{"Authorization": {"Bearer x"}, "User-Agent": {"me"}, "Accept": {"text/html"}, "If-None-Match": {"*"}, "Cache-Control": {"max-age=9"}}, "",
			http.Header{"Authorization": {"Bearer x"}, "User-Agent": {"me"}, "Accept": {accept}, "If-None-Match": {"*"}, "Cache-Control": {"no-cache"}}},
		"headers and an ETag": {http.Header{"If-None-Match": {"*"}}, `"1"`, http.Header{"Accept": {accept}, "User-Agent": {"jwtverify"}, "Cache-Control": {"no-cache"}, "If-None-Match": {`"1"`}}},
	} {
		t.Run(name, func(t *testing.T) {
			var got *http.Request
			r := request(func(r *http.Request) (*http.Response, error) { got = r; return reply(200, ""), nil })
			jar := &countingJar{}
			r.Client.Jar = jar
			r.Header, r.ETag = test.header, test.etag
			before := maps.Clone(test.header)
			if _, err := fetch.Get(t.Context(), r); err != nil {
				t.Fatal(err)
			}
			if got.Method != "GET" || got.URL.String() != r.URL || got.Body != nil || jar.calls != 0 {
				t.Errorf("got %s %s, body %v; the cookie jar was used %d times", got.Method, got.URL, got.Body, jar.calls)
			}
			if !reflect.DeepEqual(got.Header, test.want) {
				t.Errorf("got header  %v\nwant header %v", got.Header, test.want)
			}
			if !reflect.DeepEqual(before, test.header) {
				t.Errorf("the caller's header was changed: %v", test.header)
			}
		})
	}
}

func TestNotModified(t *testing.T) {
	r := request(func(*http.Request) (*http.Response, error) { return reply(304, "", "ETag: \"2\""), nil })
	r.ETag = `"1"`
	answer, err := fetch.Get(t.Context(), r)
	if err != nil || !answer.NotModified || answer.Body != nil || answer.ETag() != `"2"` || answer.Request != "GET https://issuer.example/keys" {
		t.Errorf("got %+v, %v", answer, err)
	}
	if _, err := get(t, reply(304, "")); err == nil || err.Error() != "GET https://issuer.example/keys: got status 304 Not Modified, want 200" {
		t.Errorf("not asked for: got %v", err)
	}
	r.Client.Transport = transportFunc(func(*http.Request) (*http.Response, error) { return reply(200, "new"), nil })
	if answer, err := fetch.Get(t.Context(), r); err != nil || answer.NotModified || string(answer.Body) != "new" {
		t.Errorf("a change: got %+v, %v", answer, err)
	}
}

// What an answer must be, and what is said if it is something else.
func TestRefusedAnswers(t *testing.T) {
	const redirected = ": redirects are not followed, set the final URL"
	unknownLength := reply(200, strings.Repeat("x", 101))
	unknownLength.ContentLength = -1
	for name, test := range map[string]struct {
		response *http.Response
		want     fetch.Refused
	}{
		"status 201":            {reply(201, "x"), fetch.Refused{Text: "got status 201 Created, want 200", Code: "keys-status", Found: "201 Created"}},
		"status 204":            {reply(204, ""), fetch.Refused{Text: "got status 204 No Content, want 200", Code: "keys-status", Found: "204 No Content"}},
		"status 206":            {reply(206, "x"), fetch.Refused{Text: "got status 206 Partial Content, want 200", Code: "keys-status", Found: "206 Partial Content"}},
		"a status without name": {reply(299, ""), fetch.Refused{Text: "got status 299, want 200", Code: "keys-status", Found: "299"}},
		"status 300":            {reply(300, ""), fetch.Refused{Text: "got status 300 Multiple Choices, want 200" + redirected, Code: "keys-redirect", Found: "300 Multiple Choices"}},
		"a redirect": {reply(302, "", "Location: https://other.example/a%20b?key=SECRET#x"), fetch.Refused{Text: "got status 302 Found, want 200" + redirected, Code: "keys-redirect",
			Found: `302 Found to "https://other.example/a%20b"`}},
		"a redirect to a very long path": {reply(302, "", "Location: https://other.example/"+strings.Repeat("x", 100)), fetch.Refused{Text: "got status 302 Found, want 200" + redirected, Code: "keys-redirect",
			Found: `302 Found to "https://other.example/` + strings.Repeat("x", 78) + `"…`}},
		"a redirect to what is no address":    {reply(302, "", "Location: https://[::1?token=SECRET"), fetch.Refused{Text: "got status 302 Found, want 200" + redirected, Code: "keys-redirect", Found: "302 Found"}},
		"status 303, not to be taken for 304": {reply(303, ""), fetch.Refused{Text: "got status 303 See Other, want 200" + redirected, Code: "keys-redirect", Found: "303 See Other"}},
		"status 304, not asked for":           {reply(304, "", "Location: https://x"), fetch.Refused{Text: "got status 304 Not Modified, want 200", Code: "keys-status", Found: "304 Not Modified"}},
		"status 399":                          {reply(399, ""), fetch.Refused{Text: "got status 399, want 200" + redirected, Code: "keys-redirect", Found: "399"}},
		"status 400":                          {reply(400, "SECRET"), fetch.Refused{Text: "got status 400 Bad Request, want 200", Code: "keys-status", Cause: "400", Found: "400 Bad Request"}},
		"status 404":                          {reply(404, "SECRET"), fetch.Refused{Text: "got status 404 Not Found, want 200", Code: "keys-status", Cause: "404", Found: "404 Not Found"}},
		"status 401":                          {reply(401, ""), fetch.Refused{Text: "got status 401 Unauthorized, want 200", Code: "keys-status", Cause: "401", Found: "401 Unauthorized"}},
		"status 403":                          {reply(403, ""), fetch.Refused{Text: "got status 403 Forbidden, want 200", Code: "keys-status", Cause: "403", Found: "403 Forbidden"}},
		"status 410, as 404":                  {reply(410, ""), fetch.Refused{Text: "got status 410 Gone, want 200", Code: "keys-status", Cause: "404", Found: "410 Gone"}},
		"status 418, which says nothing more": {reply(418, ""), fetch.Refused{Text: "got status 418 I'm a teapot, want 200", Code: "keys-status", Found: "418 I'm a teapot"}},
		"a redirect to a login page": {reply(302, "", "Location: https://other.example/login/start?rd=SECRET"), fetch.Refused{Text: "got status 302 Found, want 200" + redirected, Code: "keys-redirect",
			Cause: "login", Found: `302 Found to "https://other.example/login/start"`}},
		"a redirect to a page that only sounds like a login page": {reply(302, "", "Location: https://login.example/realms/x/keys"), fetch.Refused{Text: "got status 302 Found, want 200" + redirected, Code: "keys-redirect",
			Found: `302 Found to "https://login.example/realms/x/keys"`}},
		"status 500 and Retry-After": {reply(500, "", "Retry-After: 7"), fetch.Refused{Text: "got status 500 Internal Server Error, want 200", Code: "keys-status", Cause: "5xx", Found: "500 Internal Server Error"}},
		"status 503 and Retry-After": {reply(503, "", "Retry-After: 7"), fetch.Refused{Text: "got status 503 Service Unavailable, want 200", Code: "keys-status", Cause: "5xx", Found: "503 Service Unavailable, Retry-After 7s", RetryAfter: 7 * time.Second}},
		"status 429 and Retry-After": {reply(429, "", "Retry-After: 61"), fetch.Refused{Text: "got status 429 Too Many Requests, want 200", Code: "keys-status", Cause: "429", Found: "429 Too Many Requests, Retry-After 1m1s", RetryAfter: 61 * time.Second}},
		"an encoding that is left":   {reply(200, "x", "Content-Encoding: br"), fetch.Refused{Text: `got Content-Encoding "br", want none or what the transport decodes`, Code: "keys-not-json", Found: `Content-Encoding "br"`}},
		"a long list of codings":     {reply(200, "x", "Content-Encoding: gzip, "+strings.Repeat("b", 65)), fetch.Refused{Text: `got Content-Encoding "gzip, ` + strings.Repeat("b", 58) + `"…, want none or what the transport decodes`, Code: "keys-not-json", Found: `Content-Encoding "gzip, ` + strings.Repeat("b", 58) + `"…`}},
		"a byte more than allowed":   {reply(200, strings.Repeat("x", 101)), fetch.Refused{Text: "the answer is larger than 100 bytes", Code: "keys-size", Found: "101 bytes"}},
		"the same, length unknown":   {unknownLength, fetch.Refused{Text: "the answer is larger than 100 bytes", Code: "keys-size", Found: "more than that"}},
	} {
		t.Run(name, func(t *testing.T) {
			answer, err := get(t, test.response)
			var got *fetch.Refused
			if !errors.As(err, &got) {
				t.Fatalf("got %v, %v, want a *Refused", answer, err)
			}
			test.want.Request, test.want.Status = "GET https://issuer.example/keys", test.response.StatusCode
			if *got != test.want {
				t.Errorf("got  %+v\nwant %+v", *got, test.want)
			}
			code, cause, found := got.Diagnosis()
			if code != test.want.Code || cause != test.want.Cause || found != test.want.Found+" at https://issuer.example/keys" || got.Error() != test.want.Request+": "+test.want.Text || got.Unwrap() != nil {
				t.Errorf("got code %q, found %q, error %q", code, found, got)
			}
		})
	}
}

// What names no coding leaves it to the body to be the document; what names one was not
// asked for, wherever it stands in the list.
func TestContentEncoding(t *testing.T) {
	for _, none := range [][]string{
		{"identity"}, {"Identity"}, {"utf-8"}, {"UTF-8"}, {"none"}, {"aws-chunked"}, {"aws-chunked,identity"}, {"aws-chunked", "utf-8"}, {""}, {" "}, {","}, {"application/json"}, {"binary"}, {"8bit"}, {"not gzip"},
	} {
		response := reply(200, "x")
		response.Header["Content-Encoding"] = none
		if answer, err := get(t, response); err != nil || string(answer.Body) != "x" {
			t.Errorf("%q: got %v, %v, want the body", none, answer, err)
		}
	}
	for _, coded := range [][]string{
		{"gzip"}, {"GZIP"}, {"x-gzip"}, {"br"}, {"deflate"}, {"zstd"}, {"compress"}, {"x-compress"}, {"dcb"}, {"dcz"}, {" br "}, {"aws-chunked,gzip"}, {"aws-chunked", "br"}, {"gzip, identity"}, {"utf-8", "", "GZip"},
	} {
		response := reply(200, "x")
		response.Header["Content-Encoding"] = coded
		want := fmt.Sprintf("Content-Encoding %q", strings.Join(coded, ", "))
		answer, err := get(t, response)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, %v, want an error with %s", coded, answer, err, want)
		}
	}
}

func TestAnswersUpToTheLimit(t *testing.T) {
	for _, length := range []int{0, 1, 99, 100} {
		for _, known := range []bool{true, false} {
			response := reply(200, strings.Repeat("x", length))
			if !known {
				response.ContentLength = -1
			}
			answer, err := get(t, response)
			if err != nil || string(answer.Body) != strings.Repeat("x", length) || answer.NotModified || answer.Request != "GET https://issuer.example/keys" {
				t.Errorf("%d bytes, length known %v: got %+v, %v", length, known, answer, err)
			}
		}
	}
}

// endless never ends, and counts what is read of it.
type endless struct{ bytes int }

func (e *endless) Read(p []byte) (int, error) { e.bytes += len(p); return len(p), nil }

func TestReadingStopsAtTheLimit(t *testing.T) {
	source := &endless{}
	response := &http.Response{StatusCode: 200, Header: http.Header{}, Body: &body{Reader: source}, ContentLength: -1}
	if _, err := get(t, response); err == nil || source.bytes > 101 {
		t.Errorf("got %v after %d bytes, want an error after the first byte too many", err, source.bytes)
	}
	source.bytes, response.ContentLength = 0, 101
	response.Body = &body{Reader: source}
	if _, err := get(t, response); err == nil || source.bytes > 0 {
		t.Errorf("got %v after %d bytes, want an error before the first", err, source.bytes)
	}
}

// The error of a transport is found, and its text is cut and on one line.
func TestTransportErrors(t *testing.T) {
	long := strings.Repeat("x", 200)
	for text, want := range map[string]string{
		"short":          "short",
		long:             long,
		long + "SECRET":  `"` + long + `"…`,
		"line\nand line": `"line\nand line"`,
	} {
		cause := errors.New(text)
		_, err := fetch.Get(t.Context(), request(func(*http.Request) (*http.Response, error) { return nil, cause }))
		var got *fetch.Error
		if !errors.As(err, &got) || *got != (fetch.Error{Request: "GET https://issuer.example/keys", Host: "issuer.example", Err: cause}) || !errors.Is(err, cause) {
			t.Fatalf("got %#v, want an *Error of %q", err, text)
		}
		if want := "GET https://issuer.example/keys: " + want; err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
	for name, response := range map[string]*http.Response{"neither": nil, "no body": {StatusCode: 200}} {
		_, err := fetch.Get(t.Context(), request(func(*http.Request) (*http.Response, error) { return response, nil }))
		if err == nil || err.Error() != "GET https://issuer.example/keys: the transport returned neither an answer nor an error" {
			t.Errorf("%s: got %v", name, err)
		}
	}
	var got *fetch.Error
	if _, err := fetch.Get(t.Context(), fetch.Request{URL: "https://[", Limit: 1}); !errors.As(err, &got) || got.Request != "GET" || got.Host != "" {
		t.Errorf("no address: got %v", err)
	}
}

// A body that ends too early is an answer that brings nothing; one that cannot be read is
// none.
func TestBrokenBodies(t *testing.T) {
	broken := func(err error) *http.Response {
		response := reply(200, "", "Content-Type: application/json")
		response.Body = &body{Reader: io.MultiReader(strings.NewReader("1234567"), iotest.ErrReader(err))}
		return response
	}
	var refused *fetch.Refused
	_, err := get(t, broken(io.ErrUnexpectedEOF))
	want := fetch.Refused{Request: "GET https://issuer.example/keys", Status: 200, Text: "unexpected EOF", Code: "keys-not-json", Found: `"application/json", cut off after 7 bytes`, Err: io.ErrUnexpectedEOF}
	if !errors.As(err, &refused) || *refused != want || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("cut off: got %+v, want %+v", err, want)
	}
	reset := errors.New("reset")
	var failed *fetch.Error
	if _, err := get(t, broken(reset)); !errors.As(err, &failed) || *failed != (fetch.Error{Request: "GET https://issuer.example/keys", Host: "issuer.example", Err: reset}) {
		t.Errorf("reset: got %+v", err)
	}
}

func TestTimeout(t *testing.T) {
	for name, test := range map[string]struct{ client, ctx, want time.Duration }{
		"the client's":         {time.Second, time.Hour, time.Second},
		"the context's":        {time.Hour, time.Second, time.Second},
		"the shortest one":     {1, time.Hour, 1},
		"none of the client's": {0, 3 * time.Second, 3 * time.Second},
		"a negative one":       {-1, 3 * time.Second, 3 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), test.ctx)
			defer cancel()
			r := request(func(r *http.Request) (*http.Response, error) {
				<-r.Context().Done()
				return nil, r.Context().Err()
			})
			r.Client.Timeout = test.client
			start := time.Now()
			if _, err := fetch.Get(ctx, r); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != test.want {
				t.Errorf("%s: got %v after %v, want the deadline after %v", name, err, time.Since(start), test.want)
			}
		})
	}
}

func TestSameButForm(t *testing.T) {
	for _, test := range []struct {
		name, a, b string
		want       bool
	}{
		{"the same", "https://a.example", "https://a.example", true},
		{"a final slash", "https://a.example/", "https://a.example", true},
		{"another scheme", "http://a.example", "HTTPS://a.example", true},
		{"no scheme", "a.example", "https://a.example", true},
		{"case", "https://A.example/Realm", "https://a.example/realm", true},
		{"two final slashes", "https://a.example//", "https://a.example", false},
		{"a scheme that is none of the two", "ftp://a.example", "https://a.example", false},
		{"another path", "https://a.example/b", "https://a.example", false},
		{"another host", "https://a.example", "https://b.example", false},
	} {
		if got := fetch.SameButForm(test.a, test.b); got != test.want {
			t.Errorf("%s: got %v, want %v", test.name, got, test.want)
		}
	}
}

func TestSameOrigin(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want bool
	}{
		{"https://a.example", "https://a.example/keys?x=1", true},
		{"https://a.example", "https://A.example/", true},
		{"https://a.example:8443/x", "https://a.example:8443", true},
		{"https://a.example", "https://a.example:8443", false},
		{"https://a.example", "http://a.example", false},
		{"https://a.example", "https://b.example", false},
		{"https://a.example", "https://%zz", false},
		{"https://%zz", "https://%zz", false},
	} {
		if got := fetch.SameOrigin(test.a, test.b); got != test.want {
			t.Errorf("%s and %s: got %v", test.a, test.b, got)
		}
	}
	for address, want := range map[string]string{
		"https://a.example/keys":          "https://a.example/keys",
		"https://a.example/keys?tenant=7": "https://a.example/keys?sha256=",
		"https://%zz":                     "",
	} {
		if got := fetch.Name(address); got != want && !(strings.Contains(want, "sha256") && strings.HasPrefix(got, "https://a.example/keys?sha256=") && len(got) == len("https://a.example/keys?sha256=")+64) {
			t.Errorf("%s: got %s, want %s", address, got, want)
		}
	}
	if fetch.Name("https://a.example/keys?tenant=7") == fetch.Name("https://a.example/keys?tenant=8") {
		t.Error("two queries have the same name")
	}
}
