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

// A Resource describes this API to clients that know only its address (RFC 9728). A
// refusal then names the address of the description, and the description names the
// issuers of tokens.
type Resource struct {
	// ID identifies the API: its https URL as clients write it, such as
	// "https://api.example.com/v1", without user name and fragment. The description
	// is at the same host, with /.well-known/oauth-protected-resource in front of
	// the path. There is no setting for that address, since clients check that the
	// two agree (RFC 9728, section 3.3).
	ID string

	// AuthorizationServers are the issuers whose tokens are accepted: https URLs
	// without query and fragment (RFC 8414, section 2); http only on loopback. May
	// be empty.
	AuthorizationServers []string

	// Scopes are the scopes that requests to this API can need. May be empty.
	Scopes []string
}

const (
	wellKnown       = "/.well-known/oauth-protected-resource"
	metadataMethods = "GET, HEAD, OPTIONS"
)

// Metadata returns the handler that serves the description of [Config.Resource] (RFC
// 9728, section 3.2), for GET, HEAD and OPTIONS. Register it as public, since the
// package registers nothing by itself. For the ID "https://api.example.com/v1":
//
//	mux.Public("GET /.well-known/oauth-protected-resource/v1", guard.Metadata())
//	mux.Public("OPTIONS /.well-known/oauth-protected-resource/v1", guard.Metadata())
//
// Scripts of any site may read it (Access-Control-Allow-Origin: *), since clients in
// browsers must. OPTIONS answers the preflight of clients that send headers of their
// own. Headers that a CORS middleware around it has set are kept.
//
// Other methods get 405. Without a Resource the response is 404, with the zero Guard
// 503.
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

// describe writes the description. It is public, so every site may read it.
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

// describe returns the address of the description of the resource, and its text.
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
// 3.1). The rest of the ID stays unchanged: clients compare it byte for byte.
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

// checkURL accepts an https URL that can be written in a challenge and, if loopback
// is true, an http URL on loopback.
func checkURL(s string, loopback bool) (*url.URL, error) {
	u, err := url.Parse(s)
	scheme, _, _ := strings.Cut(s, "://")
	switch {
	case !isPrintable(s) || strings.ContainsAny(s, " \"<>\\^`{|}"):
		return nil, errors.New("want ASCII without space and \"<>\\^`{|} (RFC 3986, section 2)")
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

// shownURL quotes a URL for a message. A password, which it should not have, is not
// shown.
func shownURL(s string) string {
	if i := strings.LastIndexByte(s, '@'); i >= 0 {
		s = "***" + s[i:]
	}
	return quoted(s)
}
