package client

import (
	"context"
	"errors"
	"iter"
	"sync/atomic"
)

// ChannelKind says what the names of a subscription are.
type ChannelKind uint8

// The kinds of names.
const (
	Channels      ChannelKind = iota // of channels
	Patterns                         // patterns of channels, as those of Redis: *, ?, [a-z], \
	ShardChannels                    // of sharded channels
)

// MessageTransport is a [Transport] by which a [Router] can also subscribe.
type MessageTransport interface {
	// Subscribe hands the messages of some channels to deliver, until ctx ends. It returns
	// once every message arrives that is published from then on, at whatever node; or the
	// reason why none does.
	//
	// Later deliver also gets errors: a *[MissedError] where messages may be missing, any
	// other one as the last. It does not block, and keeps no slice of a message.
	Subscribe(ctx context.Context, kind ChannelKind, names []string, deliver func(Message, error)) error
}

// Subscribe returns the messages that are published to channels at whatever node of the
// cluster. When it returns, it is in force: the messages from then on wait for the loop,
// even if that begins later. It ends when ctx ends, when the loop ends, and when the Client
// or the node is closed. A sequence that is used again subscribes again.
//
//	for m, err := range router.Subscribe(ctx, "news") {
//		if err != nil {
//			log.Print(err)
//			continue
//		}
//		fmt.Println(m.Channel, string(m.Payload))
//	}
//
// A *[MissedError] says where messages may be missing, and the loop goes on. For a loop that
// is slow 8,192 messages are kept, up to 32 MiB; what comes while there is no room is left
// out. A Client whose connection breaks subscribes again, at another node if need be, and
// says so when it has. Any other error is the last: the subscription was refused, no node could
// be reached for 30 s when it began, or, as [ErrClosed], the Client or the node is closed.
// When ctx ends the loop ends without one.
//
// A message is delivered at most once. What one publisher sends to a channel arrives in its
// order.
func (r *Router) Subscribe(ctx context.Context, channels ...string) iter.Seq2[Message, error] {
	return r.subscribe(ctx, Channels, channels)
}

// SubscribePattern is [Router.Subscribe] to all channels whose names match one of the
// patterns, as with PSUBSCRIBE: * stands for any characters, ? for one, [abc] and [a-z] for
// one of these, and \ takes the meaning away. A message that matches two patterns comes
// twice.
func (r *Router) SubscribePattern(ctx context.Context, patterns ...string) iter.Seq2[Message, error] {
	return r.subscribe(ctx, Patterns, patterns)
}

// SubscribeShard is [Router.Subscribe] to sharded channels: a channel belongs to a slot, as
// a key of its name does, and its messages pass only through the shard that serves the slot.
// [Router.PublishShard] sends them; a channel and a sharded channel of one name are two.
//
// The subscription follows a slot that moves. One of a node's Router misses nothing then; a
// Client subscribes again at the slot's new owner, and says so by a *[MissedError].
func (r *Router) SubscribeShard(ctx context.Context, channels ...string) iter.Seq2[Message, error] {
	return r.subscribe(ctx, ShardChannels, channels)
}

func (r *Router) subscribe(ctx context.Context, kind ChannelKind, names []string) iter.Seq2[Message, error] {
	names = append([]string(nil), names...)
	first, endFirst := r.open(ctx, kind, names)
	var begun atomic.Bool
	return func(yield func(Message, error) bool) {
		in, end := first, endFirst
		if begun.Swap(true) {
			in, end = r.open(ctx, kind, names)
		}
		defer end()
		for {
			d, ok := in.next(ctx)
			if !ok || !yield(d.m, d.err) || d.err != nil && missedIn(d.err) == nil {
				return
			}
		}
	}
}

// open subscribes, until end is called or ctx ends.
func (r *Router) open(ctx context.Context, kind ChannelKind, names []string) (in *inbox, end func()) {
	ctx, cancel := context.WithCancel(ctx)
	in = newInbox()
	context.AfterFunc(ctx, in.close)
	if err := r.openInto(ctx, kind, names, in); err != nil {
		in.put(Message{}, err)
	}
	return in, cancel
}

func (r *Router) openInto(ctx context.Context, kind ChannelKind, names []string, in *inbox) error {
	t, ok := r.transport.(MessageTransport)
	switch {
	case !ok:
		return errors.New("slotmesh: the Transport of this Router is no MessageTransport: it cannot subscribe")
	case len(names) == 0:
		return errors.New("slotmesh: a subscription without a name: say at least one channel or pattern")
	}
	return t.Subscribe(ctx, kind, names, in.put)
}
