// Command mcp is an MCP server over streamable HTTP whose tools need an access token:
// a guard judges the token, and the MCP SDK binds each session to the user of it.
//
//	AUTHACTION_DOMAIN=tenant.example.com AUTHACTION_AUDIENCE=https://mcp.example.com/mcp go -C examples/mcp run .
//
// The audience is the address of the server as clients write it. A client asks its
// authorization server for a token for that resource (RFC 8707), and a token for
// another one is refused.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/modelcontextprotocol/go-sdk/auth"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"example.com/jwtverify"
	"example.com/jwtverify/bearer"
)

func main() {
	issuer := "https://" + os.Getenv("AUTHACTION_DOMAIN")
	api, err := newAPI(jwtverify.Config{
		Issuer:    issuer,
		Audiences: []string{os.Getenv("AUTHACTION_AUDIENCE")},
		Keys:      jwtverify.HTTPKeySource{URL: issuer + "/.well-known/jwks.json"},
	}, newServer())
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.ListenAndServe("127.0.0.1:8000", api))
}

// newServer returns the MCP server, which knows nothing of signatures.
func newServer() http.Handler {
	server := mcp.NewServer(&mcp.Implementation{Name: "example", Version: "1.0.0"}, nil)
	mcp.AddTool(server, &mcp.Tool{Name: "whoami", Description: "Tells who calls, and with which scopes."}, whoami)
	return mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return server }, &mcp.StreamableHTTPOptions{
		SessionTimeout: 30 * time.Minute, // else a session that nobody ends stays
	})
}

// whoami has the token of this call in request.Extra. ctx belongs to the session:
// jwtverify.FromContext(ctx) would be the token that began it, perhaps with other
// scopes, perhaps expired by now.
func whoami(_ context.Context, request *mcp.CallToolRequest, _ struct{}) (*mcp.CallToolResult, any, error) {
	token := request.Extra.TokenInfo.Extra["token"].(*jwtverify.Token)
	text := fmt.Sprintf("%s with %s", token.Subject, strings.Join(bearer.Scopes(token), " "))
	return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: text}}}, nil, nil
}

const scope = "mcp:tools"

// newAPI serves the MCP server at the path of its address, and what describes it where
// clients look for that (RFC 9728, section 3.1).
func newAPI(config jwtverify.Config, server http.Handler) (http.Handler, error) {
	// A session is bound to a subject, so there has to be one.
	config.Check = func(token *jwtverify.Token) error {
		if token.Subject == "" {
			return errors.New("no sub to bind a session to")
		}
		return nil
	}
	verifier, err := jwtverify.New(config)
	if err != nil {
		return nil, err
	}
	guard, err := bearer.New(bearer.Config{Verifier: verifier, Resource: &bearer.Resource{
		ID:                   config.Audiences[0],
		AuthorizationServers: []string{config.Issuer},
		Scopes:               []string{scope},
	}})
	if err != nil {
		return nil, err
	}

	address, err := url.Parse(config.Audiences[0])
	if err != nil {
		return nil, err
	}
	mux := guard.NewMux()
	mux.Public("/.well-known/oauth-protected-resource"+address.Path, guard.Metadata())
	mux.Handle(cmp.Or(address.Path, "/"), guard.Require(scope)(untilExpiry(withTokenInfo(server))))
	return mux, nil
}

// withTokenInfo tells the SDK who calls. The guard has judged the token already: in an
// outage of the issuer it answers 503, where RequireBearerToken knows only 401 and 500.
func withTokenInfo(next http.Handler) http.Handler {
	fromContext := func(ctx context.Context, _ string, _ *http.Request) (*auth.TokenInfo, error) {
		token, ok := jwtverify.FromContext(ctx)
		if !ok {
			return nil, auth.ErrInvalidToken // withTokenInfo was put in front of the guard
		}
		return &auth.TokenInfo{
			Scopes:     bearer.Scopes(token),
			Expiration: token.Expiry,
			// The SDK refuses a session to anyone else. A subject is unique within its issuer.
			UserID: token.Issuer + " " + token.Subject,
			Extra:  map[string]any{"token": token},
		}, nil
	}
	return auth.RequireBearerToken(fromContext, &auth.RequireBearerTokenOptions{ClockSkew: leeway})(next)
}

// leeway is what Config.Leeway allows by default.
const leeway = time.Minute

// untilExpiry ends a stream of events when the token that opened it is no longer good.
func untilExpiry(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, _ := jwtverify.FromContext(r.Context())
		ctx, cancel := context.WithDeadline(r.Context(), token.Expiry.Add(leeway))
		defer cancel()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}
