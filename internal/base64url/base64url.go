// Package base64url decodes base64url without padding (RFC 4648, section 5) as RFC 7515
// requires. It accepts exactly one text for any bytes: no padding, no white space, no
// stray bits at the end.
//
// encoding/base64 is not used: even its strict decoder skips CR and LF, so that a
// token could be written in many ways. It also takes twice as long.
package base64url

import (
	"fmt"
	"strings"

	"example.com/jwtverify/internal/quote"
)

// An Error says what was found, without showing the text, which may be part of a token.
type Error struct{ Found, Want string }

func (e *Error) Error() string {
	if e.Want == "" {
		return e.Found
	}
	return e.Found + ", want " + e.Want
}

// values maps a character of the URL-safe alphabet (RFC 4648, section 5) to its
// six bits, and every other byte to notInAlphabet. There is a table for each of the four
// characters that make three bytes, with the bits where they belong in a 24-bit number.
var values = func() (tables [4][256]uint32) {
	for place := range tables {
		for i := range tables[place] {
			tables[place][i] = notInAlphabet
		}
		for i, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_" {
			tables[place][c] = uint32(i) << (18 - 6*place)
		}
	}
	return tables
}()

const notInAlphabet = 1 << 24

// Append appends the bytes that s encodes to dst (RFC 7515, section 2; RFC 4648, section
// 3.5). The error is an [*Error].
func Append(dst []byte, s string) ([]byte, error) {
	first, second, third, fourth := &values[0], &values[1], &values[2], &values[3]
	rest := s
	for ; len(rest) >= 8; rest = rest[8:] {
		n := first[rest[0]] | second[rest[1]] | third[rest[2]] | fourth[rest[3]]
		m := first[rest[4]] | second[rest[5]] | third[rest[6]] | fourth[rest[7]]
		if n|m >= notInAlphabet {
			return nil, flawOf(s)
		}
		dst = append(dst, byte(n>>16), byte(n>>8), byte(n), byte(m>>16), byte(m>>8), byte(m))
	}
	if len(rest) >= 4 {
		n := first[rest[0]] | second[rest[1]] | third[rest[2]] | fourth[rest[3]]
		if n >= notInAlphabet {
			return nil, flawOf(s)
		}
		dst = append(dst, byte(n>>16), byte(n>>8), byte(n))
		rest = rest[4:]
	}
	switch len(rest) {
	case 0:
		return dst, nil
	case 2:
		n := first[rest[0]] | second[rest[1]]
		if n >= notInAlphabet || n&0xffff != 0 {
			return nil, flawOf(s)
		}
		return append(dst, byte(n>>16)), nil
	case 3:
		n := first[rest[0]] | second[rest[1]] | third[rest[2]]
		if n >= notInAlphabet || n&0xff != 0 {
			return nil, flawOf(s)
		}
		return append(dst, byte(n>>16), byte(n>>8)), nil
	default:
		return nil, flawOf(s)
	}
}

// Check returns the error of Append without decoding, for a text that may not be
// needed.
func Check(s string) error {
	table := &values[3]
	all := uint32(0)
	rest := s
	for ; len(rest) >= 16; rest = rest[16:] {
		all |= table[rest[0]] | table[rest[1]] | table[rest[2]] | table[rest[3]] |
			table[rest[4]] | table[rest[5]] | table[rest[6]] | table[rest[7]] |
			table[rest[8]] | table[rest[9]] | table[rest[10]] | table[rest[11]] |
			table[rest[12]] | table[rest[13]] | table[rest[14]] | table[rest[15]]
	}
	for i := range len(rest) {
		all |= table[rest[i]]
	}
	last := s[len(s)-len(s)%4:]
	if all >= notInAlphabet || len(last) == 1 {
		return flawOf(s)
	}
	_, err := Append(make([]byte, 0, 2), last)
	if err != nil {
		return flawOf(s)
	}
	return nil
}

// String is Append for a result that is kept as a string. Decoding in chunks saves
// a second allocation of that size.
func String(s string) (string, error) {
	var out strings.Builder
	out.Grow(len(s) * 3 / 4)
	var chunk [384]byte
	for rest := s; rest != ""; {
		n := min(len(rest), len(chunk)/3*4)
		part, err := Append(chunk[:0], rest[:n])
		if err != nil {
			return "", flawOf(s)
		}
		out.Write(part)
		rest = rest[n:]
	}
	return out.String(), nil
}

// flawOf says why s is refused.
func flawOf(s string) error {
	bad := func(found, want string) error { return &Error{found, want} }
	for i := range len(s) {
		if values[0][s[i]] != notInAlphabet {
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
		return bad(fmt.Sprintf("has %s, which no base64url text has: it was cut off or joined", quote.Count(len(s), "character")), "")
	}
	return bad("has stray bits in its last character", "canonical base64url")
}
