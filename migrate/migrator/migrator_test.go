package migrator

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/migrate"
	"github.com/slotmesh/slotmesh/slots"
)

// syncDisk takes the time that a disk takes, the bubble's.
func syncDisk() { time.Sleep(2 * time.Millisecond) }

func TestMoveOverANetwork(t *testing.T) {
	for name, c := range map[string]struct {
		last    slots.Slot
		perSlot int
		size    int
	}{
		"empty":  {1199, 0, 0},
		"sparse": {1199, 12, 100},
		"dense":  {1, 5000, 100},
		"big":    {0, 2, 5 << 20},
		"mixed":  {3, 40, 40 << 10},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cl := newTestCluster(t, 2)
				cl.fill(c.last, c.perSlot, c.size)
				s := cl.move(0, 1, slotsUpTo(c.last))
				cl.check(c.last, c.perSlot, 1)
				if s.State != migrate.Finished || s.Progress.Slots != int(c.last)+1 || s.Progress.Total != int(c.last)+1 ||
					s.Progress.Keys != int64(int(c.last)+1)*int64(c.perSlot) {
					t.Errorf("status %v %+v", s.State, s.Progress)
				}
				cl.move(1, 0, slotsUpTo(c.last))
				cl.check(c.last, c.perSlot, 0)
			})
		})
	}
}

// TestSparseSlotsShareTheirRoundTrips: a round trip of 1 ms and a sync of 2 ms are paid
// per window, not per slot.
func TestSparseSlotsShareTheirRoundTrips(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cl := newTestCluster(t, 2)
		cl.net.SetDelay("10.0.0.1", "10.0.0.2", time.Millisecond/2)
		cl.net.SetDelay("10.0.0.2", "10.0.0.1", time.Millisecond/2)
		cl.fill(1199, 12, 100)
		start := time.Now()
		cl.move(0, 1, slotsUpTo(1199))
		if took := time.Since(start); took > 100*time.Millisecond {
			t.Errorf("1200 sparse slots took %v, more than 12,000 a second allow", took)
		}
	})
}

func TestCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cl := newTestCluster(t, 2)
		cl.net.SetDelay("10.0.0.1", "10.0.0.2", 10*time.Millisecond)
		cl.fill(1199, 12, 100)
		d := cl.nodes[0].driver
		id, err := d.Move(slotsUpTo(1199), cl.nodes[1].id)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(75 * time.Millisecond)
		if err := d.Cancel(id); err != nil {
			t.Fatal(err)
		}
		if err := d.Wait(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		s, _ := d.Status(id)
		moved := 0
		for slot := range slots.Slot(1200) {
			if cl.nodes[1].Map().IsMine(slot) {
				moved++
			}
		}
		if s.State != migrate.Cancelled || moved == 0 || moved == 1200 || s.Progress.Slots != moved ||
			s.Progress.Total != moved {
			t.Errorf("%v, %d slots moved, %+v", s.State, moved, s.Progress)
		}
		for _, n := range cl.nodes {
			if !n.Map().Open().Empty() {
				t.Errorf("node %d has open slots %v", n.index, n.Map().Open())
			}
			for slot := range slots.Slot(1200) {
				if k := n.store.Count(slot); k > 0 != n.Map().IsMine(slot) {
					t.Fatalf("node %d has %d keys of slot %d", n.index, k, slot)
				}
			}
		}
	})
}

// TestRestart stops source or target at many moments of a job; it goes on after the
// restart and ends as if nothing had been.
func TestRestart(t *testing.T) {
	for _, who := range []int{0, 1} {
		for at := 1; at < 60; at += 4 {
			synctest.Test(t, func(t *testing.T) {
				cl := newTestCluster(t, 2)
				cl.net.SetDelay("10.0.0.1", "10.0.0.2", 3*time.Millisecond)
				cl.fill(400, 12, 100)
				if _, err := cl.nodes[0].driver.Move(slotsUpTo(400), cl.nodes[1].id); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Duration(at) * time.Millisecond)
				n := cl.nodes[who]
				n.stop()
				time.Sleep(time.Second)
				n.start()
				time.Sleep(2 * time.Minute)
				cl.check(400, 12, 1)
				if t.Failed() {
					t.Fatalf("node %d stopped after %d ms", who, at)
				}
			})
		}
	}
}

// TestLinkFaults: the connection is reset again and again, then stalls for longer than
// anyone waits.
func TestLinkFaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cl := newTestCluster(t, 2)
		cl.net.SetDelay("10.0.0.1", "10.0.0.2", time.Millisecond)
		cl.fill(300, 30, 500)
		d := cl.nodes[0].driver
		id, err := d.Move(slotsUpTo(300), cl.nodes[1].id)
		if err != nil {
			t.Fatal(err)
		}
		for range 10 {
			time.Sleep(7 * time.Millisecond)
			cl.net.Reset("10.0.0.1", "10.0.0.2")
		}
		cl.net.Cut("10.0.0.1", "10.0.0.2")
		time.Sleep(30 * time.Second)
		cl.net.Heal()
		if err := d.Wait(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		cl.check(300, 30, 1)
	})
}

// TestARestartRunsNoJobThatIsOver: it would be listed as cancelled.
func TestARestartRunsNoJobThatIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cl := newTestCluster(t, 2)
		cl.fill(9, 5, 100)
		cl.move(0, 1, slotsUpTo(9))
		n := cl.nodes[0]
		n.stop()
		n.start()
		time.Sleep(time.Second)
		if list := n.driver.List(); len(list) != 0 {
			t.Errorf("after a restart it lists %+v", list)
		}
		time.Sleep(2 * time.Minute)
		if claimed := n.driver.Claimed(); !claimed.Empty() {
			t.Errorf("slots %s are looked after for ever", claimed)
		}
	})
}

func TestTwoJobsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cl := newTestCluster(t, 3)
		cl.fill(99, 20, 100)
		d := cl.nodes[0].driver
		var other slots.Set
		other.AddRange(slots.Range{First: 50, Last: 99})
		a, err := d.Move(slotsUpTo(49), cl.nodes[1].id)
		if err != nil {
			t.Fatal(err)
		}
		b, err := d.Move(other, cl.nodes[2].id)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.Move(slotsUpTo(0), cl.nodes[2].id); err == nil || !strings.Contains(err.Error(), "in job") {
			t.Errorf("a slot in two jobs: %v", err)
		}
		for _, id := range []migrate.JobID{a, b} {
			if err := d.Wait(t.Context(), id); err != nil {
				t.Fatal(err)
			}
		}
		cl.check(49, 20, 1)
		for slot := range other.All() {
			if k := cl.nodes[2].store.Count(slot); k != 20 {
				t.Fatalf("slot %d has %d keys at the second target", slot, k)
			}
		}
		if list := d.List(); len(list) != 2 || !list[0].Over() || list[0].Progress.Keys != 1000 {
			t.Errorf("List = %+v", list)
		}
	})
}

// TestImportsAreListed: the target tells of the jobs that bring slots to it, while they
// run, while their source is away, and when they are over.
func TestImportsAreListed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cl := newTestCluster(t, 2)
		cl.net.SetDelay("10.0.0.1", "10.0.0.2", 10*time.Millisecond)
		cl.fill(400, 12, 100)
		source, target := cl.nodes[0], cl.nodes[1]
		id, err := source.driver.Move(slotsUpTo(400), target.id)
		if err != nil {
			t.Fatal(err)
		}
		only := func() migrate.Status {
			t.Helper()
			list := target.driver.List()
			if len(list) != 1 || !list[0].Import || list[0].Job.ID != id || list[0].Job.Source != source.id ||
				list[0].Job.Slots != slotsUpTo(400) {
				t.Fatalf("the target lists %+v", list)
			}
			return list[0]
		}
		for target.store.Len() == 0 {
			time.Sleep(time.Millisecond)
		}
		synctest.Wait() // the batch that has come is counted
		if s := only(); s.State != migrate.Running || s.Over() || s.Progress.Keys == 0 || s.Progress.Total != 401 ||
			s.Progress.Waiting != "" {
			t.Errorf("under way: %v %+v", s.State, s.Progress)
		}
		source.stop()
		time.Sleep(50 * time.Millisecond)
		if s := only(); s.State != migrate.Running || s.Progress.Waiting == "" {
			t.Errorf("without its source: %v %+v", s.State, s.Progress)
		}
		source.start()
		if err := source.driver.Wait(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if s := only(); s.State != migrate.Finished || s.Progress.Slots != 401 || s.Progress.Keys < 401*12 ||
			s.Progress.Bytes == 0 || s.Progress.Waiting != "" {
			t.Errorf("when it is over: %v %+v", s.State, s.Progress)
		}
		if _, err := target.driver.Status(id); err == nil {
			t.Error("an import counts as the target's own job")
		}
		// Its journal still has the job: who waits for moves to end must not wait for what is
		// over.
		target.stop()
		target.start()
		time.Sleep(time.Second)
		if list := target.driver.List(); len(list) != 0 {
			t.Errorf("after a restart the target lists a job that is over: %+v", list)
		}
	})
}

func TestMoveRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cl := newTestCluster(t, 2)
		d := cl.nodes[0].driver
		for name, c := range map[string]struct {
			set    slots.Set
			target slots.NodeID
			want   string
		}{
			"nothing":       {slots.Set{}, cl.nodes[1].id, "no slots to move"},
			"not mine":      {slots.NewSet(testSlots + 1), cl.nodes[1].id, "I'm not the owner of hash slot 1201"},
			"to itself":     {slotsUpTo(1), cl.nodes[0].id, "this node itself"},
			"to a stranger": {slotsUpTo(1), slots.NodeID{9}, "I don't know about node"},
		} {
			if _, err := d.Move(c.set, c.target); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %v, want %q", name, err, c.want)
			}
		}
		cl.nodes[0].disk.SetFault(errFault)
		if _, err := d.Move(slotsUpTo(1), cl.nodes[1].id); err == nil {
			t.Error("a job was started that could not be made durable")
		}
		cl.nodes[0].disk.SetFault(nil)
		if len(d.List()) != 0 {
			t.Errorf("refused jobs are listed: %+v", d.List())
		}
		if _, err := d.Status(migrate.JobID{1}); err == nil {
			t.Error("Status of an unknown job is no error")
		}
		if err := d.Cancel(migrate.JobID{1}); err == nil {
			t.Error("Cancel of an unknown job is no error")
		}
	})
}

// TestFullTargetHoldsTheMove: a target without room says so, nothing is lost, and the move
// goes on when there is room.
func TestFullTargetHoldsTheMove(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cl := newTestCluster(t, 2)
		cl.fill(9, 50, 1000)
		cl.nodes[1].store.SetMaxMemory(1)
		d := cl.nodes[0].driver
		id, err := d.Move(slotsUpTo(9), cl.nodes[1].id)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Second)
		if s, _ := d.Status(id); s.Progress.Waiting != keyspace.ErrOutOfMemory.Error() || s.Progress.Keys != 0 {
			t.Errorf("waiting for %q after %d keys", s.Progress.Waiting, s.Progress.Keys)
		}
		cl.nodes[1].store.SetMaxMemory(0)
		if err := d.Wait(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		cl.check(9, 50, 1)
	})
}

// TestAStrangerGetsNothing: another member answers at the target's address, as nodes of a
// cluster that comes back under new addresses may for a while.
func TestAStrangerGetsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cl := newTestCluster(t, 3)
		cl.fill(9, 5, 100)
		target, stranger := cl.nodes[1], cl.nodes[2]
		cl.moved = map[slots.NodeID]int{target.id: stranger.index}
		id, err := cl.nodes[0].driver.Move(slotsUpTo(9), target.id)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		s, _ := cl.nodes[0].driver.Status(id)
		if !strings.Contains(s.Progress.Waiting, "that answers, not node") || stranger.store.Len() != 0 ||
			!stranger.Map().Open().Empty() {
			t.Errorf("waiting for %q; the stranger has %d keys, and open slots %s", s.Progress.Waiting, stranger.store.Len(),
				stranger.Map().Open())
		}
		cl.mu.Lock()
		cl.moved = nil
		cl.mu.Unlock()
		if err := cl.nodes[0].driver.Wait(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		cl.check(9, 5, 1)
	})
}

// TestSlowReplicasAreWaitedFor: a target whose replicas take long to receive a batch is
// not taken for dead, and need not be told twice.
func TestSlowReplicasAreWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cl := newTestCluster(t, 2)
		cl.fill(0, 5, 100)
		target := cl.nodes[1]
		target.stop()
		waits := 0
		target.replicas = &testReplicas{hold: func() {
			waits++
			time.Sleep(20 * time.Second)
		}}
		target.start()
		if took := cl.move(0, 1, slots.NewSet(0)).Elapsed; waits != 1 || took > 21*time.Second {
			t.Errorf("it took %v, and %d waits for replicas of 20 s", took, waits)
		}
		cl.check(0, 5, 1)
	})
}

// TestExpiredKeysAreLeftBehind: keys whose time is over neither move nor hold up the move.
func TestExpiredKeysAreLeftBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cl := newTestCluster(t, 2)
		cl.nodes[0].store.Update(3, func(tx *keyspace.Tx) error {
			for i := range 10 {
				expire := time.Now().Add(time.Duration(i%2) * time.Hour).UnixMilli()
				if err := tx.Put([]byte(key(3, i)), keyspace.String, []byte("v"), expire+1); err != nil {
					return err
				}
			}
			return nil
		})
		time.Sleep(time.Second)
		s := cl.move(0, 1, slots.NewSet(3))
		if s.Progress.Keys != 5 || cl.nodes[1].store.Count(3) != 5 || cl.nodes[0].store.Count(3) != 0 {
			t.Errorf("%d keys moved, %d there, %d left", s.Progress.Keys, cl.nodes[1].store.Count(3), cl.nodes[0].store.Count(3))
		}
		cl.nodes[1].store.View(3, func(tx *keyspace.Tx) error {
			e, ok := tx.Peek([]byte(key(3, 1)))
			if !ok || time.UnixMilli(e.ExpireAt).Sub(time.Now()).Round(time.Minute) != time.Hour {
				t.Errorf("expiry %v", time.UnixMilli(e.ExpireAt))
			}
			return nil
		})
	})
}

func TestCloseEndsEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cl := newTestCluster(t, 2)
		cl.net.SetDelay("10.0.0.1", "10.0.0.2", 10*time.Millisecond)
		cl.fill(500, 20, 1000)
		d := cl.nodes[0].driver
		id, err := d.Move(slotsUpTo(500), cl.nodes[1].id)
		if err != nil {
			t.Fatal(err)
		}
		waited := make(chan error)
		go func() { waited <- d.Wait(context.Background(), id) }()
		time.Sleep(10 * time.Millisecond)
		d.Close()
		d.Close()
		if err := <-waited; err != ErrClosed {
			t.Errorf("Wait on a closed driver: %v", err)
		}
		if _, err := d.Move(slotsUpTo(1), cl.nodes[1].id); err == nil {
			t.Error("a closed driver starts jobs")
		}
	}) // synctest fails if a goroutine is left
}
