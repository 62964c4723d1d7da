package keyspace

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/slotmesh/slotmesh/slots"
)

// A large collection comes from another node in parts, while that node still serves it. It
// is staged here, beside the slot's keys, until all of it has come: no read sees it, no
// count has it, only its memory counts. Then OpReveal makes it a key at once.

// ErrNotStaged refuses parts of a collection whose beginning is not here: it has to be
// brought anew.
var ErrNotStaged = errors.New("keyspace: what comes here in parts has no beginning here")

// stagedKeys are those of one slot, nil if there are none. The slot's lock guards them.
type stagedKeys struct {
	keys  map[string]*stagedKey
	bytes int64
}

type stagedKey struct {
	typ Type
	collection
}

func (g *stagedKeys) get(key []byte) *stagedKey {
	if g == nil {
		return nil
	}
	return g.keys[string(key)]
}

// names returns the keys.
func (g *stagedKeys) names() (keys [][]byte) {
	if g == nil {
		return nil
	}
	for key := range g.keys {
		keys = append(keys, []byte(key))
	}
	return keys
}

// size returns the memory in use.
func (g *stagedKeys) size() int64 {
	if g == nil {
		return 0
	}
	return g.bytes
}

func (g *stagedKeys) len() int {
	if g == nil {
		return 0
	}
	return len(g.keys)
}

// stagedOverhead estimates the memory of a staged key besides its parts and its name.
const stagedOverhead = 128

// stageKey begins a staged key, anew if it is there.
func (s *Store) stageKey(t *table, op *Op) error {
	var begun object = newLongString(nil)
	if f := formOf(op.Type); f != nil {
		begun = f.grow(nil)
	} else if op.Type != String {
		return fmt.Errorf("keyspace: type %d has no parts, it cannot be staged; the sender may be a newer release",
			op.Type)
	}
	s.unstageKey(t, op.Key)
	if t.staged == nil {
		t.staged = &stagedKeys{keys: make(map[string]*stagedKey)}
	}
	k := &stagedKey{typ: op.Type, collection: collection{object: begun, base: op.Version}}
	t.staged.keys[string(op.Key)] = k
	s.staged.Add(1)
	t.countStaged(int64(len(op.Key)) + stagedOverhead)
	t.recountStaged(k)
	return nil
}

// unstageKey drops a staged key. The garbage collector does the work, whatever its size.
func (s *Store) unstageKey(t *table, key []byte) {
	k := t.staged.get(key)
	if k == nil {
		return
	}
	delete(t.staged.keys, string(key))
	s.staged.Add(-1)
	t.countStaged(-k.counted - int64(len(key)) - stagedOverhead)
	if len(t.staged.keys) == 0 {
		t.staged = nil
	}
}

// countStaged changes the accounts of staged keys.
func (t *table) countStaged(grown int64) {
	t.staged.bytes += grown
	t.sum.bytes += grown
	t.sum.held += grown
}

func (t *table) recountStaged(k *stagedKey) {
	now := k.bytes()
	t.countStaged(now - k.counted)
	k.counted = now
}

// changeStaged carries out an op on a staged key, all but OpReveal. The error is
// ErrNotStaged if the key has no beginning here.
func (s *Store) changeStaged(t *table, op *Op) error {
	switch op.Kind {
	case OpStage:
		return s.stageKey(t, op)
	case OpUnstage:
		s.unstageKey(t, op.Key)
		return nil
	}
	k := t.staged.get(op.Key)
	switch {
	case k == nil:
		return ErrNotStaged
	case op.Kind == OpStagePart:
		if err := checkPart(k.typ, op.Part, op.Value); err != nil {
			return err
		}
		if err := k.set(op.Part, op.Value, op.ExpireAt); err != nil {
			return err
		}
	case len(op.Value) > 0:
		if r, ok := k.object.(ranger); ok {
			r.cutRange(nil, op.Part, op.Value)
		}
	default:
		k.cut(op.Part)
	}
	t.recountStaged(k)
	return nil
}

// reveal makes a staged key the key, in place of what was there. seg and at are where that
// is. An empty one was no key where it came from.
func (s *Store) reveal(t *table, seg *segment, at int, hash uint64, op *Op) error {
	k := t.staged.get(op.Key)
	if k == nil || k.size() == 0 {
		return ErrNotStaged
	}
	coll := &collection{object: k.object, counted: k.counted, base: op.Version}
	rec := record{typ: k.typ, expireAt: op.ExpireAt, version: op.Version, key: op.Key, coll: coll,
		access: newAccess(s.Policy(), s.clock.Load())}
	if len(op.Key) > maxKey {
		rec.key = bytes.Clone(op.Key)
	}
	if !t.put(seg, at, hash, &rec, s.hash) {
		return errFlood
	}
	s.unstageKey(t, op.Key)
	s.noteTransfer(op.Slot, hash)
	return nil
}

// applyStaged is the part of Apply that is about staged keys. Ops on one that is not here
// are passed over: a dump brings it, or what it has become, or it is of no use any more.
func (s *Store) applyStaged(t *table, op *Op) error {
	if op.Kind != OpReveal {
		if err := s.changeStaged(t, op); err != ErrNotStaged {
			return err
		}
		return nil
	}
	t.version = max(t.version, op.Version)
	hash := s.hash(op.Key)
	seg, at := t.find(hash, op.Key)
	if at >= 0 {
		if now := seg.record(cellRef(seg.index.cells[at])); now.floor() >= op.Version {
			s.unstageKey(t, op.Key)
			return nil
		}
	}
	if err := s.reveal(t, seg, at, hash, op); err != ErrNotStaged {
		return err
	}
	return nil
}

// Unstage drops a staged key; see [OpStage].
func (tx *Tx) Unstage(key []byte) {
	tx.mustWrite()
	if tx.table.staged.get(key) != nil {
		other := ^tx.store.hash(key) // under which no read of the key itself finds the op
		tx.stage(OpUnstage, String, key, nil, 0, other, copied)
	}
}

// StagedKeys returns the slot's staged keys, in order.
func (tx *Tx) StagedKeys() [][]byte {
	keys := tx.table.staged.names()
	slices.SortFunc(keys, bytes.Compare)
	return keys
}

// Staged returns the slots that have staged keys.
func (s *Store) Staged() (set slots.Set) {
	if s.staged.Load() == 0 {
		return set
	}
	for slot := range slots.Slot(slots.Count) {
		if s.unused(slot) {
			continue
		}
		if t := s.lock(slot); t.staged.len() > 0 {
			set.Add(slot)
		}
		s.unlock(slot)
	}
	return set
}
