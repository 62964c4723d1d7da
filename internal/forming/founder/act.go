package founder

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/internal/forming"
	"github.com/slotmesh/slotmesh/slots"
)

const (
	actEvery = 200 * time.Millisecond // while there is something to do
	// watchEvery is how often a member checks that it hears the others. It begins after
	// watchAfter, by when it has dialled those that have not moved.
	watchEvery = 5 * time.Second
	watchAfter = 2 * time.Second
	// settledAfter is how long the cluster has to serve until founders that never came are
	// not waited for any more.
	settledAfter = time.Minute
	// firstBackoff and lastBackoff are the pauses of a member that does not find the others.
	firstBackoff = time.Second
	lastBackoff  = 30 * time.Second
)

// actor does what the core has found out. It has a goroutine of its own, as all of this
// waits.
type actor struct {
	*Founder
	watchFrom time.Time // when to watch next; at first, members that have not moved are dialled
	backoff   time.Duration
	served    time.Time // since when the cluster serves, zero if it does not
}

func (f *Founder) act() {
	a := &actor{Founder: f, watchFrom: time.Now().Add(watchAfter)}
	wait := watchAfter
	for {
		select {
		case <-time.After(wait):
		case <-f.wake:
		case <-f.ctx.Done():
			return
		}
		wait = a.step(f.ctx)
	}
}

// step does what there is to do now, and returns how long to wait for the next.
func (a *actor) step(ctx context.Context) time.Duration {
	a.mu.Lock()
	v, join, settled := a.decision, a.joining, a.record.settled
	a.mu.Unlock()
	self := a.cfg.Self()
	switch {
	case v != nil && !settled:
		if a.carryOutDecision(ctx, v) {
			a.saveSettled()
		} else if now := time.Now(); !self.Fresh() && !now.Before(a.watchFrom) {
			a.watchFrom = now.Add(a.watch(ctx)) // the founders that are missing may have moved
		}
		return actEvery
	case !self.Fresh():
		return a.watch(ctx)
	case v != nil:
		return a.rejoin(ctx, v)
	case join != nil:
		a.join(ctx, join)
		return actEvery
	}
	return watchEvery
}

// join meets a member of a cluster that exists.
func (a *actor) join(ctx context.Context, p *forming.Peer) {
	if err := a.cfg.Meet(ctx, p.Addr); err != nil {
		a.warn("cannot join the cluster at "+p.Addr.String(), err)
	}
}

// rejoin meets the cluster that this node has helped to found, and has left since: it must not
// found it once more, nor forget for the others that it was decided.
func (a *actor) rejoin(ctx context.Context, v *forming.Value) time.Duration {
	a.meetMembers(ctx, nil, v.Cluster)
	a.backoff = min(max(2*a.backoff, firstBackoff), lastBackoff)
	return a.backoff/2 + rand.N(a.backoff/2)
}

// carryOutDecision does the next of what is this node's part of a decision. It reports
// whether all is done.
func (a *actor) carryOutDecision(ctx context.Context, v *forming.Value) bool {
	self := a.cfg.Self()
	me, i, isFounder := v.Founder(self.ID)
	if self.Fresh() && isFounder || !isFounder && self.Cluster == v.Cluster {
		if !isFounder {
			return true // it has joined
		}
		masters := 0
		for _, f := range v.Founders {
			if f.Owns {
				masters++
			}
		}
		a.log.Info("the founders of the cluster have agreed", "nodes", len(v.Founders), "masters", masters)
		a.cfg.OnFounded(len(v.Founders), masters)
	}
	if isFounder {
		cmd := gossip.FoundCluster{Cluster: v.Cluster}
		if me.Owns {
			cmd.Epoch = uint64(i + 1)
			cmd.Slots.AddRange(me.Slots)
		}
		if err := a.cfg.Found(ctx, cmd); errors.Is(err, gossip.ErrFounded) {
			a.warn("this node is to found a cluster, but has another history by now: it stays what it is", err)
			return true
		} else if err != nil {
			a.warn("cannot found the cluster", err)
			return false
		}
	}
	missing := a.meetFounders(ctx, v)
	m := a.cfg.Map()
	if !isFounder {
		return false
	}
	if m.State() != slots.OK {
		a.served = time.Time{}
	} else if a.served.IsZero() {
		a.served = time.Now()
	}
	inRole := a.follow(ctx, m, me.Master)
	return inRole && (missing == 0 || !a.served.IsZero() && time.Since(a.served) > settledAfter)
}

// meetFounders meets those founders that this node does not know yet, and that have done
// their part. It returns how many it still does not know.
func (a *actor) meetFounders(ctx context.Context, v *forming.Value) (missing int) {
	for i := range v.Founders {
		f := &v.Founders[i]
		if a.cfg.Map().Node(f.ID) != nil {
			continue
		}
		missing++
		peer, err := a.hello(ctx, f.Addr)
		if err != nil || peer.ID != f.ID || peer.Cluster != v.Cluster {
			continue // it will come, or is gone
		}
		if err := a.cfg.Meet(ctx, f.Addr); err != nil {
			a.warn("cannot meet the founder at "+f.Addr.String(), err)
			continue
		}
		missing--
	}
	return missing
}

// follow makes this node a replica of its master, if it is to be one and has no other role
// by now. It reports whether nothing is left to do.
func (a *actor) follow(ctx context.Context, m *slots.Map, master slots.NodeID) bool {
	if self := m.Self(); master.IsZero() || !self.IsMaster() || self.HasSlots() {
		return true
	}
	if n := m.Node(master); n == nil || !n.HasSlots() {
		return false // it has not claimed its slots yet
	}
	if err := a.cfg.Follow(ctx, master); err != nil {
		a.warn("cannot become a replica of "+master.String(), err)
		return false
	}
	return true
}

// watch meets the members at the addresses of the list again if this node does not hear
// most of the cluster: they may all have new addresses. It returns when to do so next.
func (a *actor) watch(ctx context.Context) time.Duration {
	if early := time.Until(a.watchFrom); early > 0 {
		return early
	}
	linked := make(map[slots.NodeID]bool)
	known := 0
	for _, p := range a.cfg.Peers() {
		if p.Handshake {
			continue
		}
		known++
		if len(p.Links) > 0 {
			linked[p.ID] = true
		}
	}
	if known == 0 || 2*(len(linked)+1) > known+1 {
		a.backoff = 0
		return watchEvery
	}
	a.meetMembers(ctx, linked, a.cfg.Self().Cluster)
	a.backoff = min(max(2*a.backoff, firstBackoff), lastBackoff)
	return a.backoff/2 + rand.N(a.backoff/2)
}

// meetMembers meets the members of a cluster that answer at the addresses of the list, but for
// those that this node hears.
func (a *actor) meetMembers(ctx context.Context, linked map[slots.NodeID]bool, cluster gossip.ClusterID) {
	lookup, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	addrs, err := a.addresses(lookup)
	if err != nil {
		a.warn("not all addresses to join are known", err)
	}
	self := a.cfg.Self()
	for _, addr := range addrs {
		bus, err := a.busAddr(ctx, addr)
		if err != nil {
			continue
		}
		peer, err := a.hello(ctx, bus)
		if err != nil || peer.ID == self.ID || linked[peer.ID] || peer.Cluster != cluster {
			continue
		}
		a.log.Info("meeting a member of the cluster", "addr", bus)
		if err := a.cfg.Meet(ctx, bus); err != nil {
			a.warn("cannot meet the member at "+addr, err)
		}
	}
}

func (a *actor) busAddr(ctx context.Context, addr string) (slots.Addr, error) {
	ctx, cancel := context.WithTimeout(ctx, forming.RequestTimeout)
	defer cancel()
	return a.cfg.BusAddr(ctx, addr)
}

// Reason says, for people, what the node waits for before it is a member of a cluster, ""
// for nothing.
func (f *Founder) Reason() string {
	if !f.forms() {
		return ""
	}
	self := f.cfg.Self()
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case !self.Fresh() && self.Serving:
		return ""
	case f.decision != nil && f.record.settled && self.Fresh():
		return "joining: this node has left its cluster, and looks for it at " + strings.Join(f.cfg.Terms.List, ", ")
	case f.decision != nil:
		return fmt.Sprintf("forming: %d nodes have agreed on the cluster, and are getting to know each other",
			len(f.decision.Founders))
	case !self.Fresh():
		return ""
	case f.joining != nil:
		return "joining the cluster of the node at " + f.joining.Addr.Client()
	}
	text := fmt.Sprintf("forming: %d of %d nodes are here", f.status.Have, f.status.Want)
	if f.cfg.Terms.Expect == 0 {
		text = "joining: no node of a cluster has been found at " + strings.Join(f.cfg.Terms.List, ", ")
	}
	for _, r := range f.status.Refusals {
		text += "; " + r.Text
	}
	return text
}
