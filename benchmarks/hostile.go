package main

import (
	"fmt"
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
	token func(is *issuer) string

	// Neither counts for the dearest refusal before the signature is checked.
	beyondLimits bool // longer than we take, so that it is refused unread
	afterRSA     bool // refused by the signature, or by the claims behind it
}

var hostiles = []hostile{
	{name: "1 MiB", beyondLimits: true, token: func(is *issuer) string {
		return forge(is.token(1 << 20))
	}},
	{name: "`alg` HS256", token: func(is *issuer) string {
		return unsigned(goodHeader().with("alg", `"HS256"`).text(), goodClaims().filled(claimsBytes))
	}},
	{name: "unknown `kid`", token: func(is *issuer) string {
		return unsigned(unknownKid().text(), goodClaims().filled(claimsBytes))
	}},
	{name: "unknown `kid`, 16 KiB", token: func(is *issuer) string {
		return unsigned(unknownKid().text(), goodClaims().filled(maxClaimsBytes))
	}},
	{name: "signature cut by a byte, 16 KiB", token: func(is *issuer) string {
		return withoutLastByte(unsigned(goodHeader().text(), goodClaims().filled(maxClaimsBytes)))
	}},
	{name: "forged signature", afterRSA: true, token: func(is *issuer) string {
		return forge(is.token(claimsBytes))
	}},
	{name: "header nested 3,900 deep", token: func(is *issuer) string {
		return unsigned(unknownKid().with("x", nested(3_900)).text(), goodClaims().text())
	}},
	{name: "header with 900 members", token: func(is *issuer) string {
		return unsigned(manyMembers(unknownKid(), 900).text(), goodClaims().text())
	}},
	{name: "header with a number of 8,000 digits", token: func(is *issuer) string {
		return unsigned(unknownKid().with("x", strings.Repeat("1", 8_000)).text(), goodClaims().text())
	}},
	{name: "header full of escapes", token: func(is *issuer) string {
		return unsigned(filledWith(unknownKid(), `"`, `\u0041`, `"`), goodClaims().text())
	}},
	{name: "header full of small objects", token: func(is *issuer) string {
		return unsigned(filledWith(unknownKid(), `[{"a":0}`, `,{"a":0}`, `]`), goodClaims().text())
	}},
	{name: "header full of objects with 60 members", token: func(is *issuer) string {
		return unsigned(filledWith(unknownKid(), "["+objectOf60, ","+objectOf60, "]"), goodClaims().text())
	}},
	{name: "header with 60 names full of escapes", token: func(is *issuer) string {
		return unsigned(unknownKid().with("x", namesFullOfEscapes(60, 7_900)).text(), goodClaims().text())
	}},
	{name: "the same, up to 16 KiB, signature cut by a byte", token: func(is *issuer) string {
		header := goodHeader().with("x", namesFullOfEscapes(60, 7_900)).text()
		room := maxTokenBytes*3/4 - len(header) - 2*keyBits/8
		return withoutLastByte(unsigned(header, goodClaims().filled(room)))
	}},
	{name: "claims nested 5,700 deep, forged", afterRSA: true, token: func(is *issuer) string {
		return unsigned(goodHeader().text(), goodClaims().with("x", nested(5_700)).text())
	}},
	{name: "claims nested 5,700 deep, signed", afterRSA: true, token: func(is *issuer) string {
		return is.sign(goodHeader().text(), goodClaims().with("x", nested(5_700)).text())
	}},
	{name: "claims with 1,100 members, signed", afterRSA: true, token: func(is *issuer) string {
		return is.sign(goodHeader().text(), manyMembers(goodClaims(), 1_100).text())
	}},
	{name: "`exp` of 11,000 digits, signed", afterRSA: true, token: func(is *issuer) string {
		return is.sign(goodHeader().text(), goodClaims().with("exp", strings.Repeat("9", 11_000)).text())
	}},
}

// unsigned returns a token as someone without the key would make it.
func unsigned(header, claims string) string {
	return forge(encode(header) + "." + encode(claims) + ".")
}

func unknownKid() members { return goodHeader().with("kid", `"2020-01"`) }

// withoutLastByte shortens the signature of 256 bytes, which has 342 characters, to
// 255 bytes in 340.
func withoutLastByte(token string) string { return token[:len(token)-2] }

func manyMembers(m members, count int) members {
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

// filledWith adds a member whose value is repeated up to the size of a header.
func filledWith(m members, open, item, closed string) string {
	room := maxHeaderBytes - len(m.with("x", open+closed).text())
	return m.with("x", open+strings.Repeat(item, room/len(item))+closed).text()
}

var objectOf60 = manyMembers(nil, 60).text()

// A refusal is what one contender does with one bad token.
type refusal struct {
	accepted bool
	crash    any // what it panicked with
	floors   float64
}

// measureHostile has a row for each class, in it a refusal by each contender.
func measureHostile(is *issuer, e effort) ([][]refusal, error) {
	verifies, err := openAll(is, true)
	if err != nil {
		return nil, err
	}
	good := is.token(claimsBytes)
	for i, verify := range verifies { // all keys are there before the first bad token
		if _, err := verify(good); err != nil {
			return nil, fmt.Errorf("%s: %w", contenders[i].name, err)
		}
	}
	var rows [][]refusal
	for _, class := range hostiles {
		token := class.token(is)
		row := make([]refusal, len(verifies))
		loads := []load{{name: "floor", call: floor(is, good)}}
		var measured []int
		for i, verify := range verifies {
			accepted, crash := try(verify, token)
			row[i] = refusal{accepted: accepted, crash: crash}
			if crash == nil {
				loads = append(loads, load{name: contenders[i].name, call: judging(verify, token), refuses: !accepted})
				measured = append(measured, i)
			}
		}
		all, err := e.run(loads...)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", class.name, err)
		}
		for j, i := range measured {
			row[i].floors = all[1+j].over(all[0])
		}
		rows = append(rows, row)
	}
	return rows, nil
}

func try(verify verify, token string) (accepted bool, crash any) {
	defer func() { crash = recover() }()
	_, err := verify(token)
	return err == nil, nil
}

// dearest returns the class of tokens within the limits that is dearest for us to
// refuse before the signature is checked.
func dearest(rows [][]refusal) (class hostile) {
	most := 0.0
	for i, row := range rows {
		if own := row[index(ours)]; !hostiles[i].beyondLimits && !hostiles[i].afterRSA && own.floors > most {
			class, most = hostiles[i], own.floors
		}
	}
	return class
}
