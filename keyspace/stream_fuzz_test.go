package keyspace

import (
	"bytes"
	"slices"
	"testing"

	"github.com/slotmesh/slotmesh/keyspace/stream"
)

// FuzzStreamParts feeds bytes from outside to a stream: what passes the check becomes an
// object whose parts make an equal one, and that is empty when all of them have been cut.
func FuzzStreamParts(f *testing.F) {
	group, form := []byte("g"), streamForm{}
	id := stream.ID{Ms: 5, Seq: 1}
	pending := stream.Pending{ID: id, Consumer: []byte("c"), Delivered: 7, Count: 1}
	var packed []byte
	for _, p := range [][2][]byte{
		{{streamStatePart}, appendStreamState(nil, stream.State{Last: id, Added: 1})},
		{appendEntryPart(nil, id), streamValue("field", "12", "other", "text")},
		{appendGroupPart(nil, group, streamGroupState), appendGroupState(nil, stream.GroupState{Last: id, Read: 1})},
		{appendConsumerPart(nil, group, []byte("c")), appendSeen(nil, 7)},
		{appendPendingPart(nil, group, id), appendPending(nil, pending)},
	} {
		f.Add(form.set(nil, p[0], p[1], 0), p[0], p[1])
		packed = form.set(packed, p[0], p[1], 0)
		f.Add(packed, p[0], p[1][:len(p[1])-1])
	}
	f.Add(packed, appendGroupPart(nil, group, streamGroupState), appendGroupPart(nil, group, streamGroupBehind))
	f.Add(packed, appendEntryPart(nil, stream.ID{}), appendEntryPart(nil, stream.MaxID))
	f.Fuzz(func(t *testing.T, packed, part, value []byte) {
		if form.check(packed) != nil {
			return
		}
		o := form.grow(packed).(*streamObject)
		if checkPart(Stream, part, value) == nil {
			if err := o.set(part, value, 0); err != nil {
				t.Fatalf("set %x=%x: %v", part, value, err)
			}
		}
		o.cutRange(nil, part, value)
		var names [][]byte
		same := form.grow(nil)
		o.walk(nil, func(part, value []byte, _ int64) bool {
			names = append(names, bytes.Clone(part))
			if err := same.set(part, value, 0); err != nil {
				t.Fatal(err)
			}
			return true
		})
		if o.size() != len(names) || same.size() != len(names) {
			t.Fatalf("%d parts, %d are counted, the copy has %d", len(names), o.size(), same.size())
		}
		for _, name := range slices.Backward(names) {
			want, _, _ := o.get(name)
			if got, _, ok := same.get(name); !ok || !bytes.Equal(got, want) {
				t.Fatalf("the copy has %x=%x, %v, want %x", name, got, ok, want)
			}
			if !same.cut(name) {
				t.Fatalf("%x cannot be cut", name)
			}
		}
		if same.size() != 0 {
			t.Fatalf("%d parts are left", same.size())
		}
	})
}
