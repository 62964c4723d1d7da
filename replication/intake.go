package replication

import (
	"fmt"

	"github.com/slotmesh/slotmesh/internal/frame"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// dataset is a store and the history that made it.
type dataset struct {
	store *keyspace.Store
	log   *Backlog
}

// intake is the replica's side of one link, or the reader's side of a snapshot: it
// carries out what arrives. It is passive; one goroutine steps it.
type intake struct {
	live dataset
	// stage returns where a full sync is gathered, adopt makes that the live data.
	stage func() dataset
	adopt func(dataset)

	phase   intakePhase
	into    dataset       // where Ops go now
	place   int64         // offset of the next byte of the stream
	master  int64         // the master's offset as heard last
	through int           // in intakeFull: the last slot whose dump has begun
	part    []byte        // begin of a record whose end has not arrived
	pieces  []byte        // begin of a batch whose end has not arrived
	ops     []keyspace.Op // scratch
	keys    int           // received by dump
	total   int           // keys the master had when the full sync began
}

// maxBatch bounds what a full sync brings under one lock, in bytes: the greatest value, and as
// much again for what goes with it.
const maxBatch = maxRecord

type intakePhase uint8

const (
	intakeHello  intakePhase = iota // waiting for the master's decision
	intakeFull                      // gathering
	intakeStream                    // live
)

// refusedError is the master's answer to a replica it will not serve.
type refusedError struct{ text string }

func (e *refusedError) Error() string { return "refused by the master: " + e.text }

// step carries out a message. Whoever calls it makes sure that nobody looks at log
// and store together in the meantime: Ops are in the store a moment before they
// are in the log. After an error the link must be ended.
func (in *intake) step(m *message) error {
	switch m.kind {
	case kindRefuse:
		return &refusedError{m.text}
	case kindResume:
		return in.resume(m)
	case kindFull:
		return in.full(m)
	case kindStream:
		return in.stream(m)
	case kindDump:
		return in.dump(m)
	case kindSynced:
		return in.synced(m)
	case kindNote:
		if in.phase != intakeFull {
			return unexpected("a note")
		}
		return in.into.log.noteTaken(m.text, m.data)
	case kindPing:
		in.master = max(in.master, m.offset)
	}
	return nil
}

func unexpected(what string) error {
	return fmt.Errorf("replication: %s out of turn: %w", what, frame.ErrCorrupt)
}

func (in *intake) resume(m *message) error {
	if in.phase != intakeHello {
		return unexpected("a decision to resume")
	}
	h := m.hist
	h.Offset = m.offset
	if err := in.live.log.resume(h, m.offset); err != nil {
		return err
	}
	in.phase, in.into, in.place, in.master = intakeStream, in.live, m.offset, m.hist.Offset
	return nil
}

func (in *intake) full(m *message) error {
	if in.phase != intakeHello {
		return unexpected("a decision for a full sync")
	}
	in.into = in.stage()
	h := m.hist
	h.Offset = m.offset
	in.into.log.begin(h)
	in.phase, in.place, in.master = intakeFull, m.offset, m.hist.Offset
	in.through, in.total = -1, int(min(m.keys, 1<<40))
	return nil
}

func (in *intake) stream(m *message) error {
	if in.phase == intakeHello {
		return unexpected("a part of the stream")
	}
	if m.offset != in.place {
		return fmt.Errorf("replication: the stream goes on at offset %d instead of %d: %w", m.offset, in.place, frame.ErrCorrupt)
	}
	in.place += int64(len(m.data))
	in.master = max(in.master, in.place)
	data := m.data
	if len(in.part) > 0 {
		in.part = append(in.part, data...)
		data = in.part
	}
	rest, err := in.records(data)
	if err != nil {
		return err
	}
	in.part = append(in.part[:0], rest...)
	if len(in.part) == 0 && cap(in.part) > 4*maxMessage {
		in.part = nil
	}
	return nil
}

// records carries out the whole records in data and returns what is behind them.
func (in *intake) records(data []byte) (rest []byte, err error) {
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
	}
	if whole := data[:len(data)-len(rest)]; len(whole) > 0 {
		return rest, in.into.log.append(whole)
	}
	return rest, nil
}

func (in *intake) record(kind byte, body []byte) (err error) {
	if kind == recordNote {
		u := unpacker{b: body}
		name, data := string(u.bytes()), u.bytes()
		if u.err != nil {
			return u.err
		}
		return in.into.log.noteTaken(name, data)
	}
	if kind != recordCommit {
		return fmt.Errorf("replication: record of unknown kind %d: %w", kind, frame.ErrCorrupt)
	}
	if in.ops, err = decodeOps(in.ops[:0], body); err != nil {
		return err
	}
	ops := in.ops
	if in.phase == intakeFull {
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

func (in *intake) dump(m *message) (err error) {
	if in.phase != intakeFull || int(m.through) < in.through {
		return unexpected(fmt.Sprintf("a part of slot %d", m.through))
	}
	data := m.data
	if len(in.pieces)+len(data) > maxBatch {
		return fmt.Errorf("replication: a batch of slot %d exceeds %d bytes: %w", m.through, maxBatch, frame.ErrCorrupt)
	}
	if m.flags&flagMore != 0 || len(in.pieces) > 0 {
		in.pieces = append(in.pieces, data...)
		data = in.pieces
	}
	if m.flags&flagMore != 0 {
		return nil
	}
	in.pieces = nil
	if in.ops, err = decodeOps(in.ops[:0], data); err != nil {
		return err
	}
	in.through = int(m.through)
	in.keys += len(in.ops)
	return in.into.store.ApplyAll(in.ops)
}

func (in *intake) synced(m *message) error {
	switch {
	case in.phase != intakeFull || in.through != slots.Count-1 || len(in.pieces) > 0:
		return unexpected("the end of a full sync")
	case m.offset != in.place:
		return fmt.Errorf("replication: the full sync ends at offset %d instead of %d: %w", m.offset, in.place, frame.ErrCorrupt)
	}
	in.adopt(in.into)
	in.phase, in.into = intakeStream, in.live
	return nil
}

// held returns up to which offset the live data has the master's stream, 0 if that is
// unknown.
func (in *intake) held() int64 {
	if in.phase != intakeStream {
		return 0
	}
	return in.live.log.Offset()
}

func (in *intake) progress() Progress { return Progress{in.through + 1, in.keys, in.total} }
