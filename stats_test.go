package slotmesh_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/replication/replicator"
	"github.com/slotmesh/slotmesh/slots"
)

func TestStats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{Masters: 3, Replicas: 1})
		master, replica := c.Node(0), c.Node(3)
		keys := master.Router()
		for i := range 100 {
			if err := keys.Set(slotmesh.WithSync(t.Context(), 1), fmt.Sprint("key", i), []byte("v"), 0); err != nil {
				t.Fatal(err)
			}
		}
		m, r := master.Stats(), replica.Stats()
		if m.Role != slotmesh.RoleMaster || len(m.Replication.Replicas) != 1 ||
			m.Replication.Replicas[0].State != replicator.ReplicaOnline {
			t.Errorf("the master: %s, replicas %+v", m.Role, m.Replication.Replicas)
		}
		if r.Role != slotmesh.RoleReplica || r.Replication.Link != replicator.LinkConnected ||
			r.Replication.Lagging != 0 || r.Replication.Master.ID != master.ID() {
			t.Errorf("the replica: %s, %+v", r.Role, r.Replication)
		}
		if m.Store.Keys == 0 || m.Store.Keys != r.Store.Keys || len(m.Migrations) != 0 {
			t.Errorf("%d keys, at the replica %d, and migrations %v", m.Store.Keys, r.Store.Keys, m.Migrations)
		}
		client, err := slotmesh.Dial(t.Context(), slotmesh.DialConfig{Addrs: c.Addrs()[:1], Network: c.ClientNetwork()})
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		commands := func() (n uint64) {
			for _, node := range c.Nodes() {
				n += node.Stats().Commands
			}
			return n
		}
		before := commands()
		if _, err := client.Do(t.Context(), "PING"); err != nil {
			t.Fatal(err)
		}
		if after := commands(); after <= before {
			t.Errorf("%d commands before PING, %d after", before, after)
		}
		client.Do(t.Context(), "PING")
		client.Do(t.Context(), "GET") // which lacks its key
		calls, rejected := int64(0), int64(0)
		for _, node := range c.Nodes() {
			for _, s := range node.CommandStats() {
				switch s.Name {
				case "ping":
					calls += s.Calls
					if s.Latency.Percentile(100) < s.Time/time.Duration(s.Calls) {
						t.Errorf("the longest PING took %v, all of %d %v", s.Latency.Percentile(100), s.Calls, s.Time)
					}
				case "get":
					rejected += s.Rejected
				}
			}
		}
		if calls < 2 || rejected != 1 {
			t.Errorf("%d calls of PING, %d refused ones of GET, want 2 and 1", calls, rejected)
		}

		c.Partition([]int{3}, []int{0, 1, 2, 4, 5})
		time.Sleep(30 * time.Second)
		if r := replica.Stats(); r.Replication.Link == replicator.LinkConnected || r.Replication.DownSince.IsZero() {
			t.Errorf("cut off, the replica says %+v", r.Replication)
		}
		c.Heal()
		c.WaitStable()
		id, err := master.MigrateSlots(t.Context(), *master.Map().Self().Slots, c.Node(1).ID())
		if err != nil {
			t.Fatal(err)
		}
		if m := master.Stats(); len(m.Migrations) != 1 || m.Migrations[0].Job.ID != id {
			t.Errorf("during the move: %+v", m.Migrations)
		}
		if err := master.WaitMigration(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		if m := master.Stats(); len(m.Migrations) != 0 {
			t.Errorf("after the move: %+v", m.Migrations)
		}
		m = master.Stats()
		if m.Moves.Finished != 1 || m.Moves.Slots == 0 || m.Moves.Keys == 0 || m.Moves.Bytes == 0 ||
			m.Events.Counts["migration"] == 0 || m.Events.Missed != 0 || m.Events.Promotions != 0 {
			t.Errorf("after the move: %+v, %+v", m.Moves, m.Events)
		}
	})
	alone, err := slotmesh.New(slotmesh.Config{Standalone: true})
	if err != nil {
		t.Fatal(err)
	}
	if st := alone.Stats(); st.Role != slotmesh.RoleStandalone {
		t.Errorf("a standalone node is a %s", st.Role)
	}
}

// A slot's figures are those of the copy that a node has, and follow a slot that moves.
func TestSlotStats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{Masters: 2, Replicas: 1})
		slot := slots.OfString("foo")
		ctx := slotmesh.WithSync(t.Context(), 1)
		for range 3 {
			if err := c.Node(0).Set(ctx, "foo", []byte("bar"), 0); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := c.Node(0).Get(ctx, "foo"); err != nil {
			t.Fatal(err)
		}
		var source, target int
		listed := 0
		for i := range 4 {
			m := c.Node(i).Map()
			last := -1
			for at, st := range c.Node(i).SlotStats() {
				if int(at) <= last {
					t.Errorf("node %d: slot %d after %d", i, at, last)
				}
				last = int(at)
				listed++
				switch {
				case at != slot && st != (slotmesh.SlotStats{}):
					t.Errorf("node %d: slot %d: %+v", i, at, st)
				case at != slot:
				case st.Keys != 1 || st.Bytes == 0 || st.Writes != 3 || (st.Reads > 0) != m.Self().IsMaster():
					t.Errorf("node %d: %+v", i, st)
				}
			}
			if m.Self().IsMaster() && m.IsMine(slot) {
				source, target = i, 1-i
			}
		}
		if listed != 2*slots.Count {
			t.Errorf("four nodes list %d slots", listed)
		}
		id, err := c.Node(source).MigrateSlots(t.Context(), slots.NewSet(slot), c.Node(target).ID())
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Node(source).WaitMigration(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		c.WaitStable()
		for at := range c.Node(source).SlotStats() {
			if at == slot {
				t.Error("the source still lists the slot")
			}
		}
		for at, st := range c.Node(target).SlotStats() {
			if at == slot && (st.Keys != 1 || st.Writes == 0) {
				t.Errorf("after the move: %+v", st)
			}
		}
	})
}
