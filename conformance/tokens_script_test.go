package conformance_test

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"os"
	"os/exec"
	"testing"
)

func TestTokensOfNPMPackages(t *testing.T) {
	node := need(t, "node")
	if _, err := os.Stat("node/node_modules"); err != nil {
		skip(t, "node/node_modules is not there")
	}
	table := newTable("Tokens of npm packages", "library", "good, accepted", "bad, refused", "not made")
	for _, library := range []string{"jose", "jsonwebtoken"} {
		m := runMinter(t, library, node, "node/mint.mjs")
		m.library = "`" + library + "`"
		judgeMinted(t, table, m)
	}
	table.compare(t)
}

func TestTokensOfPythonJOSE(t *testing.T) {
	// Debian's python3-jose belongs to Debian's Python; another may come first in PATH.
	const python = "/usr/bin/python3"
	if err := exec.Command(python, "-c", "import jose").Run(); err != nil {
		skip(t, python+" has no module jose, or is not there")
	}
	table := newTable("Tokens of python-jose", "library", "good, accepted", "bad, refused", "not made")
	m := runMinter(t, "python-jose", python, "python/mint.py")
	m.library = "`python3-jose` of Debian"
	judgeMinted(t, table, m)
	table.compare(t)
}

// need returns the path of a program, or skips the test.
func need(t *testing.T, program string) (path string) {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		skip(t, program+" is not there")
	}
	return path
}

// skip skips a test for what install.sh installs. CONFORMANCE_REQUIRE=1 says that it
// has been run.
func skip(t *testing.T, reason string) {
	t.Helper()
	if os.Getenv("CONFORMANCE_REQUIRE") != "" {
		t.Fatalf("%s: run ./install.sh", reason)
	}
	t.Skipf("%s: ./install.sh installs what this test needs", reason)
}

// runMinter has a script make the tokens. The private keys, made for this run, go to it
// on stdin, never by a file.
func runMinter(t *testing.T, library string, command ...string) minted {
	t.Helper()
	keys := newMintKeys(t)
	request, err := json.Marshal(map[string]any{
		"library": library,
		"cases":   mintCases,
		"keys": map[string]string{
			"rsa": privatePEM(t, keys.rsa), "ec256": privatePEM(t, keys.ec256), "ec384": privatePEM(t, keys.ec384),
			"ed25519": privatePEM(t, keys.ed25519), "secret": string(keys.secret),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	script := exec.CommandContext(t.Context(), command[0], command[1:]...)
	script.Stdin, script.Stdout, script.Stderr = bytes.NewReader(request), &stdout, &stderr
	if err := script.Run(); err != nil {
		t.Fatalf("%v: %v\n%s", command, err, stderr.Bytes())
	}
	var answer struct {
		JWKS    json.RawMessage
		Tokens  map[string]string
		Refused map[string]string
	}
	if err := json.Unmarshal(stdout.Bytes(), &answer); err != nil {
		t.Fatalf("%v printed no JSON: %v", command, err)
	}
	m := minted{jwks: answer.JWKS, tokens: answer.Tokens, refused: make(map[string]error)}
	for name, reason := range answer.Refused {
		m.refused[name] = errors.New(reason)
	}
	return m
}

func privatePEM(t *testing.T, key crypto.PrivateKey) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}
