package clustertest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/slotmesh/slotmesh/slots"
)

// topology shows the cluster as the living nodes see it, once for all that see the same.
func (c *Cluster) topology() string {
	if !c.t.Failed() {
		return ""
	}
	var b strings.Builder
	var views []string              // in the order of the first node that has each
	seers := make(map[string][]int) // by view
	for i, member := range c.nodes {
		switch {
		case member.node == nil:
			fmt.Fprintf(&b, "node %d is dead\n", i)
			continue
		case member.node.Map() == nil:
			fmt.Fprintf(&b, "node %d is in no cluster\n", i)
			continue
		}
		v := c.named(c.view(member.node.Map()))
		if seers[v] == nil {
			views = append(views, v)
		}
		seers[v] = append(seers[v], i)
	}
	for _, v := range views {
		fmt.Fprintf(&b, "%s %s", see(seers[v]), v)
	}
	c.messages(&b)
	return b.String()
}

// messages tells how many messages of pub/sub the living nodes have sent each other, if any.
func (c *Cluster) messages(b *strings.Builder) {
	for i, member := range c.nodes {
		if member.node == nil {
			continue
		}
		if m := member.node.Stats().Messages; m.Sent+m.Received+m.Dropped > 0 {
			fmt.Fprintf(b, "node %d has sent %d messages to other nodes, received %d, and dropped %d\n", i, m.Sent, m.Received,
				m.Dropped)
		}
	}
}

// see begins the sentence about what nodes see.
func see(nodes []int) string {
	if len(nodes) == 1 {
		return fmt.Sprintf("node %d sees", nodes[0])
	}
	return "nodes " + strings.Trim(strings.Join(strings.Fields(fmt.Sprint(nodes)), ", "), "[]") + " see"
}

// view shows a map, the nodes of this cluster in their order.
func (c *Cluster) view(m *slots.Map) string {
	var b strings.Builder
	fmt.Fprintf(&b, "a cluster that is %s:\n", m.State())
	nodes := slices.Clone(m.Nodes())
	slices.SortStableFunc(nodes, func(a, b slots.Node) int { return c.index(a.ID) - c.index(b.ID) })
	for i := range nodes {
		n := &nodes[i]
		role, owns := "master", ""
		if !n.IsMaster() {
			role = "replica of " + n.Master.String()
		}
		if n.HasSlots() {
			owns = " " + n.Slots.String()
		}
		fmt.Fprintf(&b, "\t%s (%s, %s) %s epoch %d %s%s\n", n.ID, n.ID.Short(), n.Addr, role, n.ConfigEpoch, n.Health, owns)
	}
	return b.String()
}

// index returns which node has an id; those that are none of this cluster's come last.
func (c *Cluster) index(id slots.NodeID) int {
	if i, ok := c.names[id]; ok {
		return i
	}
	return len(c.nodes)
}

// named returns text with "node 3" in the place of the ids of this cluster's nodes.
func (c *Cluster) named(text string) string {
	pairs := []string{slots.NodeID{}.String(), "none"}
	for id, i := range c.names {
		pairs = append(pairs, id.String(), fmt.Sprint("node ", i))
	}
	return strings.NewReplacer(pairs...).Replace(text)
}
