package slotmesh_test

import (
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/slots"
)

// operator works on a cluster by hand.
type operator struct {
	t *testing.T
	c *clustertest.Cluster
}

// do sends a command line to node i and returns the reply, or error, as text.
func (o operator) do(i int, line string) string {
	o.t.Helper()
	conn, err := o.c.Dial(o.t.Context(), "tcp", o.c.Addrs()[i])
	if err != nil {
		o.t.Fatal(err)
	}
	client := resp.NewConn(conn)
	defer client.Close()
	reply, err := client.Do(strings.Fields(line)...)
	if err != nil {
		return err.Error()
	}
	return reply.Text()
}

func (o operator) must(i int, lines ...string) {
	o.t.Helper()
	for _, line := range lines {
		if got := o.do(i, line); got != "OK" && !strings.HasPrefix(got, "BUMPED") && !strings.HasPrefix(got, "STILL") {
			o.t.Fatalf("node %d: %s: %s", i, line, got)
		}
	}
}

// claim makes node i the owner of a slot, as the stock fix does.
func (o operator) claim(i int, slot string) {
	o.t.Helper()
	o.must(i, "CLUSTER DELSLOTS "+slot, "CLUSTER ADDSLOTS "+slot, "CLUSTER BUMPEPOCH")
}

func (o operator) count(i int, slot string) string { return o.do(i, "CLUSTER COUNTKEYSINSLOT "+slot) }

// withLoss runs a story on a cluster where node 0 owns the slot of key "k", which is there.
func withLoss(t *testing.T, story func(t *testing.T, o operator, slot string, owner, thief *slotmesh.Node)) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{})
		key := keyOf(c.Node(0))
		slot := strconv.Itoa(int(slots.OfString(key)))
		o := operator{t, c}
		o.must(0, "SET "+key+" v")
		story(t, o, slot, c.Node(0), c.Node(1))
	})
}

// keyOf returns a key of a slot of the node.
func keyOf(n *slotmesh.Node) string {
	for i := 0; ; i++ {
		if key := "k" + strconv.Itoa(i); n.Map().IsMine(slots.OfString(key)) {
			return key
		}
	}
}

func TestKeysOfALostSlotGoAfterAWhile(t *testing.T) {
	withLoss(t, func(t *testing.T, o operator, slot string, owner, thief *slotmesh.Node) {
		o.claim(1, slot)
		o.c.WaitStable()
		time.Sleep(3 * time.Second)
		if n := o.count(0, slot); n != "1" {
			t.Errorf("%s keys are left after 3 s: a fix had no time", n)
		}
		time.Sleep(3 * time.Second)
		if n := o.count(0, slot); n != "0" {
			t.Errorf("%s keys of another's slot are left", n)
		}
	})
}

// What the stock fix does when two nodes hold keys of a slot and the other has more.
func TestFixBringsKeysOfALostSlotToItsOwner(t *testing.T) {
	withLoss(t, func(t *testing.T, o operator, slot string, owner, thief *slotmesh.Node) {
		o.claim(1, slot)
		o.c.WaitStable()
		key := keyAt(t, o, 0, slot)
		o.must(0, "CLUSTER SETSLOT "+slot+" IMPORTING "+thief.ID().String())
		time.Sleep(time.Minute)
		host, port, _ := strings.Cut(o.c.Addrs()[1], ":")
		o.must(0, "MIGRATE "+host+" "+port+" "+key+" 0 1000", "CLUSTER SETSLOT "+slot+" STABLE")
		if got := o.do(1, "GET "+key); got != "v" {
			t.Errorf("the new owner answers %q", got)
		}
	})
}

func TestKeysOfASlotThatCameBackStay(t *testing.T) {
	withLoss(t, func(t *testing.T, o operator, slot string, owner, thief *slotmesh.Node) {
		o.claim(1, slot)
		o.c.WaitStable()
		o.claim(0, slot)
		o.c.WaitStable()
		time.Sleep(time.Minute)
		if n := o.count(0, slot); n != "1" {
			t.Errorf("%s keys are left", n)
		}
	})
}

// An operator who ends a move before all keys have left does not lose them.
func TestRestOfAMoveEndedTooEarlyStays(t *testing.T) {
	withLoss(t, func(t *testing.T, o operator, slot string, owner, thief *slotmesh.Node) {
		o.must(1, "CLUSTER SETSLOT "+slot+" IMPORTING "+owner.ID().String())
		o.must(0, "CLUSTER SETSLOT "+slot+" MIGRATING "+thief.ID().String())
		o.must(1, "CLUSTER SETSLOT "+slot+" NODE "+thief.ID().String())
		o.c.WaitStable()
		time.Sleep(time.Minute)
		if n := o.count(0, slot); n != "1" {
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
	withLoss(t, func(t *testing.T, o operator, slot string, owner, thief *slotmesh.Node) {
		o.claim(1, slot)
		o.c.WaitStable()
		n, _ := strconv.Atoi(slot)
		id, err := thief.MigrateSlots(t.Context(), slots.NewSet(slots.Slot(n)), owner.ID())
		if err == nil {
			err = thief.WaitMigration(t.Context(), id)
		}
		if err != nil {
			t.Fatal(err)
		}
		o.c.WaitStable()
		if n := o.count(0, slot); n != "0" {
			t.Errorf("%s keys came to life again", n)
		}
	})
}

func keyAt(t *testing.T, o operator, i int, slot string) string {
	t.Helper()
	conn, err := o.c.Dial(t.Context(), "tcp", o.c.Addrs()[i])
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
