package shard

import (
	"context"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/replication/replicator"
	"github.com/slotmesh/slotmesh/slots"
)

// Shard is a node's part in its shard: the stream of its data, its role, its replicas.
type Shard struct {
	Backlog    *replicator.Backlog
	Commits    *Commits
	Acks       *Acks
	Lineage    Lineage
	Replicator *replicator.Replicator // nil before Start, then only read
	Log        *Log                   // on disk; set before Start
	Pauser     *Pauser                // nil outside a cluster; set before it is in one

	view   func() *slots.Map
	log    hclog.Logger
	fenced atomic.Bool // see gossip.Fenced
}

// Config is what a Shard needs of the node.
type Config struct {
	Map         func() *slots.Map // in force, nil outside a cluster
	BacklogSize int               // in bytes
	Sync        int               // how many replicas a write waits for by default
	MaxLag      time.Duration     // how long ago a replica in good standing was heard
	Life        context.Context   // ends when the node closes
	Logger      hclog.Logger
}

// New returns the shard of a node that is not started.
func New(cfg Config) *Shard {
	s := &Shard{Backlog: replicator.NewBacklog(cfg.BacklogSize), view: cfg.Map, log: cfg.Logger}
	s.Commits = NewCommits(s.Backlog)
	s.Acks = NewAcks(AcksConfig{
		Map:      cfg.Map,
		Siblings: s.Lineage.Siblings,
		Backlog:  s.Backlog,
		Sync:     cfg.Sync,
		MaxLag:   cfg.MaxLag,
		Life:     cfg.Life,
	})
	return s
}

// Start begins the node's part in replication, for the role that it has in map m, nil
// outside a cluster. snapshot is the name of the shard that its keys are of.
func (s *Shard) Start(r *replicator.Replicator, m *slots.Map, snapshot []byte) error {
	s.Replicator = r
	s.Acks.Begin(r, s.Log)
	if m == nil {
		return nil
	}
	s.Lineage.Observe(m)
	master := m.Node(m.Self().Master)
	switch {
	case master == nil:
		return nil
	case named(snapshot, master.ID):
		return r.Resume(*master)
	}
	return r.Follow(*master) // it has lost what it held, or holds another shard's
}

// Promote makes this node a writer: map m, which makes it a master, is not in force yet.
func (s *Shard) Promote(m *slots.Map) {
	s.Replicator.Promote(termOf(m.Self().ConfigEpoch))
	s.Acks.Reload()
}

// BeginTerm begins the term of a config epoch, on a master that may write again.
func (s *Shard) BeginTerm(epoch uint64) { s.Replicator.BeginTerm(termOf(epoch)) }

// termOf returns the term of the data that a master writes which was elected under a
// config epoch. A node that was never elected is in term 1.
func termOf(configEpoch uint64) uint64 { return configEpoch + 1 }

// Follow makes replication follow the master that the map in force names, if it names
// one, and serve the replicas that it names and no others. Following the same master again
// does nothing.
func (s *Shard) Follow(m *slots.Map) {
	if master := m.Node(m.Self().Master); master != nil {
		follow := s.Replicator.Follow
		if s.Lineage.Includes(master.ID) {
			follow = s.Replicator.Resume
		}
		if err := follow(*master); err != nil {
			s.log.Debug("not following", "master", master.ID, "error", err)
		}
	}
	s.Lineage.Observe(m)
	s.Replicator.MapChanged()
}

// MayFollow returns why a node must not have this shard's data, nil if it may: it is one
// of this node's replicas by the map. It is for replicator.Config.
func (s *Shard) MayFollow(id slots.NodeID) error {
	m := s.view()
	if m == nil {
		return nil // a standalone node, which nothing connects to
	}
	self := m.Self().ID
	switch n := m.Node(id); {
	case n == nil:
		return fmt.Errorf("node %s is no member of the cluster, as far as node %s knows", id.Short(), self.Short())
	case n.IsMaster():
		return fmt.Errorf("node %s is a master, as far as node %s knows: make it a replica first (CLUSTER REPLICATE)",
			id.Short(), self.Short())
	case n.Master != self:
		return fmt.Errorf("node %s is a replica of node %s, not of node %s, as far as that knows", id.Short(),
			n.Master.Short(), self.Short())
	}
	return nil
}

// Fence says whether this node is fenced: see gossip.Fenced.
func (s *Shard) Fence(on bool) { s.fenced.Store(on) }

// Accept serves a replica, but not while this node is fenced: a full sync would make the
// replica throw away data that may be better than this node's. It will try again.
func (s *Shard) Accept(conn net.Conn, from slots.NodeID) {
	if s.fenced.Load() {
		conn.Close()
		return
	}
	s.Replicator.Accept(conn, from)
}

// Elections compare how far the data of nodes is: a *member.Member.
type Elections interface {
	SetData(gossip.Data)
	SetDataTime(time.Time)
}

// ReportData tells elections how far the data of this node is, which is a master or not.
func (s *Shard) ReportData(to Elections, isMaster bool) {
	to.SetData(gossip.Data(s.Replicator.Standing()))
	if isMaster {
		return
	}
	if st := s.Replicator.Status(); !st.LastHeard.IsZero() {
		to.SetDataTime(st.LastHeard)
	}
}

// catchUpLimit is how long a manual failover may take (gossip gives up after 5 s).
const catchUpLimit = 6 * time.Second

// CatchUp tells elections each step of this replica's offset while a manual failover waits
// for it, until it is a master.
func (s *Shard) CatchUp(ctx context.Context, to Elections, isMaster func() bool) {
	ctx, cancel := context.WithTimeout(ctx, catchUpLimit)
	defer cancel()
	for !isMaster() {
		standing := s.Replicator.Standing()
		to.SetData(gossip.Data(standing))
		if s.Replicator.WaitOffset(ctx, standing.Offset+1) != nil {
			return
		}
	}
}
