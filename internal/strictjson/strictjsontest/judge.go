// Package strictjsontest is for tests of strict JSON: a judge that uses only
// encoding/json, and a measure for the cost of reading.
package strictjsontest

import (
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Judge says why a text must be refused, or nothing. It uses only
// encoding/json.
func Judge(text string, maxDepth, maxMembers int) (reason string) {
	switch {
	case !utf8.ValidString(text):
		return "not UTF-8"
	case !json.Valid([]byte(text)):
		return "not RFC 8259" // encoding/json refuses a byte order mark for that reason
	case hasLoneSurrogate(text):
		return "lone surrogate"
	}
	type container struct {
		object, value bool // value: the next token of an object is one
		names         map[string]bool
	}
	var open []*container
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	for {
		token, err := decoder.Token()
		if err != nil {
			return ""
		}
		if token == json.Delim('}') || token == json.Delim(']') {
			open = open[:len(open)-1]
			continue
		}
		if len(open) > 0 {
			if inner := open[len(open)-1]; inner.object {
				if name, ok := token.(string); ok && !inner.value {
					if inner.names[name] {
						return "duplicate"
					}
					if inner.names[name] = true; len(inner.names) > maxMembers {
						return "members"
					}
				}
				inner.value = !inner.value
			}
		}
		if token == json.Delim('{') || token == json.Delim('[') {
			if len(open) == maxDepth {
				return "depth"
			}
			open = append(open, &container{object: token == json.Delim('{'), names: map[string]bool{}})
		}
	}
}

// hasLoneSurrogate looks for \u escapes in a text that is valid JSON, where a
// backslash stands in strings only.
func hasLoneSurrogate(text string) bool {
	unit := func(at int) uint64 {
		if at+6 > len(text) || text[at:at+2] != `\u` {
			return 0
		}
		value, _ := strconv.ParseUint(text[at+2:at+6], 16, 16)
		return value
	}
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' {
			continue
		}
		high, low := unit(i), unit(i+6)
		switch {
		case 0xd800 <= high && high < 0xdc00 && 0xdc00 <= low && low < 0xe000:
			i += 11
		case 0xd800 <= high && high < 0xe000:
			return true
		default:
			i++ // the character behind the backslash is not one itself
		}
	}
	return false
}
