package slotmesh

import (
	"context"

	"github.com/slotmesh/slotmesh/client"
	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/internal/engine"
	"github.com/slotmesh/slotmesh/internal/pubsub"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/replication/replicator"
	"github.com/slotmesh/slotmesh/slots"
)

// UpdateAsking is Update of one key by a client that has been sent here by an AskError.
func UpdateAsking(n *Node, ctx context.Context, key string, asking bool, fn func(Tx) error) error {
	slot := slots.OfString(key)
	a := engine.Access{Slot: slot, Keys: [][]byte{[]byte(key)}, Asking: asking, Done: ctx.Done()}
	was := n.shard.Acks.Before()
	err := n.engine.Update(&a, func(tx *keyspace.Tx) error { return client.RunTx(tx, slot, a.Keys, fn) })
	return n.written(ctx, was, slot, err)
}

// KnowsJobs reports whether a replica has heard of its master's migrations.
func KnowsJobs(n *Node) bool { return len(n.shard.Backlog.Metadata()[metadataJobs]) > 0 }

// Standing is what elections compare of a node's data.
func Standing(n *Node) replicator.Standing { return n.shard.Replicator.Standing() }

// SetLoading makes a node look as if it were still loading its keys.
func SetLoading(n *Node, on bool) { n.server.SetLoading(on) }

// OpenAtMaster returns the slots that a replica knows to be open at its master.
func OpenAtMaster(n *Node) (set slots.Set) {
	all := n.ownership.OpenAtMaster()
	for _, open := range []map[slots.Slot]slots.NodeID{all.Migrating, all.Importing} {
		for slot := range open {
			set.Add(slot)
		}
	}
	return set
}

// SetImporting is CLUSTER SETSLOT IMPORTING without the checks of the command.
func SetImporting(n *Node, ctx context.Context, set slots.Set, from slots.NodeID) error {
	return n.ownership.Set(ctx, set, gossip.SlotImporting, from)
}

// Promised returns how many replicas have to hold the keys of a slot when it moves from a
// node.
func Promised(n *Node, slot slots.Slot) int { return n.shard.Acks.Of(slot) }

// SetDirectives is CONFIG SET of several at once.
func SetDirectives(n *Node, pairs ...[2]string) error { return n.settings.Set(pairs, false) }

// SetDirective is CONFIG SET.
func SetDirective(n *Node, name, value string) error {
	return n.settings.Set([][2]string{{name, value}}, false)
}

// Hear is SUBSCRIBE, PSUBSCRIBE or SSUBSCRIBE of a client whose messages heard takes.
func Hear(n *Node, kind pubsub.Kind, name string, heard func(*pubsub.Message)) {
	n.pubsub.local.Subscribe(hearer(heard), kind, name)
	if n.pubsub.remote != nil {
		n.pubsub.remote.AwaitInterest(nil)
	}
}

// hearer is a subscriber without a client.
type hearer func(*pubsub.Message)

func (h hearer) Deliver(m *pubsub.Message) { h(m) }
func (h hearer) Drop(string) (stays bool)  { return false }

// Say is PUBLISH at a node.
func Say(n *Node, channel string, payload []byte) {
	n.pubsub.local.Publish([]byte(channel), payload)
	n.pubsub.remote.Publish([]byte(channel), payload)
}
