package notkeys_test

import (
	"strings"
	"testing"

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
