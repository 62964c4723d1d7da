//go:build !unix

package slotmesh

import "io/fs"

// restrict does nothing: see unixsocket_unix.go.
func restrict(uintptr, fs.FileMode) {}
