// Package pubsub keeps which subscribers of one node want the messages of which channels,
// and hands messages to them. It knows neither clients nor other nodes.
//
// A channel's messages reach each of its subscribers in one order, the order in which they
// were published here. A subscriber of a channel and of patterns that match it gets the
// channel's message first, as with Redis. What a publisher sends one after the other
// arrives in that order, whatever the channels.
//
// A message is encoded once for all subscribers of a channel or of a pattern: they share
// the bytes, which nobody may change.
//
// # Locks
//
// Channels lie in stripes by a hash of their names, channels of shards by their slots. A
// stripe's lock guards which channels there are. Each channel and each pattern has a lock
// of its own, which a message holds while it is handed out, so that a subscriber gets
// nothing more once Unsubscribe has returned. Order: stripe or list of patterns, channel
// or pattern, then whatever a Subscriber locks.
package pubsub
