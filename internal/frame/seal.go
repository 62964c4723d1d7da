package frame

import (
	"encoding/binary"
	"fmt"

	"github.com/cespare/xxhash/v2"
)

// sealSize is what Seal adds: magic, format version, length, xxhash64 of all before.
const sealSize = 8 + 4 + 4 + 8

// Seal wraps a file's payload: an 8-byte magic, the format version, the length,
// the payload and the xxhash64 of all that. magic is cut or padded to 8 bytes.
func Seal(magic string, version uint32, payload []byte) []byte {
	b := make([]byte, 0, len(payload)+sealSize)
	var m [8]byte
	copy(m[:], magic)
	b = append(b, m[:]...)
	b = binary.LittleEndian.AppendUint32(b, version)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(payload)))
	b = append(b, payload...)
	return binary.LittleEndian.AppendUint64(b, xxhash.Sum64(b))
}

// Open undoes Seal and returns the format version and the payload, which
// aliases b. Errors say what is wrong and match ErrCorrupt.
func Open(magic string, b []byte) (version uint32, payload []byte, err error) {
	var m [8]byte
	copy(m[:], magic)
	switch {
	case len(b) < sealSize:
		return 0, nil, fmt.Errorf("%d bytes are too few, the file is cut short: %w", len(b), ErrCorrupt)
	case string(b[:8]) != string(m[:]):
		return 0, nil, fmt.Errorf("the file starts with %q, not with %q; it is not of this kind: %w", b[:8], m, ErrCorrupt)
	}
	n := int(binary.LittleEndian.Uint32(b[12:]))
	if len(b) != n+sealSize {
		return 0, nil, fmt.Errorf("the file has %d bytes, its header says %d: %w", len(b), n+sealSize, ErrCorrupt)
	}
	body := b[:len(b)-8]
	if xxhash.Sum64(body) != binary.LittleEndian.Uint64(b[len(b)-8:]) {
		return 0, nil, fmt.Errorf("the checksum does not match the content: %w", ErrCorrupt)
	}
	return binary.LittleEndian.Uint32(b[8:]), body[16:], nil
}
