package cache

import (
	"container/list"
	"sync"
	"time"
)

// copies holds entries that other nodes own, the hottest of them: what is asked for all
// the time need not cross the network each time, nor make one node serve all the others.
// A copy is used for a short time, and is not told when the entry changes.
type copies struct {
	room int // bytes

	mu   sync.Mutex // guards the fields below
	used int
	byID map[string]*list.Element
	lru  list.List // of *copied, the most recently used first
}

// copied is a copy.
type copied struct {
	key   string
	data  []byte // an encoded entry; nothing else refers to it
	until time.Time
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

// add takes data over. What has not been used for longest makes room for it.
func (c *copies) add(key string, data []byte, until time.Time) {
	e := &copied{key, data, until}
	if e.size() > c.room {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
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

func (c *copies) drop(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if at := c.byID[key]; at != nil {
		c.dropLocked(at)
	}
}

func (c *copies) dropLocked(at *list.Element) {
	e := c.lru.Remove(at).(*copied)
	delete(c.byID, e.key)
	c.used -= e.size()
}
