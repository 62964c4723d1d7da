package gossip

import (
	"fmt"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// Command is what an administrator, or the node itself, asks of the core. The set is
// closed.
type Command interface{ do(c *Core) error }

// MeetNode makes the node at Addr a member (docs/spec.md §2.2). A BusPort of 0 means Port
// + 10,000. It returns at once; Met or MeetFailed tells the outcome.
type MeetNode struct{ Addr slots.Addr }

// ForgetNode removes a node here and, by gossip, everywhere (docs/spec.md §2.5).
type ForgetNode struct{ Node slots.NodeID }

// AddSlots claims slots that have no owner; all or none. Error: *SlotError.
type AddSlots struct{ Slots slots.Set }

// DelSlots gives up slots of this node; all or none. Slots of others are left alone: only
// their owner can give them up. Error: *SlotError.
type DelSlots struct{ Slots slots.Set }

// FlushSlots gives up all slots of this node.
type FlushSlots struct{}

// SetConfigEpoch sets the config epoch of a node that is still alone (docs/spec.md §4.7).
type SetConfigEpoch struct{ Epoch uint64 }

// BumpEpoch takes a config epoch greater than all others, unless this node has it already
// (docs/spec.md §4.5). The Map tells the result.
type BumpEpoch struct{}

// Reset forgets all peers, slots and bans and leaves the cluster; Hard also takes a new
// id and forgets the epochs. The caller refuses it on a master that holds keys.
type Reset struct{ Hard bool }

// Do carries out a command. A refusal leaves everything as it was.
func (c *Core) Do(now time.Time, cmd Command) error {
	c.now = now
	c.resolveClaims()
	return cmd.do(c)
}

func (cmd MeetNode) do(c *Core) error {
	a := cmd.Addr
	if a.BusPort == 0 {
		if a.Port == 0 || a.Port > 1<<16-1-busOffset {
			return fmt.Errorf("%w: %s", ErrInvalidAddr, a.Client())
		}
		a.BusPort = a.Port + busOffset
	}
	if !slots.ValidHost(a.Host) {
		return fmt.Errorf("%w: %.128q", ErrInvalidAddr, a.Client())
	}
	return c.startMeet(a)
}

// busOffset is the distance from the client port to the bus port (docs/spec.md §2.7).
const busOffset = 10000

func (cmd ForgetNode) do(c *Core) error {
	n := c.nodes[cmd.Node]
	switch {
	case n == c.self:
		return ErrForgetSelf
	case n == nil && c.gone.banned(cmd.Node, c.now):
		return nil
	case n == nil:
		return &UnknownNodeError{cmd.Node}
	case c.self.rec.Master == cmd.Node:
		return ErrForgetMaster
	}
	c.forgetVoter(n)
	c.addTombstone(cmd.Node, n.rec.Gen)
	c.dirty = true
	c.tellAll(cmd.Node)
	return nil
}

func (cmd AddSlots) do(c *Core) error {
	if c.self.rec.Leaving {
		return ErrLeaving
	}
	if c.self.rec.Witness {
		return ErrWitness
	}
	for slot := range cmd.Slots.All() {
		if c.assigned.Has(slot) {
			return &SlotError{Slot: slot, Busy: true}
		}
	}
	c.claim(&cmd.Slots, nil)
	return nil
}

func (cmd DelSlots) do(c *Core) error {
	for slot := range cmd.Slots.All() {
		if !c.assigned.Has(slot) {
			return &SlotError{Slot: slot}
		}
	}
	mine := c.withoutCeded(cmd.Slots)
	c.claim(nil, &mine)
	return nil
}

func (FlushSlots) do(c *Core) error {
	if c.self.rec.Slots != nil {
		mine := c.withoutCeded(*c.self.rec.Slots)
		c.claim(nil, &mine)
	}
	return nil
}

func (cmd SetConfigEpoch) do(c *Core) error {
	switch {
	case len(c.list) > 1:
		return ErrKnowsOthers
	case c.self.rec.ConfigEpoch != 0:
		return ErrHasEpoch
	case cmd.Epoch > maxCounter:
		return fmt.Errorf("%w: %d is greater than %d", ErrInvalidEpoch, cmd.Epoch, uint64(maxCounter))
	}
	c.setConfigEpoch(cmd.Epoch, "set by command")
	return nil
}

func (BumpEpoch) do(c *Core) error {
	c.bumpEpoch("bumped by command")
	return nil
}

func (cmd Reset) do(c *Core) error {
	c.forgetAll()
	c.gone.clear()
	c.dropElectorate()
	c.cluster, c.former, c.established, c.served = ClusterID{}, nil, false, false
	clear(c.migrating)
	clear(c.importing)
	clear(c.ceded)
	c.erase(c.self)
	c.claimsStale = true
	self := &c.self.rec
	c.endPause()
	c.endFence(Fenced{})
	c.endManual("")
	c.election = nil
	self.Leaving, c.departing = false, nil
	self.Slots, self.Master, c.lost = nil, slots.NodeID{}, slots.Set{}
	self.Gen = next(self.Gen) // peers that still know this node must not take it for the member it was
	if cmd.Hard {
		c.currentEpoch, c.lastVoteEpoch = 0, 0
		*self = Record{
			ID: newNodeID(c.cfg.Rand), Incarnation: self.Incarnation,
			Addr: self.Addr, Hostname: self.Hostname, Zone: self.Zone, NoFailover: self.NoFailover,
			Witness: self.Witness,
		}
	}
	c.self.owned = nil
	c.insert(c.self)
	c.selfChanged()
	return nil
}
