package main

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"example.com/jwtverify/issuertest"
)

// connect serves what the listener accepts, and returns a client of it.
func connect(t *testing.T, iss *issuertest.Issuer, listener net.Listener, dial func(context.Context, string) (net.Conn, error)) grpc_health_v1.HealthClient {
	t.Helper()
	server := newServer(iss.Verifier())
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	conn, err := grpc.NewClient("passthrough:///"+listener.Addr().String(),
		grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithContextDialer(dial), grpc.WithNoProxy())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return grpc_health_v1.NewHealthClient(conn)
}

// overTCP is a client of a server on loopback.
func overTCP(t *testing.T, iss *issuertest.Issuer) grpc_health_v1.HealthClient {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return connect(t, iss, listener, func(ctx context.Context, address string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", address)
	})
}

// with is a context that sends these values of authorization.
func with(t *testing.T, values ...string) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	t.Cleanup(cancel)
	return metadata.NewOutgoingContext(ctx, metadata.MD{"authorization": values})
}

// calls are the two kinds, each to its first answer.
var calls = map[string]func(context.Context, grpc_health_v1.HealthClient) error{
	"unary": func(ctx context.Context, client grpc_health_v1.HealthClient) error {
		_, err := client.Check(ctx, &grpc_health_v1.HealthCheckRequest{})
		return err
	},
	"stream": func(ctx context.Context, client grpc_health_v1.HealthClient) error {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		watch, err := client.Watch(ctx, &grpc_health_v1.HealthCheckRequest{})
		if err != nil {
			return err
		}
		_, err = watch.Recv()
		return err
	},
}

func TestCalls(t *testing.T) {
	iss := issuertest.New(t)
	client := overTCP(t, iss)
	scope := issuertest.Claims{"scope": "health:read health:watch"}
	good := "Bearer " + iss.Token(scope)
	for _, test := range []struct {
		name          string
		authorization []string
		unary, stream error
	}{
		{"a good token with the scope", []string{good}, nil, nil},
		{"a good token, bearer in lower case", []string{"b" + good[1:]}, nil, nil},
		{"a good token without the scope", []string{"Bearer " + iss.Token()}, nil, errScope},
		{"no token", nil, errNoToken, errNoToken},
		{"a token without its scheme", []string{good[len("Bearer "):]}, errNoToken, errNoToken},
		{"Basic", []string{"Basic dXNlcjpwYXNzd29yZA=="}, errNoToken, errNoToken},
		{"two good tokens", []string{good, good}, errNoToken, errNoToken},
		{"an expired token", []string{"Bearer " + iss.Token(scope, issuertest.Claims{"exp": iss.Now().Add(-time.Hour).Unix()})}, errExpired, errExpired},
		{"a token for another audience", []string{"Bearer " + iss.Token(scope, issuertest.Claims{"aud": "https://other.test"})}, errInvalid, errInvalid},
		{"a token bound to a key", []string{"Bearer " + iss.Token(scope, issuertest.Claims{"cnf": map[string]any{"jkt": "x"}})}, errInvalid, errInvalid},
	} {
		for kind, call := range calls {
			want := test.unary
			if kind == "stream" {
				want = test.stream
			}
			t.Run(kind+" with "+test.name, func(t *testing.T) {
				if got := call(with(t, test.authorization...), client); !errors.Is(got, want) {
					t.Errorf("got %v, want %v", got, want)
				}
			})
		}
	}
}

func TestBadTokens(t *testing.T) {
	iss := issuertest.New(t)
	client := overTCP(t, iss)
	for _, bad := range iss.BadTokens() {
		if strings.Contains(bad.Token, "\n") {
			continue // the client sends no such header
		}
		for kind, call := range calls {
			if got := status.Code(call(with(t, "Bearer "+bad.Token), client)); got != codes.Unauthenticated {
				t.Errorf("%s with %s: got %v, want %v", kind, bad.Name, got, codes.Unauthenticated)
			}
		}
	}
}

// An outage of the issuer is no bad token, and says when to come back.
func TestOutage(t *testing.T) {
	for kind, call := range calls {
		t.Run(kind, func(t *testing.T) {
			iss := issuertest.New(t, issuertest.WithClaims(issuertest.Claims{"scope": "health:watch"}))
			client := overTCP(t, iss)
			iss.Fault(issuertest.Fault{Name: "status-503", RetryAfter: 7 * time.Second})
			s := status.Convert(call(with(t, "Bearer "+iss.Token()), client))
			if s.Code() != codes.Unavailable || len(s.Details()) != 1 {
				t.Fatalf("got %v with %v, want %v with a RetryInfo", s, s.Details(), codes.Unavailable)
			}
			retry, ok := s.Details()[0].(*errdetails.RetryInfo)
			if !ok || retry.RetryDelay.AsDuration() < 6*time.Second || retry.RetryDelay.AsDuration() > 8*time.Second {
				t.Errorf("got %v, want a delay of 7 seconds", s.Details()[0])
			}
			if err := call(with(t, "Bearer not.a.token"), client); !errors.Is(err, errInvalid) {
				t.Errorf("a bad token in the outage: got %v, want %v", err, errInvalid)
			}
		})
	}
}

// A stream that was let in by a token ends with it.
func TestStreamEndsWithItsToken(t *testing.T) {
	iss := issuertest.New(t, issuertest.WithClaims(issuertest.Claims{"scope": "health:watch"}))
	synctest.Test(t, func(t *testing.T) {
		listener := bufconn.Listen(64 << 10)
		client := connect(t, iss, listener, func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) })
		expiry := time.Now().Add(10 * time.Minute)
		token := iss.Token(issuertest.Claims{"exp": expiry.Unix()})
		watch, err := client.Watch(metadata.NewOutgoingContext(t.Context(), metadata.Pairs("authorization", "Bearer "+token)), &grpc_health_v1.HealthCheckRequest{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := watch.Recv(); err != nil {
			t.Fatal(err)
		}
		_, err = watch.Recv()
		if late := time.Since(expiry); !errors.Is(err, errExpired) || late < 0 || late > time.Second {
			t.Errorf("got %v, %v after the token's expiry, want %v at it", err, late, errExpired)
		}
	})
}

// A silentStream has one message, which comes after the token has expired.
type silentStream struct {
	grpc.ServerStream
	ctx context.Context
}

func (s silentStream) Context() context.Context { return s.ctx }
func (s silentStream) SendMsg(any) error        { return nil }
func (s silentStream) RecvMsg(any) error {
	time.Sleep(11 * time.Minute)
	return nil
}

// A handler that waits for a message, not for the context, gets none that is too late.
func TestNoMessageAfterTheToken(t *testing.T) {
	iss := issuertest.New(t)
	synctest.Test(t, func(t *testing.T) {
		guard := guard{verifier: iss.Verifier()}
		token := iss.Token(issuertest.Claims{"exp": time.Now().Add(10 * time.Minute).Unix()})
		stream := silentStream{ctx: metadata.NewIncomingContext(t.Context(), metadata.Pairs("authorization", "Bearer "+token))}
		err := guard.stream(nil, stream, &grpc.StreamServerInfo{}, func(_ any, stream grpc.ServerStream) error {
			if err := stream.SendMsg(nil); err != nil {
				t.Errorf("a message in time: got %v", err)
			}
			if err := stream.RecvMsg(nil); err != errExpired {
				t.Errorf("a message that came late: got %v, want %v", err, errExpired)
			}
			if err := stream.SendMsg(nil); err != errExpired {
				t.Errorf("a message sent late: got %v, want %v", err, errExpired)
			}
			return io.ErrUnexpectedEOF
		})
		if err != errExpired {
			t.Errorf("the stream: got %v, want %v", err, errExpired)
		}
	})
}

// The command in ../README.md, too.
func TestREADME(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "go", "-C", "../..", "test", "-count=1", "-v", "-run", "^TestREADME$/^grpc$", "./examples")
	cmd.Env = append(os.Environ(), "EXAMPLES_NESTED=1")
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "PASS: TestREADME/grpc") {
		t.Errorf("%v\n%s", err, out)
	}
}
