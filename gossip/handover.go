package gossip

import (
	"errors"

	"github.com/slotmesh/slotmesh/slots"
)

// HandOver is the word of a master that is about to end: it asks one of its replicas to
// take its place now, by the manual failover that loses nothing (docs/spec.md §6.7). Do
// returns when the replica has been asked; RoleChanged of this node tells that it is
// done. A node whose state cannot be saved asks nobody.
type HandOver struct{ To slots.NodeID }

// ErrNoSuccessor refuses HandOver to a node that cannot take over.
var ErrNoSuccessor = errors.New("gossip: not a replica of this master that is linked and may stand for election")

func (cmd HandOver) do(c *Core) error {
	n := c.nodes[cmd.To]
	if n == nil || !c.self.votes() || n.rec.Master != c.self.rec.ID || n.rec.NoFailover || len(n.links) == 0 {
		return ErrNoSuccessor
	}
	c.dirty = true // so that nothing begins here that could not be remembered
	c.send(n.link(), c.message(TypeHandOver))
	return nil
}

// onHandOver does what an administrator's Failover would.
func (c *Core) onHandOver(n *node) {
	if n.rec.ID != c.self.rec.Master || c.self.rec.NoFailover || c.manual != nil {
		return
	}
	if (Failover{Mode: FailoverDefault}).do(c) == nil {
		c.event(HandOverAsked{By: n.rec.ID})
	}
}
