package replication

import (
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/slotmesh/slotmesh/slots"
)

// An address that another node has now, or a node that joined another cluster, must not become the source of
// a replica's data.
func TestWrongMasterRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tn := newTestNet(t)
		master, replica := tn.node(1), tn.node(2)
		defer master.stop()
		defer replica.stop()
		master.set("k", "other")
		replica.set("k", "own")
		refusal := func() string {
			for e := range replica.events {
				if lost, ok := e.(LinkLost); ok {
					return lost.Err.Error()
				}
			}
			return ""
		}
		var cluster atomic.Pointer[[16]byte]
		cluster.Store(new([16]byte))
		replica.cfg.Cluster = func() [16]byte { return *cluster.Load() }
		gone := slots.Node{ID: slots.NodeID{9}, Addr: master.node().Addr}
		if err := replica.Follow(gone); err != nil {
			t.Fatal(err)
		}
		if got := refusal(); !strings.Contains(got, "not at this address") {
			t.Errorf("another node at the address: %s", got)
		}
		cluster.Store(&[16]byte{1})
		replica.follow(master)
		if got := refusal(); !strings.Contains(got, "another cluster") {
			t.Errorf("a node of another cluster: %s", got)
		}
		if got := replica.get("k"); got != "own" {
			t.Errorf("the replica's data is now %q", got)
		}
	})
}
