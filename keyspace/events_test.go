package keyspace

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// TestEventClassIsRedis: what redis-server 7.0.15 makes of the letters. It does not show an
// n beside an A, though it obeys it.
func TestEventClassIsRedis(t *testing.T) {
	for letters, want := range map[string]string{"": "", "AKE": "AKE", "KEA": "AKE", "Kg": "gK", "gxKEn": "gxnKE",
		"mKEA": "AKEm", "Elsd": "lsdE", "nKE": "nKE", "K$": "$K", "g$lshzxetdK": "AK", "KK": "K"} {
		classes, err := ParseEventClass(letters)
		if err != nil || classes.String() != want {
			t.Errorf("%q: %q, %v; want %q", letters, classes, err, want)
		}
	}
	if _, err := ParseEventClass("KEq"); err == nil || !strings.Contains(err.Error(), `"q"`) {
		t.Errorf("the letter q: %v", err)
	}
}

// heard is the events of a store.
type heard []string

func hear(t *testing.T, s *Store, letters string) *heard {
	t.Helper()
	classes, err := ParseEventClass(letters)
	if err != nil {
		t.Fatal(err)
	}
	h := &heard{}
	s.SetEvents(classes)
	s.OnEvents(func(slot slots.Slot, events []Event) {
		for _, e := range events {
			*h = append(*h, fmt.Sprintf("%s %s", e.Name, e.Key))
		}
	})
	return h
}

func (h *heard) expect(t *testing.T, want ...string) {
	t.Helper()
	if !slices.Equal(*h, want) {
		t.Errorf("events %q, want %q", *h, want)
	}
	*h = nil
}

func TestEventsFollowTheCommit(t *testing.T) {
	s := New(Config{})
	h := hear(t, s, "KEAn")
	put := func(tx *Tx) error {
		if err := tx.Put([]byte("a"), String, []byte("1"), 0); err != nil {
			return err
		}
		tx.Notify(StringEvents, "set", []byte("a"))
		return nil
	}
	failed := errors.New("no")
	if err := s.Update(0, func(tx *Tx) error { put(tx); return failed }); err != failed {
		t.Fatal(err)
	}
	h.expect(t)
	s.Update(0, put)
	h.expect(t, "new a", "set a")
	s.Update(0, put)
	h.expect(t, "set a")
	s.Update(0, func(tx *Tx) error {
		tx.Notify(MissEvents, "keymiss", []byte("b")) // of a class that is off
		tx.Delete([]byte("a"))
		tx.Notify(GenericEvents, "del", []byte("a"))
		hash, err := tx.Hash([]byte("a"))
		if err == nil {
			hash.Set([]byte("f"), nil)
			tx.Notify(HashEvents, "hset", []byte("a"))
		}
		return err
	})
	h.expect(t, "del a", "new a", "hset a")
	s.SetEvents(AllEvents) // without a form
	s.Update(0, put)
	h.expect(t)
}

// TestMissesOutliveTheFailure: a command that has found nothing may fail later.
func TestMissesOutliveTheFailure(t *testing.T) {
	s := New(Config{})
	h := hear(t, s, "KEAmn")
	s.Update(0, func(tx *Tx) error {
		tx.Notify(MissEvents, "keymiss", []byte("a"))
		tx.Put([]byte("b"), String, nil, 0)
		return ErrWrongType
	})
	h.expect(t, "keymiss a")
	s.View(0, func(tx *Tx) error {
		tx.Notify(MissEvents, "keymiss", []byte("c"))
		return ErrWrongType
	})
	h.expect(t, "keymiss c")
}

func TestEventsOfTheStore(t *testing.T) {
	now := time.UnixMilli(1000)
	s := New(Config{Now: func() time.Time { return now }})
	h := hear(t, s, "KEAn")
	put := func(key string, expireAt int64) {
		s.Update(0, func(tx *Tx) error { return tx.Put([]byte(key), String, []byte("1"), expireAt) })
	}
	for _, key := range []string{"read", "written", "stepped"} {
		put(key, 2000)
	}
	h.expect(t, "new read", "new written", "new stepped")
	now = time.UnixMilli(2000)
	s.View(0, func(tx *Tx) error { tx.Get([]byte("read")); tx.Get([]byte("read")); return nil })
	h.expect(t, "expired read")
	put("written", 0)
	h.expect(t, "expired written", "new written")
	s.ExpireStep(time.Second)
	h.expect(t, "expired stepped")

	s.SetPolicy(AllKeysRandom)
	s.SetMaxMemory(1)
	s.ExpireStep(time.Second)
	h.expect(t, "evicted written")
	s.SetMaxMemory(0)

	s.Update(0, func(tx *Tx) error {
		hash, _ := tx.Hash([]byte("hash"))
		hash.SetUntil([]byte("f"), nil, 3000)
		_, err := hash.SetUntil([]byte("g"), nil, 4000)
		return err
	})
	h.expect(t, "new hash")
	now = time.UnixMilli(3000)
	s.ExpireStep(time.Second)
	h.expect(t, "hexpired hash")
	now = time.UnixMilli(4000)
	s.View(0, func(tx *Tx) error {
		hash, err := tx.Hash([]byte("hash"))
		hash.Get([]byte("g"))
		return err
	})
	h.expect(t, "hexpired hash", "del hash")
}

// TestEventsOfServedWaiters: what serves a waiter comes after what brought the value.
func TestEventsOfServedWaiters(t *testing.T) {
	s := New(Config{})
	h := hear(t, s, "KEAn")
	key := []byte("list")
	w := &Waiter{Type: List, Wake: func() {}, Serve: func(tx *Tx, key []byte) (bool, error) {
		list, err := tx.List(key)
		list.PopFront()
		tx.Notify(ListEvents, "lpop", key)
		tx.Notify(GenericEvents, "del", key)
		return true, err
	}}
	s.Update(0, func(tx *Tx) error { tx.Wait(w, [][]byte{key}); return nil })
	s.Update(0, func(tx *Tx) error {
		list, err := tx.List(key)
		list.PushBack([]byte("v"))
		tx.Notify(ListEvents, "rpush", key)
		return err
	})
	h.expect(t, "new list", "rpush list", "lpop list", "del list")
}

// TestEventsTakeNoMemory: what nobody listens to costs no allocation, on or off.
func TestEventsTakeNoMemory(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	s := New(Config{})
	key, value := []byte("key"), []byte("value")
	fn := func(tx *Tx) error {
		if err := tx.Put(key, String, value, 0); err != nil {
			return err
		}
		tx.Notify(StringEvents, "set", key)
		return nil
	}
	for _, letters := range []string{"", "KEAmn"} {
		hear(t, s, letters)
		s.OnEvents(func(slots.Slot, []Event) {})
		s.Update(0, fn)
		if n := testing.AllocsPerRun(1000, func() { s.Update(0, fn) }); n > 0 {
			t.Errorf("events %q: %v allocations", letters, n)
		}
	}
}

type sinkFunc func(slot slots.Slot, ops []Op)

func (f sinkFunc) Commit(slot slots.Slot, ops []Op) { f(slot, ops) }

// TestEventsOfAppliedOps: a replica tells what its master's ops do, by the names of the
// plainest commands.
func TestEventsOfAppliedOps(t *testing.T) {
	replica := New(Config{})
	replica.SetPassive(true)
	h := hear(t, replica, "KEAn")
	master := New(Config{Sink: sinkFunc(func(slot slots.Slot, ops []Op) {
		var wire []byte
		for i := range ops {
			wire = AppendOp(wire, &ops[i])
		}
		var list []Op
		for len(wire) > 0 {
			op, rest, err := DecodeOp(wire)
			if err != nil {
				t.Fatal(err)
			}
			list, wire = append(list, op), rest
		}
		if err := replica.ApplyAll(list); err != nil {
			t.Error(err)
		}
	})})
	key, other := []byte("k"), []byte("o")
	step := func(fn func(tx *Tx), want ...string) {
		t.Helper()
		master.Update(0, func(tx *Tx) error { fn(tx); return nil })
		h.expect(t, want...)
	}
	list := func(tx *Tx) ListRef { l, _ := tx.List(key); return l }
	hash := func(tx *Tx) HashRef { l, _ := tx.Hash(key); return l }
	step(func(tx *Tx) { tx.Put(key, String, []byte("v"), 0) }, "new k", "set k")
	step(func(tx *Tx) { tx.Expire(key, 1<<50) }, "expire k")
	step(func(tx *Tx) { tx.Expire(key, 0) }, "persist k")
	step(func(tx *Tx) { tx.Rename(key, other) }, "new o", "set o", "del k")
	step(func(tx *Tx) { tx.Delete(other) }, "del o")
	step(func(tx *Tx) { list(tx).PushBack([]byte("a")) }, "new k", "rpush k")
	step(func(tx *Tx) { list(tx).PushBack([]byte("b")) }, "rpush k")
	step(func(tx *Tx) { list(tx).PushFront([]byte("c")) }, "lpush k")
	step(func(tx *Tx) { list(tx).Set(1, []byte("d")) }, "lset k")
	step(func(tx *Tx) { list(tx).PopFront() }, "lpop k")
	step(func(tx *Tx) { list(tx).PopBack() }, "rpop k")
	step(func(tx *Tx) { list(tx).PopBack() }, "del k")
	step(func(tx *Tx) { hash(tx).Set([]byte("f"), nil); hash(tx).Set([]byte("g"), nil) }, "new k", "hset k")
	step(func(tx *Tx) { hash(tx).Delete([]byte("f")) }, "hdel k")
	op := Op{Kind: OpDelete, Key: key, Version: 1}
	replica.Apply(op) // an old one
	h.expect(t)
	replica.Apply(Op{Kind: OpDrop, Version: 1 << 40})
	h.expect(t)
}

// TestEventsOfImportedKeys: keys that come with their slot are restored, as by MIGRATE.
func TestEventsOfImportedKeys(t *testing.T) {
	s := New(Config{})
	h := hear(t, s, "KEAn")
	ops := []Op{{Kind: OpPut, Key: []byte("a"), Version: 5}, {Kind: OpPut, Key: []byte("a"), Version: 4},
		{Kind: OpPut, Key: []byte("a"), Version: 6}}
	if _, err := s.Import(ops, false, func() bool { return true }); err != nil {
		t.Fatal(err)
	}
	h.expect(t, "new a", "restore a", "restore a")
}
