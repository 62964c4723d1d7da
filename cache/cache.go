package cache

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/slots"
)

// ErrNotFound says that there is no such thing: what a loader returns, and Get passes on.
var ErrNotFound = errors.New("cache: not found")

// Cache is a cache of values of one type. It is safe for concurrent use and ends with its
// node.
type Cache[V any] struct {
	cfg      Config[V]
	node     *slotmesh.Node
	asking   calls    // of this node's callers
	loads    calls    // of this node as owner
	alone    calls    // of this node while the owner is out of reach
	copies   copies   // of what other nodes own
	tracking tracking // nil without copies
	codec    uint32   // see codecTag
	current  generation
	told     struct{ foreign, missing sync.Once }
	stats    stats
}

// tracking is a *slotmesh.KeyTracking.
type tracking interface{ Covers(key string) bool }

// Stats counts what this node's callers met, and what this node loaded, for any node.
type Stats struct {
	Hits   uint64 // fresh values and negative entries
	Copies uint64 // of them, those found in a copy at this node, see Config.Copies
	Stale  uint64 // values past their TTL that were served
	Misses uint64 // nothing was there: the caller waited for a load
	Loads  uint64 // calls of the loader at this node
	// Alone counts those of them for keys whose owner was out of reach, see
	// Config.OwnerTimeout, or has another version of the cache.
	Alone    uint64
	LoadErrs uint64 // of them, those that failed with another error than ErrNotFound
	// StoreErrs counts loaded values that could not be stored: memory had run out, or the
	// owner had changed.
	StoreErrs uint64
	// CopiesHeld is how many copies this node has now, and CopyBytes what they take.
	CopiesHeld, CopyBytes int
}

type stats struct{ hits, copies, stale, misses, loads, alone, loadErrs, storeErrs atomic.Uint64 }

// New makes a cache. The error names the field of cfg that is wrong; it matches
// slotmesh.ErrRegistered if the node has a cache of that name.
func New[V any](node *slotmesh.Node, cfg Config[V]) (*Cache[V], error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	c := &Cache[V]{cfg: cfg, node: node, copies: copies{room: cfg.Copies}, codec: codecTag(cfg.Codec)}
	c.current.key = "{" + cfg.Name + "}generation"
	c.current.slot = slots.OfString(c.current.key)
	if err := node.RegisterFunc(c.funcName(), c.load); err != nil {
		return nil, fmt.Errorf("cache: this node already has a cache of the name %q: %w", cfg.Name, err)
	}
	if cfg.Copies > 0 {
		c.tracking = node.TrackKeys(c.keyOf(""), func(change slotmesh.KeyChange) { c.copies.changed(change, c.keyOf("")) })
		node.TrackKeys(c.current.key, func(slotmesh.KeyChange) { c.current.changed() })
	}
	return c, nil
}

// Name returns Config.Name.
func (c *Cache[V]) Name() string { return c.cfg.Name }

// funcName is what loads are called between nodes.
func (c *Cache[V]) funcName() string { return "cache." + c.cfg.Name }

// keyOf is where a value is stored.
func (c *Cache[V]) keyOf(key string) string { return c.cfg.Name + ":" + key }

// Get returns the value of key, loading it if it is not there. The error is ErrNotFound,
// the loader's, ctx's, or one of slotmesh.Router. The loader's error is the one that it
// returned if it ran at this node; from another node come its text and what it matches of
// Config.Errors.
func (c *Cache[V]) Get(ctx context.Context, key string) (V, error) {
	asked := time.Now()
	if v, ok, err := c.copied(key, asked); ok {
		return v, err
	}
	generation, f := c.beginGeneration(ctx), c.mayCopy(key)
	b, reached, err := c.stored(ctx, key)
	if v, done, err := c.serve(key, &found{b, reached, err}, asked, generation(), f); done {
		return v, err
	}
	return c.fetch(ctx, key, reached)
}

// copied returns what this node's copy of an entry says.
func (c *Cache[V]) copied(key string, asked time.Time) (v V, ok bool, err error) {
	b, ok := c.copies.get(key, asked)
	if !ok {
		return v, false, nil
	}
	generation, ok := c.knownGeneration()
	if !ok || !c.tracking.Covers(c.keyOf(key)) {
		return v, false, nil
	}
	e, v, err := c.open(bytes.Clone(b)) // the Codec may keep it
	if err != nil || e.generation != generation {
		return v, false, nil
	}
	c.stats.hits.Add(1)
	c.stats.copies.Add(1)
	return v, true, e.err()
}

// stored returns what the owner of key has, and whether it was reached in the time that
// it is given.
func (c *Cache[V]) stored(ctx context.Context, key string) (b []byte, reached bool, err error) {
	return c.storedAt(ctx, c.keyOf(key))
}

// storedAt is stored for a key of the keyspace.
func (c *Cache[V]) storedAt(ctx context.Context, key string) (b []byte, reached bool, err error) {
	if m := c.node.Map(); m != nil && m.IsMine(slots.OfString(key)) { // at memory speed
		if b, err = c.node.Local().Get(ctx, key); err == nil || errors.Is(err, slotmesh.ErrNotFound) {
			return b, true, err
		}
	}
	bounded, cancel := c.bound(ctx)
	defer cancel()
	b, err = c.node.Router().Get(bounded, key)
	return b, reachedOwner(ctx, bounded, err), err
}

// bound returns the context of a question to the owners.
func (c *Cache[V]) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	if c.cfg.OwnerTimeout < 0 {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, c.cfg.OwnerTimeout)
}

// reachedOwner reports whether the owner was reached, for all that the cache can tell,
// before bounded ended: if ctx ended too, it may only have been the caller's haste.
func reachedOwner(ctx, bounded context.Context, err error) bool {
	return err == nil || errors.Is(err, slotmesh.ErrNotFound) || bounded.Err() == nil || ctx.Err() != nil
}

// serve returns what is to be said of the owner's answer; done is false if the value is
// to be loaded.
func (c *Cache[V]) serve(key string, r *found, asked time.Time, generation uint64, f *fetching) (v V, done bool,
	err error) {
	if r.err != nil {
		return v, r.reached && !errors.Is(r.err, slotmesh.ErrNotFound), r.err
	}
	e, v, err := c.open(r.value)
	switch {
	case err != nil: // bytes of another program: load over them
		c.foreign(key, err)
	case e.generation != generation:
	case time.Now().Before(e.fresh):
		c.stats.hits.Add(1)
		c.copy(key, r.value, &e, asked, f)
		return v, true, e.err()
	case !e.absent:
		c.stats.stale.Add(1)
		c.refresh(key)
		return v, true, nil
	}
	return v, false, nil
}

// fetch returns a value that is loaded for it: by the owner, or here if that is out of
// reach.
func (c *Cache[V]) fetch(ctx context.Context, key string, reached bool) (v V, err error) {
	c.stats.misses.Add(1)
	var b []byte
	if reached {
		if b, err = c.ask(ctx, key); err != nil {
			return v, err
		}
		e, v, err := c.open(b)
		if err == nil {
			return v, e.err()
		}
		c.foreign(key, err) // the owner has another version of this cache, and keeps its values
	}
	if b, err = c.loadAlone(ctx, key); err != nil {
		return v, err
	}
	e, v, err := c.open(b)
	if err != nil {
		return v, fmt.Errorf("cache: %s: %w", c.keyOf(key), err)
	}
	return v, e.err()
}

// open returns an entry and its value. The error says that they are none of this cache's.
func (c *Cache[V]) open(b []byte) (e entry, v V, err error) {
	if e, err = decodeEntry(b); err != nil || e.absent {
		return e, v, err
	}
	if e.codec != c.codec {
		return e, v, errors.New("another codec wrote it")
	}
	v, err = c.cfg.Codec.Decode(e.value)
	return e, v, err
}

// foreign logs, once, that what another version of the cache or another program has written
// counts as a miss.
func (c *Cache[V]) foreign(key string, err error) {
	c.told.foreign.Do(func() {
		c.node.Logger().Warn("a cache found a value that it cannot read, and loads it anew, as it will others",
			"cache", c.cfg.Name, "key", key, "error", err)
	})
}

// mayCopy is called before an entry is fetched. It returns nil if that is not to be copied:
// most are not, so that those are that are asked for often.
func (c *Cache[V]) mayCopy(key string) *fetching {
	if c.tracking == nil || rand.IntN(copyOneIn) != 0 || !c.tracking.Covers(c.keyOf(key)) {
		return nil
	}
	return c.copies.begin(key, slots.OfString(c.keyOf(key)))
}

// copy keeps a copy of an entry that has been fetched since f.
func (c *Cache[V]) copy(key string, b []byte, e *entry, asked time.Time, f *fetching) {
	if f == nil {
		return
	}
	until := e.fresh
	if bound := asked.Add(c.cfg.CopyTTL); c.cfg.CopyTTL > 0 && bound.Before(until) {
		until = bound
	}
	c.copies.add(key, bytes.Clone(b), until, f)
}

// ask lets the key's owner load it. Callers at this node share one call.
func (c *Cache[V]) ask(ctx context.Context, key string) ([]byte, error) {
	return c.asking.do(ctx, c.node, key, func(ctx context.Context) ([]byte, error) {
		ctx, cancel := context.WithTimeout(ctx, 2*c.cfg.LoadTimeout) // enough for two loads: the owner may fail
		defer cancel()
		var here *failure
		ctx = context.WithValue(ctx, ranHere{}, &here)
		b, err := c.node.Router().Call(ctx, c.funcName(), c.keyOf(key), []byte(key))
		if errors.Is(err, slotmesh.ErrNoFunc) {
			c.told.missing.Do(func() {
				c.node.Logger().Warn("a node does not have a cache: its values are loaded by the nodes that ask for them",
					"cache", c.cfg.Name, "key", key)
			})
			b, err = c.load(ctx, c.keyOf(key), []byte(key))
		}
		return b, c.causeOf(err, here)
	})
}

// causeOf returns the loader's error that err carries; here is what it was if the loader
// ran at this node.
func (c *Cache[V]) causeOf(err error, here *failure) error {
	if err == nil {
		return nil
	}
	if f := (*failure)(nil); errors.As(err, &f) {
		return f.cause
	}
	sent := parseFailure(err.Error(), c.cfg.Errors)
	switch {
	case sent == nil:
		return err
	case here != nil:
		return here.cause
	}
	return sent
}

// refresh has a stale value loaded anew, and does not wait for it.
func (c *Cache[V]) refresh(key string) { c.ask(over, key) }

// over is a context that has ended.
var over = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

// Set stores a value as if it had just been loaded; a load under way does not overwrite
// it. When it has returned without an error, no node serves a copy of what was there before,
// see Config.Copies.
func (c *Cache[V]) Set(ctx context.Context, key string, v V) error {
	b, err := c.cfg.Codec.Encode(v)
	if err != nil {
		return err
	}
	ttl := c.shorten(c.cfg.TTL)
	e := entry{fresh: time.Now().Add(ttl), generation: c.generation(ctx), codec: c.codec, value: b}
	return c.node.Router().Set(ctx, c.keyOf(key), e.encode(), ttl+c.cfg.Stale)
}

// Stats returns the counts of this node since New.
func (c *Cache[V]) Stats() Stats {
	held, used := c.copies.size()
	return Stats{
		CopiesHeld: held, CopyBytes: used,
		Hits: c.stats.hits.Load(), Copies: c.stats.copies.Load(), Stale: c.stats.stale.Load(), Misses: c.stats.misses.Load(),
		Loads: c.stats.loads.Load(), Alone: c.stats.alone.Load(), LoadErrs: c.stats.loadErrs.Load(),
		StoreErrs: c.stats.storeErrs.Load(),
	}
}
