package keyspace

import (
	"sync"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// expirer is the state of active expiry.
type expirer struct {
	mu   sync.Mutex // one step at a time; guards next
	next int        // group to start with, so that a short budget reaches all in turn
}

const (
	// Per hold of a slot's lock, active expiry looks at this many segments and goes on
	// only while it has removed less than this many keys and parts.
	expireSegments = 64
	expireKeys     = 256
)

// ExpireStep removes expired keys, and expired parts of keys, for about budget and returns
// how many; the Sink gets an OpDelete or OpCut for each. The host calls it every 100 ms or
// so. It also moves the clock that Idle and the LRU and LFU policies go by, and gives up
// memory over the limit. A passive store's keys stay.
//
// A step in which nothing expires looks at 128 numbers: the earliest expiry in each
// group of 128 slots. Only slots and segments that have something due are entered, and no
// slot is locked for longer than it takes to look through some segments.
func (s *Store) ExpireStep(budget time.Duration) int {
	s.expirer.mu.Lock()
	defer s.expirer.mu.Unlock()
	start := s.cfg.Now()
	now := start.UnixMilli()
	s.clock.Store(now)
	if s.Passive() {
		return 0
	}
	s.makeRoom(evictStep)
	removed := 0
	for range s.groups {
		i := s.expirer.next
		if g := s.groups[i].Load(); g != nil && g.due.Load() <= now {
			n, finished := s.expireGroup(i, g, now, start.Add(budget))
			removed += n
			if !finished {
				return removed
			}
		}
		s.expirer.next = (i + 1) % len(s.groups)
	}
	return removed
}

// expireGroup goes through the slots of a group that have keys due. finished is false if
// the time was up first.
func (s *Store) expireGroup(i int, g *group, now int64, end time.Time) (removed int, finished bool) {
	finished = true
	for j := range g.tables {
		if g.seen[j].due.Load() > now {
			continue
		}
		n, done := s.expireSlot(slots.Slot(i*groupSize+j), &g.seen[j], now, end)
		removed += n
		if !done {
			finished = false
			break
		}
	}
	// Now each table's due time says when to look again. A commit on another goroutine lowers
	// first its table's due time, then the group's, so no commit is missed here.
	g.due.Store(never)
	for j := range g.tables {
		g.hasten(g.seen[j].due.Load())
	}
	return removed, finished
}

// expireSlot goes through the segments of a slot that have keys due, leaving the lock
// every so often. It passes over a slot that is held.
func (s *Store) expireSlot(slot slots.Slot, seen *seen, now int64, end time.Time) (removed int, finished bool) {
	earliest := int64(never) // of the segments that were looked at
	for prefix := uint32(0); prefix < 1<<prefixBits; {
		tx, err := s.begin(slot, false, noWait, nil)
		if err != nil {
			return removed, true // it stays due
		}
		if prefix == 0 {
			// From here on commits lower due again. What they do not touch will be in earliest.
			tx.table.due = never
		}
		var n int
		n, prefix = tx.expireSome(prefix, now, &earliest)
		removed += n
		last := prefix >= 1<<prefixBits
		timeUp := !last && !s.cfg.Now().Before(end)
		if timeUp {
			earliest = now // come again
		}
		if last || timeUp {
			tx.table.due = min(tx.table.due, earliest)
			seen.due.Store(tx.table.due)
		}
		tx.end()
		if timeUp {
			return removed, false
		}
	}
	return removed, true
}

// expireSome removes the expired keys of some segments from prefix on and returns where to
// go on.
func (tx *Tx) expireSome(prefix uint32, now int64, earliest *int64) (removed int, next uint32) {
	t := tx.table
	tx.now = now
	for range expireSegments {
		if t.sum.keys == 0 {
			prefix = 1 << prefixBits
		}
		if prefix >= 1<<prefixBits || len(tx.ops) >= expireKeys {
			break
		}
		seg := t.segmentAt(prefix)
		if seg.due <= now {
			finished := false
			if seg.due, finished = tx.expireSegment(seg, now); !finished {
				break
			}
		}
		*earliest = min(*earliest, seg.due)
		prefix = seg.prefix + 1<<(prefixBits-seg.depth)
	}
	removed = len(tx.ops)
	if removed > 0 {
		tx.commit()
		tx.serveGone()
	}
	return removed, prefix
}

// expireSegment stages the removal of a segment's expired keys and parts of keys, and
// returns when the next one is due. finished is false if more is due than should be done
// under one hold of the lock.
func (tx *Tx) expireSegment(seg *segment, now int64) (due int64, finished bool) {
	due = never
	for _, cell := range seg.index.cells {
		if cell == 0 {
			continue
		}
		b := seg.arena.at(cellRef(cell))
		if b[0]&(flagExpires|flagDue) == 0 {
			continue
		}
		rec := seg.record(cellRef(cell))
		next := rec.partsDue()
		if rec.expireAt != 0 {
			next = min(next, rec.expireAt)
		}
		switch {
		case next > now || tx.mode&passiveMode != 0:
		case tx.lapsed(&rec):
			continue
		case len(tx.ops) >= expireKeys:
			return now, false
		default:
			if next, finished = tx.expireParts(rec.key, rec.typ); !finished {
				return now, false
			}
			if rec.expireAt != 0 {
				next = min(next, rec.expireAt)
			}
		}
		due = min(due, next)
	}
	return due, true
}
