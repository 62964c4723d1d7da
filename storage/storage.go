package storage

import (
	"io"
)

// Disk keeps named files. A node calls it from several goroutines, for different names.
type Disk interface {
	// Open reads a file; the error matches fs.ErrNotExist if there is none.
	Open(name string) (io.ReadCloser, error)
	// Create starts a new version of a file, invisible until it is committed.
	Create(name string) (File, error)
	// Remove deletes a file, durably. It returns no error if there is none.
	Remove(name string) error
}

// File is a version of a file being written. Exactly one of Commit and Abort ends it;
// Abort after Commit does nothing.
type File interface {
	io.Writer
	// Commit makes the content durable, then visible under the name.
	Commit() error
	// Abort drops the version.
	Abort()
}

// WriteFile replaces a file's content, durably, all or nothing.
func WriteFile(d Disk, name string, data []byte) error {
	f, err := d.Create(name)
	if err != nil {
		return err
	}
	defer f.Abort()
	if _, err := f.Write(data); err != nil {
		return err
	}
	return f.Commit()
}

// ReadFile returns a file's content; the error matches fs.ErrNotExist if there is none.
func ReadFile(d Disk, name string) ([]byte, error) {
	f, err := d.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}
