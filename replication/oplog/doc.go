// Package oplog keeps the stream of a node on disk: a base, which is a snapshot, and what
// came after it, so that the node comes back with everything that was synced. Users of
// Redis know it as the append-only file.
//
// The package is a core: it has no goroutine, lock or clock. It reads and writes through
// the interfaces of package storage, on the caller's goroutine. Package committer drives
// it: it decides when to write, to sync and to rewrite.
//
// # Files
//
// All lie in the node's folder. N is a number that only grows and is never used again.
//
//   - log.manifest names the others, in text, with a checksum. It is replaced as a whole.
//   - log.N.base is a snapshot (replication.ReadSnapshot): the state at one offset of the
//     stream.
//   - log.N.segment is a part of the stream: a header that says at which offset it begins
//     and which History is there, then batches.
//
// A batch has a header with a checksum of all of it, its offset in the stream, and up to
// which byte the file was known to be on disk when the batch was written. Its body is bytes
// of the stream, or the names that the history has from there on. A record of the stream
// may span batches.
//
// # What makes it safe
//
//   - A segment counts up to the offset at which the next one begins. A start begins a new
//     one, so no file is ever truncated, overwritten or continued behind a torn end.
//
//   - A new segment is made, synced, its name is synced, and only then does the manifest
//     name it; only after that is anything written to it that a caller is told is durable.
//     What the one before holds is synced before that.
//
//   - What a start has read may not be on disk although it can be read: the process before
//     may have died between a write and its sync, or after a sync that failed, which the
//     operating system reports once. So a start writes what was not known to be synced again,
//     into the new segment, and syncs that.
//
//   - After an error of the disk a [Writer] is of no use. The way back is a new one
//     ([Create]), in files of its own, with a new base; until that is complete the manifest
//     names the old files.
//
//   - A segment may end with zeros that were reserved ([Writer.Reserve]). A batch does not
//     begin with one.
//
// # Damage
//
// At the end of the last segment, bytes that were written and not synced may be missing or
// torn after a crash, in any order: that end is cut. If a later batch says that the place
// was on disk once, or if it is not the last segment, it is damage: a [DamageError] names
// the file and the byte, and [Fix] cuts there.
package oplog
