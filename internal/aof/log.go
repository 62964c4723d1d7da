package aof

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
)

// Log is a log that is read from its beginning to its end.
type Log struct {
	// SkipDatabases passes over keys in RDB files that are in databases other than 0; they
	// are an error otherwise. Commands are given out with their database.
	SkipDatabases bool
	// RefuseTorn makes a torn tail an error, as aof-load-truncated no does.
	RefuseTorn bool
	// PieceSize is that of rdb.FileReader; 0: its default.
	PieceSize int

	fsys    fs.FS
	files   []string
	total   int64
	before  int64 // bytes of the files that have been read
	open    fs.File
	current *reader
	torn    *Torn
}

// Torn is a tail that was cut off.
type Torn struct {
	File   string
	Offset int64 // where it begins
	Bytes  int64
}

// Open returns the log with a name in fsys: a folder with a manifest, or a file, also one that is
// an RDB file and no more.
func Open(fsys fs.FS, name string) (*Log, error) {
	info, err := fs.Stat(fsys, name)
	if err != nil {
		return nil, err
	}
	l := &Log{fsys: fsys, files: []string{name}}
	if info.IsDir() {
		if l.files, err = filesIn(fsys, name); err != nil {
			return nil, err
		}
	}
	for _, name := range l.files {
		info, err := fs.Stat(fsys, name)
		if err != nil {
			return nil, err
		}
		l.total += info.Size()
	}
	return l, nil
}

const manifestSuffix = ".manifest"

// filesIn returns the files that the manifest in a folder names.
func filesIn(fsys fs.FS, dir string) (names []string, err error) {
	list, err := fs.ReadDir(fsys, dir)
	if err != nil {
		return nil, err
	}
	manifest := ""
	for _, e := range list {
		if !strings.HasSuffix(e.Name(), manifestSuffix) {
			continue
		}
		if manifest != "" {
			return nil, fmt.Errorf("folder %s has two manifests, %s and %s", dir, manifest, e.Name())
		}
		manifest = e.Name()
	}
	if manifest == "" {
		return nil, fmt.Errorf("folder %s has no file *%s: it is not the folder of an append-only file (appendonlydir)",
			dir, manifestSuffix)
	}
	f, err := fsys.Open(path.Join(dir, manifest))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	files, err := readManifest(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path.Join(dir, manifest), err)
	}
	for _, file := range files {
		names = append(names, path.Join(dir, file.name))
	}
	return names, nil
}

// Progress returns how many bytes have been read, and of how many.
func (l *Log) Progress() (read, total int64) {
	read = l.before
	if l.current != nil {
		read += l.current.good
	}
	return read, l.total
}

// Torn returns the tail that was cut off; nil: none. It is known at the end.
func (l *Log) Torn() *Torn { return l.torn }

// Next returns the next item. At the end the error is io.EOF; else it is an *Error, or about
// opening a file.
func (l *Log) Next() (*Item, error) {
	for {
		if l.current == nil {
			if len(l.files) == 0 {
				return nil, io.EOF
			}
			f, err := l.fsys.Open(l.files[0])
			if err != nil {
				return nil, err
			}
			l.open, l.current, l.files = f, newReader(f, l.files[0]), l.files[1:]
		}
		item, err := l.current.next(l)
		if err == nil {
			return item, nil
		}
		if err = l.end(err); err != nil {
			return nil, err
		}
	}
}

// end closes the file that has ended by err, and returns it if it is more than an end.
func (l *Log) end(err error) error {
	var at *Error
	if errors.As(err, &at) && at.Err == ErrTruncated && len(l.files) == 0 && !l.RefuseTorn {
		info, statErr := l.open.Stat()
		if statErr != nil {
			return statErr
		}
		l.torn = &Torn{File: at.File, Offset: at.Offset, Bytes: info.Size() - at.Offset}
		err = io.EOF
	}
	l.before += l.current.good
	if l.torn != nil {
		l.before += l.torn.Bytes
	}
	l.current = nil
	closeErr := l.Close()
	if err != io.EOF {
		return err
	}
	return closeErr
}

// Close closes the file that is open.
func (l *Log) Close() error {
	if l.open == nil {
		return nil
	}
	f := l.open
	l.open = nil
	return f.Close()
}
