package main

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
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

// A guard lets calls run that carry a good access token. A handler finds it by
// jwtverify.FromContext. There is no list of methods that need none: a public service
// is another grpc.Server, or the same without the guard.
type guard struct {
	verifier *jwtverify.Verifier
	scopes   map[string]string // what a method needs beyond a valid token, by its full name
}

func (g guard) unary(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	token, err := g.authenticate(ctx, info.FullMethod)
	if err != nil {
		return nil, err
	}
	return handler(jwtverify.NewContext(ctx, token), request)
}

// stream ends a stream when its token expires.
func (g guard) stream(service any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	token, err := g.authenticate(stream.Context(), info.FullMethod)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithDeadlineCause(stream.Context(), token.Expiry, errExpired)
	defer cancel()
	err = handler(service, &guardedStream{stream, jwtverify.NewContext(ctx, token)})
	if err != nil && context.Cause(ctx) == errExpired {
		return errExpired // whatever the handler made of it
	}
	return err
}

// What the client is told: nothing that helps to guess. The reason is in the error of
// Parse or Verify, for a log.
var (
	errNoToken = status.Error(codes.Unauthenticated, "an access token is needed, as authorization: Bearer")
	errInvalid = status.Error(codes.Unauthenticated, "the access token is not valid")
	errExpired = status.Error(codes.Unauthenticated, "the access token has expired")
	errScope   = status.Error(codes.PermissionDenied, "the access token lacks a required scope")
)

func (g guard) authenticate(ctx context.Context, method string) (*jwtverify.Token, error) {
	md, _ := metadata.FromIncomingContext(ctx)
	raw, err := bearer.Parse(md["authorization"])
	if err != nil {
		return nil, errNoToken
	}
	token, err := g.verifier.Verify(ctx, raw)
	switch {
	case errors.Is(err, jwtverify.ErrExpired):
		return nil, errExpired
	case errors.Is(err, jwtverify.ErrInvalid):
		return nil, errInvalid
	case err != nil:
		return nil, unavailable(err)
	case isBound(token):
		return nil, errInvalid
	}
	if scope, needed := g.scopes[method]; needed && !slices.Contains(bearer.Scopes(token), scope) {
		return nil, errScope
	}
	return token, nil
}

// unavailable tells the client to keep its token and to come back.
func unavailable(err error) error {
	after := 5 * time.Second
	var keys *jwtverify.KeysUnavailableError
	if errors.As(err, &keys) {
		after = keys.RetryAfter
	}
	s := status.New(codes.Unavailable, "access tokens cannot be checked at the moment")
	detailed, err := s.WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(after)})
	if err != nil {
		return s.Err()
	}
	return detailed.Err()
}

// isBound reports whether a token is bound to a key by the claim cnf (RFC 7800). Taken
// as a plain one, whoever has stolen it could use it (RFC 8705, section 3; RFC 9449,
// section 7.2).
func isBound(token *jwtverify.Token) bool {
	var claims map[string]json.RawMessage // a struct would take CNF for cnf
	if token.Claims(&claims) != nil {
		return true
	}
	_, bound := claims["cnf"]
	return bound
}

// A guardedStream carries no message after its token has expired. A handler that waits
// for one learns of it by the next, one that looks at the context at once.
type guardedStream struct {
	grpc.ServerStream
	ctx context.Context
}

func (s *guardedStream) Context() context.Context { return s.ctx }

func (s *guardedStream) SendMsg(m any) error {
	if context.Cause(s.ctx) == errExpired {
		return errExpired
	}
	return s.ServerStream.SendMsg(m)
}

func (s *guardedStream) RecvMsg(m any) error {
	err := s.ServerStream.RecvMsg(m)
	if context.Cause(s.ctx) == errExpired {
		return errExpired
	}
	return err
}
