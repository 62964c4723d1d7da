package shard

import (
	"io"
	"io/fs"
	"sync"

	"github.com/slotmesh/slotmesh/storage"
)

// meter counts the bytes of files that are read at the start, and knows how many there are:
// it is told of files that are to be read, and finds others when they are opened.
type meter struct {
	mu    sync.Mutex       // guards what follows
	sizes map[string]int64 // of the files
	read  map[string]int64 // of these; of one that is read again, the longest run
}

func newMeter() *meter { return &meter{sizes: make(map[string]int64), read: make(map[string]int64)} }

// expect notes files that are to be read. One that is not there is for its reader to miss.
func (m *meter) expect(d storage.Disk, names []string) {
	for _, name := range names {
		if f, err := (meteredDisk{d, m}).Open(name); err == nil {
			f.Close()
		}
	}
}

// progress returns how many bytes have been read, and of how many; 0 if the disk does not
// tell sizes.
func (m *meter) progress() (read, total int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for name, size := range m.sizes {
		read += m.read[name]
		total += size
	}
	return read, total
}

// meteredDisk is a disk whose readers a meter counts.
type meteredDisk struct {
	storage.Disk
	m *meter
}

// Open implements storage.Disk.
func (d meteredDisk) Open(name string) (io.ReadCloser, error) {
	f, err := d.Disk.Open(name)
	if err != nil {
		return nil, err
	}
	sized, ok := f.(interface{ Stat() (fs.FileInfo, error) })
	if !ok {
		return f, nil
	}
	info, err := sized.Stat()
	if err != nil {
		return f, nil
	}
	d.m.mu.Lock()
	defer d.m.mu.Unlock()
	d.m.sizes[name] = info.Size()
	return &meteredFile{ReadCloser: f, m: d.m, name: name}, nil
}

type meteredFile struct {
	io.ReadCloser
	m    *meter
	name string
	n    int64
}

func (f *meteredFile) Read(b []byte) (int, error) {
	n, err := f.ReadCloser.Read(b)
	f.n += int64(n)
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	f.m.read[f.name] = max(f.m.read[f.name], f.n)
	return n, err
}
