// Package interest keeps what the nodes of a cluster want to hear of each other: channels
// of pub/sub, patterns of channels, sharded channels. It decides what a node tells each
// other node of its own interest, and when that is known; package messages runs it on
// connections.
//
// # Vocabulary
//
//   - An interest is a kind and a name. Channels are told as 64-bit digests (xxhash) of
//     their names, so that an interest costs the same whatever its name is; patterns as they
//     are. Two channels with one digest cost a message that nobody here wants, and nothing
//     else: the node that hears it looks at the name.
//
//   - A [Teller] has a node's own interest. It numbers the changes; the number of the latest
//     one is its [Teller.Position].
//
//   - A link is a connection to another node, which is told. First the whole set, in parts
//     that take effect together, then the changes. The other node acknowledges positions.
//     A link that falls behind the log of changes is told the whole set again.
//
//   - A [Set] is what another node has told, at the node that sends messages.
//
//   - A link is local if its node is of the same shard: only such ones are told of sharded
//     channels.
//
// # Bounds
//
// A node names at most [MaxDigests] channels, as many sharded ones, and [MaxPatterns]
// patterns of [MaxPatternBytes] bytes in all. Beyond that it wants everything of the kind,
// until it has half as many again. The log of changes has at most 4,096 entries, whatever
// the number of links. 100,000 channels cost 900 kB on the wire to each node, 2.6 MB of
// memory at the node that wants them, and 2.4 MB at each of the others (TestManyChannels).
//
// # Example
//
//	t := interest.NewTeller()
//	t.Up(link, local)
//	t.Want(interest.Channel, "news", true)
//	for b, ok := t.Next(link, nil); ok; b, ok = t.Next(link, b[:0]) { send(b) }
//	…
//	position, err := set.Apply(b)   // at the other node, which acknowledges position
//	set.WantsMessage(interest.Digest("news"), []byte("news"))
//	…
//	t.Acknowledged(link, position)
//	t.Known()                       // the position that every node knows that is waited for
package interest
