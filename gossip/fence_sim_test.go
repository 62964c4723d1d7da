package gossip

import (
	"slices"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// TestFenceChaos kills and restarts nodes with old snapshots, in any order, in clusters
// of 1, 2, 3 and 5 masters. Whenever a majority of the voters is up, each shard of which
// a node is up serves within 3T; the master that serves holds every acknowledged write
// that another live node of its shard holds; and no slot ever has two masters in one
// config epoch.
func TestFenceChaos(t *testing.T) {
	eachSeed(t, 20, func(t *testing.T, seed uint64) {
		f := newFenceSim(t, seed)
		for range 6 {
			f.disrupt()
			f.quiesce()
		}
	})
}

const fenceT = 2 * time.Second

// fenceSim plays the hosts of a cluster's nodes: the writes of clients, replication and
// snapshots.
type fenceSim struct {
	*sim
	masters int
	nodes   []*fenceNode
	history map[claim]slots.NodeID
	shards  []fenceShard
	written int // the last write
}

type fenceShard struct {
	first slots.Slot
	acked map[int]bool // writes that a replica held, without those whose loss was permitted
	// Who served last, in which run, config epoch and term.
	serving *fenceNode
	run     int
	epoch   uint64
	term    uint64
}

// fenceNode is what a node holds: the writes in their order, of which its Data tells the
// number.
type fenceNode struct {
	*simNode
	shard   int
	writes  []int
	term    uint64
	base    uint64 // the term before it became the master
	saved   []int  // the snapshot
	savedIn uint64
	started time.Time
	fence   Fenced // how it ended in this run
	elected bool   // … by an election as a replica, later
}

func newFenceSim(t *testing.T, seed uint64) *fenceSim {
	masters := []int{1, 2, 3, 5}[seed%4]
	replicas := 1 + int(seed/4%2)
	f := &fenceSim{sim: newShards(t, seed, masters, replicas, fenceT), masters: masters,
		history: make(map[claim]slots.NodeID)}
	f.maxDelay = 20 * time.Millisecond
	for _, r := range slots.Even(masters) {
		f.shards = append(f.shards, fenceShard{first: r.First, term: 1, acked: make(map[int]bool)})
	}
	for i, n := range f.sim.nodes {
		f.nodes = append(f.nodes, &fenceNode{simNode: n, shard: i % masters, term: 1, base: 1, savedIn: 1})
		f.tune(&n.core.cfg)
	}
	f.configure = func(n *simNode, cfg *Config) {
		f.tune(cfg)
		cfg.Data = f.nodes[n.i].data()
	}
	f.host = func(n *simNode, events []Event) { f.nodes[n.i].obey(events) }
	f.live(time.Second)
	return f
}

// tune lets shards serve without the others, any replica stand for election, and none move.
func (f *fenceSim) tune(cfg *Config) {
	cfg.NoFullCoverage, cfg.ReplicaValidity, cfg.MigrationBarrier = true, -1, 100
}

func (n *fenceNode) data() Data { return Data{Term: n.term, Offset: int64(len(n.writes))} }

// obey does what a host does before messages leave.
func (n *fenceNode) obey(events []Event) {
	for _, e := range events {
		switch e := e.(type) {
		case RoleChanged:
			if e.Node == n.id && e.Master.IsZero() {
				n.term, n.elected = max(n.term+1, n.core.self.rec.ConfigEpoch+1), true
			}
		case Fenced:
			if n.fence = e; e.Epoch != 0 {
				n.term = max(n.term+1, e.Epoch+1)
			}
		}
	}
	n.core.SetData(n.data())
}

// live lets d pass, with clients that write.
func (f *fenceSim) live(d time.Duration) {
	for end := f.now.Add(d); f.now.Before(end); {
		f.run(20 * time.Millisecond)
		f.checkMasters(f.history)
		for i := range f.shards {
			f.serve(&f.shards[i], i)
		}
		for _, n := range f.nodes {
			f.follow(n)
		}
	}
}

// serve lets a client write to a shard.
func (f *fenceSim) serve(s *fenceShard, shard int) {
	for _, n := range f.nodes {
		if !n.serves(s.first) {
			continue
		}
		if epoch := n.core.self.rec.ConfigEpoch; s.serving != n || s.epoch != epoch || s.run != n.run {
			s.serving, s.epoch, s.run = n, epoch, n.run
			f.checkWrites(s, shard, n)
		}
		if f.rng.IntN(4) == 0 {
			f.written++
			n.writes = append(n.writes, f.written)
			n.core.SetData(n.data())
		}
		if f.rng.IntN(100) == 0 {
			n.save()
		}
	}
}

func (n *fenceNode) serves(slot slots.Slot) bool {
	if n.core == nil {
		return false
	}
	owned := n.core.self.owned
	return owned != nil && owned.Has(slot) && n.core.state == slots.OK
}

// checkWrites holds that a node which begins to serve lacks no acknowledged write that a
// live node of its shard holds, and has said which node may hold what it lacks.
func (f *fenceSim) checkWrites(s *fenceShard, shard int, n *fenceNode) {
	has := make(map[int]bool, len(n.writes))
	for _, w := range n.writes {
		has[w] = true
	}
	ranked := n.base == s.term // else nothing is left of the last master's term, and with it the order
	for _, o := range f.nodes {
		ranked = ranked || o.shard == shard && o.core != nil && o.term == s.term
	}
	s.term = n.term
	for _, o := range f.nodes {
		if o.shard != shard || o == n || !ranked {
			continue
		}
		told := slices.ContainsFunc(n.fence.Lacks, func(l Shortfall) bool { return l.Replica == o.id })
		up, holds := f.now.Sub(o.started) > time.Second, o.writes
		if o.core == nil { // it has its snapshot: a master that was fenced has to tell, a replica that was elected has not
			up, holds = !n.elected, o.saved
		}
		lost := 0
		for _, w := range holds {
			if s.acked[w] && !has[w] {
				lost++
			}
		}
		if lost > 0 && up && !told {
			f.fatalf("node %d serves shard %d without %d acknowledged writes that node %d holds: %+v, %+v%s",
				n.i, shard, lost, o.i, n.data(), o.data(), f.roles())
		}
	}
	for w := range s.acked {
		if !has[w] {
			delete(s.acked, w)
		}
	}
}

// follow lets a replica carry out what its master sends, which takes a while.
func (f *fenceSim) follow(n *fenceNode) {
	if n.core == nil || !n.core.isReplica() || f.rng.IntN(3) > 0 {
		return
	}
	m := f.node(n.core.self.rec.Master)
	if m == nil || m.core == nil || m.core.isReplica() || m.core.self.rec.Fenced {
		return
	}
	common := len(n.writes)
	if common > len(m.writes) || common > 0 && n.writes[common-1] != m.writes[common-1] {
		common = 0 // a full sync
	}
	n.writes = append(n.writes[:common:common], m.writes[common:]...)
	n.term, n.base = m.term, m.term
	for _, w := range n.writes[common:] {
		f.shards[n.shard].acked[w] = true
	}
	n.core.SetDataTime(f.now)
	n.core.SetData(n.data())
	if f.rng.IntN(50) == 0 {
		n.save()
	}
}

func (n *fenceNode) save() { n.saved, n.savedIn = slices.Clip(n.writes), n.term }

func (f *fenceSim) node(id slots.NodeID) *fenceNode {
	for _, n := range f.nodes {
		if n.id == id {
			return n
		}
	}
	return nil
}

// disrupt kills and starts some nodes, in any order.
func (f *fenceSim) disrupt() {
	for range 1 + f.rng.IntN(2*len(f.nodes)) {
		n := f.nodes[f.rng.IntN(len(f.nodes))]
		switch {
		case n.core == nil:
			f.start(n)
		case f.rng.IntN(8) == 0: // over its next vote or epoch
			n.stopBeforeSave = f.rng.IntN(2) == 0
			n.stopAfterSave = true
		default:
			n.crash(f.rng.IntN(2) == 0)
			if f.rng.IntN(2) == 0 {
				f.live(time.Duration(f.rng.Int64N(int64(100 * time.Millisecond))))
				f.start(n)
			}
		}
		f.live(time.Duration(f.rng.Int64N(int64(fenceT) / int64(1+f.rng.IntN(20)))))
	}
	for _, n := range f.nodes {
		n.stopBeforeSave, n.stopAfterSave = false, false
		if n.core == nil && f.rng.IntN(3) == 0 {
			f.start(n)
		}
	}
}

func (f *fenceSim) start(n *fenceNode) {
	n.writes, n.term, n.base = slices.Clip(n.saved), n.savedIn, n.savedIn
	n.started, n.fence, n.elected = f.now, Fenced{}, false
	n.simNode.start()
}

// quiesce leaves the cluster alone for 3T, and holds that each shard serves then if it can.
func (f *fenceSim) quiesce() {
	if !f.majority() {
		f.live(fenceT / 2)
		return
	}
	f.live(3 * fenceT)
	for i := range f.shards {
		s, up := &f.shards[i], false
		for _, n := range f.nodes {
			up = up || n.shard == i && n.core != nil
		}
		if up && !slices.ContainsFunc(f.nodes, func(n *fenceNode) bool { return n.serves(s.first) }) {
			f.fatalf("nobody serves shard %d after 3T%s", i, f.roles())
		}
	}
}

// majority reports whether more than half of the voters are up: of the electorate that was
// agreed on last, or of the shards' masters. A master that may have been succeeded does not
// count.
func (f *fenceSim) majority() bool {
	up := 0
	if e := f.sim.electorate(); e.explicit() {
		for _, n := range f.nodes {
			if n.core != nil && e.has(n.id) {
				up++
			}
		}
		return up > len(e.Voters)/2
	}
	for i := range f.shards {
		var master *fenceNode
		epoch := uint64(0)
		for _, n := range f.nodes {
			rec := n.simNode.saved.Nodes[0]
			if set := rec.claimed(); set != nil && set.Has(f.shards[i].first) && (master == nil || rec.ConfigEpoch > epoch) {
				master, epoch = n, rec.ConfigEpoch
			}
		}
		if master.core != nil && !f.disputed(master) {
			up++
		}
	}
	return up > f.masters/2
}

// disputed reports whether a voter does not know if a node that is down has succeeded this
// master. Then its vote does not count.
func (f *fenceSim) disputed(master *fenceNode) bool {
	for _, n := range f.nodes {
		if n.core == nil || n.core.nodes[master.id] == nil {
			continue
		}
		for _, u := range n.core.undecided {
			down := slices.ContainsFunc(f.nodes, func(o *fenceNode) bool { return o.id == u.Candidate && o.core == nil })
			if down && u.precedes(n.core.nodes[master.id]) {
				return true
			}
		}
	}
	return false
}
