package gossip

import (
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// electorate returns the latest that any node has saved.
func (s *sim) electorate() (e Electorate) {
	for _, n := range s.nodes {
		if n.saved != nil && n.saved.Electorate.Version > e.Version {
			e = n.saved.Electorate
		}
	}
	return e
}

// newVoters returns a cluster of that many masters with replicas each and witnesses, which
// agrees on its voters, or on none.
func newVoters(t testing.TB, seed uint64, masters, replicas, witnesses int, timeout time.Duration) *sim {
	data := masters * (1 + replicas)
	s := newSim(t, seed, data+witnesses, timeout)
	s.configure = func(n *simNode, cfg *Config) { cfg.Witness = n.i >= data }
	for _, n := range s.nodes[data:] {
		n.crash(false)
		n.start()
	}
	for i, r := range slots.Even(masters) {
		s.own(i, setOf(r.First, r.Last))
	}
	for _, n := range s.nodes[1:] {
		n.must(MeetNode{s.nodes[0].addr})
	}
	s.until(5*time.Second, "a cluster", func() bool { return converged(s.nodes) })
	for i, n := range s.nodes[masters:data] {
		n.must(Replicate{s.nodes[i%masters].id})
	}
	s.until(5*time.Second, "replicas", func() bool { return converged(s.nodes) })
	if masters < leastVoters && data+witnesses >= leastVoters {
		s.until(20*time.Second, "voters", func() bool { return s.agreed(data + witnesses) })
	}
	s.run(time.Second)
	return s
}

// agreed reports whether all running nodes know the same electorate of that many voters.
func (s *sim) agreed(voters int) bool {
	e := s.electorate()
	for _, n := range s.up() {
		if n.core.electors.Version != e.Version {
			return false
		}
	}
	return len(e.Voters) == voters
}

// A master of one or two dies, and the best replica takes over in little more than T.
func TestReplicaOfFewMastersTakesOver(t *testing.T) {
	for _, c := range []struct{ masters, replicas, witnesses int }{
		{1, 2, 0}, {1, 1, 1}, {2, 1, 0}, {2, 1, 1}, {1, 3, 0}, {2, 2, 0},
	} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			for seed := range uint64(20) {
				const T = 2 * time.Second
				s := newVoters(t, seed, c.masters, c.replicas, c.witnesses, T)
				s.nodes[c.masters].core.SetData(Data{Offset: 200})
				s.run(time.Duration(s.rng.Int64N(int64(T))))
				died := s.now
				s.nodes[0].crash(false)
				s.until(2*T, "a new master", func() bool { return s.owner(0) != nil })
				if took := s.now.Sub(died); took < T || took > T+300*time.Millisecond {
					t.Errorf("seed %d: took over after %v, want T to T + 300 ms", seed, took)
				}
				if w := s.owner(0); w != s.nodes[c.masters] {
					t.Errorf("seed %d: node %d won, which has less data", seed, w.i)
				}
				s.run(T)
				for _, n := range s.up() {
					if n.core.updateState(); n.core.state != slots.OK {
						t.Errorf("seed %d: node %d does not serve after the failover", seed, n.i)
					}
				}
				s.nodes[0].start()
				s.until(5*T, "equal views", func() bool { return converged(s.nodes) })
			}
		})
	}
}

// Two of three voters are gone for good. The third serves again once an administrator has
// forgotten them, and not before.
func TestForgetLeavesVotersOut(t *testing.T) {
	s := newVoters(t, 1, 1, 2, 0, time.Second)
	master := s.nodes[0]
	for _, n := range s.nodes[1:] {
		n.crash(false)
	}
	s.run(10 * time.Second)
	if master.core.state == slots.OK {
		t.Fatal("serves without a majority")
	}
	for _, n := range s.nodes[1:] {
		master.must(ForgetNode{n.id})
	}
	s.until(10*time.Second, "it serves", func() bool { return master.core.state == slots.OK })
	if e := master.saved.Electorate; len(e.Voters) != 1 || e.Version != 5 {
		t.Errorf("the electorate is %+v", e)
	}
}

// A takeover by command serves, as in Redis, though most voters are gone.
func TestTakeoverLeavesVotersOut(t *testing.T) {
	s := newVoters(t, 1, 1, 2, 0, time.Second)
	s.nodes[0].crash(false)
	s.nodes[1].crash(false)
	s.run(5 * time.Second)
	s.nodes[2].must(Failover{FailoverTakeover})
	s.until(5*time.Second, "it serves", func() bool {
		return s.nodes[2].core.state == slots.OK && s.owner(0) == s.nodes[2]
	})
	s.nodes[0].start()
	s.nodes[1].start()
	s.until(20*time.Second, "all vote again", func() bool { return converged(s.nodes) && s.agreed(3) })
}

// A voter that is away for long is left out, so that the master goes on alone when the
// last replica goes as well; all vote again when they are back.
func TestLongAbsence(t *testing.T) {
	s := newVoters(t, 1, 1, 2, 0, time.Second)
	s.nodes[1].crash(false)
	s.run(voterAbsence / 2)
	if e := s.electorate(); len(e.Voters) != 3 {
		t.Errorf("after a short absence the electorate is %+v", e)
	}
	s.until(voterAbsence, "a smaller electorate", func() bool { return len(s.electorate().Voters) == 1 })
	s.nodes[2].crash(false)
	s.run(5 * time.Second)
	if s.nodes[0].core.state != slots.OK {
		t.Error("the master does not go on alone")
	}
	s.nodes[1].start()
	s.nodes[2].start()
	s.until(20*time.Second, "all vote again", func() bool { return converged(s.nodes) && s.agreed(3) })
}

// With a third master, the masters with slots vote, as in Redis; with the second one left,
// all do.
func TestElectorateFollowsTheMasters(t *testing.T) {
	s := newVoters(t, 1, 2, 1, 1, time.Second)
	third := newNode(s)
	third.must(MeetNode{s.nodes[0].addr})
	s.until(5*time.Second, "a sixth member", func() bool { return converged(s.nodes) })
	third.seize(0, 100)
	s.until(20*time.Second, "the masters vote", func() bool { return s.agreed(0) })
	s.nodes[0].seize(0, 100) // the third one becomes its replica
	s.until(20*time.Second, "all vote", func() bool { return s.agreed(6) })
}

func newNode(s *sim) *simNode {
	n := &simNode{sim: s, i: len(s.nodes), addr: slots.Addr{Host: "10.0.9.1", Port: 7000, BusPort: 17000}}
	s.nodes, s.group = append(s.nodes, n), append(s.group, 0)
	s.at[n.addr.Host] = n
	s.configure = nil
	n.start()
	return n
}

// One master with one replica: nothing can be decided, which is said once. The master
// serves without the replica.
func TestTooFewVoters(t *testing.T) {
	s := newVoters(t, 1, 1, 1, 0, time.Second)
	s.run(30 * time.Second)
	for _, n := range s.nodes {
		if n.core.electors.Version != 0 {
			t.Errorf("node %d has the electorate %+v", n.i, n.core.electors)
		}
		if w := warnings(n.events); len(w) != 1 || w[0] != Undecidable {
			t.Errorf("node %d warns %q", n.i, w)
		}
	}
	s.nodes[1].crash(false)
	s.run(10 * time.Second)
	if s.nodes[0].core.state != slots.OK {
		t.Error("the master does not serve without its replica")
	}
}

// A message or a state about an electorate that no cluster agrees on changes nothing.
func TestElectorateThatNobodyAgreedOn(t *testing.T) {
	s := newVoters(t, 1, 1, 2, 0, time.Second)
	c := s.nodes[0].core
	was := c.electors
	l := c.nodes[s.nodes[1].id].link()
	for _, e := range []Electorate{
		{Version: was.Version + 1, Epoch: c.currentEpoch + 1, Voters: was.Voters},
		{Version: maxCounter, Epoch: was.Epoch, Voters: was.Voters},
		{Version: was.Version - 1, Epoch: was.Epoch},
		{Version: was.Version + 1, Epoch: was.Epoch, Voters: []slots.NodeID{{2}, {1}}},
	} {
		m := s.nodes[1].core.message(TypeElectorate)
		m.Epoch, m.Voters = c.currentEpoch, &e
		c.Step(s.now, l.id, m)
		if c.electors.Version != was.Version {
			t.Fatalf("took over %+v", e)
		}
	}
}

func TestElectorateSurvivesTheCodec(t *testing.T) {
	want := sampleState()
	want.Electorate = Electorate{Version: 3, Epoch: 7, Voters: []slots.NodeID{{1}, {2}, {3}}}
	want.Accepted = &Electorate{Version: 4, Epoch: 8}
	got, err := DecodeState(EncodeState(want))
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("%v\ngot  %+v\nwant %+v", err, got, want)
	}
	want.Electorate.Voters = []slots.NodeID{{2}, {1}}
	if _, err := DecodeState(EncodeState(want)); !errors.Is(err, ErrMalformed) {
		t.Errorf("voters that are not in order: %v", err)
	}
	want.Electorate = Electorate{Version: 3, Epoch: 10}
	if err := want.validate(); err == nil {
		t.Error("an electorate of an epoch to come is no error")
	}
}
