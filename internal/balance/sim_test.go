package balance

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/migrate"
	"github.com/slotmesh/slotmesh/slots"
)

// sim is a cluster of coordinators. Ownership is one truth that nodes learn with a delay;
// migration jobs take a while, and go on when their source comes back.
type sim struct {
	t       *testing.T
	rng     *rand.Rand
	seed    uint64
	now     time.Time
	nodes   []*simNode // by id
	version uint64
	changes uint64 // of owners
	loss    float64

	ops     int // calls, orders and looks so far
	crashAt int // the coordinator crashes in this one; 0: never
	moved   int
	cfg     Config
	loads   *[slots.Count]int64 // nil: shares of slots
	weighed int                 // requests for the loads of each slot
	unowned int                 // slots
}

type simNode struct {
	Node
	up, drains bool
	gone       bool // it has left
	core       *Coordinator
	seen       *slots.Map
	seenAt     uint64 // sim.changes at that time
	down       uint64 // and who had failed
	jobs       []simJob
	downSince  time.Time
	restarts   time.Time
}

type simJob struct {
	Job
	ends time.Time
}

func newSim(t *testing.T, seed uint64, masters, newcomers int) *sim {
	s := &sim{t: t, seed: seed, rng: rand.New(rand.NewPCG(seed, 7)), now: time.Unix(1_000_000, 0), loss: 0.02}
	for i := range masters + newcomers {
		n := &simNode{Node: Node{ID: id(i + 1), Domain: string(rune('a' + i)), Online: true}, up: true}
		if i < masters {
			n.Slots.AddRange(slots.Even(masters)[i])
		}
		n.core = NewCoordinator(Config{}, Pause{}, s.now)
		s.nodes = append(s.nodes, n)
	}
	return s
}

// refresh gives a node the present map.
func (s *sim) refresh(n *simNode) {
	down := uint64(0)
	for i, o := range s.nodes {
		if !o.up && s.now.Sub(o.downSince) > 2*time.Second {
			down |= 1 << i
		}
	}
	if n.seen != nil && n.seenAt == s.changes && n.down == down {
		return
	}
	n.seenAt, n.down = s.changes, down
	s.version++
	top := slots.Topology{Version: s.version, Self: n.ID, State: slots.OK}
	for _, o := range s.nodes {
		if o.gone {
			continue
		}
		node := slots.Node{ID: o.ID, Master: o.Master, Leaving: o.drains, Addr: slots.Addr{Host: o.Domain}}
		if !o.up && s.now.Sub(o.downSince) > 2*time.Second {
			node.Health = slots.Failed
			if !o.Slots.Empty() {
				top.State = slots.Down
			}
		}
		if set := o.Slots; o.isMaster() {
			node.Slots = &set
		}
		top.Nodes = append(top.Nodes, node)
	}
	m, err := slots.NewMap(top)
	if err != nil {
		s.t.Fatalf("seed %d: %v", s.seed, err) // a slot has two owners
	}
	n.seen = m
}

// crash reports whether the coordinator dies in the present operation, after it if later.
func (s *sim) crashes(n *simNode) bool {
	s.ops++
	if s.ops != s.crashAt {
		return false
	}
	n.up, n.downSince = false, s.now
	n.restarts = s.now.Add(time.Duration(s.rng.IntN(20)) * time.Second)
	return true
}

func (s *sim) step() {
	s.now = s.now.Add(busyTick)
	for _, n := range s.nodes {
		if !n.up && !s.now.Before(n.restarts) {
			n.up, n.core = true, NewCoordinator(s.cfg, n.core.Pause(), s.now)
		}
		if !n.gone && (n.seen == nil || s.rng.IntN(3) > 0) { // news take a while
			s.refresh(n)
		}
	}
	s.finishJobs()
	for _, i := range s.rng.Perm(len(s.nodes)) {
		if n := s.nodes[i]; n.up && !n.gone {
			s.act(n)
		}
	}
	s.check()
}

const busyTick = 500 * time.Millisecond

func (s *sim) finishJobs() {
	for _, n := range s.nodes {
		if !n.up {
			continue
		}
		n.jobs = slices.DeleteFunc(n.jobs, func(j simJob) bool {
			to := s.node(j.To)
			if !to.up || s.now.Before(j.ends) {
				return false
			}
			set := j.Slots
			set.Intersect(&n.Slots)
			s.moved += set.Len()
			s.changes++
			n.Slots.Subtract(&set)
			to.Slots.Union(&set)
			return true
		})
		if n.drains {
			s.leaves(n)
		}
	}
}

// drain starts the next job of a node that leaves.
func (s *sim) drain(n *simNode) {
	masters := []migrate.Master{{ID: n.ID, Slots: n.Slots}}
	for _, o := range s.nodes {
		if o != n && !o.drains && o.isMaster() && (!o.Slots.Empty() || s.cfg.Replicas == 0) {
			masters = append(masters, migrate.Master{ID: o.ID, Slots: o.Slots})
		}
	}
	plan, err := migrate.Drain(masters, n.ID)
	if err != nil {
		s.t.Fatal(err)
	}
	m := plan.Moves[0]
	n.jobs = append(n.jobs, simJob{Job{From: m.From, To: m.To, Slots: m.Slots}, s.now.Add(time.Second)})
}

func (s *sim) node(id slots.NodeID) *simNode {
	for _, n := range s.nodes {
		if n.ID == id {
			return n
		}
	}
	return nil
}

// act is a round of a node's driver, as in package balancer.
func (s *sim) act(n *simNode) {
	n.core.Observe(n.seen, s.now)
	if !n.core.Wants(n.seen, s.now) {
		if n.core.Releases() {
			ask := n.core.Release(n.seen)
			s.askAll(n, &ask)
		}
		return
	}
	ask := n.core.Request(n.seen, s.now)
	if !s.askAll(n, &ask) || s.crashes(n) {
		return
	}
	for _, step := range n.core.Steps(n.seen, s.now) {
		if s.rng.Float64() >= s.loss && !s.order(step, ask.Term) {
			n.core.Refused(&step, s.now)
		}
		if s.crashes(n) {
			return
		}
	}
}

// askAll reports whether n has survived it.
func (s *sim) askAll(n *simNode, ask *Ask) bool {
	began := s.now
	for _, o := range s.nodes {
		if s.crashes(n) {
			return false
		}
		if !o.up || o.gone || o != n && s.rng.Float64() < s.loss {
			continue
		}
		answer, _ := o.core.OnAsk(ask, o.seen, s.now)
		s.report(o, ask, &answer.Report)
		for _, j := range o.jobs {
			answer.Report.Jobs = append(answer.Report.Jobs, j.Job)
		}
		if o == n || s.rng.Float64() >= s.loss {
			n.core.OnAnswer(n.seen, o.ID, ask, &answer, began)
		}
	}
	return true
}

// report fills in the loads that are asked for.
func (s *sim) report(n *simNode, ask *Ask, r *Report) {
	if ask.Load == BySlots {
		return
	}
	if ask.EachSlot {
		s.weighed++
	}
	for slot := range n.Slots.All() {
		r.Total += s.loads[slot]
		if ask.EachSlot {
			r.Loads = append(r.Loads, s.loads[slot])
		}
	}
}

// order carries out a step and reports whether it was.
func (s *sim) order(step Step, term uint64) bool {
	n := s.node(step.Node)
	if !n.up || n.gone || n.core.Pause().On || !n.core.Obeys(term) {
		return false
	}
	switch step.Kind {
	case Follow:
		return s.follow(&step)
	case Claim:
		return s.claim(&step)
	}
	set := step.Slots
	set.Intersect(&n.Slots)
	for _, j := range n.jobs {
		set.Subtract(&j.Slots)
	}
	if set.Empty() || !s.node(step.Peer).isMaster() {
		return false
	}
	took := time.Duration(s.rng.IntN(10*set.Len())+s.rng.IntN(1000)) * time.Millisecond
	n.jobs = append(n.jobs, simJob{Job{From: n.ID, To: step.Peer, Slots: set}, s.now.Add(took)})
	return true
}

// check holds after each step: every slot has one owner, and no two jobs move one.
func (s *sim) check() {
	var owned, moving slots.Set
	for _, n := range s.nodes {
		twice := owned
		if twice.Intersect(&n.Slots); !twice.Empty() {
			s.t.Fatalf("seed %d: slots %v have two owners", s.seed, twice)
		}
		owned.Union(&n.Slots)
		for _, j := range n.jobs {
			twice := moving
			if twice.Intersect(&j.Slots); !twice.Empty() {
				s.t.Fatalf("seed %d: slots %v are in two jobs", s.seed, twice)
			}
			moving.Union(&j.Slots)
		}
	}
	if owned.Len() != slots.Count-s.unowned {
		s.t.Fatalf("seed %d: %d slots have an owner", s.seed, owned.Len())
	}
}

// loadOf is what the shares are of.
func (s *sim) loadOf(n *simNode) (load int64) {
	for slot := range n.Slots.All() {
		load += weight(s.loads, slot)
	}
	return load
}

// settled reports whether all that stay have equal shares, those that leave nothing, and
// nothing moves.
func (s *sim) settled() bool {
	if s.cfg.Replicas > 0 || s.unowned > 0 {
		return s.atRest()
	}
	stay, total := 0, int64(0)
	for _, n := range s.nodes {
		total += s.loadOf(n)
		if !n.drains {
			stay++
		}
	}
	share := float64(total) / float64(stay)
	for _, n := range s.nodes {
		off := float64(s.loadOf(n))/share - 1
		switch {
		case !n.up || len(n.jobs) > 0 || n.drains && !n.Slots.Empty():
			return false
		case !n.drains && (off > 0.0205 || off < -0.0205):
			return false
		}
	}
	return true
}

// run lets the cluster work until it is in balance, and then for a while more, in which
// nothing may move. It returns how many operations there were.
func (s *sim) run() int {
	for i := 0; !s.settled(); i++ {
		if i == 1200 { // ten minutes
			owns := ""
			for _, n := range s.nodes {
				owns += fmt.Sprint(" ", n.Slots.Len())
			}
			s.t.Fatalf("seed %d, crash in operation %d: not in balance:%s", s.seed, s.crashAt, owns)
		}
		s.step()
	}
	for range 20 {
		s.step() // on maps of a moment ago
	}
	moved := s.moved
	for range 100 {
		s.step()
	}
	if s.moved != moved {
		s.t.Fatalf("seed %d, crash in operation %d: %d slots moved in a cluster in balance", s.seed, s.crashAt,
			s.moved-moved)
	}
	return s.ops
}

// scales are how clusters grow and shrink.
var scales = []struct{ masters, join, leave int }{{3, 1, 0}, {3, 3, 0}, {4, 0, 1}, {6, 0, 3}, {3, 2, 1}, {1, 1, 0}}

func scale(t *testing.T, seed uint64, masters, join, leave, crashAt int) *sim {
	s := newSim(t, seed, masters, join)
	for i := range leave {
		s.nodes[i].drains = true // the first coordinators, too
	}
	s.crashAt = crashAt
	s.run()
	return s
}

// TestScaleWithCrashes lets clusters grow and shrink by one and several nodes. In each run
// the coordinator crashes once, in another operation: between any two requests, answers
// and orders.
func TestScaleWithCrashes(t *testing.T) {
	every := 151
	if n, err := strconv.Atoi(os.Getenv("SLOTMESH_SEEDS")); err == nil && n >= 1000 {
		every = 1
	}
	runs := 0
	for i, c := range scales {
		ops := scale(t, uint64(i), c.masters, c.join, c.leave, 0).ops
		for at := 1 + i; at < ops; at += every {
			scale(t, uint64(at), c.masters, c.join, c.leave, at)
			runs++
		}
	}
	t.Logf("%d crashes", runs)
}

// TestFewestSlotsMove: without crashes and loss no slot moves more than once.
func TestFewestSlotsMove(t *testing.T) {
	for _, c := range scales {
		s := newSim(t, 1, c.masters, c.join)
		if s.loss = 0; c.leave > 0 {
			continue
		}
		s.run()
		if least := slots.Count * c.join / (c.masters + c.join); s.moved > least {
			t.Errorf("%d nodes join %d: %d slots moved, %d are their share", c.join, c.masters, s.moved, least)
		}
	}
}

// TestSharesOfLoad: shares are of what slots hold, whatever that is, and while these are
// equal no node is asked for each slot. One slot that is too heavy for all is left alone.
func TestSharesOfLoad(t *testing.T) {
	for seed := range uint64(6) {
		s := newSim(t, seed, 3, int(seed%3))
		s.cfg = Config{Load: ByBytes}
		s.loads = new([slots.Count]int64)
		for i := range s.loads {
			if s.loads[i] = s.rng.Int64N(1000); i < slots.Count/8 {
				s.loads[i] *= 3
			}
		}
		for _, n := range s.nodes {
			n.core = NewCoordinator(s.cfg, Pause{}, s.now)
		}
		s.run()
		before := s.weighed
		for range 1200 { // ten minutes
			s.step()
		}
		if s.weighed != before {
			t.Errorf("seed %d: in balance, but slots were weighed %d times", seed, s.weighed-before)
		}
		heavy := s.rng.IntN(slots.Count)
		s.loads[heavy] = 100_000_000
		before = s.weighed
		for range 2400 {
			s.step()
		}
		if n := s.weighed - before; n == 0 || n > 30*len(s.nodes) {
			t.Errorf("seed %d: a slot that is too heavy was weighed %d times in 20 minutes", seed, n)
		}
	}
}

// TestOneCoordinator: while the masters with slots are the same, one node at most has the
// lease, whatever messages are lost and nodes crash.
func TestOneCoordinator(t *testing.T) {
	changes := 0
	for seed := range uint64(20) {
		s := newSim(t, seed, 5, 0)
		s.loss = 0.3
		var holder slots.NodeID
		for i := range 400 {
			if i%40 == 0 {
				s.crashAt = s.ops + s.rng.IntN(50)
			}
			s.contend()
			for _, n := range s.nodes {
				if n.up && n.core.Held(n.seen, s.now) && n.ID != holder {
					holder = n.ID
					changes++
				}
			}
		}
	}
	if changes < 100 {
		t.Errorf("the lease moved on %d times only", changes)
	}
}

// contend lets all nodes ask for the lease at once.
func (s *sim) contend() {
	s.now = s.now.Add(busyTick)
	coordinators := 0
	for _, n := range s.nodes {
		s.refresh(n)
	}
	for _, i := range s.rng.Perm(len(s.nodes)) {
		n := s.nodes[i]
		if !n.up && !s.now.Before(n.restarts) {
			n.up, n.core = true, NewCoordinator(Config{}, Pause{}, s.now)
		}
		if !n.up || s.rng.IntN(2) == 0 {
			continue
		}
		ask := n.core.Request(n.seen, s.now)
		if s.askAll(n, &ask) && !n.core.Held(n.seen, s.now) {
			ask = n.core.Release(n.seen)
			s.askAll(n, &ask)
		}
	}
	for _, n := range s.nodes {
		if n.up && n.core.Held(n.seen, s.now) {
			coordinators++
		}
	}
	if coordinators > 1 {
		s.t.Fatalf("seed %d: %d nodes have the lease", s.seed, coordinators)
	}
}
