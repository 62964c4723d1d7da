package explain

import (
	"fmt"
	"slices"

	"github.com/slotmesh/slotmesh/slots"
)

// Agrees reports whether m shows a cluster that serves, of exactly so many nodes, all of
// them online, with the same owner of each slot and the same master of each replica as
// reference.
func Agrees(m, reference *slots.Map, nodes int) bool {
	return len(m.Nodes()) == nodes && m.State() == slots.OK && allOnline(m) && sameOwners(reference, m)
}

// Disagreement says what keeps the view from agreeing with reference about a cluster of
// these nodes.
func (v View) Disagreement(reference *slots.Map, nodes []slots.Node) string {
	m := v.Map
	for i := range nodes {
		if m.Node(nodes[i].ID) == nil {
			return fmt.Sprintf("it does not know %s", nodes[i].Addr)
		}
	}
	for i := range m.Nodes() {
		if o := &m.Nodes()[i]; o.Health != slots.Online {
			return v.ages().describe(o)
		}
	}
	switch {
	case len(m.Nodes()) != len(nodes):
		return fmt.Sprintf("it knows %d nodes, not %d", len(m.Nodes()), len(nodes))
	case m.State() != slots.OK:
		return v.Down()
	}
	moved := m.Moved(reference)
	if !moved.Empty() {
		return fmt.Sprintf("the two disagree about slots %s", firstRanges(&moved))
	}
	return "the two disagree about who replicates whom"
}

func allOnline(m *slots.Map) bool {
	for i := range m.Nodes() {
		if m.Nodes()[i].Health != slots.Online {
			return false
		}
	}
	return true
}

func sameOwners(a, b *slots.Map) bool {
	moved := b.Moved(a)
	return moved.Empty() && slices.EqualFunc(a.Nodes(), b.Nodes(), func(x, y slots.Node) bool {
		return x.ID == y.ID && x.Master == y.Master
	})
}
