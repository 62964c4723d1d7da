package slotmesh

import (
	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/keyspace"
)

// Stats is a node's counters at one moment: see [keyspace.Stats] and [gossip.Stats].
type Stats struct {
	Clients int            // connections of clients
	Store   keyspace.Stats // keys, memory, hits, misses, expiries, evictions
	Bus     gossip.Stats   // messages and bytes between nodes; zero for a standalone node
}

// Stats returns the node's counters; valid after Start.
func (n *Node) Stats() Stats {
	s := Stats{Store: n.store.Stats()}
	if n.server != nil {
		s.Clients = n.server.Clients()
	}
	if n.gossip != nil {
		s.Bus = n.gossip.Stats()
	}
	return s
}
