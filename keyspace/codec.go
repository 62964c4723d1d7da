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

// An Op is a msgpack array: kind, slot, version, then, as far as its kind needs them, key
// and further fields. Later releases may append fields; a decoder skips those it doesn't
// know.
const (
	fieldsDrop   = 3
	fieldsDelete = 4 // key
	fieldsExpire = 5 // key, expiry
	fieldsCopy   = 6 // key, expiry, other key
	fieldsCut    = 6 // key, part, last part; then the type, which older nodes do not send
	fieldsPut    = 7 // key, expiry, type, value
	fieldsPart   = 8 // key, expiry, type, value, part
)

// opFields is the number of fields of each kind, 0 of one that is unknown.
var opFields = [...]int{OpPut: fieldsPut, OpExpire: fieldsExpire, OpDelete: fieldsDelete, OpDrop: fieldsDrop,
	OpPart: fieldsPart, OpCut: fieldsCut, OpCopy: fieldsCopy, OpMove: fieldsCopy,
	OpStage: fieldsPut, OpStagePart: fieldsPart, OpStageCut: fieldsCut, OpReveal: fieldsExpire, OpUnstage: fieldsDelete}

// AppendOp appends op in its wire form, a msgpack array, to dst; behind an OpPut of a large
// collection stand OpParts with its parts. It is written by hand because every write of a
// node passes here: nothing is allocated but dst's growth.
func AppendOp(dst []byte, op *Op) []byte {
	if op.parts != nil {
		return appendWithParts(dst, op)
	}
	return appendOp(dst, op)
}

func appendWithParts(dst []byte, op *Op) []byte {
	begin := *op
	begin.Value = nil
	dst = appendOp(dst, &begin)
	part := Op{Kind: OpPart, Type: op.Type, Slot: op.Slot, Key: op.Key, Version: op.Version}
	op.walkParts(func(p, v []byte, expireAt int64) bool {
		part.Part, part.Value, part.ExpireAt = p, v, expireAt
		dst = appendOp(dst, &part)
		return true
	})
	return dst
}

func appendOp(dst []byte, op *Op) []byte {
	fields := fieldsPut
	if int(op.Kind) < len(opFields) {
		fields = opFields[op.Kind]
	}
	cut := op.Kind == OpCut || op.Kind == OpStageCut
	if cut {
		fields++
	}
	dst = msgp.AppendArrayHeader(dst, fields)
	dst = msgp.AppendUint(dst, uint64(op.Kind))
	dst = msgp.AppendUint(dst, uint64(op.Slot))
	dst = msgp.AppendUint(dst, op.Version)
	if fields >= fieldsDelete {
		dst = msgp.AppendBytes(dst, op.Key)
	}
	if cut {
		dst = msgp.AppendBytes(dst, op.Part)
		dst = msgp.AppendBytes(dst, op.Value)
		return msgp.AppendUint(dst, uint64(op.Type))
	}
	if fields >= fieldsExpire {
		dst = msgp.AppendInt(dst, op.ExpireAt)
	}
	if fields >= fieldsPut {
		dst = msgp.AppendUint(dst, uint64(op.Type))
		dst = msgp.AppendBytes(dst, op.Value)
	}
	if fields == fieldsCopy || fields == fieldsPart {
		dst = msgp.AppendBytes(dst, op.Part)
	}
	return dst
}

// maxVersion bounds the versions of Ops that were received. A version counts the writes of
// a slot, so no real one gets there. After the greatest uint64 the next write would start
// again at 0, and replicas would take it for an old one.
const maxVersion = 1 << 62

// DecodeOp reads the Op that b begins with and returns what follows it. Key, Part and
// Value alias b. Errors match ErrBadOp and name the field and its offset; nothing is
// allocated for what a length merely claims.
func DecodeOp(b []byte) (op Op, rest []byte, err error) {
	r := msgp.NewReader(b, ErrBadOp)
	n := r.Array("op", 1)
	op.Kind = OpKind(r.UintMax("kind", math.MaxUint8))
	need := 0
	if int(op.Kind) < len(opFields) {
		need = opFields[op.Kind]
	}
	if need == 0 {
		r.Fail("kind", fmt.Sprintf("is %d, which is unknown; the sender may be a newer release", op.Kind))
	}
	if n < need {
		r.Fail("op", fmt.Sprintf("has %d fields, needs %d", n, need))
	}
	op.Slot = slots.Slot(r.UintMax("slot", slots.Count-1))
	op.Version = r.UintMax("version", maxVersion)
	decodeFields(&r, &op, need)
	if n > need && need == fieldsCut && op.Kind != OpCopy && op.Kind != OpMove {
		op.Type = Type(r.UintMax("type", math.MaxUint8))
		need++
	}
	r.Skip("trailing field", n-need)
	if err := r.Err(); err != nil {
		return Op{}, b, err
	}
	return op, r.Remaining(), nil
}

// decodeFields reads what follows the version.
func decodeFields(r *msgp.Reader, op *Op, fields int) {
	if fields >= fieldsDelete {
		op.Key = r.BytesOrText("key")
	}
	if op.Kind == OpCut || op.Kind == OpStageCut {
		op.Part = r.BytesOrText("part")
		op.Value = r.BytesOrText("last part")
		return
	}
	if fields >= fieldsExpire {
		op.ExpireAt = r.Int("expiry")
	}
	if fields >= fieldsPut {
		op.Type = Type(r.UintMax("type", math.MaxUint8))
		op.Value = r.BytesOrText("value")
	}
	if fields == fieldsCopy || fields == fieldsPart {
		op.Part = r.BytesOrText("part")
	}
}
