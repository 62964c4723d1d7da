package slots

import (
	"fmt"
	"strconv"
	"strings"
	"unsafe"
)

// Count is the number of slots in every cluster (SPEC §1.1).
const Count = 16384

// Slot is one of the Count parts of the key space, 0 to Count-1.
type Slot uint16

// Of returns the slot of key: CRC16/XMODEM of the key, or of its hash tag if it
// has one, modulo Count (SPEC §1.1, §1.2). It does not allocate.
func Of(key []byte) Slot {
	return OfString(unsafe.String(unsafe.SliceData(key), len(key)))
}

// OfString is [Of] for a key held in a string.
func OfString(key string) Slot {
	return Slot(crc16(HashTag(key)) & (Count - 1))
}

// HashTag returns the part of key that is hashed: what stands between the first
// '{' and the first '}' after it if that is not empty, otherwise the
// whole key (SPEC §1.2).
func HashTag(key string) string {
	open := strings.IndexByte(key, '{')
	if open < 0 {
		return key
	}
	end := strings.IndexByte(key[open+1:], '}')
	if end <= 0 {
		return key
	}
	return key[open+1 : open+1+end]
}

// Parse reads a slot number in decimal. The error names the text and the
// accepted range.
func Parse(s string) (Slot, error) {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil || n >= Count {
		return 0, fmt.Errorf("slots: %q is not a slot (0 to %d)", s, Count-1)
	}
	return Slot(n), nil
}
