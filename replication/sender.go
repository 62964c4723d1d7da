package replication

import (
	"errors"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// ErrNotMaster refuses a replica of a replica (docs/spec.md §9.4).
var ErrNotMaster = errors.New("replication: this node is a replica itself: replicate its master")

// Source is where a Sender reads the stream: a Cursor, or a Cursor behind a lock.
type Source interface {
	// Next returns at most n bytes that follow what was read before, none if there are none
	// yet. They are valid until the next call and must not be written. An error is final:
	// the reader has been cut off.
	Next(n int) ([]byte, error)
}

// Sender is the master's side of one link, or the writer's side of a snapshot: it decides
// what is sent next. It is passive and for one goroutine.
//
// The one rule that makes a full sync correct: everything goes out in the order in which
// it was read. See "How a full sync composes" in the package comment.
type Sender struct {
	store  *keyspace.Store
	in     Source
	offset int64        // of the next byte of the stream
	cover  func() int64 // see SenderConfig.Covered

	phase  senderPhase
	turn   bool // in senderDump: the stream had the last call, now it is the dump's
	limits senderLimits
	slot   int // being dumped
	cur    keyspace.DumpCursor
	batch  []byte // scratch
	carry  []byte // of a batch that exceeds a message: goes out before anything else
	target int64  // in senderDrain: the stream up to here completes the dump
}

// SenderConfig configures a Sender. All fields but Full and Hold are required.
type SenderConfig struct {
	Store  *keyspace.Store // the master's data
	Source Source          // the master's stream, from Offset on
	Offset int64
	// Full makes the Sender send all keys of Store, and meanwhile the stream.
	Full bool
	// Covered returns an offset of the stream that covers everything that Store has shown so
	// far. On a master Stream.Offset does, on a replica only between two steps of its
	// Applier.
	Covered func() int64
	// Hold bounds how many bytes of keys are read under one hold of a slot's lock, but for one
	// value that is greater. Default: 128 KiB.
	Hold int
}

// NewSender returns a Sender. The answer of Stream.Join, or the head of Stream.Snapshot,
// must be sent before what Next yields.
func NewSender(cfg SenderConfig) *Sender {
	s := &Sender{store: cfg.Store, in: cfg.Source, offset: cfg.Offset, cover: cfg.Covered, limits: defaultLimits}
	if cfg.Full {
		s.phase = senderDump
	}
	if cfg.Hold > 0 {
		s.limits.dump = cfg.Hold
	}
	return s
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
	piece  int // bytes of a batch that one large value has made larger
}

var defaultLimits = senderLimits{stream: 256 << 10, dump: 128 << 10, piece: 256 << 10}

// Holdable returns up to which offset a replica can hold the stream that Next has
// yielded, -1 while it cannot hold any because its full sync goes on.
func (s *Sender) Holdable() int64 {
	if s.phase != senderStream {
		return -1
	}
	return s.offset
}

// Dumping reports whether the Sender still reads keys of the store.
func (s *Sender) Dumping() bool { return s.phase == senderDump }

// Offset returns the offset of the next byte of the stream to be sent.
func (s *Sender) Offset() int64 { return s.offset }

// Next appends the frames to send now; none if the replica has everything. flags
// (FlagAck) go into messages of the stream. An error is final.
func (s *Sender) Next(dst []byte, flags uint64) ([]byte, error) {
	if len(s.carry) > 0 {
		return s.appendDump(dst), nil
	}
	switch s.phase {
	case senderDump:
		if s.turn = !s.turn; s.turn {
			before := len(dst)
			if dst, err := s.appendStream(dst, flags); err != nil || len(dst) > before {
				return dst, err
			}
			s.turn = false
		}
		if err := s.dump(); err != nil {
			return dst, err
		}
		dst = s.appendDump(dst)
		if s.slot == slots.Count {
			s.phase, s.target = senderDrain, s.cover()
		}
		return dst, nil
	case senderDrain:
		dst, err := s.appendStream(dst, flags)
		if err == nil && s.offset >= s.target {
			dst = AppendMessage(dst, &Message{Kind: KindSynced, Offset: s.offset})
			s.phase, s.batch = senderStream, nil
		}
		return dst, err
	}
	return s.appendStream(dst, flags)
}

// appendStream appends what is new in the stream, bounded.
func (s *Sender) appendStream(dst []byte, flags uint64) ([]byte, error) {
	for n := 0; n < s.limits.stream; {
		b, err := s.in.Next(min(s.limits.stream, maxPiece))
		if err != nil || len(b) == 0 {
			return dst, err
		}
		dst = AppendMessage(dst, &Message{Kind: KindStream, Offset: s.offset, Flags: flags, Data: b})
		s.offset += int64(len(b))
		n += len(b)
	}
	return dst, nil
}

// dump fills s.batch with the next Ops of the slots' content.
func (s *Sender) dump() error {
	s.batch = s.batch[:0]
	add := func(op keyspace.Op) error {
		s.batch = keyspace.AppendOp(s.batch, &op)
		return nil
	}
	for s.slot < slots.Count && len(s.batch) < s.limits.dump {
		slot := slots.Slot(s.slot)
		next, done, err := s.store.Dump(slot, s.cur, s.limits.dump-len(s.batch), add)
		if err != nil {
			return err
		}
		if s.cur = next; done {
			s.slot, s.cur = s.slot+1, keyspace.DumpCursor{}
		}
	}
	s.carry = s.batch
	return nil
}

// appendDump appends the next piece of the batch. Until its last piece is out, nothing
// else may go out: the batch counts as read before what follows it.
func (s *Sender) appendDump(dst []byte) []byte {
	n := min(len(s.carry), s.limits.piece)
	m := Message{Kind: KindDump, Through: slots.Slot(min(s.slot, slots.Count-1)), Data: s.carry[:n]}
	if s.carry = s.carry[n:]; len(s.carry) > 0 {
		m.Flags = FlagMore
	}
	if len(s.carry) == 0 && cap(s.batch) > 4*s.limits.dump {
		s.batch = nil // a large value has been sent; do not keep its space
	}
	return AppendMessage(dst, &m)
}
