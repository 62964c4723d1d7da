package replication

import (
	"fmt"

	"github.com/slotmesh/slotmesh/internal/frame"
	"github.com/slotmesh/slotmesh/keyspace"
)

// Record is one record of a stream: what a transaction did, or what metadata became.
type Record struct {
	Ops      []keyspace.Op // valid, with what they point to, until the next call of Records.Next
	Metadata bool          // metadata changed; Ops is empty
	End      int64         // offset behind the record
}

// Records cuts the bytes of a stream, as a [Cursor] yields them, into records. It is for
// those who read a stream without a store: replicas use an [Applier].
type Records struct {
	at   int64  // offset of buf
	buf  []byte // what has not been read yet
	next []byte // of the last Write, while buf is empty
	ops  []keyspace.Op
}

// NewRecords returns Records of a stream from an offset on, at which a record begins.
func NewRecords(offset int64) *Records { return &Records{at: offset} }

// Write takes the bytes that follow. They are used until Next has returned false.
func (r *Records) Write(b []byte) {
	if len(r.buf) > 0 {
		r.buf = append(r.buf, b...)
		return
	}
	r.next = b
}

// Next returns the next record that has been written whole, and false if there is none yet.
// The error matches [ErrCorrupt].
func (r *Records) Next() (rec Record, ok bool, err error) {
	from := &r.next
	if len(r.buf) > 0 {
		from = &r.buf
	}
	kind, body, rest, err := splitRecord(*from)
	switch {
	case err == errShort && from == &r.next:
		r.buf, r.next = append(r.buf[:0], r.next...), nil
		return Record{}, false, nil
	case err == errShort:
		return Record{}, false, nil
	case err != nil:
		return Record{}, false, err
	}
	r.at += int64(len(*from) - len(rest))
	*from = rest
	rec.End = r.at
	switch kind {
	case recordCommit:
		r.ops, err = decodeOps(r.ops[:0], body)
		rec.Ops = r.ops
	case recordNote:
		rec.Metadata = true
	default:
		err = fmt.Errorf("replication: record of unknown kind %d: %w", kind, frame.ErrCorrupt)
	}
	return rec, err == nil, err
}
