package gossip

import (
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// Replicate makes this node a replica of a master (docs/spec.md §9.4: never of a
// replica). The caller refuses it on a master that holds keys.
type Replicate struct{ Master slots.NodeID }

func (cmd Replicate) do(c *Core) error {
	m := c.nodes[cmd.Master]
	switch {
	case m == nil:
		return &UnknownNodeError{cmd.Master}
	case m == c.self:
		return ErrReplicateSelf
	case c.self.rec.Witness:
		return ErrWitness
	case !m.rec.Master.IsZero():
		return ErrNotAMaster
	case c.self.rec.claims():
		return ErrOwnsSlots
	}
	c.becomeReplica(cmd.Master)
	return nil
}

func (c *Core) isReplica() bool { return !c.self.rec.Master.IsZero() }

// becomeReplica makes this node a replica, and gives up the slots that it claims.
func (c *Core) becomeReplica(master slots.NodeID) {
	self := &c.self.rec
	if self.Master == master {
		return
	}
	c.endPause()
	c.endFence(Fenced{})
	c.endManual("")
	c.election = nil
	was := self.claimed()
	self.Master, self.Slots, c.lost = master, nil, slots.Set{}
	clear(c.migrating)
	clear(c.importing)
	clear(c.ceded)
	c.claimsChanged(c.self, was, nil)
	c.dataTime = time.Time{}
	for _, n := range c.list {
		if n.former == self.ID {
			n.former = slots.NodeID{} // should this node be a master again, it has a new shard
		}
	}
	c.event(RoleChanged{Node: self.ID, Master: master})
	c.selfChanged()
}

// followWinner makes a master that just lost its last slots a replica of the node that
// took them (docs/spec.md §4.6).
func (c *Core) followWinner(lost *slots.Set) {
	if w := c.winnerOf(c.self, lost); w != nil && !c.self.rec.claims() {
		c.becomeReplica(w.rec.ID)
	}
}

// winnerOf returns the new master of the shard of a master that has no slots any more:
// the replica that took its place, or else the owner of the slots in lost with the
// greatest config epoch. The epoch alone would not do: the greatest may be that of the
// target of a move, which the replica has brought to its end.
func (c *Core) winnerOf(loser *node, lost *slots.Set) *node {
	var best *node
	for _, n := range c.list {
		if n.former == loser.rec.ID && n.owned != nil {
			return n
		}
		if n == c.self || n.owned == nil || best != nil && best.rec.ConfigEpoch >= n.rec.ConfigEpoch {
			continue
		}
		both := *n.owned
		both.Intersect(lost)
		if !both.Empty() {
			best = n
		}
	}
	return best
}

// followMaster keeps a replica in its shard: it follows the master of a master that
// became a replica, and the node that won the slots of a master that has none left.
func (c *Core) followMaster() {
	m := c.nodes[c.self.rec.Master]
	switch {
	case m == nil || m == c.self:
	case !m.rec.Master.IsZero():
		next := c.nodes[m.rec.Master]
		if next != nil && next != c.self && next.rec.Master.IsZero() {
			c.becomeReplica(next.rec.ID)
		}
	case m.owned == nil && m.rec.claims():
		if w := c.winnerOf(m, m.rec.Slots); w != nil {
			c.becomeReplica(w.rec.ID)
		}
	}
}

// promote makes this replica the master of its shard, under a config epoch that it won or
// took.
func (c *Core) promote(claim *slots.Set, epoch uint64, reason string) {
	self := &c.self.rec
	c.endManual("")
	c.election = nil
	set := *claim
	self.Master, self.Slots, self.ConfigEpoch = slots.NodeID{}, &set, epoch
	c.lost = slots.Set{}
	c.useEpoch(epoch)
	c.claimsStale = true
	// No node can have a later right to the slots. So there is nothing to wait for, however
	// short ago the node was started or cut off (docs/spec.md §5.2).
	c.serveFrom, c.minoritySeen = time.Time{}, time.Time{}
	c.event(RoleChanged{Node: self.ID})
	c.event(EpochChanged{ConfigEpoch: epoch, Reason: reason})
	c.slotsChanged(&set, nil, false)
	c.selfChanged()
	c.resolveClaims()
	c.inherit()
}
