package rdb

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
)

const (
	// writeVersion is what Redis 7.0 writes. Every later server reads it.
	writeVersion = 10
	// maxVersion is the newest format of Redis that is read: 12, of Redis 7.4 and 8.0;
	// Valkey 8 writes 11. Valkey 9 has gone its own way and counts from 80. Any other is
	// refused, as Redis does: nobody can say what a format means that did not exist when
	// this was written.
	maxVersion    = 12
	valkeyVersion = 80

	footerSize = 2 + 8
	// maxValue is the greatest string of Redis (proto-max-bulk-len), in bytes.
	maxValue = 512 << 20
)

// The errors of ParseString; the texts are the error replies of Redis.
var (
	// ErrPayload refuses a payload whose footer is missing, of a later version, or
	// does not fit the content.
	ErrPayload = errors.New("ERR DUMP payload version or checksum are wrong")
	// ErrFormat refuses a payload that is intact but holds nonsense.
	ErrFormat = errors.New("ERR Bad data format")
)

// UnsupportedError refuses a value of a type that this store does not hold.
type UnsupportedError struct {
	Type string // "list", "hash", "stream", …
}

// Error names the type.
func (e *UnsupportedError) Error() string {
	return fmt.Sprintf("ERR values of type %s are not supported, only strings are", e.Type)
}

// typeString is the only type that is understood.
const typeString = 0

var typeNames = map[byte]string{
	1: "list", 10: "list", 14: "list", 18: "list",
	2: "set", 11: "set", 20: "set",
	3: "zset", 5: "zset", 12: "zset", 17: "zset",
	4: "hash", 9: "hash", 13: "hash", 16: "hash", 22: "hash", 23: "hash", 24: "hash", 25: "hash",
	6: "module", 7: "module",
	15: "stream", 19: "stream", 21: "stream",
}

// Overhead is the most that AppendString adds to a value, in bytes.
const Overhead = 1 + 5 + footerSize

// AppendString appends the payload of a string of at most 512 MiB to dst.
func AppendString(dst, value []byte) []byte {
	start := len(dst)
	dst = append(dst, typeString)
	dst = appendLength(dst, len(value))
	dst = append(dst, value...)
	dst = binary.LittleEndian.AppendUint16(dst, writeVersion)
	return binary.LittleEndian.AppendUint64(dst, crc64(dst[start:]))
}

// Frame returns what stands before and behind a string in its payload: for a value that
// is too great to be copied.
func Frame(value []byte) (head, tail []byte) {
	head = appendLength([]byte{typeString}, len(value))
	tail = binary.LittleEndian.AppendUint16(nil, writeVersion)
	crc := crc64Next(crc64Next(crc64(head), value), tail)
	return head, binary.LittleEndian.AppendUint64(tail, crc)
}

// ParseString returns the string in a payload; the result may alias it. The error
// is ErrPayload, ErrFormat or an *UnsupportedError.
func ParseString(payload []byte) ([]byte, error) {
	end := len(payload) - footerSize
	if end < 1 {
		return nil, ErrPayload
	}
	version := binary.LittleEndian.Uint16(payload[end:])
	if version > maxVersion && version != valkeyVersion ||
		binary.LittleEndian.Uint64(payload[end+2:]) != crc64(payload[:end+2]) {
		return nil, ErrPayload
	}
	if typ := payload[0]; typ != typeString {
		name, ok := typeNames[typ]
		if !ok {
			name = "number " + strconv.Itoa(int(typ))
		}
		return nil, &UnsupportedError{Type: name}
	}
	value, rest, ok := readString(payload[1:end])
	if !ok || len(rest) > 0 {
		return nil, ErrFormat
	}
	return value, nil
}
