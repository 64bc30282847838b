// Package providers holds no code, only tests: OpenID providers of others, started on
// loopback, and their access tokens verified with keys found by discovery. It is a
// module of its own for what the servers written in Go bring with them.
package providers
