package slotmesh_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/slots"
)

// TestCreateRefusesWhatCannotFailOver: nothing is done, and the error says how many nodes
// it takes.
func TestCreateRefusesWhatCannotFailOver(t *testing.T) {
	for _, c := range []struct{ nodes, replicas, want int }{{2, 1, 6}, {3, 2, 9}, {4, 1, 6}, {5, 1, 6}} {
		nodes := make([]*slotmesh.Node, c.nodes) // not even looked at
		err := slotmesh.CreateReplicated(t.Context(), c.replicas, nodes...)
		if !errors.Is(err, slotmesh.ErrNoFailover) || !strings.Contains(err.Error(), "at least "+string(rune('0'+c.want))+
			" nodes") {
			t.Errorf("%d nodes with %d replicas: %v", c.nodes, c.replicas, err)
		}
	}
	if err := slotmesh.CreateReplicated(t.Context(), 3, make([]*slotmesh.Node, 3)...); err == nil ||
		errors.Is(err, slotmesh.ErrNoFailover) {
		t.Errorf("fewer nodes than one master has: %v", err)
	}
}

// TestWithoutFailover: the replicas of one master or two serve, and a master that fails
// stays failed.
func TestWithoutFailover(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{Masters: 2, Replicas: 1, WithoutFailover: true})
		c.Kill(0)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		defer cancel()
		replica := c.Node(2)
		hasSlots := func(m *slots.Map) bool { return m.Self().HasSlots() }
		if err := replica.WaitMap(ctx, hasSlots); err != context.DeadlineExceeded {
			t.Errorf("the replica took over: %v", err)
		}
	})
}
