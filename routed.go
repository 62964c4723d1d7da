package slotmesh

import (
	"context"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// Router returns the way from this node to all keys of the cluster. It costs nothing,
// ends with the node, and may be had any number of times, after Start.
func (n *Node) Router() *Router { return n.router }

// Get returns a copy of the value of key, ErrNotFound if there is none, wherever in the
// cluster the key lives: it is the Get of the node's [Router].
func (n *Node) Get(ctx context.Context, key string) ([]byte, error) {
	slot := slots.OfString(key)
	if m := n.Map(); m == nil || m.IsMine(slot) { // as the Router does, but hashes the key only once
		if value, err := n.Local().get(ctx, key, slot); err == nil || err == ErrNotFound {
			return value, err
		}
	}
	return n.router.Get(ctx, key)
}

// Set stores a copy of value under key, as [client.Router.Set].
func (n *Node) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	return n.router.Set(ctx, key, value, ttl)
}

// Delete removes key and reports whether it was there, as [client.Router.Delete].
func (n *Node) Delete(ctx context.Context, key string) (deleted bool, err error) {
	return n.router.Delete(ctx, key)
}

// Expire sets how long key has still to live, as [client.Router.Expire].
func (n *Node) Expire(ctx context.Context, key string, ttl time.Duration) (found bool, err error) {
	return n.router.Expire(ctx, key, ttl)
}

// TTL returns how long key has still to live, as [client.Router.TTL].
func (n *Node) TTL(ctx context.Context, key string) (time.Duration, error) {
	return n.router.TTL(ctx, key)
}

// Update runs a transaction on keys of one slot, as [client.Router.Update].
func (n *Node) Update(ctx context.Context, keys []string, fn func(Tx) error) error {
	return n.router.Update(ctx, keys, fn)
}

// Do runs a command, built in or the host's, as [client.Router.Do].
func (n *Node) Do(ctx context.Context, command string, args ...any) (any, error) {
	return n.router.Do(ctx, command, args...)
}
