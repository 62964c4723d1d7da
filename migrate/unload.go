package migrate

import (
	"fmt"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// unload stores a batch at the target: every key that is not there yet, or in an older
// version; with onlyNew, set for a Return, only the former. On an error nothing of a Move's
// batch is there afterwards, so that the source's copies are the only ones: left here, they
// would come back to life when the source deletes its own. What a Return brought may stay, it is
// at its owner.
func unload(s *keyspace.Store, blob []byte, onlyNew bool, mayTake func(slots.Slot) bool) error {
	err := eachSlot(blob, mayTake)
	if err == nil {
		err = eachOp(blob, func(op *keyspace.Op) error {
			have, ok := version(s, op)
			if ok && (onlyNew || have >= op.Version) {
				return nil
			}
			return s.Import(*op)
		})
	}
	if err == nil {
		err = eachSlot(blob, mayTake) // a slot may have changed hands meanwhile
	}
	if err != nil && !onlyNew {
		eachOp(blob, func(op *keyspace.Op) error { return undo(s, op) })
	}
	return err
}

// eachSlot asks about every slot of a batch, once for each run of keys.
func eachSlot(blob []byte, mayTake func(slots.Slot) bool) error {
	last := slots.Slot(slots.Count)
	return eachOp(blob, func(op *keyspace.Op) error {
		if op.Slot == last {
			return nil
		}
		last = op.Slot
		if !mayTake(op.Slot) {
			return fmt.Errorf("slot %d does not come here", op.Slot)
		}
		return nil
	})
}

// undo deletes a key that is there exactly as it was sent.
func undo(s *keyspace.Store, op *keyspace.Op) error {
	return s.Update(op.Slot, func(tx *keyspace.Tx) error {
		if e, ok := tx.Peek(op.Key); ok && e.Version == op.Version {
			tx.Delete(op.Key)
		}
		return nil
	})
}

func version(s *keyspace.Store, op *keyspace.Op) (version uint64, ok bool) {
	s.View(op.Slot, func(tx *keyspace.Tx) error {
		var e keyspace.Entry
		e, ok = tx.Peek(op.Key)
		version = e.Version
		return nil
	})
	return version, ok
}

func eachOp(blob []byte, fn func(*keyspace.Op) error) error {
	for len(blob) > 0 {
		op, rest, err := keyspace.DecodeOp(blob)
		if err != nil {
			return err
		}
		if op.Kind != keyspace.OpPut {
			return fmt.Errorf("migrate: a batch holds a %v, not only puts: %w", op.Kind, ErrMalformed)
		}
		if err := fn(&op); err != nil {
			return err
		}
		blob = rest
	}
	return nil
}
