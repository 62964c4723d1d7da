package migrate

import (
	"fmt"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// Staging knows of each large key that comes to a node in parts on which connection it
// comes. A key can come on several: after a lost race of epochs both ends of a move return
// what they have of it to the new owner. If these filled one staged key together, the
// first OpReveal would make it the key with what had come since the last OpStage, and what
// is missing would be deleted where it came from. So the connection that begins a key is
// the only one that adds to it. Others are refused, and try again later.
//
// All Receivers of a node share one. The zero value is for Receivers that run on one
// goroutine; see NewStaging.
type Staging struct {
	guard Locker // guards keys; nil: nothing needs to
	keys  map[string]stagedKey
}

// Locker is what a *sync.Mutex is.
type Locker interface {
	Lock()
	Unlock()
}

// NewStaging returns a Staging for Receivers that run on several goroutines; guard belongs
// to it from then on.
func NewStaging(guard Locker) *Staging { return &Staging{guard: guard} }

// lock locks the guard, if there is one, and returns what unlocks it.
func (s *Staging) lock() (unlock func()) {
	if s.guard == nil {
		return func() {}
	}
	s.guard.Lock()
	return s.guard.Unlock
}

type stagedKey struct {
	from *bringer
	slot slots.Slot
}

// bringer is a connection on which keys come. It does not change.
type bringer struct {
	rights
	node *ReceiverConfig
}

// mayBring reports whether keys of slot may be stored, as the map is now.
func (b *bringer) mayBring(slot slots.Slot) bool {
	return b.accept(b.node.Map(), slot, b.node.Returning)
}

// claim begins a staged key for a connection, or checks that it has begun it. What another
// one has begun becomes its own only if that may not bring the slot any more.
func (s *Staging) claim(b *bringer, op *keyspace.Op) error {
	defer s.lock()()
	k, known := s.keys[string(op.Key)]
	switch {
	case known && k.from == b:
	case op.Kind == keyspace.OpStage && (!known || !k.from.mayBring(op.Slot)):
		if s.keys == nil {
			s.keys = make(map[string]stagedKey)
		}
		s.keys[string(op.Key)] = stagedKey{b, op.Slot}
	case known:
		return fmt.Errorf("a large key of slot %d is coming from node %s already", op.Slot, k.from.source.Short())
	case op.Kind != keyspace.OpUnstage: // there is nothing to be taken back
		return keyspace.ErrNotStaged
	}
	return nil
}

// owns reports whether a connection has begun a key.
func (s *Staging) owns(b *bringer, key []byte) bool {
	defer s.lock()()
	return s.keys[string(key)].from == b
}

// release ends what a connection has begun: the key is revealed, or not staged any more.
func (s *Staging) release(b *bringer, key []byte) {
	defer s.lock()()
	if s.keys[string(key)].from == b {
		delete(s.keys, string(key))
	}
}

func (s *Staging) claimed(key []byte) bool {
	defer s.lock()()
	_, known := s.keys[string(key)]
	return known
}

// of returns the keys that a connection has begun.
func (s *Staging) of(b *bringer) map[string]slots.Slot {
	defer s.lock()()
	keys := make(map[string]slots.Slot)
	for key, k := range s.keys {
		if k.from == b {
			keys[key] = k.slot
		}
	}
	return keys
}

// drop drops what a connection has staged. After an error some of it may be left, for
// DropAbandoned.
func (s *Staging) drop(e Engine, b *bringer, done <-chan struct{}) (err error) {
	for key, slot := range s.of(b) {
		if err == nil {
			err = e.Alter(slot, done, func(tx *keyspace.Tx) error { tx.Unstage([]byte(key)); return nil })
		}
		s.release(b, []byte(key))
	}
	return err
}

// DropAbandoned drops what is staged in some slots and no connection brings: it was there
// when this node came back, or took its master's place. done ends what waits in the Engine.
func (s *Staging) DropAbandoned(e Engine, set *slots.Set, done <-chan struct{}) error {
	staged := e.Store().Staged()
	staged.Intersect(set)
	for slot := range staged.All() {
		err := e.Alter(slot, done, func(tx *keyspace.Tx) error {
			for _, key := range tx.StagedKeys() {
				if !s.claimed(key) {
					tx.Unstage(key)
				}
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("slot %d: %w", slot, err)
		}
	}
	return nil
}
