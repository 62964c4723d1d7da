package cache

import (
	"encoding/binary"
	"fmt"
	"time"
)

// entry is what is stored under a key: a byte with the version of this form and what it is, until when it is fresh, the
// value.
type entry struct {
	absent bool // there is no such thing
	fresh  time.Time
	value  []byte
}

const (
	entryVersion = 0x10
	entryAbsent  = 0x01
	entryHead    = 1 + 8
)

func (e *entry) encode() []byte {
	kind := byte(entryVersion)
	if e.absent {
		kind |= entryAbsent
	}
	b := make([]byte, 1, entryHead+len(e.value))
	b[0] = kind
	b = binary.BigEndian.AppendUint64(b, uint64(e.fresh.UnixMilli()))
	return append(b, e.value...)
}

// decodeEntry aliases b.
func decodeEntry(b []byte) (entry, error) {
	if len(b) < entryHead || b[0]&^entryAbsent != entryVersion {
		return entry{}, fmt.Errorf("cache: %d bytes that no cache of this version wrote", len(b))
	}
	return entry{
		absent: b[0]&entryAbsent != 0,
		fresh:  time.UnixMilli(int64(binary.BigEndian.Uint64(b[1:]))),
		value:  b[entryHead:],
	}, nil
}
