package client

import (
	"context"
	"errors"
	"fmt"

	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/slots"
)

// Message is what was published to a channel.
type Message struct {
	Channel string
	Pattern string // that the channel matches, in a subscription to patterns
	Payload []byte // the receiver's own
}

// MissedError says that messages may be missing where it comes in a subscription, which
// goes on. When it comes, all channels that it concerns are subscribed to again: what the
// loop looks up now is not older than the messages that follow.
type MissedError struct {
	// Count is how many messages are missing for certain: those that the loop was too slow
	// for. How many a broken connection has lost nobody knows.
	Count int
	// Err says why: it matches [ErrSlow], or tells how the connection was lost.
	Err error
}

// Error returns a text with the count and the reason.
func (e *MissedError) Error() string {
	if e.Count == 0 {
		return fmt.Sprintf("slotmesh: messages may be missing: %v", e.Err)
	}
	return fmt.Sprintf("slotmesh: %d messages are missing: %v", e.Count, e.Err)
}

// Unwrap returns Err.
func (e *MissedError) Unwrap() error { return e.Err }

// ErrSlow is the reason of a [MissedError] if a loop takes its messages so slowly that no
// more of them could be kept for it.
var ErrSlow = errors.New("slotmesh: the loop takes its messages too slowly")

// Publish sends a message to all that have subscribed to channel, or to a pattern that it
// matches, at whatever node of the cluster. The number is that of the receivers at the node
// that was asked, as with Redis Cluster: this node, if the Router is a node's.
//
// A message is sent at most once, and those of one caller to one channel arrive in their
// order. The error matches [ErrAmbiguous] if the connection broke
// before the node had answered.
func (r *Router) Publish(ctx context.Context, channel string, payload []byte) (receivers int, err error) {
	req := &request{write: true}
	if slot := slots.OfString(channel); r.owned(slot) { // one node for a channel: that keeps the order
		req.slot, req.keyed = slot, true
	}
	req.Args = [][]byte{cmdPublish, bytesOf(channel), payload}
	var reply resp.Reply
	if r.local != nil {
		var answer Reply
		answer, err = r.transport.Send(ctx, Endpoint{ID: r.local.ID()}, &req.Request)
		reply = answer.reply
	} else {
		reply, err = r.do(ctx, req)
	}
	return int(reply.Int), err
}

// PublishShard sends a message to all that have subscribed to the sharded channel: see
// [Router.SubscribeShard]. The number is that of the receivers at the node that serves the
// channel's slot. Otherwise it is as [Router.Publish].
func (r *Router) PublishShard(ctx context.Context, channel string, payload []byte) (receivers int, err error) {
	req := &request{slot: slots.OfString(channel), keyed: true, write: true}
	req.Args = [][]byte{cmdSPublish, bytesOf(channel), payload}
	reply, err := r.do(ctx, req)
	return int(reply.Int), err
}

func (r *Router) owned(slot slots.Slot) bool {
	_, ok := r.transport.Owner(slot)
	return ok
}

var (
	cmdPublish  = []byte("PUBLISH")
	cmdSPublish = []byte("SPUBLISH")
)
