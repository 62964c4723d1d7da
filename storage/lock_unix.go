//go:build darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd

package storage

import (
	"os"
	"syscall"
)

// openForLock opens a file, makes it if it is not there, and locks it. A lock by flock
// belongs to the open file: it excludes other nodes of the same process too, by whatever
// path they open it, and the kernel releases it when the process ends.
func openForLock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err != syscall.EINTR {
			break
		}
	}
	switch err {
	case nil:
		return f, nil
	case syscall.EWOULDBLOCK:
		err = ErrInUse
	default:
		err = &os.PathError{Op: "flock", Path: path, Err: err}
	}
	f.Close()
	return nil, err
}
