package slotmesh

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/internal/bus"
	"github.com/slotmesh/slotmesh/internal/join"
	"github.com/slotmesh/slotmesh/internal/ownership"
	"github.com/slotmesh/slotmesh/slots"
)

// ErrStandalone refuses cluster operations on a standalone node. Its text is the
// error reply of the Redis protocol (docs/spec.md §11).
var ErrStandalone = errors.New("ERR This instance has cluster support disabled")

// Meet introduces this node to the one at addr, which needs Host and BusPort; both
// clusters become one (docs/spec.md §2.2). It returns once the handshake has begun; event
// gossip.Met or gossip.MeetFailed tells how it ended. MeetAndWait waits for that, and
// Join takes client addresses.
func (n *Node) Meet(ctx context.Context, addr slots.Addr) error {
	return n.do(ctx, gossip.MeetNode{Addr: addr})
}

// Forget removes a node from the cluster; all nodes refuse it for a minute (docs/spec.md
// §2.5).
func (n *Node) Forget(ctx context.Context, id slots.NodeID) error {
	return n.do(ctx, gossip.ForgetNode{Node: id})
}

// SetConfigEpoch gives a node that knows no other node and has no epoch its first one
// (docs/spec.md §4.7).
func (n *Node) SetConfigEpoch(ctx context.Context, epoch uint64) error {
	return n.do(ctx, gossip.SetConfigEpoch{Epoch: epoch})
}

// BumpEpoch gives this node the greatest config epoch of the cluster without asking any
// other node (docs/spec.md §4.5). bumped is false if it had it already.
func (n *Node) BumpEpoch(ctx context.Context) (epoch uint64, bumped bool, err error) {
	if n.gossip == nil {
		return 0, false, n.absent()
	}
	before := n.Map().Self().ConfigEpoch
	if err := n.do(ctx, gossip.BumpEpoch{}); err != nil {
		return 0, false, err
	}
	epoch = n.Map().Self().ConfigEpoch
	return epoch, epoch != before, nil
}

// Reset makes the node forget the cluster and its slots; hard also gives it a new id and
// epochs of 0. A replica gives up its keys, which are its master's, so that it can join
// again, and its functions; those of a master stay. The snapshot of a node that has no keys then goes first:
// as a lone node it would load it, and claim the slots.
func (n *Node) Reset(ctx context.Context, hard bool) error {
	if n.gossip == nil {
		return n.absent()
	}
	replica := !n.Map().Self().IsMaster()
	if !replica && n.store.Len() > 0 {
		return n.do(ctx, gossip.Reset{Hard: hard})
	}
	err := n.snapshots.Discard(ctx, func() error { return n.reset(ctx, hard, replica) })
	switch {
	case err == nil:
		n.shard.Libraries().MarkUnsaved()
	case !n.Map().Self().IsMaster():
		return errors.Join(err, n.snapshots.Save(n.life.ctx)) // it goes on as it was
	}
	return err
}

func (n *Node) reset(ctx context.Context, hard, replica bool) error {
	if err := n.do(ctx, gossip.Reset{Hard: hard}); err != nil || !replica {
		return err
	}
	for _, note := range []string{ownership.MetadataOpen, metadataJobs} { // of the shard that it was a part of
		if _, err := n.shard.Backlog.PutMetadata(note, nil); err != nil {
			return err
		}
	}
	if err := n.shard.Acks.Clear(); err != nil {
		return err
	}
	if err := n.shard.Libraries().Clear(); err != nil {
		return err
	}
	return n.engine.Clear(ctx.Done())
}

// admit refuses connections of nodes that are no members, but for those of gossip and of
// forming: a Meet comes from a stranger, and so does a question by one that looks for a
// cluster. It is for bus.Config.
func (n *Node) admit(kind bus.Kind, from slots.NodeID) error {
	if kind == bus.Gossip || kind == bus.Forming {
		return nil
	}
	switch m := n.Map(); {
	case m == nil || m.Node(from) == nil:
		return errors.New("it is no member of the cluster, as far as this node knows")
	case from == m.Self().ID:
		return errors.New("it says that it is this node itself")
	}
	return nil
}

// Join makes this node a member of a cluster. seeds are client addresses, "host:port", of
// some of its nodes: they are tried in order until one lets this node in. Each seed is
// asked, with this node's own password, where its bus listens; if it refuses this node as
// a client, the port of its bus is taken to be 10,000 above its client port.
//
// When Join returns nil, this node and the seed are members of one cluster; [Node.Ready]
// tells when it serves. The error says for each seed why that failed: nothing listens
// there, what listens there is no node (gossip.ErrNoBus), the two clusters must not
// become one (gossip.ErrRefused), it is this node itself (gossip.ErrMetSelf), no answer
// came within the node timeout (gossip.ErrNoAnswer), or ctx ended.
func (n *Node) Join(ctx context.Context, seeds ...string) error {
	if n.gossip == nil {
		return n.absent()
	}
	if len(seeds) == 0 {
		return errors.New("slotmesh: Join without seeds: name at least one node of the cluster by its client address, " +
			`"host:port"`)
	}
	var errs []error
	for _, seed := range seeds {
		err := n.joinAt(ctx, seed)
		if err == nil {
			return nil
		}
		errs = append(errs, fmt.Errorf("slotmesh: joining at %s: %w", seed, err))
		if ctx.Err() != nil {
			break
		}
	}
	return errors.Join(errs...)
}

func (n *Node) joinAt(ctx context.Context, seed string) error {
	at, err := clientAddr(seed)
	if err != nil {
		return err
	}
	if n.isSelf(at) {
		return gossip.ErrMetSelf // in protected mode it would not tell
	}
	id, busPort, err := n.asker().BusPort(ctx, at.Client())
	code, hidden := join.HidesBus(err)
	switch {
	case hidden:
		if err := n.meet(ctx, at); err != nil {
			return fmt.Errorf("%w (it does not tell this node the port of its bus: %s)", err, code)
		}
		return nil
	case err != nil:
		return err
	case id == n.ID():
		return gossip.ErrMetSelf
	}
	at.BusPort = busPort
	return n.meet(ctx, at)
}

// clientAddr reads "host:port".
func clientAddr(text string) (slots.Addr, error) {
	host, port, err := splitAddr("seed", text)
	if err != nil || host == "" || port == 0 {
		return slots.Addr{}, errors.New(`it is no client address: use "host:port"`)
	}
	return slots.Addr{Host: host, Port: uint16(port)}, nil
}

// isSelf reports whether a client address is this node's own.
func (n *Node) isSelf(at slots.Addr) bool {
	return at.Client() == n.Addr().Client() || at.Client() == n.announced().Client()
}

// asker returns how this node asks seeds for the port of their bus. It takes them to serve
// clients as it does itself: where there is no port without TLS, the password does not
// travel without it.
func (n *Node) asker() *join.Asker {
	v, a := n.values(), n.Addr()
	asker := &join.Asker{Network: n.cfg.Network, Auth: n.credentials(), OnlyTLS: a.TLSPort != 0 && a.Port == 0}
	if n.cfg.TLS != nil || v.tls.enabled() {
		_, asker.TLS = n.tlsConfigs()
	}
	return asker
}

// MeetAndWait is Meet, but returns when both nodes are members of one cluster, or with
// the reason why they are not: see [Node.Join], which takes client addresses. It gives up
// after the node timeout, at least a second.
func (n *Node) MeetAndWait(ctx context.Context, addr slots.Addr) error {
	if err := n.meet(ctx, addr); err != nil {
		return fmt.Errorf("slotmesh: meeting %s: %w", addr, err)
	}
	return nil
}

func (n *Node) meet(ctx context.Context, addr slots.Addr) error {
	if addr.BusPort == 0 && addr.Port <= 65535-busPortOffset {
		addr.BusPort = addr.Port + busPortOffset // as gossip.MeetNode does
	}
	outcome, forget := n.signals.meets.Await(addr)
	defer forget()
	if err := n.Meet(ctx, addr); err != nil {
		return err
	}
	select {
	case err := <-outcome:
		return err
	case <-n.life.ctx.Done():
		return ErrClosed
	case <-ctx.Done():
	}
	if err := n.gossip.MeetErr(addr); err != nil {
		return fmt.Errorf("%w; so far: %w", ctx.Err(), err)
	}
	return ctx.Err()
}

// Create makes one cluster of started nodes that know no others yet: it shares the slots
// out evenly, lets the nodes meet and returns when all of them have the same view and
// serve.
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
// Nodes with Config.Witness become neither: they vote. A replica succeeds its master by the
// votes of most masters, or where these are fewer than three, of most nodes. Of two nodes
// most are not left when one fails: with fewer than three the error matches
// [ErrNoFailover], and nothing has been done. CreateWithoutFailover makes such a cluster
// all the same. With one master or two, CreateReplicated returns when all nodes vote.
func CreateReplicated(ctx context.Context, replicas int, nodes ...*Node) error {
	if replicas > 0 && len(nodes) > replicas && len(nodes) < leastVoters {
		return &noFailover{nodes: len(nodes), replicas: replicas}
	}
	if err := CreateWithoutFailover(ctx, replicas, nodes...); err != nil || replicas <= 0 {
		return err
	}
	data, _ := withoutWitnesses(nodes)
	if len(data)/(replicas+1) >= leastVoters {
		return nil
	}
	allVote := func(m *slots.Map) bool {
		return !slices.ContainsFunc(m.Nodes(), func(n slots.Node) bool { return !n.Voter })
	}
	for _, n := range nodes {
		if err := n.WaitMap(ctx, allVote); err != nil {
			return fmt.Errorf("slotmesh: waiting for all nodes to vote, as %s sees it: %w", n.Addr(), err)
		}
	}
	return nil
}

// withoutWitnesses parts the nodes that are to hold data from the witnesses.
func withoutWitnesses(nodes []*Node) (data, witnesses []*Node) {
	for _, n := range nodes {
		if n.cfg.Witness {
			witnesses = append(witnesses, n)
		} else {
			data = append(data, n)
		}
	}
	return data, witnesses
}

// ErrAlreadyInCluster is matched by the error of Create about a node that knows other
// nodes, or slots with an owner: with Config.Dir, a node that was started before. It needs
// no Create: it goes on as what it was.
var ErrAlreadyInCluster = errors.New("slotmesh: already in a cluster")

// leastVoters is the least number of voters of which most are left when one fails.
const leastVoters = 3

// ErrNoFailover is matched by the error of CreateReplicated about too few nodes to elect a
// replica in the place of its master.
var ErrNoFailover = errors.New("slotmesh: no replica could ever take over")

type noFailover struct{ nodes, replicas int }

func (e *noFailover) Error() string {
	return fmt.Sprintf("%v: %d nodes with %d replicas for each master are too few to vote, as most of them must be left "+
		"when one fails: give at least %d nodes, one of which may be a witness (Config.Witness), or no replicas, or use "+
		"CreateWithoutFailover", ErrNoFailover, e.nodes, e.replicas, leastVoters)
}

func (e *noFailover) Is(target error) bool { return target == ErrNoFailover }

// CreateWithoutFailover is CreateReplicated for any number of nodes. The replica of one
// master holds a copy and serves reads, but does not succeed a master that fails, only one
// that hands over ([Node.Failover], Close), until a third node can vote.
func CreateWithoutFailover(ctx context.Context, replicas int, nodes ...*Node) error {
	if replicas < 0 || len(nodes) < replicas+1 {
		return fmt.Errorf("slotmesh: %d nodes are too few for a master with %d replicas", len(nodes), max(0, replicas))
	}
	data, witnesses := withoutWitnesses(nodes)
	if len(data) < replicas+1 {
		return fmt.Errorf("slotmesh: %d nodes, beside %d witnesses, are too few for a master with %d replicas", len(data),
			len(witnesses), replicas)
	}
	masters := data[:len(data)/(replicas+1)]
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
	for i, n := range data[len(masters):] {
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
