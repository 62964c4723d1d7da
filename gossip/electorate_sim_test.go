package gossip

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// TestElectorateChaos lets clusters of one, two and three masters, with replicas and
// witnesses, live through loss, partitions, crashes between saving a vote and sending it,
// manual failovers, and masters that gain their first slots or give up their last. No two
// nodes may ever win an election in one epoch, no version of the electorate may be two
// sets, and two that follow each other differ by one voter. In the end all agree, and a
// shard that loses its master has another one.
func TestElectorateChaos(t *testing.T) {
	eachSeed(t, 40, func(t *testing.T, seed uint64) { newElectorateSim(t, seed, nil).all() })
}

// TestElectoratePlantedBugs holds that the simulation finds what it looks for.
func TestElectoratePlantedBugs(t *testing.T) {
	for _, bug := range []struct {
		name   string
		shapes []uint64 // of electorateShapes, in which it can show
		plant  func(*simNode, *Config)
	}{
		{"a vote that is not saved", []uint64{0, 1, 2, 3, 4, 5, 6, 7}, func(n *simNode, _ *Config) {
			if n.saved != nil {
				n.saved.LastVoteEpoch = 0
			}
		}},
		{"an electorate that changes by two at once", []uint64{3}, func(n *simNode, _ *Config) {
			n.sim.after(0, func() {
				if n.core != nil {
					n.core.step = 2
				}
			})
		}},
		{"a vote that does not tell of undecided elections", []uint64{7}, func(n *simNode, _ *Config) {
			n.sim.tamper = func(m *Message) *Message {
				told := *m
				told.Undecided, told.Owners = nil, nil
				return &told
			}
		}},
	} {
		t.Run(bug.name, func(t *testing.T) {
			shapes := uint64(len(bug.shapes))
			for i := range uint64(3000) {
				seed := bug.shapes[i%shapes] + i/shapes*uint64(len(electorateShapes))
				if found := findBug(t, seed, bug.plant); found != "" {
					t.Logf("found: %s", found)
					return
				}
			}
			t.Error("not found")
		})
	}
}

// findBug returns what a simulation with a planted bug failed with, "" if it did not.
func findBug(t *testing.T, seed uint64, plant func(*simNode, *Config)) (text string) {
	defer func() {
		if f, ok := recover().(found); ok {
			text = string(f)
		}
	}()
	s := newElectorateSim(catcher{t}, seed, plant)
	s.chaos()
	return ""
}

// catcher turns a failure of a simulation into a panic with its text.
type catcher struct{ testing.TB }

type found string

func (catcher) Helper() {}

func (catcher) Fatalf(format string, args ...any) { panic(found(fmt.Sprintf(format, args...))) }

type electorateSim struct {
	*sim
	masters, data int
	moves         bool // slots move, and so epochs are taken without votes
	calm          bool // nothing happens any more
	history       map[claim]slots.NodeID
	winners       map[uint64]slots.NodeID // by epoch
	electorates   map[uint64]Electorate   // by version
}

const electorateT = time.Second

// electorateShapes are how many masters there are, replicas of each, and witnesses.
var electorateShapes = [8][3]int{{1, 2, 0}, {1, 1, 1}, {2, 1, 0}, {1, 3, 1}, {2, 1, 1}, {1, 4, 0}, {2, 2, 0}, {3, 1, 1}}

func newElectorateSim(t testing.TB, seed uint64, plant func(*simNode, *Config)) *electorateSim {
	shape := electorateShapes[seed%8]
	s := newVoters(t, seed, shape[0], shape[1], shape[2], electorateT)
	e := &electorateSim{sim: s, masters: shape[0], data: shape[0] * (1 + shape[1]), moves: seed/8%2 == 1,
		history: make(map[claim]slots.NodeID),
		winners: make(map[uint64]slots.NodeID), electorates: make(map[uint64]Electorate)}
	witness := s.configure
	s.configure = func(n *simNode, cfg *Config) {
		witness(n, cfg)
		cfg.ReplicaValidity, cfg.NoFullCoverage = -1, true
		if plant != nil {
			plant(n, cfg)
		}
	}
	for _, n := range s.nodes {
		n.core.cfg.ReplicaValidity, n.core.cfg.NoFullCoverage = -1, true
		if plant != nil {
			plant(n, &n.core.cfg)
		}
	}
	s.host = e.watch
	s.loss, s.double, s.maxDelay = 0.02, 0.02, 40*time.Millisecond
	return e
}

// watch holds what must hold of the elections that a node wins, and of its electorate.
func (s *electorateSim) watch(n *simNode, events []Event) {
	for _, e := range events {
		switch e := e.(type) {
		case EpochChanged:
			if e.Reason == "won an election" {
				s.wins(n, e.ConfigEpoch)
			}
		case Fenced:
			if e.Epoch != 0 {
				s.wins(n, e.Epoch)
			}
		case ElectorateChanged:
			s.changes(n, e.Electorate)
		}
	}
}

// wins holds that an epoch has one winner. It leaves out masters that vote while others gain
// their first slots or give up their last: see the limits in the package comment.
func (s *electorateSim) wins(n *simNode, epoch uint64) {
	if s.moves && !n.core.electors.explicit() {
		return
	}
	if by, ok := s.winners[epoch]; ok && by != n.id {
		s.fatalf("%s and %s both won an election in epoch %d%s", by.Short(), n.id.Short(), epoch, s.roles())
	}
	s.winners[epoch] = n.id
}

func (s *electorateSim) changes(n *simNode, e Electorate) {
	is, ok := s.electorates[e.Version]
	if !ok {
		s.electorates[e.Version] = e
		if s.rng.IntN(2) == 0 {
			s.split()
		}
	} else if !slices.Equal(is.Voters, e.Voters) {
		s.fatalf("electorate %d is %v of epoch %d, and at node %d %v of epoch %d", e.Version, is.Voters, is.Epoch, n.i,
			e.Voters, e.Epoch)
	}
}

func (s *electorateSim) all() {
	s.chaos()
	s.healed()
}

func (s *electorateSim) chaos() {
	for range 8 {
		s.misfortune()
		for range 20 {
			s.run(50 * time.Millisecond)
			s.check()
		}
	}
}

func (s *electorateSim) misfortune() {
	n := s.nodes[s.rng.IntN(len(s.nodes))]
	switch s.rng.IntN(10) {
	case 0:
		for i := range s.group {
			s.group[i] = s.rng.IntN(2)
		}
	case 1:
		s.group[n.i] = 1 + n.i
	case 2:
		if m := s.owner(slots.Slot(s.rng.IntN(slots.Count))); m != nil {
			m.crash(s.rng.IntN(2) == 0)
		}
	case 3: // nodes die over their next vote or epoch, and come back
		for _, n := range s.up() {
			if s.rng.IntN(2) == 0 {
				n.stopBeforeSave = s.rng.IntN(2) == 0
				n.stopAfterSave = true
			}
			s.after(time.Duration(s.rng.Int64N(int64(time.Second))), func() { s.revive(n) })
		}
		fallthrough
	case 4, 5:
		s.stand()
	case 8: // replicas stand on two sides, and voters restart on the other one
		if s.masters >= leastVoters && s.rng.IntN(2) == 0 {
			s.loseVotes()
			return
		}
		for i := range s.group {
			s.group[i] = s.rng.IntN(2)
		}
		for _, n := range s.up() {
			if n.core.isReplica() {
				n.do(Failover{FailoverForce})
			}
		}
		s.run(200 * time.Millisecond)
		for _, n := range s.up() {
			if s.rng.IntN(2) == 0 {
				n.crash(false)
				s.group[n.i] = 1 - s.group[n.i]
				n.start()
			}
		}
	case 6: // the electorate has a reason to change
		if s.moves && (s.masters < leastVoters || slices.Max(s.group) == 0) {
			s.move()
		}
	case 7: // voters are missed for long, perhaps two at once
		if s.rng.IntN(2) == 0 {
			for i := range s.group {
				s.group[i] = 0
			}
			for _, i := range s.rng.Perm(len(s.nodes))[:2] {
				s.group[i] = 1
			}
			s.run(3 * electorateT)
		}
		for _, n := range s.up() {
			n.core.electorsAge(2 * voterAbsence)
		}
	default:
		for i := range s.group {
			s.group[i] = 0
		}
		for _, n := range s.nodes {
			s.revive(n)
		}
	}
}

// stand lets replicas stand for election at once.
func (s *electorateSim) stand() {
	for _, n := range s.up() {
		n.core.SetData(Data{Offset: int64(s.rng.IntN(100))})
		if n.core.isReplica() && s.rng.IntN(2) == 0 {
			s.after(time.Duration(s.rng.Int64N(int64(50*time.Millisecond))), func() {
				if n.core != nil && !n.stopBeforeSave && !n.stopAfterSave {
					n.do(Failover{FailoverForce})
				}
			})
		}
	}
}

// loseVotes lets replicas stand while votes get lost, then parts the cluster, and lets
// replicas stand on both sides: voters do not know who won.
func (s *electorateSim) loseVotes() {
	loss := s.loss
	s.loss = 0.5
	s.stand()
	s.run(60 * time.Millisecond)
	s.loss = loss
	for i := range s.group {
		s.group[i] = s.rng.IntN(2)
	}
	for range 3 {
		s.stand()
		s.run(250 * time.Millisecond)
	}
}

// split parts the cluster at the moment in which one node knows a new electorate and no other
// node does, and lets replicas stand on both sides.
func (s *electorateSim) split() {
	if s.calm {
		return
	}
	for i := range s.group {
		s.group[i] = s.rng.IntN(2)
	}
	s.after(20*time.Millisecond, func() {
		for _, n := range s.nodes {
			s.revive(n)
		}
	})
	s.after(200*time.Millisecond, s.stand)
}

// check holds that no slot has two masters in one config epoch, as long as each epoch was
// voted for.
func (s *electorateSim) check() {
	if !s.moves {
		s.checkMasters(s.history)
	}
}

func (s *electorateSim) revive(n *simNode) {
	n.stopBeforeSave, n.stopAfterSave = false, false
	if n.core == nil {
		n.start()
	}
}

// electorsAge makes failed nodes look as if they had failed long ago.
func (c *Core) electorsAge(by time.Duration) {
	for _, n := range c.list {
		if n.health == slots.Failed {
			n.failedAt = n.failedAt.Add(-by)
		}
	}
}

// move gives some slots of a master to another one, or to a node that has none.
func (s *electorateSim) move() {
	from, to := s.owner(slots.Slot(s.rng.IntN(slots.Count))), s.nodes[s.rng.IntN(s.data)]
	if from == nil || to.core == nil || to == from || to.core.isReplica() || to.core.self.rec.Fenced || s.cut(from, to) {
		return
	}
	set := *from.core.self.owned
	to.core.now = s.now
	to.core.resolveClaims()
	to.core.bumpEpoch("test")
	to.core.claim(&set, nil)
	to.carryOut()
}

// healed ends all faults, and holds that the cluster is whole again.
func (s *electorateSim) healed() {
	s.calm = true
	s.heal()
	s.until(60*time.Second, "equal views", func() bool {
		s.check()
		return converged(s.nodes)
	})
	s.until(30*time.Second, "an agreement", s.settled)
	s.run(3 * time.Second) // a voter that was missed for long may be left out still, and come back
	s.until(30*time.Second, "an agreement that lasts", s.settled)
	victim := s.owner(slots.Slot(s.rng.IntN(slots.Count)))
	replicas := 0
	for _, n := range s.nodes {
		if n.core.self.rec.Master == victim.id {
			replicas++
		}
	}
	if replicas == 0 {
		return
	}
	slot := firstOf(victim.core.self.owned)
	victim.crash(s.rng.IntN(2) == 0)
	s.until(6*electorateT+3*time.Second, "a winner", func() bool { return s.owner(slot) != nil })
}

// settled reports whether the electorate is what it should be.
func (s *electorateSim) settled() bool {
	masters := s.nodes[0].core.owners()
	switch e := s.electorate(); {
	case masters >= leastVoters:
		return s.agreed(0)
	default:
		return len(e.Voters) == len(s.nodes) && s.agreed(len(s.nodes))
	}
}
