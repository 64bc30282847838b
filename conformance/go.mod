module example.com/jwtverify/conformance

go 1.26.4

replace example.com/jwtverify => ../

require (
	example.com/jwtverify v0.0.0
	github.com/c2sp/wycheproof v0.0.0-20260902155932-3fa63dd0344a
)
