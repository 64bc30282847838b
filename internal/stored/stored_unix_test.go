//go:build unix

package stored_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"example.com/jwtverify/internal/stored"
)

// What somebody else may have written, or put there, is not a copy of ours.
func TestACopyOfOthers(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "keys.json")
	if err := stored.Save(path, "a", nil, time.Now()); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, _, err := stored.Load(path, "a"); err == nil || !strings.Contains(err.Error(), path+" can be written by group or others") {
		t.Errorf("a file that others can write: %v", err)
	}
	if os.Geteuid() != 0 {
		t.Skip("only root can make a link of another user")
	}
	shared := filepath.Join(dir, "shared")
	link := filepath.Join(shared, "link")
	if err := errors.Join(os.Mkdir(shared, 0o700), os.Chmod(shared, 0o777), os.Symlink(dir, link), os.Lchown(link, 12346, -1)); err != nil {
		t.Fatal(err)
	}
	below := filepath.Join(link, "keys.json")
	if err := stored.Save(below, "a", nil, time.Now()); err == nil || !strings.Contains(err.Error(), "symbolic link of another user") {
		t.Errorf("saved through a link of another user: %v", err)
	}
	if _, _, err := stored.Load(below, "a"); err == nil || !strings.Contains(err.Error(), "symbolic link of another user") {
		t.Errorf("loaded through a link of another user: %v", err)
	}
}
