package charset_test

import (
	"testing"

	"example.com/jwtverify/internal/charset"
)

func TestDecode(t *testing.T) {
	const mark, utf16 = "starts with a byte order mark, want UTF-8 without one", "is in UTF-16, want UTF-8"
	for name, test := range map[string]struct{ data, text, flaw string }{
		"nothing":                           {"", "", ""},
		"plain text":                        {"{\"é\":1}", "{\"é\":1}", ""},
		"a byte order mark":                 {"\ufeff{}", "{}", mark},
		"a byte order mark alone":           {"\ufeff", "", mark},
		"two byte order marks":              {"\ufeff\ufeff{}", "\ufeff{}", mark},
		"half a byte order mark":            {"\xef\xbb{}", "\xef\xbb{}", ""},
		"a byte order mark behind":          {"{}\ufeff", "{}\ufeff", ""},
		"UTF-16 of little end":              {"\xff\xfe{\x00}\x00", "{}", utf16},
		"UTF-16 of big end":                 {"\xfe\xff\x00{\x00}", "{}", utf16},
		"UTF-16 without a mark, little end": {"{\x00}\x00", "{}", utf16},
		"UTF-16 without a mark, big end":    {"\x00{\x00}", "{}", utf16},
		"UTF-16 beyond ASCII":               {"\xff\xfe\x3b\x04\x3d\xd8\x00\xde", "л😀", utf16},
		"UTF-16 with half a pair":           {"\xff\xfe\x3d\xd8", "\ufffd", utf16},
		"UTF-16 with half a character":      {"\xff\xfe{\x00}", "{\ufffd", utf16},
		"the mark of UTF-16 alone":          {"\xff\xfe", "", utf16},
		"a zero byte in front":              {"\x00{}\n", "\x00{}\n", ""},
		"two zero bytes in front":           {"\x00\x00{}", "\x00\x00{}", ""},
		"three bytes, the middle one zero":  {"{\x00}", "{\x00}", ""},
		"three bytes, the outer ones zero":  {"\x00{\x00", "\x00{\x00", ""},
		"a zero byte behind":                {"{\x00", "{\x00", ""},
		"other bytes":                       {"\xff\xff\xff\xff", "\xff\xff\xff\xff", ""},
	} {
		if text, flaw := charset.Decode([]byte(test.data)); text != test.text || flaw != test.flaw {
			t.Errorf("%s: got %q, %q, want %q, %q", name, text, flaw, test.text, test.flaw)
		}
	}
}
