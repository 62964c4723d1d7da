package ownership

import (
	"sync"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// vacated are the slots that lost their owner a moment ago by what another node said. The
// stock tools let a node drop a slot and take it again, and then tell the others to drop
// it too: these may have heard of the first by then, and not of the second. To the tool
// such a slot is as good as still owned.
type vacated struct {
	mu  sync.Mutex // guards the fields below
	set slots.Set
	at  time.Time // when a slot was added last
}

// vacatedFor is longer than gossip takes to spread a change, and shorter than an operator
// takes for the next command.
const vacatedFor = 2 * time.Second

// Vacated returns the slots that lost their owner shortly before now.
func (s *Slots) Vacated(now time.Time) slots.Set { return s.vacated.fresh(now) }

// record adds the slots that were another node's in map old and have no owner in m.
func (v *vacated) record(old, m *slots.Map, now time.Time) {
	if old == nil {
		return
	}
	var set slots.Set
	moved := m.Moved(old)
	for slot := range moved.All() {
		if m.Owner(slot) == nil && !old.IsMine(slot) {
			set.Add(slot)
		}
	}
	if set.Empty() {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if now.Sub(v.at) > vacatedFor {
		v.set = slots.Set{}
	}
	v.set.Union(&set)
	v.at = now
}

// fresh returns the slots that lost their owner shortly before now.
func (v *vacated) fresh(now time.Time) slots.Set {
	v.mu.Lock()
	defer v.mu.Unlock()
	if now.Sub(v.at) > vacatedFor {
		return slots.Set{}
	}
	return v.set
}
