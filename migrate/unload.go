package migrate

import (
	"bytes"
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
	ops, err := puts(blob)
	if err == nil {
		err = eachSlot(ops, mayTake)
	}
	if err == nil {
		own(ops)
		err = s.Import(ops, onlyNew)
	}
	if err == nil {
		err = eachSlot(ops, mayTake) // a slot may have changed hands meanwhile
	}
	if err != nil && !onlyNew {
		for i := range ops {
			undo(s, &ops[i])
		}
	}
	return err
}

// puts takes a batch apart. The ops alias it.
func puts(blob []byte) (ops []keyspace.Op, err error) {
	for len(blob) > 0 {
		op, rest, err := keyspace.DecodeOp(blob)
		if err != nil {
			return nil, err
		}
		if op.Kind != keyspace.OpPut {
			return nil, fmt.Errorf("migrate: a batch holds a %v, not only puts: %w", op.Kind, ErrMalformed)
		}
		ops, blob = append(ops, op), rest
	}
	return ops, nil
}

// own makes values the store's that it does not copy, before a slot is locked for them. One longer
// than keepBlob stays in the batch's buffer, which is not used again.
func own(ops []keyspace.Op) {
	for i := range ops {
		if v := ops[i].Value; len(v) > keyspace.BigValue && len(v) <= keepBlob {
			ops[i].Value = bytes.Clone(v)
		}
	}
}

// eachSlot asks about every slot of a batch, once for each run of keys.
func eachSlot(ops []keyspace.Op, mayTake func(slots.Slot) bool) error {
	last := slots.Slot(slots.Count)
	for i := range ops {
		if slot := ops[i].Slot; slot != last && !mayTake(slot) {
			return fmt.Errorf("slot %d does not come here", slot)
		}
		last = ops[i].Slot
	}
	return nil
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
