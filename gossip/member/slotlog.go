package member

import (
	"time"

	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/slots"
)

// slotLogEvery is how long slots that come or go by plan are gathered for one line of the
// log: a reshard moves thousands, often one at a time.
const slotLogEvery = time.Second

// slotLog gathers what is to be said about slots. It belongs to the Member's loop.
type slotLog struct {
	acquired, moved slots.Set
	since           time.Time // when the first of them came; zero if there are none
}

// add takes an event. A loss that was not planned is logged at once.
func (s *slotLog) add(log logger, now time.Time, e gossip.SlotsChanged) {
	if e.Lost != nil && !e.Planned {
		log.Warn("slots lost", "slots", e.Lost.Short())
	} else if e.Lost != nil {
		s.moved.Union(e.Lost)
	}
	if e.Acquired != nil {
		s.acquired.Union(e.Acquired)
	}
	if s.since.IsZero() && !(s.acquired.Empty() && s.moved.Empty()) {
		s.since = now
	}
}

// flush writes what has been gathered for long enough.
func (s *slotLog) flush(log logger, now time.Time) {
	if s.since.IsZero() || now.Sub(s.since) < slotLogEvery {
		return
	}
	if !s.acquired.Empty() {
		log.Info("slots acquired", "count", s.acquired.Len(), "slots", s.acquired.Short())
	}
	if !s.moved.Empty() {
		log.Info("slots given away", "count", s.moved.Len(), "slots", s.moved.Short())
	}
	*s = slotLog{}
}
