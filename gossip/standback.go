package gossip

import (
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// A master that comes back soon enough is never declared failed, so nobody succeeds it. If
// it comes back without its data, or with an old snapshot, it would serve that, and make its
// replicas throw away what they hold. So a restarted master with slots stands back for as
// long as it has to wait anyway (startDelay), and until every replica that answers has told its
// data: it serves nothing, and its host brings no replica up to date. If one has more than Config.Data, the master resigns:
// it declares itself failed, and the replicas hold an ordinary election.

// resignEvery is how often it says so, for those who came late or missed it.
const resignEvery = time.Second

// beginStandBack is called once, when the node starts with what it saved.
func (c *Core) beginStandBack() {
	if c.self.rec.claims() && len(c.list) > 1 {
		c.standsBack = true
		c.event(StandingBack{On: true})
	}
}

// tendStandBack decides whether to go on standing back.
func (c *Core) tendStandBack() {
	if !c.standsBack {
		return
	}
	unheard, better := false, (*node)(nil)
	for _, n := range c.list {
		switch {
		case n.rec.Master != c.self.rec.ID || !n.mayStand() || n.health == slots.Failed:
		case n.dataAt.IsZero():
			unheard = unheard || n.health == slots.Online
		case n.data.after(c.cfg.Data) && (better == nil || n.data.after(better.data)):
			better = n
		}
	}
	switch {
	case better != nil:
		c.resign(better)
	case !unheard && !c.now.Before(c.serveFrom):
		c.endStandBack()
	}
}

// resign lets the replicas elect a successor.
func (c *Core) resign(better *node) {
	if c.now.Before(c.nextResign) {
		return
	}
	if c.nextResign.IsZero() {
		c.warn(better.rec.ID, "this master restarted with less data than its replica holds, and lets it take over")
	}
	c.nextResign = c.now.Add(resignEvery)
	m := c.message(TypeFail)
	m.Subject = c.self.rec.ID
	c.sendTo(m, func(*node) bool { return true })
}

// endStandBack lets the node serve again, or be what it has become.
func (c *Core) endStandBack() {
	if c.standsBack {
		c.standsBack, c.mapDirty = false, true
		c.event(StandingBack{})
	}
}
