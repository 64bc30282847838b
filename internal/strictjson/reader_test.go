package strictjson

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"example.com/jwtverify/internal/quote"
	"example.com/jwtverify/internal/strictjson/strictjsontest"
)

// The limits of most tests: those of jwtverify on claims and key sets.
const (
	maxJSONDepth   = 16
	maxJSONMembers = 1_000

	maxHeaderDepth   = 4 // those on a header
	maxHeaderMembers = 64
)

// readJSON reads a text by all the reading methods into what encoding/json makes
// of it with UseNumber.
func newJSONReader(text string, maxDepth, maxMembers int) (r Reader) {
	r.Begin(text, Limits{Depth: maxDepth, Members: maxMembers})
	return r
}

func readJSON(text string, maxDepth, maxMembers int) (any, error) {
	r := newJSONReader(text, maxDepth, maxMembers)
	value := readJSONValue(&r)
	return value, r.End()
}

func readJSONValue(r *Reader) any {
	switch r.Kind() {
	case '{':
		object := map[string]any{}
		for name := range r.Object {
			object[name] = readJSONValue(r)
		}
		return object
	case '[':
		array := []any{}
		for range r.Array {
			array = append(array, readJSONValue(r))
		}
		return array
	case '"':
		s, _ := r.String("")
		return s
	case '0':
		n, _ := r.Number("")
		return json.Number(n)
	default:
		start, text := r.pos, r.text
		r.Skip()
		if r.err != nil {
			return nil
		}
		return map[string]any{"true": true, "false": false}[text[start:r.pos]]
	}
}

func skipJSON(text string, maxDepth, maxMembers int) error {
	r := newJSONReader(text, maxDepth, maxMembers)
	r.Skip()
	return r.End()
}

// checkJSON checks the reader against encoding/json: each accepts what the other
// does, unless one of the rules that only we have is broken, and reads the same.
func checkJSON(t *testing.T, text string, maxDepth, maxMembers int) {
	t.Helper()
	value, err := readJSON(text, maxDepth, maxMembers)
	skipErr := skipJSON(text, maxDepth, maxMembers)
	if fmt.Sprint(err) != fmt.Sprint(skipErr) {
		t.Errorf("%s\nread:    %v\nskipped: %v", shortened(text), err, skipErr)
	}
	if reason := strictjsontest.Judge(text, maxDepth, maxMembers); (err == nil) != (reason == "") {
		t.Errorf("%s\ngot error %v, encoding/json finds %q", shortened(text), err, reason)
	}
	if err != nil {
		if len(err.Error()) > 512 || strings.IndexFunc(err.Error(), func(c rune) bool { return c != '…' && (c < ' ' || c > '~') }) >= 0 {
			t.Errorf("%s\nerror is too long or holds raw characters: %q", shortened(text), err)
		}
		return
	}
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var want any
	if err := decoder.Decode(&want); err != nil {
		t.Errorf("%s\nencoding/json: %v", shortened(text), err)
	}
	if !reflect.DeepEqual(value, want) {
		t.Errorf("%s\nread          %v\nencoding/json %v", shortened(text), value, want)
	}
}

func shortened(text string) string { return quote.Text(text, 400) }

func TestJSONGrammar(t *testing.T) {
	for _, test := range []struct {
		name, text string
		ok         bool
	}{
		{"an empty object", `{}`, true},
		{"an empty array", `[]`, true},
		{"a string alone", `"a"`, true},
		{"a number alone", `0`, true},
		{"a literal alone", `null`, true},
		{"true and false", `[true,false]`, true},
		{"every white space", " \t\r\n{ \t\r\n\"a\" \t\r\n: \t\r\n[ \t\r\n1 \t\r\n, \t\r\n2 \t\r\n] \t\r\n} \t\r\n", true},
		{"nested objects and arrays", `{"a":[{"b":[[]]},{}],"c":{"d":{}}}`, true},
		{"an empty name", `{"":1}`, true},
		{"names of the prototype", `{"__proto__":1,"constructor":2}`, true},

		{"nothing", ``, false},
		{"white space only", " \n", false},
		{"a comma only", `,`, false},
		{"a vertical tab as white space", "[\v1]", false},
		{"a form feed as white space", "[\f1]", false},
		{"a no-break space as white space", "[\u00a01]", false},
		{"U+2028 as white space", "[\u20281]", false},
		{"a zero byte as white space", "[\x001]", false},
		{"a DEL as white space", "[\x7f1]", false},
		{"a line comment", "[1]//", false},
		{"a comment inside", `{/**/"a":1}`, false},
		{"a hash comment", "[1]#", false},

		{"a second value", `{}{}`, false},
		{"a second number", `1 2`, false},
		{"a brace too many", `{}}`, false},
		{"a bracket too many", `[]]`, false},
		{"a comma after the value", `{},`, false},
		{"a zero byte after the value", "{}\x00", false},
		{"a letter after the value", `{}a`, false},
		{"a newline after the value", "{}\n", true},
		{"a byte order mark after the value", "{}\ufeff", false},

		{"an object that ends after the brace", `{`, false},
		{"an object that ends after a name", `{"a"`, false},
		{"an object that ends after the colon", `{"a":`, false},
		{"an object that ends after a value", `{"a":1`, false},
		{"an object that ends after a comma", `{"a":1,`, false},
		{"an array that ends after the bracket", `[`, false},
		{"an array that ends after a value", `[1`, false},
		{"an array that ends after a comma", `[1,`, false},
		{"a comma before the closing brace", `{"a":1,}`, false},
		{"a comma before the closing bracket", `[1,]`, false},
		{"a comma after the opening brace", `{,"a":1}`, false},
		{"a comma after the opening bracket", `[,1]`, false},
		{"only a comma in an object", `{,}`, false},
		{"only a comma in an array", `[,]`, false},
		{"two commas", `[1,,2]`, false},
		{"two commas in an object", `{"a":1,,"b":2}`, false},
		{"no comma between members", `{"a":1 "b":2}`, false},
		{"no comma between elements", `[1 2]`, false},
		{"a colon in an array", `["a":1]`, false},
		{"a comma in place of the colon", `{"a",1}`, false},
		{"two colons", `{"a"::1}`, false},
		{"an equals sign", `{"a"=1}`, false},
		{"a semicolon", `{"a":1;"b":2}`, false},
		{"a name without value", `{"a":}`, false},
		{"an object closed by a bracket", `{"a":1]`, false},
		{"an array closed by a brace", `[1}`, false},
		{"a name without quotes", `{a:1}`, false},
		{"a number as a name", `{1:1}`, false},
		{"null as a name", `{null:1}`, false},
		{"an array as a name", `{[]:1}`, false},
		{"an object as a name", `{{}:1}`, false},
		{"single quotes", `{'a':1}`, false},
		{"backquotes", "[`a`]", false},
		{"typographic quotes", `[“a”]`, false},

		{"a capital in true", `[True]`, false},
		{"TRUE", `[TRUE]`, false},
		{"half of true", `[tru]`, false},
		{"true with a letter more", `[truee]`, false},
		{"half of false", `[fals]`, false},
		{"false with a space inside", `[fal se]`, false},
		{"half of null", `[nul`, false},
		{"nil", `[nil]`, false},
		{"undefined", `[undefined]`, false},
		{"NaN", `[NaN]`, false},
		{"Infinity", `[Infinity]`, false},
		{"minus Infinity", `[-Infinity]`, false},
		{"literals without comma", `[nullnull]`, false},
		{"yes", `[yes]`, false},
	} {
		t.Run(test.name, func(t *testing.T) { checkGrammar(t, test.text, test.ok) })
	}
}

// checkGrammar checks a text as it is, and as the value of a member.
func checkGrammar(t *testing.T, text string, ok bool) {
	t.Helper()
	if err := skipJSON(text, maxJSONDepth, maxJSONMembers); (err == nil) != ok {
		t.Errorf("%q: got error %v, want accepted %v", text, err, ok)
	}
	checkJSON(t, text, maxJSONDepth, maxJSONMembers)
	checkJSON(t, `{"name":`+text+`}`, maxJSONDepth, maxJSONMembers)
}

func TestJSONNumbers(t *testing.T) {
	for text, ok := range map[string]bool{
		"0": true, "-0": true, "1": true, "-1": true, "10": true, "1234567890": true,
		"0.0": true, "0.5": true, "-0.5": true, "1.05": true, "10.10": true,
		"0e0": true, "1e1": true, "1E1": true, "1e+1": true, "1e-1": true, "1e05": true, "1.5e-05": true, "-0E+0": true,
		"1e999999999999999999999": true, strings.Repeat("9", 5000): true, "0." + strings.Repeat("0", 5000): true,

		"-": false, "+1": false, "--1": false, "- 1": false, "00": false, "01": false, "-01": false, "007": false,
		".5": false, "-.5": false, "5.": false, "-5.": false, "1.e1": false, "1..2": false, "1.2.3": false,
		"1e": false, "1E": false, "1e+": false, "1e-": false, "1e+-1": false, "1e 1": false, "1e1.5": false, "1ee1": false, "e1": false,
		"0x10": false, "0b1": false, "0o7": false, "1_000": false, "1,000": false, "1f": false, "1n": false, "1 000": false,
		"१": false, "１": false, "½": false, "1\u00a0": false, "−1": false, "1-1": false, "0-": false,
	} {
		t.Run(shortened(text), func(t *testing.T) {
			checkGrammar(t, text, ok)
			r := newJSONReader(text, 1, 1)
			got, _ := r.Number("n")
			if err := r.End(); (err == nil) != ok {
				t.Errorf("number: got error %v, want accepted %v", err, ok)
			} else if ok && got != text {
				t.Errorf("got %q, want the text itself", got)
			}
		})
	}
}

func TestJSONStrings(t *testing.T) {
	for _, test := range []struct {
		name, text, want string // want "!" means refused
	}{
		{"an empty string", `""`, ""},
		{"every short escape", `"\"\\\/\b\f\n\r\t"`, "\"\\/\b\f\n\r\t"},
		{"a slash without escape", `"/"`, "/"},
		{"an escaped letter", `"\u0061"`, "a"},
		{"capital hexadecimal digits", `"\u00AF\u00af"`, "\u00af\u00af"},
		{"an escaped zero", `"a\u0000b"`, "a\x00b"},
		{"an escaped quote as hexadecimal", `"\u0022"`, `"`},
		{"an escaped backslash before the end", `"\\"`, `\`},
		{"an escaped backslash before u", `"\\u0061"`, `\u0061`},
		{"escapes at both ends", `"\u0061b\u0063"`, "abc"},
		{"text before and behind an escape", `"ab\ncd"`, "ab\ncd"},
		{"two, three and four bytes", `"é€😀"`, "é€😀"},
		{"DEL", "\"\x7f\"", "\x7f"},
		{"U+2028 and U+2029", "\"\u2028\u2029\"", "\u2028\u2029"},
		{"a byte order mark inside", "\"\ufeff\"", "\ufeff"},
		{"noncharacters", "\"\ufffe\uffff\"", "\ufffe\uffff"},
		{"U+FFFD itself", "\"\ufffd\"", "\ufffd"},
		{"U+FFFD escaped", `"\ufffd"`, "\ufffd"},
		{"the last before the surrogates", `"\ud7ff"`, "\ud7ff"},
		{"the first behind the surrogates", `"\ue000"`, "\ue000"},
		{"the first surrogate pair", `"\ud800\udc00"`, "\U00010000"},
		{"the last surrogate pair", `"\udbff\udfff"`, "\U0010ffff"},
		{"a surrogate pair in capitals", `"\uD83D\uDE00"`, "😀"},
		{"two surrogate pairs", `"\ud83d\ude00\ud83d\ude01"`, "😀😁"},
		{"more than fits in the small buffer", `"` + strings.Repeat(`\n`, 100) + strings.Repeat("a", 1000) + `"`, strings.Repeat("\n", 100) + strings.Repeat("a", 1000)},

		{"a high surrogate alone", `"\ud800"`, "!"},
		{"the last high surrogate alone", `"\udbff"`, "!"},
		{"a low surrogate alone", `"\udc00"`, "!"},
		{"the last low surrogate alone", `"\udfff"`, "!"},
		{"a swapped pair", `"\udc00\ud800"`, "!"},
		{"two high surrogates", `"\ud800\ud800"`, "!"},
		{"two low surrogates", `"\udc00\udc00"`, "!"},
		{"a high surrogate before a letter", `"\ud800a"`, "!"},
		{"a high surrogate before an escaped letter", `"\ud800\u0061"`, "!"},
		{"a high surrogate before a short escape", `"\ud800\n"`, "!"},
		{"a high surrogate before a pair", `"\ud800\ud83d\ude00"`, "!"},
		{"a low surrogate behind a pair", `"\ud83d\ude00\udc00"`, "!"},
		{"a high surrogate, something, a low one", `"\ud83d-\ude00"`, "!"},
		{"a high surrogate and U+FFFD", `"\ud800\ufffd"`, "!"},
		{"a surrogate in another string than its other half", `["\ud83d","\ude00"]`, "!"},
		{"an escaped half and a raw half", "\"\\ud83d\xed\xb8\x80\"", "!"},

		{"no closing quote", `"a`, "!"},
		{"no closing quote behind an escape", `"a\n`, "!"},
		{"a backslash at the end of the text", `"a\`, "!"},
		{"an escaped closing quote", `"a\"`, "!"},
		{"only the opening quote", `"`, "!"},
		{"a quote too many", `"a""`, "!"},
		{"an unknown escape", `"\a"`, "!"},
		{"the escape \\x", `"\x41"`, "!"},
		{"the escape \\0", `"\0"`, "!"},
		{"the escape \\v", `"\v"`, "!"},
		{"an escaped single quote", `"\'"`, "!"},
		{"a capital U", `"\U0061"`, "!"},
		{"a capital N", `"\N"`, "!"},
		{"an escaped newline", "\"\\\n\"", "!"},
		{"an escaped zero byte", "\"\\\x00\"", "!"},
		{"an escaped letter outside ASCII", `"\é"`, "!"},
		{"no digit behind u", `"\u"`, "!"},
		{"three digits behind u", `"\u006"`, "!"},
		{"a letter that is no digit", `"\u006g"`, "!"},
		{"a sign in the digits", `"\u+061"`, "!"},
		{"a space in the digits", `"\u 061"`, "!"},
		{"braces around the digits", `"\u{61}"`, "!"},
		{"digits of another script", `"\u００６１"`, "!"},
		{"a text that ends in the digits", `"\u00`, "!"},
		{"a pair cut in its second half", `"\ud83d\ude0"`, "!"},
		{"a pair cut behind the second u", `"\ud83d\u"`, "!"},
		{"a pair cut behind the second backslash", `"\ud83d\`, "!"},
		{"a raw newline", "\"a\nb\"", "!"},
		{"a raw tab", "\"a\tb\"", "!"},
		{"a raw zero byte", "\"a\x00b\"", "!"},
		{"a raw U+001F", "\"a\x1fb\"", "!"},
		{"a raw newline behind an escape", "\"\\na\nb\"", "!"},
		{"a raw U+001F behind an escape", "\"\\na\x1fb\"", "!"},
	} {
		t.Run(test.name, func(t *testing.T) {
			checkGrammar(t, test.text, test.want != "!")
			checkJSON(t, "{"+test.text+":1}", 2, 2) // as a name
			checkJSON(t, `{"a":1,`+test.text+`:{`+test.text+`:1}}`, 2, 2)
			if test.want == "!" {
				return
			}
			r := newJSONReader(test.text, 1, 1)
			if got, err := r.String("s"); got != test.want || err != nil || r.End() != nil {
				t.Errorf("got %q, %v, %v, want %q", got, err, r.End(), test.want)
			}
		})
	}
	for c := range 0x20 {
		checkGrammar(t, `"`+string(rune(c))+`"`, false)
		checkGrammar(t, `"\n`+string(rune(c))+`"`, false)
		checkGrammar(t, fmt.Sprintf(`"\u%04x"`, c), true)
	}
	for c := range rune(0x80) {
		hexadecimal := strings.ContainsRune("0123456789abcdefABCDEF", c)
		checkGrammar(t, `"\u004`+string(c)+`"`, hexadecimal)
		checkGrammar(t, `"\u`+string(c)+`041"`, hexadecimal)
		// Behind a backslash:
		checkGrammar(t, `"\`+string(c)+`"`, strings.ContainsRune(`"\/bfnrt`, c))
		checkGrammar(t, `"\`+string(c)+`0061"`, strings.ContainsRune(`"\/bfnrtu`, c))
	}
}

func TestJSONEncoding(t *testing.T) {
	for _, test := range []struct{ name, text string }{
		{"a byte order mark in front", "\ufeff{}"},
		{"a byte order mark behind white space", " \ufeff{}"},
		{"a byte order mark only", "\ufeff"},
		{"half a byte order mark", "\xef\xbb{}"},
		{"UTF-16, little endian", "{\x00}\x00"},
		{"UTF-16, big endian", "\x00{\x00}"},
		{"UTF-16 with a byte order mark", "\xff\xfe{\x00}\x00"},
		{"the byte FF in a string", "\"\xff\""},
		{"the byte FF in a name", "{\"\xff\":1}"},
		{"a lone continuation byte", "\"\x80\""},
		{"an overlong zero", "\"\xc0\x80\""},
		{"an overlong slash", "\"\xc0\xaf\""},
		{"an overlong slash of three bytes", "\"\xe0\x80\xaf\""},
		{"a surrogate of three bytes", "\"\xed\xa0\x80\""},
		{"a surrogate pair of six bytes", "\"\xed\xa0\xbd\xed\xb8\x80\""},
		{"beyond U+10FFFF", "\"\xf4\x90\x80\x80\""},
		{"a sequence cut by the quote", "\"\xe2\x82\""},
		{"a sequence cut by the end", "\"\xe2\x82"},
		{"Latin-1", "\"caf\xe9\""},
		{"an invalid byte behind the value", "{}\xff"},
		{"an invalid byte before the value", "\xff{}"},
		{"an invalid byte behind a duplicate", "{\"a\":1,\"a\":2,\"b\":\"\xff\"}"},
	} {
		t.Run(test.name, func(t *testing.T) { checkGrammar(t, test.text, false) })
	}
}

// numberedMembers is count members with names n0, n1 …
func numberedMembers(count int) string {
	var members []string
	for i := range count {
		members = append(members, fmt.Sprintf(`"n%d":%d`, i, i))
	}
	return strings.Join(members, ",")
}

func TestJSONDuplicates(t *testing.T) {
	for _, test := range []struct {
		name, text string
		ok         bool
	}{
		{"twice the same", `{"a":1,"a":1}`, false},
		{"twice with another between", `{"a":1,"b":2,"a":3}`, false},
		{"twice empty", `{"":1,"":2}`, false},
		{"an escape of the same letter", `{"a":1,"\u0061":2}`, false},
		{"an escape first", `{"\u0061":1,"a":2}`, false},
		{"escapes of two kinds", `{"\n":1,"\u000a":2}`, false},
		{"a slash with and without backslash", `{"/":1,"\/":2}`, false},
		{"a pair and the character", `{"\ud83d\ude00":1,"😀":2}`, false},
		{"in an object in an array", `[[{"a":1,"a":2}]]`, false},
		{"in an inner object", `{"b":{"a":1,"a":2}}`, false},
		{"around an inner object", `{"a":{"b":1},"a":2}`, false},
		{"around an inner array", `{"a":[{"a":1}],"a":2}`, false},
		{"in an object of an object of an object", `{"a":{"a":{"a":{"b":1,"b":2}}}}`, false},
		{"in the second of two objects", `[{"a":1},{"a":1,"a":2}]`, false},
		{"another name with the same value", `{"a":1,"b":1}`, true},
		{"another case", `{"a":1,"A":2}`, true},
		{"the long s and s", `{"s":1,"ſ":2}`, true},
		{"composed and decomposed", "{\"\u00e9\":1,\"e\u0301\":2}", true},
		{"a space behind", `{"a":1,"a ":2}`, true},
		{"a zero behind", `{"a":1,"a\u0000":2}`, true},
		{"an escaped backslash", `{"a":1,"\\u0061":2}`, true},
		{"in sibling objects", `[{"a":1},{"a":2}]`, true},
		{"in sibling members", `{"x":{"a":1},"y":{"a":2}}`, true},
		{"in a nested object", `{"a":{"a":{"a":1}}}`, true},
		{"in a nested object behind", `{"a":1,"b":{"a":1,"b":2},"c":{"a":1}}`, true},
		{"as a value", `{"a":"a","b":["a","a"]}`, true},
		{"twice in an array", `["a","a"]`, true},
	} {
		t.Run(test.name, func(t *testing.T) { checkGrammar(t, test.text, test.ok) })
	}

	// The ways to remember names: one by one, in a table because of the object's
	// own size, and because those around it have filled the room for small ones.
	for _, count := range []int{2, 3, 31, 32, 33, 34, 47, 48, 49, 50, 100, 999, 1000} {
		members := numberedMembers(count - 1)
		checkGrammar(t, `{`+members+`,"other":0}`, true)
		for _, twice := range []int{0, 1, count / 2, count - 2} {
			twice = min(twice, count-2)
			checkGrammar(t, fmt.Sprintf(`{%s,"n%d":0}`, members, twice), false)
			checkGrammar(t, fmt.Sprintf(`{%s,"\u006e%d":0}`, members, twice), false)
			checkGrammar(t, fmt.Sprintf(`{"n%d":0,%s}`, twice, members), false)
		}
		checkGrammar(t, fmt.Sprintf(`[{%s},{%s}]`, members, members), true)
	}
}

func TestJSONBehindAnEscape(t *testing.T) {
	if err := skipJSON(`"\u0041 b\n c"`, maxJSONDepth, maxJSONMembers); err != nil {
		t.Errorf("a space: %v", err)
	}
	const want = "is not valid JSON: it ends at byte 7, want a closing quote"
	if err := skipJSON(`"\u0041`, maxJSONDepth, maxJSONMembers); err == nil || err.Error() != want {
		t.Errorf("the end: got error %v, want %s", err, want)
	}
}

// Each name is found again after the table has grown, wherever it lies in it by then.
func TestJSONDuplicatesInAGrownTable(t *testing.T) {
	const count = 600
	members := numberedMembers(count)
	if err := skipJSON(`{`+members+`}`, maxJSONDepth, maxJSONMembers); err != nil {
		t.Fatal(err)
	}
	for i := range count {
		if err := skipJSON(fmt.Sprintf(`{%s,"n%d":0}`, members, i), maxJSONDepth, maxJSONMembers); err == nil {
			t.Errorf("of %d members the name of number %d may come again", count, i)
		}
	}
}

func TestJSONDuplicatesInNestedObjects(t *testing.T) {
	sizes := []int{1, 2, 15, 16, 17, 31, 32, 33, 47, 48, 49, 60}
	for _, outer := range sizes {
		for _, inner := range sizes {
			nested := func(innerEnd, outerEnd string) string {
				return fmt.Sprintf(`{"x":0,%s,"inner":{"x":0,"deep":{"x":0,"y":0},%s%s},"behind":{"x":0}%s}`,
					numberedMembers(outer), numberedMembers(inner), innerEnd, outerEnd)
			}
			for _, test := range []struct {
				innerEnd, outerEnd string
				ok                 bool
			}{
				{``, ``, true},
				{``, `,"y":0,"deep":0`, true},
				{`,"x":0`, ``, false},
				{`,"deep":0`, ``, false},
				{`,"n0":0`, ``, false},
				{fmt.Sprintf(`,"n%d":0`, inner-1), ``, false},
				{``, `,"x":0`, false},
				{``, `,"n0":0`, false},
				{``, fmt.Sprintf(`,"n%d":0`, outer-1), false},
				{``, fmt.Sprintf(`,"n%d":0`, outer), true},
				{``, `,"inner":0`, false},
				{``, `,"behind":0`, false},
			} {
				text := nested(test.innerEnd, test.outerEnd)
				if err := skipJSON(text, maxJSONDepth, maxJSONMembers); (err == nil) != test.ok {
					t.Errorf("%d outer and %d inner members, then %q and %q: got error %v, want accepted %v",
						outer, inner, test.innerEnd, test.outerEnd, err, test.ok)
				}
			}
		}
	}
	// Tables at every depth at once, each used again behind the inner ones.
	for _, count := range []int{3, 4, 33, 70} {
		var open, closed strings.Builder
		for range maxJSONDepth {
			open.WriteString(`{` + numberedMembers(count) + `,"x":`)
			closed.WriteString(`,"y":0}`)
		}
		checkGrammar(t, open.String()+"0"+closed.String(), true)
		for depth := range maxJSONDepth {
			parts := strings.SplitAfter(closed.String(), "}")
			parts[depth] = `,"y":0,"n2":0}`
			if err := skipJSON(open.String()+"0"+strings.Join(parts, ""), maxJSONDepth, maxJSONMembers); err == nil {
				t.Errorf("%d members: accepted a duplicate %d levels above the innermost", count, depth)
			}
		}
	}
}

func TestJSONLimits(t *testing.T) {
	nested := func(open, value, closed string, depth int) string {
		return strings.Repeat(open, depth) + value + strings.Repeat(closed, depth)
	}
	for _, limit := range []struct{ depth, members int }{
		{maxJSONDepth, maxJSONMembers},
		{maxHeaderDepth, maxHeaderMembers},
		{1, 1},
	} {
		for _, test := range []struct {
			name, text string
			ok         bool
		}{
			{"arrays as deep as allowed", nested("[", "", "]", limit.depth), true},
			{"arrays one deeper", nested("[", "", "]", limit.depth+1), false},
			{"objects as deep as allowed", nested(`{"a":`, "0", "}", limit.depth), true},
			{"objects one deeper", nested(`{"a":`, "0", "}", limit.depth+1), false},
			{"an empty object one deeper", nested("[", "{}", "]", limit.depth), false},
			{"an empty array one deeper", nested(`{"a":`, "[]", "}", limit.depth), false},
			{"the same depth many times", "[" + strings.Repeat(nested("[", "0", "]", limit.depth-1)+",", 50) + "0]", true},
			{"brackets without end", strings.Repeat("[", 20_000), false},
			{"braces without end", strings.Repeat(`{"a":`, 20_000), false},
			{"as many members as allowed", `{` + numberedMembers(limit.members) + `}`, true},
			{"one member more", `{` + numberedMembers(limit.members+1) + `}`, false},
			{"one member more, a duplicate", `{` + numberedMembers(limit.members) + `,"n0":0}`, false},
			{"many elements", "[" + strings.Repeat("0,", 20_000) + "0]", true},
		} {
			err := skipJSON(test.text, limit.depth, limit.members)
			if (err == nil) != test.ok {
				t.Errorf("%s of %d deep and %d members: got error %v, want accepted %v", test.name, limit.depth, limit.members, err, test.ok)
			}
			checkJSON(t, test.text, limit.depth, limit.members)
		}
	}
	// Each object has its own count, also behind another.
	full := `{` + numberedMembers(maxHeaderMembers) + `}`
	checkGrammar(t, `[`+full+`,`+full+`]`, true)
	if err := skipJSON(`{"a":`+full+`,"b":`+full+`}`, maxHeaderDepth, maxHeaderMembers); err != nil {
		t.Errorf("two full objects: %v", err)
	}
}

func TestJSONErrorTexts(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{``, `is not valid JSON: it ends at byte 0, want an object`},
		{`  `, `is not valid JSON: it ends at byte 2, want an object`},
		{`[]`, `is not valid JSON: found "[" at byte 0, want an object`},
		{`null`, `is not valid JSON: found "n" at byte 0, want an object`},
		{`€`, `is not valid JSON: found "\u20ac" at byte 0, want an object`},
		{"\ufeff{}", `starts with a byte order mark, want none`},
		{"{\"\xff\":1}", `is not valid UTF-8`},
		{`{1:2}`, `is not valid JSON: found "1" at byte 1, want a member name in quotes`},
		{`{"a":1,}`, `is not valid JSON: found "}" at byte 7, want a member name in quotes`},
		{`{"a"}`, `is not valid JSON: found "}" at byte 4, want a colon`},
		{`{"a"`, `is not valid JSON: it ends at byte 4, want a colon`},
		{`{"a":}`, `is not valid JSON: found "}" at byte 5, want a value`},
		{`{"a":`, `is not valid JSON: it ends at byte 5, want a value`},
		{`{"a":1 "b":2}`, `is not valid JSON: found "\"" at byte 7, want a comma or }`},
		{`{"a":1`, `is not valid JSON: it ends at byte 6, want a comma or }`},
		{`{"a":[1 2]}`, `is not valid JSON: found "2" at byte 8, want a comma or ]`},
		{`{"a":[1,]}`, `is not valid JSON: found "]" at byte 8, want a value`},
		{`{"a":1}x`, `is not valid JSON: found "x" at byte 7, want the end`},
		{"{\"a\":1} \x00", `is not valid JSON: found "\x00" at byte 8, want the end`},
		{`{"a":tru}`, `is not valid JSON: found "t" at byte 5, want true`},
		{`{"a":fa}`, `is not valid JSON: found "f" at byte 5, want false`},
		{`{"a":nil}`, `is not valid JSON: found "n" at byte 5, want null`},
		{`{"a":-}`, `is not valid JSON: found "}" at byte 6, want a digit`},
		{`{"a":01}`, `is not valid JSON: found "1" at byte 6, want a comma or }`},
		{`{"a":1.}`, `is not valid JSON: found "}" at byte 7, want a digit`},
		{`{"a":1e`, `is not valid JSON: it ends at byte 7, want a digit`},
		{`{"a":"b`, `is not valid JSON: it ends at byte 7, want a closing quote`},
		{`{"a":"\n`, `is not valid JSON: it ends at byte 8, want a closing quote`},
		{"{\"a\":\"\n\"}", `is not valid JSON: found "\n" at byte 6, want a string without control characters`},
		{"{\"a\":\"\\t\n\"}", `is not valid JSON: found "\n" at byte 8, want a string without control characters`},
		{`{"a":"\x"}`, `is not valid JSON: found "x" at byte 7, want an escape (\" \\ \/ \b \f \n \r \t \u)`},
		{`{"a":"\u00g0"}`, `is not valid JSON: found "g" at byte 10, want four hexadecimal digits`},
		{`{"a":"\ud800"}`, `has half a surrogate pair (\ud800) before byte 12`},
		{`{"a":"\uDC00\uD800"}`, `has half a surrogate pair (\udc00) before byte 12`},
		{`{"a":1,"a":2}`, `has the member "a" twice`},
		{`{"a":1,"a":2,"b":3,"b":"\ud800"}`, `has the member "a" twice`},
		{`{"a":1,"a":2,}`, `is not valid JSON: found "}" at byte 13, want a member name in quotes`},
		{`{"` + strings.Repeat("a", 99) + `":1,"` + strings.Repeat("a", 99) + `":2}`, `has the member "` + strings.Repeat("a", 64) + `"… twice`},
		{`{"a":[[[]]]}`, `is nested more than 3 deep`},
		{`{"a":1,"b":2,"c":3}`, `has an object with more than 2 members`},
	} {
		r := newJSONReader(test.text, 3, 2)
		if strings.Contains(test.want, `"a" twice`) || strings.Contains(test.want, "byte 13") {
			r.limits.Members = 4
		}
		for range r.Object {
			r.Skip()
		}
		if err := r.End(); err == nil || err.Error() != test.want {
			t.Errorf("%q:\ngot  %v\nwant %s", test.text, err, test.want)
		}
		if err := r.End(); err == nil || err.Error() != test.want {
			t.Errorf("%q: asked again: %v", test.text, err)
		}
	}
}

func TestJSONWrongTypes(t *testing.T) {
	for value, found := range map[string]string{
		`{"b":[1]}`: "an object",
		`[{}]`:      "an array",
		`"s"`:       "a string",
		`-1.5`:      "a number",
		`true`:      "true or false",
		`false`:     "true or false",
		`null`:      "null",
	} {
		for want, read := range map[string]func(*Reader, string) (string, error){
			"a string": (*Reader).String,
			"a number": (*Reader).Number,
		} {
			// The value is skipped: what is behind it can be read.
			r := newJSONReader(`{"na\"me":`+value+`,"next":"n"}`, 3, 2)
			var next string
			var err error
			for name := range r.Object {
				if name == "next" {
					next, _ = r.String(name)
				} else {
					_, err = read(&r, name)
				}
			}
			wantErr := fmt.Sprintf(`"na\"me" is %s, want %s`, found, want)
			if found == want {
				wantErr = "<nil>"
			}
			if fmt.Sprint(err) != wantErr {
				t.Errorf("%s: got %v, want %s", value, err, wantErr)
			}
			if end := r.End(); next != "n" || end != nil {
				t.Errorf("%s behind: got %q, %v", value, next, end)
			}
		}
	}
	// No value at all is an error of the text, whatever was wanted.
	for _, text := range []string{``, `}`, `,`, `x`, `+1`, `{"a":1,"a":2`, `[1,`} {
		for _, read := range []func(*Reader, string) (string, error){(*Reader).String, (*Reader).Number} {
			r := newJSONReader(text, 3, 2)
			if _, err := read(&r, "a"); err == nil || r.End() == nil {
				t.Errorf("%q: got errors %v and %v", text, err, r.End())
			}
		}
	}
}

// Once the text has an error nothing can be read behind it, and reading on does
// no harm.
func TestJSONEmptyValues(t *testing.T) {
	for text, want := range map[string]bool{
		`null`: true, ` null `: true, `""`: true, `[]`: true, "[ \r\n\t]": true, " [] ": true,
		`{}`: false, `0`: false, `false`: false, `" "`: false, `"\u0000"`: false, `"]"`: false, `[null]`: false, `[[]]`: false, `["]"]`: false, `"null"`: false,
	} {
		var r Reader
		r.Begin(`{"a":`+text+`}`, Usual)
		for range r.Object {
			if got := r.IsEmpty(); got != want {
				t.Errorf("%s: got %v, want %v", text, got, want)
			}
			r.Skip() // it is there still
		}
		if err := r.End(); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
	for _, text := range []string{`{"a":nullx}`, `{"a":""x}`, `{"a":[]x}`, `{"a":[`, `{"a":[ `, `{"a":`, `{"a":"`} {
		var r Reader
		r.Begin(text, Usual)
		for range r.Object {
			r.IsEmpty()
			r.Skip()
		}
		if r.End() == nil {
			t.Errorf("%s is accepted", text)
		}
	}
}

func TestJSONNothingIsReadBehindAnError(t *testing.T) {
	for _, text := range []string{``, "\ufeff[1]", "[\xff]", `[1 2]`, `{"a"}`, `[[[[1]]]]`, `{"a":1,"b":2,"c":3}`, `["\x"]`, `-`, `"`} {
		r := newJSONReader(text, 3, 2)
		r.Skip()
		first := r.End()
		if first == nil {
			t.Fatalf("%q is read", text)
		}
		pos := r.pos
		for range r.Object {
			t.Errorf("%q: read a member", text)
		}
		for range r.Array {
			t.Errorf("%q: read an element", text)
		}
		r.Skip()
		if _, err := r.String("a"); err == nil {
			t.Errorf("%q: read a string", text)
		}
		if _, err := r.Number("a"); err == nil {
			t.Errorf("%q: read a number", text)
		}
		if r.pos != pos || r.End() != first {
			t.Errorf("%q: moved from byte %d to %d, from error %v to %v", text, pos, r.pos, first, r.End())
		}
	}
}

// Members and elements of a whole text are counted together, as they begin.
func TestJSONTotalLimit(t *testing.T) {
	for text, want := range map[string]string{
		`{"a":1,"b":2,"c":3}`:       "",
		`{"a":[1],"b":2}`:           "",
		`[[1,2]]`:                   "",
		`[{},[],{}]`:                "",
		`[1,2,3,4]`:                 "has more than 3 members and array elements",
		`{"a":1,"b":2,"c":3,"d":4}`: "has more than 3 members and array elements",
		`{"a":[1,2],"b":3}`:         "has more than 3 members and array elements",
		`[[[[]]]]`:                  "",
		`[[[[0]]]]`:                 "has more than 3 members and array elements",
		`[1,2,3`:                    "is not valid JSON: it ends at byte 6, want a comma or ]",
		`[1,2,3,`:                   "has more than 3 members and array elements", // a fourth is begun
	} {
		var r Reader
		r.Begin(text, Limits{Depth: 4, Members: 4, Total: 3})
		r.Skip()
		if got := r.End(); want == "" && got != nil || want != "" && (got == nil || got.Error() != want) {
			t.Errorf("%s: got error %v, want %q", text, got, want)
		} else if r.Broken() != (want != "") {
			t.Errorf("%s: broken %v behind error %v", text, r.Broken(), got)
		}
	}
}

// A flaw in a contained value is that value's alone; what ends the reading is the
// text's; and a flaw from before the value is neither lost nor taken for the value's.
func TestJSONContainedFlaws(t *testing.T) {
	for _, test := range []struct{ text, inner, end string }{ // the first element is read contained
		{`[1,2]`, "", ""},
		{`[{"a":1,"a":2},3]`, `has the member "a" twice`, ""},
		{`["\ud800",3]`, `has half a surrogate pair (\ud800) before byte 8`, ""},
		{`[{"a":1,"a":2},{"b":1,"b":2}]`, `has the member "a" twice`, `has the member "b" twice`},
		{`[1,{"b":1,"b":2}]`, "", `has the member "b" twice`},
		{`[[1}]`, "", `is not valid JSON: found "}" at byte 3, want a comma or ]`},
	} {
		r := newJSONReader(test.text, 3, 3)
		var inner error
		first := true
		for range r.Array {
			if first {
				inner = r.Contained(r.Skip)
			} else {
				r.Skip()
			}
			first = false
		}
		for name, pair := range map[string][2]any{"inner": {test.inner, inner}, "end": {test.end, r.End()}} {
			if want, got := pair[0], pair[1]; want == "" && got != nil || want != "" && fmt.Sprint(got) != want {
				t.Errorf("%s: %s: got %v, want %q", test.text, name, got, want)
			}
		}
	}
	r := newJSONReader(`[{"a":1,"a":2},3]`, 3, 3)
	for range r.Array {
		if r.Kind() == '{' {
			r.Skip()
		} else if err := r.Contained(r.Skip); err != nil {
			t.Errorf("the flaw before is taken for one of the value: %v", err)
		}
	}
	if err := r.End(); err == nil || err.Error() != `has the member "a" twice` {
		t.Errorf("got %v, want the flaw before the value", err)
	}
}

// A loop that is left gets no further member or element, even of a text without error.
func TestJSONLoopsCanBeLeft(t *testing.T) {
	for text, loop := range map[string]func(r *Reader, turn func() bool){
		`{"a":1,"b":2,"c":3}`: func(r *Reader, turn func() bool) { r.Object(func(string) bool { return turn() }) },
		`[1,2,3]`:             func(r *Reader, turn func() bool) { r.Array(func(int) bool { return turn() }) },
	} {
		r := newJSONReader(text, 3, 3)
		turns := 0
		loop(&r, func() bool {
			turns++
			r.Skip()
			return false
		})
		if turns != 1 || r.Broken() {
			t.Errorf("%s: %d turns of a loop that is left in the first, broken %v", text, turns, r.Broken())
		}
	}
}

// The table takes memory: only the names of large objects are in it, and those for
// which the room of all small ones together is not enough.
func TestJSONSmallObjectsNeedNoTable(t *testing.T) {
	small := equalMembers(smallObject)
	around := func(inner string) string {
		return strings.TrimSuffix(equalMembers(smallObject-1), "}") + `,"x":` + inner + "}"
	}
	for name, test := range map[string]struct {
		text  string
		table bool
	}{
		"no member":                             {`{}`, false},
		"a small object":                        {small, false},
		"many small objects beside each other":  {"[" + small + strings.Repeat(","+small, 20) + "]", false},
		"a large object":                        {equalMembers(smallObject + 1), true},
		"small objects in each other, all room": {around(equalMembers(openNames - smallObject)), false},
		"small objects in each other, one more": {around(equalMembers(openNames - smallObject + 1)), true},
	} {
		r := newJSONReader(test.text, 100, 100)
		r.Skip()
		if err := r.End(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got := len(r.large.slots) > 0; got != test.table {
			t.Errorf("%s: table %v, want %v", name, got, test.table)
		}
	}
}

// equalMembers is an object of so many members.
func equalMembers(count int) string {
	var members []string
	for i := range count {
		members = append(members, fmt.Sprintf(`"n%d":0`, i))
	}
	return "{" + strings.Join(members, ",") + "}"
}

// randomJSON makes texts that are valid, or nearly.
func randomJSON(random *rand.Rand, depth int) string {
	pick := func(options ...string) string { return options[random.IntN(len(options))] }
	space := pick("", "", "", " ", "\n\t")
	text := func() string {
		return pick(`"a"`, `"b"`, `"\u0061"`, `"\ud83d\ude00"`, `"😀"`, `""`, `"\\"`, `"\n"`, `"\ufffd"`)
	}
	if random.IntN(200) == 0 {
		return pick(`"\ud800"`, `"\udc00x"`, "\"\xff\"", `01`, `tru`, `]`, ``)
	}
	list := func(count int, item func(i int) string) string {
		var items []string
		for i := range count {
			items = append(items, space+item(i)+space)
		}
		return strings.Join(items, ",")
	}
	count := random.IntN(4)
	if random.IntN(8) == 0 {
		count = random.IntN(60)
	}
	switch kind := random.IntN(6); {
	case depth > 0 && kind < 2:
		return "{" + list(count, func(i int) string {
			name := fmt.Sprintf(`"n%d"`, i)
			if random.IntN(60) == 0 {
				name = text()
			} else if random.IntN(150) == 0 {
				name = `"n0"`
			}
			return name + space + ":" + randomJSON(random, depth-1)
		}) + "}"
	case depth > 0 && kind == 2:
		return "[" + list(count%5, func(int) string { return randomJSON(random, depth-1) }) + "]"
	case kind == 3:
		return pick("0", "-1", "1.50", "2e-7", "1E+9", "123456789012345678901234567890")
	case kind == 4:
		return pick("true", "false", "null")
	}
	return text()
}

func TestJSONRandomTexts(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	accepted := 0
	const count = 6_000
	for range count {
		text := randomJSON(random, 5)
		if random.IntN(3) == 0 && text != "" { // a byte more, less or changed
			at := random.IntN(len(text))
			text = text[:at] + []string{"", "{", "}", "[", "]", ",", ":", `"`, `\`, "0", "e", "\x00", "\xff"}[random.IntN(13)] + text[at+random.IntN(2):]
		}
		checkJSON(t, text, maxJSONDepth, maxJSONMembers)
		checkJSON(t, text, 3, 40)
		if skipJSON(text, maxJSONDepth, maxJSONMembers) == nil {
			accepted++
		}
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	if accepted < count/4 || accepted > count*9/10 {
		t.Errorf("%d of %d texts were good: the test says little", accepted, count)
	}
}

// The judge of this file must find what it is there to find.
func TestJSONJudge(t *testing.T) {
	for text, want := range map[string]string{
		`{"a":[1,{"b":2}],"c":"\ud83d\ude00"}`: "",
		`[{"a":1},{"a":1}]`:                    "",
		`["a","a",{"a":"a"}]`:                  "",
		`"\\ud800"`:                            "",
		`{"a":1,"\u0061":2}`:                   "duplicate",
		`{"a":{"b":1,"b":1}}`:                  "duplicate",
		`{"a":"a","b":"a","b":"a"}`:            "duplicate",
		`{"a":{},"a":{}}`:                      "duplicate",
		`{"1":1,"2":2,"3":3,"4":4}`:            "members",
		`[[[[]]]]`:                             "depth",
		`"\ud800"`:                             "lone surrogate",
		`"\\\ud800"`:                           "lone surrogate",
		`"\ude00\ud83d"`:                       "lone surrogate",
		"\"\xff\"":                             "not UTF-8",
		"\ufeff1":                              "not RFC 8259",
		`1 2`:                                  "not RFC 8259",
	} {
		if got := strictjsontest.Judge(text, 3, 3); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

// What ends a plain run is found wherever it stands, and nothing else is.
func TestPlainBytesEndAtTheFirstThatIsNone(t *testing.T) {
	for c := range 256 {
		stops := c < 0x20 || c == '"' || c == '\\'
		for at := range 20 {
			for _, around := range []string{"a", "\u007f", "\x80", "\xff", "!", "[", "#", " ", "]"} {
				text := strings.Repeat(around, at) + string([]byte{byte(c)}) + strings.Repeat(around, 3) + `"` + strings.Repeat(around, 9)
				want := strings.IndexByte(text, '"')
				if stops {
					want = at
				}
				if got := plainBytes(text); got != want {
					t.Fatalf("%q: got %d, want %d", text, got, want)
				}
				if got := plainBytes(text[:want]); got != want {
					t.Fatalf("%q: got %d, want all %d", text[:want], got, want)
				}
			}
		}
	}
}

func FuzzJSON(f *testing.F) {
	for _, text := range []string{
		``, `{}x`, `[tru`, `[01]`, `[1.]`, `{"a":[1,],}`, "\ufeff{}",
		`{"a":[1,-0.5e+7,"x",true,false,null,{}],"b":{"c":[]}}`, " \t\r\n{ \"a\" : [ 1 , 2 ] } \n",
		`"\"\\\/\b\f\n\r\t\u00e9\uD83D\uDE00"`, `{"a":"\u00`, "\"\x1f\"",
		`["\ud800"]`, `["\udc00"]`, `"\udc00\ud800"`, `"\ud800\ud83d\ude00"`, // half a pair, and a pair the wrong way round
		"\"é€😀\"", "\"\ufffd\\ufffd\"", "\"\xc0\xaf\"", "\"\xed\xa0\x80\"", // UTF-8, an overlong form, a surrogate
		`{"a":1,"b":2,"a":3}`, `{"a":1,"\u0061":2}`, `{"a":[{"b":1,"b":2}]}`, `{"a":{"a":{"a":1}},"b":{"a":1}}`, // twice, but for the last
		strings.Repeat("[", 16) + strings.Repeat("]", 16), strings.Repeat("[", 17) + strings.Repeat("]", 17), `{"a":{"a":{"a":{"a":{"a":0}}}}}`,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		checkJSON(t, text, maxJSONDepth, maxJSONMembers)
		checkJSON(t, text, maxHeaderDepth, maxHeaderMembers)
		checkJSON(t, text, 2, 3)
	})
}
