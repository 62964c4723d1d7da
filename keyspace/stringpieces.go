package keyspace

import "iter"

// Pieces yields the bytes between two offsets, from 0 to Len, in pieces that are each in
// one place. They are read only.
func (s StringRef) Pieces(from, to int) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		if s.long == nil {
			if from < to {
				yield(s.value[from:to])
			}
			return
		}
		for from < to {
			i := from / chunkSize
			end := min(to, (i+1)*chunkSize)
			if !yield(s.long.chunks[i].bytes()[from-i*chunkSize : end-i*chunkSize]) {
				return
			}
			from = end
		}
	}
}
