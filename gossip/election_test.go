package gossip

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// owner returns the running node that owns slot in its own view.
func (s *sim) owner(slot slots.Slot) *simNode {
	for _, n := range s.up() {
		if o := n.core.self.owned; o != nil && o.Has(slot) {
			return n
		}
	}
	return nil
}

// docs/spec.md §6: a master dies, and its best replica takes over in little more than T.
func TestReplicaTakesOver(t *testing.T) {
	for seed := range uint64(20) {
		const T = 2 * time.Second
		s := newShards(t, seed, 3, 2, T)
		s.nodes[3].core.SetData(Data{Offset: 100})
		s.nodes[6].core.SetData(Data{Offset: 200}) // the better one, whatever the ids
		s.run(time.Duration(s.rng.Int64N(int64(T))))
		died := s.now
		s.nodes[0].crash(false)
		s.until(2*T, "a new master", func() bool { return s.owner(0) != nil })
		took := s.now.Sub(died)
		if seed == 0 {
			t.Logf("slot 0 has a new owner %v after its master died, T = %v", took, T)
		}
		if took < T || took > T+300*time.Millisecond {
			t.Errorf("seed %d: took over after %v, want T to T + 300 ms", seed, took)
		}
		if w := s.owner(0); w != s.nodes[6] {
			t.Errorf("seed %d: node %d won, which has less data than node 6", seed, w.i)
		}
		s.run(T)
		for _, n := range s.up() {
			if n.core.updateState(); n.core.state != slots.OK {
				t.Errorf("seed %d: node %d does not serve after the failover", seed, n.i)
			}
		}
		if m := s.nodes[3].core.self.rec.Master; m != s.nodes[6].id {
			t.Errorf("seed %d: the sibling follows %s", seed, m.Short())
		}
		s.nodes[0].start() // docs/spec.md §4.3, §4.6: the stale master becomes a replica
		s.until(time.Second, "the old master is a replica", func() bool {
			return s.nodes[0].core.self.rec.Master == s.nodes[6].id && s.nodes[0].core.self.rec.Slots == nil
		})
		s.until(5*T, "equal views", func() bool { return converged(s.nodes) })
	}
}

// The replica with less data does not hear the better one, but the voters do: they wait
// for it, and for nobody for long.
func TestVotersKnowTheBetterReplica(t *testing.T) {
	for _, c := range []struct {
		name         string
		worse, other Data
		dies         bool
		winner       int
	}{
		{"a greater offset", Data{Offset: 100}, Data{Offset: 200}, false, 6},
		{"a later term", Data{Term: 4, Offset: 200}, Data{Term: 5, Offset: 100}, false, 6},
		{"which is new to the shard", Data{Offset: 100}, Data{Term: 9, Offset: 200, Missing: true}, false, 3},
		{"which dies too", Data{Offset: 100}, Data{Offset: 200}, true, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			for seed := range uint64(10) {
				const T = 2 * time.Second
				s := newShards(t, seed, 3, 2, T)
				s.apart = map[*simNode]bool{s.nodes[3]: true, s.nodes[6]: true}
				for end := range s.nodes[3].links { // the links between them
					if e := s.nodes[3].links[end]; e.other.node == s.nodes[6] {
						e.downAfter(0)
						e.other.downAfter(0)
					}
				}
				s.nodes[3].core.SetData(c.worse) // and has never heard of the other's
				s.nodes[6].core.SetData(c.other)
				s.run(T)
				s.nodes[0].crash(false)
				if c.dies {
					s.run(T)
					s.nodes[6].crash(false)
				}
				took := s.until(2*T+3*time.Second, "a new master", func() bool { return s.owner(0) != nil })
				if w := s.owner(0); w != s.nodes[c.winner] {
					t.Errorf("seed %d: node %d won after %v, not node %d", seed, w.i, took, c.winner)
				}
			}
		})
	}
}

// Two shards that fail at the same moment must not take each other's votes for long.
func TestTwoMastersDieAtOnce(t *testing.T) {
	for seed := range uint64(20) {
		const T = 2 * time.Second
		s := newShards(t, seed, 5, 1, T)
		s.nodes[0].crash(false)
		s.nodes[1].crash(false)
		took := s.until(3*T, "two new masters", func() bool { return s.owner(0) != nil && s.owner(4000) != nil })
		if took > T+800*time.Millisecond {
			t.Errorf("seed %d: %v until both shards were served, T = %v", seed, took, T)
		}
	}
}

// docs/spec.md §6.1, §6.2: who does not stand for election.
func TestWhoDoesNotStand(t *testing.T) {
	for name, prepare := range map[string]func(c *Core){
		"switched off": func(c *Core) { c.self.rec.NoFailover = true },
		"no data yet":  func(c *Core) { c.SetData(Data{Offset: 1000, Missing: true}) },
		"old data":     func(c *Core) { c.cfg.ReplicaValidity = 1; c.SetDataTime(c.now.Add(-time.Hour)) },
	} {
		s := newShards(t, 1, 3, 1, time.Second)
		prepare(s.nodes[3].core)
		s.nodes[0].crash(false)
		s.run(20 * time.Second)
		if s.owner(0) != nil {
			t.Errorf("%s: stood for election", name)
		}
	}
}

// docs/spec.md §6.8.
func TestReplicaMigration(t *testing.T) {
	s := newShards(t, 3, 3, 3, time.Second)
	for _, i := range []int{3, 6, 9} { // all replicas of shard 0
		s.nodes[i].crash(false)
	}
	lowest := s.nodes[4]
	for _, n := range s.nodes[4:] {
		if n.core != nil && before(n.id, lowest.id) {
			lowest = n
		}
	}
	s.until(15*time.Second, "a replica moves", func() bool { return lowest.core.self.rec.Master == s.nodes[0].id })
	s.run(20 * time.Second)
	moved := 0
	for _, n := range s.up() {
		if n.core.self.rec.Master == s.nodes[0].id {
			moved++
		}
	}
	if moved != 1 {
		t.Errorf("%d replicas moved, want 1", moved)
	}
}

// A master dies, and the only replica that it had takes its place: this has none now.
func TestReplicaMigrationToASuccessor(t *testing.T) {
	s := newShards(t, 3, 3, 2, time.Second)
	s.nodes[6].crash(false) // shard 0 has one replica left
	s.run(5 * time.Second)
	successor := s.nodes[3]
	s.nodes[0].crash(false)
	s.until(15*time.Second, "its replica takes over", func() bool { return s.owner(0) == successor })
	s.until(15*time.Second, "a replica moves", func() bool {
		for _, n := range s.up() {
			if n.core.self.rec.Master == successor.id {
				return true
			}
		}
		return false
	})
}

// A node that was away hears of the successor's two roles in one moment.
func TestReplicaMigrationRemembersTheSuccessorsFormerRole(t *testing.T) {
	s := newShards(t, 3, 3, 1, time.Second)
	successor := s.nodes[1].core.nodes[s.nodes[3].id]
	successor.hadReplicas = false // as after a restart
	promoted := successor.rec
	promoted.Master, promoted.Seq, promoted.Gen = slots.NodeID{}, promoted.Seq+1, promoted.Gen+1
	if !s.nodes[1].core.mergeKnown(successor, &promoted) || !successor.hadReplicas {
		t.Error("a replica that became a master counts as one that never had a shard")
	}
}

func TestReplicateCommand(t *testing.T) {
	s := newShards(t, 1, 3, 1, time.Second)
	unknown := slots.NodeID{1}
	for _, c := range []struct {
		on   int
		to   slots.NodeID
		want string
	}{
		{3, unknown, "Unknown node " + unknown.String()},
		{3, s.nodes[3].id, "Can't replicate myself"},
		{3, s.nodes[4].id, "I can only replicate a master, not a replica."},
		{0, s.nodes[1].id, "To set a master the node must be empty and without assigned slots."},
		{3, s.nodes[1].id, ""},
	} {
		if got := errorText(s.nodes[c.on].do(Replicate{c.to})); got != c.want {
			t.Errorf("node %d: %q, want %q", c.on, got, c.want)
		}
	}
	if err := s.nodes[3].do(ForgetNode{s.nodes[1].id}); !errors.Is(err, ErrForgetMaster) {
		t.Errorf("a replica forgets its master: %v", err)
	}
	s.nodes[3].crash(false)
	s.nodes[3].start()
	if s.nodes[3].core.self.rec.Master != s.nodes[1].id {
		t.Error("the role did not survive a restart")
	}
}

// TestElectionChaos lets shards lose masters under loss, doubling, delay, partitions and
// crashes between saving a vote and sending it. No slot may ever have two masters in one
// config epoch; and once a majority and a candidate are there, each shard gets a master.
func TestElectionChaos(t *testing.T) { eachSeed(t, 20, electionChaos) }

func electionChaos(t *testing.T, seed uint64) {
	const masters, replicas, T = 5, 2, 2 * time.Second
	s := newShards(t, seed, masters, replicas, T)
	s.loss, s.double, s.maxDelay = 0.05, 0.05, 100*time.Millisecond
	history := make(map[claim]slots.NodeID)
	for _, n := range s.nodes {
		n.core.SetData(Data{Offset: int64(s.rng.IntN(1000))})
	}
	for range 8 {
		s.electionMisfortune()
		for range 40 {
			s.run(50 * time.Millisecond)
			s.checkMasters(history)
		}
	}
	s.heal()
	for i := range 60 {
		s.run(time.Second)
		s.checkMasters(history)
		if converged(s.nodes) {
			if s.run(time.Second); converged(s.nodes) { // and replicas had time to follow
				break
			}
		}
		if i == 59 {
			s.fatalf("no equal views after healing: %s", difference(s.nodes))
		}
	}
	s.until(5*time.Second, "distinct epochs", s.distinctEpochs)
	shards := make(map[slots.NodeID]int)
	for _, n := range s.nodes {
		if n.core.isReplica() {
			shards[n.core.self.rec.Master]++
		} else {
			shards[n.id] += 0
		}
	}
	if s.nodes[0].core.assigned.Len() != slots.Count || len(shards) != masters {
		s.fatalf("%d slots have an owner, %d shards: %s", s.nodes[0].core.assigned.Len(), len(shards), s.roles())
	}
	// A majority and a candidate: there must be a winner.
	victim := s.owner(slots.Slot(s.rng.IntN(slots.Count)))
	if shards[victim.id] > 0 {
		slot := firstOf(victim.core.self.owned)
		victim.crash(s.rng.IntN(2) == 0)
		s.until(4*T, "a winner", func() bool { return s.owner(slot) != nil })
		s.checkMasters(history)
	}
}

func firstOf(set *slots.Set) slots.Slot {
	for slot := range set.All() {
		return slot
	}
	panic("empty")
}

func (s *sim) electionMisfortune() {
	n := s.nodes[s.rng.IntN(len(s.nodes))]
	switch s.rng.IntN(6) {
	case 0: // a partition
		for i := range s.group {
			s.group[i] = s.rng.IntN(2)
		}
	case 1: // one node alone
		s.group[n.i] = 1 + n.i
	case 2: // a master dies
		if m := s.owner(slots.Slot(s.rng.IntN(slots.Count))); m != nil {
			m.crash(s.rng.IntN(2) == 0)
		}
	case 3: // nodes die over their next vote or epoch
		for _, n := range s.up() {
			if s.rng.IntN(3) == 0 {
				n.stopBeforeSave = s.rng.IntN(2) == 0
				n.stopAfterSave = true
			}
		}
	case 4:
		if n.core != nil && n.core.isReplica() {
			n.do(Failover{FailoverMode(s.rng.IntN(2))}) // may be refused
		}
	default:
		for i := range s.group {
			s.group[i] = 0
		}
		for _, n := range s.nodes {
			if n.core == nil {
				n.start()
			}
			n.stopBeforeSave, n.stopAfterSave = false, false
		}
	}
}

// claim is a shard's slots, by the first of them, under a config epoch.
type claim struct {
	epoch uint64
	first slots.Slot
}

// checkMasters holds that no two nodes ever claim a slot under the same config epoch, not
// even one after the other. history is who was seen to.
func (s *sim) checkMasters(history map[claim]slots.NodeID) {
	for _, n := range s.up() {
		self := n.core.self
		if self.owned == nil {
			continue
		}
		c := claim{self.rec.ConfigEpoch, firstOf(self.owned)}
		if by, ok := history[c]; ok && by != n.id {
			s.fatalf("slot %d has two masters in config epoch %d: %s and %s%s", c.first, c.epoch, by.Short(), n.id.Short(),
				s.roles())
		}
		history[c] = n.id
	}
}

// distinctEpochs reports whether all masters' epochs differ, as they must when collisions
// are resolved (docs/spec.md §4.4).
func (s *sim) distinctEpochs() bool {
	seen := make(map[uint64]bool)
	for _, n := range s.up() {
		if n.core.self.owned == nil {
			continue
		}
		epoch := n.core.self.rec.ConfigEpoch
		if seen[epoch] {
			return false
		}
		seen[epoch] = true
	}
	return true
}

func TestSetSlot(t *testing.T) {
	s := newShards(t, 1, 3, 1, time.Second)
	a, b, replica := s.nodes[0], s.nodes[1], s.nodes[3]
	unknown := slots.NodeID{1}
	for _, c := range []struct {
		on   *simNode
		cmd  SetSlot
		want string
	}{
		{replica, SetSlot{5, SlotStable, slots.NodeID{}}, "Please use SETSLOT only with masters."},
		{b, SetSlot{5, SlotMigrating, a.id}, "I'm not the owner of hash slot 5"},
		{a, SetSlot{5, SlotImporting, b.id}, "I'm already the owner of hash slot 5"},
		{a, SetSlot{5, SlotMigrating, unknown}, "I don't know about node " + unknown.String()},
		{b, SetSlot{5, SlotImporting, unknown}, "I don't know about node " + unknown.String()},
		{a, SetSlot{5, SlotNode, unknown}, "Unknown node " + unknown.String()},
		{a, SetSlot{5, SlotMigrating, replica.id}, "Please use SETSLOT only with masters."},
		{b, SetSlot{5, SlotImporting, a.id}, ""},
		{a, SetSlot{5, SlotMigrating, b.id}, ""},
	} {
		if got := errorText(c.on.do(c.cmd)); got != c.want {
			t.Errorf("%+v: %q, want %q", c.cmd, got, c.want)
		}
	}
	for _, n := range []*simNode{a, b} { // open slots survive a restart
		n.crash(false)
		n.start()
	}
	s.until(5*time.Second, "equal views", func() bool { return converged(s.nodes) })
	ma, mb := a.core.buildMap(), b.core.buildMap()
	if to, ok := ma.Migrating(5); !ok || to != b.id {
		t.Error("not migrating after a restart")
	}
	if from, ok := mb.Importing(5); !ok || from != a.id {
		t.Error("not importing after a restart")
	}
	b.must(SetSlot{5, SlotNode, b.id}) // the target first (docs/spec.md §8.1)
	s.run(100 * time.Millisecond)
	a.must(SetSlot{5, SlotNode, b.id})
	if got, old := b.core.self.rec.ConfigEpoch, a.core.self.rec.ConfigEpoch; got <= old || got != b.core.currentEpoch {
		t.Errorf("the import ended with epoch %d, the source has %d (docs/spec.md §8.2)", got, old)
	}
	if len(a.core.migrating)+len(b.core.importing) != 0 {
		t.Error("the slot is still open")
	}
	s.until(time.Second, "equal views", func() bool { return converged(s.nodes) })
	if o := a.core.owner(5); o.rec.ID != b.id {
		t.Errorf("slot 5 belongs to %s", o.rec.ID.Short())
	}
}

// roles describes who is what.
func (s *sim) roles() string {
	text := ""
	for _, n := range s.up() {
		r := n.core.self.rec
		text += fmt.Sprintf("\n\tnode %d %s: master %s, epoch %d, slots %v", n.i, n.id.Short(), r.Master.Short(),
			r.ConfigEpoch, n.core.self.owned)
	}
	return text
}
