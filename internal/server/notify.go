package server

import (
	"github.com/slotmesh/slotmesh/internal/pubsub"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// Keyspace notifications: what happens to keys is published to this node's subscribers, and
// to no other node, as in Redis. notify-keyspace-events says which events are, see
// [keyspace.Store.SetEvents].

const (
	keyspaceChannel = "__keyspace@0__:" // and the key; the message is the event
	keyeventChannel = "__keyevent@0__:" // and the event; the message is the key
)

// publishEvents publishes what a transaction has done, under the lock of its slot: so the
// events of a key come in the order of its changes, and before the reply.
func publishEvents(to *pubsub.Registry, forms func() keyspace.EventClass) func(slots.Slot, []keyspace.Event) {
	return func(_ slots.Slot, events []keyspace.Event) {
		form := forms()
		var channelBuf, nameBuf [128]byte
		for _, e := range events {
			name := append(nameBuf[:0], e.Name...)
			if form&keyspace.KeyspaceForm != 0 {
				channel := append(append(channelBuf[:0], keyspaceChannel...), e.Key...)
				to.Publish(channel, name)
			}
			if form&keyspace.KeyeventForm != 0 {
				channel := append(append(channelBuf[:0], keyeventChannel...), name...)
				to.Publish(channel, e.Key)
			}
		}
	}
}
