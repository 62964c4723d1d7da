package committer

import "runtime"

// lead makes durable all that there is, for the caller and others that wait, unless
// somebody is at it already. Who leads spares a client that is alone the way to another
// goroutine and back; those that come during its Sync are the next group, which one of them
// leads.
func (c *Committer) lead() {
	select {
	case c.turn <- struct{}{}:
	default:
		return // who has the turn passes it on
	}
	defer c.endTurn()
	if !c.leads() {
		c.nudge()
		return
	}
	runtime.Gosched() // what else is about to write joins the group
	if c.trouble = c.commit(); c.trouble != nil {
		c.nudge()
	}
}

// leads reports whether others than run may have the turn: run has nothing under way, and no
// failure or beginning of a log to see to.
func (c *Committer) leads() bool {
	return c.w != nil && c.trouble == nil && !c.syncing && c.w.Durable() >= 0 && c.failed.Load() == nil &&
		c.settings.Load().Policy == Always
}

// endTurn ends the turn of the caller. If others have begun to wait meanwhile, one of them is
// the next.
func (c *Committer) endTurn() {
	pass := c.leads()
	<-c.turn
	if pass {
		c.waits.passOn()
	}
}

// commit writes and syncs all that there is.
func (c *Committer) commit() error {
	c.alert = false
	if _, err := c.gather(); err != nil {
		return err
	}
	c.w.Reserve(reserve)
	if err := c.sync(); err != nil {
		return err
	}
	c.publish()
	return nil
}

// beAlert decides whether run is to be woken by what is new in the stream. As long as there
// are those that wait for it, they lead, and run looks for the rest now and then.
func (c *Committer) beAlert() {
	waited := c.waits.registered()
	c.alert = c.policy != Always || waited == c.waited
	c.waited = waited
}
