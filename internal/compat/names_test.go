package compat_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/admin"
	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/replication"
	"github.com/slotmesh/slotmesh/slots"
)

// Former names that stand for something else by a new name.
var (
	_ slotmesh.Procedure                                                                = slotmesh.Func(nil)
	_ gossip.Fenced                                                                     = gossip.StandingBack{}
	_ *admin.Explanation                                                                = (*admin.Why)(nil)
	_ func(*admin.Client, context.Context, *admin.View) (*admin.View, error)            = (*admin.Client).Settle
	_ func(*admin.Client, context.Context, *admin.View, slots.Slot) (*admin.Why, error) = (*admin.Client).Why
)

func TestFormerErrors(t *testing.T) {
	for _, pair := range [][2]error{
		{slotmesh.ErrUnknownFate, slotmesh.ErrAmbiguous}, {slotmesh.ErrNoProcedure, slotmesh.ErrNoFunc},
		{gossip.ErrNoHeir, gossip.ErrNoSuccessor},
	} {
		if !errors.Is(pair[0], pair[1]) || !errors.Is(pair[1], pair[0]) {
			t.Errorf("%v is not %v", pair[0], pair[1])
		}
	}
	if keyspace.BigValue != keyspace.LargeValue {
		t.Error("keyspace.BigValue")
	}
}

// A program that watches a cluster and reads from replicas by the former names.
func TestFormerMethods(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var roles, other int
		c := clustertest.Start(t, clustertest.Config{Masters: 3, Replicas: 1, Node: func(i int, cfg *slotmesh.Config) {
			if i != 0 {
				return
			}
			before := cfg.OnEvent
			cfg.OnEvent = func(e slotmesh.Event) {
				before(e)
				switch e.(type) {
				case gossip.RoleChanged:
					roles++
				case gossip.StandingBack, replication.Synced:
				default:
					other++
				}
			}
		}})
		ctx := t.Context()
		n := c.Node(0)
		if err := n.Offer("name", func(context.Context, string, []byte) ([]byte, error) { return nil, nil }); err != nil {
			t.Error(err)
		}
		if err := n.Offer("name", nil); err != nil {
			t.Error(err)
		}
		if _, err := n.Router().Call(ctx, "name", "key:test:1", nil); !errors.Is(err, slotmesh.ErrNoProcedure) {
			t.Errorf("a function that was removed: %v", err)
		}
		if n.Why(0) != n.Explain(0) {
			t.Error("Why is not Explain")
		}
		if err := n.Router().Set(ctx, "key", []byte("v"), 0); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Second)
		if v, err := n.Router().Reading(slotmesh.ReadReplica).Within(time.Minute).Get(ctx, "key"); err != nil ||
			string(v) != "v" {
			t.Errorf("%q, %v", v, err)
		}
		for m, missed := range n.Changes(ctx) {
			if m != n.Map() || missed != 0 {
				t.Errorf("the first map is version %d, %d missed", m.Version(), missed)
			}
			break
		}
		if err := n.View(ctx, []string{"{no}such", "{key}s"}, func(slotmesh.Tx) error { return nil }); !errors.Is(err,
			slots.ErrCrossSlot) {
			t.Errorf("View of two slots: %v", err)
		}
		c.Stop(0) // it waits for OnEvent
		if roles == 0 || other == 0 {
			t.Errorf("%d roles, %d other events", roles, other)
		}
	})
}
