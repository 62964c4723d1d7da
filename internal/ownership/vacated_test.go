package ownership

import (
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// A slot that another node gave up is vacated for two seconds, unless it has an owner
// again; one of this node's own never is.
func TestVacated(t *testing.T) {
	old := view{owns: map[slots.NodeID][]slots.Slot{me: {1}, other: {2, 3, 4}}}.build(t)
	m := view{owns: map[slots.NodeID][]slots.Slot{third: {4}}}.build(t)
	var v vacated
	now := time.Unix(1000, 0)
	v.record(nil, m, now)
	v.record(old, m, now)
	for after, want := range map[time.Duration]string{0: "2-3", vacatedFor: "2-3", vacatedFor + 1: ""} {
		if got := v.fresh(now.Add(after)); got.String() != want {
			t.Errorf("after %v: %q, want %q", after, got, want)
		}
	}
	later := now.Add(vacatedFor + 1)
	v.record(view{owns: map[slots.NodeID][]slots.Slot{third: {4}}}.build(t), view{}.build(t), later)
	if got := v.fresh(later); got.String() != "4" {
		t.Errorf("earlier slots are still there: %s", got)
	}
}
