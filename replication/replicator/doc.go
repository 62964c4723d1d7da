// Package replicator runs package replication on connections: a [Replicator] is a node's
// part in replication, with its goroutines, locks, time-outs and snapshots on disk.
//
//	log := replicator.NewBacklog(0)
//	store := keyspace.New(keyspace.Config{Sink: log})
//	r, err := replicator.New(replicator.Config{Self: identity, Store: store, Log: log, Dial: dial})
//	…
//	r.Follow(master)                            // become its replica
//	err = r.WaitSynced(ctx)                     // the data is here
//	r.Promote(epoch)                            // the master is gone, go on as one
//	term := r.Term()                            // before a write
//	…
//	n, err := r.WaitAcked(ctx, r.Mark(term), 1) // the write is on one replica
//
// [Replicator.Follow] and [Replicator.Promote] set the node's role, [Replicator.Accept]
// takes connections of replicas. The [Backlog] is the node's replication.Stream behind a
// lock.
//
// # Who may follow
//
// A hello is answered with data only if [Config].MayFollow says so, which in a cluster asks
// the map. A node that is a replica since a moment ago may be ahead of its master's map:
// its hello waits up to two seconds for the news, then is refused with the reason, and
// comes again. When the map changes ([Replicator.MapChanged]) the links of those end that
// are no replicas any more, and their acknowledgements with them.
//
// # On disk
//
// A node that keeps the stream in a log on disk ([Config].Disk) tells its master with each
// acknowledgement how far that log is, and without delay once it has what the master asked
// about. [Replicator.WaitDurable] (WAITAOF) waits for that.
//
// # What an acknowledged write is worth
//
// A write is carried out on the master, then streamed; replication does not hold it up. A
// master that dies may take the writes of its last moments with it.
// [Replicator.WaitAcked] (WAIT, and a node's WithSync) returns when k replicas hold the
// write in memory, that is, have carried it out. Guaranteed then: the write survives as
// long as the node that is promoted is one of those k or is ahead of one of them.
//
// Elections see to that by [Replicator.Standing]. The term decides first: a replica that
// was cut off from the last election may have more bytes than the followers of its
// winner, but they are not bytes of this stream. Within a term the offset decides. A node
// that came from another shard does not stand at all before its first full sync has
// ended. A candidate lets a better one that it hears go first, and voters wait two
// seconds for a better one that they hear. So the write is lost only if the master and
// all k replicas that hold it are lost, or out of reach of the candidate and of the
// voters, when the vote is taken.
//
// Not guaranteed:
//
//   - that a reader on a replica sees the write: only k of them hold it;
//   - that what a reader on the master sees is kept: it may see a write that is not
//     acknowledged yet, and is lost if the master dies in that moment;
//   - that a master that was cut off refuses writes at once. It stops within the node
//     timeout. Until then k replicas that are cut off together with it may acknowledge;
//     if another one, on the side of the majority, was promoted, these writes are
//     discarded when the two sides meet, like all that was not acknowledged;
//   - what became of a write whose wait ended with [ErrAmbiguous]: it has been carried
//     out on the master, and a failover decides;
//   - anything about a failover that an administrator forces (FORCE, TAKEOVER);
//   - a write that a restarted master's snapshot lacks, if all replicas that hold it fail
//     before one of them has taken over (package gossip, restart fencing). The master
//     then goes on in a new term ([Replicator.BeginTerm]), so that what it writes from
//     then on counts for more than what they bring back, and says which replicas it
//     missed.
//
// Across a move of the write's slot to another shard the same holds. A shard remembers
// for each slot the greatest number that a writer in it was ever told ([Promises]), in
// the stream, so that replicas and snapshots have it; the number goes with the slot, and
// a move that finds fewer replicas at its target waits: see package migrate. It binds a
// master to no more replicas than its shard has members, the failed among them. A caller
// that asks about a write whose key has left meanwhile is told how many replicas held it
// where it went ([Departures]).
//
// The provable form, a write quorum within the shard and a lease for the master, needs no
// other stream: it is a rule about which node may be promoted, and k = ⌊n/2⌋.
package replicator
