package cache

import (
	"container/list"
	"hash/maphash"
	"sync"
	"time"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/slots"
)

// copies holds entries that other nodes own, the hottest of them: what is asked for all
// the time need not cross the network each time, nor make one node serve all the others.
// It is told when an entry changes: see slotmesh.Node.TrackKeys.
type copies struct {
	room int // bytes

	mu   sync.Mutex // guards the fields below
	used int
	byID map[string]*list.Element
	lru  list.List // of *copied, the most recently used first
	// An entry that changes while it is fetched must not be copied. changes counts those of
	// keys, of several in one number, and lost those of any key.
	changes [512]uint32
	lost    uint32
	seed    maphash.Seed
}

// copied is a copy.
type copied struct {
	key   string
	slot  slots.Slot
	data  []byte // an encoded entry; nothing else refers to it
	until time.Time
}

// fetching is an entry that is being fetched, and may be copied then.
type fetching struct {
	slot          slots.Slot
	changes, lost uint32 // of copies, before
}

const (
	// copyOverhead is what a copy takes besides its key and its data, about.
	copyOverhead = 200
	// copyOneIn is how many fetches of an entry lead to a copy, on average: as with
	// groupcache, this keeps out what is seldom asked for, without a count for each key.
	copyOneIn = 10
)

func (e *copied) size() int { return len(e.key) + len(e.data) + copyOverhead }

// get returns a copy that is still good; it must not be written.
func (c *copies) get(key string, now time.Time) ([]byte, bool) {
	if c.room == 0 {
		return nil, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	at := c.byID[key]
	if at == nil {
		return nil, false
	}
	e := at.Value.(*copied)
	if !now.Before(e.until) {
		c.dropLocked(at)
		return nil, false
	}
	c.lru.MoveToFront(at)
	return e.data, true
}

// begin is called before an entry is fetched that is to be added.
func (c *copies) begin(key string, slot slots.Slot) *fetching {
	c.mu.Lock()
	defer c.mu.Unlock()
	return &fetching{slot, *c.changesOf(key), c.lost}
}

// changesOf returns the counter of a key's changes.
func (c *copies) changesOf(key string) *uint32 {
	if c.seed == (maphash.Seed{}) {
		c.seed = maphash.MakeSeed()
	}
	return &c.changes[maphash.String(c.seed, key)%uint64(len(c.changes))]
}

// add takes data over, unless it may have changed since f began. What has not been used
// for longest makes room for it.
func (c *copies) add(key string, data []byte, until time.Time, f *fetching) {
	e := &copied{key, f.slot, data, until}
	if e.size() > c.room {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if f.changes != *c.changesOf(key) || f.lost != c.lost {
		return
	}
	if at := c.byID[key]; at != nil {
		c.dropLocked(at)
	}
	for c.used+e.size() > c.room {
		c.dropLocked(c.lru.Back())
	}
	if c.byID == nil {
		c.byID = make(map[string]*list.Element)
	}
	c.byID[key] = c.lru.PushFront(e)
	c.used += e.size()
}

// changed drops what may have changed.
func (c *copies) changed(change slotmesh.KeyChange, prefix string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !change.All {
		key := change.Key[len(prefix):]
		*c.changesOf(key)++
		if at := c.byID[key]; at != nil {
			c.dropLocked(at)
		}
		return
	}
	c.lost++
	for at := c.lru.Front(); at != nil; {
		next := at.Next()
		if change.Slots == nil || change.Slots.Has(at.Value.(*copied).slot) {
			c.dropLocked(at)
		}
		at = next
	}
}

// size returns how many copies there are, and how many bytes they take.
func (c *copies) size() (count, bytes int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lru.Len(), c.used
}

func (c *copies) dropLocked(at *list.Element) {
	e := c.lru.Remove(at).(*copied)
	delete(c.byID, e.key)
	c.used -= e.size()
}
