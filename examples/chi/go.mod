module example.com/jwtverify/examples/chi

go 1.25.0

replace example.com/jwtverify => ../..

require (
	example.com/jwtverify v0.0.0
	github.com/go-chi/chi/v5 v5.5.0
)
