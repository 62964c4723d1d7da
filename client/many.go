package client

import (
	"context"
	"iter"
	"sync"
	"time"

	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/slots"
)

// Result is the outcome for one key of several. Err is nil on success, ErrNotFound if the
// key is not there, otherwise the error that the call for one key returns.
type Result struct {
	Key   string
	Value []byte // of GetMany
	Err   error
}

// Item is a key to set. A TTL of 0 means for ever.
type Item struct {
	Key   string
	Value []byte
	TTL   time.Duration
}

// maxParallel bounds the requests of one call that are under way at once. They share a
// connection to each node, so that many of them leave in one write.
const maxParallel = 1024

// maxBatch bounds the keys of one request, so that no slot is locked for long.
const maxBatch = 256

// GetMany gets keys from all over the cluster, in parallel. The results are in the order
// of keys, each with its own error.
func (r *Router) GetMany(ctx context.Context, keys ...string) []Result {
	results := make([]Result, len(keys))
	for i, key := range keys {
		results[i].Key = key
	}
	r.bySlot(keys, func(batch []int) {
		if len(batch) == 1 {
			i := batch[0]
			results[i].Value, results[i].Err = r.Get(ctx, keys[i])
			return
		}
		r.mget(ctx, keys, batch, results)
	})
	return results
}

// mget gets several keys of one slot at once. If that fails, because some keys of a moving
// slot are at its source and some at its target (TRYAGAIN) for example, it gets each key
// by itself.
func (r *Router) mget(ctx context.Context, keys []string, batch []int, results []Result) {
	req := &request{slot: slots.OfString(keys[batch[0]]), keyed: true}
	req.Args = make([][]byte, 1, 1+len(batch))
	req.Args[0] = []byte("MGET")
	for _, i := range batch {
		req.Args = append(req.Args, bytesOf(keys[i]))
	}
	reply, err := r.doOnce(ctx, req)
	if err == nil && len(reply.Elems) == len(batch) {
		for n, i := range batch {
			if e := &reply.Elems[n]; e.Kind == resp.Null {
				results[i].Err = ErrNotFound
			} else {
				results[i].Value = e.Str
			}
		}
		return
	}
	each(len(batch), maxParallel/16, func(n int) {
		i := batch[n]
		results[i].Value, results[i].Err = r.Get(ctx, keys[i])
	})
}

// doOnce tries a request once, for callers that have another way if it fails.
func (r *Router) doOnce(ctx context.Context, req *request) (resp.Reply, error) {
	to, ok := r.choose(req)
	if !ok {
		return resp.Reply{}, slots.ErrSlotNotServed
	}
	req.Sync = -1
	return r.ask(ctx, to, req)
}

// SetMany sets keys all over the cluster, in parallel. Each key is set by itself: some may
// be set and others not. The results are in the order of items.
func (r *Router) SetMany(ctx context.Context, items ...Item) []Result {
	results := make([]Result, len(items))
	each(len(items), maxParallel, func(i int) {
		results[i].Key = items[i].Key
		results[i].Err = r.Set(ctx, items[i].Key, items[i].Value, items[i].TTL)
	})
	return results
}

// DeleteMany removes keys all over the cluster, in parallel, each by itself. The results
// are in the order of keys; that of a key that was not there has ErrNotFound.
func (r *Router) DeleteMany(ctx context.Context, keys ...string) []Result {
	results := make([]Result, len(keys))
	each(len(keys), maxParallel, func(i int) {
		deleted, err := r.Delete(ctx, keys[i])
		if err == nil && !deleted {
			err = ErrNotFound
		}
		results[i] = Result{Key: keys[i], Err: err}
	})
	return results
}

// Errs yields the results whose error is neither nil nor ErrNotFound.
func Errs(results []Result) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for _, r := range results {
			if r.Err != nil && r.Err != ErrNotFound && !yield(r.Key, r.Err) {
				return
			}
		}
	}
}

// bySlot calls fn with the indices of keys that share a slot, for several slots in
// parallel.
func (r *Router) bySlot(keys []string, fn func(batch []int)) {
	groups := make(map[slots.Slot][]int, len(keys))
	for i, key := range keys {
		slot := slots.OfString(key)
		groups[slot] = append(groups[slot], i)
	}
	var batches [][]int
	for _, group := range groups {
		for len(group) > maxBatch {
			batches = append(batches, group[:maxBatch])
			group = group[maxBatch:]
		}
		batches = append(batches, group)
	}
	each(len(batches), maxParallel, func(i int) { fn(batches[i]) })
}

// each calls fn with 0 to n-1, on at most parallel goroutines.
func each(n, parallel int, fn func(i int)) {
	if n == 1 {
		fn(0)
		return
	}
	var wg sync.WaitGroup
	next := make(chan int)
	for range min(n, parallel) {
		wg.Go(func() {
			for i := range next {
				fn(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
}
