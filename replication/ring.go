package replication

import (
	"errors"

	"github.com/slotmesh/slotmesh/keyspace"
)

// ring holds the newest bytes of a stream in blocks. A block's bytes do not change while
// a reader is in it, so readers may use what they got without a copy until they read on.
type ring struct {
	first, last *block
	end         int64 // offset after the last byte
	size        int64 // bytes of history to keep
	limit       int64 // how far a reader may be behind before it is cut off
	readers     []*Cursor
	spare       *block // to be used next; no reader is in it
}

type block struct {
	start int64 // offset of the first byte
	data  []byte
	next  *block
}

func (b *block) end() int64 { return b.start + int64(len(b.data)) }

// errOverrun cuts off a reader that is further behind than the limit.
var ErrOverrun = errors.New("replication: the replica is too slow: its output buffer is full")

const (
	minBlock = 1 << 10
	maxBlock = 64 << 10
)

func (r *ring) blockSize() int { return int(min(max(r.size/16, minBlock), maxBlock)) }

// start returns the offset of the oldest byte held.
func (r *ring) start() int64 {
	if r.first == nil {
		return r.end
	}
	return r.first.start
}

// reset forgets all bytes and cuts off all readers. The next byte has offset end.
func (r *ring) reset(end int64, err error) {
	for _, c := range r.readers {
		c.err = err
	}
	*r = ring{end: end, size: r.size, limit: r.limit}
}

// room makes sure that the last block has space for n bytes.
func (r *ring) room(n int) {
	if r.last != nil && cap(r.last.data)-len(r.last.data) >= n {
		return
	}
	b := r.spare
	if r.spare = nil; b == nil || cap(b.data) < n {
		b = &block{data: make([]byte, 0, max(n, r.blockSize()))}
	}
	b.start = r.end
	if r.last == nil {
		r.first = b
	} else {
		r.last.next = b
	}
	r.last = b
	r.trim()
}

// add appends the record of a transaction.
func (r *ring) add(ops []keyspace.Op) {
	r.room(recordBound(ops))
	r.last.data = appendRecord(r.last.data, ops)
	r.end = r.last.end()
}

// addNotes appends the record of notes.
func (r *ring) addNotes(notes []Note) {
	size := recordHeader
	for i := range notes {
		size += 10 + notes[i].size()
	}
	r.room(size)
	r.last.data = appendNotes(r.last.data, notes)
	r.end = r.last.end()
}

// addBytes appends whole records.
func (r *ring) addBytes(b []byte) {
	for len(b) > 0 {
		if r.last == nil || len(r.last.data) == cap(r.last.data) {
			r.room(1)
		}
		n := min(len(b), cap(r.last.data)-len(r.last.data))
		r.last.data = append(r.last.data, b[:n]...)
		r.end, b = r.last.end(), b[n:]
	}
}

// trim drops the blocks that are older than the history to keep and that no reader within
// its limit needs. It runs before a block is written, so that a reader which lags by the
// newest record alone is never cut off, whatever the record's size.
func (r *ring) trim() {
	need := r.end
	for _, c := range r.readers {
		if c.err == nil && !c.kept && r.end-c.at > r.limit {
			c.err = ErrOverrun
		}
		if c.err == nil {
			need = min(need, c.at)
		}
	}
	for r.first != nil && r.first.next != nil {
		next := r.first.next.start
		if r.end-next < r.size || next > need {
			return
		}
		old := r.first
		r.first = old.next
		r.recycle(old)
	}
}

// recycle keeps a block for later if it has the usual size and no reader is in it. A
// reader that was cut off counts too: it may still be using the bytes that it got last.
func (r *ring) recycle(b *block) {
	if r.spare != nil || cap(b.data) != r.blockSize() {
		return
	}
	for _, c := range r.readers {
		if c.blk == b {
			return
		}
	}
	*b = block{data: b.data[:0]}
	r.spare = b
}

// open places a reader at offset at, which must lie between start and end.
func (r *ring) open(at int64) *Cursor {
	c := &Cursor{at: at}
	for b := r.first; b != nil && b.start <= at; b = b.next {
		c.blk = b
	}
	r.readers = append(r.readers, c)
	return c
}

// close removes a reader.
func (r *ring) close(c *Cursor) {
	for i := range r.readers {
		if r.readers[i] == c {
			r.readers = append(r.readers[:i], r.readers[i+1:]...)
			return
		}
	}
}

// read returns at most n bytes that follow the reader's place and moves it behind them;
// none if it has read everything. The bytes are valid until the reader's next read or its
// close, and must not be written.
func (r *ring) read(c *Cursor, n int) ([]byte, error) {
	if c.err != nil {
		return nil, c.err
	}
	if c.at == r.end {
		return nil, nil
	}
	if c.blk == nil {
		c.blk = r.first
	}
	for c.at == c.blk.end() {
		c.blk = c.blk.next
	}
	from := int(c.at - c.blk.start)
	to := min(len(c.blk.data), from+n)
	c.at += int64(to - from)
	return c.blk.data[from:to:to], nil
}
