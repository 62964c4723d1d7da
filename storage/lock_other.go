//go:build !(darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd || windows)

package storage

import "os"

// openForLock opens a file and makes it if it is not there. The standard library has no
// lock for these systems that also excludes other nodes of the same process, so nothing
// is locked.
func openForLock(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
}
