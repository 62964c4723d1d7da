package keyspace

import (
	"encoding/binary"
	"math/bits"

	"github.com/cespare/xxhash/v2"
)

// hash is the xxhash64 of key, seeded. Its high bits choose the segment, its low bits
// are the tag.
func (s *Store) hash(key []byte) uint64 {
	if len(key) < 32 {
		return hashShort(s.seed, key)
	}
	var d xxhash.Digest
	d.ResetWithSeed(s.seed)
	d.Write(key)
	return d.Sum64()
}

const (
	prime1 uint64 = 11400714785074694791
	prime2 uint64 = 14029467366897019727
	prime3 uint64 = 1609587929392839161
	prime4 uint64 = 9650029242287828579
	prime5 uint64 = 2870177450012600261
)

// hashShort is the seeded xxhash64 of less than 32 bytes. The library can only give a seed to its digest, which copies
// such keys first and takes three times as long.
func hashShort(seed uint64, b []byte) uint64 {
	h := seed + prime5 + uint64(len(b))
	for ; len(b) >= 8; b = b[8:] {
		k := bits.RotateLeft64(binary.LittleEndian.Uint64(b)*prime2, 31) * prime1
		h = bits.RotateLeft64(h^k, 27)*prime1 + prime4
	}
	if len(b) >= 4 {
		h = bits.RotateLeft64(h^uint64(binary.LittleEndian.Uint32(b))*prime1, 23)*prime2 + prime3
		b = b[4:]
	}
	for _, c := range b {
		h = bits.RotateLeft64(h^uint64(c)*prime5, 11) * prime1
	}
	h = (h ^ h>>33) * prime2
	h = (h ^ h>>29) * prime3
	return h ^ h>>32
}
