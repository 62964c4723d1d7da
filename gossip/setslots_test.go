package gossip

import (
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

func TestSetSlots(t *testing.T) {
	now := time.Unix(1000, 0)
	c, err := NewCore(Config{Addr: slots.Addr{Host: "10.0.0.1", Port: 1, BusPort: 2}, Rand: rand.New(rand.NewPCG(1, 1))},
		nil, now)
	if err != nil {
		t.Fatal(err)
	}
	peer := slots.NodeID{7}
	c.add(&Record{ID: peer, Addr: slots.Addr{Host: "10.0.0.2", Port: 1, BusPort: 2}})
	if err := c.Do(now, AddSlots{slots.NewSet(1, 2, 3)}); err != nil {
		t.Fatal(err)
	}
	if err := c.Do(now, SetSlots{slots.NewSet(1, 2), SlotMigrating, peer}); err != nil {
		t.Fatal(err)
	}
	if len(c.migrating) != 2 || c.migrating[2] != peer {
		t.Errorf("migrating: %v", c.migrating)
	}
	var refused *SlotOwnerError
	if err := c.Do(now, SetSlots{slots.NewSet(9), SlotMigrating, peer}); !errors.As(err, &refused) || refused.Slot != 9 {
		t.Errorf("a slot of nobody: %v", err)
	}
	if err := c.Do(now, SetSlots{slots.NewSet(1, 2), SlotStable, slots.NodeID{}}); err != nil || len(c.migrating) != 0 {
		t.Errorf("stable: %v, %v", err, c.migrating)
	}
}

// TestPromotionInheritsOpenSlots: what was open at the master stays open at the replica
// that takes its place, from the first moment: the claim and the open slots share one
// save and one map.
func TestPromotionInheritsOpenSlots(t *testing.T) {
	s := newShards(t, 1, 3, 1, 15*time.Second)
	replica, other, demoted := s.nodes[3], s.nodes[1].id, s.nodes[4].id
	stranger := slots.NodeID{9}
	own, foreign := slots.Even(3)[0].First, slots.Even(3)[1].First
	replica.core.cfg.Inherit = func() OpenSlots {
		return OpenSlots{
			Migrating: map[slots.Slot]slots.NodeID{own: other, own + 1: demoted, own + 2: stranger, foreign: other},
			Importing: map[slots.Slot]slots.NodeID{foreign + 1: other, foreign + 2: stranger, own + 3: other},
			Ceded:     map[slots.Slot]slots.NodeID{own + 4: other, own + 5: stranger, foreign + 4: other},
		}
	}
	replica.core.noMap = false
	if err := replica.core.Do(s.now, Failover{FailoverTakeover}); err != nil {
		t.Fatal(err)
	}
	out := replica.core.Output()
	if out.Save == nil || out.Map == nil || !out.Map.IsMine(own) {
		t.Fatalf("a takeover put out %+v", out)
	}
	migrating, importing := out.Save.Migrating, out.Save.Importing
	if len(migrating) != 2 || migrating[own] != other || migrating[own+1] != demoted || len(importing) != 1 ||
		importing[foreign+1] != other {
		t.Errorf("saved migrating %v, importing %v", migrating, importing)
	}
	if ceded := out.Save.Ceded; len(ceded) != 1 || ceded[own+4] != other || out.Map.Owner(own+4).ID != other {
		t.Errorf("saved ceded %v, owner %s", ceded, out.Map.Owner(own+4).ID)
	}
	if want := slots.NewSet(own, own+1, foreign+1); *out.Map.Open() != want {
		t.Errorf("open in the map: %s, want %s", out.Map.Open(), want)
	}
}
