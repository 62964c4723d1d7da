package slotmesh_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/clustertest"
)

// A context that has ended does nothing.
func TestEndedContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{Masters: 1})
		n := c.Node(0)
		if err := n.Local().Set(t.Context(), "key", []byte("v"), 0); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		nothing := func(slotmesh.Tx) error { t.Error("a transaction ran"); return nil }
		for what, call := range map[string]func() error{
			"Get":           func() error { _, err := n.Local().Get(ctx, "key"); return err },
			"TTL":           func() error { _, err := n.Local().TTL(ctx, "key"); return err },
			"Set":           func() error { return n.Local().Set(ctx, "key", nil, 0) },
			"Delete":        func() error { _, err := n.Local().Delete(ctx, "key"); return err },
			"Expire":        func() error { _, err := n.Local().Expire(ctx, "key", -1); return err },
			"View":          func() error { return n.Local().View(ctx, []string{"key"}, nothing) },
			"Update":        func() error { return n.Local().Update(ctx, []string{"key"}, nothing) },
			"Do":            func() error { _, err := n.Local().Do(ctx, "DEL", "key"); return err },
			"Router":        func() error { _, err := n.Router().Get(ctx, "key"); return err },
			"Router.Do":     func() error { _, err := n.Router().Do(ctx, "DEL", "key"); return err },
			"Router.Update": func() error { return n.Router().Update(ctx, []string{"key"}, nothing) },
			"GetMany":       func() error { return n.Router().GetMany(ctx, "key", "{key}2")[0].Err },
		} {
			if err := call(); !errors.Is(err, context.Canceled) {
				t.Errorf("%s: %v", what, err)
			}
		}
		if v, err := n.Local().Get(t.Context(), "key"); err != nil || string(v) != "v" {
			t.Errorf("%q, %v", v, err)
		}
	})
}
