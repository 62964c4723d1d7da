package engine

import (
	"testing"

	"github.com/slotmesh/slotmesh/slots"
)

// TestUnserved: clients wait on for keys of slots that are this node's, that are coming, or
// that are ceded, about which they could only be told ASK.
func TestUnserved(t *testing.T) {
	self, other := slots.NodeID{1}, slots.NodeID{2}
	mine, theirs, ceded := slots.NewSet(1, 2), slots.Full(), slots.NewSet(4)
	theirs.Subtract(&mine)
	top := slots.Topology{
		Version: 1, Self: self, State: slots.OK,
		Nodes: []slots.Node{
			{ID: self, Addr: slots.Addr{Host: "10.0.0.1", Port: 7000}, Slots: &mine},
			{ID: other, Addr: slots.Addr{Host: "10.0.0.2", Port: 7000}, Slots: &theirs},
		},
		Importing: map[slots.Slot]slots.NodeID{3: other},
		Ceded:     &ceded,
	}
	for _, c := range []struct {
		state slots.State
		want  []slots.Slot // those on which clients wait
	}{{slots.OK, []slots.Slot{1, 2, 3, 4}}, {slots.Down, nil}} {
		top.State = c.state
		m, err := slots.NewMap(top)
		if err != nil {
			t.Fatal(err)
		}
		got, want := unserved(m), slots.Full()
		for _, slot := range c.want {
			want.Remove(slot)
		}
		if got != want {
			t.Errorf("state %v: %d slots, want %d", c.state, got.Len(), want.Len())
		}
	}
}
