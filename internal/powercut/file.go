package powercut

import (
	"bytes"
	"math/rand/v2"
)

// The states of a byte of a file.
const (
	dirty  byte = iota // written, not synced: chance decides
	onDisk             // synced
	lost               // forgotten by a Sync that failed: readable until the power is cut
)

// page is how many bytes survive or are lost together. It is far less than those of a real
// disk, so that the few bytes of a test cover many.
const page = 32

// file is the content of a file.
type file struct {
	data   []byte // what can be read
	state  []byte // of each byte
	synced int    // the length that is on disk
}

// sync makes durable what is dirty; some: only of some pages, and the length or not.
func (f *file) sync(r *rand.Rand, some bool) {
	for at := 0; at < len(f.state); at += page {
		if some && r.IntN(2) == 0 {
			continue
		}
		for i := at; i < min(at+page, len(f.state)); i++ {
			if f.state[i] == dirty {
				f.state[i] = onDisk
			}
		}
	}
	if !some || r.IntN(2) == 0 {
		f.synced = len(f.data)
	}
}

// forget is what a Sync does that fails: some pages are on disk, nothing is dirty any more.
func (f *file) forget(r *rand.Rand) {
	f.sync(r, true)
	for i := range f.state {
		if f.state[i] == dirty {
			f.state[i] = lost
		}
	}
}

// lose is a power cut. A page that was not synced may be there, or reads as zeros, seldom
// as something else; the end is torn off at any byte behind what was synced.
func (f *file) lose(r *rand.Rand) {
	f.sync(r, true)
	end := f.synced + r.IntN(len(f.data)-f.synced+1)
	if r.IntN(3) == 0 {
		end = len(f.data)
	}
	f.data, f.state, f.synced = f.data[:end:end], f.state[:end:end], end
	filler := byte(0)
	if r.IntN(4) == 0 {
		filler = byte(r.Uint32())
	}
	for i := range f.state {
		if f.state[i] != onDisk {
			f.data[i], f.state[i] = filler, onDisk
		}
	}
}

// handle is a storage.LogFile.
type handle struct {
	disk    *Disk
	process int
	file    *file
	end     int // where the next Write goes
}

// Write implements storage.LogFile.
func (h *handle) Write(b []byte) (int, error) {
	d := h.disk
	d.mu.Lock()
	defer d.mu.Unlock()
	if h.process != d.process {
		return 0, errGone
	}
	cut, err := d.operation()
	if err != nil {
		return 0, err
	}
	n := len(b)
	if cut {
		n = d.rand.IntN(n + 1)
	}
	n = d.room(n)
	h.file.grow(h.end + n)
	copy(h.file.data[h.end:], b[:n])
	clear(h.file.state[h.end:][:n])
	h.end += n
	switch {
	case cut:
		return n, ErrCut
	case n < len(b):
		return n, ErrFull
	}
	return n, nil
}

// Sync implements storage.LogFile.
func (h *handle) Sync() error {
	d := h.disk
	d.mu.Lock()
	defer d.mu.Unlock()
	if h.process != d.process {
		return errGone
	}
	switch cut, err := d.operation(); {
	case err != nil:
		return err
	case cut:
		h.file.sync(d.rand, true)
		return ErrCut
	case d.syncFails():
		h.file.forget(d.rand)
		return ErrSync
	}
	h.file.sync(d.rand, false)
	return nil
}

// Reserve implements storage.Reserver.
func (h *handle) Reserve(size int64) error {
	d := h.disk
	d.mu.Lock()
	defer d.mu.Unlock()
	if h.process != d.process {
		return errGone
	}
	cut, err := d.operation()
	if err != nil {
		return err
	}
	if more := int(size) - len(h.file.data); more > 0 && d.room(more) < more {
		return ErrFull
	}
	if cut && d.rand.IntN(2) == 0 {
		return ErrCut
	}
	h.file.grow(int(size))
	if cut {
		return ErrCut
	}
	return nil
}

// grow makes the file longer, by zeros that no power cut changes: if that leaves them.
func (f *file) grow(size int) {
	if more := size - len(f.data); more > 0 {
		f.data = append(f.data, make([]byte, more)...)
		f.state = append(f.state, bytes.Repeat([]byte{onDisk}, more)...)
	}
}

// Close implements storage.LogFile. The end of what was reserved is given back, or the
// power cut that comes next undoes that.
func (h *handle) Close() error {
	d := h.disk
	d.mu.Lock()
	defer d.mu.Unlock()
	if h.process == d.process && !d.down && h.end < len(h.file.data) && d.rand.IntN(2) == 0 {
		f := h.file
		f.data, f.state, f.synced = f.data[:h.end:h.end], f.state[:h.end:h.end], min(f.synced, h.end)
	}
	return nil
}

// Size implements storage.LogFile.
func (h *handle) Size() (int64, error) {
	h.disk.mu.Lock()
	defer h.disk.mu.Unlock()
	if h.disk.down {
		return 0, ErrCut
	}
	return int64(len(h.file.data)), nil
}
