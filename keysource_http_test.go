package jwtverify_test

import (
	"errors"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"example.com/jwtverify"
)

// A transportFunc answers requests in memory.
type transportFunc func(*http.Request) (*http.Response, error)

func (f transportFunc) RoundTrip(request *http.Request) (*http.Response, error) { return f(request) }

// reply makes an answer with header lines such as "Age: 5".
func reply(status int, body string, header ...string) *http.Response {
	response := &http.Response{
		StatusCode:    status,
		Header:        http.Header{},
		Body:          io.NopCloser(strings.NewReader(body)),
		ContentLength: int64(len(body)),
	}
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		response.Header.Add(name, value)
	}
	return response
}

func source(f transportFunc) jwtverify.HTTPKeySource {
	return jwtverify.HTTPKeySource{URL: "https://issuer.example/keys", Client: &http.Client{Transport: f}}
}

func kids(set *jwtverify.KeySet) (ids []string) {
	for key := range set.All() {
		ids = append(ids, key.ID())
	}
	return ids
}

// Each source that has an address checks it, by New and by itself.
func TestAddressRules(t *testing.T) {
	for address, want := range map[string]string{ // "" is accepted
		"https://issuer.example/keys":        "",
		"http://127.0.0.1/keys":              "",
		"":                                   "is empty",
		"http://issuer.example/keys":         "use https",
		"https://user:secret@host/keys":      "user name or password",
		"https://issuer.example:port/secret": "is not a URL",
	} {
		config := jwtverify.Config{Issuer: testIssuer, Audiences: []string{testAudience}}
		for name, keys := range map[string]jwtverify.KeySource{
			"HTTPKeySource.URL":                              jwtverify.HTTPKeySource{URL: address},
			"a pointer: HTTPKeySource.URL":                   &jwtverify.HTTPKeySource{URL: address},
			"FallbackKeySource.Primary: HTTPKeySource.URL":   jwtverify.FallbackKeySource{Primary: jwtverify.HTTPKeySource{URL: address}, Secondary: testSet(t, 1)},
			"FallbackKeySource.Secondary: HTTPKeySource.URL": jwtverify.FallbackKeySource{Primary: testSet(t, 1), Secondary: jwtverify.HTTPKeySource{URL: address}},
			"StoredKeySource.Source: HTTPKeySource.URL":      jwtverify.StoredKeySource{Source: jwtverify.HTTPKeySource{URL: address}, Path: "x"},
			"Cache.Source: HTTPKeySource.URL":                &jwtverify.Cache{Source: jwtverify.HTTPKeySource{URL: address}},
		} {
			config.Keys = keys
			_, err := jwtverify.New(config)
			switch {
			case want == "" && err != nil:
				t.Errorf("%s %q: %v", name, address, err)
			case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
				t.Errorf("%s %q: got error %v, want one with %q", name, address, err, want)
			case want != "" && strings.Contains(err.Error(), "secret"):
				t.Errorf("%s: the error shows a secret: %v", name, err)
			}
			if want == "" {
				continue
			}
			// Without New the source refuses by itself.
			if _, err := keys.Keys(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s %q: Keys: got error %v, want one with %q", name, address, err, want)
			}
		}
	}
}

// What the source was given reaches the request, and no cookie does.
func TestHTTPRequest(t *testing.T) {
	var got *http.Request
	keys := source(func(r *http.Request) (*http.Response, error) {
		got = r
		return reply(200, jwkSet(t, 1)), nil
	})
	keys.URL += "?tenant=a"
	keys.Header = http.Header{"Authorization": {"Bearer x"}}
	jar := &countingJar{}
	keys.Client.Jar = jar
	if _, err := keys.Keys(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got.Method != "GET" || got.URL.String() != "https://issuer.example/keys?tenant=a" || got.Header.Get("Authorization") != "Bearer x" || got.Header.Get("Cache-Control") != "no-cache" {
		t.Errorf("got %s %s with header %v", got.Method, got.URL, got.Header)
	}
	if jar.calls != 0 || len(keys.Header) != 1 {
		t.Errorf("the cookie jar was used %d times, the caller's Header is %v", jar.calls, keys.Header)
	}
}

// What a transport or a server puts into an error is cut, and made one line.
func TestHTTPErrorsAreShort(t *testing.T) {
	long := strings.Repeat("x", 250)
	for name, transport := range map[string]transportFunc{
		"an address to redirect to that is none": func(*http.Request) (*http.Response, error) {
			return reply(302, "", "Location: https://[::1?token=SECRET"+long), nil
		},
		"a long error of the transport": func(*http.Request) (*http.Response, error) { return nil, errors.New(long + "SECRET") },
		"an error of two lines":         func(*http.Request) (*http.Response, error) { return nil, errors.New("one\ntwo") },
		"a long name that stands twice": func(*http.Request) (*http.Response, error) {
			return reply(200, `{"`+long+`SECRET":1,"`+long+`SECRET":1}`), nil
		},
	} {
		set, err := source(transport).Keys(t.Context())
		if set != nil || err == nil || len(err.Error()) > 300 || strings.Contains(err.Error(), "SECRET") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %v, want a short error without what the server sent", name, err)
		}
	}
}

type countingJar struct {
	http.CookieJar
	calls int
}

// What an answer must be, and what the error says if it is something else.
func TestHTTPAnswers(t *testing.T) {
	good := jwkSet(t, 1)
	for name, test := range map[string]struct {
		response *http.Response
		want     string // in the error; "" is accepted
	}{
		"a key set":                  {reply(200, good), ""},
		"a key set called text/html": {reply(200, good, "Content-Type: text/html"), ""},
		"a login page":               {reply(200, "\n<!DOCTYPE html><p>SECRET"), "got HTML, not a key set"},
		"text, called HTML":          {reply(200, "SECRET please log in", "Content-Type: text/html; charset=utf-8"), "got HTML, not a key set"},
		"half a key set":             {reply(200, good[:len(good)/2]), "not valid JSON"},
		"nothing":                    {reply(200, ""), "empty"},
		"null":                       {reply(200, "null"), "begins with"},
		"a list":                     {reply(200, "[]"), "begins with"},
		"another document":           {reply(200, `{"issuer":"x"}`), `no "keys" array`},
		"status 304, not asked for":  {reply(304, ""), "status 304"},
		"status 404":                 {reply(404, "SECRET"), "status 404 Not Found"},
	} {
		t.Run(name, func(t *testing.T) {
			requests := 0
			keys := source(func(*http.Request) (*http.Response, error) { requests++; return test.response, nil })
			keys.URL += "?key=SECRET"
			set, err := keys.Keys(t.Context())
			switch {
			case test.want == "" && (err != nil || !slices.Equal(kids(set), []string{"key-0"})):
				t.Errorf("got error %v, want the set", err)
			case test.want != "" && (err == nil || set != nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "GET https://issuer.example/keys:")):
				t.Errorf("got error %v, want one with the address and %q", err, test.want)
			case err != nil && strings.Contains(err.Error(), "SECRET"):
				t.Errorf("the error shows the query or the body: %v", err)
			}
			if requests != 1 {
				t.Errorf("%d requests, want 1", requests)
			}
		})
	}
}

func TestHTTPStopsReadingAtTheLimit(t *testing.T) {
	good := jwkSet(t, 1)
	answer := func(size int) jwtverify.HTTPKeySource {
		return source(func(*http.Request) (*http.Response, error) {
			response := reply(200, good+strings.Repeat(" ", size-len(good)))
			response.ContentLength = -1
			return response, nil
		})
	}
	if set, err := answer(512 << 10).Keys(t.Context()); err != nil || set.Len() != 1 {
		t.Errorf("524,288 bytes: got error %v, want the set", err)
	}
	if _, err := answer(512<<10 + 1).Keys(t.Context()); err == nil || !strings.Contains(err.Error(), "larger than 524288 bytes") {
		t.Errorf("a byte more: got error %v", err)
	}
}

// The interval that Cache-Control asks for shows in when the set is fetched again:
// within 0.8 to 1 times of it.
func TestCacheControl(t *testing.T) {
	const m = time.Minute
	for name, test := range map[string]struct {
		header []string
		want   time.Duration
	}{
		"no Cache-Control":          {nil, 5 * m},
		"max-age":                   {[]string{"Cache-Control: max-age=600"}, 10 * m},
		"less Age":                  {[]string{"Cache-Control: max-age=800", "Age: 200"}, 10 * m},
		"Age larger than max-age":   {[]string{"Cache-Control: max-age=600", "Age: 99999999999999999999"}, m},
		"max-age too small":         {[]string{"Cache-Control: max-age=0"}, m},
		"max-age too large":         {[]string{"Cache-Control: max-age=86400"}, 15 * m},
		"max-age beyond any number": {[]string{"Cache-Control: max-age=99999999999999999999"}, 15 * m},
	} {
		t.Run(name, func(t *testing.T) {
			body := jwkSet(t, 1)
			synctest.Test(t, func(t *testing.T) {
				fetches := 0
				cache := &jwtverify.Cache{Source: source(func(*http.Request) (*http.Response, error) {
					fetches++
					return reply(200, body, test.header...), nil
				})}
				look := func() {
					if _, err := cache.Keys(t.Context()); err != nil {
						t.Fatal(err)
					}
					synctest.Wait()
				}
				look()
				time.Sleep(test.want*8/10 - time.Millisecond)
				look()
				if fetches != 1 {
					t.Errorf("%d fetches before 0.8 times %v, want 1", fetches, test.want)
				}
				time.Sleep(test.want*2/10 + time.Millisecond)
				look()
				if fetches != 2 {
					t.Errorf("%d fetches after %v, want 2", fetches, test.want)
				}
			})
		})
	}
}

func TestRetryAfter(t *testing.T) {
	for name, test := range map[string]struct {
		header   string
		min, max time.Duration
	}{
		"seconds":  {"Retry-After: 40", 40 * time.Second, 40 * time.Second},
		"a date":   {"Retry-After: Sat, 01 Jan 2000 00:00:40 GMT", 40 * time.Second, 40 * time.Second},
		"an hour":  {"Retry-After: 3600", time.Minute, time.Minute},
		"nonsense": {"Retry-After: soon", time.Second, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // it begins at 2000-01-01 00:00:00
				cache := &jwtverify.Cache{Source: source(func(*http.Request) (*http.Response, error) {
					return reply(503, "", test.header), nil
				})}
				_, err := cache.Keys(t.Context())
				var unavailable *jwtverify.KeysUnavailableError
				if !errors.As(err, &unavailable) || unavailable.RetryAfter < test.min || unavailable.RetryAfter > test.max {
					t.Errorf("got %v, want RetryAfter %v to %v", err, test.min, test.max)
				}
			})
		})
	}
}

// A 304 is asked for with the ETag of the set in use, and only by a scheduled fetch;
// a tag that is not fit to be sent back is forgotten.
func TestETag(t *testing.T) {
	for tag, want := range map[string]string{
		`"v1"`:  `"v1"`,
		"":      "",
		`"a b"`: "",
	} {
		body := jwkSet(t, 1)
		synctest.Test(t, func(t *testing.T) {
			var asked []string
			cache := &jwtverify.Cache{Source: source(func(r *http.Request) (*http.Response, error) {
				asked = append(asked, r.Header.Get("If-None-Match"))
				if (r.Header.Get("If-None-Match") == "") != (r.Header.Get("Cache-Control") == "no-cache") {
					t.Errorf("got header %v, want either If-None-Match or no-cache", r.Header)
				}
				if r.Header.Get("If-None-Match") != "" {
					return reply(304, ""), nil
				}
				return reply(200, body, "ETag: "+tag), nil
			})}
			for range 3 {
				if _, err := cache.Keys(t.Context()); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				time.Sleep(5 * time.Minute)
			}
			if !slices.Equal(asked, []string{"", want, want}) {
				t.Errorf("tag %q: asked with %q, want %q after the first", tag, asked, want)
			}
			if stats := cache.Stats(); stats.Err != nil || stats.Keys != 1 {
				t.Errorf("tag %q: got %+v, want one key", tag, stats)
			}
		})
	}
}

// discovery answers for issuers in memory: metadata and key sets by address.
func discovery(documents map[string]string, requests *[]*http.Request) *http.Client {
	return &http.Client{Transport: transportFunc(func(r *http.Request) (*http.Response, error) {
		*requests = append(*requests, r)
		if document, ok := documents[r.URL.String()]; ok {
			return reply(200, document), nil
		}
		return reply(404, ""), nil
	})}
}

func TestDiscovery(t *testing.T) {
	keys := jwkSet(t, 1)
	const openid, oauth = "/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"
	metadata := func(issuer, uri string) string {
		return marshal(t, map[string]any{"issuer": issuer, "jwks_uri": uri, "x": 1})
	}
	for name, test := range map[string]struct {
		issuer    string
		documents map[string]string
		want      string // in the error; "" is accepted
	}{
		"OpenID Connect": {"https://i.example", map[string]string{
			"https://i.example" + openid: metadata("https://i.example", "https://i.example/keys"),
			"https://i.example/keys":     keys,
		}, ""},
		"an issuer with a path": {"https://i.example/t/1", map[string]string{
			"https://i.example/t/1" + openid: metadata("https://i.example/t/1", "https://keys.example/keys"),
			"https://keys.example/keys":      keys,
		}, ""},
		"an issuer with a final slash": {"https://i.example/", map[string]string{
			"https://i.example" + openid: metadata("https://i.example/", "https://i.example/keys"),
			"https://i.example/keys":     keys,
		}, ""},
		"RFC 8414, where OpenID is not found": {"https://i.example/t/1", map[string]string{
			"https://i.example" + oauth + "/t/1": metadata("https://i.example/t/1", "https://i.example/keys"),
			"https://i.example/keys":             keys,
		}, ""},
		"neither":                                      {"https://i.example", nil, "oauth-authorization-server: got status 404"},
		"metadata of another issuer":                   {"https://i.example", map[string]string{"https://i.example" + openid: metadata("https://i.example/", "https://i.example/keys")}, `issuer is "https://i.example/", want "https://i.example"`},
		"metadata without issuer":                      {"https://i.example", map[string]string{"https://i.example" + openid: `{"jwks_uri":"https://i.example/keys"}`}, `issuer is "", want`},
		"metadata without jwks_uri":                    {"https://i.example", map[string]string{"https://i.example" + openid: `{"issuer":"https://i.example"}`}, "jwks_uri is empty"},
		"a jwks_uri that is no string":                 {"https://i.example", map[string]string{"https://i.example" + openid: `{"issuer":"https://i.example","jwks_uri":1}`}, `"jwks_uri" is a number, want a string`},
		"a jwks_uri twice":                             {"https://i.example", map[string]string{"https://i.example" + openid: `{"issuer":"https://i.example","jwks_uri":"https://a","jwks_uri":"https://b"}`}, "twice"},
		"a jwks_uri over http":                         {"https://i.example", map[string]string{"https://i.example" + openid: metadata("https://i.example", "http://i.example/keys")}, "use https"},
		"an https issuer, keys at localhost over http": {"https://i.example", map[string]string{"https://i.example" + openid: metadata("https://i.example", "http://localhost/keys")}, "want https as the issuer"},
		"an issuer on loopback": {"http://127.0.0.1:81", map[string]string{
			"http://127.0.0.1:81" + openid: metadata("http://127.0.0.1:81", "http://127.0.0.1:81/keys"),
			"http://127.0.0.1:81/keys":     keys,
		}, ""},
		"HTML": {"https://i.example", map[string]string{"https://i.example" + openid: "<html>"}, "not valid JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			var requests []*http.Request
			set, err := jwtverify.DiscoveryKeySource{Issuer: test.issuer, Client: discovery(test.documents, &requests)}.Keys(t.Context())
			switch {
			case test.want == "" && (err != nil || set.Len() != 1):
				t.Errorf("got error %v, want the set", err)
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
				t.Errorf("got error %v, want one with %q", err, test.want)
			}
		})
	}
	for _, issuer := range []string{"", "http://i.example", "https://i.example?x", "https://i.example#x", "i.example"} {
		_, err := jwtverify.New(jwtverify.Config{Issuer: "x", Audiences: []string{"x"}, Keys: jwtverify.DiscoveryKeySource{Issuer: issuer}})
		if err == nil || !strings.Contains(err.Error(), "DiscoveryKeySource.Issuer") {
			t.Errorf("issuer %q: got error %v, want one that names the field", issuer, err)
		}
	}
}

func TestDiscoverySendsHeaderToTheIssuerOnly(t *testing.T) {
	for uri, want := range map[string]bool{
		"https://i.example/keys":      true,
		"https://I.example/keys":      true,
		"https://i.example:444/keys":  false,
		"https://keys.example/keys":   false,
		"https://i.example.evil/keys": false,
	} {
		var requests []*http.Request
		keys := jwtverify.DiscoveryKeySource{
			Issuer: "https://i.example",
			Client: discovery(map[string]string{
				"https://i.example/.well-known/openid-configuration": marshal(t, map[string]any{"issuer": "https://i.example", "jwks_uri": uri}),
				uri: jwkSet(t, 1),
			}, &requests),
			Header: http.Header{"Authorization": {"Bearer secret"}},
		}
		if _, err := keys.Keys(t.Context()); err != nil {
			t.Fatal(err)
		}
		if requests[0].Header.Get("Authorization") == "" {
			t.Error("the issuer itself did not get the Header")
		}
		if got := requests[1].Header.Get("Authorization") != ""; got != want {
			t.Errorf("jwks_uri %s got the Header: %v, want %v", uri, got, want)
		}
	}
}

// The metadata is read at the first fetch, by a forced one, after a failure, and
// once a day; in between the set's own address is asked.
func TestDiscoveryReadsMetadataOnceADay(t *testing.T) {
	keys := jwkSet(t, 1)
	metadata := marshal(t, map[string]any{"issuer": "https://i.example", "jwks_uri": "https://i.example/keys"})
	unknown := sign(t, 0, map[string]any{"alg": "RS256", "kid": "unknown"}, goodClaims())
	synctest.Test(t, func(t *testing.T) {
		var paths []string
		down := false
		cache := &jwtverify.Cache{Source: jwtverify.DiscoveryKeySource{
			Issuer: "https://i.example",
			Client: &http.Client{Transport: transportFunc(func(r *http.Request) (*http.Response, error) {
				paths = append(paths, filepath.Base(r.URL.Path))
				if down {
					return nil, errors.New("down")
				}
				if r.URL.Path == "/keys" {
					return reply(200, keys, `ETag: "1"`, "Cache-Control: max-age=900"), nil
				}
				return reply(200, metadata), nil
			})},
		}}
		verifier := newVerifier(t, jwtverify.Config{Keys: cache})
		expect := func(when string, want ...string) {
			t.Helper()
			synctest.Wait()
			if !slices.Equal(paths, want) {
				t.Errorf("%s: asked for %q, want %q", when, paths, want)
			}
			paths = nil
		}
		look := func() {
			if err := verifier.Ready(t.Context()); err != nil {
				t.Fatal(err)
			}
			if _, err := cache.Keys(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		look()
		expect("first", "openid-configuration", "keys")
		time.Sleep(15 * time.Minute)
		look()
		expect("scheduled", "keys")
		time.Sleep(time.Second)
		if _, err := verifier.Verify(t.Context(), unknown); !errors.Is(err, jwtverify.ErrUnknownKey) {
			t.Errorf("got %v, want ErrUnknownKey", err)
		}
		expect("forced", "openid-configuration", "keys")
		time.Sleep(15 * time.Minute)
		down = true
		look()
		expect("failing", "keys")
		down = false
		time.Sleep(2 * time.Second)
		look()
		expect("after a failure", "openid-configuration", "keys")
		time.Sleep(23 * time.Hour)
		look()
		expect("after 23 hours", "keys")
		time.Sleep(time.Hour)
		look()
		expect("after a day", "openid-configuration", "keys")
	})
}
