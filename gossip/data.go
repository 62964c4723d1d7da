package gossip

import "time"

// Data is how much of its shard's data a node holds: what elections compare (docs/spec.md
// §6.3).
type Data struct {
	// Term counts the promotions that lie behind the data's history; each begins a term that
	// is greater than all before it in the shard. Who holds something of a later term holds
	// all of the earlier ones that its master held, so the term decides first, as in Raft:
	// an offset alone would let a replica win that was cut off from the last election, with
	// what nobody else has.
	Term   uint64
	Offset int64 // of the history, in bytes
	// Missing says that the node is new to its shard, and that its first full sync has not
	// ended: what it holds is of another shard, or nothing. It does not stand for election,
	// unless ReplicaValidity knows no bound.
	Missing bool
}

// after reports whether who holds d has something that who holds o has not.
func (d Data) after(o Data) bool {
	return d.Term > o.Term || d.Term == o.Term && d.Offset > o.Offset
}

// mayStand reports whether n, a replica, could be elected as far as this node knows.
func (n *node) mayStand() bool {
	return !n.rec.NoFailover && !n.data.Missing
}

// voteWait is for how long, after the first replica has asked, a voter waits for a better
// one. A replica asks within a second and a half, even if it knows nothing of the others
// (docs/spec.md §6.3).
const voteWait = 2 * time.Second
