package keyspace

import (
	"math/rand/v2"
	"testing"

	"github.com/cespare/xxhash/v2"
)

func TestHashIsXXHash64(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	key := make([]byte, 100)
	for range 100 {
		for i := range key {
			key[i] = byte(rnd.Uint32())
		}
		s := &Store{seed: rnd.Uint64()}
		for n := range len(key) {
			d := xxhash.NewWithSeed(s.seed)
			d.Write(key[:n])
			if got := s.hash(key[:n]); got != d.Sum64() {
				t.Fatalf("hash of %d bytes %x with seed %x is %x, want %x", n, key[:n], s.seed, got, d.Sum64())
			}
		}
	}
}
