package ranked

import (
	"hash/maphash"
	"sync/atomic"
	"unsafe"
)

// epoch tells the owner of a page: the set, or clone, that carries the same number may
// change the page in place; for all others it is shared.
type epoch uint64

var epochs atomic.Uint64

func nextEpoch() epoch { return epoch(epochs.Add(1)) }

var seed = maphash.MakeSeed()

// hash is a keyed hash of a member, 63 bits. It differs from process to process, so that no
// client can choose members with equal hashes.
func hash(member []byte) uint64 {
	return maphash.Comparable(seed, unsafe.String(unsafe.SliceData(member), len(member))) >> 1
}
