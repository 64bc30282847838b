package main

import (
	"context"
	"errors"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"example.com/jwtverify/issuertest"
)

const added, streamed = "/orders.v1.OrderService/Added", "/orders.v1.OrderService/Streamed"

// Whatever is added is protected. Its handler counts its runs: there are none without a
// good token.
func TestAPI(t *testing.T) {
	iss := issuertest.New(t, issuertest.WithClaims(issuertest.Claims{"scope": "orders:read"}))
	mux := newAPI(iss.Config())
	mux.Handle(added, connect.NewUnaryHandlerSimple(added, func(context.Context, *emptypb.Empty) (*emptypb.Empty, error) {
		iss.Ran()
		return new(emptypb.Empty), nil
	}, connect.WithIdempotency(connect.IdempotencyNoSideEffects)))
	const query = "?connect=v1&encoding=json&message="
	iss.Suite(t, mux, "GET "+whoAmI+query+"%7B%7D", "GET "+read+query+"%2217%22", "GET "+added+query+"%7B%7D")
}

var protocols = map[string]connect.ClientOption{
	"Connect": connect.WithClientOptions(), "gRPC": connect.WithGRPC(), "gRPC-Web": connect.WithGRPCWeb(),
}

// newClient returns what calls a procedure with a token, or without if that is empty. One
// more than main has is a stream, which counts its runs.
func newClient(t *testing.T, iss *issuertest.Issuer, option connect.ClientOption, runs *atomic.Int64) func(procedure, token string) error {
	mux := newAPI(iss.Config())
	mux.Handle(streamed, connect.NewServerStreamHandlerSimple(streamed, func(_ context.Context, _ *emptypb.Empty, stream *connect.ServerStream[emptypb.Empty]) error {
		runs.Add(1)
		return stream.Send(new(emptypb.Empty))
	}))
	server := httptest.NewUnstartedServer(mux)
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	return func(procedure, token string) error {
		ctx, info := connect.NewClientContext(t.Context())
		if token != "" {
			info.RequestHeader().Set("Authorization", "Bearer "+token)
		}
		switch client, url := server.Client(), server.URL+procedure; procedure {
		case whoAmI:
			_, err := connect.NewClient[emptypb.Empty, wrapperspb.StringValue](client, url, option).CallUnary(ctx, connect.NewRequest(new(emptypb.Empty)))
			return err
		case streamed:
			stream, err := connect.NewClient[emptypb.Empty, emptypb.Empty](client, url, option).CallServerStream(ctx, connect.NewRequest(new(emptypb.Empty)))
			if err != nil {
				return err
			}
			defer stream.Close()
			for stream.Receive() {
			}
			return stream.Err()
		case read:
			_, err := connect.NewClient[wrapperspb.Int64Value, wrapperspb.StringValue](client, url, option).CallUnary(ctx, connect.NewRequest(wrapperspb.Int64(17)))
			return err
		default:
			_, err := connect.NewClient[wrapperspb.Int64Value, emptypb.Empty](client, url, option).CallUnary(ctx, connect.NewRequest(wrapperspb.Int64(17)))
			return err
		}
	}
}

// What clients are told. Behind the stream a handler counts its runs: one for each good
// token, none for a bad one.
func TestClients(t *testing.T) {
	for protocol, option := range protocols {
		t.Run(protocol, func(t *testing.T) {
			var runs atomic.Int64
			iss := issuertest.New(t)
			call := newClient(t, iss, option, &runs)
			const ok, unauthenticated, denied = connect.Code(0), connect.CodeUnauthenticated, connect.CodePermissionDenied
			for _, test := range []struct {
				name, token                    string
				whoAmI, read, remove, streamed connect.Code
			}{
				{"a good token", iss.Token(), ok, denied, denied, ok},
				{"a good token with the scope", iss.Token(issuertest.Claims{"scope": "orders:read"}), ok, ok, denied, ok},
				{"a good token with the role", iss.Token(issuertest.Claims{"roles": []string{"admin"}}), ok, denied, ok, ok},
				{"no token", "", unauthenticated, unauthenticated, unauthenticated, unauthenticated},
				{"a token for another audience", iss.Token(issuertest.Claims{"aud": "https://other.test"}), unauthenticated, unauthenticated, unauthenticated, unauthenticated},
			} {
				for procedure, want := range map[string]connect.Code{whoAmI: test.whoAmI, read: test.read, remove: test.remove, streamed: test.streamed} {
					if err := call(procedure, test.token); codeOf(err) != want {
						t.Errorf("%s with %s: got %v, want code %d", procedure, test.name, err, want)
					}
				}
			}
			for _, bad := range iss.BadTokens() {
				if err := call(streamed, bad.Token); err == nil {
					t.Errorf("%s is accepted", bad.Name)
				}
			}
			if runs.Load() != 3 {
				t.Errorf("the handler ran %d times, want 3, once for each good token", runs.Load())
			}
		})
	}
}

// An outage of the issuer is no bad token, and says when to come back.
func TestOutage(t *testing.T) {
	for protocol, option := range protocols {
		t.Run(protocol, func(t *testing.T) {
			var runs atomic.Int64
			iss := issuertest.New(t)
			call := newClient(t, iss, option, &runs)
			iss.Fault(issuertest.Fault{Name: "status-503", RetryAfter: 7 * time.Second})
			for _, procedure := range []string{whoAmI, read, remove, streamed} {
				if err := call(procedure, iss.Token()); codeOf(err) != connect.CodeUnavailable {
					t.Errorf("%s: got %v, want %v", procedure, err, connect.CodeUnavailable)
				}
			}
			if runs.Load() != 0 {
				t.Errorf("the handler ran %d times, want none", runs.Load())
			}
			var said *connect.Error
			if err := call(whoAmI, iss.Token()); protocol == "Connect" && (!errors.As(err, &said) || said.Meta().Get("Retry-After") != "7") {
				t.Errorf("got %v, want it to come with Retry-After: 7", err)
			}
		})
	}
}

// codeOf is 0 where there is no error.
func codeOf(err error) connect.Code {
	if err == nil {
		return 0
	}
	return connect.CodeOf(err)
}
