package keyspace

import (
	"bytes"
	"testing"
)

func TestPutOwnedKeepsBigValues(t *testing.T) {
	s := newStore(Config{}, 1)
	for _, size := range []int{LargeValue, LargeValue + 1, 300 << 10} {
		given := Own(bytes.Repeat([]byte{7}, size))
		if len(given) != size || cap(given) != size {
			t.Fatalf("Own returned %d bytes, room for %d", len(given), cap(given))
		}
		key := []byte("k")
		err := s.Update(7, func(tx *Tx) error {
			if err := tx.PutOwned(key, String, given, 0); err != nil {
				return err
			}
			return tx.Put([]byte("copied"), String, given, 0)
		})
		if err != nil {
			t.Fatal(err)
		}
		s.View(7, func(tx *Tx) error {
			e, _ := tx.Get(key)
			if kept := &e.Value[0] == &given[0]; kept != (size > LargeValue) || !bytes.Equal(e.Value, given) {
				t.Errorf("a value of %d bytes: kept %v", size, kept)
			}
			if e, _ := tx.Get([]byte("copied")); &e.Value[0] == &given[0] {
				t.Errorf("Put kept a value of %d bytes without a copy", size)
			}
			return nil
		})
	}
}

func TestPutAllCopiesOnce(t *testing.T) {
	s := newStore(Config{}, 1)
	for _, size := range []int{1, LargeValue, LargeValue + 1} {
		key, given := []byte("k"), bytes.Repeat([]byte{7}, size)
		err := s.Update(7, func(tx *Tx) error {
			if err := tx.PutAll([][]byte{key, given}); err != nil {
				return err
			}
			if e, _ := tx.Get(key); &e.Value[0] == &given[0] != (size <= LargeValue) {
				t.Errorf("a value of %d bytes: the transaction has a copy: %v", size, size <= LargeValue)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		clear(given)
		s.View(7, func(tx *Tx) error {
			if e, _ := tx.Get(key); len(e.Value) != size || e.Value[0] != 7 {
				t.Errorf("a value of %d bytes: the store has no copy of its own", size)
			}
			return nil
		})
	}
}
