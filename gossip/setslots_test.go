package gossip

import (
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

func TestSetSlotsAndInherit(t *testing.T) {
	now := time.Unix(1000, 0)
	c, err := NewCore(Config{Addr: slots.Addr{Host: "10.0.0.1", Port: 1, BusPort: 2}, Rand: rand.New(rand.NewPCG(1, 1))}, nil, now)
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
	inherit := Inherit{
		Migrating: map[slots.Slot]slots.NodeID{3: peer, 9: peer},
		Importing: map[slots.Slot]slots.NodeID{1: peer, 10: peer},
	}
	if err := c.Do(now, inherit); err != nil {
		t.Fatal(err)
	}
	if len(c.migrating) != 1 || c.migrating[3] != peer || len(c.importing) != 1 || c.importing[10] != peer {
		t.Errorf("inherited migrating %v, importing %v", c.migrating, c.importing)
	}
}
