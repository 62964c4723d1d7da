package slotmesh

import (
	"context"
	"time"

	"github.com/slotmesh/slotmesh/internal/overview"
	"github.com/slotmesh/slotmesh/internal/peer"
	"github.com/slotmesh/slotmesh/migrate"
	"github.com/slotmesh/slotmesh/replication/replicator"
	"github.com/slotmesh/slotmesh/slots"
)

// maxOverviewWait bounds the time that another node has to answer ClusterStats.
const maxOverviewWait = 500 * time.Millisecond

// ClusterStats asks every member of the cluster for its counters, and returns what they say
// in the order of Map().Nodes(), with this node's own. Many are asked at a time; one that
// does not answer within half of Config.NodeTimeout, half a second at most, or before ctx
// ends, has Err. A node in no cluster is the only one, with a zero ID. Nothing is kept up to
// date between calls: it is meant for somebody who looks, about once a second.
func (n *Node) ClusterStats(ctx context.Context) ([]MemberStats, error) {
	if err := n.engine.Refused(); err != nil {
		return nil, err
	}
	m := n.Map()
	if m == nil {
		return []MemberStats{n.overview()}, nil
	}
	asking := overview.Asking{
		Self: n.overview,
		Call: func(ctx context.Context, to *slots.Node) ([]byte, error) {
			return n.bus.Call(ctx, to.ID, to.Addr, &peer.Request{Func: overview.Call})
		},
		Limit:   min(n.cfg.NodeTimeout/2, maxOverviewWait),
		OnPanic: n.fail,
	}
	return asking.Gather(ctx, m), nil
}

// overview is what the node tells of itself.
func (n *Node) overview() overview.Member {
	st := n.Stats()
	v := overview.Member{
		ID: n.ID(), Version: moduleVersion(), Uptime: n.server.Uptime(), Clients: st.Clients, Commands: st.Commands,
		Keys: st.Store.Keys, Memory: st.Store.Memory, MaxMemory: n.store.MaxMemory(),
		Expired: st.Store.Expired, Evicted: st.Store.Evicted, Offset: st.Replication.History.Offset,
	}
	if r := &st.Replication; r.Link != replicator.LinkNone {
		v.Link, v.Lag = r.Link.String(), r.Lagging
		if !r.LastHeard.IsZero() {
			v.Silence = time.Since(r.LastHeard)
		}
	}
	for slot, s := range n.SlotStats() {
		v.Ops[slot/overview.BlockSlots] += s.Reads + s.Writes
	}
	for _, job := range st.Migrations {
		if !job.Import {
			v.Moves = append(v.Moves, moveOf(&job))
		}
	}
	return v
}

func moveOf(s *migrate.Status) overview.Move {
	return overview.Move{
		ID: s.Job.ID.String(), Source: s.Job.Source, Target: s.Job.Target, Slots: s.Job.Slots,
		State: s.State.String(), Doing: s.Doing, Waiting: s.Progress.Waiting,
		Done: s.Progress.Slots, Total: s.Progress.Total, Keys: s.Progress.Keys, Bytes: s.Progress.Bytes,
		Elapsed: s.Elapsed, ETA: s.Progress.ETA(s.Elapsed),
	}
}
