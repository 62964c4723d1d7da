package replication

import (
	"errors"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// errNotMaster refuses a replica of a replica (docs/spec.md §9.4).
var errNotMaster = errors.New("replication: this node is a replica itself: replicate its master")

// sender is the master's side of one link, or the writer's side of a snapshot: it decides
// what is sent next. It is passive; what it calls takes locks for moments only.
//
// The one rule that makes a full sync correct: everything goes out in the order in
// which it was read. See "How a full sync composes" in the package comment.
type sender struct {
	store  *keyspace.Store
	in     *Reader
	offset int64        // of the next byte of the stream
	cover  func() int64 // the offset that covers everything the store has shown so far

	phase  senderPhase
	turn   bool // in senderDump: the stream had the last call, now it is the dump's
	limits senderLimits
	slot   int // being dumped
	cur    keyspace.Cursor
	batch  []byte // scratch
	carry  []byte // of a batch that exceeds a message: goes out before anything else
	target int64  // in senderDrain: the stream up to here completes the dump
}

type senderPhase uint8

const (
	senderStream senderPhase = iota // the replica has the past, send what is new
	senderDump                      // slot by slot, and what is new in between
	senderDrain                     // all slots are out, some of the stream that belongs to them is not
)

// senderLimits bound what one call of next reads.
type senderLimits struct {
	stream int // bytes of the stream
	dump   int // bytes of Ops: also bounds how long a slot is locked
	piece  int // bytes of a batch that is larger because of one big value
}

var defaultLimits = senderLimits{stream: 256 << 10, dump: 128 << 10, piece: 256 << 10}

// holdable returns up to which offset a replica can hold the stream that next has
// yielded, -1 while it cannot hold any.
func (f *sender) holdable() int64 {
	if f.phase != senderStream {
		return -1
	}
	return f.offset
}

// next appends the frames to send now; none if the replica has everything. flags
// go into messages of the stream.
func (f *sender) next(dst []byte, flags uint64) ([]byte, error) {
	if len(f.carry) > 0 {
		return f.appendDump(dst), nil
	}
	switch f.phase {
	case senderDump:
		if f.turn = !f.turn; f.turn {
			before := len(dst)
			if dst, err := f.appendStream(dst, flags); err != nil || len(dst) > before {
				return dst, err
			}
			f.turn = false
		}
		if err := f.dump(); err != nil {
			return dst, err
		}
		dst = f.appendDump(dst)
		if f.slot == slots.Count {
			f.phase, f.target = senderDrain, f.cover()
		}
		return dst, nil
	case senderDrain:
		dst, err := f.appendStream(dst, flags)
		if err == nil && f.offset >= f.target {
			dst = appendMessage(dst, &message{kind: kindSynced, offset: f.offset})
			f.phase, f.batch = senderStream, nil
		}
		return dst, err
	}
	return f.appendStream(dst, flags)
}

// appendStream appends what is new in the stream, bounded.
func (f *sender) appendStream(dst []byte, flags uint64) ([]byte, error) {
	for n := 0; n < f.limits.stream; {
		b, err := f.in.Next(min(f.limits.stream, maxPiece))
		if err != nil || len(b) == 0 {
			return dst, err
		}
		dst = appendMessage(dst, &message{kind: kindStream, offset: f.offset, flags: flags, data: b})
		f.offset += int64(len(b))
		n += len(b)
	}
	return dst, nil
}

// dump fills f.batch with the next Ops of the slots' content.
func (f *sender) dump() error {
	f.batch = f.batch[:0]
	add := func(op keyspace.Op) error {
		f.batch = keyspace.AppendOp(f.batch, &op)
		return nil
	}
	for f.slot < slots.Count && len(f.batch) < f.limits.dump {
		slot := slots.Slot(f.slot)
		next, done, err := f.store.Dump(slot, f.cur, f.limits.dump-len(f.batch), add)
		if err != nil {
			return err
		}
		if f.cur = next; done {
			f.slot, f.cur = f.slot+1, 0
		}
	}
	f.carry = f.batch
	return nil
}

// appendDump appends the next piece of the batch. Until its last piece is out, nothing
// else may go out: the batch counts as read before what follows it.
func (f *sender) appendDump(dst []byte) []byte {
	n := min(len(f.carry), f.limits.piece)
	m := message{kind: kindDump, through: slots.Slot(min(f.slot, slots.Count-1)), data: f.carry[:n]}
	if f.carry = f.carry[n:]; len(f.carry) > 0 {
		m.flags = flagMore
	}
	if len(f.carry) == 0 && cap(f.batch) > 4*f.limits.dump {
		f.batch = nil // a big value has gone through; don't keep its space
	}
	return appendMessage(dst, &m)
}
