package replication

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/slotmesh/slotmesh/internal/frame"
	"github.com/slotmesh/slotmesh/keyspace"
)

// The stream is a sequence of records; a record is one committed transaction, so that a
// replica shows all of it or nothing. It is a msgpack ext 32: a byte 0xc9, the length of
// the body (4 bytes, big-endian), the kind of record, the body. The body of a commit is
// its Ops, one after the other; that of notes the name and the data of each.
const (
	ext32        = 0xc9
	recordHeader = 1 + 4 + 1
	recordCommit = 1
	recordNote   = 2
)

// maxRecord bounds a record's body. A transaction that is larger becomes several records
// and loses its atomicity on replicas: better than a transaction that cannot be
// replicated.
const maxRecord = 1 << 30

// opOverhead bounds what keyspace.AppendOp adds to an Op's key and value.
const opOverhead = 64

// recordBound returns an upper bound of the size of the record of ops.
func recordBound(ops []keyspace.Op) int {
	n := recordHeader
	for i := range ops {
		n += ops[i].WireBound()
	}
	return n
}

// appendRecord appends the record of one transaction.
func appendRecord(dst []byte, ops []keyspace.Op) []byte {
	start := len(dst)
	dst = append(dst, ext32, 0, 0, 0, 0, recordCommit)
	for i := range ops {
		if i > 0 && len(dst)-start+ops[i].WireBound() > maxRecord {
			return appendRecord(endRecord(dst, start), ops[i:])
		}
		dst = keyspace.AppendOp(dst, &ops[i])
	}
	return endRecord(dst, start)
}

// appendNotes appends the record of notes that changed together.
func appendNotes(dst []byte, notes []Note) []byte {
	start := len(dst)
	dst = append(dst, ext32, 0, 0, 0, 0, recordNote)
	for i := range notes {
		dst = packBytes(packBytes(dst, notes[i].Name), notes[i].Data)
	}
	return endRecord(dst, start)
}

func endRecord(dst []byte, start int) []byte {
	binary.BigEndian.PutUint32(dst[start+1:], uint32(len(dst)-start-recordHeader))
	return dst
}

// errShort says that b ends within a record.
var errShort = errors.New("replication: incomplete record")

// splitRecord returns the first record of b. The error is errShort if more bytes are
// needed, otherwise it matches [ErrCorrupt].
func splitRecord(b []byte) (kind byte, body, rest []byte, err error) {
	if len(b) > 0 && b[0] != ext32 {
		return 0, nil, nil, fmt.Errorf("replication: a record begins with byte %#x instead of %#x: %w", b[0], ext32,
			frame.ErrCorrupt)
	}
	if len(b) < recordHeader {
		return 0, nil, nil, errShort
	}
	n := int(binary.BigEndian.Uint32(b[1:]))
	if n > 2*maxRecord+opOverhead {
		return 0, nil, nil, fmt.Errorf("replication: a record of %d bytes exceeds every limit: %w", n, frame.ErrCorrupt)
	}
	if len(b)-recordHeader < n {
		return 0, nil, nil, errShort
	}
	end := recordHeader + n
	return b[5], b[recordHeader:end:end], b[end:], nil
}

// decodeOps decodes Ops that stand one after the other and fill b; they alias b. The list
// is appended to ops.
func decodeOps(ops []keyspace.Op, b []byte) ([]keyspace.Op, error) {
	for len(b) > 0 {
		op, rest, err := keyspace.DecodeOp(b)
		if err != nil {
			return ops, err
		}
		ops, b = append(ops, op), rest
	}
	return ops, nil
}
