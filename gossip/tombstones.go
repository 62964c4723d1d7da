package gossip

import (
	"slices"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// banTime is how long forgetting a forgotten node again is no error (docs/spec.md §2.5).
// The tombstone itself stays longer: see tombstones.
const banTime = 60 * time.Second

// maxTombstones bounds the memory of forgotten nodes. The oldest go first; before them
// those that this node never knew as members, so that a peer that makes up forgotten
// nodes does not bring back others.
const maxTombstones = 1024

// tombstones remembers the forgotten nodes and which of their memberships ended. Redis
// bans an id for 60 s only, so that a peer which was cut off for longer brings it back.
// Here a membership that ended stays ended: only a new MEET starts the next one, with a
// greater Gen.
type tombstones struct {
	byID  map[slots.NodeID]*tombstone
	order []slots.NodeID // oldest first
}

type tombstone struct {
	gen  uint64
	at   time.Time // zero: in an earlier run
	gens allowance // for peers that raise gen

	known bool // it was a member here, or is from an earlier run
}

func (g *tombstones) add(id slots.NodeID, t tombstone) {
	g.remove(id)
	if g.byID == nil {
		g.byID = make(map[slots.NodeID]*tombstone)
	}
	g.byID[id] = &t
	g.order = append(g.order, id)
	if len(g.order) > maxTombstones {
		i := max(0, slices.IndexFunc(g.order, func(id slots.NodeID) bool { return !g.byID[id].known }))
		delete(g.byID, g.order[i])
		g.order = slices.Delete(g.order, i, i+1)
	}
}

func (g *tombstones) remove(id slots.NodeID) {
	if _, ok := g.byID[id]; ok {
		delete(g.byID, id)
		g.order = slices.DeleteFunc(g.order, func(o slots.NodeID) bool { return o == id })
	}
}

func (g *tombstones) clear() { *g = tombstones{} }

// banned reports whether the node was forgotten within banTime.
func (g *tombstones) banned(id slots.NodeID, now time.Time) bool {
	t, ok := g.byID[id]
	return ok && !t.at.IsZero() && now.Sub(t.at) <= banTime
}

// covers reports whether the membership gen of id has ended.
func (g *tombstones) covers(id slots.NodeID, gen uint64) bool {
	t, ok := g.byID[id]
	return ok && gen <= t.gen
}

func (g *tombstones) appendTo(st *State) *State {
	for _, id := range g.order {
		st.Nodes = append(st.Nodes, Record{ID: id, Gen: g.byID[id].gen, Gone: true})
	}
	return st
}
