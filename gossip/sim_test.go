package gossip

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// sim runs cores in a slice on a network made of a seeded event queue. Everything
// follows from the seed: no goroutine, no clock.
type sim struct {
	t     testing.TB
	seed  uint64
	rng   *rand.Rand
	now   time.Time
	queue simQueue
	count uint64 // of events, orders those of one moment
	nodes []*simNode
	at    map[string]*simNode // by host

	timeout  time.Duration
	loss     float64 // of messages
	double   float64
	maxDelay time.Duration
	group    []int             // nodes of different groups cannot reach each other
	apart    map[*simNode]bool // these do not reach each other
	noMap    bool

	configure func(*simNode, *Config) // before each start of a node
	host      func(*simNode, []Event) // what a host does before messages leave
	tamper    func(*Message) *Message // makes another message of one that is sent

	maxQueue  int
	forgotten map[slots.NodeID]bool
	bytes     bool // count encoded bytes
	verify    int  // every verify-th message goes through the codec, 0: none
	delivered int
}

type simNode struct {
	sim   *sim
	i     int
	core  *Core // nil while crashed
	saved *State
	addr  slots.Addr
	links map[LinkID]*simEnd
	next  LinkID
	run   int // counts starts: events of an earlier run are void

	id                  slots.NodeID
	epoch, configEpoch  uint64 // the greatest ever sent
	bytesSent, messages int
	saves               int
	events              []Event
	stopBeforeSave      bool // crash when the next state is to be saved …
	stopAfterSave       bool // … or right after, before what relies on it is sent
}

type simEnd struct {
	node  *simNode
	run   int
	id    LinkID
	other *simEnd
}

var simStart = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)

func newSim(t testing.TB, seed uint64, n int, timeout time.Duration) *sim {
	s := &sim{
		t: t, seed: seed, rng: rand.New(rand.NewPCG(seed, 42)), now: simStart,
		timeout: timeout, maxDelay: time.Millisecond, group: make([]int, n), noMap: true,
		forgotten: make(map[slots.NodeID]bool), maxQueue: 400 * n,
		at: make(map[string]*simNode),
	}
	for i := range n {
		node := &simNode{sim: s, i: i, addr: slots.Addr{Host: fmt.Sprintf("10.0.%d.%d", i/250, 1+i%250), Port: 7000,
			BusPort: 17000}}
		s.nodes = append(s.nodes, node)
		s.at[node.addr.Host] = node
		node.start()
	}
	return s
}

func (s *sim) fatalf(format string, args ...any) {
	s.t.Helper()
	s.t.Fatalf("seed %d, %v: %s", s.seed, s.now.Sub(simStart), fmt.Sprintf(format, args...))
}

func (s *sim) after(d time.Duration, do func()) { s.put(d, simEvent{do: do}) }

func (s *sim) put(d time.Duration, e simEvent) {
	s.count++
	e.at, e.seq = int64(s.now.Sub(simStart)+d), s.count
	s.queue.push(e)
	if len(s.queue) > s.maxQueue {
		s.fatalf("more than %d events are queued: a storm", s.maxQueue)
	}
}

func (s *sim) delay() time.Duration { return time.Duration(s.rng.Int64N(int64(s.maxDelay))) + 1 }

// run lets d pass.
func (s *sim) run(d time.Duration) {
	end := s.now.Add(d)
	for len(s.queue) > 0 && s.queue[0].at <= int64(end.Sub(simStart)) {
		e := s.queue.pop()
		s.now = simStart.Add(time.Duration(e.at))
		switch {
		case e.do != nil:
			e.do()
		case e.to.alive():
			e.to.node.core.Step(s.now, e.to.id, e.msg)
			e.to.node.carryOut()
		}
	}
	s.now = end
}

// until runs until ok, and returns how long that took.
func (s *sim) until(limit time.Duration, what string, ok func() bool) time.Duration {
	s.t.Helper()
	start := s.now
	for !ok() {
		if s.now.Sub(start) > limit {
			s.fatalf("not within %v: %s", limit, what)
		}
		s.run(5 * time.Millisecond)
	}
	return s.now.Sub(start)
}

func (s *sim) cut(a, b *simNode) bool {
	return s.group[a.i] != s.group[b.i] || s.apart != nil && s.apart[a] && s.apart[b]
}

func (n *simNode) start() {
	n.run++
	n.links = make(map[LinkID]*simEnd)
	n.stopBeforeSave, n.stopAfterSave = false, false
	cfg := Config{
		Addr: slots.Addr{Port: n.addr.Port, BusPort: n.addr.BusPort}, NodeTimeout: n.sim.timeout,
		Rand: rand.New(rand.NewPCG(n.sim.seed, uint64(n.i)<<8|uint64(n.run))),
	}
	if n.sim.configure != nil {
		n.sim.configure(n, &cfg)
	}
	core, err := NewCore(cfg, n.saved, n.sim.now)
	if err != nil {
		n.sim.fatalf("node %d: %v", n.i, err)
	}
	core.noMap = n.sim.noMap
	n.core, n.id = core, core.ID()
	n.carryOut()
	n.tickAfter(time.Duration(n.sim.rng.Int64N(int64(TickEvery))))
}

func (n *simNode) tickAfter(d time.Duration) {
	run := n.run
	n.sim.after(d, func() {
		if n.run == run && n.core != nil {
			n.core.Tick(n.sim.now)
			n.tickAfter(TickEvery)
			n.carryOut()
		}
	})
}

// crash ends the node's process; its peers notice at once, or never if silent.
func (n *simNode) crash(silent bool) {
	n.core = nil
	n.run++
	if !silent {
		for id := range LinkID(n.next) + 1 {
			if end := n.links[id]; end != nil {
				end.other.downAfter(n.sim.delay())
			}
		}
	}
	n.links = nil
}

func (n *simNode) do(cmd Command) error {
	err := n.core.Do(n.sim.now, cmd)
	n.carryOut()
	return err
}

func (n *simNode) must(cmd Command) {
	if err := n.do(cmd); err != nil {
		n.sim.fatalf("node %d: %T: %v", n.i, cmd, err)
	}
}

// carryOut does what a driver would.
func (n *simNode) carryOut() {
	s, out := n.sim, n.core.Output()
	if out.Save != nil {
		if n.stopBeforeSave {
			n.crash(false)
			return
		}
		n.saved = out.Save
		n.saves++
		if n.stopAfterSave {
			n.crash(false)
			return
		}
	}
	n.events = append(n.events, out.Events...)
	if s.host != nil {
		s.host(n, out.Events)
	}
	n.checkEpochs()
	for _, send := range out.Sends {
		if end := n.links[send.Link]; end != nil {
			s.transmit(end, send.Msg)
		}
	}
	for _, addr := range out.Dials {
		s.dial(n, addr)
	}
	for _, id := range out.Closes {
		if end := n.links[id]; end != nil {
			delete(n.links, id)
			end.other.downAfter(s.delay() + s.maxDelay)
		}
	}
}

// checkEpochs holds that epochs never fall, whatever crashes come between.
func (n *simNode) checkEpochs() {
	c := n.core
	if c.currentEpoch < n.epoch || c.self.rec.ConfigEpoch < n.configEpoch && c.ID() == n.id {
		n.sim.fatalf("node %d: epochs fell from %d/%d to %d/%d", n.i, n.epoch, n.configEpoch, c.currentEpoch,
			c.self.rec.ConfigEpoch)
	}
	n.epoch, n.configEpoch = c.currentEpoch, c.self.rec.ConfigEpoch
}

func (s *sim) transmit(end *simEnd, m *Message) {
	from := end.node
	if s.tamper != nil {
		m = s.tamper(m)
	}
	from.messages++
	if s.bytes {
		from.bytesSent += 8 + len(AppendMessage(nil, m))
	}
	if s.cut(from, end.other.node) || s.rng.Float64() < s.loss {
		return
	}
	if s.delivered++; s.verify > 0 && s.delivered%s.verify == 0 {
		decoded, err := DecodeMessage(AppendMessage(nil, m))
		if err != nil {
			s.fatalf("%v does not survive the codec: %v", m.Type, err)
		}
		m = decoded
	}
	copies := 1
	if s.rng.Float64() < s.double {
		copies = 2
	}
	for range copies {
		s.put(s.delay(), simEvent{to: end.other, msg: m})
	}
}

func (e *simEnd) alive() bool {
	return e.node.core != nil && e.node.run == e.run && e.node.links[e.id] == e
}

func (e *simEnd) downAfter(d time.Duration) {
	e.node.sim.after(d, func() {
		if e.alive() {
			delete(e.node.links, e.id)
			e.node.core.LinkDown(e.node.sim.now, e.id, nil)
			e.node.carryOut()
		}
	})
}

func (s *sim) dial(from *simNode, addr slots.Addr) {
	run := from.run
	to := s.at[addr.Host]
	wait := s.delay()
	if to != nil && s.cut(from, to) {
		wait = s.timeout / 2 // nobody says no
	}
	s.after(wait, func() {
		if from.core == nil || from.run != run {
			return
		}
		if to == nil || to.core == nil || s.cut(from, to) {
			from.core.DialFailed(s.now, addr, fmt.Errorf("refused"))
			from.carryOut()
			return
		}
		a, b := from.open(), to.open()
		a.other, b.other = b, a
		to.core.LinkUp(s.now, b.id, slots.Addr{}, from.addr.Host)
		to.carryOut()
		if a.alive() {
			from.core.LinkUp(s.now, a.id, addr, to.addr.Host)
			from.carryOut()
		}
	})
}

func (n *simNode) open() *simEnd {
	n.next++
	end := &simEnd{node: n, run: n.run, id: n.next}
	n.links[n.next] = end
	return end
}

// up returns the nodes that run.
func (s *sim) up() []*simNode {
	var list []*simNode
	for _, n := range s.nodes {
		if n.core != nil {
			list = append(list, n)
		}
	}
	return list
}

// converged reports whether the given nodes know each other and nobody else, think
// each other healthy, and agree on everything.
func converged(list []*simNode) bool { return difference(list) == "" }

func difference(list []*simNode) string {
	first := list[0].core
	for _, n := range list {
		c := n.core
		switch {
		case len(c.list) != len(list):
			return fmt.Sprintf("node %d knows %d nodes, not %d", n.i, len(c.list), len(list))
		case c.digest != first.digest:
			return fmt.Sprintf("nodes %d and %d have different digests", n.i, list[0].i)
		case c.cluster != first.cluster:
			return fmt.Sprintf("nodes %d and %d are of clusters %v and %v", n.i, list[0].i, c.cluster, first.cluster)
		case c.currentEpoch != first.currentEpoch:
			return fmt.Sprintf("nodes %d and %d are in epochs %d and %d", n.i, list[0].i, c.currentEpoch, first.currentEpoch)
		}
		epochs := make(map[uint64]bool)
		for i, o := range c.list {
			if o.health != slots.Online {
				return fmt.Sprintf("node %d thinks %s %v", n.i, o.rec.ID.Short(), o.health)
			}
			if !sameSet(o.owned, first.list[i].owned) || o.rec.ID != first.list[i].rec.ID {
				return fmt.Sprintf("nodes %d and %d disagree on the slots of %s", n.i, list[0].i, o.rec.ID.Short())
			}
			if o.hasSlots() {
				if epochs[o.rec.ConfigEpoch] {
					return fmt.Sprintf("node %d sees config epoch %d twice", n.i, o.rec.ConfigEpoch)
				}
				epochs[o.rec.ConfigEpoch] = true
			}
		}
	}
	return ""
}
