// Package charset decodes documents that editors, shells and exports wrote in other
// encodings than plain UTF-8.
package charset

import (
	"bytes"
	"encoding/binary"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Decode returns a text in UTF-8 without a byte order mark. flaw says what the text was
// instead. It completes a sentence, for formats that require UTF-8 (RFC 8259, section
// 8.1). A text in an encoding that is not recognised is returned unchanged.
func Decode(data []byte) (text, flaw string) {
	if rest, found := bytes.CutPrefix(data, []byte("\ufeff")); found {
		return string(rest), "starts with a byte order mark, want UTF-8 without one"
	}
	var order binary.ByteOrder
	switch {
	case bytes.HasPrefix(data, []byte{0xff, 0xfe}), len(data) > 3 && data[0] != 0 && data[1] == 0 && data[2] != 0 && data[3] == 0:
		order = binary.LittleEndian
	case bytes.HasPrefix(data, []byte{0xfe, 0xff}), len(data) > 3 && data[0] == 0 && data[1] != 0 && data[2] == 0 && data[3] != 0:
		order = binary.BigEndian
	default:
		return string(data), ""
	}
	var units []uint16
	for ; len(data) > 1; data = data[2:] {
		units = append(units, order.Uint16(data))
	}
	if len(data) > 0 {
		units = append(units, utf8.RuneError) // half a character
	}
	return strings.TrimPrefix(string(utf16.Decode(units)), "\ufeff"), "is in UTF-16, want UTF-8"
}
