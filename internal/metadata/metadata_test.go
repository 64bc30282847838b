package metadata_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"example.com/jwtverify/internal/fetch"
	"example.com/jwtverify/internal/metadata"
)

var errBroken = errors.New("the cable is broken")

// pages answers for an issuer: a body, a status without one, or no answer at all.
type pages map[string]any

func (p pages) RoundTrip(r *http.Request) (*http.Response, error) {
	response := &http.Response{StatusCode: 404, Header: http.Header{}, Body: http.NoBody, Request: r}
	switch page := p[r.URL.Path].(type) {
	case error:
		return nil, page
	case int:
		response.StatusCode = page
	case string:
		response.StatusCode, response.Body = 200, io.NopCloser(strings.NewReader(page))
	}
	return response, nil
}

func find(issuer string, p pages) (*metadata.Document, error) {
	return metadata.Find(context.Background(), issuer, fetch.Request{Client: &http.Client{Transport: p}, Limit: 1 << 16})
}

func TestWhyMetadataBringNoKeys(t *testing.T) {
	const (
		issuer = "https://i.example/auth/realms/shop"
		openid = "/auth/realms/shop/.well-known/openid-configuration"
		oauth  = "/.well-known/oauth-authorization-server/auth/realms/shop"
		first  = "404 Not Found at https://i.example" + openid
	)
	document := func(issuer string) string {
		return `{"issuer":"` + issuer + `","jwks_uri":"https://i.example/keys"}`
	}
	for name, test := range map[string]struct {
		issuer string
		pages  pages
		want   string // code and cause
		found  string
	}{
		"none at all":                       {issuer, nil, "keys-status metadata 404", first + "; and then 404 Not Found at https://i.example" + oauth},
		"none, and the other is refused":    {issuer, pages{oauth: 403}, "keys-status metadata 404", first + "; and then 403 Forbidden at https://i.example" + oauth},
		"none, and the other is HTML":       {issuer, pages{oauth: "<html>"}, "keys-status metadata 404", first + "; and then metadata that cannot be used"},
		"none, and the other has a fault":   {issuer, pages{oauth: 503}, "keys-status 5xx", first + "; and then 503"},
		"a fault":                           {issuer, pages{openid: 502}, "keys-status 5xx", "502 Bad Gateway at https://i.example" + openid},
		"withdrawn":                         {issuer, pages{openid: 410}, "keys-status metadata 404", "410 Gone at"},
		"refused":                           {issuer, pages{openid: 403}, "keys-status 403", "403 Forbidden at"},
		"the issuer is their address":       {"https://i.example/.well-known/openid-configuration", nil, "issuer-form well-known", "404 Not Found at https://i.example/.well-known/openid-configuration/.well-known/openid-configuration"},
		"the issuer is a template":          {"https://i.example/{tenantid}/v2.0", pages{"/{tenantid}/v2.0/.well-known/openid-configuration": 400}, "issuer-form template", "400 Bad Request"},
		"an issuer without the final slash": {issuer, pages{openid: document(issuer + "/")}, "issuer-form metadata", "want \"" + issuer + "\", at https://i.example" + openid},
		"an issuer with a final slash":      {issuer + "/", pages{openid: document(issuer)}, "issuer-form metadata", "issuer is"},
		"an issuer in capitals":             {issuer, pages{openid: document("https://I.example/auth/realms/Shop")}, "issuer-form metadata", "issuer is"},
		"the issuer over http":              {issuer, pages{openid: document("http://i.example/auth/realms/shop")}, "issuer-form metadata", "issuer is"},
		"the issuer in another scheme":      {issuer, pages{openid: document("ftp://i.example/auth/realms/shop")}, "metadata-issuer", "issuer is"},
		"another issuer":                    {issuer, pages{openid: document("https://other.example")}, "metadata-issuer", `issuer is "https://other.example"`},
		"a template":                        {issuer, pages{openid: document("https://i.example/{tenantid}/v2.0")}, "metadata-issuer template", "{tenantid}"},
		"HTML":                              {issuer, pages{openid: "<html>"}, "keys-not-json metadata html", "not valid JSON"},
		"no jwks_uri":                       {issuer, pages{openid: `{"issuer":"` + issuer + `"}`}, "keys-not-json jwks_uri", "jwks_uri is empty"},
		"XML":                               {issuer, pages{openid: `<?xml version="1.0"?><EntityDescriptor>`}, "keys-not-json metadata xml", "not valid JSON"},
		"text":                              {issuer, pages{openid: "hello"}, "keys-not-json no metadata", "not valid JSON"},
		"a byte order mark":                 {issuer, pages{openid: "\ufeff" + document(issuer)}, "keys-not-json no metadata", "starts with a byte order mark"},
		"UTF-16 that is cut off":            {issuer, pages{openid: "\xff\xfe{"}, "keys-not-json no metadata", "the metadata "},
		"an issuer that is a number":        {issuer, pages{openid: `{"issuer":1,"jwks_uri":"https://i.example/keys"}`}, "keys-not-json no metadata", `the metadata: "issuer" is a number`},
		"a jwks_uri that is a list":         {issuer, pages{openid: `{"issuer":"` + issuer + `","jwks_uri":["https://i.example/keys"]}`}, "keys-not-json no metadata", `"jwks_uri" is an array`},
		"a jwks_uri over http":              {issuer, pages{openid: `{"issuer":"` + issuer + `","jwks_uri":"http://127.0.0.1/keys"}`}, "keys-not-json jwks_uri", "jwks_uri is http, want https as the issuer"},
		"a jwks_uri over http elsewhere":    {issuer, pages{openid: `{"issuer":"` + issuer + `","jwks_uri":"http://i.example/keys"}`}, "keys-not-json jwks_uri", `jwks_uri is "http://i.example/keys": use https`},
		"a member twice":                    {issuer, pages{openid: `{"issuer":"a","issuer":"` + issuer + `"}`}, "keys-not-json no metadata", `"issuer" twice`},
		"a key set in their place":          {issuer, pages{openid: `{"keys":[]}`}, "keys-not-json no metadata", `issuer is ""`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := find(test.issuer, test.pages)
			var coded interface {
				Diagnosis() (code, cause, found string)
			}
			if !errors.As(err, &coded) {
				t.Fatalf("got %v, want an error with a diagnosis", err)
			}
			code, cause, found := coded.Diagnosis()
			if got := strings.TrimSpace(code + " " + cause); got != test.want || !strings.Contains(found, test.found) {
				t.Errorf("got %s: %s\nwant %s: %s", got, found, test.want, test.found)
			}
			if strings.HasPrefix(test.found, "404") && !strings.Contains(err.Error(), "/.well-known/openid-configuration: got status 404") {
				t.Errorf("the error does not name the address that was asked first: %v", err)
			}
		})
	}
}

func TestMetadataNameTheIssuerOfAccessTokens(t *testing.T) {
	const issuer = "https://adfs.example/adfs"
	got, err := find(issuer, pages{"/adfs/.well-known/openid-configuration": `{"issuer":"` + issuer + `","jwks_uri":"https://adfs.example/keys","access_token_issuer":"http://adfs.example/adfs/services/trust"}`})
	if err != nil || got.KeysURI != "https://adfs.example/keys" || got.TokenIssuer != "http://adfs.example/adfs/services/trust" {
		t.Errorf("got %+v, %v", got, err)
	}
}

// An error without a diagnosis of its own, such as of the network, keeps what is known:
// that the first address was not found.
func TestAFailureOfTheNetworkStaysOne(t *testing.T) {
	const (
		openid = "/.well-known/openid-configuration"
		oauth  = "/.well-known/oauth-authorization-server"
	)
	for name, test := range map[string]struct {
		pages pages
		want  string
	}{
		"at the first address":  {pages{openid: errBroken}, "GET https://i.example" + openid + ": the cable is broken"},
		"at the second address": {pages{oauth: errBroken}, "GET https://i.example" + openid + ": got status 404 Not Found, want 200; and then GET https://i.example" + oauth + ": the cable is broken"},
	} {
		t.Run(name, func(t *testing.T) {
			document, err := find("https://i.example", test.pages)
			if document != nil || !errors.Is(err, errBroken) || err.Error() != test.want {
				t.Errorf("got %+v, %v\nwant %s", document, err, test.want)
			}
		})
	}
}

func TestMetadataAreRead(t *testing.T) {
	const issuer = "https://i.example/realms/shop"
	const document = `{"issuer":"` + issuer + `","jwks_uri":"https://keys.example/keys","other":[{}],"access_token_issuer":1,"token_endpoint":"https://i.example/token"}`
	for name, p := range map[string]pages{
		"OpenID Connect Discovery":       {"/realms/shop/.well-known/openid-configuration": document},
		"RFC 8414":                       {"/.well-known/oauth-authorization-server/realms/shop": document},
		"the first of the two addresses": {"/realms/shop/.well-known/openid-configuration": document, "/.well-known/oauth-authorization-server/realms/shop": "<html>"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := find(issuer, p)
			if err != nil || *got != (metadata.Document{KeysURI: "https://keys.example/keys"}) {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}
