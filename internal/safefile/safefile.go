// Package safefile reads and writes small files that others must not have a hand in. It
// reads regular files alone, whole or not at all and never more than a limit, and
// replaces a file so that a reader finds the old or the new one. CheckOwner and CheckLinks
// tell, on Unix, whether somebody else may have written it or put it there.
package safefile

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Read reads a file of at most limit bytes. No pipe or device is opened, and if the name
// becomes that of a pipe, opening it does not hang: the file is looked at once more when it
// is open.
func Read(path string, limit int64) ([]byte, os.FileInfo, error) {
	info, err := os.Stat(path)
	if err == nil {
		err = checkRegular(path, info, limit)
	}
	if err != nil {
		return nil, nil, err
	}
	file, err := os.OpenFile(path, os.O_RDONLY|nonBlocking, 0)
	if err != nil {
		return nil, nil, err
	}
	defer file.Close()
	if info, err = file.Stat(); err == nil {
		err = checkRegular(path, info, limit)
	}
	if err != nil {
		return nil, nil, err
	}
	data, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err != nil {
		return nil, nil, err
	}
	if int64(len(data)) > limit {
		return nil, nil, fmt.Errorf("%s is larger than %d bytes", path, limit)
	}
	return data, info, nil
}

func checkRegular(path string, info os.FileInfo, limit int64) error {
	switch {
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is not a regular file (%s)", path, info.Mode().Type())
	case info.Size() > limit:
		return fmt.Errorf("%s has %d bytes, and may not be larger than %d bytes", path, info.Size(), limit)
	}
	return nil
}

// Write replaces a file as a whole, so that no reader ever sees half of it: mode 0600,
// written beside it, synced and renamed.
func Write(path string, data []byte) error {
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.tmp") // mode 0600
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	// The first error of all three: whatever fails, the file is closed.
	if err = cmp.Or(err, file.Sync(), file.Close()); err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		os.Remove(file.Name())
	}
	return err
}
