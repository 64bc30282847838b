package bearer

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"example.com/jwtverify/internal/fetch"
)

// A Resource describes this API to clients that have only its address (RFC 9728). A
// refusal then names where the description is, and the description names who issues
// the tokens.
type Resource struct {
	// ID identifies the API: its https URL as clients write it, such as
	// "https://api.example.com/v1", without user name and fragment. The description
	// is at the same host, with /.well-known/oauth-protected-resource before the
	// path: clients check that the two agree (RFC 9728, section 3.3), so they are
	// not two settings.
	ID string

	// AuthorizationServers are the issuers whose tokens are taken: https URLs
	// without query and fragment (RFC 8414, section 2); http on loopback only. May
	// be empty.
	AuthorizationServers []string

	// Scopes are those that requests to this API can need. May be empty.
	Scopes []string
}

const (
	wellKnown       = "/.well-known/oauth-protected-resource"
	metadataMethods = "GET, HEAD, OPTIONS"
)

// Metadata returns the handler of the description of [Config.Resource] (RFC 9728,
// section 3.2), for GET, HEAD and OPTIONS. It has to be public, and nothing is
// registered unseen, so register it where the description is to be found; for the ID
// "https://api.example.com/v1":
//
//	mux.Public("GET /.well-known/oauth-protected-resource/v1", guard.Metadata())
//	mux.Public("OPTIONS /.well-known/oauth-protected-resource/v1", guard.Metadata())
//
// Scripts of any site may read it (Access-Control-Allow-Origin: *), as clients in
// browsers have to; OPTIONS answers the preflight of those that send headers of their
// own. What a CORS middleware around it has set stays.
//
// Other methods are answered by 405. Without a Resource the answer is 404, and for the
// zero Guard 503.
func (g *Guard) Metadata() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !g.ready():
			g.refuse(w, r, undetermined(errZeroGuard))
		case g.metadata == nil:
			http.NotFound(w, r)
		default:
			g.describe(w, r)
		}
	})
}

// describe answers with the description. Everyone may read it, so every site may.
func (g *Guard) describe(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	allow := func(name, value string) {
		if header.Values(name) == nil {
			header.Set(name, value)
		}
	}
	allow("Access-Control-Allow-Origin", "*")
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		header.Set("Content-Type", "application/json")
		header.Set("Content-Length", strconv.Itoa(len(g.metadata)))
		if r.Method == http.MethodGet {
			_, _ = w.Write(g.metadata) // an error means that the client has gone
		}
	case http.MethodOptions:
		header.Set("Allow", metadataMethods)
		allow("Access-Control-Allow-Methods", metadataMethods)
		allow("Access-Control-Allow-Headers", "*") // such as MCP-Protocol-Version
		w.WriteHeader(http.StatusNoContent)
	default:
		header.Set("Allow", metadataMethods)
		http.Error(w, http.StatusText(http.StatusMethodNotAllowed), http.StatusMethodNotAllowed)
	}
}

// describe returns where the description of the resource is, and what it says.
func (r *Resource) describe() (address string, document []byte, err error) {
	if _, err := checkURL(r.ID, false); err != nil {
		return "", nil, fmt.Errorf("Config.Resource.ID is %s: %w", shownURL(r.ID), err)
	}
	for i, server := range r.AuthorizationServers {
		u, err := checkURL(server, true)
		if err == nil && (u.RawQuery != "" || u.ForceQuery) {
			err = errors.New("an issuer has no query")
		}
		if err != nil {
			return "", nil, fmt.Errorf("Config.Resource.AuthorizationServers[%d] is %s: %w", i, shownURL(server), err)
		}
	}
	for i, scope := range r.Scopes {
		if !isScope(scope) {
			return "", nil, fmt.Errorf(`Config.Resource.Scopes[%d] is %s: want printable ASCII without space, " and \`, i, quoted(scope))
		}
	}
	document, err = json.Marshal(struct {
		ID                   string   `json:"resource"`
		AuthorizationServers []string `json:"authorization_servers,omitempty"`
		Scopes               []string `json:"scopes_supported,omitempty"`
		Methods              []string `json:"bearer_methods_supported"`
	}{r.ID, r.AuthorizationServers, r.Scopes, []string{"header"}})
	return metadataURL(r.ID), document, err
}

// metadataURL inserts the well-known path between host and path (RFC 9728, section
// 3.1). The rest of the ID stays as it is written: clients compare it byte for byte.
func metadataURL(id string) string {
	host, path := id, ""
	if i := strings.IndexAny(id[len("https://"):], "/?"); i >= 0 {
		host, path = id[:len("https://")+i], id[len("https://")+i:]
	}
	if path == "/" || strings.HasPrefix(path, "/?") {
		path = path[1:] // "any terminating slash following the host MUST be removed"
	}
	return host + wellKnown + path
}

// checkURL accepts an https URL that can stand in a challenge, and where loopback is
// allowed http there.
func checkURL(s string, loopback bool) (*url.URL, error) {
	u, err := url.Parse(s)
	scheme, _, _ := strings.Cut(s, "://")
	switch {
	case !isPrintable(s) || strings.ContainsAny(s, " \"<>\\^`{|}"):
		return nil, errors.New("a URL has only ASCII characters, and others than space and \"<>\\^`{|} (RFC 3986, section 2)")
	case err != nil:
		return nil, errors.New("it is not a URL")
	case scheme == "http" && loopback && fetch.IsLoopback(u.Hostname()):
	case scheme != "https":
		return nil, errors.New(`want a URL that begins with "https://"`)
	}
	switch {
	case u.Hostname() == "":
		return nil, errors.New("it has no host")
	case u.User != nil:
		return nil, errors.New("it has a user name, want none: everyone can read it")
	case strings.Contains(s, "#"):
		return nil, errors.New("it has a fragment, want none")
	}
	return u, nil
}

// shownURL quotes a URL for a message, without the password that it should not have.
func shownURL(s string) string {
	if i := strings.LastIndexByte(s, '@'); i >= 0 {
		s = "***" + s[i:]
	}
	return quoted(s)
}
