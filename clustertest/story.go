package clustertest

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/slotmesh/slotmesh"
)

// story collects what happened, to be told when a test failed.
type story struct {
	begin time.Time
	mu    sync.Mutex // guards lines
	lines []string
}

// storyLimit bounds the memory of a long test; the beginning is what matters.
const storyLimit = 10_000

func (s *story) add(node int, e slotmesh.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.lines) < storyLimit {
		s.lines = append(s.lines, fmt.Sprintf("%10s node %d: %T%+v", time.Since(s.begin).Round(time.Millisecond), node, e, e))
	}
}

func (s *story) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return "the cluster's story:\n" + strings.Join(s.lines, "\n")
}

// topology shows the cluster as each living node sees it.
func (c *Cluster) topology() string {
	if !c.t.Failed() {
		return ""
	}
	var b strings.Builder
	for i, member := range c.nodes {
		if member.node == nil || member.node.Map() == nil {
			fmt.Fprintf(&b, "node %d is dead\n", i)
			continue
		}
		m := member.node.Map()
		fmt.Fprintf(&b, "node %d (%s, %s) sees a cluster that is %s:\n", i, m.Self().ID.Short(), m.Self().Addr, m.State())
		for j := range m.Nodes() {
			n := &m.Nodes()[j]
			role, owns := "master", ""
			if !n.IsMaster() {
				role = "replica of " + n.Master.Short()
			}
			if n.HasSlots() {
				owns = n.Slots.String()
			}
			fmt.Fprintf(&b, "\t%s %s %s epoch %d %s %s\n", n.ID.Short(), n.Addr, role, n.ConfigEpoch, n.Health, owns)
		}
	}
	return b.String()
}
