package main

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha512"
	"strings"
)

// A probe is a token that the issuer has signed, odd in one way. Whether a library
// takes it is no verdict on the library: the RFCs leave some of it to the caller.
type probe struct {
	name  string
	token func(is *issuer) string
}

var probes = []probe{
	{"no `exp`", func(is *issuer) string {
		return is.sign(goodHeader().text(), goodClaims().without("exp").text())
	}},
	{"no `aud`", func(is *issuer) string {
		return is.sign(goodHeader().text(), goodClaims().without("aud").text())
	}},
	{"no `kid`, in a set of three keys", func(is *issuer) string {
		return is.sign(goodHeader().without("kid").text(), goodClaims().text())
	}},
	{"an unknown `kid`, signed by a known key", func(is *issuer) string {
		return is.sign(goodHeader().with("kid", `"2020-01"`).text(), goodClaims().text())
	}},
	{"`alg` RS512", func(is *issuer) string {
		signed := encode(goodHeader().with("alg", `"RS512"`).text()) + "." + encode(goodClaims().text())
		digest := sha512.Sum512([]byte(signed))
		signature, err := rsa.SignPKCS1v15(rand.Reader, is.private, crypto.SHA512, digest[:])
		if err != nil {
			panic(err) // a key of 2048 bits signs every SHA-512
		}
		return signed + "." + encode(string(signature))
	}},
	{"`alg` HS256 over an RS256 signature", func(is *issuer) string {
		return is.sign(goodHeader().with("alg", `"HS256"`).text(), goodClaims().text())
	}},
	{"`crit` with an unknown extension", func(is *issuer) string {
		return is.sign(goodHeader().with("crit", `["x"]`).with("x", "1").text(), goodClaims().text())
	}},
	{"`typ` logout+jwt, another kind of token", func(is *issuer) string {
		return is.sign(goodHeader().with("typ", `"logout+jwt"`).text(), goodClaims().text())
	}},
	{"a member twice in the header", func(is *issuer) string {
		return is.sign(append(goodHeader(), member{"kid", `"` + signingKid + `"`}).text(), goodClaims().text())
	}},
	{"a member twice in the claims", func(is *issuer) string {
		return is.sign(goodHeader().text(), append(goodClaims(), member{"sub", `"someone-else"`}).text())
	}},
	{"`SUB` beside `sub`", func(is *issuer) string {
		return is.sign(goodHeader().text(), goodClaims().with("SUB", `"someone-else"`).text())
	}},
	{"`exp` as a string", func(is *issuer) string {
		return is.sign(goodHeader().text(), goodClaims().with("exp", `"253402300799"`).text())
	}},
	{"invalid UTF-8 in a claim", func(is *issuer) string {
		return is.sign(goodHeader().text(), goodClaims().with("name", "\"\xff\"").text())
	}},
	{"a line break in the signature", func(is *issuer) string {
		token := is.sign(goodHeader().text(), goodClaims().text())
		return token[:len(token)-9] + "\n" + token[len(token)-9:]
	}},
	{"claims nested 5,000 deep", func(is *issuer) string {
		return is.sign(goodHeader().text(), goodClaims().with("x", nested(5_000)).text())
	}},
	{"claims of 1 MiB", func(is *issuer) string {
		return is.sign(goodHeader().text(), goodClaims().filled(1<<20))
	}},
}

func nested(depth int) string { return strings.Repeat("[", depth) + strings.Repeat("]", depth) }

// leftOut has a row for each probe, and in it whether each contender, without the
// checks that we add, takes the token.
func leftOut(is *issuer) ([][]bool, error) {
	verifies, err := openAll(is, false)
	if err != nil {
		return nil, err
	}
	var rows [][]bool
	for _, probe := range probes {
		token := probe.token(is)
		var row []bool
		for _, verify := range verifies {
			_, err := verify(token)
			row = append(row, err == nil)
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// openAll opens all contenders, in their order.
func openAll(is *issuer, all bool) ([]verify, error) {
	var verifies []verify
	for _, c := range contenders {
		verify, err := c.open(is, all)
		if err != nil {
			return nil, err
		}
		verifies = append(verifies, verify)
	}
	return verifies, nil
}
