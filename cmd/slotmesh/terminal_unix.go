//go:build linux || darwin || freebsd

package main

import (
	"io"
	"os"
	"os/signal"
	"syscall"
	"unsafe"
)

// terminalSize returns the columns and lines of the terminal that w is; ok is false if it is
// none.
func terminalSize(w io.Writer) (width, height int, ok bool) {
	f, isFile := w.(*os.File)
	if !isFile {
		return 0, 0, false
	}
	var size struct{ lines, columns, x, y uint16 }
	_, _, err := syscall.Syscall(syscall.SYS_IOCTL, f.Fd(), syscall.TIOCGWINSZ, uintptr(unsafe.Pointer(&size)))
	return int(size.columns), int(size.lines), err == 0
}

// notifyResize sends to c when the terminal has another size, until stop is called.
func notifyResize(c chan<- os.Signal) (stop func()) {
	signal.Notify(c, syscall.SIGWINCH)
	return func() { signal.Stop(c) }
}
