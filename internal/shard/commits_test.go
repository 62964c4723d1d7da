package shard

import (
	"slices"
	"testing"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

type sink func(slot slots.Slot)

func (s sink) Commit(slot slots.Slot, _ []keyspace.Op)    { s(slot) }
func (s sink) Committed(slot slots.Slot, _ []keyspace.Op) { s(slot + 100) }

// The stream has a commit before the migrations look at it.
func TestCommits(t *testing.T) {
	var order []slots.Slot
	note := sink(func(slot slots.Slot) { order = append(order, slot) })
	c := NewCommits(note)
	c.Commit(1, nil)
	c.Observe(note)
	c.Commit(2, nil)
	if want := []slots.Slot{1, 2, 102}; !slices.Equal(order, want) {
		t.Errorf("%v, want %v", order, want)
	}
}
