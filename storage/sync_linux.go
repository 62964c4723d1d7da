package storage

import (
	"os"
	"syscall"
)

// syncData makes a file's content and length durable, but not its times: that spares a
// write to the journal of the file system where the length is the same.
func syncData(f *os.File) error { return control(f, "fdatasync", syscall.Fdatasync) }

// allocate makes a file so long, of blocks that it has.
func allocate(f *os.File, size int64) error {
	return control(f, "fallocate", func(fd int) error { return syscall.Fallocate(fd, 0, 0, size) })
}

// control makes a system call with a file, again if a signal has interrupted it.
func control(f *os.File, name string, call func(fd int) error) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = conn.Control(func(fd uintptr) {
		for {
			if failed = call(int(fd)); failed != syscall.EINTR {
				return
			}
		}
	})
	if err == nil && failed != nil {
		err = &os.PathError{Op: name, Path: f.Name(), Err: failed}
	}
	return err
}
