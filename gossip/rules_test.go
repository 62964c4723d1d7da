package gossip

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// docs/spec.md §2.2: a handshake without an answer is dropped after max(T, 1 s).
func TestMeetNobody(t *testing.T) {
	for _, timeout := range []time.Duration{500 * time.Millisecond, 15 * time.Second} {
		s := newSim(t, 1, 1, timeout)
		n := s.nodes[0]
		n.must(MeetNode{slots.Addr{Host: "10.9.9.9", Port: 7000}})
		limit := max(timeout, time.Second)
		s.run(limit - 200*time.Millisecond)
		if p := n.core.Peers(); len(p) != 1 || !p[0].Handshake || p[0].Addr.BusPort != 17000 {
			t.Fatalf("peers during the handshake: %+v", p)
		}
		s.run(400 * time.Millisecond)
		e, ok := find[MeetFailed](n)
		if !ok || !errors.Is(e.Err, ErrNoAnswer) || len(n.core.Peers()) != 0 {
			t.Fatalf("after max(T, 1 s): %+v, peers %v", e, n.core.Peers())
		}
	}
	s := newSim(t, 1, 1, time.Second)
	for _, bad := range []slots.Addr{{Port: 7000}, {Host: "10.0.0.1"}, {Host: "10.0.0.1", Port: 60000}} {
		if err := s.nodes[0].do(MeetNode{bad}); !errors.Is(err, ErrInvalidAddr) {
			t.Errorf("meeting %v: %v", bad, err)
		}
	}
}

// docs/spec.md §2.3: only MEET from a stranger is trusted.
func TestStrangersAreNotBelieved(t *testing.T) {
	s := newSim(t, 1, 1, time.Second)
	c := s.nodes[0].core
	c.LinkUp(s.now, 1, slots.Addr{}, "10.1.1.1")
	stranger := newNodeID(s.rng)
	rec := Record{ID: stranger, Incarnation: 1, ConfigEpoch: 99, Addr: slots.Addr{Host: "10.1.1.1", Port: 1, BusPort: 2}}
	for typ := range Type(typeCount) {
		if typ == TypeMeet || typ == 0 {
			continue
		}
		c.Step(s.now, 1, &Message{
			Type: typ, Sender: stranger, Epoch: 99, Self: &rec, Records: []Record{rec}, Subject: c.ID(),
			Suspects: []slots.NodeID{c.ID()}, You: "6.6.6.6", Join: &Join{},
		})
	}
	if len(c.list) != 1 || c.currentEpoch != 0 || c.self.rec.Addr.Host != "" {
		t.Fatalf("a stranger was believed: %d nodes, epoch %d, own host %q", len(c.list), c.currentEpoch,
			c.self.rec.Addr.Host)
	}
	c.Step(s.now, 1, &Message{Type: TypeMeet, Sender: stranger, Self: &rec})
	if c.nodes[stranger] == nil {
		t.Fatal("a MEET was not accepted")
	}
}

// docs/spec.md §2.4: a link whose peer answers with another id.
func TestOtherNodeAtTheAddress(t *testing.T) {
	s := newCluster(t, 1, 4, 2*time.Second)
	gone, next := s.nodes[3], &simNode{sim: s, i: 3, addr: s.nodes[3].addr, run: 100}
	gone.crash(false)
	s.nodes[3], s.at[gone.addr.Host] = next, next
	next.start() // no state: another id at the same address
	s.run(2 * time.Second)
	for _, n := range s.nodes[:3] {
		if !n.sees(gone).noAddr || len(n.sees(gone).links) > 0 {
			t.Fatalf("node %d still looks for %s at the address of another: %+v", n.i, gone.id.Short(), n.sees(gone))
		}
	}
	if len(next.core.list) != 1 {
		t.Fatal("the new node was drawn into the cluster")
	}
}

// docs/spec.md §2.5.
func TestForget(t *testing.T) {
	s := newCluster(t, 1, 5, 2*time.Second)
	a, x := s.nodes[0], s.nodes[4]
	if err := a.do(ForgetNode{a.id}); !errors.Is(err, ErrForgetSelf) {
		t.Fatalf("forgetting itself: %v", err)
	}
	unknown := slots.NodeID{1}
	if err := a.do(ForgetNode{unknown}); err == nil || err.Error() != "Unknown node "+unknown.String() {
		t.Fatalf("forgetting an unknown node: %v", err)
	}
	s.group[3] = 1 // one that does not hear of it
	a.must(ForgetNode{x.id})
	s.run(time.Second)
	for _, n := range s.nodes[:3] {
		if n.sees(x) != nil {
			t.Fatalf("node %d did not hear that a node was forgotten", n.i)
		}
		n.must(ForgetNode{x.id}) // banned already: OK
	}
	if e, ok := find[Expelled](x); !ok || e.By == x.id || len(x.core.list) != 1 {
		t.Fatalf("the forgotten node was not told: %+v, knows %d", e, len(x.core.list))
	}
	s.run(61 * time.Second)
	if err := a.do(ForgetNode{x.id}); err == nil {
		t.Fatal("the ban did not end after 60 s")
	}
	s.group[3] = 0 // valkey#2788: brings the node back after the ban
	s.run(20 * time.Second)
	if !converged(s.nodes[:4]) {
		t.Fatalf("the forgotten node came back: %s", difference(s.nodes[:4]))
	}
	x.must(MeetNode{a.addr})
	s.until(3*time.Second, "met again", func() bool { return converged(s.nodes) })
}

// docs/spec.md §4.4: equal config epochs resolve; §4.5 and §4.7: epochs by command.
func TestConfigEpochs(t *testing.T) {
	s := newCluster(t, 1, 7, 2*time.Second) // all started with epoch 0; newCluster waits for distinct ones
	n := s.nodes[0]
	if err := n.do(SetConfigEpoch{5}); !errors.Is(err, ErrKnowsOthers) {
		t.Fatalf("SetConfigEpoch among others: %v", err)
	}
	n.must(BumpEpoch{})
	first := n.core.self.rec.ConfigEpoch
	n.must(BumpEpoch{})
	if again := n.core.self.rec.ConfigEpoch; again != first || first != n.core.currentEpoch {
		t.Fatalf("bumped to %d, then to %d", first, again)
	}
	lone := newSim(t, 2, 1, 2*time.Second).nodes[0]
	lone.must(SetConfigEpoch{7})
	if err := lone.do(SetConfigEpoch{8}); !errors.Is(err, ErrHasEpoch) {
		t.Fatalf("a second SetConfigEpoch: %v", err)
	}
}

// docs/spec.md §4.2, §4.3: the greater epoch takes a slot, and a stale owner is told.
func TestStaleClaimIsAnswered(t *testing.T) {
	s := newCluster(t, 1, 4, 2*time.Second)
	stale, winner := s.nodes[1], s.nodes[2]
	stale.crash(false)
	mine := stale.saved.Nodes[0].Slots
	winner.core.now = s.now
	winner.core.bumpEpoch("test")
	winner.core.claim(mine, nil)
	winner.carryOut()
	s.run(time.Second)
	stale.start()
	s.until(time.Second, "the stale owner gives up its slots", func() bool { return stale.core.self.rec.Slots == nil })
	if e, ok := find[SlotsChanged](stale); !ok || e.Lost == nil || *e.Lost != *mine {
		t.Fatal("no event about the lost slots")
	}
	s.until(10*time.Second, "equal views", func() bool { return converged(s.nodes) })
}

func TestSlotCommands(t *testing.T) {
	s := newSim(t, 1, 1, 2*time.Second)
	n := s.nodes[0]
	n.must(AddSlots{setOf(0, 5)})
	for _, c := range []struct {
		cmd  Command
		want string
	}{
		{AddSlots{setOf(5, 6)}, "Slot 5 is already busy"},
		{DelSlots{setOf(5, 6)}, "Slot 6 is already unassigned"},
		{DelSlots{setOf(5, 5)}, ""},
		{FlushSlots{}, ""},
		{FlushSlots{}, ""},
		{DelSlots{setOf(0, 0)}, "Slot 0 is already unassigned"},
	} {
		err := n.do(c.cmd)
		if got := errorText(err); got != c.want {
			t.Errorf("%T: %q, want %q", c.cmd, got, c.want)
		}
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestReset(t *testing.T) {
	s := newCluster(t, 1, 4, 2*time.Second)
	soft, hard := s.nodes[2], s.nodes[3]
	epoch := soft.core.currentEpoch
	soft.must(Reset{})
	if c := soft.core; c.ID() != soft.id || c.currentEpoch != epoch || len(c.list) != 1 || c.self.rec.Slots != nil ||
		!c.cluster.IsZero() {
		t.Fatalf("after a soft reset: %+v", c.self.rec)
	}
	was := hard.id
	hard.id = slots.NodeID{} // its epochs may fall
	hard.epoch = 0
	hard.core.Do(s.now, Reset{Hard: true})
	hard.id, hard.configEpoch = hard.core.ID(), 0
	hard.carryOut()
	if c := hard.core; hard.id == was || c.currentEpoch != 0 || c.self.rec.ConfigEpoch != 0 || len(c.list) != 1 {
		t.Fatalf("after a hard reset: %+v", c.self.rec)
	}
	s.run(20 * time.Second)
	if len(soft.core.list) != 1 || len(hard.core.list) != 1 {
		t.Fatal("the old peers drew a node back that was reset")
	}
	soft.must(MeetNode{s.nodes[0].addr})
	s.run(5 * time.Second)
	if n := s.nodes[1].sees(soft); n == nil || n.health != slots.Online || n.owned != nil || len(soft.core.list) != 4 {
		t.Fatalf("met again after a reset: %+v", n)
	}
}

// Restarted together, on the old ports or on new ones, nodes find each other.
func TestRestart(t *testing.T) {
	s := newCluster(t, 1, 6, 2*time.Second)
	cluster := s.nodes[0].core.cluster
	for _, n := range s.nodes {
		n.crash(false)
	}
	for _, n := range s.nodes {
		n.start()
	}
	s.until(time.Second, "equal views after a restart", func() bool { return converged(s.nodes) })
	for _, n := range s.nodes {
		if n.core.state == slots.OK {
			t.Fatal("a restarted master serves at once (docs/spec.md §5.2: after 2 s)")
		}
	}
	s.run(2*time.Second + TickEvery)
	for _, n := range s.nodes {
		if n.core.state != slots.OK || n.core.cluster != cluster {
			_, why := n.core.evaluateState()
			t.Fatalf("node %d 2 s after the restart: %s", n.i, why)
		}
	}

	for _, n := range s.nodes {
		n.crash(false)
		delete(s.at, n.addr.Host)
		n.addr.Host = strings.Replace(n.addr.Host, "10.0.", "10.5.", 1)
		n.addr.Port++
		s.at[n.addr.Host] = n
	}
	for _, n := range s.nodes {
		n.start()
	}
	s.run(5 * time.Second)
	for _, n := range s.nodes[1:] {
		n.must(MeetNode{s.nodes[0].addr})
	}
	s.run(6 * time.Second) // those declared failed in between stay so for 2T (docs/spec.md §3.5)
	if !converged(s.nodes) {
		t.Fatalf("after moving: %s", difference(s.nodes))
	}
	for _, n := range s.nodes {
		if got := n.core.self.rec.Addr; got.Host != n.addr.Host || got.Port != n.addr.Port {
			t.Fatalf("node %d at %v announces %v", n.i, n.addr, got)
		}
	}
}

// docs/spec.md §2.7: the address its peers see, unless told otherwise.
func TestLearnHost(t *testing.T) {
	s := newSim(t, 1, 1, time.Second)
	c := s.nodes[0].core
	for _, step := range []struct{ told, want string }{
		{"127.0.0.1", "127.0.0.1"}, {"::1", "127.0.0.1"}, {"10.1.2.3", "10.1.2.3"}, {"10.9.9.9", "10.1.2.3"},
		{"127.0.0.1", "10.1.2.3"},
	} {
		if c.learnHost(step.told); c.self.rec.Addr.Host != step.want {
			t.Fatalf("told %s: %s, want %s", step.told, c.self.rec.Addr.Host, step.want)
		}
	}
}

// What a node announces may change while it runs, and all hear of it. Without a host it
// is again what peers see.
func TestAnnounce(t *testing.T) {
	s := newSim(t, 1, 3, time.Second)
	s.join(0, 1, 2)
	s.run(2 * time.Second)
	n := s.nodes[1]
	seen := func() (a slots.Addr, name, zone string) {
		rec := s.nodes[2].core.nodes[n.core.self.rec.ID].rec
		return rec.Addr, rec.Hostname, rec.Zone
	}
	was, _, _ := seen()
	told := slots.Addr{Host: "10.1.2.3", Port: 7, BusPort: was.BusPort, TLSPort: 8}
	n.must(Announce{Addr: told, Hostname: "seven", Zone: "rack/7"})
	s.run(time.Second)
	if addr, name, zone := seen(); addr != told || name != "seven" || zone != "rack/7" {
		t.Errorf("a peer sees %v, %q, %q", addr, name, zone)
	}
	n.must(Announce{Addr: slots.Addr{Port: was.Port, BusPort: was.BusPort}})
	if n.core.learnHost(was.Host); n.core.self.rec.Addr != was {
		t.Errorf("it announces %v, want %v", n.core.self.rec.Addr, was)
	}
	if err := n.do(Announce{Addr: told, Zone: "a zone"}); err == nil || n.core.self.rec.Zone != "" {
		t.Errorf("a zone with a space: %v", err)
	}
	if err := n.do(Announce{}); err == nil {
		t.Error("an address without a port for the bus was accepted")
	}
}
