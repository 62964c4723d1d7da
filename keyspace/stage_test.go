package keyspace

import (
	"fmt"
	"testing"
)

// PutAll stages each pair as Put does, with fewer allocations.
func TestPutAll(t *testing.T) {
	for _, n := range []int{0, 1, ahead - 1, ahead, ahead + 1, 5000} {
		pairs := make([][]byte, 0, 2*n)
		for i := range n {
			pairs = append(pairs, fmt.Appendf(nil, "key:%d", i/2), fmt.Appendf(nil, "value:%d", i)) // each key twice
		}
		fill := func(s *Store, put func(tx *Tx) error) func() {
			return func() {
				if err := s.Update(0, put); err != nil {
					t.Fatal(err)
				}
			}
		}
		all := func(tx *Tx) error { return tx.PutAll(pairs) }
		single := func(tx *Tx) error {
			for i := 0; i < len(pairs); i += 2 {
				if err := tx.Put(pairs[i], String, pairs[i+1], 0); err != nil {
					return err
				}
			}
			return nil
		}
		a, b := New(Config{}), New(Config{})
		with, without := testing.AllocsPerRun(5, fill(a, all)), testing.AllocsPerRun(5, fill(b, single))
		if n > 1000 && with >= without { // with few, a pool decides
			t.Errorf("%d pairs: %v allocations with PutAll, %v with Put", n, with, without)
		}
		for i := range n {
			want := fmt.Sprintf("value:%d", min(i|1, n-1)) // the later of its two
			a.View(0, func(tx *Tx) error {
				if e, _ := tx.Get(pairs[2*i]); string(e.Value) != want {
					t.Errorf("%d pairs: %s is %q, want %q", n, pairs[2*i], e.Value, want)
				}
				return nil
			})
		}
		if a.Len() != (n+1)/2 || b.Len() != a.Len() {
			t.Errorf("%d pairs make %d keys, %d by Put", n, a.Len(), b.Len())
		}
		checkStore(t, a)
	}
}
