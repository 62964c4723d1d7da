package forming

import (
	"bytes"
	"container/heap"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/slots"
)

// sim runs one schedule of 1 to 9 nodes: any order of starts, messages that are late, lost
// or doubled, partitions, crashes and restarts with what is on the disk. After chaosFor it
// heals the network, starts everybody, and wants one cluster.
type sim struct {
	rng   *rand.Rand
	now   time.Time
	queue simQueue
	count uint64
	nodes []*simNode
	terms Terms
	addrs []string

	loss, double float64
	maxDelay     time.Duration
	slow         float64 // messages that take up to maxSlow
	crash        float64 // at each Output
	crashSaved   float64 // after a Save and what it allows to leave
	crashDecided float64 // of a proposer that alone knows the decision
	chaos        bool
	verify       bool // messages go through the codec
	mutant       mutant

	decision *Value // the first that any node took
	proposed map[Ballot]gossip.ClusterID
	accepted map[Ballot]map[int]bool // by nodes at addresses of a static list
	chosen   Ballot                  // the least that a quorum has accepted, zero for none
	err      error
}

// mutant is a planted bug.
type mutant int

const (
	none               mutant = iota
	promiseNotSaved           // a restart forgets promises that bear no value
	acceptanceNotSaved        // a restart forgets what was accepted
	quorumTooSmall            // n/2 instead of n/2+1
	valueIgnored              // the proposer does not take over what was accepted
	twoVotes                  // a restart makes an acceptor a new node, without what was saved
)

type simNode struct {
	s       *sim
	index   int
	id      slots.NodeID
	address string
	disk    []byte
	cluster gossip.ClusterID // durable too
	core    *Core            // nil while it is down
	life    int              // counts starts
	group   int
}

type simEvent struct {
	at  time.Time
	seq uint64
	do  func()
}

type simQueue []simEvent

func (q simQueue) Len() int { return len(q) }
func (q simQueue) Less(i, j int) bool {
	return q[i].at.Before(q[j].at) || q[i].at.Equal(q[j].at) && q[i].seq < q[j].seq
}
func (q simQueue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *simQueue) Push(x any)   { *q = append(*q, x.(simEvent)) }
func (q *simQueue) Pop() any {
	old := *q
	e := old[len(old)-1]
	old[len(old)-1] = simEvent{}
	*q = old[:len(old)-1]
	return e
}

func (s *sim) after(d time.Duration, do func()) {
	s.count++
	heap.Push(&s.queue, simEvent{s.now.Add(d), s.count, do})
}

func (s *sim) until(d time.Duration) time.Duration { return time.Duration(s.rng.Int64N(int64(d) + 1)) }

func (s *sim) failf(format string, args ...any) {
	if s.err == nil {
		s.err = fmt.Errorf("after %v: "+format, append([]any{s.now.Sub(start)}, args...)...)
	}
}

// Once the network works and all nodes run, everybody knows the decision within calmFor.
const (
	maxSlow  = 1500 * time.Millisecond
	chaosFor = 4 * time.Second
	calmFor  = 15 * time.Second
)

func newSim(seed uint64, m mutant) *sim {
	rng := rand.New(rand.NewPCG(seed, 18))
	s := &sim{rng: rng, now: start, mutant: m, chaos: true, verify: seed%8 == 0,
		proposed: make(map[Ballot]gossip.ClusterID), accepted: make(map[Ballot]map[int]bool)}
	n := 1 + rng.IntN(9)
	if m != none {
		n = 3 + rng.IntN(2)
	}
	listed := 1 + rng.IntN(min(n, 5))
	if m != none {
		listed = 3
	}
	s.terms = Terms{Name: "sim", Expect: max(1, n-rng.IntN(3)), Replicas: rng.IntN(3)}
	if m != none {
		s.terms.Expect = 2
	}
	for i := range listed {
		s.addrs = append(s.addrs, fmt.Sprintf("n%d:7000", i))
	}
	s.terms.List = s.addrs
	if m == none && rng.IntN(4) == 0 {
		s.terms.List = []string{"dns:nodes:7000"}
	}
	s.loss, s.double = rng.Float64()*0.2, rng.Float64()*0.1
	s.maxDelay = time.Duration(1+rng.IntN(400)) * time.Millisecond
	s.crash = rng.Float64() * 0.02
	if m != none || rng.IntN(2) == 0 { // at the moments at which a bug does harm
		s.maxDelay = time.Duration(1+rng.IntN(20)) * time.Millisecond
		s.slow, s.crashSaved, s.crashDecided = rng.Float64()*0.3, rng.Float64()*0.5, 0.7
	}
	late := rng.IntN(2 * n) // a node that starts when all others have found each other, or none
	for i := range n {
		node := &simNode{s: s, index: i, address: fmt.Sprintf("n%d:7000", i)}
		for k := range node.id {
			node.id[k] = byte(rng.Uint32())
		}
		s.nodes = append(s.nodes, node)
		if i != late {
			s.after(s.until(time.Second), node.start)
		}
	}
	for at := s.until(time.Second); at < chaosFor; at += s.until(2 * time.Second) {
		s.after(at, s.partition)
	}
	s.after(chaosFor, s.heal)
	return s
}

func (s *sim) partition() {
	if s.chaos {
		groups := 1 + s.rng.IntN(3)
		for _, n := range s.nodes {
			n.group = s.rng.IntN(groups)
		}
	}
}

func (s *sim) heal() {
	s.chaos, s.loss, s.double = false, 0, 0
	s.slow, s.crash, s.crashSaved, s.crashDecided = 0, 0, 0, 0
	s.maxDelay = min(s.maxDelay, 100*time.Millisecond)
	for _, n := range s.nodes {
		n.group = 0
		if n.core == nil {
			n.start()
		}
	}
}

// run returns what went wrong.
func (s *sim) run() error {
	for len(s.queue) > 0 && s.err == nil {
		e := heap.Pop(&s.queue).(simEvent)
		s.now = e.at
		e.do()
		if !s.chaos && s.finished() {
			return s.checkEnd()
		}
		if s.now.Sub(start) > chaosFor+calmFor {
			for _, n := range s.nodes {
				s.failf("node %d of %d, expecting %d: %+v", n.index, len(s.nodes), s.terms.Expect, n.core.Status())
			}
		}
	}
	return s.err
}

// finished reports whether each node is a member of a cluster.
func (s *sim) finished() bool {
	for _, n := range s.nodes {
		if n.cluster.IsZero() {
			return false
		}
	}
	return true
}

func (s *sim) checkEnd() error {
	switch v := s.decision; {
	case v == nil:
		s.failf("a cluster without a decision")
	case v.check() != "":
		s.failf("the decision %s", v.check())
	case len(v.Founders) < s.terms.Expect:
		s.failf("%d founders, not %d", len(v.Founders), s.terms.Expect)
	}
	return s.err
}

// decided checks that there is one decision.
func (s *sim) decided(n *simNode, v *Value) {
	switch {
	case s.decision == nil:
		s.decision = v
	case s.decision.Cluster != v.Cluster:
		s.failf("node %d knows of cluster %v, another one of %v", n.index, v.Cluster, s.decision.Cluster)
	}
}

// saved checks the two rules that make it one decision: a ballot has one value, and when a
// quorum has accepted one all later ballots have the same.
func (s *sim) saved(n *simNode, st *State) {
	b := st.Accepted
	if s.terms.Dynamic() || b.IsZero() || st.Decided || n.index >= len(s.addrs) {
		return
	}
	if id, ok := s.proposed[b]; ok && id != st.Value.Cluster {
		s.failf("ballot %v has two values", b)
	}
	s.proposed[b] = st.Value.Cluster
	if s.accepted[b] == nil {
		s.accepted[b] = make(map[int]bool)
	}
	s.accepted[b][n.index] = true
	if len(s.accepted[b]) > len(s.addrs)/2 && (s.chosen.IsZero() || b.Compare(s.chosen) < 0) {
		s.chosen = b
	}
	if s.chosen.IsZero() {
		return
	}
	for later, id := range s.proposed {
		if later.Compare(s.chosen) > 0 && id != s.proposed[s.chosen] {
			s.failf("a quorum has accepted ballot %v, and ballot %v has another value", s.chosen, later)
		}
	}
}

// start starts the node with what is on its disk.
func (n *simNode) start() {
	s := n.s
	if n.core != nil {
		return
	}
	var st *State
	if n.disk != nil {
		var err error
		if st, err = DecodeState(n.disk); err != nil {
			s.failf("state of node %d: %v", n.index, err)
			return
		}
		s.plant(n, st)
	}
	self := Peer{ID: n.id, Addr: slots.Addr{Port: 7000, BusPort: 17000}, Zone: strconv.Itoa(n.index % 3)}
	if n.index%2 == 0 {
		self.Addr.Host = fmt.Sprintf("n%d", n.index)
	}
	core, err := New(Config{Terms: s.terms, Self: self, Rand: rand.New(rand.NewPCG(s.rng.Uint64(), 0))}, st, s.now)
	if err != nil {
		s.failf("node %d: %v", n.index, err)
		return
	}
	n.core = core
	n.life++
	core.SetCluster(s.now, n.cluster, !n.cluster.IsZero())
	n.tick(n.life)
}

// plant changes what a node finds on its disk as the mutant would have left it.
func (s *sim) plant(n *simNode, st *State) {
	switch {
	case st.Decided:
	case s.mutant == promiseNotSaved:
		st.Promised = st.Accepted
	case s.mutant == acceptanceNotSaved:
		st.Accepted, st.Value = Ballot{}, nil
	case s.mutant == twoVotes:
		*st = State{Terms: st.Terms}
		n.id[0]++
	}
}

func (n *simNode) tick(life int) {
	if n.core == nil || n.life != life {
		return
	}
	s := n.s
	if s.terms.Dynamic() && s.rng.IntN(4) == 0 {
		addrs := []string{s.addrs[0]} // what all have in common
		for _, a := range s.addrs[1:] {
			if !s.chaos || s.rng.IntN(2) == 0 {
				addrs = append(addrs, a)
			}
		}
		n.core.SetAddresses(s.now, addrs)
	}
	n.core.Tick(s.now)
	n.carryOut(nil)
	s.after(2*TickEvery, func() { n.tick(life) })
}

// carryOut does what the core wants, and then, if the node lives, sends the reply.
func (n *simNode) carryOut(reply func()) {
	s := n.s
	if s.mutant == quorumTooSmall {
		n.forgeVote()
	}
	if p := n.core.proposal; p != nil && s.mutant == valueIgnored {
		p.found, p.accepted = nil, Ballot{}
	}
	out := n.core.Output()
	if s.rng.Float64() < s.crash/4 {
		n.stop() // before the save
		return
	}
	if out.Save != nil {
		n.disk = EncodeState(out.Save)
		s.saved(n, out.Save)
	}
	if v := n.core.Decision(); v != nil {
		first := s.decision == nil
		s.decided(n, v)
		if first && s.rng.Float64() < s.crashDecided {
			n.stop()
			return
		}
	}
	if s.rng.Float64() < s.crash {
		n.stop() // between the save and what was to leave
		return
	}
	if reply != nil {
		reply()
	}
	for _, send := range out.Sends {
		n.deliver(send)
	}
	if out.Decision != nil {
		n.join(out.Decision.Cluster)
	}
	if out.Join != nil {
		n.join(out.Join.Cluster)
	}
	if out.Save != nil && s.rng.Float64() < s.crashSaved {
		n.stop()
	}
}

// forgeVote adds a vote of nobody, so that a quorum has one vote too few.
func (n *simNode) forgeVote() {
	for p := n.core.proposal; p != nil && !p.votes[slots.NodeID{}]; p = n.core.proposal {
		p.votes[slots.NodeID{}] = true
		n.core.counted()
	}
}

func (n *simNode) stop() {
	n.core = nil
	down := 2 * time.Second
	if n.s.rng.IntN(2) == 0 {
		down = 50 * time.Millisecond
	}
	n.s.after(n.s.until(down), n.start)
}

// join makes the node a member of the cluster a while later, if it runs then.
func (n *simNode) join(id gossip.ClusterID) {
	life := n.life
	n.s.after(n.s.until(500*time.Millisecond), func() {
		if n.core == nil || n.life != life || !n.cluster.IsZero() {
			return
		}
		if n.s.decision.Cluster != id {
			n.s.failf("node %d joins %v, which nobody has decided on", n.index, id)
		}
		n.cluster = id
		n.core.SetCluster(n.s.now, id, true)
	})
}

// deliver sends a request, and brings back the reply.
func (n *simNode) deliver(send Send) {
	s, life := n.s, n.life
	to := s.nodes[int(send.Address[1]-'0')]
	connected := func() bool { return to.core != nil && n.group == to.group }
	s.message(func() {
		if !connected() {
			if n.core != nil && n.life == life && s.rng.IntN(2) == 0 {
				n.core.Failed(s.now, send.Address, send.Request.Seq)
			}
			return
		}
		r := send.Request
		if s.verify {
			r = *roundTrip(s, AppendRequest(nil, &r), DecodeRequest, AppendRequest)
		}
		if r.From.Addr.Host == "" {
			r.From.Addr.Host = fmt.Sprintf("n%d", n.index)
		}
		reply := to.core.Handle(s.now, r)
		to.carryOut(func() {
			s.message(func() {
				if n.core == nil || n.life != life || n.group != to.group {
					return
				}
				if s.verify {
					reply = *roundTrip(s, AppendReply(nil, &reply), DecodeReply, AppendReply)
				}
				back := reply
				if back.From.Addr.Host == "" {
					back.From.Addr.Host = fmt.Sprintf("n%d", to.index)
				}
				n.core.Answer(s.now, send.Address, back)
				n.carryOut(nil)
			})
		})
	})
}

func roundTrip[T any](s *sim, b []byte, decode func([]byte) (*T, error), encode func([]byte, *T) []byte) *T {
	v, err := decode(b)
	if err != nil {
		s.failf("%v", err)
		return new(T)
	}
	if again := encode(nil, v); !bytes.Equal(again, b) {
		s.failf("a message is not what it was:\n%x\n%x", again, b)
	}
	return v
}

// message does what a message does when it arrives: never, later, or twice.
func (s *sim) message(do func()) {
	if s.rng.Float64() < s.loss {
		return
	}
	delay := s.maxDelay
	if s.slow > 0 && s.rng.Float64() < s.slow {
		delay = maxSlow
	}
	s.after(s.until(delay), do)
	if s.rng.Float64() < s.double {
		s.after(s.until(2*s.maxDelay), do)
	}
}

// TestSimulation runs SLOTMESH_SEEDS schedules, 1000 by default.
func TestSimulation(t *testing.T) {
	seeds := 1000
	if testing.Short() {
		seeds = 100
	}
	if n, err := strconv.Atoi(os.Getenv("SLOTMESH_SEEDS")); err == nil {
		seeds = n
	}
	first := uint64(1)
	if n, err := strconv.ParseUint(os.Getenv("SLOTMESH_SEED"), 10, 64); err == nil {
		first, seeds = n, 1
	}
	failed := runSeeds(first, seeds, none, func(seed uint64, err error) {
		t.Errorf("SLOTMESH_SEED=%d: %v", seed, err)
	})
	if failed > 0 {
		t.Errorf("%d of %d schedules failed", failed, seeds)
	}
}

// TestSimulationFindsBugs plants bugs, each of which some schedules must find.
func TestSimulationFindsBugs(t *testing.T) {
	for m, name := range map[mutant]string{
		promiseNotSaved: "promise not saved", acceptanceNotSaved: "acceptance not saved",
		quorumTooSmall: "quorum of n/2", valueIgnored: "accepted value ignored", twoVotes: "wiped acceptors",
	} {
		t.Run(name, func(t *testing.T) {
			const seeds = 400
			found := runSeeds(1, seeds, m, func(uint64, error) {})
			t.Logf("found in %d of %d schedules", found, seeds)
			if found == 0 {
				t.Error("the simulation does not notice it")
			}
		})
	}
	if failed := runSeeds(1, 200, none, func(uint64, error) {}); failed > 0 {
		t.Errorf("without a bug, %d of 200 schedules fail", failed)
	}
}

// runSeeds runs schedules on all processors and returns how many failed. It reports the
// first few.
func runSeeds(first uint64, seeds int, m mutant, report func(uint64, error)) int {
	var next, failed atomic.Int64
	var wg sync.WaitGroup
	var mu sync.Mutex // guards report
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(seeds); i = next.Add(1) - 1 {
				seed := first + uint64(i)
				if err := newSim(seed, m).run(); err != nil && failed.Add(1) <= 3 {
					mu.Lock()
					report(seed, err)
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	return int(failed.Load())
}
