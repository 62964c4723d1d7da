package migrate

import (
	"bytes"
	"cmp"
	"encoding/binary"
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
	node := b.from.node
	enough := func(ops []keyspace.Op) error {
		told = promisedTo(b.told, ops)
		if want, good := node.Standing(told); want > good && !here(e.Store(), ops) {
			return lacking(node.Map().Self().ID, want, good)
		}
		return nil
	}
	in := importing{e, done, b.from, b.from.kind == KindReturn, b.from.mayBring, enough}
	keys, err = in.batch(b.Batch)
	if errors.Is(err, ErrMalformed) || errors.Is(err, keyspace.ErrBadOp) { // whose parts it had is not known
		err = cmp.Or(node.Staging.drop(e, b.from, done), err)
	}
	return keys, told, err
}

// Waiting returns the message to send to the source every second while storing a batch
// takes long. It gives the reason if replicas are missing. told is Import's result, 0
// before.
func (b StoreBatch) Waiting(told int) Message {
	if want, good := b.from.node.Standing(told); want > good {
		return Message{typ: msgDelay, n: b.N, text: lacking(b.from.node.Map().Self().ID, want, good).Error()}
	}
	return Message{typ: msgPong}
}

// importing is how a batch is stored at the target.
type importing struct {
	engine  Engine
	done    <-chan struct{}
	from    *bringer
	onlyNew bool // of a Return: only keys that are not there
	accepts func(slots.Slot) bool
	enough  func([]keyspace.Op) error // may refuse the batch beforehand
}

// batch stores a batch: every key that is not there yet, or is there in an older version.
// After an error nothing of a Move's batch is left here, so that the source's copies are
// the only ones: others would come back to life when the source deletes its own. Keys that
// a Return brought may stay, since this node owns them. keys says how many the batch has.
//
// If the error is one of cutShort, part of the batch may be here: then the source must
// hear of no refusal, and brings the batch again.
func (in *importing) batch(blob []byte) (keys int, err error) {
	ops, err := batchOps(blob)
	if err == nil {
		err = in.enough(ops)
	}
	if err == nil && !in.engine.Store().Room(int64(len(blob))+announced(ops)) {
		err = keyspace.ErrOutOfMemory
	}
	if err == nil {
		err = eachSlot(ops, in.accepts)
	}
	if err == nil {
		err = in.claim(ops)
	}
	if err == nil {
		own(ops)
		err = in.engine.Import(ops, in.onlyNew, in.done)
	}
	if err == nil {
		err = eachSlot(ops, in.accepts) // a slot may have changed hands meanwhile
	}
	if err == nil || cutShort(err) {
		if err == nil {
			in.release(ops)
		}
		return countKeys(ops), err
	}
	for i := range ops {
		if i > 0 && !isKey(&ops[i]) && bytes.Equal(ops[i].Key, ops[i-1].Key) {
			continue // another part of the same key
		}
		if err := in.undo(&ops[i]); err != nil {
			return 0, err
		}
	}
	return 0, err
}

// claim makes the keys that begin to be staged the connection's, and refuses parts of keys
// that are not.
func (in *importing) claim(ops []keyspace.Op) error {
	for i := range ops {
		if ops[i].Kind == keyspace.OpPut {
			continue
		}
		if err := in.from.node.Staging.claim(in.from, &ops[i]); err != nil {
			return err
		}
	}
	return nil
}

// release ends the staging of keys that a batch has revealed, or taken back.
func (in *importing) release(ops []keyspace.Op) {
	for i := range ops {
		if k := ops[i].Kind; k == keyspace.OpReveal || k == keyspace.OpUnstage {
			in.from.node.Staging.release(in.from, ops[i].Key)
		}
	}
}

// cutShort reports whether an error means that this node ceased to be a master, or to
// run, in the middle of something.
func cutShort(err error) bool {
	return errors.Is(err, slots.ErrReadOnly) || errors.Is(err, slots.ErrTryAgain)
}

// batchOps takes a batch apart. The ops alias it.
func batchOps(blob []byte) (ops []keyspace.Op, err error) {
	for len(blob) > 0 {
		op, rest, err := keyspace.DecodeOp(blob)
		if err != nil {
			return nil, err
		}
		switch op.Kind {
		case keyspace.OpPut:
			if op.Type != keyspace.String && len(op.Value) == 0 {
				return nil, fmt.Errorf("migrate: a batch holds a %v without parts: %w", op.Type, ErrMalformed)
			}
		case keyspace.OpStage, keyspace.OpStagePart, keyspace.OpStageCut, keyspace.OpReveal, keyspace.OpUnstage:
		default:
			return nil, fmt.Errorf("migrate: a batch holds a %v, which brings no key: %w", op.Kind, ErrMalformed)
		}
		ops, blob = append(ops, op), rest
	}
	return ops, nil
}

// isKey reports whether an op of a batch makes a key.
func isKey(op *keyspace.Op) bool { return op.Kind == keyspace.OpPut || op.Kind == keyspace.OpReveal }

func countKeys(ops []keyspace.Op) (n int) {
	for i := range ops {
		if isKey(&ops[i]) {
			n++
		}
	}
	return n
}

// announced returns how much memory the keys that begin to be staged may take.
func announced(ops []keyspace.Op) (n int64) {
	for i := range ops {
		if op := &ops[i]; op.Kind == keyspace.OpStage && len(op.Value) == 8 {
			n += int64(min(binary.BigEndian.Uint64(op.Value), 1<<40))
		}
	}
	return n
}

// here reports whether a key of a batch is here as it was sent. If so, the batch comes
// for the second time, and a replica may have it too. If the source heard of a refusal
// and let its clients delete such a key, that replica could bring it back.
func here(s *keyspace.Store, ops []keyspace.Op) (found bool) {
	for i := range ops {
		if !isKey(&ops[i]) {
			continue
		}
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
		if v := ops[i].Value; ops[i].Kind == keyspace.OpPut && len(v) > keyspace.LargeValue && len(v) <= keepBlob {
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

// undo deletes a key that is there exactly as it was sent, unless it is a Return's, and drops
// what the connection has staged of it.
func (in *importing) undo(op *keyspace.Op) error {
	staging := in.from.node.Staging
	staged := op.Kind != keyspace.OpPut && staging.owns(in.from, op.Key)
	err := in.engine.Alter(op.Slot, in.done, func(tx *keyspace.Tx) error {
		if staged {
			tx.Unstage(op.Key)
		}
		if have, ok := tx.Peek(op.Key); ok && isKey(op) && have.Version == op.Version && !in.onlyNew {
			tx.Delete(op.Key)
			tx.Notify(keyspace.GenericEvents, "del", op.Key)
		}
		return nil
	})
	if err == nil && staged {
		staging.release(in.from, op.Key)
	}
	return err
}
