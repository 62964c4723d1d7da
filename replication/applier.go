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

// applier is the replica's side of one link, or the reader's side of a snapshot: it
// carries out what arrives. It is passive; one goroutine steps it.
type applier struct {
	live dataset
	// stage returns where a full sync is gathered, adopt makes that the live data.
	stage func() dataset
	adopt func(dataset)

	phase   applierPhase
	into    dataset       // where Ops go now
	offset  int64         // offset of the next byte of the stream
	master  int64         // the master's offset as heard last
	through int           // in applierFull: the last slot whose dump has begun
	part    []byte        // begin of a record whose end has not arrived
	pieces  []byte        // begin of a batch whose end has not arrived
	ops     []keyspace.Op // scratch
	keys    int           // received by dump
	total   int           // keys the master had when the full sync began
}

// maxBatch bounds what a full sync brings under one lock, in bytes: the greatest value,
// and as much again for what goes with it.
const maxBatch = maxRecord

type applierPhase uint8

const (
	applierHello  applierPhase = iota // waiting for the master's decision
	applierFull                       // gathering
	applierStream                     // live
)

// refusedError is the master's answer to a replica it will not serve.
type refusedError struct{ text string }

func (e *refusedError) Error() string { return "refused by the master: " + e.text }

// step carries out a message. Whoever calls it makes sure that nobody looks at log
// and store together in the meantime: Ops are in the store a moment before they
// are in the log. After an error the link must be ended.
func (in *applier) step(m *message) error {
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
	case kindMetadata:
		if in.phase != applierFull {
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

func (in *applier) resume(m *message) error {
	if in.phase != applierHello {
		return unexpected("a decision to resume")
	}
	h := m.hist
	h.Offset = m.offset
	if err := in.live.log.resume(h, m.offset); err != nil {
		return err
	}
	in.phase, in.into, in.offset, in.master = applierStream, in.live, m.offset, m.hist.Offset
	return nil
}

func (in *applier) full(m *message) error {
	if in.phase != applierHello {
		return unexpected("a decision for a full sync")
	}
	in.into = in.stage()
	h := m.hist
	h.Offset = m.offset
	in.into.log.begin(h)
	in.phase, in.offset, in.master = applierFull, m.offset, m.hist.Offset
	in.through, in.total = -1, int(min(m.keys, 1<<40))
	return nil
}

func (in *applier) stream(m *message) error {
	if in.phase == applierHello {
		return unexpected("a part of the stream")
	}
	if m.offset != in.offset {
		return fmt.Errorf("replication: the stream goes on at offset %d instead of %d: %w", m.offset, in.offset,
			frame.ErrCorrupt)
	}
	in.offset += int64(len(m.data))
	in.master = max(in.master, in.offset)
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
func (in *applier) records(data []byte) (rest []byte, err error) {
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

func (in *applier) record(kind byte, body []byte) (err error) {
	if kind == recordNote {
		r := newReader(body)
		name, data := string(r.Bytes("name")), r.Bytes("metadata")
		if r.Err() != nil {
			return r.Err()
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
	if in.phase == applierFull {
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

func (in *applier) dump(m *message) (err error) {
	if in.phase != applierFull || int(m.through) < in.through {
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

func (in *applier) synced(m *message) error {
	switch {
	case in.phase != applierFull || in.through != slots.Count-1 || len(in.pieces) > 0:
		return unexpected("the end of a full sync")
	case m.offset != in.offset:
		return fmt.Errorf("replication: the full sync ends at offset %d instead of %d: %w", m.offset, in.offset,
			frame.ErrCorrupt)
	}
	in.adopt(in.into)
	in.phase, in.into = applierStream, in.live
	return nil
}

// held returns up to which offset the live data has the master's stream, 0 if that is
// unknown.
func (in *applier) held() int64 {
	if in.phase != applierStream {
		return 0
	}
	return in.live.log.Offset()
}

func (in *applier) progress() Progress { return Progress{in.through + 1, in.keys, in.total} }
