package e2e_test

import (
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/internal/e2e"
	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/slots"
)

// withLoss runs a story on a cluster where node 0 owns the slot of key "k", which is there.
func withLoss(t *testing.T, story func(t *testing.T, o e2e.Operator, slot string, owner, thief *slotmesh.Node)) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{})
		key := e2e.KeyOf(c.Node(0))
		slot := strconv.Itoa(int(slots.OfString(key)))
		o := e2e.Operator{T: t, Cluster: c}
		o.Must(0, "SET "+key+" v")
		story(t, o, slot, c.Node(0), c.Node(1))
	})
}

func TestKeysOfALostSlotGoAfterAWhile(t *testing.T) {
	withLoss(t, func(t *testing.T, o e2e.Operator, slot string, owner, thief *slotmesh.Node) {
		o.Claim(1, slot)
		o.Cluster.WaitStable()
		time.Sleep(3 * time.Second)
		if n := o.Count(0, slot); n != "1" {
			t.Errorf("%s keys are left after 3 s: a fix had no time", n)
		}
		time.Sleep(3 * time.Second)
		if n := o.Count(0, slot); n != "0" {
			t.Errorf("%s keys of another's slot are left", n)
		}
	})
}

// What the stock fix does when two nodes hold keys of a slot and the other has more.
func TestFixBringsKeysOfALostSlotToItsOwner(t *testing.T) {
	withLoss(t, func(t *testing.T, o e2e.Operator, slot string, owner, thief *slotmesh.Node) {
		o.Claim(1, slot)
		o.Cluster.WaitStable()
		key := keyAt(t, o, 0, slot)
		o.Must(0, "CLUSTER SETSLOT "+slot+" IMPORTING "+thief.ID().String())
		time.Sleep(time.Minute)
		host, port, _ := strings.Cut(o.Cluster.Addrs()[1], ":")
		o.Must(0, "MIGRATE "+host+" "+port+" "+key+" 0 1000", "CLUSTER SETSLOT "+slot+" STABLE")
		if got := o.Do(1, "GET "+key); got != "v" {
			t.Errorf("the new owner answers %q", got)
		}
	})
}

func TestKeysOfASlotThatCameBackStay(t *testing.T) {
	withLoss(t, func(t *testing.T, o e2e.Operator, slot string, owner, thief *slotmesh.Node) {
		o.Claim(1, slot)
		o.Cluster.WaitStable()
		o.Claim(0, slot)
		o.Cluster.WaitStable()
		time.Sleep(time.Minute)
		if n := o.Count(0, slot); n != "1" {
			t.Errorf("%s keys are left", n)
		}
	})
}

// An operator who ends a move before all keys have left does not lose them.
func TestRestOfAMoveEndedTooEarlyStays(t *testing.T) {
	withLoss(t, func(t *testing.T, o e2e.Operator, slot string, owner, thief *slotmesh.Node) {
		o.Must(1, "CLUSTER SETSLOT "+slot+" IMPORTING "+owner.ID().String())
		o.Must(0, "CLUSTER SETSLOT "+slot+" MIGRATING "+thief.ID().String())
		o.Must(1, "CLUSTER SETSLOT "+slot+" NODE "+thief.ID().String())
		o.Cluster.WaitStable()
		time.Sleep(time.Minute)
		if n := o.Count(0, slot); n != "1" {
			t.Errorf("%s keys are left", n)
		}
		n, _ := strconv.Atoi(slot)
		if from, ok := owner.Map().Importing(slots.Slot(n)); !ok || from != thief.ID() {
			t.Errorf("the slot is not open for a check to find (importing: %v)", ok)
		}
	})
}

// A migration by the nodes themselves brings what is true; what is left here from before
// is not.
func TestMigrationReplacesKeysOfALostSlot(t *testing.T) {
	withLoss(t, func(t *testing.T, o e2e.Operator, slot string, owner, thief *slotmesh.Node) {
		o.Claim(1, slot)
		o.Cluster.WaitStable()
		n, _ := strconv.Atoi(slot)
		id, err := thief.MigrateSlots(t.Context(), slots.NewSet(slots.Slot(n)), owner.ID())
		if err == nil {
			err = thief.WaitMigration(t.Context(), id)
		}
		if err != nil {
			t.Fatal(err)
		}
		o.Cluster.WaitStable()
		if n := o.Count(0, slot); n != "0" {
			t.Errorf("%s keys came to life again", n)
		}
	})
}

func keyAt(t *testing.T, o e2e.Operator, i int, slot string) string {
	t.Helper()
	conn, err := o.Cluster.Dial(t.Context(), "tcp", o.Cluster.Addrs()[i])
	if err != nil {
		t.Fatal(err)
	}
	client := resp.NewConn(conn)
	defer client.Close()
	reply, err := client.Do("CLUSTER", "GETKEYSINSLOT", slot, "1")
	if err != nil || len(reply.Elems) != 1 {
		t.Fatalf("slot %s: %v, %v", slot, reply, err)
	}
	return reply.Elems[0].Text()
}
