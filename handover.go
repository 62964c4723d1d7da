package slotmesh

import (
	"context"
	"slices"
	"time"

	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/replication"
	"github.com/slotmesh/slotmesh/slots"
)

const (
	// handOverLimit bounds how long a master that ends waits for its replica to take over.
	handOverLimit = 600 * time.Millisecond
	// farewell is for how long it then tells its clients where to go.
	farewell = 50 * time.Millisecond
	// successorLag is how long ago a replica in step was heard: it speaks each second.
	successorLag = 2 * time.Second
	// successorPollEvery is how often it looks whether the successor is still there.
	successorPollEvery = 20 * time.Millisecond
)

// handOver lets the best replica take this master's place before the node ends. It does
// nothing, at once, on a node that has none, that does not serve, or whose state cannot
// be saved.
func (n *Node) handOver() {
	m := n.Map()
	if m == nil || n.repl == nil || m.State() != slots.OK || !m.Self().HasSlots() {
		return
	}
	successor, ok := n.successor(m)
	if !ok {
		return
	}
	ctx, cancel := context.WithTimeout(n.life, handOverLimit)
	defer cancel()
	if err := n.do(ctx, gossip.HandOver{To: successor}); err != nil {
		n.log.Info("ends without a successor", "error", err)
		return
	}
	done := n.succeeded(ctx, successor)
	if !done && !n.linked(successor) { // as when a whole cluster is closed
		n.log.Info("ends without a successor: its replica has ended too", "replica", successor.Short())
		return
	}
	if !done {
		n.log.Warn("ends without a successor: its replica did not take over in time", "replica", successor.Short())
		return
	}
	n.log.Info("handed over", "to", successor.Short())
	time.Sleep(farewell)
}

// successor returns the replica that holds most, if one is in step.
func (n *Node) successor(m *slots.Map) (id slots.NodeID, ok bool) {
	most := int64(-1)
	for _, r := range n.repl.Status().Replicas {
		node := m.Node(r.ID)
		if node == nil || node.Master != m.Self().ID || node.Health != slots.Online || node.NoFailover {
			continue
		}
		if r.State == replication.ReplicaOnline && r.Lag < successorLag && r.Offset > most {
			id, ok, most = r.ID, true, r.Offset
		}
	}
	return id, ok
}

// succeeded waits until this node is no master any more; false if ctx ends first, or the
// successor itself: when a whole cluster is closed, nobody should wait for it.
func (n *Node) succeeded(ctx context.Context, successor slots.NodeID) bool {
	look := time.NewTicker(successorPollEvery)
	defer look.Stop()
	for {
		changed := n.changed.next()
		m := n.Map()
		if !m.Self().IsMaster() {
			return true
		}
		select {
		case <-changed:
		case <-look.C:
			if !n.linked(successor) {
				return false
			}
		case <-ctx.Done():
			return false
		}
	}
}

// linked reports whether there is a bus connection with a node.
func (n *Node) linked(id slots.NodeID) bool {
	return slices.ContainsFunc(n.gossip.Peers(), func(p gossip.Peer) bool { return p.ID == id && p.Connected })
}
