package gossip

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// part puts the given nodes on one side of a partition.
func (s *sim) part(nodes ...*simNode) {
	for i, n := range s.nodes {
		s.group[i] = 0
		if slices.Contains(nodes, n) {
			s.group[i] = 1
		}
	}
}

// A voter votes for a replica of another shard, and does not hear that it won. With the
// master that was succeeded it is no majority: that would be the second one of the epoch,
// beside the winner and the master on its side. (Seed 66807 of TestElectorateChaos.)
func TestVoteOfSucceededMasterDoesNotCount(t *testing.T) {
	s := newVoters(t, 1, 3, 1, 0, time.Second)
	voter, succeeded, other := s.nodes[0], s.nodes[1], s.nodes[2]
	first, second := s.nodes[4], s.nodes[5] // their replicas: of the succeeded one, and of the other
	s.part(voter, first)
	first.must(Failover{FailoverForce})
	s.run(100 * time.Millisecond)
	if u := voter.saved.Undecided; len(u) != 1 || u[0].Candidate != first.id || u[0].Epoch != voter.saved.LastVoteEpoch {
		t.Fatalf("the voter has saved %+v", u)
	}
	voter.crash(false)
	voter.start() // it has not forgotten
	s.part(first, other)
	s.until(time.Second, "links to the voter", func() bool {
		return voter.core.nodes[second.id].link() != nil && second.core.nodes[voter.id].link() != nil
	})
	second.must(Failover{FailoverForce})
	s.until(5*time.Second, "a winner", func() bool { return first.core.self.hasSlots() })
	if second.core.self.hasSlots() {
		t.Fatal("a master that was succeeded elected another one")
	}
	s.heal()
	s.until(20*time.Second, "equal views", func() bool { return converged(s.nodes) })
	s.run(3 * time.Second)
	for _, n := range s.nodes {
		if len(n.saved.Undecided) > 0 {
			t.Errorf("node %d does not know the outcome: %+v", n.i, n.saved.Undecided)
		}
	}
	if succeeded.core.self.rec.Master != first.id {
		t.Error("the winner has not won")
	}
}

// A candidate that fails in the middle of its election comes back, and says that it did not
// win. Until then, the vote of its master does not count.
func TestWithdrawnElection(t *testing.T) {
	s := newVoters(t, 1, 3, 1, 0, time.Second)
	voter, other, first, second := s.nodes[0], s.nodes[2], s.nodes[4], s.nodes[5]
	s.part(voter, first)
	first.must(Failover{FailoverForce})
	s.run(100 * time.Millisecond)
	first.crash(true)
	s.part()
	other.crash(true)
	s.run(3 * time.Second)
	if second.core.self.hasSlots() {
		t.Fatal("elected by a master that may have been succeeded")
	}
	first.start()
	s.until(6*time.Second, "a winner", func() bool { return second.core.self.hasSlots() })
}

// A node that is forgotten cannot have won.
func TestForgetEndsUndecidedElection(t *testing.T) {
	s := newVoters(t, 1, 3, 1, 0, time.Second)
	voter, other, first, second := s.nodes[0], s.nodes[2], s.nodes[4], s.nodes[5]
	s.part(voter, first)
	first.must(Failover{FailoverForce})
	s.run(100 * time.Millisecond)
	first.crash(true)
	s.part()
	s.run(time.Second)
	voter.must(ForgetNode{first.id})
	other.crash(true)
	s.until(6*time.Second, "a winner", func() bool { return second.core.self.hasSlots() })
}

// A master says that it was succeeded, and by which node no record has told yet: its shard
// still counts for the majority.
func TestShardWithoutKnownMasterCounts(t *testing.T) {
	s := newVoters(t, 1, 3, 1, 0, time.Second)
	c := s.nodes[0].core
	for _, n := range s.nodes[1:3] {
		r := c.nodes[n.id].rec
		r.Seq, r.Slots, r.Master = r.Seq+1, nil, slots.NodeID{99}
		c.mergeKnown(c.nodes[n.id], &r)
	}
	c.resolveClaims()
	if c.owners() != 1 || c.voters() != 3 {
		t.Errorf("%d masters with slots, %d voters", c.owners(), c.voters())
	}
}

// A voter knows a later config epoch of a master than the candidate, which misses two
// failovers.
func TestVoteTellsLaterEpochs(t *testing.T) {
	s := newVoters(t, 1, 3, 1, 0, time.Second)
	c, voter, master := s.nodes[4].core, s.nodes[0], s.nodes[2]
	e := &election{master: s.nodes[1].id, epoch: 50}
	c.currentEpoch = 50
	counts := func() bool {
		ok, _ := c.counts(e, c.nodes[master.id])
		return ok
	}
	if !counts() {
		t.Error("the vote of a master does not count")
	}
	m := voter.core.message(TypeVote)
	for _, o := range voter.core.list {
		if o.hasSlots() {
			m.Owners = append(m.Owners, OwnerEpoch{prefix(o.rec.ID), o.rec.ConfigEpoch})
		}
	}
	if !c.hearReport(e, c.nodes[voter.id], m) || len(e.undecided) > 0 {
		t.Errorf("equal epochs: %+v", e.undecided)
	}
	for i := range m.Owners {
		if m.Owners[i].Node == prefix(master.id) {
			m.Owners[i].Epoch = 40
		}
	}
	if !c.hearReport(e, c.nodes[voter.id], m) || len(e.undecided) != 1 || counts() {
		t.Errorf("a later epoch: %+v", e.undecided)
	}
	c.nodes[master.id].rec.ConfigEpoch = 40
	if !counts() {
		t.Error("the vote does not count though the later epoch is known")
	}
}

func TestUndecidedSurvivesTheCodec(t *testing.T) {
	set := setOf(7, 900)
	want := sampleState()
	want.Undecided = []Undecided{{Epoch: 3, Candidate: slots.NodeID{1}, Slots: &set}, {Epoch: 8, Slots: &set}}
	got, err := DecodeState(EncodeState(want))
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("%v\ngot  %+v\nwant %+v", err, got, want)
	}
	want.Undecided[1].Epoch = 10
	if err := want.validate(); err == nil {
		t.Error("an election of an epoch to come is no error")
	}
}
