package issuer_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"example.com/jwtverify"
	"example.com/jwtverify/internal/issuer"
)

func newIssuer(t *testing.T, config issuer.Config) *issuer.Issuer {
	t.Helper()
	if config.URL == "" {
		config.URL = "https://issuer.test"
	}
	if config.Audience == "" {
		config.Audience = audience
	}
	iss, err := issuer.New(config)
	if err != nil {
		t.Fatal(err)
	}
	return iss
}

// A reply is what the token endpoint has answered.
type reply struct {
	status int
	header http.Header
	body   map[string]any
}

// ask sends a body to the token endpoint, in memory.
func ask(t *testing.T, iss *issuer.Issuer, path, contentType, body string, edit func(*http.Request)) reply {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), "POST", "https://issuer.test"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", contentType)
	if edit != nil {
		edit(request)
	}
	response, err := iss.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	r := reply{status: response.StatusCode, header: response.Header}
	if err := json.Unmarshal(data, &r.body); err != nil {
		t.Fatalf("status %d: the body is not a JSON object: %v", r.status, err)
	}
	return r
}

const (
	asJSON = "application/json"
	asForm = "application/x-www-form-urlencoded"
	guide  = `{"client_id":"app","client_secret":"s","audience":"orders","grant_type":"client_credentials"}`
)

func TestTheTokenEndpointGrants(t *testing.T) {
	iss := newIssuer(t, issuer.Config{Audience: "orders", Lifetime: 90 * time.Second})
	limited := newIssuer(t, issuer.Config{Audience: "orders", Scope: "read write", ClientSecret: "right"})
	for _, test := range []struct {
		name        string
		iss         *issuer.Issuer
		contentType string
		body        string
		edit        func(*http.Request)
		scope       any
		expiresIn   float64
	}{
		{"the guide's JSON", iss, asJSON, guide, nil, nil, 90},
		{"JSON with a charset", iss, "application/json; charset=utf-8", guide, nil, nil, 90},
		{"JSON with members that mean nothing", iss, asJSON, `{"n":1,"scope":null,` + guide[1:], nil, nil, 90},
		{"a form", iss, asForm, "grant_type=client_credentials&client_id=app&client_secret=s&audience=orders", nil, nil, 90},
		{"without audience, for the default", iss, asForm, "grant_type=client_credentials&client_id=app&client_secret=s", nil, nil, 90},
		{"a resource", iss, asForm, "grant_type=client_credentials&client_id=app&client_secret=s&resource=orders", nil, nil, 90},
		{"any scope where none is set", iss, asForm, "grant_type=client_credentials&client_id=app&client_secret=s&scope=a+b", nil, "a b", 90},
		{"the client in Authorization", iss, asForm, "grant_type=client_credentials", func(r *http.Request) { r.SetBasicAuth("app", "s%25") }, nil, 90},
		{"the whole scope where none is asked for", limited, asForm, "grant_type=client_credentials&client_id=app&client_secret=right", nil, "read write", 3600},
		{"a part of the scope", limited, asForm, "grant_type=client_credentials&client_id=app&client_secret=right&scope=write", nil, "write", 3600},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := ask(t, test.iss, issuer.TokenPath, test.contentType, test.body, test.edit)
			if r.status != 200 || r.body["token_type"] != "Bearer" || r.body["expires_in"] != test.expiresIn || r.body["scope"] != test.scope {
				delete(r.body, "access_token")
				t.Fatalf("got %d %v, want 200, Bearer, %v and scope %v", r.status, r.body, test.expiresIn, test.scope)
			}
			if r.header.Get("Cache-Control") != "no-store" || r.header.Get("Pragma") != "no-cache" {
				t.Errorf("the answer may be kept: %v", r.header)
			}
			verifier, err := jwtverify.New(test.iss.Config())
			if err != nil {
				t.Fatal(err)
			}
			token, err := verifier.Verify(t.Context(), r.body["access_token"].(string))
			if err != nil {
				t.Fatal(err)
			}
			var claims map[string]any
			if err := token.Claims(&claims); err != nil || claims["scope"] != test.scope || claims["client_id"] != "app" {
				t.Errorf("claims are %v (%v), want scope %v", claims, err, test.scope)
			}
			if life := token.Expiry.Sub(token.IssuedAt).Seconds(); token.Subject != "app" || life != test.expiresIn {
				t.Errorf("sub is %q, lifetime %vs", token.Subject, life)
			}
		})
	}
}

func TestTheTokenEndpointRefuses(t *testing.T) {
	iss := newIssuer(t, issuer.Config{Scope: "read", ClientSecret: "right"})
	form := func(pairs ...string) string {
		values := url.Values{"grant_type": {"client_credentials"}, "client_id": {"app"}, "client_secret": {"right"}}
		for i := 0; i < len(pairs); i += 2 {
			values.Set(pairs[i], pairs[i+1])
		}
		return values.Encode()
	}
	for _, test := range []struct {
		name        string
		contentType string
		body        string
		edit        func(*http.Request)
		status      int
		code        string
	}{
		{"another grant", asForm, form("grant_type", "password"), nil, 400, "unsupported_grant_type"},
		{"no grant", asForm, form("grant_type", ""), nil, 400, "invalid_request"},
		{"a wrong secret", asForm, form("client_secret", "wrong"), nil, 401, "invalid_client"},
		{"no secret", asForm, form("client_secret", ""), nil, 401, "invalid_client"},
		{"no client", asForm, form("client_id", ""), nil, 401, "invalid_client"},
		{"a wrong secret in Authorization", asForm, "grant_type=client_credentials", func(r *http.Request) { r.SetBasicAuth("app", "wrong") }, 401, "invalid_client"},
		{"another client in Authorization", asForm, "grant_type=client_credentials&client_id=b", func(r *http.Request) { r.SetBasicAuth("app", "right") }, 401, "invalid_client"},
		{"the client twice", asForm, form(), func(r *http.Request) { r.SetBasicAuth("app", "right") }, 400, "invalid_request"},
		{"too much scope", asForm, form("scope", "read write"), nil, 400, "invalid_scope"},
		{"a parameter twice", asForm, form() + "&client_id=app", nil, 400, "invalid_request"},
		{"a broken form", asForm, "grant_type=%zz", nil, 400, "invalid_request"},
		{"the parameters in the query", asForm, "", func(r *http.Request) { r.URL.RawQuery = form() }, 401, "invalid_client"},
		{"JSON cut off", asJSON, guide[:20], nil, 400, "invalid_request"},
		{"null", asJSON, "null", nil, 400, "invalid_request"},
		{"a number for a secret", asJSON, `{"client_id":"app","client_secret":1,"grant_type":"client_credentials"}`, nil, 400, "invalid_request"},
		{"a body of another type", "text/plain", form(), nil, 400, "invalid_request"},
		{"a body of no type", "", form(), nil, 400, "invalid_request"},
		{"a large body", asForm, form("audience", strings.Repeat("a", 65<<10)), nil, 400, "invalid_request"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := ask(t, iss, issuer.TokenPath, test.contentType, test.body, test.edit)
			if r.status != test.status || r.body["error"] != test.code || r.body["access_token"] != nil {
				t.Errorf("got %d %v, want %d %s", r.status, r.body["error"], test.status, test.code)
			}
			description, _ := r.body["error_description"].(string)
			if description == "" || strings.Contains(description, "right") || strings.Contains(description, "wrong") && !strings.Contains(description, "secret is wrong") {
				t.Errorf("error_description is %q", description)
			}
			if r.header.Get("Cache-Control") != "no-store" {
				t.Errorf("Cache-Control is %q, want no-store", r.header.Get("Cache-Control"))
			}
			if challenge := r.header.Get("WWW-Authenticate"); (r.status == 401) != strings.HasPrefix(challenge, "Basic ") {
				t.Errorf("status %d has WWW-Authenticate %q", r.status, challenge)
			}
		})
	}
}

// Each shape has its own place for the client and the scope.
func TestTheTokenEndpointOfEachShape(t *testing.T) {
	for _, test := range []struct {
		name   string
		shape  issuer.Shape
		path   string
		claims map[string]any
	}{
		{"Auth0", issuer.Auth0(), "/oauth/token", map[string]any{"sub": "app@clients", "azp": "app", "scope": "a b", "client_id": nil}},
		{"Entra", issuer.Entra(), "/0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d/oauth2/v2.0/token", map[string]any{"azp": "app", "scp": "a b"}},
		{"Keycloak", issuer.Keycloak(), "/realms/test/protocol/openid-connect/token", map[string]any{"client_id": "app", "scope": "a b"}},
		{"RFC 9068", issuer.RFC9068(), "/token", map[string]any{"client_id": "app", "scope": "a b"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			iss := newIssuer(t, issuer.Config{Shape: test.shape})
			r := ask(t, iss, test.path, asForm, "grant_type=client_credentials&client_id=app&client_secret=s&scope=a+b", nil)
			if r.status != 200 {
				t.Fatalf("got %d %v", r.status, r.body)
			}
			verifier, err := jwtverify.New(iss.Config())
			if err != nil {
				t.Fatal(err)
			}
			token, err := verifier.Verify(t.Context(), r.body["access_token"].(string))
			if err != nil {
				t.Fatal(err)
			}
			var claims map[string]any
			if err := token.Claims(&claims); err != nil {
				t.Fatal(err)
			}
			for name, want := range test.claims {
				if claims[name] != want {
					t.Errorf("%s is %v, want %v", name, claims[name], want)
				}
			}
		})
	}
	t.Run("Okta has a list of scopes", func(t *testing.T) {
		iss := newIssuer(t, issuer.Config{Shape: issuer.Okta()})
		r := ask(t, iss, "/oauth2/default/v1/token", asForm, "grant_type=client_credentials&client_id=app&client_secret=s&scope=a+b", nil)
		verifier, err := jwtverify.New(iss.Config())
		if err != nil {
			t.Fatal(err)
		}
		token, err := verifier.Verify(t.Context(), r.body["access_token"].(string))
		if err != nil {
			t.Fatal(err)
		}
		var claims struct {
			Scp []string
			Cid string
		}
		if err := token.Claims(&claims); err != nil || strings.Join(claims.Scp, ",") != "a,b" || claims.Cid != "app" {
			t.Errorf("claims are %+v (%v)", claims, err)
		}
	})
	t.Run("Cognito has no aud, unless a resource was asked for", func(t *testing.T) {
		iss := newIssuer(t, issuer.Config{Shape: issuer.Cognito()})
		for form, want := range map[string]string{"": "", "&resource=" + url.QueryEscape(audience): audience} {
			r := ask(t, iss, "/oauth2/token", asForm, "grant_type=client_credentials&client_secret=s&client_id="+url.QueryEscape(audience)+form, nil)
			verifier, err := jwtverify.New(iss.Config())
			if err != nil {
				t.Fatal(err)
			}
			token, err := verifier.Verify(t.Context(), r.body["access_token"].(string))
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(token.Audience, " "); got != want {
				t.Errorf("with %q aud is %q, want %q", form, got, want)
			}
		}
	})
	t.Run("Google has none", func(t *testing.T) {
		iss := newIssuer(t, issuer.Config{Shape: issuer.Google()})
		recorder := httptest.NewRecorder()
		iss.Handler().ServeHTTP(recorder, httptest.NewRequest("POST", "/token", nil))
		if recorder.Code != 404 {
			t.Errorf("got %d, want 404", recorder.Code)
		}
	})
}

func TestALifetimeUnderASecondIsRefused(t *testing.T) {
	for _, lifetime := range []time.Duration{-time.Hour, time.Millisecond} {
		if _, err := issuer.New(issuer.Config{URL: "https://issuer.test", Audience: audience, Lifetime: lifetime}); err == nil {
			t.Errorf("a Lifetime of %v is taken", lifetime)
		}
	}
}
