package slotmesh

import (
	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/migrate"
	"github.com/slotmesh/slotmesh/replication/replicator"
)

// Stats is a node's counters at one moment: see [keyspace.Stats], [replicator.Status],
// [migrate.Status] and [gossip.Stats]. The hits of a cache are in the Stats of package
// cache.
type Stats struct {
	Role     Role
	Clients  int            // connections of clients
	Commands uint64         // of clients, since the start
	Store    keyspace.Stats // keys, memory, hits, misses, expiries, evictions
	// Replication is the link to the master and how many bytes of its stream are missing
	// here (Lagging), and the replicas with what each has acknowledged.
	Replication replicator.Status
	Migrations  []migrate.Status // the jobs under way, from and to this node
	Bus         gossip.Stats     // gossip between nodes; zero for a standalone node
	Messages    MessageStats     // those of clients, between nodes; zero for a standalone node
}

// MessageStats counts the messages of PUBLISH and SPUBLISH that pass between this node and
// others.
type MessageStats struct {
	Sent     uint64 // once for each node that has subscribers
	Received uint64
	// Dropped are those that other nodes have not got: one does not read as fast as
	// messages come, or its connection has broken.
	Dropped   uint64
	Sources   int // other nodes that this one has told what its subscribers want
	Receivers int // other nodes that have told this one
}

// Role is what a node does in its shard.
type Role string

const (
	RoleMaster     Role = "master"
	RoleReplica    Role = "replica"
	RoleStandalone Role = "standalone" // in no cluster
)

// Stats returns the node's counters; valid after Start.
func (n *Node) Stats() Stats {
	s := Stats{Role: RoleStandalone, Store: n.store.Stats()}
	if m := n.Map(); m != nil && m.Self().IsMaster() {
		s.Role = RoleMaster
	} else if m != nil {
		s.Role = RoleReplica
	}
	if n.server != nil {
		s.Clients = n.server.Clients()
		s.Commands = n.server.Commands()
	}
	if n.shard.Replicator != nil {
		s.Replication = n.shard.Replicator.Status()
	}
	for _, job := range n.Migrations() {
		if !job.Over() {
			s.Migrations = append(s.Migrations, job)
		}
	}
	if n.gossip != nil {
		s.Bus = n.gossip.Stats()
		m := n.pubsub.remote.Stats()
		s.Messages = MessageStats{Sent: m.Sent + m.SentShard, Received: m.Received + m.ReceivedShard, Dropped: m.Dropped,
			Sources: m.Sources, Receivers: m.Receivers}
	}
	return s
}
