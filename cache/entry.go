package cache

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/cespare/xxhash/v2"
)

// entry is what is stored under a key: a byte with the version of this form and what it
// is, until when it is fresh, which codec wrote the value, the generation of the cache if
// that is not 0, the value.
type entry struct {
	absent     bool // there is no such thing
	generation uint64
	fresh      time.Time
	codec      uint32 // see codecTag
	value      []byte
}

const (
	entryVersion    = 0x20
	entryGeneration = 0x40 // a version, too: with a generation
	entryAbsent     = 0x01
	entryHead       = 1 + 8 + 4
)

func (e *entry) encode() []byte {
	kind := byte(entryVersion)
	if e.generation != 0 {
		kind = entryGeneration
	}
	if e.absent {
		kind |= entryAbsent
	}
	b := make([]byte, 1, entryHead+8+len(e.value))
	b[0] = kind
	b = binary.BigEndian.AppendUint64(b, uint64(e.fresh.UnixMilli()))
	b = binary.BigEndian.AppendUint32(b, e.codec)
	if e.generation != 0 {
		b = binary.BigEndian.AppendUint64(b, e.generation)
	}
	return append(b, e.value...)
}

// err is what a caller gets beside the value.
func (e *entry) err() error {
	if e.absent {
		return ErrNotFound
	}
	return nil
}

// decodeEntry aliases b.
func decodeEntry(b []byte) (entry, error) {
	head := entryHead
	if len(b) > 0 && b[0]&^entryAbsent == entryGeneration {
		head += 8
	}
	if len(b) < head || head == entryHead && b[0]&^entryAbsent != entryVersion {
		return entry{}, fmt.Errorf("%d bytes that no cache of this version wrote", len(b))
	}
	e := entry{
		absent: b[0]&entryAbsent != 0,
		fresh:  time.UnixMilli(int64(binary.BigEndian.Uint64(b[1:]))),
		codec:  binary.BigEndian.Uint32(b[9:]),
		value:  b[head:],
	}
	if head > entryHead {
		e.generation = binary.BigEndian.Uint64(b[entryHead:])
	}
	return e, nil
}

// codecTag tells codecs apart by their type, which includes the type of the values for
// JSON: some codecs would read the bytes of others without an error.
func codecTag[V any](codec Codec[V]) uint32 {
	return uint32(xxhash.Sum64String(fmt.Sprintf("%T", codec)))
}
