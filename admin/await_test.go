package admin

import (
	"testing"

	"github.com/slotmesh/slotmesh/slots"
)

// A slot counts as a node's only if others say so and nobody says otherwise.
func TestCredited(t *testing.T) {
	w := newWorld(t, 3)
	lost := w.view(func(v *View) { v.Nodes[0].Ranges[0].First, v.Nodes[0].opinion(0).Ranges[0].First = 2, 2 })
	if set := lost.credited(lost.Nodes[0]); set.String() != "0-1" {
		t.Errorf("lost slots: %s", set)
	}
	if set := lost.credited(lost.Nodes[1]); !set.Empty() {
		t.Errorf("another's slots: %s", set)
	}
	lost.Nodes[1].opinion(2).Ranges = append(lost.Nodes[1].opinion(2).Ranges, slots.Range{First: 1, Last: 1})
	if set := lost.credited(lost.Nodes[0]); set.String() != "0" {
		t.Errorf("one of them is said to be another's: %s", set)
	}
}
