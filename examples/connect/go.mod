module example.com/jwtverify/examples/connect

go 1.26.0

replace example.com/jwtverify => ../..

require (
	connectrpc.com/connect v1.21.1
	example.com/jwtverify v0.0.0
	google.golang.org/protobuf v1.36.12
)
