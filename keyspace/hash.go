package keyspace

import (
	"hash/maphash"
	"unsafe"
)

// hash is a keyed hash of key: its high bits choose the segment, its low bits are the tag.
//
// An unkeyed hash such as xxhash will not do, not even with a seed: keys can be made
// whose xxhash64 is the same whatever the seed, and clients choose keys. The hash of the
// runtime's maps has a secret of the process and one of the store. It differs from
// process to process, so nothing that is stored, sent or compared between nodes may
// depend on it; those things have xxhash.
//
// maphash.Comparable of a string is the fastest of that package's functions: it hashes the
// string in one piece.
func (s *Store) hash(key []byte) uint64 {
	return maphash.Comparable(s.seed, unsafe.String(unsafe.SliceData(key), len(key)))
}
