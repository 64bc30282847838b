// Command grpc is a gRPC server in which every call needs an access token, but for health
// checks, by the interceptors in guard.go, to be copied. Its services come with grpc-go:
// channelz has calls, of which GetServers needs a scope as well, reflection has a stream.
//
//	AUTHACTION_DOMAIN=tenant.example.com AUTHACTION_AUDIENCE=https://api.example.com go -C examples/grpc run .
//
// Tokens are secrets. This server listens on loopback; one that others can reach needs
// grpc.Creds with a certificate.
package main

import (
	"log"
	"net"
	"os"

	"google.golang.org/grpc"
	"google.golang.org/grpc/channelz/grpc_channelz_v1"
	channelz "google.golang.org/grpc/channelz/service"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/reflection"

	"example.com/jwtverify"
	"example.com/jwtverify/bearer"
)

func main() {
	config := jwtverify.Config{Issuer: "https://" + os.Getenv("AUTHACTION_DOMAIN"), Audiences: []string{os.Getenv("AUTHACTION_AUDIENCE")}}
	config.Keys = jwtverify.HTTPKeySource{URL: config.Issuer + "/.well-known/jwks.json"}
	verifier, err := jwtverify.New(config)
	if err != nil {
		log.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:50051")
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(newServer(verifier).Serve(listener))
}

func newServer(verifier bearer.Verifier) *grpc.Server {
	guard := guard{verifier, map[string]string{
		grpc_channelz_v1.Channelz_GetServers_FullMethodName: "servers:read",
	}}
	server := grpc.NewServer(grpc.UnaryInterceptor(guard.unary), grpc.StreamInterceptor(guard.stream))
	grpc_health_v1.RegisterHealthServer(server, health.NewServer())
	channelz.RegisterChannelzServiceToServer(server)
	reflection.Register(server)
	return server
}
