// Tokens of issuertest, as other libraries see them. A module of its own, so that the
// library needs none of them.
module example.com/jwtverify/issuertest/interop

go 1.25

require (
	example.com/jwtverify v0.0.0
	github.com/go-jose/go-jose/v4 v4.1.9
	github.com/golang-jwt/jwt/v5 v5.3.1
)

replace example.com/jwtverify => ../../
