package server

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/slotmesh/slotmesh/migrate"
	"github.com/slotmesh/slotmesh/slots"
)

// peerID is a second master, which joinPeer makes known.
var peerID = slots.NodeID{0x11, 0x22}

// amend changes the topology and publishes it.
func (c *fakeCluster) amend(change func(*slots.Topology)) {
	top := c.top
	c.version++
	top.Version = c.version
	change(&top)
	c.use(top)
}

// joinPeer makes peerID known, as the owner of theirs; the rest stays this node's.
func (c *fakeCluster) joinPeer(theirs slots.Set) {
	c.amend(func(top *slots.Topology) {
		mine := slots.Full()
		mine.Subtract(&theirs)
		top.Nodes = []slots.Node{
			{ID: c.id, Addr: c.addr(), Slots: &mine},
			{ID: peerID, Addr: slots.Addr{Host: "10.0.0.2", Port: 7002, BusPort: 17002}, Slots: &theirs},
		}
	})
}

// SetSlot does what a node does, but for the epochs.
func (c *fakeCluster) SetSlot(_ context.Context, slot slots.Slot, state SlotState, peer slots.NodeID) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.amend(func(top *slots.Topology) {
		top.Importing, top.Migrating = maps.Clone(top.Importing), maps.Clone(top.Migrating)
		delete(top.Importing, slot)
		delete(top.Migrating, slot)
		switch state {
		case SlotImporting:
			top.Importing = with(top.Importing, slot, peer)
		case SlotMigrating:
			top.Migrating = with(top.Migrating, slot, peer)
		case SlotNode:
			top.Nodes = slices.Clone(top.Nodes)
			for i := range top.Nodes {
				n := &top.Nodes[i]
				var set slots.Set
				if n.Slots != nil {
					set = *n.Slots
				}
				if set.Remove(slot); n.ID == peer {
					set.Add(slot)
				}
				n.Slots = &set
			}
		}
	})
	return c.err
}

func with(m map[slots.Slot]slots.NodeID, slot slots.Slot, id slots.NodeID) map[slots.Slot]slots.NodeID {
	if m == nil {
		m = make(map[slots.Slot]slots.NodeID)
	}
	m[slot] = id
	return m
}

func (c *fakeCluster) StartMigration(_ context.Context, set slots.Set, target slots.NodeID) (migrate.JobID, error) {
	if c.err != nil && len(c.jobs) > 0 {
		return migrate.JobID{}, c.err
	}
	id := migrate.JobID{19: byte(len(c.jobs) + 1)}
	c.jobs = append(c.jobs, migrate.Status{Job: migrate.Job{ID: id, Kind: migrate.KindMove, Slots: set, Source: c.id,
		Target: target, Created: time.Unix(1000, 0)}, State: migrate.Running, Updated: time.Unix(1001, 0)})
	return id, nil
}

func (c *fakeCluster) BalancePause(context.Context) error                 { return c.err }
func (c *fakeCluster) BalanceResume(context.Context) error                { return c.err }
func (c *fakeCluster) BalanceExclude(context.Context, slots.NodeID) error { return c.err }
func (c *fakeCluster) BalanceInclude(context.Context, slots.NodeID) error { return c.err }

func (c *fakeCluster) DescribeBalance() (string, error) { return "paused:no\r\n", c.err }

func (c *fakeCluster) DescribeBalancePlan(context.Context) (string, error) {
	return "nothing to do\n", c.err
}

func (c *fakeCluster) ListMigrations() []migrate.Status { return slices.Clone(c.jobs) }

func (c *fakeCluster) StopMigration(_ context.Context, id migrate.JobID) error {
	for i := range c.jobs {
		if c.jobs[i].Job.ID == id {
			c.jobs[i].State = migrate.Cancelled
		}
	}
	return nil
}
