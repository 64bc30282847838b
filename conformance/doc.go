// Package conformance holds no code, only tests: jwtverify judged by other people's
// test vectors, tokens, libraries and servers. README.md says what there is, how to
// run it, and what came out.
package conformance
