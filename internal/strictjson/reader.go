// Package strictjson reads JSON (RFC 8259) once, from front to back. It is stricter than
// encoding/json, since attackers exploit differences between two readers. Names are
// compared exactly, a duplicate member is an error, invalid UTF-8 or a lone surrogate is
// an error and not replaced by U+FFFD, and nothing may follow the value.
//
//	var r strictjson.Reader
//	r.Begin(text, limits)
//	for name := range r.Object {
//		switch name {
//		case "sub":
//			subject, err = r.String(name)
//		default:
//			r.Skip()
//		}
//	}
//	err := r.End()
package strictjson

import (
	"fmt"
	"hash/maphash"
	"math/bits"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"example.com/jwtverify/internal/quote"
)

// Limits bound the work that a hostile text can cause.
type Limits struct {
	Depth   int // nested objects and arrays
	Members int // of one object
	Total   int // members and elements of all objects and arrays together; 0: no limit
}

// Usual are the limits for claims, key sets and metadata. Real ones are far below.
var Usual = Limits{Depth: MaxDepth, Members: MaxMembers}

const (
	MaxDepth   = 16
	MaxMembers = 1_000
)

// An Error says what was found in place of what was wanted.
type Error struct {
	Kind        Kind
	Found, Want string
}

// A Kind is what an Error is about.
type Kind int

const (
	Syntax Kind = iota // RFC 8259, UTF-8, a duplicate member
	Limit              // one of the Limits
	Type               // a value of another type than wanted
)

func (e *Error) Error() string {
	if e.Want == "" {
		return e.Found
	}
	return e.Found + ", want " + e.Want
}

// A Reader reads one JSON text.
//
// The body of a loop over Object or Array reads exactly one value. The first
// violation of the grammar or of a limit stops all reading; End reports it.
type Reader struct {
	text   string
	pos    int
	depth  int
	inAll  int // members and elements begun so far
	limits Limits

	// err is the first error after which nothing can be read; text is then empty.
	err error
	// flaw is the first error after which the text can still be read: a
	// duplicate member, a lone surrogate. What was read must not be used, but a
	// key set goes on with its next key.
	flaw error

	// The names of the objects that are open, the innermost last, with their
	// marks. Those of an object that outgrows its share are in large.
	names [openNames]string
	marks [openNames]uint32
	open  int
	large nameTable
}

// nameSeed makes the hashes of names unpredictable, so that nobody can choose names
// that collide.
var nameSeed = maphash.MakeSeed()

const (
	openNames   = 48 // names of small open objects, all levels together
	smallObject = 32 // up to here, comparing marks one by one is fast, and names that share one too
)

// Begin initialises a reader in place, which is too large to be copied for each token.
func (r *Reader) Begin(text string, limits Limits) {
	r.text, r.limits = text, limits
	switch {
	case strings.HasPrefix(text, "\ufeff"):
		r.stop(&Error{Syntax, "starts with a byte order mark", "none"})
	case !utf8.ValidString(text):
		r.stop(&Error{Syntax, "is not valid UTF-8", ""})
	}
}

// Object reads an object and yields the name of each member; the loop's body
// reads the value.
func (r *Reader) Object(yield func(name string) bool) {
	if !r.enter('{') {
		return
	}
	small, large := r.open, len(r.large.names)
	isLarge := false
	for count := 0; r.next('}', count); count++ {
		if count == r.limits.Members {
			r.stop(&Error{Limit, fmt.Sprintf("has an object with more than %d members", r.limits.Members), ""})
			return
		}
		if r.Kind() != '"' {
			r.fail("a member name in quotes")
			return
		}
		name := r.rawString(true)
		if r.err != nil {
			return
		}
		if !isLarge && (count == smallObject || r.open == openNames) {
			isLarge = true
			for i := small; i < r.open; i++ {
				r.large.add(r.names[i], large)
			}
			r.open = small
		}
		if isLarge && !r.large.add(name, large) || !isLarge && !r.addSmall(name, small) {
			if r.flaw == nil {
				r.flaw = &Error{Syntax, "has the member " + quote.Text(name, 64) + " twice", ""}
			}
		}
		if r.space() != ':' {
			r.fail("a colon")
			return
		}
		r.pos++
		if !yield(name) || r.err != nil {
			return
		}
	}
	r.open = small
	r.large.cut(large)
}

// addSmall adds a name to the innermost object, whose names begin at base, and
// reports whether it is new there.
func (r *Reader) addSmall(name string, base int) bool {
	mark := uint32(len(name)) << 16
	if name != "" {
		mark |= uint32(name[0])<<8 | uint32(name[len(name)-1])
	}
	for i, m := range r.marks[base:r.open] {
		if m == mark && r.names[base+i] == name {
			return false
		}
	}
	r.names[r.open], r.marks[r.open] = name, mark
	r.open++
	return true
}

// A nameTable is a hash table for the names of large objects, so that finding a
// name takes constant time whatever the names are (their hash is seeded). Objects
// close in the reverse order of opening; their names leave in that order too, which
// keeps linear probing sound without tombstones.
type nameTable struct {
	names []nameEntry
	slots []uint32 // index into names plus one; 0 is free; at most half are used
}

type nameEntry struct {
	name string
	hash uint64
	slot uint32
}

// add adds a name to the innermost object, whose names begin at base, and reports
// whether it is new there.
func (t *nameTable) add(name string, base int) bool {
	hash := maphash.String(nameSeed, name)
	hash += uint64(base) * 0x9e3779b97f4a7c15 // so that objects with the same names don't collide
	if 2*len(t.names) >= len(t.slots) {
		t.slots = make([]uint32, max(256, 4*len(t.slots)))
		for i, entry := range t.names {
			t.names[i].slot = t.free(entry.hash)
			t.slots[t.names[i].slot] = uint32(i + 1)
		}
	}
	mask := uint32(len(t.slots) - 1)
	slot := uint32(hash) & mask
	for ; t.slots[slot] != 0; slot = (slot + 1) & mask {
		if i := int(t.slots[slot]) - 1; i >= base && t.names[i].name == name {
			return false
		}
	}
	t.names = append(t.names, nameEntry{name, hash, slot})
	t.slots[slot] = uint32(len(t.names))
	return true
}

func (t *nameTable) free(hash uint64) uint32 {
	mask := uint32(len(t.slots) - 1)
	slot := uint32(hash) & mask
	for t.slots[slot] != 0 {
		slot = (slot + 1) & mask
	}
	return slot
}

// cut removes the names from base on.
func (t *nameTable) cut(base int) {
	for _, entry := range t.names[base:] {
		t.slots[entry.slot] = 0
	}
	t.names = t.names[:base]
}

// Array reads an array and yields the index of each element; the loop's body
// reads the element.
func (r *Reader) Array(yield func(index int) bool) {
	if !r.enter('[') {
		return
	}
	for count := 0; r.next(']', count); count++ {
		if !yield(count) || r.err != nil {
			return
		}
	}
}

// enter reads the opening bracket of an object or array.
func (r *Reader) enter(bracket byte) bool {
	if r.Kind() != bracket {
		if bracket == '{' {
			r.fail("an object")
		} else {
			r.fail("an array")
		}
		return false
	}
	if r.depth == r.limits.Depth {
		r.stop(&Error{Limit, fmt.Sprintf("is nested more than %d deep", r.limits.Depth), ""})
		return false
	}
	r.depth++
	r.pos++
	return true
}

// next moves to the next of count+1 members or elements, or behind the closing
// bracket.
func (r *Reader) next(bracket byte, count int) bool {
	c := r.space()
	switch {
	case c == bracket:
		r.depth--
		r.pos++
		return false
	case c == ',' && count > 0:
		r.pos++
		return r.another()
	case count == 0 && r.err == nil:
		return r.another()
	}
	if bracket == '}' {
		r.fail("a comma or }")
	} else {
		r.fail("a comma or ]")
	}
	return false
}

// another counts one more member or element.
func (r *Reader) another() bool {
	if r.inAll++; r.inAll == r.limits.Total+1 && r.limits.Total > 0 {
		r.stop(&Error{Limit, fmt.Sprintf("has more than %d members and array elements", r.limits.Total), ""})
	}
	return r.err == nil
}

// Kind returns the first byte of the next value: { [ " t f n, or 0 for every
// number. If it is none of these, it returns the byte that is there.
func (r *Reader) Kind() byte {
	c := r.space()
	if c == '-' || '0' <= c && c <= '9' {
		return '0'
	}
	return c
}

// IsEmpty reports whether the next value is null, "" or an empty array. It does not
// read it.
func (r *Reader) IsEmpty() bool {
	c, rest := r.Kind(), r.text[r.pos:]
	if c == '[' {
		return strings.HasPrefix(strings.TrimLeft(rest[1:], " \t\r\n"), "]")
	}
	return strings.HasPrefix(rest, `""`) || strings.HasPrefix(rest, "null")
}

// String reads a string. The error is about the type of the value, which is
// skipped; it names the member.
func (r *Reader) String(name string) (string, error) {
	if r.Kind() != '"' {
		return "", r.WrongType(name, "a string")
	}
	return r.rawString(true), nil
}

// Number reads a number and returns its text, which follows the grammar of
// RFC 8259, section 6.
func (r *Reader) Number(name string) (string, error) {
	if r.Kind() != '0' {
		return "", r.WrongType(name, "a number")
	}
	start, text := r.pos, r.text
	r.skipNumber()
	if r.err != nil {
		return "", nil
	}
	return text[start:r.pos], nil
}

// WrongType skips the value of a member and says what it is instead of want.
func (r *Reader) WrongType(name, want string) error {
	found := r.TypeName()
	r.Skip()
	return &Error{Type, fmt.Sprintf("%q is %s", name, found), want}
}

// TypeName names the type of the next value, for messages.
func (r *Reader) TypeName() string {
	switch r.Kind() {
	case '{':
		return "an object"
	case '[':
		return "an array"
	case '"':
		return "a string"
	case '0':
		return "a number"
	case 't', 'f':
		return "true or false"
	case 'n':
		return "null"
	default:
		return "no JSON value"
	}
}

// Skip reads a value of any type, as strictly as all others.
func (r *Reader) Skip() {
	switch r.Kind() {
	case '{':
		for range r.Object {
			r.Skip()
		}
	case '[':
		if r.enter('[') { // the same as range r.Array, in half the time
			for count := 0; r.next(']', count); count++ {
				r.Skip()
			}
		}
	case '"':
		r.rawString(false)
	case '0':
		r.skipNumber()
	case 't':
		r.literal("true")
	case 'f':
		r.literal("false")
	case 'n':
		r.literal("null")
	default:
		r.fail("a value")
	}
}

// End returns the first error of the whole text, which must have been read to its end.
func (r *Reader) End() error {
	if r.err == nil {
		if r.space(); r.pos < len(r.text) {
			r.fail("the end")
		}
	}
	if r.err != nil {
		return r.err
	}
	return r.flaw
}

// Contained lets read read a value and returns the flaws of that value, which End then
// does not return. After an error of the grammar or of a limit nothing more can be read,
// and End returns it.
func (r *Reader) Contained(read func()) error {
	outer := r.flaw
	r.flaw = nil
	read()
	inner := r.flaw
	r.flaw = outer
	return inner
}

// Broken reports whether nothing more can be read.
func (r *Reader) Broken() bool { return r.err != nil }

// space skips white space and returns the byte after it, or 0 at the end.
func (r *Reader) space() byte {
	if r.pos < len(r.text) && r.text[r.pos] > ' ' {
		return r.text[r.pos]
	}
	return r.skipSpace()
}

func (r *Reader) skipSpace() byte {
	for ; r.pos < len(r.text); r.pos++ {
		switch c := r.text[r.pos]; c {
		case ' ', '\t', '\n', '\r':
		default:
			return c
		}
	}
	return 0
}

func (r *Reader) literal(word string) {
	if !strings.HasPrefix(r.text[r.pos:], word) {
		r.fail(word)
		return
	}
	r.pos += len(word)
}

func (r *Reader) skipNumber() {
	if r.text[r.pos] == '-' {
		r.pos++
	}
	if r.peek() == '0' {
		r.pos++ // nothing but a point or an exponent may follow a leading zero
	} else if !r.skipDigits() {
		return
	}
	c := r.peek()
	if c == '.' {
		r.pos++
		if !r.skipDigits() {
			return
		}
		c = r.peek()
	}
	if c == 'e' || c == 'E' {
		r.pos++
		if c := r.peek(); c == '+' || c == '-' {
			r.pos++
		}
		r.skipDigits()
	}
}

func (r *Reader) skipDigits() bool {
	i := r.pos
	for i < len(r.text) && '0' <= r.text[i] && r.text[i] <= '9' {
		i++
	}
	found := i > r.pos
	if r.pos = i; !found {
		r.fail("a digit")
	}
	return found
}

func (r *Reader) peek() byte {
	if r.pos < len(r.text) {
		return r.text[r.pos]
	}
	return 0
}

// rawString reads the string whose opening quote is next. The result shares the
// memory of the text unless an escape has to be replaced. It is not made if it
// is not wanted.
func (r *Reader) rawString(wanted bool) string {
	start := r.pos + 1
	end := start + plainBytes(r.text[start:])
	switch {
	case end == len(r.text):
		r.pos = end
		r.fail("a closing quote")
	case r.text[end] == '"':
		r.pos = end + 1
		return r.text[start:end]
	case r.text[end] == '\\':
		return r.escapedString(start, end, wanted)
	default:
		r.pos = end
		r.fail("a string without control characters")
	}
	return ""
}

// plainBytes counts the bytes at the start of s that stand for themselves in a
// string: up to a quote, a backslash or a control character.
func plainBytes(s string) int {
	// Eight at a time. The lowest of the bits found is right; those above it may have got
	// there by a borrow.
	const each, high = 0x0101010101010101, 0x8080808080808080
	i := 0
	for ; len(s)-i >= 8; i += 8 {
		c := s[i : i+8]
		word := uint64(c[0]) | uint64(c[1])<<8 | uint64(c[2])<<16 | uint64(c[3])<<24 |
			uint64(c[4])<<32 | uint64(c[5])<<40 | uint64(c[6])<<48 | uint64(c[7])<<56
		quote, slash := word^'"'*each, word^'\\'*each
		if found := ((word-' '*each)&^word | (quote-each)&^quote | (slash-each)&^slash) & high; found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
	}
	for ; i < len(s) && s[i] != '"' && s[i] != '\\' && s[i] >= ' '; i++ {
	}
	return i
}

// escapedString is rawString from the first escape on.
func (r *Reader) escapedString(start, pos int, wanted bool) string {
	var out []byte
	if wanted {
		var small [64]byte
		out = append(small[:0], r.text[start:pos]...)
	}
	r.pos = pos
	for r.pos < len(r.text) {
		c := r.text[r.pos]
		switch {
		case c == '"':
			r.pos++
			return string(out)
		case c < 0x20:
			r.fail("a string without control characters")
			return ""
		case c != '\\':
			r.pos++
			if wanted {
				out = append(out, c)
			}
			continue
		}
		char, ok := r.escape()
		if !ok {
			return ""
		}
		if wanted {
			out = utf8.AppendRune(out, char)
		}
	}
	r.fail("a closing quote")
	return ""
}

// escape reads one escape sequence, or two that make a surrogate pair.
func (r *Reader) escape() (rune, bool) {
	r.pos++
	c := r.peek()
	switch c {
	case '"', '\\', '/':
	case 'b':
		c = '\b'
	case 'f':
		c = '\f'
	case 'n':
		c = '\n'
	case 'r':
		c = '\r'
	case 't':
		c = '\t'
	case 'u':
		r.pos++
		return r.unicodeEscape()
	default:
		r.fail(`an escape (\" \\ \/ \b \f \n \r \t \u)`)
		return 0, false
	}
	r.pos++
	return rune(c), true
}

// unicodeEscape is escape behind \u.
func (r *Reader) unicodeEscape() (rune, bool) {
	char, ok := r.hex4()
	if !ok || !utf16.IsSurrogate(char) {
		return char, ok
	}
	if strings.HasPrefix(r.text[r.pos:], `\u`) {
		before := r.pos
		r.pos += 2
		second, ok := r.hex4()
		if !ok {
			return 0, false
		}
		if pair := utf16.DecodeRune(char, second); pair != utf8.RuneError {
			return pair, true
		}
		r.pos = before
	}
	if r.flaw == nil {
		r.flaw = &Error{Syntax, fmt.Sprintf("has half a surrogate pair (\\u%04x) before byte %d", char, r.pos), ""}
	}
	return utf8.RuneError, true
}

// hexValue maps a hexadecimal digit to its value, and every other byte to notHex.
var hexValue = func() (table [256]uint16) {
	for i := range table {
		table[i] = notHex
	}
	for i, c := range "0123456789abcdef" {
		table[c] = uint16(i)
	}
	for i, c := range "ABCDEF" {
		table[c] = uint16(10 + i)
	}
	return table
}()

const notHex = 0xffff

func (r *Reader) hex4() (rune, bool) {
	rest := r.text[r.pos:]
	if len(rest) >= 4 {
		a, b, c, d := hexValue[rest[0]], hexValue[rest[1]], hexValue[rest[2]], hexValue[rest[3]]
		if a|b|c|d != notHex {
			r.pos += 4
			return rune(a<<12 | b<<8 | c<<4 | d), true
		}
	}
	for r.pos < len(r.text) && hexValue[r.text[r.pos]] != notHex {
		r.pos++
	}
	r.fail("four hexadecimal digits")
	return 0, false
}

// fail records what is at the reading position instead of want.
func (r *Reader) fail(want string) {
	if r.err != nil {
		return
	}
	if r.pos >= len(r.text) {
		r.stop(&Error{Syntax, fmt.Sprintf("is not valid JSON: it ends at byte %d", len(r.text)), want})
		return
	}
	found, _ := utf8.DecodeRuneInString(r.text[r.pos:])
	r.stop(&Error{Syntax, fmt.Sprintf("is not valid JSON: found %s at byte %d", quote.Text(string(found), 8), r.pos), want})
}

// stop ends all reading.
func (r *Reader) stop(err error) {
	r.err = err
	r.text, r.pos = "", 0
}
