package logging

import (
	"os"
	"sync"
)

// File appends lines to a file by its name: when the file is renamed or removed, as
// logrotate does, the next line goes into a new one. It is safe for concurrent use.
type File struct {
	path string

	mu sync.Mutex // guards f, and keeps lines apart
	f  *os.File
}

// OpenFile opens a file for lines at its end, or makes it.
func OpenFile(path string) (*File, error) {
	f, err := openAppend(path)
	if err != nil {
		return nil, err
	}
	return &File{path: path, f: f}, nil
}

func openAppend(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
}

// Write appends a line.
func (l *File) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.followLocked()
	return l.f.Write(line)
}

// followLocked opens the file again if its name now stands for another file, or for none.
// While that fails, lines go into the old one.
func (l *File) followLocked() {
	open, err := l.f.Stat()
	if err != nil {
		return
	}
	if named, err := os.Stat(l.path); err == nil && os.SameFile(open, named) {
		return
	}
	f, err := openAppend(l.path)
	if err != nil {
		return
	}
	l.f.Close()
	l.f = f
}
