package jwktest

import (
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
)

// InFIPSMode reports whether FIPS 140 mode is on. The mode is that of a process: where it is
// off, the test is run once more, in a process with it, and must pass there.
func InFIPSMode(t *testing.T) bool {
	t.Helper()
	if strings.Contains(os.Getenv("GODEBUG"), "fips140=only") {
		return true
	}
	if strings.Contains(runtime.Version(), "boringcrypto") {
		t.Skip("Go has one of the two: BoringCrypto, or FIPS 140 mode")
	}
	command := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	command.Env = append(os.Environ(), "GODEBUG=fips140=only")
	if out, err := command.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Errorf("%v\n%s", err, out)
	}
	return false
}
