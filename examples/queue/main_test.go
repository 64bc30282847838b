package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"example.com/jwtverify"
	"example.com/jwtverify/issuertest"
)

// consumer returns what answers one message. Its keys are those in the file.
func consumer(t *testing.T, iss *issuertest.Issuer, keys string) func(message string) (answer string) {
	t.Helper()
	config := iss.Config()
	config.Keys = jwtverify.FileKeySource(keys)
	verifier, err := jwtverify.New(config)
	if err != nil {
		t.Fatal(err)
	}
	return func(message string) string {
		t.Helper()
		var answers strings.Builder
		if err := consume(t.Context(), verifier, strings.NewReader(message+"\n"), &answers); err != nil {
			t.Fatal(err)
		}
		return answers.String()
	}
}

func order(t *testing.T, token string) string {
	t.Helper()
	line, err := json.Marshal(message{token, "two chairs"})
	if err != nil {
		t.Fatal(err)
	}
	return string(line)
}

func TestMessages(t *testing.T) {
	iss := issuertest.New(t, issuertest.WithClaims(issuertest.Claims{"scope": "orders:write"}))
	keys := filepath.Join(t.TempDir(), "keys.json")
	if err := os.WriteFile(keys, iss.JWKS(), 0o600); err != nil {
		t.Fatal(err)
	}
	answer := consumer(t, iss, keys)
	for _, test := range []struct{ name, message, want string }{
		{"a good token", order(t, iss.Token()), `ack: "two chairs" for "m2m"`},
		{"no token", `{"order":"two chairs"}`, "dead letter: jwtverify: token is invalid: token is empty"},
		{"a token behind Bearer", order(t, "Bearer "+iss.Token()), "dead letter: jwtverify: token is invalid"},
		{"an expired token", order(t, iss.Token(issuertest.Claims{"exp": iss.Now().Add(-time.Hour).Unix()})), "dead letter: jwtverify: token is invalid: token expired"},
		{"a token for another audience", order(t, iss.Token(issuertest.Claims{"aud": "https://other.test"})), "dead letter: jwtverify: token is invalid: audience"},
		{"a token without the scope", order(t, iss.Token(issuertest.Claims{"scope": "orders:read"})), "dead letter: jwtverify: token is invalid: it lacks the scope orders:write"},
		{"a token bound to a key", order(t, iss.Token(issuertest.Claims{"cnf": map[string]any{"jkt": "x"}})), "dead letter: jwtverify: token is invalid: it is bound to a key"},
		{"no JSON", "two chairs", "dead letter: the message is not JSON"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := answer(test.message); !strings.HasPrefix(got, test.want) || strings.Count(got, "\n") != 1 {
				t.Errorf("got %q, want one line that begins with %q", got, test.want)
			}
		})
	}
	runs := 0 // of orders with a bad token
	for _, bad := range iss.BadTokens() {
		got := answer(order(t, bad.Token))
		if !strings.HasPrefix(got, "dead letter: ") {
			t.Errorf("%s: got %q, want a dead letter", bad.Name, got)
		}
		if strings.HasPrefix(got, "ack: ") {
			runs++
		}
	}
	if runs != 0 {
		t.Errorf("%d orders with a bad token were taken, want none", runs)
	}
}

// Without keys nothing is known about the message: it must not be lost.
func TestOutage(t *testing.T) {
	iss := issuertest.New(t)
	for name, content := range map[string]string{"no file": "", "half a file": string(iss.JWKS()[:100]), "no keys": `{"keys":[]}`} {
		t.Run(name, func(t *testing.T) {
			keys := filepath.Join(t.TempDir(), "keys.json")
			if content != "" {
				if err := os.WriteFile(keys, []byte(content), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if got := consumer(t, iss, keys)(order(t, iss.Token())); !strings.HasPrefix(got, "nack: again in ") {
				t.Errorf("got %q, want a nack with a delay", got)
			}
		})
	}
}
