//go:build unix

package safefile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// Without this flag, opening a pipe waits for its other end.
const nonBlocking = syscall.O_NONBLOCK | syscall.O_NOCTTY

const othersWrite = 0o022

// CheckOwner returns an error for a file that somebody else may have written.
func CheckOwner(info os.FileInfo) error {
	if info.Mode().Perm()&othersWrite != 0 {
		return errors.New("can be written by group or others: chmod 600")
	}
	if !isOurs(info) {
		return errors.New("belongs to another user, want this process's user or root")
	}
	return nil
}

func isOurs(info os.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && (stat.Uid == 0 || int(stat.Uid) == os.Geteuid())
}

// CheckLinks returns an error for a path through a symbolic link that another user put
// into a directory that others can write, such as /tmp: that user would choose which file
// is read. It ignores a path that does not exist to its end.
func CheckLinks(path string) error {
	path, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	at, rest := "/", strings.Split(path, "/")[1:]
	for links := 0; len(rest) > 0; {
		next := filepath.Join(at, rest[0])
		rest = rest[1:]
		info, err := os.Lstat(next)
		if err != nil {
			return nil // opening it returns the error
		}
		if info.Mode().Type() != os.ModeSymlink {
			at = next
			continue
		}
		if links++; links > 40 {
			return fmt.Errorf("%s has too many symbolic links", path)
		}
		directory, err := os.Lstat(at)
		if err != nil || !isOurs(info) && directory.Mode().Perm()&othersWrite != 0 {
			return fmt.Errorf("%s is a symbolic link of another user in a directory that others can write: want a path without it", next)
		}
		target, err := os.Readlink(next)
		if err != nil {
			return err
		}
		if filepath.IsAbs(target) {
			at = "/"
		}
		rest = append(strings.Split(strings.Trim(target, "/"), "/"), rest...)
	}
	return nil
}
