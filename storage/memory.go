package storage

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"sync"
)

// Memory keeps files in memory. The zero value is empty and ready. It is safe for
// concurrent use.
type Memory struct {
	mu     sync.Mutex // guards all below
	files  map[string]*content
	fault  error
	locked bool
}

// content is what a file holds. Bytes are only ever added, so a reader may keep what there
// was; a file that is removed or replaced while it is written goes on without a name.
type content struct{ data []byte }

// SetFault makes every later Commit, and every Append, Write, Sync and SyncNames of files
// that grow, fail with err; nil ends that.
func (m *Memory) SetFault(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fault = err
}

// Open implements Disk.
func (m *Memory) Open(name string) (io.ReadCloser, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	file, ok := m.files[name]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return io.NopCloser(bytes.NewReader(file.data)), nil
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

func (m *Memory) put(name string, file *content) {
	if m.files == nil {
		m.files = make(map[string]*content)
	}
	m.files[name] = file
}

type memFile struct {
	bytes.Buffer
	disk *Memory
	name string
}

func (f *memFile) Commit() error {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if err := f.disk.failed("write", f.name); err != nil {
		return err
	}
	f.disk.put(f.name, &content{bytes.Clone(f.Bytes())})
	return nil
}

func (f *memFile) Abort() {}

// failed returns the error that SetFault asks for.
func (m *Memory) failed(op, name string) error {
	if m.fault == nil {
		return nil
	}
	return &fs.PathError{Op: op, Path: name, Err: m.fault}
}

// Append implements LogDisk.
func (m *Memory) Append(name string) (LogFile, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.failed("open", name); err != nil {
		return nil, err
	}
	file := m.files[name]
	if file == nil {
		file = &content{}
		m.put(name, file)
	}
	return &memLog{m, name, file}, nil
}

// SyncNames implements LogDisk.
func (m *Memory) SyncNames() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.failed("sync", ".")
}

// List implements LogDisk.
func (m *Memory) List(prefix string) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var names []string
	for name := range m.files {
		if strings.HasPrefix(name, prefix) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}

type memLog struct {
	disk *Memory
	name string
	file *content
}

func (f *memLog) Write(b []byte) (int, error) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if err := f.disk.failed("write", f.name); err != nil {
		return 0, err
	}
	f.file.data = append(f.file.data, b...)
	return len(b), nil
}

func (f *memLog) Sync() error {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	return f.disk.failed("sync", f.name)
}

func (f *memLog) Close() error { return nil }

func (f *memLog) Size() (int64, error) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	return int64(len(f.file.data)), nil
}

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
