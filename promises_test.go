package slotmesh_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/internal/e2e"
	"github.com/slotmesh/slotmesh/migrate"
	"github.com/slotmesh/slotmesh/slots"
)

// waits returns what a job waits for.
func waits(t *testing.T, n *slotmesh.Node, id migrate.JobID) (s migrate.Status) {
	t.Helper()
	for _, s = range n.Migrations() {
		if s.Job.ID == id {
			return s
		}
	}
	t.Fatal("the job is not listed")
	return s
}

// A write that a replica was confirmed to hold does not go where no replica is, however
// it was confirmed; when the target's replica is back the slot moves by itself, and then
// either side may die.
func TestAConfirmedWriteSurvivesAMoveToATargetWithoutReplica(t *testing.T) {
	for how, write := range map[string]func(*testing.T, *clustertest.Cluster, string){
		"WithSync": func(t *testing.T, c *clustertest.Cluster, key string) { e2e.WriteConfirmed(t, c.Node(0), key) },
		"WAIT": func(t *testing.T, c *clustertest.Cluster, key string) {
			talk := speak(t, c, 0)
			talk("+OK", "SET "+key+" "+key)
			talk(":1", "WAIT 1 0")
		},
		"WAIT for more than there are": func(t *testing.T, c *clustertest.Cluster, key string) {
			talk := speak(t, c, 0)
			talk("+OK", "SET "+key+" "+key)
			talk(":1", "WAIT 2 100")
		},
		"min-replicas-to-write": func(t *testing.T, c *clustertest.Cluster, key string) {
			speak(t, c, 0)("+OK", "CONFIG SET min-replicas-to-write 1")
			if err := c.Node(0).Local().Set(t.Context(), key, []byte(key), 0); err != nil {
				t.Fatal(err)
			}
		},
	} {
		for _, victim := range []int{0, 1} {
			t.Run(fmt.Sprintf("%s, node %d dies", how, victim), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					c := e2e.StartSettled(t, clustertest.Config{Masters: 3, Replicas: 1, NodeTimeout: 2 * time.Second})
					key := e2e.KeyOf(c.Node(0))
					write(t, c, key)
					c.Kill(4)
					time.Sleep(5 * time.Second)
					set := slots.NewSet(slots.OfString(key))
					id, err := c.Node(0).MigrateSlots(t.Context(), set, c.Node(1).ID())
					if err != nil {
						t.Fatal(err)
					}
					time.Sleep(time.Minute)
					if s := waits(t, c.Node(0), id); s.Over() || !strings.Contains(s.Progress.Waiting, "by 1 of node "+
						c.Node(1).ID().Short()) {
						t.Errorf("the job is %v, waiting: %q", s.State, s.Progress.Waiting)
					}
					c.Restart(4)
					if err := c.Node(0).WaitMigration(t.Context(), id); err != nil {
						t.Fatal(err)
					}
					c.Kill(victim)
					e2e.Await(t, c, 2, e2e.Serves)
					time.Sleep(10 * time.Second)
					if v, err := c.Node(2).Router().Get(t.Context(), key); err != nil || string(v) != key {
						t.Errorf("the confirmed write is %q, %v", v, err)
					}
				})
			})
		}
	}
}

// speak connects to a node; the function that it returns sends a command and compares the
// first line of the reply.
func speak(t *testing.T, c *clustertest.Cluster, node int) func(want, command string) {
	t.Helper()
	conn, err := c.Dial(t.Context(), "tcp", c.Addrs()[node])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	in := bufio.NewReader(conn)
	return func(want, command string) {
		t.Helper()
		fmt.Fprintf(conn, "%s\r\n", command)
		got, err := in.ReadString('\n')
		if got = strings.TrimSpace(got); err != nil || got != want &&
			!(strings.HasSuffix(want, "…") && strings.HasPrefix(got, strings.TrimSuffix(want, "…"))) {
			t.Errorf("%s: %q, %v; want %s", command, got, err, want)
		}
	}
}

// Slots without confirmed writes move to a target without replicas as ever; those that
// wait can be cancelled.
func TestOnlyConfirmedWritesWaitForReplicas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := e2e.StartSettled(t, clustertest.Config{Masters: 3, Replicas: 1, NodeTimeout: 2 * time.Second})
		key := e2e.KeyOf(c.Node(0))
		slot := e2e.WriteConfirmed(t, c.Node(0), key)
		c.Kill(4)
		time.Sleep(5 * time.Second)
		set := e2e.FirstSlots(c.Node(0), 500)
		set.Add(slot)
		id, err := c.Node(0).MigrateSlots(t.Context(), set, c.Node(1).ID())
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		if s := waits(t, c.Node(0), id); s.Progress.Slots != set.Len()-1 {
			t.Errorf("%d of %d slots have moved, want all but one", s.Progress.Slots, set.Len())
		}
		if err := c.Node(0).CancelMigration(id); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := c.Node(0).WaitMigration(ctx, id); err != nil {
			t.Fatal(err)
		}
		if !c.Node(0).Map().IsMine(slot) {
			t.Error("the slot of the confirmed write is gone")
		}
		e2e.NoneOpen(t, c)
	})
}

// What was confirmed is known to who takes a master's place, and goes with a slot from
// shard to shard.
func TestConfirmationsOutliveFailoversAndMoves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := e2e.StartSettled(t, clustertest.Config{Masters: 3, Replicas: 1, NodeTimeout: 2 * time.Second})
		key := e2e.KeyOf(c.Node(0))
		slot := e2e.WriteConfirmed(t, c.Node(0), key)
		set := slots.NewSet(slot)
		id, err := c.Node(0).MigrateSlots(t.Context(), set, c.Node(1).ID())
		if err == nil {
			err = c.Node(0).WaitMigration(t.Context(), id)
		}
		if err != nil {
			t.Fatal(err)
		}
		e2e.WaitSynced(t, c)
		time.Sleep(time.Second)
		c.Kill(1)
		e2e.Await(t, c, 4, e2e.Leads)
		c.Restart(1)
		c.WaitStable()
		e2e.WaitSynced(t, c)
		if k := slotmesh.Promised(c.Node(4), slot); k != 1 {
			t.Errorf("%d replicas are promised after a move and a failover, want 1", k)
		}
		if err := c.Node(4).Save(t.Context()); err != nil {
			t.Fatal(err)
		}
		c.Kill(5) // the replica of node 2
		time.Sleep(5 * time.Second)
		if id, err = c.Node(4).MigrateSlots(t.Context(), set, c.Node(2).ID()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if s := waits(t, c.Node(4), id); s.Over() {
			t.Errorf("the job is %v", s.State)
		}
	})
}

// WAIT for a write whose key has left for a node without replicas meanwhile must not
// count this node's replicas, which have its deletion.
func TestWaitAfterTheKeyHasLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := e2e.StartSettled(t, clustertest.Config{Masters: 3, Replicas: 1, NodeTimeout: 2 * time.Second})
		c.Kill(4)
		time.Sleep(5 * time.Second)
		key := e2e.KeyOf(c.Node(0))
		talk := speak(t, c, 0)
		talk("+OK", "SET "+key+" v")
		id, err := c.Node(0).MigrateSlots(t.Context(), slots.NewSet(slots.OfString(key)), c.Node(1).ID())
		if err == nil {
			err = c.Node(0).WaitMigration(t.Context(), id)
		}
		if err != nil {
			t.Fatal(err)
		}
		talk(":0", "WAIT 1 100")
		c.Restart(4)
		e2e.WaitSynced(t, c)
		time.Sleep(time.Second)
		talk(":0", "WAIT 1 100")
	})
}

// MIGRATE by hand asks the target's replicas, too, and tells the target what it needs to
// know for the next move.
func TestMigrateByHandAsksForReplicas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := e2e.StartSettled(t, clustertest.Config{Masters: 3, Replicas: 1, NodeTimeout: 2 * time.Second})
		key := e2e.KeyOf(c.Node(0))
		slot := e2e.WriteConfirmed(t, c.Node(0), key)
		c.Kill(4)
		time.Sleep(5 * time.Second)
		source, target := speak(t, c, 0), speak(t, c, 1)
		target("+OK", fmt.Sprintf("CLUSTER SETSLOT %d IMPORTING %s", slot, c.Node(0).ID()))
		source("+OK", fmt.Sprintf("CLUSTER SETSLOT %d MIGRATING %s", slot, c.Node(1).ID()))
		host, port, _ := strings.Cut(c.Addrs()[1], ":")
		migrate := fmt.Sprintf("MIGRATE %s %s %s 0 5000", host, port, key)
		source("-ERR Target instance has 0 replicas in step…", migrate)
		if n := c.Node(1).Stats().Store.Keys; n != 0 {
			t.Errorf("%d keys were brought before the target was asked", n)
		}
		c.Restart(4)
		e2e.WaitSynced(t, c)
		time.Sleep(time.Second)
		source("+OK", migrate)
		target("+OK", fmt.Sprintf("CLUSTER SETSLOT %d NODE %s", slot, c.Node(1).ID()))
		if k := slotmesh.Promised(c.Node(1), slot); k != 1 {
			t.Errorf("the target knows of %d replicas, want 1", k)
		}
	})
}

// A source whose own replica is away does not open a slot with confirmed writes: one that
// came back and took its place would not know where its keys are.
func TestSlotsAreOpenedOnlyIfReplicasKnow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := e2e.StartSettled(t, clustertest.Config{Masters: 3, Replicas: 1, NodeTimeout: 2 * time.Second})
		slot := e2e.WriteConfirmed(t, c.Node(0), e2e.KeyOf(c.Node(0)))
		c.Kill(3)
		time.Sleep(5 * time.Second)
		source := speak(t, c, 0)
		source("-ERR slots…", fmt.Sprintf("CLUSTER SETSLOT %d MIGRATING %s", slot, c.Node(1).ID()))
		id, err := c.Node(0).MigrateSlots(t.Context(), slots.NewSet(slot), c.Node(1).ID())
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if s := waits(t, c.Node(0), id); s.Over() || !strings.Contains(s.Progress.Waiting, "replicas have to know") {
			t.Errorf("the job is %v, waiting: %q", s.State, s.Progress.Waiting)
		}
		c.Restart(3)
		if err := c.Node(0).WaitMigration(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	})
}

// A shard that is made smaller can still give its slots away.
func TestConfirmationsDoNotBindASmallerShard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := e2e.StartSettled(t, clustertest.Config{Masters: 3, Replicas: 1, NodeTimeout: 2 * time.Second})
		slot := e2e.WriteConfirmed(t, c.Node(0), e2e.KeyOf(c.Node(0)))
		for _, i := range []int{3, 4} {
			id := c.Node(i).ID()
			c.Stop(i)
			for _, n := range c.Nodes() {
				if err := n.Forget(t.Context(), id); err != nil && !errors.Is(err, context.Canceled) {
					t.Fatal(err)
				}
			}
		}
		if k := slotmesh.Promised(c.Node(0), slot); k != 0 {
			t.Errorf("%d replicas are needed of a shard that has none", k)
		}
		id, err := c.Node(0).MigrateSlots(t.Context(), slots.NewSet(slot), c.Node(1).ID())
		if err == nil {
			err = c.Node(0).WaitMigration(t.Context(), id)
		}
		if err != nil {
			t.Fatal(err)
		}
	})
}
