package conformance_test

import (
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"
)

// What is judged otherwise here than by all of the peers. All that is known and meant
// stands in two tables, each row with the section by which it is meant, and is
// recognised by what the token and the set are, never by an error text. Every other
// difference fails the test that finds it.

// A strictness is a kind of token or key set that is refused here and accepted there.
type strictness struct {
	name, section string
	ours          []class // our answers, one of which it must be
	shownBy       []byte  // a recipe of a sample that shows it
	applies       func(v *view) bool
}

var stricterHere = []strictness{
	{name: "a character outside base64url, padding or a line end in a segment", section: "RFC 7515, section 2", ours: []class{malformed},
		shownBy: []byte{0, 0, 0, 0, 176},
		applies: func(v *view) bool { return strings.Trim(v.token, base64url+".") != "" }},
	{name: "stray bits at the end of a segment", section: "RFC 4648, section 3.5", ours: []class{malformed},
		shownBy: []byte{0, 0, 0, 0, 173},
		applies: func(v *view) bool { return slices.ContainsFunc(v.segments, hasStrayBits) }},
	{name: "a token of more than 16 KiB", section: "RFC 8725, section 3.11 and RFC 8259, section 9: limits", ours: []class{malformed},
		shownBy: []byte{0, 0, 0, 0, 0, 4, 0, 128},
		applies: func(v *view) bool { return len(v.token) > 16<<10 }},

	{name: "crit in the header", section: "RFC 7515, section 4.1.11", ours: []class{unsupported},
		shownBy: []byte{0, 0, 0, 0, 0, 0, 0, 33},
		applies: func(v *view) bool { return v.header.has("crit") }},
	{name: "typ of another kind of token", section: "RFC 8725, section 3.11", ours: []class{unsupported},
		shownBy: []byte{0, 0, 0, 0, 0, 0, 0, 25},
		applies: func(v *view) bool { return v.header.isText("typ") && !slices.Contains(jwtTypes, v.bareType()) }},
	{name: "typ or kid is no string", section: "RFC 7515, sections 4.1.4 and 4.1.9", ours: []class{malformed},
		shownBy: []byte{0, 0, 0, 0, 0, 0, 0, 28},
		applies: func(v *view) bool {
			return v.header.has("typ") && !v.header.isText("typ") || v.header.has("kid") && !v.header.isText("kid")
		}},
	{name: "a header of more than 8 KiB, 64 members and elements, or 4 levels", section: "RFC 8259, section 9: limits", ours: []class{malformed},
		shownBy: []byte{0, 0, 0, 0, 0, 0, 0, 61},
		applies: func(v *view) bool {
			header := shapeOf(v.headerText)
			return len(v.headerText) > 8<<10 || header.depth > 4 || header.inAll > 64
		}},
	{name: "a header in invalid UTF-8, or with half a surrogate pair", section: "RFC 8259, sections 8.1 and 8.2", ours: []class{malformed},
		shownBy: []byte{0, 0, 0, 0, 0, 0, 0, 57},
		applies: func(v *view) bool { return badText(v.headerText) }},
	{name: "a kid of more than 256 bytes", section: "RFC 8259, section 9: limits", ours: []class{malformed, keysUnavailable, unknownKey},
		shownBy: []byte{0, 0, 0, 0, 0, 8, 2, 35, 0, 2, 20},
		applies: func(v *view) bool {
			return len(v.header.text("kid")) > 256 || v.needsKey(func(k object) bool { return len(k.text("kid")) > 256 })
		}},

	{name: "a member twice in the claims", section: "RFC 7519, section 4", ours: []class{malformed},
		shownBy: []byte{0, 0, 0, 0, 0, 4, 0, 116},
		applies: func(v *view) bool { return shapeOf(v.claimsText).twice }},
	{name: "claims in invalid UTF-8, or with half a surrogate pair", section: "RFC 8259, sections 8.1 and 8.2", ours: []class{malformed},
		shownBy: []byte{0, 0, 0, 0, 0, 4, 0, 97},
		applies: func(v *view) bool { return badText(v.claimsText) }},
	{name: "claims deeper than 16 levels or with more than 1,000 members", section: "RFC 8259, section 9: limits", ours: []class{malformed},
		shownBy: []byte{0, 0, 0, 0, 0, 4, 0, 123},
		applies: func(v *view) bool { return shapeOf(v.claimsText).exceeds(16, 1000) }},
	{name: "a name that equals a claim but for its case", section: "RFC 7515, section 5.3 and RFC 7519, section 10.1.1", ours: []class{malformed},
		shownBy: []byte{0, 0, 0, 0, 0, 4, 0, 8},
		applies: func(v *view) bool {
			return slices.ContainsFunc(v.claims, func(m member) bool {
				return slices.ContainsFunc(claimNames, func(name string) bool { return m.name != name && strings.EqualFold(m.name, name) })
			})
		}},
	{name: "a claim of the wrong type, null among them", section: "RFC 7519, section 4.1", ours: []class{malformed},
		shownBy: []byte{0, 0, 0, 0, 0, 4, 0, 94},
		applies: func(v *view) bool { return slices.ContainsFunc(v.claims, hasWrongType) }},
	{name: "a time beyond the year 9999", section: "RFC 7519, section 2 and RFC 3339", ours: []class{malformed},
		shownBy: []byte{0, 0, 0, 0, 0, 4, 2, 46},
		applies: func(v *view) bool {
			return slices.ContainsFunc([]string{"exp", "nbf", "iat"}, func(name string) bool {
				limit := big.NewFloat(253402300799)
				at := v.claims.number(name)
				return at != nil && (at.Cmp(limit) > 0 || at.Cmp(limit.Neg(limit)) < 0)
			})
		}},
	{name: "nbf is less than a second ahead, and is rounded there", section: "RFC 7519, section 4.1.5", ours: []class{"not_yet_valid"},
		shownBy: []byte{0, 0, 0, 0, 0, 4, 0, 66},
		applies: func(v *view) bool { return within(v.claims.number("nbf"), now, now+1) }},

	{name: "the key is not for signatures", section: "RFC 7517, sections 4.2 and 4.3", ours: noKey,
		shownBy: []byte{0, 0, 0, 0, 0, 8, 0, 19},
		applies: func(v *view) bool {
			return v.needsKey(func(k object) bool {
				return k.has("use") && k.text("use") != "sig" || k.has("key_ops") && !strings.Contains(k.raw("key_ops"), `"verify"`)
			})
		}},
	{name: "n or e that is not base64url", section: "RFC 7518, section 2", ours: noKey,
		shownBy: []byte{0, 0, 0, 0, 0, 8, 2, 41},
		applies: func(v *view) bool {
			return v.needsKey(func(k object) bool {
				return slices.ContainsFunc([]string{k.text("n"), k.text("e")}, func(text string) bool {
					text = strings.TrimRight(text, "=")
					return strings.Trim(text, base64url) != "" || hasStrayBits(text)
				})
			})
		}},
	{name: "a private member in the key", section: "RFC 7517, section 9.2 and RFC 7518, section 6.3.2", ours: noKey,
		shownBy: []byte{0, 0, 0, 0, 0, 8, 0, 69},
		applies: func(v *view) bool {
			return v.needsKey(func(k object) bool { return slices.ContainsFunc(privateMembers, k.has) })
		}},
	{name: "a key in invalid UTF-8, or with half a surrogate pair", section: "RFC 8259, sections 8.1 and 8.2", ours: noKey,
		shownBy: []byte{0, 0, 0, 0, 0, 8, 0, 87},
		applies: func(v *view) bool { return badText(v.setText) }},
	{name: "a member twice in the set", section: "RFC 7517, section 5", ours: noKey,
		shownBy: []byte{0, 0, 0, 0, 0, 8, 0, 91},
		applies: func(v *view) bool { return v.set.count("keys") > 1 || shapeOf(v.setText).twice }},
	{name: "a set deeper than 16 levels", section: "RFC 8259, section 9: limits", ours: noKey,
		shownBy: []byte{0, 0, 0, 0, 0, 8, 0, 90},
		applies: func(v *view) bool { return shapeOf(v.setText).exceeds(16, 1000) }},
}

// A tolerance is a kind of token or key set that is accepted here and refused there.
// It is recognised by taking away what the peer dislikes, and by nothing else: all the
// rest must then be good to the peer too.
type tolerance struct {
	name, section string
	shownBy       []byte // as above
	without       func(t testing.TB, s sample) sample
}

var stricterThere = []tolerance{
	{name: "a key that is unfit or unknown beside the one that is needed", section: "RFC 7517, section 5",
		shownBy: []byte{0, 0, 0, 0, 0, 11, 0, 8},
		without: func(t testing.TB, s sample) sample {
			for _, key := range elements([]byte(s.set)) {
				alone := s
				alone.set = string(joinTexts([]json.RawMessage{key}))
				if judgeSet(t, alone) == accepted {
					return alone
				}
			}
			return s
		}},
	{name: "a member of the key or the set that RS256 has no use for", section: "RFC 7517, sections 4 and 5",
		shownBy: []byte{0, 0, 0, 0, 0, 8, 0, 75},
		without: func(_ testing.TB, s sample) sample {
			keys := elements([]byte(s.set))
			for i, text := range keys {
				if key, ok := readMembers(string(text)); ok {
					keys[i] = json.RawMessage(object(key).only("kty", "kid", "n", "e").String())
				}
			}
			s.set = string(joinTexts(keys))
			return s
		}},
	{name: "a header member that is not understood", section: "RFC 7515, section 4",
		shownBy: []byte{0, 0, 0, 0, 0, 0, 0, 63},
		without: func(t testing.TB, s sample) sample {
			header, _ := readMembers(s.header)
			return s.signed(t, object(header).only("alg", "kid", "typ").String(), s.claims)
		}},
	{name: "a claim that is not understood", section: "RFC 7519, section 4",
		shownBy: []byte{0, 0, 0, 0, 0, 3, 1, 47, 5, 1, 118},
		without: func(t testing.TB, s sample) sample {
			claims, _ := readMembers(s.claims)
			return s.signed(t, s.header, object(claims).only("iss", "sub", "aud", "exp", "nbf", "iat", "jti").String())
		}},
	{name: "iat in the future", section: "RFC 7519, section 4.1.6",
		shownBy: []byte{0, 0, 0, 0, 0, 4, 2, 83, 12, 1, 79},
		without: func(t testing.TB, s sample) sample {
			claims, _ := readMembers(s.claims)
			return s.signed(t, s.header, object(claims).only("iss", "sub", "aud", "exp", "nbf", "jti").String())
		}},
	{name: "exp is less than a second ahead, and is rounded there", section: "RFC 7519, section 4.1.4",
		shownBy: []byte{0, 0, 0, 0, 0, 6, 2, 31, 1, 0, 63},
		without: func(t testing.TB, s sample) sample {
			members, _ := readMembers(s.claims)
			claims := object(members)
			if within(claims.number("exp"), now, now+1) {
				claims = append(claims.without("exp"), member{"exp", strconv.Itoa(now + 1)})
			}
			return s.signed(t, s.header, claims.String())
		}},
}

var (
	// What is said if a key is not used: there is no other, or none of its kid, or
	// another one of its kid did not make the signature.
	noKey          = []class{keysUnavailable, unknownKey, badSignature}
	jwtTypes       = []string{"jwt", "at+jwt", "jose", ""}
	claimNames     = []string{"iss", "sub", "aud", "exp", "nbf", "iat", "jti"}
	privateMembers = []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"}
)

// explain returns the names of the differences that explain our answer, none if it is
// unexplained.
func explain(t testing.TB, s sample, ours class) (names []string) {
	t.Helper()
	if ours != accepted {
		v := newView(s)
		for _, d := range stricterHere {
			if slices.Contains(d.ours, ours) && d.applies(v) {
				names = append(names, d.name)
			}
		}
		return names
	}
	for _, p := range peers {
		because := tolerated(t, s, p)
		if because == nil {
			return nil
		}
		names = append(names, because...)
	}
	return names
}

// tolerated returns the tolerances for which a peer refuses what is accepted here: the
// one that makes the difference, or all that make it together.
func tolerated(t testing.TB, s sample, p peer) (names []string) {
	t.Helper()
	good := func(s sample) bool { return p.verify([]byte(s.set), s.token) == nil }
	all := s
	for _, d := range stricterThere {
		if good(d.without(t, s)) {
			return []string{d.name}
		}
		less := d.without(t, all)
		if less.token != all.token || less.set != all.set {
			names = append(names, d.name)
		}
		if all = less; good(all) {
			return names
		}
	}
	return nil
}

// A view is a sample taken apart, as encoding/json reads it: leniently.
type view struct {
	token, headerText, claimsText, setText string

	segments, keyTexts  []string
	header, claims, set object
	keys                []object
}

func newView(s sample) *view {
	v := &view{token: s.token, headerText: s.header, claimsText: s.claims, setText: s.set, segments: strings.Split(s.token, ".")}
	v.header, _ = readMembers(s.header)
	v.claims, _ = readMembers(s.claims)
	v.set, _ = readMembers(s.set)
	for _, text := range elements([]byte(s.set)) {
		key, _ := readMembers(string(text))
		v.keys = append(v.keys, key)
		v.keyTexts = append(v.keyTexts, string(text))
	}
	return v
}

// needsKey reports whether a key that the token may be signed by has a flaw.
func (v *view) needsKey(flaw func(object) bool) bool {
	return slices.ContainsFunc(v.keys, func(k object) bool {
		return (!v.header.has("kid") || v.header.text("kid") == k.text("kid")) && flaw(k)
	})
}

func (v *view) bareType() string {
	return strings.TrimPrefix(strings.ToLower(v.header.text("typ")), "application/")
}

// An object is the members of a JSON object, in order, those that stand twice too.
type object []member

func (o object) String() string {
	texts := make([]string, len(o))
	for i, m := range o {
		texts[i] = m.text()
	}
	return "{" + strings.Join(texts, ",") + "}"
}

func (o object) only(names ...string) object {
	return slices.DeleteFunc(slices.Clone(o), func(m member) bool { return !slices.Contains(names, m.name) })
}

func (o object) without(name string) object {
	return slices.DeleteFunc(slices.Clone(o), func(m member) bool { return m.name == name })
}

func (o object) count(name string) (n int) {
	for _, m := range o {
		if m.name == name {
			n++
		}
	}
	return n
}

func (o object) has(name string) bool { return o.count(name) > 0 }

// raw is the text of the last member of the name.
func (o object) raw(name string) (value string) {
	for _, m := range o {
		if m.name == name {
			value = m.value
		}
	}
	return value
}

func (o object) isText(name string) bool { return strings.HasPrefix(o.raw(name), `"`) }

func (o object) text(name string) (text string) {
	_ = json.Unmarshal([]byte(o.raw(name)), &text) // what is no string has no text
	return text
}

// number is nil for what is no number. Its precision is far beyond what decides.
func (o object) number(name string) *big.Float {
	var number json.Number
	if o.isText(name) || json.Unmarshal([]byte(o.raw(name)), &number) != nil || number == "" {
		return nil
	}
	value, _, err := big.ParseFloat(number.String(), 10, 200, big.ToNearestEven)
	if err != nil {
		return nil
	}
	return value
}

func within(value *big.Float, from, to float64) bool {
	return value != nil && value.Cmp(big.NewFloat(from)) > 0 && value.Cmp(big.NewFloat(to)) < 0
}

func hasWrongType(claim member) bool {
	value := claim.value
	switch claim.name {
	case "iss", "sub", "jti":
		return value[0] != '"'
	case "exp", "nbf", "iat":
		return value[0] != '-' && (value[0] < '0' || value[0] > '9')
	case "aud":
		var one string
		var list []*string
		if value == "null" || json.Unmarshal([]byte(value), &one) != nil && json.Unmarshal([]byte(value), &list) != nil {
			return true
		}
		return slices.Contains(list, nil)
	}
	return false
}

func hasStrayBits(segment string) bool {
	if segment == "" {
		return false
	}
	last := strings.IndexByte(base64urlOrder, segment[len(segment)-1])
	return len(segment)%4 == 2 && last&0x0f != 0 || len(segment)%4 == 3 && last&0x03 != 0
}

const base64urlOrder = base64url

// badText reports invalid UTF-8 and escapes that are half a surrogate pair.
func badText(text string) bool {
	if !utf8.ValidString(text) {
		return true
	}
	for i := 0; i+1 < len(text); i++ {
		if text[i] != '\\' {
			continue
		}
		i++
		first := escapeAt(text, i-1)
		if !utf16.IsSurrogate(first) {
			continue
		}
		if utf16.DecodeRune(first, escapeAt(text, i+5)) == utf8.RuneError {
			return true
		}
		i += 6 // behind the second half
	}
	return false
}

// escapeAt is the character of a \u escape, or -1.
func escapeAt(text string, at int) rune {
	var char rune
	if at+6 > len(text) || text[at:at+2] != `\u` {
		return -1
	}
	if _, err := fmt.Sscanf(text[at+2:at+6], "%04x", &char); err != nil {
		return -1
	}
	return char
}

// A shape is what a JSON text is like as a whole.
type shape struct {
	depth, members int  // the most of both
	inAll          int  // members and elements of all objects and arrays
	twice          bool // some member stands twice in its object
}

func (s shape) exceeds(depth, members int) bool { return s.depth > depth || s.members > members }

func shapeOf(text string) (s shape) {
	decoder := json.NewDecoder(strings.NewReader(text))
	var open []map[string]bool // the names of an object, nil for an array
	isName := false
	for {
		token, err := decoder.Token()
		if err != nil {
			return s
		}
		var names map[string]bool
		if len(open) > 0 {
			names = open[len(open)-1]
		}
		closes := token == json.Delim('}') || token == json.Delim(']')
		switch {
		case closes:
		case isName:
			name := token.(string)
			s.twice = s.twice || names[name]
			names[name] = true
			s.members = max(s.members, len(names))
			s.inAll++
			isName = false
			continue
		case len(open) > 0 && names == nil:
			s.inAll++
		}
		switch token {
		case json.Delim('{'):
			open = append(open, make(map[string]bool))
		case json.Delim('['):
			open = append(open, nil)
		case json.Delim('}'), json.Delim(']'):
			open = open[:len(open)-1]
		}
		s.depth = max(s.depth, len(open))
		isName = len(open) > 0 && open[len(open)-1] != nil
	}
}

func TestDifferencesTable(t *testing.T) {
	table := newTable("Differences", "kind of token or key set", "section", "here", "the peers")
	for _, d := range stricterHere {
		var answers []string
		for _, c := range d.ours {
			answers = append(answers, "`"+string(c)+"`")
		}
		table.row(d.name, d.section, strings.Join(answers, ", "), "accept")
	}
	for _, d := range stricterThere {
		table.row(d.name, d.section, "accepted", "refuse")
	}
	table.compare(t)
}
