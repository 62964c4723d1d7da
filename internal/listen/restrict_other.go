//go:build !unix

package listen

import "io/fs"

// restrict does nothing: see restrict_unix.go.
func restrict(uintptr, fs.FileMode) {}
