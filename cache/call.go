package cache

import (
	"context"
	"errors"
	"sync"

	"github.com/slotmesh/slotmesh"
)

// calls lets one caller do what many want at the same time.
type calls struct {
	mu   sync.Mutex // guards open
	open map[string]*call
}

// call is work under way.
type call struct {
	done   chan struct{} // closed when result and err are set
	result []byte
	err    error
}

var errGone = errors.New("cache: the load ended without a result")

// do returns what fn returns for key, calling it unless it is being called already. fn
// runs on a goroutine of the node: a caller that gives up does not end it for the others,
// and it ends with the node.
func (f *calls) do(ctx context.Context, node *slotmesh.Node, key string,
	fn func(ctx context.Context) ([]byte, error)) ([]byte, error) {
	f.mu.Lock()
	fl := f.open[key]
	if fl == nil {
		fl = &call{done: make(chan struct{})}
		if f.open == nil {
			f.open = make(map[string]*call)
		}
		f.open[key] = fl
		running := node.Go(func(ctx context.Context) {
			fl.err = errGone
			defer func() { // fn may end its goroutine: t.FailNow in a loader does
				f.mu.Lock()
				delete(f.open, key)
				f.mu.Unlock()
				close(fl.done)
			}()
			fl.result, fl.err = fn(ctx)
		})
		if !running {
			delete(f.open, key)
			f.mu.Unlock()
			return nil, slotmesh.ErrClosed
		}
	}
	f.mu.Unlock()
	select {
	case <-fl.done:
		return fl.result, fl.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
