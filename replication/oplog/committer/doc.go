// Package committer runs a node's log on disk (package oplog): it reads the replication
// stream as a replica does, writes what it reads, makes it durable, and lets those wait
// who must not answer before it is.
//
// # When what is durable
//
//   - [Always]: everything that is there is written and synced, then the next. What comes
//     during a Sync is the next group, so that one Sync serves all who wait. A reply leaves
//     when the whole stream up to that moment is durable ([Committer.Await]). Who waits first
//     does the work itself and leads a group; one of the next group goes on. What nobody
//     waits for follows within 20 ms.
//   - [EverySecond]: what comes is gathered for 20 ms and written at once; a Sync begins a
//     second after the one before, on a goroutine of its own, beside further writes. If it
//     takes more than 2 s, writers wait for its end.
//   - [Never]: written likewise, synced by a rewrite, by Close and where somebody asks.
//
// No lock of a slot or of the Backlog is held while the disk works: the Committer reads
// the stream by a cursor, and the bytes stay where they are until it has.
//
// # A rewrite
//
// A new segment begins; then the base is written as a snapshot is, while the node serves
// and the segment grows; when it is durable the manifest names both, and the old files are
// removed. The stream may get another name meanwhile, but when it becomes another stream,
// as by a full sync, the log begins anew; until that has a base, the old files are what a
// start finds.
//
// # Failure
//
// After an error nothing is written to the files any more, and no Sync is tried again: the
// operating system may have dropped what it could not write. Those who wait get the error,
// writes are refused ([Committer.MayWrite]), and the log is begun anew with a new base,
// after 1 s, then 2 s … up to a minute. When it is complete, the node takes writes again.
package committer
