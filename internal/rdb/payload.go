package rdb

import (
	"encoding/binary"
	"errors"
	"fmt"
)

const (
	// writeVersion is what Redis 7.0 writes. Every later server reads it.
	writeVersion = 10
	// maxVersion is the newest format of Redis that is read: 12, of Redis 7.4 and 8.0;
	// Valkey 8 writes 11. Valkey 9 has gone its own way and counts from 80. Any other is
	// refused, as Redis does: nobody can say what a format means that did not exist when
	// this was written.
	maxVersion = 12
	// hashTimesVersion is the first that has fields which expire.
	hashTimesVersion = 12
	valkeyVersion    = 80
	// streamActiveVersion is the first whose streams say when a consumer was last given
	// something: that of Redis 7.2.
	streamActiveVersion = 11

	footerSize = 2 + 8
	// maxValue is the greatest string of Redis (proto-max-bulk-len), in bytes.
	maxValue = 512 << 20
)

// The errors of Parse and of Value's methods; the texts are the error replies of Redis.
var (
	// ErrPayload refuses a payload whose footer is missing, of a later version, or
	// does not fit the content.
	ErrPayload = errors.New("ERR DUMP payload version or checksum are wrong")
	// ErrFormat refuses a payload that is intact but holds nonsense.
	ErrFormat = errors.New("ERR Bad data format")
)

// UnsupportedError refuses a value of a type that this store does not hold.
type UnsupportedError struct {
	Type string // "module"
}

// Error names the type.
func (e *UnsupportedError) Error() string {
	return fmt.Sprintf("ERR values of type %s are not supported", e.Type)
}

// otherTypes names what is not understood.
var otherTypes = map[byte]string{6: "module", 7: "module"}

// Overhead is the most that AppendString adds to a value, in bytes.
const Overhead = 1 + 5 + footerSize

// AppendString appends the payload of a string of at most 512 MiB to dst.
func AppendString(dst, value []byte) []byte {
	start := len(dst)
	dst = appendString(append(dst, byte(formString)), value)
	dst = binary.LittleEndian.AppendUint16(dst, writeVersion)
	return binary.LittleEndian.AppendUint64(dst, crc64(dst[start:]))
}

// Frame returns what stands before and behind a string in its payload: for a value that
// is too great to be copied.
func Frame(value []byte) (head, tail []byte) {
	head = appendLength([]byte{byte(formString)}, len(value))
	tail = binary.LittleEndian.AppendUint16(nil, writeVersion)
	crc := crc64Next(crc64Next(crc64(head), value), tail)
	return head, binary.LittleEndian.AppendUint64(tail, crc)
}
