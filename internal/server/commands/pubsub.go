package commands

import (
	"slices"

	"github.com/slotmesh/slotmesh/internal/pubsub"
	"github.com/slotmesh/slotmesh/keyspace"
)

const (
	flagsPubsub    = PubSub | Loading | Stale
	flagsPublish   = flagsPubsub | Fast | Publishes | Callable
	flagsSeePubsub = flagsPubsub | Plain | Callable
)

// PubsubGroup is the commands on messages, without those on a client's own subscriptions.
var PubsubGroup = []Command{
	{Name: "publish", Arity: 3, Flags: flagsPublish | Plain | Callable, Group: "pubsub", Since: "2.0.0",
		Channels: OneKey, Summary: "Sends a message to the subscribers of a channel.", Run: cmdPublish},
	{Name: "pubsub", Arity: -2, Group: "pubsub", Since: "2.8.0", Summary: "Looks at the subscriptions on this node.",
		Subs: []Command{
			{Name: "channels", Arity: -2, Args: "[<pattern>]", Flags: flagsSeePubsub, Since: "2.8.0",
				Summary: "Returns the channels that have subscribers.", Run: channelsOf(pubsub.Channel)},
			{Name: "help", Arity: 2, Flags: Loading | Stale | Plain, Since: "6.2.0",
				Summary: "Lists the subcommands.", Run: Help},
			{Name: "numpat", Arity: 2, Flags: flagsSeePubsub, Since: "2.8.0",
				Summary: "Returns how many patterns have subscribers.", Run: cmdPubsubNumPat},
			{Name: "numsub", Arity: -2, Args: "[<channel> ...]", Flags: flagsSeePubsub, Since: "2.8.0",
				Summary: "Returns how many subscribers channels have, without those of patterns.",
				Run:     subscribersOf(pubsub.Channel)},
			{Name: "shardchannels", Arity: -2, Args: "[<pattern>]", Flags: flagsSeePubsub, Since: "7.0.0",
				Summary: "Returns the channels of shards that have subscribers.", Run: channelsOf(pubsub.Shard)},
			{Name: "shardnumsub", Arity: -2, Args: "[<shardchannel> ...]", Flags: flagsSeePubsub, Since: "7.0.0",
				Summary: "Returns how many subscribers channels of shards have.", Run: subscribersOf(pubsub.Shard)},
		}},
	{Name: "spublish", Arity: 3, Flags: flagsPublish | Sharded, Keys: OneKey, Group: "pubsub",
		Since: "7.0.0", KeyFlags: "not_key", Channels: OneKey,
		Summary: "Sends a message to the subscribers of a channel of the shard.",
		Tx:      func(*Call, *keyspace.Tx) error { return nil }, After: cmdSPublish},
}

func cmdPublish(c *Call) error { return c.publish(pubsub.Channel) }

// cmdSPublish runs when it is known that this node's shard has the slot. Subscribers may be
// many, so that it does not keep the slot's lock.
func cmdSPublish(c *Call) error { return c.publish(pubsub.Shard) }

func (c *Call) publish(kind pubsub.Kind) error {
	receivers, err := c.Send(kind, c.Args[1], c.Args[2])
	if err == nil {
		c.Out.Int(int64(receivers))
	}
	return err
}

func channelsOf(kind pubsub.Kind) func(*Call) error {
	return func(c *Call) error {
		if len(c.Args) > 3 {
			return ErrSubArity(c.Args)
		}
		var list []string
		if len(c.Args) == 3 {
			list = c.Node.Pubsub.Matching(kind, string(c.Args[2]))
		} else {
			list = slices.Collect(c.Node.Pubsub.Names(kind))
		}
		c.Out.Array(len(list))
		for _, name := range list {
			c.Out.BulkString(name)
		}
		return nil
	}
}

func subscribersOf(kind pubsub.Kind) func(*Call) error {
	return func(c *Call) error {
		c.Out.Array(2 * (len(c.Args) - 2))
		for _, name := range c.Args[2:] {
			c.Out.Bulk(name)
			c.Out.Int(int64(c.Node.Pubsub.Subscribers(kind, string(name))))
		}
		return nil
	}
}

func cmdPubsubNumPat(c *Call) error {
	c.Out.Int(int64(c.Node.Pubsub.Len(pubsub.Pattern)))
	return nil
}
