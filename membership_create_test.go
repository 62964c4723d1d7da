package slotmesh_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/slots"
)

// TestCreateRefusesWhatCannotFailOver: nothing is done, and the error says how many nodes
// it takes.
func TestCreateRefusesWhatCannotFailOver(t *testing.T) {
	nodes := make([]*slotmesh.Node, 2) // not even looked at
	if err := slotmesh.CreateReplicated(t.Context(), 1, nodes...); !errors.Is(err, slotmesh.ErrNoFailover) ||
		!strings.Contains(err.Error(), "at least 3 nodes") || !strings.Contains(err.Error(), "Config.Witness") {
		t.Errorf("2 nodes with 1 replica: %v", err)
	}
	if err := slotmesh.CreateReplicated(t.Context(), 3, make([]*slotmesh.Node, 3)...); err == nil ||
		errors.Is(err, slotmesh.ErrNoFailover) {
		t.Errorf("fewer nodes than one master has: %v", err)
	}
}

// TestWithoutFailover: the replica of one master serves, and a master that fails stays
// failed. Ready names the way out.
func TestWithoutFailover(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{Masters: 1, Replicas: 1, WithoutFailover: true})
		c.Kill(0)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		defer cancel()
		replica := c.Node(1)
		if err := replica.WaitMap(ctx, serves); err != context.DeadlineExceeded {
			t.Errorf("the replica took over: %v", err)
		}
		ready, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		if err := replica.Ready(ready); err == nil || !strings.Contains(err.Error(), "Config.Witness") {
			t.Errorf("Ready: %v, want the witness to be named", err)
		}
	})
}

func serves(m *slots.Map) bool { return m.Self().HasSlots() && m.State() == slots.OK }

// TestFewMastersFailOver: a master of one or two dies, at any moment, and its replica
// serves within T and 300 ms, in 20 of 20 clusters.
func TestFewMastersFailOver(t *testing.T) {
	const T = 2 * time.Second
	for _, c := range []struct {
		name                         string
		masters, replicas, witnesses int
	}{
		{"one master with two replicas", 1, 2, 0},
		{"one master with one replica and a witness", 1, 1, 1},
		{"two masters with one replica each", 2, 1, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			for range 20 {
				synctest.Test(t, func(t *testing.T) {
					cluster := clustertest.Start(t, clustertest.Config{Masters: c.masters, Replicas: c.replicas,
						Witnesses: c.witnesses, NodeTimeout: T})
					time.Sleep(rand.N(T))
					died := time.Now()
					cluster.Kill(0)
					took := time.Duration(0)
					for took == 0 && time.Since(died) < 2*T {
						time.Sleep(5 * time.Millisecond)
						for _, n := range cluster.Nodes() {
							if m := n.Map(); m.Owner(0).ID == n.ID() && serves(m) {
								took = time.Since(died)
							}
						}
					}
					if took == 0 || took > T+300*time.Millisecond {
						t.Errorf("slot 0 is served %v after its master died, want within T and 300 ms", took)
					}
				})
			}
		})
	}
}

// TestWitnessHoldsNothing: a witness takes neither slots nor a master, and says so in all
// maps.
func TestWitnessHoldsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{Masters: 1, Replicas: 1, Witnesses: 1})
		witness := c.Node(2)
		if err := witness.Replicate(t.Context(), c.Node(0).ID()); !errors.Is(err, gossip.ErrWitness) {
			t.Errorf("Replicate: %v", err)
		}
		var one slots.Set
		one.Add(0)
		if err := witness.AddSlots(t.Context(), one); !errors.Is(err, gossip.ErrWitness) {
			t.Errorf("AddSlots: %v", err)
		}
		for i, n := range c.Nodes() {
			if w := n.Map().Node(witness.ID()); !w.Witness || !w.Voter {
				t.Errorf("node %d sees %+v", i, w)
			}
		}
	})
}
