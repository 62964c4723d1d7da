package keyspace

import (
	"bytes"
	"fmt"
	"iter"
)

// Collection is a hash, set, sorted set, list or stream that is in no store, to be built part by
// part without any lock. What a part is, Op says.
type Collection struct {
	typ    Type
	packed []byte
	object object // nil: packed is all
}

// NewCollection returns an empty collection. The error says that a type has no parts.
func NewCollection(typ Type) (*Collection, error) {
	if formOf(typ) == nil {
		return nil, fmt.Errorf("keyspace: type %v is not a collection", typ)
	}
	return &Collection{typ: typ}, nil
}

// Len returns the number of parts.
func (c *Collection) Len() int {
	switch {
	case c.object != nil:
		return c.object.size()
	case len(c.packed) == 0:
		return 0
	}
	return forms[c.typ].size(c.packed)
}

// Set makes a part value; expireAt is the part's, in Unix milliseconds, 0 for never. Both
// are copied. It reports whether the part is new. The error says that the type has no such
// part or value.
func (c *Collection) Set(part, value []byte, expireAt int64) (added bool, err error) {
	if err := checkPart(c.typ, part, value); err != nil {
		return false, err
	}
	f := forms[c.typ]
	if c.object == nil {
		had := false
		if len(c.packed) > 0 {
			_, _, had = f.get(c.packed, part)
		}
		c.packed = f.set(c.packed, part, value, expireAt)
		if !f.fits(c.packed) {
			c.object, c.packed = f.grow(c.packed), nil
		}
		return !had, nil
	}
	_, _, had := c.object.get(part)
	return !had, c.object.set(part, value, expireAt)
}

// PutCollection makes key what c is, with an expiry in Unix milliseconds, 0 for never. The
// store keeps c, which must not be used any more; an empty one deletes key. The errors are
// those of Put.
func (tx *Tx) PutCollection(key []byte, c *Collection, expireAt int64) error {
	tx.mustWrite()
	if c.Len() == 0 {
		tx.Delete(key)
		return nil
	}
	hash := tx.store.hash(key)
	if c.object == nil {
		return tx.put(hash, key, c.typ, c.packed, expireAt, copied)
	}
	if tx.mode&eventMask != 0 {
		tx.noteNew(hash, key)
	}
	before, there := tx.find(hash, key)
	growth := footprint(len(key), 0, expireAt) + largeOverhead + c.object.bytes()
	if there {
		growth -= before.footprint()
	}
	if err := tx.room(nil, growth); err != nil {
		return err
	}
	tx.grownBytes += growth
	if !there {
		tx.grownKeys++
	}
	i := tx.findOpened(hash, key)
	if i < 0 {
		i = tx.addOpened(hash, key, c.typ)
	}
	o := &tx.opened[i]
	tx.stage(OpPut, c.typ, o.key, nil, expireAt, hash, lent)
	coll := &collection{object: c.object, base: tx.version}
	tx.ops[len(tx.ops)-1].parts = coll
	*o = opened{hash: hash, key: o.key, buf: o.buf, typ: c.typ, form: forms[c.typ], dirty: true, fresh: true,
		created: o.created || !there, access: newAccess(tx.policy(), tx.store.clock.Load()), expireAt: expireAt,
		version: tx.version, coll: coll, staged: len(tx.ops)}
	c.object = nil
	return nil
}

// Export returns an OpPut that makes key what it is now, with all of its parts. It is valid
// until the transaction's function returns or changes the key.
func (tx *Tx) Export(key []byte) (op Op, ok bool) {
	rec, ok := tx.find(tx.store.hash(key), key)
	if !ok {
		return Op{}, false
	}
	if text := rec.coll.text(); text != nil {
		rec.coll, rec.value = nil, text.contiguous()
	}
	return Op{Kind: OpPut, Type: rec.typ, Slot: tx.slot, Key: key, Value: rec.value, ExpireAt: rec.expireAt,
		Version: rec.version, parts: rec.coll}, true
}

// Carry does what an Op of another store has done there. Errors are those of Put, and say
// what is wrong with an op that came from outside.
func (tx *Tx) Carry(op *Op) error {
	tx.mustWrite()
	if tx.mode&eventMask != 0 {
		rec, there := tx.find(tx.store.hash(op.Key), op.Key)
		op.events(&rec, there, tx.Notify)
	}
	switch op.Kind {
	case OpPut:
		return tx.carryPut(op)
	case OpExpire:
		tx.Expire(op.Key, op.ExpireAt)
	case OpDelete:
		tx.Delete(op.Key)
	case OpCopy:
		return tx.carryTransfer(tx.Copy, op)
	case OpMove:
		return tx.carryTransfer(tx.Rename, op)
	case OpPart:
		if op.Type == String {
			return tx.carryRange(op)
		}
		if formOf(op.Type) == nil {
			return fmt.Errorf("keyspace: type %v has no parts", op.Type)
		}
		if err := checkPart(op.Type, op.Part, op.Value); err != nil {
			return err
		}
		return tx.carryPart(op)
	case OpCut:
		return tx.carryCut(op)
	default:
		return fmt.Errorf("keyspace: an op of kind %v cannot be part of a transaction", op.Kind)
	}
	return nil
}

// inParts is a collection whose OpPut has been carried and whose parts are to follow.
type inParts struct {
	key      []byte
	expireAt int64
}

func (tx *Tx) carryPart(op *Op) error {
	i, err := tx.open(op.Key, op.Type)
	if err != nil {
		return err
	}
	if _, err = tx.setPart(i, op.Part, op.Value, op.ExpireAt); err != nil {
		return err
	}
	if p := tx.inParts; p.expireAt != 0 {
		tx.inParts = inParts{}
		if bytes.Equal(p.key, op.Key) {
			tx.Expire(op.Key, p.expireAt)
		}
	}
	return nil
}

func (tx *Tx) carryRange(op *Op) error {
	offset, err := offsetOf(op.Part, len(op.Value))
	if err != nil {
		return err
	}
	return tx.SetRange(op.Key, offset, op.Value)
}

func (tx *Tx) carryTransfer(transfer func(key, to []byte) (bool, error), op *Op) error {
	ok, err := transfer(op.Key, op.Part)
	if ok && err == nil {
		tx.Expire(op.Part, op.ExpireAt)
	}
	return err
}

func (tx *Tx) carryPut(op *Op) error {
	rec := record{typ: op.Type, value: op.Value}
	if err := rec.fromOutside(); err != nil {
		return err
	}
	if rec.coll == nil {
		return tx.Put(op.Key, op.Type, op.Value, op.ExpireAt)
	}
	tx.Delete(op.Key)
	if rec.coll.size() == 0 { // its parts follow
		tx.inParts = inParts{tx.copy(op.Key), op.ExpireAt}
		return nil
	}
	return tx.PutCollection(op.Key, &Collection{typ: op.Type, object: rec.coll.object}, op.ExpireAt)
}

// Parts yields the parts of a large collection that an OpPut has with it: on the wire they
// are OpParts behind it.
func (op *Op) Parts() iter.Seq2[[]byte, []byte] {
	return func(yield func(part, value []byte) bool) {
		op.walkParts(func(part, value []byte, _ int64) bool { return yield(part, value) })
	}
}

func (op *Op) walkParts(visit func(part, value []byte, expireAt int64) bool) {
	if op.parts != nil {
		op.parts.walk(nil, visit)
	}
}
