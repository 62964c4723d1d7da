//go:build unix

package tlsfiles

import (
	"io/fs"
	"syscall"
)

// inode tells a file from the one that took its name.
func inode(info fs.FileInfo) any {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return [2]uint64{uint64(st.Dev), uint64(st.Ino)} //nolint:unconvert // narrower on some systems
	}
	return nil
}
