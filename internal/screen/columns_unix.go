//go:build linux || darwin

package screen

import (
	"os"
	"syscall"
	"unsafe"
)

// fileColumns asks a file for its width, which terminals alone have.
func fileColumns(file *os.File) (columns int, terminal bool) {
	connection, err := file.SyscallConn()
	if err != nil {
		return 0, false
	}
	var size struct{ rows, columns, x, y uint16 }
	err = connection.Control(func(fd uintptr) {
		_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, fd, syscall.TIOCGWINSZ, uintptr(unsafe.Pointer(&size)))
		terminal = errno == 0
	})
	return int(size.columns), err == nil && terminal
}
