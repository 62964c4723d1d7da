package replication

import (
	"fmt"

	"github.com/slotmesh/slotmesh/internal/frame"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// Log is the history that an Applier continues: a Stream, or a Stream behind a lock.
type Log interface {
	// Resume takes over the names of the master's history, in which the replica's place, at,
	// is. An error says that the replica needs a full sync.
	Resume(h History, at int64) error
	// Append adds whole records of the master's stream, which have been carried out.
	Append(records []byte) error
	// SetNotes changes notes as the master has, all at once for those who read them.
	SetNotes(notes []Note) error
	// Adopt takes over the history and the bytes of a Stream in which a full sync was
	// gathered.
	Adopt(gathered *Stream)
	Offset() int64
	Info() BacklogInfo
}

// Applier is the replica's side of one link, or the reader's side of a snapshot: it
// carries out what arrives. It is passive; one goroutine steps it.
//
// A full sync is gathered in a store and a Stream of its own, which replace the live data
// when it is complete.
type Applier struct {
	live dataset
	// stage returns where a full sync is gathered.
	stage func() (dataset, *Stream)

	phase    Phase
	into     dataset       // where Ops go now
	gathered *Stream       // into's log in PhaseFull, else nil
	offset   int64         // offset of the next byte of the stream
	master   int64         // the master's offset as heard last
	through  int           // in PhaseFull: the last slot whose dump has begun
	part     []byte        // begin of a record whose end has not arrived
	pieces   []byte        // begin of a batch whose end has not arrived
	note     Note          // begin of a note whose end has not arrived
	ops      []keyspace.Op // scratch
	records  int64         // carried out
	keys     int           // received by dump
	total    int           // keys the master had when the full sync began
}

// dataset is a store and the history that made it.
type dataset struct {
	store *keyspace.Store
	log   Log
}

// NewApplier returns the Applier of a replica for one link. The store's Sink is the
// Stream of log, which follows: see Stream.Follow.
func NewApplier(store *keyspace.Store, log Log) *Applier {
	stage := func() (dataset, *Stream) {
		gathered := NewStream(StreamConfig{Size: int(log.Info().Size)})
		return dataset{store.Stage(), gathered}, gathered
	}
	return &Applier{live: dataset{store, log}, stage: stage}
}

// maxBatch bounds the Ops that a full sync applies under one lock, in bytes: the longest
// value, and as much again for what goes with it.
const maxBatch = maxRecord

// Phase is how far an Applier is.
type Phase uint8

const (
	PhaseAnswer Phase = iota // waiting for the master's decision
	PhaseFull                // gathering a full sync
	PhaseStream              // following the stream
)

// RefusedError is the answer of a master that will not serve the replica.
type RefusedError struct{ Reason string }

func (e *RefusedError) Error() string { return "refused by the master: " + e.Reason }

// Step carries out a message. Ops are in the store a moment before they are in the log,
// so the caller must see to it that no other goroutine reads both in the meantime. After
// an error the link must be ended.
func (in *Applier) Step(m *Message) error {
	switch m.Kind {
	case KindRefuse:
		return &RefusedError{m.Text}
	case KindResume:
		return in.resume(m)
	case KindFull:
		return in.full(m)
	case KindStream:
		return in.stream(m)
	case KindDump:
		return in.dump(m)
	case KindSynced:
		return in.synced(m)
	case KindMetadata:
		return in.gatherNote(m)
	case KindPing:
		in.master = max(in.master, m.Offset)
	}
	return nil
}

func unexpected(what string) error {
	return fmt.Errorf("replication: %s out of turn: %w", what, frame.ErrCorrupt)
}

func (in *Applier) resume(m *Message) error {
	if in.phase != PhaseAnswer {
		return unexpected("a decision to resume")
	}
	h := m.History
	h.Offset = m.Offset
	if err := in.live.log.Resume(h, m.Offset); err != nil {
		return err
	}
	in.phase, in.into, in.offset, in.master = PhaseStream, in.live, m.Offset, m.History.Offset
	return nil
}

func (in *Applier) full(m *Message) error {
	if in.phase != PhaseAnswer {
		return unexpected("a decision for a full sync")
	}
	in.into, in.gathered = in.stage()
	h := m.History
	h.Offset = m.Offset
	in.gathered.begin(h)
	in.phase, in.offset, in.master = PhaseFull, m.Offset, m.History.Offset
	in.through, in.total = -1, int(min(m.Keys, 1<<40))
	return nil
}

func (in *Applier) stream(m *Message) error {
	if in.phase == PhaseAnswer {
		return unexpected("a part of the stream")
	}
	if m.Offset != in.offset {
		return fmt.Errorf("replication: the stream goes on at offset %d instead of %d: %w", m.Offset, in.offset,
			frame.ErrCorrupt)
	}
	in.offset += int64(len(m.Data))
	in.master = max(in.master, in.offset)
	data := m.Data
	if len(in.part) > 0 {
		in.part = append(in.part, data...)
		data = in.part
	}
	rest, err := in.carryOut(data)
	if err != nil {
		return err
	}
	in.part = append(in.part[:0], rest...)
	if len(in.part) == 0 && cap(in.part) > 4*MaxMessage {
		in.part = nil
	}
	return nil
}

// carryOut carries out the whole records in data and returns what is behind them.
func (in *Applier) carryOut(data []byte) (rest []byte, err error) {
	rest = data
	for {
		kind, body, after, err := splitRecord(rest)
		if err == errShort {
			break
		}
		if err == nil {
			err = in.record(kind, body)
		}
		if err != nil {
			return nil, err
		}
		rest = after
		in.records++
	}
	if whole := data[:len(data)-len(rest)]; len(whole) > 0 {
		return rest, in.into.log.Append(whole)
	}
	return rest, nil
}

func (in *Applier) record(kind byte, body []byte) (err error) {
	if kind == recordNote {
		return in.noteRecord(body)
	}
	if kind != recordCommit {
		return fmt.Errorf("replication: record of unknown kind %d: %w", kind, frame.ErrCorrupt)
	}
	if in.ops, err = decodeOps(in.ops[:0], body); err != nil {
		return err
	}
	ops := in.ops
	if in.phase == PhaseFull {
		// The dump of later slots is still to be read, and will contain this.
		for len(ops) > 0 && int(ops[0].Slot) > in.through {
			ops = ops[1:]
		}
	}
	switch len(ops) {
	case 0:
		return nil
	case 1:
		return in.into.store.Apply(ops[0])
	}
	return in.into.store.ApplyAll(ops)
}

func (in *Applier) dump(m *Message) (err error) {
	if in.phase != PhaseFull || int(m.Through) < in.through {
		return unexpected(fmt.Sprintf("a part of slot %d", m.Through))
	}
	data := m.Data
	if len(in.pieces)+len(data) > maxBatch {
		return fmt.Errorf("replication: a batch of slot %d exceeds %d bytes: %w", m.Through, maxBatch, frame.ErrCorrupt)
	}
	if m.Flags&FlagMore != 0 || len(in.pieces) > 0 {
		in.pieces = append(in.pieces, data...)
		data = in.pieces
	}
	if m.Flags&FlagMore != 0 {
		return nil
	}
	in.pieces = nil
	if in.ops, err = decodeOps(in.ops[:0], data); err != nil {
		return err
	}
	in.through = int(m.Through)
	for i := range in.ops {
		if in.ops[i].Kind == keyspace.OpPut {
			in.keys++
		}
	}
	return in.into.store.ApplyAll(in.ops)
}

func (in *Applier) synced(m *Message) error {
	switch {
	case in.phase != PhaseFull || in.through != slots.Count-1 || len(in.pieces) > 0 || len(in.note.Data) > 0:
		return unexpected("the end of a full sync")
	case m.Offset != in.offset:
		return fmt.Errorf("replication: the full sync ends at offset %d instead of %d: %w", m.Offset, in.offset,
			frame.ErrCorrupt)
	}
	if in.into != in.live { // a snapshot is read into the data itself
		in.live.store.Adopt(in.into.store)
		in.live.log.Adopt(in.gathered)
	}
	in.phase, in.into, in.gathered = PhaseStream, in.live, nil
	return nil
}

// Phase returns how far the Applier is.
func (in *Applier) Phase() Phase { return in.phase }

// Offset returns the offset of the next byte of the master's stream.
func (in *Applier) Offset() int64 { return in.offset }

// MasterOffset returns the greatest offset that the master has named: the stream's end at
// least.
func (in *Applier) MasterOffset() int64 { return in.master }

// Term returns the term of the history that a full sync is gathered from, 0 when none is.
func (in *Applier) Term() uint64 {
	if in.gathered == nil {
		return 0
	}
	return in.gathered.hist.Term
}

// Held returns up to which offset the live data has the master's stream, 0 if that is
// unknown: what an acknowledgement says.
func (in *Applier) Held() int64 {
	if in.phase != PhaseStream {
		return 0
	}
	return in.live.log.Offset()
}

// Progress returns how far the full sync is.
func (in *Applier) Progress() Progress { return Progress{in.through + 1, in.keys, in.total} }

// Progress is how far a full sync or the loading of a snapshot is.
type Progress struct {
	Slots int // of slots.Count
	Keys  int // received
	Total int // keys there were when it began
}

// Percent returns how far it is, in percent: as good as the number of keys at the
// beginning tells.
func (p Progress) Percent() float64 {
	if p.Total <= 0 {
		return 100 * float64(p.Slots) / slots.Count
	}
	return min(100, 100*float64(p.Keys)/float64(p.Total))
}
