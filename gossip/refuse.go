package gossip

import (
	"fmt"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// refusal is a kind of claim that this node does not believe.
type refusal uint8

const (
	refusedMember refusal = iota // one member more than slots.MaxNodes
	refusedEpoch                 // an epoch too far ahead
	refusedRecord                // a record with an incarnation or a membership too far ahead
	refusedData                  // data that no node can have
	foundTwin                    // about this node itself: it may run twice
	refusalCount
)

// refusalEvery is how often one kind of refusal is told: a peer that lies may do so with
// every frame, and must not fill the log.
const refusalEvery = time.Minute

// refusals counts what was refused since it was told last.
type refusals [refusalCount]struct {
	told   time.Time
	silent int
}

// refuse warns that something a peer said was not believed.
func (c *Core) refuse(kind refusal, about slots.NodeID, format string, args ...any) {
	r := &c.refusals[kind]
	if !r.told.IsZero() && c.now.Sub(r.told) < refusalEvery {
		r.silent++
		return
	}
	text := fmt.Sprintf(format, args...)
	if r.silent > 0 {
		text += fmt.Sprintf(" (and %d times more since this was told last)", r.silent)
	}
	r.told, r.silent = c.now, 0
	c.warn(about, text)
}
