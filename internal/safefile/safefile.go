// Package safefile reads and writes small files that others must not have a hand in.
package safefile

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Read reads a file of at most limit bytes. Opening a pipe or a device could
// hang, so that only a regular file is opened; and it is looked at once more when it is
// open, as the name may mean another file by then.
func Read(path string, limit int64) ([]byte, os.FileInfo, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, nil, err
	}
	if err := checkRegular(path, info, limit); err != nil {
		return nil, nil, err
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer file.Close()
	if info, err = file.Stat(); err != nil {
		return nil, nil, err
	}
	if err := checkRegular(path, info, limit); err != nil {
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
func Write(path string, data []byte) (err error) {
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.tmp") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			file.Close()
			os.Remove(file.Name())
		}
	}()
	if _, err = file.Write(data); err != nil {
		return err
	}
	if err = file.Sync(); err != nil {
		return err
	}
	if err = file.Close(); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}
