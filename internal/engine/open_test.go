package engine

import (
	"strings"
	"testing"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// openMap is the map of one of two nodes: the first owns every slot, and slotOfFoo is
// moving to the second.
func openMap(t testing.TB, importer bool) *slots.Map {
	t.Helper()
	owner, other := slots.NodeID{1}, slots.NodeID{2}
	all := slots.Full()
	top := slots.Topology{Self: owner, State: slots.OK, Nodes: []slots.Node{
		{ID: owner, Addr: slots.Addr{Host: "a", Port: 1}, Slots: &all},
		{ID: other, Addr: slots.Addr{Host: "b", Port: 2}},
	}}
	if importer {
		top.Self, top.Importing = other, map[slots.Slot]slots.NodeID{slotOfFoo: owner}
	} else {
		top.Migrating = map[slots.Slot]slots.NodeID{slotOfFoo: other}
	}
	m, err := slots.NewMap(top)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestRepeatedKeyInAnOpenSlot: a key named repeatedly is one key, on both sides of a
// move. The answers are those of Redis 7.0: see TestOpenSlotAnswersLikeRedis of the
// interop module.
func TestRepeatedKeyInAnOpenSlot(t *testing.T) {
	const ask = "ASK 12182 b:2"
	again := slots.ErrTryAgain.Error()
	for _, c := range []struct {
		keys              string // {foo}here is here, {foo}a and {foo}b are not
		importer, migrant string // errors; "" is none
	}{
		{"{foo}a", "", ask},
		{"{foo}a {foo}a", "", ask},
		{"{foo}a {foo}a {foo}a", "", ask},
		{"{foo}here {foo}here", "", ""},
		{"{foo}a {foo}b", again, ask},
		{"{foo}a {foo}b {foo}a", again, ask},
		{"{foo}a {foo}a {foo}here", again, again},
		{"{foo}here {foo}a {foo}a", again, again},
	} {
		var a Access
		a.Slot, a.Asking = slotOfFoo, true
		for _, key := range strings.Fields(c.keys) {
			a.Keys = append(a.Keys, []byte(key))
		}
		for importer, want := range map[bool]string{true: c.importer, false: c.migrant} {
			e := New(keyspace.New(keyspace.Config{}))
			put(e, "{foo}here", "1")
			e.Publish(openMap(t, importer))
			for name, access := range map[string]func(*Access, func(*keyspace.Tx) error) error{"View": e.View,
				"Update": e.Update} {
				got := ""
				if err := access(&a, func(*keyspace.Tx) error { return nil }); err != nil {
					got = err.Error()
				}
				if got != want {
					t.Errorf("%s of %s, importer %t: %q, want %q", name, c.keys, importer, got, want)
				}
			}
		}
	}
}

// TestOpenSlotAllocatesNothing: counting keys costs no memory, however many there are.
func TestOpenSlotAllocatesNothing(t *testing.T) {
	e := New(keyspace.New(keyspace.Config{}))
	e.Publish(openMap(t, true))
	a := access("{foo}a")
	a.Asking = true
	a.Keys = append(a.Keys, a.Keys[0], a.Keys[0])
	pass := func(*keyspace.Tx) error { return nil }
	if n := testing.AllocsPerRun(100, func() {
		if err := e.View(a, pass); err != nil {
			t.Fatal(err)
		}
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
