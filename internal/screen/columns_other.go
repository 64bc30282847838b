//go:build !linux && !darwin

package screen

import "os"

// fileColumns takes a character device for a terminal, but for the one that is nothing. Its
// width is unknown.
func fileColumns(file *os.File) (columns int, terminal bool) {
	info, err := file.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return 0, false
	}
	nothing, err := os.Stat(os.DevNull)
	return 0, err != nil || !os.SameFile(info, nothing)
}
