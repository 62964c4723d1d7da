package cache

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/slots"
)

// A cache has a generation, a number in the cluster under a key of its own, and each entry
// bears the one in which its value was got: entries of another generation count as missing.
// Without InvalidateAll there is no such key, and the generation is 0.

// generationAge is how long a node without copies relies on the generation that it has read,
// and any node on the latest that it knows if the key's owner is out of reach.
const generationAge = time.Second

// generation is what a node knows of it.
type generation struct {
	key  string     // of the keyspace; without a colon before the name it is none of an entry
	slot slots.Slot // of key
	// outOfReach is when it could not be read, in nanoseconds since 1970.
	outOfReach atomic.Int64

	mu      sync.Mutex // guards the fields below
	latest  uint64
	asked   time.Time // when it was read last; zero if it has changed since
	changes uint64    // that this node has heard of
}

// known returns the generation if it was read at the time since or later.
func (g *generation) known(since time.Time) (latest, changes uint64, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.latest, g.changes, !g.asked.IsZero() && !g.asked.Before(since)
}

// changed makes the node read it again.
func (g *generation) changed() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.changes++
	g.asked = time.Time{}
}

// read takes in what was read after changes; it returns the latest that is known.
func (g *generation) read(found uint64, asked time.Time, changes uint64) uint64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.latest = max(g.latest, found)
	if g.changes == changes {
		g.asked = asked
	}
	return g.latest
}

// knownGeneration returns the generation that is in force, if this node knows it.
func (c *Cache[V]) knownGeneration() (latest uint64, ok bool) {
	if m := c.node.Map(); m != nil && m.IsMine(c.current.slot) { // at memory speed
		b, err := c.node.Local().Get(context.Background(), c.current.key)
		if err != nil && !errors.Is(err, slotmesh.ErrNotFound) {
			return 0, false
		}
		latest = parseGeneration(b)
		return latest, c.current.read(latest, time.Time{}, 0) == latest
	}
	recent := time.Now().Add(-generationAge)
	switch {
	case c.tracking == nil || c.current.outOfReach.Load() > recent.UnixNano():
		latest, _, ok = c.current.known(recent)
	case c.tracking.Covers(c.current.key):
		latest, _, ok = c.current.known(time.Time{})
	}
	return latest, ok
}

// generation returns the generation that is in force. If it cannot be read, it is the latest
// that is known.
func (c *Cache[V]) generation(ctx context.Context) uint64 {
	if latest, ok := c.knownGeneration(); ok {
		return latest
	}
	now := time.Now()
	_, changes, _ := c.current.known(now)
	b, _, err := c.storedAt(ctx, c.current.key)
	if err != nil && !errors.Is(err, slotmesh.ErrNotFound) {
		c.current.outOfReach.Store(time.Now().UnixNano())
		return c.current.read(0, time.Now(), changes)
	}
	found := parseGeneration(b)
	latest := c.current.read(found, now, changes)
	if found < latest { // it was evicted, or lost in a failover
		c.raiseGeneration(ctx, func(uint64) uint64 { return latest })
	}
	return latest
}

// beginGeneration is generation for callers that read entries meanwhile: it begins, and get
// waits.
func (c *Cache[V]) beginGeneration(ctx context.Context) (get func() uint64) {
	if latest, ok := c.knownGeneration(); ok {
		return func() uint64 { return latest }
	}
	var latest uint64
	done := make(chan struct{})
	go func() {
		defer close(done)
		latest = c.generation(ctx)
	}()
	return func() uint64 { <-done; return latest }
}

// parseGeneration returns 0 for what is no number.
func parseGeneration(b []byte) uint64 {
	n, _ := strconv.ParseUint(string(b), 10, 64)
	return n
}

// raiseGeneration puts what next returns in the place of a smaller one.
func (c *Cache[V]) raiseGeneration(ctx context.Context, next func(now uint64) uint64) (raised uint64, err error) {
	key := c.current.key
	err = c.node.Router().Update(ctx, []string{key}, func(tx slotmesh.Tx) error {
		b, _ := tx.Get(key)
		now := parseGeneration(b)
		if raised = next(now); raised <= now {
			return nil
		}
		return tx.Set(key, strconv.AppendUint(nil, raised, 10), 0)
	})
	return raised, err
}

// InvalidateAll makes the next Get of every key load the value anew, by one write, however
// many entries there are; these stay in memory until they expire or are evicted. When it
// has returned, no node with copies (see Config.Copies) serves what was there before; a node
// without hears of it within a second. A load under way stores what the next Get loads
// again. The error is one of slotmesh.Router.
//
// A node of an earlier version of slotmesh does not know of it, and takes entries that were
// stored later for foreign bytes.
func (c *Cache[V]) InvalidateAll(ctx context.Context) error {
	raised, err := c.raiseGeneration(ctx, func(now uint64) uint64 {
		return max(now+1, uint64(time.Now().UnixMilli())) // never one that was used before it was evicted
	})
	if err == nil {
		_, changes, _ := c.current.known(time.Time{})
		c.current.read(raised, time.Now(), changes)
	}
	return err
}
