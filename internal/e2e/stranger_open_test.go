package e2e_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/internal/e2e"
	"github.com/slotmesh/slotmesh/slots"
)

// startAttacked starts a cluster of three masters with a replica each.
func startAttacked(t *testing.T, change func(cfg *slotmesh.Config)) *attacked {
	t.Helper()
	c := &attacked{value: "what nobody else may see", Cluster: e2e.StartSettled(t, clustertest.Config{
		Replicas: 1,
		Node: func(_ int, cfg *slotmesh.Config) {
			cfg.Clients.Password = "of the clients"
			if change != nil {
				change(cfg)
			}
		},
	})}
	c.key = e2e.KeyOf(c.victim())
	c.before = *c.victim().Map().Self().Slots
	if err := c.victim().Local().Set(t.Context(), c.key, []byte(c.value), 0); err != nil {
		t.Fatal(err)
	}
	return c
}

// pass lets so much fake time pass, and whatever is due then happen.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// On a bus without a secret anybody can say that it is any node. It can do no more there
// than the node whose name it takes: under a name of its own nothing but ask to be a
// member, and as a member nothing to the data of other shards. (A member may call others,
// and take slots under a greater epoch, as an operator's command at it does.)
func TestRightsOnAnOpenBus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := startAttacked(t, nil)
		for _, a := range attacks {
			if done := a.run(newStranger(t, c.Host(strangerHost), slots.NodeID{0xbb, 1}, ""), c); done != "" {
				t.Errorf("a stranger can %s: %s", a.name, done)
			}
		}
		for _, a := range attacks[2:7] {
			if done := a.run(newStranger(t, c.Host(strangerHost), c.bystander().ID(), ""), c); done != "" {
				t.Errorf("a master of another shard can %s: %s", a.name, done)
			}
		}
	})
}
