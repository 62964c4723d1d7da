// Package replication keeps replicas equal to their master: the backlog of Ops, full and
// partial resync, acknowledgements, promotion, and snapshots on disk, which are
// full syncs into a file.
//
// # Vocabulary
//
//   - The stream is the sequence of records that a master writes, one per committed
//     transaction. Its bytes are numbered; an offset is a number of bytes.
//   - A [History] names a stream by an [ID] and says how much of it a node holds. A
//     promoted replica goes on under a new ID and remembers the old one with the offset
//     up to which both are the same.
//   - The [Backlog] holds the newest bytes of the stream, on masters and replicas alike. It
//     is the [keyspace.Sink] of the node's store.
//   - A term is the time of one master's line, a number that grows with each promotion in
//     a shard.
//   - A note ([Backlog.Note]) is a small named fact that travels with the data: the open
//     slots of a shard, its jobs.
//   - A [Replicator] is a node's part in all this. [Replicator.Follow] and
//     [Replicator.Promote] set its role, [Replicator.Accept] takes connections of replicas.
//
// # Example
//
//	log := replication.NewBacklog(0)
//	store := keyspace.New(keyspace.Config{Sink: log})
//	r, err := replication.New(replication.Config{Self: identity, Store: store, Log: log, Dial: dial})
//	…
//	r.Follow(master)                       // become its replica
//	err = r.WaitSynced(ctx)                // the data is here
//	r.Promote(epoch)                       // the master is gone, go on as one
//	term := r.Term()                       // before a write
//	…
//	n, err := r.WaitAcked(ctx, r.Mark(term), 1) // the write is on one replica
//
// # How a full sync composes
//
// The master does not stop. One goroutine per replica reads two sources in turn and
// sends what it reads in the order in which it read it: the stream, from the offset S at
// which the sync began, without a gap; and the slots' content, in batches, each read in
// moments under the slot's lock. When the last batch has been read it notes the stream's
// end E, sends the stream at least up to E, then the message "synced". The replica
// carries out everything in the order of arrival. Then its data is exactly the
// state at the offset it has reached:
//
//  1. A transaction is in the stream before its slot's lock is given back, and its
//     effects are seen by others only after that. So a batch read from the store after
//     a part of the stream contains the effects of that part.
//  2. A key that changed after S: its last change up to the offset reached is in the stream
//     and is the last thing that is carried out for this key, unless a batch that
//     was read after it, which by (1) contains it or something newer, arrives
//     later; the newer thing is then in the stream again behind that batch. Ops are absolute
//     ("is now", "is gone"), so seeing one twice does no harm; versions are not needed
//     for this argument.
//  3. A key that did not change after S is in a batch: keyspace.Dump yields every
//     key that is there during the whole dump.
//  4. A batch may show the effects of transactions that lie behind the part of the stream
//     sent so far. By (1) these end at or before E, and all up to E is sent before
//     "synced": the replica never shows a state that is not a prefix of the stream.
//     Without this, a replica that lost its link right then could resume at
//     another master whose history does not contain what it has seen.
//
// Stream records about slots whose dump has not begun can be skipped, by (1): their dump
// will contain them. A deleted key needs no tombstone: if the deletion is behind the
// batch that contains the key, it follows in the stream.
//
// The replica gathers a full sync beside its data and swaps at "synced", so that its
// readers see old data or new, never half of each; if the sync breaks off, it
// still has its old data and its old place in history.
//
// # Divergence
//
// A replica resumes only where its whole history is a prefix of the master's (History,
// docs/spec.md §9.1): same ID and not ahead, or the previous ID and not beyond the point
// where the master was promoted. Whoever starts to write its own stream, by promotion, by
// a restart from a snapshot, or because a Backlog was switched on after writes nobody
// counted, does so under a new ID: one ID and offset never name two states. A write to a
// replica by anybody but its master marks its data as diverged, and the next link brings
// a full sync.
//
// # What an acknowledged write is worth
//
// A write is carried out on the master, then streamed; replication does not hold it up. A
// master that dies may take the writes of its last moments with it.
// [Replicator.WaitAcked] (WAIT; a node's Sync option) returns when k replicas hold the
// write in memory, that is, have carried it out. Guaranteed then: the write survives as
// long as the node that is promoted is one of those k or is ahead of one of them.
//
// Elections see to that by [Replicator.Standing]. The term decides first: a replica that
// was cut off from the last election may have more bytes than those who follow its
// winner, but they are not this stream's. Within a term the offset decides. Who came from
// another shard does not stand at all before its first full sync has ended. A candidate
// lets a better one that it hears go first, and voters wait two seconds for a better one
// that they hear. So the write is lost only if the master and all k replicas that hold it
// are lost, or out of reach of the candidate and of the voters, when the vote is taken.
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
//     then on counts for more than what they bring back, and says whom it missed.
//
// Across a move of the write's slot to another shard the same holds. A shard remembers
// for each slot the greatest number that a writer in it was ever told ([Promises]), in
// the stream, so that replicas and snapshots have it; the number goes with the slot, and
// a move that finds fewer replicas at its target waits: see package migrate. It binds a
// master to no more replicas than its shard has members, the failed among them. Who asks
// about a write whose key has left meanwhile is told how many replicas held it where it
// went ([Departures]).
//
// The provable form, a write quorum within the shard and a lease for the master,
// needs no other stream: it is a rule about who may be promoted and k = ⌊n/2⌋.
//
// # Limits
//
// One level only: a replica refuses replicas (docs/spec.md §9.4). A replica that is more
// than the output buffer behind is cut off and comes back by a partial resync if the
// backlog reaches that far, else by a full one. Whatever changes a master's store must go
// through its Sink: Update, Import, Drop and Clear do, Apply does not. During a full sync
// a replica holds old and new data at once.
package replication
