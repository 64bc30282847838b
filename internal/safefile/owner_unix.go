//go:build unix

package safefile

import (
	"errors"
	"os"
	"syscall"
)

// CheckOwner refuses a file that somebody else may have written.
func CheckOwner(info os.FileInfo) error {
	if info.Mode().Perm()&0o022 != 0 {
		return errors.New("can be written by group or others: chmod 600")
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || stat.Uid != 0 && int(stat.Uid) != os.Geteuid() {
		return errors.New("belongs to another user, want this process's user or root")
	}
	return nil
}
