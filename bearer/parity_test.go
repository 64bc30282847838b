package bearer_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"example.com/jwtverify"
	"example.com/jwtverify/bearer"
)

// AuthAction's guide for Django (python-jose, Django REST framework), row by row: what
// a service that moves from there to here keeps, and what it gets instead. The names are
// the guide's side; the tests are ours.

// guideAPI is the API of the guide: protected by default, one public route.
func guideAPI(tb testing.TB, config bearer.Config) http.Handler {
	mux := newGuard(tb, config).NewMux()
	mux.Public("GET /public", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, `{"message":"This is a public message!"}`)
	}))
	mux.HandleFunc("GET /protected", func(w http.ResponseWriter, r *http.Request) {
		token, _ := jwtverify.FromContext(r.Context())
		answer := struct {
			Message string `json:"message"`
			Subject string `json:"sub"`
		}{"This is a protected message!", token.Subject}
		body, err := json.Marshal(answer)
		if err != nil {
			tb.Error(err)
		}
		w.Write(body)
	})
	mux.Optional("GET /catalog", greet)
	return mux
}

// want tells what differs from an expected answer. An empty challenge is none.
func want(t *testing.T, w *httptest.ResponseRecorder, code int, challenge string) {
	t.Helper()
	if got := w.Header().Get("WWW-Authenticate"); w.Code != code || got != challenge {
		t.Errorf("got %d %s, want %d %s", w.Code, got, code, challenge)
	}
}

const (
	row1 = `Bearer realm="api"`
	row2 = row1 + `, error="invalid_request", error_description="More than one Authorization header field"`
	row3 = row1 + `, error="invalid_request", error_description="The Authorization header field is malformed"`
	row4 = row1 + `, error="invalid_request", error_description="The access token is too long"`
	row5 = row1 + `, error="invalid_token", error_description="The access token has expired"`
	row7 = row1 + `, error="invalid_token", error_description="The access token is not valid"`
)

func TestParity(t *testing.T) {
	api := guideAPI(t, bearer.Config{})
	ask := func(path string, authorization ...string) *httptest.ResponseRecorder {
		return serve(api, request("GET", path, authorization...))
	}
	good := "Bearer " + token(t, nil)

	t.Run("protected by default through settings; a view can drop it", func(t *testing.T) {
		want(t, ask("/protected"), 401, row1)
		want(t, ask("/public"), 200, "")
		want(t, ask("/catalog"), 200, "")
		want(t, ask("/nowhere"), 401, row1)
		want(t, serve(api, request("DELETE", "/public")), 401, row1)
	})
	t.Run("/public ignores a token, even a bad one", func(t *testing.T) {
		for _, authorization := range [][]string{nil, {good}, {"Bearer " + forged(t)}, {"Bearer"}, {"Bearer a", "b"}} {
			if w := ask("/public", authorization...); w.Code != 200 || w.Body.String() != `{"message":"This is a public message!"}` {
				t.Errorf("%.20q: got %d %s", authorization, w.Code, w.Body)
			}
		}
	})
	t.Run("/protected gives message and sub, empty if absent", func(t *testing.T) {
		for _, test := range []struct {
			subject any
			want    string
		}{
			{"client-1", `{"message":"This is a protected message!","sub":"client-1"}`},
			{nil, `{"message":"This is a protected message!","sub":""}`},
		} {
			w := ask("/protected", "Bearer "+token(t, claims{"sub": test.subject}))
			if w.Code != 200 || w.Body.String() != test.want {
				t.Errorf("got %d %s, want %s", w.Code, w.Body, test.want)
			}
		}
	})
	t.Run("no header: 401, WWW-Authenticate: Bearer", func(t *testing.T) {
		w := ask("/protected")
		want(t, w, 401, row1) // RFC 6750, section 3, demands a parameter
		if got := w.Body.String(); got != `{"title":"Unauthorized","status":401}` {
			t.Errorf("got %s", got)
		}
	})
	t.Run("startswith Bearer and a space: bearer x counts as missing", func(t *testing.T) {
		for _, scheme := range []string{"bearer", "BEARER", "bEaReR"} {
			want(t, ask("/protected", scheme+strings.TrimPrefix(good, "Bearer")), 200, "")
		}
	})
	t.Run("Bearer and spaces: 401 Empty token", func(t *testing.T) {
		want(t, ask("/protected", "Bearer   "), 400, row3)
		want(t, ask("/protected", "Bearer"), 400, row3)
		want(t, ask("/protected", "Bearer   "+strings.TrimPrefix(good, "Bearer ")+"  "), 200, "")
	})
	t.Run("two headers: joined with a comma, 401 by luck", func(t *testing.T) {
		parsed := false
		api := guideAPI(t, bearer.Config{Verifier: verifierFunc(func(context.Context, string) (*jwtverify.Token, error) {
			parsed = true
			return nil, jwtverify.ErrInvalid
		})})
		want(t, serve(api, request("GET", "/protected", good, good)), 400, row2)
		want(t, serve(api, request("GET", "/protected", good+", "+good)), 400, row3)
		if parsed {
			t.Error("a token of them was looked at")
		}
	})
	t.Run("no size limit", func(t *testing.T) {
		want(t, ask("/protected", "Bearer "+strings.Repeat("a", 16<<10)), 401, row7)
		want(t, ask("/protected", "Bearer "+strings.Repeat("a", 16<<10+1)), 400, row4)
	})
	t.Run("expired: 401 without error code", func(t *testing.T) {
		want(t, ask("/protected", "Bearer "+token(t, claims{"exp": testNow - 3600})), 401, row5)
	})
	t.Run("other failures: library text in the response", func(t *testing.T) {
		var reasons []string
		api := guideAPI(t, bearer.Config{Reject: func(_ *http.Request, rejection bearer.Rejection) (string, []byte) {
			reasons = append(reasons, rejection.Err.Error())
			return "", nil
		}})
		for _, raw := range []string{forged(t), token(t, claims{"aud": "secret-audience"}), signText(t, `{"alg":"RS256","kid":"secret-kid"}`, "{}"), "a.b.c"} {
			w := serve(api, request("GET", "/protected", "Bearer "+raw))
			want(t, w, 401, row7)
			if w.Body.String() != fmt.Sprintf(body401, "The access token is not valid") {
				t.Errorf("got body %s, want the fixed text", w.Body)
			}
		}
		if all := strings.Join(reasons, "\n"); !strings.Contains(all, "secret-audience") || !strings.Contains(all, "secret-kid") {
			t.Errorf("the hook is told less than there is to know: %s", all)
		}
	})
	t.Run("token without aud or without exp accepted", func(t *testing.T) {
		want(t, ask("/protected", "Bearer "+token(t, claims{"aud": nil})), 401, row7)
		want(t, ask("/protected", "Bearer "+token(t, claims{"exp": nil})), 401, row7)
	})
	t.Run("iat, exp, nbf as text coerced to numbers", func(t *testing.T) {
		for name, value := range map[string]int64{"iat": testNow - 60, "exp": testNow + 60, "nbf": testNow - 60} {
			want(t, ask("/protected", "Bearer "+token(t, claims{name: fmt.Sprint(value)})), 401, row7)
		}
	})
	t.Run("issuer https://DOMAIN, RS256 only, audience exact", func(t *testing.T) {
		want(t, ask("/protected", good), 200, "")
		for name, raw := range map[string]string{
			"a final slash in iss":  token(t, claims{"iss": testIssuer + "/"}),
			"another case in iss":   token(t, claims{"iss": strings.ToUpper(testIssuer)}),
			"HS256":                 signText(t, `{"alg":"HS256","kid":"key-0"}`, "{}"),
			"PS256":                 signText(t, `{"alg":"PS256","kid":"key-0"}`, "{}"),
			"none":                  signText(t, `{"alg":"none"}`, "{}"),
			"a prefix of aud":       token(t, claims{"aud": testAudience[:5]}),
			"a final slash in aud":  token(t, claims{"aud": testAudience + "/"}),
			"audiences, none right": token(t, claims{"aud": []string{"a", "b"}}),
		} {
			t.Run(name, func(t *testing.T) { want(t, ask("/protected", "Bearer "+raw), 401, row7) })
		}
		want(t, ask("/protected", "Bearer "+token(t, claims{"aud": []string{"a", testAudience}})), 200, "")
	})
	t.Run("unset domain: issuer https://None, found at first request", func(t *testing.T) {
		verifier, err := jwtverify.New(jwtverify.Config{Audiences: []string{testAudience}, Keys: testSet(t)})
		if err == nil || !strings.Contains(err.Error(), "Config.Issuer is empty") {
			t.Errorf("got error %v at the start", err)
		}
		// And whoever does not look at that error learns it one line further down.
		if _, err := bearer.New(bearer.Config{Verifier: verifier}); err == nil {
			t.Error("a Guard without a Verifier was made")
		}
	})
	t.Run("unknown URL: 404 unauthenticated; wrong method or OPTIONS on a protected view: 401 first", func(t *testing.T) {
		for _, test := range []struct{ method, path string }{{"GET", "/nowhere"}, {"POST", "/protected"}, {"OPTIONS", "/protected"}} {
			want(t, serve(api, request(test.method, test.path)), 401, row1)
			code := 405
			if test.path == "/nowhere" {
				code = 404
			}
			want(t, serve(api, request(test.method, test.path, good)), code, "")
		}
	})
	t.Run("no scopes", func(t *testing.T) {
		h := newGuard(t, bearer.Config{}).Require("orders:read", "orders:write")(greet)
		want(t, serve(h, request("GET", "/", good)), 403,
			row1+`, error="insufficient_scope", error_description="The access token lacks a required scope", scope="orders:read orders:write"`)
		want(t, get(h, token(t, claims{"scope": "orders:write orders:read"})), 200, "")
	})
	t.Run("a token bound to a key (cnf) passes as a plain one", func(t *testing.T) {
		want(t, ask("/protected", "Bearer "+token(t, claims{"cnf": claims{"jkt": "x"}})), 401, row7)
	})
}

// The rows about the key document, with the cache that jwtverify.New puts around a
// source, in fake time.
func TestParityOfKeys(t *testing.T) {
	var document string // what the issuer publishes; empty: it is down
	fetches := 0
	keys := jwtverify.KeySourceFunc(func(context.Context) (*jwtverify.KeySet, error) {
		fetches++
		if document == "" {
			return nil, errors.New("connection refused")
		}
		return jwtverify.ParseKeySet([]byte(document))
	})
	start := func(t *testing.T) http.Handler {
		fetches = 0
		verifier, err := jwtverify.New(jwtverify.Config{Issuer: testIssuer, Audiences: []string{testAudience}, Keys: keys})
		if err != nil {
			t.Fatal(err)
		}
		return guideAPI(t, bearer.Config{Verifier: verifier})
	}
	// Tokens of the fake time.
	fresh := func(t *testing.T) string {
		return token(t, claims{"nbf": nil, "iat": nil, "exp": time.Now().Add(time.Hour).Unix()})
	}
	ask := func(t *testing.T, api http.Handler, token string) *httptest.ResponseRecorder {
		return serve(api, request("GET", "/protected", "Bearer "+token).WithContext(t.Context()))
	}
	pub := testKey(t).PublicKey
	jwk := fmt.Sprintf(`"kty":"RSA","n":%q,"e":%q`, encode(string(pub.N.Bytes())), encode(string(big.NewInt(int64(pub.E)).Bytes())))
	published := `{"keys":[{"kid":"key-0",` + jwk + `}]}`

	for name, bad := range map[string]string{"not reachable": "", "not JSON": "<html>", "no keys": `{"keys":[]}`} {
		t.Run("key document not reachable or not JSON: exception, 500: "+name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				document = bad
				w := ask(t, start(t), fresh(t))
				want(t, w, 503, "")
				if seconds := w.Header().Get("Retry-After"); seconds == "" || w.Body.String() != body503 {
					t.Errorf("got Retry-After %q and %s", seconds, w.Body)
				}
			})
		})
	}
	t.Run("key without use or kid: KeyError, 500", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			document = published // it has no use
			want(t, ask(t, start(t), fresh(t)), 200, "")
			document = `{"keys":[{` + jwk + `}]}` // nor kid
			without := signText(t, `{"alg":"RS256"}`, fmt.Sprintf(`{"iss":%q,"aud":%q,"exp":%d}`, testIssuer, testAudience, time.Now().Add(time.Hour).Unix()))
			want(t, ask(t, start(t), without), 200, "")
			document = `{"keys":[{"kty":"EC"},{},{"kid":"key-0","kty":"RSA","n":"!"},{"kid":"key-0",` + jwk + `}]}` // malformed siblings
			want(t, ask(t, start(t), fresh(t)), 200, "")
		})
	})
	t.Run("unknown kid: global cache emptied, one fetch per bad token", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			document = published
			api := start(t)
			want(t, ask(t, api, fresh(t)), 200, "")
			for i := range 100 {
				w := ask(t, api, signText(t, fmt.Sprintf(`{"alg":"RS256","kid":"%d"}`, i), "{}"))
				want(t, w, 401, row7)
				want(t, ask(t, api, fresh(t)), 200, "")
			}
			if fetches > 5 {
				t.Errorf("%d fetches for 100 bad tokens, want a few", fetches)
			}
		})
	})
	t.Run("keys kept until an unknown kid comes", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			document = published
			api := start(t)
			want(t, ask(t, api, fresh(t)), 200, "")
			document = strings.Replace(published, "key-0", "key-1", 1) // key-0 is withdrawn
			for range 48 {
				time.Sleep(time.Hour) // fake time
				ask(t, api, fresh(t)) // an API in use
				synctest.Wait()
			}
			want(t, ask(t, api, fresh(t)), 401, row7)
		})
	})
}
