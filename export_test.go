package slotmesh

import (
	"context"

	"github.com/slotmesh/slotmesh/internal/engine"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// UpdateAsking is Update of one key by a client that has been sent here by an AskError.
func UpdateAsking(n *Node, ctx context.Context, key string, asking bool, fn func(Tx) error) error {
	slot := slots.OfString(key)
	a := engine.Access{Slot: slot, Keys: [][]byte{[]byte(key)}, Asking: asking, Done: ctx.Done()}
	err := n.engine.Update(&a, func(tx *keyspace.Tx) error { return fn(Tx{tx: tx, slot: slot}) })
	return n.written(ctx, err)
}

// KnowsJobs reports whether a replica has heard of its master's migrations.
func KnowsJobs(n *Node) bool { return len(n.backlog.Notes()[noteJobs]) > 0 }

// SetLoading makes a node look as if it were still loading its keys.
func SetLoading(n *Node, on bool) { n.server.SetLoading(on) }
