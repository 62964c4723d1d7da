package gossip

import (
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// Epochs, incarnations and the numbers of memberships (Record.Gen) only grow, and the
// greater one wins. A peer that named the greatest of all would have the last word for
// ever: no election could find a greater epoch, no node outnumber a lie about itself, no
// MEET begin another membership. So peers may raise them only by steps that leave room.

const (
	// maxCounter is the greatest value of any of these numbers. It leaves room above, so
	// that no sum of theirs overflows, and at maxJump an hour it is out of reach.
	maxCounter = 1 << 62
	// maxJump is how far peers can raise one number within jumpTime. An honest number grows
	// by one with each failover, move of a slot, start or FORGET, so it stays below that for
	// as long as a cluster lives: a node may be new, or come back after years. A bound on
	// the single step would not do: two steps at one node, of which a second node sees only
	// the end, would part them.
	maxJump  = 1 << 32
	jumpTime = time.Hour
)

// next returns the number that follows n; the greatest is followed by itself.
func next(n uint64) uint64 { return min(n, maxCounter-1) + 1 }

// allowance bounds how fast peers raise one number. The zero value allows maxJump at
// once; what is used comes back over jumpTime.
type allowance struct {
	used uint64
	at   time.Time
}

// raise reports whether a number may go from one value to another, and takes note if it
// goes up.
func (a *allowance) raise(now time.Time, from, to uint64) bool {
	const unit = jumpTime / maxJump
	switch {
	case to <= from:
		return true
	case to > maxCounter:
		return false
	}
	used := a.used - min(a.used, uint64(max(now.Sub(a.at), 0)/unit))
	if to-from > maxJump-used {
		return false
	}
	a.used, a.at = used+to-from, now
	return true
}

// raiseEpoch follows the cluster's epoch, which never falls (docs/spec.md §4.1); false if
// the peer that named it raises it too far.
func (c *Core) raiseEpoch(epoch uint64, by slots.NodeID) bool {
	if !c.epochs.raise(c.now, c.currentEpoch, epoch) {
		c.refuse(refusedEpoch, by, "epoch %d of node %s is ignored: it is more than %d beyond the epoch %d of this cluster, "+
			"which no cluster gets to by itself; FORGET the node, or if it is this one that is wrong, CLUSTER RESET HARD "+
			"it, CLUSTER SET-CONFIG-EPOCH %d, and MEET it again",
			epoch, by.Short(), uint64(maxJump), c.currentEpoch, epoch)
		return false
	}
	if epoch > c.currentEpoch {
		c.currentEpoch = epoch
		c.dirty, c.mapDirty = true, true
	}
	return true
}

// believes reports whether the numbers of a record are such that they may be taken over.
// A record that is not believed is left out, as if it had been lost.
func (c *Core) believes(r *Record, by slots.NodeID) bool {
	if !c.raiseEpoch(r.ConfigEpoch, by) {
		return false
	}
	var life, membership allowance
	incarnations, gens := &life, &membership // of one that is not known: from 0
	var incarnation, gen uint64
	if n := c.nodes[r.ID]; n != nil {
		incarnations, incarnation = &n.incarnations, n.rec.Incarnation
		gens, gen = &n.gens, n.rec.Gen
	} else if g := c.gone.byID[r.ID]; g != nil {
		gens, gen = &g.gens, g.gen
	}
	if incarnations.raise(c.now, incarnation, r.Incarnation) && gens.raise(c.now, gen, r.Gen) {
		return true
	}
	c.refuse(refusedRecord, by, "what node %s says of node %s is ignored: incarnation %d after %d, membership %d "+
		"after %d; no node gets there by itself",
		by.Short(), r.ID.Short(), r.Incarnation, incarnation, r.Gen, gen)
	return false
}
