package slotmesh_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh"
)

// A founder that is reset when its cluster has long formed founds no second one: it joins its
// own again, and is given a role there.
func TestFounderIsReset(t *testing.T) {
	for _, hard := range []bool{false, true} {
		for _, wasMaster := range []bool{false, true} {
			t.Run(fmt.Sprintf("hard=%v,master=%v", hard, wasMaster), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { resetFounder(t, hard, wasMaster) })
			})
		}
	}
}

func resetFounder(t *testing.T, hard, wasMaster bool) {
	f := newFounders(t, 6, 3, func(_ int, cfg *slotmesh.Config) {
		cfg.Cluster.Replicas, cfg.Cluster.ForgetAfter = 1, 30*time.Second // the id that it had before a hard reset
	})
	for i := range f.nodes {
		f.start(i)
	}
	f.ready(30*time.Second, 3)
	time.Sleep(time.Minute) // forming has come to rest
	var node *slotmesh.Node
	for _, n := range f.nodes {
		if n.Map().Self().IsMaster() == wasMaster {
			node = n
		}
	}
	was := node.ID()
	if err := node.Reset(t.Context(), hard); err != nil {
		t.Fatal(err)
	}
	if node.Map().Assigned() != 0 || (node.ID() == was) == hard {
		t.Fatalf("after the reset it knows of %d slots", node.Map().Assigned())
	}
	time.Sleep(2 * time.Minute)
	f.ready(time.Second, 3)
	m := node.Map()
	replicas := make(map[string]int)
	for i := range m.Nodes() {
		if n := &m.Nodes()[i]; !n.IsMaster() {
			replicas[n.Master.String()]++
		}
	}
	if len(replicas) != 3 {
		t.Errorf("replicas of the masters: %v", replicas)
	}
}
