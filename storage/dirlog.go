package storage

import (
	"os"
	"strings"
)

// Append implements LogDisk.
func (d Dir) Append(name string) (LogFile, error) {
	f, err := os.OpenFile(d.path(name), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	return dirLog{f}, nil
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

type dirLog struct{ *os.File }

func (f dirLog) Sync() error { return syncData(f.File) }

func (f dirLog) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
