package shard

import (
	"slices"
	"testing"

	"github.com/slotmesh/slotmesh/slots"
)

// A master that succeeded this node's has the shard's data, one of another shard has not.
func TestLineage(t *testing.T) {
	none := func() *slots.Set { return &slots.Set{} }
	master := func(id slots.NodeID) slots.Node { return slots.Node{ID: id} }
	replica := func(id, of slots.NodeID) slots.Node { return slots.Node{ID: id, Master: of} }
	empty := func(id slots.NodeID) slots.Node { return slots.Node{ID: id, Slots: none()} }
	for _, c := range []struct {
		name     string
		maps     [][]slots.Node
		includes []slots.NodeID
		siblings int
	}{
		{"a replica, its master and another replica",
			[][]slots.Node{{master(one), replica(me, one), replica(two, one), empty(three)}},
			[]slots.NodeID{me, one, two}, 2},
		{"another replica takes over",
			[][]slots.Node{
				{master(one), replica(me, one), replica(two, one), empty(three)},
				{master(two), empty(one), replica(me, one), empty(three)},
			},
			[]slots.NodeID{me, one, two}, 1},
		{"the new master is followed",
			[][]slots.Node{
				{master(one), replica(me, one), replica(two, one), empty(three)},
				{master(two), empty(one), replica(me, two), empty(three)},
			},
			[]slots.NodeID{me, one, two}, 2},
		{"the former master goes elsewhere",
			[][]slots.Node{
				{master(one), replica(me, one), replica(two, one), empty(three)},
				{master(two), replica(one, three), replica(me, two), empty(three)},
			},
			[]slots.NodeID{me, two}, 1},
		{"this node goes to another shard",
			[][]slots.Node{
				{master(one), replica(me, one), replica(two, one), empty(three)},
				{master(one), replica(me, three), replica(two, one), empty(three)},
			},
			[]slots.NodeID{me, three}, 1},
		{"this node is promoted",
			[][]slots.Node{
				{master(one), replica(me, one), replica(two, one), empty(three)},
				{master(me), empty(one), replica(two, me), empty(three)},
			},
			[]slots.NodeID{me, one, two}, 2},
	} {
		var l Lineage
		for _, nodes := range c.maps {
			l.Observe(mapOf(t, nodes...))
		}
		var got []slots.NodeID
		for _, id := range []slots.NodeID{me, one, two, three} {
			if l.Includes(id) {
				got = append(got, id)
			}
			if l.Includes(id) != named(l.Name(), id) {
				t.Errorf("%s: the name has %s: %v", c.name, id.Short(), named(l.Name(), id))
			}
		}
		if !slices.Equal(got, c.includes) || l.Siblings() != c.siblings {
			t.Errorf("%s: members %v, %d siblings; want %v, %d", c.name, got, l.Siblings(), c.includes, c.siblings)
		}
	}
}

// After Forget a former master is a stranger.
func TestForgottenLineage(t *testing.T) {
	var l Lineage
	if l.Name() != nil {
		t.Error("a name before there is a map")
	}
	l.Observe(mapOf(t, slots.Node{ID: one}, slots.Node{ID: me, Master: one}))
	l.Forget()
	if l.Includes(one) {
		t.Error("the former master is still included")
	}
	l.Observe(mapOf(t, slots.Node{ID: me}, slots.Node{ID: one}))
	if l.Includes(one) || !l.Includes(me) {
		t.Error("a node alone is not its own shard")
	}
}
