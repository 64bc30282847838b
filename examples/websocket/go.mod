module example.com/jwtverify/examples/websocket

go 1.25.0

replace example.com/jwtverify => ../..

require (
	example.com/jwtverify v0.0.0
	github.com/coder/websocket v1.8.15
)
