// Package strictjsontest is for tests of strict JSON: a judge that uses only
// encoding/json, and a measure for the cost of reading.
package strictjsontest

import (
	"encoding/json"
	"strconv"
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
	// The text is valid: what is left to be found is where containers and names begin.
	var open []map[string]bool // the names of each object, nil for an array
	name := false              // the next string is one
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '{', '[':
			if len(open) == maxDepth {
				return "depth"
			}
			var names map[string]bool
			if name = text[i] == '{'; name {
				names = make(map[string]bool)
			}
			open = append(open, names)
		case '}', ']':
			open = open[:len(open)-1]
		case ',':
			name = open[len(open)-1] != nil
		case '"':
			start := i
			for i++; text[i] != '"'; i++ {
				if text[i] == '\\' {
					i++
				}
			}
			if !name {
				continue
			}
			name = false
			var read string
			_ = json.Unmarshal([]byte(text[start:i+1]), &read)
			names := open[len(open)-1]
			if names[read] {
				return "duplicate"
			}
			if names[read] = true; len(names) > maxMembers {
				return "members"
			}
		}
	}
	return ""
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
