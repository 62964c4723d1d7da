// Package messages carries messages between the nodes of a cluster: what a client publishes
// at one of them reaches subscribers at all. A message is no data. It is sent at most once,
// it enters no stream, and it is lost with the node or the connection that holds it.
//
// # Vocabulary
//
//   - A link is a connection of kind bus.Messages. The node that wants messages opens it, to
//     each member of the cluster, as soon as it wants any; it tells what it wants, and the
//     other end sends that. So what a node wants at another one, and what is sent for that,
//     live and end with one connection, and no heartbeat of gossip waits behind either.
//
//   - A [Source] is another member at the node that wants messages; it has a link, or
//     dials one. A [Receiver] is a link at the other end.
//
//   - The interest of a node is what it wants (package interest). A [Messenger] sends a
//     message to those receivers only whose interest it is in.
//
// # What is said on a link
//
// Everything is a frame of package frame, whose first byte says what it is. The end that
// has dialled says first which node it wants to reach, and its own incarnation; the other
// one answers with its incarnation, or closes the connection. After that:
//
//	dialling end                        accepting end
//	't' position, changes          →
//	                               ←    'a' position, once it knows them
//	'p', at intervals              →
//	                               ←    'o', the answer
//	                               ←    'c' length of channel, channel, message
//	                               ←    's' the same, of a sharded channel
//
// A message costs 10 to 13 bytes beside channel and message. Those that wait for a link are
// written 64 KiB at a time. Answers go before them: they are not held up.
//
// # What holds
//
//   - Messages of one node to one channel arrive in their order: they travel on one
//     connection, and a source dials anew only when the connection before has been read to
//     its end.
//   - Once [Messenger.AwaitInterest] has returned, a message that is published at a node
//     that has acknowledged arrives, as long as the link stands and the subscriber keeps
//     up. It waits for the members that are reachable, and for none of them longer than
//     a second: one that cannot be dialled, or hangs, holds nobody up.
//   - A publisher never waits. What does not fit into the outbox of a receiver is dropped,
//     and counted.
//   - A link that says nothing for Config.Silence, though pings are due, is closed. A source
//     dials again with growing pauses, and at once when the map says that its node has a
//     new address or is back.
//   - Memory is bounded: an outbox by Config.Outbox and one message, interests as package
//     interest says.
package messages
