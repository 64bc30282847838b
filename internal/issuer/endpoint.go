package issuer

import (
	"crypto/subtle"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// maxRequestBytes bounds the body of a request for a token.
const maxRequestBytes = 64 << 10

// grant answers at the token endpoint: only the grant type client_credentials (RFC
// 6749, section 4.4). The parameters are those of a form, or the members of a JSON
// object as in AuthAction's guide: client_id, client_secret, audience (or resource,
// RFC 8707), scope.
func (iss *Issuer) grant(r *http.Request) answer {
	if r.Method != http.MethodPost {
		return notAllowed(http.MethodPost)
	}
	granted, refusal := iss.granted(r)
	if refusal != nil {
		a := jsonText(document(refusal))
		a.status = http.StatusBadRequest
		if refusal.Code == "invalid_client" {
			// RFC 6749, section 5.2: the scheme that the client tried.
			a.status = http.StatusUnauthorized
			a.header.Set("WWW-Authenticate", `Basic realm="token endpoint"`)
		}
		return uncached(a)
	}
	return uncached(jsonText(document(granted)))
}

// uncached obeys RFC 6749, sections 5.1 and 5.2.
func uncached(a answer) answer {
	a.header.Set("Cache-Control", "no-store")
	a.header.Set("Pragma", "no-cache")
	return a
}

// A grantedToken is the response of RFC 6749, section 5.1.
type grantedToken struct {
	AccessToken string `json:"access_token"`
	TokenType   string `json:"token_type"`
	ExpiresIn   int64  `json:"expires_in"`
	Scope       string `json:"scope,omitempty"`
}

// A refusal is the response of RFC 6749, section 5.2.
type refusal struct {
	Code        string `json:"error"`
	Description string `json:"error_description"`
}

func (iss *Issuer) granted(r *http.Request) (*grantedToken, *refusal) {
	p, err := readParameters(r)
	if err != nil {
		return nil, &refusal{"invalid_request", err.Error()}
	}
	if refusal := iss.checkClient(r, p); refusal != nil {
		return nil, refusal
	}
	switch p["grant_type"] {
	case "client_credentials":
	case "":
		return nil, &refusal{"invalid_request", "grant_type is missing, want client_credentials"}
	default:
		return nil, &refusal{"unsupported_grant_type", "grant_type is not client_credentials"}
	}
	scope, ok := iss.grantedScope(p["scope"])
	if !ok {
		return nil, &refusal{"invalid_scope", "scope asks for more than this issuer grants"}
	}
	token, err := iss.Token(iss.requested(p, scope))
	if err != nil {
		return nil, &refusal{"invalid_request", "no token can be made of the parameters"}
	}
	return &grantedToken{token, "Bearer", int64(iss.config.Lifetime / time.Second), scope}, nil
}

// requested are the claims that a request changes.
func (iss *Issuer) requested(p parameters, scope string) Claims {
	claims := Claims{"sub": p["client_id"] + iss.shape.clientSuffix, iss.shape.clientClaim: p["client_id"]}
	if audience := p["audience"]; audience != "" {
		claims["aud"] = audience
	} else if resource := p["resource"]; resource != "" {
		claims["aud"] = resource
	}
	switch {
	case scope == "":
	case iss.shape.scopeIsList:
		claims[iss.shape.scopeClaim] = strings.Fields(scope)
	default:
		claims[iss.shape.scopeClaim] = scope
	}
	return claims
}

// grantedScope returns the granted part of the requested scope, and whether the
// request was valid (RFC 6749, section 3.3).
func (iss *Issuer) grantedScope(asked string) (string, bool) {
	if asked == "" || iss.config.Scope == "" {
		return strings.Join(strings.Fields(asked+" "+iss.config.Scope), " "), true
	}
	offered, scopes := strings.Fields(iss.config.Scope), strings.Fields(asked)
	for _, scope := range scopes {
		if !slices.Contains(offered, scope) {
			return "", false
		}
	}
	return strings.Join(scopes, " "), true
}

// checkClient authenticates the client by HTTP Basic or by the parameters (RFC 6749,
// section 2.3.1), and puts its id into the latter.
func (iss *Issuer) checkClient(r *http.Request, p parameters) *refusal {
	id, secret := p["client_id"], p["client_secret"]
	if user, password, ok := r.BasicAuth(); ok {
		if secret != "" {
			return &refusal{"invalid_request", "the client authenticates twice, in Authorization and in the body: want one"}
		}
		var err1, err2 error
		user, err1 = url.QueryUnescape(user)
		secret, err2 = url.QueryUnescape(password)
		if err1 != nil || err2 != nil || id != "" && id != user {
			return &refusal{"invalid_client", "Authorization does not fit client_id, or is not form-encoded"}
		}
		id = user
	}
	switch {
	case id == "":
		return &refusal{"invalid_client", "client_id is missing"}
	case secret == "":
		return &refusal{"invalid_client", "client_secret is missing"}
	case iss.config.ClientSecret != "" && subtle.ConstantTimeCompare([]byte(secret), []byte(iss.config.ClientSecret)) != 1:
		return &refusal{"invalid_client", "client_secret is wrong"}
	}
	p["client_id"] = id
	return nil
}

type parameters map[string]string

// readParameters reads the body: a form, as RFC 6749 has it, or a JSON object. The
// query is ignored, since secrets do not belong there.
func readParameters(r *http.Request) (parameters, error) {
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(io.LimitReader(r.Body, maxRequestBytes+1)); err != nil {
			return nil, errors.New("the body could not be read")
		}
	}
	if len(body) > maxRequestBytes {
		return nil, errors.New("the body is too large")
	}
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return nil, errors.New("Content-Type is missing or broken, want application/json or application/x-www-form-urlencoded")
	}
	switch mediaType {
	case "application/json":
		return fromJSON(body)
	case "application/x-www-form-urlencoded":
		return fromForm(string(body))
	}
	return nil, errors.New("Content-Type is neither application/json nor application/x-www-form-urlencoded")
}

func fromForm(body string) (parameters, error) {
	values, err := url.ParseQuery(body)
	if err != nil {
		return nil, errors.New("the body is not form-encoded")
	}
	p := parameters{}
	for name, all := range values {
		if len(all) > 1 { // RFC 6749, section 3.2
			return nil, errors.New("a parameter is there twice")
		}
		p[name] = all[0]
	}
	return p, nil
}

func fromJSON(body []byte) (parameters, error) {
	var members map[string]any
	if err := json.Unmarshal(body, &members); err != nil || members == nil {
		return nil, errors.New("the body is not a JSON object")
	}
	p := parameters{}
	for _, name := range []string{"grant_type", "client_id", "client_secret", "audience", "resource", "scope"} {
		switch value := members[name].(type) {
		case nil:
		case string:
			p[name] = value
		default:
			return nil, errors.New(name + " is not a text")
		}
	}
	return p, nil
}
