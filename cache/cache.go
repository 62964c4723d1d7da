package cache

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/slots"
)

// ErrNotFound says that there is no such thing: what a loader returns, and Get passes on.
var ErrNotFound = errors.New("cache: not found")

// Cache is a cache of values of one type. It is safe for concurrent use and ends with its node.
type Cache[V any] struct {
	cfg    Config[V]
	node   *slotmesh.Node
	asking flights // of this node's callers
	loads  flights // of this node as owner
	alone  flights // of this node while the owner is out of reach
	copies copies  // of what other nodes own
	stats  stats
}

// Stats counts what this node's callers met, and what this node loaded, for whomever.
type Stats struct {
	Hits     uint64 // fresh values and negative entries
	Copies   uint64 // of them, those found in a copy at this node
	Stale    uint64 // values past their TTL that were served
	Misses   uint64 // nothing was there: the caller waited for a load
	Loads    uint64 // calls of the loader at this node
	Alone    uint64 // of them, those for keys whose owner was out of reach: see Config.OwnerTimeout
	LoadErrs uint64 // of them, those that failed with another error than ErrNotFound
	// StoreErrs counts loaded values that could not be stored: memory had run out, or the owner had changed.
	StoreErrs uint64
}

type stats struct{ hits, copies, stale, misses, loads, alone, loadErrs, storeErrs atomic.Uint64 }

// New makes a cache. The error names the field of cfg that is wrong.
func New[V any](node *slotmesh.Node, cfg Config[V]) (*Cache[V], error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	c := &Cache[V]{cfg: cfg, node: node, copies: copies{room: cfg.Copies}}
	node.Offer(c.procedure(), c.load)
	return c, nil
}

// procedure is what loads are called between nodes.
func (c *Cache[V]) procedure() string { return "cache." + c.cfg.Name }

// keyOf is where a value is stored.
func (c *Cache[V]) keyOf(key string) string { return c.cfg.Name + ":" + key }

// Get returns the value of key, loading it if it is not there. The error is ErrNotFound, the loader's, as text, if it ran at
// another node, ctx's, or one of slotmesh.Router.
func (c *Cache[V]) Get(ctx context.Context, key string) (v V, err error) {
	asked := time.Now()
	if b, ok := c.copies.get(key, asked); ok {
		if e, err := decodeEntry(bytes.Clone(b)); err == nil { // the Codec may keep it
			c.stats.hits.Add(1)
			c.stats.copies.Add(1)
			return c.decode(&e)
		}
	}
	b, reached, err := c.stored(ctx, key)
	if err == nil {
		e, err := decodeEntry(b)
		switch {
		case err != nil: // somebody else's bytes: load over them
		case time.Now().Before(e.fresh):
			c.stats.hits.Add(1)
			c.maybeCopy(key, b, &e, asked)
			return c.decode(&e)
		case !e.absent:
			c.stats.stale.Add(1)
			c.refresh(key)
			return c.decode(&e)
		}
	} else if reached && !errors.Is(err, slotmesh.ErrNotFound) {
		return v, err
	}
	c.stats.misses.Add(1)
	load := c.ask
	if !reached {
		load = c.loadAlone
	}
	if b, err = load(ctx, key); err != nil {
		return v, err
	}
	e, err := decodeEntry(b)
	if err != nil {
		return v, err
	}
	return c.decode(&e)
}

// stored returns what the owner of key has, and whether it was reached in the time that it is given.
func (c *Cache[V]) stored(ctx context.Context, key string) (b []byte, reached bool, err error) {
	if c.cfg.OwnerTimeout == 0 {
		b, err = c.node.Router().Get(ctx, c.keyOf(key))
		return b, true, err
	}
	bounded, cancel := context.WithTimeout(ctx, c.cfg.OwnerTimeout)
	defer cancel()
	b, err = c.node.Router().Get(bounded, c.keyOf(key))
	return b, err == nil || bounded.Err() == nil || ctx.Err() != nil, err
}

func (c *Cache[V]) decode(e *entry) (v V, err error) {
	if e.absent {
		return v, ErrNotFound
	}
	return c.cfg.Codec.Decode(e.value)
}

// maybeCopy keeps a copy of an entry if it seems to be hot and lives at another node.
func (c *Cache[V]) maybeCopy(key string, b []byte, e *entry, asked time.Time) {
	if c.cfg.Copies == 0 || rand.IntN(copyOneIn) != 0 {
		return
	}
	if m := c.node.Map(); m == nil || m.IsMine(slots.OfString(c.keyOf(key))) {
		return
	}
	until := asked.Add(c.cfg.CopyTTL)
	if e.fresh.Before(until) {
		until = e.fresh
	}
	c.copies.add(key, bytes.Clone(b), until)
}

// ask lets the key's owner load it. Callers at this node share one call.
func (c *Cache[V]) ask(ctx context.Context, key string) ([]byte, error) {
	return c.asking.do(ctx, c.node, key, func(ctx context.Context) ([]byte, error) {
		ctx, cancel := context.WithTimeout(ctx, 2*c.cfg.LoadTimeout) // enough for two loads: the owner may fail
		defer cancel()
		return c.node.Router().Call(ctx, c.procedure(), c.keyOf(key), []byte(key))
	})
}

// refresh has a stale value loaded anew, and does not wait for it.
func (c *Cache[V]) refresh(key string) { c.ask(over, key) }

// over is a context that has ended.
var over = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

// Set stores a value as if it had just been loaded; a load under way does not overwrite it. Copies at other nodes are used for
// up to CopyTTL more.
func (c *Cache[V]) Set(ctx context.Context, key string, v V) error {
	b, err := c.cfg.Codec.Encode(v)
	if err != nil {
		return err
	}
	ttl := c.shorten(c.cfg.TTL)
	e := entry{fresh: time.Now().Add(ttl), value: b}
	defer c.copies.drop(key)
	return c.node.Router().Set(ctx, c.keyOf(key), e.encode(), ttl+c.cfg.Stale)
}

// Delete makes the next Get load the value anew. The first load of a value, if it is under way, may still store what it
// found, and copies at other nodes are used for up to CopyTTL more.
func (c *Cache[V]) Delete(ctx context.Context, key string) error {
	defer c.copies.drop(key)
	_, err := c.node.Router().Delete(ctx, c.keyOf(key))
	return err
}

// Stats returns the counts of this node since New.
func (c *Cache[V]) Stats() Stats {
	return Stats{
		Hits: c.stats.hits.Load(), Copies: c.stats.copies.Load(), Stale: c.stats.stale.Load(), Misses: c.stats.misses.Load(),
		Loads: c.stats.loads.Load(), Alone: c.stats.alone.Load(), LoadErrs: c.stats.loadErrs.Load(), StoreErrs: c.stats.storeErrs.Load(),
	}
}
