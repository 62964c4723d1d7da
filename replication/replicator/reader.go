package replicator

import "github.com/slotmesh/slotmesh/replication"

// reader reads a Backlog's stream on behalf of one replica or snapshot. It is for one
// goroutine, apart from wake.
type reader struct {
	log *Backlog
	cur *replication.Cursor
	// wake receives a value when there is something to read after Next returned nothing.
	wake   chan struct{}
	asleep bool // guarded by log.mu
}

// join decides how a replica is brought here, and opens its reader in the same moment:
// see Stream.Join.
func (b *Backlog) join(wanted []replication.Position, keys int) (r *reader, answer []byte, why string, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	defer b.publishLocked()
	cur, answer, why, err := b.stream.Join(wanted, keys)
	if err != nil {
		return nil, nil, "", err
	}
	return b.openLocked(cur), answer, why, nil
}

// snapshot opens a reader for a snapshot, between hold and release: see Stream.Snapshot.
func (b *Backlog) snapshot(keys int, shard []byte) (r *reader, head []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	cur, head := b.stream.Snapshot(keys, shard)
	return b.openLocked(cur), head
}

func (b *Backlog) openLocked(cur *replication.Cursor) *reader {
	r := &reader{log: b, cur: cur, wake: make(chan struct{}, 1)}
	b.readers = append(b.readers, r)
	return r
}

// Next implements replication.Source.
func (r *reader) Next(n int) ([]byte, error) {
	r.log.mu.Lock()
	defer r.log.mu.Unlock()
	b, err := r.cur.Next(n)
	if len(b) == 0 && err == nil && !r.asleep {
		r.asleep = true
		r.log.asleep++
	}
	return b, err
}

// offset returns the offset of the next byte to be read.
func (r *reader) offset() int64 {
	r.log.mu.Lock()
	defer r.log.mu.Unlock()
	return r.cur.Offset()
}

// close gives up the reader's claim on the Backlog's memory.
func (r *reader) close() {
	b := r.log
	b.mu.Lock()
	defer b.mu.Unlock()
	r.cur.Close()
	r.leaveLocked()
}

// leaveLocked takes the reader out of those that are woken.
func (r *reader) leaveLocked() {
	b := r.log
	for i := range b.readers {
		if b.readers[i] == r {
			b.readers = append(b.readers[:i], b.readers[i+1:]...)
			break
		}
	}
	if r.asleep {
		r.asleep = false
		b.asleep--
	}
}

// wakeLocked wakes the readers that have read everything.
func (b *Backlog) wakeLocked() {
	if b.asleep == 0 {
		return
	}
	for _, r := range b.readers {
		if r.asleep {
			r.asleep = false
			b.asleep--
			select {
			case r.wake <- struct{}{}:
			default:
			}
		}
	}
}
