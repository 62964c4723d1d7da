package gossip

import (
	"errors"
	"time"
)

// Tune changes what may change while the node runs.
type Tune struct {
	NodeTimeout    time.Duration // at least 100 ms
	NoFullCoverage bool
	ReadsIfDown    bool
}

// SaveState writes the state file now, whether or not something changed.
type SaveState struct{}

func (cmd Tune) do(c *Core) error {
	if cmd.NodeTimeout < 100*time.Millisecond {
		return errors.New("the node timeout must be at least 100 ms")
	}
	c.cfg.NodeTimeout, c.cfg.NoFullCoverage, c.cfg.ReadsIfDown = cmd.NodeTimeout, cmd.NoFullCoverage, cmd.ReadsIfDown
	c.mapDirty = true
	return nil
}

func (SaveState) do(c *Core) error {
	c.dirty = true
	return nil
}
