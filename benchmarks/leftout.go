package main

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha512"
	"strings"
)

// A probe is a token that the issuer has signed, odd in one way. Whether a library
// takes it is no verdict on the library: the RFCs leave some of it to the caller.
type probe struct {
	name   string
	header members
	claims string
}

func probes() []probe {
	header, claims := goodHeader(), goodClaims()
	return []probe{
		{"no `exp`", header, claims.without("exp").text()},
		{"no `aud`", header, claims.without("aud").text()},
		{"no `kid`, in a set of three keys", header.without("kid"), claims.text()},
		{"an unknown `kid`, signed by a known key", unknownKid(), claims.text()},
		{"`alg` RS512", header.with("alg", `"RS512"`), claims.text()},
		{"`alg` HS256 over an RS256 signature", header.with("alg", `"HS256"`), claims.text()},
		{"`crit` with an unknown extension", header.with("crit", `["x"]`).with("x", "1"), claims.text()},
		{"`typ` logout+jwt, another kind of token", header.with("typ", `"logout+jwt"`), claims.text()},
		{"a member twice in the header", append(goodHeader(), member{"kid", `"` + signingKid + `"`}), claims.text()},
		{"a member twice in the claims", header, append(goodClaims(), member{"sub", `"someone-else"`}).text()},
		{"`SUB` beside `sub`", header, claims.with("SUB", `"someone-else"`).text()},
		{"`exp` as a string", header, claims.with("exp", `"253402300799"`).text()},
		{"invalid UTF-8 in a claim", header, claims.with("name", "\"\xff\"").text()},
		{aLineBreak, header, claims.text()},
		{"claims nested 5,000 deep", header, claims.with("x", nested(5_000)).text()},
		{"claims of 1 MiB", header, claims.filled(1 << 20)},
	}
}

const aLineBreak = "a line break in the signature"

func (p probe) token(is *issuer) string {
	token := is.sign(p.header.text(), p.claims)
	switch p.name {
	case aLineBreak:
		token = token[:len(token)-9] + "\n" + token[len(token)-9:]
	case "`alg` RS512":
		signed := token[:strings.LastIndexByte(token, '.')]
		digest := sha512.Sum512([]byte(signed))
		token = signed + "." + encode(string(must(rsa.SignPKCS1v15(nil, is.private, crypto.SHA512, digest[:]))))
	}
	return token
}

func nested(depth int) string { return strings.Repeat("[", depth) + strings.Repeat("]", depth) }

// leftOutTable says of each probe which contenders take it without the checks that we
// add.
func leftOutTable(is *issuer) string {
	verifies := openAll(is, false)
	rows := [][]string{append([]string{"token, signed by the issuer"}, names()...)}
	for _, probe := range probes() {
		token, row := probe.token(is), []string{probe.name}
		for _, verify := range verifies {
			_, err := verify(token)
			row = append(row, map[bool]string{true: "takes", false: "–"}[err == nil])
		}
		rows = append(rows, row)
	}
	return table(rows)
}
