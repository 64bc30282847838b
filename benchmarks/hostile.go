package main

import (
	"fmt"
	"slices"
	"strings"
)

// What everyone takes at most. Tokens are made to fit within, so that the limits
// alone do not refuse them.
const (
	maxTokenBytes  = 16 << 10
	maxHeaderBytes = 8 << 10
	maxClaimsBytes = 11_800 // of a token of 16 KiB with a common header and signature
)

// A class of bad tokens that someone might send to cost us time.
type hostile struct {
	name  string
	token string
	when  moment // when we refuse it
}

// Neither refusals beyondLimits nor afterRSA count for the dearest one before the
// signature is checked.
type moment int

const (
	beforeRSA    moment = iota
	beyondLimits        // longer than we take, so that it is refused unread
	afterRSA            // refused by the signature, or by the claims behind it
)

func hostiles(is *issuer) []hostile {
	const kib = 1 << 10
	header, claims := goodHeader(), goodClaims()
	some, many := claims.filled(claimsBytes), claims.filled(maxClaimsBytes)
	escapes := header.with("x", namesFullOfEscapes(60, 7_900))
	room := maxTokenBytes*3/4 - len(escapes.text()) - 2*keyBits/8
	object := manyMembers(nil, 60).text()
	unknown := func(x string) string { return unsigned(unknownKid().with("x", x), claims.text()) }
	full := func(open, item, closed string) string {
		return unknown(open + strings.Repeat(item, (maxHeaderBytes-len(unknownKid().with("x", open+closed).text()))/len(item)) + closed)
	}
	return []hostile{
		{"1 MiB", forge(is.token(kib * kib)), beyondLimits},
		{"`alg` HS256", unsigned(header.with("alg", `"HS256"`), some), beforeRSA},
		{"unknown `kid`", unsigned(unknownKid(), some), beforeRSA},
		{"unknown `kid`, 16 KiB", unsigned(unknownKid(), many), beforeRSA},
		{"signature cut by a byte, 16 KiB", withoutLastByte(unsigned(header, many)), beforeRSA},
		{"forged signature", forge(is.token(claimsBytes)), afterRSA},
		{"header nested 3,900 deep", unknown(nested(3_900)), beforeRSA},
		{"header with 900 members", unsigned(manyMembers(unknownKid(), 900), claims.text()), beforeRSA},
		{"header with a number of 8,000 digits", unknown(strings.Repeat("1", 8_000)), beforeRSA},
		{"header full of escapes", full(`"`, `\u0041`, `"`), beforeRSA},
		{"header full of small objects", full(`[{"a":0}`, `,{"a":0}`, `]`), beforeRSA},
		{"header full of objects with 60 members", full("["+object, ","+object, "]"), beforeRSA},
		{"header with 60 names full of escapes", unknown(namesFullOfEscapes(60, 7_900)), beforeRSA},
		{"the same, up to 16 KiB, signature cut by a byte", withoutLastByte(unsigned(escapes, claims.filled(room))), beforeRSA},
		{"claims nested 5,700 deep, forged", unsigned(header, claims.with("x", nested(5_700)).text()), afterRSA},
		{"claims nested 5,700 deep, signed", is.sign(header.text(), claims.with("x", nested(5_700)).text()), afterRSA},
		{"claims with 1,100 members, signed", is.sign(header.text(), manyMembers(claims, 1_100).text()), afterRSA},
		{"`exp` of 11,000 digits, signed", is.sign(header.text(), claims.with("exp", strings.Repeat("9", 11_000)).text()), afterRSA},
	}
}

// unsigned returns a token as someone without the key would make it.
func unsigned(header members, claims string) string {
	return forge(encode(header.text()) + "." + encode(claims) + ".")
}

func unknownKid() members { return goodHeader().with("kid", `"2020-01"`) }

// withoutLastByte shortens the signature of 256 bytes, which has 342 characters, to
// 255 bytes in 340.
func withoutLastByte(token string) string { return token[:len(token)-2] }

func manyMembers(m members, count int) members {
	m = slices.Clone(m)
	for i := range count {
		m = append(m, member{fmt.Sprintf("%03x", i), "0"})
	}
	return m
}

// namesFullOfEscapes is an object of about the given number of bytes whose names have
// to be decoded before they can be compared.
func namesFullOfEscapes(count, bytes int) string {
	const escape = `\u0041`
	var list []string
	for i := range count {
		escapes := strings.Repeat(escape, (bytes/count-len(`"00":0,`))/len(escape))
		list = append(list, fmt.Sprintf(`"%s%02d":0`, escapes, i))
	}
	return "{" + strings.Join(list, ",") + "}"
}

// A refusal is what the contenders do with one bad token.
type refusal struct {
	hostile
	accepted []bool
	floors   []float64
}

func measureHostile(is *issuer, e effort) []refusal {
	verifies := openAll(is, true)
	good := is.token(claimsBytes)
	for _, verify := range verifies { // all keys are there before the first bad token
		must(verify(good))
	}
	var rows []refusal
	for _, class := range hostiles(is) {
		row := refusal{hostile: class}
		loads := []load{{name: "floor", call: floor(is, good)}}
		for i, verify := range verifies {
			_, err := verify(class.token)
			row.accepted = append(row.accepted, err == nil)
			loads = append(loads, load{name: contenders[i].name, call: judging(verify, class.token), refuses: err != nil})
		}
		all := e.run(loads...)
		for _, samples := range all[1:] {
			row.floors = append(row.floors, samples.over(all[0]))
		}
		rows = append(rows, row)
	}
	return rows
}

// dearest returns the class of tokens within the limits that is dearest for us to
// refuse before the signature is checked.
func dearest(rows []refusal) (class hostile) {
	most := 0.0
	for _, row := range rows {
		if own := row.floors[index(ours)]; row.when == beforeRSA && own > most {
			class, most = row.hostile, own
		}
	}
	return class
}

func hostileTable(rows []refusal, floor float64) string {
	cells := [][]string{append([]string{"token"}, names()...)}
	for _, row := range rows {
		line := []string{row.name}
		for i, floors := range row.floors {
			line = append(line, micros(floors*floor)+map[bool]string{true: ", takes it"}[row.accepted[i]])
		}
		cells = append(cells, line)
	}
	return table(cells)
}
