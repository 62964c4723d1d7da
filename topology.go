package slotmesh

import (
	"sync"

	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/internal/join"
	"github.com/slotmesh/slotmesh/slots"
)

// signals wake callers that wait for what gossip reports.
type signals struct {
	changed broadcast     // the map
	aborted broadcast     // a manual failover was called off
	meets   join.Outcomes // how introductions ended
}

// broadcast wakes every goroutine that waits for the next change.
type broadcast struct {
	mu sync.Mutex // guards ch
	ch chan struct{}
}

// next returns a channel that the next call of wake closes.
func (b *broadcast) next() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ch == nil {
		b.ch = make(chan struct{})
	}
	return b.ch
}

// wake closes the channel that next returned.
func (b *broadcast) wake() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ch != nil {
		close(b.ch)
		b.ch = nil
	}
}

// onGossip puts a new map in force and passes events on. It runs on the loop's goroutine,
// but for the first map, which comes while the node is being put together: see
// startCluster.
func (n *Node) onGossip(m *slots.Map, events []gossip.Event) {
	for _, e := range events {
		if e, ok := e.(gossip.Fenced); ok && e.Epoch != 0 {
			n.shard.BeginTerm(e.Epoch) // before the map that lets it write
		}
	}
	if m != nil && n.gossip != nil {
		n.changeMap(m)
	}
	for _, e := range events {
		switch e := e.(type) {
		case gossip.WritesPaused, gossip.WritesResumed:
			n.shard.Pauser.Order(e)
		case gossip.Met:
			n.signals.meets.Tell(e.Addr, nil)
		case gossip.MeetFailed:
			n.signals.meets.Tell(e.Addr, e.Err)
		case gossip.HandOverAsked:
			n.life.spawn(n.catchUp)
		case gossip.FailoverAborted:
			n.signals.aborted.wake()
		case gossip.Fenced:
			n.shard.Fence(e.On)
		}
		n.emit(e)
	}
}

// changeMap puts map m in force. The order of its steps matters: see "A change of the
// topology" in docs/architecture.md.
func (n *Node) changeMap(m *slots.Map) {
	old := n.engine.Map()
	promoted := old != nil && !old.Self().IsMaster() && m.Self().IsMaster()
	if promoted {
		n.shard.Promote(m) // it writes a stream of its own before it serves its slots
	}
	n.ownership.Prepare(old, m)
	n.engine.Publish(m)
	n.ownership.Notify(old, m)
	if promoted && !m.Self().HasSlots() { // it was reset, and has succeeded nobody
		n.shard.Lineage.Forget()
	}
	n.shard.Follow(m) // a demoted master serves nothing any more
	n.ownership.ReplicateOpen(old, m)
	n.ownership.FindLost(old, m)
	n.migrations.MapChanged()
	if promoted && m.Self().HasSlots() {
		n.resumeJobs(old.Self().Master)
	}
	n.publishMap(m)
}

// reportData lets elections know how far this node's data is.
func (n *Node) reportData() { n.shard.ReportData(n.gossip, n.isMaster()) }

// catchUp reports each step of this replica's data while a manual failover waits for it.
func (n *Node) catchUp() { n.shard.CatchUp(n.life.ctx, n.gossip, n.isMaster) }

func (n *Node) isMaster() bool { return n.Map().Self().IsMaster() }
