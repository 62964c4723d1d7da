package keyspace

import (
	"fmt"
	"sync"
	"testing"

	"github.com/slotmesh/slotmesh/slots"
)

func TestAdoptReplacesEverything(t *testing.T) {
	s := New(Config{})
	put := func(slot slots.Slot, n int, value string) {
		for i := range n {
			s.Update(slot, func(tx *Tx) error {
				return tx.Put(fmt.Appendf(nil, "old%d", i), String, []byte(value),
					int64(i%2)<<50)
			})
		}
	}
	put(5, 2000, "x")
	put(9000, 10, "x")
	staged := s.Stage()
	var want [][2]string
	for i := range 3000 {
		op := Op{Kind: OpPut, Slot: slots.Slot([]int{5, 77}[i%2]), Key: fmt.Appendf(nil, "new%d", i), Value: []byte("y"),
			Version: uint64(i)}
		if err := staged.Apply(op); err != nil {
			t.Fatal(err)
		}
		want = append(want, [2]string{string(op.Key), "y"})
	}
	memory := staged.Memory()
	s.Adopt(staged)
	if s.Len() != 3000 || s.Count(5) != 1500 || s.Count(77) != 1500 || s.Count(9000) != 0 {
		t.Fatalf("%d keys: %d, %d, %d", s.Len(), s.Count(5), s.Count(77), s.Count(9000))
	}
	if s.Memory() != memory || s.Stats().Expires != 0 {
		t.Fatalf("memory %d, want %d; %d with expiry", s.Memory(), memory, s.Stats().Expires)
	}
	for i, kv := range want {
		s.View(slots.Slot([]int{5, 77}[i%2]), func(tx *Tx) error {
			if e, ok := tx.Get([]byte(kv[0])); !ok || string(e.Value) != kv[1] {
				t.Errorf("%s is %q, %v", kv[0], e.Value, ok)
			}
			return nil
		})
	}
	put(5, 5000, "z") // it grows and shrinks as before
	if n := s.Drop(5); n != 6500 || s.Len() != 1500 {
		t.Fatalf("dropped %d, %d left", n, s.Len())
	}
}

func TestAdoptUnderReaders(t *testing.T) {
	s := New(Config{})
	write := func(to *Store, value string) {
		for slot := range slots.Slot(300) {
			for _, key := range []string{"a", "b"} {
				to.Apply(Op{Kind: OpPut, Slot: slot, Key: []byte(key), Value: []byte(value)})
			}
		}
	}
	write(s, "0")
	stop, wg := make(chan struct{}), sync.WaitGroup{}
	wg.Go(func() {
		for slot := slots.Slot(0); ; slot = (slot + 1) % 300 {
			select {
			case <-stop:
				return
			default:
			}
			s.View(slot, func(tx *Tx) error {
				a, ok := tx.Get([]byte("a"))
				if b, _ := tx.Get([]byte("b")); !ok || string(a.Value) != string(b.Value) {
					t.Errorf("slot %d: half old, half new: %q, %q", slot, a.Value, b.Value)
				}
				return nil
			})
		}
	})
	for i := range 50 {
		staged := s.Stage()
		write(staged, fmt.Sprint(i))
		s.Adopt(staged)
	}
	close(stop)
	wg.Wait()
}
