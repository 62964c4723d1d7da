package slotmesh

import (
	"os"
	"sync"
)

// logFile appends to a file by its name: when the file is renamed or removed, as
// logrotate does, the next line goes into a new one.
type logFile struct {
	path string

	mu sync.Mutex // guards f, and keeps lines apart
	f  *os.File
}

func openLogFile(path string) (*logFile, error) {
	f, err := openAppend(path)
	if err != nil {
		return nil, err
	}
	return &logFile{path: path, f: f}, nil
}

func openAppend(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
}

func (l *logFile) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.followLocked()
	return l.f.Write(line)
}

// followLocked opens the file anew if its name stands for another one by now, or for
// none. Lines go on into the old one while that fails.
func (l *logFile) followLocked() {
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
