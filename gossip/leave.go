package gossip

import (
	"errors"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// Leave tells the cluster that this node is about to leave, or with Stay that it is not:
// slots.Node.Leaving shows it everywhere. A leaving node opens and claims no further
// slots. Nothing of it is remembered over a restart: then the node is a member like any.
type Leave struct{ Stay bool }

// Depart makes all others forget this node, which must be Leaving, own no slot, import
// none and have no replicas. The node does not wait to be forgotten by a command to
// another: it tells its peers that its membership has ended, as those tell each other.
// Each that has heard it says so; when all that are connected have, or some have and a
// second is over, the node is alone: Expelled tells. The command again tells those that
// have not answered.
//
// From this command on the node stands for no election, and Leave with Stay is refused:
// some may have forgotten it already.
type Depart struct{}

// departure is a Depart under way.
type departure struct {
	heard bool // by at least one
	left  map[slots.NodeID]bool
	until time.Time // not longer, once one has heard
}

// departLimit is how long a departing node waits for the last of its peers.
const departLimit = time.Second

// Errors of Leave and Depart, and of commands to a node that leaves.
var (
	ErrLeaving     = errors.New("the node is leaving the cluster")
	ErrNotLeaving  = errors.New("the node has not said that it leaves")
	ErrHoldsSlots  = errors.New("the node owns or imports slots")
	ErrHasReplicas = errors.New("the node has replicas")
)

func (cmd Leave) do(c *Core) error {
	if c.departing != nil && cmd.Stay {
		return ErrLeaving
	}
	if leaving := !cmd.Stay; c.self.rec.Leaving != leaving {
		c.self.rec.Leaving = leaving
		c.selfChanged()
	}
	return nil
}

func (Depart) do(c *Core) error {
	self := &c.self.rec
	switch {
	case !self.Leaving:
		return ErrNotLeaving
	case self.claims() || c.self.owned != nil || len(c.importing) > 0:
		return ErrHoldsSlots
	}
	for _, n := range c.list {
		if n.rec.Master == self.ID && n.health != slots.Failed {
			return ErrHasReplicas
		}
	}
	if len(c.list) == 1 {
		return nil
	}
	if c.departing == nil {
		c.endManual("the node leaves")
		c.election = nil
		d := &departure{left: make(map[slots.NodeID]bool), until: c.now.Add(departLimit)}
		for _, n := range c.list {
			if n != c.self && len(n.links) > 0 {
				d.left[n.rec.ID] = true
			}
		}
		c.departing = d
	}
	m := c.message(TypeNews)
	m.Records = []Record{{ID: self.ID, Gen: self.Gen, Gone: true}}
	c.sendTo(m, func(n *node) bool { return c.departing.left[n.rec.ID] || !c.departing.heard })
	return nil
}

// departed notes that a peer has forgotten this node, in its membership gen. It reports
// whether the node has to wait for others.
func (c *Core) departed(by slots.NodeID) (wait bool) {
	d := c.departing
	if d == nil {
		return false
	}
	d.heard = true
	delete(d.left, by)
	return len(d.left) > 0 && c.now.Before(d.until)
}

// tendDeparture ends the wait for peers that do not answer.
func (c *Core) tendDeparture() {
	if d := c.departing; d != nil && d.heard && !c.now.Before(d.until) {
		c.expelled(c.self.rec.ID, c.self.rec.Gen)
	}
}
