package main

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"example.com/jwtverify"
	"example.com/jwtverify/bearer"
)

// A guard lets calls run that carry a good access token, and health checks. A handler
// finds the token by jwtverify.FromContext. Its context ends with the token, and a minute
// for clocks that differ: a stream that looks at it ends then, too.
type guard struct {
	verifier bearer.Verifier   // of jwtverify.New or NewIssuers
	scopes   map[string]string // what a method needs beyond a valid token, by its full name
}

func (g guard) unary(ctx context.Context, request any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (answer any, err error) {
	err = g.admit(ctx, info.FullMethod, func(ctx context.Context) error { answer, err = next(ctx, request); return err })
	return answer, err
}

func (g guard) stream(service any, s grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
	return g.admit(s.Context(), info.FullMethod, func(ctx context.Context) error { return next(service, stream{s, ctx}) })
}

type stream struct {
	grpc.ServerStream
	ctx context.Context
}

func (s stream) Context() context.Context { return s.ctx }

// admit runs a call or refuses it. The client learns the code, the log the reason.
func (g guard) admit(ctx context.Context, method string, run func(context.Context) error) error {
	if strings.HasPrefix(method, "/grpc.health.v1.Health/") {
		return run(ctx)
	}
	raw, unread := bearer.Parse(metadata.ValueFromIncomingContext(ctx, "authorization"))
	token, err := g.verifier.Verify(ctx, raw) // which is empty where there is none, and refused
	refusal, outage := status.New(codes.Unauthenticated, "a valid access token is needed"), &jwtverify.KeysUnavailableError{RetryAfter: 5 * time.Second}
	switch scope := g.scopes[method]; {
	case unread != nil:
		err = unread
	case errors.As(err, &outage) || token == nil && !errors.Is(err, jwtverify.ErrInvalid):
		refusal, _ = status.New(codes.Unavailable, "access tokens cannot be checked at the moment").WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(outage.RetryAfter)})
	case err == nil && token.Bound: // to a key, and nobody checks the proof: a thief may have sent it (RFC 9449, section 7.2)
		err = errors.New("the token has the claim cnf")
	case err == nil && scope != "" && !slices.Contains(bearer.Scopes(token), scope):
		refusal, err = status.New(codes.PermissionDenied, "the access token lacks the scope "+scope), errors.New("the token lacks the scope "+scope)
	case err == nil:
		ctx, cancel := context.WithDeadline(jwtverify.NewContext(ctx, token), token.Expiry.Add(time.Minute))
		defer cancel()
		return run(ctx)
	}
	slog.WarnContext(ctx, "call refused", "method", method, "code", refusal.Code().String(), "reason", err)
	return refusal.Err()
}
