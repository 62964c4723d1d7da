package slotmesh

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/gossip/member"
	"github.com/slotmesh/slotmesh/internal/balance"
	"github.com/slotmesh/slotmesh/internal/balance/balancer"
	"github.com/slotmesh/slotmesh/internal/bus"
	"github.com/slotmesh/slotmesh/internal/explain"
	"github.com/slotmesh/slotmesh/internal/join"
	"github.com/slotmesh/slotmesh/internal/peer"
	"github.com/slotmesh/slotmesh/migrate/migrator"
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

// newGossip makes this node a member of the cluster that its state file remembers, or of
// one of its own.
func (n *Node) newGossip() (*member.Member, error) {
	h := n.shard.Backlog.History()
	return member.New(member.Config{
		Core: gossip.Config{
			Addr:           n.announced(),
			Hostname:       n.hostname(),
			Zone:           n.zone(),
			NodeTimeout:    n.cfg.NodeTimeout,
			NoFullCoverage: n.cfg.PartialCoverage,
			ReadsIfDown:    n.cfg.ReadsIfDown,
			ForgetAfter:    n.cfg.Cluster.ForgetAfter,
			NoFailover:     n.cfg.Replication.NoFailover,
			Witness:        n.cfg.Witness,

			ReplicaValidity:  n.cfg.Replication.Validity,
			MigrationBarrier: n.cfg.Replication.MigrationBarrier,
			Data:             gossip.Data{Term: h.Term, Offset: h.Offset},
			Inherit:          func() gossip.OpenSlots { return gossip.OpenSlots(n.ownership.OpenAtMaster()) },
		},
		Disk: n.cfg.Disk,
		File: n.cfg.StateFile,
		Dial: func(ctx context.Context, addr slots.Addr) (net.Conn, error) {
			return n.bus.Dial(ctx, addr, bus.Gossip)
		},
		Logger:   n.log.Named("gossip"),
		OnOutput: n.onGossip,
		OnPanic:  n.fail,
	})
}

// onGossip puts a new map in force and passes events on. It runs on the loop's goroutine,
// but for the first map, which comes out of newGossip: startCluster puts that in force.
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

// changeMap puts map m in force. The order of its steps is that of "A change of the
// topology" in docs/architecture.md, and matters.
func (n *Node) changeMap(m *slots.Map) {
	old := n.engine.Map()
	promoted := old != nil && !old.Self().IsMaster() && m.Self().IsMaster()
	if promoted {
		n.shard.Promote(m) // it writes a stream of its own before it serves its slots
	}
	n.ownership.Prepare(old, m) // before a command can see m
	n.copies.SetMap(m)
	n.engine.Publish(m) // from here on no transaction acts on old
	n.copies.InForce(m)
	n.server.MapChanged(old, m)
	n.ownership.Notify(old, m)
	if promoted && !m.Self().HasSlots() { // it was reset, and has succeeded no master
		n.shard.Lineage.Forget()
	}
	n.shard.Follow(m) // a demoted master serves nothing any more when it becomes a reader
	n.ownership.ReplicateOpen(old, m)
	n.ownership.FindLost(old, m)
	n.migrations.MapChanged()
	n.bus.MembersChanged()
	n.pubsub.remote.MapChanged()
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

// unavailable is err with a reason if there is one.
func unavailable(err error, reason string) error {
	if err == nil || reason == "" {
		return err
	}
	return &UnavailableError{Reason: reason, Err: err}
}

// Ready returns when this node takes its part: the cluster serves, as this node sees it,
// and a replica holds its master's data. A readiness probe asks it with a short deadline.
// If ctx ends first, the error is a *[UnavailableError] that says what is missing; it is
// ErrClosed if the node is closed.
func (n *Node) Ready(ctx context.Context) error {
	if !n.cfg.Standalone {
		err := n.WaitMap(ctx, func(m *slots.Map) bool { return m.State() == slots.OK })
		if m := n.Map(); err != nil && ctx.Err() != nil && m != nil && n.gossip != nil {
			reason := "the cluster began to serve a moment ago"
			if m.State() != slots.OK {
				if reason = n.founder.Reason(); reason == "" {
					reason = n.view(m).Down()
				}
			}
			return unavailable(fmt.Errorf("slotmesh: not ready: %w", err), reason)
		}
		if err != nil {
			return err
		}
	}
	err := n.WaitSynced(ctx)
	if err != nil && errors.Is(err, ctx.Err()) {
		return unavailable(fmt.Errorf("slotmesh: not ready: %w", err),
			explain.Unsynced(n.shard.Replicator.Status(), time.Now()))
	}
	return err
}

// WaitMap returns as soon as cond holds for the node's map: at once if it does now,
// otherwise with the change that makes it so. It returns ctx's error if that
// ends first, ErrClosed if the node is closed, ErrStandalone outside a cluster.
func (n *Node) WaitMap(ctx context.Context, cond func(*slots.Map) bool) error {
	if n.cfg.Standalone {
		return ErrStandalone
	}
	for {
		if n.life.over() {
			return ErrClosed
		}
		changed := n.signals.changed.next() // before the look, so that no change is missed
		if m := n.Map(); m != nil && cond(m) {
			return nil
		}
		select {
		case <-changed:
		case <-n.life.ctx.Done():
			return ErrClosed
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// WaitStable returns when nothing is on its way to change, as this node sees it: the
// cluster serves, no node is suspected, no slot is being moved to or from this node.
// Errors as of Ready.
func (n *Node) WaitStable(ctx context.Context) error {
	err := n.WaitMap(ctx, explain.Stable)
	if m := n.Map(); err != nil && ctx.Err() != nil && m != nil && n.gossip != nil {
		return unavailable(fmt.Errorf("slotmesh: not stable: %w", err), n.view(m).Unstable())
	}
	return err
}

// Explain tells in plain English what becomes of a request for a key of slot at this
// node, and why.
func (n *Node) Explain(slot slots.Slot) string {
	m := n.Map()
	if m == nil {
		return "this node is in no cluster and serves every key"
	}
	return n.view(m).Slot(slot)
}

// view returns what there is to explain m with, on a node in a cluster.
func (n *Node) view(m *slots.Map) explain.View {
	return explain.View{Map: m, Peers: n.gossip.Peers, Now: time.Now()}
}

// WaitAgreed returns when each node sees exactly these nodes, all of them online, with the
// same owner for each slot and the same master for each replica, and serves.
func WaitAgreed(ctx context.Context, nodes ...*Node) error {
	for {
		// Take the channels before the look, so that no change is missed.
		changed := make([]<-chan struct{}, len(nodes))
		for i, n := range nodes {
			changed[i] = n.signals.changed.next()
		}
		i := firstDissenter(nodes)
		if i < 0 {
			return nil
		}
		// It takes a change on the dissenter or on the first node to make them agree.
		select {
		case <-changed[i]:
		case <-changed[0]:
		case <-nodes[i].life.ctx.Done():
			return fmt.Errorf("slotmesh: %s: %w", nodes[i].Addr(), ErrClosed)
		case <-ctx.Done():
			err := fmt.Errorf("slotmesh: waiting for %s to see the same cluster as %s: %w", nodes[i].Addr(), nodes[0].Addr(),
				ctx.Err())
			return unavailable(err, nodes[i].whyDissenting(nodes))
		}
	}
}

// firstDissenter returns the index of the first node that does not see all nodes online
// or sees other owners than the first one, -1 if there is none.
func firstDissenter(nodes []*Node) int {
	reference := nodes[0].Map()
	for i, n := range nodes {
		if m := n.Map(); m == nil || !explain.Agrees(m, reference, len(nodes)) {
			return i
		}
	}
	return -1
}

// whyDissenting says what keeps n from seeing these nodes, and no others, as the first
// of them does.
func (n *Node) whyDissenting(nodes []*Node) string {
	m := n.Map()
	if m == nil || n.gossip == nil {
		return "it is in no cluster"
	}
	members := make([]slots.Node, len(nodes))
	for i, o := range nodes {
		members[i] = slots.Node{ID: o.ID(), Addr: o.Addr()}
	}
	return n.view(m).Disagreement(nodes[0].Map(), members)
}

// slotMoves is what moves slots: the jobs of this node, and what decides about them.
type slotMoves struct {
	*migrator.Migrator
	balance *balancer.Balancer
}

// newBalancer makes the part of the node that keeps the cluster in balance.
func (n *Node) newBalancer() (*balancer.Balancer, error) {
	k := &n.cfg.Cluster.Balance
	return balancer.New(balancer.Config{
		Map:     n.Map,
		Changed: n.signals.changed.next,
		Call: func(ctx context.Context, to *slots.Node, request []byte) ([]byte, error) {
			return n.bus.Call(ctx, to.ID, to.Addr, &peer.Request{Func: balancer.Call, Args: [][]byte{request}})
		},
		Node:  n,
		Keys:  n.store.Count,
		Bytes: n.store.Bytes,
		Off:   !n.cfg.balances(),
		Balance: balance.Config{Replicas: n.cfg.Cluster.Replicas, HoldOff: k.HoldOff, Jobs: k.Jobs,
			Load: map[BalanceBy]balance.Load{BalanceByKeys: balance.ByKeys, BalanceByBytes: balance.ByBytes}[k.By]},
		Disk:    n.cfg.Disk,
		Logger:  n.log.Named("balance"),
		OnEvent: n.emitBalance,
		OnPanic: n.fail,
	})
}

// BalancePause makes the whole cluster begin no step of balance more, until BalanceResume is
// called at any node: [balancer.Balancer.Pause]. It outlives restarts.
func (n *Node) BalancePause(ctx context.Context) error {
	if err := n.canMigrate(); err != nil {
		return err
	}
	return n.migrations.balance.Pause(ctx)
}

// BalanceResume ends a BalancePause.
func (n *Node) BalanceResume(ctx context.Context) error {
	if err := n.canMigrate(); err != nil {
		return err
	}
	return n.migrations.balance.Resume(ctx)
}

// BalanceStatus returns how balancing stands, as this node knows it.
func (n *Node) BalanceStatus() (BalanceStatus, error) {
	if err := n.canMigrate(); err != nil {
		return BalanceStatus{}, err
	}
	return n.migrations.balance.Status(), nil
}

// BalancePlan asks the members what they move and hold, and returns what would be done next.
// It changes nothing, and works while balancing is paused, and without Config.Cluster.Balance.
func (n *Node) BalancePlan(ctx context.Context) (BalancePlan, error) {
	if err := n.canMigrate(); err != nil {
		return BalancePlan{}, err
	}
	return n.migrations.balance.Plan(ctx)
}

func (c clusterAdapter) DescribeBalance() (string, error) {
	s, err := c.BalanceStatus()
	return s.String(), err
}

func (c clusterAdapter) DescribeBalancePlan(ctx context.Context) (string, error) {
	p, err := c.BalancePlan(ctx)
	return p.String(), err
}
