// Package safefile reads and writes small files that others must not change. It reads only
// regular files, completely or not at all, and never more than a limit. It replaces a file
// so that a reader finds the old or the new one. On Unix, CheckOwner and CheckLinks check
// whether somebody else may have written the file or put it there.
package safefile

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Read reads a file of at most limit bytes. It opens no pipe or device. If a pipe takes the
// name meanwhile, opening does not hang, since the file is checked again when it is open.
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

// Write replaces a file as a whole, so that no reader sees half of it. The new file
// has mode 0600, and is written beside the old one, synced and renamed.
func Write(path string, data []byte) error {
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.tmp") // mode 0600
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	// Return the first error of the three, and close the file in any case.
	if err = cmp.Or(err, file.Sync(), file.Close()); err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		os.Remove(file.Name())
	}
	return err
}
