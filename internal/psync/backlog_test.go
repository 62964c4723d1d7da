package psync

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// A Backlog has the last bytes of what was written, whatever the pieces and the sizes are.
func TestBacklog(t *testing.T) {
	for seed := range uint64(200) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		size := rnd.IntN(20_000)
		b := NewBacklog(size)
		var all []byte
		held := 0 // what must be there
		for range 60 {
			piece := make([]byte, rnd.IntN(9_000))
			for i := range piece {
				piece[i] = byte(rnd.Uint32())
			}
			all = append(all, piece...)
			b.Write(piece)
			held = min(size, held+len(piece))
			if rnd.IntN(8) == 0 {
				size = rnd.IntN(20_000)
				b.SetSize(size)
				held = min(size, held)
			}
			if b.End() != int64(len(all)) || b.End()-b.Start() != int64(held) || len(b.ring) > size {
				t.Fatalf("seed %d: %d to %d in a ring of %d, want %d bytes up to %d", seed, b.Start(), b.End(), len(b.ring),
					held, len(all))
			}
			at := b.Start() + int64(rnd.IntN(held+1))
			got := make([]byte, held+1)
			got = got[:b.Read(at, got)]
			if !b.Has(at) || b.Has(b.Start()-1) || b.Has(b.End()+1) || !bytes.Equal(got, all[at:]) {
				t.Fatalf("seed %d: what follows %d is not what was written there", seed, at)
			}
		}
	}
}
