package migrate

import (
	"slices"
	"testing"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

func TestDeletions(t *testing.T) {
	var d Deletions
	set := slots.NewSet(1, 2)
	remove := func(slot slots.Slot, key string) bool {
		return d.Commit(slot, []keyspace.Op{{Kind: keyspace.OpPut, Slot: slot, Key: []byte("put")},
			{Kind: keyspace.OpDelete, Slot: slot, Key: []byte(key)}})
	}
	want := func(what string, slot slots.Slot, keys ...string) {
		t.Helper()
		var got []string
		for _, key := range d.Of(slot) {
			got = append(got, string(key))
		}
		slices.Sort(got)
		if !slices.Equal(got, keys) {
			t.Errorf("%s: %q, not %q", what, got, keys)
		}
	}
	remove(1, "early")
	d.Begin(JobID{1}, &set)
	remove(1, "a")
	remove(1, "b")
	remove(1, "b")
	remove(2, "c")
	remove(3, "d")
	d.Begin(JobID{1}, &set) // a new connection of the job
	want("of slot 1", 1, "a", "b")
	want("of a slot that does not come here", 3)
	d.Undone(keyspace.AppendOp(nil, &keyspace.Op{Kind: keyspace.OpPut, Slot: 1, Key: []byte("a")}))
	want("after a batch was undone", 1, "b")
	first := slots.NewSet(1)
	d.Begin(JobID{2}, &first)
	want("of another job", 1)
	want("of a slot that stays with the first", 2, "c")
	d.End(first.Has)
	remove(1, "a")
	want("after the end", 1)

	big := string(make([]byte, deletionsLimit-2*deletionCost-1))
	if !remove(2, big) || remove(2, "full") || !remove(2, "still full") {
		t.Error("that there is no more room is not told once")
	}
	second := slots.NewSet(2)
	d.End(second.Has)
	if d.size != 0 || !d.Empty() {
		t.Errorf("%d bytes after all has ended", d.size)
	}
}
