package cache

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/slotmesh/slotmesh"
)

// What the owner of a key does for every node that asks for it.

// load runs at the owner: it returns the entry, loaded unless it is there.
func (c *Cache[V]) load(ctx context.Context, stored string, arg []byte) ([]byte, error) {
	key := string(arg)
	b, err := c.loads.do(ctx, c.node, key, func(ctx context.Context) ([]byte, error) {
		ctx, cancel := context.WithTimeout(ctx, c.cfg.LoadTimeout)
		defer cancel()
		// Somebody may have loaded it between the caller's look and now.
		generation := c.generation(ctx)
		before, err := c.node.Router().Get(ctx, stored)
		if err == nil {
			e, _, err := c.open(before)
			if err == nil && e.generation == generation && time.Now().Before(e.fresh) {
				return before, nil
			}
		}
		return c.loadNow(ctx, stored, key, before, generation)
	})
	leave(ctx, err)
	return b, err
}

// loadNow calls the loader and stores what it returns, unless what was there
// before has changed.
func (c *Cache[V]) loadNow(ctx context.Context, stored, key string, before []byte, generation uint64) ([]byte, error) {
	e, keep, err := c.produce(ctx, key)
	e.generation = generation // from before the load
	if err != nil {
		c.postpone(ctx, stored, before)
		return nil, err
	}
	b, err := c.store(ctx, stored, before, e.encode(), keep)
	if err != nil {
		c.stats.storeErrs.Add(1) // the value is good: that it could not be kept costs another load
	}
	return b, nil
}

// produce calls the loader, and says how long its entry is to be kept. The error is a
// *failure.
func (c *Cache[V]) produce(ctx context.Context, key string) (e entry, keep time.Duration, err error) {
	c.stats.loads.Add(1)
	v, ttl, err := c.callLoader(ctx, key)
	if errors.Is(err, ErrNotFound) {
		keep = max(0, c.shorten(cmp.Or(ttl, c.cfg.Negative)))
		return entry{absent: true, fresh: time.Now().Add(keep)}, keep, nil
	}
	if err == nil {
		if e.value, err = c.cfg.Codec.Encode(v); err != nil {
			err = fmt.Errorf("cache: encoding %s: %w", c.keyOf(key), err)
		}
	}
	if err != nil {
		c.stats.loadErrs.Add(1)
		return entry{}, 0, &failure{err, c.cfg.Errors}
	}
	e.codec = c.codec
	if ttl < 0 {
		e.fresh = time.Now()
		return e, 0, nil
	}
	ttl = c.shorten(cmp.Or(ttl, c.cfg.TTL))
	e.fresh = time.Now().Add(ttl)
	return e, ttl + c.cfg.Stale, nil
}

// loadAlone loads a value at this node and stores it nowhere: its owner is out of reach,
// or has another version of the cache. Callers at this node share one load.
func (c *Cache[V]) loadAlone(ctx context.Context, key string) ([]byte, error) {
	b, err := c.alone.do(ctx, c.node, key, func(ctx context.Context) ([]byte, error) {
		ctx, cancel := context.WithTimeout(ctx, c.cfg.LoadTimeout)
		defer cancel()
		c.stats.alone.Add(1)
		generation := c.generation(ctx)
		e, _, err := c.produce(ctx, key)
		if err != nil {
			return nil, err
		}
		e.generation = generation
		return e.encode(), nil
	})
	return b, c.causeOf(err, nil)
}

// store puts an entry in the place of what was there when its load began; with keep 0 it
// only takes that away. It returns what is to be served: a value that was set in the
// meantime is newer than what was loaded.
func (c *Cache[V]) store(ctx context.Context, stored string, before, loaded []byte,
	keep time.Duration) (served []byte, err error) {
	err = c.node.Router().Update(ctx, []string{stored}, func(tx slotmesh.Tx) error {
		served = loaded
		now, ok := tx.Get(stored)
		switch {
		case ok && !bytes.Equal(now, before):
			served = bytes.Clone(now)
		case keep > 0:
			return tx.Set(stored, loaded, keep)
		case ok:
			tx.Delete(stored)
		}
		return nil
	})
	if err != nil {
		served = loaded
	}
	return served, err
}

// refreshPause is how long a stale value counts as fresh after it could not be loaded
// anew: what the loader asks may be overloaded.
const refreshPause = time.Second

// postpone lets a stale value be for refreshPause.
func (c *Cache[V]) postpone(ctx context.Context, stored string, stale []byte) {
	e, err := decodeEntry(stale)
	if err != nil {
		return // there is none
	}
	e.fresh = time.Now().Add(refreshPause)
	err = c.node.Router().Update(ctx, []string{stored}, func(tx slotmesh.Tx) error {
		if now, ok := tx.Get(stored); !ok || !bytes.Equal(now, stale) {
			return nil
		}
		ttl, _ := tx.TTL(stored)
		return tx.Set(stored, e.encode(), ttl)
	})
	if err != nil {
		c.stats.storeErrs.Add(1)
	}
}

func (c *Cache[V]) callLoader(ctx context.Context, key string) (v V, ttl time.Duration, err error) {
	defer func() {
		if p := recover(); p != nil { // on a goroutine of ours: it must not take the host down
			err = fmt.Errorf("cache: the loader of %s panicked: %v", c.cfg.Name, p)
		}
	}()
	return c.cfg.LoadTTL(ctx, key)
}

// shorten takes a random share of up to Jitter off d.
func (c *Cache[V]) shorten(d time.Duration) time.Duration {
	return d - time.Duration(rand.Float64()*c.cfg.Jitter*float64(d))
}
