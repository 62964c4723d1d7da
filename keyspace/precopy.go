package keyspace

import (
	"bytes"
	"encoding/binary"

	"github.com/slotmesh/slotmesh/slots"
)

// Precopy copies a large key to another node while it is written: all its parts once,
// then those that have changed meanwhile, round after round, until so little is left that
// writes can wait for it. (Clark et al., Live Migration of Virtual Machines, NSDI 2005,
// call that pre-copy.) What it emits builds a staged key at the other node, see
// [OpStage]. It is for one goroutine.
type Precopy struct {
	store *Store
	slot  slots.Slot
	key   []byte

	// The slot's lock guards what follows.
	other  *Precopy // the next one of the table's
	begun  bool
	walked bool // all parts have been emitted once
	at     partCursor
	dirty  dirtyParts
	broken bool // the key is gone, or is another one by now
}

// PrecopyState says how a Precopy stands.
type PrecopyState uint8

const (
	PrecopyGoes   PrecopyState = iota // there is more to emit, or there may be
	PrecopyHeld                       // freeze refused: try again later
	PrecopyDone                       // all is emitted, OpReveal last
	PrecopyEnded                      // the key is gone or another one: the staged key is of no use
	PrecopyOutrun                     // more has changed than can be kept in mind: as PrecopyEnded
)

const (
	// precopyRun is how many parts are emitted at most under one hold of the slot's lock.
	precopyRun = 1000
	// precopyDirty bounds the memory for the names of changed parts, in bytes.
	precopyDirty = 4 << 20
)

// Precopy begins to copy a key. End must follow. The key may be gone already.
func (s *Store) Precopy(slot slots.Slot, key []byte) *Precopy {
	p := &Precopy{store: s, slot: slot, key: bytes.Clone(key), dirty: dirtyParts{limit: precopyDirty}}
	t := s.lock(slot)
	defer s.unlock(slot)
	p.other, t.precopies, t.copying = t.precopies, p, true
	return p
}

// End ends the copying, however far it is.
func (p *Precopy) End() {
	t := p.store.lock(p.slot)
	defer p.store.unlock(p.slot)
	for at := &t.precopies; *at != nil; at = &(*at).other {
		if *at == p {
			*at = p.other
			break
		}
	}
	t.copying = t.precopies != nil
}

// Key returns the key.
func (p *Precopy) Key() []byte { return p.key }

// Next emits the next Ops, about budget bytes of parts. emit runs under the slot's lock, as
// the function of Dump does. left says about how many bytes have not been emitted yet.
//
// freeze, unless it is nil, is called first, under the lock, and puts the key in flight if
// it is not already: see [InFlight.Freeze]. When nothing is left after that, OpReveal
// follows. A key that is small is one OpPut instead.
func (p *Precopy) Next(budget int, freeze func() bool, emit func(*Op)) (state PrecopyState, left int) {
	s := p.store
	t := s.lock(p.slot)
	defer s.unlock(p.slot)
	rec, ok := p.find(t)
	switch {
	case !ok || p.broken:
		return PrecopyEnded, 0
	case p.dirty.full:
		return PrecopyOutrun, 0
	case freeze != nil && !freeze():
		return PrecopyHeld, p.left(&rec)
	}
	op := Op{Slot: p.slot, Key: p.key, Type: rec.typ, Version: rec.version}
	object := rec.object()
	switch {
	case object == nil && freeze == nil: // it goes as a whole, when it is frozen
		return PrecopyGoes, 0
	case object == nil:
		op.Kind, op.Value, op.ExpireAt = OpPut, rec.value, rec.expireAt
		emit(&op)
		return PrecopyDone, 0
	case !p.begun:
		p.begun = true
		op.Kind, op.Value = OpStage, binary.BigEndian.AppendUint64(nil, uint64(object.bytes()))
		emit(&op)
	}
	p.emitParts(object, op, budget, emit)
	if left = p.left(&rec); freeze == nil || left > 0 {
		return PrecopyGoes, left
	}
	op.Kind, op.Part, op.Value, op.ExpireAt = OpReveal, nil, nil, rec.expireAt
	emit(&op)
	return PrecopyDone, 0
}

// Left returns about how many bytes have not been emitted yet.
func (p *Precopy) Left() int {
	t := p.store.lock(p.slot)
	defer p.store.unlock(p.slot)
	rec, _ := p.find(t)
	return p.left(&rec)
}

// find returns the key's record.
func (p *Precopy) find(t *table) (rec record, ok bool) {
	seg, at := t.find(p.store.hash(p.key), p.key)
	if at < 0 {
		return rec, false
	}
	return seg.record(cellRef(seg.index.cells[at])), true
}

func (p *Precopy) left(rec *record) int {
	switch {
	case p.walked:
		return p.dirty.bytes
	case rec.coll != nil:
		return int(rec.coll.bytes())
	}
	return len(rec.value)
}

// object returns the parts of a large value, nil if it is small.
func (r *record) object() object {
	switch {
	case r.coll != nil:
		return r.coll.object
	case r.typ == String && len(r.value) > LargeValue:
		return newLongString(r.value)
	}
	return nil
}

// emitParts emits parts, or that they are gone, until about budget bytes have passed.
func (p *Precopy) emitParts(parts object, op Op, budget int, emit func(*Op)) {
	run := precopyRun
	out := func(kind OpKind, part, value []byte, expireAt int64) {
		op.Kind, op.Part, op.Value, op.ExpireAt = kind, part, value, expireAt
		emit(&op)
		run--
		budget -= len(part) + len(value)
	}
	if !p.walked {
		p.at, p.walked = parts.walk(p.at, func(part, value []byte, expireAt int64) bool {
			if run <= 0 || budget <= 0 {
				return false
			}
			out(OpStagePart, part, value, expireAt)
			return true
		})
	}
	for p.walked && !p.dirty.empty() && run > 0 && budget > 0 {
		r, name := p.dirty.next()
		if name == nil && r.first != nil {
			out(OpStageCut, r.first, r.last, 0)
		} else if value, expireAt, ok := parts.get(name); ok {
			out(OpStagePart, name, value, expireAt)
		} else {
			out(OpStageCut, name, nil, 0)
		}
	}
}

// note takes the ops of a commit.
func (p *Precopy) note(ops []Op) {
	for i := range ops {
		op := &ops[i]
		switch op.Kind {
		case OpDrop:
			p.broken = true
		case OpCopy, OpMove:
			if bytes.Equal(op.Part, p.key) || op.Kind == OpMove && bytes.Equal(op.Key, p.key) {
				p.broken = true
			}
		case OpPut, OpDelete:
			p.broken = p.broken || bytes.Equal(op.Key, p.key)
		case OpPart, OpCut:
			if bytes.Equal(op.Key, p.key) {
				p.dirty.note(op)
			}
		}
	}
}
