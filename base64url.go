package jwtverify

import (
	"fmt"
	"strings"
)

// base64urlValue maps a character of the URL-safe alphabet (RFC 4648,
// section 5) to its six bits, and every other byte to 0xff.
//
// encoding/base64 is not used here: even its strict decoder skips CR and LF,
// so that one token could be written in many ways, and it takes twice as long.
var base64urlValue = func() (table [256]byte) {
	for i := range table {
		table[i] = 0xff
	}
	for i, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_" {
		table[c] = byte(i)
	}
	return table
}()

// appendBase64URL appends the bytes that s encodes to dst. There is exactly one
// text for any bytes: no padding, no white space, no stray bits at the end
// (RFC 7515, section 2; RFC 4648, section 3.5).
func appendBase64URL(dst []byte, s string) ([]byte, error) {
	i := 0
	for ; i+4 <= len(s); i += 4 {
		a, b, c, d := base64urlValue[s[i]], base64urlValue[s[i+1]], base64urlValue[s[i+2]], base64urlValue[s[i+3]]
		if a|b|c|d > 63 {
			return nil, badBase64URL(s)
		}
		dst = append(dst, a<<2|b>>4, b<<4|c>>2, c<<6|d)
	}
	switch rest := s[i:]; len(rest) {
	case 0:
		return dst, nil
	case 2:
		a, b := base64urlValue[rest[0]], base64urlValue[rest[1]]
		if a|b > 63 || b&0x0f != 0 {
			return nil, badBase64URL(s)
		}
		return append(dst, a<<2|b>>4), nil
	case 3:
		a, b, c := base64urlValue[rest[0]], base64urlValue[rest[1]], base64urlValue[rest[2]]
		if a|b|c > 63 || c&0x03 != 0 {
			return nil, badBase64URL(s)
		}
		return append(dst, a<<2|b>>4, b<<4|c>>2), nil
	default:
		return nil, badBase64URL(s)
	}
}

// base64URLString is appendBase64URL for a result that is kept as a string: the
// chunks save a second allocation of its size.
func base64URLString(s string) (string, error) {
	var out strings.Builder
	out.Grow(len(s) * 3 / 4)
	var chunk [384]byte
	for rest := s; rest != ""; {
		n := min(len(rest), len(chunk)/3*4)
		part, err := appendBase64URL(chunk[:0], rest[:n])
		if err != nil {
			return "", badBase64URL(s)
		}
		out.Write(part)
		rest = rest[n:]
	}
	return out.String(), nil
}

// badBase64URL says why s is refused, without showing it: it may be part of a
// token.
func badBase64URL(s string) error {
	bad := func(found, want string) error { return &mismatch{"token-base64", found, want} }
	for i := range len(s) {
		if base64urlValue[s[i]] <= 63 {
			continue
		}
		switch s[i] {
		case '=':
			return bad(fmt.Sprintf("has padding (=) at byte %d", i), "base64url without padding")
		case '+', '/':
			return bad(fmt.Sprintf("has %q at byte %d", s[i], i), "base64url, which has - and _ instead")
		default:
			return bad(fmt.Sprintf("has the byte %q at byte %d", s[i:i+1], i), "base64url (A-Z a-z 0-9 - _)")
		}
	}
	if len(s)%4 == 1 {
		return bad(fmt.Sprintf("has %d characters, which no base64url text has: it was cut off or joined", len(s)), "")
	}
	return bad("has stray bits in its last character", "canonical base64url")
}
