// Package invalidation keeps copies of keys right that nodes hold of what other nodes own:
// once a write is acknowledged, no node serves what the key was before it.
//
// # Vocabulary
//
//   - A holder is a node that keeps copies of keys, under prefixes that it registers with
//     every member of the cluster.
//   - A granter is a member, as a holder sees it: it tells the holder of changes, and grants
//     leases.
//   - A lease is how long a granter waits with the reply to a write until a holder has
//     acknowledged the invalidation. A holder whose lease has run out is not waited for,
//     and serves no copies.
//   - A holder covers a slot while it may serve copies of its keys.
//
// # Protocol
//
// A holder dials each member, on a connection of its own kind. All that either end says is
// in order:
//
//	holder                              granter
//	Register(version, prefixes)    →
//	Renew(stamp, version, digest)  →
//	                               ←    Grant(stamp, version, granted)
//	                               ←    Key, Slot or All(number): a change
//	Ack(number)                    →
//	Release                        →    before it hangs up
//
// A commit that changes a key under a prefix appends a change to the queue of each holder of
// that prefix, under the slot's lock. The reply to the write waits for the Acks: of holders
// with a lease, by the granter's clock. A Grant stands behind the changes that went before
// it, so a holder whose lease ran out, and which is granted another one on the same
// connection, has heard of all that it was not waited for with.
//
// # Which leases a holder needs
//
// A member that acknowledges a write waits for the holders that it has granted a lease. So a
// copy is good as long as every member that could acknowledge a write to its slot has
// granted the holder a lease that lasts. To cover a slot a holder needs leases of
//
//   - the owner of the slot,
//   - the replicas of the owner, any of which may be promoted,
//   - all other masters, to any of which the slot may move,
//
// except, beside the owner, those that have failed. That is so by the holder's map. The map
// of a granter may be newer. So the holder sends the digest of the members that it counts
// on, and a granter that counts on others refuses.
//
// What remains is what a granter learns while a lease of it lasts: of a new master, or a new
// replica of its own. A node that was just started, or comes back from a minority, does not
// acknowledge writes before that lease has ended, for other reasons: docs/spec.md §5.2 makes
// it wait for longer. A replica can take over only when it has synchronized, after its
// master has learned of it, and an election takes about the node timeout T from then on. A
// slot moves to a new master only when the owner has known of this one for a lease:
// see [Granter.Unsettled].
//
// # The bound of a node that is cut off
//
// A lease lasts for Lease(T), T/4 and 450 ms at most, from when the holder asked for it.
// A holder that is cut off from any member that it counts on serves no copies of that one's
// slots, or of none if that is a master, after this time. If it is cut off together with all
// the members that it counts on, which is possible only with an owner of a minority, it
// serves copies for as long as that owner serves reads, about T, and Lease(T) more.
//
// # Memory
//
// A granter keeps for each holder its prefixes, at most MaxPrefixes, and a queue of at most
// maxQueue bytes; what does not fit becomes one change that means everything.
//
// # Clocks
//
// Only differences between readings of the same node's clock count, and a granter adds a
// tenth to each: clocks may run at rates that differ by so much.
package invalidation
