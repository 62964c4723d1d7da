package gossip

import (
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// Cluster returns the id of the cluster, zero before one is founded.
func (c *Core) Cluster() ClusterID { return c.cluster }

// Incarnation returns the number of this start of the node: it is greater than that of
// any earlier start.
func (c *Core) Incarnation() uint64 { return c.self.rec.Incarnation }

// NodeTimeout returns T, which Tune may change.
func (c *Core) NodeTimeout() time.Duration { return c.cfg.NodeTimeout }

// AwaitsData reports whether a manual failover of this replica is under way: call SetData
// at once when the data moves, as the failover waits for the last of it.
func (c *Core) AwaitsData() bool { return c.manual != nil }

// Unsaved reports whether State differs from the last Output.Save. A driver that is about
// to end saves it then, though nothing that was sent relies on it.
func (c *Core) Unsaved() bool { return c.dirty || !c.lazyDirty.IsZero() }

// Stats returns the message counters.
func (c *Core) Stats() Stats { return c.stats }

// Peer is what a node knows of another one beside the Map.
type Peer struct {
	ID           slots.NodeID // made up while Handshake is set
	Addr         slots.Addr
	Handshake    bool
	NoAddr       bool
	Connected    bool
	PingSent     time.Time // since when it owes an answer, zero if it owes none
	PongReceived time.Time // when it was last heard, zero if never
	FailedAt     time.Time // since when it counts as failed, zero if it does not
	Reports      int       // how many masters report it down (docs/spec.md §3.4)
	Data         Data      // what it told last of its data
	Links        []LinkInfo
}

// LinkInfo describes a connection, for CLUSTER LINKS.
type LinkInfo struct {
	ID      LinkID
	Dialled bool // by this node
	Since   time.Time
}

// Peers returns all other nodes by ascending id, then the handshakes.
func (c *Core) Peers() []Peer {
	list := make([]Peer, 0, len(c.list)+len(c.handshakes))
	reports := c.allReports()
	for _, n := range c.list {
		if n == c.self {
			continue
		}
		p := Peer{
			ID: n.rec.ID, Addr: n.rec.Addr, NoAddr: n.noAddr, Connected: len(n.links) > 0,
			PingSent: n.pingSent, PongReceived: n.lastHeard, Reports: reports[n.rec.ID], Data: n.data,
		}
		if n.health == slots.Failed {
			p.FailedAt = n.failedAt
		}
		for _, l := range n.links {
			p.Links = append(p.Links, LinkInfo{l.id, l.dialled, l.up})
		}
		list = append(list, p)
	}
	for _, h := range c.handshakes {
		list = append(list, Peer{ID: h.name, Addr: h.addr, Handshake: true, Connected: h.link != nil, PingSent: h.started})
	}
	return list
}
