//go:build !linux

package storage

import (
	"errors"
	"os"
)

// syncData makes a file's content and length durable.
func syncData(f *os.File) error { return f.Sync() }

// allocate makes a file so long, where there is a cheap way.
func allocate(*os.File, int64) error { return errors.ErrUnsupported }
