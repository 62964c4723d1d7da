package keyspace

import (
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/keyspace/stream"
)

// TestLargeStreamHolds prints how long operations hold a slot because a stream is large. It
// runs if SLOTMESH_STREAM says how many entries the stream has, all of them pending.
func TestLargeStreamHolds(t *testing.T) {
	entries, _ := strconv.Atoi(os.Getenv("SLOTMESH_STREAM"))
	if entries == 0 {
		t.Skip("set SLOTMESH_STREAM to a number of entries")
	}
	group, key := []byte("g"), []byte("k")
	consumers := [][]byte{[]byte("c"), []byte("d")}
	build := func(mixed int) *Store {
		s := newStore(Config{}, 1)
		for at := 0; at < entries; at += 1000 {
			s.Update(1, func(tx *Tx) error {
				ref, _ := tx.Stream(key)
				for i := at; i < at+1000; i++ {
					id := stream.ID{Ms: uint64(i + 1)}
					if err := ref.Append(id, streamValue("sensor", strconv.Itoa(i), "value", "17", "unit", "K")); err != nil {
						t.Fatal(err)
					}
					if i == 0 {
						ref.SetGroup(group, stream.GroupState{})
						ref.SetConsumer(group, consumers[0], 1)
						ref.SetConsumer(group, consumers[1], 1)
					}
					ref.SetPending(group, stream.Pending{ID: id, Consumer: consumers[i/mixed%2], Delivered: 1, Count: 1})
				}
				return nil
			})
		}
		return s
	}
	measure := func(name string, s *Store, fn func(tx *Tx, ref StreamRef)) {
		var before time.Time
		s.Update(1, func(tx *Tx) error {
			before = time.Now()
			ref, _ := tx.Stream(key)
			fn(tx, ref)
			return nil
		})
		t.Logf("%-40s %v", name, time.Since(before))
	}
	add := func(seq uint64) func(*Tx, StreamRef) {
		return func(_ *Tx, ref StreamRef) { ref.Append(stream.ID{Ms: 1 << 40, Seq: seq}, streamValue("a", "b")) }
	}
	deleteConsumer := func(i int) func(*Tx, StreamRef) {
		return func(_ *Tx, ref StreamRef) { ref.DeleteConsumer(group, consumers[i]) }
	}
	s := build(100)
	t.Logf("%d bytes", s.Memory())
	measure("XADD", s, add(0))
	var kept StreamRef
	measure("snapshot", s, func(_ *Tx, ref StreamRef) { kept = ref.Snapshot() })
	measure("XADD after a snapshot", s, add(1))
	measure("XACK after a snapshot", s, func(_ *Tx, ref StreamRef) { ref.Acknowledge(group, stream.ID{Ms: 5000}) })
	measure("XTRIM of 100", s, func(_ *Tx, ref StreamRef) { ref.TrimToLen(ref.Len()-100, false, 0) })
	measure("XADD after XTRIM", s, add(2))
	measure("XTRIM of half", s, func(_ *Tx, ref StreamRef) { ref.TrimToLen(ref.Len()/2, false, 0) })
	measure("XTRIM MAXLEN 0", s, func(_ *Tx, ref StreamRef) { ref.TrimToLen(0, false, 0) })
	measure("XGROUP DELCONSUMER of half, runs of 100", s, deleteConsumer(0))
	measure("XGROUP DELCONSUMER of the rest", s, deleteConsumer(1))
	s = build(1)
	measure("XGROUP DELCONSUMER of half, one by one", s, deleteConsumer(0))
	s = build(100)
	measure("XGROUP DESTROY", s, func(_ *Tx, ref StreamRef) { ref.DeleteGroup(group) })
	s = build(100)
	measure("DEL", s, func(tx *Tx, ref StreamRef) { tx.Delete(key) })
	s = build(100)
	longest, n := time.Duration(0), 0
	start := time.Now()
	for at, done := (DumpCursor{}), false; !done; n++ {
		before := time.Now()
		at, done, _ = s.Dump(1, at, 32<<10, func(Op) error { return nil })
		longest = max(longest, time.Since(before))
	}
	t.Logf("dump: %d batches of 32 KiB, %v in all, the longest %v", n, time.Since(start), longest)
	_ = kept.Len()
}
