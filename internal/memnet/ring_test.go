package memnet

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

func TestRing(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var r ring
	var want []byte
	for i := range 10_000 {
		b := make([]byte, rng.IntN(3000))
		if rng.IntN(2) == 0 {
			for j := range b {
				b[j] = byte(i + j)
			}
			r.write(b)
			want = append(want, b...)
		} else {
			n := r.read(b)
			if n != min(len(b), len(want)) || !bytes.Equal(b[:n], want[:n]) {
				t.Fatalf("step %d: read %d wrong bytes", i, n)
			}
			want = want[n:]
		}
		if r.len() != len(want) {
			t.Fatalf("step %d: %d bytes, want %d", i, r.len(), len(want))
		}
	}
}
