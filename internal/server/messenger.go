package server

import "github.com/slotmesh/slotmesh/slots"

// Messenger carries messages to the subscribers of other nodes. Its methods copy channel
// and payload if they keep them.
type Messenger interface {
	// Publish sends a message to the other nodes that have subscribers of its channel or of
	// patterns that it matches. It does not wait.
	Publish(channel, payload []byte)
	// PublishShard sends a message of the slot's channel to the other nodes of this node's
	// shard that have subscribers of it, and to any node whose host program has one. It does
	// not wait; it may be called under the slot's lock.
	PublishShard(slot slots.Slot, channel, payload []byte)
	// AwaitInterest returns when the other nodes that can be reached know what this node has
	// subscribers of, as of now; or when done is closed, or after a bound of the messenger's
	// own. It costs next to nothing when they know already.
	AwaitInterest(done <-chan struct{})
}

// nobody is the Messenger of a node without others.
type nobody struct{}

func (nobody) Publish(_, _ []byte)                     {}
func (nobody) PublishShard(slots.Slot, []byte, []byte) {}
func (nobody) AwaitInterest(<-chan struct{})           {}
