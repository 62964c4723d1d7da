package gossip

import (
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// Output is what the driver has to do, in the order of the fields. If Save cannot be made
// durable, the driver calls SaveFailed, keeps Events for later, publishes and sends
// nothing, but dials and closes. A Map that only takes slots away from this node may be
// published before Save.
type Output struct {
	// Save must be durable before Sends leave, which rely on the votes and epochs in it; nil
	// if there is nothing to save. EncodeState makes the content of a file of it.
	Save *State
	// Map is the new view, nil if it is unchanged.
	Map *slots.Map
	// Events are to be reported, to the log and to the host.
	Events []Event
	// Sends are messages to send. The protocol bears it if one is lost.
	Sends []Send
	// Dials are addresses (Addr.Bus) to connect to. LinkUp or DialFailed answers each.
	Dials []slots.Addr
	// Closes are connections to close once what was sent on them has left. LinkDown need not
	// follow.
	Closes []LinkID
}

// Send is a message for a link. It must not be changed: consecutive Sends of the same
// message share Msg, so that a driver encodes it once.
type Send struct {
	Link LinkID
	Msg  *Message
}

// Output returns what is to be done since it was called last.
func (c *Core) Output() Output {
	c.resolveClaims()
	if c.mapDirty { // nothing else that it looks at changes between ticks
		c.updateState()
	}
	c.flushNews()
	c.offerCeded()
	out := c.out
	c.out = Output{}
	if c.dirty {
		out.Save = c.State()
		c.dirty, c.lazyDirty = false, time.Time{}
	}
	if c.mapDirty {
		c.mapDirty = false
		if !c.noMap {
			out.Map = c.buildMap()
		}
	}
	return out
}

// SaveFailed says that the last Output.Save is not durable: the next Output has it, and
// the Map, again. The driver must not have sent the Sends of that Output: they are lost.
func (c *Core) SaveFailed() { c.dirty, c.mapDirty = true, true }

// buildMap makes the published view.
func (c *Core) buildMap() *slots.Map {
	c.version++
	t := slots.Topology{
		Version: c.version, Self: c.self.rec.ID, State: c.state,
		ReadsIfDown: c.cfg.ReadsIfDown, CurrentEpoch: c.currentEpoch,
		Migrating: cloneOpen(c.migrating), Importing: cloneOpen(c.importing),
		Nodes: make([]slots.Node, 0, len(c.list)),
	}
	for _, n := range c.list {
		view := slots.Node{
			ID: n.rec.ID, Addr: n.rec.Addr, Hostname: n.rec.Hostname, Zone: n.rec.Zone, Master: n.rec.Master,
			ConfigEpoch: n.rec.ConfigEpoch, Health: n.health, NoFailover: n.rec.NoFailover,
			Leaving: n.rec.Leaving,
			Voter:   c.isVoter(n), Witness: n.rec.Witness, Slots: n.owned,
		}
		if m := c.nodes[n.rec.Master]; m != nil {
			view.ConfigEpoch = m.rec.ConfigEpoch // docs/spec.md §10.1
		}
		if n.noAddr {
			view.Addr = slots.Addr{}
		}
		t.Nodes = append(t.Nodes, view)
	}
	if len(c.ceded) > 0 {
		c.showCeded(&t)
	}
	follow := slots.NewMap
	if c.published != nil {
		follow = c.published.Next // cheaper, with the same result
	}
	m, err := follow(t)
	if err != nil {
		panic("gossip: the core made an inconsistent view: " + err.Error()) // a bug, never bad input
	}
	c.published = m
	return m
}
