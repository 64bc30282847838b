module example.com/jwtverify/examples/echo

go 1.25.0

replace example.com/jwtverify => ../..

require (
	example.com/jwtverify v0.0.0
	github.com/labstack/echo/v5 v5.4.4
)
