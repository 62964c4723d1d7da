package slots

import (
	"fmt"
	"strconv"
	"strings"
	"unsafe"
)

// Count is the number of slots in every cluster (docs/spec.md §1.1).
const Count = 16384

// Slot is one of the Count parts of the key space, 0 to Count-1.
type Slot uint16

// Of returns the slot of key: CRC16/XMODEM of the key, or of its hash tag if it
// has one, modulo Count (docs/spec.md §1.1, §1.2). It does not allocate.
func Of(key []byte) Slot {
	return OfString(unsafe.String(unsafe.SliceData(key), len(key)))
}

// OfString is [Of] for a key held in a string.
func OfString(key string) Slot {
	if len(key) > shortKey || hasBrace(key) {
		key = HashTag(key)
	}
	return Slot(crc16(key) & (Count - 1))
}

// HashTag returns the part of key that is hashed: what stands between the first
// '{' and the first '}' after it if that is not empty, otherwise the
// whole key (docs/spec.md §1.2).
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

// shortKey is the length up to which hasBrace takes less time than a call of
// strings.IndexByte.
const shortKey = 32

// hasBrace reports whether '{' is in s, eight bytes at a time.
func hasBrace(s string) bool {
	if len(s) < 8 {
		for i := range len(s) {
			if s[i] == '{' {
				return true
			}
		}
		return false
	}
	found := zeroBytes(load64(s[len(s)-8:]) ^ braces)
	for ; len(s) > 8; s = s[8:] {
		found |= zeroBytes(load64(s) ^ braces)
	}
	return found != 0
}

const (
	lowBits  = 0x0101010101010101 // of each byte
	highBits = 0x8080808080808080
	braces   = '{' * lowBits
)

// zeroBytes is not 0 if a byte of x is.
func zeroBytes(x uint64) uint64 { return (x - lowBits) &^ x & highBits }

// load64 returns the first eight bytes of s, the first one lowest. The compiler makes one
// load of it.
func load64(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
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
