// Package disk is where a node keeps what must outlive it: a folder, or memory for
// nodes that keep nothing and for tests. A file appears whole and durable or not at
// all.
package disk

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// Disk keeps named files.
type Disk interface {
	// Open reads a file; the error matches fs.ErrNotExist if there is none.
	Open(name string) (io.ReadCloser, error)
	// Create starts a new version of a file, invisible until it is committed.
	Create(name string) (File, error)
	// Remove deletes a file, durably; that there is none is no error.
	Remove(name string) error
}

// File is a version of a file being written. Exactly one of Commit and Abort
// ends it; Abort after Commit does nothing.
type File interface {
	io.Writer
	// Commit makes the content durable, then visible under the name.
	Commit() error
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

// ReadFile returns a file's content; the error matches fs.ErrNotExist if there
// is none.
func ReadFile(d Disk, name string) ([]byte, error) {
	f, err := d.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}

// unfinished follows the name of a file in that of a version of it that is not committed.
const unfinished = ".tmp-"

// Dir is a folder of the operating system. It must exist.
type Dir string

func (d Dir) path(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(string(d), name)
}

func (d Dir) Open(name string) (io.ReadCloser, error) { return os.Open(d.path(name)) }

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

func (d Dir) Create(name string) (File, error) {
	path := d.path(name)
	tmp, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+unfinished+"*")
	if err != nil {
		return nil, err
	}
	return &dirFile{File: tmp, path: path}, nil
}

// Sweep removes what a crash left of versions of a file that were not committed: half a snapshot can be large. Nobody
// may be writing one.
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

// Mem keeps files in memory. The zero value is empty and ready; it is safe for
// concurrent use.
type Mem struct {
	mu     sync.Mutex // guards all below
	files  map[string][]byte
	fault  error
	locked bool
}

// SetFault makes every later Commit fail with err; nil ends that.
func (m *Mem) SetFault(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fault = err
}

func (m *Mem) Open(name string) (io.ReadCloser, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	data, ok := m.files[name]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return io.NopCloser(bytes.NewReader(data)), nil
}

func (m *Mem) Create(name string) (File, error) { return &memFile{disk: m, name: name}, nil }

func (m *Mem) Remove(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.files, name)
	return nil
}

type memFile struct {
	bytes.Buffer
	disk *Mem
	name string
}

func (f *memFile) Commit() error {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if f.disk.fault != nil {
		return &fs.PathError{Op: "write", Path: f.name, Err: f.disk.fault}
	}
	if f.disk.files == nil {
		f.disk.files = make(map[string][]byte)
	}
	f.disk.files[f.name] = bytes.Clone(f.Bytes())
	return nil
}

func (f *memFile) Abort() {}
