// Command connect is a Connect service, which speaks gRPC and gRPC-Web too. Its handlers
// are http.Handlers, so that a bearer.Mux protects them as they are: what you add needs a
// token, unless you say Public. Clients learn the code of a refusal from its HTTP status.
//
//	AUTHACTION_DOMAIN=tenant.example.com AUTHACTION_AUDIENCE=https://api.example.com go -C examples/connect run .
//
// With generated code it is
//
//	mux.Handle(ordersv1connect.NewOrderServiceHandler(service))
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"log"
	"net/http"
	"os"
	"slices"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"example.com/jwtverify"
	"example.com/jwtverify/bearer"
)

func main() {
	config := jwtverify.Config{Issuer: "https://" + os.Getenv("AUTHACTION_DOMAIN"), Audiences: []string{os.Getenv("AUTHACTION_AUDIENCE")}}
	config.Keys = jwtverify.HTTPKeySource{URL: config.Issuer + "/.well-known/jwks.json"}
	server := http.Server{Addr: "127.0.0.1:8000", Handler: newAPI(config), Protocols: new(http.Protocols)}
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetUnencryptedHTTP2(true) // for gRPC
	log.Fatal(server.ListenAndServe())
}

const (
	whoAmI = "/orders.v1.OrderService/WhoAmI"
	read   = "/orders.v1.OrderService/Read"
	remove = "/orders.v1.OrderService/Remove"
)

func newAPI(config jwtverify.Config) *bearer.Mux {
	verifier, verifierErr := jwtverify.New(config)
	guard, guardErr := bearer.New(bearer.Config{Verifier: verifier, Reject: reject})
	if err := cmp.Or(verifierErr, guardErr); err != nil {
		log.Fatal(err)
	}
	noSideEffects := connect.WithIdempotency(connect.IdempotencyNoSideEffects) // also by GET
	mux := guard.NewMux()
	mux.Handle(whoAmI, connect.NewUnaryHandlerSimple(whoAmI, func(ctx context.Context, _ *emptypb.Empty) (*wrapperspb.StringValue, error) {
		token, _ := jwtverify.FromContext(ctx) // there is one: the mux saw to it
		return wrapperspb.String(token.Subject), nil
	}, noSideEffects))
	mux.Handle(read, guard.Require("orders:read")(connect.NewUnaryHandlerSimple(read, func(_ context.Context, order *wrapperspb.Int64Value) (*wrapperspb.StringValue, error) {
		return wrapperspb.String("two chairs"), nil
	}, noSideEffects)))
	mux.Handle(remove, guard.RequireFunc(isAdmin)(connect.NewUnaryHandlerSimple(remove, func(context.Context, *wrapperspb.Int64Value) (*emptypb.Empty, error) {
		return new(emptypb.Empty), nil
	})))
	return mux
}

// isAdmin takes the roles of a token from its claim "roles".
func isAdmin(token *jwtverify.Token) error {
	if slices.Contains(bearer.Scopes(token, "roles"), "admin") {
		return nil
	}
	return errors.New("not an admin")
}

// reject logs a refusal, and says it as Connect does, so that clients also get a text.
func reject(r *http.Request, refusal bearer.Rejection) (contentType string, body []byte) {
	log.Printf("%q: %d: %v", r.URL.Path, refusal.Status, refusal.Err)
	code := map[int]connect.Code{400: connect.CodeInvalidArgument, 401: connect.CodeUnauthenticated, 403: connect.CodePermissionDenied, 503: connect.CodeUnavailable}[refusal.Status]
	body, _ = json.Marshal(map[string]string{"code": code.String(), "message": cmp.Or(refusal.Description, "an access token is needed")})
	return "application/json", body
}
