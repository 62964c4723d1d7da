package cache

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/slotmesh/slotmesh"
)

// KeyErrors is the error of a call for several keys: what went wrong, by key. It matches
// (errors.Is, errors.As) what each of its errors matches.
type KeyErrors map[string]error

// Error names the first of the keys, in their order as strings, and how many there are.
func (e KeyErrors) Error() string {
	keys := slices.Sorted(maps.Keys(e))
	if len(keys) == 0 {
		return "cache: no errors"
	}
	text := fmt.Sprintf("cache: %q: %v", keys[0], e[keys[0]])
	if more := len(keys) - 1; more > 0 {
		text += fmt.Sprintf(" (and %d more keys)", more)
	}
	return text
}

// Unwrap returns the errors, in the order of their keys.
func (e KeyErrors) Unwrap() []error {
	list := make([]error, 0, len(e))
	for _, key := range slices.Sorted(maps.Keys(e)) {
		list = append(list, e[key])
	}
	return list
}

// maxLoads bounds the loads that one GetMany waits for at the same time.
const maxLoads = 64

// GetMany returns the values of several keys, loading those that are not there, up to 64
// at a time. What does not exist (ErrNotFound) is not in the map. The error is nil or a
// KeyErrors with the keys that failed; the map has all others.
func (c *Cache[V]) GetMany(ctx context.Context, keys ...string) (map[string]V, error) {
	out := outcomes[V]{values: make(map[string]V, len(keys))}
	asked := time.Now()
	var ask []string
	seen := make(map[string]bool, len(keys))
	for _, key := range keys {
		if seen[key] {
			continue
		}
		seen[key] = true
		if v, ok, err := c.copied(key, asked); ok {
			out.add(key, v, err)
		} else {
			ask = append(ask, key)
		}
	}
	var loads sync.WaitGroup
	free := make(chan struct{}, maxLoads)
	fetched := make([]*fetching, len(ask))
	for i, key := range ask {
		fetched[i] = c.mayCopy(key)
	}
	generation := c.beginGeneration(ctx)
	for i, r := range c.storedMany(ctx, ask) {
		v, done, err := c.serve(ask[i], &r, asked, generation(), fetched[i])
		if done {
			out.add(ask[i], v, err)
			continue
		}
		free <- struct{}{}
		loads.Go(func() {
			v, err := c.fetch(ctx, ask[i], r.reached)
			out.add(ask[i], v, err)
			<-free
		})
	}
	loads.Wait()
	return out.values, out.err()
}

// found is what a key's owner has.
type found struct {
	value   []byte
	reached bool
	err     error
}

// storedMany is stored for several keys, in their order. All owners together have the
// time of one.
func (c *Cache[V]) storedMany(ctx context.Context, keys []string) []found {
	bounded, cancel := c.bound(ctx)
	defer cancel()
	list := make([]found, len(keys))
	for i, r := range c.node.Router().GetMany(bounded, c.keysOf(keys)...) {
		list[i] = found{r.Value, reachedOwner(ctx, bounded, r.Err), r.Err}
	}
	return list
}

func (c *Cache[V]) keysOf(keys []string) []string {
	stored := make([]string, len(keys))
	for i, key := range keys {
		stored[i] = c.keyOf(key)
	}
	return stored
}

// outcomes collects what became of several keys.
type outcomes[V any] struct {
	mu     sync.Mutex // guards the fields below
	values map[string]V
	errs   KeyErrors
}

func (o *outcomes[V]) add(key string, v V, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case err == nil:
		o.values[key] = v
	case !errors.Is(err, ErrNotFound):
		if o.errs == nil {
			o.errs = make(KeyErrors)
		}
		o.errs[key] = err
	}
}

// err is called when nothing is added any more.
func (o *outcomes[V]) err() error {
	if len(o.errs) == 0 {
		return nil // not a KeyErrors that is nil
	}
	return o.errs
}

// Delete makes the next Get of each key load the value anew. The first load of a value,
// if it is under way, may still store what it found. Of a key that was deleted no node
// serves a copy any more, see Config.Copies. The error is nil or a KeyErrors with the keys
// that may not have been deleted.
func (c *Cache[V]) Delete(ctx context.Context, keys ...string) error {
	var errs KeyErrors
	for i, r := range c.node.Router().DeleteMany(ctx, c.keysOf(keys)...) {
		if r.Err == nil || errors.Is(r.Err, slotmesh.ErrNotFound) {
			continue
		}
		if errs == nil {
			errs = make(KeyErrors)
		}
		errs[keys[i]] = r.Err
	}
	if errs == nil {
		return nil
	}
	return errs
}
