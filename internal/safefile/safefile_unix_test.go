//go:build unix

package safefile_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"example.com/jwtverify/internal/safefile"
)

// Opening a pipe would wait for somebody who writes.
func TestReadOpensNoPipeAndNoDevice(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, kind := range map[string]string{pipe: "p---------", "/dev/null": "Dc---------", "/dev/zero": "Dc---------"} {
		if data, info, err := safefile.Read(path, 5); err == nil || err.Error() != path+" is not a regular file ("+kind+")" || data != nil || info != nil {
			t.Errorf("%s: got %q, %v, error %v", path, data, info, err)
		}
	}
}

func TestReadWithoutPermission(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may read every file")
	}
	path := write(t, filepath.Join(t.TempDir(), "file"), "x")
	if err := os.Chmod(path, 0); err != nil {
		t.Fatal(err)
	}
	if _, _, err := safefile.Read(path, 5); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("got %v, want fs.ErrPermission", err)
	}
}

// The name may mean another file when it is opened than when it was looked at. What is
// found then is judged anew, before any of it is read.
func TestReadWhileTheFileIsReplaced(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	files := []string{write(t, filepath.Join(dir, "small"), "small"), write(t, filepath.Join(dir, "large"), "too large")}
	replace := func(i int) error {
		return errors.Join(os.Link(files[i%2], path+".new"), os.Rename(path+".new", path))
	}
	if err := replace(0); err != nil {
		t.Fatal(err)
	}
	stop, stopped := make(chan struct{}), make(chan error)
	go func() {
		defer close(stopped)
		for i := 1; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			if err := replace(i); err != nil {
				stopped <- err
				return
			}
		}
	}()
	refused, read := 0, 0
	for i := 0; i < 5_000 || i < 100_000 && (refused == 0 || read == 0); i++ {
		data, _, err := safefile.Read(path, 5)
		switch {
		case err == nil && string(data) == "small":
			read++
		case err != nil && err.Error() == path+" has 9 bytes, and may not be larger than 5 bytes":
			refused++
		default:
			t.Errorf("got %q, error %v", data, err)
			i = 100_000
		}
	}
	close(stop)
	if err := <-stopped; err != nil {
		t.Fatal(err)
	}
	if refused == 0 || read == 0 {
		t.Errorf("%d times refused, %d times read: the test says little", refused, read)
	}
}

// Whoever has the old file open keeps it whole.
func TestWriteLeavesTheOpenFileAlone(t *testing.T) {
	path := write(t, filepath.Join(t.TempDir(), "file"), "old")
	open, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	if err := safefile.Write(path, []byte("replaced")); err != nil {
		t.Fatal(err)
	}
	if data, err := io.ReadAll(open); err != nil || string(data) != "old" {
		t.Errorf("the old file holds %q now, error %v", data, err)
	}
}

func TestWriteIsPrivate(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0))
	path := write(t, filepath.Join(t.TempDir(), "file"), "x")
	if err := os.Chmod(path, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := safefile.Write(path, []byte("y")); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
		t.Errorf("got mode %v, error %v, want 0600", info.Mode(), err)
	}
}

// A disk that is full leaves the old file, and nothing beside it.
func TestWriteWithoutRoom(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := safefile.Write(path, []byte("old")); err != nil {
		t.Fatal(err)
	}
	signal.Ignore(syscall.SIGXFSZ)
	defer signal.Reset(syscall.SIGXFSZ)
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
		t.Fatal(err)
	}
	bounded := before
	bounded.Cur = 1000
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &bounded); err != nil {
		t.Skip(err)
	}
	err := safefile.Write(path, make([]byte, 1001))
	if restored := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &before); restored != nil {
		t.Fatal(restored)
	}
	if !errors.Is(err, syscall.EFBIG) {
		t.Errorf("got error %v, want EFBIG", err)
	}
	if data, err := os.ReadFile(path); err != nil || string(data) != "old" {
		t.Errorf("the file holds %d bytes, error %v, want the old ones", len(data), err)
	}
	if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 1 {
		t.Errorf("the folder holds %v, want the file alone", entries)
	}
}

// A fileInfo is one of a given mode and owner.
type fileInfo struct {
	mode fs.FileMode
	sys  any
}

func (fileInfo) Name() string        { return "file" }
func (fileInfo) Size() int64         { return 0 }
func (i fileInfo) Mode() fs.FileMode { return i.mode }
func (fileInfo) ModTime() time.Time  { return time.Time{} }
func (fileInfo) IsDir() bool         { return false }
func (i fileInfo) Sys() any          { return i.sys }

func TestCheckOwner(t *testing.T) {
	const others, another = "can be written by group or others: chmod 600", "belongs to another user, want this process's user or root"
	user := os.Geteuid()
	for mode, want := range map[fs.FileMode]string{
		0o600: "", 0o400: "", 0o644: "", 0o755: "", 0o000: "", 0o600 | fs.ModeSetuid: "",
		0o620: others, 0o602: others, 0o622: others, 0o666: others, 0o020: others, 0o002: others,
	} {
		if err := safefile.CheckOwner(fileInfo{mode, &syscall.Stat_t{Uid: uint32(user)}}); want == "" && err != nil || want != "" && (err == nil || err.Error() != want) {
			t.Errorf("mode %v: got error %v, want %q", mode, err, want)
		}
	}
	for name, test := range map[string]struct {
		sys  any
		want string
	}{
		"root's":           {&syscall.Stat_t{Uid: 0}, ""},
		"another user's":   {&syscall.Stat_t{Uid: uint32(user) + 1}, another},
		"of an unknown":    {nil, another},
		"of another group": {&syscall.Stat_t{Uid: uint32(user), Gid: 12345}, ""},
	} {
		if err := safefile.CheckOwner(fileInfo{0o600, test.sys}); test.want == "" && err != nil || test.want != "" && (err == nil || err.Error() != test.want) {
			t.Errorf("%s: got error %v, want %q", name, err, test.want)
		}
	}
}

// The name may become that of a pipe between the look and the open. That open must not wait
// for a writer.
func TestReadWhileTheFileBecomesAPipe(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	file, pipe := write(t, filepath.Join(dir, "regular"), "small"), filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	stop, stopped := make(chan struct{}), make(chan error)
	go func() {
		defer close(stopped)
		for i := 0; ; i++ {
			from := []string{file, pipe}[i%2]
			if err := errors.Join(os.Link(from, path+".new"), os.Rename(path+".new", path)); err != nil {
				stopped <- err
				return
			}
			select {
			case <-stop:
				return
			default:
			}
		}
	}()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 20_000 {
			if data, _, err := safefile.Read(path, 5); err == nil && string(data) != "small" {
				t.Errorf("got %q", data)
			}
		}
	}()
	select {
	case <-done:
	case <-time.After(30 * time.Second):
		t.Error("an open waits for a writer")
	}
	close(stop)
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

// What somebody else's link in a directory like /tmp points at was chosen by him.
func TestCheckLinks(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can make a link of another user")
	}
	const otherUser = 12346
	root := t.TempDir()
	private, shared := filepath.Join(root, "private"), filepath.Join(root, "shared")
	for dir, mode := range map[string]os.FileMode{private: 0o755, shared: 0o777 | os.ModeSticky} {
		if err := errors.Join(os.Mkdir(dir, 0o700), os.Chmod(dir, mode)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(private, "folder"), 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(private, "folder", "file"), "x")
	link := func(owner int, target, path string) {
		if err := errors.Join(os.Symlink(target, path), os.Lchown(path, owner, -1)); err != nil {
			t.Fatal(err)
		}
	}
	link(0, "folder", filepath.Join(private, "ours"))
	link(otherUser, "folder", filepath.Join(private, "theirs"))
	link(0, filepath.Join(private, "folder"), filepath.Join(shared, "ours"))
	link(otherUser, filepath.Join(private, "folder"), filepath.Join(shared, "theirs"))
	link(otherUser, filepath.Join(private, "folder", "file"), filepath.Join(shared, "file"))
	link(0, "../shared/./theirs/../folder", filepath.Join(private, "around"))
	link(0, "loop", filepath.Join(private, "loop"))
	const want = " is a symbolic link of another user in a directory that others can write: want a path without it"
	for path, want := range map[string]string{
		"private/folder/file":    "",
		"private/ours/file":      "",
		"private/theirs/file":    "", // whoever may write there could change the file itself
		"shared/ours/file":       "",
		"shared/theirs/file":     filepath.Join(shared, "theirs") + want,
		"shared/file":            filepath.Join(shared, "file") + want,
		"private/around/file":    filepath.Join(shared, "theirs") + want,
		"private/loop":           filepath.Join(root, "private/loop") + " has too many symbolic links",
		"private/missing/folder": "",
	} {
		err := safefile.CheckLinks(filepath.Join(root, path))
		if want == "" && err != nil || want != "" && (err == nil || err.Error() != want) {
			t.Errorf("%s: got %v, want %q", path, err, want)
		}
	}
	chain := filepath.Join(private, "chain")
	link(0, "folder", chain+"1")
	for i := 2; i <= 41; i++ {
		link(0, fmt.Sprint("chain", i-1), chain+fmt.Sprint(i))
	}
	if err := safefile.CheckLinks(chain + "40"); err != nil {
		t.Errorf("40 links: %v", err)
	}
	if err := safefile.CheckLinks(chain + "41"); err == nil {
		t.Error("41 links were followed")
	}
	t.Chdir(shared)
	if err := safefile.CheckLinks("theirs/file"); err == nil {
		t.Error("a relative path through the link was taken")
	}
}
