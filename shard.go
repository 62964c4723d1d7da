package slotmesh

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/internal/bus"
	"github.com/slotmesh/slotmesh/internal/engine"
	"github.com/slotmesh/slotmesh/replication"
	"github.com/slotmesh/slotmesh/slots"
)

// This file turns what gossip decides about a node's role into what replication does.

// startReplication makes the node's part in replication, for the role it had.
func (n *Node) startReplication() error {
	r, err := replication.New(replication.Config{
		Self:    n.identity,
		Addr:    n.announced(),
		Store:   n.store,
		Cluster: n.clusterID,
		Shard:   n.lineage.name,
		Log:     n.backlog,
		Dial: func(ctx context.Context, to slots.Node) (net.Conn, error) {
			return n.bus.Dial(ctx, to.Addr, bus.Replication)
		},
		Timeout: n.cfg.Replication.Timeout,
		Logger:  n.log.Named("replication"),
		OnEvent: func(e replication.Event) { n.emit(e) },
		OnPanic: n.fail,
	})
	if err != nil {
		return err
	}
	n.repl = r
	m := n.Map()
	if m == nil {
		return nil
	}
	n.lineage.observe(m)
	master := m.Node(m.Self().Master)
	switch {
	case master == nil:
		return nil
	case named(n.snapshots.shard, master.ID):
		return n.repl.Resume(*master)
	}
	return n.repl.Follow(*master) // it has lost what it held, or holds another shard's
}

// identity is what the node calls itself towards its master and its replicas.
func (n *Node) identity() (slots.NodeID, uint64) {
	if n.gossip == nil {
		return slots.NodeID{}, 0
	}
	return n.ID(), n.gossip.Incarnation()
}

// clusterID names the cluster, so that no node takes data from another one's.
func (n *Node) clusterID() (none [16]byte) {
	if n.gossip == nil {
		return none
	}
	return n.gossip.Cluster()
}

// follow makes replication follow the master that the map names, if it names one.
// Following whom one follows already does nothing.
func (n *Node) follow(m *slots.Map) {
	if master := m.Node(m.Self().Master); master != nil {
		follow := n.repl.Follow
		if n.lineage.includes(master.ID) {
			follow = n.repl.Resume
		}
		if err := follow(*master); err != nil {
			n.log.Debug("not following", "master", master.ID, "error", err)
		}
	}
	n.lineage.observe(m)
}

// acceptReplica serves a replica, but not while this node is fenced: a full sync would
// make the replica throw away data that may be better than this node's. It will try
// again.
func (n *Node) acceptReplica(conn net.Conn) {
	if n.fenced.Load() {
		conn.Close()
		return
	}
	n.repl.Accept(conn)
}

// changeMap puts a map in force. A promoted replica becomes a writer before it serves its
// slots, and a demoted master serves nothing any more before it becomes a reader.
func (n *Node) changeMap(m *slots.Map) {
	old := n.engine.Map()
	promoted := old != nil && !old.Self().IsMaster() && m.Self().IsMaster()
	if promoted {
		n.repl.Promote(termOf(m.Self().ConfigEpoch))
		n.promises.Reload()
	}
	n.ownership.Prepare(old, m)
	n.engine.Publish(m)
	n.ownership.Notify(old, m)
	if promoted && !m.Self().HasSlots() { // it was reset, and has succeeded nobody
		n.lineage.forget()
	}
	n.follow(m)
	n.ownership.ReplicateOpen(old, m)
	n.ownership.FindLost(old, m)
	n.migrations.MapChanged()
	if promoted && m.Self().HasSlots() {
		n.resumeJobs(old.Self().Master)
	}
	n.changed.wake()
}

// termOf returns the term of the data that a master writes which was elected under a
// config epoch. A node that was never elected is in term 1.
func termOf(configEpoch uint64) uint64 { return configEpoch + 1 }

// tellData lets gossip know how far this node's data is: elections compare it.
func (n *Node) tellData() {
	n.gossip.SetData(gossip.Data(n.repl.Standing()))
	if n.Map().Self().IsMaster() {
		return
	}
	if st := n.repl.Status(); !st.LastHeard.IsZero() {
		n.gossip.SetDataTime(st.LastHeard)
	}
}

// pauseOrders is room for orders while a pause waits for running writes.
const pauseOrders = 16

// pauser carries out, in their order, the pauses that manual failovers ask of this master
// (docs/spec.md §6.7). It has a goroutine of its own because a pause waits for running
// writes.
type pauser struct {
	node   *Node
	orders chan any // gossip.WritesPaused or gossip.WritesResumed
	pause  *engine.Pause
}

func (p *pauser) run() {
	for {
		select {
		case order := <-p.orders:
			p.obey(order)
		case <-p.node.stop:
			return // teardown resumes, when nobody can write any more
		}
	}
}

func (p *pauser) obey(order any) {
	p.resume()
	paused, ok := order.(gossip.WritesPaused)
	if !ok {
		return
	}
	n := p.node
	n.repl.Quiesce(true)
	p.pause = n.engine.PauseWrites(time.Until(paused.Until))
	// Nothing is being written any more, so this is where the data ends. Clients that wait
	// for replicas get their answer now, while this node is a master.
	n.letAcksIn()
	if err := n.do(n.life, gossip.ConfirmPause{Offset: uint64(n.repl.Offset())}); err != nil {
		n.log.Warn("a manual failover found this master changed", "error", err)
	}
}

// letAcksIn waits a moment until the replicas have acknowledged everything.
func (n *Node) letAcksIn() {
	ctx, cancel := context.WithTimeout(n.life, ackTimeout)
	defer cancel()
	// it goes on without the rest
	_, _ = n.repl.WaitAcked(ctx, n.repl.Mark(n.repl.Term()), n.repl.GoodReplicas(time.Second))
}

// ackTimeout is long for an acknowledgement, and short for a client that waits meanwhile.
const ackTimeout = 30 * time.Millisecond

func (p *pauser) resume() {
	if p.pause != nil {
		p.pause.Resume()
		p.pause = nil
		p.node.repl.Quiesce(false)
	}
}

// Replicate makes this node a replica of a master. Its own keys are replaced by the
// master's once these are all here.
func (n *Node) Replicate(ctx context.Context, master slots.NodeID) error {
	return n.do(ctx, gossip.Replicate{Master: master})
}

// Failover makes this replica the master of its shard and returns when it is:
// gossip.FailoverDefault agrees with the master and loses nothing, FailoverForce does
// without a master that is down, FailoverTakeover without the other masters too
// (docs/spec.md §6.7).
func (n *Node) Failover(ctx context.Context, mode gossip.FailoverMode) error {
	aborted := n.aborted.next()
	if err := n.beginFailover(ctx, mode); err != nil {
		return err
	}
	for {
		changed := n.changed.next()
		if n.Map().Self().IsMaster() {
			return nil
		}
		select {
		case <-changed:
		case <-aborted:
			return ErrFailoverAborted
		case <-n.stop:
			return ErrClosed
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// beginFailover returns when the failover has begun.
func (n *Node) beginFailover(ctx context.Context, mode gossip.FailoverMode) error {
	if err := n.do(ctx, gossip.Failover{Mode: mode}); err != nil {
		return err
	}
	n.wg.Go(n.catchUp)
	return nil
}

// WaitSynced returns when this node's data is its master's: at once on a master. Errors
// as of Ready.
func (n *Node) WaitSynced(ctx context.Context) error {
	if err := n.engine.Refused(); err != nil {
		return err
	}
	if err := n.repl.WaitSynced(ctx); !errors.Is(err, net.ErrClosed) {
		return err
	}
	return ErrClosed
}

// catchUp tells gossip each step of this replica's offset while a manual failover waits
// for it.
func (n *Node) catchUp() {
	ctx, cancel := context.WithTimeout(n.life, catchUpLimit)
	defer cancel()
	for !n.Map().Self().IsMaster() {
		standing := n.repl.Standing()
		n.gossip.SetData(gossip.Data(standing))
		if n.repl.WaitOffset(ctx, standing.Offset+1) != nil {
			return
		}
	}
}

// catchUpLimit is how long a manual failover may take (gossip gives up after 5 s).
const catchUpLimit = 6 * time.Second
