package shard

import (
	"cmp"
	"context"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/replication/replicator"
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

// HandOver lets a replica take a master's place before it ends.
type HandOver struct {
	Map       func() *slots.Map
	Changed   func() <-chan struct{}      // closed with the next change of the map
	Replicas  func() []replicator.Replica // of this node
	Connected func(id slots.NodeID) bool  // on the bus
	Do        func(ctx context.Context, cmd gossip.Command) error
	Logger    hclog.Logger
	Limit     time.Duration // how long to wait for the replica; 0: 600 ms
}

// Run lets the best replica take over and returns when it has, and clients were told for a
// moment, or when it gives up.
func (h *HandOver) Run(ctx context.Context) {
	if _, ok := h.Try(ctx); ok {
		time.Sleep(farewell)
	}
}

// Try lets the best replica take over and returns when it has, or when it gives up. It does
// nothing, at once, on a node that has no replica in step, that does not serve, or whose
// state cannot be saved.
func (h *HandOver) Try(ctx context.Context) (to slots.NodeID, ok bool) {
	m := h.Map()
	if m.State() != slots.OK || !m.Self().HasSlots() {
		return to, false
	}
	successor, ok := successorOf(m, h.Replicas())
	if !ok {
		return to, false
	}
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(h.Limit, handOverLimit))
	defer cancel()
	if err := h.Do(ctx, gossip.HandOver{To: successor}); err != nil {
		h.Logger.Info("no successor", "error", err)
		return to, false
	}
	done := h.succeeded(ctx, successor)
	if !done && !h.Connected(successor) { // as when a whole cluster is closed
		h.Logger.Info("no successor: the replica has ended too", "replica", successor.Short())
		return to, false
	}
	if !done {
		h.Logger.Warn("no successor: the replica did not take over in time", "replica", successor.Short())
		return to, false
	}
	h.Logger.Info("handed over", "to", successor.Short())
	return successor, true
}

// successorOf returns the replica that holds most, if one is in step.
func successorOf(m *slots.Map, replicas []replicator.Replica) (id slots.NodeID, ok bool) {
	most := int64(-1)
	for _, r := range replicas {
		node := m.Node(r.ID)
		if node == nil || node.Master != m.Self().ID || node.Health != slots.Online || node.NoFailover ||
			node.Leaving {
			continue
		}
		if r.State == replicator.ReplicaOnline && r.Lag < successorLag && r.Offset > most {
			id, ok, most = r.ID, true, r.Offset
		}
	}
	return id, ok
}

// succeeded waits until this node is no master any more; false if ctx ends first, or the
// successor itself: when a whole cluster is closed, no node should wait for it.
func (h *HandOver) succeeded(ctx context.Context, successor slots.NodeID) bool {
	look := time.NewTicker(successorPollEvery)
	defer look.Stop()
	for {
		changed := h.Changed()
		m := h.Map()
		if !m.Self().IsMaster() {
			return true
		}
		select {
		case <-changed:
		case <-look.C:
			if !h.Connected(successor) {
				return false
			}
		case <-ctx.Done():
			return false
		}
	}
}
