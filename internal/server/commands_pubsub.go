package server

import (
	"github.com/slotmesh/slotmesh/internal/pubsub"
	"github.com/slotmesh/slotmesh/internal/server/commands"
	"github.com/slotmesh/slotmesh/keyspace"
)

const flagsSubscribe = commands.PubSub | commands.Loading | commands.Stale | commands.NoScript

// subscriptionGroup is the commands on the subscriptions of a client.
var subscriptionGroup = []commands.Command{
	{Name: "subscribe", Arity: -2, Flags: flagsSubscribe | commands.Plain, Group: "pubsub", Since: "2.0.0",
		Channels: commands.AllKeys, Summary: "Subscribes to channels.", Run: ofSession(subscribeTo(pubsub.Channel))},
	{Name: "unsubscribe", Arity: -1, Flags: flagsSubscribe | commands.Plain, Group: "pubsub", Since: "2.0.0",
		Summary: "Ends subscriptions to channels, or to all of them.", Run: ofSession(unsubscribeFrom(pubsub.Channel))},
	{Name: "psubscribe", Arity: -2, Flags: flagsSubscribe | commands.Plain, Group: "pubsub", Since: "2.0.0",
		Channels: commands.AllKeys, ChannelPatterns: true, Summary: "Subscribes to the channels that match patterns.",
		Run: ofSession(subscribeTo(pubsub.Pattern))},
	{Name: "punsubscribe", Arity: -1, Flags: flagsSubscribe | commands.Plain, Group: "pubsub", Since: "2.0.0",
		Summary: "Ends subscriptions to patterns, or to all of them.", Run: ofSession(unsubscribeFrom(pubsub.Pattern))},
	{Name: "ssubscribe", Arity: -2, Flags: flagsSubscribe | commands.Sharded, Keys: commands.AllKeys, Group: "pubsub",
		Since: "7.0.0", KeyFlags: "not_key", Channels: commands.AllKeys,
		Summary: "Subscribes to channels of the shard.", Tx: ofSessionTx(cmdSSubscribe)},
	{Name: "sunsubscribe", Arity: -1, Flags: flagsSubscribe | commands.Sharded, Keys: commands.AllKeys, Group: "pubsub",
		Since: "7.0.0", KeyFlags: "not_key",
		Summary: "Ends subscriptions to channels of the shard, or to all of them.", Tx: ofSessionTx(cmdSUnsubscribe)},
}

func subscribeTo(kind pubsub.Kind) func(*session) error {
	return func(s *session) error {
		for _, name := range s.Args[1:] {
			s.subscribe(kind, name)
		}
		return nil
	}
}

func unsubscribeFrom(kind pubsub.Kind) func(*session) error {
	return func(s *session) error {
		s.unsubscribe(kind, s.Args[1:])
		return nil
	}
}

// cmdSSubscribe runs under the slot's lock, so that no channel is subscribed to whose slot
// has left: see Server.MapChanged.
func cmdSSubscribe(s *session, _ *keyspace.Tx) error {
	if s.multi.on {
		return replyError("ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client")
	}
	return subscribeTo(pubsub.Shard)(s)
}

func cmdSUnsubscribe(s *session, _ *keyspace.Tx) error { return unsubscribeFrom(pubsub.Shard)(s) }
