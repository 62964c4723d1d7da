package storage

import "io"

// LogDisk is a Disk that can also keep files which grow: what a node needs for its log on
// disk. Unlike a committed File, such a file is visible, and may be torn, while it is
// written: its reader must know by checksums what is whole.
type LogDisk interface {
	Disk
	// Append opens a file to write at its end, and makes it if there is none. The name of a
	// new file is durable only after SyncNames, whatever was synced in the file.
	Append(name string) (LogFile, error)
	// SyncNames makes durable which names there are: those that were made since, and those
	// that were removed.
	SyncNames() error
	// List returns the names that begin with prefix, in ascending order. Names of versions
	// that a crash left uncommitted (see File) may be among them.
	List(prefix string) ([]string, error)
}

// LogFile is a file of a LogDisk. One goroutine writes; Sync may be called by another one
// meanwhile.
type LogFile interface {
	// Write appends to the file. After an error, part of b may be in the file.
	io.Writer
	// Sync makes durable what was written before it was called. After an error, nothing is
	// known of what was written since the last Sync that succeeded, not even by a further
	// Sync: an operating system may report a failure once and forget the bytes.
	Sync() error
	// Close ends the use of the file, without a Sync.
	Close() error
	// Size returns the length of the file, in bytes.
	Size() (int64, error)
}

// Reserver is a LogFile that can make room before it is needed. A Sync is faster where the
// length of the file stays the same.
type Reserver interface {
	// Reserve makes the file size bytes long if it is shorter. What was not written reads as
	// zeros; Write goes on where it was, and Close may give back what is left. After an error
	// the file is as before, or so long: it does no harm.
	Reserve(size int64) error
}
