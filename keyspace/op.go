package keyspace

import "github.com/slotmesh/slotmesh/slots"

// Type says what kind of value an entry holds. Only strings exist; the byte is on
// the wire and on disk so that more can come.
type Type uint8

// String is a value of plain bytes.
const String Type = 0

// OpKind says what an Op does.
type OpKind uint8

const (
	OpPut    OpKind = 1 // key now is Value, of Type, with ExpireAt and Version
	OpExpire OpKind = 2 // only ExpireAt and Version of key change
	OpDelete OpKind = 3 // key is gone
	OpDrop   OpKind = 4 // all keys of Slot are gone
)

// String returns the kind in lower case, for logs and test failures.
func (k OpKind) String() string {
	switch k {
	case OpPut:
		return "put"
	case OpExpire:
		return "expire"
	case OpDelete:
		return "delete"
	case OpDrop:
		return "drop"
	}
	return "unknown"
}

// Op is one deterministic effect of a write: what replicas, snapshots, dumps and
// moving slots are made of. Applying it again changes nothing.
//
// Key and Value of an Op that the store hands out alias its memory: they are valid until
// the function that got them returns. The one exception is a Value longer than
// [LargeValue]: the store never changes such a value in place, so it may be kept, read
// only, for as long as wanted.
type Op struct {
	Kind     OpKind
	Type     Type
	Slot     slots.Slot
	Key      []byte
	Value    []byte
	ExpireAt int64 // Unix milliseconds, 0 = never
	Version  uint64
}

// Sink receives the Ops of every committed transaction, in the order of the commits
// within a slot; commits of different slots may arrive at the same time. It is called
// under the slot's lock: it must not block, must not call the store, and must not keep
// ops or what they point to (see [Op] for the exception).
type Sink interface {
	Commit(slot slots.Slot, ops []Op)
}
