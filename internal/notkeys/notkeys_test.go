package notkeys_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"example.com/jwtverify/internal/fetch"
	"example.com/jwtverify/internal/notkeys"
)

func TestWhatIsNoKeySetIsToldByLookingAtIt(t *testing.T) {
	const certificate = `"-----BEGIN CERTIFICATE-----\nMIID\n-----END CERTIFICATE-----\n"`
	for name, test := range map[string]struct{ text, cause, words string }{
		"a key set":                  {`{"keys":[]}`, "", ""},
		"a key":                      {`{"kty":"RSA"}`, "", ""},
		"nothing that is known":      {`{"a":1}`, "", ""},
		"text":                       {"hello", "", ""},
		"nothing":                    {" \n", "empty", ""},
		"HTML":                       {" \n<!DOCTYPE html><p>SECRET", "html", ""},
		"HTML behind a mark":         {"\ufeff<html>", "html", ""},
		"an error of a bucket":       {`<?xml version="1.0"?><Error><Code>SECRET</Code></Error>`, "xml", "got XML"},
		"a map of certificates":      {`{"a":` + certificate + `,"b":` + certificate + `}`, "certificates", "map of names to certificates"},
		"a map of public keys":       {`{"a":"-----BEGIN PUBLIC KEY-----\nMIID"}`, "certificates", "map of names to certificates"},
		"metadata":                   {`{"issuer":"https://i.example","jwks_uri":"https://u:p@i.example/keys?SECRET"}`, "metadata", `jwks_uri is "https://i.example/keys"`},
		"metadata without jwks_uri":  {`{"issuer":"https://i.example","token_endpoint":"https://i.example/t"}`, "metadata", "the issuer's metadata"},
		"an error":                   {`{"error":"SECRET"}`, "error", `member "error"`},
		"a message":                  {`{"message":"SECRET"}`, "error", `member "message"`},
		"an answer with a token":     {`{"access_token":"SECRET"}`, "token", "token endpoint"},
		"an array of keys":           {`[{"kty":"RSA"}]`, "list", `"keys"`},
		"a set within a set":         {`{"jwks":{"keys":[]}}`, "nested", `member "jwks"`},
		"half a set":                 {`{"keys":[{"kty":"RSA"`, "cut off", ""},
		"a set that is signed":       {"eyJhbGciOiJSUzI1NiJ9.eyJrZXlzIjpbXX0.SECRET", "signed", "JWT"},
		"a key of SSH":               {"ssh-rsa AAAAB3NzaC1yc2E me@host", "ssh", "SSH"},
		"a private key":              {`{"kty":"RSA","d":"SECRET"}`, "private", ""},
		"a private key in PEM":       {"-----BEGIN RSA PRIVATE KEY-----\nSECRET", "private", ""},
		"a public key in PEM":        {"-----BEGIN PUBLIC KEY-----\nMIID", "", ""},
		"text with two dots":         {"www.example.com", "", ""},
		"a set with a flaw within":   {`{"keys" []}`, "", ""},
		"half of the most looked at": {`{"a":"` + strings.Repeat("x", 64<<10-6), "cut off", ""},
		"half of one byte more":      {`{"a":"` + strings.Repeat("x", 64<<10-5), "", ""},
		"a long document of no kind": {`{"a":"` + strings.Repeat("x", 100_000), "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			cause, words := notkeys.Look([]byte(test.text))
			if cause != test.cause || !strings.Contains(words, test.words) || (words == "") != (test.words == "") {
				t.Errorf("got %q, %q, want %q and words with %q", cause, words, test.cause, test.words)
			}
			if strings.Contains(words, "SECRET") {
				t.Errorf("the words show the document: %s", words)
			}
		})
	}
}

func TestMetadataThatNameNoAddressAreMetadata(t *testing.T) {
	for name, text := range map[string]string{
		"an empty jwks_uri":             `{"jwks_uri":""}`,
		"a jwks_uri that is a number":   `{"jwks_uri":1}`,
		"a jwks_uri that is no address": `{"jwks_uri":"%"}`,
	} {
		if cause, words := notkeys.Look([]byte(text)); cause != "metadata" || words != "is not one: it is the issuer's metadata" {
			t.Errorf("%s: got %q, %q", name, cause, words)
		}
	}
}

// coded is what package diagnosis asks an error for.
type coded interface {
	Diagnosis() (code, cause, found string)
}

func TestTheReaderOfKeySetsIsExplained(t *testing.T) {
	reader := errors.New("has no keys")
	for name, test := range map[string]struct{ text, cause, says string }{
		"the words of the document come before the reader's": {`{"error":"SECRET"}`, "error", `is not one: it is an error or a message in JSON, with the member "error"`},
		"the reader's words stay where they say as much":     {`{"keys":[{"kty":"RSA"`, "cut off", "has no keys"},
		"a set with a flaw has no cause":                     {`{"keys":1}`, "", "has no keys"},
	} {
		t.Run(name, func(t *testing.T) {
			e := notkeys.Explain([]byte(test.text), reader)
			code, cause, found := e.Diagnosis()
			if code != "keys-not-json" || cause != test.cause || e.Error() != test.says || found != "it "+test.says {
				t.Errorf("got %s, %s, found %q, error %q, want %s and %q", code, cause, found, e, test.cause, test.says)
			}
			if errors.Is(e, reader) != (test.says == reader.Error()) {
				t.Errorf("got an error that holds %v", errors.Unwrap(e))
			}
		})
	}
}

func TestADocumentOverHTTPIsNamedWithItsAddress(t *testing.T) {
	explained := notkeys.Explain([]byte("ssh-rsa AAAA"), errors.New("begins with s"))
	plain := errors.New("is PEM")
	for name, test := range map[string]struct {
		mediaType    string
		err          error
		cause, found string
	}{
		"what was seen in it": {"text/plain", explained, "ssh", `"text/plain", 9 bytes: it is a key in the form of SSH, want a JWK Set, a JWK or PEM, at https://i.example/keys`},
		"within another error": {"text/plain", fmt.Errorf("wrapped: %w", explained), "ssh",
			`"text/plain", 9 bytes: it is a key in the form of SSH, want a JWK Set, a JWK or PEM, at https://i.example/keys`},
		"an error of another kind":             {"application/json", plain, "", `"application/json", 9 bytes: it is PEM, at https://i.example/keys`},
		"no media type":                        {"", plain, "", "no Content-Type, 9 bytes: it is PEM, at https://i.example/keys"},
		"HTML by its media type alone":         {"text/html; charset=utf-8", plain, "html", `"text/html; charset=utf-8", 9 bytes: it is not one: got HTML, not a key set; check the address, at https://i.example/keys`},
		"the document before its media type":   {"text/html", explained, "ssh", `"text/html", 9 bytes: it is a key in the form of SSH, want a JWK Set, a JWK or PEM, at https://i.example/keys`},
		"a media type that is long, shortened": {"a/" + strings.Repeat("b", 80), plain, "", `"a/` + strings.Repeat("b", 62) + `"…, 9 bytes: it is PEM, at https://i.example/keys`},
	} {
		t.Run(name, func(t *testing.T) {
			header := http.Header{}
			if test.mediaType != "" {
				header.Set("Content-Type", test.mediaType)
			}
			err := notkeys.From("GET https://i.example/keys", header, []byte("SECRETS!!"), test.err)
			var c coded
			if !errors.As(err, &c) {
				t.Fatalf("got %v, want an error with a diagnosis", err)
			}
			code, cause, found := c.Diagnosis()
			if code != "keys-not-json" || cause != test.cause || found != test.found {
				t.Errorf("got  %s %q %s\nwant keys-not-json %q %s", code, cause, found, test.cause, test.found)
			}
			if !strings.HasPrefix(err.Error(), "GET https://i.example/keys: the key set is ") {
				t.Errorf("the error does not begin with the request: %v", err)
			}
			if strings.Contains(err.Error()+found, "SECRET") {
				t.Errorf("the error shows the document: %v", err)
			}
		})
	}
}

func TestAHeaderThatWasHeldBackIsNamed(t *testing.T) {
	refused := func(cause string) error {
		return fmt.Errorf("wrapped: %w", &fetch.Refused{Request: "GET https://keys.example", Code: "keys-status", Cause: cause, Found: "a status"})
	}
	for name, test := range map[string]struct {
		err  error
		held bool
	}{
		"credentials are asked for":     {refused("401"), true},
		"the client is refused":         {refused("403"), true},
		"there is nothing":              {refused("404"), false},
		"there is no answer":            {errors.New("no route to host"), false},
		"a document that is no key set": {notkeys.Explain([]byte("ssh-rsa AAAA"), errors.New("x")), false},
	} {
		t.Run(name, func(t *testing.T) {
			err := notkeys.HeldBack(test.err)
			if !errors.Is(err, test.err) || err.Error() != test.err.Error() {
				t.Fatalf("got %v, want the text of %v", err, test.err)
			}
			if !test.held {
				if err != test.err {
					t.Errorf("got %#v, want the error as it was", err)
				}
				return
			}
			var c coded
			errors.As(err, &c)
			const want = "a status at https://keys.example, without the Header, which is for the issuer's own host"
			if code, cause, found := c.Diagnosis(); code != "keys-status" || cause != "header" || found != want {
				t.Errorf("got %s %s: %s\nwant keys-status header: %s", code, cause, found, want)
			}
		})
	}
}
