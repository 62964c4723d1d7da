package storage

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"sync"
)

// Memory keeps files in memory. The zero value is empty and ready. It is safe for
// concurrent use.
type Memory struct {
	mu     sync.Mutex // guards all below
	files  map[string][]byte
	fault  error
	locked bool
}

// SetFault makes every later Commit fail with err; nil ends that.
func (m *Memory) SetFault(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fault = err
}

// Open implements Disk.
func (m *Memory) Open(name string) (io.ReadCloser, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	data, ok := m.files[name]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return io.NopCloser(bytes.NewReader(data)), nil
}

// Create implements Disk.
func (m *Memory) Create(name string) (File, error) { return &memFile{disk: m, name: name}, nil }

// Remove implements Disk.
func (m *Memory) Remove(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.files, name)
	return nil
}

type memFile struct {
	bytes.Buffer
	disk *Memory
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

// Lock implements Locker.
func (m *Memory) Lock(...string) (unlock func(), err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.locked {
		return nil, fmt.Errorf("the disk in memory is %w", ErrInUse)
	}
	m.locked = true
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.locked = false
	}, nil
}
