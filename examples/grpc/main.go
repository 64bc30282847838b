// Command grpc is a gRPC server in which every call needs an access token, by
// interceptors that are in guard.go, to be copied. The service is grpc.health.v1, which
// comes with grpc-go: Check is a unary call, Watch a stream that needs a scope as well.
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
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"

	"example.com/jwtverify"
)

func main() {
	issuer := "https://" + os.Getenv("AUTHACTION_DOMAIN")
	verifier, err := jwtverify.New(jwtverify.Config{
		Issuer:    issuer,
		Audiences: []string{os.Getenv("AUTHACTION_AUDIENCE")},
		Keys:      jwtverify.HTTPKeySource{URL: issuer + "/.well-known/jwks.json"},
	})
	if err != nil {
		log.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:50051")
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(newServer(verifier).Serve(listener))
}

func newServer(verifier *jwtverify.Verifier) *grpc.Server {
	guard := guard{verifier, map[string]string{
		grpc_health_v1.Health_Watch_FullMethodName: "health:watch",
	}}
	server := grpc.NewServer(grpc.UnaryInterceptor(guard.unary), grpc.StreamInterceptor(guard.stream))
	grpc_health_v1.RegisterHealthServer(server, health.NewServer())
	return server
}
