package keyspace

import "runtime"

// PutOwned is Put for a value that the store may keep: one longer than [LargeValue] is not
// copied, and the caller must not change it any more. So a large value costs no time under
// the slot's lock.
func (tx *Tx) PutOwned(key []byte, typ Type, value []byte, expireAt int64) error {
	tx.mustWrite()
	return tx.put(tx.store.hash(key), key, typ, value, expireAt, given)
}

// Own returns a copy of value, for PutOwned. It copies in steps: the runtime cannot
// interrupt a single copy, so a large one would hold up all goroutines whenever a garbage
// collection begins.
func Own(value []byte) []byte {
	const step = 64 << 10
	own := make([]byte, 0, len(value))
	for len(value) > 0 {
		n := min(len(value), step)
		own, value = append(own, value[:n]...), value[n:]
		runtime.Gosched()
	}
	return own
}
