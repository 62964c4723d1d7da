package invalidation

import (
	"strings"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// Mark returns what a write in slot that has just been carried out has to wait for: see
// Pending. 0 is nothing, always so while no prefix is registered; then it costs one atomic
// load.
func (g *Granter) Mark(slot slots.Slot) uint64 {
	t := g.table.Load()
	if t == nil {
		return 0
	}
	if n := t.marks[slot].Load(); n > g.settled.Load() {
		return n
	}
	return 0
}

// Latest is Mark for what may have changed any slot.
func (g *Granter) Latest() uint64 {
	if g.table.Load() == nil {
		return 0
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.number
}

// Touches reports whether a write of key would be told to a holder.
func (g *Granter) Touches(key []byte) bool {
	t := g.table.Load()
	if t == nil {
		return false
	}
	for i := range t.prefixes {
		if strings.HasPrefix(string(key), t.prefixes[i].text) {
			return true
		}
	}
	return false
}

// Active reports whether a prefix is registered.
func (g *Granter) Active() bool { return g.table.Load() != nil }

// Pending says what a write waits for whose Mark was mark: until at the latest, or until
// progress is closed, when it has to be asked again. ok says that there is nothing left.
func (g *Granter) Pending(mark uint64, now time.Time) (until time.Time, progress <-chan struct{}, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, h := range g.holders {
		if h.acked < min(mark, h.sent) && now.Before(h.until) && (until.IsZero() || h.until.Before(until)) {
			until = h.until
		}
	}
	if until.IsZero() {
		g.settleLocked(now)
		return until, nil, true
	}
	return until, g.progress, false
}

// progressLocked wakes the writes that wait.
func (g *Granter) progressLocked(now time.Time) {
	g.settleLocked(now)
	close(g.progress)
	g.progress = make(chan struct{})
}

// settleLocked finds up to which number no write waits.
func (g *Granter) settleLocked(now time.Time) {
	settled := g.number
	for _, h := range g.holders {
		if h.acked < h.sent && now.Before(h.until) {
			settled = min(settled, h.acked)
		}
	}
	g.settled.Store(settled)
}
