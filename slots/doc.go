// Package slots is the ground floor of slotmesh: which slot a key lives in,
// which node owns a slot, and where a request about a key has to go.
//
// # Vocabulary
//
//   - A [Slot] is one of the [Count] = 16 384 parts the key space is cut into.
//     [Of] computes it from the key; a hash tag ("{user1000}.following") makes
//     several keys share one.
//   - A [Set] is a set of slots; it prints as "0-5460 5462".
//   - A [Map] is one node's view of the cluster at one moment: the nodes, who
//     owns which slot under which configuration epoch, which slots are open
//     (being moved). A Map is a value: it is replaced, never changed, so
//     it may be read by any number of goroutines without a lock.
//   - [Route] decides where a request runs: here (nil), or it returns the error
//     that a Redis Cluster client understands: [MovedError], [AskError],
//     [ErrCrossSlot], [ErrTryAgain], [ErrClusterDown] and its kin.
//
// # Why slots
//
// With owner = hash(key) mod n, adding one node to n moves n/(n+1) of all keys.
// A consistent-hash ring moves only 1/(n+1), but which keys these are
// follows from the ring's random points: nobody can say "move just these",
// see a move's progress, or weight a node exactly. Slots put a table between
// keys and nodes: the hash never changes, and the table is edited one entry at
// a time. Adding a node moves the same 1/(n+1) of the keys, in units that can be
// counted, locked, dumped, moved live and finished one by one. The example
// of this package counts all three.
//
// The package imports nothing else of slotmesh.
package slots
