package explain

import (
	"strings"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/replication"
	"github.com/slotmesh/slotmesh/replication/replicator"
	"github.com/slotmesh/slotmesh/slots"
)

var now = time.Date(2025, 3, 1, 12, 0, 0, 0, time.UTC)

// id returns the id of a node of these tests.
func id(n byte) slots.NodeID { return slots.NodeID{n} }

// trio returns three masters that share the slots, and a replica of the second; this node
// is the first.
func trio() slots.Topology {
	t := slots.Topology{Self: id(1), State: slots.OK}
	for i, r := range slots.Even(3) {
		var set slots.Set
		set.AddRange(r)
		t.Nodes = append(t.Nodes, node(byte(i+1), &set))
	}
	replica := node(4, nil)
	replica.Master = id(2)
	t.Nodes = append(t.Nodes, replica)
	return t
}

func node(n byte, owned *slots.Set) slots.Node {
	return slots.Node{ID: id(n), Addr: slots.Addr{Host: "10.0.0." + string('0'+n), Port: 7000, BusPort: 17000},
		Health: slots.Online, Slots: owned}
}

// view returns what a node makes of a topology. Nodes 2 and up were heard, or failed, 12 s
// ago.
func view(t *testing.T, top slots.Topology) View {
	t.Helper()
	m, err := slots.NewMap(top)
	if err != nil {
		t.Fatal(err)
	}
	return View{Map: m, Now: now, Peers: func() (list []gossip.Peer) {
		for n := byte(2); n <= 4; n++ {
			list = append(list, gossip.Peer{ID: id(n), PongReceived: now.Add(-12 * time.Second),
				FailedAt: now.Add(-12 * time.Second)})
		}
		return list
	}}
}

func TestSlot(t *testing.T) {
	const first, second = 0, 8000
	for name, c := range map[string]struct {
		change func(*slots.Topology)
		slot   slots.Slot
		want   string
	}{
		"own":     {func(*slots.Topology) {}, first, "slot 0 is mine: served"},
		"other's": {func(*slots.Topology) {}, second, "slot 8000 belongs to 10.0.0.2:7000@17000 (online): I answer MOVED"},
		"unowned": {func(top *slots.Topology) { top.Nodes[1].Slots = nil }, second,
			"slot 8000 belongs to nobody: give it to a node with CLUSTER ADDSLOTS, or repair the cluster"},
		"down": {func(top *slots.Topology) { top.State = slots.Down; top.Nodes[2].Slots = nil }, first,
			"slot 0 belongs to 10.0.0.1:7000@17000 (online), but the cluster is down: slots 10923-16383 belong to nobody"},
		"migrating": {func(top *slots.Topology) { top.Migrating = map[slots.Slot]slots.NodeID{first: id(2)} }, first,
			"slot 0 is mine and on its way to 10.0.0.2:7000@17000: keys that are still here are served, " +
				"for others I answer ASK"},
		"importing": {func(top *slots.Topology) { top.Importing = map[slots.Slot]slots.NodeID{second: id(2)} }, second,
			"slot 8000 is on its way to me from 10.0.0.2:7000@17000: I serve it after ASKING, " +
				"otherwise I answer MOVED to 10.0.0.2:7000@17000"},
		"master's": {func(top *slots.Topology) { top.Self = id(4) }, second,
			"slot 8000 belongs to my master 10.0.0.2:7000@17000: I serve reads after READONLY, otherwise I answer MOVED"},
	} {
		top := trio()
		c.change(&top)
		if got := view(t, top).Slot(c.slot); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestDown(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*slots.Topology)
		want   string
	}{
		"unowned": {func(top *slots.Topology) { top.Nodes[0].Slots = nil }, "slots 0-5460 belong to nobody"},
		"failed": {func(top *slots.Topology) { top.Nodes[1].Health = slots.Failed },
			"slots 5461-10922 have no working owner: node 02000000 (10.0.0.2:7000) failed 12s ago"},
		"minority": {func(top *slots.Topology) {
			top.Nodes[1].Health, top.Nodes[2].Health = slots.Suspected, slots.Suspected
		}, "only 1 of 3 masters are in reach: node 02000000 (10.0.0.2:7000) was last heard 12s ago, " +
			"node 03000000 (10.0.0.3:7000) was last heard 12s ago"},
		"rejoining": {func(*slots.Topology) {}, "this node came back a moment ago and waits to hear what has changed (2s)"},
	} {
		top := trio()
		top.State = slots.Down
		c.change(&top)
		if got := view(t, top).Down(); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestUnserved(t *testing.T) {
	top := trio()
	if got := view(t, top).Unserved(8000); got != "" {
		t.Errorf("a slot that is served: %q", got)
	}
	top.Nodes[1].Health = slots.Suspected
	v := view(t, top)
	const silent = "slot 8000 has no working owner: node 02000000 (10.0.0.2:7000) was last heard 12s ago"
	if got := v.Unserved(8000); got != silent {
		t.Errorf("of a suspected owner: %q", got)
	}
	v.Peers = func() []gossip.Peer { return nil } // gossip knows nothing of it
	if got := v.Unserved(8000); !strings.HasSuffix(got, "(10.0.0.2:7000) does not answer") {
		t.Errorf("of an owner that was never heard: %q", got)
	}
	top.Nodes[1].Slots = nil
	if got := view(t, top).Unserved(8000); got != "slot 8000 belongs to nobody" {
		t.Errorf("of an unowned slot: %q", got)
	}
	top.State = slots.Down
	if got := view(t, top).Unserved(0); !strings.HasPrefix(got, "slots 5461-10922 belong to nobody") {
		t.Errorf("in a cluster that is down: %q", got)
	}
}

// Each condition that keeps the map from being stable is named, and only those.
func TestUnstable(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*slots.Topology)
		want   string // a part; "" if it is stable
	}{
		"stable":    {func(*slots.Topology) {}, ""},
		"down":      {func(top *slots.Topology) { top.State = slots.Down }, "came back a moment ago"},
		"suspected": {func(top *slots.Topology) { top.Nodes[3].Health = slots.Suspected }, "was last heard 12s ago"},
		"open": {func(top *slots.Topology) {
			top.Migrating = map[slots.Slot]slots.NodeID{1: id(2), 3: id(2), 5: id(2), 7: id(2), 9: id(2)}
		}, "slots 1 3 5 7 … (5) are being moved"},
	} {
		top := trio()
		c.change(&top)
		v := view(t, top)
		got := v.Unstable()
		if Stable(v.Map) != (c.want == "") || !strings.Contains(got, c.want) || c.want == "" && got != "" {
			t.Errorf("%s: stable %v, %q; want %q", name, Stable(v.Map), got, c.want)
		}
	}
}

func TestDisagreement(t *testing.T) {
	members := trio().Nodes
	for name, c := range map[string]struct {
		change func(*slots.Topology)
		want   string // "" if they agree
	}{
		"agreed":    {func(*slots.Topology) {}, ""},
		"unknown":   {func(top *slots.Topology) { top.Nodes = top.Nodes[:3] }, "it does not know 10.0.0.4:7000@17000"},
		"suspected": {func(top *slots.Topology) { top.Nodes[2].Health = slots.Suspected }, "was last heard 12s ago"},
		"another":   {func(top *slots.Topology) { top.Nodes = append(top.Nodes, node(5, nil)) }, "it knows 5 nodes, not 4"},
		"down":      {func(top *slots.Topology) { top.State = slots.Down }, "came back a moment ago"},
		"owners": {func(top *slots.Topology) {
			top.Nodes[0].Slots, top.Nodes[1].Slots = top.Nodes[1].Slots, top.Nodes[0].Slots
		}, "the two disagree about slots 0-10922"},
		"masters": {func(top *slots.Topology) { top.Nodes[3].Master = id(3) }, "the two disagree about who replicates whom"},
	} {
		reference := view(t, trio()).Map
		top := trio()
		c.change(&top)
		v := view(t, top)
		if Agrees(v.Map, reference, len(members)) != (c.want == "") {
			t.Errorf("%s: agrees: %v", name, c.want != "")
		}
		if got := v.Disagreement(reference, members); c.want != "" && !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestUnsynced(t *testing.T) {
	master := node(2, nil)
	const prefix = "this replica does not hold the data of its master 02000000 (10.0.0.2:7000) yet"
	for _, c := range []struct {
		status replicator.Status
		want   string
	}{
		{replicator.Status{}, ""},
		{replicator.Status{Master: master, Link: replicator.LinkSync, Progress: replication.Progress{Keys: 5, Total: 9}},
			prefix + ": it has received 5 keys of 9"},
		{replicator.Status{Master: master, Link: replicator.LinkConnect}, prefix + ": there is no link to it"},
		{replicator.Status{Master: master, Link: replicator.LinkConnect, DownSince: now.Add(-time.Minute)},
			prefix + ": the link broke 1m0s ago"},
		{replicator.Status{Master: master, Link: replicator.LinkConnected}, prefix},
	} {
		if got := Unsynced(c.status, now); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}
