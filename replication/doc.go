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
//   - A note ([Stream.PutNotes]) is a named fact that travels with the data and belongs to
//     no slot: the open slots of a shard, its jobs, the sources of its functions.
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
//  2. What changed after S: its last change up to the offset reached is in the stream and
//     is the last thing that is carried out for it, unless a batch that was read after it,
//     which by (1) contains it or something newer, arrives later; the newer thing is then
//     in the stream again behind that batch.
//  3. What did not change after S is in a batch: keyspace.Dump yields everything that is
//     there during the whole dump.
//  4. A batch may show the effects of transactions that lie behind the part of the stream
//     sent so far. By (1) these end at or before E, and all up to E is sent before
//     "synced": the replica never shows a state that is not a prefix of the stream.
//     Without this, a replica that lost its link right then could resume at another master
//     whose history does not contain what the replica has seen.
//
// Notes are sent at the beginning, as they are at S; what changes of them after S is in
// the stream. A note says absolutely what it now is, too.
//
// Stream records about slots whose dump has not begun can be skipped, by (1): their dump
// will contain them. A deleted key needs no tombstone: if the deletion is behind the
// batch that contains the key, it follows in the stream.
//
// # What changes: keys and parts
//
// (2) and (3) speak of the smallest things that an Op changes. These are, of each key, that
// it is there, with a type and an expiry; and each of its parts: a field with its expiry, a
// member, a member's score, the element at a position, the byte at an offset, an entry of a
// stream, a group, a consumer, a pending entry. A string or
// a small collection that goes out as one OpPut is all of its parts at once. An Op may
// change many of these things (OpPut, OpDelete and OpDrop all parts of a key), but it says
// absolutely what each of them now is, so seeing it late or twice does no harm. What
// follows is where that is not obvious.
//
//   - No Op removes a key because of what the replica happens to have. While a dump is
//     under way a replica may have one part of a key, with the others still to come. If a
//     cut of that one took the key with it, the key would come back without its expiry.
//     So the master says OpDelete when the last part goes, and OpCut leaves an empty key.
//   - OpPart makes a key that is not there, without an expiry. A key that is not there at
//     the replica although the master had it is one that the dump has not reached, or one
//     that a later Op of the stream removes. In the first case the OpPut at which its dump
//     begins says the expiry, in the second nothing is left.
//   - The OpPut at which the dump of a large collection begins empties it at the replica.
//     All of its parts are dumped after that, so by (2) and (3) each of them ends as it
//     should, and so does one that the stream has brought before.
//   - A stream is there by its own part, not by its entries, so it may be empty. What XADD,
//     XREADGROUP and the others do besides their own part they say by Ops, too: the last ID
//     is not that of the entry that came last but what its Op says. A range that an OpCut
//     names, of entries or of all that belongs to a group, is gone as if each of its parts had
//     an Op.
//   - A pending entry may come to the replica before its consumer and its group: these are
//     made, and what they are follows. A consumer may go while entries are pending to it that
//     became so later: these go with it, and by (2) each of them follows.
//   - The bytes of a string never become fewer but by an OpPut, so the length that follows
//     from a range at the end is absolute, too.
//   - OpCopy and OpMove are the only Ops whose effect depends on what the replica has: they
//     carry no parts. The replica may have none of the source's parts, some, or newer ones.
//     So a dump comes back, at its end, to each key that became what another was since the
//     dump began, under the lock under which it then ends. A copy of before the dump began
//     is dumped like any other key; there the version decides, see below.
//   - A replica may keep small what the master keeps large, and the other way round, if
//     they took different ways to the same parts: Ops speak of parts either way, and an
//     OpMove of a key that is small at the replica moves it all the same.
//   - A staged key ([keyspace.OpStage]) is dumped after the keys, as such. OpReveal makes it
//     a key by its name alone, so it counts with OpCopy and OpMove.
//   - A key or a part whose time has come is there until its master removes it by an Op, at
//     a replica too: reads alone look at the clock.
//
// # Why Apply looks at versions
//
// The stream that follows a batch begins before it, and repeats what the batch contains
// already. For absolute Ops alone that would be harmless: each thing passes through its
// former states once more, and ends as it is. It is not harmless for an OpCopy, which may
// read its source in the meantime. So keyspace.Apply leaves out what an entry contains: an
// entry has a floor, the version at which it came as a whole, and Ops with a smaller one
// are passed over. For a string or a small collection that is the version of its last
// change, since an OpPut brings all of it. A large collection comes in many batches, and
// Ops between them are not in those of before; its floor is the version at which it began,
// and parts take every Op since. An OpCopy or OpMove is also passed over if its target has
// its very version: then the target is what it has made.
//
// Versions grow by one with each Op of a slot, and a dump gives each OpPut that of the key
// at that moment. So an Op with a smaller version than the floor was committed before the
// batch was read and is in it by (1); no Op is passed over that is not. For a key that is
// gone there is no floor, so what repeats its past makes it anew, and then, by (2), removes
// it: its OpDelete, or the OpMove that took it away, is in the stream behind what made it.
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
