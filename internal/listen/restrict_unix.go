//go:build unix

package listen

import (
	"io/fs"
	"syscall"
)

// restrict sets the permissions of a socket before it is bound to its path, so that no
// other user can connect before the file gets them. Linux applies them to the file;
// elsewhere a short time remains in which the file has those of the process.
func restrict(fd uintptr, mode fs.FileMode) { syscall.Fchmod(int(fd), uint32(mode)) }
