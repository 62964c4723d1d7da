package powercut

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"

	"github.com/slotmesh/slotmesh/storage"
)

var (
	// ErrCut is the error of everything that is tried after the power was cut.
	ErrCut = errors.New("powercut: the power is cut")
	// ErrSync is the error of a Sync that fails.
	ErrSync = errors.New("powercut: input/output error")
	// ErrFull is the error of writes to a full disk.
	ErrFull = errors.New("powercut: no space left on the disk")
	// errGone is the error of a file that a process has opened which does not run any more.
	errGone = errors.New("powercut: the process that opened the file has ended")
)

// Disk is a storage.LogDisk that loses what was not synced. It is safe for concurrent use.
type Disk struct {
	mu      sync.Mutex // guards all below, and all files
	rand    *rand.Rand
	names   map[string]*file // what a process sees
	durable map[string]*file // the names that a power cut leaves
	process int              // grows with each restart
	ops     int              // operations that change something, so far

	cutAt    int // the number of the operation in which the power is cut, 0: none
	down     bool
	failSync int // how many Syncs it is until one fails, 0: none does
	space    int // bytes that can be written, -1: no limit
}

// New returns an empty Disk.
func New(r *rand.Rand) *Disk {
	return &Disk{rand: r, names: make(map[string]*file), durable: make(map[string]*file), space: -1}
}

// CutAfter has the power cut in the n-th operation from now on that changes something.
func (d *Disk) CutAfter(n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.cutAt = d.ops + n
}

// FailSync makes the n-th Sync from now on fail, and no other; 0: none.
func (d *Disk) FailSync(n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.failSync = n
}

// Limit makes writes fail when so many bytes more have been written; -1: there is no limit.
func (d *Disk) Limit(space int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.space = space
}

// Down reports whether the power was cut.
func (d *Disk) Down() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.down
}

// Kill ends the process that uses the disk: what it has written can still be read.
func (d *Disk) Kill() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.process++
}

// Restart cuts the power unless it is cut already, and brings it back: only what survived
// is there.
func (d *Disk) Restart() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.process++
	d.cutAt, d.down, d.failSync, d.space = 0, false, 0, -1
	d.syncSomeNames()
	d.names = make(map[string]*file)
	for _, name := range sorted(d.durable) {
		d.names[name] = d.durable[name]
		d.names[name].lose(d.rand)
	}
}

// Damage changes a byte of a file, at an offset that is taken modulo the file's length. It
// reports false if the file is empty or not there.
func (d *Disk) Damage(name string, offset int, with byte) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	f := d.names[name]
	if f == nil || len(f.data) == 0 || with == 0 {
		return false
	}
	f.data[offset%len(f.data)] ^= with
	return true
}

// syncSomeNames makes durable some of the names that were made or removed.
func (d *Disk) syncSomeNames() {
	for _, name := range sorted(d.names) {
		if d.rand.IntN(2) == 0 {
			d.durable[name] = d.names[name]
		}
	}
	for _, name := range sorted(d.durable) {
		if d.names[name] == nil && d.rand.IntN(2) == 0 {
			delete(d.durable, name)
		}
	}
}

func sorted(names map[string]*file) []string {
	var list []string
	for name := range names {
		list = append(list, name)
	}
	slices.Sort(list)
	return list
}

// operation counts one; cut says that the power is cut in it: some of it may be done.
func (d *Disk) operation() (cut bool, err error) {
	if d.down {
		return false, ErrCut
	}
	d.ops++
	if d.ops == d.cutAt {
		d.down = true
	}
	return d.down, nil
}

// room returns how many of n bytes there is space for.
func (d *Disk) room(n int) int {
	if d.space < 0 {
		return n
	}
	n = min(n, d.space)
	d.space -= n
	return n
}

// Open implements storage.Disk.
func (d *Disk) Open(name string) (io.ReadCloser, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.down {
		return nil, ErrCut
	}
	f := d.names[name]
	if f == nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return io.NopCloser(bytes.NewReader(f.data)), nil
}

// Create implements storage.Disk.
func (d *Disk) Create(name string) (storage.File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.down {
		return nil, ErrCut
	}
	return &version{disk: d, process: d.process, name: name}, nil
}

// Remove implements storage.Disk.
func (d *Disk) Remove(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	cut, err := d.operation()
	if err != nil {
		return err
	}
	delete(d.names, name)
	if cut {
		return ErrCut
	}
	delete(d.durable, name)
	return nil
}

// Append implements storage.LogDisk.
func (d *Disk) Append(name string) (storage.LogFile, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.down {
		return nil, ErrCut
	}
	f := d.names[name]
	if f == nil {
		cut, err := d.operation()
		if err != nil {
			return nil, err
		}
		f = &file{}
		d.names[name] = f
		if cut {
			return nil, ErrCut
		}
	}
	return &handle{d, d.process, f, len(f.data)}, nil
}

// SyncNames implements storage.LogDisk.
func (d *Disk) SyncNames() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch cut, err := d.operation(); {
	case err != nil:
		return err
	case cut:
		d.syncSomeNames()
		return ErrCut
	}
	d.durable = make(map[string]*file)
	for name, f := range d.names {
		d.durable[name] = f
	}
	return nil
}

// List implements storage.LogDisk.
func (d *Disk) List(prefix string) ([]string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.down {
		return nil, ErrCut
	}
	return slices.DeleteFunc(sorted(d.names), func(name string) bool { return !strings.HasPrefix(name, prefix) }), nil
}

// String lists the files with their lengths, for the report of a test.
func (d *Disk) String() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var b strings.Builder
	for _, name := range sorted(d.names) {
		fmt.Fprintf(&b, "%s %d bytes; ", name, len(d.names[name].data))
	}
	return b.String()
}

// version is a storage.File.
type version struct {
	disk    *Disk
	process int
	name    string
	data    []byte
}

func (v *version) Write(b []byte) (int, error) {
	v.disk.mu.Lock()
	defer v.disk.mu.Unlock()
	if v.process != v.disk.process {
		return 0, errGone
	}
	if _, err := v.disk.operation(); err != nil || v.disk.down {
		return 0, ErrCut
	}
	n := v.disk.room(len(b))
	v.data = append(v.data, b[:n]...)
	if n < len(b) {
		return n, ErrFull
	}
	return n, nil
}

// Commit fails as a Sync does. When the power is cut in it, either version may be there.
func (v *version) Commit() error {
	d := v.disk
	d.mu.Lock()
	defer d.mu.Unlock()
	if v.process != d.process {
		return errGone
	}
	cut, err := d.operation()
	if err != nil {
		return err
	}
	failed := d.syncFails()
	if (!cut && !failed) || d.rand.IntN(2) == 0 {
		f := &file{bytes.Clone(v.data), bytes.Repeat([]byte{onDisk}, len(v.data)), len(v.data)}
		d.names[v.name] = f
		if !failed || d.rand.IntN(2) == 0 {
			d.durable[v.name] = f
		}
	}
	switch {
	case cut:
		return ErrCut
	case failed:
		return ErrSync
	}
	return nil
}

func (v *version) Abort() {}

// syncFails reports whether the Sync that is asked for now is the one that fails.
func (d *Disk) syncFails() bool {
	if d.failSync == 0 {
		return false
	}
	d.failSync--
	return d.failSync == 0
}
