package keyspace

import (
	"math"

	"github.com/slotmesh/slotmesh/slots"
)

// Type says what kind of value an entry holds. The numbers are those of Redis.
type Type uint8

const (
	String Type = 0 // plain bytes
	List   Type = 1
	Set    Type = 2
	ZSet   Type = 3 // a sorted set
	Hash   Type = 4
	Stream Type = 6
)

// String returns the name that the command TYPE replies.
func (t Type) String() string {
	names := [...]string{String: "string", List: "list", Set: "set", ZSet: "zset", Hash: "hash", Stream: "stream"}
	if int(t) < len(names) && names[t] != "" {
		return names[t]
	}
	return "unknown"
}

// OpKind says what an Op does.
type OpKind uint8

const (
	OpPut    OpKind = 1 // key now is Value, of Type, with ExpireAt and Version
	OpExpire OpKind = 2 // only ExpireAt and Version of key change
	OpDelete OpKind = 3 // key is gone
	OpDrop   OpKind = 4 // all keys of Slot are gone
	OpPart   OpKind = 5 // Part of key, a collection of Type, now is Value, with an ExpireAt of its own
	OpCut    OpKind = 6 // Part is gone. Of a list: Part to Value, if that is set
	OpCopy   OpKind = 7 // key Part now is what key is, a large collection, with ExpireAt
	OpMove   OpKind = 8 // as OpCopy, and key is gone

	// A large collection that comes from another node is staged beside the slot's keys, where
	// no read sees it, until all of it is here.
	OpStage     OpKind = 9  // key begins to be staged, empty. Value: 8 bytes, how much memory it may take
	OpStagePart OpKind = 10 // OpPart for a staged key
	OpStageCut  OpKind = 11 // OpCut for a staged key
	OpReveal    OpKind = 12 // what was staged of key now is key, with ExpireAt and Version
	OpUnstage   OpKind = 13 // what was staged of key is dropped
)

// staged reports whether ops of this kind are about staged keys.
func (k OpKind) staged() bool { return k >= OpStage && k <= OpUnstage }

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
	case OpPart:
		return "part"
	case OpCut:
		return "cut"
	case OpCopy:
		return "copy"
	case OpMove:
		return "move"
	case OpStage:
		return "stage"
	case OpStagePart:
		return "stage part"
	case OpStageCut:
		return "stage cut"
	case OpReveal:
		return "reveal"
	case OpUnstage:
		return "unstage"
	}
	return "unknown"
}

// Op is one deterministic effect of a write: what replicas, snapshots, dumps and
// moving slots are made of. Applying it again changes nothing.
//
// A collection (hash, set, sorted set, list, stream) has parts, each under a name that
// stays the same: a hash's field, a set's member, a sorted set's member (its value is the
// score, 8 bytes big-endian of an IEEE 754 double), a list's element under a position number
// (8 bytes big-endian, with the sign bit flipped so that bytes sort as numbers do), and of a
// string the bytes at an offset (8 bytes big-endian). Those of a stream are itself, its
// entries, groups, consumers and pending entries, each under a name that stream.go
// describes. An OpPut of a collection has all of a small one as its Value, in packed form;
// with an empty Value it begins a large one, whose OpParts follow. An OpCut never removes
// the key: when its last part goes, there is an OpDelete instead. The store that applies the
// op may be about to get the other parts, and an emptied key would lose its expiry until
// then.
//
// Key, Part and Value of an Op that the store hands out alias its memory: they are valid until
// the function that got them returns. The one exception is a Value longer than
// [LargeValue]: the store never changes such a value in place, so it may be kept, read
// only, for as long as wanted.
type Op struct {
	Kind     OpKind
	Type     Type
	Begins   bool // of an OpPut from [Store.Dump]: OpParts follow. Not in the wire form
	Slot     slots.Slot
	Key      []byte
	Part     []byte // of the key's collection; of OpCopy and OpMove the other key
	Value    []byte
	ExpireAt int64 // Unix milliseconds, 0 = never
	Version  uint64

	parts *collection // of an OpPut that stands for a large collection, with all parts
}

// WireBound returns the greatest number of bytes that AppendOp needs for op.
func (op *Op) WireBound() int { return op.wireBound(math.MaxInt) }

// WireExceeds reports whether WireBound is more than limit. It takes no more time if it is
// far more.
func (op *Op) WireExceeds(limit int) bool { return op.wireBound(limit) > limit }

// wireBound is WireBound that may stop above a limit.
func (op *Op) wireBound(limit int) int {
	const each = 64
	n := each + len(op.Key) + len(op.Part) + len(op.Value)
	if op.parts != nil {
		n += op.parts.size() * (each + len(op.Key))
	}
	switch {
	case op.parts == nil || n > limit:
	case op.Type == Stream: // whose entries take more on the wire
		op.walkParts(func(part, value []byte, _ int64) bool {
			n += len(part) + len(value)
			return n <= limit
		})
	default:
		n += int(op.parts.bytes())
	}
	return n
}

// Sink receives the Ops of every committed transaction, in the order of the commits
// within a slot; commits of different slots may arrive at the same time. It is called
// under the slot's lock: it must not block, must not call the store, and must not keep
// ops or what they point to (see [Op] for the exception).
type Sink interface {
	Commit(slot slots.Slot, ops []Op)
}
