package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/channelz/grpc_channelz_v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/types/known/emptypb"

	"example.com/jwtverify"
	"example.com/jwtverify/bearer"
	"example.com/jwtverify/issuertest"
)

// newClient serves what newServer returns and one service more, whose two handlers count
// their runs. The stream's sends one message, then waits for the end of its context.
func newClient(t *testing.T, verifier bearer.Verifier, runs *atomic.Int64) *grpc.ClientConn {
	t.Helper()
	server := newServer(verifier)
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: "test.v1.Test",
		HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{{MethodName: "Unary", Handler: func(service any, ctx context.Context, read func(any) error, interceptor grpc.UnaryServerInterceptor) (any, error) {
			request := new(emptypb.Empty)
			if err := read(request); err != nil {
				return nil, err
			}
			return interceptor(ctx, request, &grpc.UnaryServerInfo{Server: service, FullMethod: "/test.v1.Test/Unary"}, func(ctx context.Context, request any) (any, error) {
				runs.Add(1)
				return request, subject(ctx)
			})
		}}},
		Streams: []grpc.StreamDesc{{StreamName: "Stream", ServerStreams: true, Handler: func(_ any, stream grpc.ServerStream) error {
			runs.Add(1)
			if err := subject(stream.Context()); err != nil {
				return err
			}
			if err := stream.SendMsg(new(emptypb.Empty)); err != nil {
				return err
			}
			<-stream.Context().Done()
			return status.FromContextError(stream.Context().Err()).Err()
		}}},
	}, nil)
	listener := bufconn.Listen(64 << 10)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	conn, err := grpc.NewClient("passthrough:///test", grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithNoProxy(),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// subject is what a handler does who wants to know who has called.
func subject(ctx context.Context) error {
	if token, ok := jwtverify.FromContext(ctx); !ok || token.Subject != "m2m" {
		return errors.New("there is no token in the context")
	}
	return nil
}

// with is a context that sends these values of authorization.
func with(t *testing.T, values ...string) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	t.Cleanup(cancel)
	return metadata.NewOutgoingContext(ctx, metadata.MD{"authorization": values})
}

// calls are of all kinds, streams to their first answer.
var calls = map[string]func(context.Context, *grpc.ClientConn) error{
	"a call": func(ctx context.Context, conn *grpc.ClientConn) error {
		return conn.Invoke(ctx, "/test.v1.Test/Unary", new(emptypb.Empty), new(emptypb.Empty))
	},
	"a stream": func(ctx context.Context, conn *grpc.ClientConn) error {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		stream, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, "/test.v1.Test/Stream")
		if err != nil {
			return err
		}
		if err := stream.SendMsg(new(emptypb.Empty)); err != nil {
			return err
		}
		return stream.RecvMsg(new(emptypb.Empty))
	},
	"channelz": func(ctx context.Context, conn *grpc.ClientConn) error {
		_, err := grpc_channelz_v1.NewChannelzClient(conn).GetServers(ctx, new(grpc_channelz_v1.GetServersRequest))
		return err
	},
	"reflection": func(ctx context.Context, conn *grpc.ClientConn) error {
		stream, err := grpc_reflection_v1.NewServerReflectionClient(conn).ServerReflectionInfo(ctx)
		if err != nil {
			return err
		}
		stream.CloseSend()
		if _, err = stream.Recv(); err == io.EOF {
			return nil // nothing was asked
		}
		return err
	},
	"a health check": func(ctx context.Context, conn *grpc.ClientConn) error {
		_, err := grpc_health_v1.NewHealthClient(conn).Check(ctx, new(grpc_health_v1.HealthCheckRequest))
		return err
	},
}

func TestCalls(t *testing.T) {
	var runs atomic.Int64
	iss := issuertest.New(t)
	conn := newClient(t, iss.Verifier(), &runs)
	scope := issuertest.Claims{"scope": "profile servers:read"}
	good := "Bearer " + iss.Token(scope)
	const ok, unauthenticated, denied = codes.OK, codes.Unauthenticated, codes.PermissionDenied
	goods := int64(0)
	for _, test := range []struct {
		name           string
		authorization  []string
		call, channelz codes.Code
	}{
		{"a good token with the scope", []string{good}, ok, ok},
		{"a good token, bearer in lower case", []string{"b" + good[1:]}, ok, ok},
		{"a good token without the scope", []string{"Bearer " + iss.Token()}, ok, denied},
		{"no token", nil, unauthenticated, unauthenticated},
		{"a token without its scheme", []string{good[len("Bearer "):]}, unauthenticated, unauthenticated},
		{"Basic", []string{"Basic dXNlcjpwYXNzd29yZA=="}, unauthenticated, unauthenticated},
		{"two good tokens", []string{good, good}, unauthenticated, unauthenticated},
		{"an expired token", []string{"Bearer " + iss.Token(scope, issuertest.Claims{"exp": iss.Now().Add(-time.Hour).Unix()})}, unauthenticated, unauthenticated},
		{"a token bound to a key", []string{"Bearer " + iss.Token(scope, issuertest.Claims{"cnf": map[string]any{"jkt": "x"}})}, unauthenticated, unauthenticated},
	} {
		for kind, call := range calls {
			want := test.call
			switch kind {
			case "channelz":
				want = test.channelz
			case "a health check":
				want = ok
			case "a call", "a stream":
				if want == ok {
					goods++
				}
			}
			t.Run(kind+" with "+test.name, func(t *testing.T) {
				if err := call(with(t, test.authorization...), conn); status.Code(err) != want {
					t.Errorf("got %v, want %v", err, want)
				}
			})
		}
	}
	for _, bad := range iss.BadTokens() {
		if strings.Contains(bad.Token, "\n") {
			continue // the client sends no such header
		}
		for _, kind := range []string{"a call", "a stream"} {
			if err := calls[kind](with(t, "Bearer "+bad.Token), conn); status.Code(err) != unauthenticated {
				t.Errorf("%s with %s: got %v, want %v", kind, bad.Name, err, unauthenticated)
			}
		}
	}
	if runs.Load() != goods {
		t.Errorf("the handlers ran %d times, want %d, once for each good token", runs.Load(), goods)
	}
}

// An outage of the issuer is no bad token, and says when to come back. Health checks don't
// wait for it.
func TestOutage(t *testing.T) {
	var runs atomic.Int64
	iss := issuertest.New(t)
	conn := newClient(t, iss.Verifier(), &runs)
	iss.Fault(issuertest.Fault{Name: "status-503", RetryAfter: 7 * time.Second})
	for kind, call := range calls {
		s := status.Convert(call(with(t, "Bearer "+iss.Token()), conn))
		if kind == "a health check" {
			if s.Code() != codes.OK {
				t.Errorf("%s: got %v", kind, s)
			}
			continue
		}
		mustRetry(t, kind, s, 7*time.Second)
		if err := call(with(t, "Bearer not.a.token"), conn); status.Code(err) != codes.Unauthenticated {
			t.Errorf("%s with a bad token: got %v, want %v", kind, err, codes.Unauthenticated)
		}
	}
	if runs.Load() != 0 {
		t.Errorf("the handlers ran %d times, want none", runs.Load())
	}
}

func mustRetry(t *testing.T, what string, s *status.Status, after time.Duration) {
	t.Helper()
	if s.Code() != codes.Unavailable || len(s.Details()) != 1 {
		t.Errorf("%s: got %v with %v, want %v with a RetryInfo", what, s, s.Details(), codes.Unavailable)
		return
	}
	retry, ok := s.Details()[0].(*errdetails.RetryInfo)
	if got := retry.GetRetryDelay().AsDuration(); !ok || got < after-time.Second || got > after {
		t.Errorf("%s: got %v, want a delay of %v", what, s.Details()[0], after)
	}
}

// verdict is a verifier of somebody else.
type verdict struct {
	token *jwtverify.Token
	err   error
}

func (v verdict) Verify(context.Context, string) (*jwtverify.Token, error) { return v.token, v.err }

// Issuers fit as well as one. What some other verifier answers that is neither a token nor
// ErrInvalid says nothing about the token.
func TestVerifiers(t *testing.T) {
	var runs atomic.Int64
	iss := issuertest.New(t)
	issuers, err := jwtverify.NewIssuers(iss.Verifier(), issuertest.New(t).Verifier())
	if err != nil {
		t.Fatal(err)
	}
	call := calls["a call"]
	if err := call(with(t, "Bearer "+iss.Token()), newClient(t, issuers, &runs)); err != nil || runs.Load() != 1 {
		t.Errorf("several issuers: got %v after %d runs, want one", err, runs.Load())
	}
	for name, v := range map[string]verdict{"an error of its own": {nil, errors.New("no connection")}, "nothing": {}} {
		mustRetry(t, name, status.Convert(call(with(t, "Bearer "+iss.Token()), newClient(t, v, &runs))), 5*time.Second)
	}
	if runs.Load() != 1 {
		t.Errorf("the handler ran %d times, want once", runs.Load())
	}
}

// The client learns the code, the log the reason, and neither the token.
func TestReasonIsLogged(t *testing.T) {
	var log bytes.Buffer
	usual := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	defer slog.SetDefault(usual)

	iss := issuertest.New(t)
	conn := newClient(t, iss.Verifier(), new(atomic.Int64))
	token := iss.Token(issuertest.Claims{"aud": "https://other.test"})
	got := calls["a call"](with(t, "Bearer "+token), conn).Error()
	if want := "rpc error: code = Unauthenticated desc = a valid access token is needed"; got != want {
		t.Errorf("the client is told %q, want %q", got, want)
	}
	for _, want := range []string{"method=/test.v1.Test/Unary", "code=Unauthenticated", "audience is", "https://other.test"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("%q is missing in the log: %s", want, log.String())
		}
	}
	if signature := token[strings.LastIndex(token, ".")+1:]; strings.Contains(log.String(), signature) {
		t.Error("the token is in the log")
	}
}

// A stream that was let in by a token ends with it, and a minute for clocks that differ.
func TestStreamEndsWithItsToken(t *testing.T) {
	iss := issuertest.New(t)
	synctest.Test(t, func(t *testing.T) {
		conn := newClient(t, iss.Verifier(), new(atomic.Int64))
		end := time.Now().Add(11 * time.Minute)
		token := iss.Token(issuertest.Claims{"exp": end.Add(-time.Minute).Unix()})
		ctx := metadata.NewOutgoingContext(t.Context(), metadata.Pairs("authorization", "Bearer "+token))
		stream, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, "/test.v1.Test/Stream")
		if err != nil {
			t.Fatal(err)
		}
		if err := stream.SendMsg(new(emptypb.Empty)); err != nil {
			t.Fatal(err)
		}
		if err := stream.RecvMsg(new(emptypb.Empty)); err != nil {
			t.Fatal(err)
		}
		err = stream.RecvMsg(new(emptypb.Empty))
		if late := time.Since(end); status.Code(err) != codes.DeadlineExceeded || late < 0 || late > time.Second {
			t.Errorf("got %v, %v after its end, want %v at it", err, late, codes.DeadlineExceeded)
		}
	})
}

// guard.go is to be copied, so it is short.
func TestGuardIsShort(t *testing.T) {
	source, err := os.ReadFile("guard.go")
	if err != nil {
		t.Fatal(err)
	}
	_, code, _ := strings.Cut(string(source), "\n)\n") // the imports
	lines := 0
	for line := range strings.Lines(code) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "//") {
			lines++
		}
	}
	if lines > 40 {
		t.Errorf("guard.go has %d lines, want at most 40", lines)
	}
}
