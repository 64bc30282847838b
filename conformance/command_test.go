package conformance_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"os/exec"
	"path/filepath"
	"testing"
)

// A question is a token and the key set by which `jwtverify verify --lines` is to
// judge it.
type question struct{ set, token string }

// askCommand builds the command and has it answer all questions in one run. What it
// can say is the class; of a set without usable key that is keys_unavailable.
func askCommand(t *testing.T, questions []question) []class {
	t.Helper()
	program := filepath.Join(t.TempDir(), "jwtverify.exe")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, "example.com/jwtverify/cmd/jwtverify").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	var stdin, stdout, stderr bytes.Buffer
	lines := json.NewEncoder(&stdin)
	for i, q := range questions {
		if err := lines.Encode(map[string]any{
			"id": i, "token": q.token, "jwks": q.set,
			"issuer": issuerURL, "audience": audience, "now": now, "leeway": 0,
		}); err != nil {
			t.Fatal(err)
		}
	}
	command := exec.CommandContext(t.Context(), program, "verify", "--lines")
	command.Stdin, command.Stdout, command.Stderr = &stdin, &stdout, &stderr
	var exit *exec.ExitError
	if err := command.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	var answers []class
	for scanner := bufio.NewScanner(&stdout); scanner.Scan(); {
		var answer struct {
			ID             int
			Verdict, Error string
		}
		if err := json.Unmarshal(scanner.Bytes(), &answer); err != nil {
			t.Fatalf("the command printed a line that is no JSON: %v", err)
		}
		if answer.ID != len(answers) {
			t.Fatalf("the command answered question %d in place of %d", answer.ID, len(answers))
		}
		c := class(answer.Error)
		if answer.Verdict == "accepted" {
			c = accepted
		}
		answers = append(answers, c)
	}
	if len(answers) != len(questions) {
		t.Fatalf("the command answered %d of %d questions and said: %s", len(answers), len(questions), stderr.Bytes())
	}
	return answers
}
