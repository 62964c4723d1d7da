package commands

import (
	"context"

	"github.com/slotmesh/slotmesh/slots"
)

// Roles changes which master this node follows.
type Roles interface {
	// Replicate makes this node a replica of a master. The server has checked that a master
	// holds no keys.
	Replicate(ctx context.Context, master slots.NodeID) error
	// BeginFailover starts to make this replica the master of its shard; it does not wait
	// for the outcome (docs/spec.md §6.7).
	BeginFailover(ctx context.Context, mode FailoverMode) error
}

// FailoverMode is how far a CLUSTER FAILOVER goes without others.
type FailoverMode uint8

const (
	FailoverDefault  FailoverMode = iota // agrees with the master
	FailoverForce                        // does without the master
	FailoverTakeover                     // does without the other masters too
)

// Promises are what clients were told of replicas, for MIGRATE.
type Promises interface {
	// Promised returns how many replicas have to hold the keys of a slot that are moved
	// elsewhere.
	Promised(slot slots.Slot) int
	// Leave notes that keys of a slot are about to be deleted here, which held replicas of
	// another node hold. Promised is to be asked after it.
	Leave(slot slots.Slot, held int)
}

// Follows makes a standalone node a replica of a server outside of clusters.
type Follows interface {
	// ReplicaOf follows the server at host and port, or with no host nobody any more. same
	// says that it is followed already.
	ReplicaOf(host string, port int) (same bool)
}

// ReplicationGroup is the commands of standalone servers on replication.
var ReplicationGroup = []Command{
	{Name: "replicaof", Arity: 3, Flags: Admin | NoScript | Stale | NoAsyncLoading, Group: "server",
		Since: "5.0.0", Summary: "Follows a server, or NO ONE; in a cluster CLUSTER REPLICATE sets the master of a node.",
		Run: cmdReplicaOf},
	{Name: "slaveof", Arity: 3, Flags: Admin | NoScript | Stale | NoAsyncLoading, Group: "server",
		Since: "1.0.0", Summary: "The same as REPLICAOF.", Run: cmdReplicaOf},
}

func cmdReplicaOf(c *Call) error {
	switch {
	case !c.Node.Standalone() || c.Node.Follows == nil:
		return ReplyError("ERR REPLICAOF not allowed in cluster mode.")
	case c.Word(1, "NO") && c.Word(2, "ONE"):
		c.Node.Follows.ReplicaOf("", 0)
		c.Out.OK()
		return nil
	}
	port, err := c.NumberIn(2, 0, 65535, ReplyError("ERR Invalid master port"))
	if err != nil {
		return err
	}
	if c.Node.Follows.ReplicaOf(string(c.Args[1]), int(port)) {
		c.Out.Simple("OK Already connected to specified master")
		return nil
	}
	c.Out.OK()
	return nil
}

func cmdReplicate(c *Call) error {
	id, err := c.nodeArg(2)
	if err != nil {
		return err
	}
	m := c.Node.Engine.Map()
	if self := m.Self(); self.IsMaster() && id != self.ID && m.Node(id) != nil && m.Node(id).IsMaster() &&
		(self.HasSlots() || c.Node.Store.Len() > 0) {
		return ReplyError("ERR To set a master the node must be empty and without assigned slots.")
	}
	return c.change(func(ctx context.Context) error { return c.Node.Cluster.Replicate(ctx, id) })
}

func cmdFailover(c *Call) error {
	mode := FailoverDefault
	switch {
	case len(c.Args) == 2:
	case len(c.Args) == 3 && c.Word(2, "FORCE"):
		mode = FailoverForce
	case len(c.Args) == 3 && c.Word(2, "TAKEOVER"):
		mode = FailoverTakeover
	case len(c.Args) > 3:
		return ErrSubArity(c.Args)
	default:
		return ErrSyntax
	}
	return c.change(func(ctx context.Context) error { return c.Node.Cluster.BeginFailover(ctx, mode) })
}
