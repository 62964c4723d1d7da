package migrate

import (
	"errors"
	"fmt"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// Import stores the batch in the target's Engine; done ends what waits there. keys says
// how many keys it has, and told how many replicas writers were promised at the source:
// as many have to hold the batch before Stored is called, which must follow. Import may
// run beside other calls of the Receiver.
func (b StoreBatch) Import(e Engine, done <-chan struct{}) (keys, told int, err error) {
	enough := func(ops []keyspace.Op) error {
		told = promisedTo(b.told, ops)
		if want, good := b.node.Standing(told); want > good && !here(e.Store(), ops) {
			return lacking(b.node.Map().Self().ID, want, good)
		}
		return nil
	}
	accepts := func(slot slots.Slot) bool { return b.rights.accept(b.node.Map(), slot, b.node.Returning) }
	keys, err = importBatch(e, b.Batch, done, b.rights.kind == KindReturn, accepts, enough)
	return keys, told, err
}

// Waiting returns the message to send to the source every second while storing a batch
// takes long. It gives the reason if replicas are missing. told is Import's result, 0
// before.
func (b StoreBatch) Waiting(told int) Message {
	if want, good := b.node.Standing(told); want > good {
		return Message{typ: msgDelay, n: b.N, text: lacking(b.node.Map().Self().ID, want, good).Error()}
	}
	return Message{typ: msgPong}
}

// importBatch stores a batch at the target: every key that is not there yet, or is there
// in an older version; with onlyNew, set for a Return, only keys that are not there.
// enough, if not nil, may refuse the batch beforehand. After an error nothing of a Move's
// batch is left here, so that the source's copies are the only ones: others would come
// back to life when the source deletes its own. Keys that a Return brought may stay,
// since this node owns them. keys says how many the batch has.
//
// If the error is one of cutShort, part of the batch may be here: then the source must
// hear of no refusal, and brings the batch again.
func importBatch(e Engine, blob []byte, done <-chan struct{}, onlyNew bool, accepts func(slots.Slot) bool,
	enough func([]keyspace.Op) error) (keys int, err error) {
	ops, err := puts(blob)
	if err == nil && enough != nil {
		err = enough(ops)
	}
	if err == nil && !e.Store().Room(int64(len(blob))) {
		err = keyspace.ErrOutOfMemory
	}
	if err == nil {
		err = eachSlot(ops, accepts)
	}
	if err == nil {
		own(ops)
		err = e.Import(ops, onlyNew, done)
	}
	if err == nil {
		err = eachSlot(ops, accepts) // a slot may have changed hands meanwhile
	}
	if err == nil || onlyNew || cutShort(err) {
		return len(ops), err
	}
	for i := range ops {
		if err := undo(e, &ops[i], done); err != nil {
			return 0, err
		}
	}
	return 0, err
}

// cutShort reports whether an error means that this node ceased to be a master, or to
// run, in the middle of something.
func cutShort(err error) bool {
	return errors.Is(err, slots.ErrReadOnly) || errors.Is(err, slots.ErrTryAgain)
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

// here reports whether a key of a batch is here as it was sent. If so, the batch comes
// for the second time, and a replica may have it too. If the source heard of a refusal
// and let its clients delete such a key, that replica could bring it back.
func here(s *keyspace.Store, ops []keyspace.Op) (found bool) {
	for i := range ops {
		s.View(ops[i].Slot, func(tx *keyspace.Tx) error {
			have, ok := tx.Peek(ops[i].Key)
			found = found || ok && have.Version == ops[i].Version
			return nil
		})
	}
	return found
}

// own copies, before a slot is locked, the values that the store would not copy but keep.
// A value longer than keepBlob stays in the batch's buffer, which is not used again.
func own(ops []keyspace.Op) {
	for i := range ops {
		if v := ops[i].Value; len(v) > keyspace.LargeValue && len(v) <= keepBlob {
			ops[i].Value = keyspace.Own(v)
		}
	}
}

// eachSlot asks about every slot of a batch, once for each run of keys.
func eachSlot(ops []keyspace.Op, accepts func(slots.Slot) bool) error {
	last := slots.Slot(slots.Count)
	for i := range ops {
		if slot := ops[i].Slot; slot != last && !accepts(slot) {
			return fmt.Errorf("slot %d does not come here", slot)
		}
		last = ops[i].Slot
	}
	return nil
}

// undo deletes a key that is there exactly as it was sent.
func undo(e Engine, op *keyspace.Op, done <-chan struct{}) error {
	return e.Alter(op.Slot, done, func(tx *keyspace.Tx) error {
		if have, ok := tx.Peek(op.Key); ok && have.Version == op.Version {
			tx.Delete(op.Key)
		}
		return nil
	})
}
