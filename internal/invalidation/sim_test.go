package invalidation

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// The simulation has masters, each with a replica, and holders, whose clocks differ, on a
// network that delays and breaks connections. A master may be cut off, and then succeeded by
// its replica no sooner than a node timeout later. It checks what the protocol promises: a
// holder that covers a slot has no copy that is older than an acknowledged write.

const (
	simTimeout = time.Second // T
	simStep    = 5 * time.Millisecond
	simShards  = 3
	simNodes   = 2*simShards + 2 // the last two are masters without slots
)

type sim struct {
	t       *testing.T
	r       *rand.Rand
	now     time.Time
	nodes   [simNodes]*simNode
	owner   [simShards]int // the truth: which node serves
	cut     [simNodes]bool
	cutAt   [simNodes]time.Time
	version [simShards]int // of the one key of each shard
	acked   [simShards]int
	writes  []*simWrite

	deaf  bool   // holders ignore changes, to show that the check bites
	bold  bool   // they serve copies without a lease
	fault string // what the check has found

	reads, acks, failovers int
}

type simNode struct {
	i       int
	id      slots.NodeID
	skew    time.Duration
	granter *Granter
	holder  *Holder
	links   map[int]*simLink
	view    [simShards]int // which node it takes for the owner
	copies  [simShards]int // versions; 0: none
	changes [simShards]int // counts those that it heard of
	fetches []simFetch
}

// simLink is a connection from a holder to a granter.
type simLink struct {
	peer    *Peer
	grantee *Grantee
	up      []simPacket // to the granter
	down    []simPacket
}

type simPacket struct {
	at time.Time
	b  []byte
}

type simFetch struct {
	shard, version, changes int
	at                      time.Time
}

type simWrite struct {
	node, shard, version int
	mark                 uint64
}

func simKey(shard int) []byte { return fmt.Appendf(nil, "p:%d", shard) }

func simSlot(shard int) slots.Slot { return slots.Slot(shard) }

func newSim(t *testing.T, seed uint64) *sim {
	s := &sim{t: t, r: rand.New(rand.NewPCG(seed, 1)), now: time.Unix(1e9, 0)}
	for i := range s.nodes {
		n := &simNode{i: i, skew: time.Duration(s.r.IntN(1e9)), granter: NewGranter(), links: make(map[int]*simLink)}
		n.id[0] = byte(i + 1)
		n.holder = NewHolder(Lease(simTimeout), n.time(s))
		n.holder.Watch("p:", true, func(c Change) { s.changed(n, c) })
		s.nodes[i] = n
	}
	for shard := range simShards {
		s.owner[shard] = 2 * shard
		s.version[shard], s.acked[shard] = 1, 1
	}
	for _, n := range s.nodes {
		n.view = s.owner
		s.setMap(n)
	}
	return s
}

func (n *simNode) time(s *sim) time.Time { return s.now.Add(n.skew) }

// changed is what a holder does with a change.
func (s *sim) changed(n *simNode, c Change) {
	if s.deaf {
		return
	}
	for shard := range simShards {
		hit := c.Key == string(simKey(shard))
		if c.All {
			hit = c.Slots == nil || c.Slots.Has(simSlot(shard))
			n.changes[shard]++
		}
		if hit {
			n.changes[shard]++
			n.copies[shard] = 0
		}
	}
}

// setMap gives a node the map of what it believes.
func (s *sim) setMap(n *simNode) {
	top := slots.Topology{Self: n.id, State: slots.OK}
	for i, o := range s.nodes {
		node := slots.Node{ID: o.id}
		if i < 2*simShards {
			if owner := n.view[i/2]; owner == i {
				set := slots.NewSet(simSlot(i / 2))
				node.Slots = &set
			} else {
				node.Master = s.nodes[owner].id
			}
		}
		top.Nodes = append(top.Nodes, node)
	}
	if s.cut[n.i] && s.now.Sub(s.cutAt[n.i]) > simTimeout {
		top.State = slots.Down
	}
	m, err := slots.NewMap(top)
	if err != nil {
		s.t.Fatal(err)
	}
	n.granter.SetMap(m, n.time(s))
	n.granter.InForce()
	n.holder.SetMap(m)
}

func (s *sim) delay() time.Duration { return time.Duration(s.r.IntN(30)) * time.Millisecond }

// connected reports whether two nodes reach each other.
func (s *sim) connected(a, b int) bool { return s.cut[a] == s.cut[b] }

func (s *sim) step() {
	s.now = s.now.Add(simStep)
	for _, n := range s.nodes {
		for i := range s.nodes {
			s.converse(n, i)
		}
		if s.r.IntN(10) == 0 {
			n.holder.Renew(n.time(s))
		}
		n.granter.Sweep(n.time(s))
		s.finishFetches(n)
		s.read(n)
	}
	s.write()
	s.confirm()
	if s.r.IntN(40) == 0 {
		s.disturb()
	}
	s.succeed()
}

// converse moves what holder n and granter i say to each other.
func (s *sim) converse(n *simNode, i int) {
	link := n.links[i]
	switch {
	case i == n.i:
		return
	case link == nil:
		if s.connected(n.i, i) && s.r.IntN(4) == 0 {
			n.links[i] = &simLink{peer: n.holder.Attach(s.nodes[i].id), grantee: s.nodes[i].granter.Attach(n.id)}
		}
		return
	}
	up, _ := link.peer.Drain(nil)
	down, _ := link.grantee.Drain(nil)
	link.up = s.send(link.up, up)
	link.down = s.send(link.down, down)
	if !s.connected(n.i, i) {
		return
	}
	for ; len(link.up) > 0 && !s.now.Before(link.up[0].at); link.up = link.up[1:] {
		for _, m := range split(s.t, link.up[0].b) {
			link.grantee.Receive(&m, s.nodes[i].time(s))
		}
	}
	for ; len(link.down) > 0 && !s.now.Before(link.down[0].at); link.down = link.down[1:] {
		for _, m := range split(s.t, link.down[0].b) {
			link.peer.Receive(&m, n.time(s))
			if m.Number > 0 {
				link.peer.Acknowledge(m.Number)
			}
		}
	}
}

// send puts a packet behind those that are on their way.
func (s *sim) send(list []simPacket, b []byte) []simPacket {
	if len(b) == 0 {
		return list
	}
	at := s.now.Add(s.delay())
	if n := len(list); n > 0 && list[n-1].at.After(at) {
		at = list[n-1].at
	}
	return append(list, simPacket{at, b})
}

func (s *sim) breakLink(n *simNode, i int) {
	if link := n.links[i]; link != nil {
		link.peer.Detach()
		link.grantee.Detach(s.nodes[i].time(s))
		delete(n.links, i)
	}
}

// read checks the copies that a holder may serve, and begins to fetch others.
func (s *sim) read(n *simNode) {
	for shard := range simShards {
		if !n.holder.Covers(simSlot(shard), n.time(s)) && !s.bold {
			continue
		}
		if v := n.copies[shard]; v > 0 {
			s.reads++
			if v < s.acked[shard] && !s.cut[n.i] {
				s.fault = fmt.Sprintf("%v: node %d serves version %d of shard %d, %d has been acknowledged",
					s.now.Sub(time.Unix(1e9, 0)), n.i, v, shard, s.acked[shard])
			}
			continue
		}
		if owner := n.view[shard]; s.connected(n.i, owner) && s.owner[shard] == owner {
			n.fetches = append(n.fetches, simFetch{shard, s.version[shard], n.changes[shard], s.now.Add(s.delay())})
		}
	}
}

func (s *sim) finishFetches(n *simNode) {
	rest := n.fetches[:0]
	for _, f := range n.fetches {
		switch {
		case s.now.Before(f.at):
			rest = append(rest, f)
		case f.changes == n.changes[f.shard]:
			n.copies[f.shard] = f.version
		}
	}
	n.fetches = rest
}

// write writes to a shard at its owner, unless that has stopped to serve.
func (s *sim) write() {
	shard := s.r.IntN(simShards)
	at := s.owner[shard]
	if s.r.IntN(5) > 0 || s.cut[at] { // what a master writes that is cut off is lost
		return
	}
	g := s.nodes[at].granter
	s.version[shard]++
	g.Committed(simSlot(shard), []keyspace.Op{{Kind: keyspace.OpPut, Key: simKey(shard)}},
		func() time.Time { return s.nodes[at].time(s) })
	s.writes = append(s.writes, &simWrite{at, shard, s.version[shard], g.Mark(simSlot(shard))})
}

// confirm acknowledges the writes that wait for nothing any more.
func (s *sim) confirm() {
	rest := s.writes[:0]
	for _, w := range s.writes {
		n := s.nodes[w.node]
		if s.owner[w.shard] != w.node || s.cut[w.node] {
			continue
		}
		if _, _, ok := n.granter.Pending(w.mark, n.time(s)); w.mark > 0 && !ok {
			rest = append(rest, w)
			continue
		}
		s.acks++
		s.acked[w.shard] = max(s.acked[w.shard], w.version)
	}
	s.writes = rest
}

func (s *sim) disturb() {
	a, b := s.r.IntN(simNodes), s.r.IntN(simNodes)
	switch s.r.IntN(6) {
	case 0, 1:
		s.breakLink(s.nodes[a], b)
	case 2, 3: // two nodes are cut off together, or one
		for _, i := range []int{a, b} {
			if !s.cut[i] {
				s.cut[i], s.cutAt[i] = true, s.now
			}
		}
	default:
		for i := range s.cut {
			s.cut[i] = false
		}
	}
}

// succeed lets replicas of masters take over that have been cut off for long, and tells nodes
// of owners, each when it hears of it.
func (s *sim) succeed() {
	for shard, owner := range s.owner {
		other := 4*shard + 1 - owner
		if s.cut[owner] && s.now.Sub(s.cutAt[owner]) > simTimeout && !s.cut[other] {
			s.owner[shard] = other
			s.failovers++
			s.nodes[other].view[shard] = other
			s.setMap(s.nodes[other])
		}
	}
	for _, n := range s.nodes {
		if s.cut[n.i] {
			s.setMap(n)
			continue
		}
		if n.view != s.owner && s.r.IntN(10) == 0 {
			n.view = s.owner
			s.setMap(n)
		} else if s.r.IntN(50) == 0 {
			s.setMap(n)
		}
	}
}

func split(t *testing.T, b []byte) (list []Message) {
	for len(b) > 0 {
		n := 8 + int(b[0]) + int(b[1])<<8 + int(b[2])<<16
		m, err := decode(b[8:n])
		if err != nil {
			t.Fatal(err)
		}
		list, b = append(list, m), b[n:]
	}
	return list
}

// run runs until the check has found something.
func (s *sim) run() {
	for range 2000 {
		if s.step(); s.fault != "" {
			return
		}
	}
}

// Random runs of the two cores. SLOTMESH_SEEDS sets how many.
func TestSimulation(t *testing.T) {
	seeds := 5
	if text := os.Getenv("SLOTMESH_SEEDS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatalf("SLOTMESH_SEEDS=%q is not a number", text)
		}
		seeds = n
	}
	var reads, acks, failovers int
	for seed := range seeds {
		s := newSim(t, uint64(seed))
		if s.run(); s.fault != "" {
			t.Fatalf("seed %d: %s", seed, s.fault)
		}
		reads, acks, failovers = reads+s.reads, acks+s.acks, failovers+s.failovers
	}
	t.Logf("%d reads of copies, %d writes acknowledged, %d failovers", reads, acks, failovers)
	if reads < 100*seeds || acks < 10*seeds || failovers == 0 {
		t.Error("the simulation shows nothing")
	}
}

// The check finds holders that do not do their part.
func TestSimulationBites(t *testing.T) {
	for name, spoil := range map[string]func(*sim){
		"ignoring changes": func(s *sim) { s.deaf = true },
		"without a lease":  func(s *sim) { s.bold = true },
	} {
		found := false
		for seed := range 5 {
			s := newSim(t, uint64(seed))
			spoil(s)
			s.run()
			found = found || s.fault != ""
		}
		if !found {
			t.Errorf("holders %s go unnoticed", name)
		}
	}
}
