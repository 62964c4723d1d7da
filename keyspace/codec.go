package keyspace

import (
	"errors"
	"fmt"
	"math"

	"github.com/slotmesh/slotmesh/internal/msgp"
	"github.com/slotmesh/slotmesh/slots"
)

// ErrBadOp is matched by every error of DecodeOp.
var ErrBadOp = errors.New("keyspace: not an op")

// An Op is a msgpack array: kind, slot, version, then, as far as its kind needs them,
// key, expiry, type, value. Later releases may append fields; a decoder skips those it
// doesn't know.
const (
	fieldsDrop   = 3
	fieldsDelete = 4
	fieldsExpire = 5
	fieldsPut    = 7
)

// AppendOp appends op in its wire form, a msgpack array, to dst. It is written by hand
// because every write of a node passes here: nothing is allocated but dst's growth.
func AppendOp(dst []byte, op *Op) []byte {
	fields := fieldsPut
	switch op.Kind {
	case OpDrop:
		fields = fieldsDrop
	case OpDelete:
		fields = fieldsDelete
	case OpExpire:
		fields = fieldsExpire
	}
	dst = msgp.AppendArrayHeader(dst, fields)
	dst = msgp.AppendUint(dst, uint64(op.Kind))
	dst = msgp.AppendUint(dst, uint64(op.Slot))
	dst = msgp.AppendUint(dst, op.Version)
	if fields >= fieldsDelete {
		dst = msgp.AppendBytes(dst, op.Key)
	}
	if fields >= fieldsExpire {
		dst = msgp.AppendInt(dst, op.ExpireAt)
	}
	if fields >= fieldsPut {
		dst = msgp.AppendUint(dst, uint64(op.Type))
		dst = msgp.AppendBytes(dst, op.Value)
	}
	return dst
}

// maxVersion bounds the versions of Ops that were received. A version counts the writes of
// a slot, so no real one gets there. After the greatest uint64 the next write would start
// again at 0, and replicas would take it for an old one.
const maxVersion = 1 << 62

// DecodeOp reads the Op that b begins with and returns what follows it. Key and Value
// alias b. Errors match ErrBadOp and name the field and its offset; nothing is
// allocated for what a length merely claims.
func DecodeOp(b []byte) (op Op, rest []byte, err error) {
	r := msgp.NewReader(b, ErrBadOp)
	n := r.Array("op", 1)
	op.Kind = OpKind(r.UintMax("kind", math.MaxUint8))
	need := 0
	switch op.Kind {
	case OpDrop:
		need = fieldsDrop
	case OpDelete:
		need = fieldsDelete
	case OpExpire:
		need = fieldsExpire
	case OpPut:
		need = fieldsPut
	default:
		r.Fail("kind", fmt.Sprintf("is %d, which is unknown; the sender may be a newer release", op.Kind))
	}
	if n < need {
		r.Fail("op", fmt.Sprintf("has %d fields, needs %d", n, need))
	}
	op.Slot = slots.Slot(r.UintMax("slot", slots.Count-1))
	op.Version = r.UintMax("version", maxVersion)
	if need >= fieldsDelete {
		op.Key = r.BytesOrText("key")
	}
	if need >= fieldsExpire {
		op.ExpireAt = r.Int("expiry")
	}
	if need >= fieldsPut {
		op.Type = Type(r.UintMax("type", math.MaxUint8))
		op.Value = r.BytesOrText("value")
	}
	r.Skip("trailing field", n-need)
	if err := r.Err(); err != nil {
		return Op{}, b, err
	}
	return op, r.Remaining(), nil
}
