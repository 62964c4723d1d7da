package clustertest

import (
	"context"
	"fmt"
	"time"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/slots"
)

// WaitStable waits, a minute at most, until the living nodes serve, agree on the owner of each slot, see each
// other online, and have agreed about those that are dead.
func (c *Cluster) WaitStable() {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	for {
		nodes := c.Nodes()
		dissenter, why := dissent(nodes)
		if dissenter == nil {
			return
		}
		// It takes a change of the dissenter, or of the one it is compared with.
		step, stop := context.WithTimeout(ctx, 50*time.Millisecond)
		seen := dissenter.Map()
		dissenter.WaitMap(step, func(m *slots.Map) bool { return m != seen })
		stop()
		if ctx.Err() != nil {
			c.t.Fatalf("clustertest: not stable after %v: node %s %s", startTimeout, dissenter.Addr(), why)
		}
	}
}

// dissent returns a node whose view is not yet what it should be, and why; nil if there is none.
func dissent(nodes []*slotmesh.Node) (*slotmesh.Node, string) {
	for _, n := range nodes {
		m := n.Map()
		switch {
		case m == nil:
			return n, "is not in a cluster"
		case m.State() != slots.OK:
			return n, "does not serve: " + n.Why(0)
		}
		for i := range m.Nodes() {
			if other := &m.Nodes()[i]; other.Health == slots.Suspected {
				return n, fmt.Sprintf("suspects %s", other.Addr)
			}
		}
		for _, other := range nodes {
			if seen := m.Node(other.ID()); seen == nil || seen.Health != slots.Online {
				return n, fmt.Sprintf("does not see %s online", other.Addr())
			}
		}
		if moved := m.Moved(nodes[0].Map()); !moved.Empty() {
			return n, fmt.Sprintf("and %s disagree about slots %s", nodes[0].Addr(), moved)
		}
	}
	return nil, ""
}
