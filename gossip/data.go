package gossip

import "time"

// Data is how much of its shard's data a node holds: what elections compare (docs/spec.md
// §6.3).
type Data struct {
	// Term counts the promotions in the data's history; each begins a term that is greater
	// than all earlier ones of the shard. A node that holds something of a later term holds
	// all that its master held of the earlier ones. So the term decides first, as in Raft:
	// by the offset alone, a replica that was cut off from the last election could win with
	// writes that no other node has.
	Term   uint64
	Offset int64 // of the history, in bytes
	// Missing says that the node is new to its shard and that its first full sync has not
	// ended: it holds nothing, or data of another shard. It does not stand for election,
	// unless ReplicaValidity is negative.
	Missing bool
}

// after reports whether a node with d holds something that a node with o lacks.
func (d Data) after(o Data) bool {
	return d.Term > o.Term || d.Term == o.Term && d.Offset > o.Offset
}

// mayStand reports whether n, a replica, could be elected as far as this node knows.
func (n *node) mayStand() bool {
	return !n.rec.NoFailover && !n.data.Missing
}

// voteWait is how long a voter waits for a better replica after the first one has asked.
// A replica asks within a second and a half, even if it knows nothing of the others
// (docs/spec.md §6.3).
const voteWait = 2 * time.Second
