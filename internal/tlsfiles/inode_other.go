//go:build !unix

package tlsfiles

import "io/fs"

func inode(fs.FileInfo) any { return nil }
