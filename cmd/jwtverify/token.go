package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"example.com/jwtverify/internal/charset"
	"example.com/jwtverify/internal/notjwt"
	"example.com/jwtverify/internal/screen"
)

// A token can be four times as long as a verifier takes, with a token endpoint's
// answer around it.
const maxInputBytes = 64 << 10

// readToken returns the token of the one place where it is, without what people and
// programs leave around it; the notes say what that was.
func (s *session) readToken(f *flags) (token string, notes []string, err error) {
	text, err := s.readInput(f)
	if err != nil {
		return "", nil, err
	}
	if token, notes, err = clean(text); err == nil {
		s.hidden.Add(token)
	}
	return token, notes, err
}

func (s *session) readInput(f *flags) (string, error) {
	fromFile := f.given["token-file"]
	switch {
	case len(f.args) > 1:
		return "", fmt.Errorf("got %d arguments, want one token: flags with a value are written --flag VALUE", len(f.args))
	case len(f.args) == 1 && fromFile:
		return "", errors.New("a token is given as argument and by --token-file: want one of them")
	case fromFile:
		file, err := os.Open(f.tokenFile)
		if err != nil {
			return "", fmt.Errorf("--token-file: %w", err)
		}
		defer file.Close()
		return readAll(file, "--token-file")
	case len(f.args) == 1 && f.args[0] != "-":
		return readArgument(f.args[0])
	case len(f.args) == 0 && screen.IsTerminal(s.stdin):
		return "", tokenMissing("no argument, no --token-file, and stdin is a terminal")
	}
	return readAll(s.stdin, "stdin")
}

// readArgument takes an argument for a token, or for a file where there is one of this
// name, or where the name is one of a file.
func readArgument(argument string) (string, error) {
	switch {
	case len(argument) > maxInputBytes:
		return "", tooLong("the argument")
	case screen.WithoutTokens(argument) != argument:
		return argument, nil
	}
	file, err := os.Open(argument)
	if err != nil {
		if strings.Contains(argument, "/") || slices.Contains([]string{".txt", ".json", ".jwt", ".token"}, filepath.Ext(argument)) {
			return "", fmt.Errorf("neither a token nor a file with one: %w", err)
		}
		return argument, nil
	}
	defer file.Close()
	return readAll(file, screen.Quoted(argument))
}

func readAll(r io.Reader, name string) (string, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxInputBytes+1))
	if err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	if len(data) > maxInputBytes {
		return "", tooLong(name)
	}
	text, _ := charset.Decode(data) // > of PowerShell writes UTF-16
	return text, nil
}

func tooLong(name string) error {
	return fmt.Errorf("%s has more than %d bytes, want one token; verify --lines takes many", name, maxInputBytes)
}

func tokenMissing(found string) error {
	return &problem{
		text: "there is no token", code: "token-missing",
		expected: "a token, or a token endpoint's answer", found: found,
	}
}

// printNotes says what was removed around a token.
func (s *session) printNotes(notes []string) {
	for _, note := range notes {
		fmt.Fprintf(s.stderr, "note: %s (token-cleaned)\n", note)
	}
}

// clean takes a token out of what is often around it. A line end is not worth a
// note.
func clean(text string) (token string, notes []string, err error) {
	text = strings.TrimRight(text, "\r\n")
	var answer map[string]json.RawMessage // names in a map are compared exactly
	if json.Unmarshal([]byte(text), &answer) == nil && answer != nil {
		if text, err = accessToken(answer); err != nil {
			return "", nil, err
		}
		notes = []string{"access_token taken from a JSON object"}
	}
	token, removed := notjwt.Clean(text)
	if token == "" {
		return "", nil, tokenMissing("nothing")
	}
	return token, append(notes, removed...), nil
}

func accessToken(answer map[string]json.RawMessage) (string, error) {
	var token *string
	if raw, has := answer["access_token"]; has {
		if json.Unmarshal(raw, &token) == nil && token != nil {
			return *token, nil
		}
		return "", tokenMissing("a JSON object whose access_token is not a string")
	}
	// RFC 6749, section 5.2: the token endpoint says why there is none.
	var reason string
	if json.Unmarshal(answer["error"], &reason) == nil {
		return "", tokenMissing("a JSON object with error " + screen.Quoted(reason))
	}
	return "", tokenMissing("a JSON object without access_token")
}
