package gossip

import (
	"errors"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// FailoverMode is how a replica takes over by command (docs/spec.md §6.7).
type FailoverMode uint8

const (
	// FailoverDefault agrees with the master, which pauses writes and tells its offset; the
	// replica asks for votes once it has caught up. Nothing is lost.
	FailoverDefault FailoverMode = iota
	// FailoverForce asks for votes without asking the master.
	FailoverForce
	// FailoverTakeover asks no other node, and takes a new epoch by itself.
	FailoverTakeover
)

// Failover makes this replica the master of its shard. It returns at once; RoleChanged,
// or FailoverAborted, tells the outcome.
type Failover struct{ Mode FailoverMode }

// ConfirmPause answers a WritesPaused event: no write is in progress any more, and Offset
// is where the data ends. The core passes it to the replica that takes over.
type ConfirmPause struct{ Offset uint64 }

// Errors of Failover (docs/spec.md §11).
var (
	ErrNotReplica = errors.New("You should send CLUSTER FAILOVER to a replica")
	ErrMasterDown = errors.New("Master is down or failed, please use CLUSTER FAILOVER FORCE")
)

// manualTimeout is how long a manual failover may take; the master's pause lasts twice as
// long, or until the replica calls the failover off.
const manualTimeout = 5 * time.Second

// manualAttempts is how often a manual failover asks for votes before it is called off.
const manualAttempts = 4

// manual is the replica's side of a manual failover that waits for the master.
type manual struct {
	deadline time.Time
	askAgain time.Time
	target   uint64 // the offset to reach
	paused   bool   // and it is known
	epoch    uint64 // set aside for the election; 0: none
}

// pause is the master's side.
type pause struct {
	by        slots.NodeID
	until     time.Time
	confirmed bool
	offset    uint64
}

func (cmd Failover) do(c *Core) error {
	switch {
	case !c.isReplica():
		return ErrNotReplica
	case c.departing != nil:
		return ErrLeaving
	}
	m := c.nodes[c.self.rec.Master]
	if cmd.Mode == FailoverDefault && (m == nil || m.health == slots.Failed || len(m.links) == 0) {
		return ErrMasterDown
	}
	if m == nil || m.owned == nil {
		return ErrMasterDown // nothing to take over
	}
	c.endManual("another one was asked for")
	switch cmd.Mode {
	case FailoverDefault:
		// The election's epoch is made durable now, before the master is asked to hold writes
		// back, so that these do not wait for that as well.
		c.currentEpoch = next(c.currentEpoch)
		c.dirty, c.mapDirty = true, true
		c.manual = &manual{deadline: c.now.Add(manualTimeout), epoch: c.currentEpoch}
		c.askForPause(m)
	case FailoverForce:
		c.manual = &manual{deadline: c.now.Add(manualTimeout), paused: true}
		c.startManual()
	case FailoverTakeover:
		highest := c.currentEpoch
		for _, n := range c.list {
			highest = max(highest, n.rec.ConfigEpoch)
		}
		c.promote(m.owned, next(highest), "takeover by command")
		c.takeOverElectorate()
	}
	return nil
}

// startManual asks for votes at once.
func (c *Core) startManual() {
	c.election = &election{master: c.self.rec.Master, manual: true, created: c.now, start: c.now}
	c.runElection(c.election)
}

// tendManual starts the election once the replica has all its master's data, and gives up
// in time.
func (c *Core) tendManual() {
	f := c.manual
	switch {
	case f == nil:
	case c.now.After(f.deadline):
		c.endManual("not done in time")
	case c.election != nil:
	case f.paused && c.self.data.Offset >= int64(f.target):
		c.startManual()
	case !f.paused && !c.now.Before(f.askAgain):
		if m := c.nodes[c.self.rec.Master]; m != nil && len(m.links) > 0 {
			c.askForPause(m)
		}
	}
}

func (c *Core) askForPause(m *node) {
	c.manual.askAgain = c.now.Add(askAgainAfter)
	c.send(m.link(), c.message(TypePause))
}

// endManual ends a manual failover; with a reason it is called off, and the master may go
// on.
func (c *Core) endManual(reason string) {
	f := c.manual
	if f == nil {
		return
	}
	c.manual = nil
	if c.election != nil && c.election.manual {
		c.election = nil
	}
	if reason == "" {
		return
	}
	c.event(FailoverAborted{Reason: reason})
	if m := c.nodes[c.self.rec.Master]; m != nil && len(m.links) > 0 {
		c.send(m.link(), c.message(TypeResume))
	}
}

// onPause handles the request of a replica that takes over: the host is to stop writes,
// and to tell where they end.
func (c *Core) onPause(n *node) {
	if n.rec.Master != c.self.rec.ID || !c.self.hasSlots() {
		return
	}
	if p := c.pause; p != nil {
		// A second replica has to wait: its pause would end the first one, whose replica may
		// win all the same, without what was written in between.
		if lasts := !c.now.Add(manualTimeout).After(p.until); p.by == n.rec.ID && p.confirmed && lasts {
			c.tellPaused() // it did not hear, or was started anew
		}
		return
	}
	c.pause = &pause{by: n.rec.ID, until: c.now.Add(2 * manualTimeout)}
	c.event(WritesPaused{Until: c.pause.until, For: n.rec.ID})
}

func (cmd ConfirmPause) do(c *Core) error {
	if c.pause == nil {
		return nil // over already
	}
	c.pause.confirmed, c.pause.offset = true, cmd.Offset
	c.tellPaused()
	return nil
}

func (c *Core) tellPaused() {
	n := c.nodes[c.pause.by]
	if n == nil || len(n.links) == 0 {
		return
	}
	m := c.message(TypePaused)
	m.Offset = c.pause.offset
	c.send(n.link(), m)
}

// onPaused notes the offset that this replica has to reach.
func (c *Core) onPaused(n *node, m *Message) {
	if c.manual != nil && n.rec.ID == c.self.rec.Master {
		c.manual.paused, c.manual.target = true, m.Offset
		c.tendManual() // this replica may hold everything already
	}
}

// endPause lets this master write again.
func (c *Core) endPause() {
	if c.pause != nil {
		c.pause = nil
		c.event(WritesResumed{})
	}
}

func (c *Core) tendPause() {
	if c.pause != nil && c.now.After(c.pause.until) {
		c.endPause()
	}
}
