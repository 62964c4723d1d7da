package slotmesh

import (
	"context"
	"time"

	"github.com/slotmesh/slotmesh/internal/server"
	"github.com/slotmesh/slotmesh/replication"
	"github.com/slotmesh/slotmesh/slots"
)

// replicationView is replication as ROLE and INFO show it.
func (n *Node) replicationView() server.Replication {
	if n.server.Loading() {
		return server.Replication{}
	}
	st := n.repl.Status()
	v := server.Replication{
		ID:     st.History.ID.String(),
		Offset: st.History.Offset,
		Backlog: server.Backlog{
			Active: st.Backlog.Active, Size: st.Backlog.Size, First: st.Backlog.First + 1, Length: st.Backlog.Len,
		},
		FullSyncs: st.FullSyncs, PartialSyncs: st.PartialSyncs, RefusedPartials: st.RefusedPartials,
	}
	if !st.History.PrevID.IsZero() {
		v.PreviousID, v.PreviousLimit = st.History.PrevID.String(), st.History.PrevLimit+1
	}
	if maxLag := time.Duration(n.maxLag.Load()); maxLag > 0 {
		v.Asked, v.Good = true, n.repl.GoodReplicas(maxLag)
	}
	for _, r := range st.Replicas {
		v.Replicas = append(v.Replicas, server.Replica{
			Host: r.Addr.Host, Port: r.Addr.Port, State: r.State.String(), Offset: r.Offset, Lag: r.Lag,
		})
	}
	if !st.IsMaster() {
		v.Master = &server.Master{
			Host: st.Master.Addr.Host, Port: st.Master.Addr.Port, State: st.Link.String(),
			Syncing: st.Link == replication.LinkSync, LastIO: -1, Percent: st.Progress.Percent(),
		}
		if !st.LastHeard.IsZero() {
			v.Master.LastIO = time.Since(st.LastHeard)
		}
		if !st.DownSince.IsZero() {
			v.Master.DownFor = time.Since(st.DownSince)
		}
	}
	return v
}

// acks is what sessions ask of replication. It is not asked before the node is complete.
type acks struct{ n *Node }

func (a acks) Term() uint64 { return a.n.repl.Term() }

func (a acks) Mark(term uint64) server.Mark { return server.Mark(a.n.repl.Mark(term)) }

func (a acks) Departed() uint64 { return a.n.departures.Count() }

func (a acks) Promised(slot slots.Slot) int {
	if a.n.gossip == nil {
		return 0
	}
	return told{a.n}.Of(slot)
}

func (a acks) Leave(slot slots.Slot, held int) { a.n.departures.Leave([]slots.Slot{slot}, held) }

func (a acks) WaitAcked(ctx context.Context, w *server.Written, k int) (int, error) {
	what := writes{slots: slots.NewSet(w.Slots...), left: w.Departed, earlier: w.Earlier}
	if w.Many {
		what.slots = a.n.served()
	}
	return a.n.vouch(ctx, &what, replication.Mark(w.To), k)
}
