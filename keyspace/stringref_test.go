package keyspace

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/slotmesh/slotmesh/slots"
)

// stepRange changes a range of a string in a transaction and in the model, and reads it.
func (m plainModel) stepRange(t *testing.T, rnd *rand.Rand, tx *Tx, key string) {
	c := m[key]
	text, isString := c[""]
	offset := len(text) // APPEND
	switch rnd.IntN(12) {
	case 0, 1, 2, 3:
		offset = rnd.IntN(len(text) + 10)
	case 4:
		offset = rnd.IntN(LargeValue + 100)
	case 5:
		offset = rnd.IntN(3 * chunkSize)
	}
	value := bytes.Repeat([]byte{byte('a' + rnd.IntN(26))}, 1+rnd.IntN(40))
	if rnd.IntN(20) == 0 {
		value = bytes.Repeat(value, 1+rnd.IntN(3000))
	}
	if c != nil && !isString {
		if err := tx.SetRange([]byte(key), offset, value); err != ErrWrongType {
			t.Fatalf("SetRange of a collection %s: %v", key, err)
		}
		return
	}
	if err := tx.SetRange([]byte(key), offset, value); err != nil {
		t.Fatal(err)
	}
	text = string(writeRange([]byte(text), offset, value))
	m[key] = map[string]string{"": text}
	s, err := tx.String([]byte(key))
	from := rnd.IntN(len(text) + 1)
	if err != nil || s.Len() != len(text) || string(s.AppendTo(nil, from, len(text))) != text[from:] {
		t.Fatalf("%s is not what was written: %v", key, err)
	}
}

// wireBytes is a Sink that counts the bytes of the Ops.
type wireBytes struct{ n int }

func (w *wireBytes) Commit(_ slots.Slot, ops []Op) {
	for i := range ops {
		w.n += len(AppendOp(nil, &ops[i]))
	}
}

// TestRangesAreShortOps checks what changes of parts of strings send, small and long.
func TestRangesAreShortOps(t *testing.T) {
	for _, size := range []int{100, LargeValue, 50 << 20} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			var sent wireBytes
			s := newStore(Config{Sink: &sent}, 1)
			key := []byte("k")
			s.Update(0, func(tx *Tx) error { return tx.Put(key, String, make([]byte, size), 1e15) })
			sent.n = 0
			for range 1000 {
				s.Update(0, func(tx *Tx) error {
					text, _ := tx.String(key)
					return tx.SetRange(key, text.Len(), []byte("x"))
				})
				s.Update(0, func(tx *Tx) error { return tx.SetRange(key, size/2, []byte("y")) })
			}
			if sent.n > 100_000 {
				t.Errorf("%d bytes were sent", sent.n)
			}
			s.View(0, func(tx *Tx) error {
				e, _ := tx.Get(key)
				if len(e.Value) != size+1000 || e.Value[size/2] != 'y' || e.Value[size+999] != 'x' || e.ExpireAt != 1e15 {
					t.Errorf("the string has %d bytes and expires at %d", len(e.Value), e.ExpireAt)
				}
				return nil
			})
			checkStore(t, s)
		})
	}
}

// TestRangeOfAShorterOpIsWhole puts a string as a whole if that is shorter to say.
func TestRangeOfAShorterOpIsWhole(t *testing.T) {
	var got kinds
	s := newStore(Config{Sink: &got}, 1)
	s.Update(0, func(tx *Tx) error {
		for range 20 {
			text, _ := tx.String([]byte("k"))
			if err := tx.SetRange([]byte("k"), text.Len(), []byte("x")); err != nil {
				return err
			}
		}
		return nil
	})
	if got[0] != OpPut || got[5] != OpPut || got[19] != OpPart {
		t.Errorf("the ops are %v", got)
	}
}

func TestRangeErrors(t *testing.T) {
	s := newStore(Config{}, 1)
	err := s.Update(0, func(tx *Tx) error { return tx.SetRange([]byte("k"), maxString, []byte("x")) })
	if err == nil || s.Len() != 0 {
		t.Errorf("a string of more than %d bytes: %v", int64(maxString), err)
	}
	full := newStore(Config{MaxMemory: 1 << 20}, 1)
	set := func(offset int) error {
		return full.Update(0, func(tx *Tx) error { return tx.SetRange([]byte("k"), offset, make([]byte, 100_000)) })
	}
	for offset := 0; err == nil || !errors.Is(err, ErrOutOfMemory); offset += 100_000 {
		if err = set(offset); offset > 4<<20 {
			t.Fatal("memory is not limited")
		}
	}
	op := Op{Kind: OpPart, Type: String, Key: []byte("k"), Part: []byte("7 bytes"), Value: []byte("x")}
	if err := s.Apply(op); err == nil {
		t.Error("an offset of 7 bytes is accepted")
	}
}

// TestKeysAreCopied lets the buffer of a key be used again before the transaction ends.
func TestKeysAreCopied(t *testing.T) {
	for _, size := range []int{1, LargeValue + 1} {
		s := newStore(Config{}, 1)
		s.Update(0, func(tx *Tx) error { return tx.Put([]byte("k"), String, make([]byte, size), 0) })
		s.Update(0, func(tx *Tx) error {
			key := []byte("k")
			err := tx.SetRange(key, 0, []byte("x"))
			key[0] = 'z'
			return err
		})
		s.View(0, func(tx *Tx) error {
			if e, ok := tx.Get([]byte("k")); !ok || e.Value[0] != 'x' || tx.Len() != 1 {
				t.Errorf("%d bytes: the key has %.9q, of %d keys", size, e.Value, tx.Len())
			}
			return nil
		})
	}
}

// TestValuesStay checks that a long value that was read stays what it was, however the
// string is changed later, and also in a transaction that fails.
func TestValuesStay(t *testing.T) {
	s := newStore(Config{}, 1)
	key := []byte("k")
	var kept, was [][]byte
	read := func(tx *Tx) {
		e, _ := tx.Get(key)
		kept, was = append(kept, e.Value), append(was, bytes.Clone(e.Value))
	}
	s.Update(0, func(tx *Tx) error { return tx.Put(key, String, make([]byte, 2*chunkSize+100), 0) })
	for i := range 60 {
		s.Update(0, func(tx *Tx) error {
			text, _ := tx.String(key)
			read(tx)
			err := errors.Join(tx.SetRange(key, text.Len(), []byte("tail")), tx.SetRange(key, i*2000, []byte("middle")))
			if i%3 == 0 {
				read(tx)
			}
			if i%4 == 0 {
				return errRollback
			}
			return err
		})
	}
	for i := range kept {
		if !bytes.Equal(kept[i], was[i]) {
			t.Fatalf("value %d of %d has changed", i, len(kept))
		}
	}
}

func BenchmarkAppend(b *testing.B) {
	for _, size := range []int{100, 50 << 20} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			s := New(Config{})
			key := []byte("k")
			s.Update(0, func(tx *Tx) error { return tx.Put(key, String, make([]byte, size), 0) })
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				s.Update(0, func(tx *Tx) error { return tx.SetRange(key, size+i%1000, []byte("x")) })
			}
		})
	}
}

// A snapshot stays as it was taken while the string changes, whatever its form, and to look
// at a string is no use of it.
func TestStringSnapshot(t *testing.T) {
	s := New(Config{})
	for _, size := range []int{10, LargeValue + 1, 3 * chunkSize} {
		for _, changed := range []bool{false, true} { // then a long one is in chunks
			key := []byte(fmt.Sprint(size, changed))
			var before StringRef
			want := bytes.Repeat([]byte("a"), size)
			err := s.Update(1, func(tx *Tx) error {
				if err := tx.Put(key, String, want, 0); err != nil || !changed {
					return err
				}
				want[3] = 'b'
				return tx.SetRange(key, 3, []byte("b"))
			})
			stats := s.Stats()
			if err == nil {
				err = s.View(1, func(tx *Tx) error {
					ref, err := tx.PeekString(key)
					before = ref.Snapshot()
					return err
				})
			}
			if now := s.Stats(); now.Hits != stats.Hits || now.Misses != stats.Misses {
				t.Errorf("looking counts as %d hits and %d misses", now.Hits-stats.Hits, now.Misses-stats.Misses)
			}
			if err == nil {
				err = s.Update(1, func(tx *Tx) error { return tx.SetRange(key, 0, []byte("changed")) })
			}
			if got := before.AppendTo(nil, 0, before.Len()); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%d bytes, changed before: %t: %.20q…, %v, want %.20q…", size, changed, got, err, want)
			}
		}
	}
}
