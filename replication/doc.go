// Package replication keeps replicas equal to their master: the stream of Ops, full and
// partial resync, promotion, and snapshots, which are full syncs into a file.
//
// The package is a pure core: it has no clock, goroutine, lock or socket, and touches no
// disk. Messages go in, bytes to send come out. Package replicator runs it on connections
// and adds what needs time: acknowledgements, time-outs, roles, files.
//
// # Vocabulary
//
//   - The stream is the sequence of records that a master writes, one per committed
//     transaction. Its bytes are numbered; an offset is a number of bytes.
//   - A [History] names a stream by an [ID] and says how much of it a node holds. A
//     promoted replica goes on under a new ID and remembers the old one with the offset
//     up to which both are the same.
//   - A [Stream] holds a node's History and the newest bytes of its stream, the backlog,
//     on masters and replicas alike. It is the [keyspace.Sink] of the node's store.
//   - A term is the time of one master's line, a number that grows with each promotion in
//     a shard.
//   - A note ([Stream.PutMetadata]) is a small named fact that travels with the data: the
//     open slots of a shard, its jobs.
//   - A [Sender] is the master's side of one link, an [Applier] the replica's. They speak
//     in [Message] values.
//
// # One link
//
// The replica says hello with [Stream.Positions]. [Stream.Join] decides between a partial
// and a full resync and returns the answer and a [Cursor], from which a Sender reads. The
// bytes that [Sender.Next] yields go over the connection, a [MessageReader] reads them,
// and [Applier.Step] carries them out. The example of this package does it by hand; a
// replica acknowledges [Applier.Held]. A snapshot is the same with [Stream.Snapshot] in
// place of Join and [ReadSnapshot] at the other end.
//
// # How a full sync composes
//
// The master does not stop. Its Sender reads two sources in turn and sends what it reads
// in the order in which it read it: the stream, from the offset S at which the sync
// began, without a gap; and the slots' content, in batches, each read in moments under
// the slot's lock. When the last batch has been read, the Sender notes the stream's end
// E, sends the stream at least up to E, then the message "synced". The replica carries
// out everything in the order of arrival. Then its data is exactly the state at the
// offset it has reached:
//
//  1. A transaction is in the stream before its slot's lock is given back, and its effects
//     are seen by others only after that. So a batch that was read from the store after a
//     part of the stream contains the effects of that part.
//  2. A key that changed after S: its last change up to the offset reached is in the
//     stream and is the last thing that is carried out for this key, unless a batch that
//     was read after it, which by (1) contains it or something newer, arrives later; the
//     newer thing is then in the stream again behind that batch. Ops are absolute ("is
//     now", "is gone"), so seeing one twice does no harm; versions are not needed for this
//     argument.
//  3. A key that did not change after S is in a batch: keyspace.Dump yields every key that
//     is there during the whole dump.
//  4. A batch may show the effects of transactions that lie behind the part of the stream
//     sent so far. By (1) these end at or before E, and all up to E is sent before
//     "synced": the replica never shows a state that is not a prefix of the stream.
//     Without this, a replica that lost its link right then could resume at another master
//     whose history does not contain what the replica has seen.
//
// Stream records about slots whose dump has not begun can be skipped, by (1): their dump
// will contain them. A deleted key needs no tombstone: if the deletion is behind the
// batch that contains the key, it follows in the stream.
//
// The replica gathers a full sync beside its data and swaps at "synced", so that its
// readers see old data or new, never half of each; if the sync breaks off, it still has
// its old data and its old place in history.
//
// # Divergence
//
// A replica resumes only where its whole history is a prefix of the master's (History,
// docs/spec.md §9.1): same ID and not ahead, or the previous ID and not beyond the point
// where the master was promoted. A node that starts to write its own stream does so under
// a new ID: after a promotion, after a restart from a snapshot, and when a Stream becomes
// active after writes that were not counted. So one ID and offset never name two states.
// A write to a replica that does not come from its master marks its data as diverged, and
// the next link brings a full sync.
//
// # Limits
//
// One level only: a replica refuses replicas (docs/spec.md §9.4). A replica that is more
// than the output buffer behind is cut off and comes back by a partial resync if the
// backlog reaches that far, else by a full one. All changes of a master's store must go
// through its Sink: Update, Import, Drop and Clear do, Apply does not. During a full sync
// a replica holds old and new data at once.
package replication
