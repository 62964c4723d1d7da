package keyspace

import (
	"sync"

	"github.com/slotmesh/slotmesh/slots"
)

// slotLock is what a get needs of a slot, in one cache line: the lock, and a copy of
// where the index and the first page of a slot of one segment are. All locks of a group
// are stored together, apart from the tables, so that those of all slots fit into a fast
// cache. A lock that must be fetched from memory delays all reads that follow it.
type slotLock struct {
	sync.Mutex          // guards the slot's table, and what follows
	cells      []uint32 // of the only segment's index; nil: the table has to be asked
	first      []byte   // its arena's first page
	size       uint32   // its index's
	hits       uint32   // see Stats; when it wraps, the table counts on
}

// lock takes the slot's lock, however long that takes, and returns its table; unlock gives
// the lock back.
func (s *Store) lock(slot slots.Slot) *table { return s.lockAs(slot, untilFree) }

// lockAs is lock for one of those that do not give up.
func (s *Store) lockAs(slot slots.Slot, how waitLimit) *table {
	t, _, _ := s.enter(slot, how, nil)
	return t
}

// enter takes the slot's lock, and returns its table and its lock line. After an error the
// lock is not taken.
func (s *Store) enter(slot slots.Slot, how waitLimit, done <-chan struct{}) (*table, *slotLock, error) {
	t, lock := s.acquire(slot)
	if lock.size == heldSize {
		if err := s.outlast(slot, lock, how, done); err != nil {
			return nil, nil, err
		}
	}
	return t, lock, nil
}

// acquire locks the mutex of a slot, which may be held.
func (s *Store) acquire(slot slots.Slot) (*table, *slotLock) {
	g := s.groups[slot/groupSize].Load()
	if g == nil {
		g = s.newGroup(slot)
	}
	i := slot % groupSize
	g.locks[i].Lock()
	return &g.tables[i], &g.locks[i]
}

func (s *Store) unlock(slot slots.Slot) {
	g, i := s.groups[slot/groupSize].Load(), slot%groupSize
	g.locks[i].follow(&g.tables[i]) // also if a Sink panicked before the accounts were settled
	g.locks[i].Unlock()
}

// follow brings the copy up to date with t. It must be called before the lock is given
// back, if t has changed.
func (g *slotLock) follow(t *table) {
	if t.depth > 0 {
		g.cells, g.first, g.size = nil, nil, 0
		return
	}
	g.cells, g.first, g.size = t.one.index.cells, t.one.arena.first, t.one.index.size
}

// unsure is the position of a key that the lock line cannot find but the table may.
const unsure = -2

// locate is segment.locate by the lock line's copy.
func (g *slotLock) locate(tag uint32, key []byte) (at int, b []byte, h head) {
	cells := g.cells
	if len(cells) == 0 {
		return unsure, nil, h
	}
	for at := int(tag * g.size >> tagBits); at < len(cells); at++ {
		cell := cells[at]
		if cell == 0 || cellTag(cell) > tag {
			break
		}
		if cellTag(cell) != tag {
			continue
		}
		r := cellRef(cell)
		if r >= pageSize {
			return unsure, nil, h
		}
		b := g.first[r:]
		h := parseHead(b)
		if h.flags&flagLargeKey != 0 {
			return unsure, nil, h
		}
		if from := h.keyAt(); string(b[from:from+h.key]) == string(key) {
			return at, b, h
		}
	}
	return -1, nil, h
}

// locate returns where key is, the entry's bytes to the end of its page and its head; at
// is -1 if it is not there. It sees the slot as the transaction found it.
func (tx *Tx) locate(hash uint64, key []byte) (at int, b []byte, h head) {
	if at, b, h = tx.lock.locate(tagOf(hash), key); at == unsure {
		return tx.table.segment(hash).locate(tagOf(hash), key)
	}
	return at, b, h
}
