package e2e_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/internal/e2e"
	"github.com/slotmesh/slotmesh/slots"
)

// handMoved starts a cluster where the slot of key, which holds a value, has been moved
// by hand from node 0 to node 1 up to the last step: SETSLOT NODE.
func handMoved(t *testing.T, cfg clustertest.Config) (o e2e.Operator, key, slot string) {
	c := clustertest.Start(t, cfg)
	for _, n := range c.Nodes() {
		if err := n.WaitSynced(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	o = e2e.Operator{T: t, Cluster: c}
	key = e2e.KeyOf(c.Node(0))
	slot = fmt.Sprint(slots.OfString(key))
	host, port, _ := strings.Cut(c.Addrs()[1], ":")
	o.Must(0, "SET "+key+" 0")
	o.Must(1, "CLUSTER SETSLOT "+slot+" IMPORTING "+c.Node(0).ID().String())
	o.Must(0, "CLUSTER SETSLOT "+slot+" MIGRATING "+c.Node(1).ID().String(), "MIGRATE "+host+" "+port+" "+key+" 0 1000")
	return o, key, slot
}

// TestSetSlotNodeInAnyOrder: the stock tools tell the masters of a slot's new owner in
// orders of their own. Each is answered at once, clients of all nodes are served between
// any two, and at the end the slot is closed.
func TestSetSlotNodeInAnyOrder(t *testing.T) {
	for _, order := range [][]int{{1, 0, 2}, {0, 1, 2}, {0, 2, 1}, {2, 0, 1}, {2, 1, 0}, {0}} {
		t.Run(fmt.Sprint(order), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o, key, slot := handMoved(t, clustertest.Config{Replicas: 1})
				o.Cluster.DelayBetween(0, 1, 20*time.Millisecond) // the one's news takes so long to the other
				target, value := o.Cluster.Node(1).ID().String(), 0
				work := func() {
					for i := range 3 {
						value++
						if got := o.Chase(i, "SET "+key+" "+strconv.Itoa(value)); got != "OK" {
							t.Errorf("SET by way of node %d: %s", i, got)
						}
						if got := o.Chase((i+1)%3, "GET "+key); got != strconv.Itoa(value) {
							t.Errorf("GET by way of node %d: %s, want %d", (i+1)%3, got, value)
						}
					}
				}
				for _, i := range order {
					began := time.Now()
					o.Must(i, "CLUSTER SETSLOT "+slot+" NODE "+target)
					if took := time.Since(began); took > 0 {
						t.Errorf("node %d answered after %v", i, took)
					}
					for range 5 {
						work()
						time.Sleep(5 * time.Millisecond)
					}
				}
				o.Cluster.WaitStable()
				work()
				e2e.NoneOpen(t, o.Cluster)
				if !o.Cluster.Node(1).Map().IsMine(slots.OfString(key)) {
					t.Error("the slot is not the target's")
				}
			})
		})
	}
}

// TestCededSlotSurvivesAFailover: what a master gave away, its successor gives away too.
func TestCededSlotSurvivesAFailover(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, key, slot := handMoved(t, clustertest.Config{Masters: 5, Replicas: 1, NodeTimeout: time.Second})
		c, target := o.Cluster, o.Cluster.Node(1)
		c.Partition([]int{1}, []int{0, 2, 3, 4, 5, 6, 7, 8, 9})
		o.Must(0, "CLUSTER SETSLOT "+slot+" NODE "+target.ID().String())
		c.Kill(0)
		successor := c.Node(5)
		if err := successor.WaitMap(t.Context(), func(m *slots.Map) bool { return m.Self().IsMaster() }); err != nil {
			t.Fatal(err)
		}
		if m := successor.Map(); !m.Ceded().Has(slots.OfString(key)) && m.Owner(slots.OfString(key)).ID != target.ID() {
			t.Errorf("the successor keeps the slot: owner %s", m.Owner(slots.OfString(key)).ID)
		}
		c.Heal()
		c.Restart(0)
		c.WaitStable()
		e2e.NoneOpen(t, c)
		if got := slotOwner(c.Node(2), key); got != slotOwner(successor, key) || got == successor.ID() {
			t.Errorf("the slot belongs to %s", got)
		}
		if got := o.Chase(2, "GET "+key); got != "0" {
			t.Errorf("GET: %s", got)
		}
	})
}

// TestLastSlotIsAssignedInAnyOrder: with its last slot gone a master becomes a replica,
// maybe before the tool comes to tell it, maybe while it is told.
func TestLastSlotIsAssignedInAnyOrder(t *testing.T) {
	for _, order := range [][]int{{0, 1, 2}, {1, 0, 2}, {2, 1, 0}} {
		for _, pause := range []time.Duration{0, time.Millisecond, 3 * time.Millisecond, time.Second} {
			synctest.Test(t, func(t *testing.T) {
				c := clustertest.Start(t, clustertest.Config{Replicas: 1})
				for _, n := range c.Nodes() {
					if err := n.WaitSynced(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
				time.Sleep(2 * time.Second) // for the replicas to be known as good
				c.Delay(time.Millisecond)
				c.DelayBetween(0, 3, 10*time.Millisecond) // the claim is here before the replica knows
				o := e2e.Operator{T: t, Cluster: c}
				last := e2e.FirstSlots(c.Node(0), 1)
				all := *c.Node(0).Map().Self().Slots
				all.Subtract(&last)
				if err := c.Node(0).DelSlots(t.Context(), all); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Second)
				if err := c.Node(1).AddSlots(t.Context(), all); err != nil {
					t.Fatal(err)
				}
				c.WaitStable()
				source, target := c.Node(0).ID().String(), c.Node(1).ID().String()
				o.Must(1, "CLUSTER SETSLOT "+last.String()+" IMPORTING "+source)
				o.Must(0, "CLUSTER SETSLOT "+last.String()+" MIGRATING "+target)
				for _, i := range order {
					o.Must(i, "CLUSTER SETSLOT "+last.String()+" NODE "+target)
					time.Sleep(pause)
				}
				c.WaitStable()
				e2e.NoneOpen(t, c)
				if c.Node(0).Map().Self().IsMaster() {
					t.Error("the source is still a master")
				}
			})
		}
	}
}

func slotOwner(n *slotmesh.Node, key string) slots.NodeID {
	return n.Map().Owner(slots.OfString(key)).ID
}
