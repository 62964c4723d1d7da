package keyspace

import (
	"bytes"
	"slices"

	"github.com/slotmesh/slotmesh/slots"
)

// transfers are the last keys of a slot that became what other keys were, by OpCopy or
// OpMove: dumps that were under way at that time come back to them. The slot's lock guards
// it.
type transfers struct {
	count  uint64   // of all there were
	hashes []uint64 // of the last ones' keys, in order
}

// keepTransfers is how many transfers are kept, at most.
const keepTransfers = 1024

// transfersOf returns the transfers of a slot whose lock is held, nil if there were none.
func (s *Store) transfersOf(slot slots.Slot) *transfers {
	return s.groups[slot/groupSize].Load().transfers[slot%groupSize]
}

// noteTransfer notes that a key of that hash has become what another was. The slot's lock
// is held.
func (s *Store) noteTransfer(slot slots.Slot, hash uint64) {
	at := &s.groups[slot/groupSize].Load().transfers[slot%groupSize]
	if *at == nil {
		*at = &transfers{}
	}
	n := *at
	if len(n.hashes) == keepTransfers {
		n.hashes = append(n.hashes[:0], n.hashes[keepTransfers/2:]...)
	}
	n.hashes = append(n.hashes, hash)
	n.count++
}

// total returns how many transfers there were.
func (n *transfers) total() uint64 {
	if n == nil {
		return 0
	}
	return n.count
}

// since returns the hashes of the transfers behind the first so many; ok is false if they
// are not all known any more.
func (n *transfers) since(count uint64) (hashes []uint64, ok bool) {
	behind := n.total() - count
	if behind == 0 {
		return nil, true
	}
	if behind > uint64(len(n.hashes)) {
		return nil, false
	}
	hashes = slices.Clone(n.hashes[len(n.hashes)-int(behind):])
	slices.Sort(hashes)
	return slices.Compact(hashes), true
}

// objectsAt appends copies of the keys with a hash that have objects.
func (t *table) objectsAt(keys [][]byte, hash uint64, rehash func([]byte) uint64) [][]byte {
	s, tag := t.segment(hash), tagOf(hash)
	for at := s.index.home(tag); at < len(s.index.cells); at++ {
		cell := s.index.cells[at]
		if cell == 0 || cellTag(cell) > tag {
			break
		}
		if cellTag(cell) != tag || s.collectionAt(at) == nil {
			continue
		}
		if key := s.key(cellRef(cell)); rehash(key) == hash {
			keys = append(keys, bytes.Clone(key))
		}
	}
	return keys
}
