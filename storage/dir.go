package storage

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// unfinished is what the name of a version that is not committed adds to the file's.
const unfinished = ".tmp-"

// Dir is a folder of the operating system. It must exist. A file whose name is an absolute
// path lies there, not in the folder.
type Dir string

func (d Dir) path(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(string(d), name)
}

// Open implements Disk.
func (d Dir) Open(name string) (io.ReadCloser, error) { return os.Open(d.path(name)) }

// Remove implements Disk.
func (d Dir) Remove(name string) error {
	path := d.path(name)
	switch err := os.Remove(path); {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	}
	return syncDir(filepath.Dir(path))
}

// Create implements Disk.
func (d Dir) Create(name string) (File, error) {
	path := d.path(name)
	tmp, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+unfinished+"*")
	if err != nil {
		return nil, err
	}
	return &dirFile{File: tmp, path: path}, nil
}

// Sweep removes versions of a file that a crash left uncommitted: half a snapshot can be
// large. No version of the file may be being written.
func (d Dir) Sweep(name string) error {
	path := d.path(name)
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return err
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), filepath.Base(path)+unfinished) {
			if err := os.Remove(filepath.Join(filepath.Dir(path), e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

type dirFile struct {
	*os.File
	path string
	done bool
}

func (f *dirFile) Commit() error {
	err := f.Sync()
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(f.Name(), f.path)
	}
	if err != nil {
		return err // Abort removes the temporary file
	}
	f.done = true
	return syncDir(filepath.Dir(f.path))
}

func (f *dirFile) Abort() {
	if f.done {
		return
	}
	f.done = true
	f.Close()
	os.Remove(f.Name())
}

// syncDir makes a rename or a removal in the folder durable.
func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
