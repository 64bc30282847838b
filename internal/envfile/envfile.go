// Package envfile reads the files that keep settings for the environment, as python-dotenv
// does. An error names a line and never repeats what stands there, since such files hold
// secrets.
package envfile

import (
	"fmt"
	"io"
	"os"
	"strings"

	"example.com/jwtverify/internal/charset"
	"example.com/jwtverify/internal/quote"
)

// An env file is one that the program's user wrote: a few lines.
const maxBytes = 64 << 10

// Read reads a file. It may be a pipe.
func Read(path string) (map[string]string, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxBytes+1))
	switch {
	case err != nil:
		return nil, err
	case len(data) > maxBytes:
		return nil, fmt.Errorf("%s has more than %d bytes, want KEY=VALUE lines", quote.Text(path, 100), maxBytes)
	}
	text, _ := charset.Decode(data)
	values, err := Parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", quote.Text(path, 100), err)
	}
	return values, nil
}

// Parse reads what python-dotenv, which the guide uses, reads: KEY=VALUE lines,
// with or without "export " before them, # comments, values in single or double
// quotes, which may go on over several lines. A later line beats an earlier one.
// Nothing is expanded: a $ is a $.
func Parse(text string) (map[string]string, error) {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	values := make(map[string]string)
	for number := 1; text != ""; {
		line, rest, _ := strings.Cut(text, "\n")
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			text = rest
			number++
			continue
		}
		if after, ok := strings.CutPrefix(line, "export"); ok && strings.TrimLeft(after, " \t") != after {
			line = strings.TrimLeft(after, " \t")
		}
		key, value, hasValue := strings.Cut(line, "=")
		key, value = strings.TrimRight(key, " \t"), strings.TrimLeft(value, " \t")
		if !hasValue || !isEnvName(key) {
			return nil, fmt.Errorf("line %d: want KEY=VALUE, a comment after #, or nothing", number)
		}
		switch {
		case value == "":
		case value[0] == '"' || value[0] == '\'':
			// From here on the text counts, not the line: the value may be longer.
			start := strings.IndexByte(text, '=') + 1
			start += strings.IndexByte(text[start:], value[0]) + 1
			unquoted, length := quotedValue(text[start:], value[0])
			if length < 0 {
				return nil, fmt.Errorf("line %d: a quote has no end", number)
			}
			number += strings.Count(text[:start+length], "\n")
			value = unquoted
			var behind string
			behind, rest, _ = strings.Cut(text[start+length:], "\n")
			if behind = strings.TrimSpace(behind); behind != "" && behind[0] != '#' {
				return nil, fmt.Errorf("line %d: text behind the closing quote", number)
			}
		default:
			value = withoutComment(value)
		}
		values[key] = value
		text = rest
		number++
	}
	return values, nil
}

func isEnvName(name string) bool {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_"
	return name != "" && strings.Trim(name, letters+"0123456789.") == "" && strings.ContainsRune(letters, rune(name[0]))
}

// quotedValue returns the value that ends with the quote, and its length in the text
// with the quote; -1 if that is missing. A backslash takes the special meaning from a
// quote or backslash; in double quotes it also makes \n, \r and \t.
func quotedValue(text string, quote byte) (value string, length int) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == quote:
			return b.String(), i + 1
		case c != '\\' || i+1 == len(text):
			b.WriteByte(c)
		default:
			i++
			special := strings.IndexByte("nrt", text[i])
			switch {
			case text[i] == quote || text[i] == '\\':
				b.WriteByte(text[i])
			case quote == '"' && special >= 0:
				b.WriteByte("\n\r\t"[special])
			default:
				b.WriteString(text[i-1 : i+1])
			}
		}
	}
	return "", -1
}

// withoutComment cuts off a comment: a # at the start or behind white space. In
// https://a.test/#b it is part of the value.
func withoutComment(value string) string {
	for i := range len(value) {
		if value[i] == '#' && (i == 0 || value[i-1] == ' ' || value[i-1] == '\t') {
			value = value[:i]
			break
		}
	}
	return strings.TrimRight(value, " \t")
}
