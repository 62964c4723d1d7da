package storage

import (
	"os"
	"strings"
)

// Append implements LogDisk.
func (d Dir) Append(name string) (LogFile, error) {
	f, err := os.OpenFile(d.path(name), os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	log := &dirLog{File: f}
	if log.end, err = log.Size(); err != nil {
		f.Close()
		return nil, err
	}
	return log, nil
}

// SyncNames implements LogDisk.
func (d Dir) SyncNames() error { return syncDir(string(d)) }

// List implements LogDisk.
func (d Dir) List(prefix string) ([]string, error) {
	entries, err := os.ReadDir(string(d)) // sorted
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), prefix) && e.Type().IsRegular() {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

type dirLog struct {
	*os.File
	end      int64 // where the next Write goes
	reserved int64 // length that Reserve has made
}

func (f *dirLog) Write(b []byte) (int, error) {
	n, err := f.WriteAt(b, f.end)
	f.end += int64(n)
	return n, err
}

func (f *dirLog) Sync() error { return syncData(f.File) }

// Reserve implements Reserver.
func (f *dirLog) Reserve(size int64) error {
	if size <= max(f.reserved, f.end) {
		return nil
	}
	f.reserved = size
	return allocate(f.File, size)
}

// Close gives back what was reserved. A start understands it if that fails.
func (f *dirLog) Close() error {
	if f.reserved > f.end {
		_ = f.Truncate(f.end)
	}
	return f.File.Close()
}

func (f *dirLog) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
