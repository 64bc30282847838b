package safefile_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"example.com/jwtverify/internal/safefile"
)

// The files of /proc say that they have 0 bytes, as one that grows while it is read.
func TestReadStopsAtTheLimit(t *testing.T) {
	const path = "/proc/self/maps"
	if data, info, err := safefile.Read(path, 5); err == nil || err.Error() != path+" is larger than 5 bytes" || data != nil || info != nil {
		t.Errorf("got %q, %v, error %v", data, info, err)
	}
	data, _, err := safefile.Read("/proc/self/comm", 100)
	if err != nil || len(data) == 0 {
		t.Fatalf("got %q, error %v", data, err)
	}
	for limit, want := range map[int]bool{len(data): true, len(data) - 1: false} {
		if _, _, err := safefile.Read("/proc/self/comm", int64(limit)); (err == nil) != want {
			t.Errorf("%d bytes, limit %d: got error %v", len(data), limit, err)
		}
	}
	// Nothing is mapped at address 0.
	if data, info, err := safefile.Read("/proc/self/mem", 5); !errors.Is(err, syscall.EIO) || data != nil || info != nil {
		t.Errorf("a read that fails: got %q, %v, error %v", data, info, err)
	}
}

// A process that is not root takes a file of its own, and of root, and of nobody else.
// On Linux a single thread can be another user's.
func TestCheckOwnerOfAUserWhoIsNotRoot(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can become another user")
	}
	const user, otherUser = 12345, 12346
	dir, err := os.MkdirTemp("", "jwtverify-safefile-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		owner int
		mode  os.FileMode
		want  string // the error; "" is taken
	}{
		"its own":        {user, 0o600, ""},
		"root's":         {0, 0o644, ""},
		"another user's": {otherUser, 0o644, "belongs to another user, want this process's user or root"},
		"unreadable":     {0, 0o600, "open " + filepath.Join(dir, "unreadable") + ": permission denied"},
	} {
		path := write(t, filepath.Join(dir, name), "x")
		if err := errors.Join(os.Chmod(path, test.mode), os.Chown(path, test.owner, -1)); err != nil {
			t.Fatal(err)
		}
		done := make(chan error)
		go func() {
			runtime.LockOSThread() // and never unlocked: the thread ends with this function
			if _, _, failed := syscall.RawSyscall(syscall.SYS_SETREUID, ^uintptr(0), user, 0); failed != 0 {
				done <- failed
				return
			}
			_, info, err := safefile.Read(path, 5)
			if err == nil {
				err = safefile.CheckOwner(info)
			}
			done <- err
		}()
		if err := <-done; test.want == "" && err != nil || test.want != "" && (err == nil || err.Error() != test.want) {
			t.Errorf("%s: got error %v, want %q", name, err, test.want)
		}
	}
}
