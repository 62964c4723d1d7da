//go:build unix

package slotmesh

import (
	"io/fs"
	"syscall"
)

// restrict gives a socket its permissions before it has a name, so that nobody else can
// connect in the moment until they are set for the file. Linux takes them over; where a
// socket without a name has none, that moment remains.
func restrict(fd uintptr, mode fs.FileMode) { syscall.Fchmod(int(fd), uint32(mode)) }
