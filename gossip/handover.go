package gossip

import (
	"errors"

	"github.com/slotmesh/slotmesh/slots"
)

// HandOver makes this master, which is about to end, ask one of its replicas to take its
// place now, by the manual failover that loses nothing (docs/spec.md §6.7). Do returns
// when the replica has been asked; RoleChanged of this node tells that it is done. A node
// whose state cannot be saved does not ask.
type HandOver struct{ To slots.NodeID }

// ErrNoSuccessor refuses HandOver to a node that cannot take over.
var ErrNoSuccessor = errors.New("gossip: not a replica of this master that is linked and may stand for election")

func (cmd HandOver) do(c *Core) error {
	n := c.nodes[cmd.To]
	if n == nil || !c.self.hasSlots() || n.rec.Master != c.self.rec.ID || n.rec.NoFailover ||
		n.rec.Leaving || len(n.links) == 0 {
		return ErrNoSuccessor
	}
	c.dirty = true // so that a node that cannot save begins nothing
	c.send(n.link(), c.message(TypeHandOver))
	return nil
}

// onHandOver begins a manual failover, as an administrator's Failover does.
func (c *Core) onHandOver(n *node) {
	if n.rec.ID != c.self.rec.Master || c.self.rec.NoFailover || c.manual != nil {
		return
	}
	if (Failover{Mode: FailoverDefault}).do(c) == nil {
		c.event(HandOverAsked{By: n.rec.ID})
	}
}
