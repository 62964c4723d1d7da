package keyspace

import "slices"

// PutAll stores strings without an expiry: pairs is a key, its value, the next key and so
// on. The caller must not change them until Update has returned: they are copied once,
// into the store, and not into the transaction before that. The errors are those of
// [Tx.Put].
func (tx *Tx) PutAll(pairs [][]byte) error {
	tx.mustWrite()
	tx.expect(len(pairs) / 2)
	var hashes [ahead]uint64
	for len(pairs) > 1 {
		n := min(len(pairs)/2, ahead)
		for i := range n {
			hashes[i] = tx.store.hash(pairs[2*i])
		}
		tx.table.touch(hashes[:n])
		for i := range n {
			if err := tx.put(hashes[i], pairs[2*i], String, pairs[2*i+1], 0, lent); err != nil {
				return err
			}
		}
		pairs = pairs[2*n:]
	}
	return nil
}

// expect makes room for n ops at once.
func (g *staging) expect(n int) {
	if n <= fewOps || len(g.ops) > 0 {
		return
	}
	g.ops, g.plans = slices.Grow(g.ops, n), slices.Grow(g.plans, n)
	g.latest.resize(g.plans, n)
}

// ahead is how many keys of a wide transaction are looked up at a time.
const ahead = 16

// touch reads what the searches for the hashes will read. A single search waits for the
// memory of its cell, then for that of its entry. The reads of touch do not depend on each
// other, so the processor waits for all of them at the same time.
//
//go:noinline
func (t *table) touch(hashes []uint64) (sum byte) {
	var cells [ahead]uint32
	for i, hash := range hashes {
		s := t.segment(hash)
		if home := s.index.home(tagOf(hash)); home < len(s.index.cells) {
			cells[i] = s.index.cells[home]
		}
	}
	for i, hash := range hashes {
		if cells[i] != 0 {
			sum += t.segment(hash).arena.at(cellRef(cells[i]))[0]
		}
	}
	return sum
}
