package slotmesh

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/slotmesh/slotmesh/internal/explain"
	"github.com/slotmesh/slotmesh/slots"
)

// Create makes one cluster of started nodes that know nobody yet: it shares the slots out
// evenly, lets the nodes meet and returns when all of them have the same view and serve.
// Nodes may also live in other processes; then use the CLUSTER commands, or package
// admin.
//
// An error says which node refused what. Slots and epochs assigned until then stay; Reset
// undoes them. If a node is in a cluster already the error matches [ErrAlreadyInCluster],
// and nothing has been done.
func Create(ctx context.Context, nodes ...*Node) error {
	return CreateWithoutFailover(ctx, 0, nodes...)
}

// CreateReplicated is Create, but gives each master that many replicas: of n nodes the
// first n/(replicas+1) become masters, the others follow them in turn. It returns when
// the replicas are linked to their masters; WaitSynced tells when one holds its master's
// data.
//
// A replica succeeds its master by the votes of most masters, so that it takes three of
// them: with fewer the error matches [ErrNoFailover], and nothing has been done.
// CreateWithoutFailover makes such a cluster all the same.
func CreateReplicated(ctx context.Context, replicas int, nodes ...*Node) error {
	if masters := len(nodes) / (max(0, replicas) + 1); replicas > 0 && masters > 0 && masters < failoverMasters {
		return &noFailover{nodes: len(nodes), replicas: replicas, masters: masters}
	}
	return CreateWithoutFailover(ctx, replicas, nodes...)
}

// ErrAlreadyInCluster is matched by the error of Create about a node that knows other
// nodes, or slots with an owner: with Config.Dir, a node whose first start this is not.
// It needs no Create: it goes on as what it was.
var ErrAlreadyInCluster = errors.New("slotmesh: already in a cluster")

// failoverMasters is the least number of masters of which most are left when one fails.
const failoverMasters = 3

// ErrNoFailover is matched by the error of CreateReplicated about too few masters to
// elect a replica in the place of one.
var ErrNoFailover = errors.New("slotmesh: no replica could ever take over")

type noFailover struct{ nodes, replicas, masters int }

func (e *noFailover) Error() string {
	return fmt.Sprintf("%v: %d nodes with %d replicas for each master make a cluster of %d, but it takes %d masters "+
		"for most of them "+
		"to be left when one fails: give at least %d nodes, or no replicas, or use CreateWithoutFailover",
		ErrNoFailover, e.nodes, e.replicas, e.masters, failoverMasters, failoverMasters*(e.replicas+1))
}

func (e *noFailover) Is(target error) bool { return target == ErrNoFailover }

// CreateWithoutFailover is CreateReplicated for any number of masters. The replicas of
// one or two masters hold copies and serve reads, but do not succeed a master that fails,
// only one that hands over ([Node.Failover], Close).
func CreateWithoutFailover(ctx context.Context, replicas int, nodes ...*Node) error {
	if replicas < 0 || len(nodes) < replicas+1 {
		return fmt.Errorf("slotmesh: %d nodes are too few for a master with %d replicas", len(nodes), max(0, replicas))
	}
	masters := nodes[:len(nodes)/(replicas+1)]
	for i, n := range nodes {
		if m := n.Map(); m == nil {
			return fmt.Errorf("slotmesh: node %d is standalone or not started", i)
		} else if len(m.Nodes()) > 1 || m.Assigned() > 0 {
			return fmt.Errorf("%w: node %d (%s) knows %d other nodes and %d slots with an owner; a node that was started "+
				"before goes on as what it was, see Ready", ErrAlreadyInCluster, i, n.Addr(), len(m.Nodes())-1, m.Assigned())
		}
	}
	ranges := slots.Even(len(masters))
	for i, n := range masters {
		var set slots.Set
		set.AddRange(ranges[i])
		if err := n.SetConfigEpoch(ctx, uint64(i+1)); err != nil {
			return fmt.Errorf("slotmesh: setting the epoch of %s: %w", n.Addr(), err)
		}
		if err := n.AddSlots(ctx, set); err != nil {
			return fmt.Errorf("slotmesh: giving %s slots %s: %w", n.Addr(), set, err)
		}
	}
	if err := meetAll(ctx, nodes[0], nodes[1:]); err != nil {
		return err
	}
	for i, n := range nodes[len(masters):] {
		if err := n.followNew(ctx, masters[i%len(masters)].ID()); err != nil {
			return err
		}
	}
	return WaitAgreed(ctx, nodes...)
}

// meetAll introduces first to the others, side by side.
func meetAll(ctx context.Context, first *Node, others []*Node) error {
	errs := make([]error, len(others))
	var wg sync.WaitGroup
	for i, n := range others {
		wg.Go(func() { errs[i] = first.MeetAndWait(ctx, n.reachable(first)) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// followNew makes n a replica as soon as it has heard of its master.
func (n *Node) followNew(ctx context.Context, master slots.NodeID) error {
	err := n.WaitMap(ctx, func(m *slots.Map) bool { return m.Node(master) != nil })
	if err == nil {
		err = n.Replicate(ctx, master)
	}
	if err != nil {
		return fmt.Errorf("slotmesh: making %s a replica of %s: %w", n.Addr(), master, err)
	}
	return nil
}

// reachable is where from finds n: the announced address, or, if that leaves the host to
// its peers because n listens everywhere, from's own host, which is n's machine too.
func (n *Node) reachable(from *Node) slots.Addr {
	a := n.announced()
	if a.Host == "" {
		if a.Host = from.announced().Host; a.Host == "" {
			a.Host = "127.0.0.1"
		}
	}
	return a
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
