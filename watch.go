package slotmesh

import (
	"context"
	"sync"

	"github.com/slotmesh/slotmesh/slots"
)

// broadcast wakes every goroutine that waits for the next change.
type broadcast struct {
	mu sync.Mutex // guards ch
	ch chan struct{}
}

// next returns a channel that the next call of wake closes.
func (b *broadcast) next() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ch == nil {
		b.ch = make(chan struct{})
	}
	return b.ch
}

func (b *broadcast) wake() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ch != nil {
		close(b.ch)
		b.ch = nil
	}
}

// WaitMap returns as soon as cond holds for the node's map: at once if it does now,
// otherwise with the change that makes it so. It returns ctx's error if that
// ends first, ErrClosed if the node is closed, ErrStandalone outside a cluster.
func (n *Node) WaitMap(ctx context.Context, cond func(*slots.Map) bool) error {
	if n.cfg.Standalone {
		return ErrStandalone
	}
	for {
		if n.life.over() {
			return ErrClosed
		}
		changed := n.signals.changed.next() // before the look, so that no change is missed
		if m := n.Map(); m != nil && cond(m) {
			return nil
		}
		select {
		case <-changed:
		case <-n.life.ctx.Done():
			return ErrClosed
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
