package clustertest

import (
	"context"
	"fmt"
	"time"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/slots"
)

// WaitStable waits until the living nodes serve, agree on the owner of each slot, see
// each other online, have noticed which are dead, and hold their masters' data: so that
// any of them may be killed next. After four node timeouts and a minute it fails the
// test.
func (c *Cluster) WaitStable() {
	c.t.Helper()
	limit := c.limit()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	for {
		dissenter, why := c.dissent()
		if dissenter == nil {
			c.waitSynced(ctx)
			return
		}
		// It takes a change of the dissenter, or of the one it is compared with.
		step, stop := context.WithTimeout(ctx, 50*time.Millisecond)
		seen := dissenter.Map()
		dissenter.WaitMap(step, func(m *slots.Map) bool { return m != seen })
		stop()
		if ctx.Err() != nil {
			c.t.Fatalf("clustertest: not stable after %v: node %d %s", limit, c.index(dissenter.ID()), why)
		}
	}
}

// waitSynced waits until each replica has its master's data: one that has not does not
// stand for election.
func (c *Cluster) waitSynced(ctx context.Context) {
	c.t.Helper()
	for i, m := range c.nodes {
		if m.node == nil {
			continue
		}
		if err := m.node.WaitSynced(ctx); err != nil {
			c.t.Fatalf("clustertest: node %d does not get its master's data: %v", i, err)
		}
	}
}

// limit bounds each wait for the cluster to agree, in the test's time.
func (c *Cluster) limit() time.Duration { return time.Minute + 4*c.cfg.NodeTimeout }

// dissent returns a node whose view is not yet what it should be, and why; nil if there
// is none.
func (c *Cluster) dissent() (*slotmesh.Node, string) {
	nodes := c.Nodes()
	for _, n := range nodes {
		m := n.Map()
		switch {
		case m == nil:
			return n, "is not in a cluster"
		case m.State() != slots.OK:
			return n, "does not serve: " + n.Explain(0)
		}
		for i := range m.Nodes() {
			if other := &m.Nodes()[i]; other.Health == slots.Suspected {
				return n, fmt.Sprintf("suspects %s", c.named(other.ID.String()))
			}
		}
		for i, member := range c.nodes {
			seen := m.Node(member.id)
			switch {
			case member.node != nil && (seen == nil || seen.Health != slots.Online):
				return n, fmt.Sprintf("does not see node %d online", i)
			case member.node == nil && seen != nil && seen.Health == slots.Online:
				return n, fmt.Sprintf("has not noticed that node %d is dead", i)
			}
		}
		if moved := m.Moved(nodes[0].Map()); !moved.Empty() {
			return n, fmt.Sprintf("and node %d disagree about slots %s", c.index(nodes[0].ID()), moved)
		}
	}
	return nil, ""
}
