package migrator

import (
	"bytes"
	"maps"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/migrate"
	"github.com/slotmesh/slotmesh/slots"
	"github.com/slotmesh/slotmesh/storage"
)

// journal returns a node's journal, as its replicas would have it.
func (n *testNode) journal() []byte {
	b, err := storage.ReadFile(n.disk, defaultJournal)
	if err != nil {
		n.c.t.Fatal(err)
	}
	return b
}

// succeed makes n the owner of what former owned, with its keys and its open slots, as a
// failover does, and lets it go on with former's jobs.
func (n *testNode) succeed(former *testNode) {
	journal := former.journal()
	former.stop()
	n.c.mu.Lock()
	for slot, owner := range n.c.owner {
		if owner == former.index {
			n.c.owner[slot] = n.index
		}
	}
	n.mu.Lock()
	n.migrating, n.importing = maps.Clone(former.migrating), maps.Clone(former.importing)
	n.mu.Unlock()
	former.migrating, former.importing = map[slots.Slot]slots.NodeID{}, map[slots.Slot]slots.NodeID{}
	n.c.mu.Unlock()
	var all []keyspace.Op
	for slot := range slots.Slot(testSlots) {
		former.store.Dump(slot, keyspace.DumpCursor{}, 1<<30, func(op keyspace.Op) error {
			op.Key, op.Part, op.Value = bytes.Clone(op.Key), bytes.Clone(op.Part), bytes.Clone(op.Value)
			all = append(all, op)
			return nil
		})
		former.store.Drop(slot)
	}
	if err := n.store.ApplyAll(all); err != nil {
		n.c.t.Fatal(err)
	}
	n.c.publish()
	if err := n.driver.Resume(journal, former.id); err != nil {
		n.c.t.Fatal(err)
	}
}

// TestResume: the node that takes the source's place goes on with its job from the journal.
func TestResume(t *testing.T) {
	for _, at := range []time.Duration{5, 10, 20, 30, 50, 80} {
		synctest.Test(t, func(t *testing.T) {
			cl := newTestCluster(t, 3)
			cl.net.SetDelay("10.0.0.1", "10.0.0.2", 5*time.Millisecond)
			cl.fill(400, 12, 100)
			source, successor := cl.nodes[0], cl.nodes[2]
			id, err := source.driver.Move(slotsUpTo(400), cl.nodes[1].id)
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(at * time.Millisecond)
			successor.succeed(source)
			if err := successor.driver.Resume(successor.journal(), successor.id); err != nil {
				t.Fatal(err) // once more, with its own journal: nothing is done twice
			}
			if err := successor.driver.Wait(t.Context(), id); err != nil {
				t.Fatal(err)
			}
			time.Sleep(2 * time.Minute)
			cl.check(400, 12, 1)
			if claimed := successor.driver.Claimed(); !claimed.Empty() {
				t.Errorf("slots %s are looked after for ever", claimed)
			}
			source.start()
			time.Sleep(2 * time.Minute)
			cl.check(400, 12, 1)
		})
	}
}

// TestResumeRefusesADamagedJournal and runs nothing.
func TestResumeRefusesADamagedJournal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cl := newTestCluster(t, 2)
		good := migrate.EncodeJournal([]migrate.Job{{ID: migrate.JobID{1}, Kind: migrate.KindMove, Slots: slotsUpTo(3),
			Source: slots.NodeID{9}, Target: cl.nodes[1].id}})
		good[len(good)-1] ^= 1
		if err := cl.nodes[0].driver.Resume(good, slots.NodeID{9}); err == nil || len(cl.nodes[0].driver.List()) != 0 {
			t.Errorf("Resume = %v, it lists %+v", err, cl.nodes[0].driver.List())
		}
	})
}

// TestWhatCameBackIsNoOldCopy: the successor of a node that had just claimed slots,
// before anybody heard, knows them neither as its own nor as open, and by an older job as
// moved away. Their keys exist nowhere else.
func TestWhatCameBackIsNoOldCopy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cl := newTestCluster(t, 2)
		successor, other := cl.nodes[0], cl.nodes[1]
		cl.fill(4, 3, 100)
		cl.mu.Lock()
		for slot := range slots.Slot(4) {
			cl.owner[slot] = other.index
		}
		cl.mu.Unlock()
		cl.publish()
		former, away := slots.NodeID{9}, time.Now().Add(-time.Minute)
		moved := func(id byte, set slots.Set, from, to slots.NodeID, cancelled bool, at time.Duration) migrate.Job {
			return migrate.Job{ID: migrate.JobID{id}, Kind: migrate.KindMove, Slots: set, Source: from, Target: to,
				Cancelled: cancelled, Created: away.Add(at)}
		}
		journal := migrate.EncodeJournal([]migrate.Job{
			moved(1, slotsUpTo(4), former, other.id, true, 0),
			moved(2, slots.NewSet(0), other.id, former, false, time.Second),
			moved(3, slots.NewSet(1), other.id, former, true, time.Second),
			moved(4, slots.NewSet(2), other.id, former, true, -time.Second),
		})
		if err := successor.driver.Resume(journal, former); err != nil {
			t.Fatal(err)
		}
		for slot, want := range []int{3, 3, 0, 0} {
			if got := successor.store.Count(slots.Slot(slot)); got != want {
				t.Errorf("slot %d: %d keys left, want %d", slot, got, want)
			}
		}
	})
}

// TestAnEarlierJobKeepsNoOldCopies: a job had brought slots here, and its end had not been
// told, when they moved away. A snapshot brings their keys back: they are old copies, which
// would be returned to the owner, those that were deleted there included.
func TestAnEarlierJobKeepsNoOldCopies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cl := newTestCluster(t, 2)
		n := cl.nodes[0]
		cl.fill(3, 3, 100)
		back := slotsUpTo(3)
		back.Add(testSlots + 1) // one that node 1 still has
		came := cl.sayHelloAs(1, 0, migrate.Job{ID: migrate.JobID{7}, Kind: migrate.KindMove, Slots: back})
		time.Sleep(time.Second)
		came.close()
		if list := n.driver.List(); len(list) != 1 || list[0].Job.Created.IsZero() {
			t.Fatalf("jobs that come here: %+v", list)
		}
		cl.move(0, 1, slotsUpTo(3))
		n.stop()
		cl.fill(3, 3, 100) // what the snapshot has
		n.start()
		cl.check(3, 3, 1)
	})
}

// laggard is a node that shows an earlier map for some calls.
type laggard struct {
	*testNode
	early *slots.Map
	calls atomic.Int32 // that are still to see it
}

func (n *laggard) Map() *slots.Map {
	if n.calls.Add(-1) >= 0 {
		return n.early
	}
	return n.testNode.Map()
}

// TestAClaimHeardWhileStarting: a source restarts with old copies of slots that the
// target has claimed, and hears of the claim at any moment of its start. The copies go,
// and are not returned: the target may have deleted them.
func TestAClaimHeardWhileStarting(t *testing.T) {
	for calls := range int32(6) {
		synctest.Test(t, func(t *testing.T) {
			cl := newTestCluster(t, 2)
			source, target := cl.nodes[0], cl.nodes[1]
			cl.fill(4, 3, 100)
			source.stop()
			for slot := range slots.Slot(4) {
				source.migrating[slot] = target.id
			}
			cl.publish()
			n := &laggard{testNode: source, early: source.Map()}
			n.calls.Store(calls)
			clear(source.migrating)
			for slot := range slots.Slot(4) {
				cl.owner[slot] = target.index
			}
			cl.publish()

			journal := migrate.EncodeJournal(
				[]migrate.Job{{ID: migrate.JobID{1}, Kind: migrate.KindMove, Slots: slotsUpTo(4), Source: source.id,
					Target: target.id, Created: time.Now()}},
			)
			if err := storage.WriteFile(source.disk, defaultJournal, journal); err != nil {
				t.Fatal(err)
			}
			d, err := New(Config{Node: n, Engine: migrate.NewEngine(source.store), Disk: source.disk})
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			d.Start()
			time.Sleep(time.Second)
			n.calls.Store(0)
			d.MapChanged()
			time.Sleep(time.Minute)
			for slot := range slots.Slot(4) {
				if here, there := source.store.Count(slot), target.store.Count(slot); here+there > 0 {
					t.Errorf("the claim was heard after %d looks at the map: slot %d has %d keys at the source, %d at the target",
						calls, slot, here, there)
				}
			}
		})
	}
}

// TestALostRaceBringsKeysHome: while slots move from A to B, C wins them. What has come
// to B and what is left at A go to C, and nothing stays open.
func TestALostRaceBringsKeysHome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cl := newTestCluster(t, 3)
		cl.net.SetDelay("10.0.0.1", "10.0.0.2", 5*time.Millisecond)
		cl.fill(0, 20_000, 100)
		source, target, winner := cl.nodes[0], cl.nodes[1], cl.nodes[2]
		id, err := source.driver.Move(slotsUpTo(0), target.id)
		if err != nil {
			t.Fatal(err)
		}
		for target.store.Len() == 0 {
			time.Sleep(time.Millisecond)
		}
		if claimed := target.driver.Claimed(); claimed != slotsUpTo(0) {
			t.Errorf("the target looks after %s", claimed)
		}
		cl.mu.Lock()
		cl.owner[0] = winner.index
		cl.mu.Unlock()
		cl.publish()
		if err := source.driver.Wait(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		if source.store.Len() == 0 {
			t.Error("the race came too late to show anything")
		}
		time.Sleep(5 * time.Minute)
		cl.check(0, 20_000, winner.index)
		for _, n := range cl.nodes {
			if claimed := n.driver.Claimed(); !claimed.Empty() {
				t.Errorf("node %d looks after %s for ever", n.index, claimed)
			}
		}
	})
}

// TestSlotsOpenedByHandStayOpen, even if a job has just moved them: they are an
// operator's, who may be about to bring them back with a tool of his own.
func TestSlotsOpenedByHandStayOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cl := newTestCluster(t, 2)
		cl.fill(1, 5, 100)
		cl.move(0, 1, slotsUpTo(1))
		a, b := cl.nodes[0], cl.nodes[1]
		opened := func(n, from *testNode) {
			t.Helper()
			if err := n.SetSlots(t.Context(), slots.NewSet(0), migrate.Importing, from.id); err != nil {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Second)
			if _, open := n.Map().Importing(0); !open {
				t.Errorf("node %d imports the slot no more", n.index)
			}
		}
		opened(a, b) // the source of the job, as if it were to come back
		if err := a.SetSlots(t.Context(), slots.NewSet(0), migrate.Assign, a.id); err != nil {
			t.Fatal(err)
		}
		opened(b, a) // its target, as if it were to come once more
	})
}

// TestALostJournalLeavesNothingOpen: a source that does not know its job any more,
// whether its disk lost the journal or it took a master's place before that could tell
// it, is told by the target.
func TestALostJournalLeavesNothingOpen(t *testing.T) {
	for _, at := range []time.Duration{5, 10, 20, 30, 50, 80} {
		synctest.Test(t, func(t *testing.T) {
			cl := newTestCluster(t, 2)
			cl.net.SetDelay("10.0.0.1", "10.0.0.2", 5*time.Millisecond)
			cl.fill(400, 12, 100)
			source := cl.nodes[0]
			if _, err := source.driver.Move(slotsUpTo(400), cl.nodes[1].id); err != nil {
				t.Fatal(err)
			}
			time.Sleep(at * time.Millisecond)
			source.stop()
			source.disk = &storage.Memory{}
			time.Sleep(time.Second)
			cl.mu.Lock()
			for slot := range source.migrating { // gossip closes what is another's by now
				if cl.owner[slot] != source.index {
					delete(source.migrating, slot)
				}
			}
			cl.mu.Unlock()
			cl.publish()
			source.start()
			time.Sleep(5 * time.Minute)
			for slot := range slots.Slot(401) {
				for _, n := range cl.nodes {
					want := 0
					if n.Map().IsMine(slot) {
						want = 12
					}
					if got := n.store.Count(slot); got != want {
						t.Fatalf("stopped after %d ms, node %d has %d keys of slot %d, not %d", at, n.index, got, slot, want)
					}
				}
			}
			for _, n := range cl.nodes {
				if open, claimed := n.Map().Open(), n.driver.Claimed(); !open.Empty() || !claimed.Empty() {
					t.Errorf("stopped after %d ms, node %d has open slots %s, and looks after %s", at, n.index, open, claimed)
				}
			}
		})
	}
}

// TestAJournalThatCannotBeSavedIsTriedAgain: a job goes on meanwhile, and its status tells.
func TestAJournalThatCannotBeSavedIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cl := newTestCluster(t, 2)
		source := cl.nodes[0]
		cl.fill(400, 12, 100)
		cl.net.SetDelay("10.0.0.1", "10.0.0.2", 5*time.Millisecond)
		id, err := source.driver.Move(slotsUpTo(400), cl.nodes[1].id)
		if err != nil {
			t.Fatal(err)
		}
		cancelled := func() bool {
			jobs, err := migrate.DecodeJournal(source.journal())
			return err == nil && len(jobs) == 1 && jobs[0].Cancelled
		}
		for source.Map().Open().Empty() {
			time.Sleep(time.Millisecond)
		}
		cl.net.Cut("10.0.0.1", "10.0.0.2")
		source.disk.SetFault(errFault)
		if err := source.driver.Cancel(id); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Second)
		s, err := source.driver.Status(id)
		if err != nil || cancelled() || s.State != migrate.Cancelling || s.Progress.Waiting == "" {
			t.Errorf("without a disk the job is %v, it waits for %q: %v", s.State, s.Progress.Waiting, err)
		}
		source.disk.SetFault(nil)
		time.Sleep(2 * strayCheckEvery)
		if !cancelled() {
			t.Error("the journal does not say that the job was cancelled")
		}
		cl.net.Heal()
		if err := source.driver.Wait(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	})
}
