package rdb

import (
	"encoding/binary"
	"errors"
)

// The operation codes of Redis' snapshot files that are followed by a library of functions.
const (
	opFunction      = 245 // its source, as a string
	opFunctionEarly = 246 // of the release candidates of Redis 7.0
)

// maxFunctions bounds the sources in one payload together, in bytes.
const maxFunctions = 64 << 20

// The errors of ParseFunctions beside ErrPayload; the texts are the error replies of Redis.
var (
	ErrNoFunction    = errors.New("ERR given type is not a function")
	ErrEarlyFunction = errors.New("ERR Pre-GA function format not supported")
	ErrFunction      = errors.New("ERR Failed loading library payload")
)

// AppendFunctions appends the payload that holds the sources of libraries to dst.
func AppendFunctions(dst []byte, sources [][]byte) []byte {
	start := len(dst)
	for _, source := range sources {
		dst = appendString(append(dst, opFunction), source)
	}
	dst = binary.LittleEndian.AppendUint16(dst, writeVersion)
	return binary.LittleEndian.AppendUint64(dst, crc64(dst[start:]))
}

// ParseFunctions returns the sources of the libraries in a payload, some of which may alias
// it. The error is ErrPayload or one of those above.
func ParseFunctions(payload []byte) (sources [][]byte, err error) {
	rest, _, ok := unseal(payload)
	if !ok {
		return nil, ErrPayload
	}
	for size := 0; len(rest) > 0; {
		switch rest[0] {
		case opFunction:
		case opFunctionEarly:
			return nil, ErrEarlyFunction
		default:
			return nil, ErrNoFunction
		}
		var source []byte
		source, rest, ok = readString(rest[1:], nil)
		if size += len(source); !ok || size > maxFunctions {
			return nil, ErrFunction
		}
		sources = append(sources, source)
	}
	return sources, nil
}
