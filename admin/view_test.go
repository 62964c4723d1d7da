package admin

import (
	"testing"

	"github.com/slotmesh/slotmesh/slots"
)

func TestTornViews(t *testing.T) {
	const slot = 5
	importing := func(w *world) { w.nodes[1].Open = []OpenSlot{{Slot: slot, Importing: true, Peer: nodeID(0)}} }
	job := func(w *world) {
		w.nodes[0].JobsNow = []Job{{Export: true, Slots: slots.NewSet(slot), Target: nodeID(1), State: "migrating"}}
	}
	for _, c := range []struct {
		name string
		bend func(w *world)
		want bool
	}{
		{"nothing is open", func(*world) {}, false},
		{"an open slot", importing, false},
		{"a job under way", job, false},
		{"given up meanwhile, not yet taken", func(w *world) { importing(w); w.own(0, "6-5460") }, true},
		{"taken before its job was seen", func(w *world) { job(w); w.own(1, "5 5461-10922") }, true},
		{"nobody's, for good", func(w *world) { w.own(0, "6-5460") }, false},
		{"two owners, for good", func(w *world) { w.own(1, "5 5461-10922") }, false},
	} {
		w := newWorld(t, 3)
		c.bend(w)
		if got := w.view().torn(); got != c.want {
			t.Errorf("%s: torn is %v", c.name, got)
		}
	}
}
