package replicator

import "github.com/slotmesh/slotmesh/replication"

// Tail reads a master's stream from its present end on, for those who tell others than
// replicas of it. It is for one goroutine. While there is one the Backlog is on.
type Tail struct {
	r       *reader
	records *replication.Records
}

// Tail opens a Tail of the stream of a store with so many keys. A replica's stream has none:
// the error is replication.ErrNotMaster.
func (b *Backlog) Tail(keys int) (*Tail, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	defer b.publishLocked()
	cur, err := b.stream.Tail(keys)
	if err != nil {
		return nil, err
	}
	return &Tail{b.openLocked(cur), replication.NewRecords(cur.Offset())}, nil
}

// Next returns the next record, and false if there is none yet: then Wake receives when there
// is more. The error is final: the reader has been cut off, because it was too slow
// (replication.ErrOverrun) or the node's history has changed (replication.ErrRenamed).
func (t *Tail) Next() (rec replication.Record, ok bool, err error) {
	for {
		if rec, ok, err = t.records.Next(); ok || err != nil {
			return rec, ok, err
		}
		b, err := t.r.Next(tailStep)
		if err != nil || len(b) == 0 {
			return rec, false, err
		}
		t.records.Write(b)
	}
}

// tailStep is how many bytes are read at a time.
const tailStep = 64 << 10

// Wake receives a value when there is something to read after Next returned false.
func (t *Tail) Wake() <-chan struct{} { return t.r.wake }

// Offset returns the stream's end. Under the lock of a slot it covers exactly what the slot
// shows.
func (t *Tail) Offset() int64 { return t.r.log.Offset() }

// Lag returns how many bytes of the stream have not been read yet.
func (t *Tail) Lag() int64 { return t.r.log.Offset() - t.r.offset() }

// Close gives up the Tail.
func (t *Tail) Close() {
	t.r.close()
	t.r.log.release()
}
