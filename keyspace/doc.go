// Package keyspace is the store of one node: keys and values, partitioned by slot.
//
// # Vocabulary
//
//   - A slot is the unit of locking, transactions, counting, iteration, dumping and
//     dropping. Transactions on different slots run in parallel.
//   - [Store.View] and [Store.Update] run a function as a transaction ([Tx]) on one slot.
//     An Update happens wholly or not at all.
//   - An [Op] is one deterministic effect of a transaction: "this key is now this value".
//     The [Sink] receives the ops of each commit; [Store.Apply] carries them out on
//     another store; [Store.Dump] gives a slot's content as ops. [AppendOp] and
//     [DecodeOp] are their one wire form.
//   - An expired key reads as absent at once. It is removed, and an OpDelete goes out,
//     when a transaction meets it or [Store.ExpireStep], which the host calls every 100
//     ms, finds it. A passive store (a replica's) leaves that to its master.
//   - Keys in flight ([InFlight]) are on their way to another node: they can be read,
//     and writes to them wait until it is decided where they are.
//   - A large collection goes to another node by a [Precopy], in parts, while it is written
//     here. There it is staged: nobody sees it until all of it has come ([OpStage]).
//   - A [Waiter] waits for a value under some keys. The commit that brings one serves it,
//     under the same hold of the slot's lock.
//   - A [Hold] is a transaction that lasts, a script's. Others decide how long they wait for
//     its slot: [Store.TryUpdate] and the like give up.
//   - An [Event] is what has happened to a key in the words of Redis' keyspace notifications:
//     [Tx.Notify] tells it, [Store.SetEvents] says which classes of events are wanted.
//   - Eviction makes room by a [Policy] when [Config].MaxMemory is reached.
//
// A transaction reads memory of the store without copying:
//
//	err := store.Update(slots.Of(key), func(tx *keyspace.Tx) error {
//		n := 0
//		if e, ok := tx.Get(key); ok { // e.Value is valid until this function returns
//			n, _ = strconv.Atoi(string(e.Value))
//		}
//		return tx.Put(key, keyspace.String, strconv.AppendInt(nil, int64(n+1), 10), 0)
//	})
//
// # Inside
//
// A slot is one segment or, once it holds more than 64 KiB or 1024 keys, a directory of
// segments that split and merge one at a time. A segment has an index (4 bytes a key and
// some spare), whose cells are sorted by 12 bits of the key's hash, and an arena of pages
// of up to 32 KiB, in which entries stand one after the other:
//
//	flags 1 | access 3 | version 3 | key length 1-2 | value length 1-2 |
//	more of the version 0 or 5 | type 0 or 1 | expiry 0 or 8 | key | value
//
// Neither contains pointers, so the garbage collector has a few objects per segment to
// look at, not some per key. A value longer than [LargeValue] or a key longer than
// 512 bytes has an allocation of its own. An overwritten entry is replaced in place if
// the new one fits; otherwise, and after deletes, it leaves a gap, and when gaps exceed a
// quarter of what is live (after a delete: an eighth), the segment is compacted. No
// operation works on more than two segments at a time, except for doubling a directory,
// which copies 8 bytes for every 500 keys or so.
//
// A small collection is the value of an entry: one byte string of at most LargeValue bytes,
// in which a hash's fields stand in the order in which they came and a set's integers in
// theirs. A large hash or set is a table of its own, as a slot has one. So a hash of a
// million fields is some thousands of objects for the garbage collector. A [Snapshot], or
// a copy of the key, shares its segments; the first change on either side copies one.
//
// A stream has nothing small: it is an object from its first entry on, of package stream, with a
// part for itself, each entry, group, consumer and pending entry. Ops name the same parts, so
// its groups travel as its entries do. Clones share all pages, so a transaction that removes
// much undoes it by one.
//
// Fields of hashes may expire, as keys do: an entry has a flag that parts of it expire, and
// its segment is due when the first of them is.
//
// Writes of a transaction are staged and carried out when its function has returned. So
// there is nothing to undo, and what the function has read does not change while it runs.
//
// The hash is that of the runtime's maps, with a secret of the process and a seed for
// each store, so that clients cannot choose keys that collide.
//
// # Memory
//
// [Store.Memory], which MaxMemory limits, counts the bytes of live entries (header, key,
// value), the indexes, the segments' fixed parts, the directories and the allocations of
// large entries, as they are allocated, staged ones too. It does not count gaps, pages'
// room to grow (both in Stats.Reserved), the fixed 352 bytes of each slot whose group of 128
// is in use, and buffers of transactions. It falls with each delete, and to zero with the
// last key. The Go runtime returns freed memory to the operating system as usual.
package keyspace
