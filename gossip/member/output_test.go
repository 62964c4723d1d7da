package member

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/internal/memnet"
	"github.com/slotmesh/slotmesh/slots"
)

// A master that was succeeded sends its clients to the new one at once, even while its
// own disk fails: they wait for nothing that it has to promise.
func TestDeposedBeforeSaved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hosts := startHosts(t, memnet.New(), 4, 2*time.Second)
		defer stopAll(hosts)
		create(t, hosts[:3])
		hosts[3].must(t, gossip.MeetNode{Addr: hosts[0].addr})
		until(t, time.Second, "equal views", func() bool { return agreed(hosts) })
		master, replica := hosts[0], hosts[3]
		replica.must(t, gossip.Replicate{Master: master.Map().Self().ID})
		time.Sleep(time.Minute) // until all is linked and saved

		master.disk.SetFault(errors.New("no space left"))
		replica.must(t, gossip.Failover{Mode: gossip.FailoverForce})
		took := until(t, time.Second, "the old master knows", func() bool { return !master.Map().Self().HasSlots() })
		if took > 10*time.Millisecond || !replica.Map().IsMine(0) {
			t.Errorf("the old master knew after %v, the new one serves: %v", took, replica.Map().IsMine(0))
		}
		master.disk.SetFault(nil)
		until(t, 10*time.Second, "equal views again", func() bool { return agreed(hosts) })
	})
}

// A map that gives a right waits for the disk, also when it takes another one.
func TestNarrows(t *testing.T) {
	self, other := slots.NodeID{1}, slots.NodeID{2}
	view := func(first, last slots.Slot, change func(*slots.Topology)) *slots.Map {
		var set slots.Set
		set.AddRange(slots.Range{First: first, Last: last})
		top := slots.Topology{Self: self, State: slots.OK, Nodes: []slots.Node{{ID: self, Slots: &set}, {ID: other}}}
		if first > last {
			top.Nodes[0].Slots = nil
		}
		if change != nil {
			change(&top)
		}
		m, err := slots.NewMap(top)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	var m Member
	if m.narrows(view(0, 9, nil)) {
		t.Error("the first map")
	}
	m.current.Store(view(0, 9, nil))
	for name, c := range map[string]struct {
		m    *slots.Map
		want bool
	}{
		"none":        {nil, false},
		"the same":    {view(0, 9, nil), false},
		"one less":    {view(0, 8, nil), true},
		"one more":    {view(0, 10, nil), false},
		"others":      {view(1, 10, nil), false},
		"demoted":     {view(1, 0, func(top *slots.Topology) { top.Nodes[0].Master = other }), true},
		"not serving": {view(0, 8, func(top *slots.Topology) { top.State = slots.Down }), false},
		"a slot imported": {view(0, 8, func(top *slots.Topology) {
			top.Importing = map[slots.Slot]slots.NodeID{20: other}
		}), false},
	} {
		if got := m.narrows(c.m); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	m.current.Store(view(1, 0, func(top *slots.Topology) { top.Nodes[0].Master = other }))
	if m.narrows(view(0, 9, nil)) || m.narrows(view(1, 0, nil)) {
		t.Error("a promoted node may not serve before its claim is durable")
	}
}
