package jwtverify_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.com/jwtverify"
)

// A process that is not root takes a copy of its own, and of root, and of nobody else.
// On Linux a single thread can be another user's.
func TestStoredCopyOfAUserWhoIsNotRoot(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can become another user")
	}
	const user, otherUser = 12345, 12346
	dir, err := os.MkdirTemp("", "jwtverify-stored-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	content := storedCopy(t, time.Now().UTC().Format(`"`+time.RFC3339+`"`))
	for name, test := range map[string]struct {
		owner int
		want  string // in the error; "" is taken
	}{
		"its own":        {user, ""},
		"root's":         {0, ""},
		"another user's": {otherUser, "belongs to another user"},
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(path, test.owner, -1); err != nil {
			t.Fatal(err)
		}
		var set *jwtverify.KeySet
		done := make(chan error)
		go func() {
			runtime.LockOSThread() // and never unlocked: the thread ends with this function
			_, _, failed := syscall.RawSyscall(syscall.SYS_SETREUID, ^uintptr(0), user, 0)
			if failed != 0 {
				done <- failed
				return
			}
			var err error
			set, err = jwtverify.StoredKeySource{Source: &fixedAnswer{err: errors.New("down")}, Path: path}.Keys(t.Context())
			done <- err
		}()
		err := <-done
		switch {
		case test.want == "" && (set == nil || set.Len() != 1):
			t.Errorf("%s: got error %v, want the copy", name, err)
		case test.want != "" && (set != nil || !strings.Contains(err.Error(), test.want)):
			t.Errorf("%s: got %v, error %v, want an error with %q", name, set, err, test.want)
		}
	}
}
