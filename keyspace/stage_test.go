package keyspace

import (
	"bytes"
	"fmt"
	"testing"
)

// Expect saves allocations and changes nothing else.
func TestExpect(t *testing.T) {
	const n = 5000
	value := bytes.Repeat([]byte("v"), 100)
	keys := make([][]byte, n)
	for i := range keys {
		keys[i] = fmt.Appendf(nil, "key:%d", i/2) // each twice
	}
	fill := func(s *Store, expect int) func() {
		return func() {
			err := s.Update(0, func(tx *Tx) error {
				tx.Expect(expect)
				for _, key := range keys {
					if err := tx.Put(key, String, value, 0); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	s := New(Config{})
	without := testing.AllocsPerRun(5, fill(s, 0))
	with := testing.AllocsPerRun(5, fill(s, n))
	if with >= without {
		t.Errorf("%v allocations with Expect, %v without", with, without)
	}
	fill(s, 10*n)()                  // more than come
	s.Update(0, func(tx *Tx) error { // and none at all
		tx.Expect(n)
		return nil
	})
	put(s, 0, keys[0])
	if got := s.Len(); got != n/2 {
		t.Errorf("%d keys, want %d", got, n/2)
	}
	checkStore(t, s)
}
